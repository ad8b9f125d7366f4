//! Threads, locks and sockets around the core: everything that `bowline-core` leaves to its owner.
//!
//! ```text
//! service     how an interface is driven
//! reactor     one turn of driving: timers, sleep, receive
//! receive     datagrams to connections, a batch at a time
//! shares      who is received from when there is too much to receive
//! transmit    packets to sockets, by one thread per connection at a time
//! slot        a connection behind its lock
//! held        connections whose lock another thread has
//! signals     signals between peers, and who asks for a connection by them
//! sessions    messages and packets to identities, over connections between peers
//! hub_link    the client of a hub, and its connection
//! default_signaling  what carries signals where nobody has given anything
//! ways        the ways out of this machine that connections between peers may take
//! errands     what the endpoint wants done for those
//! hub         endpoint, sockets and table of connections behind the endpoint lock
//! index       connections by number, for the application
//! dial        sockets to listen on and to dial from
//! shard       what each service thread has of its own
//! lobby       events, readiness, the role of driving
//! followup    what is done once a connection's lock is given up
//! group       whose messages come next in a poll group
//! network     pretended bad conditions, log of packets, marks for routers
//! pipe        pairs of connections, and the way between two ends in memory
//! within      connections by identity to peers in this process
//! settings    settings of the interface, its listeners and connections
//! trust       own certificate and whom we trust, at run time
//! timers      deadlines of connections
//! sync        who drives, and what else a model checker looks at
//! lock_order  the lock rules, checked in debug builds
//! limits      every bound
//! ```
//!
//! A command or a datagram enters a connection under its lock. What the connection says then is passed
//! on at once to the leaf queues ([`Slot::settle`]); what would need another lock or a system call is
//! noted in a [`Followup`] and done when the lock is given up ([`Inner::follow_up`]).

pub(crate) mod default_signaling;
mod dial;
mod errands;
pub(crate) mod followup;
pub(crate) mod group;
pub(crate) mod held;
mod hub;
mod hub_link;
mod index;
pub(crate) mod limits;
pub(crate) mod lobby;
pub(crate) mod lock_order;
mod network;
mod pipe;
pub(crate) mod reactor;
mod receive;
mod recording;
pub(crate) mod service;
pub(crate) mod sessions;
pub(crate) mod settings;
pub(crate) mod shard;
mod shares;
mod signals;
pub(crate) mod slot;
mod sync;
mod timers;
mod transmit;
mod trust;
mod ways;
mod within;

pub(crate) use dial::Listening;
pub use pipe::PairKind;
pub(crate) use within::Neighbours;
pub(crate) use within::Shortcuts;

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;

use bowline_core::config::Config;
use bowline_core::config::ConfigScope;
use bowline_core::connection::Connection as CoreConnection;
use bowline_core::end_reason::EndReason;
use bowline_core::endpoint::Endpoint;
use bowline_core::endpoint::EndpointConfig;
use bowline_core::endpoint::Route;
use bowline_core::event::ToEndpoint;
use bowline_core::ids::MessageNumber;
use bowline_core::message::Outgoing;
use bowline_core::rng::Rng;
use bowline_core::time::Timestamp;
use bowline_io::clock::Clock;
use bowline_io::interfaces::Loopback;
use bowline_io::resolve::Resolver;
use bowline_io::udp::UdpSocket;

use crate::driver::default_signaling::DefaultSignaling;
use crate::driver::followup::Followup;
use crate::driver::hub::Hub;
use crate::driver::hub_link::HubLink;
use crate::driver::index::Index;
use crate::driver::lobby::Lobby;
use crate::driver::lobby::Nudge;
use crate::driver::lobby::Told;
use crate::driver::lock_order::Guard;
use crate::driver::lock_order::Lock;
use crate::driver::lock_order::Rank;
use crate::driver::network::Network;
use crate::driver::reactor::Reactor;
use crate::driver::sessions::SessionKind;
use crate::driver::sessions::SessionTables;
use crate::driver::shard::ShardId;
use crate::driver::shard::Shards;
use crate::driver::signals::Signals;
use crate::driver::slot::Slot;
use crate::driver::slot::SlotState;
use crate::driver::sync::post::Post;
use crate::driver::transmit::transmit_here;
use crate::driver::transmit::transmit_last;
use crate::driver::ways::Locals;
use crate::driver::ways::Ways;
use crate::error::BuildError;
use crate::error::NoSuchConnection;
use crate::error::SendError;
use crate::global_config;
use crate::listener::ListenerId;
use crate::recorder::Shelf;

