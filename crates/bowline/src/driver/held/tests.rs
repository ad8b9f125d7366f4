//! One connection's lock is held from outside; everything else must go on.

use std::sync::mpsc;
use std::sync::mpsc::RecvTimeoutError;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use bowline_core::connection::ConnectionState;
use bowline_core::counters::DropReason;
use bowline_core::end_reason::EndReason;
use bowline_core::message::Payload;
use bowline_core::message::SendFlags;
use bowline_core::transmit::DatagramMeta;

use crate::connection::Connection;
use crate::driver::PairKind;
use crate::driver::followup::Followup;
use crate::events::Event;
use crate::listener::Listener;
use crate::message::Message;
use crate::poll_group::PollGroup;
use crate::send_options::SendOptions;
use crate::sockets::Sockets;

const OTHERS: usize = 100;
const HELD_FOR: Duration = Duration::from_secs(1);
const LIMIT: Duration = Duration::from_secs(20);

/// A server that the test waits on, and so drives, and a client with a service thread of its own.
struct Match {
    server: Sockets,
    client: Sockets,
    listener: Listener,
    group: PollGroup,
    /// The client's ends, and the server's in the same order.
    dialled: Vec<Connection>,
    accepted: Vec<Connection>,
}

impl Match {
    fn new() -> Self {
        let server = Sockets::new().unwrap();
        let client = Sockets::new().unwrap();
        let listener = server.listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let group = server.poll_group();
        let mut all = Self {
            server,
            client,
            listener,
            group,
            dialled: Vec::new(),
            accepted: Vec::new(),
        };
        (0..=OTHERS).for_each(|_| all.connect());
        all
    }

    /// Makes one more connection; its events come at both ends.
    fn connect(&mut self) {
        let dialled = self.client.connect(self.listener.local_addr()).unwrap();
        let end = Instant::now() + LIMIT;
        let (mut accepted, mut is_connected) = (None, false);
        while accepted.is_none() || !is_connected {
            assert!(Instant::now() < end, "not connected in time");
            self.server.wait(Duration::from_millis(1));
            for event in self.server.events() {
                if let Event::ConnectionChanged(change) = event
                    && change.is_request()
                {
                    change.connection.set_poll_group(Some(&self.group)).unwrap();
                    change.connection.accept().unwrap();
                    accepted = Some(change.connection);
                }
            }
            is_connected |= self.client.events().any(|event| match event {
                Event::ConnectionChanged(change) => {
                    change.connection == dialled && change.new == ConnectionState::Connected
                }
                _ => false,
            });
        }
        self.dialled.push(dialled);
        self.accepted.extend(accepted);
    }

    /// All connections but the first send a message both ways and get it.
    fn exchange(&self) {
        let (dialled, accepted) = (&self.dialled[1..], &self.accepted[1..]);
        for connection in dialled.iter().chain(accepted) {
            connection
                .send(b"on", SendFlags::RELIABLE_NO_NAGLE)
                .unwrap();
        }
        let end = Instant::now() + LIMIT;
        let mut grouped = Vec::new();
        while grouped.len() < accepted.len() {
            assert!(Instant::now() < end, "{} at the server", grouped.len());
            self.group.wait(Duration::from_millis(1));
            self.group.receive_batch(&mut grouped, usize::MAX);
        }
        for connection in dialled {
            let message = next_message(&self.server, connection);
            assert_eq!(&*message, b"on");
        }
    }
}

fn next_message(driven: &Sockets, connection: &Connection) -> Message {
    let end = Instant::now() + LIMIT;
    loop {
        if let Some(message) = connection.receive().unwrap() {
            return message;
        }
        assert!(Instant::now() < end, "no message in time");
        driven.wait(Duration::from_millis(1));
    }
}

