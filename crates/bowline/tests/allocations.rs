//! Nothing allocates per packet once a connection is warm.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod support;

use std::alloc::GlobalAlloc;
use std::alloc::Layout;
use std::alloc::System;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

use bowline::Message;
use bowline::PairKind;
use bowline::SendFlags;
use bowline::SendOptions;
use bowline::Sockets;

use support::LIMIT;
use support::Pair;

/// Counts the calls that ask for memory, of all threads.
struct Counting;

static CALLS: AtomicU64 = AtomicU64::new(0);

// SAFETY: everything is passed on to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        CALLS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promises are those that the system's allocator asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        CALLS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.realloc(ptr, layout, new_size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The calls of all threads are counted, so the tests take turns.
static ALONE: Mutex<()> = Mutex::new(());

const MESSAGES: usize = 10_000;
/// The first warms up.
const ROUNDS: usize = 6;
const ALLOWED: u64 = 16;

#[test]
fn no_allocation_per_packet() {
    let _alone = ALONE.lock().unwrap();
    let pair = Pair::new();
    let mut messages = Vec::with_capacity(1024);
    pair.accepted.set_sequenced(None, true).unwrap();
    let unreliable = SendOptions::unreliable().no_nagle();
    for (options, keyed) in [
        (unreliable, false),
        (unreliable.deadline(LIMIT), true),
        (SendOptions::reliable().no_nagle(), false),
    ] {
        for size in [60, 1200] {
            // Buffers grow while the machine is busy with other things and acks come late. What the
            // packets themselves cost shows in each round, so the best one tells.
            let mut measure = || {
                let before = CALLS.load(Ordering::Relaxed);
                exchange(&pair, &mut messages, size, options, keyed);
                CALLS.load(Ordering::Relaxed) - before
            };
            let best = (0..ROUNDS)
                .map(|_| measure())
                .find(|calls| *calls <= ALLOWED);
            assert!(
                best.is_some(),
                "more than {ALLOWED} allocations for {MESSAGES} messages of {size} bytes, {options:?}"
            );
        }
    }
}

#[test]
fn no_allocation_per_message_of_a_pipe_or_a_poll_group() {
    let _alone = ALONE.lock().unwrap();
    let sockets = Sockets::new().unwrap();
    let pipe = sockets.socket_pair(PairKind::Pipe, None, None);
    let (one, other) = pipe.unwrap();
    let group = sockets.poll_group();
    other.set_poll_group(Some(&group)).unwrap();
    let mut messages = Vec::with_capacity(1024);
    let mut measure = || {
        let before = CALLS.load(Ordering::Relaxed);
        for _ in 0..MESSAGES / 10 {
            for _ in 0..10 {
                one.send(&[7; 1200], SendFlags::RELIABLE).unwrap();
            }
            assert_eq!(group.receive_batch(&mut messages, 1024), 10);
            messages.clear();
        }
        CALLS.load(Ordering::Relaxed) - before
    };
    let best = (0..ROUNDS).map(|_| measure()).min().unwrap();
    assert!(
        best <= ALLOWED,
        "{best} allocations for {MESSAGES} messages"
    );
}

/// Sends [`MESSAGES`] messages, a few at a time, and drops them as they arrive.
fn exchange(
    pair: &Pair,
    messages: &mut Vec<Message>,
    size: usize,
    options: SendOptions,
    keyed: bool,
) {
    let bytes = [7; 1200];
    let end = Instant::now() + LIMIT;
    let (mut sent, mut received) = (0, 0);
    while received < MESSAGES {
        assert!(Instant::now() < end, "{received} of {MESSAGES} received");
        while sent < MESSAGES && sent < received + 16 {
            // Each has a key of its own, so that none is replaced.
            let key = sent as u64;
            let options = if keyed { options.replace(key) } else { options };
            pair.dialled.send_with(&bytes[..size], options).unwrap();
            sent += 1;
        }
        pair.server.wait(Duration::from_millis(10));
        received += pair.accepted.receive_batch(messages, 1024).unwrap();
        messages.clear();
    }
}
