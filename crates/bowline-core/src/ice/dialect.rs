//! What GNS does in its own way where RFC 8445 says otherwise, or nothing, all in one place.
//!
//! * The component is written as 0, although priorities count it as 1.
//! * The side that accepts the connection is controlling; the one that asks is controlled. That is up to
//!   whoever makes an agent.
//! * The user fragment is not told but derived from the connection ID (see [`credentials`](crate::ice::credentials)).
//! * A pair in the network of this host goes before all others, whatever the priorities say. Each side
//!   knows that of itself only, so the orders of the two may disagree: the controlled side therefore follows the
//!   latest nomination.
//! * Answers to checks carry the user name again.
//! * Roles in conflict are not repaired, error answers never sent. Where a peer does not give way after it was told
//!   [`MAX_CONFLICTS_TOLD`] times, its checks are answered as if there were no conflict.
//! * There is no end of candidates, and none is ever withdrawn.
//!
//! GNS e707b3a: steamnetworkingsockets_ice_client.cpp, by reading and by comparing with what it sends
//! (p2p.md 8.2 to 8.6).

use core::net::IpAddr;
use core::net::SocketAddr;

use crate::address::PeerAddr;
use crate::ice::CandidateKind;
use crate::ice::types::is_private;

/// What stands for the component in candidates that we write.
pub(crate) const WRITTEN_COMPONENT: u16 = 0;

/// How often a peer is told that both have the same role, before it is taken for one that cannot change it.
pub(crate) const MAX_CONFLICTS_TOLD: u8 = 2;

/// The priority of a candidate (RFC 8445, section 5.1.2.1, for component 1).
pub(crate) const fn priority(kind: CandidateKind, local_preference: u16) -> u32 {
    type_preference(kind) << 24 | (local_preference as u32) << 8 | 255
}

/// What a peer calls the candidate that it learns from our check.
pub(crate) const fn check_priority(local_preference: u16) -> u32 {
    priority(CandidateKind::PeerReflexive, local_preference)
}

/// The values that RFC 8445, section 5.1.2.2, recommends.
const fn type_preference(kind: CandidateKind) -> u32 {
    match kind {
        CandidateKind::Host => 126,
        CandidateKind::PeerReflexive => 110,
        CandidateKind::ServerReflexive => 100,
        CandidateKind::Relayed => 0,
    }
}

/// The foundation: equal for candidates that are likely to work or fail together.
///
/// The original adds the bytes of the server's address, too; where no server is involved, that is
/// `::ffff:0.0.0.0`. DIFFERS: that is always so in ours. Only equality matters, and a socket has
/// one mapping at a time.
pub(crate) fn foundation(kind: CandidateKind, base: SocketAddr, server_port: u16) -> u32 {
    const UNSPECIFIED: u32 = 2 * 0xFF;
    let bytes = PeerAddr::from(base).ip_bytes();
    let sum: u32 = bytes.iter().map(|byte| u32::from(*byte)).sum();
    let ports = u32::from(base.port()) + u32::from(server_port);
    ports
        .wrapping_add(sum.wrapping_add(UNSPECIFIED) << 15)
        .wrapping_add(kind_number(kind))
}

const fn kind_number(kind: CandidateKind) -> u32 {
    match kind {
        CandidateKind::Host => 1,
        CandidateKind::ServerReflexive => 2,
        CandidateKind::Relayed => 3,
        CandidateKind::PeerReflexive => 4,
    }
}

/// Whether a remote address lies in the network of this host, so that nothing but a cable is between the two.
///
/// DIFFERS: the original asks the system for the length of the prefix. 24 bits are what homes and offices have;
/// a wrong guess costs the preference, or gives it to a neighbour of the neighbour.
pub(crate) fn is_near(local: IpAddr, remote: IpAddr) -> bool {
    match (local, remote) {
        (IpAddr::V4(ours), IpAddr::V4(theirs)) => {
            is_private(local) && (ours.to_bits() ^ theirs.to_bits()) >> 8 == 0
        }
        (IpAddr::V6(ours), IpAddr::V6(theirs)) => {
            (ours.is_loopback() && theirs.is_loopback())
                || (ours.is_unique_local() && (ours.to_bits() ^ theirs.to_bits()) >> 64 == 0)
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priorities_are_those_of_the_rfc() {
        let of = |kind| priority(kind, 65_535);
        assert_eq!(of(CandidateKind::Host), 2_130_706_431);
        assert_eq!(of(CandidateKind::ServerReflexive), 1_694_498_815);
        assert_eq!(of(CandidateKind::Relayed), 16_777_215);
        assert_eq!(check_priority(65_535), 1_862_270_975);
    }

    #[test]
    fn a_foundation_tells_bases_and_kinds_apart() {
        let base = "10.1.2.3:5000".parse().unwrap();
        let host = foundation(CandidateKind::Host, base, 0);
        // 0xFF twice for the mapped form, twice for the server that is not there.
        let sum = 510 + 510 + 10 + 1 + 2 + 3;
        assert_eq!(host, 5000 + (sum << 15) + 1);
        let reflexive = foundation(CandidateKind::ServerReflexive, base, 3478);
        assert_eq!(reflexive, host + 3478 + 1);
        let other = foundation(CandidateKind::Host, "10.1.2.4:5000".parse().unwrap(), 0);
        assert_ne!(host, other);
    }

    #[test]
    fn near_is_who_shares_a_private_network() {
        let near = |a: &str, b: &str| is_near(a.parse().unwrap(), b.parse().unwrap());
        assert!(near("192.168.1.2", "192.168.1.200"));
        assert!(!near("192.168.1.2", "192.168.2.2"));
        assert!(!near("203.0.113.1", "203.0.113.2"));
        assert!(near("127.0.0.1", "127.0.0.2") && near("::1", "::1"));
        assert!(near("fd00::1", "fd00::2") && !near("fd00::1", "fd00:0:0:1::2"));
        assert!(!near("2001:db8::1", "2001:db8::2"));
        assert!(!near("::1", "127.0.0.1"));
    }
}
