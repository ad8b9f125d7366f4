//! The ways out of this machine that connections between peers may take: a socket for each of its addresses.
//!
//! They are opened when peers are first needed, belong to the first shard, and serve all connections between
//! peers at once. The addresses are looked at again every few seconds, and soon after a socket could not send or a
//! peer fell silent: sockets are opened for new ones, and those of addresses that are gone are closed. Which of them a datagram
//! takes is up to the core, which says so by number ([`LocalId`]); [`Locals`] knows the sockets by those
//! numbers, so that whoever sends does not need the endpoint's lock. Addresses that relays lend have numbers as
//! well, but no sockets: what goes that way is wrapped by the endpoint, under its lock.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::sync::Arc;

use bowline_core::endpoint::SocketId;
use bowline_core::ice::Interface;
use bowline_core::ids::LocalId;
use bowline_core::time::Timestamp;
use bowline_core::transmit::Ecn;
use bowline_core::transmit::Via;
use bowline_io::interfaces;
use bowline_io::interfaces::Loopback;
use bowline_io::resolve::Resolved;
use bowline_io::resolve::Resolver;
use bowline_io::udp::UdpSocket;

use crate::driver::Inner;
use crate::driver::followup::Followup;
use crate::driver::hub::Hub;
use crate::driver::limits;
use crate::driver::lock_order::Rank;
use crate::driver::lock_order::SharedLock;
use crate::driver::lock_order::assert_none_held;
use crate::driver::network::Border;
use crate::driver::shard::ShardId;

thread_local! {
    /// Where a thread puts what goes by a relay.
    static WRAPPED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// What the endpoint's lock protects of this.
#[derive(Debug)]
pub(crate) struct Ways {
    loopback: Loopback,
    state: State,
    /// The sockets and their addresses, in order of preference.
    list: Vec<(SocketId, SocketAddr)>,
}

/// Whether the addresses of this machine are watched.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// Nobody has needed them yet.
    Closed,
    /// A thread looks at them.
    Looking,
    /// They are looked at again then.
    Watching(Timestamp),
}

impl Ways {
    pub(crate) const fn new(loopback: Loopback) -> Self {
        Self {
            loopback,
            state: State::Closed,
            list: Vec::new(),
        }
    }

    /// Whether anybody has needed them.
    pub(crate) fn are_open(&self) -> bool {
        self.state != State::Closed
    }

    /// When the addresses are to be looked at again.
    pub(crate) const fn next_look(&self) -> Option<Timestamp> {
        match self.state {
            State::Watching(at) => Some(at),
            State::Closed | State::Looking => None,
        }
    }

    /// Whether that is due. If so the caller is the one to look.
    pub(crate) fn begin_due_look(&mut self, now: Timestamp) -> bool {
        let is_due = self.next_look().is_some_and(|at| at <= now);
        if is_due {
            self.state = State::Looking;
        }
        is_due
    }

    /// A socket could not send, or a peer does not answer: the addresses may have changed.
    pub(crate) fn look_soon(&mut self, now: Timestamp) {
        if let State::Watching(at) = &mut self.state {
            *at = (*at).min(now + limits::LOOK_AFTER_ERROR);
        }
    }

    /// Whether nobody has looked yet. If so the caller is the one to do it.
    fn begin_first_look(&mut self) -> bool {
        let is_first = self.state == State::Closed;
        if is_first {
            self.state = State::Looking;
        }
        is_first
    }
}

/// The sockets by the numbers that the core knows our ends by.
#[derive(Debug)]
pub(crate) struct Locals(SharedLock<HashMap<LocalId, LocalSocket>>);

/// A socket of this machine, to send from.
#[derive(Clone, Debug)]
pub(crate) struct LocalSocket {
    pub(crate) id: SocketId,
    pub(crate) socket: Arc<UdpSocket>,
}

impl LocalSocket {
    /// Where a datagram leaves that is sent from here.
    pub(crate) const fn border(&self, remote: SocketAddr, ecn: Option<Ecn>) -> Border {
        Border {
            socket: self.id,
            remote,
            ecn,
            is_probe: false,
        }
    }
}

impl Locals {
    pub(crate) fn new() -> Self {
        Self(SharedLock::new(Rank::Index, HashMap::new()))
    }

    /// The socket of that number, if it has been asked for before.
    pub(crate) fn find(&self, local: LocalId) -> Option<LocalSocket> {
        self.0.read().get(&local).cloned()
    }

    fn insert(&self, local: LocalId, socket: LocalSocket) {
        self.0.write().insert(local, socket);
    }

    /// Forgets all sockets but these.
    fn keep(&self, known: &[SocketId]) {
        let mut sockets = self.0.write();
        let removed: Vec<_> = sockets
            .extract_if(|_, socket| !known.contains(&socket.id))
            .collect();
        drop(sockets);
        drop(removed);
    }

