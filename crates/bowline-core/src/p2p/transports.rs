//! The transports of a connection between peers, and which of them packets take.
//!
//! A *transport* is a means of reaching the peer that looks after itself: ICE finds a way through NATs, watches
//! over it and replaces it; a relay is to be another. Several may work at once. Which one packets take is decided
//! here, by the rules of GNS (p2p.md 9.2 to 9.4), so that both sides settle on the same one:
//!
//! ```text
//!  offer, withdraw ──▶ ┌────────────┐ ──▶ route: where packets go
//!  packets received ─▶ │ Transports │ ──▶ probe: which other transport is to be asked now
//!  pings, silence ───▶ └────────────┘ ──▶ deadline
//! ```
//!
//! * **Confirmed** is a transport of which a packet came that decrypts, until three of our questions in a row are not
//!   answered. Until then it counts as very slow.
//! * **One transport** is always the one that is taken: nothing is compared, and no timer runs for it.
//! * **The first** among several is taken by the side that chooses (the one that accepted, as in ICE) as soon as it
//!   is confirmed; by the other side once the peer uses it, or after a second.
//! * **A better one** takes its place at once while it is new: until it has answered three questions. DIFFERS: GNS
//!   compares it for 15 seconds, in which all goes by the relay. Later the choice *sticks*: the other must be better by
//!   a tenth and 5 ms, and its worst ping of the last 15 seconds better than the best of the present
//!   one. Both are asked every 200 ms while that is measured.
//! * **What is not taken** is asked five times when it comes, and then every ten seconds, so that it is known to work
//!   when it is needed. Such packets say that they are no choice of ours. So is what we take and the peer does not:
//!   that packets come from the peer does not show then that ours arrive.
//!
//! Nothing is polled: a choice is made when something that it depends on has changed. What is needed only for a
//! comparison is in `Contest` and is there only while there are several transports.

mod contest;
mod rules;
#[cfg(test)]
mod tests;

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::ice::RouteKind;
use crate::ids::PacketNumber;
use crate::limits;
use crate::memory;
use crate::p2p::score::Handicap;
use crate::p2p::score::is_local_ping;
use crate::p2p::score::with_margin;
use crate::p2p::transports::contest::Contest;
use crate::p2p::transports::contest::Role;
use crate::stats::PingTracker;
use crate::time::Span;
use crate::time::Timestamp;
use crate::transmit::Via;

pub(crate) use rules::Rules;

/// So many questions in a row without an answer, and a transport is not confirmed any more (GNS: the same).
const MISSED_REPLIES: u8 = 3;
/// The side that does not choose waits so long for the peer's choice (GNS: the same).
const CHOICE_WAIT: Span = Span::from_secs(1);

/// What counts as the ping of a transport of which none was measured.
const UNKNOWN_PING_MS: u32 = 1_000;

/// The means of reaching a peer.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Kind {
    /// Straight to it, or by a TURN server.
    Ice,
    /// Stands in for a second one.
    #[cfg(test)]
    Relay,
}

/// Where packets go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Route {
    pub(crate) via: Via,
    pub(crate) kind: RouteKind,
}

impl Route {
    /// Whether packets take the same path through the network as by `other`, but for a port: then what was
    /// learned of it holds (RFC 9000, section 9.4).
    pub(crate) fn is_path_of(self, other: Self) -> bool {
        self.kind == other.kind
            && self.via.local == other.via.local
            && self.via.remote.ip() == other.via.remote.ip()
    }
}

/// See the module's documentation.
#[derive(Clone, Debug)]
pub(crate) struct Transports {
    /// By kind.
    list: Vec<Transport>,
    taken: Option<Taken>,
    /// What the peer sends its packets by.
    peers: Option<Kind>,
}

/// The transport that packets take.
#[derive(Clone, Copy, Debug)]
struct Taken {
    kind: Kind,
    is_sticky: bool,
}

#[derive(Clone, Debug)]
struct Transport {
    kind: Kind,
    route: Route,
    is_confirmed: bool,
    /// Questions in a row that were not answered.
    missed: u8,
    ping: PingTracker,
    /// The latest round trip.
    rtt: Option<Span>,
    /// Only while there are several.
    contest: Option<Box<Contest>>,
}

