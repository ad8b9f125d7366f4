//! What a connection waits for. Nothing is stored: each part tells its own deadline, and the earliest
//! one counts, so a deadline cannot be forgotten when the reason for it goes away.

use crate::connection::Connection;
use crate::connection::State;
use crate::end_reason::EndReason;
use crate::event::TimerKind;
use crate::ids::VirtualPort;
use crate::time::Timestamp;

impl Connection {
    /// The next deadline and what it is for: call [`Connection::handle_timeout`] then.
    pub fn poll_timeout(&self) -> Option<(Timestamp, TimerKind)> {
        if self.party.is_none() {
            return self.own_deadline();
        }
        let signal = self.signal_deadline().map(|at| (at, TimerKind::Signal));
        let way = self.agent_deadline().map(|at| (at, TimerKind::Way));
        let next = self.own_deadline().into_iter().chain(signal).chain(way);
        let (at, kind) = next.min_by_key(|next| next.0)?;
        // As below: what is due and was not done at this time is done a little later.
        Some((at.max(self.now + MIN_WAIT), kind))
    }

    fn own_deadline(&self) -> Option<(Timestamp, TimerKind)> {
        if let Some(pipe) = &self.pipe {
            let linger = self.linger_deadline().map(|at| (at, TimerKind::Linger));
            let expiry = pipe.too_old_at().map(|at| (at, TimerKind::Expiry));
            let answer = self.answer_deadline().map(|at| (at, TimerKind::Initial));
            let next = linger.into_iter().chain(expiry).chain(answer);
            return next.min_by_key(|next| next.0);
        }
        match &self.state {
            State::Dialing(dialing) => {
                let retry = (dialing.next_attempt(), TimerKind::HandshakeRetry);
                let deadline = self.initial_deadline(dialing.since()).min(retry);
                Some(self.or_expiry(deadline))
            }
            State::Deciding(deciding) => {
                Some(self.or_expiry(self.initial_deadline(deciding.since())))
            }
            State::Rendezvous { since, .. } => {
                let deadline = self.or_expiry(self.rendezvous_deadline(*since));
                let probes = self.is_finding_route() && self.path.is_usable();
                Some(match probes {
                    true => deadline.min(self.probe_deadline()),
                    false => deadline,
                })
            }
            State::Connected { .. } | State::Linger { .. } => Some(self.active_deadline()),
            State::FinWait { until, .. } => {
                let end = (*until, TimerKind::FinWait);
                Some(self.close_retry().map_or(end, |retry| end.min(retry)))
            }
            State::Failed => self.close_retry(),
            State::ClosedByPeer | State::Dead => None,
        }
    }

    pub(super) fn on_timeout(&mut self, now: Timestamp) {
        if self.pipe.is_some() {
            return self.on_pipe_timeout(now);
        }
        self.sender.expire(now);
        self.tell_writable();
        self.on_agent_timeout(now);
        self.on_signal_timeout(now);
        match &self.state {
            State::Dialing(dialing) => {
                let (initial, next) = (dialing.since(), dialing.next_attempt());
                if self.initial_deadline(initial).0 <= now {
                    self.fail(
                        now,
                        EndReason::MISC_TIMEOUT,
                        "The peer did not answer in time",
                    );
                } else if next <= now {
                    self.start_attempt(now);
                }
            }
            State::Deciding(deciding) => {
                if self.initial_deadline(deciding.since()).0 <= now {
                    let text = "The application did not accept in time";
                    self.fail(now, EndReason::MISC_TIMEOUT, text);
                }
            }
            State::Rendezvous { stage, since } => {
                let stage = *stage;
                if self.rendezvous_deadline(*since).0 <= now {
                    self.on_rendezvous_timeout(now, stage);
                } else if self.liveness.on_timeout(now) {
                    self.telemetry.link.reply_timed_out();
                    self.on_missed_reply(now);
                }
            }
            State::Connected { .. } | State::Linger { .. } => self.on_active_timeout(now),
            State::FinWait { until, .. } => {
                if *until <= now {
                    self.set_state(State::Dead);
                } else {
                    self.retry_close(now);
                }
            }
            State::Failed => self.retry_close(now),
            State::ClosedByPeer | State::Dead => {}
        }
    }

    fn on_active_timeout(&mut self, now: Timestamp) {
        self.telemetry.link.tick(now);
        self.on_challenge_timeout(now);
        if !self.state.is_active() {
            return;
        }
        if let Some(at) = self.lost_way_deadline() {
            // Nothing can be sent or asked meanwhile.
            if at <= now {
                self.on_lost(now);
            }
            self.give_up_linger(now);
            return;
        }
        if let Some(keys) = &mut self.keys {
            keys.forget_old(now);
        }
        self.release_in_order(now);
        self.take_missing_for_lost(now);
        if self.sender.on_retransmit_timeout(now) > 1 {
            self.path.on_silence();
        }
        if self.liveness.on_timeout(now) {
            self.telemetry.link.reply_timed_out();
            self.on_missed_reply(now);
            self.doubt_way(now);
        }
        if self.liveness.is_lost(now, self.config.timeout_connected()) {
            self.on_lost(now);
        } else if self.liveness.is_idle(now) {
            self.rest(now);
        }
        self.give_up_linger(now);
    }

