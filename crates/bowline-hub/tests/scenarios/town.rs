//! A hub and players in a simulated network: everything that they say to each other goes over links that lose, delay and
//! break, signals included.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;

use bowline_core::availability::Availability;
use bowline_core::cert::authority::Authority;
use bowline_core::cert::authority::KeyId;
use bowline_core::cert::keypair::KeyPair;
use bowline_core::cert::request::CertificateRequest;
use bowline_core::config::Config;
use bowline_core::crypto::keys::SigningKey;
use bowline_core::crypto::rustcrypto;
use bowline_core::end_reason::EndReason;
use bowline_core::hub::HubAction;
use bowline_core::hub::HubClient;
use bowline_core::hub::HubClientConfig;
use bowline_core::hub::HubEvent;
use bowline_core::hub::HubLogin;
use bowline_core::hub::NetworkConfig;
use bowline_core::hub::Role;
use bowline_core::hub::limits::HUB_CONNECT_TIMEOUT;
use bowline_core::hub::limits::HUB_SILENCE;
use bowline_core::identity::Identity;
use bowline_core::ids::AppId;
use bowline_core::ids::ConnectionId;
use bowline_core::p2p::signal::Signal;
use bowline_core::wire::pb;
use bowline_hub::hub::Hub;
use bowline_hub::hub::Keys;
use bowline_hub::hub::Output;
use bowline_hub::hub::Policy;
use bowline_hub::namespace::Namespace;
use bowline_sim::Conn;
use bowline_sim::ConnectionState;
use bowline_sim::Event;
use bowline_sim::HostConfig;
use bowline_sim::HostId;
use bowline_sim::LinkConfig;
use bowline_sim::SendFlags;
use bowline_sim::Span;
use bowline_sim::Timestamp;
use bowline_sim::VirtualPort;
use bowline_sim::World;
use prost::Message as _;
use zeroize::Zeroizing;

const APP: AppId = AppId::new(480);
const PORT: u16 = 27_100;
/// How often programs look at what has arrived.
const TICK: Span = Span::from_millis(5);

/// See the module.
pub(crate) struct Town {
    pub(crate) world: World,
    pub(crate) hub: Hub,
    pub(crate) hub_host: HostId,
    pub(crate) players: Vec<Player>,
    address: SocketAddr,
    /// Whom the hub knows, and how much of what their connections have told was looked at.
    clients: BTreeMap<ConnectionId, usize>,
    /// Signals that hosts want carried.
    signals: Rc<RefCell<Vec<Vec<u8>>>>,
    starts: u8,
}

/// Which player of a town.
pub(crate) type Index = usize;

/// A player and its way to the hub.
pub(crate) struct Player {
    pub(crate) host: HostId,
    identity: Identity,
    pub(crate) client: HubClient,
    pub(crate) told: Vec<(Timestamp, Availability)>,
    pub(crate) certificates: usize,
    /// The revision of what it knows of the network.
    pub(crate) network: u64,
    /// It takes nothing of what the hub sends.
    pub(crate) is_deaf: bool,
    link: Option<Conn>,
    is_up: bool,
}

impl Town {
    /// Players with these names, each of a host of its own, who listen for peers and have not signed in.
    pub(crate) fn new(seed: u64, names: &[&str]) -> Self {
        let mut world = World::new(seed);
        world.set_links(LinkConfig::PERFECT.latency(Span::from_millis(10)));
        let hub_host = world.add_host("hub", HostConfig::default());
        world.set_accept_policy(hub_host, bowline_sim::AcceptPolicy::AtOnce);
        let address = world.listen(hub_host, PORT);
        let signals = Rc::new(RefCell::new(Vec::new()));
        let tap = Rc::clone(&signals);
        world.set_signal_filter(move |_, bytes| {
            tap.borrow_mut().push(bytes.clone());
            // Only a hub carries any here.
            false
        });
        let hub = hub(&world, 1);
        let mut town = Self {
            world,
            hub,
            hub_host,
            players: Vec::new(),
            address,
            clients: BTreeMap::new(),
            signals,
            starts: 1,
        };
        for name in names {
            town.add(name);
        }
        town
    }

