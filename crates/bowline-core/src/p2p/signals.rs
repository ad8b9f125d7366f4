//! Signals in and out of a connection.
//!
//! A signal may be lost, doubled, late, or somebody else's. What comes in is taken only from the peer of
//! this connection and, once that is known, under its number; what goes out is made at the time when it
//! leaves, so that it says all that is known by then. There is never more than one that waits.

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec::Vec;

use crate::connection::Connection;
use crate::connection::Input;
use crate::connection::Stage;
use crate::connection::State;
use crate::counters::DropReason;
use crate::debug::log_verbose;
use crate::end_reason::EndReason;
use crate::ice::credentials;
use crate::limits;
use crate::p2p::signal::ReliableMessage;
use crate::p2p::signal::Signal;
use crate::p2p::signal::SignalKind;
use crate::p2p::signal::Unsupported;
use crate::p2p::story::SignalName;
use crate::p2p::transports::Kind;
use crate::time::Timestamp;

impl Connection {
    /// A signal came in. What is wrong with it is counted.
    pub(crate) fn on_signal(&mut self, now: Timestamp, bytes: &[u8]) {
        if let Err(reason) = self.take_signal(now, bytes) {
            tracing::debug!(id = %self.id, %reason, "signal dropped");
            self.recorder.saw_drop(reason);
            self.telemetry.drops.count(reason);
        }
    }

    fn take_signal(&mut self, now: Timestamp, bytes: &[u8]) -> Result<(), DropReason> {
        if self.party.is_none() {
            return Err(DropReason::SignalForAnotherKind);
        }
        let signal = Signal::parse(bytes)?;
        self.check_sender(&signal)?;
        if let SignalKind::ConnectRequest(request) = &signal.kind
            && signal.to_id.is_none()
            && self.peer.id != signal.from_id
        {
            return self.on_crossing_request(now, &signal, request);
        }
        if let Some(party) = &mut self.party {
            party.heard_at = now;
            party.story.signal_came(now, &signal.kind);
        }
        let what = SignalName::of(&signal.kind);
        log_verbose!(self, P2pRendezvous "bowline::p2p_rendezvous", %what, "signal received");
        if let SignalKind::Closed { reason, text } = &signal.kind {
            return self.on_close_signal(now, *reason, text);
        }
        if self.is_over() {
            self.answer_signal_closed(now);
            return Ok(());
        }
        if let SignalKind::ConnectOk(ok) = &signal.kind {
            let from = signal.from_id.ok_or(DropReason::BadMessage)?;
            self.on_connect_ok_signal(now, from, ok)?;
        }
        self.look_at_transports(now, &signal);
        self.take_reliable(now, &signal)?;
        let is_repeated = matches!(signal.kind, SignalKind::ConnectRequest(_));
        if is_repeated && !self.is_called() {
            // Our answer did not arrive.
            self.want_signal(now);
        }
        Ok(())
    }

    /// Whether the signal is from the peer of this connection, and meant for it.
    fn check_sender(&self, signal: &Signal) -> Result<(), DropReason> {
        if signal.to_id.is_some_and(|to| to != self.id) {
            return Err(DropReason::WrongAttempt);
        }
        if self.peer.identity.as_ref() != Some(&signal.from_identity) {
            return Err(DropReason::SignalFromAnother);
        }
        let is_crossing =
            signal.to_id.is_none() && matches!(signal.kind, SignalKind::ConnectRequest(_));
        match (self.peer.id, signal.from_id) {
            (Some(known), Some(from)) if known != from && !is_crossing => {
                Err(DropReason::WrongAttempt)
            }
            // A number may be missing only where it is new to us.
            (Some(_), None) => Err(DropReason::WrongAttempt),
            _ => Ok(()),
        }
    }

    /// A peer that does not look for a direct way leaves us none. Once packets have come along one, a signal,
    /// which proves nothing, takes it from nobody.
    // DIFFERS: GNS gives the way up at any time.
    fn look_at_transports(&mut self, now: Timestamp, signal: &Signal) {
        if signal.ice_enabled || self.state.is_active() {
            return;
        }
        if let Some(party) = &mut self.party
            && party.agent.take().is_some()
        {
            party.story.peer_without_ice(now);
            self.withdraw_transport(now, Kind::Ice);
        }
    }

