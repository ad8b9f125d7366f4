use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Instant;

use bowline_core::time::Span;

use super::*;
use crate::udp::RecvBatch;

fn socket() -> UdpSocket {
    UdpSocket::bind(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0), false).unwrap()
}

struct Fixture {
    poller: Poller,
    clock: Clock,
    ready: Vec<usize>,
}

impl Fixture {
    fn new() -> Self {
        Self {
            poller: Poller::new().unwrap(),
            clock: Clock::new(),
            ready: Vec::new(),
        }
    }

    /// Waits for up to `us` and says for how long it did.
    fn wait_us(&mut self, us: u64) -> u64 {
        let start = self.clock.now();
        self.wait_until(start + Span::from_micros(us));
        self.clock.now().since(start).as_micros()
    }

    fn wait_until(&mut self, deadline: Timestamp) {
        self.poller
            .wait(Some(deadline), &self.clock, &mut self.ready)
            .unwrap();
    }
}

#[test]
fn deadlines_are_never_met_early_and_mostly_within_a_millisecond() {
    let mut fixture = Fixture::new();
    let mut late: Vec<u64> = (1..=20)
        .map(|i| {
            let us = 300 * i;
            let waited = fixture.wait_us(us);
            assert!(waited >= us, "waited {waited} us instead of {us}");
            waited - us
        })
        .collect();
    late.sort_unstable();
    // The median, because a busy machine delays some.
    if cfg!(any(target_os = "android", target_os = "linux")) {
        assert!(late[late.len() / 2] < 1_000, "late by (us): {late:?}");
    }
}

#[test]
fn a_deadline_that_moves_back_is_met_and_one_that_moves_forward_too() {
    let mut fixture = Fixture::new();
    let start = fixture.clock.now();
    // Sets the timer for 20 ms without waiting for it.
    fixture
        .poller
        .arm(start + Span::from_millis(20), &fixture.clock)
        .unwrap();
    let waited = fixture.wait_us(60_000);
    assert!(waited >= 60_000, "returned after {waited} us");
    let now = fixture.clock.now();
    fixture
        .poller
        .arm(now + Span::from_secs(60), &fixture.clock)
        .unwrap();
    assert!(fixture.wait_us(5_000) < 10_000_000);
}

#[test]
fn a_deadline_in_the_past_looks_without_waiting() {
    let mut fixture = Fixture::new();
    let socket = socket();
    fixture.poller.register(&socket, 3).unwrap();
    let start = Instant::now();
    fixture.wait_until(Timestamp::ZERO);
    assert!(fixture.ready.is_empty() && start.elapsed() < Duration::from_secs(5));
    let _ = socket.send(socket.local_addr(), b"x", 1, None).unwrap();
    fixture.wait_until(Timestamp::ZERO);
    assert_eq!(fixture.ready, [3]);
}

#[test]
fn sockets_are_reported_by_token_once_per_arrival() {
    let mut fixture = Fixture::new();
    let sockets = [socket(), socket()];
    for (token, socket) in sockets.iter().enumerate() {
        fixture.poller.register(socket, token + 10).unwrap();
    }
    let _ = sockets[0]
        .send(sockets[1].local_addr(), b"x", 1, None)
        .unwrap();
    fixture
        .poller
        .wait(None, &fixture.clock, &mut fixture.ready)
        .unwrap();
    assert_eq!(fixture.ready, [11]);
    let mut batch = RecvBatch::new(4);
    assert_eq!(sockets[1].recv(&mut batch).unwrap(), 1);
    assert_eq!(sockets[1].recv(&mut batch).unwrap(), 0);
    fixture.wait_us(1_000);
    assert!(fixture.ready.is_empty());
    let _ = sockets[0]
        .send(sockets[1].local_addr(), b"y", 1, None)
        .unwrap();
    fixture.wait_us(5_000_000);
    assert_eq!(fixture.ready, [11]);

    fixture.poller.deregister(&sockets[1]).unwrap();
    let _ = sockets[0]
        .send(sockets[1].local_addr(), b"z", 1, None)
        .unwrap();
    fixture.wait_us(1_000);
    assert!(fixture.ready.is_empty());
}

