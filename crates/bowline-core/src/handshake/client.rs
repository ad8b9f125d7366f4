//! The dialling side of direct UDP: ask for a cookie, send the request, take the answer.
//!
//! A lost packet restarts the whole exchange: what is retried is always the first step, with the same
//! connection ID and keys.

use alloc::boxed::Box;

use crate::cert::certificate::Certificate;
use crate::cert::check::PeerCheck;
use crate::cert::check::PeerRefused;
use crate::cert::check::check_peer;
use crate::cert::check::peer_identity;
use crate::cert::expect::Expect;
use crate::connection::Connection;
use crate::connection::State;
use crate::counters::DropReason;
use crate::end_reason::EndReason;
use crate::event::ToEndpoint;
use crate::handshake::identity_beside;
use crate::handshake::identity_of;
use crate::handshake::session::Session;
use crate::limits;
use crate::time::Span;
use crate::time::Timestamp;
use crate::wire::udp;

/// An attempt to connect.
#[derive(Clone, Debug)]
pub(crate) struct Dialing {
    session: Session,
    since: Timestamp,
    next_attempt: Timestamp,
    /// What the server's challenge said; its signed half must say the same.
    server_version: Option<u32>,
    expect: Option<Expect>,
}

impl Dialing {
    pub(crate) const fn new(now: Timestamp, session: Session, expect: Option<Expect>) -> Self {
        Self {
            session,
            since: now,
            next_attempt: now,
            server_version: None,
            expect,
        }
    }

    /// When the attempt began.
    pub(crate) const fn since(&self) -> Timestamp {
        self.since
    }

    /// When the exchange starts again.
    pub(crate) const fn next_attempt(&self) -> Timestamp {
        self.next_attempt
    }
}

impl Connection {
    /// Sends the first packet of the exchange.
    pub(crate) fn start_attempt(&mut self, now: Timestamp) {
        let State::Dialing(dialing) = &mut self.state else {
            return;
        };
        dialing.next_attempt = now + limits::HANDSHAKE_RETRY;
        let packet = udp::ChallengeRequest {
            connection_id: self.id,
            my_timestamp: now.as_micros(),
            protocol_version: limits::PROTOCOL_VERSION,
        };
        self.send_control(|out| packet.encode(out));
    }

    /// The server has given a cookie: send the request proper.
    pub(crate) fn on_challenge_reply(
        &mut self,
        now: Timestamp,
        reply: udp::ChallengeReply,
    ) -> Result<(), DropReason> {
        if reply.connection_id != self.id {
            return Err(DropReason::WrongAttempt);
        }
        let State::Dialing(dialing) = &mut self.state else {
            return Err(DropReason::WrongState);
        };
        if reply.protocol_version < limits::MIN_PROTOCOL_VERSION {
            let text = "The server runs old software and needs to be updated";
            self.fail(now, EndReason::MISC_GENERIC, text);
            return Err(DropReason::OldProtocol);
        }
        dialing.server_version = Some(reply.protocol_version);
        dialing.next_attempt = now + limits::HANDSHAKE_RETRY;
        let crypt = dialing.session.offer(&self.host);
        let cert = dialing.session.cert().clone();
        if reply.finds_by_connection_id {
            self.outbox
                .push_to_endpoint(ToEndpoint::FindsByConnectionId);
        }
        self.on_handshake_rtt(now, reply.your_timestamp, Span::ZERO);
        let packet = udp::ConnectRequest {
            client_connection_id: self.id,
            challenge: reply.challenge,
            identity: identity_beside(&cert, &self.host.identity),
            cert,
            my_timestamp: Some(now.as_micros()),
            ping_est_ms: self.telemetry.ping.smoothed_ms(),
            crypt,
        };
        self.send_control(|out| packet.encode(out));
        Ok(())
    }

    /// The server has accepted.
    pub(crate) fn on_connect_ok(
        &mut self,
        now: Timestamp,
        packet: &udp::ConnectOk,
    ) -> Result<(), DropReason> {
        if packet.client_connection_id != self.id {
            return Err(DropReason::WrongAttempt);
        }
        match &self.state {
            State::Dialing(_) => {}
            State::Deciding(_) | State::Rendezvous { .. } => return Err(DropReason::WrongRole),
            State::Connected { .. } | State::Linger { .. } => return Ok(()),
            State::ClosedByPeer | State::Failed | State::FinWait { .. } | State::Dead => {
                self.answer_closed();
                return Err(DropReason::WrongState);
            }
        }
        let policy = self.config.auth_for(self.peer.address.ip());
        let beside = identity_of(&packet.identity);
        let identity = peer_identity(&packet.cert, beside, self.peer.address, policy)?;
        if let Some(echo) = packet.your_timestamp {
            let held = Span::from_micros(u64::from(packet.delay_time_us.unwrap_or(0)));
            self.on_handshake_rtt(now, echo, held);
        }
        if packet.server_connection_id.get() & 0xFFFF == 0 {
            let text = "The server's connection ID is invalid";
            self.fail(now, EndReason::REMOTE_BAD_CRYPT, text);
            return Err(DropReason::BadCrypt);
        }
        self.peer.id = Some(packet.server_connection_id);
        self.peer.identity = Some(identity);
        if let Err(refused) = self.finish_dialing(now, packet) {
            self.fail(now, refused.reason, &refused.text);
            return Err(DropReason::BadCrypt);
        }
        self.outbox
            .push_to_endpoint(ToEndpoint::RemoteId(packet.server_connection_id));
        Ok(())
    }

    fn finish_dialing(
        &mut self,
        now: Timestamp,
        packet: &udp::ConnectOk,
    ) -> Result<(), PeerRefused> {
        let (State::Dialing(dialing), Some(identity)) = (&mut self.state, &self.peer.identity)
        else {
            return Ok(());
        };
        let peer = check_peer(&PeerCheck {
            crypto: &self.host.crypto,
            store: &self.host.store,
            now_unix_secs: Some(self.peer.clock.unix_secs(now)),
            app: self.host.app,
            policy: self.config.auth_for(self.peer.address.ip()),
            cert: &packet.cert,
            crypt: &packet.crypt,
            expected_identity: identity,
            expected_version: dialing.server_version,
        })?;
        if let Some(expect) = &dialing.expect {
            expect.check(identity, &peer)?;
            let cert = Certificate::parse(&peer.cert_bytes).ok();
            self.peer.key = cert.map(|cert| Box::new(*cert.key()));
        }
        let version = peer.crypt.protocol_version();
        self.peer.authenticated = peer.authenticated;
        dialing.session.set_peer(peer);
        let agreed = dialing
            .session
            .finish(&self.host, packet.server_connection_id)?;
        self.set_peer_version(version);
        self.peer.has_keys = true;
        self.set_connected(now, agreed, State::Connected { answered: None });
        // The server knows that we have keys, too, when it hears of us.
        if self.seals_closes() {
            self.liveness.probe_at_once();
        }
        Ok(())
    }

    /// A round trip measured by an echo of our timestamp, if it is believable.
    pub(crate) fn on_handshake_rtt(&mut self, now: Timestamp, echo_us: u64, held: Span) {
        let Some(elapsed) = now.as_micros().checked_sub(echo_us) else {
            return;
        };
        let Some(rtt_us) = elapsed.checked_sub(held.as_micros()) else {
            return;
        };
        let rtt = Span::from_micros(rtt_us);
        if rtt <= limits::MAX_HANDSHAKE_RTT {
            self.sender.on_handshake_rtt(rtt);
            self.on_ping(now, rtt);
        }
    }
}
