//! Room for received datagrams.

use std::array;
use std::fmt;
use std::io::{self, IoSliceMut};
use std::iter;
use std::net::{SocketAddr, SocketAddrV6};

use bowline_core::transmit::Ecn;
use noq_udp::{BATCH_SIZE, EcnCodepoint, RecvMeta};

/// Buffers for one read of a socket, reused from read to read.
///
/// Each slot takes what the kernel has glued from datagrams of one sender, up to 64 KiB. The memory
/// is asked for at once but touched only as datagrams need it, so slots that stay unused cost
/// address space only.
pub struct RecvBatch {
    bytes: Vec<u8>,
    metas: Vec<RecvMeta>,
    filled: usize,
}

impl RecvBatch {
    /// A batch of `slots`, at least one. More than 32 are never filled by one system call.
    pub fn new(slots: usize) -> Self {
        let slots = slots.max(1);
        Self {
            bytes: vec![0; slots * SLOT_BYTES],
            metas: vec![RecvMeta::default(); slots],
            filled: 0,
        }
    }

    /// The datagrams received: sender, congestion mark and bytes, in order of arrival per sender.
    ///
    /// An IPv4 sender has an IPv4 address, also on a dual-stack socket.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&SocketAddr, Option<Ecn>, &mut [u8])> {
        let slots = self.bytes.chunks_exact_mut(SLOT_BYTES);
        slots
            .zip(&self.metas[..self.filled])
            .flat_map(|(slot, meta)| {
                let (from, ecn) = (&meta.addr, meta.ecn.map(ecn));
                let stride = stride(meta);
                let bytes = &mut slot[..meta.len.min(SLOT_BYTES)];
                // The first is set apart because an empty datagram has no chunks, and is one.
                let (first, rest) = bytes.split_at_mut(stride.min(bytes.len()));
                iter::once(first)
                    .chain(rest.chunks_mut(stride))
                    .map(move |datagram| (from, ecn, datagram))
            })
    }

    /// Adds a datagram that was received earlier. Tells whether there was a free slot of its size.
    pub fn push(&mut self, from: SocketAddr, ecn: Option<Ecn>, bytes: &[u8]) -> bool {
        let slot = self.bytes.chunks_exact_mut(SLOT_BYTES).nth(self.filled);
        let Some((slot, meta)) = slot.zip(self.metas.get_mut(self.filled)) else {
            return false;
        };
        let Some(room) = slot.get_mut(..bytes.len()) else {
            return false;
        };
        room.copy_from_slice(bytes);
        *meta = RecvMeta::default();
        meta.addr = from;
        meta.len = bytes.len();
        meta.stride = bytes.len();
        meta.ecn = ecn.map(code_point);
        self.filled += 1;
        true
    }

    /// How many datagrams were received.
    pub fn len(&self) -> usize {
        self.metas[..self.filled]
            .iter()
            .map(|meta| meta.len.div_ceil(stride(meta)).max(1))
            .sum()
    }

    /// Whether nothing was received.
    pub const fn is_empty(&self) -> bool {
        self.filled == 0
    }

    /// Whether no slot is left, so that more may be waiting in the socket.
    pub const fn is_full(&self) -> bool {
        self.filled == self.metas.len()
    }

    /// Forgets what was received, keeps the memory.
    pub const fn clear(&mut self) {
        self.filled = 0;
    }

    /// Fills free slots by one call of `recv` and returns whether another may find more.
    pub(super) fn fill(
        &mut self,
        recv: impl FnOnce(&mut [IoSliceMut<'_>], &mut [RecvMeta]) -> io::Result<usize>,
    ) -> io::Result<bool> {
        let metas = &mut self.metas[self.filled..];
        let wanted = metas.len().min(BATCH_SIZE);
        let mut slots = self.bytes[self.filled * SLOT_BYTES..].chunks_exact_mut(SLOT_BYTES);
        let mut buffers: [IoSliceMut<'_>; BATCH_SIZE] =
            array::from_fn(|_| IoSliceMut::new(slots.next().unwrap_or_default()));
        let received = recv(&mut buffers[..wanted], &mut metas[..wanted])?;
        for meta in metas.iter_mut().take(received.min(wanted)) {
            meta.addr = canonical(meta.addr);
        }
        self.filled += received.min(wanted);
        // A call that takes a list returns with fewer only when the socket is empty.
        Ok(received == wanted)
    }
}

impl fmt::Debug for RecvBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvBatch")
            .field("slots", &self.metas.len())
            .field("filled", &self.filled)
            .finish_non_exhaustive()
    }
}

