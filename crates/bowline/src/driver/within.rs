//! Connections by identity to peers in this process: another interface of it, or the same one.
//!
//! Such a connection is a pipe whose ends belong to two interfaces. No signal is sent and no way is looked for;
//! all else is as with other peers: the called side's application hears of a request and accepts or refuses it,
//! each side has its settings, its bounds and its events, and either may end first.
//!
//! Who is in this process is known from the list of interfaces that inherit the process's settings; each is asked
//! in turn for its identity and listeners, so that there is no second register to keep in line. The peer is who its
//! interface says it is: whoever runs code in this process could say anything in its name anyway.
//!
//! The two ends are made one after the other, each under its own interface's lock only. Two who call each other
//! at that moment would each find the other's call in the way, so one pair is made at a time ([`Rank::Matchmaking`]).
//! The asking end gets into its interface's table last; until then nobody can close it. The asked end gets there at
//! once, and its interface may be dropped or change its identity from then on: what its end says meanwhile waits
//! at the asking end. Neither keeps the other's interface alive, since an end knows the other one weakly.
//!
//! What a thread of one interface causes in the other, events and deadlines, is noted apart
//! ([`Followup::at`](crate::driver::followup::Followup::at)) and done with that one's means.

use std::sync::Arc;
use std::sync::OnceLock;

use bowline_core::config::Config;
use bowline_core::config::ConfigScope;
use bowline_core::connection::Connection as CoreConnection;
use bowline_core::end_reason::EndReason;
use bowline_core::endpoint::Called;
use bowline_core::endpoint::Caller;
use bowline_core::endpoint::NO_ROUTE;
use bowline_core::endpoint::Route;
use bowline_core::error::AdmitError;
use bowline_core::identity::Identity;
use bowline_core::ids::VirtualPort;
use bowline_core::messages::PlanError;
use bowline_core::messages::SendPlan;

use crate::driver::Inner;
use crate::driver::Urgency;
use crate::driver::lock_order::Lock;
use crate::driver::lock_order::Rank;
use crate::driver::pipe::PipeLink;
use crate::driver::sessions::SessionKind;
use crate::driver::shard::ShardId;
use crate::driver::signals::Signals;
use crate::driver::slot::Slot;
use crate::error::ConnectP2pError;
use crate::error::ConnectWithinError;
use crate::global_config;
use crate::listener::ListenerId;

/// Which interfaces of the process may be called.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Neighbours {
    /// All: the application says that it means one of them.
    All,
    /// Those that let others find a shortcut to them, of that kind at least.
    Open(Shortcuts),
}

/// Which connections by identity are made in memory without being asked to, if the peer is in this process.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Shortcuts {
    /// None.
    Never,
    /// Those of sessions.
    Sessions,
    /// All.
    Always,
}

/// The session that a call begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ForSession {
    pub(crate) kind: SessionKind,
    pub(crate) restart: bool,
}

/// An interface of this process that has a listener for the caller.
pub(crate) struct Callee {
    pub(crate) inner: Arc<Inner>,
    peer: Identity,
    port: VirtualPort,
    /// The settings of those who connect.
    config: Arc<Config>,
}

/// What came of a call.
pub(crate) enum Made {
    /// Both ends, ours first.
    New([Arc<Slot>; 2]),
    /// The peer has asked for the same connection before.
    Waiting(Arc<Slot>),
    /// None: the session has got a connection meanwhile, or may not have one.
    Settled(Result<SendPlan, PlanError>),
}

impl Inner {
    /// Starts a connection to a peer in this process, whose own settings are given; or accepts the one that the
    /// peer has asked for, where the settings make the two one.
    pub(crate) fn connect_within(
        self: &Arc<Self>,
        peer: &Identity,
        port: VirtualPort,
        options: Option<Config>,
        neighbours: Neighbours,
    ) -> Result<Arc<Slot>, ConnectWithinError> {
        if self.lobby.is_full(0) {
            return Err(ConnectP2pError::TooManyEvents.into());
        }
        let interface = self.config();
        let config = match &options {
            Some(options) => self
                .config_for(options.clone(), ConfigScope::Connection)
                .map_err(ConnectP2pError::from)?,
            None => Arc::clone(&interface),
        };
        // Who has called us need not listen.
        if let Some(slot) = self.request_to_accept(peer, port, &config)? {
            return self.accept_within(slot, options);
        }
        let callee = self.find_callee(peer, port, neighbours)?;
        let slots = match self.bring_together(&callee, config, None)? {
            Made::New(slots) => slots,
            Made::Waiting(slot) => return self.accept_within(slot, options),
            Made::Settled(_) => return Err(ConnectWithinError::NotHere),
        };
        Ok(self.set_out(&callee, slots, &interface))
    }

