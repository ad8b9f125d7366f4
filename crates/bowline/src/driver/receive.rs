//! Receiving: a batch of datagrams from a socket to the connections that they are for.
//!
//! The endpoint lock is taken once per batch, to find out who each datagram is for; then each run of
//! datagrams for the same connection is handled under that connection's lock.

use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bowline_core::connection::Connection as CoreConnection;
use bowline_core::counters::DropReason;
use bowline_core::end_reason::EndReason;
use bowline_core::endpoint::DatagramEvent;
use bowline_core::endpoint::Route;
use bowline_core::endpoint::SocketId;
use bowline_core::time::Timestamp;
use bowline_core::transmit::DatagramMeta;
use bowline_io::udp::RecvBatch;
use bowline_io::udp::UdpSocket;

use crate::driver::Inner;
use crate::driver::followup::Followup;
use crate::driver::hub::Hub;
use crate::driver::limits;
use crate::driver::lobby::Nudge;
use crate::driver::lock_order::Guard;
use crate::driver::lock_order::assert_none_held;
use crate::driver::network::Border;
use crate::driver::shard::ShardId;
use crate::driver::shares::Shares;
use crate::driver::slot::Slot;
use crate::driver::slot::SlotState;

/// The buffers with which a driving thread receives.
#[derive(Debug)]
pub(crate) struct Receiver {
    /// Whom the connections belong to that come in.
    shard: ShardId,
    batch: RecvBatch,
    /// Per datagram of the batch, which connection of `touched` it is for, if any.
    routed: Vec<Option<Routed>>,
    /// Per datagram, whether it is lost or late on purpose; empty if none is.
    withheld: Vec<bool>,
    /// The connections that the batch has datagrams for, and those that it made.
    touched: Vec<Arc<Slot>>,
    shares: Shares,
    /// Datagrams of batches before this one for which a busy connection had no room, to be counted.
    not_kept: u64,
    reply: Vec<u8>,
    replies: Vec<u8>,
    reply_list: Vec<(SocketAddr, Range<usize>)>,
}

/// Whom a datagram of the batch is for.
#[derive(Clone, Debug)]
struct Routed {
    /// Its connection among those that were touched.
    place: u32,
    meta: DatagramMeta,
    /// Which of its bytes.
    payload: Range<usize>,
}

impl Receiver {
    pub(crate) fn new(shard: ShardId) -> Self {
        Self {
            shard,
            batch: RecvBatch::new(limits::RECV_SLOTS),
            routed: Vec::new(),
            withheld: Vec::new(),
            touched: Vec::new(),
            shares: Shares::default(),
            not_kept: 0,
            reply: Vec::new(),
            replies: Vec::new(),
            reply_list: Vec::new(),
        }
    }

    /// Receives one batch and gives it to its connections. Returns the connections concerned, whose
    /// outputs are due, and whether there may be more to receive.
    pub(crate) fn receive(
        &mut self,
        inner: &Arc<Inner>,
        id: SocketId,
        socket: &Arc<UdpSocket>,
        follow: &mut Followup,
    ) -> (&mut Vec<Arc<Slot>>, bool) {
        assert_none_held();
        self.touched.clear();
        if let Err(error) = socket.recv(&mut self.batch) {
            tracing::debug!(%error, "a socket refuses to receive");
        }
        if !self.batch.is_empty() {
            let now = inner.clock.now();
            self.withheld.clear();
            if inner.network.is_meddling() {
                inner.withhold(now, id, &mut self.batch, &mut self.withheld);
            }
            self.take_batch(inner, now, id, socket, follow);
        }
        (&mut self.touched, self.batch.is_full())
    }

    /// Takes in datagrams that were late on purpose and are due; `None` if there are none. Returns the
    /// connections concerned, whose outputs are due.
    pub(crate) fn receive_late(
        &mut self,
        inner: &Arc<Inner>,
        follow: &mut Followup,
    ) -> Option<&mut Vec<Arc<Slot>>> {
        self.touched.clear();
        self.withheld.clear();
        self.batch.clear();
        let now = inner.clock.now();
        let (id, socket) = inner.receive_late(now, &mut self.batch)?;
        self.take_batch(inner, now, id, &socket, follow);
        Some(&mut self.touched)
    }

    /// Looks whether the kernel has dropped what was not taken in time. Due after every turn that leaves more
    /// to receive, and after every turn while it makes a difference.
    pub(crate) fn look_for_overrun(&mut self, inner: &Inner, socket: &UdpSocket, is_behind: bool) {
        if !is_behind && !self.shares.is_bound() {
            self.shares.end_turn();
            return;
        }
        let lost = socket.lost_since_asked();
        let is_alone = lost > 0 && inner.hub.lock().connections() <= 1;
        let lost = if is_alone { 0 } else { lost };
        self.shares.adapt(inner.clock.now(), lost);
    }

    fn take_batch(
        &mut self,
        inner: &Arc<Inner>,
        now: Timestamp,
        id: SocketId,
        socket: &Arc<UdpSocket>,
        follow: &mut Followup,
    ) {
        self.route(inner, now, id, socket, follow);
        self.handle(now);
        self.send_replies(inner, id, socket);
    }

