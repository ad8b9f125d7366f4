//! How many incoming connections there are from where: no single source may take the room of all.

use alloc::collections::BTreeMap;
use core::net::IpAddr;
use core::net::Ipv4Addr;

use crate::limits;

/// Incoming connections by where they come from. Loopback is not counted: who is on this machine can
/// take its room in other ways, and benchmarks live there.
#[derive(Debug)]
pub(super) struct Sources(BTreeMap<Source, Load>);

/// What one party commonly has: an IPv4 address, or the network part of an IPv6 address.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Source {
    V4(Ipv4Addr),
    V6([u16; 4]),
}

#[derive(Clone, Copy, Debug, Default)]
struct Load {
    /// Those that the application has not decided upon.
    pending: usize,
    all: usize,
}

impl Sources {
    pub(super) const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Counts a connection in.
    pub(super) fn add(&mut self, ip: IpAddr, pending: bool) {
        if let Some(source) = Source::of(ip) {
            let load = self.0.entry(source).or_default();
            load.all += 1;
            load.pending += usize::from(pending);
        }
    }

    /// The application has decided upon one.
    pub(super) fn decided(&mut self, ip: IpAddr) {
        if let Some(load) = Source::of(ip).and_then(|source| self.0.get_mut(&source)) {
            load.pending = load.pending.saturating_sub(1);
        }
    }

    /// Counts a connection out that was decided upon.
    pub(super) fn remove(&mut self, ip: IpAddr) {
        let Some(source) = Source::of(ip) else {
            return;
        };
        if let Some(load) = self.0.get_mut(&source) {
            load.all = load.all.saturating_sub(1);
            if load.all == 0 {
                self.0.remove(&source);
            }
        }
    }

    /// Heap in bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        crate::memory::of_map(&self.0)
    }

    /// Whether there may be one more.
    pub(super) fn has_room(&self, ip: IpAddr) -> bool {
        let load = Source::of(ip).and_then(|source| self.0.get(&source));
        load.is_none_or(|load| {
            load.pending < limits::MAX_PENDING_PER_SOURCE
                && load.all < limits::MAX_CONNECTIONS_PER_SOURCE
        })
    }
}

impl Source {
    /// `None` for loopback.
    fn of(ip: IpAddr) -> Option<Self> {
        let ip = ip.to_canonical();
        if ip.is_loopback() {
            return None;
        }
        Some(match ip {
            IpAddr::V4(ip) => Self::V4(ip),
            IpAddr::V6(ip) => {
                let [a, b, c, d, ..] = ip.segments();
                Self::V6([a, b, c, d])
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn limit_undecided_connections_per_source() {
        let mut sources = Sources::new();
        for _ in 0..limits::MAX_PENDING_PER_SOURCE {
            assert!(sources.has_room(ip("2001:db8:0:1::1")));
            sources.add(ip("2001:db8:0:1::1"), true);
        }
        assert!(!sources.has_room(ip("2001:db8:0:1:ffff::2")), "one network");
        assert!(sources.has_room(ip("2001:db8:0:2::1")), "another one");
        sources.decided(ip("2001:db8:0:1::3"));
        assert!(sources.has_room(ip("2001:db8:0:1::1")));
    }

    #[test]
    fn limit_connections_per_source() {
        let mut sources = Sources::new();
        for _ in 0..limits::MAX_CONNECTIONS_PER_SOURCE {
            assert!(sources.has_room(ip("10.0.0.1")));
            sources.add(ip("10.0.0.1"), false);
        }
        assert!(!sources.has_room(ip("10.0.0.1")));
        assert!(!sources.has_room(ip("::ffff:10.0.0.1")), "the same, mapped");
        assert!(sources.has_room(ip("10.0.0.2")));
        sources.remove(ip("10.0.0.1"));
        assert!(sources.has_room(ip("10.0.0.1")));
    }

    #[test]
    fn nothing_is_remembered_of_who_left_or_lives_here() {
        let mut sources = Sources::new();
        for address in ["10.0.0.1", "::2", "127.0.0.1", "::1"] {
            sources.add(ip(address), true);
        }
        assert_eq!(sources.0.len(), 2);
        for address in ["10.0.0.1", "::2", "127.0.0.1", "::1"] {
            sources.decided(ip(address));
            sources.remove(ip(address));
        }
        assert!(sources.0.is_empty());
    }
}
