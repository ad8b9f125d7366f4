//! Nothing allocates per packet once a connection is warm.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod support;

use std::alloc::GlobalAlloc;
use std::alloc::Layout;
use std::alloc::System;
use std::cell::OnceCell;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::sync::mpsc::Receiver;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use bowline::Connection;
use bowline::ConnectionState;
use bowline::Identity;
use bowline::Message;
use bowline::PairKind;
use bowline::PeerListener;
use bowline::SendFlags;
use bowline::SendOptions;
use bowline::Sockets;
use bowline::signaling::PeerRequest;
use bowline::signaling::ReceiveContext;
use bowline::signaling::SignalTarget;
use bowline::signaling::Signaling;

use support::LIMIT;
use support::Pair;
use support::connect;
use support::wait_until;

/// Counts the calls that ask for memory, of all threads, and the bytes that are in use.
struct Counting;

static CALLS: AtomicU64 = AtomicU64::new(0);
static IN_USE: AtomicUsize = AtomicUsize::new(0);

// SAFETY: everything is passed on to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        CALLS.fetch_add(1, Ordering::Relaxed);
        IN_USE.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are those that the system's allocator asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        CALLS.fetch_add(1, Ordering::Relaxed);
        IN_USE.fetch_add(new_size, Ordering::Relaxed);
        IN_USE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.realloc(ptr, layout, new_size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The calls of all threads are counted, so the tests take turns.
static ALONE: Mutex<()> = Mutex::new(());

const MESSAGES: usize = 10_000;
/// The first warm up. A machine that is busy with other things spoils some.
const ROUNDS: usize = 40;
const ALLOWED: u64 = 16;

#[test]
fn no_allocation_per_packet() {
    let _alone = ALONE.lock().unwrap();
    assert_no_allocation_per_packet(&Pair::new());
}

#[test]
fn no_allocation_per_packet_between_peers() {
    let _alone = ALONE.lock().unwrap();
    assert_no_allocation_per_packet(&peers());
}

/// All that an idle connection between peers holds beyond one by address: in the core, in the endpoint's tables, in
/// the driver. This machine may have more addresses than one of each family: every further one is one more candidate,
/// at both ends, and a pair.
#[test]
fn limit_memory_of_idle_connections_between_peers() {
    const COUNT: usize = 15;
    const BEYOND: usize = 2_048;
    const FURTHER: usize = 256;
    let _alone = ALONE.lock().unwrap();
    let mut pair = Pair::new();
    let address = pair.listener.take().unwrap();
    let address = address.local_addr();
    let connect = || {
        let (accepted, dialled) = connect(&pair.server, &pair.client, address);
        [accepted, dialled]
    };
    let forget = || {
        pair.server.events().for_each(drop);
        pair.client.events().for_each(drop);
    };
    let direct = idle_bytes(COUNT, connect, forget);
    let players = Players::new();
    // The first one has the threads and the sockets made.
    let [_first, dialled] = players.connect();
    let story = dialled.story().unwrap();
    let is_address = |line: &String| line.contains("our candidate: ");
    let lines = story.iter().map(|entry| entry.what.to_string());
    let addresses = lines.filter(is_address).count();
    assert!((1..=6).contains(&addresses), "{story:?}");
    let between_peers = idle_bytes(COUNT, || players.connect(), || players.attend());
    let more = between_peers.saturating_sub(direct) / (2 * COUNT);
    assert!(
        more <= BEYOND + addresses.saturating_sub(2) * FURTHER,
        "{more} bytes more than {}, with {addresses} addresses",
        direct / (2 * COUNT)
    );
}

/// What so many connections hold when they have been silent for a while, both ends, in bytes.
fn idle_bytes(
    count: usize,
    mut connect: impl FnMut() -> [Connection; 2],
    mut attend: impl FnMut(),
) -> usize {
    attend();
    let before = IN_USE.load(Ordering::Relaxed);
    let connections = (0..count).map(|_| connect()).collect::<Vec<_>>();
    // Memory that is kept for speed goes after five seconds.
    for _ in 0..120 {
        attend();
        thread::sleep(Duration::from_millis(100));
    }
    let after = IN_USE.load(Ordering::Relaxed);
    for end in connections.iter().flatten() {
        assert_eq!(end.state(), ConnectionState::Connected);
    }
    after.saturating_sub(before)
}

/// Two who find each other by signals.
struct Players {
    called: Sockets,
    caller: Sockets,
    listener: PeerListener,
    service: Arc<dyn Signaling>,
    signals: Receiver<(Identity, Vec<u8>)>,
}

impl Players {
    fn new() -> Self {
        let (queue, signals) = mpsc::channel();
        let service: Arc<dyn Signaling> = Arc::new(move |to: &SignalTarget, signal: &[u8]| {
            // At the end nobody takes them any more.
            let _ = queue.send((to.peer().clone(), signal.to_vec()));
            Ok(())
        });
        let [called, caller] = ["ben", "anna"].map(|name| {
            let builder = Sockets::builder().identity(Identity::str(name).unwrap());
            builder
                .loopback_candidates(true)
                .shortcuts(false)
                .build()
                .unwrap()
        });
        Self {
            listener: called.listen_p2p(0).unwrap(),
            called,
            caller,
            service,
            signals,
        }
    }

    /// The called end, and the caller's.
    fn connect(&self) -> [Connection; 2] {
        let called = self.called.identity();
        let service = || Arc::clone(&self.service);
        let dialled = self.caller.connect_p2p(&called, 0, service()).unwrap();
        let accepted = OnceCell::new();
        let mut consider = |request: &PeerRequest<'_>| {
            request.connection().accept().unwrap();
            accepted.set(request.connection().clone()).unwrap();
            Some(service())
        };
        wait_until(|| {
            self.deliver(&mut consider);
            let ends = [Some(&dialled), accepted.get()].into_iter().flatten();
            let up = ends.filter(|end| end.state() == ConnectionState::Connected);
            up.count() == 2
        });
        let accepted = accepted.into_inner().unwrap();
        assert!(!accepted.is_pipe() && !dialled.is_pipe());
        self.attend();
        [accepted, dialled]
    }

    fn deliver(&self, consider: &mut dyn ReceiveContext) {
        while let Ok((to, signal)) = self.signals.try_recv() {
            let is_for_called = to == self.called.identity();
            let addressee = if is_for_called {
                &self.called
            } else {
                &self.caller
            };
            // Some come too late to be of use.
            let _ = addressee.receive_signal(&signal, consider);
        }
    }

    /// What connected peers do not wait for.
    fn attend(&self) {
        self.deliver(&mut |_: &PeerRequest<'_>| None);
        self.called.events().for_each(drop);
        self.caller.events().for_each(drop);
    }
}

/// Two who have found each other by signals.
fn peers() -> Pair {
    let players = Players::new();
    let [accepted, dialled] = players.connect();
    let Players {
        called,
        caller,
        listener,
        signals,
        ..
    } = players;
    drop(listener);
    // What else there is to be signalled has nowhere to go, and need not.
    thread::spawn(move || signals.iter().for_each(drop));
    Pair {
        server: called,
        client: caller,
        listener: None,
        accepted,
        dialled,
    }
}

fn assert_no_allocation_per_packet(pair: &Pair) {
    let mut messages = Vec::with_capacity(1024);
    pair.accepted.set_sequenced(None, true).unwrap();
    let unreliable = SendOptions::unreliable().no_nagle();
    let reliable = SendOptions::reliable().no_nagle();
    let alone = |options| Exchange {
        options,
        keyed: false,
        under_way: 16,
        held: 0,
    };
    let shapes = [
        alone(unreliable),
        alone(reliable),
        Exchange {
            keyed: true,
            ..alone(unreliable.deadline(LIMIT))
        },
        // Many share a packet, and packets leave in runs.
        Exchange {
            under_way: 40,
            ..alone(SendOptions::unreliable())
        },
        Exchange {
            under_way: 40,
            ..alone(SendOptions::reliable())
        },
        // The application keeps them for a while.
        Exchange {
            held: 300,
            ..alone(unreliable)
        },
        Exchange {
            held: 300,
            ..alone(reliable)
        },
    ];
    for shape in shapes {
        for size in [60, 1200] {
            shape.assert_allocates_at_most(ALLOWED, pair, &mut messages, size);
        }
    }
}

/// A lane keeps four emptied chunks of 32 KiB for reuse, so a queue that swings by more takes new ones: one
/// for each 32 KiB of messages at most, still none for a packet.
#[test]
fn a_long_queue_allocates_by_chunks() {
    let _alone = ALONE.lock().unwrap();
    let pair = Pair::new();
    let mut messages = Vec::with_capacity(1024);
    for options in [SendOptions::unreliable(), SendOptions::reliable()] {
        let shape = Exchange {
            options,
            keyed: false,
            under_way: 256,
            held: 0,
        };
        let chunks = (MESSAGES * 1200).div_ceil(32 * 1024) as u64;
        shape.assert_allocates_at_most(chunks + ALLOWED, &pair, &mut messages, 1200);
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

/// How messages are exchanged.
#[derive(Clone, Copy, Debug)]
struct Exchange {
    options: SendOptions,
    /// Each has a key of its own, so that none is replaced.
    keyed: bool,
    /// Messages that are sent and not received.
    under_way: usize,
    /// Messages that the application keeps before it drops them.
    held: usize,
}

impl Exchange {
    /// Buffers grow while the machine is busy with other things and acks come late. What the packets
    /// themselves cost shows in each round, so the best one tells.
    fn assert_allocates_at_most(
        &self,
        allowed: u64,
        pair: &Pair,
        messages: &mut Vec<Message>,
        size: usize,
    ) {
        let mut least = u64::MAX;
        for _ in 0..ROUNDS {
            let before = CALLS.load(Ordering::Relaxed);
            self.run(pair, messages, size);
            least = least.min(CALLS.load(Ordering::Relaxed) - before);
            if least <= allowed {
                return;
            }
        }
        panic!("{least} allocations for {MESSAGES} messages of {size} bytes, {self:?}");
    }

    /// Sends [`MESSAGES`] messages and drops them as they arrive, or somewhat later.
    fn run(&self, pair: &Pair, messages: &mut Vec<Message>, size: usize) {
        let bytes = [7; 1200];
        let end = Instant::now() + LIMIT;
        let (mut sent, mut received) = (0, 0);
        while received < MESSAGES {
            assert!(Instant::now() < end, "{received} of {MESSAGES} received");
            while sent < MESSAGES && sent < received + self.under_way {
                let options = if self.keyed {
                    self.options.replace(sent as u64)
                } else {
                    self.options
                };
                pair.dialled.send_with(&bytes[..size], options).unwrap();
                sent += 1;
            }
            pair.server.wait(Duration::from_millis(10));
            received += pair.accepted.receive_batch(messages, 512).unwrap();
            let dropped = messages.len().saturating_sub(self.held);
            messages.drain(..dropped);
        }
        messages.clear();
    }
}
