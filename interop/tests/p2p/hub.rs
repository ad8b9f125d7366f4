//! A peer of GNS and one of ours, who find each other by a hub.
//!
//! GNS knows no hubs: what it wants to signal goes to an adapter, which is signed in to the hub in its name. That is the
//! core's client of hubs, on a connection that belongs to nobody else. Our peer signs in as any application does.

use std::net::SocketAddr;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use bowline::cert::{PublicKey, default_crypto};
use bowline::hub::{HubConfig, HubLogin, Role};
use bowline::{
    Availability, Config, Connection, ConnectionEvent, ConnectionState, EndReason, Event, Expect,
    SendFlags, Sockets,
};
use bowline_core::hub::{HubAction, HubClient, HubClientConfig, HubEvent};
use bowline_core::ids::AppId;
use bowline_core::rng::Rng;
use bowline_interop::gns_p2p::{self, GnsP2p};
use bowline_interop::host::{Link, State};

use crate::program::Program;
use crate::room::{ANNA, Asks, BEN, BOTH, LIMIT, PORT, name};

/// GNS's `k_nSteamNetworkingSend_Reliable`.
const RELIABLE: i32 = 8;

#[test]
fn each_may_ask_the_other_by_a_hub() {
    for asks in BOTH {
        let mut town = Town::new();
        let _listener = town.ours.listen_p2p(PORT).expect("the port is free");
        let call = match asks {
            Asks::Bowline => {
                town.adapter.gns.listen(PORT, false);
                let call = town.ours.connect_peer(&name(BEN), PORT);
                Some(call.unwrap_or_else(|error| panic!("{error}")))
            }
            Asks::Gns => {
                town.adapter.gns.connect(ANNA, PORT, false);
                None
            }
        };
        let ours = town.ours_connected();
        if let Some(call) = call {
            assert_eq!(ours, call);
        }
        assert_eq!(ours.info().unwrap().identity, Some(name(BEN)));
        let theirs = town.theirs_connected();

        let sent = ours.send(b"good morning", SendFlags::RELIABLE_NO_NAGLE);
        sent.expect("it is connected");
        let data = town.theirs_tell(|event| match event {
            gns_p2p::Event::Message { data, .. } => Some(data.clone()),
            _ => None,
        });
        assert_eq!(data, b"good morning");
        town.adapter.gns.send(theirs, b"good evening");
        let answer = town.run("an answer", |_| ours.receive().ok().flatten());
        assert_eq!(&*answer, b"good evening");
    }
}

#[test]
fn messages_to_identities_go_by_a_hub() {
    for asks in BOTH {
        let mut town = Town::new();
        town.adapter.gns.open_messages();
        let messages = town.ours.messages().expect("the port is free");
        match asks {
            Asks::Bowline => {
                let sent = messages.send(&name(BEN), 1, b"to ben", SendFlags::RELIABLE);
                sent.expect("a session can begin");
                let peer = town.theirs_tell(|event| match event {
                    gns_p2p::Event::Asks(peer) => Some(peer.clone()),
                    _ => None,
                });
                assert_eq!(peer, ANNA);
                town.adapter.gns.accept_session(ANNA);
                town.adapter.gns.post(ANNA, 2, RELIABLE, b"to anna");
            }
            Asks::Gns => {
                town.adapter.gns.post(ANNA, 2, RELIABLE, b"to anna");
                let peer = town.run("a request", |town| town.asks_ours.pop());
                assert_eq!(peer, name(BEN));
                let sent = messages.send(&name(BEN), 1, b"to ben", SendFlags::RELIABLE);
                sent.expect("it is the answer");
            }
        }
        let letter = town.theirs_tell(|event| match event {
            gns_p2p::Event::Letter {
                from,
                channel: 1,
                data,
                ..
            } => Some((from.clone(), data.clone())),
            _ => None,
        });
        assert_eq!(letter, (ANNA.to_owned(), b"to ben".to_vec()));
        let message = town.run("a message of theirs", |_| messages.receive(2));
        assert_eq!((&*message, message.peer()), (&b"to anna"[..], &name(BEN)));
    }
}

/// A hub, and two who know nothing of each other but the identities.
struct Town {
    ours: Sockets,
    adapter: Adapter,
    /// Our connections that are connected.
    connected: Vec<Connection>,
    /// Who wants a session with us.
    asks_ours: Vec<bowline::Identity>,
    /// It ends with this.
    _hub: Program,
}

impl Town {
    /// Both are signed in.
    fn new() -> Self {
        let mut hub = Program::start(&["hub", "--dev", "--listen", "127.0.0.1:0"]);
        let line = hub.line_with("BOWLINE_HUB=");
        let value = |name: &str| {
            let mut words = line.split_whitespace();
            let found = words.find_map(|word| word.strip_prefix(name));
            found.expect("the line has it").to_owned()
        };
        let (address, key) = (value("BOWLINE_HUB="), value("BOWLINE_HUB_KEY="));
        let ours = Sockets::builder().identity(name(ANNA)).build();
        let ours = ours.expect("the interface starts");
        let config = HubConfig::new(&address, &key).expect("a hub says where it is");
        ours.sign_in(config.login(HubLogin::Dev));
        let key = format!("ssh-ed25519 {key}");
        let mut town = Self {
            ours,
            adapter: Adapter::new(
                address.parse().expect("an address"),
                key.parse().expect("a key"),
            ),
            connected: Vec::new(),
            asks_ours: Vec::new(),
            _hub: hub,
        };
        town.run("both are signed in", |town| {
            let ours = town.ours.authentication().availability;
            let theirs = town.adapter.client.availability();
            (ours.is_current() && theirs == Availability::Current).then_some(())
        });
        town
    }

