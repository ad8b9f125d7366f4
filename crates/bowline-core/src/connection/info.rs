//! What an application can learn of a connection.

use alloc::string::String;

use crate::connection::Connection;
use crate::connection::ConnectionState;
use crate::connection::Stage;
use crate::connection::State;
use crate::connection::close::is_drained;
use crate::crypto::cipher_negotiation::Cipher;
use crate::crypto::packet::KeyEpoch;
use crate::end_reason::EndReason;
use crate::end_reason::Rejection;
use crate::error::SendError;
use crate::extensions::ExtensionSet;
use crate::handshake::Origin;
use crate::identity::Identity;
use crate::ids::ConnectionId;
use crate::ids::LaneIndex;
use crate::rate::trace::RateDecision;
use crate::send::PacketSize;
use crate::stats::ArmourStats;
use crate::stats::LossStats;
use crate::time::Span;
use crate::time::Timestamp;

/// Who is on the other side, how the connection stands, and why it ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConnectionInfo {
    /// The state.
    pub state: ConnectionState,
    /// Who the peer is; a peer without an identity is known by its address. `None` until the
    /// handshake tells.
    pub identity: Option<Identity>,
    /// The peer's name for the connection, once known.
    pub remote_id: Option<ConnectionId>,
    /// How the connection began.
    pub origin: Origin,
    /// Whether a trusted authority vouches for the peer, or its endpoint in this process.
    pub authenticated: bool,
    /// Whether packets are encrypted.
    pub encrypted: bool,
    /// The peer's protocol version; ours until the handshake tells.
    pub protocol_version: u32,
    /// Why it ended; [`EndReason::INVALID`] if it has not.
    pub end_reason: EndReason,
    /// The text that goes with the reason.
    pub end_text: String,
    /// What both sides have agreed on beyond GNS; empty until the handshake tells.
    pub extensions: ExtensionSet,
    /// The epoch of the key that packets are sealed with: how often we replaced it.
    pub send_epoch: KeyEpoch,
    /// The epoch of the key that the newest packet of the peer was sealed with.
    pub recv_epoch: KeyEpoch,
    /// Why the server refused to connect, if it did and told.
    pub rejection: Option<Rejection>,
}

/// How a connection does right now.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct RealTimeStatus {
    /// The state.
    pub state: ConnectionState,
    /// Smoothed round-trip time in milliseconds, once measured.
    pub ping_ms: Option<u32>,
    /// Share of the peer's packets that arrived in order, as seen here, 0 to 1, once measured.
    pub quality_local: Option<f32>,
    /// Share of our packets that arrived in order, as told by the peer, 0 to 1, once told.
    pub quality_remote: Option<f32>,
    /// Packets sent per second.
    pub out_packets_per_sec: f32,
    /// Bytes sent per second.
    pub out_bytes_per_sec: f32,
    /// The largest packet that is sent for now, as UDP payload in bytes: what the path was found to take, if
    /// the peer has agreed to larger ones than GNS sends.
    pub packet_bytes: usize,
    /// Packets received per second.
    pub in_packets_per_sec: f32,
    /// Bytes received per second.
    pub in_bytes_per_sec: f32,
    /// The rate in bytes per second at which data may leave, if one is known.
    pub send_rate_bytes_per_sec: Option<u64>,
    /// Bytes of unreliable messages that wait to be sent.
    pub pending_unreliable_bytes: usize,
    /// Bytes of reliable messages that wait to be sent, or sent again.
    pub pending_reliable_bytes: usize,
    /// Bytes of reliable messages that were sent and are not acknowledged.
    pub unacked_reliable_bytes: usize,
    /// Unreliable messages that were dropped because they passed their deadline before they were sent,
    /// so far.
    pub expired_messages: u64,
    /// Unreliable messages that were replaced before they were sent, by a newer one with the same key, so
    /// far.
    pub replaced_messages: u64,
    /// How long a message that is queued now in lane 0 would wait at the current rate, if known.
    pub queue_time: Option<Span>,
    /// The largest deviation of a packet's arrival that was seen, in microseconds, if measured; since
    /// the status was asked for the last time.
    pub max_jitter_us: Option<u32>,
    /// What was sent again before it was known to be lost, so far.
    pub armour: ArmourStats,
    /// What was lost on the way to the peer, so far.
    pub loss: LossStats,
    /// Packet numbers that were left out, so far, to find out a peer who acknowledges what it does not have. The
    /// peer counts them as lost packets. Counts no further than it can.
    pub skipped_numbers: u16,
}

