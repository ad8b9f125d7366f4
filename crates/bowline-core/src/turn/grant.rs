//! Something that the server grants for a while: a permission or a channel.
//!
//! It is wanted, then asked for, then there; at its time it is looked at again, and is asked for anew if it
//! was of use since. If not it is left to lapse, from which its next use wakes it.

use crate::time::Span;
use crate::time::Timestamp;

/// One grant, and whether it is of use.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grant {
    phase: Phase,
    /// Until when the server has it.
    until: Option<Timestamp>,
    /// Whether it was of use since it was asked for last.
    is_used: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    /// To be asked for as soon as there is room for another request.
    Wanted,
    /// A request is under way.
    Asking,
    /// Nothing to do until then.
    Rest(Timestamp),
    /// Nobody used it: it ends with what the server has granted.
    Lapsing,
    /// The server does not want to, by this error; not asked again until then.
    Refused(u16, Timestamp),
}

/// How long a kind of grant lives.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lifetime {
    /// How long the server keeps it.
    pub(super) granted: Span,
    /// When it is asked for again.
    pub(super) refresh: Span,
}

impl Grant {
    /// One that is of use right now.
    pub(super) const fn wanted() -> Self {
        Self {
            phase: Phase::Wanted,
            until: None,
            is_used: true,
        }
    }

    /// Whether the server has it.
    pub(super) const fn is_granted(&self) -> bool {
        self.until.is_some()
    }

    /// Whether it is to be asked for.
    pub(super) fn is_wanted(&self) -> bool {
        self.phase == Phase::Wanted
    }

    /// The error that it was refused with.
    pub(super) const fn refusal(&self) -> Option<u16> {
        match self.phase {
            Phase::Refused(code, _) => Some(code),
            Phase::Wanted | Phase::Asking | Phase::Rest(_) | Phase::Lapsing => None,
        }
    }

    /// It was of use. Says whether it is wanted again for that.
    pub(super) fn touch(&mut self) -> bool {
        self.is_used = true;
        let wakes = self.phase == Phase::Lapsing;
        if wakes {
            self.phase = Phase::Wanted;
        }
        wakes
    }

    /// A request has left.
    pub(super) fn asked(&mut self) {
        self.phase = Phase::Asking;
        self.is_used = false;
    }

    /// The server has granted it.
    pub(super) fn granted(&mut self, now: Timestamp, lifetime: Lifetime) {
        self.until = Some(now + lifetime.granted);
        self.phase = Phase::Rest(now + lifetime.refresh);
    }

    /// The server cannot now, or did not answer.
    pub(super) fn put_off(&mut self, now: Timestamp, wait: Span) {
        self.phase = Phase::Rest(now + wait);
    }

    /// The server does not want to.
    pub(super) fn refused(&mut self, now: Timestamp, code: u16, wait: Span) {
        self.until = None;
        self.phase = Phase::Refused(code, now + wait);
    }

    /// The server has forgotten all that it had granted.
    pub(super) fn reset(&mut self) {
        self.until = None;
        self.phase = Phase::Wanted;
    }

    /// Whether it lives on.
    pub(super) fn tick(&mut self, now: Timestamp) -> bool {
        if self.until.is_some_and(|until| until <= now) {
            self.until = None;
        }
        match self.phase {
            Phase::Rest(at) if at <= now => {
                self.phase = match self.is_used {
                    true => Phase::Wanted,
                    false => Phase::Lapsing,
                };
            }
            Phase::Refused(_, at) if at <= now => return false,
            Phase::Wanted
            | Phase::Asking
            | Phase::Rest(_)
            | Phase::Lapsing
            | Phase::Refused(..) => {}
        }
        self.phase != Phase::Lapsing || self.until.is_some()
    }

    /// When `tick` has something to do.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        let at = match self.phase {
            Phase::Rest(at) | Phase::Refused(_, at) => Some(at),
            Phase::Wanted | Phase::Asking | Phase::Lapsing => None,
        };
        [at, self.until].into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFETIME: Lifetime = Lifetime {
        granted: Span::from_secs(300),
        refresh: Span::from_secs(240),
    };

    fn at(seconds: u64) -> Timestamp {
        Timestamp::ZERO + Span::from_secs(seconds)
    }

    fn granted() -> Grant {
        let mut grant = Grant::wanted();
        grant.asked();
        grant.granted(at(0), LIFETIME);
        grant
    }

    #[test]
    fn what_is_used_is_wanted_again() {
        let mut grant = granted();
        assert!(!grant.touch());
        assert!(grant.tick(at(239)) && !grant.is_wanted());
        assert_eq!(grant.deadline(), Some(at(240)));
        assert!(grant.tick(at(240)) && grant.is_wanted() && grant.is_granted());
        assert_eq!(grant.deadline(), Some(at(300)));
        assert!(grant.tick(at(300)) && !grant.is_granted());
    }

    #[test]
    fn what_is_not_used_lapses() {
        let mut grant = granted();
        assert!(grant.tick(at(240)) && !grant.is_wanted() && grant.is_granted());
        let mut woken = grant;
        assert!(!grant.tick(at(300)));
        assert!(woken.touch() && woken.is_wanted());
    }

    #[test]
    fn a_refusal_holds_for_a_while() {
        let mut grant = granted();
        grant.refused(at(1), 403, Span::from_secs(300));
        assert_eq!((grant.refusal(), grant.is_granted()), (Some(403), false));
        assert!(!grant.touch() && grant.tick(at(300)));
        assert_eq!(grant.deadline(), Some(at(301)));
        assert!(!grant.tick(at(301)));
    }
}
