//! So many at once, and so many of one address: slow bodies, questions.
//!
//! In: an address. Out: a place that is given back when it is dropped; or who is too many. Never here: waiting.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Address;

/// A bounded number, of which one address may be only a part.
#[derive(Debug)]
pub struct Crowd {
    most: usize,
    most_each: usize,
    now: Mutex<HashMap<Address, usize>>,
}

/// Who is too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// All together.
    All,
    /// This address alone.
    Address,
}

/// A place in a crowd.
#[derive(Debug)]
pub struct Member {
    crowd: Arc<Crowd>,
    address: Address,
}

impl Crowd {
    /// At most `most`, and `most_each` of one address.
    pub fn new(most: usize, most_each: usize) -> Arc<Crowd> {
        Arc::new(Crowd { most, most_each, now: Mutex::default() })
    }

    /// Takes a place.
    ///
    /// # Errors
    /// Who is too many.
    pub fn join(self: &Arc<Crowd>, address: Address) -> Result<Member, Full> {
        let mut now = self.now();
        if now.get(&address).is_some_and(|of_address| *of_address >= self.most_each) {
            return Err(Full::Address);
        }
        if now.values().sum::<usize>() >= self.most {
            return Err(Full::All);
        }
        *now.entry(address).or_default() += 1;
        Ok(Member { crowd: Arc::clone(self), address })
    }

    fn now(&self) -> MutexGuard<'_, HashMap<Address, usize>> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let mut now = self.crowd.now();
        if let Some(of_address) = now.get_mut(&self.address) {
            *of_address -= 1;
            if *of_address == 0 {
                now.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use std::net::IpAddr;

    use super::*;

    #[test]
    fn one_address_leaves_places_to_others_and_all_are_given_back() {
        let address = |last| Address::from(IpAddr::from([192, 0, 2, last]));
        let crowd = Crowd::new(3, 2);
        let first = [crowd.join(address(1)).unwrap(), crowd.join(address(1)).unwrap()];
        assert_eq!(crowd.join(address(1)).unwrap_err(), Full::Address);
        let other = crowd.join(address(2)).unwrap();
        assert_eq!(crowd.join(address(2)).unwrap_err(), Full::All);
        drop(first);
        let again = crowd.join(address(1)).unwrap();
        drop((other, again));
        assert!(crowd.now().is_empty());
    }
}
