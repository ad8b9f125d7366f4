//! The sending half of a connection: lanes, what is in flight, how fast to go.
//!
//! ```text
//! submit ─► lane queue ─► scheduler picks a lane ─► packet builder ─► in flight ─┬► acked: released
//!                 ▲                                                             └► lost ─┐
//!                 └──────────── ranges of the stream, cut anew ◄──────────────────────────┘
//! ```
//!
//! `submit` takes messages in, `lane` holds one lane, `stream_buffer` its bytes, `unreliable` what may be
//! replaced or grow too old, `in_flight` the packets under way, `loss` what becomes of them, `armour` what goes
//! twice in case one is lost, `scheduler` the order among lanes, `packet_builder` the frames of one packet,
//! `peer` what the receiver takes, `asking` when it is asked for an ack, `skips` whether it lies, `path_probe` what asks the path for
//! its packet size, `backlog` how much waits and for how long. This module holds them together and answers
//! two questions: may a packet go now, and when next?

mod armour;
mod asking;
mod backlog;
mod in_flight;
mod lane;
mod lanes;
mod loss;
mod memory;
mod packet_builder;
mod path_probe;
mod peer;
mod scheduler;
mod settings;
mod skips;
mod stream_buffer;
mod submit;
mod unreliable;

use alloc::boxed::Box;
use core::num::NonZeroU64;

use serde::Deserialize;
use serde::Serialize;

use crate::config::Config;
use crate::ids::LaneIndex;
#[cfg(any(test, feature = "test-support"))]
use crate::ids::MessageNumber;
use crate::ids::PacketNumber;
#[cfg(any(test, feature = "test-support"))]
use crate::ids::StreamPos;
use crate::limits;
use crate::rate::Controller;
use crate::rate::pacer::Pacer;
use crate::rate::rtt::RttEstimator;
use crate::rate::trace::RateDecision;
use crate::send::armour::Armour;
use crate::send::asking::Asked;
use crate::send::in_flight::InFlight;
use crate::send::lane::SendLane;
use crate::send::lanes::Lanes;
use crate::send::peer::PeerWindow;
use crate::send::skips::Skips;
use crate::time::Span;
use crate::time::Timestamp;

pub use armour::ArmourStats;
pub(crate) use asking::AckRequest;
pub(crate) use backlog::PacketSize;
pub(crate) use in_flight::Settled;
#[cfg(test)]
pub(crate) use in_flight::Verdict;
pub(crate) use lane::LaneMarks;
pub use loss::LossStats;
pub(crate) use packet_builder::Built;
pub(crate) use packet_builder::PacketBuilder;
pub(crate) use peer::PeerLimits;
pub(crate) use unreliable::KeyIndex;

/// Unreliable packets that nobody acknowledged leave the bytes in flight after this time.
const UNRELIABLE_MEMORY: Span = Span::from_secs(1);

/// The sending half of a connection.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Sender {
    lanes: Lanes,
    in_flight: InFlight,
    armour: Armour,
    controller: Controller,
    pacer: Pacer,
    rtt: RttEstimator,
    /// When small messages stop waiting for company; `None` when nothing waits.
    nagle_deadline: Option<Timestamp>,
    nagle: Span,
    /// Bytes that were accepted and never sent, stream headers included.
    unsent_bytes: u64,
    /// Unreliable messages that wait or are partly sent.
    unsent_unreliable: u64,
    send_buffer_bytes: u64,
    /// How much larger than usual the largest message may be.
    #[serde(default)]
    header_room: u8,
    /// The newest packet that an ack spoke of.
    reported: PacketNumber,
    /// Nothing until something was lost, or there was much to send.
    rare: Option<Box<Rare>>,
    /// What the peer cannot know.
    luck: u64,
    /// Retransmission timeouts in a row.
    timeouts: u32,
    /// When the last of them was.
    timed_out_at: Timestamp,
    /// How many numbers were left out.
    skipped_numbers: u16,
    /// After a timeout one packet may leave although the window is full.
    probe: bool,
    /// The last packet that asked for an ack.
    asked: Option<Asked>,
    /// When the first packet with data left since then.
    unasked_since: Option<Timestamp>,
    /// The room that refused messages wanted, and that the application waits to hear of.
    refused: Option<NonZeroU64>,
    last_ack_at: Timestamp,
    /// When reliable data was acknowledged last.
    delivered_at: Timestamp,
    peer: PeerLimits,
    /// `None` for a GNS receiver.
    peer_window: Option<PeerWindow>,
}

/// What idle connections do without.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
struct Rare {
    losses: LossStats,
    skips: Skips,
}

