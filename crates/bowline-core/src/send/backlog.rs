//! How much waits to be sent, and for how long.
//!
//! Estimates count what packets really take: rates are in bytes of UDP payload, so headers and tags must
//! be added to what the application queued.

use crate::ids::LaneIndex;
use crate::limits;
use crate::send::Sender;
use crate::send::lane::DroppedMessages;
use crate::send::lane::SendLane;
use crate::time::Span;
use crate::time::Timestamp;

/// Frames of every packet besides data: which packets need no report any more.
const STOP_WAITING: u64 = 2;
/// Header of a reliable segment up to the end of the packet: lead and position.
const RELIABLE_HEADER: u64 = 7;
/// Header of the first unreliable segment of a packet, without a size: lead and number.
const FIRST_UNRELIABLE: u64 = 5;
/// Header of each further one: lead and size.
const NEXT_UNRELIABLE: u64 = 2;

/// Bytes on their way through the sender.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PendingBytes {
    pub(crate) unreliable: usize,
    pub(crate) reliable: usize,
    pub(crate) unacked_reliable: usize,
}

/// The size of a full packet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PacketSize {
    /// All of it, in bytes of UDP payload.
    pub(crate) whole: usize,
    /// What of that frames may use.
    pub(crate) room: usize,
}

/// What may be sent now in a lane, and how long it takes to leave.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Capacity {
    pub(crate) buffer_bytes: usize,
    pub(crate) at_once_bytes: usize,
    pub(crate) delay: Option<Span>,
}

impl Sender {
    /// Whether a refused sender should hear that there is room; says so once.
    ///
    /// Not before half of the buffer is free, so that a sender that fills it is not told for each packet;
    /// and not before the largest message that was refused would be taken, else it would be refused again.
    #[inline]
    pub(crate) fn take_writable(&mut self) -> bool {
        self.refused
            .is_some_and(|wanted| self.has_room_again(wanted.get()))
    }

    fn has_room_again(&mut self, wanted: u64) -> bool {
        let (held, limit) = (self.buffered_bytes(), self.send_buffer_bytes);
        let roomy = held.saturating_mul(2) <= limit && held + wanted.min(limit) <= limit;
        if roomy {
            self.refused = None;
        }
        roomy
    }

    /// Bytes waiting or in flight, of all lanes or of one.
    pub(crate) fn pending(&self, lane: Option<LaneIndex>) -> PendingBytes {
        let mut sum = PendingBytes::default();
        for lane in self.chosen(lane) {
            sum.unreliable += to_usize(lane.unsent_unreliable_bytes());
            sum.reliable += to_usize(lane.unsent_reliable_bytes() + lane.lost_bytes());
            sum.unacked_reliable +=
                to_usize(lane.unacked_bytes().saturating_sub(lane.lost_bytes()));
        }
        sum
    }

    /// Unreliable messages that were accepted and not sent, of all lanes or of one.
    pub(crate) fn dropped(&self, lane: Option<LaneIndex>) -> DroppedMessages {
        let mut sum = DroppedMessages::default();
        for lane in self.chosen(lane) {
            sum.expired += lane.dropped().expired;
            sum.replaced += lane.dropped().replaced;
        }
        sum
    }

    /// How long a message queued now in this lane would wait at the current rate, if one is known.
    pub(crate) fn queue_time(
        &self,
        now: Timestamp,
        lane: LaneIndex,
        packet: PacketSize,
    ) -> Option<Span> {
        let ahead = i64::try_from(wire_bytes_ahead(&self.lanes, lane, packet)?).ok()?;
        let Some(rate) = self.rate_bytes_per_sec() else {
            return (ahead == 0).then_some(Span::ZERO);
        };
        let missing = ahead.saturating_sub(self.pacer.bytes_at(now, Some(rate)));
        let missing = u64::try_from(missing).unwrap_or(0);
        Some(Span::from_micros(
            missing.saturating_mul(1_000_000) / rate.max(1),
        ))
    }

    /// What may be sent now in this lane; `None` if it is not configured.
    pub(crate) fn capacity(
        &self,
        now: Timestamp,
        lane: LaneIndex,
        packet: PacketSize,
    ) -> Option<Capacity> {
        let ahead = wire_bytes_ahead(&self.lanes, lane, packet)?;
        let paced = self.pacer.bytes_at(now, self.rate_bytes_per_sec());
        let paced = u64::try_from(paced).unwrap_or(0);
        let window = if self.window_is_open() {
            let window = self.controller.window_bytes();
            window.saturating_sub(self.in_flight.bytes())
        } else {
            0
        };
        let buffer = self.free_bytes().min(limits::MAX_MESSAGE) as u64;
        let at_once = paced.min(window).saturating_sub(ahead).min(buffer);
        Some(Capacity {
            buffer_bytes: to_usize(buffer),
            at_once_bytes: to_usize(at_once),
            delay: self.queue_time(now, lane, packet),
        })
    }

