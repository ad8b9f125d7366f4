//! The receiving half of a connection: reassembly per lane, the queue of whole messages, acks owed.

pub(crate) mod acks;
mod known;
mod memory;
mod queue;
mod recording;
mod reliable;
mod reorder;
mod sequence;
mod tuning;
mod unreliable;
mod window;

use alloc::vec::Vec;

use bytes::Bytes;

use serde::Deserialize;
use serde::Serialize;

use crate::config::Config;
use crate::counters::DropReason;
use crate::crypto::replay::ReplayWindow;
use crate::ids::LaneIndex;
use crate::ids::MessageNumber;
use crate::ids::PacketNumber;
use crate::ids::StreamPos;
use crate::limits;
use crate::message::Message;
use crate::recv::memory::ReceiveLimits;
use crate::recv::queue::ReceiveQueue;
use crate::recv::reliable::ReliableError;
use crate::recv::reliable::ReliableReceiver;
use crate::recv::unreliable::Fragments;
use crate::recv::window::Window;
use crate::snp::decode::DecodeContext;
use crate::time::Timestamp;

pub(crate) use acks::Acks;
pub(crate) use queue::MessageMeta;
pub(crate) use reorder::HeldPacket;
pub(crate) use reorder::Reorder;

/// So far from both ends of the numbers that no short form (48 bits at most) leaves them.
const MIDDLE: u64 = 1 << 56;

/// The receiving half of a connection.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Receiver {
    /// Created on demand, up to the highest lane that the peer has named.
    lanes: Vec<ReliableReceiver>,
    /// What all lanes hold for reassembly.
    held_bytes: u64,
    /// What lanes were promised before the settings became stricter; does not count toward those.
    kept_bytes: u64,
    /// The lane that goes on although all of them are full.
    going_on: Option<LaneIndex>,
    fragments: Fragments,
    queue: ReceiveQueue,
    limits: ReceiveLimits,
    /// How much larger than the settings say a message may be.
    #[serde(default)]
    header_room: u8,
    /// Bytes that may wait to be read.
    buffer_bytes: u64,
    window: Window,
    /// Lanes in which a whole message waits for room.
    stalled_lanes: u16,
    pub(crate) acks: Acks,
    pub(crate) replay: ReplayWindow,
    pub(crate) reorder: Reorder,
    /// Lanes note where headers are parsed.
    #[serde(skip)]
    watches_headers: bool,
}

/// Why a frame was not taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Refusal {
    /// Counted; the packet counts as received all the same.
    Ignored(DropReason),
    /// Counted; the packet counts as not received.
    NotNow(DropReason),
    /// The connection ends.
    Fatal(&'static str),
}

impl Receiver {
    /// Nothing received but the handshake, which counts as packet `handshake` of the peer.
    pub(crate) fn new(config: &Config, handshake: PacketNumber) -> Self {
        Self {
            lanes: Vec::new(),
            held_bytes: 0,
            kept_bytes: 0,
            going_on: None,
            fragments: Fragments::default(),
            queue: ReceiveQueue::new(config),
            limits: ReceiveLimits::of(config, 0),
            header_room: 0,
            buffer_bytes: config.recv_buffer_bytes() as u64,
            window: Window::default(),
            stalled_lanes: 0,
            acks: Acks::new(handshake),
            replay: ReplayWindow::new(handshake),
            reorder: Reorder::new(config.out_of_order_correction_window()),
            watches_headers: false,
        }
    }

    /// Goes by other settings from now on. What is held already is kept, and messages that are under way
    /// may become whole: else they would leave no room for lanes that come before theirs, and wait for
    /// ever behind them.
    pub(crate) fn configure(&mut self, config: &Config) {
        let before = self.limits.all_lanes_bytes;
        self.limits = ReceiveLimits::of(config, self.header_room);
        self.buffer_bytes = config.recv_buffer_bytes() as u64;
        if self.is_wide() {
            self.use_window(config);
        }
        if self.limits.all_lanes_bytes < before {
            self.kept_bytes = self.kept_bytes.max(before).min(self.promised_bytes());
        }
        self.queue.configure(config);
        self.reorder
            .set_window(config.out_of_order_correction_window());
        for lane in &mut self.lanes {
            lane.set_limits(self.limits);
        }
    }

    /// Messages may be that much larger than `config` says from now on. Nothing was received before.
    pub(crate) fn set_header_room(&mut self, config: &Config, bytes: u8) {
        self.header_room = bytes;
        self.configure(config);
    }

    /// The peer's version decides which number its handshake has; nothing was received before.
    pub(crate) fn set_handshake_packet(&mut self, handshake: PacketNumber) {
        self.acks = Acks::new(handshake);
        self.replay = ReplayWindow::new(handshake);
    }

