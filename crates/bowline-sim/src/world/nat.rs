//! Private networks, and the NATs that stand before them.

use std::net::IpAddr;

use crate::host::{HostConfig, HostId};
use crate::nat::{NatConfig, NatCounters, NatId};
use crate::network::RealmId;
use crate::world::World;

impl World {
    /// Adds a NAT with a private network behind it. It has a public address; its translations take
    /// no time. The name is for stories.
    ///
    /// # Panics
    /// If there are 65,535 NATs already.
    pub fn add_nat(&mut self, name: &str, config: NatConfig) -> NatId {
        self.add_nat_in(RealmId::PUBLIC, name, config)
    }

    /// Adds a NAT behind another one, as home routers are whose provider has too few addresses.
    ///
    /// # Panics
    /// If there are 65,535 NATs already.
    pub fn add_nat_behind(&mut self, outer: NatId, name: &str, config: NatConfig) -> NatId {
        self.add_nat_in(RealmId::behind(outer), name, config)
    }

    /// Adds a host to the network behind a NAT, with an address in 192.168.0.0/16 that means nothing
    /// outside. It reaches the others there directly, everybody else through the NAT, and can be
    /// reached by whom the NAT lets in. Links are between hosts, as always.
    ///
    /// # Panics
    /// If there are 65,536 hosts already.
    pub fn add_host_behind(&mut self, nat: NatId, name: &str, config: HostConfig) -> HostId {
        self.add_host_in(RealmId::behind(nat), name, config)
    }

    /// The address of a host in its own network.
    pub fn address(&self, host: HostId) -> IpAddr {
        self.host(host).address
    }

    /// The address of a NAT outside.
    pub fn nat_address(&self, nat: NatId) -> IpAddr {
        self.network.nat(nat).address
    }

    /// What a NAT has done.
    pub fn nat_counters(&self, nat: NatId) -> NatCounters {
        self.network.nat(nat).counters()
    }

    /// Makes a NAT forget all its mappings, as when it is restarted. New ones get other ports.
    pub fn rebind_nat(&mut self, nat: NatId) {
        self.network.nat_mut(nat).rebind();
        let name = &self.network.nat(nat).name;
        self.note(format!("nat {name} forgets its mappings"));
    }

    /// Gives a NAT another address outside, as providers do at night, and returns it. Nobody has the
    /// old one any more, and all mappings are gone.
    pub fn change_nat_address(&mut self, nat: NatId) -> IpAddr {
        let address = self.network.move_nat(nat);
        let name = &self.network.nat(nat).name;
        self.note(format!("nat {name} moves to {address}"));
        address
    }

    /// Tells of the mappings that were made.
    pub(super) fn tell_mappings(&mut self) {
        while let Some(new) = self.network.take_new_mapping() {
            let name = &self.network.nat(new.nat).name;
            let (inside, outside) = (new.inside, new.outside);
            self.note(format!("nat {name} maps {inside} to {outside}"));
        }
    }

    fn add_nat_in(&mut self, outside: RealmId, name: &str, config: NatConfig) -> NatId {
        let nat = self.network.add_nat(name, config, outside);
        let address = self.nat_address(nat);
        self.note(format!("nat {name} at {address}: {config}"));
        nat
    }
}
