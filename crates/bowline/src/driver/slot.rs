//! One connection as the driver keeps it: the core's state machine behind its lock, and what the driver
//! itself knows of it.

mod hub_link;
mod peer;
mod reading;
mod session;

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;

use bowline_core::config::CallbackToken;
use bowline_core::config::ConfigKey;
use bowline_core::connection::Connection as CoreConnection;
use bowline_core::connection::ConnectionState;
use bowline_core::end_reason::EndReason;
use bowline_core::endpoint::Route;
use bowline_core::event::Event as CoreEvent;
use bowline_core::event::ToEndpoint;
use bowline_core::identity::Identity;
use bowline_core::ids::ConnectionId;
use bowline_core::time::Timestamp;
use bowline_io::udp::UdpSocket;

use crate::connection::Connection;
use crate::description::Kind;
use crate::description::describe;
use crate::driver::Inner;
use crate::driver::followup::Followup;
use crate::driver::group::Group;
use crate::driver::held::Late;
use crate::driver::lock_order::Lock;
use crate::driver::lock_order::Rank;
use crate::driver::pipe::PipeLink;
use crate::driver::sessions::SessionKind;
use crate::driver::shard::ShardId;
use crate::driver::signals::Signals;
use crate::driver::sync::baton::Baton;
use crate::driver::sync::inbox::Inbox;
use crate::driver::timers::TimerId;
use crate::error::NoSuchConnection;
use crate::events::ConnectionEvent;
use crate::events::ConnectionInfo;
use crate::events::Event;
use crate::info_flags::InfoFlags;
use crate::listener::ListenerId;

/// A connection and what never changes about it.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) inner: Arc<Inner>,
    pub(crate) id: ConnectionId,
    pub(crate) route: Route,
    pub(crate) listener: Option<ListenerId>,
    /// Its handle was stale from the start: the application never hears of it.
    pub(crate) refused: bool,
    /// The peer began it, and the application was or is to decide.
    is_incoming: bool,
    /// Signals have begun it: each datagram says its way itself.
    pub(crate) is_between_peers: bool,
    /// The other end is in this process, and there are no datagrams.
    pub(super) is_pipe: bool,
    owner: Owner,
    pub(crate) timer: TimerId,
    /// Who looks after its socket and its deadlines.
    pub(crate) shard: ShardId,
    /// Where it may stand in the list of the batch that is being received; only those who receive look.
    pub(crate) batch_index: AtomicU32,
    /// A `Writable` event waits to be read, so that a second one need not be queued.
    pub(crate) told_writable: AtomicBool,
    /// Sending its packets.
    pub(crate) transmitting: Baton,
    /// Handing over to the other end of a pipe.
    pub(crate) passing: Baton,
    /// What came while the lock was taken.
    pub(crate) inbox: Inbox<Late>,
    /// The timers have it among those that are to be tried again; they alone look.
    pub(crate) is_put_off: AtomicBool,
    /// Who the peer is, from when somebody asked while the connection stood.
    peer: OnceLock<Box<Identity>>,
    pub(crate) state: Lock<SlotState>,
}

/// Who hears what happens to a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Owner {
    /// The application, by events.
    Application,
    /// The table of sessions, and the application of that: messages to identities go by it.
    Sessions(SessionKind),
    /// The client of a hub, and the application never.
    HubLink,
}

/// What a connection's lock protects.
#[derive(Debug)]
pub(crate) struct SlotState {
    /// The connection, until it is dead.
    pub(crate) live: Option<Live>,
    /// The application closed it: the handle is stale.
    released: bool,
    /// What the application was told last.
    told: ConnectionState,
    /// The application considers the request, and is told nothing until it has.
    is_considered: bool,
    /// How its signals go out, if it has any.
    pub(crate) signals: Signals,
    /// The socket took no more; nothing is sent before this.
    blocked_until: Timestamp,
    /// What the timers were told.
    scheduled: Timestamp,
    /// The latest time that the core was told: threads read the clock before they have the lock.
    last_now: Timestamp,
    /// It counts among the connections with unread messages.
    unread: bool,
    /// Received messages that the group was told of, or would have been; those that the application
    /// reads are taken off.
    counted: usize,
    /// Messages that the group's list has of this connection. More than `counted` if some were read
    /// past the group, which makes the oldest entries void.
    listed: usize,
    group: Option<Arc<Group>>,
    /// The way to the other end, if that is in this process.
    pub(crate) pipe: Option<Box<PipeLink>>,
    pub(crate) user_data: i64,
    pub(crate) name: Box<str>,
}

