//! What is remembered of sessions that are over.

use std::collections::BTreeMap;
use std::collections::HashMap;

use bowline_core::identity::Identity;
use bowline_core::ids::AppId;
use bowline_core::time::Span;
use bowline_core::time::Timestamp;

use crate::hub::session::Allowance;
use crate::limits::ALLOWANCE_KEPT;
use crate::limits::MAX_BLOCKS;
use crate::limits::MAX_KICKED;
use crate::limits::MAX_PAST_SESSIONS;
use crate::limits::MAX_SUPERSEDED;
use crate::limits::RESUME_LIFETIME_SECS;

/// Whose session it was.
type Whose = (AppId, Identity);

/// What is remembered of sessions that are over: what they had used up, so that signing in anew restores nothing, and whom
/// the operator has sent away or who has signed in elsewhere, so that what they got for coming back before is worth nothing any
/// more. A hub that starts anew knows nothing of it, but for whom it is told that the operator has sent away.
#[derive(Debug, Default)]
pub(super) struct Past {
    allowances: Recent<Allowance>,
    /// Until when notes were sealed that are not taken, in microseconds since 1970.
    kicked: Recent<u64>,
    /// The same of those who were sent away from all games. Apart, since a wave of blocks must not drive out kicks.
    blocked: Recent<u64>,
    /// When those were born, in microseconds since 1970, that replaced others: notes from before are not taken.
    superseded: Recent<u64>,
}

/// Things of sessions, of which the oldest go.
#[derive(Debug)]
struct Recent<T> {
    /// With the number of the entry in the list.
    map: HashMap<Whose, (u64, T)>,
    /// By their numbers, which are in the order of time. Each is in the map.
    list: BTreeMap<u64, (Timestamp, Whose)>,
    last: u64,
}

impl Past {
    /// A session is over.
    pub(super) fn keep(&mut self, now: Timestamp, whose: &Whose, allowance: Allowance) {
        self.allowances.expire(now, ALLOWANCE_KEPT);
        self.allowances
            .put(now, whose, allowance, MAX_PAST_SESSIONS);
    }

    /// What its last session had used up, if it ended lately.
    pub(super) fn take(&mut self, whose: &Whose) -> Option<Allowance> {
        self.allowances.take(whose)
    }

    /// The operator has sent somebody away, from one game or from [all](AppId::ANY).
    pub(super) fn kick(&mut self, now: Timestamp, unix_us: u64, whose: &Whose) {
        let lifetime = Span::from_secs(RESUME_LIFETIME_SECS);
        let (list, most) = match whose.0 == AppId::ANY {
            true => (&mut self.blocked, MAX_BLOCKS),
            false => (&mut self.kicked, MAX_KICKED),
        };
        list.expire(now, lifetime);
        list.put(now, whose, unix_us, most);
    }

    /// Somebody who signed in later than the session before has replaced it.
    pub(super) fn supersede(&mut self, now: Timestamp, born_unix_us: u64, whose: &Whose) {
        let lifetime = Span::from_secs(RESUME_LIFETIME_SECS);
        self.superseded.expire(now, lifetime);
        self.superseded
            .put(now, whose, born_unix_us, MAX_SUPERSEDED);
    }

    /// Whether somebody who signed in then has been replaced since.
    pub(super) fn is_superseded(&self, whose: &Whose, born_unix_us: u64) -> bool {
        let superseded = self.superseded.map.get(whose);
        superseded.is_some_and(|(_, by)| born_unix_us < *by)
    }

    /// Whether a note of somebody who signed in then is worth nothing.
    pub(super) fn is_kicked(&self, whose: &Whose, born_unix_us: u64) -> bool {
        let of_all_games = (AppId::ANY, whose.1.clone());
        let kicked = [
            self.kicked.map.get(whose),
            self.blocked.map.get(&of_all_games),
        ];
        let mut kicked = kicked.into_iter().flatten();
        kicked.any(|(_, at)| born_unix_us <= *at)
    }
}

impl<T> Recent<T> {
    /// Takes the place of what there is of the same.
    fn put(&mut self, now: Timestamp, whose: &Whose, value: T, most: usize) {
        self.take(whose);
        self.last += 1;
        self.map.insert(whose.clone(), (self.last, value));
        self.list.insert(self.last, (now, whose.clone()));
        while self.list.len() > most {
            self.drop_oldest();
        }
    }

