//! Several service threads: the same as one, for whoever uses the interface.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod support;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use bowline::BuildError;
use bowline::ConfigKey;
use bowline::Connection;
use bowline::ConnectionEvent;
use bowline::ConnectionId;
use bowline::ConnectionState;
use bowline::EndReason;
use bowline::Event;
use bowline::ListenError;
use bowline::PollGroup;
use bowline::SendError;
use bowline::SendFlags;
use bowline::ServiceMode;
use bowline::Sockets;
use bowline::SocketsBuilder;

use support::LIMIT;
use support::Pair;
use support::connect;
use support::listen;
use support::wait_message;
use support::wait_state;
use support::wait_until;

fn threads(count: usize) -> Sockets {
    let builder = Sockets::builder().service_threads(count);
    builder.build().unwrap()
}

/// What a server keeps of each of its clients.
#[derive(Default)]
struct Client {
    state: Option<ConnectionState>,
    /// The number of the next message in each direction.
    received: u32,
    sent: u32,
}

/// A server that sends every client as many numbered messages as it gets from it.
struct Server {
    sockets: Sockets,
    group: PollGroup,
    clients: HashMap<ConnectionId, Client>,
    /// Those that have come and gone.
    gone: usize,
}

impl Server {
    fn new(sockets: Sockets) -> Self {
        Self {
            group: sockets.poll_group(),
            sockets,
            clients: HashMap::new(),
            gone: 0,
        }
    }

    fn serve_until_gone(&mut self, clients: usize) {
        let end = Instant::now() + 3 * LIMIT;
        let mut messages = Vec::new();
        while self.gone < clients {
            assert!(Instant::now() < end, "{} of {clients} are gone", self.gone);
            self.sockets.wait(Duration::from_millis(5));
            while let Some(Event::ConnectionChanged(change)) = self.sockets.next_event() {
                self.note(&change);
            }
            self.group.receive_batch(&mut messages, 256);
            for message in messages.drain(..) {
                let client = self.clients.get_mut(&message.connection().id()).unwrap();
                assert_eq!(*message, client.received.to_le_bytes());
                client.received += 1;
                send_with_patience(message.connection(), &mut client.sent);
            }
        }
    }

    fn note(&mut self, change: &ConnectionEvent) {
        let client = self.clients.entry(change.connection.id()).or_default();
        let before = client.state.replace(change.new);
        assert_eq!(before.unwrap_or(ConnectionState::None), change.old);
        if change.is_request() {
            change.connection.set_poll_group(Some(&self.group)).unwrap();
            change.connection.accept().unwrap();
        } else if change.is_ended() {
            change
                .connection
                .close(EndReason::APP_GENERIC, "", false)
                .unwrap();
            self.gone += 1;
        }
    }
}

/// The next numbered message. Small ones are held back for company, so that deadlines have their part.
fn send_with_patience(connection: &Connection, number: &mut u32) {
    loop {
        match connection.send(&number.to_le_bytes(), SendFlags::RELIABLE) {
            Ok(_) => break,
            Err(SendError::BufferFull { .. }) => thread::sleep(Duration::from_millis(1)),
            Err(error) => panic!("{error}"),
        }
    }
    *number += 1;
}

/// Connections that each send so many messages and get as many back, and are then closed; again and again.
fn flood(sockets: &Sockets, addr: SocketAddr, rounds: usize, connections: usize, messages: u32) {
    for _ in 0..rounds {
        let group = sockets.poll_group();
        let open: Vec<_> = (0..connections)
            .map(|_| sockets.connect(addr).unwrap())
            .collect();
        for connection in &open {
            connection.set_poll_group(Some(&group)).unwrap();
            let mut sent = 0;
            (0..messages).for_each(|_| send_with_patience(connection, &mut sent));
        }
        let mut received: HashMap<_, u32> = HashMap::new();
        let end = Instant::now() + 2 * LIMIT;
        while received.values().sum::<u32>() < messages * connections as u32 {
            assert!(Instant::now() < end, "{:?}", received.values());
            group.wait(Duration::from_millis(5));
            while let Some(message) = group.receive() {
                let next = received.entry(message.connection().id()).or_default();
                assert_eq!(*message, next.to_le_bytes());
                *next += 1;
            }
        }
        for connection in open {
            connection.close(EndReason::APP_GENERIC, "", true).unwrap();
        }
        for event in sockets.events() {
            assert!(!matches!(event, Event::ConnectionChanged(change) if change.is_ended()));
        }
    }
}

#[test]
fn four_threads_serve_64_clients_that_flood_and_come_again() {
    const ROUNDS: usize = 2;
    const MESSAGES: u32 = 500;
    let mut server = Server::new(threads(4));
    let listener = listen(&server.sockets);
    let addr = listener.local_addr();
    thread::scope(|scope| {
        for count in [1, 2, 4, 1] {
            scope.spawn(move || flood(&threads(count), addr, ROUNDS, 16, MESSAGES));
        }
        server.serve_until_gone(ROUNDS * 64);
    });
    assert_eq!(server.clients.len(), ROUNDS * 64);
    for client in server.clients.values() {
        assert_eq!((client.received, client.sent), (MESSAGES, MESSAGES));
    }
    listener.close();
    wait_until(|| server.sockets.connection_count() == 0);
}

