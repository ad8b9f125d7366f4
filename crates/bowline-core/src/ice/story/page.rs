//! Entries as they are kept, which may be for hours: in some eight bytes each.
//!
//! An entry is a byte that says what it is, with four bits of detail; the microseconds since the entry before, as a
//! varint; and what belongs to it. An address is written out where it is named for the first time, and is a number
//! of one byte from then on.

use alloc::vec::Vec;
use core::net::IpAddr;
use core::net::SocketAddr;

use crate::address::PeerAddr;
use crate::counters::DropReason;
use crate::ice::CandidateKind;
use crate::ice::RouteKind;
use crate::ice::ServerFailure;
use crate::ids::LocalId;
use crate::memory;
use crate::time::Span;
use crate::time::Timestamp;
use crate::wire::cursor::Reader;
use crate::wire::varint;

use super::Entry;
use super::Way;
use super::What;

/// See the module's documentation.
#[derive(Clone, Debug, Default)]
pub(super) struct Page {
    bytes: Vec<u8>,
    /// Of the latest entry.
    at: Timestamp,
    len: u8,
}

/// The entries of a page, oldest first.
pub(super) struct Entries<'a> {
    bytes: Reader<'a>,
    at: Timestamp,
    addresses: Vec<PeerAddr>,
    failures: &'a [ServerFailure],
}

impl Page {
    /// The most heap in bytes that so many entries take.
    pub(super) const fn heap_bound(entries: usize) -> usize {
        memory::grown::<u8>(entries * LONGEST)
    }

    pub(super) fn len(&self) -> usize {
        usize::from(self.len)
    }

    /// Adds an entry: at most 64, so that addresses have numbers. `failures` are those of the page; if the entry is
    /// one, it is the last of them.
    pub(super) fn push(&mut self, entry: Entry, failures: &[ServerFailure]) {
        let Entry { at, what } = entry;
        let (kind, detail) = kind_of(&what);
        self.bytes.push(kind | detail << 4);
        varint::encode(&mut self.bytes, at.since(self.at).as_micros());
        self.at = self.at.max(at);
        match what {
            What::LocalAdded { address, .. } | What::RemoteAdded { address, .. } => {
                self.put_address(address, failures);
            }
            What::LocalRemoved(local) => varint::encode(&mut self.bytes, local.get().into()),
            What::ServerFailed(_) => {
                let number = failures.len().saturating_sub(1);
                varint::encode(&mut self.bytes, number as u64);
            }
            What::RemoteRefused(reason) => varint::encode(&mut self.bytes, reason as u64),
            What::PeerChecks(way) | What::Failed(way) | What::Lost(way) => {
                self.put_way(way, failures)
            }
            What::Nominated { way, .. } | What::Selected { way, .. } => self.put_way(way, failures),
            What::Answered { way, rtt } => {
                self.put_way(way, failures);
                if let Some(rtt) = rtt {
                    varint::encode(&mut self.bytes, rtt.as_micros());
                }
            }
            What::PeerKnown | What::RoleTaken { .. } | What::Restarted { .. } => {}
        }
        self.len = self.len.saturating_add(1);
    }

    pub(super) fn entries<'a>(&'a self, failures: &'a [ServerFailure]) -> Entries<'a> {
        Entries {
            bytes: Reader::new(&self.bytes),
            at: Timestamp::ZERO,
            addresses: Vec::new(),
            failures,
        }
    }

    /// Heap in bytes.
    pub(super) const fn heap_bytes(&self) -> usize {
        memory::of_vec(&self.bytes)
    }

    pub(super) fn shrink(&mut self) {
        self.bytes.shrink_to_fit();
    }

    fn put_way(&mut self, way: Way, failures: &[ServerFailure]) {
        varint::encode(&mut self.bytes, way.local.get().into());
        self.put_address(way.remote, failures);
    }

    fn put_address(&mut self, address: PeerAddr, failures: &[ServerFailure]) {
        let mut known = self.entries(failures);
        // What is written now is not whole, and ends it.
        while known.next().is_some() {}
        let number = known.addresses.iter().position(|known| *known == address);
        if let Some(number) = number.and_then(|number| u8::try_from(number).ok()) {
            self.bytes.push(number);
            return;
        }
        match address.ip() {
            IpAddr::V4(ip) => {
                self.bytes.push(NEW_V4);
                self.bytes.extend(ip.octets());
            }
            IpAddr::V6(ip) => {
                self.bytes.push(NEW_V6);
                self.bytes.extend(ip.octets());
            }
        }
        self.bytes.extend(address.port().to_le_bytes());
    }
}