/// A connection that is not dead, and the socket that it uses.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) core: Box<CoreConnection>,
    /// A pipe has none.
    pub(crate) socket: Option<Arc<UdpSocket>>,
}

impl Slot {
    pub(crate) fn new(
        inner: Arc<Inner>,
        core: Box<CoreConnection>,
        socket: Option<Arc<UdpSocket>>,
        route: Route,
        listener: Option<ListenerId>,
        (shard, timer): (ShardId, TimerId),
        refused: bool,
        signals: Signals,
    ) -> Self {
        let user_data = core.config().user_data();
        let is_considered = matches!(signals, Signals::Considered);
        Self {
            is_incoming: core.awaits_decision(),
            is_between_peers: core.ports().is_some(),
            is_pipe: core.is_pipe(),
            owner: Owner::Application,
            inner,
            id: core.id(),
            route,
            listener,
            refused,
            timer,
            shard,
            batch_index: AtomicU32::new(0),
            told_writable: AtomicBool::new(false),
            transmitting: Baton::new(),
            passing: Baton::new(),
            inbox: Inbox::new(),
            is_put_off: AtomicBool::new(false),
            peer: OnceLock::new(),
            state: Lock::new(
                Rank::Connection,
                SlotState {
                    live: Some(Live { core, socket }),
                    released: refused,
                    told: ConnectionState::None,
                    is_considered,
                    signals,
                    blocked_until: Timestamp::ZERO,
                    scheduled: Timestamp::NEVER,
                    last_now: Timestamp::ZERO,
                    unread: false,
                    counted: 0,
                    listed: 0,
                    group: None,
                    pipe: None,
                    user_data,
                    name: Box::default(),
                },
            ),
        }
    }

    /// Passes on what the core has to say, except packets and deadlines.
    pub(crate) fn settle(self: &Arc<Self>, state: &mut SlotState, follow: &mut Followup) {
        match self.owner {
            Owner::Application => {}
            Owner::Sessions(kind) => self.settle_session(kind, state, follow),
            Owner::HubLink => Self::settle_link(state, follow),
        }
        let Some(live) = &mut state.live else {
            if state.pipe.as_ref().is_some_and(|pipe| pipe.has_any()) {
                follow.add_pipe(self);
            }
            return;
        };
        let mut dead = false;
        while let Some(event) = live.core.poll_endpoint() {
            dead |= event == ToEndpoint::Dead;
            self.say(event, follow);
        }
        if let Some(pipe) = &mut state.pipe
            && pipe.collect(&mut live.core)
        {
            follow.add_pipe(self);
        }
        self.collect_signals(state, follow);
        if !state.released && !state.is_considered && self.owner == Owner::Application {
            self.note_arrivals(state);
            self.tell_events(state, follow);
            self.tell_unread(state, &mut follow.nudge);
        }
        if dead {
            self.release(state, follow);
            state.live = None;
            state.drop_carrier(follow);
        }
    }

    /// Ends the core's connection at once.
    pub(crate) fn bury(self: &Arc<Self>, state: &mut SlotState, follow: &mut Followup) {
        if state.live.take().is_some() {
            self.say(ToEndpoint::Dead, follow);
        }
        state.drop_carrier(follow);
    }

    /// Has the endpoint hear an event, after all that it was told before.
    pub(crate) fn say(self: &Arc<Self>, event: ToEndpoint, follow: &mut Followup) {
        self.inner.post.put((Arc::clone(self), event));
        follow.has_post = true;
    }

