//! The choice among transports, and what it means for what is sent.
//!
//! When packets go another way, what was measured of the one before says nothing of it: round trip, rate, window
//! and packet size begin anew (RFC 9000, section 9.4). If only a port has changed, as when a NAT forgets its
//! mapping, the network between is the same, and all of it is kept.

use crate::config::Config;
use crate::connection::Connection;
use crate::connection::Stage;
use crate::connection::State;
use crate::crypto::kdf::Role;
use crate::debug::log_verbose;
use crate::ice::RouteKind;
use crate::ids::PacketNumber;
use crate::limits;
use crate::p2p::transports::Kind;
use crate::p2p::transports::Route;
use crate::p2p::transports::Rules;
use crate::p2p::way::Way;
use crate::stats::PingTracker;
use crate::time::Span;
use crate::time::Timestamp;
use crate::transmit::Transmit;
use crate::transmit::TransmitBuf;
use crate::transmit::Via;
use crate::wire::stats_blob::StatsFlags;

impl Connection {
    /// A transport sends this way from now on.
    pub(super) fn offer_transport(
        &mut self,
        now: Timestamp,
        kind: Kind,
        route: Route,
        rtt: Option<Span>,
    ) {
        if let Some(party) = &mut self.party {
            party.transports.offer(now, kind, route, rtt);
        }
        self.choose_transport(now);
    }

    /// A transport can send no more.
    pub(super) fn withdraw_transport(&mut self, now: Timestamp, kind: Kind) {
        if let Some(party) = &mut self.party {
            party.transports.withdraw(now, kind);
        }
        self.choose_transport(now);
    }

    /// A packet of the peer has decrypted that came this way.
    pub(super) fn on_transport_confirmed(&mut self, now: Timestamp, via: Via, is_chosen: bool) {
        let Some(party) = &mut self.party else {
            return;
        };
        let kind = party.transports.kind_at(via);
        if kind == Kind::Ice
            && let Some(agent) = &mut party.agent
        {
            agent.on_data_received(now, via.local, via.remote);
            self.follow_agent(now);
        }
        if !self.path.is_usable() && kind == Kind::Ice {
            let agent = self.party.as_ref().and_then(|party| party.agent.as_ref());
            let way = agent.and_then(|agent| agent.kind_of(via.local, via.remote));
            let route = Route {
                via,
                kind: way.unwrap_or(RouteKind::Relayed),
            };
            self.offer_transport(now, kind, route, None);
        }
        let Some(party) = &mut self.party else {
            return;
        };
        if party.transports.on_received(now, kind, is_chosen) {
            self.choose_transport(now);
        }
    }

    /// The peer did not answer in time.
    pub(crate) fn on_missed_reply(&mut self, now: Timestamp) {
        if let Some(party) = &mut self.party {
            party.transports.on_missed_reply();
            self.review_choice(now);
        }
    }

    /// A round trip along the way that packets take was measured.
    pub(crate) fn on_transport_ping(&mut self, now: Timestamp, rtt: Span) {
        if let Some(party) = &mut self.party {
            party.transports.on_ping(now, rtt);
            self.review_choice(now);
        }
    }

    /// Packet `number` went another way than others do, and its round trip was measured.
    pub(crate) fn on_probe_answered(&mut self, now: Timestamp, number: PacketNumber, rtt: Span) {
        if let Some(party) = &mut self.party {
            party.transports.on_probe_answered(now, number, rtt);
            self.review_choice(now);
        }
    }

    /// Something has changed that the choice among several transports depends on.
    pub(super) fn review_choice(&mut self, now: Timestamp) {
        let party = self.party.as_ref();
        if party.is_some_and(|party| party.transports.is_contested()) {
            self.choose_transport(now);
        }
    }

    /// When the choice among several transports is to be reviewed, or one of them asked after.
    pub(super) fn choice_deadline(&self) -> Option<Timestamp> {
        let transports = &self.party.as_ref()?.transports;
        if !transports.is_contested() || !self.asks_after_transports() {
            return None;
        }
        transports.deadline(self.now, &self.rules())
    }