impl Iterator for Entries<'_> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        let first = self.bytes.u8()?;
        self.at += Span::from_micros(self.bytes.varint_u64()?);
        let what = self.what(first & 0x0F, first >> 4)?;
        Some(Entry { at: self.at, what })
    }
}

impl Entries<'_> {
    fn what(&mut self, kind: u8, detail: u8) -> Option<What> {
        Some(match kind {
            LOCAL_ADDED => What::LocalAdded {
                kind: candidate_kind(detail)?,
                address: self.address()?,
            },
            LOCAL_REMOVED => What::LocalRemoved(self.local()?),
            SERVER_FAILED => {
                let number = usize::try_from(self.bytes.varint_u32()?).ok()?;
                What::ServerFailed(*self.failures.get(number)?)
            }
            PEER_KNOWN => What::PeerKnown,
            REMOTE_ADDED => What::RemoteAdded {
                kind: candidate_kind(detail)?,
                address: self.address()?,
            },
            REMOTE_REFUSED => {
                let number = usize::try_from(self.bytes.varint_u32()?).ok()?;
                What::RemoteRefused(*DropReason::ALL.get(number)?)
            }
            PEER_CHECKS => What::PeerChecks(self.way()?),
            ANSWERED => What::Answered {
                way: self.way()?,
                rtt: match detail {
                    0 => None,
                    _ => Some(Span::from_micros(self.bytes.varint_u64()?)),
                },
            },
            FAILED => What::Failed(self.way()?),
            NOMINATED => What::Nominated {
                way: self.way()?,
                by_us: detail != 0,
            },
            SELECTED => What::Selected {
                way: self.way()?,
                kind: *ROUTE_KINDS.get(usize::from(detail))?,
            },
            LOST => What::Lost(self.way()?),
            ROLE_TAKEN => What::RoleTaken {
                is_controlling: detail != 0,
            },
            RESTARTED => What::Restarted {
                is_controlling: detail != 0,
            },
            _ => return None,
        })
    }

    fn way(&mut self) -> Option<Way> {
        Some(Way {
            local: self.local()?,
            remote: self.address()?,
        })
    }

    fn local(&mut self) -> Option<LocalId> {
        self.bytes.varint_u32().map(LocalId::new)
    }

    fn address(&mut self) -> Option<PeerAddr> {
        let ip = match self.bytes.u8()? {
            NEW_V4 => IpAddr::from(self.bytes.array::<4>()?),
            NEW_V6 => IpAddr::from(self.bytes.array::<16>()?),
            number => return self.addresses.get(usize::from(number)).copied(),
        };
        let address = PeerAddr::from(SocketAddr::new(ip, self.bytes.u16()?));
        self.addresses.push(address);
        Some(address)
    }
}

/// What an entry is, and its four bits of detail.
const fn kind_of(what: &What) -> (u8, u8) {
    match what {
        What::LocalAdded { kind, .. } => (LOCAL_ADDED, *kind as u8),
        What::LocalRemoved(_) => (LOCAL_REMOVED, 0),
        What::ServerFailed(_) => (SERVER_FAILED, 0),
        What::PeerKnown => (PEER_KNOWN, 0),
        What::RemoteAdded { kind, .. } => (REMOTE_ADDED, *kind as u8),
        What::RemoteRefused(_) => (REMOTE_REFUSED, 0),
        What::PeerChecks(_) => (PEER_CHECKS, 0),
        What::Answered { rtt, .. } => (ANSWERED, rtt.is_some() as u8),
        What::Failed(_) => (FAILED, 0),
        What::Nominated { by_us, .. } => (NOMINATED, *by_us as u8),
        What::Selected { kind, .. } => (SELECTED, *kind as u8),
        What::Lost(_) => (LOST, 0),
        What::RoleTaken { is_controlling } => (ROLE_TAKEN, *is_controlling as u8),
        What::Restarted { is_controlling } => (RESTARTED, *is_controlling as u8),
    }
}