    /// The reliable part: what was acknowledged, and what is new.
    pub(super) fn take_reliable(
        &mut self,
        now: Timestamp,
        signal: &Signal,
    ) -> Result<(), DropReason> {
        let is_called = self.is_called();
        let Some(party) = &mut self.party else {
            return Ok(());
        };
        if let Some(ack) = signal.ack {
            party.sent.ack(ack)?;
        }
        let Some(first) = signal.first_reliable else {
            return Ok(());
        };
        if is_called && party.early.len() + signal.reliable.len() > limits::MAX_EARLY_SIGNALS {
            // Not acknowledged, so they come again once the application has decided.
            return Err(DropReason::Overload);
        }
        let new = party.received.on_messages(first, signal.reliable.clone());
        if is_called {
            party.early.extend(new);
            return Ok(());
        }
        for message in new {
            self.on_reliable_message(now, message);
        }
        // Acknowledged whether it is new or not: our last acknowledgement may be lost.
        self.want_signal(now);
        Ok(())
    }

    pub(super) fn on_reliable_message(&mut self, now: Timestamp, message: ReliableMessage) {
        let theirs = self.peer.id;
        let Some(party) = &mut self.party else {
            return;
        };
        let Some(agent) = &mut party.agent else {
            return;
        };
        match message {
            ReliableMessage::Auth { password } => {
                if let Some(theirs) = theirs {
                    agent.set_remote_credentials(now, credentials::ufrag(theirs), &password);
                }
            }
            ReliableMessage::Candidate(text) => {
                if let Err(reason) = agent.add_remote(now, &text) {
                    tracing::debug!(id = %self.id, %reason, "candidate not taken");
                    self.telemetry.drops.count(reason);
                }
            }
            ReliableMessage::Unknown => {}
        }
        self.follow_agent(now);
    }

    /// A signal should leave soon.
    pub(super) fn want_signal(&mut self, now: Timestamp) {
        if let Some(party) = &mut self.party {
            party.pacer.want(now);
        }
    }

    /// The next signal for the peer, which replaces what is in `out`. It is up to the application's service
    /// to carry it there. Polled as the other outputs are.
    pub fn poll_signal(&mut self, now: Timestamp, out: &mut Vec<u8>) -> bool {
        let Some(signal) = self.next_signal(self.now.max(now)) else {
            return false;
        };
        self.note(now, &Input::PollSignal);
        out.clear();
        signal.encode(out);
        self.on_signal_left(self.now, &signal);
        true
    }

    /// A signal left when this was recorded.
    pub(crate) fn skip_signal(&mut self, now: Timestamp) {
        if let Some(signal) = self.next_signal(now) {
            self.on_signal_left(now, &signal);
        }
    }

    fn on_signal_left(&mut self, now: Timestamp, signal: &Signal) {
        if let Some(party) = &mut self.party {
            party.pacer.on_sent(now);
            if party.sent.due(now) {
                // What did not fit.
                party.pacer.want(now);
            }
            party.story.signal_left(now, &signal.kind);
        }
        let what = SignalName::of(&signal.kind);
        log_verbose!(self, P2pRendezvous "bowline::p2p_rendezvous", %what, "signal sent");
    }

    /// The service that carries signals cannot: without it there is no connection.
    pub fn fail_signaling(&mut self, now: Timestamp) {
        let is_connected = self.state.is_active();
        if self.party.is_some() && !is_connected {
            let text = "The signaling service cannot reach the peer";
            self.fail(now, EndReason::MISC_INTERNAL_ERROR, text);
        }
    }

    /// The service that carries signals may not carry those to the peer: a rule forbids it.
    pub fn forbid_signaling(&mut self, now: Timestamp) {
        let is_connected = self.state.is_active();
        if self.party.is_some() && !is_connected {
            let text = "The signaling service does not allow signals to the peer";
            self.fail(now, EndReason::LOCAL_RIGHTS, text);
        }
    }

