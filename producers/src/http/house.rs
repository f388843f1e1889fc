//! Who has a seat: every connection, counted by address, and who gives his up when all are taken.
//!
//! In: an address. Out: a seat, and perhaps whose connection is cut for it. What always holds: seats are bounded; whoever is being
//! answered keeps his, and so does who has just come; of those who have said nothing for a while, the one that has for longest goes
//! first, of the address that has most. Never here: sockets.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::Address;

/// Who has said something within this time, or just come, is not cut for another.
const GRACE: Duration = Duration::from_millis(500);

/// What may be asked from a seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seat {
    /// Anything.
    Any,
    /// Only health and metrics: all seats are taken.
    Reserve,
    /// Only health and metrics: those of this address are taken.
    ReserveOfAddress,
}

/// The seats.
#[derive(Debug)]
pub(super) struct House {
    most: usize,
    most_each: usize,
    /// Seats past all others, for who asks about health or metrics while all others are taken by who is being answered.
    reserve: usize,
    grace: Duration,
    seats: Mutex<Seats>,
}

#[derive(Debug, Default)]
struct Seats {
    taken: HashMap<u64, Taken>,
    /// Of seats for anything, by address.
    each: HashMap<Address, usize>,
    any: usize,
    /// The last guest's number.
    last: u64,
}

#[derive(Debug)]
struct Taken {
    address: Address,
    any: bool,
    /// Since when nothing has been asked; `None` while something is being answered.
    silent: Option<Instant>,
    cut: CancellationToken,
}

/// Who has a seat, until it is dropped.
#[derive(Debug)]
pub(super) struct Guest {
    house: Arc<House>,
    number: u64,
    pub(super) address: Address,
    pub(super) seat: Seat,
    /// Cancelled when the connection has to make room.
    pub(super) cut: CancellationToken,
}

/// Something is being answered; once dropped, the guest is silent.
#[derive(Debug)]
pub(super) struct Talk(Arc<Guest>);

impl House {
    pub(super) fn new(most: usize, most_each: usize, reserve: usize) -> Arc<House> {
        Arc::new(House { most, most_each, reserve, grace: GRACE, seats: Mutex::default() })
    }

    /// A seat for a new connection, and whether another's was cut for it. `None`: the reserve is taken too.
    pub(super) fn enter(self: &Arc<House>, address: Address) -> Option<(Arc<Guest>, bool)> {
        let (mut seats, now) = (self.seats(), Instant::now());
        let quiet = |taken: &Taken| taken.silent.is_some_and(|since| now.saturating_duration_since(since) >= self.grace);
        let of_address = seats.each.get(&address).copied().unwrap_or_default();
        let (seat, cut) = if of_address >= self.most_each {
            match seats.longest_silent(|taken| taken.any && taken.address == address && quiet(taken)) {
                Some(cut) => (Seat::Any, Some(cut)),
                None => seats.reserve(self.reserve, Seat::ReserveOfAddress)?,
            }
        } else if seats.any >= self.most {
            match seats.longest_silent(|taken| taken.any && quiet(taken)) {
                Some(cut) => (Seat::Any, Some(cut)),
                None => seats.reserve(self.reserve, Seat::Reserve)?,
            }
        } else {
            (Seat::Any, None)
        };
        if let Some(number) = cut {
            seats.leave(number, true);
        }
        Some((self.seated(&mut seats, address, seat), cut.is_some()))
    }

    /// Cuts whoever has been silent longest, wherever he sits: no more files can be opened. Whether there was anybody.
    pub(super) fn make_room(&self) -> bool {
        let mut seats = self.seats();
        let cut = seats.longest_silent(|_| true);
        if let Some(number) = cut {
            seats.leave(number, true);
        }
        cut.is_some()
    }

    /// How many have a seat.
    #[cfg(test)]
    pub(super) fn seated_now(&self) -> usize {
        self.seats().taken.len()
    }

    fn seated(self: &Arc<House>, seats: &mut Seats, address: Address, seat: Seat) -> Arc<Guest> {
        seats.last += 1;
        let (number, any, cut) = (seats.last, seat == Seat::Any, CancellationToken::new());
        if any {
            seats.any += 1;
            *seats.each.entry(address).or_default() += 1;
        }
        seats.taken.insert(number, Taken { address, any, silent: Some(Instant::now()), cut: cut.clone() });
        Arc::new(Guest { house: Arc::clone(self), number, address, seat, cut })
    }

    fn seats(&self) -> MutexGuard<'_, Seats> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seats {
    /// A seat in the reserve, and who is cut for it.
    fn reserve(&self, most: usize, seat: Seat) -> Option<(Seat, Option<u64>)> {
        if self.taken.len() - self.any < most {
            return Some((seat, None));
        }
        self.longest_silent(|taken| !taken.any).map(|cut| (seat, Some(cut)))
    }

