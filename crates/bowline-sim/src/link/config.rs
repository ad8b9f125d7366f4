//! What a link does to datagrams.

use std::fmt;

use bowline_core::time::Span;

use crate::link::burst::GilbertElliott;
use crate::link::chance::Chance;

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
    pub(super) latency: Span,
    pub(super) jitter: Span,
    pub(super) keeps_order: bool,
    pub(super) loss: Chance,
    pub(super) bursts: GilbertElliott,
    pub(super) reorder: (Chance, Span),
    pub(super) duplicate: (Chance, Span),
    pub(super) corrupt: Chance,
    pub(super) rate: Option<Rate>,
    pub(super) policer: Option<Rate>,
    pub(super) mtu: Option<usize>,
    pub(super) is_up: bool,
}

/// A bottleneck: how fast it drains, and how much may wait in front of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Rate {
    pub(super) bytes_per_sec: u64,
    pub(super) queue_bytes: u64,
}

impl LinkConfig {
    /// Everything arrives at once, unharmed and in order.
    pub const PERFECT: Self = Self {
        latency: Span::ZERO,
        jitter: Span::ZERO,
        keeps_order: true,
        loss: Chance::NEVER,
        bursts: GilbertElliott::NEVER,
        reorder: (Chance::NEVER, Span::ZERO),
        duplicate: (Chance::NEVER, Span::ZERO),
        corrupt: Chance::NEVER,
        rate: None,
        policer: None,
        mtu: None,
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

    /// Loses datagrams in bursts, beside those that [`Self::loss`] takes one by one.
    #[must_use]
    pub const fn burst_loss(mut self, bursts: GilbertElliott) -> Self {
        self.bursts = bursts;
        self
    }

    /// Flips one to eight bits of some datagrams, anywhere. They arrive altered, as if the checksum of
    /// UDP had not noticed or had been turned off: it is up to the protocol to refuse them.
    #[must_use]
    pub const fn corrupt(mut self, chance: Chance) -> Self {
        self.corrupt = chance;
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

    /// Loses what goes beyond `bytes_per_sec` of datagram bytes, without delaying the rest, as providers do
    /// that police a contract. Up to `burst_bytes` more pass at once. A rate of zero is taken for one byte
    /// per second.
    #[must_use]
    pub const fn policed(mut self, bytes_per_sec: u64, burst_bytes: u64) -> Self {
        self.policer = Some(Rate {
            bytes_per_sec: if bytes_per_sec == 0 { 1 } else { bytes_per_sec },
            queue_bytes: burst_bytes,
        });
        self
    }

    /// Loses every datagram with more than `bytes` of UDP payload and tells nobody: a black hole, as
    /// behind tunnels and firewalls that keep the ICMP messages for themselves. An Ethernet carries
    /// 1472 bytes over IPv4.
    #[must_use]
    pub const fn mtu(mut self, bytes: usize) -> Self {
        self.mtu = Some(bytes);
        self
    }

    /// Ends [`Self::mtu`].
    #[must_use]
    pub const fn any_size(mut self) -> Self {
        self.mtu = None;
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
        if self.bursts != GilbertElliott::NEVER {
            write!(f, ", {}", self.bursts)?;
        }
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
        if self.corrupt > Chance::NEVER {
            write!(f, ", {} corrupted", self.corrupt)?;
        }
        if let Some(mtu) = self.mtu {
            write!(f, ", none above {mtu} B")?;
        }
        if let Some(policer) = self.policer {
            write!(f, ", policed to {} B/s", policer.bytes_per_sec)?;
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
