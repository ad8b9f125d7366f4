//! Arrays of any length for serde, which itself stops at 32. Written like a list.

use alloc::vec::Vec;

use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;
use serde::Serializer;
use serde::de::Error as _;

pub(crate) fn serialize<T: Serialize, S: Serializer, const N: usize>(
    array: &[T; N],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(array)
}

pub(crate) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>, const N: usize>(
    deserializer: D,
) -> Result<[T; N], D::Error> {
    let list = Vec::deserialize(deserializer)?;
    let len = list.len();
    <[T; N]>::try_from(list).map_err(|_| D::Error::invalid_length(len, &"a list of another length"))
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq, Serialize)]
    struct Long(#[serde(with = "crate::serde_array")] [u8; 40]);

    #[test]
    fn a_long_array_makes_the_round_trip_and_no_other_length_does() {
        let text = serde_json::to_string(&Long([7; 40])).unwrap();
        assert_eq!(serde_json::from_str::<Long>(&text).unwrap(), Long([7; 40]));
        let shorter = serde_json::to_string(&vec![7; 39]).unwrap();
        assert!(serde_json::from_str::<Long>(&shorter).is_err());
    }
}
