//! A peer that asks for what it has: has it begun anew?
//!
//! A program that crashes says no goodbye. When it comes back it has other keys and asks anew, while for us the old
//! connection stands until its silence is noticed, which takes 10 to 20 s and longer than the peer keeps asking. So a
//! request of the peer of a connection that stands, where there is to be one between the two, has the peer asked along
//! that connection whether it still has it: by a probe every 200 ms. The first packet of it that decrypts settles that it
//! has. If none comes, the connection has ended as after a longer silence, and the peer's next request is taken.
//!
//! A request proves little: anybody may play an old one again. It ends nothing that is alive, since only silence does.
//! And so that it does not take from a connection, time and again, the 10 s that a network may be away, a request whose
//! sender turned out to be well is not asked about twice. Signatures are looked at once a second.
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
/// Requests that are remembered as void.
const MAX_VOID: usize = 4;

/// What is asked and known; see the module's documentation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Challenge {
    running: Option<Running>,
    next_check: Timestamp,
    /// Requests whose sender has the connection still, the latest first.
    void: [Option<RequestTag>; MAX_VOID],
}

#[derive(Clone, Copy, Debug)]
struct Running {
    since: Timestamp,
    next_probe: Timestamp,
    tag: RequestTag,
}

/// The first bytes of a signature, which nobody can choose.
type RequestTag = [u8; 8];

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
    fn takes(&mut self, now: Timestamp, tag: RequestTag) -> bool {
        if self.running.is_some() || now < self.next_check || self.void.contains(&Some(tag)) {
            return false;
        }
        self.next_check = now + CHECK_INTERVAL;
        true
    }

    const fn begin(&mut self, now: Timestamp, tag: RequestTag) {
        self.running = Some(Running {
            since: now,
            next_probe: now,
            tag,
        });
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
            let tag = running.tag;
            self.running = None;
            self.void.rotate_right(1);
            if let Some(latest) = self.void.first_mut() {
                *latest = Some(tag);
            }
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
        let signature = request.crypt.signature.as_deref();
        let tag = signature.and_then(<[u8]>::first_chunk::<8>);
        let (Some(tag), Some(party)) = (tag, &mut self.party) else {
            return DropReason::WrongState;
        };
        let is_taken = matches!(self.state, State::Connected { .. });
        if !is_taken || !party.challenge.takes(now, *tag) {
            return DropReason::WrongState;
        }
        let peer = match self.check_signaled(now, &request.cert, &request.crypt) {
            Ok(peer) => peer,
            Err(refused) => {
                tracing::debug!(id = %self.id, %refused, "request of a connected peer refused");
                return refused.drop_reason();
            }
        };
        if (peer.authenticated || !self.peer.authenticated)
            && let Some(party) = &mut self.party
        {
            tracing::debug!(id = %self.id, "the peer asks anew: does it still answer?");
            party.challenge.begin(now, *tag);
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
                self.fail(now, EndReason::MISC_TIMEOUT, "The peer has begun anew");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAG: RequestTag = [1; 8];

    fn at(ms: u64) -> Timestamp {
        Timestamp::ZERO + Span::from_millis(ms)
    }

    /// Begins one at 5000, and plays until it ends: how many probes, and when it was given up.
    fn play(challenge: &mut Challenge, heard_at: impl Fn(u64) -> u64) -> (usize, Option<u64>) {
        assert!(challenge.takes(at(5_000), TAG));
        challenge.begin(at(5_000), TAG);
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

    #[test]
    fn silence_is_an_answer_after_two_seconds() {
        let mut challenge = Challenge::default();
        assert_eq!(play(&mut challenge, |_| 5_000), (10, Some(7_000)));
    }

    #[test]
    fn who_answers_is_believed_and_the_request_is_not() {
        let mut challenge = Challenge::default();
        assert_eq!(play(&mut challenge, |ms| ms.min(5_050)), (1, None));
        assert!(!challenge.takes(at(60_000), TAG), "it is void");
        assert!(challenge.takes(at(60_000), [2; 8]), "another is not");
    }

    #[test]
    fn limit_requests_of_a_connected_peer() {
        let mut challenge = Challenge::default();
        assert!(challenge.takes(at(5_000), TAG));
        for ms in 5_000..6_000 {
            assert!(
                !challenge.takes(at(ms), [9; 8]),
                "one signature in a second"
            );
        }
        for number in 0..100u8 {
            let now = at(10_000 + 3_000 * u64::from(number));
            assert!(challenge.takes(now, [number; 8]));
            challenge.begin(now, [number; 8]);
            assert!(!challenge.takes(now, [200; 8]), "one at a time");
            assert_eq!(challenge.step(now, now + CHALLENGE), Step::Nothing);
            assert!(challenge.running.is_none());
        }
        let kept = challenge.void.iter().flatten().count();
        assert_eq!(kept, MAX_VOID);
    }
}
