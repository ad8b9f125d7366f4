//! Who can be reached where, through which NATs and which link.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use bowline_core::rng::Rng;
use bowline_core::time::{Span, Timestamp};

use crate::host::HostId;
use crate::link::{Fate, Link, LinkConfig, LinkCounters};
use crate::nat::{Nat, NatConfig, NatId, NewMapping, Port};

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

/// Where an address means something: the public network, or a private one behind a NAT.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct RealmId(u16);

impl RealmId {
    pub(crate) const PUBLIC: Self = Self(0);

    /// The network behind a NAT.
    pub(crate) const fn behind(nat: NatId) -> Self {
        Self(nat.index() as u16 + 1)
    }

    const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A network in which addresses are unique.
#[derive(Debug)]
struct Realm {
    /// What its addresses begin with.
    prefix: u32,
    /// How many addresses were given out.
    used: u32,
    by_address: BTreeMap<IpAddr, Node>,
    /// The way out.
    gateway: Option<Gateway>,
}

/// Of which kind an address is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// What has an address.
#[derive(Clone, Copy, Debug)]
enum Node {
    Host(HostId),
    Nat(NatId),
}

/// The NAT between a private network and the one outside.
#[derive(Clone, Copy, Debug)]
struct Gateway {
    nat: NatId,
    outside: RealmId,
}

/// The hosts' addresses, the NATs between them, and a link for each direction between two hosts.
#[derive(Debug)]
pub(crate) struct Network {
    seed: [u8; 32],
    realms: Vec<Realm>,
    nats: Vec<Nat>,
    /// Where each host is.
    homes: Vec<RealmId>,
    links: BTreeMap<(HostId, HostId), Link>,
    default: LinkConfig,
    new_mappings: Vec<NewMapping>,
    /// Addresses that nobody has any more: what is sent from them is lost.
    cut: BTreeSet<IpAddr>,
}

/// Addresses of the public network: 10.0.0.1 and so on.
const PUBLIC_PREFIX: u32 = 10 << 24;
/// What IPv6 addresses begin with: 2001:db8::/32.
const V6_PREFIX: u128 = 0x2001_0db8 << 96;
/// Addresses behind NAT number n: 192.168.n.2 and so on. The 257th begins anew, which does no harm.
const PRIVATE_PREFIX: u32 = 192 << 24 | 168 << 16;

impl Network {
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        Self {
            seed,
            realms: vec![Realm::new(PUBLIC_PREFIX, None)],
            nats: Vec::new(),
            homes: Vec::new(),
            links: BTreeMap::new(),
            default: LinkConfig::PERFECT,
            new_mappings: Vec::new(),
            cut: BTreeSet::new(),
        }
    }

    /// Gives a new host its address.
    pub(crate) fn add_host(&mut self, host: HostId, realm: RealmId) -> IpAddr {
        self.homes.push(realm);
        self.realm_mut(realm).settle(Node::Host(host))
    }

    /// Puts a NAT into a network, with one of its own behind it.
    pub(crate) fn add_nat(&mut self, name: &str, config: NatConfig, outside: RealmId) -> NatId {
        let index = u16::try_from(self.nats.len()).expect("at most 65,535 NATs");
        let nat = NatId::new(index);
        let address = self.realm_mut(outside).settle(Node::Nat(nat));
        let rng = Rng::from_seed(self.seed).child(&format!("nat {index}"));
        self.nats.push(Nat::new(name, address, config, rng));
        let prefix = PRIVATE_PREFIX | u32::from(index & 0xFF) << 8;
        let mut inside = Realm::new(prefix, Some(Gateway { nat, outside }));
        // The first address would be the NAT's own.
        inside.used = 1;
        self.realms.push(inside);
        nat
    }

    /// Gives a host another address in the same network. Nobody has the old one any more.
    pub(crate) fn move_host(&mut self, host: HostId) -> IpAddr {
        let home = self.homes[host.index()];
        let realm = self.realm_mut(home);
        let is_same = |node: &Node| matches!(node, Node::Host(other) if *other == host);
        realm.by_address.retain(|_, node| !is_same(node));
        realm.settle(Node::Host(host))
    }

    /// Gives a host one more address in its network.
    pub(crate) fn add_address(&mut self, host: HostId, family: Family) -> IpAddr {
        let home = self.homes[host.index()];
        let realm = self.realm_mut(home);
        realm.settle_in(family, Node::Host(host))
    }

    /// Takes an address of a host away. What comes for it is lost, and what leaves from it.
    pub(crate) fn cut_address(&mut self, host: HostId, address: IpAddr) {
        let home = self.homes[host.index()];
        self.realm_mut(home).by_address.remove(&address);
        self.cut.insert(address);
    }

    /// Gives a NAT another address outside. Its mappings are gone.
    pub(crate) fn move_nat(&mut self, nat: NatId) -> IpAddr {
        let gateway = self.realms[RealmId::behind(nat).index()].gateway;
        let outside = gateway.map_or(RealmId::PUBLIC, |gateway| gateway.outside);
        let realm = self.realm_mut(outside);
        let is_same = |node: &Node| matches!(node, Node::Nat(other) if *other == nat);
        realm.by_address.retain(|_, node| !is_same(node));
        let address = realm.settle(Node::Nat(nat));
        let nat = self.nat_mut(nat);
        nat.rebind();
        nat.address = address;
        address
    }