    /// Lets all lanes begin after message `last`, with the byte at `first`.
    #[cfg(any(test, feature = "test-support"))]
    pub(crate) fn start_lanes(&mut self, last: MessageNumber, first: StreamPos) {
        self.ensure_lane(LaneIndex::new(u8::MAX));
        for lane in &mut self.lanes {
            lane.start_at(last, first);
        }
    }

    /// Takes a reliable segment in.
    pub(crate) fn reliable(
        &mut self,
        now: Timestamp,
        lane: LaneIndex,
        pos: StreamPos,
        data: &[u8],
    ) -> Result<(), Refusal> {
        if data.is_empty() {
            return Ok(());
        }
        self.ensure_lane(lane);
        if self.held_bytes + data.len() as u64 > self.held_limit() && !self.may_go_on(lane, pos) {
            return Err(Refusal::NotNow(DropReason::ReceiveBufferFull));
        }
        let Some(receiver) = self.lanes.get_mut(lane.as_usize()) else {
            return Err(Refusal::Fatal("no such lane"));
        };
        let before = receiver.held_bytes();
        let was_stalled = receiver.is_stalled();
        let result = receiver.receive(now, lane, pos, data, &mut self.queue);
        self.held_bytes = self.held_bytes - before + receiver.held_bytes();
        self.stalled_lanes += u16::from(receiver.is_stalled() && !was_stalled);
        if self.kept_bytes > 0 {
            self.kept_bytes = self.kept_bytes.min(self.promised_bytes());
        }
        if self.held_bytes <= self.held_limit() {
            self.going_on = None;
        }
        result.map_err(Refusal::from)
    }

    /// Takes an unreliable segment in.
    pub(crate) fn unreliable(
        &mut self,
        now: Timestamp,
        lane: LaneIndex,
        number: MessageNumber,
        offset: u32,
        last: bool,
        data: &[u8],
    ) -> Result<(), Refusal> {
        self.ensure_lane(lane);
        if let Some(receiver) = self.lanes.get_mut(lane.as_usize()) {
            receiver.saw_number(number);
        }
        let end = (offset as usize).saturating_add(data.len());
        if end > limits::MAX_UNRELIABLE_RECV {
            // As GNS does.
            return Err(Refusal::Ignored(DropReason::OversizeSegment));
        }
        let meta = MessageMeta {
            number,
            lane,
            reliable: false,
            received_at: now,
        };
        if offset == 0 && last {
            self.check_unreliable(lane, number, data.len())?;
            self.queue.push_copy(data, meta);
            return Ok(());
        }
        if let Some(message) = self.fragments.add(lane, number, offset, last, data) {
            self.check_unreliable(lane, number, message.len())?;
            self.queue.push(message, meta);
        }
        Ok(())
    }

    /// Sets whether unreliable messages are dropped that are older than one received before, in one lane
    /// or in all.
    pub(crate) fn set_sequenced(&mut self, lane: Option<LaneIndex>, sequenced: bool) {
        self.queue.set_sequenced(lane, sequenced);
    }

