//! Messages and packets to identities: the connections under the sessions of [`bowline_core::messages`].
//!
//! ```text
//! kind      the two kinds of sessions, each with a table of its own, and the settings of their connections
//! sending   what is sent, and the connection that it goes by
//! near      connections to peers in this process
//! delivery  waiting until what was sent has arrived
//! ```
//!
//! The tables of sessions are leaf locks behind those of the endpoint and of connections ([`Rank::Sessions`]), so that
//! a connection can tell its own what happens to it as part of its own business ([`Slot::settle_session`]), and a new
//! one is in the table before anybody else can begin another one to the same peer ([`Inner::call_session`]). Nobody
//! holds both.
//!
//! A connection of a session tells the application nothing itself: what it receives is moved to the table while
//! there is room, and stays in the connection after that, so that the bounds of the receive queue reach back to the
//! peer. Whoever reads makes room, and has the connection move what waits ([`Inner::receive_on_channel`]).
//!
//! [`Rank::Sessions`]: crate::driver::lock_order::Rank::Sessions
//! [`Slot::settle_session`]: crate::driver::slot::Slot::settle_session

mod delivery;
mod kind;
mod near;
mod sending;
#[cfg(test)]
mod tests;

pub(crate) use kind::SessionKind;
pub(crate) use kind::SessionTables;
pub(crate) use sending::Early;
pub(crate) use sending::Mail;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bowline_core::config::ConfigScope;
use bowline_core::connection::ConnectionState;
use bowline_core::connection::RealTimeStatus;
use bowline_core::identity::Identity;
use bowline_core::ids::ConnectionId;
use bowline_core::messages as core;
use bowline_core::messages::ClosedChannel;
use bowline_core::messages::Ending;
use bowline_core::messages::SessionEvent;
use bowline_core::messages::SessionRequest;
use bowline_core::messages::Standing;
use bowline_core::time::Span;

use crate::driver::Inner;
use crate::driver::Urgency;
use crate::driver::followup::Followup;
use crate::driver::lobby::Nudge;
use crate::driver::shard::ShardId;
use crate::error::AcceptError;
use crate::error::ListenP2pError;
use crate::events::ConnectionInfo;
use crate::events::Event;
use crate::messages::NoSession;
use crate::messages::SessionInfo;

/// The table of sessions of an interface, of one kind.
pub(crate) type Sessions = core::Sessions<Box<Ended>>;

/// What is kept of a connection whose end was the end of its session.
#[derive(Clone, Debug)]
pub(crate) struct Ended {
    pub(crate) info: ConnectionInfo,
    /// How it did in the end.
    pub(crate) status: RealTimeStatus,
}

impl Inner {
    /// Lets peers ask for sessions of a kind from now on. Once is enough.
    pub(crate) fn open_sessions(self: &Arc<Self>, kind: SessionKind) -> Result<(), ListenP2pError> {
        let mut hub = self.hub.lock();
        if hub.session_kinds.contains(&kind) {
            drop(hub);
            // The identity may have been reset since, and with it the session with the hub.
            self.want_hub();
            return Ok(());
        }
        let config = self.config_for(self.session_config(kind)?, ConfigScope::ListenSocket)?;
        hub.add_port(kind.port(), config)?;
        hub.session_kinds.push(kind);
        drop(hub);
        self.open_ways();
        self.want_hub();
        // The settings may have changed while the listener was in nobody's list.
        self.reconfigure();
        Ok(())
    }

    /// Whether packets may go by relays, for connections that begin from now on.
    pub(crate) fn allow_packet_relays(&self, allow: bool) {
        self.packets_avoid_relays.store(!allow, Ordering::Relaxed);
        self.configure_packets();
    }

    /// Gives the listener for packets what follows from the settings of the interface, which may have changed: what of them
    /// speaks of relays is its own while there are to be none.
    pub(crate) fn configure_packets(&self) {
        let kind = SessionKind::Packets;
        let mut hub = self.hub.lock();
        let Some((_, id)) = hub.listener_on(kind.port()) else {
            return;
        };
        let config = self
            .session_config(kind)
            .and_then(|config| self.config_for(config, ConfigScope::ListenSocket));
        // Nothing is locked in a new one. The connections that there are keep what they have.
        if let Ok(config) = config {
            let _ = hub.set_listener_config(id, config);
        }
    }

