//! Answers for those who ask for a cookie, and the checks of a request that brings one back.
//!
//! What is cheap comes first, and what is costly is paid from a [`Budget`](super::budget): the cookie, which is
//! found without opening the packet; how much its network has asked; the packet, the tables, and only then
//! signatures. A request that repeats one that was taken goes to its connection, which has the answer.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::cert::check::PeerCheck;
use crate::cert::check::VerifiedPeer;
use crate::cert::check::check_peer;
use crate::cert::check::peer_identity;
use crate::connection::Connection;
use crate::counters::DropReason;
use crate::crypto::kdf::Role;
use crate::end_reason::EndReason;
use crate::endpoint::DatagramEvent;
use crate::endpoint::Endpoint;
use crate::endpoint::Route;
use crate::endpoint::budget::Rates;
use crate::endpoint::budget::SIGNED_REQUEST_COST;
use crate::endpoint::budget::UNSIGNED_REQUEST_COST;
use crate::endpoint::rejection::Refused;
use crate::endpoint::table::Entry;
use crate::handshake::Origin;
use crate::handshake::identity_of;
use crate::handshake::server::Deciding;
use crate::handshake::session::Session;
use crate::identity::Identity;
use crate::ids::ConnectionId;
use crate::limits;
use crate::time::Timestamp;
use crate::wire::udp;
use crate::wire::udp::UdpPacket;

impl Endpoint {
    /// Answers a request for a cookie. The answer is smaller than the request.
    pub(super) fn challenge(
        &mut self,
        now: Timestamp,
        from: Route,
        packet: udp::ChallengeRequest,
        reply: &mut Vec<u8>,
    ) -> Result<DatagramEvent, DropReason> {
        let listener = self.listeners.get(&from.socket);
        let listener = listener.ok_or(DropReason::NotListening)?;
        let ip = from.remote.ip();
        if let Some(rates) = Rates::of(&listener.config, ip) {
            self.budget.take_challenge(now, ip, &rates)?;
        }
        let challenge = self.cookies.issue(now, from, packet.connection_id);
        let answer = udp::ChallengeReply {
            connection_id: packet.connection_id,
            challenge,
            your_timestamp: packet.my_timestamp,
            protocol_version: limits::PROTOCOL_VERSION,
            finds_by_connection_id: true,
        };
        answer.encode(reply);
        Ok(DatagramEvent::Reply)
    }

    /// Checks a request, of which `asked` is known already. Whatever is wrong with it is answered by silence
    /// (wire.md 1.5), but for an ID that the same peer uses already, and unless we are to tell.
    pub(super) fn admit(
        &mut self,
        now: Timestamp,
        from: Route,
        asked: (ConnectionId, u64),
        data: &[u8],
        reply: &mut Vec<u8>,
    ) -> Result<DatagramEvent, DropReason> {
        let listener = self.listeners.get(&from.socket);
        if listener.is_none() && !self.rejections.are_told() {
            return Err(DropReason::NotListening);
        }
        let (remote, cookie) = asked;
        self.cookies.check(now, from, remote, cookie)?;
        let ip = from.remote.ip();
        let rates = listener.and_then(|listener| Rates::of(&listener.config, ip));
        if let Some(rates) = &rates {
            self.budget.take_request(now, ip, rates)?;
        }
        let result = self.examine(now, from, rates.as_ref(), data, reply);
        result.or_else(|refused| {
            if let Some(rates) = rates.filter(|_| refused.is_fault_of_peer()) {
                self.budget.note_failure(now, ip, &rates);
            }
            self.reject(now, remote, refused, reply)
        })
    }

    /// The checks of a request from an address that is proved.
    fn examine(
        &mut self,
        now: Timestamp,
        from: Route,
        rates: Option<&Rates>,
        data: &[u8],
        reply: &mut Vec<u8>,
    ) -> Result<DatagramEvent, Refused> {
        let UdpPacket::ConnectRequest(packet) = udp::parse(data)? else {
            return Err(DropReason::BadMessage.into());
        };
        let listener = self
            .listeners
            .get(&from.socket)
            .ok_or(DropReason::NotListening)?;
        let remote = packet.client_connection_id;
        if listener.pending >= limits::MAX_PENDING_ACCEPTS
            || self.table.len() >= limits::MAX_CONNECTIONS
        {
            return Err(DropReason::Overload.into());
        }
        if !self.table.sources.has_room(from.remote.ip()) {
            return Err(DropReason::SourceOverload.into());
        }
        let ip = from.remote.ip();
        let policy = listener.config.auth_for(ip);
        let beside = identity_of(&packet.identity);
        let identity = peer_identity(&packet.cert, beside, from.remote, policy)?;
        if self.table.has_peer(remote, &identity) {
            let answer = udp::ConnectionClosed {
                to: Some(remote),
                from: None,
                reason: EndReason::MISC_GENERIC,
                text: "This connection ID is in use already".into(),
                rejection: None,
            };
            answer.encode(reply);
            return Ok(DatagramEvent::Reply);
        }
        if let Some(rates) = rates {
            let cost = cost_of(&packet);
            self.budget.take_signatures(now, ip, rates, cost)?;
        }
        let peer = check_peer(&PeerCheck {
            crypto: &self.host.crypto,
            store: &self.host.store,
            now_unix_secs: Some(self.clock.unix_secs(now)),
            app: self.host.app,
            policy,
            cert: &packet.cert,
            crypt: &packet.crypt,
            expected_identity: &identity,
            expected_version: None,
        })
        .inspect_err(|refused| tracing::debug!(%refused, "connect request refused"))?;
        self.check_credentials(now);
        let connection = self.incoming(now, from, &packet, identity, peer)?;
        Ok(DatagramEvent::Incoming(Box::new(connection)))
    }

    fn incoming(
        &mut self,
        now: Timestamp,
        from: Route,
        packet: &udp::ConnectRequest,
        identity: Identity,
        peer: VerifiedPeer,
    ) -> Result<Connection, DropReason> {
        let listener = self
            .listeners
            .get_mut(&from.socket)
            .ok_or(DropReason::NotListening)?;
        listener.pending += 1;
        let config = alloc::sync::Arc::clone(&listener.config);
        let remote = packet.client_connection_id;
        let id = self.table.fresh_id(&mut self.rng);
        self.table.insert(
            id,
            Entry {
                route: from,
                origin: Origin::Listen,
                remote_id: Some(remote),
                identity: Some(identity.clone()),
                pending: true,
            },
        );
        let mut rng = self.rng.child("connection");
        let policy = config.encryption();
        let mut session = Session::new(&self.host, &mut rng, id, Role::Server, policy);
        session.set_peer(peer.clone());
        let deciding = Deciding::new(now, session, packet.my_timestamp);
        let start = self.start(id, from, config, &mut rng);
        let mut connection = Connection::incoming(now, start, deciding, remote, identity, &peer);
        if let Some(ms) = packet.ping_est_ms
            && ms <= limits::MAX_PING_ESTIMATE_MS
        {
            connection.on_ping_estimate(now, ms);
        }
        Ok(connection)
    }
}

/// What the request costs of the budget for signatures.
const fn cost_of(packet: &udp::ConnectRequest) -> u64 {
    if packet.cert.ca_signature.is_some() {
        SIGNED_REQUEST_COST
    } else {
        UNSIGNED_REQUEST_COST
    }
}
