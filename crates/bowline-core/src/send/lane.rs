//! One lane of the sender: what is queued, what is in flight, what must go again.
//!
//! Reliable messages become one byte stream (a small header, then the payload; wire.md 4.8). What is
//! lost is remembered as ranges of that stream, so a retransmission is cut anew to whatever fits the
//! packet at hand. Unreliable messages are kept beside it, and a queue of runs holds the order in
//! which the application submitted both.

mod header;
mod long_messages;
mod recording;
mod resend;
mod unacked;

use alloc::collections::VecDeque;
use core::ops::Range;

use serde::Deserialize;
use serde::Serialize;

use crate::config::LaneConfig;
use crate::ids::MessageNumber;
use crate::ids::StreamPos;
use crate::limits;
use crate::memory;
use crate::message::Payload;
use crate::range_set::RangeSet;
use crate::send::lane::header::MAX_STREAM_HEADER;
use crate::send::lane::header::stream_header;
use crate::send::lane::long_messages::LongMessages;
use crate::send::lane::resend::Resend;
use crate::send::stream_buffer::StreamBuffer;
use crate::send::unreliable::KeyIndex;
use crate::send::unreliable::UnreliableMessage;
use crate::send::unreliable::WaitingBytes;
use crate::time::Timestamp;

pub(crate) use recording::LaneMarks;

/// The sending half of a lane.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct SendLane {
    pub(crate) config: LaneConfig,
    /// Virtual time of weighted fair queueing: bytes sent, scaled by weight.
    pub(crate) virtual_time: u64,
    last_number: MessageNumber,
    last_reliable_number: MessageNumber,
    queue: VecDeque<Run>,
    /// Reliable bytes from the oldest unacknowledged one on.
    stream: StreamBuffer,
    long: LongMessages,
    /// The first byte of the stream that was never sent.
    unsent: StreamPos,
    /// Acknowledged beyond the oldest unacknowledged byte.
    acked: RangeSet,
    resend: Resend,
    unreliable: WaitingBytes,
    /// How many unreliable messages wait, wholly or in part.
    unreliable_messages: u64,
    keys: KeyIndex,
    /// No message that waits is too old before this.
    too_old_at: Timestamp,
    dropped: DroppedMessages,
}

/// Consecutive messages of one kind, in the order of submission and of their numbers.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) enum Run {
    /// Reliable stream bytes up to `end`, the last of which are of message `number`.
    Reliable {
        end: StreamPos,
        number: MessageNumber,
    },
    /// One unreliable message.
    Unreliable(UnreliableMessage),
}

/// Unreliable messages that were accepted and never sent, or not wholly.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub(crate) struct DroppedMessages {
    /// Older than their deadline.
    pub(crate) expired: u64,
    /// A newer one with the same key took the place.
    pub(crate) replaced: u64,
}

impl SendLane {
    pub(crate) const fn new(config: LaneConfig) -> Self {
        Self {
            config,
            virtual_time: 0,
            last_number: MessageNumber::NONE,
            last_reliable_number: MessageNumber::NONE,
            queue: VecDeque::new(),
            stream: StreamBuffer::new(StreamPos::FIRST),
            long: LongMessages::new(),
            unsent: StreamPos::FIRST,
            acked: RangeSet::new(),
            resend: Resend::new(),
            unreliable: WaitingBytes::new(),
            unreliable_messages: 0,
            keys: KeyIndex::new(),
            too_old_at: Timestamp::NEVER,
            dropped: DroppedMessages {
                expired: 0,
                replaced: 0,
            },
        }
    }

    /// Begins after message `last`, with the byte at `first`.
    #[cfg(any(test, feature = "test-support"))]
    pub(crate) fn start_at(&mut self, last: MessageNumber, first: StreamPos) {
        self.last_number = last;
        self.last_reliable_number = last;
        self.stream = StreamBuffer::new(first);
        self.unsent = first;
    }