    /// Lets a peer have the session that it asks for.
    pub(crate) fn accept_session(
        &self,
        kind: SessionKind,
        peer: &Identity,
    ) -> Result<(), NoSession> {
        let now = self.clock.now();
        let Some(id) = self.sessions.lock(kind).accept(now, peer)? else {
            return Ok(());
        };
        let slot = self.index.find(id).ok_or(NoSession)?;
        let accepted = self.command(&slot, Urgency::Now, |core, now| core.accept(now));
        match accepted.map(|accepted| accepted.map_err(AcceptError::from)) {
            // It may have been accepted as a connection.
            Ok(Ok(()) | Err(AcceptError::WrongState(_))) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(NoSession),
        }
    }

    /// Ends a session.
    pub(crate) fn close_session(
        &self,
        kind: SessionKind,
        peer: &Identity,
    ) -> Result<(), NoSession> {
        let closed = self.end_session(kind, |sessions| {
            sessions.close(peer).map(ClosedChannel::Session)
        });
        closed.map_err(NoSession::from)
    }

    /// Ends a channel of a session, and with the last one the session.
    pub(crate) fn close_session_channel(
        &self,
        kind: SessionKind,
        peer: &Identity,
        channel: i32,
    ) -> Result<(), NoSession> {
        let closed = self.end_session(kind, |sessions| sessions.close_channel(peer, channel));
        closed.map_err(NoSession::from)
    }

    /// Takes the oldest message of a channel.
    pub(crate) fn receive_on_channel(
        &self,
        kind: SessionKind,
        channel: i32,
    ) -> Option<core::SessionMessage> {
        let mut nudge = Nudge::default();
        let mut sessions = self.sessions.lock(kind);
        let read = sessions.receive(channel)?;
        if sessions.unread() == 0 {
            self.lobby.all_read(&mut nudge);
        }
        self.resume_relieved(&mut sessions, &mut nudge);
        drop(sessions);
        self.lobby.act_on(nudge, |shards| self.shards.wake(shards));
        self.resume(read.resume);
        Some(read.message)
    }

    /// The application has read an event.
    pub(crate) fn note_read(&self, event: &Event) {
        let (kind, peer) = match event {
            Event::MessagesWritable { peer } => (SessionKind::Messages, peer),
            Event::PacketsWritable { peer } => (SessionKind::Packets, peer),
            _ => return,
        };
        self.sessions.lock(kind).heard_writable(peer);
    }

    /// How the session with a peer does.
    pub(crate) fn session_info(&self, kind: SessionKind, peer: &Identity) -> Option<SessionInfo> {
        let sessions = self.sessions.lock(kind);
        let id = match sessions.standing(peer)? {
            Standing::Unconnected => return Some(SessionInfo::default()),
            Standing::Failed(ended) => {
                let Ended { info, status } = Ended::clone(ended);
                return Some(SessionInfo {
                    state: info.state,
                    connection: Some(info),
                    status: Some(status),
                });
            }
            Standing::Over(id) => id,
        };
        drop(sessions);
        let Some(slot) = self.index.find(id) else {
            return Some(SessionInfo::default());
        };
        let mut state = slot.state.lock();
        let now = state.advance(self.clock.now());
        let info = slot.info(&state);
        let live = state.live.as_mut();
        let status = live.map(|live| {
            let status = live.core.status(now);
            live.core.reset_max_jitter();
            status
        });
        Some(SessionInfo {
            state: info
                .as_ref()
                .map_or(ConnectionState::None, |info| info.state),
            connection: info.map(hidden),
            status,
        })
    }

    /// Sessions end after this time without use.
    pub(crate) fn set_session_idle(&self, kind: SessionKind, idle: Span) {
        let mut nudge = Nudge::default();
        let mut sessions = self.sessions.lock(kind);
        sessions.set_idle(self.clock.now(), idle);
        self.schedule_sessions(kind, &sessions, &mut nudge);
        drop(sessions);
        self.lobby.act_on(nudge, |shards| self.shards.wake(shards));
    }

    /// Does what is due: ends what was not used, and tells again of who asks.
    pub(crate) fn handle_session_timeout(&self, kind: SessionKind, follow: &mut Followup) {
        let now = self.clock.now();
        let mut sessions = self.sessions.lock(kind);
        let before = sessions.unread();
        sessions.handle_timeout(now);
        let mut unused = Vec::new();
        while let Some(request) = sessions.poll_request() {
            match request {
                SessionRequest::CheckIdle(id) => unused.push(id),
                // Only those are closed who have been asked.
                SessionRequest::Close(..) => {}
            }
        }
        self.publish(kind, &mut sessions, before, follow);
        drop(sessions);
        for id in unused {
            self.end_unused(kind, id, follow);
        }
    }

    /// Forgets all sessions, for the interface goes away.
    pub(crate) fn clear_sessions(&self) {
        for kind in SessionKind::ALL {
            let before = std::mem::replace(&mut *self.sessions.lock(kind), kind.empty());
            drop(before);
        }
        self.set_default_signaling(None);
    }

