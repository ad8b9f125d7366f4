//! Network address translators: what stands between a private network and the rest.
//!
//! Described in the terms of RFC 4787. A NAT gives an address inside a *mapping*, a port of its own
//! outside. How many mappings an inside address has is one question, who may send back through one is
//! another, and the answers decide who can reach whom. `table` holds the mappings.
//!
//! A NAT translates on the way out when a datagram is sent, and on the way in when it arrives: what
//! was under way when a mapping was forgotten is lost.

mod table;

use std::fmt;
use std::net::SocketAddr;

use bowline_core::time::Span;

use crate::link::write_nonzero;

pub(crate) use self::table::{Nat, Port};

/// Which NAT of a world.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct NatId(u16);

impl NatId {
    pub(crate) const fn new(index: u16) -> Self {
        Self(index)
    }

    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// How much of the remote address a NAT heeds, in its mapping or in its filtering.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NatBehaviour {
    /// Nothing. Mapping: an inside address has one port outside, whomever it talks to. Filtering:
    /// anybody may send to it.
    EndpointIndependent,
    /// The IP address. Mapping: a port for each. Filtering: only those that were sent to may send.
    AddressDependent,
    /// IP address and port.
    AddressAndPortDependent,
}

impl NatBehaviour {
    /// All three, from the most open to the strictest.
    pub const ALL: [Self; 3] = [
        Self::EndpointIndependent,
        Self::AddressDependent,
        Self::AddressAndPortDependent,
    ];
}

/// Which port outside a new mapping gets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PortAllocation {
    /// The one that it has inside; if that is taken, the next that is free.
    Preserving,
    /// The next after the last one given out.
    Sequential,
    /// Any.
    Random,
}

/// How a NAT behaves. Begin with one of the constants, which bear the old names of RFC 3489.
///
/// ```
/// use bowline_sim::{HostConfig, NatConfig, Span, deterministic};
///
/// deterministic(7, |world| {
///     let server = world.add_host("server", HostConfig::default());
///     let home = world.add_nat("home", NatConfig::PORT_RESTRICTED.lifetime(Span::from_secs(30)));
///     let player = world.add_host_behind(home, "player", HostConfig::default());
///
///     let address = world.listen(server, 27015);
///     world.connect_pair(player, address).unwrap();
///     assert_eq!(world.nat_counters(home).mappings, 1);
/// });
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NatConfig {
    pub(crate) mapping: NatBehaviour,
    pub(crate) filtering: NatBehaviour,
    pub(crate) ports: PortAllocation,
    pub(crate) has_hairpin: bool,
    pub(crate) lifetime: Span,
    pub(crate) is_refreshed_from_outside: bool,
    pub(crate) capacity: usize,
}

/// The least that RFC 4787 wants a NAT to remember an idle mapping for (REQ-5).
const LIFETIME: Span = Span::from_secs(120);
/// Mappings that a NAT has room for, unless told otherwise: about what home routers have.
const CAPACITY: usize = 4096;
/// Most mappings that a NAT can be told to have: half of its ports, so that after
/// [`World::rebind_nat`](crate::World::rebind_nat) there are others for all of them.
pub(crate) const MAX_CAPACITY: usize = 30_000;

impl NatConfig {
    /// One mapping per inside address, open to all.
    pub const FULL_CONE: Self = Self::new(
        NatBehaviour::EndpointIndependent,
        NatBehaviour::EndpointIndependent,
    );
    /// One mapping per inside address, open to IP addresses that it has sent to.
    pub const RESTRICTED_CONE: Self = Self::new(
        NatBehaviour::EndpointIndependent,
        NatBehaviour::AddressDependent,
    );
    /// One mapping per inside address, open to addresses and ports that it has sent to. The usual one.
    pub const PORT_RESTRICTED: Self = Self::new(
        NatBehaviour::EndpointIndependent,
        NatBehaviour::AddressAndPortDependent,
    );
    /// A mapping per remote address and port, with ports that nobody can guess: hole punching fails.
    pub const SYMMETRIC: Self = Self::new(
        NatBehaviour::AddressAndPortDependent,
        NatBehaviour::AddressAndPortDependent,
    )
    .ports(PortAllocation::Random);

