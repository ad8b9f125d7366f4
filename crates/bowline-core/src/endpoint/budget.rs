//! How much work strangers may cause: in all, and per network that they come from.
//!
//! Each limit is a bucket of tokens that fills at a steady rate. All that is remembered of one is when it
//! will be full again, so a bucket is one number, and a full one is no state at all. The buckets of networks
//! stand in tables of fixed size, found by a keyed hash: no flood makes them grow, networks that meet in one
//! place share its tokens, and nobody can tell who meets whom.
//!
//! What a stranger can pretend must not count against whom it pretends to be. Whoever brought a good cookie
//! is where it says, so its network's limit of requests always holds. Whoever asks for one may be anybody: the
//! limit of its network holds only while the limit of all is under pressure, when somebody must wait anyway.
//! The limit of failures, too, holds only then: players must not suffer from a neighbour before there is need.
//!
//! Loopback is exempt unless the settings say otherwise: who is on this machine can take its time in other
//! ways, and benchmarks live there.

use alloc::vec;
use alloc::vec::Vec;
use core::net::IpAddr;

use crate::config::Config;
use crate::counters::DropReason;
use crate::crypto::siphash::SipKey;
use crate::limits;
use crate::rng::Rng;
use crate::time::Span;
use crate::time::Timestamp;

/// What a request costs whose certificate an authority has signed: that signature, the one of the request,
/// and the key exchange if it is accepted.
pub(super) const SIGNED_REQUEST_COST: u64 = 3;
/// What a request costs whose certificate nobody has signed.
pub(super) const UNSIGNED_REQUEST_COST: u64 = 2;

/// What has been used up of all limits.
#[derive(Debug)]
pub(super) struct Budget {
    challenges: Bucket,
    signatures: Bucket,
    signaled: Bucket,
    stray_closes: Bucket,
    /// Networks that asked for cookies, or somebody in their name.
    asking: Networks,
    /// Networks that sent requests with good cookies.
    proven: Networks,
    /// Networks whose requests failed.
    failing: Networks,
}

/// What the settings of a listener allow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rates {
    challenges: Rate,
    network_challenges: Rate,
    network_requests: Rate,
    network_failures: Rate,
    signatures: Rate,
}

impl Rates {
    /// What `config` allows peers at `ip`; `None` if nothing limits them.
    pub(super) fn of(config: &Config, ip: IpAddr) -> Option<Self> {
        let limits = config.admission_limits();
        if !limits.loopback && ip.to_canonical().is_loopback() {
            return None;
        }
        let second = Span::from_secs(1);
        let of_all = |count| Rate::new(count, second, limits::LIMIT_BURST);
        let of_network = |count| Rate::new(count, second, limits::NETWORK_LIMIT_BURST);
        Some(Self {
            challenges: of_all(limits.challenges_per_sec),
            network_challenges: of_network(limits.network_challenges_per_sec),
            network_requests: of_network(limits.network_requests_per_sec),
            network_failures: Rate::new(
                limits.network_failures_per_min,
                Span::from_secs(60),
                limits::NETWORK_FAILURE_MEMORY,
            ),
            signatures: of_all(limits.signatures_per_sec),
        })
    }
}

impl Budget {
    pub(super) fn new(rng: &mut Rng) -> Self {
        Self {
            challenges: Bucket::default(),
            signatures: Bucket::default(),
            signaled: Bucket::default(),
            stray_closes: Bucket::default(),
            asking: Networks::new(rng),
            proven: Networks::new(rng),
            failing: Networks::new(rng),
        }
    }

    /// Somebody who says to be at `ip` asks for a cookie.
    pub(super) fn take_challenge(
        &mut self,
        now: Timestamp,
        ip: IpAddr,
        rates: &Rates,
    ) -> Result<(), DropReason> {
        let is_within = self
            .asking
            .bucket(ip)
            .take(now, rates.network_challenges, 1);
        if !is_within && self.challenges.is_pressed(now, rates.challenges) {
            return Err(DropReason::NetworkOverload);
        }
        if self.challenges.take(now, rates.challenges, 1) {
            Ok(())
        } else {
            Err(DropReason::Overload)
        }
    }

    /// A request with a good cookie came from `ip`.
    pub(super) fn take_request(
        &mut self,
        now: Timestamp,
        ip: IpAddr,
        rates: &Rates,
    ) -> Result<(), DropReason> {
        if self.proven.bucket(ip).take(now, rates.network_requests, 1) {
            Ok(())
        } else {
            Err(DropReason::NetworkOverload)
        }
    }

