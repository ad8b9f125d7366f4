//! Clients and a hub of the same source, with nothing between them but bytes.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::collections::BTreeMap;
use std::net::SocketAddr;

use bowline_core::availability::Availability;
use bowline_core::cert::authority::Authority;
use bowline_core::cert::keypair::KeyPair;
use bowline_core::cert::request::CertificateRequest;
use bowline_core::cert::signed::SignedCertificate;
use bowline_core::crypto::keys::SigningKey;
use bowline_core::crypto::rustcrypto;
use bowline_core::hub::Goodbye;
use bowline_core::hub::HubAction;
use bowline_core::hub::HubClient;
use bowline_core::hub::HubClientConfig;
use bowline_core::hub::HubEvent;
use bowline_core::hub::HubLogin;
use bowline_core::hub::Role;
use bowline_core::identity::Identity;
use bowline_core::ids::AppId;
use bowline_core::ids::ConnectionId;
use bowline_core::rng::Rng;
use bowline_core::time::Span;
use bowline_core::time::Timestamp;
use bowline_core::wire::pb;
use bowline_hub::hub::GameServerKey;
use bowline_hub::hub::Hub;
use bowline_hub::hub::Keys;
use bowline_hub::hub::Output;
use bowline_hub::hub::Policy;
use bowline_hub::hub::SharedKey;
use bowline_hub::hub::Verdict;
use bowline_hub::namespace::Namespace;
use prost::Message as _;
use zeroize::Zeroizing;

const APP: AppId = AppId::new(480);

/// A client, and its connection if it has one.
struct Player {
    client: HubClient,
    link: Option<ConnectionId>,
    events: Vec<HubEvent>,
}

/// A hub, its clients, and a network that is up or down.
struct Net {
    now: Timestamp,
    hub: Hub,
    is_up: bool,
    players: BTreeMap<&'static str, Player>,
    links: u32,
}

fn space(prefix: &str) -> Namespace {
    Namespace::new([prefix]).unwrap()
}

fn identity(text: &str) -> Identity {
    text.parse().unwrap()
}

fn signing_key(seed: u8) -> SigningKey {
    SigningKey::from_seed([seed; 32])
}

fn policy() -> Policy {
    let crypto = rustcrypto::provider();
    Policy {
        dev: Some(space("str:dev-")),
        shared_keys: vec![SharedKey {
            name: "main".into(),
            apps: Vec::new(),
            key: Zeroizing::new(b"a key of the game".to_vec()),
            identities: space("str:shared-"),
        }],
        jwt: Some(space("str:id-")),
        game_servers: vec![GameServerKey {
            key: KeyPair::new(&crypto, signing_key(9)).public(),
            identity: identity("str:server-1"),
            apps: Vec::new(),
            pops: Vec::new(),
        }],
        anonymous: true,
        ..Policy::default()
    }
}

fn hub(now: Timestamp) -> Hub {
    let crypto = rustcrypto::provider();
    let keys = Keys {
        authority: Authority::new(&crypto, signing_key(1)),
        identity: KeyPair::new(&crypto, signing_key(77)).public(),
        resumption: Zeroizing::new([2; 32]),
        other_resumptions: Vec::new(),
    };
    let rng = Rng::from_seed([7; 32]);
    let unix_us = 1_790_000_000_000_000;
    Hub::new(now, unix_us, policy(), crypto, keys, rng).unwrap()
}

impl Net {
    fn new() -> Self {
        let now = Timestamp::from_micros(1_000_000);
        Self {
            now,
            hub: hub(now),
            is_up: true,
            players: BTreeMap::new(),
            links: 0,
        }
    }

    fn add(&mut self, name: &'static str, login: HubLogin, identity: Option<&str>) {
        let role = match login {
            HubLogin::GameServerKey(_) => Role::GameServer,
            _ => Role::User,
        };
        let config = HubClientConfig {
            app: APP,
            role,
            login,
            identity: identity.map(|text| text.parse().unwrap()),
            version: "test".into(),
        };
        let seed = [self.players.len() as u8 + 1; 32];
        let player = Player {
            client: HubClient::new(config, rustcrypto::provider(), Rng::from_seed(seed)),
            link: None,
            events: Vec::new(),
        };
        self.players.insert(name, player);
    }

