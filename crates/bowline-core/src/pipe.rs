//! One end of an in-memory connection: what takes the place of packets between two ends in one process.
//!
//! Messages move from end to end as they are, without a copy. The other end's receive queue is bounded,
//! and so an end keeps account of the room in it: what does not fit waits here, by lane, in the same
//! order in which lanes share a network, and the send buffer bounds that.

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;

use serde::Deserialize;
use serde::Serialize;

use crate::config::Config;
use crate::config::LaneConfig;
use crate::end_reason::EndReason;
use crate::error::SendError;
use crate::ids::ConnectionId;
use crate::ids::LaneIndex;
use crate::ids::MessageNumber;
use crate::limits;
use crate::message::Freshness;
use crate::message::Payload;
use crate::message::SendFlags;
use crate::pipe::lane::PipeDropped;
use crate::pipe::lane::PipeLane;
use crate::pipe::lane::Waiting;
use crate::send::KeyIndex;
use crate::time::Span;
use crate::time::Timestamp;

/// What one end of a pipe hands to the other, in order.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub enum Piped {
    /// A message, whole.
    Message {
        /// The lane that it was sent on.
        lane: LaneIndex,
        /// Its number in the lane.
        number: MessageNumber,
        /// Whether it was sent reliably.
        reliable: bool,
        /// Its bytes.
        data: Payload<'static>,
    },
    /// The application took messages out of the receive queue.
    Room(Room),
    /// The connection was closed.
    Closed {
        /// Why.
        reason: EndReason,
        /// Why, in words.
        text: String,
    },
    /// The application has accepted the connection.
    Accepted {
        /// What the accepting end calls it.
        id: ConnectionId,
    },
}

/// Room in a receive queue.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Room {
    /// So many messages.
    pub messages: usize,
    /// So many bytes.
    pub bytes: usize,
}

impl Room {
    /// All that an empty queue takes.
    fn of(config: &Config) -> Self {
        Self {
            messages: config.recv_buffer_messages(),
            bytes: config.recv_buffer_bytes(),
        }
    }

    const fn fits(self, len: usize) -> bool {
        self.messages > 0 && self.bytes >= len
    }

    const fn take(&mut self, len: usize) {
        self.messages = self.messages.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(len);
    }

    const fn add(&mut self, more: Self) {
        self.messages = self.messages.saturating_add(more.messages);
        self.bytes = self.bytes.saturating_add(more.bytes);
    }
}

/// The sending half of an end, and its account of the receiving half's queue.
#[derive(Clone, Debug)]
pub(crate) struct Pipe {
    lanes: Vec<PipeLane>,
    /// What the other end's receive queue still takes, and all that it takes when it is empty.
    room: Room,
    window: Room,
    /// What our application read and the other end was not told yet.
    freed: Room,
    /// Messages that wait, bytes that they have, and how many bytes may.
    waiting: usize,
    waiting_bytes: usize,
    send_buffer_bytes: usize,
    /// What the other end takes.
    max_message_bytes: usize,
    /// The room that refused messages wanted, and that the application waits to hear of.
    refused: Option<usize>,
    /// No message that waits is too old before this.
    too_old_at: Timestamp,
    /// When something moved to the other end last.
    moved_at: Timestamp,
    /// Both ends have agreed to talk; until then messages wait.
    is_open: bool,
    made_at: Timestamp,
    outbox: VecDeque<Piped>,
}

/// Bytes that wait.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct PipedBytes {
    pub(crate) reliable: usize,
    pub(crate) unreliable: usize,
}

/// What may be sent now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PipeRoom {
    pub(crate) buffer_bytes: usize,
    pub(crate) at_once_bytes: usize,
}

impl Pipe {
    /// An end whose other end has the same settings.
    pub(crate) fn new(now: Timestamp, config: &Config) -> Self {
        Self {
            is_open: true,
            ..Self::unopened(now, config, config)
        }
    }

