//! A hub that can be stopped and started, and interfaces that are signed in to it.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "not every test uses all of it, and may panic if it cannot go on"
)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use bowline::Availability;
use bowline::Connection;
use bowline::ConnectionState;
use bowline::Event;
use bowline::Identity;
use bowline::Sockets;
use bowline::SocketsBuilder;
use bowline::cert::CertStore;
use bowline::cert::KeyPair;
use bowline::hub::HubConfig;
use bowline::hub::HubLogin;
use bowline_core::crypto::keys::SigningKey;
use bowline_core::hub::SignedBody;
use bowline_hub::hub::Check;
use bowline_hub::hub::GameServerKey;
use bowline_hub::hub::Policy;
use bowline_hub::hub::SharedKey;
use bowline_hub::hub::Verdict;
use bowline_hub::keys::HubKeys;
use bowline_hub::namespace::Namespace;
use bowline_hub::server::Checker;
use bowline_hub::server::Running;
use bowline_hub::server::Server;
use bowline_hub::server::Setup;
use bowline_hub::server::StartError;
use zeroize::Zeroizing;

pub(crate) const LONG: Duration = Duration::from_secs(30);
pub(crate) const PORT: u16 = 7;

/// Believes what it is told.
pub(crate) struct Believer;

impl Checker for Believer {
    fn check(&self, check: &Check) -> Verdict {
        let identity = String::from_utf8(check.credential.clone()).unwrap();
        Verdict::Good {
            identity: identity.parse().unwrap(),
            expiry_unix_secs: None,
        }
    }
}

/// A hub that can be stopped, and started again where it was.
pub(crate) struct World {
    pub(crate) keys: HubKeys,
    pub(crate) policy: Policy,
    pub(crate) address: SocketAddr,
    pub(crate) hub: Option<Running>,
    /// Who checks credentials from its next start on.
    pub(crate) checker: Arc<dyn Checker>,
    /// What it tells about the network from its next start on.
    pub(crate) network: Option<(u64, SignedBody)>,
}

pub(crate) fn space(prefix: &str) -> Namespace {
    Namespace::new([prefix]).unwrap()
}

pub(crate) fn server_key() -> KeyPair {
    KeyPair::new(
        &bowline::cert::default_crypto(),
        SigningKey::from_seed([9; 32]),
    )
}

pub(crate) fn policy() -> Policy {
    Policy {
        dev: Some(space("str:dev-")),
        shared_keys: vec![SharedKey {
            name: "main".into(),
            apps: Vec::new(),
            key: Zeroizing::new(b"a key of the game".to_vec()),
            identities: space("str:shared-"),
        }],
        jwt: Some(space("str:id-")),
        hook: Some(space("str:hook-")),
        game_servers: vec![GameServerKey {
            key: server_key().public(),
            identity: "str:server-1".parse().unwrap(),
            apps: Vec::new(),
            pops: Vec::new(),
        }],
        anonymous: true,
        ..Policy::default()
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(policy())
    }

    pub(crate) fn with(policy: Policy) -> Self {
        let mut world = Self::without_hub(policy);
        world.start();
        world
    }

    /// Nobody is there yet.
    pub(crate) fn without_hub(policy: Policy) -> Self {
        let keys = HubKeys::generate(&bowline::cert::default_crypto()).unwrap();
        let free = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        Self {
            keys,
            policy,
            address: free.local_addr().unwrap(),
            hub: None,
            checker: Arc::new(Believer),
            network: None,
        }
    }

    pub(crate) fn start(&mut self) {
        let mut server = server(|| Setup {
            listen: vec![self.address],
            keys: self.keys.clone(),
            policy: self.policy.clone(),
            checker: Arc::clone(&self.checker),
        });
        if let Some((revision, body)) = self.network.clone() {
            server.announce(revision, body);
        }
        self.hub = Some(server.spawn(Box::new(|_| {})).unwrap());
    }

    pub(crate) fn kill(&mut self) {
        self.hub = None;
    }

    pub(crate) fn config(&self, login: HubLogin) -> HubConfig {
        let pin = self.keys.identity.public().to_line("");
        HubConfig::new(&self.address.to_string(), &pin)
            .unwrap()
            .login(login)
    }

    pub(crate) fn builder(&self) -> SocketsBuilder {
        let mut trusted = CertStore::new();
        let crypto = bowline::cert::default_crypto();
        let root = self.keys.authority.public();
        trusted.add_root(&crypto, root).unwrap();
        Sockets::builder()
            .app_id(480)
            .trust(trusted)
            .loopback_candidates(true)
    }

    /// Somebody who begins to sign in by its word.
    pub(crate) fn dev(&self, identity: &str) -> Sockets {
        let sockets = self.builder().identity(id(identity)).build().unwrap();
        sockets.sign_in(self.config(HubLogin::Dev));
        sockets
    }

    pub(crate) fn signed_in(&self, identity: &str) -> Sockets {
        let sockets = self.dev(identity);
        until(&sockets, Availability::Current);
        sockets
    }
}

/// A server whose port may have been given back a moment ago.
pub(crate) fn server(setup: impl Fn() -> Setup) -> Server {
    let mut server = None;
    eventually("the port is free", || {
        match Server::new(setup()) {
            Ok(new) => server = Some(new),
            // While there was no hub another test may have been given it.
            Err(StartError::Listen { .. }) => {}
            Err(error) => panic!("{error}"),
        }
        server.is_some()
    });
    server.unwrap()
}

pub(crate) fn id(text: &str) -> Identity {
    text.parse().unwrap()
}

pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + LONG;
    while !is_so() {
        assert!(Instant::now() < end, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

pub(crate) fn until(sockets: &Sockets, availability: Availability) {
    let end = Instant::now() + LONG;
    loop {
        let status = sockets.authentication();
        if status.availability == availability {
            return;
        }
        assert!(Instant::now() < end, "{status:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Accepts what comes, and returns the connection once it stands.
pub(crate) fn accept(sockets: &Sockets) -> Connection {
    let mut found = None;
    eventually("a connection came in", || {
        for event in sockets.events() {
            if let Event::ConnectionChanged(change) = event {
                if change.is_request() {
                    change.connection.accept().unwrap();
                }
                assert!(!change.is_ended(), "{}", change.info.end_text);
                if change.new == ConnectionState::Connected {
                    found = Some(change.connection);
                }
            }
        }
        found.is_some()
    });
    found.unwrap()
}

pub(crate) fn receive(connection: &Connection) -> Vec<u8> {
    let mut data = None;
    eventually("a message came", || {
        data = connection.receive().unwrap();
        data.is_some()
    });
    data.unwrap().to_vec()
}
