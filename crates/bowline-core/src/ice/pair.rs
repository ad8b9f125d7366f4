//! Pairs: one of our ends and one of the peer's, and what is known of the way between them.
//!
//! An idle connection keeps its pairs for as long as it lives, so they are small: checks, which most pairs have none
//! of most of the time, are elsewhere, and addresses in the shorter of two forms.

use alloc::boxed::Box;
use core::cmp::Reverse;
use core::net::SocketAddr;

use crate::address::PeerAddr;
use crate::ice::CandidateKind;
use crate::ice::CandidateTypes;
use crate::ice::RouteKind;
use crate::ice::dialect;
use crate::ice::types::is_private;
use crate::ids::LocalId;
use crate::limits::CHECK_REPEAT;
use crate::limits::FIRST_CHECK_REPEAT;
use crate::limits::PAIR_RETRY;
use crate::limits::PAIR_RETRY_DOUBLINGS;
use crate::stun::Transaction;
use crate::stun::TransactionId;
use crate::time::Span;
use crate::time::Timestamp;

/// What packets are sent from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Base {
    pub(super) id: LocalId,
    /// Of the socket, or of the relay.
    pub(super) address: SocketAddr,
    pub(super) preference: u16,
    pub(super) is_relay: bool,
}

/// The peer's end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Remote {
    /// An IPv4 address in its own form.
    pub(super) address: PeerAddr,
    pub(super) kind: CandidateKind,
    pub(super) priority: u32,
}

/// A pair is named by its two ends.
pub(super) type PairKey = (LocalId, SocketAddr);

/// One of our ends and one of the peer's.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    pub(super) local: LocalId,
    pub(super) is_relay: bool,
    /// Our end is in the peer's own network, by its address.
    is_neighbour: bool,
    /// How often all of a check's packets were lost.
    failures: u8,
    /// What our end adds to the rank.
    priority: u32,
    pub(super) remote: Remote,
    pub(super) state: PairState,
    /// The last time that the peer chose this pair.
    pub(super) nomination: Option<Nomination>,
}

/// What is known of the way between the two.
#[derive(Clone, Debug)]
pub(super) enum PairState {
    /// Nothing yet.
    Waiting,
    /// A check is under way.
    Checking(Box<Check>),
    /// A check was answered. Another, that chooses the pair, may be under way.
    Valid {
        rtt: Option<Span>,
        nominating: Option<Box<Check>>,
    },
    /// There was no answer. Perhaps later.
    Failed { retry_at: Timestamp },
}

/// A check under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Check {
    pub(super) transaction: Transaction,
    /// Which of several packets was answered is not known; not one from before this time. A round trip may seem longer
    /// than it is, never shorter.
    pub(super) measured_from: Timestamp,
    pub(super) last_sent: Timestamp,
    pub(super) extra: Extra,
    /// How often it may still leave because the peer's came.
    pub(super) extras_left: u8,
    /// The role that it was sent in, for when the peer has the same.
    pub(super) as_controlling: bool,
}

/// A packet of a check beside those of its transaction, whose pace is that of questions to servers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Extra {
    /// One early on: the first check towards an address is lost more often than others, since the NAT there does not
    /// let it in yet, or the relay.
    First,
    /// The peer's check has come along the same way: its NAT may let ours in only now.
    PeerCame,
    /// None.
    Sent,
}

impl Check {
    /// When the packet beside the others is due.
    pub(super) fn extra_at(&self) -> Option<Timestamp> {
        match self.extra {
            Extra::First => Some(self.measured_from + FIRST_CHECK_REPEAT),
            Extra::PeerCame => Some(self.last_sent + CHECK_REPEAT),
            Extra::Sent => None,
        }
    }

    /// It leaves now.
    pub(super) const fn on_extra(&mut self, now: Timestamp) {
        self.last_sent = now;
        self.extra = Extra::Sent;
    }

    /// One of its transaction leaves now.
    pub(super) const fn on_repeat(&mut self, now: Timestamp) {
        self.measured_from = now;
        self.on_extra(now);
    }

    /// The peer's check has come along the same way.
    pub(super) const fn on_peer_check(&mut self) {
        if self.extras_left > 0 && !matches!(self.extra, Extra::PeerCame) {
            self.extras_left -= 1;
            self.extra = Extra::PeerCame;
        }
    }
}

/// The peer chose a pair.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Nomination {
    pub(super) id: TransactionId,
    /// The how manieth choice of the peer's.
    pub(super) number: u32,
}

/// What pairs are compared by: the greater goes first.
pub(super) type Rank = (bool, u64, Reverse<PairKey>);

