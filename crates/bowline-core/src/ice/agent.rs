//! The agent's surface: what goes in, what comes out, and when.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::net::SocketAddr;

use crate::address::PeerAddr;
use crate::counters::DropReason;
use crate::ice::CandidateTypes;
use crate::ice::IceConfig;
use crate::ice::IceEvent;
use crate::ice::IceTransmit;
use crate::ice::KindCounts;
use crate::ice::LocalCandidate;
use crate::ice::RouteKind;
use crate::ice::ServerFailure;
use crate::ice::Summary;
use crate::ice::candidate::Local;
use crate::ice::checklist::Checklist;
use crate::ice::consent::Selection;
use crate::ice::credentials;
use crate::ice::pair::Pair;
use crate::ice::pair::PairKey;
use crate::ice::pair::Remote;
use crate::ice::story::Story;
use crate::ice::story::Way;
use crate::ice::story::What;
use crate::ids::ConnectionId;
use crate::ids::LocalId;
use crate::limits::CHECK_INTERVAL;
use crate::limits::DOUBT_LIFETIME;
use crate::limits::FIRST_CHECKS;
use crate::limits::MAX_ICE_CREDENTIAL;
use crate::limits::MAX_ICE_EVENTS;
use crate::limits::MAX_ICE_PACKETS;
use crate::limits::MAX_LOCAL_CANDIDATES;
use crate::memory;
use crate::rng::Rng;
use crate::stun::IntegrityKey;
use crate::time::Timestamp;

/// Looks for a way to a peer, and watches over it. See the module's documentation.
#[derive(Clone)]
pub struct IceAgent {
    pub(super) id: ConnectionId,
    pub(super) key: IntegrityKey,
    pub(super) peer: Option<PeerCredentials>,
    pub(super) is_controlling: bool,
    pub(super) tie_breaker: u64,
    pub(super) rng: Rng,
    pub(super) types: CandidateTypes,
    pub(super) locals: Vec<Local>,
    pub(super) remotes: Vec<Remote>,
    pub(super) checklist: Checklist,
    pub(super) selection: Option<Selection>,
    /// How often the peer has chosen a pair.
    pub(super) nominations: u32,
    /// When it last chose another pair than before.
    pub(super) chosen_at: Timestamp,
    /// How often the peer was told that both have the same role.
    pub(super) conflicts_told: u8,
    /// Whether a way was selected before, and then did not work.
    pub(super) was_lost: bool,
    pacing: Pacing,
    /// What waits to be polled, if anything does.
    queues: Option<Box<Queues>>,
    pub(super) story: Story,
    pub(super) checks_sent: u32,
    pub(super) checks_answered: u32,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Queues {
    packets: VecDeque<(IceTransmit, Vec<u8>)>,
    events: VecDeque<IceEvent>,
}

/// What the peer's messages are known by, and ours to it.
#[derive(Clone, Debug)]
pub(super) struct PeerCredentials {
    pub(super) ufrag: Box<str>,
    pub(super) key: IntegrityKey,
}

/// When the next check may leave.
#[derive(Clone, Copy, Debug)]
struct Pacing {
    /// Checks that may leave at once.
    credit: u8,
    next: Timestamp,
}

impl IceAgent {
    /// An agent without candidates. The peer is to be told its password.
    pub fn new(now: Timestamp, config: IceConfig) -> Self {
        let IceConfig {
            id,
            controlling,
            mask,
            password,
            tie_breaker,
            rng,
        } = config;
        let key = IntegrityKey::short_term(&password);
        let queues = Queues {
            packets: VecDeque::new(),
            events: VecDeque::from([IceEvent::SignalAuth(password)]),
        };
        Self {
            id,
            key,
            peer: None,
            is_controlling: controlling,
            tie_breaker,
            rng,
            types: mask,
            locals: Vec::new(),
            remotes: Vec::new(),
            checklist: Checklist::default(),
            selection: None,
            nominations: 0,
            chosen_at: now,
            conflicts_told: 0,
            was_lost: false,
            pacing: Pacing::new(now),
            queues: Some(Box::new(queues)),
            story: Story::default(),
            checks_sent: 0,
            checks_answered: 0,
        }
    }

