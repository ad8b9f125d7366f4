//! Names to addresses, without waiting for the answer.
//!
//! The system's resolver blocks its caller, for tens of seconds where the network is bad. So a thread of its own
//! asks, one name after the other, and hands each answer to a function. The thread is there only while there are
//! names to ask for. Nobody waits for it: when the [`Resolver`] is dropped it finishes the name that it is at,
//! tells nobody, and ends.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::net::ToSocketAddrs;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::Weak;
use std::thread;

/// Asks the system for the addresses of names.
pub struct Resolver {
    shared: Arc<Shared>,
}

/// What became of a name.
#[derive(Debug)]
pub struct Resolved {
    /// The name, as it was asked for.
    pub name: String,
    /// Its addresses, each once, at least one and at most [`MAX_ADDRESSES`], or why there are none.
    pub addresses: io::Result<Vec<IpAddr>>,
}

/// Why a name is not asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AskError {
    /// [`MAX_NAMES`] wait already.
    #[error("{MAX_NAMES} names wait to be resolved already")]
    TooManyNames,
    /// The system gives no thread.
    #[error("no thread to resolve names with")]
    Thread(#[source] io::Error),
}

/// Most names that wait at a time, besides the one that is being asked for.
pub const MAX_NAMES: usize = 32;

/// Most addresses of a name that are told.
pub const MAX_ADDRESSES: usize = 8;

impl Resolver {
    /// One that hands answers to `tell`, on its own thread and with no lock held. `tell` may ask again.
    pub fn new(tell: impl Fn(Resolved) + Send + Sync + 'static) -> Self {
        Self::with_system(tell, ask_system)
    }

    /// Has the addresses of a name found out. A name that waits already is not asked for twice.
    ///
    /// # Errors
    /// If too many names wait, or there is no thread to ask.
    pub fn ask(&self, name: &str) -> Result<(), AskError> {
        let mut state = self.shared.lock();
        if state.names.iter().any(|waiting| waiting == name) {
            return Ok(());
        }
        if state.names.len() >= MAX_NAMES {
            return Err(AskError::TooManyNames);
        }
        state.names.push_back(name.to_owned());
        if state.has_thread {
            return Ok(());
        }
        let shared = Arc::downgrade(&self.shared);
        let builder = thread::Builder::new().name("bowline-resolve".to_owned());
        // Under the lock, which the new thread takes first.
        if let Err(error) = builder.spawn(move || run(&shared)) {
            state.names.pop_back();
            return Err(AskError::Thread(error));
        }
        state.has_thread = true;
        Ok(())
    }

    fn with_system(
        tell: impl Fn(Resolved) + Send + Sync + 'static,
        system: fn(&str) -> io::Result<Vec<IpAddr>>,
    ) -> Self {
        let shared = Shared {
            state: Mutex::new(State::default()),
            tell: Box::new(tell),
            system,
        };
        Self {
            shared: Arc::new(shared),
        }
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Resolver")
            .field(&*self.shared.lock())
            .finish()
    }
}

struct Shared {
    state: Mutex<State>,
    tell: Box<dyn Fn(Resolved) + Send + Sync>,
    system: fn(&str) -> io::Result<Vec<IpAddr>>,
}

#[derive(Debug, Default)]
struct State {
    names: VecDeque<String>,
    has_thread: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next name; without one the thread is to end.
    fn next_name(&self) -> Option<String> {
        let mut state = self.lock();
        let name = state.names.pop_front();
        state.has_thread = name.is_some();
        name
    }
}

/// What the thread does. While it waits for the system it keeps nothing alive.
fn run(shared: &Weak<Shared>) {
    loop {
        let Some(resolver) = shared.upgrade() else {
            return;
        };
        let Some(name) = resolver.next_name() else {
            return;
        };
        let system = resolver.system;
        drop(resolver);
        let addresses = system(&name).and_then(bound);
        if let Some(resolver) = shared.upgrade() {
            (resolver.tell)(Resolved { name, addresses });
        }
    }
}

fn ask_system(name: &str) -> io::Result<Vec<IpAddr>> {
    let found = (name, 0).to_socket_addrs()?;
    Ok(found.map(|address| address.ip().to_canonical()).collect())
}