    /// Forgets all.
    pub(crate) fn clear(&self) {
        let sockets = std::mem::take(&mut *self.0.write());
        drop(sockets);
    }
}

impl Inner {
    /// Opens the ways, unless they are. When another thread is at it, it is not waited for: connections hear of
    /// what it finds.
    pub(crate) fn open_ways(self: &Arc<Self>) {
        // Before they are open: from then on other threads ask it for names.
        self.resolver();
        if !self.hub.lock().ways.begin_first_look() {
            return;
        }
        let mut follow = Followup::default();
        self.look_at_interfaces(&mut follow);
        self.follow_up(&mut follow);
    }

    /// What asks for the addresses of names.
    pub(crate) fn resolver(self: &Arc<Self>) -> &Resolver {
        self.resolver.get_or_init(|| {
            let inner = Arc::downgrade(self);
            Resolver::new(move |resolved: Resolved| {
                if let Some(inner) = inner.upgrade() {
                    inner.on_resolved(&resolved);
                }
            })
        })
    }

    /// Brings the sockets in line with the addresses of this machine. One thread at a time does.
    pub(crate) fn look_at_interfaces(&self, follow: &mut Followup) {
        assert_none_held();
        match self.usable_addresses() {
            Ok(found) => self.use_addresses(&found, follow),
            Err(error) => {
                tracing::warn!(%error, "the addresses of this machine cannot be listed");
                let known = self.hub.lock().ways.addresses();
                self.use_addresses(&known, follow);
            }
        }
    }

    /// Has a socket on each of these addresses, and on no other.
    fn use_addresses(&self, found: &[IpAddr], follow: &mut Followup) {
        let known = self.hub.lock().ways.addresses();
        let mut opened = Vec::new();
        for address in found.iter().filter(|address| !known.contains(address)) {
            match UdpSocket::bind(SocketAddr::new(*address, 0), false) {
                Ok(socket) => opened.push(Arc::new(socket)),
                // A new IPv6 address cannot be used at once, and the next look tries again.
                Err(error) => tracing::debug!(%error, "an address of this machine cannot be used"),
            }
        }
        let mut hub = self.hub.lock();
        let now = self.clock.now();
        let (added, gone) = hub.replace_ways(now, found, &opened);
        let known: Vec<_> = hub.ways.list.iter().map(|(id, _)| *id).collect();
        hub.ways.state = State::Watching(now + limits::LOOK_INTERVAL);
        hub.collect_errands(&mut follow.errands);
        self.schedule_endpoint(&hub, &mut follow.nudge);
        drop(hub);
        for (id, socket) in added {
            self.shards.first().add_socket(id, &socket);
        }
        // At every look, because a thread that was about to send may have put one in again.
        self.locals.keep(&known);
        drop(gone);
    }

    /// Sends a run of a connection between peers whose way is not in [`Locals`]. Tells whether the socket took
    /// less than all of it.
    pub(crate) fn send_by_endpoint(
        &self,
        via: Via,
        bytes: &[u8],
        segment_size: usize,
        ecn: Option<Ecn>,
    ) -> bool {
        let mut hub = self.hub.lock();
        if let Some(id) = hub.endpoint.socket_of(via.local) {
            let socket = hub.any_socket(id);
            drop(hub);
            // Without a socket the address is gone, and the packets are lost with it.
            return socket.is_some_and(|socket| {
                let local = LocalSocket { id, socket };
                self.locals.insert(via.local, local.clone());
                self.send_between_peers(&local, local.border(via.remote, ecn), bytes, segment_size)
            });
        }
        WRAPPED.with_borrow_mut(|wrapped| {
            wrapped.clear();
            let (mut first, mut waits) = (None, false);
            for datagram in bytes.chunks(segment_size.max(1)) {
                let way = hub.endpoint.wrap(via, datagram, wrapped);
                waits |= way.is_none();
                first = first.or_else(|| way.map(|way| (way, wrapped.len())));
            }
            let found = first.and_then(|((id, to), len)| Some((id, hub.any_socket(id)?, to, len)));
            drop(hub);
            if waits {
                // The relay has to be asked for something first, which whoever drives does.
                let first = self.shards.first();
                if first
                    .timers
                    .lock()
                    .schedule_endpoint(Some(self.clock.now()))
                {
                    first.wake();
                }
            }
            // Without a relay they are lost.
            found.is_some_and(|(id, socket, to, len)| {
                let local = LocalSocket { id, socket };
                self.send_between_peers(&local, local.border(to, ecn), wrapped, len)
            })
        })
    }

