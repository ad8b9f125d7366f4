use super::*;
use crate::rate::Newest;

/// A round of 100 packets in which all was used and nothing lost, on a path of 40 ms.
pub(super) fn round(rate: u64, queue_us: u64) -> Finished {
    Finished {
        now: Timestamp::from_micros(1_000_000),
        rate,
        queue_us,
        queue2_us: queue_us,
        queue_max_us: queue_us,
        target_us: target_us(rate),
        rtt_min_us: 40_000 + queue_us,
        rtt_max_us: 40_000 + queue_us,
        acked: 100,
        lost: 0,
        peak_flight: 1_000_000,
        limited: true,
        ignores_loss: false,
        has_company: false,
    }
}

/// A path of a fixed rate with a long queue, on which every packet is acknowledged at once.
struct Path {
    tide: Tide,
    now: Timestamp,
    rate: u64,
    base_us: u64,
    busy_until: Timestamp,
    /// Sent packets with the time at which they will be acknowledged.
    flight: alloc::collections::VecDeque<(Timestamp, Newest)>,
    sent_bytes: u64,
}

/// A controller that has found its path of 40 ms and 1.25 MB/s.
pub(in crate::rate) fn running() -> Tide {
    let mut path = Path::new(1_250_000, 40);
    for _ in 0..5_000 {
        path.step(false);
    }
    while path.tide.drain.is_on() {
        path.step(false);
    }
    assert!(matches!(path.tide.mode, Mode::Run));
    path.tide
}

impl Path {
    fn new(rate: u64, base_ms: u64) -> Self {
        Self {
            tide: Tide::new(Timestamp::ZERO, Bounds::new(None, None)),
            now: Timestamp::from_micros(1_000_000),
            rate,
            base_us: base_ms * 1000,
            busy_until: Timestamp::ZERO,
            flight: alloc::collections::VecDeque::new(),
            sent_bytes: 0,
        }
    }

    fn in_flight(&self) -> u64 {
        self.flight.len() as u64 * PACKET
    }

    /// Sends all that the window lets go, unpaced.
    fn fill(&mut self, app_limited: bool) {
        while self.in_flight() < self.tide.window_bytes() {
            let mark = self.tide.on_sent(self.now, self.in_flight(), app_limited);
            let takes = Span::from_micros(PACKET * 1_000_000 / self.rate);
            self.busy_until = self.busy_until.max(self.now) + takes;
            let back = self.busy_until + Span::from_micros(self.base_us);
            let sent_at = self.now;
            self.flight.push_back((back, Newest { sent_at, mark }));
            self.sent_bytes += PACKET;
        }
    }

    /// The same, then takes the next ack.
    fn step(&mut self, app_limited: bool) {
        self.fill(app_limited);
        let flight = self.in_flight();
        let (at, newest) = self.flight.pop_front().unwrap();
        self.now = at;
        self.tide.on_ack(&Acked {
            now: at,
            rtt: Some(at.since(newest.sent_at)),
            packets: 1,
            bytes: PACKET,
            lost_packets: 0,
            undone_packets: 0,
            newest: Some(newest),
            flight,
        });
    }

    fn run(&mut self, seconds: u64) {
        let end = self.now + Span::from_secs(seconds);
        while self.now < end {
            self.step(false);
        }
    }

    fn changes(&self) -> alloc::vec::Vec<RateChange> {
        self.tide
            .trace
            .iter()
            .map(|decision| decision.what)
            .collect()
    }
}

#[test]
fn finds_the_rate_and_keeps_the_queue_near_its_target() {
    let mut path = Path::new(1_250_000, 40);
    path.run(6);
    let fits = 1_250_000 / 25;
    let queued = path.tide.window.saturating_sub(fits) * 1000 / 1250;
    assert!((1_500..8_000).contains(&queued), "{queued} us");
    assert!(
        path.changes().contains(&RateChange::Drained),
        "{:?}",
        path.changes()
    );
    let rate = path.tide.bandwidth.bytes_per_sec();
    assert!(rate.abs_diff(1_250_000) < 60_000, "{rate}");
}

#[test]
fn silence_leaves_little_more_than_probes_and_the_path_is_remembered() {
    let mut path = Path::new(1_250_000, 40);
    path.run(3);
    let (window, rate) = (path.tide.window, path.tide.bandwidth.bytes_per_sec());
    path.tide.on_silence(path.now);
    path.tide.on_silence(path.now);
    assert!(window > 2 * INITIAL_WINDOW);
    assert_eq!(path.tide.window_bytes(), INITIAL_WINDOW);
    let flight = path.in_flight();
    let (at, newest) = path.flight.pop_front().unwrap();
    path.tide.on_ack(&Acked {
        now: at,
        rtt: None,
        packets: 1,
        bytes: PACKET,
        lost_packets: 20,
        undone_packets: 0,
        newest: Some(newest),
        flight,
    });
    assert_eq!(path.tide.window_bytes(), window / 2);
    assert_eq!(path.tide.bandwidth.bytes_per_sec(), rate);
    let tail: alloc::vec::Vec<_> = path.changes().into_iter().rev().take(2).collect();
    assert_eq!(tail, [RateChange::Resumed, RateChange::Silent]);
}

#[test]
fn a_pause_of_the_machine_does_not_make_a_drain_as_long() {
    let mut path = Path::new(1_250_000, 40);
    path.run(6);
    while path.tide.round.acked > 0 || path.tide.drain.is_on() {
        path.step(false);
    }
    // What is under way arrives; its acks are read when the machine goes on.
    path.fill(false);
    let wakes = path.now + Span::from_secs(9);
    path.flight.iter_mut().for_each(|packet| packet.0 = wakes);
    while path.now < wakes + Span::from_secs(1) {
        path.step(false);
    }
    let before = path.sent_bytes;
    path.run(2);
    let sent = path.sent_bytes - before;
    assert!(sent > 2 * 1_250_000 / 4 * 3, "{sent}");
}

#[test]
fn an_unused_window_does_not_grow() {
    let mut path = Path::new(1_250_000, 40);
    for _ in 0..1000 {
        path.step(true);
    }
    assert_eq!(path.tide.window, INITIAL_WINDOW);
}

#[test]
fn configured_bounds_hold() {
    let mut path = Path::new(1_250_000, 40);
    path.tide.set_bounds(Some(2_000_000), Some(3_000_000));
    path.run(4);
    let rate = path.tide.rate_bytes_per_sec(None).unwrap();
    assert!((2_000_000..=3_000_000).contains(&rate), "{rate}");
    assert!(path.tide.window >= 2_000_000 / 25);
    path.tide.set_bounds(None, Some(100_000));
    assert_eq!(path.tide.rate_bytes_per_sec(None), Some(100_000));
    let fresh = Tide::new(Timestamp::ZERO, Bounds::new(None, Some(1_000_000)));
    assert!(fresh.rate_bytes_per_sec(None).is_some());
    assert_eq!(
        Tide::new(Timestamp::ZERO, Bounds::new(None, None)).rate_bytes_per_sec(None),
        None
    );
}

#[test]
fn the_same_acks_lead_to_the_same_state() {
    let run = || {
        let mut path = Path::new(700_000, 25);
        path.run(8);
        (path.sent_bytes, alloc::format!("{:?}", path.tide))
    };
    assert_eq!(run(), run());
}