    fn take_missing_for_lost(&mut self, now: Timestamp) {
        let (exchange, recorder) = (&mut self.telemetry.exchange, &mut self.recorder);
        let path = &mut self.path;
        self.sender.on_missing_timeout(now, |packet| {
            path.on_fate(now, packet);
            recorder.saw_lost(packet.number);
            exchange.lost(packet.number);
        });
        self.path.look_for_black_hole();
    }

    fn close_retry(&self) -> Option<(Timestamp, TimerKind)> {
        self.close_retry_at().map(|at| (at, TimerKind::CloseRetry))
    }

    fn initial_deadline(&self, since: Timestamp) -> (Timestamp, TimerKind) {
        (since + self.config.timeout_initial(), TimerKind::Initial)
    }

    /// Each step to a peer may take so long (GNS: the same), but packets to identities have no longer for all of them, as
    /// Steam says of its own.
    fn rendezvous_deadline(&self, since: Timestamp) -> (Timestamp, TimerKind) {
        let party = self.party.as_ref();
        let party = party.filter(|party| party.ports.local == VirtualPort::PACKETS);
        self.initial_deadline(party.map_or(since, |party| party.began))
    }

    /// The earlier of a deadline and the time when a message that waits grows too old.
    fn or_expiry(&self, deadline: (Timestamp, TimerKind)) -> (Timestamp, TimerKind) {
        match self.sender.too_old_at() {
            Some(at) if at < deadline.0 => (at, TimerKind::Expiry),
            Some(_) | None => deadline,
        }
    }

    /// When a connection that had a way and has none any more is lost. That it was in doubt before counts.
    fn lost_way_deadline(&self) -> Option<Timestamp> {
        let since = self.party.as_ref()?.way.missing_since()?;
        let since = self.liveness.silent_since().unwrap_or(since).min(since);
        Some(since + self.config.timeout_connected())
    }

    /// When a way that no packet has come along yet is asked after again. Whatever else waits, such as
    /// messages, waits for the answer.
    fn probe_deadline(&self) -> (Timestamp, TimerKind) {
        let liveness = self.liveness.next_deadline(self.config.timeout_initial());
        (liveness, TimerKind::Keepalive)
    }

    fn active_deadline(&self) -> (Timestamp, TimerKind) {
        let deadline = self.own_active_deadline();
        match self.challenge_deadline() {
            Some(at) if at < deadline.0 => (at.max(self.now + MIN_WAIT), TimerKind::Keepalive),
            Some(_) | None => deadline,
        }
    }

    fn own_active_deadline(&self) -> (Timestamp, TimerKind) {
        if let Some(at) = self.lost_way_deadline() {
            let linger = self.linger_deadline().map(|at| (at, TimerKind::Linger));
            let lost = self.or_expiry((at, TimerKind::ReplyTimeout));
            return linger.map_or(lost, |linger| linger.min(lost));
        }
        let liveness = self.liveness.next_deadline(self.config.timeout_connected());
        let mut earliest = (liveness, TimerKind::Keepalive);
        let mut consider = |at: Option<Timestamp>, kind| {
            if let Some(at) = at.filter(|at| *at < earliest.0) {
                earliest = (at, kind);
            }
        };
        consider(self.receiver.acks.due(), TimerKind::Ack);
        consider(self.receiver.reorder.due(), TimerKind::Reorder);
        consider(self.sender.loss_deadline(), TimerKind::Retransmit);
        consider(self.sender.rides_alone_at(), TimerKind::Retransmit);
        consider(self.linger_deadline(), TimerKind::Linger);
        consider(self.telemetry.exchange.next_deadline(), TimerKind::Stats);
        if let Some((at, paced)) = self.sender.next_send_at(self.now, self.plaintext_room()) {
            let kind = if paced {
                TimerKind::Pace
            } else {
                TimerKind::Nagle
            };
            consider(Some(at), kind);
        }
        earliest = self.or_expiry(earliest);
        // A deadline in the past would be a loop without progress; a microsecond is soon enough.
        (earliest.0.max(self.now + MIN_WAIT), earliest.1)
    }
}

/// The least time between two wake-ups of a connection that has just been polled dry.
const MIN_WAIT: crate::time::Span = crate::time::Span::from_micros(1);
