//! A client of a hub on real sockets, for tests: the core's machine, and a connection that it is driven by.

use std::net::SocketAddr;
use std::time::Duration;
use std::time::Instant;

use bowline::Config;
use bowline::Connection;
use bowline::ConnectionState;
use bowline::EndReason;
use bowline::Event;
use bowline::Expect;
use bowline::SendFlags;
use bowline::Sockets;
use bowline::cert::PublicKey;
use bowline_core::availability::Availability;
use bowline_core::hub::HubAction;
use bowline_core::hub::HubClient;
use bowline_core::hub::HubClientConfig;
use bowline_core::hub::HubEvent;
use bowline_core::hub::HubLogin;
use bowline_core::hub::Role;
use bowline_core::ids::AppId;
use bowline_core::rng::Rng;
use bowline_core::wire::pb;
use prost::Message as _;

/// The game that clients of tests are of.
pub(crate) const APP: AppId = AppId::new(480);
/// Longer than anything takes here.
const LONG: Duration = Duration::from_secs(20);

/// A client.
pub(crate) struct Client {
    pub(crate) machine: HubClient,
    /// What has happened, oldest first.
    pub(crate) events: Vec<HubEvent>,
    sockets: Sockets,
    hub: SocketAddr,
    pin: PublicKey,
    link: Option<Connection>,
}

impl Client {
    /// One that has begun to sign in by its word.
    pub(crate) fn dev(hub: SocketAddr, pin: PublicKey, identity: &str) -> Self {
        Self::new(hub, pin, HubLogin::Dev, Some(identity))
    }

    /// One that has begun to sign in.
    pub(crate) fn new(
        hub: SocketAddr,
        pin: PublicKey,
        login: HubLogin,
        identity: Option<&str>,
    ) -> Self {
        // The hub's certificate is for no game.
        let sockets = Sockets::builder().app_id(AppId::ANY.get()).build().unwrap();
        let config = HubClientConfig {
            app: APP,
            role: Role::User,
            login,
            identity: identity.map(|text| text.parse().unwrap()),
            version: "test".into(),
        };
        let seed = bowline_io::entropy::seed().unwrap();
        let crypto = bowline::cert::default_crypto();
        let mut machine = HubClient::new(config, crypto, Rng::from_seed(seed));
        machine.start(Some(sockets.certificate_request().to_bytes()));
        Self {
            machine,
            events: Vec::new(),
            sockets,
            hub,
            pin,
            link: None,
        }
    }

    /// Goes on until it stands so with the hub.
    pub(crate) fn until(&mut self, availability: Availability) {
        let end = Instant::now() + LONG;
        while self.machine.availability() != availability {
            let stands = self.machine.availability();
            assert!(Instant::now() < end, "{stands:?}: {:?}", self.events);
            self.turn();
        }
        self.turn();
    }

    /// Goes on until something has happened that `pick` likes.
    pub(crate) fn until_event<T>(&mut self, mut pick: impl FnMut(&HubEvent) -> Option<T>) -> T {
        let end = Instant::now() + LONG;
        loop {
            if let Some(found) = self.events.iter().find_map(&mut pick) {
                return found;
            }
            assert!(Instant::now() < end, "{:?}", self.events);
            self.turn();
        }
    }

    /// Goes on for a moment.
    pub(crate) fn turn(&mut self) {
        while let Some(action) = self.machine.poll_action() {
            self.act(action);
        }
        self.sockets.wait(Duration::from_millis(5));
        while let Some(event) = self.sockets.next_event() {
            if let Event::ConnectionChanged(change) = event {
                self.on_change(&change);
            }
        }
        while let Some(link) = &self.link
            && let Ok(Some(message)) = link.receive()
        {
            self.machine.on_message(self.sockets.now(), &message);
        }
        self.machine.handle_timeout(self.sockets.now());
        self.events
            .extend(std::iter::from_fn(|| self.machine.poll_event()));
    }

    fn act(&mut self, action: HubAction) {
        match action {
            HubAction::Connect => {
                let expect = Expect::Key(self.pin);
                let link = self
                    .sockets
                    .connect_expecting(self.hub, expect, Config::new());
                self.link = Some(link.unwrap());
            }
            HubAction::Disconnect => {
                if let Some(link) = self.link.take() {
                    let _ = link.close(EndReason::APP_GENERIC, "", true);
                }
            }
            HubAction::Send(bytes) => {
                if let Some(link) = &self.link {
                    link.send(&bytes, SendFlags::RELIABLE_NO_NAGLE).unwrap();
                }
            }
        }
    }

    fn on_change(&mut self, change: &bowline::ConnectionEvent) {
        let is_link = self
            .link
            .as_ref()
            .is_some_and(|link| link.id() == change.connection.id());
        if !is_link {
            let _ = change.connection.close(EndReason::APP_GENERIC, "", false);
        } else if change.new == ConnectionState::Connected {
            self.machine
                .on_connected(self.sockets.now(), *self.pin.as_bytes());
        } else if change.is_ended() {
            // What came before the end counts.
            while let Ok(Some(message)) = change.connection.receive() {
                self.machine.on_message(self.sockets.now(), &message);
            }
            let _ = change.connection.close(EndReason::APP_GENERIC, "", false);
            self.link = None;
            self.machine
                .on_disconnected(self.sockets.now(), &change.info.end_text);
        }
    }
}

/// A signal as peers send it.
pub(crate) fn signal(from: &str, to: &str) -> Vec<u8> {
    pb::Rendezvous {
        from_identity: Some(from.into()),
        to_identity: Some(to.into()),
        ..pb::Rendezvous::default()
    }
    .encode_to_vec()
}