fn bound(found: Vec<IpAddr>) -> io::Result<Vec<IpAddr>> {
    let mut addresses = Vec::new();
    for address in found {
        if addresses.len() < MAX_ADDRESSES && !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::NotFound,
            "the name has no address",
        ));
    }
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::sync::Condvar;
    use std::sync::mpsc;
    use std::time::Duration;
    use std::time::Instant;

    use super::*;

    const SOON: Duration = Duration::from_secs(30);

    fn resolver() -> (Resolver, mpsc::Receiver<Resolved>) {
        let (told, answers) = mpsc::channel();
        let tell = move |resolved| {
            let _ = told.send(resolved);
        };
        (Resolver::new(tell), answers)
    }

    fn wait_for_end_of_thread(resolver: &Resolver) {
        let end = Instant::now() + SOON;
        while resolver.shared.lock().has_thread {
            assert!(Instant::now() < end, "the thread goes on");
            thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn localhost_is_this_machine() {
        let (resolver, answers) = resolver();
        resolver.ask("localhost").unwrap();
        let answer = answers.recv_timeout(SOON).unwrap();
        assert_eq!(answer.name, "localhost");
        let addresses = answer.addresses.unwrap();
        assert!(addresses.iter().all(IpAddr::is_loopback), "{addresses:?}");
    }

    #[test]
    fn the_thread_ends_and_comes_back() {
        let (resolver, answers) = resolver();
        for _ in 0..3 {
            resolver.ask("192.0.2.7").unwrap();
            let answer = answers.recv_timeout(SOON).unwrap();
            assert_eq!(answer.addresses.unwrap(), [IpAddr::from([192, 0, 2, 7])]);
            wait_for_end_of_thread(&resolver);
        }
    }

    #[test]
    fn what_does_not_resolve_is_an_error() {
        let (resolver, answers) = resolver();
        let names = ["nobody.invalid", "", "with space", "zero\0byte"];
        for name in names {
            resolver.ask(name).unwrap();
            let answer = answers.recv_timeout(SOON).unwrap();
            assert_eq!(answer.name, name);
            assert!(answer.addresses.is_err(), "{name:?}");
        }
    }

    /// Blocks whoever asks for `stuck` until it is opened.
    static GATE: (Mutex<bool>, Condvar) = (Mutex::new(false), Condvar::new());

    fn stuck_system(name: &str) -> io::Result<Vec<IpAddr>> {
        if name == "stuck" {
            let closed = GATE.0.lock().unwrap();
            drop(GATE.1.wait_while(closed, |is_open| !*is_open).unwrap());
        }
        Ok(vec![Ipv4Addr::LOCALHOST.into(); 3])
    }

    #[test]
    fn limit_names_and_a_drop_do_not_wait_for_a_name_that_is_stuck() {
        let (told, answers) = mpsc::channel();
        let tell = move |resolved| {
            let _ = told.send(resolved);
        };
        let resolver = Resolver::with_system(tell, stuck_system);
        resolver.ask("quick").unwrap();
        let answer = answers.recv_timeout(SOON).unwrap();
        assert_eq!(answer.addresses.unwrap(), [Ipv4Addr::LOCALHOST]);
        resolver.ask("stuck").unwrap();
        // The thread takes it out.
        let end = Instant::now() + SOON;
        while !resolver.shared.lock().names.is_empty() {
            assert!(Instant::now() < end);
            thread::sleep(Duration::from_millis(1));
        }
        for number in 0..MAX_NAMES {
            resolver.ask(&format!("name {number}")).unwrap();
            resolver.ask(&format!("name {number}")).unwrap();
        }
        let refused = resolver.ask("one more");
        assert!(matches!(refused, Err(AskError::TooManyNames)));
        drop(resolver);
        *GATE.0.lock().unwrap() = true;
        GATE.1.notify_all();
        // The thread ends, and with it its end of the channel; it tells nothing more.
        assert!(answers.recv_timeout(SOON).is_err());
    }

    #[test]
    fn limit_addresses_of_a_name() {
        let many = (0..100).flat_map(|n| [IpAddr::from([10, 0, 0, n]); 2]);
        let addresses = bound(many.collect()).unwrap();
        assert_eq!(addresses.len(), MAX_ADDRESSES);
        assert_eq!(addresses[7], IpAddr::from([10, 0, 0, 7]));
        assert!(bound(Vec::new()).is_err());
    }
}