    fn start(&mut self, name: &str) {
        let key = KeyPair::new(&rustcrypto::provider(), signing_key(5));
        let request = CertificateRequest::new(key.public()).to_bytes();
        self.player(name).client.start(Some(request));
        self.run_for(Span::ZERO);
    }

    fn player(&mut self, name: &str) -> &mut Player {
        self.players.get_mut(name).unwrap()
    }

    fn availability(&mut self, name: &str) -> Availability {
        self.player(name).client.availability()
    }

    /// Who the hub has said that a client is.
    fn name_of(&mut self, name: &str) -> Option<Identity> {
        let events = self.player(name).events.iter().rev();
        let mut names = events.filter_map(|event| match event {
            HubEvent::SignedIn { identity, .. } => Some(identity.clone()),
            _ => None,
        });
        names.next()
    }

    fn run_for(&mut self, span: Span) {
        let end = self.now + span;
        loop {
            while self.step() {}
            let clients = self.players.values();
            let timeouts = clients.filter_map(|player| player.client.poll_timeout());
            let next = timeouts.chain(self.hub.poll_timeout()).min();
            let Some(next) = next.filter(|next| *next <= end) else {
                break;
            };
            self.now = self.now.max(next);
            self.hub.handle_timeout(self.now);
            for player in self.players.values_mut() {
                player.client.handle_timeout(self.now);
            }
        }
        self.now = end;
    }

    /// Carries what there is; says whether there was anything.
    fn step(&mut self) -> bool {
        let mut any = false;
        let now = self.now;
        for player in self.players.values_mut() {
            let events = std::iter::from_fn(|| player.client.poll_event());
            player.events.extend(events);
            while let Some(action) = player.client.poll_action() {
                any = true;
                match action {
                    HubAction::Connect if self.is_up => {
                        self.links += 1;
                        let link = ConnectionId::new(0x0001_0000 + self.links);
                        player.link = Some(link);
                        let from = SocketAddr::from(([127, 0, 0, 1], 4000));
                        self.hub.on_connected(now, link, from);
                        let key = KeyPair::new(&rustcrypto::provider(), signing_key(77)).public();
                        player.client.on_connected(now, *key.as_bytes());
                    }
                    HubAction::Connect => player.client.on_disconnected(now, "nobody there"),
                    HubAction::Disconnect => {
                        if let Some(link) = player.link.take() {
                            self.hub.on_disconnected(link);
                        }
                    }
                    HubAction::Send(bytes) => {
                        if let Some(link) = player.link {
                            self.hub.on_message(now, link, &bytes);
                        }
                    }
                }
            }
        }
        while let Some(output) = self.hub.poll_output() {
            any = true;
            self.carry(output);
        }
        any
    }

    fn carry(&mut self, output: Output) {
        let now = self.now;
        match output {
            Output::Send { client, bytes } => {
                if let Some(player) = self.at(client) {
                    player.client.on_message(now, &bytes);
                }
            }
            Output::Close { client, text } => {
                if let Some(player) = self.at(client) {
                    player.link = None;
                    player.client.on_disconnected(now, &text);
                }
            }
            Output::Check(check) => {
                let identity = String::from_utf8(check.credential).unwrap();
                let verdict = Verdict::Good {
                    identity: identity.parse().unwrap(),
                    expiry_unix_secs: None,
                };
                self.hub.on_verdict(now, check.client, verdict);
            }
            Output::Notice(_) => {}
        }
    }

    fn at(&mut self, link: ConnectionId) -> Option<&mut Player> {
        let mut players = self.players.values_mut();
        players.find(|player| player.link == Some(link))
    }

    fn pull_the_plug(&mut self) {
        self.is_up = false;
        let now = self.now;
        for player in self.players.values_mut() {
            if let Some(link) = player.link.take() {
                self.hub.on_disconnected(link);
                player.client.on_disconnected(now, "silence");
            }
        }
    }
}

fn signal(from: &str, to: &str) -> Vec<u8> {
    pb::Rendezvous {
        from_identity: Some(from.into()),
        to_identity: Some(to.into()),
        ..pb::Rendezvous::default()
    }
    .encode_to_vec()
}

fn token(identity: &str) -> HubLogin {
    HubLogin::Jwt(Zeroizing::new(identity.to_owned()))
}

fn shared(key: &[u8]) -> HubLogin {
    HubLogin::SharedKey {
        name: "main".into(),
        key: Zeroizing::new(key.to_vec()),
    }
}