/// Holds the lock of a connection while `meanwhile` runs, also if that panics.
fn while_held<R>(connection: &Connection, meanwhile: impl FnOnce() -> R) -> R {
    thread::scope(|scope| {
        let (hold, is_held) = mpsc::channel::<()>();
        let (release, is_over) = mpsc::channel::<()>();
        scope.spawn(move || {
            let guard = connection.slot().state.lock();
            hold.send(()).unwrap();
            // Ends when the other end is dropped; or else somebody waits for the lock who must not.
            let over = is_over.recv_timeout(2 * LIMIT);
            drop(guard);
            assert_eq!(over, Err(RecvTimeoutError::Disconnected));
        });
        is_held.recv().unwrap();
        let _release = release;
        meanwhile()
    })
}

/// Holds `held`, to which `peer` sends meanwhile.
fn others_go_on(all: &mut Match, held: &Connection, peer: &Connection) {
    let mut sent = 0u32;
    while_held(held, || {
        let start = Instant::now();
        while start.elapsed() < HELD_FOR {
            let bytes = sent.to_le_bytes();
            peer.send(&bytes, SendFlags::RELIABLE_NO_NAGLE).unwrap();
            sent += 1;
            all.exchange();
            if sent == 1 {
                all.connect();
            }
        }
    });
    for number in 0..sent {
        let message = next_message(&all.server, held);
        assert_eq!(message[..], number.to_le_bytes());
    }
    assert!(held.receive().unwrap().is_none());
}

#[test]
fn a_held_lock_of_one_connection_stops_no_other() {
    let mut all = Match::new();
    let (accepted, dialled) = (all.accepted[0].clone(), all.dialled[0].clone());
    // Once at the end that the application drives, once at the end with a service thread.
    others_go_on(&mut all, &accepted, &dialled);
    others_go_on(&mut all, &dialled, &accepted);
}

#[test]
fn a_connection_that_was_held_ends_as_any_other() {
    let mut all = Match::new();
    let (accepted, dialled) = (all.accepted[0].clone(), all.dialled[0].clone());
    while_held(&accepted, || {
        dialled.close(EndReason::APP_GENERIC, "", false).unwrap();
        all.exchange();
        all.connect();
    });
    let end = Instant::now() + LIMIT;
    while accepted.state() != ConnectionState::ClosedByPeer {
        assert!(Instant::now() < end, "not closed in time");
        all.server.wait(Duration::from_millis(1));
    }
}

#[test]
fn datagrams_that_a_held_connection_has_no_room_for_are_counted() {
    let all = Match::new();
    let (accepted, dialled) = (all.accepted[0].clone(), all.dialled[0].clone());
    let lost = || all.server.drops().of(DropReason::ConnectionBusy);
    while_held(&accepted, || {
        let slot = accepted.slot();
        let now = slot.inner.clock.now();
        while slot.keep_datagram(now, DatagramMeta::default(), &[0x80; 1300]) {}
        assert_eq!(lost(), 0);
        let end = Instant::now() + LIMIT;
        while lost() == 0 {
            assert!(Instant::now() < end, "not counted in time");
            dialled
                .send(&[7; 1000], SendFlags::RELIABLE_NO_NAGLE)
                .unwrap();
            all.server.wait(Duration::from_millis(1));
        }
    });
    // What was lost is sent again.
    assert_eq!(&*next_message(&all.server, &accepted), [7; 1000]);
}

#[test]
fn who_drives_leaves_what_a_pipe_hands_over_to_the_holder_of_the_other_end() {
    let sockets = Sockets::new().unwrap();
    let (from, to) = sockets.socket_pair(PairKind::Pipe, None, None).unwrap();
    let slot = from.slot();
    while_held(&to, || {
        for text in ["first", "second"] {
            // As a timer would, in which a pipe hardly ever has something to hand over.
            let mut follow = Followup::for_driver();
            let mut state = slot.state.lock();
            let now = state.advance(slot.inner.clock.now());
            let message = SendOptions::reliable().message(Payload::Borrowed(text.as_bytes()));
            state.open().unwrap().send(now, message).unwrap();
            slot.settle(&mut state, &mut follow);
            drop(state);
            slot.inner.follow_up(&mut follow);
        }
    });
    from.send(b"third", SendFlags::RELIABLE).unwrap();
    for text in ["first", "second", "third"] {
        assert_eq!(&*next_message(&sockets, &to), text.as_bytes());
    }
}
