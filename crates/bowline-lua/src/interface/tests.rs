use bowline::ConfigKey;
use bowline::ConnectP2pError;
use bowline::MessagesSendError;
use bowline::PacketKind;
use bowline::PairKind;
use bowline::SendFlags;

use super::*;

fn interface() -> Interface {
    let account = Identity::anonymous();
    Interface::new(Role::Client, 1, Setup::default(), &account).expect("an interface")
}

/// Connections to each other, over sockets, so that messages wait for company.
fn pair(interface: &Interface) -> (Connection, Connection) {
    let pair = interface
        .sockets
        .socket_pair(PairKind::Loopback, None, None);
    pair.expect("a pair")
}

/// Sends what waits for company, unless the time for that is over already.
fn send(interface: &Interface, connection: &Connection) {
    connection
        .send(b"hello", SendFlags::RELIABLE)
        .expect("it is open");
    interface.note_sent(connection);
}

fn waits(connection: &Connection) -> bool {
    let status = connection.status().expect("it is open");
    status.pending_reliable_bytes > 0
}

#[test]
fn messages_that_wait_go_out_at_the_end_of_a_run_and_not_before() {
    let interface = interface();
    let (client, _server) = pair(&interface);
    // Until it was not over too soon.
    loop {
        send(&interface, &client);
        if waits(&client) {
            break;
        }
    }
    interface.flush();
    assert!(!waits(&client));
    assert!(interface.unflushed.borrow().is_empty());
}

#[test]
fn limit_connections_to_flush() {
    let interface = interface();
    let pairs: Vec<_> = (0..=MAX_UNFLUSHED / 2)
        .map(|_| {
            let pair = interface.sockets.socket_pair(PairKind::Pipe, None, None);
            pair.expect("a pair")
        })
        .collect();
    for connection in pairs.iter().flat_map(|(one, other)| [one, other]) {
        interface.note_sent(connection);
        interface.note_sent(connection);
        assert!(interface.unflushed.borrow().len() <= MAX_UNFLUSHED);
    }
    assert_eq!(interface.unflushed.borrow().len(), 2);
}

#[test]
fn limit_news_of_the_login_that_wait() {
    let account = Identity::anonymous();
    let interface = Interface::new(Role::Server, 1, Setup::default(), &account);
    let interface = interface.expect("an interface");
    let mut is_on = false;
    for _ in 0..1000 {
        is_on = !is_on;
        interface.set_logged_on(is_on);
        // What was asked for twice is news once.
        interface.set_logged_on(is_on);
        assert!(interface.ready.borrow().len() <= 2);
    }
    let last = interface
        .ready
        .borrow()
        .back()
        .map(|told| format!("{told:?}"));
    assert_eq!(last.as_deref(), Some("Server(Disconnected)"));
}

#[test]
fn a_closed_connection_is_not_kept_to_be_flushed() {
    let interface = interface();
    let (client, server) = pair(&interface);
    for (connection, linger) in [(client, true), (server, false)] {
        send(&interface, &connection);
        assert!(interface.close(&connection, EndReason::APP_GENERIC, "", linger));
        assert!(interface.unflushed.borrow().is_empty());
        assert!(!interface.close(&connection, EndReason::APP_GENERIC, "", linger));
    }
}

#[test]
fn regression_who_hears_of_packets_listens_for_them_over_a_hub() {
    let interface = interface();
    interface.hear_of_packets(false);
    assert!(interface.packets.get().is_none());
    let hub = HubConfig::new("127.0.0.1:9", "str:hub").expect("it is well-formed");
    interface.sign_in(hub);
    interface.hear_of_packets(false);
    assert!(interface.packets.get().is_some());
    assert!(!interface.may_signal(), "the hub carries signals");
}

#[test]
fn regression_relays_that_were_refused_early_are_not_used_later() {
    let anna = Identity::str("anna").expect("it is short");
    let interface = Interface::new(Role::Client, 1, Setup::default(), &anna);
    let interface = interface.expect("an interface");
    let relays_only = 1i32;
    let key = ConfigKey::P2pTransportIceEnable;
    let set = interface.sockets().set_config(key, relays_only);
    set.expect("it is in range");
    interface.allow_packet_relay(false);
    assert!(!interface.has_packets(), "nothing carries signals yet");
    let packets = interface.packets(true).expect("a listener");
    let ben = Identity::str("ben").expect("it is short");
    let send = || packets.send(&ben, 0, b"x", PacketKind::Reliable);
    let refused = MessagesSendError::Connect(ConnectP2pError::NoTransport);
    assert_eq!(send(), Err(refused));
    interface.allow_packet_relay(true);
    assert_eq!(send(), Ok(()));
}
