//! Connections that we start.

use alloc::sync::Arc;

use crate::cert::expect::Expect;
use crate::config::Config;
use crate::connection::Connection;
use crate::connection::Start;
use crate::crypto::kdf::Role;
use crate::endpoint::Endpoint;
use crate::endpoint::Route;
use crate::endpoint::table::Entry;
use crate::error::ConnectError;
use crate::handshake::Host;
use crate::handshake::Origin;
use crate::handshake::SharedHost;
use crate::handshake::client::Dialing;
use crate::handshake::session::Session;
use crate::identity::Identity;
use crate::ids::AppId;
use crate::limits;
use crate::time::Timestamp;

impl Endpoint {
    /// Starts a connection; drain it to send its first packet.
    ///
    /// # Errors
    /// If the address cannot be dialled, or not on this route ([`Self::can_dial`]), or there are as
    /// many connections as there may be.
    pub fn connect(
        &mut self,
        now: Timestamp,
        route: Route,
        config: Arc<Config>,
    ) -> Result<Connection, ConnectError> {
        self.connect_expecting(now, route, config, None)
    }

    /// Like [`Self::connect`], to a peer that must prove that it is the one we mean. If it is not, the
    /// connection ends with [`EndReason::REMOTE_BAD_CERT`](crate::end_reason::EndReason) before any
    /// message is sent.
    ///
    /// # Errors
    /// As [`Self::connect`].
    pub fn connect_expecting(
        &mut self,
        now: Timestamp,
        route: Route,
        config: Arc<Config>,
        expect: Option<Expect>,
    ) -> Result<Connection, ConnectError> {
        self.check_credentials(now);
        let host = Arc::clone(&self.host);
        self.connect_as(now, route, config, expect, host)
    }

    /// Like [`Self::connect_expecting`], as nobody: without our identity, our key and our certificate, and of no game. For
    /// who is to hear of those by the connection itself, and may have to sign the certificate first.
    ///
    /// Such a peer serves all games, so its certificate is not for ours: one for [`AppId::ANY`] is for whoever dials
    /// so, and for nobody else. An identity that is expected is that of a service ([`Expect::Service`]). Only whom the
    /// application trusts vouches for it: such a peer may say what the network is like ([`Self::set_network`]), and shall not
    /// name who is believed that about itself. What the network has revoked counts.
    ///
    /// # Errors
    /// As [`Self::connect`].
    pub fn connect_unnamed(
        &mut self,
        now: Timestamp,
        route: Route,
        config: Arc<Config>,
        expect: Option<Expect>,
    ) -> Result<Connection, ConnectError> {
        let host = Host {
            identity: Identity::anonymous(),
            app: AppId::ANY,
            key: None,
            credentials: None,
            store: self.trust_in_services(),
            ..Host::clone(&self.host)
        };
        let expect = expect.map(|expect| match expect {
            Expect::Identity(identity) => Expect::Service(identity),
            other => other,
        });
        self.connect_as(now, route, config, expect, Arc::new(host))
    }

    fn connect_as(
        &mut self,
        now: Timestamp,
        route: Route,
        config: Arc<Config>,
        expect: Option<Expect>,
        host: SharedHost,
    ) -> Result<Connection, ConnectError> {
        let ip = route.remote.ip();
        if route.remote.port() == 0 || ip.is_unspecified() || ip.is_multicast() {
            return Err(ConnectError::BadAddress);
        }
        if !self.can_dial(now, route) {
            return Err(ConnectError::RouteInUse);
        }
        if self.table.len() >= limits::MAX_CONNECTIONS {
            return Err(ConnectError::TooManyConnections);
        }
        let id = self.table.fresh_id(&mut self.rng);
        let mut rng = self.rng.child("connection");
        let policy = config.encryption();
        let session = Session::new(&host, &mut rng, id, Role::Client, policy);
        self.table.insert(
            id,
            Entry {
                route,
                origin: Origin::Dial,
                remote_id: None,
                identity: None,
                pending: false,
            },
        );
        let start = Start {
            host,
            ..self.start(id, route, config, &mut rng)
        };
        Ok(Connection::dial(
            now,
            start,
            Dialing::new(now, session, expect),
        ))
    }
}
