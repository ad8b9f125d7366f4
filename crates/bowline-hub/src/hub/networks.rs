//! What clients of one network may do together, so that nobody with one network keeps others out.

use std::collections::HashMap;
use std::net::IpAddr;
use std::net::SocketAddr;

use bowline_core::time::Timestamp;

use crate::bucket::Bucket;
use crate::bucket::Rate;
use crate::limits::MAX_STRANGERS_OF_NETWORK;
use crate::limits::NETWORK_BUCKETS;
use crate::limits::SIGN_IN_BURST;
use crate::limits::SIGN_INS_PER_SEC;

/// The networks that clients come from. This machine is none: what is on it is limited by nothing here.
#[derive(Debug)]
pub(super) struct Networks {
    sign_ins: NetworkRate,
    /// How many have connected and are not signed in. None is zero.
    strangers: HashMap<IpAddr, usize>,
}

/// How often something may happen, for each network apart.
#[derive(Debug)]
pub(crate) struct NetworkRate {
    rate: Rate,
    buckets: HashMap<IpAddr, Bucket>,
}

impl Networks {
    pub(super) fn new() -> Self {
        Self {
            sign_ins: NetworkRate::new(Rate {
                per_sec: SIGN_INS_PER_SEC,
                burst: SIGN_IN_BURST,
            }),
            strangers: HashMap::new(),
        }
    }

    /// Whether somebody of that network may sign in now.
    pub(super) fn may_sign_in(&mut self, now: Timestamp, from: SocketAddr) -> bool {
        self.sign_ins.take(now, from)
    }

    /// Somebody has connected. Says whether there is room for it; [`Self::leave`] has to follow if there is.
    pub(super) fn enter(&mut self, from: SocketAddr) -> bool {
        let Some(network) = network_of(from) else {
            return true;
        };
        let count = self.strangers.entry(network).or_default();
        if *count >= MAX_STRANGERS_OF_NETWORK {
            return false;
        }
        *count += 1;
        true
    }

    /// Somebody who had connected has signed in, or is gone.
    pub(super) fn leave(&mut self, from: SocketAddr) {
        if let Some(network) = network_of(from)
            && let Some(count) = self.strangers.get_mut(&network)
        {
            *count -= 1;
            if *count == 0 {
                self.strangers.remove(&network);
            }
        }
    }
}

impl NetworkRate {
    pub(crate) fn new(rate: Rate) -> Self {
        Self {
            rate,
            buckets: HashMap::new(),
        }
    }

    /// Whether it may happen once more. On this machine it always may.
    pub(crate) fn take(&mut self, now: Timestamp, from: SocketAddr) -> bool {
        let Some(mut network) = network_of(from) else {
            return true;
        };
        if !self.buckets.contains_key(&network) && self.buckets.len() >= NETWORK_BUCKETS {
            self.buckets.retain(|_, bucket| bucket.full_at() > now);
            if self.buckets.len() >= NETWORK_BUCKETS {
                // All further ones share a bucket.
                network = IpAddr::from([0, 0, 0, 0]);
            }
        }
        let bucket = self.buckets.entry(network).or_default();
        bucket.take(now, self.rate, 1)
    }
}

/// The network that an address is counted with; `None` for this machine.
fn network_of(from: SocketAddr) -> Option<IpAddr> {
    let ip = from.ip().to_canonical();
    if ip.is_loopback() {
        return None;
    }
    Some(match ip {
        IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            IpAddr::from([a, b, c, 0])
        }
        IpAddr::V6(ip) => {
            let [a, b, c, ..] = ip.segments();
            IpAddr::from([a, b, c, 0, 0, 0, 0, 0])
        }
    })
}
