//! Who can be reached where, and through which link.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use bowline_core::rng::Rng;
use bowline_core::time::Timestamp;

use crate::host::HostId;
use crate::link::{Fate, Link, LinkConfig, LinkCounters};

/// A UDP datagram.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Datagram {
    /// Where it comes from.
    pub from: SocketAddr,
    /// Where it goes to.
    pub to: SocketAddr,
    /// What it carries.
    pub bytes: Vec<u8>,
}

/// The hosts' addresses and a link for each direction between two of them.
#[derive(Debug)]
pub(crate) struct Network {
    seed: [u8; 32],
    by_address: BTreeMap<IpAddr, HostId>,
    links: BTreeMap<(HostId, HostId), Link>,
    default: LinkConfig,
}

impl Network {
    pub(crate) const fn new(seed: [u8; 32]) -> Self {
        Self {
            seed,
            by_address: BTreeMap::new(),
            links: BTreeMap::new(),
            default: LinkConfig::PERFECT,
        }
    }

    /// Gives a new host its address.
    pub(crate) fn add_host(&mut self, host: HostId) -> IpAddr {
        let [_, b, c, d] = (host.index() as u32 + 1).to_be_bytes();
        let address = IpAddr::V4(Ipv4Addr::new(10, b, c, d));
        self.by_address.insert(address, host);
        address
    }

    pub(crate) fn host_at(&self, address: SocketAddr) -> Option<HostId> {
        self.by_address.get(&address.ip().to_canonical()).copied()
    }

    /// Decides what becomes of a datagram with these bytes, and may alter them.
    pub(crate) fn carry(
        &mut self,
        now: Timestamp,
        from: HostId,
        to: HostId,
        bytes: &mut [u8],
    ) -> Fate {
        self.link(from, to).carry(now, bytes)
    }

    /// Sets the link between all hosts, and between those that are still to come.
    pub(crate) fn set_all(&mut self, config: LinkConfig) {
        self.default = config;
        for link in self.links.values_mut() {
            link.set_config(config);
        }
    }

    pub(crate) fn set_link(&mut self, from: HostId, to: HostId, config: LinkConfig) {
        self.link(from, to).set_config(config);
    }

    pub(crate) fn config(&self, from: HostId, to: HostId) -> LinkConfig {
        let link = self.links.get(&(from, to));
        link.map_or(self.default, Link::config)
    }

    pub(crate) fn counters(&self, from: HostId, to: HostId) -> LinkCounters {
        let link = self.links.get(&(from, to));
        link.map(Link::counters).unwrap_or_default()
    }

    /// The links that have been used, with their ends.
    pub(crate) fn links(&self) -> impl Iterator<Item = (HostId, HostId, &Link)> {
        self.links
            .iter()
            .map(|((from, to), link)| (*from, *to, link))
    }

    fn link(&mut self, from: HostId, to: HostId) -> &mut Link {
        self.links.entry((from, to)).or_insert_with(|| {
            // Its own generator, whatever other links there are and in which order they came.
            let label = format!("link {} to {}", from.index(), to.index());
            Link::new(self.default, Rng::from_seed(self.seed).child(&label))
        })
    }
}

#[cfg(test)]
mod tests {
    use bowline_core::time::Span;

    use super::*;
    use crate::link::Chance;

    const NOW: Timestamp = Timestamp::from_micros(5);

    fn hosts() -> (HostId, HostId) {
        (HostId::new(0), HostId::new(1))
    }

    #[test]
    fn hosts_are_found_by_address_also_in_its_mapped_form() {
        let (a, b) = hosts();
        let mut network = Network::new([0; 32]);
        network.add_host(a);
        let address = network.add_host(b);
        assert_eq!(network.host_at(SocketAddr::new(address, 1)), Some(b));
        let IpAddr::V4(v4) = address else {
            panic!("IPv4 expected")
        };
        let mapped = SocketAddr::new(v4.to_ipv6_mapped().into(), 1);
        assert_eq!(network.host_at(mapped), Some(b));
        assert_eq!(network.host_at(SocketAddr::from(([10, 9, 9, 9], 1))), None);
    }

    #[test]
    fn each_direction_has_its_own_link_with_its_own_luck() {
        let (a, b) = hosts();
        let lossy = LinkConfig::PERFECT.loss(Chance::percent(50));
        let run = |first_other_way: bool| {
            let mut network = Network::new([1; 32]);
            network.set_all(lossy);
            if first_other_way {
                network.carry(NOW, b, a, &mut [0]);
            }
            let fates: Vec<Fate> = (0..50)
                .map(|_| network.carry(NOW, a, b, &mut [0]))
                .collect();
            fates
        };
        assert_eq!(run(false), run(true));
        let mut network = Network::new([1; 32]);
        network.set_link(a, b, LinkConfig::PERFECT.latency(Span::from_micros(7)));
        assert_eq!(
            network.carry(NOW, a, b, &mut [0]),
            Fate::Arrives(NOW + Span::from_micros(7))
        );
        assert_eq!(network.carry(NOW, b, a, &mut [0]), Fate::Arrives(NOW));
        assert_eq!(network.counters(a, b).sent, 1);
        assert_eq!(network.config(b, a), LinkConfig::PERFECT);
        assert_eq!(network.links().count(), 2);
    }
}
