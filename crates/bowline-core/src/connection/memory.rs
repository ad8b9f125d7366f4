//! How much memory a connection holds, and how much it may: no peer can make it hold more.

use crate::connection::Connection;
use crate::connection::End;
use crate::connection::Outbox;
use crate::connection::state::State;
use crate::crypto::key_update::ConnectionKeys;
use crate::limits;
use crate::time::Timestamp;

/// What a handshake holds: the request or the answer, certificates and keys.
const HANDSHAKE: usize = 4 * limits::MAX_DATAGRAM + size_of::<State>();
/// Four keys with what ciphers derive from them, and the secrets.
const KEYS: usize = 4096;

impl Connection {
    /// The memory that the connection holds now, in bytes: itself, and on the heap its queues, buffers
    /// for reassembly, packets in flight and windows, by capacity. Where that cannot be told exactly it
    /// is estimated from above. A recording is not counted, nor are messages of a pipe.
    pub fn memory_bytes(&self) -> usize {
        size_of::<Self>()
            + self.handshake_bytes()
            + self.sender.heap_bytes()
            + self.receiver.heap_bytes()
            + self.outbox.heap_bytes()
    }

    /// The most that [`Self::memory_bytes`] can come to with the present settings and lanes, in bytes,
    /// whatever the peer does.
    ///
    /// It counts the worst of everything at once: the send buffer full of the smallest messages, a window
    /// of unacknowledged data in each lane, eight lanes full of pieces out of order, and a full queue of
    /// received messages. With the default settings that is some tens of MiB; a connection in use holds
    /// a small part of it, an idle one a few KiB.
    pub fn memory_bound(&self) -> usize {
        (size_of::<Self>() + HANDSHAKE + KEYS + size_of::<End>() + Outbox::HEAP_BOUND)
            .saturating_add(self.sender.heap_bound())
            .saturating_add(self.receiver.heap_bound())
    }

    /// Gives back memory that is only kept for speed.
    pub(super) fn rest(&mut self, now: Timestamp) {
        self.sender.shrink();
        self.receiver.shrink();
        self.outbox.free_if_empty();
        if let Some(keys) = &mut self.keys {
            keys.rest(now, &self.host.crypto);
        }
    }

    fn handshake_bytes(&self) -> usize {
        let state = match &self.state {
            State::Dialing(_)
            | State::Deciding(_)
            | State::Connected { answered: Some(_) }
            | State::Linger {
                answered: Some(_), ..
            } => HANDSHAKE,
            State::Connected { answered: None }
            | State::Linger { answered: None, .. }
            | State::ClosedByPeer
            | State::Failed
            | State::FinWait { .. }
            | State::Dead => 0,
        };
        let keys = self.keys.as_ref().map_or(0, ConnectionKeys::heap_bytes);
        let end = self.end.as_ref();
        let end = end.map_or(0, |end| size_of::<End>() + end.text.capacity());
        state + keys + end
    }
}

#[cfg(test)]
mod tests {
    use crate::limits;
    use crate::pair::Pair;

    #[test]
    fn an_idle_connection_holds_little_and_its_bound_is_within_reason() {
        let (pair, client, server) = Pair::connected();
        let ends = [
            &pair.client.connections[&client],
            &pair.server.connections[&server],
        ];
        for connection in ends {
            let (now, most) = (connection.memory_bytes(), connection.memory_bound());
            assert!(now < 32 * 1024, "{now} bytes");
            assert!(most > limits::SEND_BUFFER + limits::RECV_BUFFER);
            assert!(most < 96 * 1024 * 1024, "{most} bytes");
        }
    }
}
