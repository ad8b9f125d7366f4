//! Sending: by the thread that caused it, or by the driving thread for many connections at once.
//!
//! Packets of one connection are made and sent by one thread at a time, in order. The thread that
//! transmits takes a run of packets under the lock, sends it without, and looks again before it stops;
//! another thread leaves its data to it.

use std::cell::RefCell;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::net::SocketAddrV4;
use std::sync::Arc;

use bowline_core::time::Timestamp;
use bowline_core::transmit::Transmit;
use bowline_core::transmit::TransmitBuf;
use bowline_core::transmit::Via;
use bowline_io::udp::OutDatagram;
use bowline_io::udp::UdpSocket;

use crate::driver::Inner;
use crate::driver::followup::Followup;
use crate::driver::limits;
use crate::driver::lock_order::Guard;
use crate::driver::lock_order::assert_none_held;
use crate::driver::network::Border;
use crate::driver::slot::Live;
use crate::driver::slot::Slot;
use crate::driver::slot::SlotState;
use crate::driver::sync::alone::Work;
use crate::driver::sync::alone::work_alone;
use crate::driver::ways::LocalSocket;

thread_local! {
    /// The buffer of an application thread that transmits itself.
    static OWN_BUF: RefCell<TransmitBuf> = const { RefCell::new(TransmitBuf::new(limits::MAX_RUN_DATAGRAMS)) };
}

/// Sends what `slot` has, on the calling thread, unless another thread does so already. Returns with the
/// lock held again.
pub(crate) fn transmit_here<'a>(
    inner: &Inner,
    slot: &'a Arc<Slot>,
    state: Guard<'a, SlotState>,
    follow: &mut Followup,
) -> Guard<'a, SlotState> {
    if !slot.begin_transmit(&state, inner.clock.now()) {
        return state;
    }
    OWN_BUF.with_borrow_mut(|buf| {
        let mut run = OwnRun {
            inner,
            slot,
            buf,
            next: None,
            blocked_at: None,
        };
        let lock = || Some(slot.state.lock());
        let state = work_alone(&slot.transmitting, lock, state, &mut run);
        let mut state = state.unwrap_or_else(|| slot.state.lock());
        slot.settle(&mut state, follow);
        state
    })
}

/// Takes the connection out of `slot` and sends its last words, on the calling thread. Whoever else is sending
/// for it will not: that one finds no connection any more. So here two threads may send at once, and a packet
/// of the other may come after the end.
pub(crate) fn transmit_last(
    inner: &Inner,
    slot: &Arc<Slot>,
    mut state: Guard<'_, SlotState>,
    follow: &mut Followup,
) {
    OWN_BUF.with_borrow_mut(|buf| {
        buf.clear();
        let now = state.advance(inner.clock.now());
        let mut runs = Vec::new();
        if let Some(live) = &mut state.live {
            // What was not sent was discarded with the close: these are few.
            while let Some(transmit) = live.core.poll_transmit(now, buf) {
                runs.extend(Way::of(slot, live, &transmit).map(|way| (way, transmit)));
            }
        }
        slot.settle(&mut state, follow);
        slot.bury(&mut state, follow);
        drop(state);
        for (way, transmit) in runs {
            // A socket that takes nothing now is not waited for.
            send(inner, slot, &way, buf.bytes(&transmit), &transmit);
        }
    });
}

/// The packets of one connection, on the thread that caused them.
struct OwnRun<'a> {
    inner: &'a Inner,
    slot: &'a Arc<Slot>,
    buf: &'a mut TransmitBuf,
    next: Option<(Way, Transmit)>,
    blocked_at: Option<Timestamp>,
}

impl Work<SlotState> for OwnRun<'_> {
    fn take(&mut self, state: &mut SlotState) -> bool {
        self.buf.clear();
        let now = state.advance(self.inner.clock.now());
        self.next = state.live.as_mut().and_then(|live| {
            let transmit = live.core.poll_transmit(now, self.buf)?;
            Some((Way::of(self.slot, live, &transmit)?, transmit))
        });
        self.next.is_some()
    }

    fn act(&mut self) {
        if let Some((way, transmit)) = self.next.take() {
            let bytes = self.buf.bytes(&transmit);
            let is_blocked = send(self.inner, self.slot, &way, bytes, &transmit);
            self.blocked_at = is_blocked.then(|| self.inner.clock.now());
        }
    }

    fn after(&mut self, state: &mut SlotState) -> bool {
        if let Some(at) = self.blocked_at {
            state.block(at + limits::BLOCKED_RETRY);
        }
        self.blocked_at.is_none()
    }
}

/// The buffers with which the driving thread sends for many connections.
#[derive(Debug)]
pub(crate) struct Transmitter {
    buf: TransmitBuf,
    runs: Vec<Run>,
}