    /// Sends a run from one of the sockets. Tells whether it took less than all of it.
    pub(crate) fn send_between_peers(
        &self,
        from: &LocalSocket,
        border: Border,
        bytes: &[u8],
        segment_size: usize,
    ) -> bool {
        self.watch_errors(from, Some(border.remote), |socket| {
            self.send_run(socket, border, bytes, segment_size)
        })
    }

    /// Has something sent from one of the sockets, and sees to it if that fails. `to` is `None` if it is for several
    /// peers. An error that another thread meets in the same moment may be taken for one of ours.
    pub(crate) fn watch_errors<R>(
        &self,
        from: &LocalSocket,
        to: Option<SocketAddr>,
        send: impl FnOnce(&UdpSocket) -> R,
    ) -> R {
        assert_none_held();
        let errors = from.socket.counters().send_errors;
        let result = send(&from.socket);
        if from.socket.counters().send_errors != errors {
            self.on_send_error(from.id, to);
        }
        result
    }

    /// A socket could not send: the core wants to know if it was to a server, and the addresses may have changed.
    fn on_send_error(&self, socket: SocketId, to: Option<SocketAddr>) {
        let mut hub = self.hub.lock();
        let now = self.clock.now();
        if let Some(to) = to {
            hub.endpoint.handle_send_error(now, socket, to);
        }
        hub.ways.look_soon(now);
        drop(hub);
        // Whoever drives does what follows: done here it could fail again, and so on.
        let first = self.shards.first();
        if first.timers.lock().schedule_endpoint(Some(now)) {
            first.wake();
        }
    }

    /// The resolver's thread has an answer.
    fn on_resolved(&self, resolved: &Resolved) {
        let addresses = match &resolved.addresses {
            Ok(addresses) => addresses.as_slice(),
            Err(error) => {
                tracing::info!(name = resolved.name, %error, "a server's name has no address");
                &[]
            }
        };
        self.tell_resolved(&resolved.name, addresses);
        self.tell_hub_resolved(&resolved.name, addresses);
    }

    /// Tells the endpoint the addresses of a name; none if it has none.
    pub(crate) fn tell_resolved(&self, name: &str, addresses: &[IpAddr]) {
        let mut follow = Followup::default();
        let mut hub = self.hub.lock();
        let now = self.clock.now();
        hub.endpoint.handle_resolved(now, name, addresses);
        hub.collect_errands(&mut follow.errands);
        self.schedule_endpoint(&hub, &mut follow.nudge);
        drop(hub);
        self.follow_up(&mut follow);
    }

    fn usable_addresses(&self) -> io::Result<Vec<IpAddr>> {
        let loopback = self.hub.lock().ways.loopback;
        let usable = interfaces::usable(interfaces::list()?, loopback);
        Ok(usable.into_iter().map(|one| one.address).collect())
    }
}

impl Ways {
    fn addresses(&self) -> Vec<IpAddr> {
        let addresses = self.list.iter();
        addresses.map(|(_, address)| address.ip()).collect()
    }
}

/// A socket of the core, and those of the system behind it.
type Opened = Vec<(SocketId, Arc<UdpSocket>)>;

impl Hub {
    /// Brings the ways in line with `found`, for which new sockets are `opened`. Returns those added, and those
    /// gone to be dropped without the lock.
    fn replace_ways(
        &mut self,
        now: Timestamp,
        found: &[IpAddr],
        opened: &[Arc<UdpSocket>],
    ) -> (Opened, Vec<Arc<UdpSocket>>) {
        let before = std::mem::take(&mut self.ways.list);
        let mut gone = Vec::new();
        for (id, address) in &before {
            if !found.contains(&address.ip())
                && let Some(socket) = self.remove_way(*id)
            {
                gone.push(socket);
            }
        }
        let mut added = Vec::new();
        let mut list = Vec::new();
        for address in found {
            let known = before.iter().find(|(_, known)| known.ip() == *address);
            let is_new = |socket: &&Arc<UdpSocket>| socket.local_addr().ip() == *address;
            match (known, opened.iter().find(is_new)) {
                (Some(known), _) => list.push(*known),
                (None, Some(socket)) => {
                    let id = self.add_way(ShardId::FIRST, Arc::clone(socket));
                    added.push((id, Arc::clone(socket)));
                    list.push((id, socket.local_addr()));
                }
                // It could not be bound.
                (None, None) => {}
            }
        }
        if list != before {
            let interfaces = list.iter();
            let interfaces = interfaces.map(|(socket, address)| Interface {
                socket: *socket,
                address: *address,
            });
            let interfaces: Vec<_> = interfaces.collect();
            self.endpoint.set_interfaces(now, &interfaces);
        }
        self.ways.list = list;
        (added, gone)
    }
}

#[cfg(test)]
mod tests;