/// One sockets interface.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) clock: Clock,
    pub(crate) lobby: Lobby,
    pub(crate) hub: Lock<Hub>,
    /// The connections that the application may still use.
    pub(crate) index: Index,
    /// What connections have to say to the endpoint.
    pub(crate) post: Post<(Arc<Slot>, ToEndpoint)>,
    pub(crate) shards: Shards,
    pub(crate) network: Network,
    /// The settings of the interface, those of the process included.
    pub(crate) settings: Lock<Arc<Config>>,
    /// Which connections by identity to peers in this process are made in memory.
    pub(crate) shortcuts: Shortcuts,
    /// Who is talked to by messages and packets to identities.
    pub(crate) sessions: SessionTables,
    /// New connections for packets leave out relays.
    packets_avoid_relays: AtomicBool,
    /// The client of a hub.
    link: Lock<HubLink>,
    /// What carries signals where nobody has given anything.
    default_signaling: Lock<Option<DefaultSignaling>>,
    /// Where recordings go of connections that end as they should not.
    recordings: OnceLock<Shelf>,
    /// The sockets of connections between peers.
    pub(crate) locals: Locals,
    /// Asks for the addresses of servers, from when peers are needed.
    resolver: OnceLock<Resolver>,
    #[cfg(unix)]
    poller_fd: std::os::fd::RawFd,
}

/// How soon packets that a command caused must go out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Urgency {
    /// At once, on the calling thread.
    Now,
    /// When the connection's deadline says so, by whoever drives then, together with others.
    Later,
}

impl Inner {
    /// An interface that nobody drives yet, and what the threads of the shards beyond the first drive with.
    pub(crate) fn new(
        config: EndpointConfig,
        settings: Config,
        told: Told,
        shards: usize,
        loopback: Loopback,
        shortcuts: Shortcuts,
    ) -> Result<(Arc<Self>, Vec<Reactor>), BuildError> {
        let settings = settings.into_level(ConfigScope::Interface)?;
        let seed = bowline_io::entropy::seed().map_err(BuildError::Entropy)?;
        let luck = bowline_io::entropy::seed().map_err(BuildError::Entropy)?;
        let (shards, pollers) = Shards::new(shards).map_err(BuildError::Poller)?;
        let mut reactors = shards
            .ids()
            .zip(pollers)
            .map(|(shard, poller)| Reactor::new(shard, poller));
        let first = reactors.next().expect("there is a first shard");
        let further = reactors.collect();
        let clock = Clock::new();
        let endpoint = Endpoint::new(config, seed, clock.now(), Clock::unix_seconds());
        let inner = Self {
            clock,
            lobby: Lobby::new(told),
            post: Post::new(),
            hub: Lock::new(Rank::Endpoint, Hub::new(endpoint, Ways::new(loopback))),
            index: Index::new(),
            shards,
            network: Network::new(Rng::from_seed(luck)),
            settings: Lock::new(Rank::Settings, Arc::new(settings)),
            shortcuts,
            sessions: SessionTables::new(),
            packets_avoid_relays: AtomicBool::new(false),
            link: Lock::new(Rank::HubLink, HubLink::default()),
            default_signaling: Lock::new(Rank::Settings, None),
            recordings: OnceLock::new(),
            locals: Locals::new(),
            resolver: OnceLock::new(),
            #[cfg(unix)]
            poller_fd: first.poller_fd(),
        };
        inner.lobby.lock().reactor = Some(Box::new(first));
        let inner = Arc::new(inner);
        global_config::enroll(&inner);
        inner.reconfigure();
        Ok((inner, further))
    }