/// Packets of one connection that wait in the buffer.
#[derive(Debug)]
struct Run {
    slot: Arc<Slot>,
    way: Way,
    transmit: Transmit,
}

/// Where a run goes.
#[derive(Debug)]
enum Way {
    /// By a socket.
    Socket(WayOut),
    /// Only the endpoint knows how.
    ByEndpoint(Via),
}

/// A socket, and where to.
#[derive(Debug)]
struct WayOut {
    from: LocalSocket,
    to: SocketAddr,
    /// The socket is one of all connections between peers.
    is_shared: bool,
}

impl Way {
    /// The way of a run; there is none for the packets of a connection without a socket.
    fn of(slot: &Slot, live: &Live, transmit: &Transmit) -> Option<Self> {
        let Some(via) = transmit.via else {
            let from = LocalSocket {
                id: slot.route.socket,
                socket: live.socket.clone()?,
            };
            return Some(Self::Socket(WayOut {
                from,
                to: slot.route.remote,
                is_shared: false,
            }));
        };
        Some(match slot.inner.locals.find(via.local) {
            Some(from) => Self::Socket(WayOut {
                from,
                to: via.remote,
                is_shared: true,
            }),
            None => Self::ByEndpoint(via),
        })
    }

    const fn socket(&self) -> Option<&Arc<UdpSocket>> {
        match self {
            Self::Socket(out) => Some(&out.from.socket),
            Self::ByEndpoint(_) => None,
        }
    }
}

impl Transmitter {
    pub(crate) fn new() -> Self {
        Self {
            buf: TransmitBuf::new(limits::MAX_RUN_DATAGRAMS),
            runs: Vec::with_capacity(limits::MAX_ROUND_RUNS),
        }
    }

    /// Passes on what the connections have to say, sends what they have to send, sets their timers, and
    /// empties the list.
    pub(crate) fn finish(
        &mut self,
        inner: &Inner,
        slots: &mut Vec<Arc<Slot>>,
        follow: &mut Followup,
    ) {
        if slots.is_empty() {
            return;
        }
        let now = inner.clock.now();
        slots.retain(|slot| {
            let Some(mut state) = slot.lock_soon() else {
                slot.put_off(&mut follow.nudge);
                return false;
            };
            slot.catch_up(&mut state);
            slot.settle(&mut state, follow);
            let transmits = slot.begin_transmit(&state, now);
            if !transmits && !slot.transmitting.is_taken() {
                slot.schedule(&mut state, follow);
            }
            transmits
        });
        while !slots.is_empty() {
            self.gather(inner, slots, follow);
            self.send(inner, slots, follow);
        }
    }

    /// Takes packets from the connections until the buffer is full: of each a run, or as many runs as it
    /// needs for a run's worth of packets of various sizes. Those with none left are done.
    fn gather(&mut self, inner: &Inner, slots: &mut Vec<Arc<Slot>>, follow: &mut Followup) {
        self.buf.clear();
        self.runs.clear();
        let now = inner.clock.now();
        slots.retain(|slot| {
            if self.buf.len() >= limits::MAX_ROUND_BYTES
                || self.runs.len() >= limits::MAX_ROUND_RUNS
            {
                return true;
            }
            let Some(mut state) = slot.lock_soon() else {
                give_up(slot, follow);
                return false;
            };
            let now = state.advance(now);
            if !self.take_runs(slot, &mut state, now) {
                done(slot, &mut state, follow);
                return false;
            }
            true
        });
    }

    /// Takes runs of one connection. Tells whether there was any.
    fn take_runs(&mut self, slot: &Arc<Slot>, state: &mut SlotState, now: Timestamp) -> bool {
        let Some(live) = &mut state.live else {
            return false;
        };
        let (mut datagrams, start) = (0, self.buf.len());
        while let Some(transmit) = live.core.poll_transmit(now, &mut self.buf) {
            let Some(way) = Way::of(slot, live, &transmit) else {
                return false;
            };
            datagrams += transmit.datagrams();
            self.runs.push(Run {
                slot: Arc::clone(slot),
                way,
                transmit,
            });
            if datagrams >= limits::MAX_RUN_DATAGRAMS
                || self.buf.len() - start >= limits::MAX_TURN_BYTES
                || self.runs.len() >= limits::MAX_ROUND_RUNS
                || !live.core.is_backlogged()
            {
                break;
            }
        }
        datagrams > 0
    }