    /// What carries signals has been refused itself, and says why.
    pub fn refuse_signaling(&mut self, now: Timestamp, why: &str) {
        let is_connected = self.state.is_active();
        if self.party.is_some() && !is_connected {
            self.fail(now, EndReason::MISC_STEAM_CONNECTIVITY, why);
        }
    }

    fn next_signal(&mut self, now: Timestamp) -> Option<Signal> {
        if let Some(kind) = self.next_close_signal(now) {
            let mut signal = self.empty_signal(kind);
            signal.ack = None;
            return Some(signal);
        }
        let party = self.party.as_ref()?;
        if !party.is_open(now) {
            return None;
        }
        let is_due = party.pacer.is_due(now);
        match self.state {
            State::Rendezvous {
                stage: Stage::Calling,
                ..
            } => {
                let again = party.next_request <= now && party.pacer.next_at() <= now;
                if !is_due && !again {
                    return None;
                }
                let request = self.connect_request(now)?;
                let kind = SignalKind::ConnectRequest(Box::new(request));
                Some(self.signal_with(now, kind))
            }
            State::Rendezvous {
                stage: Stage::FindingRoute,
                ..
            }
            | State::Connected { .. }
            | State::Linger { .. } => {
                if !is_due {
                    return None;
                }
                let answer = self.party.as_ref()?.answer.clone();
                let kind = answer.map_or(SignalKind::None, SignalKind::ConnectOk);
                Some(self.signal_with(now, kind))
            }
            State::Rendezvous {
                stage: Stage::Called,
                ..
            }
            | State::Dialing(_)
            | State::Deciding(_)
            | State::ClosedByPeer
            | State::Failed
            | State::FinWait { .. }
            | State::Dead => None,
        }
    }

    /// A signal with what reliable messages are due.
    fn signal_with(&mut self, now: Timestamp, kind: SignalKind) -> Signal {
        let from_oldest = !matches!(kind, SignalKind::None);
        let mut signal = self.empty_signal(kind);
        if let Some(party) = &mut self.party
            && let Some((first, messages)) =
                party
                    .sent
                    .take(now, limits::SIGNAL_RELIABLE_BYTES, from_oldest)
        {
            signal.first_reliable = Some(first);
            signal.reliable = messages;
        }
        signal
    }

    /// What every signal says.
    fn empty_signal(&self, kind: SignalKind) -> Signal {
        let party = self.party.as_ref();
        let peer = self.peer.identity.as_ref();
        Signal {
            from_identity: self.host.identity.clone(),
            from_id: Some(self.id),
            to_identity: peer.map(ToString::to_string),
            to_id: self.peer.id,
            ice_enabled: party.is_some_and(|party| party.agent.is_some()),
            kind,
            ack: party.map(|party| party.received.ack()),
            first_reliable: None,
            reliable: Vec::new(),
            has_unsupported: Unsupported::default(),
        }
    }

    /// When a signal is due, or the first one may go.
    pub(crate) fn signal_deadline(&self) -> Option<Timestamp> {
        let party = self.party.as_ref()?;
        if matches!(self.state, State::Dead) {
            return None;
        }
        if self.is_over() {
            return party.closing.deadline();
        }
        if party.is_held {
            return None;
        }
        let open_at = match party.opening {
            super::party::Opening::Until(at) => at,
            super::party::Opening::Open => Timestamp::ZERO,
        };
        let request = self
            .is_calling()
            .then(|| party.next_request.max(party.pacer.next_at()));
        let due = [party.pacer.deadline(), request]
            .into_iter()
            .flatten()
            .min();
        if self.is_called() {
            return None;
        }
        let resend = due.map_or_else(|| party.sent.deadline(), |_| None);
        let soonest = [due, resend].into_iter().flatten().min()?;
        Some(soonest.max(open_at))
    }

    /// A signal may be due for the sake of what the peer has not acknowledged.
    pub(crate) fn on_signal_timeout(&mut self, now: Timestamp) {
        if let Some(party) = &mut self.party
            && party.sent.due(now)
        {
            party.pacer.want(now);
        }
    }
}
