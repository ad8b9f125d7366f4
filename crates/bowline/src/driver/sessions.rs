//! Messages to identities: the connections under the sessions of [`bowline_core::messages`].
//!
//! The table of sessions is a leaf lock behind those of the endpoint and of connections ([`Rank::Sessions`]), so that
//! a connection can tell it what happens to it as part of its own business ([`Slot::settle_session`]), and a new one
//! is in the table before anybody else can begin another one to the same peer ([`Inner::call_session`]).
//!
//! A connection of a session tells the application nothing itself: what it receives is moved to the table while
//! there is room, and stays in the connection after that, so that the bounds of the receive queue reach back to the
//! peer. Whoever reads makes room, and has the connection move what waits ([`Inner::receive_on_channel`]).
//!
//! [`Rank::Sessions`]: crate::driver::lock_order::Rank::Sessions

use std::sync::Arc;

use bowline_core::config::Config;
use bowline_core::config::ConfigKey;
use bowline_core::config::ConfigScope;
use bowline_core::connection::ConnectionState;
use bowline_core::endpoint::Called;
use bowline_core::endpoint::NO_ROUTE;
use bowline_core::identity::Identity;
use bowline_core::ids::ConnectionId;
use bowline_core::ids::LaneIndex;
use bowline_core::ids::VirtualPort;
use bowline_core::limits::MAX_MESSAGE;
use bowline_core::message::Outgoing;
use bowline_core::message::Payload;
use bowline_core::message::SendFlags;
use bowline_core::messages as core;
use bowline_core::messages::Ending;
use bowline_core::messages::PlanError;
use bowline_core::messages::SendPlan;
use bowline_core::messages::SessionEvent;
use bowline_core::messages::SessionRequest;
use bowline_core::messages::Standing;
use bowline_core::time::Span;

use crate::driver::Inner;
use crate::driver::Urgency;
use crate::driver::followup::Followup;
use crate::driver::lobby::Nudge;
use crate::driver::shard::ShardId;
use crate::driver::signals::Carrier;
use crate::driver::signals::Signals;
use crate::driver::slot::Slot;
use crate::error::AcceptError;
use crate::error::ConnectP2pError;
use crate::error::ListenP2pError;
use crate::error::SendError;
use crate::events::ConnectionInfo;
use crate::events::Event;
use crate::messages::MessagesSendError;
use crate::messages::NoSession;
use crate::messages::SessionInfo;

/// The table of sessions of an interface.
pub(crate) type Sessions = core::Sessions<Box<ConnectionInfo>>;

/// What came of the wish to send.
enum Way {
    /// By this connection.
    Over(Arc<Slot>),
    /// By this one, which is to be accepted first.
    Accept(Arc<Slot>, Option<Carrier>),
    /// There is none yet.
    Missing,
}

impl Inner {
    /// Lets peers ask for sessions from now on. Once is enough.
    pub(crate) fn open_messages(self: &Arc<Self>) -> Result<(), ListenP2pError> {
        let mut hub = self.hub.lock();
        if hub.has_messages {
            return Ok(());
        }
        let config = self.config_for(symmetric(), ConfigScope::ListenSocket)?;
        hub.add_port(VirtualPort::MESSAGES, config)?;
        hub.has_messages = true;
        drop(hub);
        self.open_ways();
        self.want_hub();
        // The settings may have changed while the listener was in nobody's list.
        self.reconfigure();
        Ok(())
    }

    /// Sends a message to a peer, by a connection that is made if there is none.
    pub(crate) fn send_to_peer(
        self: &Arc<Self>,
        peer: &Identity,
        channel: i32,
        data: &[u8],
        flags: SendFlags,
        restart: bool,
    ) -> Result<(), MessagesSendError> {
        if peer.is_anonymous() {
            return Err(MessagesSendError::NoPeer);
        }
        let (len, max) = (data.len(), MAX_MESSAGE - core::HEADER);
        if len > max {
            return Err(MessagesSendError::TooLarge { len, max });
        }
        let mut framed = Vec::with_capacity(core::HEADER + data.len());
        framed.extend_from_slice(&core::header(channel));
        framed.extend_from_slice(data);
        let framed = bytes::Bytes::from(framed);
        let mut sent = Err(MessagesSendError::Broken);
        for _ in 0..SEND_TRIES {
            let slot = self.way_to(peer, restart)?;
            sent = self.send_framed(&slot, framed.clone(), flags);
            // It may have ended since it was looked up.
            if sent != Err(MessagesSendError::Broken) {
                break;
            }
        }
        sent
    }

