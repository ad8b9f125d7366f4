//! One direction of a bad link.

use alloc::boxed::Box;
use alloc::collections::BinaryHeap;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::mem;

use crate::conditions::LinkConditions;
use crate::conditions::exponential;
use crate::limits;
use crate::rng::Rng;
use crate::time::Span;
use crate::time::Timestamp;

/// One direction of a link, with the datagrams that are on their way.
///
/// `A` is the address of a datagram, in whatever terms the caller has; it comes back with the bytes.
#[derive(Debug)]
pub struct ConditionedLink<A> {
    conditions: LinkConditions,
    rng: Rng,
    bucket: Bucket,
    /// Jitter delivers nothing before this, while a clump of late datagrams lasts.
    not_before: Option<Timestamp>,
    on_the_way: BinaryHeap<Held<A>>,
    on_the_way_bytes: usize,
    /// Datagrams of one moment leave in the order in which they came.
    next_sequence: u64,
    counters: ConditionCounters,
}

/// What becomes of a datagram.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use = "the caller delivers what passes"]
pub enum Fate {
    /// The caller delivers it now.
    Pass,
    /// The link has taken a copy and gives it out when it is due.
    Held,
    /// It is lost.
    Dropped(DropCause),
}

/// Why a datagram is lost.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum DropCause {
    /// The odds.
    Loss,
    /// The rate was used up.
    Rate,
    /// More are on the way than [`limits::MAX_CONDITIONED_DATAGRAMS`] or
    /// [`limits::MAX_CONDITIONED_BYTES`].
    Full,
}

/// A datagram that has arrived at the end of the link.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Delayed<A> {
    /// What the caller gave with it.
    pub address: A,
    /// The bytes.
    pub bytes: Box<[u8]>,
}

/// What a link has done so far, in datagrams.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct ConditionCounters {
    /// Passed at once.
    pub passed: u64,
    /// Held, copies not counted.
    pub held: u64,
    /// Copies made.
    pub duplicated: u64,
    /// Lost by the odds.
    pub lost: u64,
    /// Lost to the rate limit.
    pub over_rate: u64,
    /// Lost, or not copied, because too much was on the way.
    pub full: u64,
}

impl<A: Clone> ConditionedLink<A> {
    /// A link in the given conditions. Its luck comes from `rng`.
    pub fn new(conditions: LinkConditions, rng: Rng) -> Self {
        Self {
            conditions,
            rng,
            bucket: Bucket::default(),
            not_before: None,
            on_the_way: BinaryHeap::new(),
            on_the_way_bytes: 0,
            next_sequence: 0,
            counters: ConditionCounters::default(),
        }
    }

    /// Changes the conditions. What is on the way arrives when it would have.
    pub fn set_conditions(&mut self, conditions: LinkConditions) {
        if conditions.rate_bytes_per_sec != self.conditions.rate_bytes_per_sec {
            self.bucket = Bucket::default();
        }
        self.conditions = conditions;
    }

    /// Decides what becomes of a datagram.
    pub fn submit(&mut self, now: Timestamp, address: &A, bytes: &[u8]) -> Fate {
        if !self.bucket.take(now, &self.conditions, bytes.len()) {
            self.counters.over_rate += 1;
            return Fate::Dropped(DropCause::Rate);
        }
        if self.conditions.loss.hit(&mut self.rng) {
            self.counters.lost += 1;
            return Fate::Dropped(DropCause::Loss);
        }
        let at = self.arrival(now);
        if self.conditions.duplicate.hit(&mut self.rng) {
            self.duplicate(at, address, bytes);
        }
        if at <= now {
            self.counters.passed += 1;
            return Fate::Pass;
        }
        if !self.hold(at, address, bytes) {
            self.counters.full += 1;
            return Fate::Dropped(DropCause::Full);
        }
        self.counters.held += 1;
        Fate::Held
    }

    /// Takes out the next datagram that has arrived.
    pub fn take_due(&mut self, now: Timestamp) -> Option<Delayed<A>> {
        if self.on_the_way.peek()?.at > now {
            return None;
        }
        let held = self.on_the_way.pop()?;
        self.on_the_way_bytes = self
            .on_the_way_bytes
            .saturating_sub(held.delayed.bytes.len());
        Some(held.delayed)
    }

    /// Takes out everything that `pick` wants, due or not, in the order of arrival.
    pub fn take_all(&mut self, mut pick: impl FnMut(&A) -> bool) -> Vec<Delayed<A>> {
        let mut taken = Vec::new();
        for held in mem::take(&mut self.on_the_way).into_sorted_vec() {
            if pick(&held.delayed.address) {
                let len = held.delayed.bytes.len();
                self.on_the_way_bytes = self.on_the_way_bytes.saturating_sub(len);
                taken.push(held.delayed);
            } else {
                self.on_the_way.push(held);
            }
        }
        taken.reverse();
        taken
    }

