//! Many threads that send, receive, connect and close at once. Debug builds check the lock rules.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod support;

use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use bowline::Connection;
use bowline::EndReason;
use bowline::Event;
use bowline::SendError;
use bowline::SendFlags;
use bowline::Sockets;

use support::LIMIT;
use support::Pair;
use support::listen;
use support::wait_until;

/// Each thread's messages must arrive in that thread's order, whoever transmitted them.
#[test]
fn threads_that_share_a_connection_keep_their_order() {
    const THREADS: u8 = 4;
    const MESSAGES: u32 = 1000;
    let pair = Pair::new();
    thread::scope(|scope| {
        for number in 0..THREADS {
            let dialled = &pair.dialled;
            scope.spawn(move || {
                for count in 0..MESSAGES {
                    let bytes = [&[number][..], &count.to_le_bytes()].concat();
                    let flags = match count % 3 {
                        0 => SendFlags::RELIABLE_NO_NAGLE,
                        _ => SendFlags::RELIABLE,
                    };
                    send_with_patience(dialled, &bytes, flags);
                }
            });
        }
        let mut next = [0; THREADS as usize];
        let end = Instant::now() + LIMIT;
        while next.iter().sum::<u32>() < u32::from(THREADS) * MESSAGES {
            assert!(Instant::now() < end, "{next:?}");
            pair.server.wait(Duration::from_millis(10));
            while let Some(message) = pair.accepted.receive().unwrap() {
                let number = usize::from(message[0]);
                assert_eq!(message[1..], u32::to_le_bytes(next[number]));
                next[number] += 1;
            }
        }
    });
}

#[test]
fn connections_come_and_go_while_others_send() {
    const ENOUGH: u64 = 3000;
    let server = Sockets::new().unwrap();
    let client = Sockets::new().unwrap();
    let listener = listen(&server);
    let addr = listener.local_addr();
    let stop = AtomicBool::new(false);
    let received = AtomicU64::new(0);
    let group = server.poll_group();
    thread::scope(|scope| {
        scope.spawn(|| serve(&server, &group, &stop, &received));
        for number in 0..4u64 {
            let (client, stop) = (&client, &stop);
            scope.spawn(move || come_and_go(client, addr, stop, number));
        }
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                for _ in client.events() {}
                client.poll();
                thread::sleep(Duration::from_millis(1));
            }
        });
        wait_until(|| received.load(Ordering::Relaxed) >= ENOUGH);
        stop.store(true, Ordering::Relaxed);
    });
    drop(group);
    listener.close();
    wait_until(|| server.connection_count() == 0);
}

fn serve(server: &Sockets, group: &bowline::PollGroup, stop: &AtomicBool, received: &AtomicU64) {
    let mut messages = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        server.wait(Duration::from_millis(5));
        for event in server.events() {
            let Event::ConnectionChanged(change) = event else {
                continue;
            };
            if change.is_request() {
                // The peer may be gone again already.
                let _ = change.connection.set_poll_group(Some(group));
                let _ = change.connection.accept();
            } else if change.is_ended() {
                let _ = change.connection.close(EndReason::APP_GENERIC, "", false);
            }
        }
        let count = group.receive_batch(&mut messages, 64);
        received.fetch_add(count as u64, Ordering::Relaxed);
        for message in messages.drain(..) {
            let _ = message
                .connection()
                .send(&message, SendFlags::UNRELIABLE_NO_NAGLE);
        }
    }
}

fn come_and_go(client: &Sockets, addr: std::net::SocketAddr, stop: &AtomicBool, number: u64) {
    let mut round = number;
    while !stop.load(Ordering::Relaxed) {
        round += 1;
        let connection = client.connect(addr).unwrap();
        thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..50 {
                    let _ = connection.send(&[7; 700], SendFlags::RELIABLE);
                    let _ = connection.receive();
                }
            });
            thread::sleep(Duration::from_millis(round % 7));
            let linger = round.is_multiple_of(2);
            connection
                .close(EndReason::APP_GENERIC, "next", linger)
                .unwrap();
        });
    }
}

fn send_with_patience(connection: &Connection, bytes: &[u8], flags: SendFlags) {
    loop {
        match connection.send(bytes, flags) {
            Ok(_) => return,
            Err(SendError::BufferFull { .. }) => thread::sleep(Duration::from_millis(1)),
            Err(error) => panic!("{error}"),
        }
    }
}
