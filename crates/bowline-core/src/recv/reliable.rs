//! Turns the reliable byte stream of a lane back into messages.
//!
//! In-order bytes are parsed at once: a message that lies whole in a segment is copied straight to the
//! receive queue, a longer one grows in a buffer of its own. Bytes beyond a hole wait as pieces. When
//! the queue has no room for a finished message, the message and all bytes behind it wait here, within
//! the same bounds, until the application has read; they stay acknowledged meanwhile. (DIFFERS: GNS
//! leaves such packets unacknowledged, so its peers send everything again and again.)

use alloc::boxed::Box;
use alloc::collections::BTreeMap;

use bytes::Bytes;
use bytes::BytesMut;

use serde::Deserialize;
use serde::Serialize;

use crate::ids::LaneIndex;
use crate::ids::MessageNumber;
use crate::ids::StreamPos;
use crate::limits;
use crate::range_set::RangeSet;
use crate::recv::memory::ReceiveLimits;
use crate::recv::queue;
use crate::recv::queue::MessageMeta;
use crate::recv::queue::ReceiveQueue;
use crate::time::Timestamp;

/// Longest header of a message in the stream; a header that is cut by a segment's end waits in full.
const MAX_HEADER: usize = 1 + 10 + 5;
/// The high part of a size is at most this (GNS: fatal above).
const MAX_SIZE_HIGH: u64 = (1 << 27) - 1;

/// The receiving half of a lane's reliable stream.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct ReliableReceiver {
    /// The next byte to parse.
    pub(super) base: StreamPos,
    /// The end of the furthest byte held or parsed.
    end: StreamPos,
    pub(super) parsing: Parsing,
    /// Bytes that are not parsed yet, by position. May overlap.
    pub(super) pieces: BTreeMap<StreamPos, Bytes>,
    piece_bytes: usize,
    last_number: MessageNumber,
    highest_number: MessageNumber,
    limits: ReceiveLimits,
    /// Where headers were parsed, if somebody asked for it.
    #[serde(skip)]
    headers: Option<Box<RangeSet>>,
}

/// What is underway at the base of the stream.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) enum Parsing {
    /// The next byte begins a header.
    Header,
    /// A header that is not whole.
    PartHeader { bytes: [u8; MAX_HEADER], len: usize },
    /// A message that is not whole.
    Body {
        number: MessageNumber,
        size: usize,
        data: BytesMut,
    },
    /// A whole message that the queue had no room for.
    Stalled { number: MessageNumber, data: Bytes },
}

/// Why a segment was not taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ReliableError {
    /// No room: the packet counts as not received, so that the peer sends it again.
    Refused,
    /// The stream is broken, and with it the connection.
    Fatal(&'static str),
}

struct Header {
    number: MessageNumber,
    size: usize,
    len: usize,
}

impl ReliableReceiver {
    pub(crate) const fn new(limits: ReceiveLimits) -> Self {
        Self {
            base: StreamPos::FIRST,
            end: StreamPos::FIRST,
            parsing: Parsing::Header,
            pieces: BTreeMap::new(),
            piece_bytes: 0,
            last_number: MessageNumber::NONE,
            highest_number: MessageNumber::NONE,
            limits,
            headers: None,
        }
    }

    /// Begins after message `last`, with the byte at `first`.
    #[cfg(any(test, feature = "test-support"))]
    pub(crate) const fn start_at(&mut self, last: MessageNumber, first: StreamPos) {
        (self.base, self.end) = (first, first);
        (self.last_number, self.highest_number) = (last, last);
    }

    /// Notes from now on where headers are parsed.
    pub(super) fn watch_headers(&mut self) {
        self.headers = Some(Box::default());
    }

    /// Where headers were parsed since.
    pub(super) fn headers(&self) -> RangeSet {
        self.headers.as_deref().cloned().unwrap_or_default()
    }

    /// Goes by other limits from now on. What is held already is kept.
    pub(crate) const fn set_limits(&mut self, limits: ReceiveLimits) {
        self.limits = limits;
    }

    /// The position that the peer's segments are expanded against: the end of all that is known.
    pub(crate) const fn expected_pos(&self) -> StreamPos {
        self.end
    }

    /// The highest message number seen in the lane, of either kind.
    pub(crate) const fn highest_number(&self) -> MessageNumber {
        self.highest_number
    }

