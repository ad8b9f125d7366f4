//! Signals between peers: those that come in from the application, and those that connections have for it.
//!
//! What a connection has to signal is taken out under its lock ([`Slot::settle`]) and handed to the application's
//! object with no lock held ([`Inner::send_signals`]), by whichever thread caused it. The driving thread counts
//! as one of the application for that time: it may wait for connections that the object uses.
//!
//! Who asks for a connection is *considered* first: the application says what is to become of it, on the thread
//! that handed the signal in. Meanwhile the connection works, so that it can be accepted or closed there, but no
//! event tells of it and its signals wait, since nobody has said how to carry them.

use std::fmt;
use std::sync::Arc;

use bowline_core::config::Config;
use bowline_core::config::ConfigScope;
use bowline_core::connection::Connection as CoreConnection;
use bowline_core::endpoint::Called;
use bowline_core::endpoint::NO_ROUTE;
use bowline_core::endpoint::Route;
use bowline_core::endpoint::SignalEvent;
use bowline_core::event::ToEndpoint;
use bowline_core::identity::Identity;
use bowline_core::ids::VirtualPort;

use crate::connection::Connection;
use crate::driver::Inner;
use crate::driver::Urgency;
use crate::driver::followup::Followup;
use crate::driver::hub::Hub;
use crate::driver::lock_order::Driving;
use crate::driver::lock_order::assert_none_held;
use crate::driver::slot::Slot;
use crate::driver::slot::SlotState;
use crate::driver::within::Neighbours;
use crate::driver::within::Shortcuts;
use crate::error::ConnectP2pError;
use crate::error::ConnectWithinError;
use crate::error::SignalError;
use crate::signaling::PeerRequest;
use crate::signaling::ReceiveContext;
use crate::signaling::SignalTarget;
use crate::signaling::Signaling;

/// What carries a connection's signals.
#[derive(Clone)]
pub(crate) struct Carrier(Arc<dyn Signaling>);

impl Carrier {
    pub(crate) const fn new(signaling: Arc<dyn Signaling>) -> Self {
        Self(signaling)
    }
}

impl fmt::Debug for Carrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Carrier")
    }
}

/// How a connection's signals go out.
#[derive(Clone, Debug, Default)]
pub(crate) enum Signals {
    /// Not at all: it has none, or nobody is to hear any more.
    #[default]
    None,
    /// Nobody has said yet; the application considers the request. They wait in the core.
    Considered,
    /// By that.
    By(Carrier),
}

/// Who a signal is from, as a hub says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Vouched<'a> {
    pub(crate) from: &'a Identity,
    /// Where the hub's word was heard. It counts for as long as that is there.
    pub(crate) desk: u64,
}

/// A signal that a connection has for its peer.
#[derive(Debug)]
pub(crate) struct Outgoing {
    slot: Arc<Slot>,
    carrier: Carrier,
    target: SignalTarget,
    bytes: Vec<u8>,
}

impl Slot {
    /// Takes out what the connection has to signal.
    pub(crate) fn collect_signals(self: &Arc<Self>, state: &mut SlotState, follow: &mut Followup) {
        let now = state.now();
        let (Some(live), Signals::By(carrier)) = (&mut state.live, &state.signals) else {
            return;
        };
        let mut bytes = Vec::new();
        while live.core.poll_signal(now, &mut bytes) {
            let Some(peer) = live.core.info().identity else {
                continue;
            };
            follow.signals.push(Outgoing {
                slot: Arc::clone(self),
                carrier: carrier.clone(),
                target: SignalTarget::new(peer, Arc::clone(self)),
                bytes: std::mem::take(&mut bytes),
            });
        }
    }

    /// The application has closed it or will not hear of it: what is left of it goes, and the peer is not told.
    pub(super) fn drop_request(self: &Arc<Self>, state: &mut SlotState, follow: &mut Followup) {
        self.release(state, follow);
        self.bury(state, follow);
    }
}

impl SlotState {
    /// Has signals carried from now on.
    pub(crate) fn carry_signals(&mut self, carrier: Carrier, follow: &mut Followup) {
        if self.live.is_some() {
            self.signals = Signals::By(carrier);
        } else {
            follow.carriers.push(carrier);
        }
    }

    /// No signals go out any more. What carried them is the application's, and dropped without the lock.
    pub(crate) fn drop_carrier(&mut self, follow: &mut Followup) {
        if let Signals::By(carrier) = std::mem::take(&mut self.signals) {
            follow.carriers.push(carrier);
        }
    }
}

