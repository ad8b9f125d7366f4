//! Leaving without losing what was sent.

use std::time::Duration;
use std::time::Instant;

use bowline::Connection;
use bowline::ConnectionState;
use bowline::EndReason;
use bowline::Sockets;

use crate::error::Error;

/// How long nothing of what was sent reliably may arrive before it is given up. As long as a silent peer is waited
/// for.
const LINGER_LIMIT: Duration = Duration::from_secs(10);
/// And in all, however slowly it arrives.
const LONGEST_LINGER: Duration = Duration::from_secs(300);
/// How often to look whether it has. Each wait drives the sockets.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// Closes connections once all that was sent reliably has arrived, or cannot arrive any more. Returns how many
/// bytes of it may not have.
///
/// The connections linger by themselves only while the sockets exist, so that a process that is about to
/// end has to wait here.
pub(crate) fn close_with_linger(
    sockets: &Sockets,
    connections: &[Connection],
    text: &str,
) -> usize {
    for connection in connections {
        // Fails only if the connection has ended, and then there is nothing to flush.
        let _ = connection.flush();
    }
    let latest = Instant::now() + LONGEST_LINGER;
    let mut end = Instant::now() + LINGER_LIMIT;
    let mut least = usize::MAX;
    while Instant::now() < end.min(latest) && connections.iter().any(is_delivering) {
        let left = connections.iter().map(undelivered_bytes).sum();
        if left < least {
            least = left;
            end = Instant::now() + LINGER_LIMIT;
        }
        // What still comes in is not wanted, and would end each wait at once.
        sockets.events().for_each(drop);
        for connection in connections {
            let mut unwanted = Vec::new();
            let _ = connection.receive_batch(&mut unwanted, usize::MAX);
        }
        sockets.wait(LOOK_AGAIN);
    }
    let left = connections.iter().map(undelivered_bytes).sum();
    for connection in connections {
        // Fails only if it is closed already.
        let _ = connection.close(EndReason::APP_GENERIC, text, true);
    }
    left
}

/// Fails if bytes may not have arrived.
pub(crate) fn all_arrived(undelivered_bytes: usize) -> Result<(), Error> {
    match undelivered_bytes {
        0 => Ok(()),
        bytes => Err(Error::Undelivered { bytes }),
    }
}

/// Whether something that was sent reliably may still arrive.
pub(crate) fn is_delivering(connection: &Connection) -> bool {
    connection.state() == ConnectionState::Connected && undelivered_bytes(connection) > 0
}

/// How much of what was sent reliably may not have arrived, in bytes.
pub(crate) fn undelivered_bytes(connection: &Connection) -> usize {
    connection.status().map_or(0, |status| {
        status.pending_reliable_bytes + status.unacked_reliable_bytes
    })
}
