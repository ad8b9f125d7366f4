//! A lane's reliable stream as GNS reassembles it (wire.md 4.8, 4.9).

use super::Refusal;

/// Bytes between the first undelivered and the newest one.
pub(super) const WINDOW: u64 = 1024 * 1024;
/// Most holes, when a segment opens a new one behind the newest byte.
const MAX_HOLES: usize = 30;
/// Most holes, when a segment lands inside one and splits it.
const MAX_HOLES_TO_SPLIT: usize = 20;
/// Largest message taken.
const MAX_MESSAGE: u64 = 512 * 1024;
/// A message number may exceed that of the reliable message before by this much.
const MAX_NUMBER_STEP: u64 = 1_000_000;
/// A message number may lead the highest one seen in the lane by this much.
const MAX_NUMBER_LEAD: u64 = 10_000;
/// Largest value of the high part of a message's size.
const MAX_SIZE_HIGH: u64 = (1 << 27) - 1;
/// Delivered bytes are cut from the buffer once there are this many.
const COMPACT_FROM: usize = 64 * 1024;

/// The receiving end of a stream. Messages are read as soon as they are whole.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    /// Position of the first byte in the buffer.
    start: u64,
    /// Position of the first undelivered byte.
    base: u64,
    bytes: Vec<u8>,
    holes: Vec<(u64, u64)>,
    last_number: u64,
    messages: u64,
    peak_holes: usize,
    peak_bytes: u64,
}

/// A whole message header at the start of some bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Header {
    number_step: u64,
    message_len: u64,
    header_len: usize,
}

impl Stream {
    /// An empty stream with its next byte at `first`, after message `last_number`.
    pub(super) const fn starting_at(first: u64, last_number: u64) -> Self {
        Self {
            start: first,
            base: first,
            bytes: Vec::new(),
            holes: Vec::new(),
            last_number,
            messages: 0,
            peak_holes: 0,
            peak_bytes: 0,
        }
    }

    /// Takes a segment into the buffer, or refuses it, in which case its packet must not be
    /// acknowledged.
    pub(super) fn insert(&mut self, pos: u64, data: &[u8]) -> Result<(), Refusal> {
        let end = pos.saturating_add(data.len() as u64);
        if data.is_empty() || end <= self.base {
            return Ok(());
        }
        if end - self.base > WINDOW {
            return Err(Refusal::Window {
                bytes: end - self.base,
            });
        }
        self.make_holes(pos, end)?;
        self.peak_holes = self.peak_holes.max(self.holes.len());
        self.peak_bytes = self.peak_bytes.max(end - self.base);

        let begin = pos.max(self.base);
        let offset = (begin - self.start) as usize;
        let fresh = &data[(begin - pos) as usize..];
        if self.bytes.len() < offset + fresh.len() {
            self.bytes.resize(offset + fresh.len(), 0);
        }
        self.bytes[offset..offset + fresh.len()].copy_from_slice(fresh);
        Ok(())
    }

    /// Delivers the messages that are whole. `highest` is the highest message number seen in the
    /// lane, of any kind.
    ///
    /// # Errors
    /// If the stream is broken, which ends the connection.
    pub(super) fn deliver(&mut self, highest: &mut u64) -> Result<(), &'static str> {
        loop {
            let whole_until = self.holes.first().map_or_else(|| self.end(), |hole| hole.0);
            let ready = &self.bytes[self.offset(self.base)..self.offset(whole_until)];
            let Some(header) = parse_header(ready)? else {
                break;
            };
            let number = self.last_number.saturating_add(header.number_step);
            if header.number_step > MAX_NUMBER_STEP {
                return Err("step of the message number");
            }
            if number > highest.saturating_add(MAX_NUMBER_LEAD) {
                return Err("message number too far ahead");
            }
            if header.message_len > MAX_MESSAGE {
                return Err("message too large");
            }
            *highest = number.max(*highest);
            let len = header.header_len as u64 + header.message_len;
            if len > ready.len() as u64 {
                break;
            }
            self.base += len;
            self.last_number = number;
            self.messages += 1;
        }
        self.compact();
        Ok(())
    }

    /// One after the newest byte.
    pub(super) const fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }

    /// Messages delivered.
    pub(super) const fn messages(&self) -> u64 {
        self.messages
    }

    /// The most holes there ever were.
    pub(super) const fn peak_holes(&self) -> usize {
        self.peak_holes
    }

    /// The most bytes there ever were between the first undelivered and the newest one.
    pub(super) const fn peak_bytes(&self) -> u64 {
        self.peak_bytes
    }

    /// Accounts for the bytes from `pos` to `end`: they fill holes, or open one behind the newest byte.
    fn make_holes(&mut self, pos: u64, end: u64) -> Result<(), Refusal> {
        let holes = self.holes.len();
        if pos > self.end() {
            if holes >= MAX_HOLES {
                return Err(Refusal::Holes { holes });
            }
            self.holes.push((self.end(), pos));
            return Ok(());
        }
        let splits = |hole: &(u64, u64)| hole.0 < pos && end < hole.1;
        if holes >= MAX_HOLES_TO_SPLIT && self.holes.iter().any(splits) {
            return Err(Refusal::SplitHoles { holes });
        }
        let rest = |hole: &(u64, u64)| {
            let before = (hole.0, hole.1.min(pos));
            let after = (hole.0.max(end), hole.1);
            [before, after]
                .into_iter()
                .filter(|(begin, end)| begin < end)
        };
        self.holes = self.holes.iter().flat_map(rest).collect();
        Ok(())
    }

    fn compact(&mut self) {
        let delivered = self.offset(self.base);
        if delivered >= COMPACT_FROM || delivered == self.bytes.len() {
            self.bytes.drain(..delivered);
            self.start = self.base;
        }
    }

    const fn offset(&self, pos: u64) -> usize {
        (pos - self.start) as usize
    }
}