    fn add(&mut self, name: &str) {
        let identity: Identity = format!("str:{name}").parse().unwrap();
        let number = self.players.len();
        let config = HostConfig {
            identity: identity.clone(),
            // Messages of the hub wait for this test.
            reads_at_once: false,
            ..HostConfig::default()
        };
        let host = self.world.add_host(&format!("{name} {number}"), config);
        self.world.open_peer_socket(host);
        self.world.listen_p2p(host, port()).unwrap();
        let config = HubClientConfig {
            app: APP,
            role: Role::User,
            login: HubLogin::Dev,
            identity: Some(identity.clone()),
            version: "test".into(),
        };
        let rng = self.world.rng(&format!("client {number}"));
        let client = HubClient::new(config, rustcrypto::provider(), rng);
        self.players.push(Player {
            host,
            identity,
            client,
            told: Vec::new(),
            certificates: 0,
            network: 0,
            is_deaf: false,
            link: None,
            is_up: false,
        });
    }

    /// All players ask to be signed in.
    pub(crate) fn sign_in_all(&mut self) {
        for player in &mut self.players {
            let key = KeyPair::new(&rustcrypto::provider(), SigningKey::from_seed([5; 32]));
            let request = CertificateRequest::new(key.public()).to_bytes();
            player.client.start(Some(request));
        }
    }

    pub(crate) fn availability(&self, player: Index) -> Availability {
        self.players[player].client.availability()
    }

    /// Clients may believe so for a while although the hub was started anew; the hub knows.
    pub(crate) fn all_are_signed_in(&self) -> bool {
        self.hub.sessions() == self.players.len()
            && (0..self.players.len())
                .all(|player| self.availability(player) == Availability::Current)
    }

    pub(crate) fn run_for(&mut self, span: Span) {
        let end = self.world.now() + span;
        while self.world.now() < end {
            self.tick();
        }
    }

    /// Runs until that holds; says how long it took.
    pub(crate) fn wait_for(
        &mut self,
        what: &str,
        limit: Span,
        mut holds: impl FnMut(&Self) -> bool,
    ) -> Span {
        let start = self.world.now();
        while !holds(self) {
            let waited = self.world.now().since(start);
            assert!(
                waited < limit,
                "after {waited}: {what}\n{}",
                self.standing()
            );
            self.tick();
        }
        self.world.now().since(start)
    }

    /// The process of the hub is gone, and starts anew after a while. It keeps its keys and nothing else.
    pub(crate) fn restart_hub(&mut self, after: Span) {
        self.kill_hub();
        self.run_for(after);
        self.start_hub();
    }

    pub(crate) fn kill_hub(&mut self) {
        self.world.kill(self.hub_host);
        self.clients.clear();
    }

    pub(crate) fn start_hub(&mut self) {
        self.world.restart(self.hub_host);
        self.world.listen(self.hub_host, PORT);
        self.starts += 1;
        self.hub = hub(&self.world, self.starts);
    }

    /// The hub tells everybody about the network, with so many keys that are revoked.
    pub(crate) fn announce(&mut self, revision: u64, revoked: u64) {
        let config = NetworkConfig {
            revision,
            revoked: (0..revoked).map(KeyId::new).collect(),
            ..NetworkConfig::default()
        };
        let key = KeyPair::new(&rustcrypto::provider(), SigningKey::from_seed([78; 32]));
        let signed = config.sign(&rustcrypto::provider(), key.private());
        self.hub.announce(revision, signed.unwrap());
    }

    /// One player calls another by its name.
    pub(crate) fn call(&mut self, from: Index, to: Index) -> Conn {
        let (from, to) = (self.players[from].host, self.players[to].host);
        self.world.connect_p2p(from, to, port()).unwrap()
    }

    /// Waits until both ends of a call are connected; returns the other end, and how long it took.
    pub(crate) fn meet(&mut self, conn: Conn, limit: Span) -> (Conn, Span) {
        let took = self.wait_for("both ends connected", limit, |town| {
            let up = |conn| town.world.state(conn) == ConnectionState::Connected;
            up(conn) && town.world.peer_of(conn).is_some_and(up)
        });
        (self.world.peer_of(conn).unwrap(), took)
    }