    /// The address of the next datagram that arrives.
    pub fn peek(&self) -> Option<&A> {
        self.on_the_way.peek().map(|held| &held.delayed.address)
    }

    /// When the next datagram arrives.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        self.on_the_way.peek().map(|held| held.at)
    }

    /// Whether the link does nothing to a datagram and has none on the way.
    pub fn is_idle(&self) -> bool {
        self.conditions.is_perfect() && self.on_the_way.is_empty()
    }

    /// The conditions.
    pub const fn conditions(&self) -> &LinkConditions {
        &self.conditions
    }

    /// What it has done.
    pub const fn counters(&self) -> &ConditionCounters {
        &self.counters
    }

    /// When a datagram that is sent now arrives.
    fn arrival(&mut self, now: Timestamp) -> Timestamp {
        let reordered = self.conditions.reorder.hit(&mut self.rng);
        let on_time = now + self.conditions.lag;
        let jittered = on_time + self.jitter();
        let in_order = self
            .not_before
            .map_or(jittered, |earliest| earliest.max(jittered));
        // Nobody overtakes a late datagram by jitter alone; the first that is on time ends the clump.
        self.not_before = (in_order > on_time).then(|| in_order + ONE_MICROSECOND);
        if reordered {
            return in_order + self.conditions.reorder_time;
        }
        in_order
    }

    fn jitter(&mut self) -> Span {
        let conditions = &self.conditions;
        if !conditions.has_jitter() || !conditions.jitter.hit(&mut self.rng) {
            return Span::ZERO;
        }
        exponential::draw(&mut self.rng, conditions.jitter_average).min(conditions.jitter_max)
    }

    fn duplicate(&mut self, original: Timestamp, address: &A, bytes: &[u8]) {
        let longest = self.conditions.duplicate_time_max.as_micros();
        let longest = u32::try_from(longest).unwrap_or(u32::MAX);
        let later = Span::from_micros(u64::from(self.rng.below(longest)));
        if self.hold(original + ONE_MICROSECOND + later, address, bytes) {
            self.counters.duplicated += 1;
        } else {
            self.counters.full += 1;
        }
    }

    /// Keeps a copy until `at`. Tells whether there was room.
    fn hold(&mut self, at: Timestamp, address: &A, bytes: &[u8]) -> bool {
        let total = self.on_the_way_bytes.saturating_add(bytes.len());
        if self.on_the_way.len() >= limits::MAX_CONDITIONED_DATAGRAMS
            || total > limits::MAX_CONDITIONED_BYTES
        {
            return false;
        }
        self.on_the_way_bytes = total;
        self.on_the_way.push(Held {
            at,
            sequence: self.next_sequence,
            delayed: Delayed {
                address: address.clone(),
                bytes: bytes.into(),
            },
        });
        self.next_sequence = self.next_sequence.wrapping_add(1);
        true
    }
}

/// A datagram on its way. The greatest is the one that arrives first.
#[derive(Debug)]
struct Held<A> {
    at: Timestamp,
    sequence: u64,
    delayed: Delayed<A>,
}

impl<A> Ord for Held<A> {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.sequence).cmp(&(self.at, self.sequence))
    }
}

impl<A> PartialOrd for Held<A> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<A> Eq for Held<A> {}

impl<A> PartialEq for Held<A> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

/// A token bucket that a datagram may overdraw, as GNS's: whatever is left of it admits one more.
///
/// DIFFERS: GNS starts with 2^31 bytes of credit, so that a limit is felt only after 2 GiB; ours starts
/// full.
#[derive(Debug, Default)]
struct Bucket {
    /// When it was filled up last, and to what, in millionths of a byte; `None` is full.
    filled: Option<(Timestamp, i128)>,
}

impl Bucket {
    /// Takes a datagram's bytes out, if it is not empty.
    fn take(&mut self, now: Timestamp, conditions: &LinkConditions, bytes: usize) -> bool {
        if conditions.rate_bytes_per_sec == 0 {
            return true;
        }
        let full = i128::from(conditions.burst_bytes) * PER_BYTE;
        let level = match self.filled {
            None => full,
            Some((at, level)) => {
                let elapsed = i128::from(now.since(at).as_micros());
                let gained = elapsed.saturating_mul(i128::from(conditions.rate_bytes_per_sec));
                full.min(level.saturating_add(gained))
            }
        };
        let admits = level > 0;
        let spent = if admits { bytes as i128 * PER_BYTE } else { 0 };
        self.filled = Some((now, level - spent));
        admits
    }
}

/// A byte per second is a millionth of a byte per microsecond.
const PER_BYTE: i128 = 1_000_000;
const ONE_MICROSECOND: Span = Span::from_micros(1);