/// How a lane does right now.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct LaneStatus {
    /// Bytes of unreliable messages that wait to be sent.
    pub pending_unreliable_bytes: usize,
    /// Bytes of reliable messages that wait to be sent, or sent again.
    pub pending_reliable_bytes: usize,
    /// Bytes of reliable messages that were sent and are not acknowledged.
    pub unacked_reliable_bytes: usize,
    /// Unreliable messages that were dropped because they passed their deadline before they were sent,
    /// so far.
    pub expired_messages: u64,
    /// Unreliable messages that were replaced before they were sent, by a newer one with the same key, so
    /// far.
    pub replaced_messages: u64,
    /// How long a message that is queued now would wait at the current rate, if known.
    pub queue_time: Option<Span>,
}

/// What may be sent in a lane right now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct SendCapacity {
    /// The room in the send buffer: the size in bytes of the largest message that is taken.
    pub buffer_bytes: usize,
    /// How many bytes leave at once, with nothing in the queue before them, at the rate that the path
    /// takes.
    pub at_once_bytes: usize,
    /// How long a message that is queued now would wait at the current rate, if known.
    pub delay: Option<Span>,
}

impl Connection {
    /// The key of the certificate that the peer of a connection dialled with [`Expect`](crate::cert::expect::Expect) has
    /// shown; `None` before that.
    pub fn peer_key(&self) -> Option<[u8; 32]> {
        self.peer.key.as_deref().copied()
    }

    /// Who is on the other side, how the connection stands, and why it ended.
    pub fn info(&self) -> ConnectionInfo {
        let end = self.end.as_deref();
        let keys = self.keys.as_ref();
        let cipher = keys.map(|keys| keys.send.cipher());
        ConnectionInfo {
            state: self.state(),
            identity: self.peer.identity.clone(),
            remote_id: self.remote_id(),
            origin: self.origin,
            authenticated: self.peer.authenticated,
            encrypted: cipher.is_some_and(|cipher| cipher != Cipher::Null),
            protocol_version: self.peer.version,
            end_reason: end.map_or(EndReason::INVALID, |end| end.reason),
            end_text: end.map_or_else(String::new, |end| end.text.clone()),
            extensions: self.peer.extensions,
            send_epoch: keys.map_or(KeyEpoch::FIRST, |keys| keys.send.epoch()),
            recv_epoch: keys.map_or(KeyEpoch::FIRST, |keys| keys.recv.epoch()),
            rejection: end.and_then(|end| end.rejection),
        }
    }

    /// Looks for the largest jitter anew, as GNS does when the status has been read.
    pub fn reset_max_jitter(&mut self) {
        self.telemetry.link.reset_max_jitter();
    }

    /// How the connection does right now.
    pub fn status(&self, now: Timestamp) -> RealTimeStatus {
        let rates = self.telemetry.link.rates(now);
        if let Some(pipe) = &self.pipe {
            return self.pipe_status(pipe, rates);
        }
        let pending = self.sender.pending(None);
        let dropped = self.sender.dropped(None);
        RealTimeStatus {
            state: self.state(),
            ping_ms: self.telemetry.ping.smoothed_ms(),
            quality_local: self.telemetry.link.quality_local(),
            quality_remote: self.telemetry.exchange.quality_remote(),
            out_packets_per_sec: rates.out_packets_per_s,
            out_bytes_per_sec: rates.out_bytes_per_s,
            packet_bytes: self.path.full_packet(),
            in_packets_per_sec: rates.in_packets_per_s,
            in_bytes_per_sec: rates.in_bytes_per_s,
            send_rate_bytes_per_sec: self.sender.rate_bytes_per_sec(),
            pending_unreliable_bytes: pending.unreliable,
            pending_reliable_bytes: pending.reliable,
            unacked_reliable_bytes: pending.unacked_reliable,
            expired_messages: dropped.expired,
            replaced_messages: dropped.replaced,
            queue_time: self.queue_time(now, LaneIndex::ZERO),
            max_jitter_us: self.telemetry.link.max_jitter_us(),
            armour: self.sender.armour_stats(),
            loss: self.sender.loss_stats(),
            skipped_numbers: self.sender.skipped_numbers(),
        }
    }

