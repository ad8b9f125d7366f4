//! Checked reading of little-endian fields, and their writing.

use alloc::vec::Vec;

use crate::wire::varint;

/// Takes fields from the front of a byte string; `None` once one of them is not all there.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Starts at the first of `bytes`.
    #[inline]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Takes one byte.
    #[inline]
    pub fn u8(&mut self) -> Option<u8> {
        let (&byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(byte)
    }

    /// Takes a 16-bit number.
    #[inline]
    pub fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    /// Takes a 32-bit number.
    #[inline]
    pub fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// Takes a number of `N` bytes, at most eight.
    #[inline]
    pub fn uint<const N: usize>(&mut self) -> Option<u64> {
        const { assert!(N <= 8, "wider than the result") };
        let bytes: [u8; N] = self.array()?;
        let value = bytes.iter().rev();
        Some(value.fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }

    /// Takes a varint of at most 32 bits; `None` also if it is larger.
    #[inline]
    pub fn varint_u32(&mut self) -> Option<u32> {
        let (value, rest) = varint::decode_u32(self.0).ok()?;
        self.0 = rest;
        Some(value)
    }

    /// Takes a varint of at most 64 bits; `None` also if it is larger.
    #[inline]
    pub fn varint_u64(&mut self) -> Option<u64> {
        let (value, rest) = varint::decode_u64(self.0).ok()?;
        self.0 = rest;
        Some(value)
    }

    /// Takes `len` bytes.
    #[inline]
    pub fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    /// Takes all that is left.
    #[inline]
    pub fn take_rest(&mut self) -> &'a [u8] {
        core::mem::take(&mut self.0)
    }

    /// Takes `N` bytes as an array.
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    /// What is left, without taking it.
    #[inline]
    pub const fn rest(&self) -> &'a [u8] {
        self.0
    }

    /// How many bytes are left.
    #[inline]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing is left.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Appends the low `N` bytes of `value`, lowest first.
///
/// # Panics
/// In debug builds, if `value` needs more.
#[inline]
pub fn put_uint<const N: usize>(out: &mut Vec<u8>, value: u64) {
    const { assert!(N <= 8, "wider than the value") };
    let bytes = value.to_le_bytes();
    let (low, high) = bytes.split_at_checked(N).unwrap_or((&bytes, &[]));
    debug_assert!(high.iter().all(|byte| *byte == 0), "{value} in {N} bytes");
    out.extend_from_slice(low);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_come_in_order_and_end() {
        let mut reader = Reader::new(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 0x83, 0x01, 0xAA, 0xBB, 0xCC]);
        assert_eq!(reader.u8(), Some(1));
        assert_eq!(reader.u16(), Some(0x0302));
        assert_eq!(reader.uint::<6>(), Some(0x0908_0706_0504));
        assert_eq!(reader.varint_u32(), Some(131));
        assert_eq!(reader.u32(), None);
        assert_eq!(reader.take(4), None);
        assert_eq!(reader.take(1), Some(&[0xAA][..]));
        assert_eq!(reader.len(), 2);
        assert_eq!(reader.take_rest(), [0xBB, 0xCC]);
        assert!(reader.is_empty());
        assert_eq!(reader.u8(), None);
        assert_eq!(reader.varint_u64(), None);
    }

    #[test]
    fn numbers_of_any_width_come_back() {
        let mut out = Vec::new();
        put_uint::<3>(&mut out, 0x0003_0201);
        put_uint::<8>(&mut out, u64::MAX);
        put_uint::<0>(&mut out, 0);
        let mut reader = Reader::new(&out);
        assert_eq!(reader.uint::<3>(), Some(0x0003_0201));
        assert_eq!(reader.uint::<8>(), Some(u64::MAX));
        assert_eq!(reader.uint::<0>(), Some(0));
        assert!(reader.is_empty());
    }
}