    /// Tells the timers of the core's next deadline.
    pub(crate) fn schedule(self: &Arc<Self>, state: &mut SlotState, follow: &mut Followup) {
        let Some(live) = &state.live else {
            return;
        };
        let Some((at, _)) = live.core.poll_timeout() else {
            return;
        };
        let at = at.max(state.blocked_until);
        if at < state.scheduled {
            state.scheduled = at;
            let shard = self.inner.shards.of(self);
            if shard.timers.lock().schedule(self, at) {
                follow.nudge.wake.insert(self.shard);
            }
        }
    }

    /// Makes the handle stale and tells the application so.
    pub(crate) fn release(self: &Arc<Self>, state: &mut SlotState, follow: &mut Followup) {
        if state.released {
            return;
        }
        self.tell_state(state, ConnectionState::None, follow);
        state.released = true;
        self.inner.index.remove(self.id);
        if let Owner::Sessions(kind) = self.owner {
            self.inner.sessions.lock(kind).released(self.id);
        }
        self.leave_group(state);
        if std::mem::take(&mut state.unread) {
            self.inner.lobby.all_read(&mut follow.nudge);
        }
    }

    /// Whether the application has not accepted or closed it yet.
    pub(crate) fn is_undecided(&self) -> bool {
        self.state.lock().told == ConnectionState::Connecting
    }

    /// Becomes the one thread that transmits. If another is, that one will send what is there.
    pub(crate) fn begin_transmit(&self, state: &SlotState, now: Timestamp) -> bool {
        self.may_transmit(state, now) && self.transmitting.take()
    }

    /// Whether who has the lock may send: nobody else does, and the socket takes packets.
    pub(crate) fn may_transmit(&self, state: &SlotState, now: Timestamp) -> bool {
        state.live.is_some() && state.blocked_until <= now && !self.transmitting.is_taken()
    }

    /// Whether it was closed and still delivers what was sent reliably.
    pub(crate) fn is_lingering(&self) -> bool {
        let state = self.state.lock();
        let live = state.live.as_ref();
        live.is_some_and(|live| live.core.state() == ConnectionState::Linger)
    }

    /// The connection as it is now.
    pub(crate) fn info(&self, state: &SlotState) -> Option<ConnectionInfo> {
        let core = &state.live.as_ref()?.core;
        let info = core.info();
        let identity = info.identity.as_ref();
        let remote = self.remote_in(state);
        let kind = match core.ports() {
            Some(ports) => Kind::Peer(ports.remote),
            None if core.is_pipe() => Kind::Pipe,
            None => Kind::Udp(remote),
        };
        let flags = match kind {
            Kind::Pipe => InfoFlags::of_pipe(),
            Kind::Peer(_) => {
                let route = core.peer_route().map(|route| route.kind);
                InfoFlags::of_peers(identity, info.authenticated, info.encrypted, route)
            }
            Kind::Udp(_) => {
                let ping_ms = core.ping_ms();
                let (authenticated, encrypted) = (info.authenticated, info.encrypted);
                InfoFlags::of_udp(identity, authenticated, encrypted, remote, ping_ms)
            }
        };
        let description = describe(self.id, kind, identity, &state.name);
        Some(ConnectionInfo {
            flags,
            description,
            remote_pop: 0,
            pop_relay: 0,
            identity: info.identity,
            authenticated: info.authenticated,
            encrypted: info.encrypted,
            state: visible(info.state),
            end_reason: info.end_reason,
            end_text: info.end_text,
            rejection: info.rejection,
            extensions: info.extensions,
            send_epoch: info.send_epoch,
            recv_epoch: info.recv_epoch,
            remote_addr: remote,
            listener: self.listener,
            user_data: state.user_data,
            name: state.name.to_string(),
        })
    }

    fn tell_events(self: &Arc<Self>, state: &mut SlotState, follow: &mut Followup) {
        if state.told == ConnectionState::None {
            self.tell_state(state, ConnectionState::Connecting, follow);
        }
        while let Some(event) = state.live.as_mut().and_then(|live| live.core.poll_event()) {
            match event {
                CoreEvent::StateChanged { new, .. } => {
                    self.keep_recording(state, new, follow);
                    self.tell_state(state, visible(new), follow);
                }
                CoreEvent::Writable => {
                    if !self.told_writable.swap(true, Ordering::Relaxed) {
                        let event = Event::Writable(Connection::new(Arc::clone(self)));
                        self.inner.lobby.push(event, &mut follow.nudge);
                    }
                }
            }
        }
    }

