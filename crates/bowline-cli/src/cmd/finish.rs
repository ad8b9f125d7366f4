//! Leaving without losing what was sent.

use std::time::Duration;
use std::time::Instant;

use bowline::Connection;
use bowline::ConnectionState;
use bowline::EndReason;
use bowline::Sockets;

/// How long what was sent reliably may take to arrive. As long as a silent peer is waited for.
const LINGER_LIMIT: Duration = Duration::from_secs(10);
/// How often to look whether it has. Each wait drives the sockets.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// Closes connections once all that was sent reliably has arrived, or cannot arrive any more.
///
/// The connections linger by themselves only while the sockets exist, so that a process that is about to
/// end has to wait here.
pub(crate) fn close_with_linger(sockets: &Sockets, connections: &[Connection], text: &str) {
    let end = Instant::now() + LINGER_LIMIT;
    for connection in connections {
        // Fails only if the connection has ended, and then there is nothing to flush.
        let _ = connection.flush();
    }
    while Instant::now() < end && connections.iter().any(is_delivering) {
        // What still comes in is not wanted, and would end each wait at once.
        sockets.events().for_each(drop);
        for connection in connections {
            let mut unwanted = Vec::new();
            let _ = connection.receive_batch(&mut unwanted, usize::MAX);
        }
        sockets.wait(LOOK_AGAIN);
    }
    for connection in connections {
        // Fails only if it is closed already.
        let _ = connection.close(EndReason::APP_GENERIC, text, true);
    }
}

fn is_delivering(connection: &Connection) -> bool {
    connection.status().is_ok_and(|status| {
        let reliable_bytes = status.pending_reliable_bytes + status.unacked_reliable_bytes;
        status.state == ConnectionState::Connected && reliable_bytes > 0
    })
}