impl Sender {
    pub(crate) fn new(now: Timestamp, config: &Config, first: PacketNumber) -> Self {
        let (min, max) = config.send_rate_bytes_per_sec();
        Self {
            lanes: Lanes::default(),
            in_flight: InFlight::new(first),
            armour: Armour::new(config.armours_small_messages()),
            controller: Controller::new(min, max),
            pacer: Pacer::new(now),
            rtt: RttEstimator::default(),
            nagle_deadline: None,
            nagle: config.nagle(),
            unsent_bytes: 0,
            unsent_unreliable: 0,
            send_buffer_bytes: config.send_buffer_bytes() as u64,
            header_room: 0,
            reported: PacketNumber::default(),
            rare: None,
            luck: 0,
            timeouts: 0,
            timed_out_at: now,
            skipped_numbers: 0,
            probe: false,
            asked: None,
            unasked_since: None,
            refused: None,
            last_ack_at: now,
            delivered_at: now,
            peer: PeerLimits::GNS,
            peer_window: None,
        }
    }

    /// The peer's version decides which number the first packet has; nothing was sent before.
    pub(crate) fn set_first_packet(&mut self, first: PacketNumber) {
        debug_assert_eq!(self.in_flight.len(), 0);
        self.in_flight = InFlight::new(first);
    }

    /// Begins with packet `first`, whatever the peer's version.
    #[cfg(any(test, feature = "test-support"))]
    pub(crate) fn start_packets(&mut self, first: PacketNumber) {
        self.set_first_packet(first);
        // As far below as 0 lies below the usual first packet.
        self.reported = PacketNumber::new(first.get().saturating_sub(2));
    }

    /// Lets the lanes from `from` on begin after message `last`, with the byte at `first`.
    #[cfg(any(test, feature = "test-support"))]
    pub(crate) fn start_lanes(&mut self, from: usize, last: MessageNumber, first: StreamPos) {
        for lane in self.lanes.for_use(false).iter_mut().skip(from) {
            lane.start_at(last, first);
        }
    }

    /// Adds a round-trip time measured in the handshake.
    pub(crate) fn on_handshake_rtt(&mut self, rtt: Span) {
        self.rtt.on_sample(rtt);
    }

    /// Whether a message queued now would leave now.
    pub(crate) fn can_send_at_once(&mut self, now: Timestamp) -> bool {
        self.controller.wake(now);
        self.pacer.refill(now, self.rate_bytes_per_sec());
        let ahead = self.unsent_bytes;
        let in_flight = self.in_flight.bytes().saturating_add(ahead);
        self.window_is_open()
            && in_flight < self.controller.window_bytes()
            && self.pacer.covers(ahead)
    }

    /// Whether a data packet may and should go now; refills the pacer.
    pub(crate) fn wants_to_send(&mut self, now: Timestamp, packet_room: usize) -> bool {
        self.expire(now);
        if !self.has_due_data(now, packet_room) {
            return false;
        }
        self.controller.wake(now);
        self.in_flight.forget_unreliable(now - UNRELIABLE_MEMORY);
        self.pacer.refill(now, self.rate_bytes_per_sec());
        (self.window_is_open() && self.pacer.is_open()) || self.has_urgent_data()
    }

    /// When small messages stop waiting, or the pacer lets the next packet go; and whether it is the pacer.
    pub(crate) fn next_send_at(
        &self,
        now: Timestamp,
        packet_room: usize,
    ) -> Option<(Timestamp, bool)> {
        if self.has_due_data(now, packet_room) {
            if !self.window_is_open() {
                // An ack reopens it; old unreliable packets leave it by themselves.
                return Some((now + UNRELIABLE_MEMORY / 4, true));
            }
            return Some((
                self.pacer.opens_at(self.rate_bytes_per_sec()).max(now),
                true,
            ));
        }
        self.nagle_deadline
            .filter(|_| self.has_sendable())
            .map(|at| (at, false))
    }

    /// Books a packet that left.
    pub(crate) fn on_packet_sent(
        &mut self,
        now: Timestamp,
        bytes: usize,
        ranges: usize,
        asked: bool,
    ) {
        self.note_armoured(now, ranges);
        let more = self.unsent_bytes >= limits::MAX_DATAGRAM as u64 || self.has_lost();
        let app_limited = !more || !self.has_sendable();
        let mark = self
            .controller
            .on_sent(now, self.in_flight.bytes(), app_limited);
        let number = self.in_flight.next_number();
        self.in_flight.push(now, bytes, ranges, mark);
        self.expect_holes();
        self.forget_oldest_packet();
        self.probe &= ranges == 0;
        self.pacer.charge(bytes);
        if asked {
            self.asked = Some(Asked { number, at: now });
            self.unasked_since = None;
        }
        self.stop_nagle_if_idle();
    }

    /// A packet left in which something of one lane went before what waited in a worse one.
    pub(crate) const fn on_outranked(&mut self, now: Timestamp) {
        self.controller.on_outranked(now);
    }

    /// The number of the next packet.
    pub(crate) fn next_number(&self) -> PacketNumber {
        self.in_flight.next_number()
    }