#[test]
fn writability_is_reported_only_when_asked_for() {
    let mut fixture = Fixture::new();
    let socket = socket();
    fixture.poller.register(&socket, 1).unwrap();
    fixture.wait_us(1_000);
    assert!(fixture.ready.is_empty());
    fixture.poller.watch_writable(&socket, 1, true).unwrap();
    fixture.wait_us(5_000_000);
    assert_eq!(fixture.ready, [1]);
    fixture.poller.watch_writable(&socket, 1, false).unwrap();
    fixture.wait_us(1_000);
    assert!(fixture.ready.is_empty());
}

#[test]
fn a_waker_ends_the_wait_of_another_thread() {
    let mut fixture = Fixture::new();
    let waker = fixture.poller.waker();
    let start = Instant::now();
    let thread = thread::spawn(move || {
        thread::sleep(Duration::from_millis(20));
        waker.wake();
    });
    fixture.wait_us(10_000_000);
    assert!(start.elapsed() < Duration::from_secs(9) && fixture.ready.is_empty());
    thread.join().unwrap();
}

#[test]
fn many_wakes_count_as_one_and_none_is_lost() {
    let mut fixture = Fixture::new();
    let waker = fixture.poller.waker();
    (0..1_000).for_each(|_| waker.wake());
    assert!(fixture.wait_us(5_000_000) < 4_000_000);
    // All were seen by that one wait.
    assert!(fixture.wait_us(2_000) >= 2_000);
    waker.wake();
    assert!(fixture.wait_us(5_000_000) < 4_000_000);
}

#[test]
fn wakes_from_many_threads_get_every_change_seen() {
    use std::sync::atomic::AtomicU64;

    let mut fixture = Fixture::new();
    let counter = Arc::new(AtomicU64::new(0));
    let threads: Vec<_> = (0..3)
        .map(|_| {
            let (waker, counter) = (fixture.poller.waker(), Arc::clone(&counter));
            thread::spawn(move || {
                for _ in 0..5_000 {
                    counter.fetch_add(1, Ordering::Relaxed);
                    waker.wake();
                }
            })
        })
        .collect();
    // If a wake were lost, the last change would go unseen and this would wait for good.
    while counter.load(Ordering::Relaxed) < 15_000 {
        assert!(fixture.wait_us(5_000_000) < 5_000_000, "a wake was lost");
    }
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
}

#[test]
fn reserved_tokens_are_refused() {
    let poller = Poller::new().unwrap();
    let error = poller.register(&socket(), usize::MAX).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
}

#[cfg(any(target_os = "android", target_os = "linux"))]
#[test]
fn an_outer_loop_sees_sockets_and_deadlines_through_the_descriptor() {
    use mio::unix::SourceFd;

    let mut inner = Fixture::new();
    let socket = socket();
    inner.poller.register(&socket, 5).unwrap();
    let mut outer = mio::Poll::new().unwrap();
    let mut events = Events::with_capacity(4);
    outer
        .registry()
        .register(
            &mut SourceFd(&inner.poller.as_raw_fd()),
            Token(0),
            Interest::READABLE,
        )
        .unwrap();
    let mut outer_sees = |timeout_ms| {
        outer
            .poll(&mut events, Some(Duration::from_millis(timeout_ms)))
            .unwrap();
        !events.is_empty()
    };
    assert!(!outer_sees(0));

    let _ = socket.send(socket.local_addr(), b"x", 1, None).unwrap();
    assert!(outer_sees(5_000));
    inner.wait_until(Timestamp::ZERO);
    assert_eq!(inner.ready, [5]);

    let deadline = inner.clock.now() + Span::from_millis(5);
    inner.poller.arm(deadline, &inner.clock).unwrap();
    assert!(outer_sees(5_000));
    assert!(inner.clock.now() >= deadline);
    inner.wait_until(Timestamp::ZERO);
    assert!(inner.ready.is_empty());
}
