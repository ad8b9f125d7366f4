//! Who drives the sockets: the service thread, a waiting thread, or the application's own loop.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod support;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use bowline::Config;
use bowline::ConnectionState;
use bowline::EndReason;
use bowline::Event;
use bowline::Identity;
use bowline::PairKind;
use bowline::SendFlags;
use bowline::ServiceMode;
use bowline::Sockets;

use support::LIMIT;
use support::Pair;
use support::listen;
use support::manual;
use support::wait_message;
use support::wait_state;
use support::wait_until;

#[test]
fn wait_wakes_on_a_message() {
    let pair = Pair::new();
    let accepted = pair.accepted.clone();
    let server = pair.server.clone();
    let reader = thread::spawn(move || {
        let start = Instant::now();
        while !server.wait(LIMIT) {}
        assert!(accepted.receive().unwrap().is_some());
        start.elapsed()
    });
    thread::sleep(Duration::from_millis(5));
    pair.dialled
        .send(b"wake up", SendFlags::RELIABLE_NO_NAGLE)
        .unwrap();
    assert!(reader.join().unwrap() < LIMIT / 2);
}

#[test]
fn wait_ends_in_time() {
    let sockets = Sockets::new().unwrap();
    let start = Instant::now();
    assert!(!sockets.wait(Duration::from_millis(5)));
    assert!(start.elapsed() >= Duration::from_millis(5));
    assert!(!sockets.wait(Duration::ZERO));
    assert!(start.elapsed() < Duration::from_secs(2));
}

#[test]
fn shutting_down_ends_waits_of_other_threads_and_those_to_come() {
    let sockets = Sockets::new().unwrap();
    let start = Instant::now();
    let waiter = thread::spawn({
        let sockets = sockets.clone();
        move || sockets.wait(Duration::from_secs(3600))
    });
    sockets.shut_down();
    assert!(!waiter.join().unwrap());
    assert!(!sockets.wait(Duration::from_secs(3600)));
    sockets.shut_down();
    assert!(start.elapsed() < LIMIT);
}

#[test]
fn wait_sees_what_another_thread_causes() {
    let pair = Pair::new();
    let waiting = pair.client.clone();
    let waiter = thread::spawn(move || {
        let start = Instant::now();
        assert!(waiting.wait(LIMIT));
        start.elapsed()
    });
    thread::sleep(Duration::from_millis(5));
    // Causes an event without any packet coming in.
    pair.dialled
        .close(EndReason::APP_GENERIC, "", false)
        .unwrap();
    assert!(waiter.join().unwrap() < LIMIT / 2);
}

#[test]
fn several_threads_may_wait_at_once() {
    let pair = Pair::new();
    let stop = Arc::new(AtomicBool::new(false));
    let waiters: Vec<_> = (0..4)
        .map(|_| {
            let server = pair.server.clone();
            let accepted = pair.accepted.clone();
            let stop = Arc::clone(&stop);
            thread::spawn(move || {
                let mut count = 0;
                while !stop.load(Ordering::Relaxed) {
                    server.wait(Duration::from_millis(5));
                    while accepted.receive().unwrap().is_some() {
                        count += 1;
                    }
                }
                count
            })
        })
        .collect();
    for _ in 0..200 {
        pair.dialled
            .send(b"x", SendFlags::RELIABLE_NO_NAGLE)
            .unwrap();
        thread::sleep(Duration::from_micros(50));
    }
    thread::sleep(Duration::from_millis(50));
    stop.store(true, Ordering::Relaxed);
    let total: i32 = waiters
        .into_iter()
        .map(|waiter| waiter.join().unwrap())
        .sum();
    assert_eq!(total, 200);
}

#[test]
fn the_service_thread_resumes_after_a_wait() {
    let pair = Pair::new();
    pair.server.wait(Duration::from_millis(1));
    pair.client.wait(Duration::from_millis(1));
    pair.dialled.send(b"x", SendFlags::RELIABLE).unwrap();
    // Nobody waits any more: without the service threads this would never arrive.
    wait_until(|| pair.accepted.receive().unwrap().is_some());
}

#[test]
fn the_service_thread_resumes_after_busy_polls() {
    let pair = Pair::new();
    let end = Instant::now() + Duration::from_millis(5);
    while Instant::now() < end {
        pair.server.poll();
        pair.client.wait(Duration::ZERO);
    }
    pair.dialled.send(b"x", SendFlags::RELIABLE).unwrap();
    // Nobody polls any more: the small message waits for a timer of one side, and the other has to receive it.
    wait_until(|| pair.accepted.receive().unwrap().is_some());
}

