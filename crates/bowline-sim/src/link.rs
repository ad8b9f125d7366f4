//! One direction of the network between two hosts: what becomes of each datagram on its way.
//!
//! A link is described by a [`LinkConfig`] and decides per datagram, by its own random numbers. It
//! draws the same number of them for every datagram, whatever its settings, so that raising the
//! loss does not shift the jitter of what still arrives.

use std::fmt;

use bowline_core::rng::Rng;
use bowline_core::time::{Span, Timestamp};

/// A probability in parts per million.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Chance(u32);

impl Chance {
    /// Never.
    pub const NEVER: Self = Self(0);
    /// Always.
    pub const ALWAYS: Self = Self(MILLION);

    /// `percent` in a hundred; above 100 is always.
    pub const fn percent(percent: u32) -> Self {
        Self::per_million(percent.saturating_mul(MILLION / 100))
    }

    /// `parts` in a million; more is always.
    pub const fn per_million(parts: u32) -> Self {
        Self(if parts > MILLION { MILLION } else { parts })
    }

    /// Whether it happens this time.
    fn roll(self, rng: &mut Rng) -> bool {
        rng.below(MILLION) < self.0
    }
}

const MILLION: u32 = 1_000_000;

impl fmt::Display for Chance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:04}%", self.0 / 10_000, self.0 % 10_000)
    }
}

/// How a link treats datagrams. Starts out perfect; each method makes it worse in one way.
///
/// ```
/// use bowline_sim::{Chance, LinkConfig};
/// use bowline_core::time::Span;
///
/// let bad_wifi = LinkConfig::PERFECT
///     .latency(Span::from_millis(30))
///     .jitter(Span::from_millis(20))
///     .loss(Chance::percent(3));
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LinkConfig {
    latency: Span,
    jitter: Span,
    keeps_order: bool,
    loss: Chance,
    reorder: (Chance, Span),
    duplicate: (Chance, Span),
    rate: Option<Rate>,
    is_up: bool,
}

/// A bottleneck: how fast it drains, and how much may wait in front of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Rate {
    bytes_per_sec: u64,
    queue_bytes: u64,
}

impl LinkConfig {
    /// Everything arrives at once, unharmed and in order.
    pub const PERFECT: Self = Self {
        latency: Span::ZERO,
        jitter: Span::ZERO,
        keeps_order: true,
        loss: Chance::NEVER,
        reorder: (Chance::NEVER, Span::ZERO),
        duplicate: (Chance::NEVER, Span::ZERO),
        rate: None,
        is_up: true,
    };

    /// The time that every datagram takes.
    #[must_use]
    pub const fn latency(mut self, latency: Span) -> Self {
        self.latency = latency;
        self
    }

    /// Adds a random time up to `jitter` to each datagram. Datagrams still arrive in the order in
    /// which they were sent: who is late holds up who follows.
    #[must_use]
    pub const fn jitter(mut self, jitter: Span) -> Self {
        self.jitter = jitter;
        self.keeps_order = true;
        self
    }

    /// As [`Self::jitter`], but datagrams may overtake each other.
    #[must_use]
    pub const fn jitter_out_of_order(mut self, jitter: Span) -> Self {
        self.jitter = jitter;
        self.keeps_order = false;
        self
    }

    /// Loses datagrams, each independently of the others.
    #[must_use]
    pub const fn loss(mut self, loss: Chance) -> Self {
        self.loss = loss;
        self
    }

    /// Holds some datagrams back for `delay`, so that later ones overtake them.
    #[must_use]
    pub const fn reorder(mut self, chance: Chance, delay: Span) -> Self {
        self.reorder = (chance, delay);
        self
    }

    /// Delivers some datagrams twice, the copy up to `delay` after the original.
    #[must_use]
    pub const fn duplicate(mut self, chance: Chance, delay: Span) -> Self {
        self.duplicate = (chance, delay);
        self
    }

