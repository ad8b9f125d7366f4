//! The addresses of this machine, for peers to reach it at.
//!
//! What the system lists goes through [`usable`], a function of that list alone, so that the rules can be
//! tested on any machine. It leaves out what no peer could reach or be told of: what is down, link-local,
//! multicast or unspecified. The order is the system's, but ways through tunnels come after the others, since
//! what a tunnel leads to is mostly reached better without; it is the order of preference. The number is
//! bounded, per interface first, so that one with many addresses (IPv6 makes a new one every day) leaves room for
//! others.

use std::io;
use std::net::IpAddr;

/// An address of this machine and the interface that has it.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct InterfaceAddress {
    /// The interface's name, `eth0` for example. On Windows what the user named it.
    pub name: String,
    /// The address.
    pub address: IpAddr,
    /// How many leading bits of the address its whole network shares.
    pub prefix_len: u8,
    /// The system's number of the interface, where it is known.
    pub index: Option<u32>,
    /// Packets can be sent: the interface is up, and has its cable or its radio link.
    pub is_up: bool,
    /// It leads to this machine only.
    pub is_loopback: bool,
    /// It leads to one other machine: mostly a tunnel.
    pub is_point_to_point: bool,
}

/// Whether loopback addresses are among the usable ones.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Loopback {
    /// If there is no other: the machine has no network, and its programs can still reach each other.
    #[default]
    IfAlone,
    /// Always. For tests on one machine.
    Always,
}

/// All addresses of this machine, as the system lists them.
///
/// # Errors
/// If the system does not tell.
pub fn list() -> io::Result<Vec<InterfaceAddress>> {
    let listed = if_addrs::get_if_addrs()?;
    Ok(listed.into_iter().map(InterfaceAddress::from).collect())
}

/// The addresses that a peer may be told of and packets be sent from, in order of preference: each once, at most
/// [`MAX_PER_INTERFACE`] of a family on one interface and [`MAX_ADDRESSES`] in all.
///
/// Skips what GNS skips (e707b3a: steamnetworkingsockets_stun.cpp, `GatherInterfaces`), and what is down.
pub fn usable(listed: Vec<InterfaceAddress>, loopback: Loopback) -> Vec<InterfaceAddress> {
    let mut kept: Vec<InterfaceAddress> = Vec::new();
    for candidate in listed {
        let is_known = kept.iter().any(|other| other.address == candidate.address);
        let same = kept.iter().filter(|other| other.shares_with(&candidate));
        if candidate.is_reachable() && !is_known && same.count() < MAX_PER_INTERFACE {
            kept.push(candidate);
        }
    }
    let has_others = kept.iter().any(|candidate| !candidate.is_loopback);
    if loopback == Loopback::IfAlone && has_others {
        kept.retain(|candidate| !candidate.is_loopback);
    }
    // A stable sort: the system's order within each kind.
    kept.sort_by_key(|candidate| (candidate.is_loopback, candidate.is_point_to_point));
    kept.truncate(MAX_ADDRESSES);
    kept
}

/// Most usable addresses.
pub const MAX_ADDRESSES: usize = 16;

/// Most usable addresses of one family on one interface.
pub const MAX_PER_INTERFACE: usize = 4;

impl InterfaceAddress {
    fn is_reachable(&self) -> bool {
        let can_be_told = match self.address {
            IpAddr::V4(ip) => !ip.is_link_local() && !ip.is_broadcast(),
            IpAddr::V6(ip) => !ip.is_unicast_link_local() && ip.to_ipv4_mapped().is_none(),
        };
        let is_unicast = !self.address.is_unspecified() && !self.address.is_multicast();
        self.is_up && can_be_told && is_unicast
    }

    fn shares_with(&self, other: &Self) -> bool {
        self.name == other.name && self.address.is_ipv4() == other.address.is_ipv4()
    }
}