    /// A message from each end arrives at the other.
    pub(crate) fn talk(&mut self, ends: (Conn, Conn)) {
        for (from, to) in [ends, (ends.1, ends.0)] {
            let text = format!("{from:?} at {}", self.world.now());
            self.world
                .send(from, SendFlags::RELIABLE, text.as_bytes())
                .unwrap();
            let start = self.world.now();
            loop {
                self.tick();
                if let Some(message) = self.world.receive(to) {
                    assert_eq!(message.data, text.as_bytes());
                    break;
                }
                assert!(
                    self.world.now().since(start) < Span::from_secs(10),
                    "{text}"
                );
            }
        }
    }

    /// Sends a signal of about that many bytes; whether it left.
    pub(crate) fn signal(&mut self, from: Index, to: Index, bytes: usize) -> bool {
        let to = self.players[to].identity.clone();
        let sender = &mut self.players[from];
        let payload = pb::Rendezvous {
            from_identity: Some(sender.identity.to_string().into()),
            to_identity: Some(to.to_string().into()),
            reliable_messages: vec![vec![7; bytes]],
            ..pb::Rendezvous::default()
        };
        let sent = sender.client.send_signal(&to, &payload.encode_to_vec());
        sent.is_ok()
    }

    fn tick(&mut self) {
        self.world.run_for(TICK);
        self.hub_takes();
        self.hub_does();
        for player in 0..self.players.len() {
            self.player_takes(player);
        }
        self.carry_signals();
        for player in 0..self.players.len() {
            self.player_does(player);
        }
    }

    fn hub_takes(&mut self) {
        if !self.world.is_on(self.hub_host) {
            return;
        }
        let now = self.world.now();
        for conn in self.world.connections(self.hub_host) {
            match self.world.state(conn) {
                ConnectionState::Connected => {
                    if !self.clients.contains_key(&conn.id) {
                        self.world.set_reads_at_once(conn, false);
                        let from = self.address_of(conn);
                        self.hub.on_connected(now, conn.id, from);
                    }
                    if self.has_room_again(conn) {
                        self.hub.on_writable(conn.id);
                    }
                    while let Some(message) = self.world.receive(conn) {
                        self.hub.on_message(now, conn.id, &message.data);
                    }
                }
                ConnectionState::Connecting | ConnectionState::FindingRoute => {}
                _ => {
                    if self.clients.remove(&conn.id).is_some() {
                        self.hub.on_disconnected(conn.id);
                        self.world.close(conn, EndReason::APP_GENERIC, "", false);
                    }
                }
            }
        }
    }

    /// Whether a connection has told so since this was asked last.
    fn has_room_again(&mut self, conn: Conn) -> bool {
        let events = self.world.events(conn);
        let seen = self.clients.insert(conn.id, events.len()).unwrap_or(0);
        let new = events.iter().skip(seen);
        new.into_iter().any(|(_, event)| *event == Event::Writable)
    }

    /// Where the other end of a connection is.
    fn address_of(&self, conn: Conn) -> SocketAddr {
        let peer = self.world.peer_of(conn);
        peer.map_or(self.address, |peer| {
            SocketAddr::new(self.world.address(peer.host), PORT)
        })
    }

    fn hub_does(&mut self) {
        if !self.world.is_on(self.hub_host) {
            return;
        }
        let now = self.world.now();
        self.hub.handle_timeout(now);
        while let Some(output) = self.hub.poll_output() {
            let conn = |id| Conn {
                host: self.hub_host,
                id,
            };
            match output {
                Output::Send { client, bytes } => {
                    let flags = SendFlags::RELIABLE_NO_NAGLE;
                    if self.world.send(conn(client), flags, &bytes).is_err() {
                        self.hub.on_dropped(now, client, &bytes);
                    }
                }
                Output::Close { client, text } => {
                    let reason = EndReason::APP_GENERIC;
                    self.world.close(conn(client), reason, &text, true);
                    self.clients.remove(&client);
                }
                Output::Check(_) | Output::Notice(_) => {}
            }
        }
    }

