//! Two interfaces that talk over loopback, and waiting for events with a time limit.
#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "each test binary uses its own part"
)]

use std::net::SocketAddr;
use std::time::Duration;
use std::time::Instant;

use bowline::Config;
use bowline::Connection;
use bowline::ConnectionEvent;
use bowline::ConnectionState;
use bowline::Event;
use bowline::Listener;
use bowline::Message;
use bowline::ServiceMode;
use bowline::Sockets;

/// No test waits longer than this for anything.
pub const LIMIT: Duration = Duration::from_secs(10);

pub const LOOPBACK: &str = "127.0.0.1:0";

/// A server and a client with one established connection.
pub struct Pair {
    pub server: Sockets,
    pub client: Sockets,
    pub listener: Option<Listener>,
    /// The server's end.
    pub accepted: Connection,
    /// The client's end.
    pub dialled: Connection,
}

impl Pair {
    pub fn new() -> Self {
        Self::with(Config::new())
    }

    pub fn with(config: Config) -> Self {
        let server = Sockets::builder().config(config.clone()).build().unwrap();
        let client = Sockets::builder().config(config).build().unwrap();
        Self::between(server, client)
    }

    pub fn between(server: Sockets, client: Sockets) -> Self {
        let listener = listen(&server);
        let (accepted, dialled) = connect(&server, &client, listener.local_addr());
        Self {
            server,
            client,
            listener: Some(listener),
            accepted,
            dialled,
        }
    }
}

pub fn manual() -> Sockets {
    Sockets::builder()
        .service(ServiceMode::Manual)
        .build()
        .unwrap()
}

pub fn listen(sockets: &Sockets) -> Listener {
    sockets.listen(LOOPBACK.parse().unwrap()).unwrap()
}

/// Connects and accepts; both ends are connected, and their events read, when this returns.
pub fn connect(server: &Sockets, client: &Sockets, addr: SocketAddr) -> (Connection, Connection) {
    let dialled = client.connect(addr).unwrap();
    let request = wait_state(server, ConnectionState::Connecting);
    assert!(request.is_request());
    request.connection.accept().unwrap();
    let accepted = wait_state(server, ConnectionState::Connected).connection;
    assert_eq!(accepted, request.connection);
    let connected = wait_state(client, ConnectionState::Connected);
    assert_eq!(connected.connection, dialled);
    (accepted, dialled)
}

/// The next change to `state`; events before it are skipped.
pub fn wait_state(sockets: &Sockets, state: ConnectionState) -> ConnectionEvent {
    wait_event(sockets, |event| match event {
        Event::ConnectionChanged(change) if change.new == state => Some(change),
        _ => None,
    })
}

/// The first event that `pick` takes; events before it are skipped.
pub fn wait_event<T>(sockets: &Sockets, mut pick: impl FnMut(Event) -> Option<T>) -> T {
    let end = Instant::now() + LIMIT;
    loop {
        if let Some(found) = sockets.next_event().and_then(&mut pick) {
            return found;
        }
        assert!(Instant::now() < end, "no such event in time");
        sockets.wait(Duration::from_millis(20));
    }
}

/// The next message of a connection.
pub fn wait_message(sockets: &Sockets, connection: &Connection) -> Message {
    let end = Instant::now() + LIMIT;
    loop {
        if let Some(message) = connection.receive().unwrap() {
            return message;
        }
        assert!(Instant::now() < end, "no message in time");
        sockets.wait(Duration::from_millis(20));
    }
}

/// Waits until `done`.
pub fn wait_until(mut done: impl FnMut() -> bool) {
    let end = Instant::now() + LIMIT;
    while !done() {
        assert!(Instant::now() < end, "did not happen in time");
        std::thread::sleep(Duration::from_millis(1));
    }
}