    /// Notes an unreliable message number: both kinds share the numbers of a lane.
    pub(crate) fn saw_number(&mut self, number: MessageNumber) {
        self.highest_number = self.highest_number.max(number);
    }

    /// Takes a segment in.
    pub(crate) fn receive(
        &mut self,
        now: Timestamp,
        lane: LaneIndex,
        pos: StreamPos,
        data: &[u8],
        queue: &mut ReceiveQueue,
    ) -> Result<(), ReliableError> {
        let end = pos.advance(data.len() as u64);
        if end <= self.base {
            return Ok(());
        }
        if end.bytes_since(self.base) > self.limits.window_bytes {
            return Err(ReliableError::Refused);
        }
        let in_order = pos <= self.base && !matches!(self.parsing, Parsing::Stalled { .. });
        if !in_order {
            return self.hold(pos, data);
        }
        self.end = self.end.max(end);
        let known = usize::try_from(self.base.bytes_since(pos)).unwrap_or(usize::MAX);
        let fresh = data.get(known..).unwrap_or(&[]);
        let used = self.parse(now, lane, fresh, queue)?;
        if let Some(rest) = fresh.get(used..).filter(|rest| !rest.is_empty()) {
            // The queue filled up in the middle of the segment.
            return self.hold(self.base, rest);
        }
        self.take_pieces(now, lane, queue)
    }

    /// Goes on where the queue had no room.
    pub(crate) fn resume(
        &mut self,
        now: Timestamp,
        lane: LaneIndex,
        queue: &mut ReceiveQueue,
    ) -> Result<(), ReliableError> {
        let Parsing::Stalled { number, data } = &self.parsing else {
            return Ok(());
        };
        if !queue.has_room(data.len()) {
            return Ok(());
        }
        queue.push(data.clone(), meta(now, lane, *number));
        self.parsing = Parsing::Header;
        self.take_pieces(now, lane, queue)
    }

    /// Whether a finished message waits for room.
    pub(crate) const fn is_stalled(&self) -> bool {
        matches!(self.parsing, Parsing::Stalled { .. })
    }

    /// Bytes of memory held for reassembly; pieces that overlap count each in full, and each with what it
    /// takes besides its bytes.
    pub(crate) fn held_bytes(&self) -> u64 {
        let body = match &self.parsing {
            Parsing::Header | Parsing::PartHeader { .. } => 0,
            Parsing::Body { data, size, .. } => queue::body_bytes(*size, data.len()),
            Parsing::Stalled { data, .. } => data.len(),
        };
        let pieces = self.piece_bytes + self.pieces.len() * limits::REASSEMBLY_PIECE_COST;
        (body + pieces) as u64
    }

    /// The same once the message that is under way is whole.
    pub(crate) fn promised_bytes(&self) -> u64 {
        let growth = match &self.parsing {
            Parsing::Header | Parsing::PartHeader { .. } | Parsing::Stalled { .. } => 0,
            Parsing::Body { data, size, .. } => {
                queue::body_bytes(*size, *size) - queue::body_bytes(*size, data.len())
            }
        };
        self.held_bytes() + growth as u64
    }

