//! The choice of a pair.
//!
//! The controlling side chooses the best pair that answered, by a check that says so, and chooses again when a better
//! one answers. The controlled side goes where the latest choice says. Questions for consent repeat the choice and may be
//! late, so a choice that goes back to the pair before is taken only if it still comes a while later.

use crate::ice::IceAgent;
use crate::ice::IceEvent;
use crate::ice::agent::way;
use crate::ice::consent::Selection;
use crate::ice::pair::Nomination;
use crate::ice::pair::Pair;
use crate::ice::pair::PairKey;
use crate::ice::pair::PairState;
use crate::ice::pair::Rank;
use crate::ice::story::What;
use crate::limits::LATE_CHOICE;
use crate::stun::TransactionId;
use crate::time::Span;
use crate::time::Timestamp;

impl IceAgent {
    /// A pair was answered; `was_nominating` if the check had chosen it.
    pub(super) fn on_valid(&mut self, now: Timestamp, key: PairKey, was_nominating: bool) {
        if self.is_controlling {
            if was_nominating {
                self.select(now, key, 0);
            }
            self.choose(now);
            return;
        }
        let Some(pair) = self.checklist.get(key) else {
            return;
        };
        match pair.nomination {
            Some(nomination) if self.is_news(nomination) => {
                self.select(now, key, nomination.number);
            }
            // The peer may take long to see that what it chose is no more. Any way that works is good until then.
            None if self.was_lost && self.selection.is_none() => self.select(now, key, 0),
            Some(_) | None => {}
        }
    }

    /// Whether a check that chooses a pair is perhaps from before another one was chosen: a question for consent on a
    /// way that is slow. Whoever means it asks again.
    pub(super) fn is_late_choice(&self, now: Timestamp, key: PairKey, id: TransactionId) -> bool {
        let pair = self.checklist.get(key);
        let last = pair.and_then(|pair| pair.nomination);
        last.is_some_and(|last| last.id != id && last.number < self.nominations)
            && now.since(self.chosen_at) < LATE_CHOICE
    }

    /// The peer chooses a pair.
    pub(super) fn on_nominated(&mut self, now: Timestamp, key: PairKey, id: TransactionId) {
        let number = self.nominations.saturating_add(1);
        let Some(pair) = self.checklist.get_mut(key) else {
            return;
        };
        if pair.nomination.is_some_and(|last| last.id == id) {
            // The same check again: perhaps late, and other choices have been made since.
            return;
        }
        let is_first = pair.nomination.is_none();
        if pair
            .nomination
            .is_none_or(|last| last.number < self.nominations)
        {
            self.chosen_at = now;
        }
        pair.nomination = Some(Nomination { id, number });
        self.nominations = number;
        let is_valid = pair.is_valid();
        if is_first {
            let way = way(key);
            self.tell(now, What::Nominated { way, by_us: false });
        }
        if is_valid {
            self.select(now, key, number);
        }
    }

    /// As the controlling side: chooses the best pair that answered, unless it is chosen already.
    pub(super) fn choose(&mut self, now: Timestamp) {
        if !self.is_controlling {
            return;
        }
        let Some(best) = self.checklist.best_valid(true) else {
            return;
        };
        let (best_key, best_rank) = (best.key(), best.rank(true));
        let is_chosen = best.is_nominating();
        let is_better = self.selected_rank().is_none_or(|rank| best_rank > rank);
        if is_chosen || !is_better {
            return;
        }
        for pair in self.checklist.iter_mut() {
            pair.stop_nominating();
        }
        let way = way(best_key);
        self.tell(now, What::Nominated { way, by_us: true });
        self.start_nomination(now, best_key);
    }

    /// The rank of the pair that is selected.
    pub(super) fn selected_rank(&self) -> Option<Rank> {
        let pair = self.checklist.get(self.selected_key()?)?;
        Some(pair.rank(self.is_controlling))
    }

    /// Packets go this way from now on.
    fn select(&mut self, now: Timestamp, key: PairKey, nomination: u32) {
        if let Some(selection) = &mut self.selection
            && selection.key() == key
        {
            selection.nomination = nomination;
            return;
        }
        let Some(pair) = self.checklist.get(key) else {
            return;
        };
        let (kind, rtt) = (pair.route_kind(), rtt_of(pair));
        self.selection = Some(Selection::new(now, key, nomination, &mut self.rng));
        let way = way(key);
        self.tell(now, What::Selected { way, kind });
        let (local, remote) = key;
        self.push_event(IceEvent::Selected {
            local,
            remote,
            kind,
            rtt,
        });
    }

    /// Whether a choice of the peer's is later than the one that is followed.
    fn is_news(&self, nomination: Nomination) -> bool {
        let followed = self.selection.as_ref();
        followed.is_none_or(|selection| nomination.number > selection.nomination)
    }
}

pub(super) const fn rtt_of(pair: &Pair) -> Option<Span> {
    match pair.state {
        PairState::Valid { rtt, .. } => rtt,
        PairState::Waiting | PairState::Checking(_) | PairState::Failed { .. } => None,
    }
}