    /// Sends the gathered packets, those of one socket together. Connections whose socket is blocked
    /// stop for a moment.
    fn send(&mut self, inner: &Inner, slots: &mut Vec<Arc<Slot>>, follow: &mut Followup) {
        let mut rest = self.runs.as_slice();
        while let Some(first) = rest.first() {
            let same = |run: &&Run| first.shares_with(run);
            let (runs, others) = rest.split_at(rest.iter().take_while(same).count().max(1));
            rest = others;
            let unsent = &runs[send_runs(inner, &self.buf, runs)..];
            // Once for each connection, whose runs stand together: it is another thread's turn then.
            for runs in unsent.chunk_by(|a, b| Arc::ptr_eq(&a.slot, &b.slot)) {
                block(inner.clock.now(), &runs[0].slot, slots, follow);
            }
        }
        // Not later: a run keeps its socket open.
        self.runs.clear();
    }
}

impl Run {
    /// Whether both leave by one socket, and in one way.
    fn shares_with(&self, other: &Self) -> bool {
        let is_one_socket = match (self.way.socket(), other.way.socket()) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (_, None) | (None, _) => false,
        };
        is_one_socket && self.transmit.is_probe == other.transmit.is_probe
    }
}

/// Sends runs of one socket, all of them probes or none, and returns how many were sent wholly before the socket
/// took no more.
fn send_runs(inner: &Inner, buf: &TransmitBuf, runs: &[Run]) -> usize {
    assert_none_held();
    let first = runs.first().map(|run| (&run.way, run.transmit.is_probe));
    let from = match first {
        Some((Way::Socket(out), false)) if !inner.network.is_meddling() => out,
        _ => {
            let is_sent = |run: &&Run| {
                let bytes = buf.bytes(&run.transmit);
                !send(inner, &run.slot, &run.way, bytes, &run.transmit)
            };
            return runs.iter().take_while(is_sent).count();
        }
    };
    let ecn = inner.network.ecn();
    let mut list = [NOTHING; limits::MAX_ROUND_RUNS];
    for (entry, run) in list.iter_mut().zip(runs) {
        let Way::Socket(out) = &run.way else {
            continue;
        };
        *entry = OutDatagram {
            to: out.to,
            bytes: buf.bytes(&run.transmit),
            segment_size: run.transmit.segment_size,
            ecn: run.transmit.ecn.or(ecn),
        };
    }
    let send = |socket: &UdpSocket| socket.send_many(&list[..runs.len()]);
    let sent = if from.is_shared {
        inner.watch_errors(&from.from, None, send)
    } else {
        send(&from.from.socket)
    };
    match sent {
        Ok(sent) => sent.entries,
        Err(error) => {
            tracing::debug!(%error, "a socket refuses to send");
            0
        }
    }
}

const NOTHING: OutDatagram<'_> = OutDatagram {
    to: SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0)),
    bytes: &[],
    segment_size: 0,
    ecn: None,
};

fn done(slot: &Arc<Slot>, state: &mut SlotState, follow: &mut Followup) {
    slot.transmitting.put_down();
    slot.settle(state, follow);
    slot.schedule(state, follow);
}

/// Another thread has the lock: the packets are left to whoever comes next.
fn give_up(slot: &Arc<Slot>, follow: &mut Followup) {
    slot.transmitting.put_down();
    slot.put_off(&mut follow.nudge);
}

/// The socket took no more: the connection stops for a moment.
fn block(now: Timestamp, slot: &Arc<Slot>, slots: &mut Vec<Arc<Slot>>, follow: &mut Followup) {
    match slot.lock_soon() {
        Some(mut state) => {
            state.block(now + limits::BLOCKED_RETRY);
            done(slot, &mut state, follow);
        }
        None => give_up(slot, follow),
    }
    slots.retain(|other| !Arc::ptr_eq(other, slot));
}

/// Sends a run. Tells whether the socket took less than all of it; the rest is lost, as on any network.
fn send(inner: &Inner, slot: &Slot, way: &Way, bytes: &[u8], transmit: &Transmit) -> bool {
    assert_none_held();
    let ecn = transmit.ecn.or_else(|| inner.network.ecn());
    let out = match way {
        Way::Socket(out) => out,
        Way::ByEndpoint(via) => {
            return inner.send_by_endpoint(*via, bytes, transmit.segment_size, ecn);
        }
    };
    let border = Border {
        socket: out.from.id,
        remote: out.to,
        ecn,
        is_probe: transmit.is_probe,
    };
    if transmit.is_probe {
        if let Err(failure) = inner.send_probe(&out.from.socket, border, bytes) {
            slot.tell_unsent_probe(inner.clock.now(), failure);
        }
        return false;
    }
    if out.is_shared {
        return inner.send_between_peers(&out.from, border, bytes, transmit.segment_size);
    }
    inner.send_run(&out.from.socket, border, bytes, transmit.segment_size)
}
