//! What one connection wants, and what it was told.

use alloc::vec::Vec;
use core::net::SocketAddr;

use crate::ice::CandidateTypes;
use crate::ice::LocalCandidate;
use crate::limits::MAX_SERVERS;

use super::GatherConfig;
use super::LocalNews;
use super::socket::Socket;

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Want {
    pub(super) config: GatherConfig,
    pub(super) told: Vec<LocalCandidate>,
    is_done: bool,
}

impl Want {
    pub(super) fn new(config: GatherConfig) -> Self {
        let mut want = Self {
            config: GatherConfig::default(),
            told: Vec::new(),
            is_done: false,
        };
        want.configure(config);
        want
    }

    /// What it wants now.
    pub(super) fn configure(&mut self, config: GatherConfig) {
        self.config = config;
        self.config.stun.truncate(MAX_SERVERS);
        self.config.turn.truncate(MAX_SERVERS);
    }

    /// Whether reflexive addresses are of use.
    pub(super) const fn wants_mapping(&self) -> bool {
        self.config.mask.intersects(CandidateTypes::REFLEXIVE)
    }

    /// Whether relayed addresses are of use.
    pub(super) const fn wants_relay(&self) -> bool {
        self.config.mask.intersects(CandidateTypes::RELAY)
    }

    /// Whether a TURN server is one of its own.
    pub(super) fn lists(&self, server: SocketAddr) -> bool {
        let mut servers = self.config.turn.iter();
        self.wants_relay() && servers.any(|listed| listed.server == server)
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
        if let Some(new) = new.find(|candidate| !self.told.contains(candidate)) {
            self.told
                .retain(|told| told.base != new.base || told.kind != new.kind);
            self.told.push(new);
            return Some(LocalNews::Added(new));
        }
        if !self.is_done && sockets.iter().all(|socket| socket.is_settled(self)) {
            self.is_done = true;
            return Some(LocalNews::Done);
        }
        None
    }
}