#[test]
fn every_way_of_signing_in_gives_an_identity_and_a_certificate() {
    let mut net = Net::new();
    net.add("dev", HubLogin::Dev, Some("str:dev-anna"));
    net.add(
        "shared",
        shared(b"a key of the game"),
        Some("str:shared-ben"),
    );
    net.add("token", token("str:id-carl"), None);
    let server = HubLogin::GameServerKey(signing_key(9));
    net.add("server", server, Some("str:server-1"));
    net.add("nobody", HubLogin::Anonymous, None);
    let crypto = rustcrypto::provider();
    let authority = Authority::new(&crypto, signing_key(1));
    for name in ["dev", "shared", "token", "server", "nobody"] {
        net.start(name);
        assert_eq!(net.availability(name), Availability::Current, "{name}");
        let mut events = net.player(name).events.iter();
        let signed = events.find_map(|event| match event {
            HubEvent::Certificate(bytes) => SignedCertificate::from_bytes(bytes).ok(),
            _ => None,
        });
        assert!(signed.unwrap().is_signed_by(&crypto, authority.public()));
    }
    for (name, expected) in [
        ("dev", "str:dev-anna"),
        ("shared", "str:shared-ben"),
        ("token", "str:id-carl"),
        ("server", "str:server-1"),
    ] {
        assert_eq!(net.name_of(name), Some(identity(expected)));
    }
    let nobody = net.name_of("nobody").unwrap().to_string();
    assert!(nobody.starts_with("gen:"));
    assert_eq!(net.hub.sessions(), 5);
}

#[test]
fn a_hub_that_goes_and_comes_knows_its_clients_again() {
    let mut net = Net::new();
    net.add("carl", token("str:id-carl"), None);
    net.add("anna", HubLogin::Dev, Some("str:dev-anna"));
    net.start("carl");
    net.start("anna");
    net.pull_the_plug();
    assert_eq!(net.availability("carl"), Availability::Previously);
    net.run_for(Span::from_secs(300));
    let stands = net.availability("carl");
    assert_eq!(stands, Availability::Retrying);
    // Another process with the same key.
    net.hub = hub(net.now);
    net.is_up = true;
    net.run_for(Span::from_secs(64));
    for name in ["carl", "anna"] {
        assert_eq!(net.availability(name), Availability::Current);
    }
    assert_eq!(net.name_of("carl"), Some(identity("str:id-carl")));
    let sent = signal("str:dev-anna", "str:id-carl");
    let carl = identity("str:id-carl");
    let anna = &mut net.player("anna").client;
    anna.send_signal(&carl, &sent).unwrap();
    net.run_for(Span::ZERO);
    let expected = HubEvent::Signal {
        from: "str:dev-anna".into(),
        payload: sent,
    };
    assert!(net.player("carl").events.contains(&expected));
}

#[test]
fn of_three_who_want_one_name_the_last_has_it_and_the_others_let_go() {
    let mut net = Net::new();
    for name in ["a", "b", "c"] {
        net.add(name, HubLogin::Dev, Some("str:dev-anna"));
        net.now += Span::from_millis(10);
        net.start(name);
    }
    net.run_for(Span::from_secs(600));
    assert_eq!(net.availability("a"), Availability::Failed);
    assert_eq!(net.availability("b"), Availability::Failed);
    assert_eq!(net.availability("c"), Availability::Current);
    assert_eq!(net.hub.sessions(), 1);
    assert_eq!(net.hub.counters().superseded, 2);
    let told = HubEvent::Availability {
        availability: Availability::Failed,
        text: Goodbye::Superseded.to_string(),
    };
    assert!(net.player("a").events.contains(&told));
}

#[test]
fn a_wrong_key_and_a_foreign_name_are_refused_for_good() {
    let mut net = Net::new();
    net.add("shared", shared(b"another key"), Some("str:shared-ben"));
    net.add("dev", HubLogin::Dev, Some("str:server-1"));
    let server = HubLogin::GameServerKey(signing_key(8));
    net.add("server", server, Some("str:server-1"));
    for name in ["shared", "dev", "server"] {
        net.start(name);
        net.run_for(Span::from_secs(100));
        assert_eq!(net.availability(name), Availability::Failed, "{name}");
    }
    assert_eq!(net.hub.sessions(), 0);
}