impl Base {
    /// Whether checks may go from here to there: within a family, from loopback to loopback only, and
    /// without showing an address that the peer must not know.
    pub(super) fn reaches(&self, remote: SocketAddr, types: CandidateTypes) -> bool {
        let (ours, theirs) = (self.address.ip(), remote.ip());
        if ours.is_ipv4() != theirs.is_ipv4() || ours.is_loopback() != theirs.is_loopback() {
            return false;
        }
        if self.is_relay {
            // A relay in the world cannot reach into anybody's private network.
            return types.intersects(CandidateTypes::RELAY)
                && (is_private(ours) || !is_private(theirs));
        }
        if !is_private(ours) {
            return types.intersects(CandidateTypes::HOST_PUBLIC);
        }
        if is_private(theirs) {
            types.intersects(CandidateTypes::HOST_PRIVATE)
        } else {
            types.intersects(CandidateTypes::REFLEXIVE)
        }
    }

    const fn kind(&self) -> CandidateKind {
        if self.is_relay {
            CandidateKind::Relayed
        } else {
            CandidateKind::Host
        }
    }
}

impl Pair {
    pub(super) fn new(base: Base, remote: Remote) -> Self {
        Self {
            local: base.id,
            is_relay: base.is_relay,
            is_neighbour: dialect::is_near(base.address.ip(), remote.address.ip()),
            failures: 0,
            priority: dialect::priority(base.kind(), base.preference),
            remote,
            state: PairState::Waiting,
            nomination: None,
        }
    }

    pub(super) fn key(&self) -> PairKey {
        (self.local, self.remote.address.into())
    }

    /// Our end has another preference than before.
    pub(super) const fn prefer(&mut self, base: &Base) {
        self.priority = dialect::priority(base.kind(), base.preference);
    }

    /// Pairs in the own network first, then by RFC 8445, section 6.1.2.3.
    pub(super) fn rank(&self, is_controlling: bool) -> Rank {
        let ours = self.priority;
        let theirs = self.remote.priority;
        let (controlling, controlled) = if is_controlling {
            (ours, theirs)
        } else {
            (theirs, ours)
        };
        let low = u64::from(controlling.min(controlled));
        let high = u64::from(controlling.max(controlled));
        let priority = low << 32 | high;
        // The last bit of twice the larger tells who has it.
        let is_ahead = u64::from(controlling > controlled);
        let priority = priority.saturating_add(high).saturating_add(is_ahead);
        (self.is_near(), priority, Reverse(self.key()))
    }

    /// What kind of way it is.
    pub(super) fn route_kind(&self) -> RouteKind {
        if self.is_relay || self.remote.kind == CandidateKind::Relayed {
            RouteKind::Relayed
        } else if self.is_near() {
            RouteKind::Local
        } else {
            RouteKind::Direct
        }
    }

    fn is_near(&self) -> bool {
        !self.is_relay && self.remote.kind != CandidateKind::Relayed && self.is_neighbour
    }

    pub(super) const fn is_valid(&self) -> bool {
        matches!(self.state, PairState::Valid { .. })
    }

    pub(super) const fn is_waiting(&self) -> bool {
        matches!(self.state, PairState::Waiting)
    }

    /// Whether nothing would be lost with it.
    pub(super) const fn is_idle(&self) -> bool {
        matches!(self.state, PairState::Waiting | PairState::Failed { .. })
    }

    /// The check under way.
    pub(super) fn check(&self) -> Option<&Check> {
        match &self.state {
            PairState::Checking(check) => Some(check),
            PairState::Valid { nominating, .. } => nominating.as_deref(),
            PairState::Waiting | PairState::Failed { .. } => None,
        }
    }

    pub(super) fn check_mut(&mut self) -> Option<&mut Check> {
        match &mut self.state {
            PairState::Checking(check) => Some(check),
            PairState::Valid { nominating, .. } => nominating.as_deref_mut(),
            PairState::Waiting | PairState::Failed { .. } => None,
        }
    }

    /// Whether the check under way chooses the pair.
    pub(super) const fn is_nominating(&self) -> bool {
        matches!(
            self.state,
            PairState::Valid {
                nominating: Some(_),
                ..
            }
        )
    }

    /// There was no answer: it is tried again later, and later each time.
    pub(super) fn fail(&mut self, now: Timestamp) {
        let wait = PAIR_RETRY * (1 << u32::from(self.failures).min(PAIR_RETRY_DOUBLINGS));
        self.failures = self.failures.saturating_add(1);
        let retry_at = now + wait;
        self.state = PairState::Failed { retry_at };
    }

    /// A check was answered, or everything begins anew: what failed before counts no more.
    pub(super) const fn forgive(&mut self) {
        self.failures = 0;
    }

    /// How often all of a check's packets were lost.
    pub(super) fn failures(&self) -> u32 {
        self.failures.into()
    }

    /// A choice that is not sent any more, because there is a better one.
    pub(super) fn stop_nominating(&mut self) {
        if let PairState::Valid { nominating, .. } = &mut self.state {
            *nominating = None;
        }
    }