    /// The rate that the pacer follows, if one is known.
    pub(crate) fn rate_bytes_per_sec(&self) -> Option<u64> {
        self.controller.rate_bytes_per_sec(self.rtt.smoothed())
    }

    /// What the congestion controller decided lately.
    pub(crate) fn rate_decisions(&self) -> impl Iterator<Item = RateDecision> + '_ {
        self.controller.decisions()
    }

    /// The smoothed round-trip time.
    pub(crate) fn smoothed_rtt(&self) -> Option<Span> {
        self.rtt.smoothed()
    }

    /// When reliable data was acknowledged last, or when the connection began.
    pub(crate) const fn delivered_at(&self) -> Timestamp {
        self.delivered_at
    }

    /// Whether all reliable data was acknowledged.
    pub(crate) fn is_drained(&self) -> bool {
        self.lanes.iter().all(SendLane::is_drained)
    }

    /// How far a lane has come, if it is configured.
    pub(crate) fn marks(&self, lane: LaneIndex) -> Option<LaneMarks> {
        self.lanes.get(lane.as_usize()).map(SendLane::marks)
    }

    /// Overwrites the bytes of all messages with zeros.
    pub(crate) fn blank(&mut self) {
        self.lanes.iter_mut().for_each(SendLane::blank);
    }

    /// How many lanes are configured.
    pub(crate) fn lanes(&self) -> usize {
        self.lanes.len()
    }

    /// Drops all that was not sent, at the end of a connection.
    pub(crate) fn discard(&mut self) {
        self.lanes.iter_mut().for_each(SendLane::discard);
        self.in_flight = InFlight::new(self.in_flight.next_number());
        self.armour.clear();
        self.unsent_bytes = 0;
        self.unsent_unreliable = 0;
        self.nagle_deadline = None;
        self.refused = None;
    }

    /// Drops all that was not sent, and the lanes with it: nothing will be sent any more.
    pub(crate) fn discard_lanes(&mut self) {
        self.lanes = Lanes::default();
        self.discard();
    }

    /// Gives back memory that is only kept for speed.
    pub(crate) fn shrink(&mut self) {
        self.lanes.iter_mut().for_each(SendLane::shrink);
        self.in_flight.shrink();
        self.armour.shrink();
        self.rest_skips();
        if !self.has_sendable() && self.in_flight.oldest_reliable().is_none() {
            self.controller.rest();
        }
    }

    fn has_sendable(&self) -> bool {
        let limits = self.peer;
        self.lanes
            .iter()
            .any(|lane| lane.has_sendable(limits.stream_window_bytes, limits.max_holes))
    }

    fn lane_has_sendable(&self, lane: LaneIndex) -> bool {
        let limits = self.peer;
        self.lanes
            .get(lane.as_usize())
            .is_some_and(|lane| lane.has_sendable(limits.stream_window_bytes, limits.max_holes))
    }

    fn priority(&self, lane: LaneIndex) -> i32 {
        let lane = self.lanes.get(lane.as_usize());
        lane.map_or(i32::MAX, |lane| lane.config.priority)
    }

    /// Whether unreliable messages wait.
    pub(crate) const fn has_unsent_unreliable(&self) -> bool {
        self.unsent_unreliable > 0
    }

    /// Whether at least a packet's worth of data could go if it had to wait for nothing but its turn.
    pub(crate) fn is_backlogged(&self, packet_room: usize) -> bool {
        self.unsent_bytes >= packet_room as u64 && self.has_sendable()
    }

    /// Whether there is data that need not wait for company.
    fn has_due_data(&self, now: Timestamp, packet_room: usize) -> bool {
        let due = self.unsent_bytes >= packet_room as u64
            || self.nagle_deadline.is_some_and(|at| at <= now);
        if due {
            return self.has_sendable();
        }
        self.has_lost()
    }

    fn has_lost(&self) -> bool {
        self.lanes.iter().any(|lane| lane.lost_bytes() > 0)
    }

    /// Whether a lane has something to send that is better than the worst, within what such lanes may
    /// send beyond window and pace: their few messages do not wait behind bulk, and are charged all the
    /// same.
    fn has_urgent_data(&self) -> bool {
        let Some(worst) = self.lanes.iter().map(|lane| lane.config.priority).max() else {
            return false;
        };
        (self.in_flight.len() as u64) < limits::MAX_UNACKED_PACKETS
            && self.in_flight.bytes() < self.controller.urgent_window_bytes()
            && self.pacer.may_overdraw()
            && self.lanes.iter().any(|lane| {
                lane.config.priority < worst
                    && lane.has_sendable(self.peer.stream_window_bytes, self.peer.max_holes)
            })
    }

    fn window_is_open(&self) -> bool {
        (self.in_flight.len() as u64) < limits::MAX_UNACKED_PACKETS
            && (self.probe
                || self.in_flight.bytes() < self.controller.window_bytes()
                || self.has_no_question())
    }
}

#[cfg(test)]
mod tests;
