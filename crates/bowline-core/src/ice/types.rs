//! Which kinds of candidates a connection may have.

use core::net::IpAddr;
use core::ops::BitOr;

use serde::Deserialize;
use serde::Serialize;

use crate::ice::CandidateKind;

/// A set of candidate types, each of them per address family, with GNS's numbers.
///
/// GNS e707b3a: steamnetworkingsockets_p2p_ice.h, `k_EICECandidate_...`; by reading (p2p.md 8.1).
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct CandidateTypes(u32);

impl CandidateTypes {
    /// No way at all: ICE is off.
    pub const NONE: Self = Self(0);
    /// Addresses of relays.
    pub const RELAY: Self = Self(0x0101);
    /// Addresses of this host that mean something in its own network only.
    pub const HOST_PRIVATE: Self = Self(0x0202);
    /// Addresses of this host that all the world can reach, but for firewalls.
    pub const HOST_PUBLIC: Self = Self(0x0404);
    /// What NATs make of this host's addresses.
    pub const REFLEXIVE: Self = Self(0x0808);
    /// All of them.
    pub const ALL: Self = Self(0x0F0F);

    /// What a value of `P2P_Transport_ICE_Enable` allows: 1 relays, 2 private addresses, 4 public ones, -1 the
    /// default, which is all. Other bits say nothing.
    ///
    /// GNS e707b3a: steamnetworkingtypes.h, `k_nSteamNetworkingConfig_P2P_Transport_ICE_Enable_...`.
    pub const fn from_enable(value: i32) -> Self {
        if value < 0 {
            return Self::ALL;
        }
        let relay = if value & 1 != 0 { Self::RELAY.0 } else { 0 };
        let private = if value & 2 != 0 {
            Self::HOST_PRIVATE.0
        } else {
            0
        };
        let public = if value & 4 != 0 {
            Self::HOST_PUBLIC.0 | Self::REFLEXIVE.0
        } else {
            0
        };
        Self(relay | private | public)
    }

    /// The one type of a candidate.
    ///
    /// As in GNS every IPv6 address but the loopback one counts as public: it is told to nobody who may
    /// be told private addresses only.
    pub const fn of(kind: CandidateKind, ip: IpAddr) -> Self {
        let class = match kind {
            CandidateKind::Relayed => Self::RELAY,
            CandidateKind::ServerReflexive | CandidateKind::PeerReflexive => Self::REFLEXIVE,
            CandidateKind::Host if is_private(ip) => Self::HOST_PRIVATE,
            CandidateKind::Host => Self::HOST_PUBLIC,
        };
        match ip {
            IpAddr::V4(_) => Self(class.0 & 0x00FF),
            IpAddr::V6(_) => Self(class.0 & 0xFF00),
        }
    }

    /// GNS's number.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Whether none is allowed.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether all of `other` are in this set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any of `other` is in this set.
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether nothing may be sent from the sockets of this host, but to relays.
    pub const fn hides_host(self) -> bool {
        !self.intersects(Self(
            Self::HOST_PRIVATE.0 | Self::HOST_PUBLIC.0 | Self::REFLEXIVE.0,
        ))
    }
}

impl BitOr for CandidateTypes {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Whether an address means something in a network of its own only: RFC 1918, RFC 6598, loopback and link-local
/// of IPv4; loopback of IPv6.
pub(crate) const fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            let is_shared = a == 100 && b & 0xC0 == 64;
            ip.is_private() || ip.is_loopback() || ip.is_link_local() || is_shared
        }
        IpAddr::V6(ip) => ip.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: CandidateKind, ip: &str) -> u32 {
        CandidateTypes::of(kind, ip.parse().unwrap()).bits()
    }

    #[test]
    fn each_candidate_has_the_bit_that_the_original_gives_it() {
        assert_eq!(of(CandidateKind::Relayed, "203.0.113.1"), 0x01);
        for private in ["10.1.1.1", "172.16.0.1", "192.168.7.7", "100.64.0.1"] {
            assert_eq!(of(CandidateKind::Host, private), 0x02);
        }
        for public in ["203.0.113.1", "172.32.0.1", "100.128.0.1"] {
            assert_eq!(of(CandidateKind::Host, public), 0x04);
        }
        assert_eq!(of(CandidateKind::ServerReflexive, "203.0.113.1"), 0x08);
        assert_eq!(of(CandidateKind::PeerReflexive, "203.0.113.1"), 0x08);
        assert_eq!(of(CandidateKind::Relayed, "2001:db8::1"), 0x0100);
        assert_eq!(of(CandidateKind::Host, "2001:db8::1"), 0x0400);
        assert_eq!(of(CandidateKind::Host, "fd00::1"), 0x0400);
        assert_eq!(of(CandidateKind::ServerReflexive, "2001:db8::1"), 0x0800);
    }

    #[test]
    fn the_setting_allows_what_its_bits_say() {
        let of = |value| CandidateTypes::from_enable(value);
        assert!(of(0).is_empty());
        assert_eq!(of(1), CandidateTypes::RELAY);
        assert_eq!(of(2), CandidateTypes::HOST_PRIVATE);
        assert_eq!(
            of(4),
            CandidateTypes::HOST_PUBLIC | CandidateTypes::REFLEXIVE
        );
        assert_eq!(of(7), CandidateTypes::ALL);
        assert_eq!(of(0x7FFF_FFFF), CandidateTypes::ALL);
        assert_eq!(of(-1), CandidateTypes::ALL);
        assert!(of(8).is_empty());
        assert!(of(1).hides_host());
        assert!((2..8).all(|value| !of(value).hides_host()));
    }
}