    /// Queues a reliable message and numbers it.
    pub(crate) fn submit_reliable(&mut self, payload: Payload<'_>) -> MessageNumber {
        let number = self.last_number.next();
        let step = number.get() - self.last_reliable_number.get();
        self.last_number = number;
        self.last_reliable_number = number;
        let mut header = [0; MAX_STREAM_HEADER];
        let header = stream_header(&mut header, step, payload.len());
        let start = self.stream.end();
        self.stream.append(header);
        self.stream.append_payload(payload);
        let end = self.stream.end();
        self.long.submitted(start, end);
        push(&mut self.queue, Run::Reliable { end, number });
        number
    }

    /// Queues an unreliable message that is not worth sending from `too_old_at` on. It gets a number,
    /// or takes over place and number of the one with its key that waits: so numbers rise on the wire, and
    /// what is replaced over and over still has its turn.
    pub(crate) fn submit_unreliable(
        &mut self,
        payload: Payload<'_>,
        too_old_at: Timestamp,
        key: Option<u64>,
    ) -> MessageNumber {
        self.too_old_at = self.too_old_at.min(too_old_at);
        let len = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        if let Some(old) = key.and_then(|key| self.waiting(key)) {
            let message = UnreliableMessage {
                at: self.unreliable.replace(old.len, payload),
                len,
                too_old_at,
                ..old
            };
            self.dropped.replaced += 1;
            if let Some(index) = self.index_of(old.number)
                && let Some(run) = self.queue.get_mut(index)
            {
                *run = Run::Unreliable(message);
            }
            self.limit_waste();
            return old.number;
        }
        let number = self.last_number.next();
        self.last_number = number;
        if let Some(key) = key {
            self.keys.insert(key, number);
        }
        self.unreliable_messages += 1;
        self.queue.push_back(Run::Unreliable(UnreliableMessage {
            number,
            at: self.unreliable.append(payload),
            len,
            sent: 0,
            too_old_at,
            key,
        }));
        number
    }

    /// The message with this key that waits and was not sent even in part.
    pub(crate) fn waiting(&self, key: u64) -> Option<UnreliableMessage> {
        let index = self.index_of(self.keys.find(key)?)?;
        match self.queue.get(index)? {
            Run::Unreliable(message) => Some(*message),
            Run::Reliable { .. } => None,
        }
    }

    /// Drops unreliable messages that are too old; what is left of those that were sent in part, too.
    pub(crate) fn expire(&mut self, now: Timestamp) {
        if self.too_old_at > now {
            return;
        }
        self.too_old_at = Timestamp::NEVER;
        let mut kept = false;
        // Goes round once: what stays is put at the end.
        for _ in 0..self.queue.len() {
            let Some(run) = self.queue.pop_front() else {
                return;
            };
            if let Run::Unreliable(message) = run {
                if message.too_old_at <= now {
                    self.dropped.expired += 1;
                    self.unreliable.forget(message.rest());
                    self.leave(message);
                    continue;
                }
                self.too_old_at = self.too_old_at.min(message.too_old_at);
            }
            if kept {
                push(&mut self.queue, run);
            } else {
                self.queue.push_back(run);
            }
            kept = true;
        }
        self.limit_waste();
    }

    /// The first time at which a message that waits may be too old; [`Timestamp::NEVER`] if none will be.
    pub(crate) const fn too_old_at(&self) -> Timestamp {
        self.too_old_at
    }

    /// What was accepted and not sent.
    pub(crate) const fn dropped(&self) -> DroppedMessages {
        self.dropped
    }

    /// Whether there is anything that a packet could carry now. `window` bounds how far new reliable
    /// bytes may run ahead of the oldest unacknowledged one, `max_holes` how torn the peer's stream may be.
    pub(crate) fn has_sendable(&self, window: u64, max_holes: usize) -> bool {
        if !self.resend.is_empty() {
            return true;
        }
        match self.queue.front() {
            None => false,
            Some(Run::Unreliable(_)) => true,
            Some(Run::Reliable { .. }) => self.stream_room(window, max_holes) > 0,
        }
    }

    /// The peer has told a window of its own, which is not that of GNS.
    pub(crate) fn on_peer_window(&mut self) {
        self.long.ignore();
    }