impl Transports {
    pub(crate) const fn new() -> Self {
        Self {
            list: Vec::new(),
            taken: None,
            peers: None,
        }
    }

    /// A transport can send from now on, or sends another way than before. `rtt` is what is known of its ping.
    pub(crate) fn offer(&mut self, now: Timestamp, kind: Kind, route: Route, rtt: Option<Span>) {
        let mut ping = PingTracker::new();
        if let Some(rtt) = rtt {
            ping.add_sample(now, ms(rtt));
        }
        match self.find(kind) {
            Some(known) => {
                // That packets came another way says nothing of this one.
                known.is_confirmed &= known.route.is_path_of(route);
                known.route = route;
                known.ping = ping;
                known.rtt = rtt;
                known.missed = 0;
            }
            None => {
                self.unstick();
                self.list.reserve_exact(1);
                self.list.push(Transport {
                    kind,
                    route,
                    is_confirmed: false,
                    missed: 0,
                    ping,
                    rtt,
                    contest: None,
                });
                self.list.sort_unstable_by_key(|transport| transport.kind);
            }
        }
        self.set_up_contests(now);
    }

    /// A transport can send no more.
    pub(crate) fn withdraw(&mut self, now: Timestamp, kind: Kind) {
        self.list.retain(|transport| transport.kind != kind);
        if self.taken.is_some_and(|taken| taken.kind == kind) {
            self.taken = None;
        }
        self.set_up_contests(now);
    }

    /// A packet came by that transport and decrypted; the peer has chosen the transport, or only asks after it.
    /// Returns whether that may change the choice.
    pub(crate) fn on_received(&mut self, now: Timestamp, kind: Kind, is_chosen: bool) -> bool {
        let mut is_news = is_chosen && self.peers != Some(kind);
        if is_chosen {
            self.peers = Some(kind);
        }
        let role = self.role(kind);
        if let Some(transport) = self.find(kind) {
            is_news |= !transport.is_confirmed;
            transport.is_confirmed = true;
            transport.on_answer(now, role);
        }
        is_news
    }

    /// A question that went by the transport that is taken was not answered in time.
    pub(crate) fn on_missed_reply(&mut self) {
        if let Some(transport) = self.taken.and_then(|taken| self.find(taken.kind)) {
            transport.on_missed();
        }
    }

    /// The round trip of a packet that went by the transport that is taken.
    pub(crate) fn on_ping(&mut self, now: Timestamp, rtt: Span) {
        if let Some(transport) = self.taken.and_then(|taken| self.find(taken.kind)) {
            transport.on_ping(now, rtt);
        }
    }

    /// The round trip of a packet that asked after another one ([`Self::wants_probe`]).
    pub(crate) fn on_probe_answered(&mut self, now: Timestamp, probe: PacketNumber, rtt: Span) {
        let mut list = self.list.iter();
        let Some(asked) = list.find(|transport| transport.has_asked(probe)) else {
            return;
        };
        let (kind, role) = (asked.kind, self.role(asked.kind));
        if let Some(transport) = self.find(kind) {
            transport.on_answer(now, role);
            transport.on_ping(now, rtt);
        }
    }

    /// Decides where packets go, and returns it; `None` while there is no transport to send by, or none to be
    /// preferred yet.
    pub(crate) fn choose(&mut self, now: Timestamp, rules: &Rules) -> Option<Route> {
        if let [only] = self.list.as_slice() {
            self.taken = Some(Taken {
                kind: only.kind,
                is_sticky: false,
            });
            return Some(only.route);
        }
        self.note_silence(now);
        self.compare(now, rules);
        self.route()
    }

    /// Which transport is to be asked after by a packet of its own: where to, and whether it is the one that is
    /// taken.
    pub(crate) fn wants_probe(&self, now: Timestamp) -> Option<(Kind, Via, bool)> {
        let due = self.list.iter().find(|transport| {
            let contest = transport.contest.as_ref();
            contest.is_some_and(|contest| contest.asks_at(self.role(transport.kind)) <= now)
        })?;
        Some((due.kind, due.route.via, self.has_taken(due.kind)))
    }