    /// An end that holds messages back until it is [opened](Self::open), and whose other end has settings of
    /// its own.
    pub(crate) fn unopened(now: Timestamp, config: &Config, theirs: &Config) -> Self {
        let room = Room::of(theirs);
        let largest = theirs.recv_max_message_bytes().min(limits::MAX_MESSAGE);
        Self {
            lanes: Vec::from([PipeLane::default()]),
            room,
            window: Room::of(config),
            freed: Room::default(),
            waiting: 0,
            waiting_bytes: 0,
            send_buffer_bytes: config.send_buffer_bytes(),
            max_message_bytes: largest.min(room.bytes),
            refused: None,
            too_old_at: Timestamp::NEVER,
            moved_at: now,
            is_open: false,
            made_at: now,
            outbox: VecDeque::new(),
        }
    }

    /// Both ends have agreed to talk: what waits moves.
    pub(crate) fn open(&mut self, now: Timestamp) {
        self.is_open = true;
        self.moved_at = now;
        self.pump(now);
    }

    /// Tells the other end that it was accepted, by the name that it has here.
    pub(crate) fn accept(&mut self, id: ConnectionId) {
        self.outbox.push_back(Piped::Accepted { id });
    }

    /// Goes by another send buffer from now on. The receive limits are part of what the ends have agreed
    /// upon, and stay.
    pub(crate) fn configure(&mut self, config: &Config) {
        self.send_buffer_bytes = config.send_buffer_bytes();
    }

    /// Finds out whether a message would be taken.
    ///
    /// # Errors
    /// Why the message cannot be taken.
    pub(crate) fn check(
        &mut self,
        now: Timestamp,
        lane: LaneIndex,
        flags: SendFlags,
        freshness: Freshness,
        len: usize,
    ) -> Result<(), SendError> {
        self.expire(now);
        let mut max = self.max_message_bytes();
        if !freshness.is_unbounded() {
            if flags.is_reliable() {
                return Err(SendError::OnlyUnreliable);
            }
            max = max.min(limits::MAX_UNRELIABLE_SEND);
        }
        if len > max {
            return Err(SendError::TooLarge { len, max });
        }
        if lane.as_usize() >= self.lanes.len() {
            let lanes = self.lanes.len();
            return Err(SendError::NoSuchLane { lane, lanes });
        }
        if self.waiting == 0 && self.is_open && self.room.fits(len) {
            return Ok(());
        }
        if flags.contains(SendFlags::NO_DELAY) && !flags.is_reliable() {
            return Err(SendError::NotNow);
        }
        let queued_bytes = self.buffered_bytes();
        let freed = self.freed_by(lane, freshness.key);
        if queued_bytes.saturating_sub(freed) + len > self.send_buffer_bytes {
            self.refused = self.refused.max(Some(len));
            return Err(SendError::BufferFull {
                queued_bytes,
                limit_bytes: self.send_buffer_bytes,
                wait: None,
            });
        }
        Ok(())
    }

    /// Takes a message that passed [`check`](Self::check), and numbers it.
    pub(crate) fn submit(
        &mut self,
        now: Timestamp,
        index: LaneIndex,
        reliable: bool,
        freshness: Freshness,
        data: Payload<'static>,
    ) -> MessageNumber {
        // A message is sent up to its deadline, and not a microsecond later.
        let too_old_at = freshness.deadline.map_or(Timestamp::NEVER, |deadline| {
            now + deadline + Span::from_micros(1)
        });
        self.too_old_at = self.too_old_at.min(too_old_at);
        let floor = self.lowest_virtual_time();
        let Some(lane) = self.lanes.get_mut(index.as_usize()) else {
            debug_assert!(false, "the lane was checked");
            return MessageNumber::NONE;
        };
        if let Some(old) = freshness.key.and_then(|key| lane.waiting(key)) {
            let (number, old_len) = (old.number, old.data.len());
            self.waiting_bytes = self.waiting_bytes - old_len + data.len();
            old.data = data;
            old.too_old_at = too_old_at;
            let len = old.data.len();
            lane.unreliable_bytes = lane.unreliable_bytes - old_len + len;
            lane.dropped.replaced += 1;
            return number;
        }
        let number = lane.last_number.next();
        lane.last_number = number;
        if let Some(key) = freshness.key {
            lane.keys.insert(key, number);
        }
        if lane.queue.is_empty() {
            // A lane that was silent has no claim on the time that others used.
            lane.virtual_time = lane.virtual_time.max(floor);
        }
        self.waiting += 1;
        self.waiting_bytes += data.len();
        *lane.bytes_of(reliable) += data.len();
        lane.queue.push_back(Waiting {
            number,
            reliable,
            too_old_at,
            key: freshness.key,
            data,
        });
        self.pump(now);
        number
    }