    /// How many new reliable bytes the peer's receive window takes.
    pub(crate) fn stream_room(&self, window: u64, max_holes: usize) -> u64 {
        if self.acked.len() >= max_holes {
            return 0;
        }
        let start = self.long.window_start(self.stream.start());
        window.saturating_sub(self.unsent.bytes_since(start))
    }

    /// The next range to send again, of at most `max` bytes, with `flight` bytes under way. It is one that goes
    /// again for a second time only if [`Self::first_lost`] said so.
    pub(crate) fn take_lost(&mut self, max: u64, flight: u64) -> Option<Range<StreamPos>> {
        let range = self.resend.take(max, self.unsent.get(), flight)?;
        Some(StreamPos::new(range.start)..StreamPos::new(range.end))
    }

    /// Where the next range to send again begins; that of a second copy only if `copies` may go, too.
    pub(crate) fn first_lost(&self, copies: bool) -> Option<StreamPos> {
        self.resend.first(copies).map(StreamPos::new)
    }

    /// The run at the head of the queue.
    pub(crate) fn head(&self) -> Option<Run> {
        self.queue.front().copied()
    }

    /// The first reliable byte that was never sent.
    pub(crate) const fn unsent(&self) -> StreamPos {
        self.unsent
    }

    /// Takes the next `len` new reliable bytes off the queue.
    pub(crate) fn take_new(&mut self, len: u64) -> Range<StreamPos> {
        let start = self.unsent;
        self.unsent = start.advance(len);
        if let Some(Run::Reliable { end, .. }) = self.queue.front()
            && *end <= self.unsent
        {
            self.queue.pop_front();
            self.on_head_gone();
        }
        start..self.unsent
    }

    /// Notes that `len` bytes of the unreliable message at the head went out; `last` if all of it did.
    pub(crate) fn took_unreliable(&mut self, len: u32, last: bool) {
        let Some(Run::Unreliable(message)) = self.queue.front_mut() else {
            debug_assert!(false, "the head is not an unreliable message");
            return;
        };
        let at = message.at;
        message.at = at.advance(u64::from(len));
        message.sent += len;
        let message = *message;
        self.unreliable.took(at, len);
        if last {
            self.queue.pop_front();
            self.leave(message);
            self.on_head_gone();
        } else if let Some(key) = message.key
            && message.sent == len
        {
            // What is sent in part cannot be replaced any more.
            self.keys.remove(key);
        }
    }

    /// Appends stream bytes to a packet.
    pub(crate) fn copy_reliable(&mut self, range: Range<StreamPos>, out: impl FnMut(&[u8])) {
        self.stream.copy_to(range, out);
    }

    /// Appends bytes of an unreliable message to a packet.
    pub(crate) fn copy_unreliable(&mut self, at: StreamPos, len: u32, out: impl FnMut(&[u8])) {
        self.unreliable.copy_to(at, len, out);
    }

    /// The peer has these bytes.
    pub(crate) fn on_acked(&mut self, range: Range<StreamPos>) {
        let range = range.start.get()..range.end.get();
        self.resend.remove(range.clone());
        let mut oldest = self.stream.start().get();
        if range.start > oldest {
            self.acked.insert(range);
            return;
        }
        oldest = oldest.max(range.end);
        self.acked.remove_below(oldest);
        if let Some(first) = self.acked.first()
            && first.start <= oldest
        {
            oldest = first.end;
            self.acked.remove_below(oldest);
        }
        self.stream.release(StreamPos::new(oldest));
        self.long.release(StreamPos::new(oldest));
    }

    /// A packet with these bytes is taken for lost: what the peer lacks of them goes again.
    pub(crate) fn on_lost(&mut self, range: Range<StreamPos>) {
        let from = range.start.max(self.stream.start()).get();
        for part in self.acked.missing_in(from..range.end.get().max(from)) {
            self.resend.insert(part);
        }
    }

    /// Reliable bytes that were never sent.
    pub(crate) fn unsent_reliable_bytes(&self) -> u64 {
        self.stream.end().bytes_since(self.unsent)
    }

    /// Reliable bytes that wait to be sent again.
    pub(crate) const fn lost_bytes(&self) -> u64 {
        self.resend.bytes()
    }