    /// Signatures are to be checked for it. When they run short, those go first whose network has asked
    /// little and failed little: half of them is kept for such.
    pub(super) fn take_signatures(
        &mut self,
        now: Timestamp,
        ip: IpAddr,
        rates: &Rates,
        count: u64,
    ) -> Result<(), DropReason> {
        let proven = self.proven.bucket(ip);
        let failing = self.failing.bucket(ip);
        if self.signatures.is_pressed(now, rates.signatures)
            && (proven.is_pressed(now, rates.network_requests)
                || failing.is_pressed(now, rates.network_failures))
        {
            return Err(DropReason::NetworkOverload);
        }
        if self.signatures.take(now, rates.signatures, count) {
            Ok(())
        } else {
            Err(DropReason::SignatureOverload)
        }
    }

    /// Signatures are to be checked for a request by signals, which come from no network: theirs are paid from
    /// a budget of their own.
    pub(super) fn take_signaled(
        &mut self,
        now: Timestamp,
        config: &Config,
        count: u64,
    ) -> Result<(), DropReason> {
        let per_sec = config.admission_limits().signatures_per_sec;
        let rate = Rate::new(per_sec, Span::from_secs(1), limits::LIMIT_BURST);
        if self.signaled.take(now, rate, count) {
            Ok(())
        } else {
            Err(DropReason::SignatureOverload)
        }
    }

    /// Somebody closes a connection that does not exist; whether that is answered.
    pub(super) fn take_stray_close(&mut self, now: Timestamp) -> Result<(), DropReason> {
        let second = Span::from_secs(1);
        let rate = Rate::new(limits::STRAY_CLOSES_PER_SECOND, second, limits::LIMIT_BURST);
        if self.stray_closes.take(now, rate, 1) {
            Ok(())
        } else {
            Err(DropReason::UnknownConnection)
        }
    }

    /// The request has failed a check.
    pub(super) fn note_failure(&mut self, now: Timestamp, ip: IpAddr, rates: &Rates) {
        let network = self.failing.bucket(ip);
        // It is full of failures at some time, and no fuller: a network that was bad is not so for ever.
        network.take(now, rates.network_failures, 1);
    }
}

/// How fast a bucket fills; 0 is no limit.
#[derive(Clone, Copy, Debug)]
struct Rate {
    ns_per_token: u64,
    /// How long an empty one takes.
    full_after_ns: u64,
}

/// When it is full again, in nanoseconds; in the past if it is.
#[derive(Clone, Copy, Debug, Default)]
#[repr(transparent)]
struct Bucket(u64);

/// Buckets of networks.
#[derive(Debug)]
struct Networks {
    key: SipKey,
    buckets: Vec<Bucket>,
}

impl Rate {
    fn new(count: u32, per: Span, burst: Span) -> Self {
        let per_ns = per.as_micros().saturating_mul(1000);
        let ns_per_token = per_ns.checked_div(u64::from(count)).unwrap_or(0);
        // However short the burst, one token fits.
        let full_after_ns = burst.as_micros().saturating_mul(1000).max(ns_per_token);
        Self {
            ns_per_token,
            full_after_ns,
        }
    }

    const fn price_ns(self, count: u64) -> u64 {
        self.ns_per_token.saturating_mul(count)
    }
}

impl Bucket {
    /// Takes tokens if there are as many, or if it is full: what costs more than it holds passes, too, if
    /// nothing else did.
    fn take(&mut self, now: Timestamp, rate: Rate, count: u64) -> bool {
        let missing_ns = self.missing_ns(now).saturating_add(rate.price_ns(count));
        let passes = missing_ns <= rate.full_after_ns.max(rate.price_ns(count));
        if passes {
            self.0 = ns(now).saturating_add(missing_ns);
        }
        passes
    }

    /// Whether it is less than half full.
    const fn is_pressed(self, now: Timestamp, rate: Rate) -> bool {
        self.missing_ns(now) > rate.full_after_ns / 2
    }

    const fn missing_ns(self, now: Timestamp) -> u64 {
        self.0.saturating_sub(ns(now))
    }
}

impl Networks {
    fn new(rng: &mut Rng) -> Self {
        Self {
            key: SipKey::generate(rng),
            buckets: vec![Bucket::default(); limits::NETWORK_BUCKETS],
        }
    }

    fn bucket(&mut self, ip: IpAddr) -> &mut Bucket {
        let hash = self.key.hash(&network(ip));
        let index = hash as usize % limits::NETWORK_BUCKETS;
        let bucket = self.buckets.get_mut(index);
        bucket.expect("there are as many as the remainder goes by")
    }
}

const fn ns(at: Timestamp) -> u64 {
    at.as_micros().saturating_mul(1000)
}

/// What one party commonly commands: 24 bits of an IPv4 address, 56 of an IPv6 address. Seven bytes are all
/// that tells networks apart; an IPv4 one begins as no IPv6 host does (`ff00::/8` is multicast).
fn network(ip: IpAddr) -> [u8; 7] {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            [0xFF, 0, 0, 0, a, b, c]
        }
        IpAddr::V6(ip) => {
            let [a, b, c, d, e, f, g, ..] = ip.octets();
            [a, b, c, d, e, f, g]
        }
    }
}

#[cfg(test)]
mod tests;
