//! The mappings of a NAT.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use bowline_core::rng::Rng;
use bowline_core::time::Timestamp;

use crate::nat::{NatBehaviour, NatConfig, NatCounters, PortAllocation};

/// The first port that is given out; those below are for servers.
const FIRST_PORT: u16 = 1024;
/// Remotes that a mapping remembers; a further one replaces the one that was idle longest.
const MAX_REMOTES: usize = 1024;

/// One address translator, seen from its table.
#[derive(Debug)]
pub(crate) struct Nat {
    pub(crate) name: String,
    /// Its address outside.
    pub(crate) address: IpAddr,
    config: NatConfig,
    counters: NatCounters,
    by_port: BTreeMap<u16, Mapping>,
    by_inside: BTreeMap<Key, u16>,
    /// Ports of mappings that were forgotten all at once, not to be given out again.
    retired: BTreeSet<u16>,
    last_port: u16,
    rng: Rng,
}

/// What a datagram must have in common with those before, to share a mapping.
type Key = (SocketAddr, Scope);

/// As much of a remote address as a behaviour heeds.
type Scope = (Option<IpAddr>, Option<u16>);

#[derive(Debug)]
struct Mapping {
    key: Key,
    used: Timestamp,
    /// Who was sent to, and when last.
    remotes: BTreeMap<Scope, Timestamp>,
}

/// The port outside that a datagram leaves from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Port {
    /// It had one.
    Known(u16),
    /// It got this one now.
    New(u16),
}

impl Nat {
    pub(crate) fn new(name: &str, address: IpAddr, config: NatConfig, rng: Rng) -> Self {
        Self {
            name: name.into(),
            address,
            config,
            counters: NatCounters::default(),
            by_port: BTreeMap::new(),
            by_inside: BTreeMap::new(),
            retired: BTreeSet::new(),
            last_port: u16::MAX,
            rng,
        }
    }

    /// Lets a datagram out: the port that it leaves from. `None` if there is no room for a mapping.
    pub(crate) fn outward(
        &mut self,
        now: Timestamp,
        inside: SocketAddr,
        remote: SocketAddr,
    ) -> Option<Port> {
        let key = (inside, scope(self.config.mapping, remote));
        let port = match self.by_inside.get(&key).copied() {
            Some(port) if self.is_alive(now, port) => Port::Known(port),
            Some(port) => {
                self.forget(port);
                self.map(now, key)?
            }
            None => self.map(now, key)?,
        };
        let (Port::Known(number) | Port::New(number)) = port;
        let permission = scope(self.config.filtering, remote);
        if let Some(mapping) = self.by_port.get_mut(&number) {
            mapping.used = now;
            mapping.allow(now, permission);
        }
        self.counters.outward += 1;
        Some(port)
    }

    /// Lets a datagram in that came to a port: the address inside that it is for. `None` if there is
    /// none, or the sender has no leave.
    pub(crate) fn inward(
        &mut self,
        now: Timestamp,
        remote: SocketAddr,
        port: u16,
    ) -> Option<SocketAddr> {
        let is_hairpin = remote.ip() == self.address;
        if is_hairpin && !self.config.has_hairpin {
            self.counters.not_hairpinned += 1;
            return None;
        }
        let inside = self.inside(now, port)?;
        let permission = scope(self.config.filtering, remote);
        let config = self.config;
        let mapping = self.by_port.get_mut(&port)?;
        let may_send = config.filtering == NatBehaviour::EndpointIndependent
            || mapping
                .remotes
                .get(&permission)
                .is_some_and(|last| now.since(*last) < config.lifetime);
        if !may_send {
            self.counters.filtered += 1;
            return None;
        }
        if config.is_refreshed_from_outside {
            mapping.used = now;
            mapping.allow(now, permission);
        }
        self.counters.inward += 1;
        self.counters.hairpinned += u64::from(is_hairpin);
        Some(inside)
    }

    /// Who has a port, whether or not it may be sent to.
    pub(crate) fn inside(&mut self, now: Timestamp, port: u16) -> Option<SocketAddr> {
        if !self.is_alive(now, port) {
            self.forget(port);
        }
        let Some(mapping) = self.by_port.get(&port) else {
            self.counters.unmapped += 1;
            return None;
        };
        Some(mapping.key.0)
    }

    /// Forgets all mappings. New ones get other ports than those had.
    pub(crate) fn rebind(&mut self) {
        self.by_inside.clear();
        self.retired = std::mem::take(&mut self.by_port).into_keys().collect();
    }

    pub(crate) const fn config(&self) -> NatConfig {
        self.config
    }

    pub(crate) const fn counters(&self) -> NatCounters {
        self.counters
    }

    fn map(&mut self, now: Timestamp, key: Key) -> Option<Port> {
        if self.by_port.len() >= self.config.capacity {
            self.expire(now);
        }
        if self.by_port.len() >= self.config.capacity {
            self.counters.refused += 1;
            return None;
        }
        let port = self.free_port(key.0.port());
        self.last_port = port;
        let mapping = Mapping {
            key,
            used: now,
            remotes: BTreeMap::new(),
        };
        self.by_port.insert(port, mapping);
        self.by_inside.insert(key, port);
        self.counters.mappings += 1;
        Some(Port::New(port))
    }

    /// The first free port from where the allocation begins to look. There is one: fewer are in use
    /// or retired than there are.
    fn free_port(&mut self, inside: u16) -> u16 {
        let mut port = match self.config.ports {
            PortAllocation::Preserving => inside.max(FIRST_PORT),
            PortAllocation::Sequential => next_port(self.last_port),
            PortAllocation::Random => {
                let ports = u32::from(u16::MAX - FIRST_PORT) + 1;
                FIRST_PORT + self.rng.below(ports) as u16
            }
        };
        while self.by_port.contains_key(&port) || self.retired.contains(&port) {
            port = next_port(port);
        }
        port
    }

    fn is_alive(&self, now: Timestamp, port: u16) -> bool {
        let mapping = self.by_port.get(&port);
        mapping.is_some_and(|mapping| now.since(mapping.used) < self.config.lifetime)
    }

    /// Forgets all mappings that were idle for too long.
    fn expire(&mut self, now: Timestamp) {
        let ports: Vec<u16> = self.by_port.keys().copied().collect();
        for port in ports {
            if !self.is_alive(now, port) {
                self.forget(port);
            }
        }
    }

    fn forget(&mut self, port: u16) {
        if let Some(mapping) = self.by_port.remove(&port) {
            self.by_inside.remove(&mapping.key);
            self.counters.expired += 1;
        }
    }
}

impl Mapping {
    /// Notes that a remote was sent to.
    fn allow(&mut self, now: Timestamp, remote: Scope) {
        self.remotes.insert(remote, now);
        if self.remotes.len() > MAX_REMOTES {
            let oldest = self.remotes.iter().min_by_key(|(_, last)| **last);
            if let Some(oldest) = oldest.map(|(remote, _)| *remote) {
                self.remotes.remove(&oldest);
            }
        }
    }
}

const fn next_port(port: u16) -> u16 {
    if port == u16::MAX {
        FIRST_PORT
    } else {
        port + 1
    }
}

/// What a behaviour heeds of a remote address.
const fn scope(behaviour: NatBehaviour, remote: SocketAddr) -> Scope {
    match behaviour {
        NatBehaviour::EndpointIndependent => (None, None),
        NatBehaviour::AddressDependent => (Some(remote.ip()), None),
        NatBehaviour::AddressAndPortDependent => (Some(remote.ip()), Some(remote.port())),
    }
}