    /// When something is to be done about the pair: a check sent again or given up, or a new attempt.
    pub(super) fn deadline(&self, retries: bool) -> Option<Timestamp> {
        match &self.state {
            PairState::Failed { retry_at } if retries => Some(*retry_at),
            PairState::Waiting | PairState::Failed { .. } => None,
            PairState::Checking(_) | PairState::Valid { .. } => {
                let check = self.check()?;
                let regular = check.transaction.next_deadline();
                Some(check.extra_at().map_or(regular, |extra| extra.min(regular)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(address: &str, is_relay: bool) -> Base {
        Base {
            id: LocalId::new(1),
            address: address.parse().unwrap(),
            preference: 65_535,
            is_relay,
        }
    }

    fn remote(address: &str, kind: CandidateKind) -> Remote {
        Remote {
            address: address.parse().unwrap(),
            kind,
            priority: dialect::priority(kind, 65_535),
        }
    }

    #[test]
    fn the_own_network_goes_first_then_hosts_then_reflexive_then_relays() {
        let home = base("192.168.1.2:5", false);
        let relay = base("203.0.113.9:5", true);
        let near = Pair::new(home, remote("192.168.1.3:5", CandidateKind::Host));
        let host = Pair::new(home, remote("10.0.0.3:5", CandidateKind::Host));
        let reflexive = Pair::new(
            home,
            remote("203.0.113.3:5", CandidateKind::ServerReflexive),
        );
        let relayed = Pair::new(home, remote("203.0.113.8:5", CandidateKind::Relayed));
        let both = Pair::new(relay, remote("203.0.113.8:5", CandidateKind::Relayed));
        let order = [near, host, reflexive, relayed, both];
        for is_controlling in [true, false] {
            let ranks: std::vec::Vec<Rank> =
                order.iter().map(|pair| pair.rank(is_controlling)).collect();
            assert!(ranks.is_sorted_by(|a, b| a > b), "{ranks:?}");
        }
        let kinds = order.map(|pair| pair.route_kind());
        let expected = [
            RouteKind::Local,
            RouteKind::Direct,
            RouteKind::Direct,
            RouteKind::Relayed,
            RouteKind::Relayed,
        ];
        assert_eq!(kinds, expected);
    }

    #[test]
    fn a_neighbour_with_a_low_priority_goes_before_a_stranger_with_a_high_one() {
        let home = base("192.168.1.2:5", false);
        let mut near = remote("192.168.1.3:5", CandidateKind::Host);
        near.priority = 1;
        let mut far = remote("203.0.113.3:5", CandidateKind::Host);
        far.priority = u32::MAX;
        let (near, far) = (Pair::new(home, near), Pair::new(home, far));
        assert!(near.rank(true) > far.rank(true));
        assert!(near.rank(false) > far.rank(false));
    }

    #[test]
    fn masks_say_who_may_be_sent_to() {
        let private = base("192.168.1.2:5", false);
        let public = base("203.0.113.2:5", false);
        let relay = base("203.0.113.9:5", true);
        let (near, far) = ("192.168.1.3:5", "198.51.100.7:5");
        let reaches =
            |base: &Base, remote: &str, types| base.reaches(remote.parse().unwrap(), types);
        let enable = CandidateTypes::from_enable;
        for (base, remote, masks) in [
            (&private, near, [2, 3, 6, 7].as_slice()),
            (&private, far, &[4, 5, 6, 7]),
            (&public, near, &[4, 5, 6, 7]),
            (&public, far, &[4, 5, 6, 7]),
            (&relay, near, &[]),
            (&relay, far, &[1, 3, 5, 7]),
        ] {
            for mask in 0..8 {
                let expected = masks.contains(&mask);
                let is_reached = reaches(base, remote, enable(mask));
                assert_eq!(is_reached, expected, "{base:?} to {remote} with {mask}");
            }
        }
        let loopback = base("127.0.0.1:5", false);
        assert!(reaches(&loopback, "127.0.0.9:5", enable(7)));
        assert!(!reaches(&loopback, near, enable(7)));
        assert!(!reaches(&private, "127.0.0.1:5", enable(7)));
        assert!(!reaches(&private, "[2001:db8::1]:5", enable(7)));
    }

    #[test]
    fn a_failed_pair_is_tried_again_later_each_time() {
        let mut pair = Pair::new(
            base("192.168.1.2:5", false),
            remote("192.168.1.3:5", CandidateKind::Host),
        );
        let mut waits = std::vec::Vec::new();
        for _ in 0..7 {
            pair.fail(Timestamp::ZERO);
            waits.push(pair.deadline(true).unwrap().as_micros() / 1_000_000);
            assert_eq!(pair.deadline(false), None);
        }
        assert_eq!(waits, [2, 4, 8, 16, 32, 32, 32]);
    }
}