#[test]
fn every_thread_keeps_the_deadlines_of_its_connections() {
    let server = threads(4);
    let listener = listen(&server);
    for _ in 0..16 {
        // One after the other, each from an address of its own.
        let client = Sockets::new().unwrap();
        let (accepted, dialled) = connect(&server, &client, listener.local_addr());
        // Nobody waits at the server, whose threads sleep: only a deadline sends this.
        accepted.send(b"in a while", SendFlags::RELIABLE).unwrap();
        assert_eq!(&*wait_message(&client, &dialled), b"in a while");
    }
}

#[test]
fn what_is_late_on_purpose_reaches_connections_of_all_threads() {
    let server = threads(4);
    let listener = listen(&server);
    for key in [ConfigKey::FakePacketLagSend, ConfigKey::FakePacketLagRecv] {
        server.set_config(key, 10).unwrap();
    }
    for _ in 0..8 {
        let client = threads(2);
        let (accepted, dialled) = connect(&server, &client, listener.local_addr());
        for text in [b"there", b"again"] {
            dialled.send(text, SendFlags::RELIABLE_NO_NAGLE).unwrap();
            let message = wait_message(&server, &accepted);
            accepted
                .send(&message, SendFlags::RELIABLE_NO_NAGLE)
                .unwrap();
            assert_eq!(&*wait_message(&client, &dialled), text);
        }
    }
}

#[test]
fn a_port_is_taken_whoever_listens_with_however_many_threads() {
    for first in [1, 4] {
        let server = threads(first);
        let listener = listen(&server);
        let addr = listener.local_addr();
        let others = [1, 2, 4].map(threads);
        for other in others.iter().chain([&server]) {
            let refused = other.listen(addr).unwrap_err();
            assert!(
                matches!(refused, ListenError::AddressInUse { addr: taken } if taken == addr),
                "{refused}"
            );
        }
        // Nobody got anything of what is for the first.
        let client = Sockets::new().unwrap();
        for _ in 0..8 {
            connect(&server, &client, addr);
        }
    }
}

#[test]
fn a_port_is_free_again_once_its_listener_is_closed() {
    let server = threads(4);
    let client = threads(2);
    let addr = {
        let listener = listen(&server);
        listener.local_addr()
    };
    for _ in 0..20 {
        let listener = server.listen(addr).unwrap();
        let [(_, dialled), _] = [(); 2].map(|()| connect(&server, &client, addr));
        listener.close();
        let ended = wait_state(&client, ConnectionState::ClosedByPeer);
        assert!(ended.is_ended());
        dialled.close(EndReason::APP_GENERIC, "", false).unwrap();
        for _ in server.events().chain(client.events()) {}
    }
    // Another one may have it as well, with another number of threads.
    drop(Sockets::new().unwrap().listen(addr).unwrap());
}

#[test]
fn connections_outlive_their_listener_and_keep_its_port() {
    let mut pair = Pair::between(threads(4), threads(4));
    let addr = pair.listener.take().unwrap().local_addr();
    assert!(pair.server.listen(addr).is_err());
    pair.dialled.send(b"still", SendFlags::RELIABLE).unwrap();
    assert_eq!(&*wait_message(&pair.server, &pair.accepted), b"still");
    pair.accepted
        .close(EndReason::APP_GENERIC, "", false)
        .unwrap();
    wait_state(&pair.client, ConnectionState::ClosedByPeer);
    pair.dialled
        .close(EndReason::APP_GENERIC, "", false)
        .unwrap();
    wait_until(|| pair.server.listen(addr).is_ok());
}

#[test]
fn without_threads_their_number_means_nothing() {
    let make = |builder: SocketsBuilder| builder.service(ServiceMode::Manual).build().unwrap();
    let server = make(Sockets::builder().service_threads(4));
    let client = make(Sockets::builder().service_threads(4));
    let listener = listen(&server);
    let dialled = client.connect(listener.local_addr()).unwrap();
    dialled.send(b"hello", SendFlags::RELIABLE).unwrap();
    let mut accepted: Option<Connection> = None;
    wait_until(|| {
        server.poll();
        client.poll();
        if let Some(Event::ConnectionChanged(change)) = server.next_event()
            && change.is_request()
        {
            change.connection.accept().unwrap();
            accepted = Some(change.connection);
        }
        let message = accepted.as_ref().and_then(|end| end.receive().unwrap());
        message.is_some_and(|message| &*message == b"hello")
    });
}

#[test]
fn limit_service_threads() {
    let most = SocketsBuilder::MAX_SERVICE_THREADS;
    for count in [0, most + 1, usize::MAX] {
        let refused = Sockets::builder().service_threads(count).build();
        assert!(
            matches!(refused, Err(BuildError::ServiceThreads { threads }) if threads == count),
            "{count}"
        );
    }
    let pair = Pair::between(threads(most), Sockets::new().unwrap());
    pair.dialled
        .send(b"one of 32", SendFlags::RELIABLE)
        .unwrap();
    assert_eq!(&*wait_message(&pair.server, &pair.accepted), b"one of 32");
}
