//! From the agent that looks for ways to the path that packets take, and back.
//!
//! The agent says what the peer should be told, which pair of addresses works, and when it no longer does.
//! A pair that answers checks is used at once, unless another transport is better (`choice`); the connection counts
//! as connected when a packet of the peer decrypts, which proves that the other direction works and that it has the
//! same keys.

use alloc::boxed::Box;

use crate::connection::Connection;
use crate::connection::Stage;
use crate::connection::State;
use crate::counters::DropReason;
use crate::crypto::kdf::Role;
use crate::end_reason::EndReason;
use crate::event::ToConnection;
use crate::event::ToEndpoint;
use crate::ice::IceAgent;
use crate::ice::IceConfig;
use crate::ice::IceEvent;
use crate::ice::credentials;
use crate::p2p::signal::ReliableMessage;
use crate::p2p::transports::Kind;
use crate::p2p::transports::Route;
use crate::time::Timestamp;
use crate::transmit::Transmit;
use crate::transmit::TransmitBuf;
use crate::transmit::Via;

/// The way that packets take at present.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Way {
    /// None is known to work.
    Missing {
        /// Since when.
        since: Timestamp,
        /// The one before.
        last: Option<Route>,
    },
    /// This one.
    Taken(Route),
}

impl Way {
    pub(crate) fn via(self) -> Option<Via> {
        self.route().map(|route| route.via)
    }

    pub(crate) const fn route(self) -> Option<Route> {
        match self {
            Self::Missing { .. } => None,
            Self::Taken(route) => Some(route),
        }
    }

    /// The one that packets took last.
    pub(super) const fn last(self) -> Option<Route> {
        match self {
            Self::Missing { last, .. } => last,
            Self::Taken(route) => Some(route),
        }
    }

    pub(crate) const fn missing_since(self) -> Option<Timestamp> {
        match self {
            Self::Missing { since, .. } => Some(since),
            Self::Taken(_) => None,
        }
    }
}

impl Connection {
    /// Begins to look for ways, unless the settings allow none.
    pub(super) fn start_agent(&mut self, now: Timestamp) {
        let mask = self.config.ice_candidates();
        let Some(party) = &mut self.party else {
            return;
        };
        if party.agent.is_some() || mask.is_empty() {
            return;
        }
        let Some(rng) = &mut party.rng else {
            return;
        };
        let config = IceConfig {
            id: self.id,
            controlling: party.role == Role::Server,
            mask,
            password: credentials::password(rng),
            tie_breaker: rng.u64(),
            rng: rng.child("ice"),
        };
        party.agent = Some(Box::new(IceAgent::new(now, config)));
        self.outbox.push_to_endpoint(ToEndpoint::WantsWays);
        self.follow_agent(now);
    }

    /// The endpoint tells of a way out of this host.
    pub(crate) fn on_local_way(&mut self, now: Timestamp, news: ToConnection) {
        let Some(party) = &mut self.party else {
            return;
        };
        match (news, &mut party.agent) {
            (ToConnection::LocalCandidate(candidate), Some(agent)) => {
                agent.add_local(now, candidate);
            }
            (ToConnection::LocalGone(local), Some(agent)) => agent.remove_local(now, local),
            (ToConnection::LocalsKnown, _) => party.open(),
            (ToConnection::ServerFailed(failure), Some(agent)) => agent.note_failure(now, failure),
            _ => {}
        }
        self.follow_agent(now);
    }

    /// Whether a datagram is for the connection itself, as all are of one by address, and not for its agent.
    pub(crate) fn is_for_connection(
        &mut self,
        now: Timestamp,
        via: Option<Via>,
        data: &[u8],
    ) -> Result<bool, DropReason> {
        let Some(via) = via else {
            return Ok(true);
        };
        let Some(party) = &mut self.party else {
            return Err(DropReason::UnknownSource);
        };
        let is_stun = crate::stun::is_stun(data);
        if !is_stun && party.transports.has(via) {
            return Ok(true);
        }
        let Some(agent) = &mut party.agent else {
            return Err(DropReason::UnknownSource);
        };
        if is_stun {
            let taken = agent.handle_stun(now, via.local, via.remote, data);
            self.follow_agent(now);
            return taken.map(|()| false);
        }
        if agent.knows(via.local, via.remote) {
            Ok(true)
        } else {
            Err(DropReason::UnknownSource)
        }
    }

    /// Does what the agent says.
    pub(super) fn follow_agent(&mut self, now: Timestamp) {
        while let Some(event) = self.poll_agent() {
            match event {
                IceEvent::SignalAuth(password) => {
                    self.tell_peer(now, ReliableMessage::Auth { password });
                }
                IceEvent::SignalCandidate(text) => {
                    self.tell_peer(now, ReliableMessage::Candidate(text));
                }
                IceEvent::Selected {
                    local,
                    remote,
                    kind,
                    rtt,
                } => {
                    let via = Via { local, remote };
                    self.offer_transport(now, Kind::Ice, Route { via, kind }, rtt);
                }
                IceEvent::Lost => self.withdraw_transport(now, Kind::Ice),
                IceEvent::Permit { local, remote } => {
                    let via = Via { local, remote };
                    self.outbox.push_to_endpoint(ToEndpoint::Permit(via));
                }
            }
        }
    }