#[test]
fn without_a_thread_poll_does_everything() {
    let server = manual();
    let client = manual();
    let listener = listen(&server);
    let dialled = client.connect(listener.local_addr()).unwrap();
    dialled.send(b"hello", SendFlags::RELIABLE).unwrap();
    thread::sleep(Duration::from_millis(1));
    assert!(server.next_event().is_none(), "nobody drives without poll");
    let mut echoed = None;
    wait_until(|| {
        server.poll();
        client.poll();
        while let Some(Event::ConnectionChanged(change)) = server.next_event() {
            if change.is_request() {
                change.connection.accept().unwrap();
                echoed = Some(change.connection);
            }
        }
        if let Some(connection) = &echoed
            && let Some(message) = connection.receive().unwrap()
        {
            connection.send(&message, SendFlags::RELIABLE).unwrap();
        }
        dialled
            .receive()
            .unwrap()
            .is_some_and(|message| &*message == b"hello")
    });
    assert_eq!(dialled.state(), ConnectionState::Connected);
    assert!(client.next_timeout().is_some());
}

#[test]
fn an_answer_that_waited_in_the_socket_came_in_time() {
    let patience = Duration::from_millis(500);
    let mut config = Config::new();
    config.set_timeout_initial(patience).unwrap();
    let server = manual();
    let client = Sockets::builder()
        .service(ServiceMode::Manual)
        .config(config)
        .build()
        .unwrap();
    let listener = listen(&server);
    let start = Instant::now();
    let dialled = client.connect(listener.local_addr()).unwrap();
    let mut is_accepted = false;
    while !is_accepted {
        server.poll();
        while let Some(Event::ConnectionChanged(change)) = server.next_event() {
            if change.is_request() {
                change.connection.accept().unwrap();
            }
            is_accepted |= change.new == ConnectionState::Connected;
        }
        if !is_accepted {
            client.poll();
        }
    }
    assert_eq!(dialled.state(), ConnectionState::Connecting);
    // The application loads a level.
    thread::sleep(patience.saturating_sub(start.elapsed()) + Duration::from_millis(1));
    client.poll();
    assert_eq!(dialled.state(), ConnectionState::Connected);
}

#[test]
fn without_a_thread_wait_drives() {
    let pair = Pair::between(manual(), Sockets::new().unwrap());
    pair.dialled
        .send(b"x", SendFlags::RELIABLE_NO_NAGLE)
        .unwrap();
    assert_eq!(&*wait_message(&pair.server, &pair.accepted), b"x");
}

#[test]
fn drive_sleeps_whatever_is_left_unread() {
    let sockets = manual();
    let pair = sockets.socket_pair(PairKind::Pipe, None, None).unwrap();
    pair.0.send(b"unread", SendFlags::RELIABLE).unwrap();
    assert!(sockets.poll());
    let end = Instant::now() + Duration::from_millis(300);
    let mut turns = 0;
    while Instant::now() < end {
        sockets.drive(Duration::from_millis(100));
        turns += 1;
    }
    assert!(turns < 100, "it went round {turns} times");
    assert_eq!(&*pair.1.receive().unwrap().unwrap(), b"unread");
    assert!(!sockets.drive(Duration::ZERO));
}

#[test]
fn drive_ends_with_what_comes_in() {
    let pair = Pair::between(manual(), Sockets::new().unwrap());
    pair.dialled
        .send(b"x", SendFlags::RELIABLE_NO_NAGLE)
        .unwrap();
    let message = loop {
        if let Some(message) = pair.accepted.receive().unwrap() {
            break message;
        }
        assert!(pair.server.drive(LIMIT), "nothing came");
    };
    assert_eq!(&*message, b"x");
}

#[test]
fn drive_takes_turns_with_the_service_thread() {
    let pair = Pair::new();
    assert!(!pair.server.drive(Duration::ZERO));
    pair.server.drive(Duration::from_millis(5));
    pair.dialled
        .send(b"x", SendFlags::RELIABLE_NO_NAGLE)
        .unwrap();
    wait_until(|| pair.accepted.receive().unwrap().is_some());
    pair.server.shut_down();
    // Nobody sleeps any more.
    pair.server.drive(Duration::from_secs(3600));
}