    /// Forgets what was between others and whom we have been. The settings stay.
    pub(super) fn forget_sessions(&self, nudge: &mut Nudge) {
        for kind in SessionKind::ALL {
            let mut sessions = self.sessions.lock(kind);
            if sessions.unread() > 0 {
                self.lobby.all_read(nudge);
            }
            sessions.clear();
        }
    }

    /// A connection has gone in the moment in which it became that of a session, so nobody has said so.
    fn forget_session_connection(&self, kind: SessionKind, id: ConnectionId) {
        self.sessions.lock(kind).released(id);
    }

    fn end_session(
        &self,
        kind: SessionKind,
        end: impl FnOnce(&mut Sessions) -> Result<ClosedChannel, core::NoSession>,
    ) -> Result<(), core::NoSession> {
        let mut follow = Followup::default();
        let mut sessions = self.sessions.lock(kind);
        let before = sessions.unread();
        let closed = end(&mut sessions)?;
        let Ending { reason, text } = sessions.profile().closed;
        self.publish(kind, &mut sessions, before, &mut follow);
        drop(sessions);
        self.follow_up(&mut follow);
        match closed {
            ClosedChannel::Only { resume } => self.resume(resume),
            ClosedChannel::Session(connection) => {
                if let Some(slot) = connection.and_then(|id| self.index.find(id)) {
                    // It may have ended by itself.
                    let _ = self.close(&slot, reason, text, false);
                }
            }
        }
        Ok(())
    }

    /// Has a connection move what waits in it, now that there is room.
    fn resume(&self, connection: Option<ConnectionId>) {
        if let Some(slot) = connection.and_then(|id| self.index.find(id)) {
            self.after_input(&slot, slot.state.lock(), Urgency::Now);
        }
    }

    /// The same, soon, for those that were held up by what others had left unread.
    fn resume_relieved(&self, sessions: &mut Sessions, nudge: &mut Nudge) {
        for id in sessions.relieved() {
            if let Some(slot) = self.index.find(id) {
                slot.put_off(nudge);
            }
        }
    }

    /// Ends a session that was not used, unless something is under way on its connection.
    fn end_unused(&self, kind: SessionKind, id: ConnectionId, follow: &mut Followup) {
        let now = self.clock.now();
        let Some(slot) = self.index.find(id) else {
            self.forget_session_connection(kind, id);
            return;
        };
        // Who has it uses it.
        let Some(mut state) = slot.lock_with(follow.patience) else {
            return;
        };
        let live = state.live.as_ref();
        let is_quiet = live.is_some_and(|live| {
            live.core.is_quiet() && live.core.queued_messages() == 0 && !slot.inbox.has_any()
        });
        let mut sessions = self.sessions.lock(kind);
        let before = sessions.unread();
        sessions.idle_answer(now, id, is_quiet);
        let request = sessions.poll_request();
        self.publish(kind, &mut sessions, before, follow);
        drop(sessions);
        if let Some(SessionRequest::Close(_, Ending { reason, text })) = request {
            state.close(now, reason, text, false);
            slot.release(&mut state, follow);
            // For the packets that tell the peer.
            slot.put_off(&mut follow.nudge);
        }
    }

    /// Passes on what the table has to say, and what has become of the messages in it.
    pub(super) fn publish(
        &self,
        kind: SessionKind,
        sessions: &mut Sessions,
        unread_before: usize,
        follow: &mut Followup,
    ) {
        match (unread_before > 0, sessions.unread() > 0) {
            (false, true) => self.lobby.unread(&mut follow.nudge),
            (true, false) => self.lobby.all_read(&mut follow.nudge),
            (true, true) | (false, false) => {}
        }
        while let Some(event) = sessions.poll_event() {
            // It comes again.
            if matches!(event, SessionEvent::Requested(_)) && self.lobby.is_full(0) {
                continue;
            }
            let event = kind.event(event, &self.config());
            self.lobby.push(event, &mut follow.nudge);
        }
        self.resume_relieved(sessions, &mut follow.nudge);
        self.schedule_sessions(kind, sessions, &mut follow.nudge);
    }

    fn schedule_sessions(&self, kind: SessionKind, sessions: &Sessions, nudge: &mut Nudge) {
        let timers = &self.shards.first().timers;
        if timers
            .lock()
            .schedule_sessions(kind, sessions.poll_timeout())
        {
            nudge.wake.insert(ShardId::FIRST);
        }
    }
}

/// The listener is nobody's business.
pub(super) fn hidden(info: ConnectionInfo) -> ConnectionInfo {
    ConnectionInfo {
        listener: None,
        ..info
    }
}