impl Inner {
    /// Starts a connection to a peer, whose own settings are given; or accepts the one that the peer has asked
    /// for, where the settings make the two one.
    pub(crate) fn connect_p2p(
        self: &Arc<Self>,
        peer: &Identity,
        port: VirtualPort,
        signaling: Option<Arc<dyn Signaling>>,
        options: Option<Config>,
    ) -> Result<Arc<Slot>, ConnectP2pError> {
        if self.lobby.is_full(0) {
            return Err(ConnectP2pError::TooManyEvents);
        }
        let kind = Shortcuts::Always;
        if self.shortcuts >= kind {
            match self.connect_within(peer, port, options.clone(), Neighbours::Open(kind)) {
                Ok(slot) => return Ok(slot),
                Err(ConnectWithinError::Refused(error)) => return Err(error),
                Err(ConnectWithinError::NotHere | ConnectWithinError::NotListening { .. }) => {}
            }
        }
        let interface = self.config();
        let config = match &options {
            Some(options) => self.config_for(options.clone(), ConfigScope::Connection)?,
            None => Arc::clone(&interface),
        };
        let carrier = match signaling {
            Some(signaling) => Carrier::new(signaling),
            None => self
                .default_carrier(peer, port)
                .ok_or(ConnectP2pError::NoSignaling)?,
        };
        self.open_ways();
        self.want_hub();
        let mut follow = Followup::default();
        let mut hub = self.hub.lock();
        let now = self.clock.now();
        let called = hub.endpoint.connect_p2p(now, peer, port, config);
        let (slot, is_waiting) = match called.map_err(ConnectP2pError::from)? {
            Called::New(core) => {
                let signals = Signals::By(carrier.clone());
                let slot = self.new_peer_slot(core, NO_ROUTE, None, signals, None);
                hub.insert(&slot);
                (slot, false)
            }
            Called::Waiting(id) => {
                let slot = hub.slot(id).cloned();
                (slot.ok_or(ConnectP2pError::Gone)?, true)
            }
        };
        hub.collect_errands(&mut follow.errands);
        self.schedule_endpoint(&hub, &mut follow.nudge);
        drop(hub);
        self.follow_up(&mut follow);
        if is_waiting {
            self.accept_waiting(&slot, options, Some(carrier))?;
            return Ok(slot);
        }
        self.after_input(&slot, slot.state.lock(), Urgency::Now);
        let interface_now = self.config();
        if !Arc::ptr_eq(&interface, &interface_now) {
            // It changed while the connection was in nobody's list.
            self.inherit(&slot, &interface_now);
        }
        Ok(slot)
    }

    /// Takes in a signal from a peer, of whom the service may have said who it is.
    pub(crate) fn receive_signal(
        self: &Arc<Self>,
        bytes: &[u8],
        vouched: Option<Vouched<'_>>,
        context: &mut dyn ReceiveContext,
    ) -> Result<(), SignalError> {
        let interface = self.config();
        let mut follow = Followup::default();
        let mut hub = self.hub.lock();
        let now = self.clock.now();
        let event = match vouched {
            Some(Vouched { desk, .. }) if !self.is_at_desk(desk) => {
                tracing::debug!("a signal by a hub that was left is not taken");
                return Ok(());
            }
            Some(Vouched { from, .. }) => hub.endpoint.handle_vouched_signal(now, bytes, from),
            None => hub.endpoint.handle_signal(now, bytes, Some(&interface)),
        };
        let taken = match event {
            SignalEvent::Dropped(reason) => Err(SignalError::Dropped(reason)),
            SignalEvent::Forward(id) => Ok(hub.slot(id).cloned().map(|slot| (slot, false))),
            SignalEvent::Incoming(core) => self
                .admit_peer(&mut hub, core)
                .map(|slot| Some((slot, true))),
        };
        hub.collect_errands(&mut follow.errands);
        self.schedule_endpoint(&hub, &mut follow.nudge);
        drop(hub);
        self.follow_up(&mut follow);
        let Some((slot, is_new)) = taken? else {
            // It died this moment.
            return Ok(());
        };
        let mut state = slot.state.lock();
        slot.catch_up(&mut state);
        let now = state.advance(self.clock.now());
        if let Some(live) = &mut state.live {
            live.core.handle_signal(now, &mut bytes.to_vec());
        }
        self.after_input(&slot, state, Urgency::Now);
        if is_new {
            self.consider(&slot, &interface, context);
        }
        Ok(())
    }