impl From<if_addrs::Interface> for InterfaceAddress {
    fn from(listed: if_addrs::Interface) -> Self {
        Self {
            address: listed.ip(),
            prefix_len: match &listed.addr {
                if_addrs::IfAddr::V4(v4) => v4.prefixlen,
                if_addrs::IfAddr::V6(v6) => v6.prefixlen,
            },
            index: listed.index,
            is_up: listed.is_oper_up(),
            is_loopback: listed.is_loopback(),
            is_point_to_point: listed.is_p2p(),
            name: listed.name,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn on(name: &str, address: &str) -> InterfaceAddress {
        let address: IpAddr = address.parse().unwrap();
        InterfaceAddress {
            name: name.to_owned(),
            address,
            prefix_len: 24,
            index: Some(1),
            is_up: true,
            is_loopback: address.is_loopback(),
            is_point_to_point: name.starts_with("tun"),
        }
    }

    fn addresses(listed: Vec<InterfaceAddress>, loopback: Loopback) -> Vec<String> {
        let usable = usable(listed, loopback);
        usable.iter().map(|one| one.address.to_string()).collect()
    }

    #[test]
    fn this_machine_has_a_loopback_address() {
        let listed = list().unwrap();
        let local = listed
            .iter()
            .find(|one| one.address == IpAddr::from([127, 0, 0, 1]))
            .unwrap();
        assert!(local.is_up && local.is_loopback && !local.is_point_to_point);
        assert_eq!(local.prefix_len, 8);
        assert!(!usable(listed, Loopback::IfAlone).is_empty());
    }

    #[test]
    fn what_no_peer_can_reach_is_left_out() {
        let listed = [
            "0.0.0.0",
            "127.0.0.1",
            "169.254.7.7",
            "224.0.0.1",
            "255.255.255.255",
            "192.168.0.2",
            "8.8.8.8",
            "::",
            "::1",
            "fe80::1",
            "febf::1",
            "ff02::1",
            "::ffff:10.0.0.1",
            "fd00::2",
            "2001:db8::2",
        ];
        let listed = listed.map(|address| on("eth0", address)).to_vec();
        let kept = ["192.168.0.2", "8.8.8.8", "fd00::2", "2001:db8::2"];
        assert_eq!(addresses(listed, Loopback::IfAlone), kept);
    }

    #[test]
    fn loopback_stands_in_where_there_is_nothing_else() {
        let local = || on("lo", "127.0.0.1");
        let other = || on("eth0", "10.0.0.1");
        let both = || vec![local(), other()];
        assert_eq!(addresses(both(), Loopback::IfAlone), ["10.0.0.1"]);
        assert_eq!(
            addresses(both(), Loopback::Always),
            ["10.0.0.1", "127.0.0.1"]
        );
        let link_local = vec![local(), on("eth0", "169.254.0.1")];
        assert_eq!(addresses(link_local, Loopback::IfAlone), ["127.0.0.1"]);
    }

    #[test]
    fn a_tunnel_comes_after_the_rest_and_what_is_down_not_at_all() {
        let mut unplugged = on("eth1", "10.0.1.1");
        unplugged.is_up = false;
        let listed = vec![on("tun0", "10.8.0.2"), unplugged, on("eth0", "10.0.0.1")];
        assert_eq!(
            addresses(listed, Loopback::IfAlone),
            ["10.0.0.1", "10.8.0.2"]
        );
    }

    #[test]
    fn an_address_counts_once() {
        let listed = vec![on("eth0", "10.0.0.1"), on("eth0:1", "10.0.0.1")];
        assert_eq!(addresses(listed, Loopback::IfAlone), ["10.0.0.1"]);
    }

    #[test]
    fn limit_addresses_of_one_interface_leave_room_for_others() {
        let many = (0..100).map(|n| on("eth0", &format!("2001:db8::{n:x}")));
        let listed = many.chain([on("eth0", "10.0.0.1"), on("wlan0", "fd00::1")]);
        let kept = addresses(listed.collect(), Loopback::IfAlone);
        assert_eq!(kept.len(), MAX_PER_INTERFACE + 2);
        assert_eq!(kept[MAX_PER_INTERFACE..], ["10.0.0.1", "fd00::1"]);
    }

    #[test]
    fn limit_addresses_in_all() {
        let listed = (0..100).map(|n| on(&format!("docker{n}"), &format!("10.0.0.{n}")));
        let kept = addresses(listed.collect(), Loopback::Always);
        assert_eq!(kept.len(), MAX_ADDRESSES);
        assert_eq!(kept[0], "10.0.0.0");
    }

    proptest! {
        #[test]
        fn any_list_gives_few_addresses_that_may_be_told(
            listed in prop::collection::vec((any::<IpAddr>(), 0..6_u8, any::<bool>()), 0..60),
        ) {
            let listed: Vec<_> = listed
                .into_iter()
                .map(|(address, name, is_up)| InterfaceAddress {
                    is_up,
                    ..on(&format!("eth{name}"), &address.to_string())
                })
                .collect();
            let kept = usable(listed.clone(), Loopback::IfAlone);
            prop_assert!(kept.len() <= MAX_ADDRESSES);
            for one in &kept {
                prop_assert!(one.is_up && !one.address.is_multicast() && !one.address.is_unspecified());
                prop_assert!(listed.contains(one));
            }
            prop_assert_eq!(usable(kept.clone(), Loopback::IfAlone), kept);
        }
    }
}
