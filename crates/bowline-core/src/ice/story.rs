//! What an agent tried, and what came of it, in order.
//!
//! Of a long story the beginning and the latest are kept. Where only relays are allowed there is nothing of
//! this host's addresses in it, because the agent never hears of them.
//!
//! Few stories are long, and all are kept as long as their connections: so the beginning is written in bytes, by
//! `page`.

mod page;

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::fmt;

use crate::address::PeerAddr;
use crate::counters::DropReason;
use crate::ice::CandidateKind;
use crate::ice::RouteKind;
use crate::ice::ServerFailure;
use crate::ids::LocalId;
use crate::limits::MAX_ICE_STORY;
use crate::memory;
use crate::time::Span;
use crate::time::Timestamp;

use self::page::Page;

/// The story of an agent, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Story {
    beginning: Page,
    rare: Option<Box<Rare>>,
}

/// What most stories have nothing of.
#[derive(Clone, Debug, Default)]
struct Rare {
    latest: VecDeque<Entry>,
    left_out: u64,
    /// Those of the beginning.
    failures: Vec<ServerFailure>,
}

/// Something that happened.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum What {
    /// We have this candidate, and tell the peer of it.
    LocalAdded {
        /// Where it comes from.
        kind: CandidateKind,
        /// The address.
        address: PeerAddr,
    },
    /// An end of ours is no more.
    LocalRemoved(LocalId),
    /// A STUN or TURN server does not do what it is for.
    ServerFailed(ServerFailure),
    /// The peer told its password: checks can begin.
    PeerKnown,
    /// The peer has this candidate.
    RemoteAdded {
        /// Where it comes from.
        kind: CandidateKind,
        /// The address.
        address: PeerAddr,
    },
    /// The peer told something that is no candidate for us.
    RemoteRefused(DropReason),
    /// The peer's check came along this way.
    PeerChecks(Way),
    /// A check of ours was answered.
    Answered {
        /// Along which way.
        way: Way,
        /// How long it took, if that is known.
        rtt: Option<Span>,
    },
    /// A check of ours was not answered, or refused.
    Failed(Way),
    /// We, or the peer, choose this way.
    Nominated {
        /// Which.
        way: Way,
        /// Who.
        by_us: bool,
    },
    /// Packets go this way from now on.
    Selected {
        /// Which.
        way: Way,
        /// What kind of way it is.
        kind: RouteKind,
    },
    /// The way that was selected does not work any more.
    Lost(Way),
    /// Both sides had the same role; now ours is this one.
    RoleTaken {
        /// Whether we choose.
        is_controlling: bool,
    },
    /// All begins anew.
    Restarted {
        /// Whether we choose.
        is_controlling: bool,
    },
}

/// From an end of ours to an end of the peer's.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Way {
    /// The socket or relay.
    pub local: LocalId,
    /// The peer's address.
    pub remote: PeerAddr,
}

impl Story {
    /// The most that [`Self::heap_bytes`] can come to, in bytes.
    pub(super) const HEAP_BOUND: usize = {
        let failures = memory::grown::<ServerFailure>(MAX_ICE_STORY / 2);
        let latest = memory::grown::<Entry>(MAX_ICE_STORY / 2);
        Page::heap_bound(MAX_ICE_STORY / 2) + size_of::<Rare>() + failures + latest
    };

    /// All that is kept, oldest first.
    pub fn entries(&self) -> impl Iterator<Item = Entry> {
        let rare = self.rare.as_deref();
        let failures = rare.map_or(&[][..], |rare| &rare.failures);
        let latest = rare.into_iter().flat_map(|rare| &rare.latest);
        self.beginning.entries(failures).chain(latest.copied())
    }

    /// How many entries are missing between the beginning and the latest.
    pub fn left_out(&self) -> u64 {
        self.rare.as_ref().map_or(0, |rare| rare.left_out)
    }