    /// The host at a public address.
    pub(crate) fn host_at(&self, address: SocketAddr) -> Option<HostId> {
        let public = &self.realms[RealmId::PUBLIC.index()];
        match public.at(address)? {
            Node::Host(host) => Some(host),
            Node::Nat(_) => None,
        }
    }

    /// Takes a datagram out of the network of its sender, through all NATs that are in its way. Says
    /// which network it is in then and which host it would reach; `None` if it is lost.
    pub(crate) fn leave(
        &mut self,
        now: Timestamp,
        from: HostId,
        datagram: &mut Datagram,
    ) -> Option<(RealmId, HostId)> {
        if self.cut.contains(&datagram.from.ip()) {
            return None;
        }
        let mut realm = self.homes[from.index()];
        while self.realm(realm).at(datagram.to).is_none() {
            let Gateway { nat, outside } = self.realm(realm).gateway?;
            let inside = datagram.from;
            let translator = self.nat_mut(nat);
            let port = translator.outward(now, inside, datagram.to)?;
            let (Port::Known(number) | Port::New(number)) = port;
            datagram.from = SocketAddr::new(translator.address, number);
            if let Port::New(_) = port {
                let outside = datagram.from;
                self.new_mappings.push(NewMapping {
                    nat,
                    inside,
                    outside,
                });
            }
            realm = outside;
        }
        let host = self.find(realm, datagram.to, |nat, to| nat.inside(now, to.port()))?;
        Some((realm, host))
    }

    /// Takes a datagram to its host, through all NATs that are in its way; `None` if it is lost.
    pub(crate) fn enter(
        &mut self,
        now: Timestamp,
        realm: RealmId,
        datagram: &mut Datagram,
    ) -> Option<HostId> {
        let (from, mut last) = (datagram.from, datagram.to);
        let host = self.find(realm, datagram.to, |nat, to| {
            last = nat.inward(now, from, to.port())?;
            Some(last)
        });
        datagram.to = last;
        host
    }

    /// The host that an address leads to, going inwards from a network. `step` says where a NAT sends
    /// what comes to one of its ports.
    fn find(
        &mut self,
        mut realm: RealmId,
        mut to: SocketAddr,
        mut step: impl FnMut(&mut Nat, SocketAddr) -> Option<SocketAddr>,
    ) -> Option<HostId> {
        loop {
            match self.realm(realm).at(to)? {
                Node::Host(host) => return Some(host),
                Node::Nat(nat) => {
                    to = step(self.nat_mut(nat), to)?;
                    realm = RealmId::behind(nat);
                }
            }
        }
    }

    /// A mapping that was made since the last call.
    pub(crate) fn take_new_mapping(&mut self) -> Option<NewMapping> {
        self.new_mappings.pop()
    }

    pub(crate) fn nat(&self, nat: NatId) -> &Nat {
        &self.nats[nat.index()]
    }

    pub(crate) fn nat_mut(&mut self, nat: NatId) -> &mut Nat {
        &mut self.nats[nat.index()]
    }

    pub(crate) fn nats(&self) -> &[Nat] {
        &self.nats
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

    pub(crate) fn queue(&self, now: Timestamp, from: HostId, to: HostId) -> Span {
        let link = self.links.get(&(from, to));
        link.map_or(Span::ZERO, |link| link.queue(now))
    }

    /// The links that have been used, with their ends.
    pub(crate) fn links(&self) -> impl Iterator<Item = (HostId, HostId, &Link)> {
        self.links
            .iter()
            .map(|((from, to), link)| (*from, *to, link))
    }

    fn realm(&self, id: RealmId) -> &Realm {
        &self.realms[id.index()]
    }

    fn realm_mut(&mut self, id: RealmId) -> &mut Realm {
        &mut self.realms[id.index()]
    }

    fn link(&mut self, from: HostId, to: HostId) -> &mut Link {
        self.links.entry((from, to)).or_insert_with(|| {
            // Its own generator, whatever other links there are and in which order they came.
            let label = format!("link {} to {}", from.index(), to.index());
            Link::new(self.default, Rng::from_seed(self.seed).child(&label))
        })
    }
}

impl Realm {
    const fn new(prefix: u32, gateway: Option<Gateway>) -> Self {
        Self {
            prefix,
            used: 0,
            by_address: BTreeMap::new(),
            gateway,
        }
    }

    /// Gives something the next address.
    fn settle(&mut self, node: Node) -> IpAddr {
        self.settle_in(Family::V4, node)
    }

    /// The same of a family. Those of IPv6 end as those of IPv4 do.
    fn settle_in(&mut self, family: Family, node: Node) -> IpAddr {
        self.used += 1;
        let number = self.prefix + self.used;
        let address = match family {
            Family::V4 => IpAddr::V4(Ipv4Addr::from_bits(number)),
            Family::V6 => IpAddr::V6(Ipv6Addr::from_bits(V6_PREFIX | u128::from(number))),
        };
        self.by_address.insert(address, node);
        address
    }

    /// Who has an address, also in its form as an IPv6 address.
    fn at(&self, address: SocketAddr) -> Option<Node> {
        self.by_address.get(&address.ip().to_canonical()).copied()
    }
}

#[cfg(test)]
mod tests {
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
        network.add_host(a, RealmId::PUBLIC);
        let address = network.add_host(b, RealmId::PUBLIC);
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