    /// Packet `number` asks after that transport.
    pub(crate) fn on_probe_sent(&mut self, now: Timestamp, kind: Kind, number: PacketNumber) {
        let role = self.role(kind);
        if let Some(transport) = self.find(kind) {
            let worst_ms = transport.ping.worst_recent_ms();
            if let Some(contest) = &mut transport.contest {
                contest.on_asked(now, number, worst_ms, role);
            }
        }
    }

    /// When [`Self::wants_probe`] or [`Self::choose`] has something to say, though nothing happens until then.
    pub(crate) fn deadline(&self, now: Timestamp, rules: &Rules) -> Option<Timestamp> {
        if self.list.len() < 2 {
            return None;
        }
        let contests = self.list.iter().filter_map(|transport| {
            let contest = transport.contest.as_ref()?;
            Some(contest.deadline(self.role(transport.kind)))
        });
        let waits = self.taken.is_none() && !rules.is_choosing;
        let choice = waits.then_some(rules.since + CHOICE_WAIT);
        contests.chain(choice.filter(|at| *at > now)).min()
    }

    /// The latest round trip by the transport that is taken.
    pub(crate) fn rtt(&self) -> Option<Span> {
        let taken = self.taken?;
        let mut list = self.list.iter();
        list.find(|transport| transport.kind == taken.kind)?.rtt
    }

    /// Whether there is more than one.
    pub(crate) const fn is_contested(&self) -> bool {
        self.list.len() > 1
    }

    /// Which transport a packet came by. What belongs to no other is ICE's, which knows many ways at once.
    pub(crate) fn kind_at(&self, via: Via) -> Kind {
        let mut list = self.list.iter();
        list.find(|transport| transport.route.via == via)
            .map_or(Kind::Ice, |transport| transport.kind)
    }

    /// Whether packets may come from there.
    pub(crate) fn has(&self, via: Via) -> bool {
        self.list.iter().any(|transport| transport.route.via == via)
    }

    /// The most heap in bytes.
    pub(crate) const HEAP_BOUND: usize =
        limits::MAX_TRANSPORTS * (size_of::<Transport>() + size_of::<Contest>());