    fn ours_connected(&mut self) -> Connection {
        self.run("ours is connected", |town| town.connected.pop())
    }

    fn theirs_connected(&mut self) -> Link {
        self.theirs_tell(|event| match event {
            gns_p2p::Event::State {
                link,
                state: State::Connected,
                peer,
                ..
            } => {
                assert_eq!(peer, ANNA);
                Some(*link)
            }
            _ => None,
        })
    }

    /// What `pick` makes of an event of theirs.
    fn theirs_tell<T>(&mut self, mut pick: impl FnMut(&gns_p2p::Event) -> Option<T>) -> T {
        self.run("an event of theirs", |town| {
            town.adapter.told.iter().find_map(&mut pick)
        })
    }

    /// Lets time pass until `pick` finds what it looks for.
    fn run<T>(&mut self, what: &str, mut pick: impl FnMut(&mut Self) -> Option<T>) -> T {
        let end = Instant::now() + LIMIT;
        loop {
            self.step();
            if let Some(found) = pick(self) {
                return found;
            }
            let told = &self.adapter.told;
            assert!(Instant::now() < end, "{what}: not in time; {told:#?}");
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn step(&mut self) {
        self.adapter.turn();
        while let Some(event) = self.ours.next_event() {
            match event {
                Event::ConnectionChanged(change) => {
                    if change.is_request() {
                        // It may have been given up already.
                        let _ = change.connection.accept();
                    }
                    if change.new == ConnectionState::Connected {
                        self.connected.push(change.connection);
                    }
                }
                Event::MessagesSessionRequest { peer, .. } => self.asks_ours.push(peer),
                _ => {}
            }
        }
    }
}

/// A peer of GNS, and who is signed in to a hub in its name.
struct Adapter {
    gns: GnsP2p,
    client: HubClient,
    /// Only for the connection to the hub.
    sockets: Sockets,
    hub: SocketAddr,
    key: PublicKey,
    link: Option<Connection>,
    /// What GNS has told, besides signals.
    told: Vec<gns_p2p::Event>,
}

impl Adapter {
    fn new(hub: SocketAddr, key: PublicKey) -> Self {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).expect("the system has randomness");
        let config = HubClientConfig {
            app: AppId::new(0),
            role: Role::User,
            login: HubLogin::Dev,
            identity: Some(name(BEN)),
            version: "adapter for GNS".into(),
        };
        let mut client = HubClient::new(config, default_crypto(), Rng::from_seed(seed));
        // GNS takes no certificates but those of its maker.
        client.start(None);
        Self {
            gns: GnsP2p::start(Path::new(env!("CARGO_BIN_EXE_gns_p2p")), BEN),
            client,
            sockets: Sockets::builder()
                // The hub's certificate is for no game.
                .app_id(AppId::ANY.get())
                .build()
                .expect("the interface starts"),
            hub,
            key,
            link: None,
            told: Vec::new(),
        }
    }

    fn turn(&mut self) {
        while let Some(event) = self.gns.poll() {
            match event {
                gns_p2p::Event::Signal { to, bytes } => {
                    // What the hub does not take is lost, as signals may be.
                    let _ = self.client.send_signal(&name(&to), &bytes);
                }
                event => self.told.push(event),
            }
        }
        while let Some(action) = self.client.poll_action() {
            self.act(action);
        }
        while let Some(event) = self.sockets.next_event() {
            if let Event::ConnectionChanged(change) = event {
                self.on_change(&change);
            }
        }
        while let Some(link) = &self.link
            && let Ok(Some(message)) = link.receive()
        {
            self.client.on_message(self.sockets.now(), &message);
        }
        self.client.handle_timeout(self.sockets.now());
        while let Some(event) = self.client.poll_event() {
            if let HubEvent::Signal { from, payload } = event {
                assert_eq!(from, ANNA);
                self.gns.signal(&payload);
            }
        }
    }

    fn act(&mut self, action: HubAction) {
        match action {
            HubAction::Connect => {
                let expect = Expect::Key(self.key);
                let link = self
                    .sockets
                    .connect_expecting(self.hub, expect, Config::new());
                self.link = Some(link.expect("it is an address"));
            }
            HubAction::Disconnect => {
                if let Some(link) = self.link.take() {
                    // It may have ended.
                    let _ = link.close(EndReason::APP_GENERIC, "", true);
                }
            }
            HubAction::Send(bytes) => {
                if let Some(link) = &self.link {
                    let sent = link.send(&bytes, SendFlags::RELIABLE_NO_NAGLE);
                    sent.expect("nothing fills it");
                }
            }
        }
    }

    fn on_change(&mut self, change: &ConnectionEvent) {
        if self.link.as_ref() != Some(&change.connection) {
            return;
        }
        if change.new == ConnectionState::Connected {
            self.client
                .on_connected(self.sockets.now(), *self.key.as_bytes());
        } else if change.is_ended() {
            self.link = None;
            self.client
                .on_disconnected(self.sockets.now(), &change.info.end_text);
        }
    }
}
