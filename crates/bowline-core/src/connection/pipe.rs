//! A connection whose other end is in the same process: messages are handed over whole, no packets.
//!
//! What an end has for the other one is polled with [`Connection::poll_piped`] and fed to that by
//! [`Connection::handle_piped`], in order. Everything else about such a connection is as with others.

use crate::connection::Connection;
use crate::connection::Input;
use crate::connection::RealTimeStatus;
use crate::connection::SendCapacity;
use crate::connection::State;
use crate::counters::DropReason;
use crate::end_reason::EndReason;
use crate::error::SendError;
use crate::ids::LaneIndex;
use crate::ids::MessageNumber;
use crate::message::Outgoing;
use crate::message::Payload;
use crate::pipe::Pipe;
use crate::pipe::Piped;
use crate::pipe::PipedBytes;
use crate::recv::MessageMeta;
use crate::stats::ArmourStats;
use crate::stats::LossStats;
use crate::stats::Rates;
use crate::stats::Sequence;
use crate::time::Span;
use crate::time::Timestamp;

impl Connection {
    /// The next thing to hand to the other end of a pipe.
    pub fn poll_piped(&mut self) -> Option<Piped> {
        self.pipe.as_mut()?.poll()
    }

    /// Takes in what the other end of a pipe handed over. Shorthand for [`Input::Piped`].
    pub fn handle_piped(&mut self, now: Timestamp, item: Piped) {
        let done = self.handle(now, Input::Piped(item));
        debug_assert!(done.is_ok());
    }

    /// Whether the other end is in the same process, and no packets are sent.
    pub const fn is_pipe(&self) -> bool {
        self.pipe.is_some()
    }

    pub(super) fn on_piped(&mut self, now: Timestamp, item: Piped) {
        let Some(pipe) = &mut self.pipe else {
            self.telemetry.drops.count(DropReason::WrongState);
            return;
        };
        match item {
            Piped::Message {
                lane,
                number,
                reliable,
                data,
            } => {
                let meta = MessageMeta {
                    number,
                    lane,
                    reliable,
                    received_at: now,
                };
                self.on_piped_message(now, meta, data);
            }
            Piped::Room(room) => {
                pipe.on_room(now, room);
                self.tell_writable();
                self.finish_linger(now);
            }
            Piped::Closed { reason, text } => self.on_piped_close(now, reason, &text),
            Piped::Accepted { id } => self.on_accepted_within(now, id),
        }
    }

    pub(super) fn send_piped(
        &mut self,
        now: Timestamp,
        message: Outgoing<'_>,
    ) -> Result<MessageNumber, SendError> {
        let len = message.payload.len();
        let Some(pipe) = &mut self.pipe else {
            return Err(SendError::WrongState(self.state.public()));
        };
        let freshness = message.freshness;
        let checked = pipe.check(now, message.lane, message.flags, freshness, len);
        // It may have made room by dropping what is too old.
        self.tell_writable();
        checked?;
        let data = match message.payload {
            Payload::Borrowed(bytes) => Payload::Shared(self.receiver.copy(bytes)),
            Payload::Shared(bytes) => Payload::Shared(bytes),
        };
        self.telemetry.link.sent(now, 1, len);
        let reliable = message.flags.is_reliable();
        let pipe = self.pipe.as_mut();
        let submitted = pipe.map(|pipe| pipe.submit(now, message.lane, reliable, freshness, data));
        submitted.ok_or_else(|| SendError::WrongState(self.state.public()))
    }

    /// A message of a pipe may have become too old, or the other end may never read.
    pub(super) fn on_pipe_timeout(&mut self, now: Timestamp) {
        if let Some(pipe) = &mut self.pipe {
            pipe.expire(now);
        }
        self.tell_writable();
        self.give_up_linger(now);
        self.give_up_waiting(now);
    }

    /// The end of a pipe needs no farewell beyond what is handed over.
    pub(super) fn finish_pipe(&mut self, peer_closed: bool) {
        let (reason, text) = self.end_for_peer();
        if let Some(pipe) = &mut self.pipe {
            pipe.discard();
            if !peer_closed {
                pipe.close(reason, text);
            }
        }
        self.set_state(State::Dead);
    }

