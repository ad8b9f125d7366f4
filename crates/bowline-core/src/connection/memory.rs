//! How much memory a connection holds, and how much it may: no peer can make it hold more.

use crate::connection::Connection;
use crate::connection::End;
use crate::connection::Outbox;
use crate::connection::Path;
use crate::connection::state::State;
use crate::crypto::key_update::ConnectionKeys;
use crate::limits;
use crate::p2p::Party;
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
            + self.path.heap_bytes()
            + self.sender.heap_bytes()
            + self.receiver.heap_bytes()
            + self.outbox.heap_bytes()
            + self.party.as_ref().map_or(0, |party| party.heap_bytes())
    }

    /// The most that [`Self::memory_bytes`] can come to with the present settings and lanes, in bytes,
    /// whatever the peer does.
    ///
    /// It counts the worst of everything at once: the send buffer full of the smallest messages, a window
    /// of unacknowledged data in each lane, eight lanes full of pieces out of order, and a full queue of
    /// received messages. With the default settings that is some tens of MiB; a connection in use holds
    /// a small part of it, an idle one a few KiB.
    pub fn memory_bound(&self) -> usize {
        let party = self.party.as_ref().map_or(0, |_| Party::HEAP_BOUND);
        let boxed = size_of::<End>() + Path::HEAP_BOUND + Outbox::HEAP_BOUND + party;
        (size_of::<Self>() + HANDSHAKE + KEYS + boxed)
            .saturating_add(self.sender.heap_bound())
            .saturating_add(self.receiver.heap_bound())
    }

    /// Gives back memory that is only kept for speed.
    pub(super) fn rest(&mut self, now: Timestamp) {
        self.sender.shrink();
        self.receiver.shrink();
        self.outbox.free_if_empty();
        if let Some(party) = &mut self.party {
            party.rest();
        }
        if let Some(keys) = &mut self.keys {
            keys.rest(now, &self.host.crypto);
        }
    }

    /// Gives back all that only serves messages: from now on the peer is told that it is over, nothing
    /// else.
    pub(super) fn become_stub(&mut self, now: Timestamp) {
        self.sender.discard_lanes();
        self.receiver.discard();
        self.path.forget_growth();
        self.rest(now);
    }

    fn handshake_bytes(&self) -> usize {
        let state = match &self.state {
            State::Dialing(_)
            | State::Deciding(_)
            | State::Rendezvous { .. }
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
    use alloc::vec::Vec;

    use crate::config::LaneConfig;
    use crate::connection::ConnectionState;
    use crate::counters::DropReason;
    use crate::end_reason::EndReason;
    use crate::ids::ConnectionId;
    use crate::limits;
    use crate::message::SendFlags;
    use crate::pair::Pair;
    use crate::time::Span;
    use crate::transmit::DatagramMeta;
    use crate::wire::data_header;

    /// The most that a silent connection may hold, in bytes: with what the driver and the tables add, 3 KiB.
    const SILENT: usize = 2_312;
    /// The same after messages: a used lane in each direction stays.
    const SILENT_AGAIN: usize = SILENT + 768;

    fn both(pair: &Pair, (client, server): (ConnectionId, ConnectionId)) -> [usize; 2] {
        [
            pair.client.connections[&client].memory_bytes(),
            pair.server.connections[&server].memory_bytes(),
        ]
    }

    #[test]
    fn limit_memory_of_a_connection_that_never_said_anything() {
        let (mut pair, client, server) = Pair::connected();
        for secs in [0, 1, 30, 300] {
            pair.run(Span::from_secs(secs));
            for bytes in both(&pair, (client, server)) {
                assert!(bytes <= SILENT, "{bytes} bytes after {secs} s");
            }
        }
        let ends = [
            &pair.client.connections[&client],
            &pair.server.connections[&server],
        ];
        for connection in ends {
            let most = connection.memory_bound();
            assert!(most > limits::SEND_BUFFER + limits::RECV_BUFFER);
            assert!(most < 96 * 1024 * 1024, "{most} bytes");
        }
    }

    #[test]
    fn limit_memory_of_a_connection_that_fell_silent() {
        let (mut pair, client, server) = Pair::connected();
        for flags in [SendFlags::RELIABLE, SendFlags::UNRELIABLE] {
            for _ in 0..100 {
                pair.client_sends(client, &[7; 3_000], flags);
                pair.run(Span::from_millis(50));
                let now = pair.now;
                assert!(!pair.server.received(now, server).is_empty());
            }
        }
        let busy = both(&pair, (client, server));
        assert!(busy.iter().all(|bytes| *bytes > SILENT_AGAIN), "{busy:?}");
        pair.run(Span::from_secs(25));
        for bytes in both(&pair, (client, server)) {
            assert!(bytes <= SILENT_AGAIN, "{bytes} bytes");
        }
    }

    #[test]
    fn limit_memory_of_a_connection_that_was_closed() {
        let (mut pair, client, server) = Pair::connected();
        let lanes = (0..64).map(|_| LaneConfig::DEFAULT).collect::<Vec<_>>();
        let now = pair.now;
        let connection = pair.client.connections.get_mut(&client).unwrap();
        connection.configure_lanes(now, &lanes).unwrap();
        for _ in 0..50 {
            pair.client_sends(client, &[7; 10_000], SendFlags::RELIABLE);
        }
        pair.run(Span::from_millis(20));
        let now = pair.now;
        for (side, id) in [(&mut pair.client, client), (&mut pair.server, server)] {
            let connection = side.connections.get_mut(&id).unwrap();
            assert!(connection.memory_bytes() > 4 * SILENT);
            connection.close(now, EndReason::APP_GENERIC, "", false);
            // What waits to be sent is the close.
            let bytes = connection.memory_bytes();
            assert_eq!(connection.state(), ConnectionState::FinWait);
            assert!(bytes < SILENT + 1_024, "{bytes} bytes");
        }
        pair.run(Span::from_millis(200));
        for bytes in both(&pair, (client, server)) {
            assert!(bytes <= SILENT, "{bytes} bytes");
        }
    }

    /// One end of a pair was closed, by itself or by the other, and forged packets come to it.
    fn forge_to_a_closed_end(pair: &mut Pair, from: ConnectionId, to: ConnectionId) {
        let now = pair.now;
        let ends = (&mut pair.client.connections, &mut pair.server.connections);
        let (sender, receiver) = match ends.0.contains_key(&from) {
            true => (ends.0.get_mut(&from), ends.1.get_mut(&to)),
            false => (ends.1.get_mut(&from), ends.0.get_mut(&to)),
        };
        let (sender, receiver) = (sender.unwrap(), receiver.unwrap());
        let mut forged = sender.seal_for_test(&[]);
        *forged.last_mut().unwrap() ^= 1;
        let mut next_key = forged.clone();
        data_header::set_key_phase(&mut next_key, true);
        let before = receiver.memory_bytes();
        for bytes in [&forged, &next_key].into_iter().cycle().take(200) {
            receiver.handle_datagram(now, &DatagramMeta::default(), &mut bytes.clone());
            let bytes = receiver.memory_bytes();
            assert!(bytes <= before, "{bytes} bytes, {before} before");
        }
        assert_eq!(receiver.drops().of(DropReason::DecryptFailed), 200);
    }

    #[test]
    fn limit_memory_of_a_closed_connection_that_forged_packets_come_to() {
        let (mut pair, client, server) = Pair::connected();
        let now = pair.now;
        let connection = pair.client.connections.get_mut(&client).unwrap();
        connection.close(now, EndReason::APP_GENERIC, "", false);
        pair.run(Span::from_millis(200));
        forge_to_a_closed_end(&mut pair, server, client);
        forge_to_a_closed_end(&mut pair, client, server);
    }
}
