//! Pairs of connections within one interface, and the handing over between the two ends of a pipe, which may be
//! of two interfaces.
//!
//! What an end has for the other is collected under its lock, in [`PipeLink::collect`], and handed over
//! with no lock but the other end's ([`Inner::pass_on`]). As with packets, one thread at a time does so
//! for an end, so that messages keep their order; another one leaves its own to it.

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Weak;

use bowline_core::config::Config;
use bowline_core::config::ConfigScope;
use bowline_core::connection::Connection as CoreConnection;
use bowline_core::endpoint::NO_ROUTE;
use bowline_core::endpoint::Route;
use bowline_core::identity::Identity;
use bowline_core::pipe::Piped;
use bowline_io::udp::UdpSocket;

use crate::driver::Inner;
use crate::driver::Urgency;
use crate::driver::followup::Followup;
use crate::driver::lock_order::assert_none_held;
use crate::driver::shard::ShardId;
use crate::driver::slot::Slot;
use crate::driver::slot::SlotState;
use crate::driver::sync::alone::Work;
use crate::driver::sync::alone::work_alone;
use crate::error::PairError;

/// An end's way to the other end.
#[derive(Debug, Default)]
pub(crate) struct PipeLink {
    other: Weak<Slot>,
    waiting: VecDeque<Piped>,
    /// Kept for its memory.
    spare: VecDeque<Piped>,
}

impl PipeLink {
    /// The way to that end.
    pub(crate) fn to(other: &Arc<Slot>) -> Self {
        Self {
            other: Arc::downgrade(other),
            ..Self::default()
        }
    }

    /// Leads to that end from now on.
    pub(crate) fn set_other(&mut self, other: &Arc<Slot>) {
        self.other = Arc::downgrade(other);
    }

    /// Takes what the connection has for the other end. Tells whether there is anything.
    pub(crate) fn collect(&mut self, core: &mut CoreConnection) -> bool {
        while let Some(item) = core.poll_piped() {
            self.waiting.push_back(item);
        }
        !self.waiting.is_empty()
    }

    /// Whether something waits to be handed over.
    pub(crate) fn has_any(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Takes what waits.
    fn take(&mut self) -> Option<(VecDeque<Piped>, Weak<Slot>)> {
        if self.waiting.is_empty() {
            return None;
        }
        let spare = std::mem::take(&mut self.spare);
        let items = std::mem::replace(&mut self.waiting, spare);
        Some((items, Weak::clone(&self.other)))
    }
}

/// What the two ends of a pair are joined by.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum PairKind {
    /// Memory: messages move from one end to the other as they are, at once.
    Pipe,
    /// Two UDP sockets on 127.0.0.1: packets, encryption, and whatever conditions are simulated.
    Loopback,
}

impl Slot {
    /// Gives it the way to the other end.
    pub(crate) fn with_pipe(mut self, pipe: PipeLink) -> Self {
        self.state.get_mut().pipe = Some(Box::new(pipe));
        self
    }

    /// Whether the other end is in this process, and there are no datagrams.
    pub(crate) const fn is_pipe(&self) -> bool {
        self.is_pipe
    }
}

impl Inner {
    /// Makes two connections to each other.
    pub(crate) fn pair(
        self: &Arc<Self>,
        kind: PairKind,
        options: Option<Config>,
        identities: [Identity; 2],
    ) -> Result<[Arc<Slot>; 2], PairError> {
        if self.lobby.is_full(1) {
            return Err(PairError::TooManyEvents);
        }
        let interface = self.config();
        let config = match options {
            Some(options) => self.config_for(options, ConfigScope::Connection)?,
            None => Arc::clone(&interface),
        };
        let slots = match kind {
            PairKind::Pipe => self.pipe_pair(&config, identities)?,
            PairKind::Loopback => self.loopback_pair(&config, identities)?,
        };
        let interface_now = self.config();
        if !Arc::ptr_eq(&interface, &interface_now) {
            // It changed while the connections were in nobody's list.
            slots
                .iter()
                .for_each(|slot| self.inherit(slot, &interface_now));
        }
        Ok(slots)
    }

    fn pipe_pair(
        self: &Arc<Self>,
        config: &Arc<Config>,
        identities: [Identity; 2],
    ) -> Result<[Arc<Slot>; 2], PairError> {
        let now = self.clock.now();
        let cores = self.hub.lock().endpoint.pair(now, None, config, identities);
        let slots = cores
            .map_err(|_| PairError::TooManyConnections)?
            .map(|core| self.new_slot(Box::new(core), ShardId::FIRST, None, NO_ROUTE, None, false));
        let [first, second] = &slots;
        for (slot, other) in [(first, second), (second, first)] {
            let link = PipeLink::to(other);
            slot.state.lock().begin_connected(Some(link));
        }
        let mut hub = self.hub.lock();
        slots.iter().for_each(|slot| hub.insert(slot));
        drop(hub);
        Ok(slots)
    }