    /// A NAT of that kind which preserves ports, lets inside hosts reach each other under their
    /// outside addresses (hairpinning), forgets a mapping 120 s after the last datagram from inside,
    /// and has room for 4096.
    pub const fn new(mapping: NatBehaviour, filtering: NatBehaviour) -> Self {
        Self {
            mapping,
            filtering,
            ports: PortAllocation::Preserving,
            has_hairpin: true,
            lifetime: LIFETIME,
            is_refreshed_from_outside: false,
            capacity: CAPACITY,
        }
    }

    /// Which ports new mappings get.
    #[must_use]
    pub const fn ports(mut self, ports: PortAllocation) -> Self {
        self.ports = ports;
        self
    }

    /// Whether inside hosts reach each other under their outside addresses.
    #[must_use]
    pub const fn hairpin(mut self, has_hairpin: bool) -> Self {
        self.has_hairpin = has_hairpin;
        self
    }

    /// After how long without a datagram a mapping is forgotten, and the leave to send back with it.
    #[must_use]
    pub const fn lifetime(mut self, lifetime: Span) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// Whether datagrams from outside keep a mapping alive, too. RFC 4787 leaves that open (REQ-6).
    #[must_use]
    pub const fn refreshed_from_outside(mut self, is_refreshed: bool) -> Self {
        self.is_refreshed_from_outside = is_refreshed;
        self
    }

    /// How many mappings there may be at a time, 30,000 at most. What would need a further one is lost.
    #[must_use]
    pub const fn capacity(mut self, mappings: usize) -> Self {
        self.capacity = if mappings > MAX_CAPACITY {
            MAX_CAPACITY
        } else {
            mappings
        };
        self
    }
}

impl fmt::Display for NatConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |behaviour| match behaviour {
            NatBehaviour::EndpointIndependent => "endpoint independent",
            NatBehaviour::AddressDependent => "address dependent",
            NatBehaviour::AddressAndPortDependent => "address and port dependent",
        };
        let ports = match self.ports {
            PortAllocation::Preserving => "preserved",
            PortAllocation::Sequential => "sequential",
            PortAllocation::Random => "random",
        };
        let (mapping, filtering) = (word(self.mapping), word(self.filtering));
        write!(f, "{mapping} mapping, {filtering} filtering, {ports} ports")?;
        write!(f, ", lifetime {}", self.lifetime)?;
        let hairpin = if self.has_hairpin { "" } else { ", no hairpin" };
        f.write_str(hairpin)
    }
}

/// What a NAT has done so far.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct NatCounters {
    /// Mappings made.
    pub mappings: u64,
    /// Mappings forgotten because they were idle for too long.
    pub expired: u64,
    /// Datagrams let out.
    pub outward: u64,
    /// Datagrams let in.
    pub inward: u64,
    /// Of those let in, the ones that came from inside.
    pub hairpinned: u64,
    /// Datagrams lost because their sender may not send in.
    pub filtered: u64,
    /// Datagrams lost because nobody has the port that they came to.
    pub unmapped: u64,
    /// Datagrams from inside to inside, lost because the NAT does not do that.
    pub not_hairpinned: u64,
    /// Datagrams lost because there was no room for a mapping.
    pub refused: u64,
}

impl fmt::Display for NatCounters {
    /// What there was, such as `1 mappings, 8 datagrams out, 7 in`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mappings, outward, inward) = (self.mappings, self.outward, self.inward);
        write!(
            f,
            "{mappings} mappings, {outward} datagrams out, {inward} in"
        )?;
        let rest = [
            (self.expired, "mappings expired"),
            (self.hairpinned, "hairpinned"),
            (self.filtered, "filtered"),
            (self.unmapped, "to nobody"),
            (self.not_hairpinned, "not hairpinned"),
            (self.refused, "without room for a mapping"),
        ];
        write_nonzero(f, &rest)
    }
}

/// A mapping that was made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct NewMapping {
    pub(crate) nat: NatId,
    pub(crate) inside: SocketAddr,
    pub(crate) outside: SocketAddr,
}

#[cfg(test)]
mod tests;