    pub(super) fn pipe_status(&self, pipe: &Pipe, rates: Rates) -> RealTimeStatus {
        let (pending, dropped) = (pipe.pending(None), pipe.dropped(None));
        RealTimeStatus {
            state: self.state(),
            ping_ms: self.telemetry.ping.smoothed_ms(),
            quality_local: Some(1.0),
            quality_remote: Some(1.0),
            out_packets_per_sec: rates.out_packets_per_s,
            out_bytes_per_sec: rates.out_bytes_per_s,
            packet_bytes: self.path.full_packet(),
            in_packets_per_sec: rates.in_packets_per_s,
            in_bytes_per_sec: rates.in_bytes_per_s,
            send_rate_bytes_per_sec: None,
            pending_unreliable_bytes: pending.unreliable,
            pending_reliable_bytes: pending.reliable,
            unacked_reliable_bytes: 0,
            expired_messages: dropped.expired,
            replaced_messages: dropped.replaced,
            queue_time: pending.wait(),
            max_jitter_us: None,
            armour: ArmourStats::default(),
            loss: LossStats::default(),
            skipped_numbers: 0,
        }
    }

    fn on_piped_message(&mut self, now: Timestamp, meta: MessageMeta, data: Payload<'static>) {
        let len = data.len();
        match self.state {
            State::Connected { .. } => {
                self.telemetry.link.received(now, len, Sequence::Next, None);
                self.receiver.piped(meta, into_bytes(data));
            }
            // Nobody reads any more, but the sender must not wait for that.
            State::Linger { .. } => {
                if let Some(pipe) = &mut self.pipe {
                    pipe.on_read(len, true);
                }
            }
            State::Dialing(_)
            | State::Deciding(_)
            | State::Rendezvous { .. }
            | State::ClosedByPeer
            | State::Failed
            | State::FinWait { .. }
            | State::Dead => self.telemetry.drops.count(DropReason::WrongState),
        }
    }

    fn on_piped_close(&mut self, now: Timestamp, reason: EndReason, text: &str) {
        match self.state {
            State::Dialing(_)
            | State::Deciding(_)
            | State::Rendezvous { .. }
            | State::Connected { .. } => {
                self.set_end(reason, text);
                if let Some(pipe) = &mut self.pipe {
                    pipe.discard();
                }
                self.set_state(State::ClosedByPeer);
            }
            State::Linger { .. } => self.finish(now, true),
            State::ClosedByPeer | State::Failed | State::FinWait { .. } | State::Dead => {}
        }
    }
}

impl Pipe {
    /// What may be sent now in a lane; `None` if it is not configured.
    pub(super) fn capacity(&self, lane: LaneIndex) -> Option<SendCapacity> {
        let room = self.room_for(lane)?;
        let pending = self.pending(None);
        Some(SendCapacity {
            buffer_bytes: room.buffer_bytes,
            at_once_bytes: room.at_once_bytes,
            delay: pending.wait(),
        })
    }
}

impl PipedBytes {
    /// How long a message that is queued now would wait: nobody knows when the other side reads.
    pub(super) fn wait(self) -> Option<Span> {
        (self == Self::default()).then_some(Span::ZERO)
    }
}