fn candidate_kind(detail: u8) -> Option<CandidateKind> {
    CandidateKind::ALL.get(usize::from(detail)).copied()
}

const LOCAL_ADDED: u8 = 0;
const LOCAL_REMOVED: u8 = 1;
const SERVER_FAILED: u8 = 2;
const PEER_KNOWN: u8 = 3;
const REMOTE_ADDED: u8 = 4;
const REMOTE_REFUSED: u8 = 5;
const PEER_CHECKS: u8 = 6;
const ANSWERED: u8 = 7;
const FAILED: u8 = 8;
const NOMINATED: u8 = 9;
const SELECTED: u8 = 10;
const LOST: u8 = 11;
const ROLE_TAKEN: u8 = 12;
const RESTARTED: u8 = 13;

/// In the order of their numbers.
const ROUTE_KINDS: [RouteKind; 3] = [RouteKind::Local, RouteKind::Direct, RouteKind::Relayed];

/// An address follows that was not named before. Numbers of addresses are below.
const NEW_V4: u8 = 0xFE;
const NEW_V6: u8 = 0xFF;

/// An answer: what it is, two times, an end of ours, and an IPv6 address with its port.
const LONGEST: usize = 1 + 2 * varint::MAX_LEN + 5 + 1 + 16 + 2;

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::any;
    use proptest::prelude::prop_assert_eq;
    use proptest::prelude::proptest;

    use super::*;

    /// An entry of each kind, with all that it may have.
    fn entry(at: Timestamp, kind: u8, detail: u8, number: u32, ip: IpAddr, rtt: u64) -> Entry {
        let address = PeerAddr::from(SocketAddr::new(ip, number as u16));
        let local = LocalId::new(number);
        let way = Way {
            local,
            remote: address,
        };
        let is_it = detail & 1 != 0;
        let candidate = CandidateKind::ALL[usize::from(detail % 4)];
        let what = match kind {
            LOCAL_ADDED => What::LocalAdded {
                kind: candidate,
                address,
            },
            LOCAL_REMOVED => What::LocalRemoved(local),
            SERVER_FAILED => What::ServerFailed(ServerFailure::StunUnknown { number: detail }),
            PEER_KNOWN => What::PeerKnown,
            REMOTE_ADDED => What::RemoteAdded {
                kind: candidate,
                address,
            },
            REMOTE_REFUSED => {
                let count = DropReason::ALL.len();
                What::RemoteRefused(DropReason::ALL[number as usize % count])
            }
            PEER_CHECKS => What::PeerChecks(way),
            ANSWERED => What::Answered {
                way,
                rtt: is_it.then_some(Span::from_micros(rtt)),
            },
            FAILED => What::Failed(way),
            NOMINATED => What::Nominated { way, by_us: is_it },
            SELECTED => What::Selected {
                way,
                kind: ROUTE_KINDS[usize::from(detail % 3)],
            },
            LOST => What::Lost(way),
            ROLE_TAKEN => What::RoleTaken {
                is_controlling: is_it,
            },
            _ => What::Restarted {
                is_controlling: is_it,
            },
        };
        Entry { at, what }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            raw in vec((any::<u32>(), 0..=RESTARTED, any::<u8>(), any::<u32>(), 0..8_usize, any::<u64>()), 0..64),
            ips in vec(any::<IpAddr>(), 8),
        ) {
            let (mut page, mut failures) = (Page::default(), Vec::new());
            let (mut at, mut expected) = (Timestamp::from_micros(u64::from(u32::MAX)), Vec::new());
            for (pause, kind, detail, number, ip, rtt) in raw {
                at += Span::from_micros(u64::from(pause));
                let entry = entry(at, kind, detail, number, ips[ip].to_canonical(), rtt);
                if let What::ServerFailed(failure) = entry.what {
                    failures.push(failure);
                }
                page.push(entry, &failures);
                expected.push(entry);
            }
            let most = expected.len() * LONGEST;
            assert!(page.bytes.len() <= most, "{} bytes", page.bytes.len());
            prop_assert_eq!(page.entries(&failures).collect::<Vec<_>>(), expected);
        }
    }
}
