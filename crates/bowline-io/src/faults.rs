//! Faults of the operating system that a test asks for, since they hardly come when called.
//!
//! Present in tests and with the feature `test-support` only.

use std::cell::Cell;
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The errors that the next system calls for sending meet, by the port of the socket.
static SENDS: Mutex<BTreeMap<u16, VecDeque<i32>>> = Mutex::new(BTreeMap::new());

/// What became of probes of the path, by the port of the socket.
static PROBES: Mutex<BTreeMap<u16, Probes>> = Mutex::new(BTreeMap::new());

#[derive(Debug, Default)]
struct Probes {
    errors: VecDeque<i32>,
    sizes: Vec<usize>,
}

thread_local! {
    static NO_ENTROPY: Cell<bool> = const { Cell::new(false) };
}

/// Has the next system calls that send from a socket with this local port fail, one after the other,
/// with these error numbers of the system. What was to come of earlier ones is forgotten.
pub fn fail_sends(port: u16, errors: impl IntoIterator<Item = i32>) {
    sends().insert(port, errors.into_iter().collect());
}

/// How many failures are still to come on this port.
pub fn failures_left(port: u16) -> usize {
    sends().get(&port).map_or(0, VecDeque::len)
}

/// Has the next probes of the path from a socket with this local port fail, one after the other, with these
/// error numbers of the system.
pub fn fail_probes(port: u16, errors: impl IntoIterator<Item = i32>) {
    probe_log().entry(port).or_default().errors = errors.into_iter().collect();
}

/// The sizes in bytes of the probes that left a socket with this local port, or failed to.
pub fn probes(port: u16) -> Vec<usize> {
    let log = probe_log();
    log.get(&port)
        .map_or_else(Vec::new, |probes| probes.sizes.clone())
}

/// Sets whether the calling thread gets no randomness from the system.
pub fn fail_entropy(fails: bool) {
    NO_ENTROPY.set(fails);
}

/// The failure that is due on this socket.
pub(crate) fn send_error(local: SocketAddr) -> Option<io::Error> {
    let error = sends().get_mut(&local.port())?.pop_front()?;
    Some(io::Error::from_raw_os_error(error))
}

/// Notes that a probe of so many bytes leaves this socket; the failure that is due.
pub(crate) fn probe_error(local: SocketAddr, bytes: usize) -> Option<io::Error> {
    let mut log = probe_log();
    let probes = log.entry(local.port()).or_default();
    probes.sizes.push(bytes);
    let error = probes.errors.pop_front()?;
    Some(io::Error::from_raw_os_error(error))
}

/// The failure that is due on this thread.
pub(crate) fn entropy_error() -> Option<io::Error> {
    NO_ENTROPY
        .get()
        .then(|| io::Error::other("no randomness, as asked for"))
}

fn probe_log() -> MutexGuard<'static, BTreeMap<u16, Probes>> {
    PROBES.lock().unwrap_or_else(PoisonError::into_inner)
}

fn sends() -> MutexGuard<'static, BTreeMap<u16, VecDeque<i32>>> {
    SENDS.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_come_once_each_and_on_their_port_only() {
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        fail_sends(1, [105, 11]);
        assert_eq!(failures_left(1), 2);
        assert!(send_error(at(2)).is_none());
        let codes = [(); 3].map(|()| send_error(at(1)).and_then(|error| error.raw_os_error()));
        assert_eq!(codes, [Some(105), Some(11), None]);
        assert_eq!(failures_left(1), 0);
    }
}