    /// Passes at most `bytes_per_sec` of datagram bytes. Up to `queue_bytes` wait their turn, what
    /// does not fit any more is lost (tail drop). A rate of zero is taken for one byte per second.
    #[must_use]
    pub const fn rate(mut self, bytes_per_sec: u64, queue_bytes: u64) -> Self {
        self.rate = Some(Rate {
            bytes_per_sec: if bytes_per_sec == 0 { 1 } else { bytes_per_sec },
            queue_bytes,
        });
        self
    }

    /// Loses everything that is sent from now on; what is under way still arrives.
    #[must_use]
    pub const fn down(mut self) -> Self {
        self.is_up = false;
        self
    }

    /// Ends [`Self::down`].
    #[must_use]
    pub const fn up(mut self) -> Self {
        self.is_up = true;
        self
    }
}

impl Default for LinkConfig {
    fn default() -> Self {
        Self::PERFECT
    }
}

impl fmt::Display for LinkConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.is_up {
            f.write_str("down, ")?;
        }
        write!(f, "{} latency, {} jitter", self.latency, self.jitter)?;
        let order = if self.keeps_order {
            "in order"
        } else {
            "out of order"
        };
        write!(f, " {order}, {} loss", self.loss)?;
        if self.reorder.0 > Chance::NEVER {
            write!(f, ", {} held back for {}", self.reorder.0, self.reorder.1)?;
        }
        if self.duplicate.0 > Chance::NEVER {
            write!(
                f,
                ", {} duplicated within {}",
                self.duplicate.0, self.duplicate.1
            )?;
        }
        if let Some(rate) = self.rate {
            write!(
                f,
                ", {} B/s behind {} B of queue",
                rate.bytes_per_sec, rate.queue_bytes
            )?;
        }
        Ok(())
    }
}

/// What a link has done so far.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct LinkCounters {
    /// Datagrams given to the link.
    pub sent: u64,
    /// Their bytes of UDP payload.
    pub sent_bytes: u64,
    /// Lost by chance.
    pub lost: u64,
    /// Lost because the queue in front of the bottleneck was full.
    pub overflowed: u64,
    /// Lost because the link was down.
    pub unplugged: u64,
    /// Held back, so that later ones overtook them.
    pub held_back: u64,
    /// Delivered twice.
    pub duplicated: u64,
}

impl LinkCounters {
    /// Datagrams that never arrived, whatever the cause.
    pub const fn lost_in_all(&self) -> u64 {
        self.lost + self.overflowed + self.unplugged
    }
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
    /// When the bottleneck will have passed on all that waits.
    busy_until: Timestamp,
    last_arrival: Timestamp,
}

impl Link {
    pub(crate) fn new(config: LinkConfig, rng: Rng) -> Self {
        Self {
            config,
            counters: LinkCounters::default(),
            rng,
            busy_until: Timestamp::ZERO,
            last_arrival: Timestamp::ZERO,
        }
    }

