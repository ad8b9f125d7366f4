//! Lists in a file, read up to what a recording can hold.
//!
//! An input of two bytes in a file takes a hundred in memory, and whoever reads a file need not know who
//! made it. So what the recorder counts is counted again, against the most that it may be told to keep.

use alloc::vec::Vec;
use core::fmt;

use serde::Deserialize;
use serde::Deserializer;
use serde::de::Error as _;
use serde::de::SeqAccess;
use serde::de::Visitor;

use crate::connection::recording::Recorded;
use crate::connection::recording::flight::INPUT_OVERHEAD;
use crate::connection::recording::payload_len;
use crate::limits;

/// Reads the inputs of a recording.
pub(super) fn inputs<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Recorded>, D::Error> {
    from.deserialize_seq(Bounded {
        max_bytes: limits::MAX_RECORDING,
        bytes_of: |recorded: &Recorded| INPUT_OVERHEAD + payload_len(&recorded.input),
    })
}

/// Reads the fingerprints of a recording.
pub(super) fn fingerprints<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u64>, D::Error> {
    from.deserialize_seq(Bounded {
        max_bytes: limits::MAX_RECORDING,
        bytes_of: |_: &u64| size_of::<u64>(),
    })
}

struct Bounded<T> {
    max_bytes: usize,
    /// What one takes in memory.
    bytes_of: fn(&T) -> usize,
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Bounded<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of at most {} bytes", self.max_bytes)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Vec<T>, A::Error> {
        // Not with the capacity that the file asks for.
        let mut list = Vec::new();
        let mut bytes = 0_usize;
        while let Some(item) = from.next_element()? {
            bytes = bytes.saturating_add((self.bytes_of)(&item));
            if bytes > self.max_bytes {
                return Err(A::Error::custom("more than a recording can hold"));
            }
            list.push(item);
        }
        Ok(list)
    }
}

#[cfg(test)]
mod tests {
    use serde::de::value::Error;
    use serde::de::value::SeqDeserializer;

    use super::*;

    /// A list as long as whoever made the file pleases.
    fn list(count: usize) -> SeqDeserializer<impl Iterator<Item = u64>, Error> {
        SeqDeserializer::new(core::iter::repeat_n(7, count))
    }

    #[test]
    fn limit_max_recording() {
        let max_bytes = 40;
        let bytes_of = |_: &u64| 8;
        let read = |count| {
            list(count).deserialize_seq(Bounded {
                max_bytes,
                bytes_of,
            })
        };
        assert_eq!(read(5), Ok(Vec::from([7; 5])));
        assert!(read(6).is_err());
        let most = limits::MAX_RECORDING / size_of::<u64>();
        assert!(fingerprints(list(most + 1)).is_err());
    }
}
