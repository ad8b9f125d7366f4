//! How connections end: by the application, by the peer, by failure; and what is answered afterwards.
//!
//! ConnectionClosed goes out once, and again as the answer to every packet that shows that the peer
//! does not know yet, for as long as the connection is remembered. When the peer closed first, those
//! answers are NoConnection. Between peers that have agreed on it, all this happens inside the encryption
//! (`sealed_close`).

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::connection::Connection;
use crate::connection::End;
use crate::connection::State;
use crate::counters::DropReason;
use crate::end_reason::EndReason;
use crate::limits;
use crate::pipe::Pipe;
use crate::send::Sender;
use crate::time::Timestamp;
use crate::wire::udp;

/// What a peer is told when the application gives no text (GNS: the same).
const DEFAULT_TEXT: &str = "Application closed connection";
/// The same if the reason is one of an exception.
const DEFAULT_EXCEPTION_TEXT: &str = "Application closed connection in an unusual way";
/// Takes the place of the text if the application's reason is none that it may give (GNS: the same).
const BAD_REASON_TEXT: &str = "Invalid numeric reason code";

/// What the peer is told when the application closes with this reason and text.
fn closing_words(given: EndReason, text: &str) -> (EndReason, &str) {
    let reason = EndReason::from_app(given.code());
    let text = match text {
        _ if reason == EndReason::APP_OUT_OF_RANGE && given != reason => BAD_REASON_TEXT,
        "" if reason.code() >= EndReason::APP_EXCEPTION_GENERIC.code() => DEFAULT_EXCEPTION_TEXT,
        "" => DEFAULT_TEXT,
        text => text,
    };
    (reason, text)
}

impl Connection {
    /// The application closes.
    pub(super) fn on_close(&mut self, now: Timestamp, reason: EndReason, text: &str, linger: bool) {
        let (reason, text) = closing_words(reason, text);
        match &mut self.state {
            State::Connected { answered } if linger && !is_drained(&self.sender, &self.pipe) => {
                let answered = answered.take();
                self.set_end(reason, text);
                self.sender.flush(now);
                self.set_state(State::Linger {
                    answered,
                    since: now,
                });
            }
            State::Connected { .. }
            | State::Dialing(_)
            | State::Deciding(_)
            | State::Rendezvous { .. } => {
                self.set_end(reason, text);
                self.finish(now, false);
            }
            State::Linger { .. } => {
                if !linger {
                    self.finish(now, false);
                }
            }
            State::ClosedByPeer => self.finish(now, true),
            State::Failed => self.finish(now, false),
            State::FinWait { .. } | State::Dead => {}
        }
    }

    /// Something is wrong: the connection ends here, and the peer is told.
    pub(crate) fn fail(&mut self, now: Timestamp, reason: EndReason, text: &str) {
        match self.state {
            State::Dialing(_)
            | State::Deciding(_)
            | State::Rendezvous { .. }
            | State::Connected { .. } => {
                tracing::debug!(id = %self.id, %reason, text, "connection failed");
                self.set_end(reason, text);
                self.sender.discard();
                // Packets do not reach a peer that is not heard of.
                let is_reached = self.state.is_active() && reason != EndReason::MISC_TIMEOUT;
                self.set_state(State::Failed);
                self.begin_closing(is_reached);
                self.send_closed();
            }
            // The application is gone already: nobody to tell but the peer.
            State::Linger { .. } => {
                self.set_end(reason, text);
                self.finish(now, false);
            }
            State::ClosedByPeer | State::Failed | State::FinWait { .. } | State::Dead => {}
        }
    }

    /// A lingering connection has delivered all, or cannot any more.
    pub(super) fn finish_linger(&mut self, now: Timestamp) {
        let drained = is_drained(&self.sender, &self.pipe);
        if matches!(self.state, State::Linger { .. }) && drained {
            self.finish(now, false);
        }
    }

    /// When a lingering connection gives up: a peer that lives and acknowledges nothing would keep it
    /// for ever.
    pub(super) fn linger_deadline(&self) -> Option<Timestamp> {
        let State::Linger { since, .. } = self.state else {
            return None;
        };
        let delivered_at = match &self.pipe {
            Some(pipe) => pipe.moved_at(),
            None => self.sender.delivered_at(),
        };
        let progress = delivered_at.max(since);
        Some(progress + limits::MAX_LINGER)
    }

    /// A lingering connection waits for the peer no longer if it has waited in vain for long.
    pub(super) fn give_up_linger(&mut self, now: Timestamp) {
        if self.linger_deadline().is_some_and(|at| at <= now) {
            tracing::debug!(id = %self.id, "the peer acknowledges nothing: linger ends");
            self.finish(now, false);
        }
    }

    /// The peer says that it closed.
    pub(super) fn on_connection_closed(
        &mut self,
        now: Timestamp,
        packet: udp::ConnectionClosed,
    ) -> Result<(), DropReason> {
        let matches = match packet.to {
            Some(to) => to == self.id,
            None => packet.from.is_some() && packet.from == self.peer.id,
        };
        if !matches {
            return Err(DropReason::WrongAttempt);
        }
        if self.ignores_unsealed() {
            return Err(self.on_unsealed_close());
        }
        match self.state {
            State::Dialing(_)
            | State::Deciding(_)
            | State::Rendezvous { .. }
            | State::Connected { .. } => {
                self.closed_by_peer(packet.reason, &packet.text);
                if let Some(end) = &mut self.end {
                    end.rejection = packet.rejection;
                }
                self.send_no_connection();
            }
            State::Linger { .. } => self.finish(now, false),
            State::ClosedByPeer | State::Failed | State::FinWait { .. } => {
                self.send_no_connection();
            }
            State::Dead => return Err(DropReason::WrongState),
        }
        Ok(())
    }