    /// Lets a peer have the session that it asks for.
    pub(crate) fn accept_session(&self, peer: &Identity) -> Result<(), NoSession> {
        let now = self.clock.now();
        let Some(id) = self.sessions.lock().accept(now, peer)? else {
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
    pub(crate) fn close_session(&self, peer: &Identity) -> Result<(), NoSession> {
        self.end_session(|sessions| sessions.close(peer))
    }

    /// Ends a channel of a session, and with the last one the session.
    pub(crate) fn close_session_channel(
        &self,
        peer: &Identity,
        channel: i32,
    ) -> Result<(), NoSession> {
        self.end_session(|sessions| sessions.close_channel(peer, channel))
    }

    /// Takes the oldest message of a channel.
    pub(crate) fn receive_on_channel(&self, channel: i32) -> Option<core::SessionMessage> {
        let mut nudge = Nudge::default();
        let mut sessions = self.sessions.lock();
        let read = sessions.receive(channel)?;
        if sessions.unread() == 0 {
            self.lobby.all_read(&mut nudge);
        }
        drop(sessions);
        self.lobby.act_on(nudge, |shards| self.shards.wake(shards));
        if let Some(slot) = read.resume.and_then(|id| self.index.find(id)) {
            // Which moves what waits.
            self.after_input(&slot, slot.state.lock(), Urgency::Now);
        }
        Some(read.message)
    }

    /// How the session with a peer does.
    pub(crate) fn session_info(&self, peer: &Identity) -> Option<SessionInfo> {
        let sessions = self.sessions.lock();
        let id = match sessions.standing(peer)? {
            Standing::Unconnected => return Some(SessionInfo::default()),
            Standing::Failed(info) => {
                return Some(SessionInfo {
                    state: info.state,
                    connection: Some(info.as_ref().clone()),
                    status: None,
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
    pub(crate) fn set_session_idle(&self, idle: Span) {
        let mut nudge = Nudge::default();
        let mut sessions = self.sessions.lock();
        sessions.set_idle(self.clock.now(), idle);
        self.schedule_sessions(&sessions, &mut nudge);
        drop(sessions);
        self.lobby.act_on(nudge, |shards| self.shards.wake(shards));
    }

    /// Does what is due: ends what was not used, and tells again of who asks.
    pub(crate) fn handle_session_timeout(&self, follow: &mut Followup) {
        let now = self.clock.now();
        let mut sessions = self.sessions.lock();
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
        self.publish(&mut sessions, before, follow);
        drop(sessions);
        for id in unused {
            self.end_unused(id, follow);
        }
    }

    /// Forgets all sessions.
    pub(crate) fn clear_sessions(&self) {
        let empty = Sessions::new(core::Profile::MESSAGES);
        let before = std::mem::replace(&mut *self.sessions.lock(), empty);
        drop(before);
        self.set_default_signaling(None);
    }

    /// The connection to send by.
    fn way_to(
        self: &Arc<Self>,
        peer: &Identity,
        restart: bool,
    ) -> Result<Arc<Slot>, MessagesSendError> {
        let plan = self
            .sessions
            .lock()
            .plan_send(self.clock.now(), peer, restart);
        let way = match self.follow_plan(plan)? {
            Way::Missing => self.call_session(peer, restart)?,
            way => way,
        };
        match way {
            Way::Over(slot) => Ok(slot),
            Way::Accept(slot, carrier) => match self.accept_waiting(&slot, None, carrier) {
                Ok(()) => Ok(slot),
                Err(ConnectP2pError::Gone) => {
                    self.forget_session_connection(slot.id);
                    Err(MessagesSendError::Broken)
                }
                Err(error) => Err(error.into()),
            },
            Way::Missing => Err(MessagesSendError::Broken),
        }
    }

    fn follow_plan(&self, plan: Result<SendPlan, PlanError>) -> Result<Way, MessagesSendError> {
        let find = |id| {
            let found = self.index.find(id);
            found.ok_or_else(|| {
                self.forget_session_connection(id);
                MessagesSendError::Broken
            })
        };
        Ok(match plan? {
            SendPlan::Over(id) => Way::Over(find(id)?),
            SendPlan::Accept(id) => Way::Accept(find(id)?, None),
            SendPlan::Connect => Way::Missing,
        })
    }

    /// A connection has gone in the moment in which it became that of a session, so nobody has said so.
    fn forget_session_connection(&self, id: ConnectionId) {
        self.sessions.lock().released(id);
    }

    /// Begins a connection for a session, unless another thread was faster.
    fn call_session(
        self: &Arc<Self>,
        peer: &Identity,
        restart: bool,
    ) -> Result<Way, MessagesSendError> {
        if self.lobby.is_full(0) {
            return Err(ConnectP2pError::TooManyEvents.into());
        }
        let port = VirtualPort::MESSAGES;
        let carrier = self.default_carrier(peer, port);
        let carrier = carrier.ok_or(MessagesSendError::NoSignaling)?;
        self.want_hub();
        let interface = self.config();
        let config = self
            .config_for(symmetric(), ConfigScope::Connection)
            .map_err(ConnectP2pError::from)?;
        self.open_ways();
        let mut follow = Followup::default();
        let mut hub = self.hub.lock();
        let now = self.clock.now();
        let plan = self.sessions.lock().plan_send(now, peer, restart);
        let way = self.follow_plan(plan)?;
        if !matches!(way, Way::Missing) {
            return Ok(way);
        }
        let called = hub.endpoint.connect_p2p(now, peer, port, config);
        let way = match called.map_err(ConnectP2pError::from)? {
            Called::New(core) => {
                let slot = self.new_session_slot(core, NO_ROUTE, None, Signals::By(carrier));
                hub.insert(&slot);
                Way::Over(slot)
            }
            Called::Waiting(id) => {
                let slot = hub.slot(id).cloned().ok_or(ConnectP2pError::Gone)?;
                Way::Accept(slot, Some(carrier))
            }
        };
        if let Way::Over(slot) | Way::Accept(slot, _) = &way {
            let mut sessions = self.sessions.lock();
            sessions.began(now, peer, slot.id);
            self.schedule_sessions(&sessions, &mut follow.nudge);
        }
        hub.collect_errands(&mut follow.errands);
        self.schedule_endpoint(&hub, &mut follow.nudge);
        drop(hub);
        self.follow_up(&mut follow);
        if let Way::Over(slot) = &way {
            self.after_input(slot, slot.state.lock(), Urgency::Now);
            let interface_now = self.config();
            if !Arc::ptr_eq(&interface, &interface_now) {
                // It changed while the connection was in nobody's list.
                self.inherit(slot, &interface_now);
            }
        }
        Ok(way)
    }

    fn send_framed(
        &self,
        slot: &Arc<Slot>,
        framed: bytes::Bytes,
        flags: SendFlags,
    ) -> Result<(), MessagesSendError> {
        let is_urgent = flags.contains(SendFlags::NO_NAGLE) || flags.contains(SendFlags::NO_DELAY);
        let urgency = if is_urgent {
            Urgency::Now
        } else {
            Urgency::Later
        };
        let sent = self.command(slot, urgency, |core, now| {
            // What does not go out at once must not be lost for that: the application does not see
            // whether there is a connection.
            let flags = if core.state() == ConnectionState::Connected {
                flags
            } else {
                SendFlags::RELIABLE
            };
            core.send(
                now,
                Outgoing::new(LaneIndex::ZERO, flags, Payload::Shared(framed)),
            )
        });
        match sent.map(|sent| sent.map_err(SendError::from)) {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(SendError::WrongState(_))) | Err(_) => Err(MessagesSendError::Broken),
            Ok(Err(SendError::TooLarge { len, max })) => Err(MessagesSendError::TooLarge {
                len: len.saturating_sub(core::HEADER),
                max: max.saturating_sub(core::HEADER),
            }),
            Ok(Err(error)) => Err(MessagesSendError::Refused(error)),
        }
    }

    fn end_session(
        &self,
        end: impl FnOnce(&mut Sessions) -> Result<Option<ConnectionId>, core::NoSession>,
    ) -> Result<(), NoSession> {
        let mut follow = Followup::default();
        let mut sessions = self.sessions.lock();
        let before = sessions.unread();
        let connection = end(&mut sessions)?;
        let Ending { reason, text } = sessions.profile().closed;
        self.publish(&mut sessions, before, &mut follow);
        drop(sessions);
        self.follow_up(&mut follow);
        if let Some(slot) = connection.and_then(|id| self.index.find(id)) {
            // It may have ended by itself.
            let _ = self.close(&slot, reason, text, false);
        }
        Ok(())
    }

    /// Ends a session that was not used, unless something is under way on its connection.
    fn end_unused(&self, id: ConnectionId, follow: &mut Followup) {
        let now = self.clock.now();
        let Some(slot) = self.index.find(id) else {
            self.forget_session_connection(id);
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
        let mut sessions = self.sessions.lock();
        let before = sessions.unread();
        sessions.idle_answer(now, id, is_quiet);
        let request = sessions.poll_request();
        self.publish(&mut sessions, before, follow);
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
            let is_full = self.lobby.is_full(0);
            let config = self.config();
            let event = match event {
                // It comes again.
                SessionEvent::Requested(_) if is_full => continue,
                SessionEvent::Requested(peer) => Event::MessagesSessionRequest {
                    peer: Identity::clone(&peer),
                    callback: config.callback(ConfigKey::CallbackMessagesSessionRequest),
                },
                SessionEvent::Failed(info) => Event::MessagesSessionFailed {
                    info,
                    callback: config.callback(ConfigKey::CallbackMessagesSessionFailed),
                },
            };
            self.lobby.push(event, &mut follow.nudge);
        }
        self.schedule_sessions(sessions, &mut follow.nudge);
    }

    fn schedule_sessions(&self, sessions: &Sessions, nudge: &mut Nudge) {
        let timers = &self.shards.first().timers;
        if timers.lock().schedule_sessions(sessions.poll_timeout()) {
            nudge.wake.insert(ShardId::FIRST);
        }
    }
}

/// Both ends may begin.
fn symmetric() -> Config {
    let mut config = Config::new();
    config
        .set_symmetric_connect(true)
        .expect("nothing is locked in a new one");
    config
}

/// The listener is nobody's business.
pub(super) fn hidden(info: ConnectionInfo) -> ConnectionInfo {
    ConnectionInfo {
        listener: None,
        ..info
    }
}

/// Once by what there is, and once more if that has ended meanwhile.
const SEND_TRIES: usize = 2;