/// The length of the datagrams in a slot, the last of which may be shorter. Never 0.
fn stride(meta: &RecvMeta) -> usize {
    if meta.stride == 0 {
        return meta.len.max(1);
    }
    meta.stride
}

/// The one form of an address that serves as a key: IPv4 unmapped, no flow label.
fn canonical(addr: SocketAddr) -> SocketAddr {
    match addr {
        SocketAddr::V4(_) => addr,
        SocketAddr::V6(v6) => match v6.ip().to_ipv4_mapped() {
            Some(ip) => SocketAddr::new(ip.into(), v6.port()),
            None => SocketAddrV6::new(*v6.ip(), v6.port(), 0, v6.scope_id()).into(),
        },
    }
}

const fn ecn(code_point: EcnCodepoint) -> Ecn {
    match code_point {
        EcnCodepoint::Ect0 => Ecn::Ect0,
        EcnCodepoint::Ect1 => Ecn::Ect1,
        EcnCodepoint::Ce => Ecn::Ce,
    }
}

const fn code_point(ecn: Ecn) -> EcnCodepoint {
    match ecn {
        Ecn::Ect0 => EcnCodepoint::Ect0,
        Ecn::Ect1 => EcnCodepoint::Ect1,
        Ecn::Ce => EcnCodepoint::Ce,
    }
}

/// The most that the kernel glues, rounded up.
const SLOT_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    /// Fills the next slot as a receive call would.
    fn put(batch: &mut RecvBatch, from: &str, bytes: &[u8], stride: usize) {
        let more = batch.fill(|buffers, metas| {
            buffers[0][..bytes.len()].copy_from_slice(bytes);
            metas[0].addr = from.parse().unwrap();
            metas[0].len = bytes.len();
            metas[0].stride = stride;
            Ok(1)
        });
        more.unwrap();
    }

    #[test]
    fn slots_are_cut_by_their_stride() {
        let mut batch = RecvBatch::new(4);
        put(&mut batch, "1.2.3.4:5", b"aabbc", 2);
        put(&mut batch, "[::ffff:1.2.3.4]:6", b"whole", 5);
        put(&mut batch, "[fe80::1%3]:7", b"", 0);
        let items: Vec<_> = batch
            .iter_mut()
            .map(|(from, _, bytes)| (from.to_string(), bytes.to_vec()))
            .collect();
        let expected = [
            ("1.2.3.4:5", &b"aa"[..]),
            ("1.2.3.4:5", b"bb"),
            ("1.2.3.4:5", b"c"),
            ("1.2.3.4:6", b"whole"),
            ("[fe80::1%3]:7", b""),
        ];
        assert_eq!(items.len(), batch.len());
        for ((from, bytes), (expected_from, expected_bytes)) in items.iter().zip(expected) {
            assert_eq!(
                (from.as_str(), bytes.as_slice()),
                (expected_from, expected_bytes)
            );
        }
        assert!(!batch.is_full() && !batch.is_empty());
    }

    #[test]
    fn what_was_received_earlier_can_be_added() {
        let mut batch = RecvBatch::new(3);
        put(&mut batch, "1.2.3.4:5", b"aabb", 2);
        let from = "1.2.3.4:6".parse().unwrap();
        assert!(batch.push(from, Some(Ecn::Ce), b"later"));
        assert!(!batch.push(from, None, &[0; SLOT_BYTES + 1]));
        assert!(batch.push(from, None, b""));
        assert!(batch.is_full() && !batch.push(from, None, b"x"));
        let items: Vec<_> = batch.iter_mut().skip(2).collect();
        assert_eq!((items[0].1, &*items[0].2), (Some(Ecn::Ce), &b"later"[..]));
        assert_eq!((*items[1].0, items[1].1, items[1].2.len()), (from, None, 0));
    }

    #[test]
    fn a_stride_beyond_the_datagram_is_harmless() {
        let mut batch = RecvBatch::new(1);
        put(&mut batch, "1.2.3.4:5", b"abc", 60_000);
        assert_eq!(batch.len(), 1);
        assert_eq!(batch.iter_mut().next().unwrap().2, b"abc");
        assert!(batch.is_full());
        batch.clear();
        assert!(batch.is_empty() && batch.iter_mut().next().is_none());
    }
}
