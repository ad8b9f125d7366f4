//! One direction of the network between two hosts: what becomes of each datagram on its way.
//!
//! A link is described by a [`LinkConfig`] and decides per datagram, by its own random numbers. It
//! draws the same number of them for every datagram, whatever its settings, so that raising the
//! loss does not shift the jitter of what still arrives. Burst loss and corruption have generators
//! of their own, for the same reason.
//!
//! `chance` holds probabilities, `burst` the loss that comes in bursts, `config` the settings.

mod burst;
mod chance;
mod config;

use std::collections::BTreeSet;
use std::fmt;

use bowline_core::rng::Rng;
use bowline_core::time::{Span, Timestamp};

use self::burst::BurstState;

pub use self::burst::GilbertElliott;
pub use self::chance::Chance;
pub use self::config::LinkConfig;

/// What a link has done so far.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct LinkCounters {
    /// Datagrams given to the link.
    pub sent: u64,
    /// Their bytes of UDP payload.
    pub sent_bytes: u64,
    /// Lost by chance, one by one.
    pub lost: u64,
    /// Lost in a burst.
    pub lost_in_bursts: u64,
    /// Lost because the queue in front of the bottleneck was full.
    pub overflowed: u64,
    /// Lost because they went beyond a policed rate.
    pub policed: u64,
    /// Lost because the link was down.
    pub unplugged: u64,
    /// Lost because they were too big.
    pub too_big: u64,
    /// Held back, so that later ones overtook them.
    pub held_back: u64,
    /// Delivered twice.
    pub duplicated: u64,
    /// Delivered with some bits flipped.
    pub corrupted: u64,
}

impl LinkCounters {
    /// Datagrams that never arrived, whatever the cause.
    pub const fn lost_in_all(&self) -> u64 {
        self.lost
            + self.lost_in_bursts
            + self.overflowed
            + self.policed
            + self.unplugged
            + self.too_big
    }
}

impl fmt::Display for LinkCounters {
    /// What there was, such as `35 datagrams, 6166 bytes, 2 lost by chance`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} datagrams, {} bytes", self.sent, self.sent_bytes)?;
        let rest = [
            (self.lost, "lost by chance"),
            (self.lost_in_bursts, "lost in bursts"),
            (self.overflowed, "lost in a full queue"),
            (self.policed, "lost to a policer"),
            (self.unplugged, "lost while it was down"),
            (self.too_big, "lost for their size"),
            (self.held_back, "held back"),
            (self.duplicated, "duplicated"),
            (self.corrupted, "corrupted"),
        ];
        write_nonzero(f, &rest)
    }
}

/// Adds those of some counts that are not 0.
pub(crate) fn write_nonzero(f: &mut fmt::Formatter<'_>, counts: &[(u64, &str)]) -> fmt::Result {
    let mut some = counts.iter().filter(|(count, _)| *count > 0);
    some.try_for_each(|(count, name)| write!(f, ", {count} {name}"))
}

/// What becomes of a datagram.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fate {
    /// It arrives then.
    Arrives(Timestamp),
    /// It arrives at both times.
    ArrivesTwice(Timestamp, Timestamp),
    /// It is never seen again.
    Lost,
}

/// One direction between two hosts.
#[derive(Debug)]
pub(crate) struct Link {
    config: LinkConfig,
    counters: LinkCounters,
    rng: Rng,
    bursts: BurstState,
    corruption: Rng,
    /// When the bottleneck will have passed on all that waits.
    busy_until: Timestamp,
    /// When the policer will have forgotten all that passed.
    policed_until: Timestamp,
    last_arrival: Timestamp,
}

impl Link {
    pub(crate) fn new(config: LinkConfig, rng: Rng) -> Self {
        Self {
            config,
            counters: LinkCounters::default(),
            // From a copy, so that the link's own numbers are what they would be without.
            bursts: BurstState::new(rng.clone().child("bursts")),
            corruption: rng.clone().child("corruption"),
            rng,
            busy_until: Timestamp::ZERO,
            policed_until: Timestamp::ZERO,
            last_arrival: Timestamp::ZERO,
        }
    }