    /// There is such a way out of this host. One that the settings do not allow is not taken; another mapping
    /// of a socket replaces the one before. One that is known may be preferred to others more or less than before.
    pub fn add_local(&mut self, now: Timestamp, candidate: LocalCandidate) {
        let of_type = CandidateTypes::of(candidate.kind, candidate.address.ip());
        if !self.types.contains(of_type) || self.is_known(now, &candidate) {
            return;
        }
        self.locals
            .retain(|local| local.base != candidate.base || local.kind != candidate.kind);
        if self.locals.len() >= MAX_LOCAL_CANDIDATES {
            return;
        }
        self.locals.push(Local::from(candidate));
        let kind = candidate.kind;
        let address = candidate.address.into();
        self.tell(now, What::LocalAdded { kind, address });
        self.announce(&candidate);
        self.pair_local(&candidate);
        self.pump(now);
    }

    /// A server that was to tell or lend an address does not.
    pub fn note_failure(&mut self, now: Timestamp, failure: ServerFailure) {
        self.tell(now, What::ServerFailed(failure));
    }

    /// An end of ours is no more: an interface went away, or a relay.
    pub fn remove_local(&mut self, now: Timestamp, local: LocalId) {
        let count = self.locals.len();
        self.locals.retain(|candidate| candidate.base != local);
        if self.locals.len() == count {
            return;
        }
        self.tell(now, What::LocalRemoved(local));
        if let Some(queues) = &mut self.queues {
            let packets = &mut queues.packets;
            packets.retain(|(transmit, _)| transmit.local != local);
        }
        self.checklist.remove_base(local);
        if self.selected_key().is_some_and(|(base, _)| base == local) {
            self.lose(now);
        }
        self.choose(now);
        self.pump(now);
    }

    /// The peer's user fragment ([`credentials::ufrag`]) and its password; checks can begin. Said again
    /// with another password, that one counts from now on: the peer has begun anew.
    pub fn set_remote_credentials(&mut self, now: Timestamp, ufrag: String, password: &str) {
        if ufrag.len() > MAX_ICE_CREDENTIAL || password.len() > MAX_ICE_CREDENTIAL {
            self.tell(now, What::RemoteRefused(DropReason::BadMessage));
            return;
        }
        let key = IntegrityKey::short_term(password);
        let is_known = self.peer.as_ref().is_some_and(|peer| peer.key == key);
        if is_known && self.peer.as_ref().is_some_and(|peer| *peer.ufrag == *ufrag) {
            return;
        }
        if self.peer.is_some() {
            // The peer has begun anew and takes no check made with its old password.
            self.checklist.begin_again();
            self.pacing = Pacing::new(now);
        }
        let ufrag = ufrag.into_boxed_str();
        self.peer = Some(PeerCredentials { ufrag, key });
        self.tell(now, What::PeerKnown);
        self.pump(now);
    }

    /// The peer told a candidate. Told again, kind and priority may have changed.
    ///
    /// # Errors
    /// Those of [`Candidate::parse`](crate::ice::Candidate::parse); [`DropReason::RefusedCandidate`] for an
    /// address that nobody can be reached at, and [`DropReason::TooManyCandidates`] above
    /// [`MAX_REMOTE_CANDIDATES`](crate::limits::MAX_REMOTE_CANDIDATES).
    pub fn add_remote(&mut self, now: Timestamp, text: &str) -> Result<(), DropReason> {
        let added = self.try_add_remote(now, text);
        if let Err(reason) = added {
            self.tell(now, What::RemoteRefused(reason));
        }
        self.pump(now);
        added
    }

    /// A STUN message came to an end of ours.
    ///
    /// # Errors
    /// Why it was not taken. Nothing has changed then.
    pub fn handle_stun(
        &mut self,
        now: Timestamp,
        local: LocalId,
        from: SocketAddr,
        data: &[u8],
    ) -> Result<(), DropReason> {
        self.take_message(now, local, canonical(from), data)?;
        self.pump(now);
        Ok(())
    }