    fn player_takes(&mut self, index: Index) {
        let now = self.world.now();
        let player = &mut self.players[index];
        if let Some(link) = player.link {
            match self.world.state(link) {
                ConnectionState::Connected => {
                    if !player.is_up {
                        player.is_up = true;
                        player.client.on_connected(now, hub_key());
                    }
                    while !player.is_deaf
                        && let Some(message) = self.world.receive(link)
                    {
                        player.client.on_message(now, &message.data);
                    }
                }
                ConnectionState::Connecting | ConnectionState::FindingRoute => {}
                _ => {
                    player.link = None;
                    self.world.close(link, EndReason::APP_GENERIC, "", false);
                    player.client.on_disconnected(now, "the hub is gone");
                }
            }
        }
        player.client.handle_timeout(now);
    }

    /// What hosts want to tell peers goes to the hub, by whom it is from; without a hub it is lost.
    fn carry_signals(&mut self) {
        let signals = std::mem::take(&mut *self.signals.borrow_mut());
        for bytes in signals {
            let signal = Signal::parse(&bytes).unwrap();
            let from = signal.from_identity;
            let to = signal.to_identity.unwrap();
            let mut players = self.players.iter_mut();
            let sender = players.find(|player| player.identity == from).unwrap();
            // Signals may be lost; rendezvous sends them again.
            let _ = sender.client.send_signal(&to.parse().unwrap(), &bytes);
        }
    }

    fn player_does(&mut self, index: Index) {
        let now = self.world.now();
        let player = &mut self.players[index];
        while let Some(event) = player.client.poll_event() {
            match event {
                HubEvent::Signal { payload, .. } => self.world.inject_signal(player.host, &payload),
                // Another reason alone is no change.
                HubEvent::Availability { availability, .. }
                    if player.told.last().is_none_or(|last| last.1 != availability) =>
                {
                    player.told.push((now, availability));
                }
                HubEvent::Certificate(_) => player.certificates += 1,
                HubEvent::Network(network) => player.network = network.revision,
                _ => {}
            }
        }
        while let Some(action) = player.client.poll_action() {
            match action {
                HubAction::Connect => {
                    let mut to_hub = Config::new();
                    to_hub.set_timeout_initial(HUB_CONNECT_TIMEOUT).unwrap();
                    to_hub.set_timeout_connected(HUB_SILENCE).unwrap();
                    self.world.configure(player.host, to_hub);
                    let link = self.world.connect(player.host, self.address).unwrap();
                    self.world.configure(player.host, Config::new());
                    self.world.set_reads_at_once(link, false);
                    (player.link, player.is_up) = (Some(link), false);
                }
                HubAction::Disconnect => {
                    if let Some(link) = player.link.take() {
                        self.world.close(link, EndReason::APP_GENERIC, "", false);
                    }
                }
                HubAction::Send(bytes) => {
                    if let Some(link) = player.link {
                        let flags = SendFlags::RELIABLE_NO_NAGLE;
                        self.world.send(link, flags, &bytes).unwrap();
                    }
                }
            }
        }
    }

    fn standing(&self) -> String {
        let players = self.players.iter().enumerate();
        let lines = players.map(|(index, player)| format!("{index}: {:?}\n", player.told));
        lines.collect()
    }
}

/// The port that players listen on.
fn port() -> VirtualPort {
    VirtualPort::from(7)
}

fn hub_key() -> [u8; 32] {
    let key = KeyPair::new(&rustcrypto::provider(), SigningKey::from_seed([77; 32]));
    *key.public().as_bytes()
}

fn hub(world: &World, start: u8) -> Hub {
    let crypto = rustcrypto::provider();
    let keys = Keys {
        authority: Authority::new(&crypto, SigningKey::from_seed([1; 32])),
        identity: KeyPair::new(&crypto, SigningKey::from_seed([77; 32])).public(),
        resumption: Zeroizing::new([2; 32]),
        other_resumptions: Vec::new(),
    };
    let policy = Policy {
        dev: Some(Namespace::new(["str:"]).unwrap()),
        ..Policy::default()
    };
    let rng = world.rng(&format!("hub {start}"));
    Hub::new(
        world.now(),
        1_790_000_000_000_000,
        policy,
        crypto,
        keys,
        rng,
    )
    .unwrap()
}