    /// Hands out signals, and drops what carries none any more.
    pub(crate) fn send_signals(&self, follow: &mut Followup) {
        if follow.signals.is_empty() && follow.carriers.is_empty() {
            return;
        }
        assert_none_held();
        let suspended = Driving::suspend();
        let mut failed = Vec::new();
        for signal in std::mem::take(&mut follow.signals) {
            let Outgoing {
                slot,
                carrier,
                target,
                bytes,
            } = signal;
            if carrier.0.send(&target, &bytes).is_err() {
                tracing::debug!(id = %slot.id, "signaling failed");
                failed.push(slot);
            }
        }
        follow.carriers.clear();
        for slot in failed {
            let mut state = slot.state.lock();
            let now = state.advance(self.clock.now());
            if let Some(live) = &mut state.live {
                live.core.fail_signaling(now);
            }
            self.after_input(&slot, state, Urgency::Now);
        }
        drop(suspended);
    }

    /// Takes a connection that a peer asks for, while the endpoint's lock is held.
    fn admit_peer(
        self: &Arc<Self>,
        hub: &mut Hub,
        core: Box<CoreConnection>,
    ) -> Result<Arc<Slot>, SignalError> {
        if self.lobby.is_full(0) {
            let now = self.clock.now();
            let answer = hub.endpoint.handle_event(now, core.id(), ToEndpoint::Dead);
            debug_assert!(answer.is_none(), "who is dead is not answered");
            return Err(SignalError::TooManyEvents);
        }
        let port = core.ports().map(|ports| ports.local).unwrap_or_default();
        let listener = hub.listener_on(port);
        let route = Route {
            socket: listener.map_or(NO_ROUTE.socket, |(_, socket)| socket),
            ..NO_ROUTE
        };
        let listener = listener.map(|(id, _)| id);
        let session = hub.sessions_on(port);
        let slot = self.new_peer_slot(core, route, listener, Signals::Considered, session);
        hub.insert(&slot);
        Ok(slot)
    }

    /// Asks the application what is to become of a connection that a peer asks for.
    fn consider(
        self: &Arc<Self>,
        slot: &Arc<Slot>,
        interface: &Arc<Config>,
        context: &mut dyn ReceiveContext,
    ) {
        let asked = slot.state.lock().live.as_ref().and_then(|live| {
            let port = live.core.ports()?.local;
            Some((live.core.info().identity?, port))
        });
        let Some((peer, port)) = asked else {
            return;
        };
        self.open_ways();
        let connection = Connection::new(Arc::clone(slot));
        let request = PeerRequest::new(&connection, &peer, port);
        assert_none_held();
        let signaling = context.on_request(&request).map(Carrier::new);
        let mut follow = Followup::default();
        let mut rejections = Vec::new();
        let mut state = slot.state.lock();
        if let Some(carrier) = signaling {
            state.carry_signals(carrier, &mut follow);
        } else if matches!(state.signals, Signals::Considered) {
            if state.is_released()
                && let Some(live) = &mut state.live
            {
                let now = self.clock.now();
                let mut bytes = Vec::new();
                while live.core.poll_signal(now, &mut bytes) {
                    rejections.push(std::mem::take(&mut bytes));
                }
            }
            slot.drop_request(&mut state, &mut follow);
        }
        state.begin_told();
        self.after_input_with(slot, state, Urgency::Now, follow);
        for bytes in rejections {
            context.send_rejection(&peer, &bytes);
        }
        let interface_now = self.config();
        if !Arc::ptr_eq(interface, &interface_now) {
            // It changed while the connection was in nobody's list.
            self.inherit(slot, &interface_now);
        }
    }

    /// Accepts a connection that the peer has asked for, because the application wants the same one.
    pub(crate) fn accept_waiting(
        &self,
        slot: &Arc<Slot>,
        options: Option<Config>,
        carrier: Option<Carrier>,
    ) -> Result<(), ConnectP2pError> {
        let wider = self.wider(slot);
        let mut follow = Followup::default();
        let mut state = slot.state.lock();
        let now = state.advance(self.clock.now());
        let core = state.open().map_err(|_| ConnectP2pError::Gone)?;
        if let Some(options) = options {
            let mut own = options.into_level(ConfigScope::Connection)?;
            own.inherit(&wider);
            core.set_config(now, Arc::new(own));
        }
        let accepted = core.accept(now);
        if let Some(carrier) = carrier
            && matches!(state.signals, Signals::Considered)
        {
            state.carry_signals(carrier, &mut follow);
        }
        self.after_input_with(slot, state, Urgency::Now, follow);
        accepted.map_err(|_| ConnectP2pError::Gone)
    }
}