    /// Of the address that has most seats, who has been silent longest.
    fn longest_silent(&self, among: impl Fn(&Taken) -> bool) -> Option<u64> {
        let silent =
            self.taken.iter().filter(|(_, taken)| among(taken)).filter_map(|(number, taken)| Some((taken, taken.silent?, *number)));
        let of_address = |taken: &Taken| self.each.get(&taken.address).copied().unwrap_or_default();
        silent.max_by_key(|(taken, since, number)| (of_address(taken), Reverse((*since, *number)))).map(|(_, _, number)| number)
    }

    fn leave(&mut self, number: u64, cut: bool) {
        let Some(taken) = self.taken.remove(&number) else { return };
        if cut {
            taken.cut.cancel();
        }
        if taken.any {
            self.any -= 1;
            if let Some(of_address) = self.each.get_mut(&taken.address) {
                *of_address -= 1;
                if *of_address == 0 {
                    self.each.remove(&taken.address);
                }
            }
        }
    }
}

impl Guest {
    /// Something is asked.
    pub(super) fn talk(self: &Arc<Guest>) -> Talk {
        if let Some(taken) = self.house.seats().taken.get_mut(&self.number) {
            taken.silent = None;
        }
        Talk(Arc::clone(self))
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        let mut seats = self.0.house.seats();
        if let Some(taken) = seats.taken.get_mut(&self.0.number) {
            taken.silent = Some(Instant::now());
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.house.seats().leave(self.number, false);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use std::net::IpAddr;

    use super::*;

    fn address(last: u8) -> Address {
        IpAddr::from([192, 0, 2, last]).into()
    }

    /// A house in which silence is silence at once.
    fn seats(most: usize, most_each: usize, reserve: usize) -> Arc<House> {
        Arc::new(House { most, most_each, reserve, grace: Duration::ZERO, seats: Mutex::default() })
    }

    fn enter(house: &Arc<House>, last: u8) -> Arc<Guest> {
        house.enter(address(last)).unwrap().0
    }

    #[test]
    fn who_has_been_silent_longest_makes_room() {
        let house = seats(3, 3, 1);
        let guests: Vec<_> = (1..=3).map(|last| enter(&house, last)).collect();
        let talk = guests[0].talk();
        let (fourth, cut) = house.enter(address(4)).unwrap();
        assert!(cut && fourth.seat == Seat::Any);
        let cut = |guests: &[Arc<Guest>]| guests.iter().map(|guest| guest.cut.is_cancelled()).collect::<Vec<_>>();
        assert_eq!(cut(&guests), [false, true, false], "the first is being answered");
        drop(talk);
        let fifth = enter(&house, 5);
        assert_eq!(cut(&guests), [false, true, true], "the first was heard of last");
        assert_eq!((fifth.seat, house.seated_now()), (Seat::Any, 3));
        drop((guests, fourth, fifth));
        let seats = house.seats();
        assert!(seats.taken.is_empty() && seats.each.is_empty() && seats.any == 0, "{seats:?}");
    }

    #[test]
    fn the_address_that_has_most_makes_room() {
        let house = seats(4, 3, 1);
        let quiet = enter(&house, 1);
        let crowd: Vec<_> = (0..3).map(|_| enter(&house, 2)).collect();
        let newcomer = enter(&house, 3);
        assert!(!quiet.cut.is_cancelled() && crowd[0].cut.is_cancelled());
        // Past its own limit an address makes room itself.
        let house = seats(4, 2, 1);
        let (quiet, first, _second) = (enter(&house, 1), enter(&house, 2), enter(&house, 2));
        let third = enter(&house, 2);
        assert!(first.cut.is_cancelled() && !quiet.cut.is_cancelled() && third.seat == Seat::Any);
        drop(newcomer);
    }

    #[test]
    fn where_all_are_being_answered_there_is_a_reserve_in_which_the_silent_make_room() {
        let house = seats(2, 1, 5);
        let busy: Vec<_> = [1, 2].map(|last| enter(&house, last)).into();
        let _talks: Vec<_> = busy.iter().map(|guest| guest.talk()).collect();
        assert_eq!(enter(&house, 1).seat, Seat::ReserveOfAddress);
        let reserve: Vec<_> = (0..5).map(|_| enter(&house, 3)).collect();
        assert!(reserve.iter().all(|guest| guest.seat == Seat::Reserve && !guest.cut.is_cancelled()));
        let probe = enter(&house, 4);
        assert!(reserve[0].cut.is_cancelled() && !reserve[1].cut.is_cancelled());
        let _answered: Vec<_> = reserve[1..].iter().chain([&probe]).map(|guest| guest.talk()).collect();
        assert!(house.enter(address(5)).is_none(), "nobody is silent");
        assert!(!house.make_room());
    }

    #[test]
    fn who_has_just_come_is_not_cut_but_who_comes_after_is_told() {
        let house = House::new(2, 2, 1);
        let first = [enter(&house, 1), enter(&house, 1)];
        let third = enter(&house, 2);
        assert!(first.iter().all(|guest| !guest.cut.is_cancelled()) && third.seat == Seat::Reserve);
        assert!(house.make_room() && first[0].cut.is_cancelled(), "unless no more files can be opened");
    }
}
