//! Connections between peers that know each other's identities.

use std::sync::Arc;

use bowline_core::config::Config;
use bowline_core::identity::Identity;
use bowline_core::ids::VirtualPort;

use crate::connection::Connection;
use crate::driver::Neighbours;
use crate::error::ConnectP2pError;
use crate::error::ConnectWithinError;
use crate::error::ListenP2pError;
use crate::error::NoSuchConnection;
use crate::error::SignalError;
use crate::listener::PeerListener;
use crate::signaling::ReceiveContext;
use crate::signaling::Signaling;
use crate::sockets::Sockets;
use crate::story::Entry;

impl Sockets {
    /// Lets peers connect that know our identity, by way of the application's signaling.
    ///
    /// A virtual port is a number of the application's choice, to tell one kind of connection from another.
    /// What asks for a connection comes in by [`receive_signal`](Self::receive_signal), and is announced as an
    /// event unless it was decided upon there. Without an [identity](crate::SocketsBuilder::identity) nobody can ask:
    /// signals are dropped until there is one.
    ///
    /// # Errors
    /// If there is a listener on that virtual port already.
    pub fn listen_p2p(&self, port: impl Into<VirtualPort>) -> Result<PeerListener, ListenP2pError> {
        self.listen_p2p_with(port, Config::new())
    }

    /// Like [`listen_p2p`](Self::listen_p2p), with settings of its own for the connections that come in.
    ///
    /// # Errors
    /// As `listen_p2p`.
    pub fn listen_p2p_with(
        &self,
        port: impl Into<VirtualPort>,
        config: Config,
    ) -> Result<PeerListener, ListenP2pError> {
        let port = port.into();
        let listening = self.inner().listen_p2p(port, config)?;
        let inner = Arc::clone(self.inner());
        Ok(PeerListener::new(inner, listening, port))
    }

    /// Starts a connection to a peer that listens on a virtual port, and returns at once.
    ///
    /// The two find each other by signals, which `signaling` carries to the peer and
    /// [`receive_signal`](Self::receive_signal) takes in; then they look for a way between them, of which
    /// [`Connection::story`] tells. Messages may be sent right away. See [`signaling`](crate::signaling).
    ///
    /// If both sides were made [with shortcuts](crate::SocketsBuilder::shortcuts), a peer that is in this process and
    /// listens on that port is connected to in memory, as by [`connect_within`](Self::connect_within), and `signaling`
    /// is not used.
    ///
    /// With [`ConfigKey::SymmetricConnect`](crate::ConfigKey::SymmetricConnect) both may begin at once, and the
    /// two connections become one. If the peer's request has come first and waits for a decision, it is accepted,
    /// and this returns that connection.
    ///
    /// # Errors
    /// If this side or the peer has no identity, the settings allow no way, there is such a connection already, or
    /// there are too many.
    pub fn connect_p2p(
        &self,
        peer: &Identity,
        port: impl Into<VirtualPort>,
        signaling: Arc<dyn Signaling>,
    ) -> Result<Connection, ConnectP2pError> {
        let slot = self
            .inner()
            .connect_p2p(peer, port.into(), Some(signaling), None)?;
        Ok(Connection::new(slot))
    }

    /// Like [`connect_p2p`](Self::connect_p2p), with settings of its own.
    ///
    /// # Errors
    /// As `connect_p2p`.
    pub fn connect_p2p_with(
        &self,
        peer: &Identity,
        port: impl Into<VirtualPort>,
        signaling: Arc<dyn Signaling>,
        config: Config,
    ) -> Result<Connection, ConnectP2pError> {
        let slot = self
            .inner()
            .connect_p2p(peer, port.into(), Some(signaling), Some(config))?;
        Ok(Connection::new(slot))
    }

