//! Cookies for those who prove their address, and the checks of a request that brings one back.
//!
//! A cookie is a keyed hash of the time and the asker's address and ID; nothing is kept per asker. The
//! key changes every minute, and the one before it stays good for as long as cookies live.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::net::IpAddr;

use hmac::Hmac;
use hmac::KeyInit;
use hmac::Mac;
use sha2::Sha256;

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
use crate::endpoint::rejection::Refused;
use crate::endpoint::table::Entry;
use crate::handshake::Origin;
use crate::handshake::identity_of;
use crate::handshake::server::Deciding;
use crate::handshake::session::Session;
use crate::identity::Identity;
use crate::ids::ConnectionId;
use crate::limits;
use crate::rng::Rng;
use crate::time::Span;
use crate::time::Timestamp;
use crate::wire::udp;

/// The unit of time in a cookie, as a shift of microseconds: 1.05 s (GNS: the same).
const TIME_UNIT_SHIFT: u32 = 20;
/// A cookie is good for this many units (GNS: the same).
const MAX_AGE_UNITS: u16 = 3;
/// How long a key is used for new cookies.
const KEY_LIFETIME: Span = Span::from_secs(60);

/// Makes and checks cookies.
#[derive(Clone)]
pub(super) struct Challenges {
    key: [u8; 32],
    previous_key: [u8; 32],
    key_since: Timestamp,
    rng: Rng,
    /// Answers in the second that began then.
    second: Timestamp,
    answered: u32,
}

impl core::fmt::Debug for Challenges {
    /// Shows nothing of the keys.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Challenges").finish_non_exhaustive()
    }
}

impl Challenges {
    pub(super) fn new(now: Timestamp, rng: &mut Rng) -> Self {
        let mut rng = rng.child("challenges");
        Self {
            key: rng.bytes(),
            previous_key: rng.bytes(),
            key_since: now,
            rng,
            second: now,
            answered: 0,
        }
    }

    /// The cookie for an asker, unless too many have asked.
    fn issue(&mut self, now: Timestamp, from: Route, id: ConnectionId) -> Option<u64> {
        if now.since(self.second) >= Span::from_secs(1) {
            self.second = now;
            self.answered = 0;
        }
        if self.answered >= limits::MAX_CHALLENGES_PER_SECOND {
            return None;
        }
        self.answered += 1;
        if now.since(self.key_since) >= KEY_LIFETIME {
            self.previous_key = core::mem::replace(&mut self.key, self.rng.bytes());
            self.key_since = now;
        }
        Some(cookie(&self.key, time_units(now), from, id))
    }

    fn check(
        &self,
        now: Timestamp,
        from: Route,
        id: ConnectionId,
        claimed: u64,
    ) -> Result<(), DropReason> {
        let [low, high, ..] = claimed.to_le_bytes();
        let made = u16::from_le_bytes([low, high]);
        if time_units(now).wrapping_sub(made) > MAX_AGE_UNITS {
            return Err(DropReason::StaleChallenge);
        }
        let good = [&self.key, &self.previous_key]
            .into_iter()
            .any(|key| cookie(key, made, from, id) == claimed);
        if good {
            Ok(())
        } else {
            Err(DropReason::BadChallenge)
        }
    }
}

fn time_units(now: Timestamp) -> u16 {
    let [low, high, ..] = (now.as_micros() >> TIME_UNIT_SHIFT).to_le_bytes();
    u16::from_le_bytes([low, high])
}

/// The time in the low 16 bits, a hash of everything in the rest.
fn cookie(key: &[u8; 32], time: u16, from: Route, id: ConnectionId) -> u64 {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(&time.to_le_bytes());
    mac.update(&from.remote.port().to_le_bytes());
    match from.remote.ip() {
        IpAddr::V4(ip) => mac.update(&ip.to_ipv6_mapped().octets()),
        IpAddr::V6(ip) => mac.update(&ip.octets()),
    }
    mac.update(&id.get().to_le_bytes());
    let tag = mac.finalize().into_bytes();
    let hash = tag.first_chunk::<8>().copied().unwrap_or_default();
    u64::from_le_bytes(hash) & !0xFFFF | u64::from(time)
}

impl Endpoint {
    /// Answers a request for a cookie. The answer is smaller than the request.
    pub(super) fn challenge(
        &mut self,
        now: Timestamp,
        from: Route,
        packet: udp::ChallengeRequest,
        reply: &mut Vec<u8>,
    ) -> Result<DatagramEvent, DropReason> {
        if !self.listeners.contains_key(&from.socket) {
            return Err(DropReason::NotListening);
        }
        let challenge = self
            .challenges
            .issue(now, from, packet.connection_id)
            .ok_or(DropReason::Overload)?;
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

    /// Checks a request. Whatever is wrong with it is answered by silence (wire.md 1.5), but for an ID
    /// that the same peer uses already, and unless we are to tell.
    pub(super) fn admit(
        &mut self,
        now: Timestamp,
        from: Route,
        packet: &udp::ConnectRequest,
        reply: &mut Vec<u8>,
    ) -> Result<DatagramEvent, DropReason> {
        if !self.listeners.contains_key(&from.socket) && !self.rejections.are_told() {
            return Err(DropReason::NotListening);
        }
        let remote = packet.client_connection_id;
        self.challenges.check(now, from, remote, packet.challenge)?;
        self.examine(now, from, packet, reply)
            .or_else(|refused| self.reject(now, remote, refused, reply))
    }

    /// The checks of a request from an address that is proved.
    fn examine(
        &mut self,
        now: Timestamp,
        from: Route,
        packet: &udp::ConnectRequest,
        reply: &mut Vec<u8>,
    ) -> Result<DatagramEvent, Refused> {
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
        let policy = listener.config.auth_for(from.remote.ip());
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
        let connection = self.incoming(now, from, packet, identity, peer)?;
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
        let start = self.start(id, from, config);
        let mut connection = Connection::incoming(now, start, deciding, remote, identity, &peer);
        if let Some(ms) = packet.ping_est_ms
            && ms <= limits::MAX_PING_ESTIMATE_MS
        {
            connection.on_ping_estimate(now, ms);
        }
        Ok(connection)
    }
}
