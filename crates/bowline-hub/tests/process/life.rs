//! What an operator does with a hub that has clients: replacing keys as the guide says, telling of STUN servers, reading the
//! log.

use std::fs;
use std::net::SocketAddr;
use std::net::UdpSocket;
use std::path::Path;
use std::time::Duration;
use std::time::Instant;

use bowline::Availability;
use bowline::Connection;
use bowline::ConnectionState;
use bowline::Event;
use bowline::SendFlags;
use bowline::Sockets;
use bowline::hub::HubConfig;
use bowline::hub::HubLogin;
use bowline_core::hub::HubEvent;
use serde_json::Value;

use crate::Folder;
use crate::Hub;
use crate::JSON;
use crate::first_line;
use crate::run;
use crate::support::Client;

const PORT: u16 = 7;
const LONG: Duration = Duration::from_secs(30);

fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + LONG;
    while !is_so() {
        assert!(Instant::now() < end, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A hub that is stopped and started again, on one port.
struct Place {
    folder: Folder,
    hub: Option<Hub>,
    address: SocketAddr,
    pin: String,
}

impl Place {
    fn new(name: &str) -> Self {
        let folder = Folder::new(name);
        let hub = Hub::start(&folder.config(0, JSON));
        let (address, pin) = (hub.address, hub.key.to_line(""));
        folder.config(address.port(), JSON);
        Self {
            folder,
            hub: Some(hub),
            address,
            pin,
        }
    }

    fn keys(&self, args: &[&str]) {
        let config = self.folder.file("hub.toml");
        let args = [&["keys"][..], args, &["--config", config.to_str().unwrap()]].concat();
        let output = run(&args);
        assert!(output.status.success(), "{output:?}");
    }

    /// Stops the hub, has something changed, and starts it; the players come back.
    fn restart(&mut self, players: &[&Sockets], change: impl FnOnce(&Self)) {
        let hub = self.hub.take().unwrap();
        hub.signal("TERM");
        hub.end();
        for player in players {
            eventually("its end is noticed", || !is_current(player));
        }
        change(self);
        let hub = Hub::start(&self.folder.file("hub.toml"));
        assert_eq!(hub.address, self.address);
        self.hub = Some(hub);
        for player in players {
            eventually("it is signed in again", || is_current(player));
        }
    }

    /// Somebody who knows the hub by its key, and nobody else.
    fn player(&self, name: &str) -> Sockets {
        self.signed_in(&format!("str:dev-{name}"), HubLogin::Dev)
    }

    fn signed_in(&self, identity: &str, login: HubLogin) -> Sockets {
        let config = HubConfig::new(&self.address.to_string(), &self.pin).unwrap();
        let config = config.login(login).identity(identity.parse().unwrap());
        let builder = Sockets::builder().app_id(480).hub(config);
        let player = builder.loopback_candidates(true).build().unwrap();
        player.init_authentication();
        eventually("it is signed in", || is_current(&player));
        player
    }
}

fn is_current(player: &Sockets) -> bool {
    player.authentication().availability == Availability::Current
}

/// Brings two players together, who must know each other by their certificates.
fn meet(caller: &Sockets, guest: &Sockets, name: &str) -> (Connection, Connection) {
    let listener = guest.listen_p2p(PORT).unwrap();
    let identity = format!("str:dev-{name}").parse().unwrap();
    let call = caller.connect_peer(&identity, PORT).unwrap();
    let mut came = None;
    eventually("both are connected", || {
        for event in guest.events() {
            let Event::ConnectionChanged(change) = event else {
                continue;
            };
            if change.is_request() {
                change.connection.accept().unwrap();
            } else if change.new == ConnectionState::Connected {
                came = Some(change.connection);
            }
        }
        came.is_some() && call.state() == ConnectionState::Connected
    });
    drop(listener);
    let came = came.unwrap();
    for side in [&call, &came] {
        let info = side.info().unwrap();
        assert!(info.authenticated, "{info:?}");
    }
    (call, came)
}

fn reaches(from: &Connection, to: &Connection) {
    from.send(b"still there", SendFlags::RELIABLE_NO_NAGLE)
        .unwrap();
    eventually("a message came", || to.receive().unwrap().is_some());
}

#[test]
fn the_authority_is_replaced_while_players_talk() {
    let mut place = Place::new("authority");
    let (anna, ben) = (place.player("anna"), place.player("ben"));
    let (call, guest) = meet(&anna, &ben, "ben");
    place.restart(&[&anna, &ben], |place| place.keys(&["next", "authority"]));
    place.restart(&[&anna, &ben], |place| {
        place.keys(&["promote", "authority"])
    });
    assert!(place.folder.file("data/keys/authority.old.pem").exists());
    // One has a certificate of the authority of before, the other one of the new one.
    let carl = place.player("carl");
    meet(&carl, &anna, "anna");
    let carl_of_before = meet(&anna, &carl, "carl");
    reaches(&call, &guest);
    reaches(&guest, &call);
    place.restart(&[&anna, &ben, &carl], |place| {
        fs::remove_file(place.folder.file("data/keys/authority.old.pem")).unwrap();
    });
    reaches(&carl_of_before.0, &carl_of_before.1);
    reaches(&call, &guest);
}

#[test]
fn the_key_of_resumptions_is_replaced_under_clients_and_at_once_if_it_leaked() {
    let mut place = Place::new("resumption");
    let key = place.folder.file("game.key");
    fs::write(&key, "a key that all clients share").unwrap();
    only_for_the_owner(&key);
    let ways =
        "[[sign_in.shared_key]]\nname = 'main'\nkey_file = 'game.key'\nidentities = ['str:game-']";
    let port = place.address.port();
    place.restart(&[], |place| {
        place.folder.config(port, &format!("{JSON}\n{ways}"));
    });
    let login = HubLogin::shared_key("main", "a key that all clients share");
    let anna = place.signed_in("str:game-anna", login);
    let rotate = |place: &Place| {
        place.keys(&["next", "resumption"]);
        place.keys(&["promote", "resumption"]);
    };
    let old = place.folder.file("data/keys/resumption.old.key");
    // What it signed in with is of no use from now on: it comes back by what the hub has given it.
    place.restart(&[&anna], |place| {
        fs::write(&key, "the key of the next version").unwrap();
        rotate(place);
    });
    // That has been sealed anew meanwhile.
    place.restart(&[&anna], |_| fs::remove_file(&old).unwrap());
    place.restart(&[], |place| {
        rotate(place);
        fs::remove_file(&old).unwrap();
    });
    let stands = || anna.authentication().availability;
    eventually("it is not let in", || stands() == Availability::Failed);
}

#[test]
fn the_key_of_the_network_config_is_replaced_under_clients() {
    let mut place = Place::new("config");
    let anna = place.player("anna");
    let revision = || anna.hub_status().unwrap().network_revision;
    let first = revision();
    let other = Folder::new("config-other");
    let settings = other.config(0, "");
    let shown = run(&["keys", "show", "--config", settings.to_str().unwrap()]);
    assert!(shown.status.success());
    // Revisions go by seconds.
    std::thread::sleep(Duration::from_millis(1100));
    place.restart(&[&anna], |place| {
        let [new, own] = [&other, &place.folder].map(|folder| folder.file("data/keys/config.pem"));
        fs::rename(new, own).unwrap();
        place.keys(&["next", "authority"]);
    });
    eventually("it follows what the new key has signed", || {
        revision() > first
    });
    assert_eq!(anna.hub_status().unwrap().network_error, None);
}

#[test]
fn players_ask_the_stun_servers_that_the_hub_names() {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    server.set_read_timeout(Some(LONG)).unwrap();
    let folder = Folder::new("stun");
    let port = server.local_addr().unwrap().port();
    let network = format!(
        "{JSON}\n[stun]\nlisten = ['127.0.0.1:0']\n[network]\nstun = ['stun:127.0.0.1:{port}']"
    );
    let mut hub = Hub::start(&folder.config(0, &network));
    let told: Value = serde_json::from_str(&first_line(&mut hub.log)).unwrap();
    let own: SocketAddr = told["listen"].as_str().unwrap().parse().unwrap();

    let config = HubConfig::new(&hub.address.to_string(), &hub.key.to_line("")).unwrap();
    let config = config.identity("str:dev-anna".parse().unwrap());
    let builder = Sockets::builder()
        .app_id(480)
        .hub(config.login(HubLogin::Dev));
    let anna = builder.loopback_candidates(true).build().unwrap();
    anna.init_authentication();
    eventually("it is signed in", || is_current(&anna));
    let _call = anna
        .connect_peer(&"str:dev-ben".parse().unwrap(), PORT)
        .unwrap();
    let mut question = [0; 100];
    let (size, _) = server.recv_from(&mut question).unwrap();
    let question = &question[..size];
    // A binding request with the magic cookie (RFC 8489, section 5).
    assert!(question.starts_with(&[0, 1]) && question[4..8] == [0x21, 0x12, 0xA4, 0x42]);

    // The hub's own server answers the same.
    let asking = UdpSocket::bind("127.0.0.1:0").unwrap();
    asking.set_read_timeout(Some(LONG)).unwrap();
    asking.send_to(question, own).unwrap();
    let mut answer = [0; 100];
    let (size, from) = asking.recv_from(&mut answer).unwrap();
    assert!(from == own && size > 20 && answer.starts_with(&[1, 1]));
    assert_eq!(answer[8..20], question[8..20]);
}

/// What nobody is to read in a log.
const SECRETS: [&str; 3] = [
    "a-key-that-all-share",
    "a-wrong-key-of-somebody",
    "a-ticket-of-somebody",
];

#[test]
fn a_log_at_its_most_talkative_tells_no_address_and_no_secret() {
    let folder = Folder::new("secrets");
    let [key, wrong, ticket] = SECRETS;
    let file = folder.file("game.key");
    fs::write(&file, key).unwrap();
    only_for_the_owner(&file);
    let ways = "[[sign_in.shared_key]]\nname = 'main'\nkey_file = 'game.key'\nidentities = ['str:game-']\n\
                [sign_in.hook]\nurl = 'http://localhost:1/check'\nidentities = ['str:hook-']\n\
                secret_file = 'game.key'\n";
    let config = folder.config(0, &format!("{ways}[log]\nformat = 'json'\nlevel = 'debug'"));
    let hub = Hub::start(&config);
    let client = |login, name| Client::new(hub.address, hub.key, login, Some(name));
    let mut anna = client(HubLogin::shared_key("main", key), "str:game-anna");
    anna.until(Availability::Current);
    let mut ben = client(HubLogin::shared_key("main", wrong), "str:game-ben");
    ben.until(Availability::Failed);
    let mut carl = client(
        HubLogin::Hook(ticket.as_bytes().to_vec().into()),
        "str:hook-carl",
    );
    let refused = |event: &HubEvent| match event {
        HubEvent::Availability { text, .. } if text.contains("service") => Some(text.clone()),
        _ => None,
    };
    let text = carl.until_event(refused);
    assert!(!text.contains(ticket), "{text}");
    let mut anna_elsewhere = client(HubLogin::shared_key("main", key), "str:game-anna");
    anna_elsewhere.until(Availability::Current);
    hub.signal("TERM");
    let log = hub.end();
    assert!(
        log.contains("str:game-anna") && log.lines().count() > 4,
        "{log}"
    );
    for word in SECRETS.iter().chain(&["127.0.0.1", "::1"]) {
        assert!(!log.contains(word), "{word}: {log}");
    }
}

fn only_for_the_owner(file: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
}