    /// Starts a connection to a peer that listens on a virtual port, by its identity alone, and returns at once.
    ///
    /// The signals go by what [`set_signaling`](Self::set_signaling) has said, else by the hub
    /// ([`sign_in`](Self::sign_in)). While that has not let us in yet, or is looked for again, the connection waits. All else
    /// is as with [`connect_p2p`](Self::connect_p2p).
    ///
    /// # Errors
    /// If nothing carries signals, or as `connect_p2p`.
    pub fn connect_peer(
        &self,
        peer: &Identity,
        port: impl Into<VirtualPort>,
    ) -> Result<Connection, ConnectP2pError> {
        let slot = self.inner().connect_p2p(peer, port.into(), None, None)?;
        Ok(Connection::new(slot))
    }

    /// Like [`connect_peer`](Self::connect_peer), with settings of its own.
    ///
    /// # Errors
    /// As `connect_peer`.
    pub fn connect_peer_with(
        &self,
        peer: &Identity,
        port: impl Into<VirtualPort>,
        config: Config,
    ) -> Result<Connection, ConnectP2pError> {
        let slot = self
            .inner()
            .connect_p2p(peer, port.into(), None, Some(config))?;
        Ok(Connection::new(slot))
    }

    /// Starts a connection to a peer that is in this process: another `Sockets`, or this one, that has the identity
    /// `peer` and listens on that virtual port. Returns at once.
    ///
    /// Messages move in memory, as between the ends of a [pipe](crate::PairKind::Pipe), and no signals are needed.
    /// Otherwise it is a connection as with any peer: an event announces the request, and the peer accepts or
    /// closes it, without [`ReceiveContext::on_request`]. The peer counts as
    /// [authenticated](crate::ConnectionInfo::authenticated), since nobody else can speak for a `Sockets` of this
    /// process. With [`ConfigKey::SymmetricConnect`](crate::ConfigKey::SymmetricConnect) a request of the peer that waits
    /// for a decision is accepted, whether the peer listens or not.
    ///
    /// # Errors
    /// If no such peer is here, or as [`connect_p2p`](Self::connect_p2p).
    pub fn connect_within(
        &self,
        peer: &Identity,
        port: impl Into<VirtualPort>,
    ) -> Result<Connection, ConnectWithinError> {
        self.connect_within_as(peer, port.into(), None)
    }

    /// Like [`connect_within`](Self::connect_within), with settings of its own.
    ///
    /// # Errors
    /// As `connect_within`.
    pub fn connect_within_with(
        &self,
        peer: &Identity,
        port: impl Into<VirtualPort>,
        config: Config,
    ) -> Result<Connection, ConnectWithinError> {
        self.connect_within_as(peer, port.into(), Some(config))
    }

    fn connect_within_as(
        &self,
        peer: &Identity,
        port: VirtualPort,
        config: Option<Config>,
    ) -> Result<Connection, ConnectWithinError> {
        let inner = self.inner();
        let slot = inner.connect_within(peer, port, config, Neighbours::All)?;
        Ok(Connection::new(slot))
    }

    /// Takes in a signal that the application has received for this identity.
    ///
    /// `context` is asked about those who want to connect, before this returns and on this thread.
    ///
    /// # Errors
    /// If the signal is dropped: it is counted then ([`drops`](Self::drops)), and nothing else happens. Some of that
    /// is normal, since signals may come twice and late. Do not answer the sender: silence is what
    /// keeps strangers from learning who is there.
    pub fn receive_signal(
        &self,
        signal: &[u8],
        context: &mut dyn ReceiveContext,
    ) -> Result<(), SignalError> {
        self.inner().receive_signal(signal, None, context)
    }
}

impl Connection {
    /// How the two peers came together, or why they did not: what was signalled, which addresses were tried, and what
    /// became of it, or that the peer is in this process, the oldest first. Empty for connections by address. Each entry tells a line
    /// of text.
    ///
    /// # Errors
    /// If the connection is closed.
    pub fn story(&self) -> Result<Vec<Entry>, NoSuchConnection> {
        let mut state = self.slot().state.lock();
        Ok(state.open()?.story())
    }
}
