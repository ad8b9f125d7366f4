//! Who drives, changed while the interface runs.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod support;

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use bowline::SendFlags;
use bowline::ServiceMode;
use bowline::Sockets;

use crate::support::LIMIT;
use crate::support::Pair;
use crate::support::wait_message;
use crate::support::wait_until;

/// How many service threads there were, and how many of them are.
#[derive(Clone, Default)]
struct Census {
    started: Arc<AtomicUsize>,
    alive: Arc<AtomicUsize>,
}

/// Counts a thread for as long as it lives.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

thread_local! {
    static COUNTED: RefCell<Option<Counted>> = const { RefCell::new(None) };
}

impl Census {
    fn count_this_thread(&self) {
        self.started.fetch_add(1, Ordering::SeqCst);
        self.alive.fetch_add(1, Ordering::SeqCst);
        COUNTED.set(Some(Counted(Arc::clone(&self.alive))));
    }

    fn started(&self) -> usize {
        self.started.load(Ordering::SeqCst)
    }

    fn alive(&self) -> usize {
        self.alive.load(Ordering::SeqCst)
    }
}

fn counted(mode: ServiceMode, threads: usize) -> (Sockets, Census) {
    let census = Census::default();
    let counter = census.clone();
    let builder = Sockets::builder().service(mode).service_threads(threads);
    let sockets = builder.on_thread_start(move || counter.count_this_thread());
    (sockets.build().unwrap(), census)
}

#[test]
fn the_service_thread_ends_and_comes_back_as_the_mode_says() {
    let (sockets, census) = counted(ServiceMode::Thread, 1);
    assert_eq!(sockets.service_mode(), ServiceMode::Thread);
    sockets.set_service_mode(ServiceMode::Thread).unwrap();
    for round in 1..=20 {
        wait_until(|| census.alive() == 1);
        assert_eq!(census.started(), round, "one at a time");
        for _ in 0..2 {
            sockets.set_service_mode(ServiceMode::Manual).unwrap();
            assert_eq!(sockets.service_mode(), ServiceMode::Manual);
            assert_eq!(census.alive(), 0, "it has ended by then");
        }
        sockets.set_service_mode(ServiceMode::Thread).unwrap();
    }
    drop(sockets);
    assert_eq!((census.started(), census.alive()), (21, 0));
}

#[test]
fn every_service_thread_begins_with_what_it_was_given() {
    let (sockets, census) = counted(ServiceMode::Thread, 3);
    wait_until(|| census.alive() == 3);
    sockets.set_service_mode(ServiceMode::Manual).unwrap();
    assert_eq!(census.alive(), 2, "the further ones stay");
    drop(sockets);
    assert_eq!((census.started(), census.alive()), (3, 0));
}

#[test]
fn a_thread_works_though_its_beginning_panicked() {
    let builder = Sockets::builder().on_thread_start(|| panic!("at the beginning"));
    let server = builder.build().unwrap();
    let pair = Pair::between(server, Sockets::new().unwrap());
    pair.dialled
        .send(b"x", SendFlags::RELIABLE_NO_NAGLE)
        .unwrap();
    wait_until(|| pair.accepted.receive().unwrap().is_some());
}

#[test]
fn without_the_thread_polls_do_the_work_and_with_it_nobody_has_to() {
    let (client, census) = counted(ServiceMode::Thread, 1);
    let pair = Pair::between(Sockets::new().unwrap(), client);
    pair.client.set_service_mode(ServiceMode::Manual).unwrap();
    let ask = || {
        pair.accepted
            .send(b"x", SendFlags::RELIABLE_NO_NAGLE)
            .unwrap();
    };
    let has_answer = || pair.dialled.receive().unwrap().is_some();
    for _ in 0..3 {
        ask();
        wait_until(|| {
            pair.client.poll();
            has_answer()
        });
        pair.client.set_service_mode(ServiceMode::Thread).unwrap();
        ask();
        wait_until(has_answer);
        pair.client.set_service_mode(ServiceMode::Manual).unwrap();
    }
    assert_eq!(census.alive(), 0);
}

#[test]
fn waits_go_on_while_the_mode_changes() {
    let pair = Pair::new();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                for mode in [ServiceMode::Manual, ServiceMode::Thread] {
                    pair.server.set_service_mode(mode).unwrap();
                    pair.client.set_service_mode(mode).unwrap();
                }
            }
        });
        scope.spawn(|| {
            for _ in 0..200 {
                let ping = wait_message(&pair.server, &pair.accepted);
                let flags = SendFlags::RELIABLE_NO_NAGLE;
                pair.accepted.send(&ping, flags).unwrap();
            }
        });
        for number in 0..200_u32 {
            let ping = number.to_le_bytes();
            pair.dialled
                .send(&ping, SendFlags::RELIABLE_NO_NAGLE)
                .unwrap();
            assert_eq!(*wait_message(&pair.client, &pair.dialled), ping);
        }
        done.store(true, Ordering::Relaxed);
    });
    assert!(!pair.client.wait(Duration::ZERO), "nothing is left");
    assert!(pair.client.wait_for_linger(LIMIT));
}