    /// Decides about a datagram of `len` bytes that is sent now.
    pub(crate) fn carry(&mut self, now: Timestamp, len: usize) -> Fate {
        let config = self.config;
        let is_lost = config.loss.roll(&mut self.rng);
        let is_held_back = config.reorder.0.roll(&mut self.rng);
        let is_duplicated = config.duplicate.0.roll(&mut self.rng);
        let jitter = up_to(config.jitter, &mut self.rng);
        let copy_delay = up_to(config.duplicate.1, &mut self.rng);

        self.counters.sent += 1;
        self.counters.sent_bytes += len as u64;
        if !config.is_up {
            self.counters.unplugged += 1;
            return Fate::Lost;
        }
        let Some(departure) = self.queue(now, len as u64) else {
            self.counters.overflowed += 1;
            return Fate::Lost;
        };
        if is_lost {
            self.counters.lost += 1;
            return Fate::Lost;
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

    /// When `bytes` will have passed the bottleneck; `None` if there is no room in front of it.
    fn queue(&mut self, now: Timestamp, bytes: u64) -> Option<Timestamp> {
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

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_micros(1_000_000);

    fn link(config: LinkConfig) -> Link {
        Link::new(config, Rng::from_seed([3; 32]))
    }

    fn arrivals(link: &mut Link, count: u64, gap_us: u64) -> Vec<Option<u64>> {
        let send = |n| match link.carry(START + Span::from_micros(n * gap_us), 1000) {
            Fate::Arrives(at) | Fate::ArrivesTwice(at, _) => Some(at.since(START).as_micros()),
            Fate::Lost => None,
        };
        (0..count).map(send).collect()
    }

    #[test]
    fn a_perfect_link_takes_no_time() {
        let got = arrivals(&mut link(LinkConfig::PERFECT), 3, 10);
        assert_eq!(got, [Some(0), Some(10), Some(20)]);
    }

    #[test]
    fn jitter_keeps_the_order_unless_told_otherwise() {
        let jitter = Span::from_millis(10);
        let in_order = arrivals(&mut link(LinkConfig::PERFECT.jitter(jitter)), 500, 100);
        assert!(in_order.is_sorted());
        assert!(in_order.iter().flatten().any(|at| *at > 9_000));
        let config = LinkConfig::PERFECT.jitter_out_of_order(jitter);
        assert!(!arrivals(&mut link(config), 500, 100).is_sorted());
    }

    #[test]
    fn loss_is_as_frequent_as_asked_and_leaves_the_rest_alone() {
        let config = LinkConfig::PERFECT.jitter_out_of_order(Span::from_millis(10));
        let whole = arrivals(&mut link(config), 10_000, 100);
        let lossy = arrivals(&mut link(config.loss(Chance::percent(5))), 10_000, 100);
        let lost = lossy.iter().filter(|at| at.is_none()).count();
        assert!((400..600).contains(&lost), "{lost} of 10000 lost");
        let differ = whole
            .iter()
            .zip(&lossy)
            .filter(|(a, b)| b.is_some() && a != b);
        assert_eq!(differ.count(), 0);
    }

    #[test]
    fn a_bottleneck_spaces_datagrams_and_drops_the_tail() {
        // 1000 bytes take 1 ms, three may wait besides the one that is being passed on.
        let config = LinkConfig::PERFECT.rate(1_000_000, 3000);
        let mut link = link(config);
        let got = arrivals(&mut link, 6, 0);
        let ms = |n: u64| Some(n * 1000);
        assert_eq!(got, [ms(1), ms(2), ms(3), ms(4), None, None]);
        assert_eq!(link.counters().overflowed, 2);
        let later = START + Span::from_secs(1);
        assert_eq!(
            link.carry(later, 1000),
            Fate::Arrives(later + Span::from_millis(1))
        );
    }

    #[test]
    fn a_held_back_datagram_is_overtaken_and_holds_up_nobody() {
        let config = LinkConfig::PERFECT.reorder(Chance::percent(10), Span::from_millis(5));
        let mut link = link(config);
        let got = arrivals(&mut link, 100, 100);
        let late = |n: usize| got[n] == Some(n as u64 * 100 + 5000);
        let prompt = |n: usize| got[n] == Some(n as u64 * 100);
        assert!((0..100).all(|n| late(n) || prompt(n)));
        assert_eq!(
            (0..100).filter(|n| late(*n)).count() as u64,
            link.counters().held_back
        );
        assert!(link.counters().held_back > 0);
    }

    #[test]
    fn duplicates_and_outages_are_counted() {
        let mut link = link(LinkConfig::PERFECT.duplicate(Chance::ALWAYS, Span::from_millis(1)));
        let Fate::ArrivesTwice(first, second) = link.carry(START, 1) else {
            panic!("not duplicated");
        };
        assert_eq!(first, START);
        assert!(second.since(first) <= Span::from_millis(1));
        link.set_config(link.config().down());
        assert_eq!(link.carry(START, 1), Fate::Lost);
        link.set_config(link.config().up());
        assert_ne!(link.carry(START, 1), Fate::Lost);
        let counters = link.counters();
        assert_eq!(
            (counters.sent, counters.duplicated, counters.unplugged),
            (3, 2, 1)
        );
    }
}