    /// How a lane does right now; `None` if it is not configured.
    pub fn lane_status(&self, now: Timestamp, lane: LaneIndex) -> Option<LaneStatus> {
        if lane.as_usize() >= self.sender.lanes() {
            return None;
        }
        if let Some(pipe) = &self.pipe {
            let (pending, dropped) = (pipe.pending(Some(lane)), pipe.dropped(Some(lane)));
            return Some(LaneStatus {
                pending_unreliable_bytes: pending.unreliable,
                pending_reliable_bytes: pending.reliable,
                unacked_reliable_bytes: 0,
                expired_messages: dropped.expired,
                replaced_messages: dropped.replaced,
                queue_time: pending.wait(),
            });
        }
        let pending = self.sender.pending(Some(lane));
        let dropped = self.sender.dropped(Some(lane));
        Some(LaneStatus {
            pending_unreliable_bytes: pending.unreliable,
            pending_reliable_bytes: pending.reliable,
            unacked_reliable_bytes: pending.unacked_reliable,
            expired_messages: dropped.expired,
            replaced_messages: dropped.replaced,
            queue_time: self.queue_time(now, lane),
        })
    }

    /// What may be sent in a lane right now.
    ///
    /// # Errors
    /// If the connection takes no messages any more, or the lane is not configured.
    pub fn send_capacity(
        &self,
        now: Timestamp,
        lane: LaneIndex,
    ) -> Result<SendCapacity, SendError> {
        self.check_sendable()?;
        let no_such_lane = SendError::NoSuchLane {
            lane,
            lanes: self.sender.lanes(),
        };
        if let Some(pipe) = &self.pipe {
            return pipe.capacity(lane).ok_or(no_such_lane);
        }
        let capacity = self.sender.capacity(now, lane, self.packet_size());
        let capacity = capacity.ok_or(no_such_lane)?;
        let is_connected = matches!(self.state, State::Connected { .. });
        Ok(SendCapacity {
            buffer_bytes: capacity.buffer_bytes,
            at_once_bytes: if is_connected {
                capacity.at_once_bytes
            } else {
                0
            },
            delay: capacity.delay.filter(|_| is_connected),
        })
    }

    /// How many bytes more the send buffer takes, headers of messages included. A message may be smaller only
    /// ([`send_capacity`](Self::send_capacity)).
    pub fn free_send_buffer(&self) -> usize {
        let pipe = self.pipe.as_ref();
        pipe.map_or_else(|| self.sender.free_bytes(), |pipe| pipe.free_bytes())
    }

    /// Smoothed round-trip time in milliseconds, once measured.
    pub fn ping_ms(&self) -> Option<u32> {
        self.telemetry.ping.smoothed_ms()
    }

    /// What the congestion controller decided lately, the oldest first; nothing while the rate is fixed.
    pub fn rate_decisions(&self) -> impl Iterator<Item = RateDecision> + '_ {
        self.sender.rate_decisions()
    }

    /// How many lanes are configured for sending.
    pub fn lanes(&self) -> usize {
        self.sender.lanes()
    }

    /// The largest message that can be sent.
    pub fn max_message_bytes(&self) -> usize {
        let pipe = self.pipe.as_ref();
        pipe.map_or_else(
            || self.sender.max_message_bytes(),
            |pipe| pipe.max_message_bytes(),
        )
    }

    /// Whether nothing is under way that would be missed: what was sent reliably has arrived, and no message has
    /// come in part only. Of a connection that has ended, whether that was so then.
    pub fn is_quiet(&self) -> bool {
        match &self.end {
            Some(end) => end.was_quiet,
            None => is_drained(&self.sender, &self.pipe) && self.receiver.holds_nothing(),
        }
    }

    /// Whether the application still has to accept or refuse it.
    pub const fn awaits_decision(&self) -> bool {
        matches!(
            self.state,
            State::Deciding(_)
                | State::Rendezvous {
                    stage: Stage::Called,
                    ..
                }
        )
    }

    pub(super) fn queue_time(&self, now: Timestamp, lane: LaneIndex) -> Option<Span> {
        self.sender.queue_time(now, lane, self.packet_size())
    }

    fn packet_size(&self) -> PacketSize {
        PacketSize {
            whole: self.path.full_packet(),
            room: self.plaintext_room(),
        }
    }
}
