//! A server that keeps what it is told, one thing a connection.
//!
//! In: how to hold a conversation. Out: what came of each, in the order in which they came. Never here: what is said.

use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// A server on a port of its own, until it is dropped.
pub struct Collector<T> {
    port: u16,
    taken: Arc<Mutex<Vec<T>>>,
    stop: Arc<AtomicBool>,
    serving: Option<JoinHandle<()>>,
}

impl<T: Clone + Send + 'static> Collector<T> {
    /// Opens it; `converse` gives `None` for what is not to be kept.
    ///
    /// # Panics
    /// There is no free port.
    pub fn open(converse: impl Fn(&TcpStream) -> Option<T> + Send + 'static) -> Collector<T> {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port on the loopback");
        let port = listener.local_addr().expect("the port's address").port();
        let (taken, stop) = (Arc::<Mutex<Vec<T>>>::default(), Arc::<AtomicBool>::default());
        let (into, stopped) = (Arc::clone(&taken), Arc::clone(&stop));
        let serving = std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                if let Some(one) = converse(&stream) {
                    into.lock().unwrap_or_else(PoisonError::into_inner).push(one);
                }
            }
        });
        Collector { port, taken, stop, serving: Some(serving) }
    }

    /// Its address, `host:port`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// All that came.
    pub fn all(&self) -> Vec<T> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl<T> Drop for Collector<T> {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Wakes it where it waits for a connection.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        if let Some(serving) = self.serving.take() {
            let _ = serving.join();
        }
    }
}