#[test]
fn several_identities_in_one_process() {
    let named = |name| {
        let identity = Identity::str(name).unwrap();
        Sockets::builder().identity(identity).build().unwrap()
    };
    let one = Pair::between(named("server one"), named("client one"));
    let other = Pair::between(named("server other"), named("client other"));
    for (pair, name) in [(&one, "one"), (&other, "other")] {
        pair.dialled
            .send(name.as_bytes(), SendFlags::RELIABLE_NO_NAGLE)
            .unwrap();
        let message = wait_message(&pair.server, &pair.accepted);
        assert_eq!(&*message, name.as_bytes());
        let client = Identity::str(&format!("client {name}")).unwrap();
        assert_eq!(pair.accepted.info().unwrap().identity, Some(client));
        let server = Identity::str(&format!("server {name}")).unwrap();
        assert_eq!(pair.dialled.info().unwrap().identity, Some(server));
    }
    assert!(one.server.connection(other.accepted.id()).is_none());
}

#[test]
fn a_group_that_waits_ends_with_its_interface() {
    let sockets = Sockets::new().unwrap();
    let group = sockets.poll_group();
    let waiter = thread::spawn(move || {
        let start = Instant::now();
        assert!(!group.wait(LIMIT));
        start.elapsed()
    });
    thread::sleep(Duration::from_millis(5));
    drop(sockets);
    assert!(waiter.join().unwrap() < LIMIT / 2);
}

#[cfg(unix)]
mod handles {
    use std::os::fd::AsRawFd;
    use std::os::fd::RawFd;

    use super::*;

    fn is_readable(fd: RawFd, timeout: Duration) -> bool {
        let mut poll = mio::Poll::new().unwrap();
        let mut source = mio::unix::SourceFd(&fd);
        let interest = mio::Interest::READABLE;
        poll.registry()
            .register(&mut source, mio::Token(0), interest)
            .unwrap();
        let mut events = mio::Events::with_capacity(1);
        poll.poll(&mut events, Some(timeout)).unwrap();
        !events.is_empty()
    }

    #[test]
    fn the_wait_handle_is_readable_while_something_is_unread() {
        let pair = Pair::new();
        let handle = pair.server.wait_handle().unwrap();
        assert!(!is_readable(handle.as_raw_fd(), Duration::ZERO));
        pair.dialled
            .send(b"x", SendFlags::RELIABLE_NO_NAGLE)
            .unwrap();
        assert!(is_readable(handle.as_raw_fd(), LIMIT));
        assert!(
            is_readable(handle.as_raw_fd(), Duration::ZERO),
            "level-triggered"
        );
        assert!(pair.accepted.receive().unwrap().is_some());
        assert!(!is_readable(handle.as_raw_fd(), Duration::ZERO));
        pair.dialled
            .close(EndReason::APP_GENERIC, "", false)
            .unwrap();
        assert!(is_readable(handle.as_raw_fd(), LIMIT));
        wait_state(&pair.server, ConnectionState::ClosedByPeer);
        assert!(!is_readable(handle.as_raw_fd(), Duration::ZERO));
    }

    #[test]
    fn a_handle_made_late_knows_what_is_unread() {
        let pair = Pair::new();
        pair.dialled
            .send(b"x", SendFlags::RELIABLE_NO_NAGLE)
            .unwrap();
        assert!(pair.server.wait(LIMIT));
        let handle = pair.server.wait_handle().unwrap();
        assert!(is_readable(handle.as_raw_fd(), Duration::ZERO));
    }

    #[test]
    fn without_a_thread_the_handle_says_when_to_poll() {
        let server = manual();
        let handle = server.wait_handle().unwrap();
        let pair = Pair::between(server, Sockets::new().unwrap());
        while pair.server.poll() {
            while pair.server.next_event().is_some() {}
        }
        pair.dialled
            .send(b"x", SendFlags::RELIABLE_NO_NAGLE)
            .unwrap();
        let end = Instant::now() + LIMIT;
        while pair.accepted.receive().unwrap().is_none() {
            assert!(is_readable(handle.as_raw_fd(), LIMIT));
            assert!(Instant::now() < end);
            pair.server.poll();
        }
        // A deadline brought forward between two polls must wake the loop outside.
        pair.accepted.send(b"y", SendFlags::RELIABLE).unwrap();
        while pair.dialled.receive().unwrap().is_none() {
            assert!(is_readable(handle.as_raw_fd(), LIMIT));
            assert!(Instant::now() < end);
            pair.server.poll();
        }
    }
}