    /// Lets both ends begin, and returns ours, which was made while the interface had the settings `interface`.
    pub(crate) fn set_out(
        &self,
        callee: &Callee,
        [ours, theirs]: [Arc<Slot>; 2],
        interface: &Arc<Config>,
    ) -> Arc<Slot> {
        for (inner, end) in [(self, &ours), (&*callee.inner, &theirs)] {
            let mut state = end.state.lock();
            // Sessions tell again by the time of the first telling.
            state.advance(inner.clock.now());
            inner.after_input(end, state, Urgency::Now);
        }
        let interface_now = self.config();
        if !Arc::ptr_eq(interface, &interface_now) {
            // It changed while the connection was in nobody's list.
            self.inherit(&ours, &interface_now);
        }
        ours
    }

    /// The peer's request that this call would accept, if there is one.
    fn request_to_accept(
        &self,
        peer: &Identity,
        port: VirtualPort,
        config: &Arc<Config>,
    ) -> Result<Option<Arc<Slot>>, ConnectWithinError> {
        let hub = self.hub.lock();
        let request = hub.endpoint.request_to_accept(peer, port, config);
        let Some(id) = request.map_err(ConnectP2pError::from)? else {
            return Ok(None);
        };
        let slot = hub.slot(id).cloned().ok_or(ConnectP2pError::Gone)?;
        Ok(Some(slot))
    }

    fn accept_within(
        &self,
        request: Arc<Slot>,
        options: Option<Config>,
    ) -> Result<Arc<Slot>, ConnectWithinError> {
        if !request.is_pipe() {
            // By signals, which its accepting needs, too.
            return Err(ConnectWithinError::NotHere);
        }
        self.accept_waiting(&request, options, None)?;
        Ok(request)
    }

    /// Who in this process has that identity, and listens on that virtual port.
    pub(crate) fn find_callee(
        &self,
        peer: &Identity,
        port: VirtualPort,
        neighbours: Neighbours,
    ) -> Result<Callee, ConnectWithinError> {
        let app = self.hub.lock().endpoint.app_id();
        let mut why_not = ConnectWithinError::NotHere;
        for inner in global_config::interfaces() {
            let may_be_called = match neighbours {
                Neighbours::All => true,
                Neighbours::Open(kind) => inner.shortcuts >= kind,
            };
            if !may_be_called || inner.lobby.lock().shutdown {
                continue;
            }
            let hub = inner.hub.lock();
            let endpoint = &hub.endpoint;
            // Those who play another game refuse each other: as they would by signals, with the cause.
            if endpoint.identity() != peer || endpoint.app_id() != app {
                continue;
            }
            let config = endpoint.p2p_listener(port).cloned();
            drop(hub);
            if let Some(config) = config {
                return Ok(Callee {
                    inner,
                    peer: peer.clone(),
                    port,
                    config,
                });
            }
            why_not = ConnectWithinError::NotListening { port };
        }
        Err(why_not)
    }

