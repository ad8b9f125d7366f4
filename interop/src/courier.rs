//! Who carries signals between peers: as badly as asked for, the same for each seed.

use std::time::{Duration, Instant};

use bowline_core::rng::Rng;

use crate::gns_p2p::{Event, GnsP2p};
use crate::host::{Link, State};

/// No step of peers that meet takes longer.
pub const LIMIT: Duration = Duration::from_secs(30);

/// What happens to signals on their way.
#[derive(Clone, Copy, Debug, Default)]
pub struct Roads {
    /// Signals lost, in percent.
    pub loss_pct: u64,
    /// Signals that arrive twice, in percent.
    pub duplicate_pct: u64,
    /// How long each takes at least.
    pub delay: Duration,
    /// And at most so much more, each by itself, so that they overtake each other.
    pub jitter: Duration,
}

/// Signals under way.
#[derive(Debug)]
pub struct Courier {
    roads: Roads,
    rng: Rng,
    under_way: Vec<Letter>,
}

/// A signal that has arrived.
#[derive(Clone, Debug)]
pub struct Letter {
    /// The identity that it is for.
    pub to: String,
    /// The identity of its sender.
    pub from: String,
    /// What is delivered.
    pub bytes: Vec<u8>,
    arrives: Instant,
}

impl Courier {
    /// Nothing under way.
    pub fn new(seed: u8, roads: Roads) -> Self {
        Self {
            roads,
            rng: Rng::from_seed([seed; 32]),
            under_way: Vec::new(),
        }
    }

    /// Takes a signal to be delivered.
    pub fn post(&mut self, from: &str, to: &str, bytes: &[u8]) {
        let copies = if self.happens(self.roads.loss_pct) {
            0
        } else if self.happens(self.roads.duplicate_pct) {
            2
        } else {
            1
        };
        for _ in 0..copies {
            let jitter_us = self.roads.jitter.as_micros() as u64;
            let extra = Duration::from_micros(self.rng.u64() % (jitter_us + 1));
            self.under_way.push(Letter {
                to: to.to_owned(),
                from: from.to_owned(),
                bytes: bytes.to_vec(),
                arrives: Instant::now() + self.roads.delay + extra,
            });
        }
    }

    /// The signals that have arrived, in the order in which they did.
    pub fn arrived(&mut self) -> Vec<Letter> {
        let now = Instant::now();
        let mut arrived: Vec<Letter> = self
            .under_way
            .extract_if(.., |letter| letter.arrives <= now)
            .collect();
        arrived.sort_by_key(|letter| letter.arrives);
        arrived
    }

    fn happens(&mut self, percent: u64) -> bool {
        self.rng.u64() % 100 < percent
    }
}

/// Makes of a signal what is delivered instead.
type Change<'a> = Box<dyn FnMut(&[u8]) -> Vec<u8> + 'a>;

/// GNS peers, with a courier between them.
pub struct Meeting<'a> {
    /// The peers.
    pub peers: Vec<GnsP2p>,
    courier: Courier,
    change: Change<'a>,
}

impl<'a> Meeting<'a> {
    /// Brings peers together. `change` makes of each signal what is delivered instead.
    pub fn new(
        peers: Vec<GnsP2p>,
        courier: Courier,
        change: impl FnMut(&[u8]) -> Vec<u8> + 'a,
    ) -> Self {
        Self {
            peers,
            courier,
            change: Box::new(change),
        }
    }

    /// Carries signals until `done` says so of an event of the peer with that index, or `limit` is
    /// over. Events that are no signals are passed to `done`; it is told of those too.
    pub fn until(&mut self, limit: Duration, mut done: impl FnMut(usize, &Event) -> bool) -> bool {
        let end = Instant::now() + limit;
        while Instant::now() < end {
            for index in 0..self.peers.len() {
                while let Some(event) = self.peers[index].poll() {
                    if let Event::Signal { to, bytes } = &event {
                        let changed = (self.change)(bytes);
                        let from = self.peers[index].identity().to_owned();
                        self.courier.post(&from, to, &changed);
                    }
                    if done(index, &event) {
                        return true;
                    }
                }
            }
            for letter in self.courier.arrived() {
                let to = self.peers.iter_mut();
                for peer in to.filter(|peer| peer.identity() == letter.to) {
                    peer.signal(&letter.bytes);
                }
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        false
    }

    /// The links of the first two peers, once they are connected.
    ///
    /// # Panics
    /// When they are not in time.
    pub fn connected(&mut self) -> [Link; 2] {
        let mut links = [None; 2];
        let connected = self.until(LIMIT, |index, event| {
            if let Event::State {
                link, state, text, ..
            } = event
            {
                match state {
                    State::Connected => links[index] = Some(*link),
                    State::ClosedByPeer | State::ProblemDetectedLocally => {
                        panic!("peer {index} is not connected any more: {text}")
                    }
                    _ => {}
                }
            }
            links.iter().all(Option::is_some)
        });
        assert!(connected, "only {links:?} are connected");
        links.map(|link| link.expect("both are connected"))
    }

    /// A message each way, between the first two peers.
    ///
    /// # Panics
    /// When they do not arrive, or others do.
    pub fn exchange(&mut self, links: [Link; 2]) {
        for (index, link) in links.into_iter().enumerate() {
            self.peers[index].send(link, format!("from {index}").as_bytes());
        }
        let mut received = [false; 2];
        self.until(LIMIT, |index, event| {
            if let Event::Message { link, data, .. } = event {
                assert_eq!(*link, links[index]);
                assert_eq!(*data, format!("from {}", 1 - index).as_bytes());
                received[index] = true;
            }
            received == [true; 2]
        });
        assert_eq!(received, [true; 2], "messages arrive both ways");
    }
}

impl std::fmt::Debug for Meeting<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Meeting")
            .field("peers", &self.peers)
            .field("courier", &self.courier)
            .finish_non_exhaustive()
    }
}