    /// Decides about a datagram that is sent now, and may alter it.
    pub(crate) fn carry(&mut self, now: Timestamp, bytes: &mut [u8]) -> Fate {
        let config = self.config;
        let is_lost = config.loss.roll(&mut self.rng);
        let is_held_back = config.reorder.0.roll(&mut self.rng);
        let is_duplicated = config.duplicate.0.roll(&mut self.rng);
        let jitter = up_to(config.jitter, &mut self.rng);
        let copy_delay = up_to(config.duplicate.1, &mut self.rng);
        let is_in_burst = self.bursts.loses(config.bursts);
        let is_corrupted = config.corrupt.roll(&mut self.corruption);
        let flips = self.corruption.bytes();

        self.counters.sent += 1;
        self.counters.sent_bytes += bytes.len() as u64;
        if !config.is_up {
            self.counters.unplugged += 1;
            return Fate::Lost;
        }
        if config.mtu.is_some_and(|mtu| bytes.len() > mtu) {
            self.counters.too_big += 1;
            return Fate::Lost;
        }
        if !self.pass_policer(now, bytes.len() as u64) {
            self.counters.policed += 1;
            return Fate::Lost;
        }
        let Some(departure) = self.pass(now, bytes.len() as u64) else {
            self.counters.overflowed += 1;
            return Fate::Lost;
        };
        if is_lost {
            self.counters.lost += 1;
            return Fate::Lost;
        }
        if is_in_burst {
            self.counters.lost_in_bursts += 1;
            return Fate::Lost;
        }
        if is_corrupted && !bytes.is_empty() {
            self.counters.corrupted += 1;
            flip_bits(bytes, Rng::from_seed(flips));
        }
        let mut arrival = departure + config.latency + jitter;
        if is_held_back {
            self.counters.held_back += 1;
            arrival += config.reorder.1;
        } else if config.keeps_order {
            arrival = arrival.max(self.last_arrival);
            self.last_arrival = arrival;
        }
        if is_duplicated {
            self.counters.duplicated += 1;
            return Fate::ArrivesTwice(arrival, arrival + copy_delay);
        }
        Fate::Arrives(arrival)
    }

    pub(crate) const fn set_config(&mut self, config: LinkConfig) {
        self.config = config;
    }

    pub(crate) const fn config(&self) -> LinkConfig {
        self.config
    }

    pub(crate) const fn counters(&self) -> LinkCounters {
        self.counters
    }

    /// How long a datagram would wait that came now.
    pub(crate) const fn queue(&self, now: Timestamp) -> Span {
        self.busy_until.since(now)
    }

    /// Whether the policer lets `bytes` pass.
    fn pass_policer(&mut self, now: Timestamp, bytes: u64) -> bool {
        let Some(policer) = self.config.policer else {
            return true;
        };
        let ahead_us = self.policed_until.since(now).as_micros();
        let ahead = ahead_us.saturating_mul(policer.bytes_per_sec) / MICROS;
        if ahead + bytes > policer.queue_bytes {
            return false;
        }
        let takes = bytes.saturating_mul(MICROS).div_ceil(policer.bytes_per_sec);
        self.policed_until = self.policed_until.max(now) + Span::from_micros(takes);
        true
    }

    /// When `bytes` will have passed the bottleneck; `None` if there is no room in front of it.
    fn pass(&mut self, now: Timestamp, bytes: u64) -> Option<Timestamp> {
        let Some(rate) = self.config.rate else {
            return Some(now);
        };
        let waiting_us = self.busy_until.since(now).as_micros();
        let waiting_bytes = waiting_us.saturating_mul(rate.bytes_per_sec) / MICROS;
        if waiting_bytes > rate.queue_bytes {
            return None;
        }
        let takes = Span::from_micros(bytes.saturating_mul(MICROS).div_ceil(rate.bytes_per_sec));
        self.busy_until = self.busy_until.max(now) + takes;
        Some(self.busy_until)
    }
}

const MICROS: u64 = 1_000_000;

/// A random time from zero to `max`. Beyond an hour it is not random any more.
fn up_to(max: Span, rng: &mut Rng) -> Span {
    let bound = u32::try_from(max.as_micros()).unwrap_or(u32::MAX);
    Span::from_micros(u64::from(rng.below(bound.saturating_add(1))))
}

/// Flips one to [`MAX_FLIPS`] bits. Never the same one twice, so that something is altered.
fn flip_bits(bytes: &mut [u8], mut rng: Rng) {
    let bits = u32::try_from(bytes.len() * 8).unwrap_or(u32::MAX);
    let mut flipped = BTreeSet::new();
    for _ in 0..=rng.below(MAX_FLIPS) {
        flipped.insert(rng.below(bits));
    }
    for bit in flipped {
        if let Some(byte) = bytes.get_mut(bit as usize / 8) {
            *byte ^= 1 << (bit % 8);
        }
    }
}

/// Most bits that corruption flips in one datagram.
const MAX_FLIPS: u32 = 8;

#[cfg(test)]
mod tests;