    fn loopback_pair(
        self: &Arc<Self>,
        config: &Arc<Config>,
        identities: [Identity; 2],
    ) -> Result<[Arc<Slot>; 2], PairError> {
        let sockets = [loopback_socket()?, loopback_socket()?];
        let [first, second] = &sockets;
        let mut hub = self.hub.lock();
        let ids =
            [first, second].map(|socket| hub.add_pair_socket(ShardId::FIRST, Arc::clone(socket)));
        let routes = [(ids[0], second.local_addr()), (ids[1], first.local_addr())]
            .map(|(socket, remote)| Route { socket, remote });
        let now = self.clock.now();
        let Ok(cores) = hub.endpoint.pair(now, Some(routes), config, identities) else {
            let unused = ids.map(|id| hub.remove_unused(id));
            drop(hub);
            drop(unused);
            return Err(PairError::TooManyConnections);
        };
        drop(hub);
        let [first, second] = cores;
        let end = |core, at: usize| {
            let socket = Some(Arc::clone(&sockets[at]));
            let slot = self.new_slot(
                Box::new(core),
                ShardId::FIRST,
                socket,
                routes[at],
                None,
                false,
            );
            slot.state.lock().begin_connected(None);
            slot
        };
        let slots = [end(first, 0), end(second, 1)];
        let mut hub = self.hub.lock();
        slots.iter().for_each(|slot| hub.insert(slot));
        drop(hub);
        for (id, socket) in ids.into_iter().zip(&sockets) {
            self.shards.first().add_socket(id, socket);
        }
        for slot in &slots {
            self.after_input(slot, slot.state.lock(), Urgency::Now);
        }
        Ok(slots)
    }

    /// Hands over what the end `slot` has for the other end, unless another thread does so.
    pub(crate) fn pass_on(&self, slot: &Arc<Slot>, follow: &mut Followup) {
        let patience = follow.patience;
        let lock = || slot.lock_with(patience);
        let Some(state) = lock() else {
            slot.put_off(&mut follow.at(self, slot).nudge);
            return;
        };
        if state.pipe.is_none() || !slot.passing.take() {
            return;
        }
        let mut handover = Handover {
            inner: self,
            follow,
            next: None,
            spare: VecDeque::new(),
        };
        if work_alone(&slot.passing, lock, state, &mut handover).is_none() {
            slot.put_off(&mut follow.at(self, slot).nudge);
        }
        follow.bring_pipes_home();
    }

    fn take_over(&self, slot: &Arc<Slot>, items: &mut VecDeque<Piped>, follow: &mut Followup) {
        let follow = follow.at(self, slot);
        let now = self.clock.now();
        let Some(mut state) = slot.lock_with(follow.patience) else {
            items.drain(..).for_each(|item| slot.keep_piped(now, item));
            slot.put_off(&mut follow.nudge);
            return;
        };
        slot.catch_up(&mut state);
        let now = state.advance(now);
        if let Some(live) = &mut state.live {
            for item in items.drain(..) {
                live.core.handle_piped(now, item);
            }
        }
        slot.settle(&mut state, follow);
        slot.schedule(&mut state, follow);
    }
}

/// What one end of a pipe has for the other.
struct Handover<'a> {
    inner: &'a Inner,
    follow: &'a mut Followup,
    next: Option<(VecDeque<Piped>, Weak<Slot>)>,
    spare: VecDeque<Piped>,
}

impl Work<SlotState> for Handover<'_> {
    fn take(&mut self, state: &mut SlotState) -> bool {
        self.next = state.pipe.as_mut().and_then(|link| link.take());
        self.next.is_some()
    }

    fn act(&mut self) {
        if let Some((mut items, other)) = self.next.take() {
            if let Some(other) = other.upgrade() {
                self.inner.take_over(&other, &mut items, self.follow);
            }
            items.clear();
            self.spare = items;
        }
    }

    fn after(&mut self, state: &mut SlotState) -> bool {
        if let Some(link) = &mut state.pipe {
            link.spare = std::mem::take(&mut self.spare);
        }
        true
    }
}

fn loopback_socket() -> Result<Arc<UdpSocket>, PairError> {
    assert_none_held();
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let socket = UdpSocket::bind(any, false).map_err(PairError::Socket)?;
    Ok(Arc::new(socket))
}