    fn route(
        &mut self,
        inner: &Arc<Inner>,
        now: Timestamp,
        id: SocketId,
        socket: &Arc<UdpSocket>,
        follow: &mut Followup,
    ) {
        self.routed.clear();
        self.replies.clear();
        self.reply_list.clear();
        self.shares.begin(self.batch.len());
        let mut admitted = 0;
        let mut hub = inner.hub.lock();
        for _ in 0..std::mem::take(&mut self.not_kept) {
            hub.endpoint.count_drop(DropReason::ConnectionBusy);
        }
        for (index, (remote, ecn, data)) in self.batch.iter_mut().enumerate() {
            if self.withheld.get(index).is_some_and(|withheld| *withheld) {
                self.routed.push(None);
                continue;
            }
            let from = Route {
                socket: id,
                remote: *remote,
            };
            let event = hub
                .endpoint
                .handle_datagram(now, from, ecn, data, &mut self.reply);
            let routed = match event {
                DatagramEvent::Dropped(reason) => {
                    tracing::trace!(%reason, "dropped");
                    None
                }
                DatagramEvent::Reply => {
                    let start = self.replies.len();
                    self.replies.extend_from_slice(&self.reply);
                    self.reply_list.push((*remote, start..self.replies.len()));
                    None
                }
                DatagramEvent::Handled => None,
                DatagramEvent::Forward { id, meta, payload } => {
                    let slot = hub.slot(id);
                    let place = slot.map(|slot| touch(&mut self.touched, slot));
                    match place {
                        Some(place) if !self.shares.take(place) => {
                            hub.endpoint.count_drop(DropReason::UnfairShare);
                            None
                        }
                        place => place.map(|place| Routed {
                            place,
                            meta,
                            payload,
                        }),
                    }
                }
                DatagramEvent::Incoming(core) => {
                    let refused = inner.lobby.is_full(admitted);
                    admitted += usize::from(!refused);
                    let socket = (self.shard, socket);
                    let slot = admit(inner, &mut hub, now, core, from, socket, refused);
                    touch(&mut self.touched, &slot);
                    None
                }
            };
            self.routed.push(routed);
        }
        hub.collect_errands(&mut follow.errands);
        let mut nudge = Nudge::default();
        inner.schedule_endpoint(&hub, &mut nudge);
        drop(hub);
        inner.shards.wake(nudge.wake);
    }

    fn handle(&mut self, now: Timestamp) {
        let mut current = None;
        for ((_, _, data), routed) in self.batch.iter_mut().zip(&self.routed) {
            let Some(Routed {
                place: index,
                meta,
                payload,
            }) = routed
            else {
                continue;
            };
            let data = &mut data[payload.clone()];
            let mut state = match current.take() {
                Some((same, state)) if same == *index => state,
                other => {
                    // Before the next connection's lock is taken.
                    note_arrivals(&self.touched, other);
                    let Some(slot) = self.touched.get(*index as usize) else {
                        continue;
                    };
                    let Some(mut state) = slot.lock_soon() else {
                        self.not_kept += u64::from(!slot.keep_datagram(now, *meta, data));
                        continue;
                    };
                    slot.catch_up(&mut state);
                    state
                }
            };
            let now = state.advance(now);
            if let Some(live) = &mut state.live {
                live.core.handle_datagram(now, meta, data);
            }
            current = Some((*index, state));
        }
        note_arrivals(&self.touched, current);
    }

    fn send_replies(&mut self, inner: &Inner, id: SocketId, socket: &UdpSocket) {
        for (remote, range) in self.reply_list.drain(..) {
            assert_none_held();
            let bytes = &self.replies[range];
            let ecn = inner.network.ecn();
            // A reply that is lost is asked for again.
            if inner.network.is_meddling() {
                let border = Border {
                    socket: id,
                    remote,
                    ecn,
                    is_probe: false,
                };
                let _ = inner.send_one_by_one(socket, border, bytes, bytes.len());
            } else {
                let _ = socket.send(remote, bytes, bytes.len(), ecn);
            }
        }
    }
}

/// The position of `slot` in the list, where it is added if need be.
fn touch(touched: &mut Vec<Arc<Slot>>, slot: &Arc<Slot>) -> u32 {
    let index = slot.batch_index.load(Ordering::Relaxed);
    if touched
        .get(index as usize)
        .is_some_and(|other| Arc::ptr_eq(other, slot))
    {
        return index;
    }
    let index = u32::try_from(touched.len()).expect("a batch has fewer than 2^32 datagrams");
    slot.batch_index.store(index, Ordering::Relaxed);
    touched.push(Arc::clone(slot));
    index
}

/// Gives up the lock of a connection; its group hears of the messages now, in the order of arrival.
fn note_arrivals(touched: &[Arc<Slot>], handled: Option<(u32, Guard<'_, SlotState>)>) {
    if let Some((index, mut state)) = handled
        && let Some(slot) = touched.get(index as usize)
    {
        slot.note_arrivals(&mut state);
    }
}

/// Takes a connection that came in. If it is `refused`, because too many events wait to be read, it is
/// closed at once and the application never hears of it.
fn admit(
    inner: &Arc<Inner>,
    hub: &mut Hub,
    now: Timestamp,
    mut core: Box<CoreConnection>,
    route: Route,
    (shard, socket): (ShardId, &Arc<UdpSocket>),
    refused: bool,
) -> Arc<Slot> {
    if refused {
        core.close(now, EndReason::APP_GENERIC, REFUSED, false);
    }
    let listener = hub.listener_of(route.socket);
    let slot = inner.new_slot(
        core,
        shard,
        Some(Arc::clone(socket)),
        route,
        listener,
        refused,
    );
    hub.insert(&slot);
    slot
}

/// What a peer is told when the application does not read its events.
pub(super) const REFUSED: &str = "The server is overloaded";
