//! Taking candidates in, ours and the peer's, and forming pairs of them.

use alloc::vec::Vec;
use core::net::SocketAddr;

use crate::address::PeerAddr;
use crate::counters::DropReason;
use crate::ice::Candidate;
use crate::ice::CandidateKind;
use crate::ice::CandidateTypes;
use crate::ice::IceAgent;
use crate::ice::IceEvent;
use crate::ice::LocalCandidate;
use crate::ice::candidate::Local;
use crate::ice::candidate::is_target;
use crate::ice::pair::Base;
use crate::ice::pair::Pair;
use crate::ice::pair::Remote;
use crate::ice::story::What;
use crate::ids::LocalId;
use crate::limits::MAX_PEER_REFLEXIVE;
use crate::limits::MAX_REMOTE_CANDIDATES;
use crate::time::Timestamp;

impl IceAgent {
    pub(super) fn try_add_remote(&mut self, now: Timestamp, text: &str) -> Result<(), DropReason> {
        let candidate = Candidate::parse(text)?;
        let ip = candidate.address.ip();
        let has_loopback = |local: &Local| local.base_address.ip().is_loopback();
        let is_foreign_loopback =
            ip.is_loopback() && !self.locals.is_empty() && !self.locals.iter().any(has_loopback);
        if !is_target(candidate.address) || is_foreign_loopback {
            return Err(DropReason::RefusedCandidate);
        }
        let remote = Remote {
            address: candidate.address.into(),
            kind: candidate.kind,
            priority: candidate.priority,
        };
        self.learn_remote(now, remote)
    }

    /// Takes a candidate of the peer's in, and forms its pairs.
    pub(super) fn learn_remote(
        &mut self,
        now: Timestamp,
        remote: Remote,
    ) -> Result<(), DropReason> {
        let mut known = self.remotes.iter_mut();
        if let Some(known) = known.find(|known| known.address == remote.address) {
            if *known != remote {
                *known = remote;
                let pairs = self.checklist.iter_mut();
                for pair in pairs.filter(|pair| pair.remote.address == remote.address) {
                    pair.remote = remote;
                }
                self.choose(now);
            }
            return Ok(());
        }
        // What the peer's checks come from has room of its own, or a flood of candidates would hide it.
        let is_reflexive = |kind| kind == CandidateKind::PeerReflexive;
        let limit = if is_reflexive(remote.kind) {
            MAX_PEER_REFLEXIVE
        } else {
            MAX_REMOTE_CANDIDATES
        };
        let same = self
            .remotes
            .iter()
            .filter(|other| is_reflexive(other.kind) == is_reflexive(remote.kind));
        if same.count() >= limit {
            return Err(DropReason::TooManyCandidates);
        }
        self.remotes.push(remote);
        let (kind, address) = (remote.kind, remote.address);
        self.tell(now, What::RemoteAdded { kind, address });
        for base in self.bases() {
            self.pair(base, remote);
        }
        Ok(())
    }

    /// Whether a candidate of ours is known already. If another preference of it is, it has this one now.
    pub(super) fn is_known(&mut self, now: Timestamp, candidate: &LocalCandidate) -> bool {
        let address = PeerAddr::from(candidate.address);
        let mut locals = self.locals.iter_mut();
        let Some(known) = locals.find(|local| {
            local.base == candidate.base && local.kind == candidate.kind && local.address == address
        }) else {
            return false;
        };
        if known.preference != candidate.preference {
            *known = Local::from(*candidate);
            let base = base_of(known);
            let pairs = self.checklist.iter_mut();
            for pair in pairs.filter(|pair| pair.local == base.id) {
                pair.prefer(&base);
            }
            self.announce(candidate);
            self.choose(now);
        }
        true
    }

    /// Forms the pairs of a candidate of ours.
    pub(super) fn pair_local(&mut self, candidate: &LocalCandidate) {
        let base = base_of(&Local::from(*candidate));
        for remote in self.remotes.clone() {
            self.pair(base, remote);
        }
    }

    pub(super) fn knows_remote(&self, address: SocketAddr) -> bool {
        let address = PeerAddr::from(address);
        self.remotes.iter().any(|known| known.address == address)
    }

    fn pair(&mut self, base: Base, remote: Remote) {
        let address = SocketAddr::from(remote.address);
        if !base.reaches(address, self.types)
            || self.checklist.get((base.id, address)).is_some()
            || !self
                .checklist
                .insert(Pair::new(base, remote), self.is_controlling)
        {
            return;
        }
        if self.selection.is_some() {
            // Whoever has a new address after a way was found may have lost the old one: it is tried in any case.
            self.checklist.trigger((base.id, address));
        }
        if base.is_relay {
            let (local, remote) = (base.id, address);
            self.push_event(IceEvent::Permit { local, remote });
        }
    }

    /// The ends that packets may leave from.
    fn bases(&self) -> Vec<Base> {
        let mut bases: Vec<Base> = Vec::new();
        for local in &self.locals {
            let base = base_of(local);
            if !bases.iter().any(|known| known.id == base.id) {
                bases.push(base);
            }
        }
        bases
    }

    pub(super) fn base(&self, id: LocalId) -> Option<Base> {
        let mut locals = self.locals.iter();
        locals.find(|local| local.base == id).map(base_of)
    }

    pub(super) fn announce(&mut self, candidate: &LocalCandidate) {
        let is_relay = candidate.kind == CandidateKind::Relayed;
        let base = CandidateTypes::of(CandidateKind::Host, candidate.base_address.ip());
        let may_show_base = is_relay || self.types.contains(base);
        let text = alloc::format!("{}", candidate.announcement(may_show_base));
        self.push_event(IceEvent::SignalCandidate(text));
    }
}

/// What packets for a candidate leave from.
fn base_of(local: &Local) -> Base {
    let is_relay = local.kind == CandidateKind::Relayed;
    Base {
        id: local.base,
        address: local.base_address.into(),
        preference: local.preference,
        is_relay,
    }
}