    /// Makes both ends. What is made for a session is in the table of sessions before anybody else takes a turn.
    pub(crate) fn bring_together(
        self: &Arc<Self>,
        callee: &Callee,
        config: Arc<Config>,
        session: Option<ForSession>,
    ) -> Result<Made, ConnectWithinError> {
        let turn = matchmaking().lock();
        let now = self.clock.now();
        let Callee { peer, port, .. } = callee;
        let mut hub = self.hub.lock();
        if let Some(ForSession { kind, restart }) = session {
            let plan = self.sessions.lock(kind).plan_send(now, peer, restart);
            if !matches!(plan, Ok(SendPlan::Connect)) {
                return Ok(Made::Settled(plan));
            }
        }
        let endpoint = &mut hub.endpoint;
        let called = endpoint
            .connect_within(now, peer, *port, Arc::clone(&config), &callee.config)
            .map_err(ConnectP2pError::from)?;
        let core = match called {
            Called::New(core) => core,
            Called::Waiting(id) => {
                let slot = hub.slot(id).cloned().ok_or(ConnectP2pError::Gone)?;
                if slot.is_pipe() {
                    self.note_session(session, peer, &slot);
                }
                return Ok(Made::Waiting(slot));
            }
        };
        let caller = Caller {
            identity: endpoint.identity().clone(),
            id: core.id(),
            port: config.local_virtual_port().unwrap_or(*port),
            config,
        };
        drop(hub);
        let kind = session.map(|session| session.kind);
        let ours = self.end_of_pipe(core, NO_ROUTE, None, PipeLink::default(), kind);
        let theirs = callee.admit(&caller, &ours).and_then(|theirs| {
            if let Some(link) = &mut ours.state.lock().pipe {
                link.set_other(&theirs);
            }
            let mut hub = self.hub.lock();
            if *hub.endpoint.identity() != caller.identity {
                return Err(ConnectP2pError::NoIdentity.into());
            }
            hub.insert(&ours);
            self.note_session(session, peer, &ours);
            Ok(theirs)
        });
        drop(turn);
        if theirs.is_err() {
            self.kill(&ours, EndReason::APP_GENERIC, "the call was taken back");
        }
        Ok(Made::New([ours, theirs?]))
    }

    /// A connection as the driver keeps it. The first shard looks after all of them.
    fn end_of_pipe(
        self: &Arc<Self>,
        core: Box<CoreConnection>,
        route: Route,
        listener: Option<ListenerId>,
        link: PipeLink,
        session: Option<SessionKind>,
    ) -> Arc<Slot> {
        let shard = ShardId::FIRST;
        let place = (shard, self.shards.get(shard).timers.lock().reserve());
        let inner = Arc::clone(self);
        let slot = Slot::new(
            inner,
            core,
            None,
            route,
            listener,
            place,
            false,
            Signals::None,
        );
        let slot = slot.with_pipe(link);
        Arc::new(slot.of_session(session))
    }
}

impl Callee {
    /// Makes the end that is asked, unless things have changed since it was looked for.
    fn admit(&self, caller: &Caller, asking: &Arc<Slot>) -> Result<Arc<Slot>, ConnectWithinError> {
        let Self {
            inner, peer, port, ..
        } = self;
        if inner.lobby.is_full(0) {
            return Err(ConnectP2pError::PeerBusy.into());
        }
        let now = inner.clock.now();
        let mut hub = inner.hub.lock();
        if !hub.is_open() || hub.endpoint.identity() != peer {
            return Err(ConnectWithinError::NotHere);
        }
        let core = match hub.endpoint.admit_within(now, *port, caller) {
            Ok(core) => core,
            Err(AdmitError::NotListening) => {
                return Err(ConnectWithinError::NotListening { port: *port });
            }
            // By signals they find out which of the two calls it is to be.
            Err(AdmitError::Crossed) => return Err(ConnectWithinError::NotHere),
            Err(AdmitError::Full) => return Err(ConnectP2pError::PeerBusy.into()),
        };
        let listener = hub.listener_on(*port);
        let route = Route {
            socket: listener.map_or(NO_ROUTE.socket, |(_, socket)| socket),
            ..NO_ROUTE
        };
        let listener = listener.map(|(id, _)| id);
        let session = hub.sessions_on(*port);
        let link = PipeLink::to(asking);
        let slot = inner.end_of_pipe(core, route, listener, link, session);
        hub.insert(&slot);
        Ok(slot)
    }
}

fn matchmaking() -> &'static Lock<()> {
    static MATCHMAKING: OnceLock<Lock<()>> = OnceLock::new();
    MATCHMAKING.get_or_init(|| Lock::new(Rank::Matchmaking, ()))
}

#[cfg(test)]
mod tests;