/// The message header at the start of `bytes`, if it is all there.
fn parse_header(bytes: &[u8]) -> Result<Option<Header>, &'static str> {
    let Some((&lead, mut rest)) = bytes.split_first() else {
        return Ok(None);
    };
    if lead & 0x80 != 0 {
        return Err("lead byte of a message");
    }
    let mut number_step = 1;
    if lead & 0x40 != 0 {
        let Some((step, after)) = varint(rest) else {
            return Ok(None);
        };
        (number_step, rest) = (step, after);
    }
    let mut message_len = u64::from(lead & 0x1F);
    if lead & 0x20 != 0 {
        let Some((high, after)) = varint(rest) else {
            return Ok(None);
        };
        if high > MAX_SIZE_HIGH {
            return Err("size of a message");
        }
        message_len |= high << 5;
        rest = after;
    }
    Ok(Some(Header {
        number_step,
        message_len,
        header_len: bytes.len() - rest.len(),
    }))
}

/// A varint and what follows it; `None` if it is cut off or has more than ten bytes.
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let len = 1 + bytes.iter().take(10).position(|byte| byte & 0x80 == 0)?;
    let (head, rest) = bytes.split_at(len);
    let value = head
        .iter()
        .rev()
        .fold(0, |value: u64, byte| value << 7 | u64::from(byte & 0x7F));
    Some((value, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stream of messages of 29 bytes, 30 with their header.
    fn bytes(messages: usize) -> Vec<u8> {
        [[29; 1].as_slice(), &[7; 29]].concat().repeat(messages)
    }

    fn insert(
        stream: &mut Stream,
        all: &[u8],
        range: std::ops::Range<usize>,
    ) -> Result<(), Refusal> {
        stream.insert(range.start as u64 + 1, &all[range])?;
        stream.deliver(&mut 0).unwrap();
        Ok(())
    }

    #[test]
    fn pieces_in_any_order_make_whole_messages() {
        let all = bytes(10);
        let mut stream = Stream::starting_at(1, 0);
        for range in [250..300, 100..200, 40..60, 30..70, 0..110, 150..260] {
            insert(&mut stream, &all, range).unwrap();
        }
        assert_eq!(
            (stream.messages(), stream.base, stream.end()),
            (10, 301, 301)
        );
        assert_eq!(stream.peak_holes(), 3);
        insert(&mut stream, &all, 0..300).unwrap();
        assert_eq!(stream.messages(), 10);
    }

    #[test]
    fn the_31st_hole_is_refused_and_so_is_the_21st_split() {
        let all = bytes(100);
        let mut stream = Stream::starting_at(1, 0);
        for n in 1..=30 {
            insert(&mut stream, &all, n * 10..n * 10 + 5).unwrap();
        }
        let holes = 30;
        assert_eq!(
            insert(&mut stream, &all, 400..405),
            Err(Refusal::Holes { holes })
        );
        assert_eq!(
            insert(&mut stream, &all, 4..6),
            Err(Refusal::SplitHoles { holes })
        );
        insert(&mut stream, &all, 0..200).unwrap();
        insert(&mut stream, &all, 206..208).unwrap();
    }

    #[test]
    fn no_byte_beyond_the_window_is_taken() {
        let mut stream = Stream::starting_at(1, 0);
        stream.insert(WINDOW, &[0]).unwrap();
        let bytes = WINDOW + 1;
        assert_eq!(
            stream.insert(WINDOW + 1, &[0]),
            Err(Refusal::Window { bytes })
        );
    }

    #[test]
    fn broken_streams_are_fatal() {
        let deliver = |bytes: &[u8]| {
            let mut stream = Stream::starting_at(1, 0);
            stream.insert(1, bytes).unwrap();
            stream.deliver(&mut 0)
        };
        assert!(deliver(&[0x80]).is_err());
        assert!(deliver(&[0x40, 0x91, 0x4E]).is_err(), "number 10001");
        assert!(deliver(&[0x40, 0x90, 0x4E]).is_ok(), "number 10000");
        assert!(
            deliver(&[0x21, 0x80, 0x80, 0x01]).is_err(),
            "512 KiB and a byte"
        );
        assert!(deliver(&[0x20, 0x80, 0x80, 0x01]).is_ok(), "512 KiB");
        assert!(deliver(&[0x20, 0x80]).is_ok(), "incomplete");
    }
}
