//! A peer that asks for what it has: has it begun anew?
//!
//! A program that crashes says no goodbye. When it comes back it has other keys and asks anew, while for us the old
//! connection stands until its silence is noticed, which takes 10 to 20 s and longer than the peer keeps asking. So a
//! request of the peer of a connection that stands, where there is to be one between the two, has the peer asked along
//! that connection whether it still has it: by a probe every 200 ms. The first packet of it that decrypts settles that it
//! has. If none comes, the connection has ended as after a longer silence, and the peer's next request is taken.
//!
//! A request proves little: anybody may play an old one again, and without trusted roots make one. It ends nothing that
//! is alive, since only silence does. And so that whoever has requests does not take from a connection, time and again,
//! the 10 s that a network may be away, a peer that turned out to be well is asked once more after two seconds, and then
//! after longer and longer pauses, whatever the request. Once more, for what was heard of it may have been the last of a
//! program that ended while the next one began. Signatures are looked at once a second.
//!
//! A request that waits for the application needs no probe: its sender repeats it twice a second. Once it has been silent
//! for so long another request of the peer ends it, and the next one is taken.
//!
//! DIFFERS: GNS drops such requests, and notices the silence or not before the peer gives up.

use crate::connection::Connection;
use crate::connection::State;
use crate::counters::DropReason;
use crate::end_reason::EndReason;
use crate::p2p::signal::ConnectRequest;
use crate::time::Span;
use crate::time::Timestamp;

/// The peer has so long to answer: ten probes, and more than the stall of a radio or of a busy machine.
const CHALLENGE: Span = Span::from_secs(2);
/// Between probes, as where a peer owes a reply.
const PROBE_INTERVAL: Span = Span::from_millis(200);
/// Requests are looked at no more often: their signatures cost something.
const CHECK_INTERVAL: Span = Span::from_secs(1);
/// After the first answer.
const FIRST_PAUSE: Span = Span::from_secs(2);
/// After the second one. It doubles with each further one.
const LONG_PAUSE: Span = Span::from_secs(64);
/// The longest: of outages of 7 s, say, one in two hundred meets a challenge then. When nobody has asked for as long
/// after a pause, all begins again with the first.
const MAX_PAUSE: Span = Span::from_secs(1024);
/// What the application hears of the old one.
const BEGUN_ANEW: &str = "The peer has begun anew";

/// What is asked and known; see the module's documentation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Challenge {
    running: Option<Running>,
    /// No request is looked at before.
    next_check: Timestamp,
    /// The last one; `None` if the peer was not asked of late.
    pause: Option<Span>,
}

#[derive(Clone, Copy, Debug)]
struct Running {
    since: Timestamp,
    next_probe: Timestamp,
}

/// What a connection is to do for its challenge.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Step {
    Nothing,
    Probe,
    /// The peer has not answered.
    GiveUp,
}

impl Challenge {
    /// Whether a request is worth a look at its signatures now.
    fn takes(&mut self, now: Timestamp) -> bool {
        if self.running.is_some() || now < self.next_check {
            return false;
        }
        if now >= self.next_check + MAX_PAUSE {
            self.pause = None;
        }
        self.next_check = now + CHECK_INTERVAL;
        true
    }

    const fn begin(&mut self, now: Timestamp) {
        self.running = Some(Running {
            since: now,
            next_probe: now,
        });
    }

    /// The peer has answered.
    fn rest(&mut self, now: Timestamp) {
        let pause = match self.pause {
            None => FIRST_PAUSE,
            Some(FIRST_PAUSE) => LONG_PAUSE,
            Some(last) => MAX_PAUSE.min(last + last),
        };
        self.running = None;
        self.pause = Some(pause);
        self.next_check = now + pause;
    }

    fn deadline(&self) -> Option<Timestamp> {
        let running = self.running?;
        Some(running.next_probe.min(running.since + CHALLENGE))
    }

    /// Time has passed, and the peer was heard of last at `heard_at`.
    fn step(&mut self, now: Timestamp, heard_at: Timestamp) -> Step {
        let Some(running) = &mut self.running else {
            return Step::Nothing;
        };
        if heard_at > running.since {
            self.rest(now);
            return Step::Nothing;
        }
        if now >= running.since + CHALLENGE {
            self.running = None;
            return Step::GiveUp;
        }
        if now < running.next_probe {
            return Step::Nothing;
        }
        running.next_probe = now + PROBE_INTERVAL;
        Step::Probe
    }
}

