//! Cutting a list of runs into what one system call takes, and keeping track of how far it got.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::num::NonZeroU16;

use bowline_core::transmit::Ecn;

/// A run of datagrams to one peer.
#[derive(Clone, Copy, Debug)]
pub struct OutDatagram<'a> {
    /// Who it is for.
    pub to: SocketAddr,
    /// The datagrams, back to back.
    pub bytes: &'a [u8],
    /// The size in bytes of each datagram but the last. 0 means that `bytes` is one datagram.
    pub segment_size: usize,
    /// The congestion notification bits to set.
    pub ecn: Option<Ecn>,
}

/// How far sending a run got.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use = "what was not sent must be sent again"]
pub enum SendOutcome {
    /// All of it is on its way, or lost.
    Sent,
    /// The send buffer is full.
    Blocked {
        /// The bytes that are on their way, a whole number of datagrams.
        sent_bytes: usize,
    },
}

/// How far sending a list got. If it is not all of it, the send buffer is full.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use = "what was not sent must be sent again"]
pub struct SentMany {
    /// The entries that are wholly on their way, or lost.
    pub entries: usize,
    /// The bytes of the next entry that are on their way, a whole number of datagrams.
    pub bytes_of_next: usize,
}

/// What one message of a system call carries: a datagram, or a run if `segment_size` is set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece<'a> {
    pub(crate) to: SocketAddr,
    pub(crate) bytes: &'a [u8],
    pub(crate) segment_size: Option<NonZeroU16>,
    pub(crate) ecn: Option<Ecn>,
}

/// Most pieces handed to the system at once.
pub(crate) const MAX_PIECES: usize = 32;

/// What a list is sent on; a socket, or a stand-in for it in tests.
pub(super) trait Wire {
    /// How many datagrams a piece may have.
    fn max_segments(&self) -> usize;
    /// How this wire writes the address `to`, if it can reach it at all.
    fn address(&self, to: SocketAddr) -> Option<SocketAddr>;
    /// Sends pieces and returns how many were taken; the error is that of the first.
    fn submit(&self, pieces: &[Piece<'_>]) -> io::Result<usize>;
    /// What `error` means for the list, counting it.
    fn judge(&self, error: &io::Error, piece: &Piece<'_>) -> Verdict;
    /// Counts a run that cannot be sent.
    fn count_lost(&self);
}

/// What an error of sending means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    /// The send buffer is full; the rest has to wait.
    Blocked,
    /// This piece cannot be sent as a run, but perhaps one by one.
    RunRefused,
    /// This piece will not be sent; the next one may.
    Lost,
    /// The socket is broken.
    Fatal,
}

/// Whether `run` goes out in a single piece.
pub(super) fn fits_one_call(run: &OutDatagram<'_>, max_segments: usize) -> bool {
    next_piece(run.to, run, 0, max_segments).bytes.len() == run.bytes.len()
}

/// Sends `list`, up to `N` pieces at a time, until it is done or the send buffer is full.
pub(super) fn drive<const N: usize>(
    wire: &impl Wire,
    list: &[OutDatagram<'_>],
) -> io::Result<SentMany> {
    let mut max_segments = wire.max_segments();
    let mut at = Cursor::default();
    loop {
        at.skip_unsendable(wire, list);
        let mut pieces = [Piece::NONE; N];
        let mut after = [Cursor::default(); N];
        let count = fill(wire, list, at, max_segments, &mut pieces, &mut after);
        if count == 0 {
            break;
        }
        match wire.submit(&pieces[..count]) {
            Ok(taken) => at = after[taken.clamp(1, count) - 1],
            Err(error) => match wire.judge(&error, &pieces[0]) {
                Verdict::Blocked => break,
                // For the rest of this list only: the next may go by another route.
                Verdict::RunRefused => max_segments = 1,
                Verdict::Lost => at = after[0],
                Verdict::Fatal => return Err(error),
            },
        }
    }
    Ok(SentMany {
        entries: at.entry,
        bytes_of_next: at.offset,
    })
}

/// A place in a list of runs.
#[derive(Clone, Copy, Debug, Default)]
struct Cursor {
    entry: usize,
    offset: usize,
}

impl Cursor {
    /// Moves over runs without bytes and those that no address leads to.
    fn skip_unsendable(&mut self, wire: &impl Wire, list: &[OutDatagram<'_>]) {
        while let Some(run) = list.get(self.entry) {
            let is_reachable = wire.address(run.to).is_some();
            if !run.bytes.is_empty() {
                if is_reachable {
                    return;
                }
                wire.count_lost();
            }
            *self = self.next_entry();
        }
    }

    const fn next_entry(self) -> Self {
        Self {
            entry: self.entry + 1,
            offset: 0,
        }
    }
}

/// Cuts pieces from `at` on, as many as there is room for, and notes where each one ends.
fn fill<'a>(
    wire: &impl Wire,
    list: &[OutDatagram<'a>],
    mut at: Cursor,
    max_segments: usize,
    pieces: &mut [Piece<'a>],
    after: &mut [Cursor],
) -> usize {
    let mut count = 0;
    for (slot, end) in pieces.iter_mut().zip(after) {
        let Some(run) = list.get(at.entry) else {
            break;
        };
        let Some(to) = wire.address(run.to) else {
            break;
        };
        if run.bytes.is_empty() {
            break;
        }
        let piece = next_piece(to, run, at.offset, max_segments);
        at.offset += piece.bytes.len();
        if at.offset >= run.bytes.len() {
            at = at.next_entry();
        }
        (*slot, *end) = (piece, at);
        count += 1;
    }
    count
}

/// The piece of `run` that starts at `offset`.
fn next_piece<'a>(
    to: SocketAddr,
    run: &OutDatagram<'a>,
    offset: usize,
    max_segments: usize,
) -> Piece<'a> {
    let rest = run.bytes.get(offset..).unwrap_or_default();
    let segment = match run.segment_size {
        0 => rest.len(),
        size => size,
    };
    // A datagram too long for UDP still makes a piece: the system refuses it, and it is counted.
    let by_bytes = MAX_RUN_BYTES / segment.max(1);
    let segments = max_segments.min(by_bytes).max(1);
    let length = segment.saturating_mul(segments).min(rest.len());
    let segment_size = (length > segment)
        .then(|| u16::try_from(segment).ok().and_then(NonZeroU16::new))
        .flatten();
    Piece {
        to,
        bytes: &rest[..length],
        segment_size,
        ecn: run.ecn,
    }
}

impl Piece<'_> {
    const NONE: Self = Self {
        to: SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0)),
        bytes: &[],
        segment_size: None,
        ecn: None,
    };
}

/// The largest UDP payload over IPv4, which also bounds a run: it travels as one packet until it is cut.
const MAX_RUN_BYTES: usize = 65_507;

#[cfg(test)]
mod tests;