    /// What the send buffer holds: the bytes of messages, as in GNS, those of reliable ones with their
    /// headers. Unreliable messages are remembered one by one, empty ones too, so their number counts where
    /// it is large for their bytes.
    pub(super) fn buffered_bytes(&self) -> u64 {
        let records = self.unsent_unreliable * limits::UNRELIABLE_MESSAGE_COST;
        self.unsent_bytes.max(records)
    }

    /// How many bytes more the send buffer takes, headers of messages included.
    pub(crate) fn free_bytes(&self) -> usize {
        to_usize(self.send_buffer_bytes.saturating_sub(self.buffered_bytes()))
    }

    /// How long these bytes take at the current rate, if one is known.
    pub(super) fn time_for(&self, bytes: u64) -> Option<Span> {
        let rate = self.rate_bytes_per_sec()?.max(1);
        Some(Span::from_micros(bytes.saturating_mul(1_000_000) / rate))
    }

    fn chosen(&self, lane: Option<LaneIndex>) -> impl Iterator<Item = &SendLane> {
        let lanes = match lane {
            None => self.lanes.get(..),
            Some(lane) => self.lanes.get(lane.as_usize()..=lane.as_usize()),
        };
        lanes.unwrap_or(&[]).iter()
    }
}

/// Bytes of packets that leave before a message that is queued now in `lane`: all of better priority, the
/// lane's own, and what the others of its class may send meanwhile.
fn wire_bytes_ahead(lanes: &[SendLane], lane: LaneIndex, packet: PacketSize) -> Option<u64> {
    let own = lanes.get(lane.as_usize())?;
    let own_bytes = Backlog::of(own).bytes();
    let own_weight = u64::from(own.config.weight.max(1));
    let mut sum = 0;
    for (index, other) in lanes.iter().enumerate() {
        let backlog = Backlog::of(other);
        let bytes = if index == lane.as_usize() || other.config.priority < own.config.priority {
            backlog.bytes()
        } else if other.config.priority == own.config.priority {
            let share = own_bytes.saturating_mul(u64::from(other.config.weight)) / own_weight;
            backlog.bytes().min(share)
        } else {
            0
        };
        sum += backlog.on_the_wire(bytes, packet);
    }
    Some(sum)
}

/// What waits in a lane.
#[derive(Clone, Copy, Debug)]
struct Backlog {
    reliable: u64,
    unreliable: u64,
    unreliable_messages: u64,
}

impl Backlog {
    fn of(lane: &SendLane) -> Self {
        Self {
            reliable: lane.unsent_reliable_bytes() + lane.lost_bytes(),
            unreliable: lane.unsent_unreliable_bytes(),
            unreliable_messages: lane.unsent_unreliable_messages(),
        }
    }

    const fn bytes(self) -> u64 {
        self.reliable + self.unreliable
    }

    /// Bytes of packets that carry `part` of these bytes.
    fn on_the_wire(self, part: u64, packet: PacketSize) -> u64 {
        let bytes = self.bytes();
        if part == 0 || bytes == 0 {
            return 0;
        }
        let room = (packet.room as u64).saturating_sub(STOP_WAITING);
        let per_packet = (packet.whole.saturating_sub(packet.room)) as u64 + STOP_WAITING;
        let stream = room.saturating_sub(RELIABLE_HEADER).max(1);
        let reliable = scale(self.reliable, stream + RELIABLE_HEADER + per_packet, stream);
        let unreliable = self.unreliable_on_the_wire(room, per_packet);
        scale(reliable + unreliable, part, bytes)
    }

    /// The same for all of the unreliable messages, taken to be of equal size. Those that fit a packet are
    /// not split.
    fn unreliable_on_the_wire(self, room: u64, per_packet: u64) -> u64 {
        let Some(len) = self.unreliable.checked_div(self.unreliable_messages) else {
            return 0;
        };
        let first = per_packet + FIRST_UNRELIABLE;
        if len + FIRST_UNRELIABLE > room {
            let piece = room.saturating_sub(FIRST_UNRELIABLE).max(1);
            return scale(self.unreliable, piece + first, piece);
        }
        let together = (room - FIRST_UNRELIABLE + NEXT_UNRELIABLE) / (len + NEXT_UNRELIABLE);
        let packets = self.unreliable_messages / together.max(1);
        self.unreliable
            + self.unreliable_messages * NEXT_UNRELIABLE
            + packets * (first - NEXT_UNRELIABLE)
    }
}

/// `value * numerator / denominator`.
fn scale(value: u64, numerator: u64, denominator: u64) -> u64 {
    value
        .saturating_mul(numerator)
        .checked_div(denominator)
        .unwrap_or(0)
}

pub(super) fn to_usize(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}
