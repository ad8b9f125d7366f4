//! Finds out which connection a signal is for, and admits new ones.
//!
//! Anybody whom the signaling service lets speak may send signals. What is cheap comes first: size and form,
//! who it is for, how much that sender has asked already; signatures last. A signal that is not taken is not
//! answered: to be told "no" is to learn that somebody is there.

use alloc::boxed::Box;
use alloc::sync::Arc;

use crate::config::Config;
use crate::connection::Connection;
use crate::counters::DropReason;
use crate::crypto::kdf::Role;
use crate::endpoint::Endpoint;
use crate::endpoint::budget::SIGNED_REQUEST_COST;
use crate::endpoint::budget::UNSIGNED_REQUEST_COST;
use crate::endpoint::peers::Call;
use crate::endpoint::peers::SIGNAL_ROUTE;
use crate::handshake::Origin;
use crate::handshake::session::Session;
use crate::identity::Identity;
use crate::ids::ConnectionId;
use crate::ids::VirtualPort;
use crate::limits;
use crate::p2p::Party;
use crate::p2p::Ports;
use crate::p2p::signal::ConnectRequest;
use crate::p2p::signal::Signal;
use crate::p2p::signal::SignalKind;
use crate::time::Timestamp;

/// What became of a signal.
#[derive(Debug)]
#[must_use = "a forwarded signal is to be handled"]
pub enum SignalEvent {
    /// It was dropped, and counted.
    Dropped(DropReason),
    /// It is for this connection: hand it the same bytes.
    Forward(ConnectionId),
    /// A new connection, waiting for the application. Keep it under its ID, hand it the same bytes, and drain
    /// it.
    Incoming(Box<Connection>),
}

impl Endpoint {
    /// Finds out what a signal is for. `unlistened` are the settings of a connection to a virtual port on
    /// which nobody listens, if the application wants to hear of such.
    pub fn handle_signal(
        &mut self,
        now: Timestamp,
        bytes: &[u8],
        unlistened: Option<&Arc<Config>>,
    ) -> SignalEvent {
        let event = self.route_signal(now, bytes, None, unlistened);
        self.counted(event)
    }

    /// The same for a signal of whose sender the service has said who it is: a signal that says something else is
    /// dropped. It may only ask for virtual ports on which somebody listens.
    pub fn handle_vouched_signal(
        &mut self,
        now: Timestamp,
        bytes: &[u8],
        from: &Identity,
    ) -> SignalEvent {
        let event = self.route_signal(now, bytes, Some(from), None);
        self.counted(event)
    }

    fn counted(&mut self, event: Result<SignalEvent, DropReason>) -> SignalEvent {
        match event {
            Ok(event) => event,
            Err(reason) => {
                self.drops.count(reason);
                SignalEvent::Dropped(reason)
            }
        }
    }

    fn route_signal(
        &mut self,
        now: Timestamp,
        bytes: &[u8],
        vouched: Option<&Identity>,
        unlistened: Option<&Arc<Config>>,
    ) -> Result<SignalEvent, DropReason> {
        let signal = Signal::parse(bytes)?;
        if vouched.is_some_and(|from| *from != signal.from_identity) {
            return Err(DropReason::SignalFromAnother);
        }
        if self.host.identity.is_anonymous() {
            return Err(DropReason::NoIdentity);
        }
        self.check_addressee(&signal)?;
        if let Some(to) = signal.to_id {
            let entry = self.table.get(to).ok_or(DropReason::UnknownConnection)?;
            if entry.origin != Origin::Signal {
                return Err(DropReason::SignalForAnotherKind);
            }
            return Ok(SignalEvent::Forward(to));
        }
        let from = signal.from_id.ok_or(DropReason::BadMessage)?;
        if let Some(id) = self.call_from(&signal.from_identity, from) {
            return Ok(SignalEvent::Forward(id));
        }
        let SignalKind::ConnectRequest(request) = &signal.kind else {
            return Err(DropReason::UnknownConnection);
        };
        self.admit_call(now, &signal.from_identity, from, request, unlistened)
    }

    /// A signal that names somebody else has lost its way.
    fn check_addressee(&self, signal: &Signal) -> Result<(), DropReason> {
        let Some(to) = &signal.to_identity else {
            return Ok(());
        };
        match to.parse::<Identity>() {
            // A peer may know us by another kind of name only.
            Ok(to) if to != self.host.identity && !matches!(to, Identity::Ip(_)) => {
                Err(DropReason::SignalForAnother)
            }
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// The connection to which the peer has given that number.
    fn call_from(&self, peer: &Identity, theirs: ConnectionId) -> Option<ConnectionId> {
        let mut ids = self.peers.of_peer(peer);
        ids.find(|id| {
            let entry = self.table.get(*id);
            entry.is_some_and(|entry| entry.remote_id == Some(theirs))
        })
    }

    /// Checks a request for a new connection.
    fn admit_call(
        &mut self,
        now: Timestamp,
        peer: &Identity,
        from: ConnectionId,
        request: &ConnectRequest,
        unlistened: Option<&Arc<Config>>,
    ) -> Result<SignalEvent, DropReason> {
        // Very old peers name no port.
        let local = request.to_virtual_port.unwrap_or(0);
        let local = VirtualPort::new(local).ok_or(DropReason::BadMessage)?;
        let remote = request
            .from_virtual_port
            .map_or(Some(local), VirtualPort::new);
        let remote = remote.ok_or(DropReason::BadMessage)?;
        let ports = Ports { local, remote };
        let listener = self.peers.listeners.get(&local);
        let config = listener.map(|listener| &listener.config).or(unlistened);
        let config = Arc::clone(config.ok_or(DropReason::NotListening)?);
        let symmetric = config.is_symmetric_connect();
        if let Some((id, _)) = self.peers.double_of(peer, ports, symmetric) {
            return Ok(SignalEvent::Forward(id));
        }
        if self.peers.pending >= limits::MAX_PENDING_ACCEPTS
            || self.table.len() >= limits::MAX_CONNECTIONS
        {
            return Err(DropReason::Overload);
        }
        if self.peers.is_full_of(peer) {
            return Err(DropReason::SourceOverload);
        }
        if config.ice_candidates().is_empty() {
            return Err(DropReason::NoTransport);
        }
        let cost = match request.cert.ca_signature {
            Some(_) => SIGNED_REQUEST_COST,
            None => UNSIGNED_REQUEST_COST,
        };
        self.budget.take_signaled(now, &config, cost)?;
        self.check_credentials(now);
        let id = self.table.fresh_id(&mut self.rng);
        let mut rng = self.rng.child("connection");
        let policy = config.encryption();
        let mut session = Session::new(&self.host, &mut rng, id, Role::Server, policy);
        let start = self.start(id, SIGNAL_ROUTE, Arc::clone(&config), &mut rng);
        let unix_secs = self.clock.unix_secs(now);
        let verified = self
            .host
            .check_signaled(unix_secs, peer, &request.cert, &request.crypt)
            .map_err(|refused| {
                tracing::debug!(%refused, "request by signal refused");
                refused.drop_reason()
            })?;
        session.set_peer(verified.clone());
        let party = Party::new(now, Role::Server, ports, Some(session), rng.child("peer"));
        let call = Call {
            peer: peer.clone(),
            ports,
            symmetric,
            pending: true,
            alive: true,
            config,
        };
        self.insert_call(id, call, Origin::Signal, Some(from));
        let connection = Connection::called(now, start, party, (peer.clone(), from), &verified);
        Ok(SignalEvent::Incoming(Box::new(connection)))
    }
}