    /// Data of the peer, proven to be its own, came along a way. It shows the peer's consent as well as a check does.
    pub fn on_data_received(&mut self, now: Timestamp, local: LocalId, from: SocketAddr) {
        let key = (local, canonical(from));
        if self.selected_key() == Some(key) {
            self.note_consent(now, key);
        } else if self.checklist.get(key).is_some_and(Pair::is_valid) {
            self.note_detour(now);
            self.pump(now);
        }
    }

    /// The way that is selected seems not to work: it is asked after at once, and given up soon if there is no answer.
    /// Tells whether there were no doubts before.
    pub fn doubt(&mut self, now: Timestamp) -> bool {
        let is_new = self.doubt_selection(now, DOUBT_LIFETIME);
        self.pump(now);
        is_new
    }

    /// Begins anew, in another role: our candidates remain, and are told again after the new password; what the
    /// peer told is forgotten.
    pub fn restart(&mut self, now: Timestamp, controlling: bool, password: String) {
        self.is_controlling = controlling;
        self.key = IntegrityKey::short_term(&password);
        self.peer = None;
        self.remotes.clear();
        self.checklist.clear();
        self.queues = None;
        self.nominations = 0;
        self.conflicts_told = 0;
        self.was_lost = false;
        self.pacing = Pacing::new(now);
        let is_controlling = controlling;
        self.tell(now, What::Restarted { is_controlling });
        if self.selection.take().is_some() {
            self.push_event(IceEvent::Lost);
        }
        self.push_event(IceEvent::SignalAuth(password));
        for local in self.locals.clone() {
            self.announce(&local.into());
        }
    }

    /// The deadline may have passed.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        self.pump(now);
    }

    /// The next packet to send, appended to `out`.
    pub fn poll_transmit(&mut self, out: &mut Vec<u8>) -> Option<IceTransmit> {
        let (transmit, bytes) = self.queues.as_mut()?.packets.pop_front()?;
        self.free_queues();
        out.extend_from_slice(&bytes);
        Some(transmit)
    }

    /// The next thing that the connection should know.
    pub fn poll_event(&mut self) -> Option<IceEvent> {
        let event = self.queues.as_mut()?.events.pop_front()?;
        self.free_queues();
        Some(event)
    }

