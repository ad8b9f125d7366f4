//! Cookies: what a client shows to prove that packets sent to its address reach it.
//!
//! A cookie is a keyed hash of the time and of the asker's address and ID; nothing is kept per asker. The
//! key changes every minute, and the one before it stays good for as long as cookies live.

use core::net::IpAddr;

use crate::counters::DropReason;
use crate::crypto::siphash::SipKey;
use crate::endpoint::Route;
use crate::ids::ConnectionId;
use crate::rng::Rng;
use crate::time::Span;
use crate::time::Timestamp;

/// The unit of time in a cookie, as a shift of microseconds: 1.05 s (GNS: the same).
const TIME_UNIT_SHIFT: u32 = 20;
/// A cookie is good for this many units (GNS: the same).
const MAX_AGE_UNITS: u16 = 3;
/// How long a key is used for new cookies.
const KEY_LIFETIME: Span = Span::from_secs(60);
/// Time, port, address and ID.
const HASHED_BYTES: usize = 2 + 2 + 16 + 4;

/// Makes and checks cookies.
#[derive(Clone, Debug)]
pub(super) struct Cookies {
    key: SipKey,
    previous_key: SipKey,
    key_since: Timestamp,
    rng: Rng,
}

impl Cookies {
    pub(super) fn new(now: Timestamp, mut rng: Rng) -> Self {
        Self {
            key: SipKey::generate(&mut rng),
            previous_key: SipKey::generate(&mut rng),
            key_since: now,
            rng,
        }
    }

    /// The cookie for an asker.
    pub(super) fn issue(&mut self, now: Timestamp, from: Route, id: ConnectionId) -> u64 {
        if now.since(self.key_since) >= KEY_LIFETIME {
            let next = SipKey::generate(&mut self.rng);
            self.previous_key = core::mem::replace(&mut self.key, next);
            self.key_since = now;
        }
        cookie(&self.key, time_units(now), from, id)
    }

    /// Whether this is a cookie for that asker, and fresh.
    pub(super) fn check(
        &self,
        now: Timestamp,
        from: Route,
        id: ConnectionId,
        claimed: u64,
    ) -> Result<(), DropReason> {
        let [low, high, ..] = claimed.to_le_bytes();
        let made = u16::from_le_bytes([low, high]);
        if time_units(now).wrapping_sub(made) > MAX_AGE_UNITS {
            return Err(DropReason::StaleChallenge);
        }
        let good = [&self.key, &self.previous_key]
            .into_iter()
            .any(|key| cookie(key, made, from, id) == claimed);
        if good {
            Ok(())
        } else {
            Err(DropReason::BadChallenge)
        }
    }
}

fn time_units(now: Timestamp) -> u16 {
    let [low, high, ..] = (now.as_micros() >> TIME_UNIT_SHIFT).to_le_bytes();
    u16::from_le_bytes([low, high])
}

/// The time in the low 16 bits, a hash of everything in the rest.
fn cookie(key: &SipKey, time: u16, from: Route, id: ConnectionId) -> u64 {
    let ip = match from.remote.ip() {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    };
    let parts = time.to_le_bytes().into_iter();
    let parts = parts.chain(from.remote.port().to_le_bytes());
    let parts = parts.chain(ip.octets());
    let parts = parts.chain(id.get().to_le_bytes());
    let mut data = [0; HASHED_BYTES];
    for (place, byte) in data.iter_mut().zip(parts) {
        *place = byte;
    }
    key.hash(&data) & !0xFFFF | u64::from(time)
}