fn into_bytes(data: Payload<'static>) -> bytes::Bytes {
    match data {
        Payload::Borrowed(bytes) => bytes::Bytes::from_static(bytes),
        Payload::Shared(bytes) => bytes,
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use alloc::sync::Arc;
    use alloc::vec::Vec;

    use super::*;
    use crate::config::Config;
    use crate::connection::ConnectionState;
    use crate::connection::replay;
    use crate::crypto::cipher_negotiation::EncryptionPolicy;
    use crate::crypto::rustcrypto;
    use crate::endpoint::Endpoint;
    use crate::endpoint::EndpointConfig;
    use crate::endpoint::Route;
    use crate::endpoint::SocketId;
    use crate::event::ToEndpoint;
    use crate::identity::Identity;
    use crate::ids::PathId;
    use crate::limits;
    use crate::message::SendFlags;
    use crate::transmit::DatagramMeta;
    use crate::transmit::TransmitBuf;

    const NOW: Timestamp = Timestamp::from_micros(1_000_000);

    fn pair(routes: Option<[Route; 2]>, config: Config) -> [Connection; 2] {
        let settings = EndpointConfig::new(rustcrypto::provider());
        let mut endpoint = Endpoint::new(settings, [1; 32], NOW, 0);
        let seen = [Identity::anonymous(), Identity::anonymous()];
        endpoint.pair(NOW, routes, &Arc::new(config), seen).unwrap()
    }

    fn two_messages_deep() -> Config {
        let mut config = Config::new();
        config.set_recv_buffer_messages(2).unwrap();
        config
    }

    fn send(connection: &mut Connection, text: &'static [u8]) {
        let payload = Payload::Borrowed(text);
        let message = Outgoing::new(LaneIndex::ZERO, SendFlags::RELIABLE_NO_NAGLE, payload);
        connection.send(NOW, message).unwrap();
    }

    fn hand_over(from: &mut Connection, to: &mut Connection) {
        while let Some(item) = from.poll_piped() {
            to.handle_piped(NOW, item);
        }
    }

    #[test]
    fn an_end_waits_for_nothing_but_the_other_ends_reader() {
        let [mut one, mut other] = pair(None, two_messages_deep());
        for text in [b"1", b"2", b"3"] {
            send(&mut one, text);
        }
        assert_eq!(one.poll_timeout(), None);
        let mut buf = TransmitBuf::new(10);
        assert!(one.poll_transmit(NOW, &mut buf).is_none());
        hand_over(&mut one, &mut other);
        assert_eq!(other.queued_messages(), 2);
        one.close(NOW, EndReason::from_app(1001), "", true);
        assert_eq!(one.state(), ConnectionState::Linger);
        let (deadline, _) = one.poll_timeout().unwrap();
        assert_eq!(deadline, NOW + limits::MAX_LINGER);
        while other.receive(NOW).is_some() {}
        hand_over(&mut other, &mut one);
        assert_eq!(one.state(), ConnectionState::Dead);
        assert!(core::iter::from_fn(|| one.poll_endpoint()).any(|e| e == ToEndpoint::Dead));
        hand_over(&mut one, &mut other);
        assert_eq!(other.state(), ConnectionState::ClosedByPeer);
        assert_eq!(other.info().end_reason.code(), 1001);
        assert_eq!(&*other.receive(NOW).unwrap(), b"3");
    }

    #[test]
    fn a_lingering_end_gives_up_on_a_reader_that_never_reads() {
        let [mut one, mut other] = pair(None, two_messages_deep());
        for text in [b"1", b"2", b"3"] {
            send(&mut one, text);
        }
        one.close(NOW, EndReason::from_app(1001), "", true);
        one.handle_timeout(NOW + limits::MAX_LINGER);
        assert_eq!(one.state(), ConnectionState::Dead);
        hand_over(&mut one, &mut other);
        assert_eq!(other.state(), ConnectionState::ClosedByPeer);
        assert_eq!(other.queued_messages(), 2);
    }

    #[test]
    fn what_is_handed_over_too_late_or_to_the_wrong_one_is_counted() {
        let [mut one, mut other] = pair(None, Config::new());
        send(&mut one, b"late");
        let late = one.poll_piped().unwrap();
        other.close(NOW, EndReason::from_app(1001), "", false);
        other.handle_piped(NOW, late.clone());
        assert_eq!(other.drops().of(DropReason::WrongState), 1);
        let (mut pair, client, _) = crate::pair::Pair::connected();
        let connection = pair.client.connections.get_mut(&client).unwrap();
        connection.handle_piped(NOW, late);
        assert_eq!(connection.drops().of(DropReason::WrongState), 1);
    }

    #[test]
    fn a_recorded_end_plays_back_to_the_same_state() {
        let [mut one, mut other] = pair(None, two_messages_deep());
        let before = other.record(1 << 20);
        for text in [b"1", b"2", b"3"] {
            send(&mut one, text);
        }
        hand_over(&mut one, &mut other);
        other.receive(NOW);
        send(&mut other, b"back");
        let inputs = other.take_recording().unwrap().into_inputs();
        let text = serde_json::to_string(&inputs).unwrap();
        let inputs = serde_json::from_str(&text).unwrap();
        let again = replay(before, inputs, |_, _| panic!("a pipe sends no packets"));
        let detail = |connection: &Connection| connection.detailed_status(NOW);
        assert_eq!(detail(&again), detail(&other));
        assert_eq!(again.queued_messages(), 1);
    }

    #[test]
    fn a_pair_with_routes_talks_in_packets_and_encrypts_as_asked() {
        let route = |socket, remote: &str| Route {
            socket: SocketId::new(socket),
            remote: remote.parse().unwrap(),
        };
        let routes = [route(1, "127.0.0.1:2"), route(2, "127.0.0.1:1")];
        for policy in [EncryptionPolicy::Required, EncryptionPolicy::Off] {
            let mut config = Config::new();
            config.set_encryption(policy);
            let [mut one, mut other] = pair(Some(routes), config);
            assert!(one.poll_event().is_none() && other.poll_event().is_none());
            let encrypted = policy == EncryptionPolicy::Required;
            assert_eq!(one.info().encrypted, encrypted);
            send(&mut one, b"secret");
            let mut buf = TransmitBuf::new(10);
            let run = one.poll_transmit(NOW, &mut buf).unwrap();
            let packets: Vec<_> = buf.datagrams(&run).map(<[u8]>::to_vec).collect();
            let meta = DatagramMeta {
                path: PathId::DIRECT,
                via: None,
                ecn: None,
            };
            for mut packet in packets {
                let readable = String::from_utf8_lossy(&packet).contains("secret");
                assert_eq!(readable, !encrypted);
                other.handle_datagram(NOW, &meta, &mut packet);
            }
            assert_eq!(&*other.receive(NOW).unwrap(), b"secret");
        }
    }
}
