//! Who becomes the server when two hosts have asked each other (symmetric mode).
//!
//! Both compare the same numbers, each from its side, and come to opposite results. The parity of the
//! IDs turns the comparison around in half of all cases, so that a host that does not know the other's ID cannot
//! choose its own so as to be one of the two.
//! GNS e707b3a: steamnetworkingsockets_p2p.cpp (p2p.md, section 6).

use core::cmp::Ordering;

use crate::crypto::kdf::Role;
use crate::ids::ConnectionId;

/// What one of the two hosts has sent: its ID and its certificate.
#[derive(Clone, Copy, Debug)]
pub struct Contender<'a> {
    /// The host's ID of the connection.
    pub id: ConnectionId,
    /// The signed bytes of its certificate, without the signature around them.
    pub cert: &'a [u8],
}

/// What we become. Towards a host with the same ID and the same certificate, which is ourselves, that is a
/// client on both sides, and nothing connects.
pub fn role(ours: Contender<'_>, theirs: Contender<'_>) -> Role {
    let (our_id, their_id) = (ours.id.get(), theirs.id.get());
    let by_id = our_id.cmp(&their_id);
    let order = match by_id {
        Ordering::Equal => compare_certs(ours.cert, theirs.cert),
        Ordering::Less | Ordering::Greater if (our_id ^ their_id) & 1 == 1 => by_id.reverse(),
        Ordering::Less | Ordering::Greater => by_id,
    };
    match order {
        Ordering::Greater => Role::Server,
        Ordering::Less | Ordering::Equal => Role::Client,
    }
}

/// GNS compares what the shorter one has. Beyond that it says client, and the longer one may as well serve.
fn compare_certs(ours: &[u8], theirs: &[u8]) -> Ordering {
    ours.cmp(theirs)
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    fn contender(id: u32, cert: &[u8]) -> Contender<'_> {
        Contender {
            id: ConnectionId::new(id),
            cert,
        }
    }

    fn of_ids(ours: u32, theirs: u32) -> Role {
        role(contender(ours, b"a"), contender(theirs, b"b"))
    }

    #[test]
    fn the_larger_id_serves_unless_the_parities_differ() {
        assert_eq!(of_ids(4, 2), Role::Server);
        assert_eq!(of_ids(2, 4), Role::Client);
        assert_eq!(of_ids(5, 2), Role::Client);
        assert_eq!(of_ids(2, 5), Role::Server);
    }

    #[test]
    fn ids_have_no_sign() {
        assert_eq!(of_ids(0x8000_0002, 2), Role::Server);
        assert_eq!(of_ids(2, 0x8000_0002), Role::Client);
        assert_eq!(of_ids(u32::MAX, 1), Role::Server);
    }

    #[test]
    fn certificates_decide_between_equal_ids() {
        let of_certs = |ours, theirs| role(contender(7, ours), contender(7, theirs));
        assert_eq!(of_certs(b"b", b"a"), Role::Server);
        assert_eq!(of_certs(b"a", b"b"), Role::Client);
        assert_eq!(of_certs(b"\xFF", b"\x01"), Role::Server);
        assert_eq!(of_certs(b"aa", b"a"), Role::Server);
        assert_eq!(of_certs(b"a", b"a"), Role::Client);
    }

    proptest! {
        #[test]
        fn exactly_one_of_two_serves(
            ours in (any::<u32>(), any::<Vec<u8>>()),
            theirs in (any::<u32>(), any::<Vec<u8>>()),
            same_id in any::<bool>(),
        ) {
            prop_assume!(ours != theirs);
            let their_id = if same_id { ours.0 } else { theirs.0 };
            prop_assume!((ours.0, &ours.1) != (their_id, &theirs.1));
            let ours = contender(ours.0, &ours.1);
            let theirs = contender(their_id, &theirs.1);
            prop_assert_ne!(role(ours, theirs), role(theirs, ours));
        }
    }
}