    /// Drops unreliable messages that are too old to be handed over.
    pub(crate) fn expire(&mut self, now: Timestamp) {
        if self.too_old_at > now {
            return;
        }
        self.too_old_at = Timestamp::NEVER;
        for lane in &mut self.lanes {
            let (before, bytes) = (lane.queue.len(), lane.unreliable_bytes);
            let earliest = lane.expire(now);
            self.too_old_at = self.too_old_at.min(earliest);
            self.waiting -= before - lane.queue.len();
            self.waiting_bytes -= bytes - lane.unreliable_bytes;
        }
    }

    /// When the next message may be too old, if one that waits has a deadline.
    pub(crate) fn too_old_at(&self) -> Option<Timestamp> {
        (self.too_old_at < Timestamp::NEVER).then_some(self.too_old_at)
    }

    /// Messages that were accepted and not handed over, of all lanes or of one.
    pub(crate) fn dropped(&self, lane: Option<LaneIndex>) -> PipeDropped {
        let mut sum = PipeDropped::default();
        let chosen = self.lanes.iter().enumerate();
        for (_, lane) in chosen.filter(|(i, _)| lane.is_none_or(|lane| lane.as_usize() == *i)) {
            sum.expired += lane.dropped.expired;
            sum.replaced += lane.dropped.replaced;
        }
        sum
    }

    /// The other end's application read messages.
    pub(crate) fn on_room(&mut self, now: Timestamp, room: Room) {
        self.room.add(room);
        self.pump(now);
    }

    /// Our application read a message of `len` bytes; `empty` if none is left. The other end is told in
    /// quarters of the window, and when it might be waiting for the last of it.
    pub(crate) fn on_read(&mut self, len: usize, empty: bool) {
        self.freed.add(Room {
            messages: 1,
            bytes: len,
        });
        let due = self.freed.messages >= self.window.messages / 4
            || self.freed.bytes >= self.window.bytes / 4;
        if due || empty {
            let freed = core::mem::take(&mut self.freed);
            self.outbox.push_back(Piped::Room(freed));
        }
    }

    /// Tells the other end that it is over.
    pub(crate) fn close(&mut self, reason: EndReason, text: String) {
        self.outbox.push_back(Piped::Closed { reason, text });
    }

    /// Drops what waits.
    pub(crate) fn discard(&mut self) {
        for lane in &mut self.lanes {
            lane.queue = VecDeque::new();
            lane.keys = KeyIndex::new();
            lane.reliable_bytes = 0;
            lane.unreliable_bytes = 0;
        }
        self.waiting = 0;
        self.waiting_bytes = 0;
        self.refused = None;
        self.too_old_at = Timestamp::NEVER;
    }

    /// Sets priorities and weights, which were checked, adding lanes as needed.
    pub(crate) fn configure_lanes(&mut self, lanes: &[LaneConfig]) {
        self.lanes.resize_with(lanes.len(), PipeLane::default);
        for (lane, config) in self.lanes.iter_mut().zip(lanes) {
            lane.config = *config;
            lane.virtual_time = 0;
        }
    }

    /// Whether a refused sender should hear that there is room; says so once. As with packets, half of
    /// the buffer is free then, and the largest message that was refused fits.
    pub(crate) fn take_writable(&mut self) -> bool {
        let Some(wanted) = self.refused else {
            return false;
        };
        let (held, limit) = (self.buffered_bytes(), self.send_buffer_bytes);
        let tell = held * 2 <= limit && held + wanted.min(limit) <= limit;
        if tell {
            self.refused = None;
        }
        tell
    }

    /// What the other end shall be handed next.
    pub(crate) fn poll(&mut self) -> Option<Piped> {
        self.outbox.pop_front()
    }

    /// Whether no reliable message waits.
    pub(crate) fn is_drained(&self) -> bool {
        self.lanes.iter().all(|lane| lane.reliable_bytes == 0)
            && !self.lanes.iter().any(PipeLane::has_reliable)
    }

