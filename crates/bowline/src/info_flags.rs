//! What a connection is like, as a set of flags.

use std::fmt;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::ops::BitOr;

use bowline_core::ice::RouteKind;
use bowline_core::identity::Identity;

/// Properties of a connection. The numbers are GNS's `k_nSteamNetworkConnectionInfoFlags_*`.
#[derive(Clone, Copy, Default, Eq, Hash, PartialEq)]
pub struct InfoFlags(u32);

impl InfoFlags {
    /// No trusted certificate vouches for who the peer is.
    pub const UNAUTHENTICATED: Self = Self(1);
    /// Packets are not encrypted.
    pub const UNENCRYPTED: Self = Self(2);
    /// Both ends are in this process, and messages move in memory.
    pub const LOOPBACK_BUFFERS: Self = Self(4);
    /// Fast and free of charge: this host, or most likely the local network.
    pub const FAST: Self = Self(8);
    /// By way of a relay.
    pub const RELAYED: Self = Self(16);
    /// By two wireless interfaces at once.
    pub const DUAL_WIFI: Self = Self(32);

    const NAMES: [(Self, &'static str); 6] = [
        (Self::UNAUTHENTICATED, "UNAUTHENTICATED"),
        (Self::UNENCRYPTED, "UNENCRYPTED"),
        (Self::LOOPBACK_BUFFERS, "LOOPBACK_BUFFERS"),
        (Self::FAST, "FAST"),
        (Self::RELAYED, "RELAYED"),
        (Self::DUAL_WIFI, "DUAL_WIFI"),
    ];

    /// GNS's number.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Whether all of `flags` are set.
    pub const fn contains(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }

    /// Of a pipe: nobody can listen in or pretend, so encryption is no question.
    pub(crate) const fn of_pipe() -> Self {
        Self(Self::LOOPBACK_BUFFERS.0 | Self::FAST.0)
    }

    /// Of a connection over UDP. GNS e707b3a: steamnetworkingsockets_connections.cpp,
    /// `ConnectionPopulateInfo`; steamnetworkingsockets_udp.cpp, `TransportPopulateConnectionInfo`.
    pub(crate) fn of_udp(
        identity: Option<&Identity>,
        authenticated: bool,
        encrypted: bool,
        remote: SocketAddr,
        ping_ms: Option<u32>,
    ) -> Self {
        let mut flags = Self::of_any(identity, authenticated, encrypted);
        let near = ping_ms.is_none_or(|ms| ms <= MAX_LAN_PING_MS) && is_private(remote.ip());
        if remote.ip().is_loopback() || near {
            flags = flags | Self::FAST;
        }
        flags
    }

    /// Of a connection between peers that found each other by signals. GNS e707b3a:
    /// steamnetworkingsockets_p2p_ice.cpp, `P2PTransportPopulateConnectionInfo`.
    pub(crate) fn of_peers(
        identity: Option<&Identity>,
        authenticated: bool,
        encrypted: bool,
        route: Option<RouteKind>,
    ) -> Self {
        let flags = Self::of_any(identity, authenticated, encrypted);
        match route {
            Some(RouteKind::Local) => flags | Self::FAST,
            Some(RouteKind::Relayed) => flags | Self::RELAYED,
            Some(RouteKind::Direct) | None => flags,
        }
    }

    fn of_any(identity: Option<&Identity>, authenticated: bool, encrypted: bool) -> Self {
        let mut flags = Self::default();
        let nameless = matches!(identity, None | Some(Identity::Ip { .. }));
        if nameless || !authenticated {
            flags = flags | Self::UNAUTHENTICATED;
        }
        if !encrypted {
            flags = flags | Self::UNENCRYPTED;
        }
        flags
    }
}

impl BitOr for InfoFlags {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Debug for InfoFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = Self::NAMES.iter().filter(|(flag, _)| self.contains(*flag));
        f.write_str("InfoFlags(")?;
        for (i, (_, name)) in set.enumerate() {
            f.write_str(if i == 0 { "" } else { " | " })?;
            f.write_str(name)?;
        }
        f.write_str(")")
    }
}

/// A peer at a private address may still be behind a VPN; this near it hardly is.
const MAX_LAN_PING_MS: u32 = 5;

/// Addresses that are not routed in the internet. DIFFERS: GNS also asks the system for its routes, to
/// find neighbours with public addresses.
fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(identity: Option<Identity>, remote: &str, ping_ms: Option<u32>) -> u32 {
        let remote = format!("{remote}:5").parse().unwrap();
        InfoFlags::of_udp(identity.as_ref(), true, true, remote, ping_ms).bits()
    }

    #[test]
    fn numbers_are_those_seen_with_gns() {
        let local = "127.0.0.1:5".parse().unwrap();
        let before = InfoFlags::of_udp(None, false, false, local, None);
        assert_eq!(before.bits(), 11);
        let connected = InfoFlags::of_udp(Some(&Identity::ip(local)), false, true, local, Some(0));
        assert_eq!(connected.bits(), 9);
        assert_eq!(
            format!("{connected:?}"),
            "InfoFlags(UNAUTHENTICATED | FAST)"
        );
        assert_eq!(InfoFlags::of_pipe().bits(), 12);
    }

    #[test]
    fn a_way_between_peers_is_fast_in_the_local_network_only_and_says_if_it_is_relayed() {
        let bob = Identity::str("bob").unwrap();
        let flags = |route| InfoFlags::of_peers(Some(&bob), true, true, route).bits();
        assert_eq!(flags(None), 0);
        assert_eq!(flags(Some(RouteKind::Direct)), 0);
        assert_eq!(flags(Some(RouteKind::Local)), 8);
        assert_eq!(flags(Some(RouteKind::Relayed)), 16);
    }

    #[test]
    fn fast_is_near_and_private() {
        let somebody = || Some(Identity::str("somebody").unwrap());
        for (remote, ping_ms, expected) in [
            ("192.168.1.2", Some(5), 8),
            ("192.168.1.2", Some(6), 0),
            ("10.0.0.1", None, 8),
            ("[fd00::1]", Some(1), 8),
            ("[fe80::1]", Some(1), 8),
            ("8.8.8.8", Some(1), 0),
            ("[2001:db8::1]", Some(1), 0),
            ("[::1]", Some(100), 8),
        ] {
            assert_eq!(flags(somebody(), remote, ping_ms), expected, "{remote}");
        }
        assert_eq!(
            flags(None, "8.8.8.8", None),
            1,
            "nobody vouches for a number"
        );
    }
}