    /// Heap in bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        let rare = self.rare.as_ref().map_or(0, |rare| {
            size_of::<Rare>() + memory::of_deque(&rare.latest) + memory::of_vec(&rare.failures)
        });
        self.beginning.heap_bytes() + rare
    }

    pub(super) fn shrink(&mut self) {
        self.beginning.shrink();
        if let Some(rare) = &mut self.rare {
            rare.latest.shrink_to_fit();
            rare.failures.shrink_to_fit();
        }
    }

    pub(super) fn push(&mut self, at: Timestamp, what: What) {
        let entry = Entry { at, what };
        if self.beginning.len() < MAX_ICE_STORY / 2 {
            if let What::ServerFailed(failure) = what {
                self.rare.get_or_insert_default().failures.push(failure);
            }
            let rare = self.rare.as_deref();
            let failures = rare.map_or(&[][..], |rare| &rare.failures);
            self.beginning.push(entry, failures);
            return;
        }
        let rare = self.rare.get_or_insert_default();
        if rare.latest.len() >= MAX_ICE_STORY / 2 {
            rare.latest.pop_front();
            rare.left_out += 1;
        }
        rare.latest.push_back(entry);
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.at, self.what)
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LocalAdded { kind, address } => write!(f, "our candidate: {kind} {address}"),
            Self::LocalRemoved(local) => write!(f, "our end {} is gone", local.get()),
            Self::ServerFailed(failure) => failure.fmt(f),
            Self::PeerKnown => f.write_str("the peer's password is known"),
            Self::RemoteAdded { kind, address } => {
                write!(f, "the peer's candidate: {kind} {address}")
            }
            Self::RemoteRefused(reason) => write!(f, "a candidate of the peer's refused: {reason}"),
            Self::PeerChecks(way) => write!(f, "the peer checks {way}"),
            Self::Answered { way, rtt } => match rtt {
                Some(rtt) => write!(f, "{way} answers after {rtt}"),
                None => write!(f, "{way} answers"),
            },
            Self::Failed(way) => write!(f, "{way} does not answer"),
            Self::Nominated { way, by_us: true } => write!(f, "we choose {way}"),
            Self::Nominated { way, by_us: false } => write!(f, "the peer chooses {way}"),
            Self::Selected { way, kind } => write!(f, "selected {way}, {kind}"),
            Self::Lost(way) => write!(f, "lost {way}"),
            Self::RoleTaken { is_controlling } => {
                write!(f, "roles were in conflict: now {}", role(*is_controlling))
            }
            Self::Restarted { is_controlling } => {
                write!(f, "begun anew, {}", role(*is_controlling))
            }
        }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.local.get(), self.remote)
    }
}

const fn role(is_controlling: bool) -> &'static str {
    if is_controlling {
        "controlling"
    } else {
        "controlled"
    }
}

#[cfg(test)]
mod tests {
    use core::net::SocketAddr;
    use std::string::ToString;
    use std::vec::Vec;

    use super::*;

    #[test]
    fn limit_story_keeps_beginning_and_latest() {
        let mut story = Story::default();
        let count = 3 * MAX_ICE_STORY as u32;
        for index in 0..count {
            story.push(Timestamp::ZERO, What::LocalRemoved(LocalId::new(index)));
        }
        let kept: Vec<What> = story.entries().map(|entry| entry.what).collect();
        assert_eq!(kept.len(), MAX_ICE_STORY);
        assert_eq!(kept.first(), Some(&What::LocalRemoved(LocalId::new(0))));
        let last = What::LocalRemoved(LocalId::new(count - 1));
        assert_eq!(kept.last(), Some(&last));
        assert_eq!(story.left_out() as usize, 2 * MAX_ICE_STORY);
    }

    #[test]
    fn limit_memory_of_a_story() {
        let mut story = Story::default();
        for index in 0..300_u64 {
            let remote = std::format!("[2001:db8::{index:x}]:65535");
            let way = Way {
                local: LocalId::new(u32::MAX),
                remote: remote.parse().unwrap(),
            };
            let rtt = Some(Span::MAX);
            let at = Timestamp::from_micros(index << 40);
            story.push(at, What::Answered { way, rtt });
            let server = SocketAddr::from((way.remote.ip(), 3478));
            let failure = ServerFailure::StunSilent { server };
            story.push(at, What::ServerFailed(failure));
            let bytes = story.heap_bytes();
            assert!(bytes <= Story::HEAP_BOUND, "{bytes} bytes");
        }
        assert_eq!(story.entries().count(), MAX_ICE_STORY);
    }

    #[test]
    fn an_entry_reads_as_a_sentence() {
        let way = Way {
            local: LocalId::new(3),
            remote: "203.0.113.5:7".parse().unwrap(),
        };
        let entry = Entry {
            at: Timestamp::from_micros(1_500_000),
            what: What::Selected {
                way,
                kind: RouteKind::Direct,
            },
        };
        let text = "1.500000s selected 3 to 203.0.113.5:7, direct";
        assert_eq!(entry.to_string(), text);
    }
}