    /// Gives a command to a connection and does what follows from it.
    pub(crate) fn command<R>(
        &self,
        slot: &Arc<Slot>,
        urgency: Urgency,
        command: impl FnOnce(&mut CoreConnection, Timestamp) -> R,
    ) -> Result<R, NoSuchConnection> {
        let mut state = slot.state.lock();
        let now = state.advance(self.clock.now());
        let result = command(state.open()?, now);
        self.after_input(slot, state, urgency);
        Ok(result)
    }

    /// Sends a message. One that waits behind a packet's worth of others changes nothing but the queue:
    /// whoever sends those will send it too.
    pub(crate) fn send(
        &self,
        slot: &Arc<Slot>,
        urgency: Urgency,
        message: Outgoing<'_>,
    ) -> Result<MessageNumber, SendError> {
        let mut state = slot.state.lock();
        let is_behind = urgency == Urgency::Later
            && message.freshness.is_unbounded()
            && !slot.inbox.has_any()
            && state.open()?.is_backlogged();
        // It waits anyway, so that the time of the last input will do.
        let now = if is_behind {
            state.advance(Timestamp::ZERO)
        } else {
            state.advance(self.clock.now())
        };
        let core = state.open()?;
        let sent = core.send(now, message);
        if !is_behind || core.has_news() {
            self.after_input(slot, state, urgency);
        }
        Ok(sent?)
    }

    /// Closes a connection and makes its handle stale.
    pub(crate) fn close(
        &self,
        slot: &Arc<Slot>,
        reason: EndReason,
        text: &str,
        linger: bool,
    ) -> Result<(), NoSuchConnection> {
        let mut follow = Followup::default();
        let mut state = slot.state.lock();
        state.open()?;
        state.close(self.clock.now(), reason, text, linger);
        slot.release(&mut state, &mut follow);
        self.after_input_with(slot, state, Urgency::Now, follow);
        Ok(())
    }

    /// Closes a connection and forgets it at once, whatever is left to send or to answer.
    pub(crate) fn kill(&self, slot: &Arc<Slot>, reason: EndReason, text: &str) {
        let mut follow = Followup::default();
        let mut state = slot.state.lock();
        state.close(self.clock.now(), reason, text, false);
        slot.release(&mut state, &mut follow);
        transmit_last(self, slot, state, &mut follow);
        // What is late of them as well, before the socket goes with it.
        self.send_all_late(slot.route.socket);
        self.follow_up(&mut follow);
    }

    /// What follows from an input: events, packets, deadlines. Gives the lock up.
    pub(crate) fn after_input(
        &self,
        slot: &Arc<Slot>,
        state: Guard<'_, SlotState>,
        urgency: Urgency,
    ) {
        self.after_input_with(slot, state, urgency, Followup::default());
    }

    /// Does what was noted while a lock was held.
    pub(crate) fn follow_up(&self, follow: &mut Followup) {
        while let Some(slot) = follow.next_pipe() {
            self.pass_on(&slot, follow);
        }
        for (inner, mut follow) in follow.take_abroad() {
            inner.follow_up(&mut follow);
        }
        if std::mem::take(&mut follow.has_post) {
            self.tell_endpoint(follow);
        }
        self.do_errands(follow);
        self.write_recordings(follow);
        let nudge = std::mem::take(&mut follow.nudge);
        self.lobby.act_on(nudge, |shards| self.shards.wake(shards));
        // Last, because it is the application's code that runs then.
        self.send_signals(follow);
        if std::mem::take(&mut follow.has_link_news) {
            self.attend_link();
        }
    }

    /// What the first shard's poller itself can be watched by.
    #[cfg(unix)]
    pub(crate) const fn poller_fd(&self) -> std::os::fd::RawFd {
        self.poller_fd
    }

    /// A connection as the driver keeps it. If `refused`, its handle is stale from the start.
    pub(crate) fn new_slot(
        self: &Arc<Self>,
        core: Box<CoreConnection>,
        shard: ShardId,
        socket: Option<Arc<UdpSocket>>,
        route: Route,
        listener: Option<ListenerId>,
        refused: bool,
    ) -> Arc<Slot> {
        let place = (shard, self.shards.get(shard).timers.lock().reserve());
        let inner = Arc::clone(self);
        let signals = Signals::None;
        Arc::new(Slot::new(
            inner, core, socket, route, listener, place, refused, signals,
        ))
    }

