//! User fragments and passwords of ICE.

use alloc::string::String;

use crate::ids::ConnectionId;
use crate::rng::Rng;

/// The user fragment of a connection: five letters for the low 30 bits of its ID. It is never told, since the
/// peer knows the ID.
///
/// ```
/// use bowline_core::ice::credentials;
/// use bowline_core::ids::ConnectionId;
///
/// let id = ConnectionId::new(0x8765_4321);
/// assert_eq!(credentials::ufrag(id), "HZUMh");
/// assert!(credentials::connection_ids_of("HZUMh").unwrap().contains(&id));
/// ```
pub fn ufrag(id: ConnectionId) -> String {
    sextets(id.get(), UFRAG_LEN).collect()
}

/// The connections that a user fragment may mean: four, because two bits of the ID are not in it. `None` if
/// it is none of ours.
pub fn connection_ids_of(ufrag: &str) -> Option<[ConnectionId; 4]> {
    if ufrag.len() != UFRAG_LEN as usize {
        return None;
    }
    let low = ufrag.bytes().try_fold(0, |bits: u32, letter| {
        let sextet = ALPHABET.iter().position(|known| *known == letter)?;
        Some(bits << 6 | sextet as u32)
    })?;
    Some([0, 1, 2, 3].map(|high: u32| ConnectionId::new(high << 30 | low)))
}

/// A new password: 24 letters for 144 random bits.
///
/// DIFFERS: the original has 5 letters for 30 bits, far below the 128 that RFC 8445 asks for. Its peers take
/// any string.
pub fn password(rng: &mut Rng) -> String {
    let mut password = String::with_capacity(24);
    for word in rng.bytes::<18>().as_chunks::<3>().0 {
        let [a, b, c] = *word;
        password.extend(sextets(u32::from_be_bytes([0, a, b, c]), 4));
    }
    password
}

/// The low `count` sextets of a number as letters, the most significant first.
fn sextets(bits: u32, count: u32) -> impl Iterator<Item = char> {
    let shifts = (0..count).rev().map(|index| index * 6);
    shifts.filter_map(move |shift| {
        let sextet = (bits >> shift & 0x3F) as usize;
        ALPHABET.get(sextet).map(|letter| char::from(*letter))
    })
}

const UFRAG_LEN: u32 = 5;
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#[cfg(test)]
mod tests {
    use proptest::prelude::any;
    use proptest::prelude::prop_assert_eq;
    use proptest::prelude::proptest;

    use super::*;

    #[test]
    fn a_fragment_has_the_low_30_bits_most_significant_first() {
        assert_eq!(ufrag(ConnectionId::new(0)), "AAAAA");
        assert_eq!(ufrag(ConnectionId::new(1)), "AAAAB");
        assert_eq!(ufrag(ConnectionId::new(0x3FFF_FFFF)), "/////");
        assert_eq!(ufrag(ConnectionId::new(0xFFFF_FFFF)), "/////");
        assert_eq!(ufrag(ConnectionId::new(0x0100_0000)), "BAAAA");
    }

    #[test]
    fn what_is_no_fragment_of_ours_names_no_connection() {
        for text in ["", "AAAA", "AAAAAA", "AAAA=", "AAAÄ", "AAA A"] {
            assert_eq!(connection_ids_of(text), None, "{text}");
        }
    }

    #[test]
    fn passwords_are_long_and_differ() {
        let mut rng = Rng::from_seed([1; 32]);
        let (one, other) = (password(&mut rng), password(&mut rng));
        assert_eq!((one.len(), other.len()), (24, 24));
        assert_ne!(one, other);
        assert!(one.bytes().all(|letter| ALPHABET.contains(&letter)));
    }

    proptest! {
        #[test]
        fn a_fragment_leads_back_to_its_connection(id in any::<u32>()) {
            let id = ConnectionId::new(id);
            let ids = connection_ids_of(&ufrag(id)).unwrap();
            prop_assert_eq!(ids.iter().filter(|other| **other == id).count(), 1);
        }

        #[test]
        fn no_text_panics(text in ".{0,8}") {
            let _ = connection_ids_of(&text);
        }
    }
}