    /// When [`Self::handle_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        let pairs = self.checklist.deadline(self.retries());
        let consent = self.selection.as_ref().map(Selection::deadline);
        let check = (self.peer.is_some() && self.has_next_check()).then_some(self.pacing.next);
        [pairs, consent, check].into_iter().flatten().min()
    }

    /// Whether the two are a pair: data from elsewhere is not the peer's.
    pub fn knows(&self, local: LocalId, from: SocketAddr) -> bool {
        let key = (local, canonical(from));
        self.selected_key() == Some(key) || self.checklist.get(key).is_some()
    }

    /// Of which kind the way is that has these ends, if there is one.
    pub fn kind_of(&self, local: LocalId, remote: SocketAddr) -> Option<RouteKind> {
        let pair = self.checklist.get((local, canonical(remote)))?;
        Some(pair.route_kind())
    }

    /// The way that packets go.
    pub fn selected(&self) -> Option<(IceTransmit, RouteKind)> {
        let pair = self.checklist.get(self.selected_key()?)?;
        let (local, to) = pair.key();
        Some((IceTransmit { local, to }, pair.route_kind()))
    }

    /// Whether this side chooses. Changes only if both sides had the same role.
    pub const fn is_controlling(&self) -> bool {
        self.is_controlling
    }

    /// How things stand.
    pub fn summary(&self) -> Summary {
        let mut local = KindCounts::default();
        for candidate in &self.locals {
            local.add(candidate.kind, candidate.address.into());
        }
        let mut remote = KindCounts::default();
        for candidate in &self.remotes {
            remote.add(candidate.kind, candidate.address.into());
        }
        Summary {
            local,
            remote,
            checks_sent: self.checks_sent.into(),
            checks_answered: self.checks_answered.into(),
            pairs: self.checklist.iter().count(),
            selected: self.selected().map(|(_, kind)| kind),
        }
    }

    /// What was tried, and what came of it.
    pub const fn story(&self) -> &Story {
        &self.story
    }

    /// Sends whatever is due.
    fn pump(&mut self, now: Timestamp) {
        self.repeat_checks(now);
        self.watch_consent(now);
        if self.peer.is_none() {
            return;
        }
        while self.pacing.next <= now {
            let above = self.selected_rank();
            let Some(key) = self.checklist.take_next(self.is_controlling, above) else {
                return;
            };
            self.pacing.spend(now);
            self.start_check(now, key);
        }
    }

    /// Lets checks leave at once again, as at the beginning.
    pub(super) fn hurry(&mut self, now: Timestamp) {
        self.pacing = Pacing::new(now.max(self.pacing.next));
    }

    fn has_next_check(&self) -> bool {
        let above = self.selected_rank();
        self.checklist.has_next(self.is_controlling, above)
    }

    pub(super) fn selected_key(&self) -> Option<PairKey> {
        self.selection.as_ref().map(Selection::key)
    }

    pub(super) fn push_packet(&mut self, (local, to): PairKey, bytes: Vec<u8>) {
        let packets = &mut self.queues.get_or_insert_default().packets;
        if packets.len() < MAX_ICE_PACKETS {
            packets.push_back((IceTransmit { local, to }, bytes));
        }
    }

    /// Of what happened to the selection only the latest counts, and it is never left out.
    pub(super) fn push_event(&mut self, event: IceEvent) {
        let is_selection =
            |event: &IceEvent| matches!(event, IceEvent::Selected { .. } | IceEvent::Lost);
        let events = &mut self.queues.get_or_insert_default().events;
        if is_selection(&event) {
            events.retain(|other| !is_selection(other));
        } else if events.len() >= MAX_ICE_EVENTS {
            return;
        }
        events.push_back(event);
    }

    /// The next packet or event may be seconds away: an idle connection keeps no memory for it.
    fn free_queues(&mut self) {
        let is_empty = |queues: &Queues| queues.packets.is_empty() && queues.events.is_empty();
        if self.queues.as_deref().is_some_and(is_empty) {
            self.queues = None;
        }
    }

    /// Heap of what waits to be polled, in bytes.
    pub(super) fn queued_bytes(&self) -> usize {
        self.queues.as_ref().map_or(0, |queues| queues.heap_bytes())
    }

    /// What the peer calls us in checks.
    pub(super) fn ufrag(&self) -> String {
        credentials::ufrag(self.id)
    }

    pub(super) fn tell(&mut self, now: Timestamp, what: What) {
        self.story.push(now, what);
    }
}

impl Queues {
    /// Heap in bytes, this included.
    fn heap_bytes(&self) -> usize {
        let packets = self.packets.iter().map(|(_, bytes)| bytes.capacity());
        let texts = self.events.iter().map(|event| match event {
            IceEvent::SignalAuth(text) | IceEvent::SignalCandidate(text) => text.capacity(),
            IceEvent::Selected { .. } | IceEvent::Lost | IceEvent::Permit { .. } => 0,
        });
        size_of::<Self>()
            + memory::of_deque(&self.packets)
            + memory::of_deque(&self.events)
            + packets.chain(texts).sum::<usize>()
    }
}

impl fmt::Debug for IceAgent {
    /// Shows no password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IceAgent")
            .field("id", &self.id)
            .field("is_controlling", &self.is_controlling)
            .field("summary", &self.summary())
            .finish_non_exhaustive()
    }
}

impl Pacing {
    const fn new(now: Timestamp) -> Self {
        Self {
            credit: FIRST_CHECKS,
            next: now,
        }
    }

    fn spend(&mut self, now: Timestamp) {
        self.credit = self.credit.saturating_sub(1);
        if self.credit == 0 {
            self.credit = 1;
            self.next = now + CHECK_INTERVAL;
        }
    }
}

pub(super) fn way((local, remote): PairKey) -> Way {
    let remote = PeerAddr::from(remote);
    Way { local, remote }
}

/// An IPv4 address in its own form, as candidates have it.
const fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}
