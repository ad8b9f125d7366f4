//! The connection of a session of messages to identities: what it has to say goes to the table of sessions, and what
//! it receives, too.

use std::sync::Arc;

use bowline_core::connection::Connection as CoreConnection;
use bowline_core::connection::ConnectionState;
use bowline_core::end_reason::EndReason;
use bowline_core::event::Event as CoreEvent;
use bowline_core::time::Timestamp;

use crate::driver::followup::Followup;
use crate::driver::sessions::Ended;
use crate::driver::sessions::SessionKind;
use crate::driver::sessions::Sessions;
use crate::driver::sessions::hidden;
use crate::driver::slot::Owner;
use crate::driver::slot::Slot;
use crate::driver::slot::SlotState;
use crate::driver::slot::visible;

impl Slot {
    /// Makes it the connection of a session of that kind, or of none.
    pub(crate) fn of_session(mut self, kind: Option<SessionKind>) -> Self {
        if let Some(kind) = kind {
            self.owner = Owner::Sessions(kind);
        }
        self
    }

    /// Whether it was the connection of a session of that kind, which has ended.
    pub(crate) fn has_left_session(&self, kind: SessionKind) -> bool {
        let state = self.state.lock();
        // One that comes in is in the table only once it is told.
        let was_told = state.released || state.told != ConnectionState::None;
        let sessions = self.inner.sessions.lock(kind);
        self.owner == Owner::Sessions(kind)
            && (was_told || !self.is_incoming)
            && sessions.peer_of(self.id).is_none()
    }

    /// Passes on to the table of sessions what the connection of one has to say, and what it has received.
    pub(super) fn settle_session(
        self: &Arc<Self>,
        kind: SessionKind,
        state: &mut SlotState,
        follow: &mut Followup,
    ) {
        if state.released || state.is_considered {
            return;
        }
        while let Some(event) = state.live.as_mut().and_then(|live| live.core.poll_event()) {
            match event {
                CoreEvent::StateChanged { new, .. } => self.keep_recording(state, new, follow),
                CoreEvent::Writable => self.tell_session_writable(kind, follow),
            }
        }
        let Some(new) = state.live.as_ref().map(|live| visible(live.core.state())) else {
            return;
        };
        let told = state.told;
        let is_asked = told == ConnectionState::None && self.is_incoming;
        let has_ended = matches!(
            new,
            ConnectionState::ClosedByPeer | ConnectionState::ProblemDetectedLocally
        );
        let info = (is_asked || has_ended).then(|| self.info(state));
        let info = info.flatten().map(hidden);
        let now = state.now();
        let Some(live) = state.live.as_mut() else {
            return;
        };
        let inner = &self.inner;
        let mut sessions = inner.sessions.lock(kind);
        let before = sessions.unread();
        let mut is_wanted = true;
        if is_asked {
            let asked = info.as_ref().and_then(|info| info.identity.as_ref());
            let asked = asked.map(|peer| sessions.asked(now, peer, self.id));
            is_wanted = matches!(asked, Some(Ok(())));
            if !live.core.awaits_decision() {
                sessions.accepted(now, self.id);
            }
        }
        if new == ConnectionState::Connected && told != new {
            sessions.connected(now, self.id);
        }
        self.move_received(&mut sessions, &mut live.core, now, has_ended);
        if has_ended && let Some(info) = info {
            let left = live.core.queued_messages();
            sessions.left_behind(left);
            let is_quiet = live.core.is_quiet() && left == 0;
            let status = live.core.status(now);
            let ended = Box::new(Ended { info, status });
            is_wanted &= sessions.ended(now, self.id, is_quiet, ended);
        }
        inner.publish(kind, &mut sessions, before, follow);
        drop(sessions);
        state.told = new;
        if !is_wanted {
            self.drop_request(state, follow);
        } else if has_ended {
            state.close(now, EndReason::APP_GENERIC, "", false);
            self.release(state, follow);
        }
    }

    /// Moves what was received to the table of sessions. There is room for so much only, however often a peer comes and
    /// goes.
    fn move_received(
        &self,
        sessions: &mut Sessions,
        core: &mut CoreConnection,
        now: Timestamp,
        has_ended: bool,
    ) {
        let wants = match has_ended {
            false => Sessions::wants,
            true => Sessions::wants_at_end,
        };
        while core.queued_messages() > 0
            && wants(sessions, self.id, core.config())
            && let Some(message) = core.receive(now)
        {
            // What is refused was counted.
            let _ = sessions.deliver(now, self.id, message);
        }
    }

    /// Tells the application that there is room again in the send buffer.
    fn tell_session_writable(&self, kind: SessionKind, follow: &mut Followup) {
        let mut sessions = self.inner.sessions.lock(kind);
        if let Some(peer) = sessions.writable(self.id) {
            let is_queued = self
                .inner
                .lobby
                .push(kind.writable(&peer), &mut follow.nudge);
            if !is_queued {
                sessions.heard_writable(&peer);
            }
        }
    }
}