    /// The peer says that it knows no such connection. Never answered.
    pub(super) fn on_no_connection(
        &mut self,
        now: Timestamp,
        packet: udp::NoConnection,
    ) -> Result<(), DropReason> {
        // Both IDs must match; while dialling the peer's is not known and must be absent.
        if packet.to != Some(self.id) || packet.from != self.peer.id {
            return Err(DropReason::WrongAttempt);
        }
        if self.ignores_unsealed() {
            return Err(self.on_unsealed_close());
        }
        match self.state {
            State::Dialing(_)
            | State::Deciding(_)
            | State::Rendezvous { .. }
            | State::Connected { .. } => {
                let reason = EndReason::MISC_PEER_SENT_NO_CONNECTION;
                self.closed_by_peer(reason, "The peer has no such connection");
            }
            State::Linger { .. } => self.finish(now, false),
            State::ClosedByPeer | State::Failed | State::FinWait { .. } | State::Dead => {}
        }
        Ok(())
    }

    /// The peer fell silent for as long as it may. If all that was heard since were closes that it did
    /// not seal, it has lost its keys, and the connection with them.
    pub(super) fn on_lost(&mut self, now: Timestamp) {
        if self.liveness.is_told_gone() && matches!(self.state, State::Connected { .. }) {
            let reason = EndReason::MISC_PEER_SENT_NO_CONNECTION;
            self.closed_by_peer(reason, "The peer has lost the connection");
        } else {
            self.fail(now, EndReason::MISC_TIMEOUT, "The peer fell silent");
        }
    }

    /// The connection is over, and it is the peer who says so.
    pub(crate) fn closed_by_peer(&mut self, reason: EndReason, text: &str) {
        self.set_end(reason, text);
        self.sender.discard();
        self.set_state(State::ClosedByPeer);
    }

    /// A packet came from a peer that does not know that it is over. One answer is enough for all that
    /// were under way together, and anybody may have sent them.
    pub(crate) fn answer_closed(&mut self) {
        if let Some(end) = &mut self.end {
            let now = self.now;
            let since_last = end.answered_at.map(|at| now.since(at));
            if since_last.is_some_and(|span| span < limits::CLOSED_ANSWER_INTERVAL) {
                return;
            }
            end.answered_at = Some(now);
        }
        match self.state {
            State::Failed
            | State::FinWait {
                peer_closed: false, ..
            } => self.send_closed(),
            State::ClosedByPeer
            | State::FinWait {
                peer_closed: true, ..
            } => self.send_no_connection(),
            State::Dialing(_)
            | State::Deciding(_)
            | State::Rendezvous { .. }
            | State::Connected { .. }
            | State::Linger { .. }
            | State::Dead => {}
        }
    }

    /// Queues a handshake or closing packet.
    pub(crate) fn send_control(&mut self, encode: impl FnOnce(&mut Vec<u8>)) {
        if !self.outbox.has_room_for_control() || !self.path.is_usable() {
            return;
        }
        let mut packet = Vec::new();
        encode(&mut packet);
        debug_assert!(packet.len() <= limits::MAX_DATAGRAM);
        if packet.len() <= limits::MAX_DATAGRAM {
            self.outbox.push_control(packet);
        }
    }

    /// The handle is released; the peer is told, and answered for a while.
    pub(crate) fn finish(&mut self, now: Timestamp, peer_closed: bool) {
        if self.pipe.is_some() {
            return self.finish_pipe(peer_closed);
        }
        self.become_stub(now);
        let was_active = self.state.is_active();
        let was_over = self.state.public().is_closed() && !was_active;
        self.set_state(State::FinWait {
            until: now + limits::FIN_WAIT,
            peer_closed,
        });
        if peer_closed {
            self.send_no_connection();
        } else {
            if !was_over {
                self.begin_closing(was_active);
            }
            self.send_closed();
        }
    }

    pub(super) fn set_end(&mut self, reason: EndReason, text: &str) {
        let text = Self::close_text(text);
        self.end = Some(Box::new(End {
            reason,
            text,
            was_quiet: self.is_quiet(),
            ..End::default()
        }));
    }

    fn send_closed(&mut self) {
        let (reason, text) = self.end_for_peer();
        if let Some(pipe) = &mut self.pipe {
            pipe.close(reason, text);
            return;
        }
        if self.seals_closes() {
            self.send_sealed_close(reason, &text);
        }
        if self.ignores_unsealed() {
            return;
        }
        let packet = udp::ConnectionClosed {
            to: self.peer.id,
            from: Some(self.id),
            reason,
            text,
            rejection: None,
        };
        self.send_control(|out| packet.encode(out));
    }

    /// What the peer is told of the end.
    pub(crate) fn end_for_peer(&self) -> (EndReason, String) {
        match &self.end {
            Some(end) => (end.reason, end.text.clone()),
            None => (EndReason::APP_GENERIC, String::new()),
        }
    }

    fn send_no_connection(&mut self) {
        if self.ignores_unsealed() {
            return self.send_close_ack();
        }
        let packet = udp::NoConnection {
            to: self.peer.id,
            from: Some(self.id),
        };
        self.send_control(|out| packet.encode(out));
    }
}

/// Whether everything that was sent reliably has arrived.
pub(super) fn is_drained(sender: &Sender, pipe: &Option<Box<Pipe>>) -> bool {
    match pipe {
        Some(pipe) => pipe.is_drained(),
        None => sender.is_drained(),
    }
}