    /// Whether the application hears of the request now, and has not accepted while it considered it.
    fn is_request(&self, state: &SlotState, old: ConnectionState, new: ConnectionState) -> bool {
        let is_first = old == ConnectionState::None && new == ConnectionState::Connecting;
        let live = state.live.as_ref();
        let is_open =
            !self.is_between_peers || live.is_some_and(|live| live.core.awaits_decision());
        self.is_incoming && is_first && is_open
    }

    fn tell_state(
        self: &Arc<Self>,
        state: &mut SlotState,
        new: ConnectionState,
        follow: &mut Followup,
    ) {
        let old = state.told;
        if old == new {
            return;
        }
        if self.owner != Owner::Application {
            state.told = new;
            return;
        }
        let Some(mut info) = self.info(state) else {
            return;
        };
        info.state = new;
        state.told = new;
        let callback = state.callback();
        let event = Event::ConnectionChanged(ConnectionEvent {
            is_request: self.is_request(state, old, new),
            connection: Connection::new(Arc::clone(self)),
            old,
            new,
            info,
            callback,
        });
        self.inner.lobby.push(event, &mut follow.nudge);
    }
}

impl SlotState {
    /// The application has considered the request, and hears of all that happens from now on.
    pub(crate) const fn begin_told(&mut self) {
        self.is_considered = false;
    }

    pub(crate) const fn is_released(&self) -> bool {
        self.released
    }

    /// The time of the last input.
    pub(crate) const fn now(&self) -> Timestamp {
        self.last_now
    }

    /// Connected from the start, of which no event tells.
    pub(crate) fn begin_connected(&mut self, pipe: Option<PipeLink>) {
        self.told = ConnectionState::Connected;
        self.pipe = pipe.map(Box::new);
    }

    /// The time to tell the core, which never goes back.
    pub(crate) fn advance(&mut self, now: Timestamp) -> Timestamp {
        self.last_now = self.last_now.max(now);
        self.last_now
    }

    /// The core's connection, if the application may still use it.
    pub(crate) fn open(&mut self) -> Result<&mut CoreConnection, NoSuchConnection> {
        if self.released {
            return Err(NoSuchConnection);
        }
        match &mut self.live {
            Some(live) => Ok(&mut live.core),
            None => Err(NoSuchConnection),
        }
    }

    /// What a binding wants called when the state changes.
    fn callback(&self) -> CallbackToken {
        let live = self.live.as_ref();
        live.map_or(CallbackToken::NONE, |live| {
            let config = live.core.config();
            config.callback(ConfigKey::CallbackConnectionStatusChanged)
        })
    }

    /// Sends nothing before `until`.
    pub(crate) fn block(&mut self, until: Timestamp) {
        self.blocked_until = until;
    }

    /// The timers forgot the deadline, because it passed.
    pub(crate) fn timer_fired(&mut self) {
        self.scheduled = Timestamp::NEVER;
    }

    /// Closes, as the application asked or because its interface goes away.
    pub(crate) fn close(&mut self, now: Timestamp, reason: EndReason, text: &str, linger: bool) {
        let now = self.advance(now);
        if let Some(live) = &mut self.live {
            live.core.close(now, reason, text, linger);
        }
    }
}

/// The state as applications know it: what a closed connection still does is none of their business.
pub(crate) const fn visible(state: ConnectionState) -> ConnectionState {
    match state {
        ConnectionState::FinWait | ConnectionState::Linger | ConnectionState::Dead => {
            ConnectionState::None
        }
        ConnectionState::None
        | ConnectionState::Connecting
        | ConnectionState::FindingRoute
        | ConnectionState::Connected
        | ConnectionState::ClosedByPeer
        | ConnectionState::ProblemDetectedLocally => state,
    }
}