    fn poll_agent(&mut self) -> Option<IceEvent> {
        self.party.as_mut()?.agent.as_mut()?.poll_event()
    }

    fn tell_peer(&mut self, now: Timestamp, message: ReliableMessage) {
        let Some(party) = &mut self.party else {
            return;
        };
        if party.sent.push(message).is_err() {
            // So many candidates that the peer acknowledges none of: it has enough to try.
            self.telemetry.drops.count(DropReason::Overload);
            return;
        }
        party.pacer.want(now);
    }

    /// The agent's next packet.
    pub(crate) fn next_check(&mut self, buf: &mut TransmitBuf) -> Option<Transmit> {
        let start = buf.len();
        let agent = self.party.as_mut()?.agent.as_mut()?;
        let sent = agent.poll_transmit(buf.bytes_mut())?;
        let len = buf.len() - start;
        let mut transmit = self.run(start, len, len);
        transmit.via = Some(Via {
            local: sent.local,
            remote: sent.to,
        });
        Some(transmit)
    }

    /// The peer does not answer: perhaps it is the way, and there is another.
    pub(crate) fn doubt_way(&mut self, now: Timestamp) {
        if !self.liveness.is_doubtful() {
            return;
        }
        if let Some(agent) = self.party.as_mut().and_then(|party| party.agent.as_mut()) {
            if agent.doubt(now) {
                self.outbox.push_to_endpoint(ToEndpoint::DoubtsWay);
            }
            self.follow_agent(now);
        }
    }

    /// A packet of the peer has decrypted that came this way: there is one in both directions, even if no
    /// check of ours has told yet. The peer has chosen the way, or only asks after it.
    pub(crate) fn on_way_confirmed(&mut self, now: Timestamp, via: Option<Via>, is_chosen: bool) {
        if let Some(via) = via {
            self.on_transport_confirmed(now, via, is_chosen);
        }
        if !self.is_finding_route() {
            return;
        }
        if let Some(party) = &mut self.party {
            party.answer = None;
            party.story.connected(now);
        }
        self.begin_connected(now, State::Connected { answered: None });
    }

    pub(crate) const fn is_finding_route(&self) -> bool {
        matches!(
            self.state,
            State::Rendezvous {
                stage: Stage::FindingRoute,
                ..
            }
        )
    }

    /// The time limit of a stage is over.
    pub(crate) fn on_rendezvous_timeout(&mut self, now: Timestamp, stage: Stage) {
        match stage {
            Stage::Calling if self.party.as_ref().is_some_and(|party| party.is_held) => {
                let text = "There was no certificate in time to show the peer";
                self.fail(now, EndReason::MISC_STEAM_CONNECTIVITY, text);
            }
            Stage::Calling => {
                let text = "The peer did not answer in time";
                self.fail(now, EndReason::MISC_TIMEOUT, text);
            }
            Stage::Called => {
                let text = "The application did not accept in time";
                self.fail(now, EndReason::MISC_TIMEOUT, text);
            }
            Stage::FindingRoute => {
                let (reason, text) = self.why_no_route();
                self.fail(now, reason, text);
            }
        }
    }

    /// What was missing (p2p.md 8.9).
    fn why_no_route(&self) -> (EndReason, &'static str) {
        let agent = self.party.as_ref().and_then(|party| party.agent.as_ref());
        let Some(agent) = agent else {
            return (
                EndReason::MISC_P2P_RENDEZVOUS,
                "One of the two sides allows no direct way, and there is no relay",
            );
        };
        let summary = agent.summary();
        if summary.local.none() {
            (
                EndReason::MISC_P2P_RENDEZVOUS,
                "This host has no address that the peer may be told",
            )
        } else if summary.remote.none() {
            (
                EndReason::MISC_P2P_RENDEZVOUS,
                "The peer has told no address that it can be reached at",
            )
        } else if !summary.local.has_public() && summary.remote.has_public() {
            (
                EndReason::LOCAL_ICE_NO_PUBLIC_ADDRESSES,
                "No public address of this host is known: no STUN server answers, and there is no relay",
            )
        } else if !summary.remote.has_public() && summary.local.has_public() {
            (
                EndReason::REMOTE_ICE_NO_PUBLIC_ADDRESSES,
                "The peer knows no public address of its own, and there is no relay",
            )
        } else if summary.local.has_public() {
            (
                EndReason::MISC_P2P_NAT_FIREWALL,
                "No packet gets through between the two: a firewall or an address translation, and there is no relay",
            )
        } else {
            (
                EndReason::MISC_P2P_RENDEZVOUS,
                "No packet gets through between the private addresses of the two",
            )
        }
    }

    /// When the agent has something to do, or the choice among several transports.
    pub(crate) fn agent_deadline(&self) -> Option<Timestamp> {
        if self.is_over() {
            return None;
        }
        let agent = self.party.as_ref()?.agent.as_ref();
        let agent = agent.and_then(|agent| agent.poll_timeout());
        agent.into_iter().chain(self.choice_deadline()).min()
    }

    /// The agent's deadline may have passed.
    pub(crate) fn on_agent_timeout(&mut self, now: Timestamp) {
        if self.is_over() {
            return;
        }
        if let Some(agent) = self.party.as_mut().and_then(|party| party.agent.as_mut()) {
            agent.handle_timeout(now);
            self.follow_agent(now);
        }
        self.review_choice(now);
    }
}