    fn take(&mut self, whose: &Whose) -> Option<T> {
        let (number, value) = self.map.remove(whose)?;
        self.list.remove(&number);
        Some(value)
    }

    fn expire(&mut self, now: Timestamp, age: Span) {
        let is_old = |(_, (at, _)): (&u64, &(Timestamp, Whose))| *at + age <= now;
        while self.list.first_key_value().is_some_and(is_old) {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        if let Some((_, (_, whose))) = self.list.pop_first() {
            self.map.remove(&whose);
        }
    }
}

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self {
            map: HashMap::new(),
            list: BTreeMap::new(),
            last: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whose(number: usize) -> Whose {
        let identity = format!("str:{number}").parse().unwrap();
        (AppId::new(480), identity)
    }

    #[test]
    fn limit_sessions_that_are_remembered() {
        let mut past = Past::default();
        let now = Timestamp::from_micros(1_000_000);
        for number in 0..=MAX_PAST_SESSIONS {
            past.keep(now, &whose(number), Allowance::default());
        }
        assert!(past.take(&whose(0)).is_none(), "the oldest has made room");
        assert!(past.take(&whose(1)).is_some());
        past.keep(now + ALLOWANCE_KEPT, &whose(0), Allowance::default());
        assert_eq!(past.allowances.list.len(), 1, "the rest is too old");
        assert_eq!(past.allowances.map.len(), 1);
    }

    #[test]
    fn limit_identities_that_were_kicked() {
        let mut past = Past::default();
        let now = Timestamp::from_micros(1_000_000);
        for number in 0..=MAX_KICKED {
            past.kick(now, 7, &whose(number));
        }
        assert!(!past.is_kicked(&whose(0), 7) && past.is_kicked(&whose(1), 7));
        // Again and again the same: what is remembered of it is the latest.
        for at in 8..10 {
            past.kick(now, at, &whose(1));
        }
        assert!(past.is_kicked(&whose(1), 9) && !past.is_kicked(&whose(1), 10));
    }

    #[test]
    fn regression_repeats_drive_out_nobody() {
        let mut past = Past::default();
        let now = Timestamp::from_micros(1_000_000);
        past.kick(now, 7, &whose(0));
        past.supersede(now, 7, &whose(0));
        for at in 0..MAX_KICKED as u64 {
            past.kick(now, at, &whose(1));
        }
        for at in 0..MAX_SUPERSEDED as u64 {
            past.supersede(now, at, &whose(at as usize % 2 + 1));
        }
        assert!(past.is_kicked(&whose(0), 7));
        assert!(past.is_superseded(&whose(0), 6));
        assert_eq!((past.kicked.list.len(), past.superseded.list.len()), (2, 3));
    }

    #[test]
    fn limit_identities_that_were_sent_away_from_all_games() {
        let mut past = Past::default();
        let now = Timestamp::from_micros(1_000_000);
        past.kick(now, 7, &whose(0));
        for number in 0..=MAX_BLOCKS {
            past.kick(now, 7, &(AppId::ANY, whose(number).1));
        }
        assert!(!past.is_kicked(&(AppId::new(570), whose(0).1), 7));
        assert!(past.is_kicked(&(AppId::new(570), whose(1).1), 7));
        assert!(past.is_kicked(&whose(0), 7), "blocks drive out no kicks");
    }

    #[test]
    fn limit_identities_that_signed_in_elsewhere() {
        let mut past = Past::default();
        let now = Timestamp::from_micros(1_000_000);
        past.kick(now, 7, &whose(0));
        for number in 0..=MAX_SUPERSEDED {
            past.supersede(now, 7, &whose(number));
        }
        assert!(!past.is_superseded(&whose(0), 6) && past.is_superseded(&whose(1), 6));
        assert!(!past.is_superseded(&whose(1), 7), "its own");
        assert!(past.is_kicked(&whose(0), 7), "clients cannot undo a kick");
        past.supersede(now + Span::from_secs(RESUME_LIFETIME_SECS), 9, &whose(2));
        assert_eq!(past.superseded.list.len(), 1, "the rest is too old");
    }
}
