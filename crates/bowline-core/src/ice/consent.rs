//! Whether the peer still agrees to be sent packets along the way that is selected (RFC 7675).
//!
//! Every 15 seconds or so a check asks, each a new one, and every second while it is not answered. What answers any
//! of them, and data that is proven to be the peer's, is consent for 30 seconds from then on. Checks of the
//! controlling side repeat its choice, so that a controlled side that followed an older one comes along; the first
//! is earlier for that.
//!
//! Questions go out at multiples of 100 ms, so that those of a thousand silent connections share wake-ups and system
//! calls, as keepalives do.

use alloc::collections::VecDeque;

use crate::address::PeerAddr;
use crate::ice::IceAgent;
use crate::ice::IceEvent;
use crate::ice::agent::way;
use crate::ice::nominate::rtt_of;
use crate::ice::pair::PairKey;
use crate::ice::pair::PairState;
use crate::ice::story::What;
use crate::ids::LocalId;
use crate::limits::CONSENT_INTERVAL;
use crate::limits::CONSENT_LIFETIME;
use crate::limits::CONSENT_RETRY;
use crate::limits::DETOUR_LIFETIME;
use crate::limits::DOUBT_AFTER;
use crate::limits::DOUBT_INTERVAL;
use crate::limits::FIRST_CONSENT_INTERVAL;
use crate::limits::MAX_CONSENT_CHECKS;
use crate::memory;
use crate::rng::Rng;
use crate::stun::TransactionId;
use crate::time::Span;
use crate::time::Timestamp;

/// The pair that packets take.
#[derive(Clone, Debug)]
pub(super) struct Selection {
    local: LocalId,
    remote: PeerAddr,
    /// The choice of the peer's that is followed; as the controlling side 0.
    pub(super) nomination: u32,
    /// When the peer is asked next.
    ask_at: Timestamp,
    /// When it last showed that it agrees.
    proven: Timestamp,
    /// Until when that counts.
    expires: Timestamp,
    /// The latest questions, and none before one that was answered.
    asked: VecDeque<TransactionId>,
    is_doubted: bool,
    /// Nothing has shown that the peer agrees since it was asked last.
    is_unanswered: bool,
}

/// Questions are asked at multiples of this.
const GRID: Span = Span::from_millis(100);

impl Selection {
    pub(super) fn new(now: Timestamp, key: PairKey, nomination: u32, rng: &mut Rng) -> Self {
        let (local, remote) = key;
        Self {
            local,
            remote: remote.into(),
            nomination,
            ask_at: after(now, FIRST_CONSENT_INTERVAL, rng),
            proven: now,
            expires: now + CONSENT_LIFETIME,
            asked: VecDeque::new(),
            is_doubted: false,
            is_unanswered: false,
        }
    }

    pub(super) fn key(&self) -> PairKey {
        (self.local, self.remote.into())
    }

    /// Heap in bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        memory::of_deque(&self.asked)
    }

    pub(super) fn shrink(&mut self) {
        self.asked.shrink_to_fit();
    }

    #[cfg(test)]
    pub(super) fn questions(&self) -> usize {
        self.asked.len()
    }

    pub(super) fn deadline(&self) -> Timestamp {
        self.ask_at.min(self.expires)
    }
}

impl IceAgent {
    /// Whether that was a question for consent: for which pair.
    pub(super) fn asked_for_consent(&self, id: TransactionId) -> Option<PairKey> {
        let selection = self.selection.as_ref()?;
        selection.asked.contains(&id).then(|| selection.key())
    }

    /// A question was answered: no other is waited for that was asked before.
    pub(super) fn on_consent_answered(&mut self, id: TransactionId) {
        let Some(selection) = &mut self.selection else {
            return;
        };
        while let Some(asked) = selection.asked.pop_front()
            && asked != id
        {}
        if selection.asked.is_empty() {
            // It is long until the next one.
            selection.asked = VecDeque::new();
        }
    }

    /// Something proves that the peer agrees.
    pub(super) fn note_consent(&mut self, now: Timestamp, key: PairKey) {
        let Some(selection) = &mut self.selection else {
            return;
        };
        if selection.key() != key {
            return;
        }
        selection.proven = now;
        selection.expires = now + CONSENT_LIFETIME;
        if selection.is_doubted || selection.is_unanswered {
            selection.is_doubted = false;
            selection.is_unanswered = false;
            selection.ask_at = after(now, CONSENT_INTERVAL, &mut self.rng);
            // It may be long before more is drawn.
            self.rng.rest();
        }
    }

    /// Asks when it is time to, and gives the way up when there was no answer for too long.
    pub(super) fn watch_consent(&mut self, now: Timestamp) {
        let Some(selection) = &mut self.selection else {
            return;
        };
        if selection.expires <= now {
            self.lose(now);
            return;
        }
        if selection.ask_at > now {
            return;
        }
        let id = TransactionId::new(self.id.get(), &mut self.rng);
        if selection.asked.len() >= MAX_CONSENT_CHECKS {
            selection.asked.pop_front();
        }
        selection.asked.push_back(id);
        selection.is_unanswered = true;
        let patience = match selection.is_doubted {
            true => DOUBT_INTERVAL,
            false => CONSENT_RETRY,
        };
        selection.ask_at = now + patience;
        let key = selection.key();
        self.checks_sent = self.checks_sent.saturating_add(1);
        self.write_check(key, id, self.is_controlling);
    }

    /// Data of the peer came along a pair that works, but is not selected: perhaps the one that is does not work for
    /// the peer any more.
    pub(super) fn note_detour(&mut self, now: Timestamp) {
        let proven = self.selection.as_ref().map(|selection| selection.proven);
        if proven.is_some_and(|proven| now.since(proven) >= DOUBT_AFTER) {
            let pair = self.selected_key().and_then(|key| self.checklist.get(key));
            let round_trip = pair.and_then(rtt_of).unwrap_or(DOUBT_INTERVAL);
            self.doubt_selection(now, DETOUR_LIFETIME + round_trip + round_trip);
        }
    }

    /// Something says that the way does not work: it is asked after at once, and given up without an answer for so
    /// long. Tells whether there were no doubts before.
    pub(super) fn doubt_selection(&mut self, now: Timestamp, lifetime: Span) -> bool {
        let Some(selection) = &mut self.selection else {
            return false;
        };
        let is_new = !selection.is_doubted;
        if is_new {
            selection.is_doubted = true;
            selection.ask_at = now;
        }
        selection.expires = selection.expires.min(now + lifetime);
        is_new
    }

    /// The way that was selected is no more. What is known of the others may be old, so all are tried again.
    pub(super) fn lose(&mut self, now: Timestamp) {
        let Some(selection) = self.selection.take() else {
            return;
        };
        self.was_lost = true;
        self.tell(now, What::Lost(way(selection.key())));
        self.push_event(IceEvent::Lost);
        for pair in self.checklist.iter_mut() {
            // A choice of before counts no more.
            pair.nomination = None;
            if !matches!(pair.state, PairState::Checking(_)) {
                pair.state = PairState::Waiting;
            }
        }
        self.hurry(now);
    }
}

/// That interval from `now`, give or take a fifth, so that connections that began together do not ask together
/// (RFC 7675, section 5.1).
fn after(now: Timestamp, interval: Span, rng: &mut Rng) -> Timestamp {
    let interval = interval.as_micros();
    let jitter = u32::try_from(interval * 2 / 5).unwrap_or(u32::MAX);
    let pause = Span::from_micros(interval * 4 / 5 + u64::from(rng.below(jitter)));
    (now + pause).round_up(GRID)
}
