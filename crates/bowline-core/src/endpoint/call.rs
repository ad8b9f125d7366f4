//! Connections to a peer by its identity.

use alloc::boxed::Box;
use alloc::sync::Arc;

use crate::config::Config;
use crate::connection::Connection;
use crate::crypto::kdf::Role;
use crate::endpoint::Endpoint;
use crate::endpoint::peers::Call;
use crate::endpoint::peers::SIGNAL_ROUTE;
use crate::endpoint::table::Entry;
use crate::error::ConnectP2pError;
use crate::handshake::Origin;
use crate::handshake::session::Session;
use crate::identity::Identity;
use crate::ids::ConnectionId;
use crate::ids::VirtualPort;
use crate::limits;
use crate::p2p::HeldCall;
use crate::p2p::Party;
use crate::p2p::Ports;
use crate::time::Timestamp;

/// What came of the wish for a connection with a peer.
#[derive(Debug)]
#[must_use = "the connection is to be driven, or accepted"]
pub enum Called {
    /// A new connection; drain it to get its first signal.
    New(Box<Connection>),
    /// The peer has asked for the same one already, and waits: accept that one.
    Waiting(ConnectionId),
}

/// What is to come of it.
pub(super) enum Plan {
    /// A new connection.
    New(Call),
    /// See [`Called::Waiting`].
    Waiting(ConnectionId),
}

impl Endpoint {
    /// Starts a connection to a peer that is known by its identity; drain it to get its first signal.
    ///
    /// While our certificate is on its way ([`Self::awaits_certificate`]) that signal waits for it:
    /// [`Self::poll_held_call`] tells when it may go.
    ///
    /// The settings say which port of ours the connection is from (`LocalVirtualPort`, else the peer's), and
    /// whether it may be one with the connection that the peer may be starting at the same time
    /// (`SymmetricConnect`).
    ///
    /// # Errors
    /// See [`ConnectP2pError`].
    pub fn connect_p2p(
        &mut self,
        now: Timestamp,
        peer: &Identity,
        port: VirtualPort,
        config: Arc<Config>,
    ) -> Result<Called, ConnectP2pError> {
        self.check_credentials(now);
        // Who we are is said together with the certificate.
        let is_held = self.awaits_certificate();
        match self.check_names(peer) {
            Err(ConnectP2pError::NoIdentity) if is_held => {}
            checked => checked?,
        }
        if config.ice_candidates().is_empty() {
            return Err(ConnectP2pError::NoTransport);
        }
        let call = match self.plan_call(peer, port, &config)? {
            Plan::New(call) => call,
            Plan::Waiting(id) => return Ok(Called::Waiting(id)),
        };
        let ports = call.ports;
        let id = self.table.fresh_id(&mut self.rng);
        self.insert_call(id, call, Origin::Signal, None);
        let mut rng = self.rng.child("connection");
        let policy = config.encryption();
        let session =
            (!is_held).then(|| Session::new(&self.host, &mut rng, id, Role::Client, policy));
        if is_held {
            self.peers.held.insert(id, policy);
        }
        let party = Party::new(now, Role::Client, ports, session, rng.child("peer"));
        let start = self.start(id, SIGNAL_ROUTE, config, &mut rng);
        let connection = Connection::call(now, start, party, peer.clone());
        Ok(Called::New(Box::new(connection)))
    }

    /// The next call that need not wait for our certificate any longer, and what becomes of it
    /// ([`Connection::resume_call`]). Polled after [`Self::set_certificate`] and [`Self::set_authority`].
    pub fn poll_held_call(&mut self) -> Option<(ConnectionId, HeldCall)> {
        let (id, policy) = self.peers.released.pop_first()?;
        if self.host.credentials.is_none() {
            let text = self.authentication().text.clone();
            return Some((id, HeldCall::give_up(text)));
        }
        let host = Arc::clone(&self.host);
        let mut rng = self.rng.child("connection");
        let session = Session::new(&host, &mut rng, id, Role::Client, policy);
        Some((id, HeldCall::begin(host, self.clock, session)))
    }

    /// There is a certificate, or there will be none.
    pub(super) fn release_calls(&mut self) {
        self.peers.released.append(&mut self.peers.held);
    }

    /// Whether both sides are somebody.
    pub(super) fn check_names(&self, peer: &Identity) -> Result<(), ConnectP2pError> {
        if peer.is_anonymous() {
            return Err(ConnectP2pError::NoPeer);
        }
        if self.host.identity.is_anonymous() {
            return Err(ConnectP2pError::NoIdentity);
        }
        Ok(())
    }

    /// Finds out whether a connection with the peer is a new one, and may be.
    pub(super) fn plan_call(
        &self,
        peer: &Identity,
        port: VirtualPort,
        config: &Arc<Config>,
    ) -> Result<Plan, ConnectP2pError> {
        let local = config.local_virtual_port().unwrap_or(port);
        let ports = Ports {
            local,
            remote: port,
        };
        let listener = self.peers.listeners.get(&local);
        let symmetric = config.is_symmetric_connect()
            || listener.is_some_and(|listener| listener.config.is_symmetric_connect());
        if let Some((id, call)) = self.peers.double_of(peer, ports, symmetric) {
            return match call.pending {
                true => Ok(Plan::Waiting(id)),
                false => Err(ConnectP2pError::AlreadyConnected(id)),
            };
        }
        if self.table.len() >= limits::MAX_CONNECTIONS || self.peers.is_full_of(peer) {
            return Err(ConnectP2pError::TooManyConnections);
        }
        Ok(Plan::New(Call {
            peer: peer.clone(),
            ports,
            symmetric,
            pending: false,
            alive: true,
            config: Arc::clone(config),
        }))
    }

    /// Puts a connection between peers into the tables.
    pub(super) fn insert_call(
        &mut self,
        id: ConnectionId,
        call: Call,
        origin: Origin,
        remote_id: Option<ConnectionId>,
    ) {
        let entry = Entry {
            route: SIGNAL_ROUTE,
            origin,
            remote_id,
            identity: Some(call.peer.clone()),
            pending: false,
        };
        self.table.insert(id, entry);
        self.peers.insert(id, call);
    }
}
