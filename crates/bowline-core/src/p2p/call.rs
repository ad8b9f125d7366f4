//! The side that asks: a request that is repeated until the peer answers, and the answer.
//!
//! Two peers may ask each other at the same time. Where both sides want one connection of it
//! ([`tie_break`](super::tie_break)), one of the two becomes the side that answers; it keeps its number and
//! what waits to be sent, and begins anew with everything else.

use alloc::boxed::Box;

use crate::cert::check::PeerRefused;
use crate::cert::check::VerifiedPeer;
use crate::connection::Connection;
use crate::connection::Stage;
use crate::connection::Start;
use crate::connection::State;
use crate::counters::DropReason;
use crate::crypto::kdf::Role;
use crate::event::ToEndpoint;
use crate::identity::Identity;
use crate::ids::ConnectionId;
use crate::limits;
use crate::p2p::Party;
use crate::p2p::signal::ConnectOk;
use crate::p2p::signal::ConnectRequest;
use crate::p2p::signal::Signal;
use crate::p2p::tie_break;
use crate::p2p::tie_break::Contender;
use crate::time::Timestamp;
use crate::wire::pb;

impl Connection {
    /// The peer answers our request.
    pub(super) fn on_connect_ok_signal(
        &mut self,
        now: Timestamp,
        from: ConnectionId,
        ok: &ConnectOk,
    ) -> Result<(), DropReason> {
        if !self.is_calling() {
            // An answer that was repeated before our acknowledgement arrived.
            return Ok(());
        }
        match self.take_answer(now, from, ok) {
            Ok(()) => Ok(()),
            Err(refused) => {
                self.fail(now, refused.reason, &refused.text);
                Err(DropReason::BadCrypt)
            }
        }
    }

    fn take_answer(
        &mut self,
        now: Timestamp,
        from: ConnectionId,
        ok: &ConnectOk,
    ) -> Result<(), PeerRefused> {
        let peer = self.check_signaled(now, &ok.cert, &ok.crypt)?;
        let Some(party) = &mut self.party else {
            return Ok(());
        };
        let version = peer.crypt.protocol_version();
        let authenticated = peer.authenticated;
        let Some(mut session) = party.session.take() else {
            return Ok(());
        };
        session.set_peer(peer);
        let agreed = session.finish(&self.host, from)?;
        self.learn_peer(from, authenticated);
        self.set_peer_version(version);
        self.peer.has_keys = true;
        self.install_keys(now, agreed);
        self.find_route(now);
        Ok(())
    }

    /// A request of the peer for a connection that we have asked for as well.
    pub(super) fn on_crossing_request(
        &mut self,
        now: Timestamp,
        signal: &Signal,
        request: &ConnectRequest,
    ) -> Result<(), DropReason> {
        let theirs = signal.from_id.ok_or(DropReason::BadMessage)?;
        let Some(party) = self.party.as_ref().filter(|_| self.is_calling()) else {
            return Err(self.on_request_anew(now, request));
        };
        let Some(session) = &party.session else {
            return Err(DropReason::WrongState);
        };
        let ours = Contender {
            id: self.id,
            cert: session.cert().cert(),
        };
        let other = Contender {
            id: theirs,
            cert: request.cert.cert(),
        };
        if tie_break::role(ours, other) == Role::Client {
            // The peer finds by the same comparison that it is to answer ours. Perhaps it was not there when ours came.
            if let Some(party) = &mut self.party {
                party.next_request = now;
            }
            return Err(DropReason::CrossedRequest);
        }
        self.become_server(now, theirs, request)?;
        self.take_reliable(now, signal)
    }