    /// Bytes that wait, of all lanes or of one.
    pub(crate) fn pending(&self, lane: Option<LaneIndex>) -> PipedBytes {
        let mut sum = PipedBytes::default();
        let chosen = self.lanes.iter().enumerate();
        for (_, lane) in chosen.filter(|(i, _)| lane.is_none_or(|lane| lane.as_usize() == *i)) {
            sum.reliable += lane.reliable_bytes;
            sum.unreliable += lane.unreliable_bytes;
        }
        sum
    }

    /// What a lane takes now; `None` if it is not configured.
    pub(crate) fn room_for(&self, lane: LaneIndex) -> Option<PipeRoom> {
        self.lanes.get(lane.as_usize())?;
        let at_once = self.waiting == 0 && self.is_open && self.room.messages > 0;
        let at_once_bytes = if at_once { self.room.bytes } else { 0 };
        let free = self.free_bytes();
        let max = self.max_message_bytes();
        Some(PipeRoom {
            buffer_bytes: free.max(at_once_bytes).min(max),
            at_once_bytes,
        })
    }

    /// How many bytes more the send buffer takes.
    pub(crate) fn free_bytes(&self) -> usize {
        self.send_buffer_bytes.saturating_sub(self.buffered_bytes())
    }

    /// When it was made.
    pub(crate) const fn made_at(&self) -> Timestamp {
        self.made_at
    }

    /// When something moved to the other end last.
    pub(crate) const fn moved_at(&self) -> Timestamp {
        self.moved_at
    }

    /// The largest message that can be sent.
    pub(crate) fn max_message_bytes(&self) -> usize {
        self.max_message_bytes.min(self.send_buffer_bytes)
    }

    /// Messages are remembered one by one, empty ones too, so their number counts where it is large for
    /// their bytes.
    fn buffered_bytes(&self) -> usize {
        let records = self.waiting * limits::UNRELIABLE_MESSAGE_COST as usize;
        self.waiting_bytes.max(records)
    }

    /// What goes from the buffer when a message with this key takes the place of another.
    fn freed_by(&mut self, lane: LaneIndex, key: Option<u64>) -> usize {
        let lane = self.lanes.get_mut(lane.as_usize());
        let waiting = lane.zip(key).and_then(|(lane, key)| lane.waiting(key));
        waiting.map_or(0, |old| old.data.len())
    }

    fn pump(&mut self, now: Timestamp) {
        self.expire(now);
        while self.is_open
            && let Some(index) = self.next_lane()
            && let Some(lane) = self.lanes.get_mut(index.as_usize())
            && let Some(first) = lane.queue.front()
            && self.room.fits(first.data.len())
            && let Some(message) = lane.queue.pop_front()
        {
            let len = message.data.len();
            lane.forget_key(&message);
            *lane.bytes_of(message.reliable) -= len;
            let cost = (len as u64 + 1) * VIRTUAL_SCALE;
            lane.virtual_time += cost / u64::from(lane.config.weight.max(1));
            self.room.take(len);
            self.waiting -= 1;
            self.waiting_bytes -= len;
            self.moved_at = now;
            self.outbox.push_back(Piped::Message {
                lane: index,
                number: message.number,
                reliable: message.reliable,
                data: message.data,
            });
        }
    }

    /// The lane whose turn it is: the least priority number, then the least virtual time.
    fn next_lane(&self) -> Option<LaneIndex> {
        let waiting = (0_u8..=u8::MAX).zip(&self.lanes);
        waiting
            .filter(|(_, lane)| !lane.queue.is_empty())
            .min_by_key(|(_, lane)| (lane.config.priority, lane.virtual_time))
            .map(|(index, _)| LaneIndex::new(index))
    }

    fn lowest_virtual_time(&self) -> u64 {
        let waiting = self.lanes.iter().filter(|lane| !lane.queue.is_empty());
        waiting.map(|lane| lane.virtual_time).min().unwrap_or(0)
    }
}

/// Resolution of virtual time; weights go up to 65,535.
const VIRTUAL_SCALE: u64 = 1 << 16;

mod lane;
mod room;

#[cfg(test)]
mod tests;