    /// Heap in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        let contests = self.list.iter().filter(|other| other.contest.is_some());
        memory::of_vec(&self.list) + contests.count() * size_of::<Contest>()
    }

    fn route(&self) -> Option<Route> {
        let taken = self.taken?;
        let mut list = self.list.iter();
        Some(list.find(|transport| transport.kind == taken.kind)?.route)
    }

    fn find(&mut self, kind: Kind) -> Option<&mut Transport> {
        self.list
            .iter_mut()
            .find(|transport| transport.kind == kind)
    }

    fn has_taken(&self, kind: Kind) -> bool {
        self.taken.is_some_and(|taken| taken.kind == kind)
    }

    fn role(&self, kind: Kind) -> Role {
        match (self.has_taken(kind), self.peers) {
            (false, _) => Role::Spare,
            (true, Some(peers)) if peers != kind => Role::Taken,
            (true, _) => Role::Used,
        }
    }

    const fn unstick(&mut self) {
        if let Some(taken) = &mut self.taken {
            taken.is_sticky = false;
        }
    }

    /// There is something to compare, or nothing any more.
    fn set_up_contests(&mut self, now: Timestamp) {
        let has_several = self.list.len() > 1;
        for transport in &mut self.list {
            match has_several {
                true if transport.contest.is_none() => {
                    transport.contest = Some(Box::new(Contest::new(now)));
                }
                true => {}
                false => transport.contest = None,
            }
        }
    }

    /// Questions that are not answered count against what they asked after.
    fn note_silence(&mut self, now: Timestamp) {
        for transport in &mut self.list {
            let contest = transport.contest.as_mut();
            if contest.is_some_and(|contest| contest.is_overdue(now)) {
                transport.on_missed();
            }
        }
    }

    fn compare(&mut self, now: Timestamp, rules: &Rules) {
        let scored = self
            .list
            .iter()
            .map(|transport| (self.score(transport, rules), transport.kind));
        // Of equal ones the first in the order of kinds.
        let Some((best_score, best)) = scored.min() else {
            return;
        };
        let is_confirmed = |kind| {
            let mut list = self.list.iter();
            list.any(|transport| transport.kind == kind && transport.is_confirmed)
        };
        if !is_confirmed(best) {
            return;
        }
        let Some(taken) = self.taken else {
            let may_take =
                rules.is_choosing || self.peers == Some(best) || now >= rules.since + CHOICE_WAIT;
            if may_take {
                self.take(now, best);
            }
            return;
        };
        if taken.kind != best {
            let present = self.score_of(taken.kind, rules).unwrap_or(u64::MAX);
            let sticks = taken.is_sticky && is_confirmed(taken.kind);
            let is_worth_it = sticks && with_margin(best_score) < present;
            self.measure(is_worth_it);
            if sticks && !(is_worth_it && self.is_steadily_better(now, best, taken.kind, rules)) {
                return;
            }
            self.take(now, best);
        } else {
            self.measure(false);
        }
        let is_new = |other: &Transport| other.contest.as_ref().is_some_and(|it| it.is_new());
        let has_newcomer = self.list.iter().any(|it| it.kind != best && is_new(it));
        let has_settled = (rules.is_choosing || self.peers == Some(best)) && !has_newcomer;
        if let Some(taken) = &mut self.taken {
            taken.is_sticky |= has_settled;
        }
    }

    fn take(&mut self, now: Timestamp, kind: Kind) {
        self.taken = Some(Taken {
            kind,
            is_sticky: false,
        });
        for transport in &mut self.list {
            if let Some(contest) = &mut transport.contest {
                contest.begin_anew(now);
            }
        }
    }

    /// Asks often, or not any more.
    fn measure(&mut self, is_measuring: bool) {
        for transport in &mut self.list {
            if let Some(contest) = &mut transport.contest {
                contest.measure(is_measuring);
            }
        }
    }

    /// Whether even the worst of one beats the best of the other.
    fn is_steadily_better(&self, now: Timestamp, new: Kind, old: Kind, rules: &Rules) -> bool {
        let range = |kind| {
            let transport = self.list.iter().find(|other| other.kind == kind)?;
            let (best, worst) = transport.contest.as_ref()?.range_ms(now)?;
            let handicap = self.handicap(transport, rules);
            Some((handicap.score(best), handicap.score(worst)))
        };
        match (range(new), range(old)) {
            (Some((_, worst)), Some((best, _))) => with_margin(worst) < best,
            _ => false,
        }
    }

    fn score_of(&self, kind: Kind, rules: &Rules) -> Option<u64> {
        let transport = self.list.iter().find(|other| other.kind == kind)?;
        Some(self.score(transport, rules))
    }

    // DIFFERS: GNS takes none of which no ping is known, though packets come by it.
    fn score(&self, transport: &Transport, rules: &Rules) -> u64 {
        let ping_ms = transport.ping.smoothed_ms().unwrap_or(UNKNOWN_PING_MS);
        self.handicap(transport, rules).score(ping_ms)
    }

    fn handicap(&self, transport: &Transport, rules: &Rules) -> Handicap {
        let kind = transport.kind;
        let is_local = transport.route.kind == RouteKind::Local
            && transport.ping.best_recent_ms().is_some_and(is_local_ping);
        Handicap {
            is_public: kind == Kind::Ice && !is_local,
            is_confirmed: transport.is_confirmed,
            is_not_the_peers: !rules.is_choosing && self.peers != Some(kind),
            penalty_ms: rules.penalty_ms(kind),
        }
    }
}

impl Transport {
    fn on_missed(&mut self) {
        self.missed = self.missed.saturating_add(1);
        if self.missed >= MISSED_REPLIES {
            self.is_confirmed = false;
        }
    }

    fn on_answer(&mut self, now: Timestamp, role: Role) {
        self.missed = 0;
        if let Some(contest) = &mut self.contest {
            contest.on_answer(now, role);
        }
    }

    fn on_ping(&mut self, now: Timestamp, rtt: Span) {
        self.ping.add_sample(now, ms(rtt));
        self.rtt = Some(rtt);
        if let Some(contest) = &mut self.contest {
            contest.on_ping(now, ms(rtt));
        }
    }

    fn has_asked(&self, probe: PacketNumber) -> bool {
        let contest = self.contest.as_ref();
        contest.is_some_and(|contest| contest.has_asked(probe))
    }
}

fn ms(span: Span) -> u32 {
    u32::try_from(span.as_millis()).unwrap_or(u32::MAX)
}