    fn become_server(
        &mut self,
        now: Timestamp,
        theirs: ConnectionId,
        request: &ConnectRequest,
    ) -> Result<(), DropReason> {
        let peer = self
            .check_signaled(now, &request.cert, &request.crypt)
            .map_err(|refused| {
                tracing::debug!(id = %self.id, %refused, "crossing request refused");
                DropReason::BadCrypt
            })?;
        let Some(party) = &mut self.party else {
            return Err(DropReason::WrongState);
        };
        tracing::debug!(id = %self.id, "both asked: we answer");
        party.role = Role::Server;
        // The peer drops our request, and what came with it.
        party.sent.begin_again();
        let (version, authenticated) = (peer.crypt.protocol_version(), peer.authenticated);
        if let Some(session) = &mut party.session {
            session.set_role(Role::Server);
            session.set_peer(peer);
        }
        if let (Some(agent), Some(rng)) = (&mut party.agent, &mut party.rng) {
            let password = crate::ice::credentials::password(rng);
            agent.restart(now, true, password);
        }
        self.learn_peer(theirs, authenticated);
        self.set_peer_version(version);
        self.answer_call(now).map_err(|_| DropReason::BadCrypt)
    }

    /// The request, as it goes out now.
    pub(super) fn connect_request(&mut self, now: Timestamp) -> Option<ConnectRequest> {
        let party = self.party.as_mut()?;
        let session = party.session.as_mut()?;
        party.next_request = now + limits::CONNECT_REQUEST_RETRY;
        Some(ConnectRequest {
            crypt: session.offer(&self.host),
            cert: session.cert().clone(),
            to_virtual_port: Some(party.ports.remote.get()),
            from_virtual_port: Some(party.ports.local.get()),
            from_fakeip: None,
        })
    }

    pub(super) fn check_signaled(
        &self,
        now: Timestamp,
        cert: &pb::CertificateSigned,
        crypt: &pb::SessionCryptInfoSigned,
    ) -> Result<VerifiedPeer, PeerRefused> {
        let nobody = Identity::anonymous();
        let peer = self.peer.identity.as_ref().unwrap_or(&nobody);
        let unix_secs = self.peer.clock.unix_secs(now);
        self.host.check_signaled(unix_secs, peer, cert, crypt)
    }

    /// Which number the peer has given the connection: it never changes from here on.
    fn learn_peer(&mut self, theirs: ConnectionId, authenticated: bool) {
        self.peer.id = Some(theirs);
        self.peer.authenticated = authenticated;
        self.outbox.push_to_endpoint(ToEndpoint::RemoteId(theirs));
    }

    pub(super) const fn is_calling(&self) -> bool {
        matches!(
            self.state,
            State::Rendezvous {
                stage: Stage::Calling,
                ..
            }
        )
    }

    /// Keys are there: from now on a way for packets is looked for.
    pub(super) fn find_route(&mut self, now: Timestamp) {
        self.set_state(State::Rendezvous {
            stage: Stage::FindingRoute,
            since: now,
        });
        // The peer is to have our acknowledgement, and what it does not know yet of our ways.
        self.want_signal(now);
        self.follow_agent(now);
    }
}

impl Connection {
    /// We ask: the first signal goes out with the next polls.
    pub(crate) fn call(now: Timestamp, start: Start, party: Party, peer: Identity) -> Self {
        let mut connection = Self::between_peers(now, start, party, peer, Stage::Calling);
        connection.start_agent(now);
        connection
    }

    /// The peer asks, and has passed all checks: the application decides.
    pub(crate) fn called(
        now: Timestamp,
        start: Start,
        party: Party,
        (peer, theirs): (Identity, ConnectionId),
        verified: &VerifiedPeer,
    ) -> Self {
        let mut connection = Self::between_peers(now, start, party, peer, Stage::Called);
        connection.peer.id = Some(theirs);
        connection.peer.authenticated = verified.authenticated;
        connection.set_peer_version(verified.crypt.protocol_version());
        connection
    }

    fn between_peers(
        now: Timestamp,
        start: Start,
        party: Party,
        peer: Identity,
        stage: Stage,
    ) -> Self {
        let state = State::Rendezvous { stage, since: now };
        let mut connection = Self::signaled(now, start, state);
        connection.peer.identity = Some(peer);
        connection.make_room_for_header(party.ports.local);
        connection.party = Some(Box::new(party));
        connection
    }
}