    /// Unreliable bytes that were never sent.
    pub(crate) const fn unsent_unreliable_bytes(&self) -> u64 {
        self.unreliable.len()
    }

    /// How many unreliable messages wait, wholly or in part.
    pub(crate) const fn unsent_unreliable_messages(&self) -> u64 {
        self.unreliable_messages
    }

    /// How many unreliable messages were numbered since the last reliable one.
    pub(crate) fn unreliable_run(&self) -> u64 {
        self.last_number.get() - self.last_reliable_number.get()
    }

    /// Whether every reliable byte was acknowledged.
    pub(crate) fn is_drained(&self) -> bool {
        self.stream.start() == self.stream.end()
    }

    /// Whether nothing waits to be sent for the first time or again.
    pub(crate) fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.resend.is_empty()
    }

    /// Drops what was not sent, at the end of a connection.
    pub(crate) fn discard(&mut self) {
        *self = Self {
            last_number: self.last_number,
            dropped: self.dropped,
            ..Self::new(self.config)
        };
    }

    /// Heap in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        memory::of_deque(&self.queue)
            + self.stream.heap_bytes()
            + self.long.heap_bytes()
            + self.acked.heap_bytes()
            + self.resend.heap_bytes()
            + self.unreliable.heap_bytes()
            + self.keys.heap_bytes()
    }

    /// The most heap in bytes of what `lanes` lanes remember of `waiting` bytes, `messages` unreliable
    /// messages with reliable ones between them, and ranges acknowledged or lost, one per packet at most.
    pub(crate) const fn heap_bound(waiting: usize, messages: usize, lanes: usize) -> usize {
        let ranges = limits::MAX_TRACKED_PACKETS + lanes;
        memory::grown::<Run>(messages.saturating_mul(2).saturating_add(lanes))
            .saturating_add(KeyIndex::heap_bound(messages))
            .saturating_add(LongMessages::heap_bound(waiting, lanes))
            .saturating_add(memory::grown::<Range<u64>>(ranges))
            .saturating_add(Resend::heap_bound(ranges, lanes))
    }

    /// Gives back memory that is only kept for speed.
    pub(crate) fn shrink(&mut self) {
        self.stream.shrink();
        self.resend.shrink();
        self.long.shrink();
        self.unreliable.shrink();
        self.keys.shrink();
        if self.queue.is_empty() {
            self.queue = VecDeque::new();
        }
    }

    #[cfg(test)]
    pub(crate) fn kept_unreliable_bytes(&self) -> u64 {
        self.unreliable.kept()
    }

    #[cfg(test)]
    pub(crate) fn keys(&self) -> usize {
        self.keys.len()
    }

    #[cfg(test)]
    pub(crate) fn runs(&self) -> usize {
        self.queue.len()
    }

    fn index_of(&self, number: MessageNumber) -> Option<usize> {
        self.queue
            .binary_search_by_key(&number, |run| match run {
                Run::Reliable { number, .. } => *number,
                Run::Unreliable(message) => message.number,
            })
            .ok()
    }

    /// An unreliable message is not in the queue any more.
    fn leave(&mut self, message: UnreliableMessage) {
        self.unreliable_messages -= 1;
        if let Some(key) = message.key
            && self.keys.find(key) == Some(message.number)
        {
            self.keys.remove(key);
        }
    }

    fn on_head_gone(&mut self) {
        if self.queue.is_empty() {
            self.too_old_at = Timestamp::NEVER;
        }
        self.limit_waste();
    }

    fn limit_waste(&mut self) {
        let messages = self.queue.iter_mut().filter_map(|run| match run {
            Run::Reliable { .. } => None,
            Run::Unreliable(message) => Some(message),
        });
        self.unreliable.limit_waste(messages);
    }
}

/// Adds to the end of a queue; reliable bytes that follow reliable bytes become one run with them.
fn push(queue: &mut VecDeque<Run>, run: Run) {
    if let Run::Reliable { end, number } = run
        && let Some(Run::Reliable {
            end: last_end,
            number: last_number,
        }) = queue.back_mut()
    {
        *last_end = end;
        *last_number = number;
        return;
    }
    queue.push_back(run);
}

#[cfg(test)]
mod tests;