    /// The same for the connection to a hub.
    fn new_hub_slot(
        self: &Arc<Self>,
        core: Box<CoreConnection>,
        shard: ShardId,
        socket: Arc<UdpSocket>,
        route: Route,
    ) -> Arc<Slot> {
        let place = (shard, self.shards.get(shard).timers.lock().reserve());
        let (inner, socket, signals) = (Arc::clone(self), Some(socket), Signals::None);
        let slot = Slot::new(inner, core, socket, route, None, place, false, signals);
        Arc::new(slot.of_hub_link())
    }

    /// The same for a connection between peers, under a session or not. The first shard looks after all of them.
    fn new_peer_slot(
        self: &Arc<Self>,
        core: Box<CoreConnection>,
        route: Route,
        listener: Option<ListenerId>,
        signals: Signals,
        session: Option<SessionKind>,
    ) -> Arc<Slot> {
        let shard = ShardId::FIRST;
        let place = (shard, self.shards.get(shard).timers.lock().reserve());
        let inner = Arc::clone(self);
        let slot = Slot::new(inner, core, None, route, listener, place, false, signals);
        Arc::new(slot.of_session(session))
    }

    /// Ends all waits and the service threads. First of three steps to the end; the caller joins the threads
    /// before the next.
    pub(crate) fn stop_driving(&self) {
        self.lobby.shut_down(|| self.shards.stop());
    }

    /// Closes all connections and tells the peers. The second step, when no new ones come in any more.
    pub(crate) fn close_all(&self) {
        let slots = self.hub.lock().close();
        for slot in &slots {
            let text = "SteamNetworkingSockets shutdown";
            self.kill(slot, EndReason::LIBRARY_SHUTDOWN, text);
        }
    }

    /// Breaks the circles of references and closes the sockets. The last step.
    pub(crate) fn forget_all(&self) {
        drop(self.lobby.clear());
        self.clear_sessions();
        drop(self.drop_hub());
        let forgotten = self.hub.lock().clear();
        drop(forgotten);
        self.locals.clear();
        drop(self.shards.clear());
    }

    fn after_input_with(
        &self,
        slot: &Arc<Slot>,
        mut state: Guard<'_, SlotState>,
        urgency: Urgency,
        mut follow: Followup,
    ) {
        slot.catch_up(&mut state);
        slot.settle(&mut state, &mut follow);
        let mut state = match urgency {
            Urgency::Now => transmit_here(self, slot, state, &mut follow),
            Urgency::Later => state,
        };
        if !slot.transmitting.is_taken() {
            slot.schedule(&mut state, &mut follow);
        }
        drop(state);
        self.follow_up(&mut follow);
    }

    fn tell_endpoint(&self, follow: &mut Followup) {
        // Sockets and connections that nobody needs any more are dropped without the lock.
        let (mut unused, mut gone) = (Vec::new(), Vec::new());
        let mut hub = self.hub.lock();
        let now = self.clock.now();
        self.post.deliver(|(slot, event)| {
            if let Some(answer) = hub.apply(now, &slot, event) {
                slot.keep_answer(now, answer);
                slot.put_off(&mut follow.nudge);
            }
            if event == ToEndpoint::DoubtsWay {
                hub.ways.look_soon(now);
            }
            if event == ToEndpoint::Dead {
                unused.extend(hub.remove(&slot));
                let _ = self.shards.of(&slot).timers.lock().release(slot.timer);
            }
            gone.push(slot);
        });
        hub.collect_errands(&mut follow.errands);
        self.schedule_endpoint(&hub, &mut follow.nudge);
        drop(hub);
    }

    /// Tells the timers when the endpoint wants its bookkeeping done.
    fn schedule_endpoint(&self, hub: &Hub, nudge: &mut Nudge) {
        let deadlines = [hub.endpoint.poll_timeout(), hub.ways.next_look()];
        let deadline = deadlines.into_iter().flatten().min();
        if self
            .shards
            .first()
            .timers
            .lock()
            .schedule_endpoint(deadline)
        {
            nudge.wake.insert(ShardId::FIRST);
        }
    }
}

#[cfg(test)]
mod tests;