    /// Hands out the oldest message. What waited for its room may [come in](Self::let_in) then.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<Message> {
        self.queue.pop()
    }

    /// Lets in what waited for room, after a message was handed out.
    ///
    /// # Errors
    /// If what waited turns out to be broken, which ends the connection.
    #[inline]
    pub(crate) fn let_in(&mut self, now: Timestamp) -> Result<(), Refusal> {
        if self.stalled_lanes == 0 {
            return Ok(());
        }
        self.resume_lanes(now)
    }

    /// Takes in a whole message that moved here without packets; its sender has made sure of the room.
    pub(crate) fn piped(&mut self, message: MessageMeta, data: Bytes) {
        self.queue.push(data, message);
    }

    /// A copy of `data` in a buffer that is reused once all messages in it are gone.
    pub(crate) fn copy(&mut self, data: &[u8]) -> Bytes {
        self.queue.copy(data)
    }

    /// When each message that waits to be read arrived, the oldest first.
    pub(crate) fn arrivals(&self) -> impl DoubleEndedIterator<Item = Timestamp> + '_ {
        self.queue.arrivals()
    }

    /// How many messages wait to be read.
    pub(crate) fn queued_messages(&self) -> usize {
        self.queue.len()
    }

    /// How many bytes they have.
    pub(crate) const fn queued_bytes(&self) -> usize {
        self.queue.bytes()
    }

    /// Whether no reliable message has come in part only, or waits for room.
    pub(crate) const fn holds_nothing(&self) -> bool {
        self.held_bytes == 0
    }

    /// Drops all that was received: nobody will read it.
    pub(crate) fn discard(&mut self) {
        // A recording that hides messages is made with what lanes noted of them.
        if !self.watches_headers {
            self.lanes = Vec::new();
            self.held_bytes = 0;
            self.going_on = None;
            self.stalled_lanes = 0;
        }
        self.fragments = Fragments::default();
        self.queue.discard();
    }

    /// Gives back memory that is only kept for speed.
    pub(crate) fn shrink(&mut self) {
        self.queue.shrink();
        self.acks.shrink();
        self.reorder.shrink();
        self.rest_window();
    }

    fn resume_lanes(&mut self, now: Timestamp) -> Result<(), Refusal> {
        let mut result = Ok(());
        for (index, lane) in (0u8..=u8::MAX).zip(&mut self.lanes) {
            if lane.is_stalled() {
                let before = lane.held_bytes();
                let resumed = lane.resume(now, LaneIndex::new(index), &mut self.queue);
                self.held_bytes = self.held_bytes - before + lane.held_bytes();
                self.stalled_lanes -= u16::from(!lane.is_stalled());
                if let Err(error) = resumed {
                    result = Err(Refusal::from(error));
                }
            }
        }
        self.check_reopening(now);
        result
    }

    /// Whether a whole unreliable message may be handed out.
    fn check_unreliable(
        &self,
        lane: LaneIndex,
        number: MessageNumber,
        len: usize,
    ) -> Result<(), Refusal> {
        if len > self.limits.max_message_bytes {
            return Err(Refusal::Fatal("message too large"));
        }
        if self.queue.is_late(lane, number) {
            return Err(Refusal::Ignored(DropReason::LateMessage));
        }
        if !self.queue.has_room(len) {
            return Err(Refusal::NotNow(DropReason::ReceiveBufferFull));
        }
        Ok(())
    }

    /// What all lanes together may hold.
    const fn held_limit(&self) -> u64 {
        self.limits.all_lanes_bytes.saturating_add(self.kept_bytes)
    }

    /// Whether a segment is taken although all lanes are full: one lane may always go on, else all would
    /// wait for bytes that none may take any more. It gets the next bytes of its stream only, and no other
    /// lane does before it is through.
    fn may_go_on(&mut self, lane: LaneIndex, pos: StreamPos) -> bool {
        let lane_of = |lane: LaneIndex| self.lanes.get(lane.as_usize());
        let is_next = lane_of(lane).is_some_and(|lane| pos <= lane.base && !lane.is_stalled());
        let is_taken = self.going_on.is_some_and(|other| {
            other != lane && lane_of(other).is_some_and(|other| other.held_bytes() > 0)
        });
        if is_next && !is_taken {
            self.going_on = Some(lane);
        }
        is_next && !is_taken
    }

    fn ensure_lane(&mut self, lane: LaneIndex) {
        let needed = lane.as_usize() + 1;
        if self.lanes.len() < needed {
            let limits = self.limits;
            let watches = self.watches_headers;
            self.lanes.resize_with(needed, || {
                let mut lane = ReliableReceiver::new(limits);
                if watches {
                    lane.watch_headers();
                }
                lane
            });
        }
    }
}

/// What the decoder needs to know to expand shortened numbers.
#[derive(Debug)]
pub(crate) struct Expansion<'a> {
    /// `None` if the data is dropped whatever its numbers.
    receiver: Option<&'a Receiver>,
    next_send: PacketNumber,
}

impl<'a> Expansion<'a> {
    pub(crate) const fn new(receiver: &'a Receiver, next_send: PacketNumber) -> Self {
        Self {
            receiver: Some(receiver),
            next_send,
        }
    }

    /// For packets whose data nobody reads. The lanes stand still then, so their numbers would turn
    /// stale, and a short form read against them might come out as no number at all.
    pub(crate) const fn unread(next_send: PacketNumber) -> Self {
        Self {
            receiver: None,
            next_send,
        }
    }

    fn lane(&self, lane: LaneIndex) -> Option<&ReliableReceiver> {
        self.receiver?.lanes.get(lane.as_usize())
    }
}

impl DecodeContext for Expansion<'_> {
    fn highest_message(&self, lane: LaneIndex) -> MessageNumber {
        let unknown = match self.receiver {
            Some(_) => MessageNumber::NONE,
            None => MessageNumber::new(MIDDLE),
        };
        self.lane(lane)
            .map_or(unknown, ReliableReceiver::highest_number)
    }

    fn expected_pos(&self, lane: LaneIndex) -> StreamPos {
        let unknown = match self.receiver {
            Some(_) => StreamPos::FIRST,
            None => StreamPos::new(MIDDLE),
        };
        self.lane(lane)
            .map_or(unknown, ReliableReceiver::expected_pos)
    }

    fn next_send(&self) -> PacketNumber {
        self.next_send
    }
}

impl From<ReliableError> for Refusal {
    fn from(error: ReliableError) -> Self {
        match error {
            ReliableError::Refused => Self::NotNow(DropReason::ReceiveBufferFull),
            ReliableError::Fatal(why) => Self::Fatal(why),
        }
    }
}

#[cfg(test)]
mod tests;