    /// Heap in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        usize::try_from(self.held_bytes()).unwrap_or(usize::MAX)
    }

    fn hold(&mut self, pos: StreamPos, data: &[u8]) -> Result<(), ReliableError> {
        let known = self.pieces.get(&pos).map_or(0, Bytes::len);
        if known >= data.len() {
            return Ok(());
        }
        let end = pos.advance(data.len() as u64);
        if let Some((start, before)) = self.pieces.range(..pos).next_back() {
            let reached = start.advance(before.len() as u64);
            // A piece that the one before it covers adds nothing.
            if reached >= end {
                return Ok(());
            }
            if known == 0 && reached == pos && before.len() + data.len() <= limits::JOINED_PIECE {
                let (start, joined) = (*start, Bytes::from([before, data].concat()));
                self.insert_piece(start, joined);
                self.end = self.end.max(end);
                return Ok(());
            }
        }
        if known == 0 && self.pieces.len() >= self.limits.max_pieces {
            return Err(ReliableError::Refused);
        }
        self.insert_piece(pos, Bytes::copy_from_slice(data));
        self.end = self.end.max(end);
        Ok(())
    }

    /// Parses the pieces that the base has reached.
    fn take_pieces(
        &mut self,
        now: Timestamp,
        lane: LaneIndex,
        queue: &mut ReceiveQueue,
    ) -> Result<(), ReliableError> {
        while let Some(entry) = self.pieces.first_entry() {
            if *entry.key() > self.base || matches!(self.parsing, Parsing::Stalled { .. }) {
                return Ok(());
            }
            let (pos, piece) = entry.remove_entry();
            self.piece_bytes -= piece.len();
            let known = usize::try_from(self.base.bytes_since(pos)).unwrap_or(usize::MAX);
            let fresh = piece.get(known..).unwrap_or(&[]);
            let used = self.parse(now, lane, fresh, queue)?;
            if used < fresh.len() {
                self.insert_piece(self.base, piece.slice(known + used..));
            }
        }
        Ok(())
    }

    /// Adds a piece, unless one that is as long begins at the same place.
    fn insert_piece(&mut self, pos: StreamPos, data: Bytes) {
        let known = self.pieces.get(&pos).map_or(0, Bytes::len);
        if known < data.len() {
            self.piece_bytes += data.len() - known;
            self.pieces.insert(pos, data);
        }
    }

    /// Parses bytes at the base; returns how many were used. Fewer than all only if the queue is full.
    fn parse(
        &mut self,
        now: Timestamp,
        lane: LaneIndex,
        data: &[u8],
        queue: &mut ReceiveQueue,
    ) -> Result<usize, ReliableError> {
        let mut rest = data;
        while !rest.is_empty() && !self.is_stalled() {
            let used = match &mut self.parsing {
                Parsing::Header => self.parse_header(now, lane, rest, queue)?,
                Parsing::PartHeader { bytes, len } => {
                    let (mut bytes, had) = (*bytes, *len);
                    self.finish_header(&mut bytes, had, rest, queue)?
                }
                Parsing::Body { number, size, data } => {
                    let take = (*size - data.len()).min(rest.len());
                    data.extend_from_slice(rest.get(..take).unwrap_or(&[]));
                    if data.len() == *size {
                        let (number, data) = (*number, core::mem::take(data).freeze());
                        self.deliver(now, lane, number, data, queue);
                    }
                    take
                }
                Parsing::Stalled { .. } => 0,
            };
            self.base = self.base.advance(used as u64);
            rest = rest.get(used..).unwrap_or(&[]);
            self.deliver_empty(now, lane, queue);
        }
        Ok(data.len() - rest.len())
    }

    /// A header at the front of `rest`, and the whole message behind it if it is there.
    fn parse_header(
        &mut self,
        now: Timestamp,
        lane: LaneIndex,
        rest: &[u8],
        queue: &mut ReceiveQueue,
    ) -> Result<usize, ReliableError> {
        if self.headers.is_some() {
            let looked_at = |len: &usize| {
                let part = rest.get(..*len).unwrap_or(rest);
                !matches!(self.peek_header(part), Ok(None))
            };
            let len = (1..=rest.len()).find(looked_at).unwrap_or(rest.len());
            self.note_header(0, len);
        }
        let Some(header) = self.read_header(rest)? else {
            let mut bytes = [0; MAX_HEADER];
            for (to, from) in bytes.iter_mut().zip(rest) {
                *to = *from;
            }
            let len = rest.len();
            self.parsing = Parsing::PartHeader { bytes, len };
            return Ok(len);
        };
        let end = header.len + header.size;
        if let Some(body) = rest.get(header.len..end)
            && queue.has_room(header.size)
        {
            queue.push_copy(body, meta(now, lane, header.number));
            return Ok(end);
        }
        let len = header.len;
        self.begin_body(header, queue);
        Ok(len)
    }

    fn finish_header(
        &mut self,
        bytes: &mut [u8; MAX_HEADER],
        had: usize,
        rest: &[u8],
        queue: &mut ReceiveQueue,
    ) -> Result<usize, ReliableError> {
        let mut len = had;
        for (index, byte) in rest.iter().enumerate() {
            self.note_header(index, 1);
            let Some(slot) = bytes.get_mut(len) else {
                return Err(ReliableError::Fatal("over-long message header"));
            };
            *slot = *byte;
            len += 1;
            if let Some(header) = self.read_header(bytes.get(..len).unwrap_or(&[]))? {
                self.begin_body(header, queue);
                return Ok(len - had);
            }
        }
        self.parsing = Parsing::PartHeader { bytes: *bytes, len };
        Ok(len - had)
    }

    fn begin_body(&mut self, header: Header, queue: &mut ReceiveQueue) {
        self.parsing = Parsing::Body {
            number: header.number,
            size: header.size,
            data: queue.body(header.size),
        };
    }

    /// A message without a body is complete with its header.
    fn deliver_empty(&mut self, now: Timestamp, lane: LaneIndex, queue: &mut ReceiveQueue) {
        if let Parsing::Body {
            number, size: 0, ..
        } = self.parsing
        {
            self.deliver(now, lane, number, Bytes::new(), queue);
        }
    }

    fn deliver(
        &mut self,
        now: Timestamp,
        lane: LaneIndex,
        number: MessageNumber,
        data: Bytes,
        queue: &mut ReceiveQueue,
    ) {
        if !queue.has_room(data.len()) {
            self.parsing = Parsing::Stalled { number, data };
            return;
        }
        self.parsing = Parsing::Header;
        queue.push(data, meta(now, lane, number));
    }

    /// Notes that bytes so far behind the base belong to a header.
    fn note_header(&mut self, from: usize, len: usize) {
        if let Some(headers) = &mut self.headers {
            let start = self.base.advance(from as u64);
            headers.insert(start.get()..start.advance(len as u64).get());
        }
    }

    /// Reads a header; `None` if it is not whole.
    fn read_header(&mut self, bytes: &[u8]) -> Result<Option<Header>, ReliableError> {
        let header = self.peek_header(bytes)?;
        if let Some(header) = &header {
            self.last_number = header.number;
            self.saw_number(header.number);
        }
        Ok(header)
    }

    /// The same without taking it for read.
    ///
    /// GNS e707b3a: steamnetworkingsockets_snp.cpp, `SNP_ReceiveReliableSegment`.
    fn peek_header(&self, bytes: &[u8]) -> Result<Option<Header>, ReliableError> {
        let Some((&lead, mut rest)) = bytes.split_first() else {
            return Ok(None);
        };
        if lead & 0x80 != 0 {
            return Err(ReliableError::Fatal("broken message header"));
        }
        let mut step = 1;
        if lead & 0x40 != 0 {
            let Some(value) = read_varint(&mut rest)? else {
                return Ok(None);
            };
            step = value;
        }
        let mut size = u64::from(lead & 0x1F);
        if lead & 0x20 != 0 {
            let Some(high) = read_varint(&mut rest)? else {
                return Ok(None);
            };
            if high > MAX_SIZE_HIGH {
                return Err(ReliableError::Fatal("message size out of range"));
            }
            size |= high << 5;
        }
        let number = self.next_number(step)?;
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        if size > self.limits.max_message_bytes || size as u64 > self.limits.window_bytes {
            return Err(ReliableError::Fatal("message too large"));
        }
        Ok(Some(Header {
            number,
            size,
            len: bytes.len() - rest.len(),
        }))
    }

    fn next_number(&self, step: u64) -> Result<MessageNumber, ReliableError> {
        let number = self.last_number.get().saturating_add(step);
        let lead = number.saturating_sub(self.highest_number.get());
        if step == 0
            || step > limits::MAX_MESSAGE_NUMBER_STEP
            || lead > limits::MAX_MESSAGE_NUMBER_LEAD
        {
            return Err(ReliableError::Fatal("message number out of range"));
        }
        Ok(MessageNumber::new(number))
    }
}

/// Reads a varint off the front; `None` if it is cut off.
fn read_varint(rest: &mut &[u8]) -> Result<Option<u64>, ReliableError> {
    use crate::wire::varint::VarintError;
    match crate::wire::varint::decode_u64(rest) {
        Ok((value, after)) => {
            *rest = after;
            Ok(Some(value))
        }
        Err(VarintError::Incomplete) => Ok(None),
        Err(VarintError::Overflow) => Err(ReliableError::Fatal("over-long number")),
    }
}

const fn meta(now: Timestamp, lane: LaneIndex, number: MessageNumber) -> MessageMeta {
    MessageMeta {
        number,
        lane,
        reliable: true,
        received_at: now,
    }
}

#[cfg(test)]
mod tests;
