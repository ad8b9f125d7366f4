//! Base-128 varints as in protobuf: seven bits per byte, lowest first, the top bit says "more".
//!
//! Over-long forms (`80 00` for 0) are taken, as GNS takes them. What does not fit the type is
//! refused. DIFFERS: GNS loses the upper bits of a five-byte value silently (wire.md correction 5).

use alloc::vec::Vec;

/// The longest encoding of a 64-bit value.
pub const MAX_LEN: usize = 10;

/// Why there is no value.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum VarintError {
    /// The bytes end before the value does; with more of them it may be whole.
    #[error("varint is cut off")]
    Incomplete,
    /// The value does not fit its type, whatever follows.
    #[error("varint is too large")]
    Overflow,
}

/// Reads a 64-bit value and returns it with the bytes after it.
///
/// # Errors
/// If the value is cut off or too large.
#[inline]
pub fn decode_u64(bytes: &[u8]) -> Result<(u64, &[u8]), VarintError> {
    match bytes.split_first() {
        Some((&byte, rest)) if byte < MORE => Ok((u64::from(byte), rest)),
        Some(_) => decode_long(bytes, u64::MAX),
        None => Err(VarintError::Incomplete),
    }
}

/// Reads a 32-bit value and returns it with the bytes after it.
///
/// # Errors
/// If the value is cut off or too large.
#[inline]
pub fn decode_u32(bytes: &[u8]) -> Result<(u32, &[u8]), VarintError> {
    let (value, rest) = match bytes.split_first() {
        Some((&byte, rest)) if byte < MORE => (u64::from(byte), rest),
        Some(_) => decode_long(bytes, u64::from(u32::MAX))?,
        None => return Err(VarintError::Incomplete),
    };
    let value = u32::try_from(value).map_err(|_| VarintError::Overflow)?;
    Ok((value, rest))
}

/// Appends `value` in its shortest form.
#[inline]
pub fn encode(out: &mut Vec<u8>, mut value: u64) {
    while value >= u64::from(MORE) {
        out.push(low_bits(value) | MORE);
        value >>= GROUP_BITS;
    }
    out.push(low_bits(value));
}

/// Writes `value` in its shortest form to the front of `out` and returns how many bytes that took.
/// What does not fit is not written.
pub fn encode_into(mut value: u64, out: &mut [u8]) -> usize {
    let len = encoded_len(value);
    for (index, slot) in out.iter_mut().take(len).enumerate() {
        let more = if index.saturating_add(1) < len {
            MORE
        } else {
            0
        };
        *slot = low_bits(value) | more;
        value >>= GROUP_BITS;
    }
    len
}

/// How many bytes [`encode`] appends.
#[inline]
pub const fn encoded_len(value: u64) -> usize {
    let bits = u64::BITS.saturating_sub((value | 1).leading_zeros());
    bits.div_ceil(GROUP_BITS) as usize
}

/// Set in every byte but the last.
const MORE: u8 = 0x80;
/// Bits of the value per byte.
const GROUP_BITS: u32 = 7;

const fn low_bits(value: u64) -> u8 {
    (value & 0x7F) as u8
}

fn decode_long(bytes: &[u8], max: u64) -> Result<(u64, &[u8]), VarintError> {
    let bits = u64::BITS.saturating_sub(max.leading_zeros());
    let mut value = 0;
    let mut rest = bytes;
    for shift in (0..bits).step_by(GROUP_BITS as usize) {
        let Some((&byte, tail)) = rest.split_first() else {
            return Err(VarintError::Incomplete);
        };
        rest = tail;
        let group = u64::from(byte & 0x7F);
        if group > max >> shift {
            return Err(VarintError::Overflow);
        }
        value |= group << shift;
        if byte < MORE {
            return Ok((value, rest));
        }
    }
    Err(VarintError::Overflow)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(value: u64) -> Vec<u8> {
        let mut out = Vec::new();
        encode(&mut out, value);
        out
    }

    #[test]
    fn known_values() {
        assert_eq!(encoded(0), [0]);
        assert_eq!(encoded(127), [0x7F]);
        assert_eq!(encoded(156), [0x9C, 0x01]);
        assert_eq!(encoded(u64::MAX).len(), MAX_LEN);
        assert_eq!(decode_u64(&[0x9C, 0x01, 0xAA]), Ok((156, &[0xAA][..])));
    }

    #[test]
    fn over_long_zero_is_zero() {
        assert_eq!(decode_u64(&[0x80, 0x80, 0x00]), Ok((0, &[][..])));
        assert_eq!(
            decode_u32(&[0x83, 0x80, 0x80, 0x80, 0x00]),
            Ok((3, &[][..]))
        );
    }

    #[test]
    fn cut_off_is_told_from_too_large() {
        assert_eq!(decode_u64(&[]), Err(VarintError::Incomplete));
        assert_eq!(decode_u32(&[]), Err(VarintError::Incomplete));
        assert_eq!(decode_u64(&[0xFF; 9]), Err(VarintError::Incomplete));
        assert_eq!(decode_u64(&[0xFF; 10]), Err(VarintError::Overflow));
        assert_eq!(decode_u32(&[0x80; 4]), Err(VarintError::Incomplete));
        assert_eq!(decode_u32(&[0x80; 5]), Err(VarintError::Overflow));
    }

    #[test]
    fn limit_u32_refuses_two_to_the_32() {
        assert_eq!(
            decode_u32(&encoded(u64::from(u32::MAX))),
            Ok((u32::MAX, &[][..]))
        );
        assert_eq!(decode_u32(&encoded(1 << 32)), Err(VarintError::Overflow));
        assert_eq!(
            decode_u32(&encoded((1 << 32) + 3)),
            Err(VarintError::Overflow)
        );
    }

    proptest! {
        #[test]
        fn comes_back(value: u64, shift in 0u32..64) {
            let value = value >> shift;
            let bytes = encoded(value);
            prop_assert_eq!(bytes.len(), encoded_len(value));
            prop_assert_eq!(decode_u64(&bytes), Ok((value, &[][..])));
            let as_u32 = u32::try_from(value).map_err(|_| VarintError::Overflow);
            prop_assert_eq!(decode_u32(&bytes).map(|(v, _)| v), as_u32);
        }

        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..12)) {
            let _ = decode_u32(&bytes);
            if let Ok((_, rest)) = decode_u64(&bytes) {
                prop_assert!(rest.len() < bytes.len());
            }
        }

        #[test]
        fn every_prefix_is_incomplete(value in 128u64..) {
            let bytes = encoded(value);
            for cut in 0..bytes.len() {
                prop_assert_eq!(decode_u64(&bytes[..cut]), Err(VarintError::Incomplete));
            }
        }
    }
}
