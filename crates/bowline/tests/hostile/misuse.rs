//! Class 30: handles that are stale, foreign or used while what they stand for goes away.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use bowline::{
    AcceptError, BatchMessage, EndReason, LaneConfig, LaneIndex, NoSuchConnection, OnFailure,
    PollGroupError, SendFlags,
};

use crate::support::{Pair, connect, listen, manual, wait_until};

#[test]
fn class_30_handles_of_another_interface_are_refused_or_work_as_their_own() {
    let pair = Pair::new();
    let other = manual();
    // A group of another interface, also in the place of the present one.
    let (own, foreign) = (pair.server.poll_group(), other.poll_group());
    pair.accepted.set_poll_group(Some(&own)).unwrap();
    let refused = pair.accepted.set_poll_group(Some(&foreign));
    assert_eq!(refused, Err(PollGroupError::ForeignPollGroup));
    // The number of a connection means nothing elsewhere.
    assert!(other.connection(pair.accepted.id()).is_none());
    assert!(pair.server.connection(pair.accepted.id()).is_some());
    // A handle knows its interface, so a batch of any interface sends it.
    let message = BatchMessage::new(&pair.dialled, "by another", SendFlags::RELIABLE_NO_NAGLE);
    let results = other.send_batch(vec![message], OnFailure::Stop);
    assert!(results[0].is_ok());
    wait_until(|| {
        own.receive()
            .is_some_and(|message| &*message == b"by another")
    });
}

#[test]
fn class_30_calls_at_the_wrong_end_or_time_are_errors() {
    let pair = Pair::new();
    assert_eq!(pair.dialled.accept(), Err(AcceptError::NotIncoming));
    assert!(matches!(
        pair.accepted.accept(),
        Err(AcceptError::WrongState(_))
    ));
    let (one, _) = pair
        .client
        .socket_pair(bowline::PairKind::Pipe, None, None)
        .unwrap();
    assert_eq!(one.accept(), Err(AcceptError::NotIncoming));
    pair.dialled
        .close(EndReason::APP_GENERIC, "", false)
        .unwrap();
    let again = pair.dialled.close(EndReason::APP_GENERIC, "", true);
    assert_eq!(again, Err(NoSuchConnection));
    assert_eq!(pair.dialled.accept(), Err(NoSuchConnection.into()));
    assert_eq!(
        pair.dialled.set_poll_group(None),
        Err(NoSuchConnection.into())
    );
}

#[test]
fn class_30_poll_groups_come_and_go_while_they_are_read_and_no_message_is_lost() {
    const MESSAGES: u64 = 3_000;
    let pair = Pair::new();
    let done = AtomicBool::new(false);
    let read = AtomicU64::new(0);
    let check = |message: &bowline::Message| {
        // In order, whoever reads: only one thread does so at a time, below.
        let number = u64::from_le_bytes(message[..8].try_into().unwrap());
        assert_eq!(read.fetch_add(1, Ordering::Relaxed), number);
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0..MESSAGES {
                let send = || {
                    pair.dialled
                        .send(&n.to_le_bytes(), SendFlags::RELIABLE_NO_NAGLE)
                };
                wait_until(|| send().is_ok());
            }
        });
        // Looks at the connection from elsewhere all the while.
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                pair.accepted.status().unwrap();
                pair.accepted.info().unwrap();
                thread::yield_now();
            }
        });
        let mut turn = 0;
        wait_until(|| {
            turn += 1;
            let group = pair.server.poll_group();
            pair.accepted.set_poll_group(Some(&group)).unwrap();
            group.wait(Duration::from_millis(1));
            match turn % 3 {
                0 => {
                    let mut messages = Vec::new();
                    group.receive_batch(&mut messages, 50);
                    messages.iter().for_each(check);
                }
                1 => group.receive().iter().for_each(check),
                _ => {}
            }
            // With messages in it, and with the connection in it.
            if turn % 2 == 0 {
                pair.accepted.set_poll_group(None).unwrap();
            }
            drop(group);
            if turn % 5 == 0 {
                pair.accepted.receive().unwrap().iter().for_each(check);
            }
            read.load(Ordering::Relaxed) == MESSAGES
        });
        done.store(true, Ordering::Relaxed);
    });
    assert!(pair.accepted.receive().unwrap().is_none());
}

#[test]
fn class_30_an_interface_goes_while_everything_of_it_is_alive_and_in_use() {
    for _ in 0..5 {
        let Pair {
            server,
            client,
            listener,
            accepted,
            dialled,
        } = Pair::new();
        let group = server.poll_group();
        accepted.set_poll_group(Some(&group)).unwrap();
        dialled.send(b"kept", SendFlags::RELIABLE_NO_NAGLE).unwrap();
        let mut kept = None;
        wait_until(|| {
            kept = kept.take().or_else(|| group.receive());
            kept.is_some()
        });
        let second = connect(&server, &client, listener.as_ref().unwrap().local_addr()).0;
        let handle = server.wait_handle().unwrap();
        let barrier = Barrier::new(4);
        thread::scope(|scope| {
            scope.spawn(|| {
                barrier.wait();
                while accepted.send(&[1; 500], SendFlags::RELIABLE).is_ok() {}
            });
            scope.spawn(|| {
                barrier.wait();
                while second.configure_lanes(&[LaneConfig::new(0, 1)]).is_ok() {}
                assert_eq!(second.status().unwrap_err(), NoSuchConnection);
            });
            scope.spawn(|| {
                barrier.wait();
                // Ends when its interface does, long before the time is over.
                while accepted.info().is_ok() {
                    group.wait(Duration::from_secs(60));
                }
            });
            barrier.wait();
            drop(server);
        });
        // All that is left are errors, and what was received before.
        assert_eq!(&*kept.unwrap(), b"kept");
        assert!(group.receive().is_none());
        assert!(!group.wait(Duration::ZERO));
        assert_eq!(accepted.receive().unwrap_err(), NoSuchConnection);
        assert_eq!(accepted.flush(), Err(NoSuchConnection.into()));
        assert_eq!(
            accepted.send_on(LaneIndex::new(3), b"", SendFlags::RELIABLE),
            Err(NoSuchConnection.into())
        );
        assert_eq!(
            accepted.set_poll_group(Some(&group)),
            Err(NoSuchConnection.into())
        );
        assert_eq!(accepted.name().unwrap_err(), NoSuchConnection);
        listener.unwrap().close();
        drop((handle, group, second));
        drop(client);
        assert_eq!(dialled.info().unwrap_err(), NoSuchConnection);
    }
}

#[test]
fn class_30_a_listener_goes_while_peers_knock() {
    let pair = Pair::new();
    let listener = listen(&pair.server);
    let addr = listener.local_addr();
    for _ in 0..20 {
        pair.client.connect(addr).unwrap();
    }
    wait_until(|| pair.server.connection_count() > 1);
    listener.close();
    // Those that were not decided upon are gone with it; others live on.
    let alive = || pair.server.connection(pair.accepted.id()).is_some();
    assert!(alive());
    pair.dialled
        .send(b"x", SendFlags::RELIABLE_NO_NAGLE)
        .unwrap();
    wait_until(|| pair.accepted.receive().unwrap().is_some());
    assert!(alive());
}