impl Connection {
    /// The peer asks for the connection that it has. The request is dropped, whatever comes of it.
    pub(super) fn on_request_anew(
        &mut self,
        now: Timestamp,
        request: &ConnectRequest,
    ) -> DropReason {
        let is_called = self.is_called();
        let Some(party) = &mut self.party else {
            return DropReason::WrongState;
        };
        let is_silent = is_called && party.heard_at + CHALLENGE <= now;
        let is_taken = is_silent || matches!(self.state, State::Connected { .. });
        if !is_taken || !party.challenge.takes(now) {
            return DropReason::WrongState;
        }
        let peer = match self.check_signaled(now, &request.cert, &request.crypt) {
            Ok(peer) => peer,
            Err(refused) => {
                tracing::debug!(id = %self.id, %refused, "request of a connected peer refused");
                return refused.drop_reason();
            }
        };
        if self.peer.authenticated && !peer.authenticated {
            return DropReason::WrongState;
        }
        if is_silent {
            self.fail(now, EndReason::MISC_TIMEOUT, BEGUN_ANEW);
        } else if let Some(party) = &mut self.party {
            tracing::debug!(id = %self.id, "the peer asks anew: does it still answer?");
            party.challenge.begin(now);
            self.on_challenge_timeout(now);
        }
        DropReason::WrongState
    }

    /// When the challenge goes on.
    pub(crate) fn challenge_deadline(&self) -> Option<Timestamp> {
        self.party.as_ref()?.challenge.deadline()
    }

    /// The challenge goes on, if its time has come.
    pub(crate) fn on_challenge_timeout(&mut self, now: Timestamp) {
        let heard_at = self.liveness.last_received();
        let Some(party) = &mut self.party else {
            return;
        };
        match party.challenge.step(now, heard_at) {
            Step::Nothing => {}
            Step::Probe => self.liveness.probe_at_once(),
            Step::GiveUp => {
                self.fail(now, EndReason::MISC_TIMEOUT, BEGUN_ANEW);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    fn at(ms: u64) -> Timestamp {
        Timestamp::ZERO + Span::from_millis(ms)
    }

    /// Begins one, and plays until it ends: how many probes, and when it was given up.
    fn play(
        challenge: &mut Challenge,
        from: u64,
        heard_at: impl Fn(u64) -> u64,
    ) -> (usize, Option<u64>) {
        assert!(challenge.takes(at(from)));
        challenge.begin(at(from));
        let mut probes = 0;
        while let Some(due) = challenge.deadline() {
            let ms = due.as_micros() / 1000;
            match challenge.step(due, at(heard_at(ms))) {
                Step::Nothing => {}
                Step::Probe => probes += 1,
                Step::GiveUp => return (probes, Some(ms)),
            }
        }
        (probes, None)
    }

    /// The peer answers within 50 ms.
    fn play_well(challenge: &mut Challenge, from: u64) {
        let played = play(challenge, from, |ms| ms.min(from + 50));
        assert_eq!(played, (1, None));
    }

    #[test]
    fn silence_is_an_answer_after_two_seconds() {
        let mut challenge = Challenge::default();
        let played = play(&mut challenge, 5_000, |_| 5_000);
        assert_eq!(played, (10, Some(7_000)));
    }

    #[test]
    fn regression_who_has_just_answered_is_asked_once_more() {
        let mut challenge = Challenge::default();
        play_well(&mut challenge, 5_000);
        assert!(!challenge.takes(at(7_199)));
        let played = play(&mut challenge, 7_200, |_| 5_050);
        assert_eq!(played, (10, Some(9_200)));
    }

    #[test]
    fn limit_signatures_that_are_looked_at() {
        let mut challenge = Challenge::default();
        let looks = (5_000..8_000).filter(|&ms| challenge.takes(at(ms)));
        assert_eq!(looks.count(), 3);
    }

    #[test]
    fn limit_challenges_of_a_connection() {
        let mut challenge = Challenge::default();
        let mut begun = Vec::new();
        for secs in 0..3_600 {
            if challenge.takes(at(1_000 * secs)) {
                challenge.begin(at(1_000 * secs));
                assert!(!challenge.takes(at(1_000 * secs)), "one at a time");
                let answered = at(1_000 * secs + 50);
                assert_eq!(challenge.step(answered, answered), Step::Nothing);
                begun.push(secs);
            }
        }
        assert_eq!(begun, [0, 3, 68, 197, 454, 967, 1992, 3017]);
        let later = 3_600 + 2 * 1_024;
        play_well(&mut challenge, 1_000 * later);
        assert!(
            challenge.takes(at(1_000 * (later + 3))),
            "it begins again with the first pause"
        );
    }
}
