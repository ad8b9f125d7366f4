//! One socket of this host: its address, how NATs show it, and what relays lend it.

use alloc::vec::Vec;
use core::net::SocketAddr;

use crate::endpoint::SocketId;
use crate::ice::CandidateKind;
use crate::ice::CandidateTypes;
use crate::ice::LocalCandidate;
use crate::ids::LocalId;
use crate::time::Timestamp;

use super::GatherConfig;
use super::Interface;
use super::TurnServer;
use super::mapping::Mapping;
use super::relays::Relays;
use super::want::Want;

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Socket {
    pub(super) id: SocketId,
    pub(super) address: SocketAddr,
    /// Its name as an end of ours.
    pub(super) local: LocalId,
    pub(super) preference: u16,
    pub(super) mapping: Mapping,
    /// Whom it can ask how it is seen; empty if nobody wants to know.
    pub(super) stun: Vec<SocketAddr>,
    pub(super) relays: Relays,
}

impl Socket {
    pub(super) const fn new(interface: Interface, local: LocalId, preference: u16) -> Self {
        Self {
            id: interface.socket,
            address: interface.address,
            local,
            preference,
            mapping: Mapping::new(),
            stun: Vec::new(),
            relays: Relays::new(),
        }
    }

    /// Whether a server can be asked from here: of the same family, and from loopback to loopback only.
    pub(super) const fn reaches(&self, server: SocketAddr) -> bool {
        let is_loopback = self.address.ip().is_loopback();
        self.address.is_ipv4() == server.is_ipv4() && is_loopback == server.ip().is_loopback()
    }

    /// What a connection may use of it.
    pub(super) fn candidates(&self, want: &Want) -> Vec<LocalCandidate> {
        let mut candidates = Vec::new();
        let host = LocalCandidate {
            base: self.local,
            kind: CandidateKind::Host,
            address: self.address,
            base_address: self.address,
            preference: self.preference,
            server_port: 0,
        };
        candidates.push(host);
        if let Some((mapped, server)) = self.mapping.known()
            && mapped != self.address
            && !want.config.stun.is_empty()
        {
            candidates.push(LocalCandidate {
                kind: CandidateKind::ServerReflexive,
                address: mapped,
                server_port: server.port(),
                ..host
            });
        }
        for relay in self.relays.iter() {
            if let Some((base, address)) = relay.lent()
                && want.lists(relay.server)
            {
                candidates.push(LocalCandidate {
                    base,
                    kind: CandidateKind::Relayed,
                    address,
                    base_address: address,
                    preference: self.preference,
                    server_port: relay.server.port(),
                });
            }
        }
        candidates.retain(|candidate| {
            let of_type = CandidateTypes::of(candidate.kind, candidate.address.ip());
            want.config.mask.contains(of_type)
        });
        candidates
    }

    /// Whether all that a connection waits for is known, or known not to come.
    pub(super) fn is_settled(&self, want: &Want) -> bool {
        let asks_stun = want.wants_mapping() && want.config.stun.iter().any(|at| self.reaches(*at));
        let waits_for_relay = want.config.mask.hides_host()
            && self
                .relays
                .iter()
                .any(|relay| relay.is_asking() && want.lists(relay.server));
        (!asks_stun || self.mapping.is_settled()) && !waits_for_relay
    }

    /// A connection wants something that it did not want `before`: what has failed may be tried again soon.
    pub(super) fn hurry(&mut self, now: Timestamp, want: &Want, before: &GatherConfig) {
        let mut stun = want.config.stun.iter();
        let is_new = |server: &SocketAddr| self.reaches(*server) && !before.stun.contains(server);
        if want.wants_mapping() && stun.any(is_new) {
            self.mapping.hurry(now);
        }
        for server in want.config.turn.iter().filter(|_| want.wants_relay()) {
            if !before.turn.contains(server) {
                let relays = self.relays.iter_mut();
                let concerned = relays.filter(|relay| relay.concerns(server));
                concerned.for_each(|relay| relay.hurry(now));
            }
        }
    }

    /// The relay that a connection is served by: the first that lends an address, or else the first that has not failed.
    pub(super) fn relay_for<'a>(
        &self,
        now: Timestamp,
        servers: &'a [TurnServer],
    ) -> Option<&'a TurnServer> {
        let mut reached = servers.iter().filter(|server| self.reaches(server.server));
        let mut lent = reached.clone();
        let lent = lent.find(|server| self.relays.lends(server.server));
        lent.or_else(|| reached.find(|server| !self.relays.is_refused(now, server)))
    }

    /// When there is something to do.
    pub(super) fn deadline(&self, is_wanted: bool) -> Option<Timestamp> {
        let mapping = self.mapping.deadline().filter(|_| !self.stun.is_empty());
        [mapping, self.relays.deadline(is_wanted)]
            .into_iter()
            .flatten()
            .min()
    }

    /// Appends the next packet, and returns to whom.
    pub(super) fn poll_transmit(&mut self, out: &mut Vec<u8>) -> Option<SocketAddr> {
        self.mapping.poll_transmit(out).or_else(|| {
            let mut relays = self.relays.iter_mut();
            relays.find_map(|relay| relay.client.poll_transmit(out))
        })
    }
}
