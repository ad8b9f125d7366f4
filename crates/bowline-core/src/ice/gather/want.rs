//! What one connection wants, and what it was told.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::SocketAddr;

use crate::address::PeerAddr;
use crate::ice::CandidateKind;
use crate::ice::CandidateTypes;
use crate::ice::LocalCandidate;
use crate::ids::LocalId;
use crate::limits::MAX_SERVERS;

use super::GatherConfig;
use super::LocalNews;
use super::ServerFailure;
use super::mapping::stun_server;
use super::relay::Relay;
use super::socket::Socket;

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct Want {
    /// Connections with the same settings share them.
    pub(super) config: Arc<GatherConfig>,
    pub(super) told: Vec<Told>,
    /// What it was told of servers: at most [`MAX_TOLD_FAILURES`].
    pub(super) told_failures: Vec<ServerFailure>,
    is_done: bool,
}

/// A candidate that the connection was told: what tells it from others.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Told {
    base: LocalId,
    kind: CandidateKind,
    preference: u16,
    address: PeerAddr,
}

impl From<&LocalCandidate> for Told {
    fn from(candidate: &LocalCandidate) -> Self {
        Self {
            base: candidate.base,
            kind: candidate.kind,
            preference: candidate.preference,
            address: candidate.address.into(),
        }
    }
}

impl Want {
    /// What it wants now. Returns what it wanted before.
    pub(super) const fn configure(&mut self, config: Arc<GatherConfig>) -> Arc<GatherConfig> {
        core::mem::replace(&mut self.config, config)
    }

    /// Whether reflexive addresses are of use.
    pub(super) fn wants_mapping(&self) -> bool {
        self.config.mask.intersects(CandidateTypes::REFLEXIVE)
    }

    /// Whether relayed addresses are of use.
    pub(super) fn wants_relay(&self) -> bool {
        self.config.mask.intersects(CandidateTypes::RELAY)
    }

    /// Whether a TURN server is one of its own.
    pub(super) fn lists(&self, server: SocketAddr) -> bool {
        let mut servers = self.config.turn.iter();
        self.wants_relay() && servers.any(|listed| listed.server == server)
    }

    /// Whether a relay is for an account of its own.
    pub(super) fn has_account(&self, relay: &Relay) -> bool {
        let mut servers = self.config.turn.iter();
        self.wants_relay() && servers.any(|listed| relay.is_of(listed))
    }

    /// The next thing that the connection does not know yet.
    pub(super) fn next_news(&mut self, sockets: &[Socket]) -> Option<LocalNews> {
        let candidates: Vec<LocalCandidate> = sockets
            .iter()
            .flat_map(|socket| socket.candidates(self))
            .collect();
        let gone = self.told.iter().find(|told| {
            // A mapping that is no more has no name of its own; its socket is still there.
            let is_there = |socket: &Socket| {
                socket.local == told.base
                    || socket.relays.iter().any(|relay| {
                        relay.lent().is_some_and(|(base, _)| base == told.base)
                            && self.lists(relay.server)
                    })
            };
            !sockets.iter().any(is_there)
        });
        if let Some(gone) = gone.map(|told| told.base) {
            self.told.retain(|told| told.base != gone);
            return Some(LocalNews::Removed(gone));
        }
        let mut new = candidates.into_iter();
        if let Some(new) = new.find(|new| !self.told.contains(&Told::from(new))) {
            self.told
                .retain(|told| told.base != new.base || told.kind != new.kind);
            // There are few, and it stays as long as the connection.
            self.told.reserve_exact(1);
            self.told.push(Told::from(&new));
            return Some(LocalNews::Added(new));
        }
        if let Some(failure) = self.new_failure(sockets) {
            self.told_failures.push(failure);
            return Some(LocalNews::Failed(failure));
        }
        if !self.is_done && sockets.iter().all(|socket| socket.is_settled(self)) {
            self.is_done = true;
            return Some(LocalNews::Done);
        }
        None
    }

    /// What is wrong with a server of its own that it was not told. A server that serves one socket is not at fault if
    /// it does not serve another.
    fn new_failure(&self, sockets: &[Socket]) -> Option<ServerFailure> {
        if self.told_failures.len() >= MAX_TOLD_FAILURES {
            return None;
        }
        let serves = |server: SocketAddr| {
            let known =
                |socket: &Socket| socket.mapping.known().is_some_and(|(_, by)| by == server);
            sockets.iter().any(known)
        };
        let stun = sockets.iter().flat_map(|socket| socket.mapping.failures());
        let stun = stun.filter(|failure| {
            stun_server(failure).is_some_and(|server| {
                self.wants_mapping() && self.config.stun.contains(&server) && !serves(server)
            })
        });
        let lends = |server| sockets.iter().any(|socket| socket.relays.lends(server));
        let concerns = |relay: &Relay| {
            let mut servers = self.config.turn.iter();
            self.wants_relay() && servers.any(|listed| relay.concerns(listed))
        };
        let relays = sockets.iter().flat_map(|socket| socket.relays.iter());
        let relays = relays.filter(|relay| concerns(relay) && !lends(relay.server));
        let turn = relays.filter_map(Relay::failure);
        let all = self.config.failures.iter().copied().chain(stun).chain(turn);
        let mut new = all.filter(|failure| !self.told_failures.contains(failure));
        new.next()
    }
}

/// A server that fails in ever new ways is not told of for ever.
const MAX_TOLD_FAILURES: usize = 4 * MAX_SERVERS;