    /// A packet that asks after a transport, if one is to be asked after now.
    pub(crate) fn next_transport_probe(
        &mut self,
        now: Timestamp,
        buf: &mut TransmitBuf,
    ) -> Option<Transmit> {
        let transports = &self.party.as_ref()?.transports;
        let (kind, via, is_taken) = transports.wants_probe(now)?;
        if !self.asks_after_transports() {
            return None;
        }
        let flags = match is_taken {
            true => StatsFlags::NONE,
            false => StatsFlags::NOT_PRIMARY_TRANSPORT,
        };
        let (start, number) = (buf.len(), self.sender.next_number());
        let len = self.build_probe(now, None, flags, buf)?;
        self.sender.on_probe_sent_elsewhere(now, len);
        if let Some(party) = &mut self.party {
            party.transports.on_probe_sent(now, kind, number);
        }
        let mut transmit = self.run(start, len, len);
        transmit.via = Some(via);
        Some(transmit)
    }

    const fn asks_after_transports(&self) -> bool {
        self.keys.is_some()
            && self.peer.id.is_some()
            && (self.state.is_active() || self.is_finding_route())
    }

    fn rules(&self) -> Rules {
        let role = self.party.as_ref().map(|party| party.role);
        let since = match &self.state {
            State::Rendezvous {
                stage: Stage::FindingRoute,
                since,
            } => *since,
            // For so long that it need not be waited for any more.
            _ => Timestamp::ZERO,
        };
        Rules::new(role == Some(Role::Server), since, &self.config)
    }

    fn choose_transport(&mut self, now: Timestamp) {
        let rules = self.rules();
        let Some(party) = &mut self.party else {
            return;
        };
        match party.transports.choose(now, &rules) {
            Some(route) if party.way.route() == Some(route) => {}
            Some(route) => self.take_way(now, route),
            None => self.lose_way(now),
        }
    }

    /// The largest datagram by those settings on the way that packets take, or took last: a relay adds to each.
    pub(crate) fn way_mtu(&self, config: &Config) -> usize {
        let last = self.party.as_ref().and_then(|party| party.way.last());
        let overhead = match last.map(|route| route.kind) {
            Some(RouteKind::Relayed) => limits::RELAY_OVERHEAD,
            Some(RouteKind::Local | RouteKind::Direct) | None => 0,
        };
        config.mtu_bytes().saturating_sub(overhead)
    }

    fn take_way(&mut self, now: Timestamp, route: Route) {
        let Some(party) = &mut self.party else {
            return;
        };
        let last = party.way.last();
        party.way = Way::Taken(route);
        let rtt = party.transports.rtt();
        let kind = route.kind;
        log_verbose!(self, P2pRendezvous "bowline::p2p_rendezvous", %kind, "packets take a way");
        if last.is_some_and(|last| last.is_path_of(route)) {
            self.path.retake_way();
        } else {
            let mtu_bytes = self.way_mtu(&self.config);
            self.path.take_way(mtu_bytes);
            if last.is_some() {
                self.sender.leave_way(now);
                self.telemetry.ping = PingTracker::new();
            }
        }
        if let Some(rtt) = rtt {
            self.sender.on_handshake_rtt(rtt);
            self.note_ping(now, rtt);
        }
        if self.is_finding_route() {
            self.liveness.introduce();
        } else {
            self.liveness.probe_at_once();
        }
    }

    fn lose_way(&mut self, now: Timestamp) {
        let Some(party) = &mut self.party else {
            return;
        };
        if party.way.route().is_some() {
            log_verbose!(self, P2pRendezvous "bowline::p2p_rendezvous", "the way is lost");
        }
        let since = party.way.missing_since().unwrap_or(now);
        let last = party.way.last();
        party.way = Way::Missing { since, last };
        self.path.lose_way();
    }
}
