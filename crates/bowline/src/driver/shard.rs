//! The shares of several service threads.
//!
//! Each shard has a poller, deadlines, and sockets of its own, and one thread at a time drives it. A
//! listener has a socket per shard, all with one port, over which the kernel spreads the clients; the
//! sockets to dial from go to the shards in turn. A connection belongs to the shard of its socket: what
//! arrives there, and its deadlines, are looked after by that thread.
//!
//! That is a matter of speed only. Every thread may handle every connection under its lock, and all find
//! it in the one table of the endpoint. So nothing on the wire names a shard. A client whose address changes,
//! and with it the socket that the kernel chooses, is not followed: the table finds a connection by its ID only
//! together with the address it began with. To follow it would take a change there, and none here.
//!
//! The first shard is driven by whoever has the role ([`role`](crate::driver::sync::role)): the service
//! thread, or a thread of the application that waits. It does as well what the interface has but once: the
//! endpoint's bookkeeping, and what is late on purpose. Each further shard has a thread that never does
//! anything else. By default there is none.

use std::io;
use std::sync::Arc;
use std::sync::Weak;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use bowline_core::endpoint::SocketId;
use bowline_io::poll::Poller;
use bowline_io::poll::Waker;
use bowline_io::udp::UdpSocket;

use crate::driver::limits;
use crate::driver::lock_order::Lock;
use crate::driver::lock_order::Rank;
use crate::driver::slot::Slot;
use crate::driver::sync::inbox::Inbox;
use crate::driver::timers::Timers;

/// The shards of an interface, of which there is at least one.
#[derive(Debug)]
pub(crate) struct Shards {
    list: Box<[Shard]>,
    /// How many sockets to dial from were asked for.
    dials: AtomicUsize,
    /// The threads of the further shards shall end.
    is_stopped: AtomicBool,
}

/// What belongs to one shard, except what only its driver has.
#[derive(Debug)]
pub(crate) struct Shard {
    /// The deadlines of its connections.
    pub(crate) timers: Lock<Timers>,
    waker: Waker,
    /// Sockets that its poller shall watch from now on.
    new_sockets: Inbox<NewSocket>,
}

/// A socket that a poller shall watch. If it is closed before, there is nothing to watch.
#[derive(Debug)]
pub(crate) struct NewSocket {
    pub(crate) id: SocketId,
    pub(crate) socket: Weak<UdpSocket>,
}

/// The number of a shard.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct ShardId(u8);

/// Some of the shards.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ShardSet(u32);

/// Holds the set to the bound.
const _: () = assert!(limits::MAX_SERVICE_THREADS <= u32::BITS as usize);

impl Shards {
    /// So many shards, one at least, and the poller of each.
    pub(crate) fn new(count: usize) -> io::Result<(Self, Vec<Poller>)> {
        let count = count.clamp(1, limits::MAX_SERVICE_THREADS);
        let pollers = (0..count)
            .map(|_| Poller::new())
            .collect::<io::Result<Vec<_>>>()?;
        let shards = Self {
            list: pollers.iter().map(Shard::new).collect(),
            dials: AtomicUsize::new(0),
            is_stopped: AtomicBool::new(false),
        };
        Ok((shards, pollers))
    }

    /// How many there are.
    pub(crate) const fn count(&self) -> usize {
        self.list.len()
    }

    /// The numbers of all.
    pub(crate) fn ids(&self) -> impl Iterator<Item = ShardId> + use<> {
        (0..self.count()).map(ShardId::from_index)
    }

    /// The one of that number.
    pub(crate) fn get(&self, id: ShardId) -> &Shard {
        &self.list[usize::from(id.0)]
    }

    /// The one that a connection belongs to.
    pub(crate) fn of(&self, slot: &Slot) -> &Shard {
        self.get(slot.shard)
    }

    /// The one that does what there is to do but once.
    pub(crate) fn first(&self) -> &Shard {
        self.get(ShardId::FIRST)
    }

    /// The one that the next connection shall be dialled from: each in turn.
    pub(crate) fn next_to_dial(&self) -> ShardId {
        let dials = self.dials.fetch_add(1, Ordering::Relaxed);
        ShardId::from_index(dials % self.count())
    }

    /// Wakes the drivers of those that sleep in their pollers.
    pub(crate) fn wake(&self, shards: ShardSet) {
        for (index, shard) in self.list.iter().enumerate() {
            if shards.has(ShardId::from_index(index)) {
                shard.wake();
            }
        }
    }

    /// Ends the threads of the further shards.
    pub(crate) fn stop(&self) {
        self.is_stopped.store(true, Ordering::Release);
        self.list.iter().for_each(Shard::wake);
    }

    /// Whether the threads of the further shards shall end.
    pub(crate) fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Acquire)
    }

    /// Forgets all connections and returns them.
    pub(crate) fn clear(&self) -> Vec<Option<Arc<Slot>>> {
        let shards = self.list.iter();
        shards
            .flat_map(|shard| shard.timers.lock().clear())
            .collect()
    }
}

impl Shard {
    fn new(poller: &Poller) -> Self {
        Self {
            timers: Lock::new(Rank::Timers, Timers::default()),
            waker: poller.waker(),
            new_sockets: Inbox::new(),
        }
    }

    /// Wakes whoever sleeps in its poller.
    pub(crate) fn wake(&self) {
        self.waker.wake();
    }

    /// Has its poller watch a socket.
    pub(crate) fn add_socket(&self, id: SocketId, socket: &Arc<UdpSocket>) {
        let socket = Arc::downgrade(socket);
        // Each stands for a descriptor that is open, which bounds them.
        let is_kept = self
            .new_sockets
            .put(NewSocket { id, socket }, &[], usize::MAX);
        debug_assert!(is_kept, "without a bound there is room");
        self.wake();
    }

    /// Hands out the sockets that its poller does not watch yet.
    pub(crate) fn take_new_sockets(&self, mut each: impl FnMut(NewSocket)) {
        if let Some(mut batch) = self.new_sockets.take() {
            batch.drain(|socket, _| each(socket));
            self.new_sockets.give_back(batch);
        }
    }
}

impl ShardId {
    /// The one that is always there.
    pub(crate) const FIRST: Self = Self(0);

    fn from_index(index: usize) -> Self {
        Self(u8::try_from(index).expect("there are no more shards than MAX_SERVICE_THREADS"))
    }

    /// Whether it is the one that does what there is to do but once.
    pub(crate) fn is_first(self) -> bool {
        self == Self::FIRST
    }
}

impl ShardSet {
    /// Adds a shard.
    pub(crate) fn insert(&mut self, shard: ShardId) {
        self.0 |= 1 << shard.0;
    }

    /// Whether it is one of them.
    pub(crate) fn has(self, shard: ShardId) -> bool {
        self.0 >> shard.0 & 1 != 0
    }

    /// Whether there is none.
    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }
}
