//! Connections by identity between two endpoints of one process, or of an endpoint to itself.
//!
//! Whoever owns both brings them together: it asks the one that is to be called for the settings of its
//! listener ([`Endpoint::p2p_listener`]), has the other one make the end that asks
//! ([`Endpoint::connect_within`]), and the first one the end that is asked ([`Endpoint::admit_within`]). The
//! two hand over to each other what [`Connection::poll_piped`] has.
//!
//! The rules are those of connections by signals: who may call whom, one connection where one of the two is
//! symmetric, the same bounds. Both endpoints must not be at it from two sides at a time, or symmetric calls
//! that cross would refuse each other.

use alloc::boxed::Box;
use alloc::sync::Arc;

use crate::config::Config;
use crate::connection::Connection;
use crate::endpoint::Endpoint;
use crate::endpoint::call::Called;
use crate::endpoint::call::Plan;
use crate::endpoint::peers::Call;
use crate::endpoint::peers::SIGNAL_ROUTE;
use crate::error::AdmitError;
use crate::error::ConnectP2pError;
use crate::handshake::Origin;
use crate::identity::Identity;
use crate::ids::AppId;
use crate::ids::ConnectionId;
use crate::ids::VirtualPort;
use crate::limits;
use crate::p2p::Ports;
use crate::time::Timestamp;

/// Who asks for a connection, in the words of its own endpoint.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Who that is.
    pub identity: Identity,
    /// What the connection is called there.
    pub id: ConnectionId,
    /// The virtual port there.
    pub port: VirtualPort,
    /// The settings of the connection there.
    pub config: Arc<Config>,
}

impl Endpoint {
    /// The settings for those who connect to this virtual port; `None` if nobody listens there.
    pub fn p2p_listener(&self, port: VirtualPort) -> Option<&Arc<Config>> {
        let listener = self.peers.listeners.get(&port)?;
        Some(&listener.config)
    }

    /// Which game this is.
    pub fn app_id(&self) -> AppId {
        self.host.app
    }

    /// The request of a peer that a call with these settings accepts, without asking whether the peer could be called:
    /// who has called need not listen. `None` if there is none.
    ///
    /// # Errors
    /// If there may be no further connection with the peer: see [`ConnectP2pError`].
    pub fn request_to_accept(
        &self,
        peer: &Identity,
        port: VirtualPort,
        config: &Arc<Config>,
    ) -> Result<Option<ConnectionId>, ConnectP2pError> {
        match self.plan_call(peer, port, config)? {
            Plan::Waiting(id) => Ok(Some(id)),
            Plan::New(_) => Ok(None),
        }
    }

    /// Starts a connection to a peer in the same process, which has the settings `theirs` for those who connect.
    ///
    /// # Errors
    /// As [`connect_p2p`](Self::connect_p2p), except that no way for packets is needed.
    pub fn connect_within(
        &mut self,
        now: Timestamp,
        peer: &Identity,
        port: VirtualPort,
        config: Arc<Config>,
        theirs: &Config,
    ) -> Result<Called, ConnectP2pError> {
        self.check_names(peer)?;
        let call = match self.plan_call(peer, port, &config)? {
            Plan::New(call) => call,
            Plan::Waiting(id) => return Ok(Called::Waiting(id)),
        };
        let connection = self.begin_within(now, call, None, theirs);
        Ok(Called::New(connection))
    }

    /// Takes a connection from a peer in the same process to one of our virtual ports. It waits for the
    /// application.
    ///
    /// # Errors
    /// See [`AdmitError`].
    pub fn admit_within(
        &mut self,
        now: Timestamp,
        port: VirtualPort,
        caller: &Caller,
    ) -> Result<Box<Connection>, AdmitError> {
        let config = self.p2p_listener(port).ok_or(AdmitError::NotListening)?;
        let config = Arc::clone(config);
        let ports = Ports {
            local: port,
            remote: caller.port,
        };
        let symmetric = config.is_symmetric_connect();
        let double = self.peers.double_of(&caller.identity, ports, symmetric);
        // Who calls itself meets its own call.
        let is_itself = caller.identity == self.host.identity;
        if double.is_some_and(|(id, _)| !is_itself || id != caller.id) {
            return Err(AdmitError::Crossed);
        }
        if self.peers.pending >= limits::MAX_PENDING_ACCEPTS
            || self.table.len() >= limits::MAX_CONNECTIONS
            || self.peers.is_full_of(&caller.identity)
        {
            return Err(AdmitError::Full);
        }
        let call = Call {
            peer: caller.identity.clone(),
            ports,
            symmetric,
            pending: true,
            alive: true,
            config,
        };
        Ok(self.begin_within(now, call, Some(caller.id), &caller.config))
    }

    fn begin_within(
        &mut self,
        now: Timestamp,
        call: Call,
        theirs_id: Option<ConnectionId>,
        theirs: &Config,
    ) -> Box<Connection> {
        let id = self.table.fresh_id(&mut self.rng);
        let (peer, config) = (call.peer.clone(), Arc::clone(&call.config));
        let port = call.ports.local;
        self.insert_call(id, call, Origin::InProcess, theirs_id);
        let mut rng = self.rng.child("connection");
        let start = self.start(id, SIGNAL_ROUTE, config, &mut rng);
        let mut connection = Connection::within(now, start, peer, theirs_id, theirs);
        connection.make_room_for_header(port);
        Box::new(connection)
    }
}

#[cfg(test)]
mod tests;
