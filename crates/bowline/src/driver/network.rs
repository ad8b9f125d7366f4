//! What an interface does to datagrams at the border to its sockets: pretended bad conditions, a log of
//! packets, marks for routers.
//!
//! All of it is off by default, and then costs a look at a flag per run of datagrams. What is late waits
//! here; the timers know when the next is due, and whoever drives then sends it or takes it in. GNS's
//! stages and their order are those of [`bowline_core::conditions`]; as there, conditions are shared by
//! all sockets of the interface, and are below everything else, so that they hit handshakes as well.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU8;
use std::sync::atomic::Ordering;

use bowline_core::conditions::ConditionedLink;
use bowline_core::conditions::Fate;
use bowline_core::conditions::LinkConditions;
use bowline_core::config::Config;
use bowline_core::endpoint::SocketId;
use bowline_core::rng::Rng;
use bowline_core::time::Timestamp;
use bowline_core::transmit::Ecn;
use bowline_core::transmit::ProbeFailure;
use bowline_io::udp::RecvBatch;
use bowline_io::udp::SendOutcome;
use bowline_io::udp::UdpSocket;

use crate::driver::Inner;
use crate::driver::lock_order::Guard;
use crate::driver::lock_order::Lock;
use crate::driver::lock_order::Rank;
use crate::driver::lock_order::assert_none_held;

/// The border between an interface and its sockets.
#[derive(Debug)]
pub(crate) struct Network {
    /// Datagrams have to be looked at one by one.
    is_meddling: AtomicBool,
    /// The ECN bits of sent datagrams.
    ecn: AtomicU8,
    state: Lock<NetworkState>,
}

/// What the border's lock protects.
#[derive(Debug)]
struct NetworkState {
    rng: Rng,
    send: Link,
    recv: Link,
    /// How many bytes of each datagram are logged.
    trace_max_bytes: Option<usize>,
}

/// Nothing at all while conditions are perfect.
type Link = Option<Box<ConditionedLink<Border>>>;

/// Where a datagram leaves or enters the interface.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Border {
    pub(crate) socket: SocketId,
    pub(crate) remote: SocketAddr,
    pub(crate) ecn: Option<Ecn>,
    /// It leaves whole, or not at all.
    pub(crate) is_probe: bool,
}

impl Network {
    pub(crate) fn new(rng: Rng) -> Self {
        Self {
            is_meddling: AtomicBool::new(false),
            ecn: AtomicU8::new(0),
            state: Lock::new(
                Rank::Network,
                NetworkState {
                    rng,
                    send: None,
                    recv: None,
                    trace_max_bytes: None,
                },
            ),
        }
    }

    /// Whether datagrams have to pass here one by one.
    #[inline]
    pub(crate) fn is_meddling(&self) -> bool {
        self.is_meddling.load(Ordering::Relaxed)
    }

    /// The mark of datagrams that have none of their own.
    #[inline]
    pub(crate) fn ecn(&self) -> Option<Ecn> {
        match self.ecn.load(Ordering::Relaxed) {
            0b01 => Some(Ecn::Ect1),
            0b10 => Some(Ecn::Ect0),
            _ => None,
        }
    }

    /// Where the next datagram that was late comes in, if it is due.
    fn next_arrival(&self, now: Timestamp) -> Option<SocketId> {
        let state = self.state.lock();
        let link = state.recv.as_ref()?;
        link.poll_timeout().filter(|at| *at <= now)?;
        Some(link.peek()?.socket)
    }
}

impl NetworkState {
    /// Gives up links that do nothing any more and returns when the next datagram is due.
    fn tidy(&mut self) -> Option<Timestamp> {
        let mut due = None;
        for link in [&mut self.send, &mut self.recv] {
            link.take_if(|link| link.is_idle());
            let next = link.as_ref().and_then(|link| link.poll_timeout());
            due = due.into_iter().chain(next).min();
        }
        due
    }

    const fn is_meddling(&self) -> bool {
        self.send.is_some() || self.recv.is_some() || self.trace_max_bytes.is_some()
    }
}

impl Inner {
    /// Goes by other settings from now on. What is late already stays so.
    pub(crate) fn configure_network(&self, config: &Config) {
        let mark = config.ecn().map_or(0, |ecn| ecn as u8);
        self.network.ecn.store(mark, Ordering::Relaxed);
        let mut state = self.network.state.lock();
        let NetworkState {
            rng,
            send,
            recv,
            trace_max_bytes,
        } = &mut *state;
        *trace_max_bytes = config.packet_trace_max_bytes();
        configure(send, config.send_conditions(), rng);
        configure(recv, config.recv_conditions(), rng);
        self.settle_network(state);
    }

    /// Sends a run of datagrams. Tells whether the socket took less than all of it.
    pub(crate) fn send_run(
        &self,
        socket: &UdpSocket,
        border: Border,
        bytes: &[u8],
        segment_size: usize,
    ) -> bool {
        assert_none_held();
        if self.network.is_meddling() {
            return self.send_one_by_one(socket, border, bytes, segment_size);
        }
        match socket.send(border.remote, bytes, segment_size, border.ecn) {
            Ok(SendOutcome::Sent) => false,
            Ok(SendOutcome::Blocked { .. }) => true,
            Err(error) => {
                tracing::debug!(%error, "a socket refuses to send");
                true
            }
        }
    }

    /// Sends a run of datagrams one by one, as far as the conditions let them pass. Tells whether the
    /// socket was blocked.
    pub(crate) fn send_one_by_one(
        &self,
        socket: &UdpSocket,
        border: Border,
        bytes: &[u8],
        segment_size: usize,
    ) -> bool {
        let mut is_blocked = false;
        for datagram in bytes.chunks(segment_size.max(1)) {
            if self.passes(border, datagram) {
                is_blocked |= self.send_now(socket, border, datagram);
            }
        }
        is_blocked
    }

    /// Sends a probe of a path, if the conditions let it pass; if not it is late or lost, as any probe may be.
    pub(crate) fn send_probe(
        &self,
        socket: &UdpSocket,
        border: Border,
        datagram: &[u8],
    ) -> Result<(), ProbeFailure> {
        if !self.network.is_meddling() {
            assert_none_held();
            return socket.send_probe(border.remote, datagram);
        }
        if !self.passes(border, datagram) {
            return Ok(());
        }
        self.trace_sent(border, datagram);
        socket.send_probe(border.remote, datagram)
    }

    /// Sends what was late and is due.
    pub(crate) fn send_late(&self) {
        if !self.network.is_meddling() {
            return;
        }
        loop {
            let now = self.clock.now();
            let mut state = self.network.state.lock();
            let late = state.send.as_mut().and_then(|link| link.take_due(now));
            let Some(late) = late else {
                self.settle_network(state);
                return;
            };
            drop(state);
            self.send_anyway(late.address, &late.bytes);
        }
    }

    /// Sends what is late at once, on a socket that is about to be closed.
    pub(crate) fn send_all_late(&self, socket: SocketId) {
        if !self.network.is_meddling() {
            return;
        }
        let mut state = self.network.state.lock();
        let is_here = |border: &Border| border.socket == socket;
        let late = state.send.as_mut().map(|link| link.take_all(is_here));
        self.settle_network(state);
        for late in late.into_iter().flatten() {
            self.send_anyway(late.address, &late.bytes);
        }
    }

    /// Decides which datagrams of a batch come in now; the others are marked in `withheld`.
    pub(crate) fn withhold(
        &self,
        now: Timestamp,
        socket: SocketId,
        batch: &mut RecvBatch,
        withheld: &mut Vec<bool>,
    ) {
        let mut state = self.network.state.lock();
        for (remote, ecn, data) in batch.iter_mut() {
            let border = Border {
                socket,
                remote: *remote,
                ecn,
                is_probe: false,
            };
            let fate = match &mut state.recv {
                Some(link) => link.submit(now, &border, data),
                None => Fate::Pass,
            };
            if !matches!(fate, Fate::Dropped(_)) {
                trace(state.trace_max_bytes, "received", *remote, data);
            }
            withheld.push(fate != Fate::Pass);
        }
        self.settle_network(state);
    }

    /// Fills `batch` with datagrams that were late and are due, all of one socket, which it returns.
    pub(crate) fn receive_late(
        &self,
        now: Timestamp,
        batch: &mut RecvBatch,
    ) -> Option<(SocketId, Arc<UdpSocket>)> {
        loop {
            let id = self.network.next_arrival(now)?;
            let socket = self.hub.lock().any_socket(id);
            let mut state = self.network.state.lock();
            while !batch.is_full()
                && let Some(link) = &mut state.recv
                && link.peek().is_some_and(|border| border.socket == id)
                && let Some(late) = link.take_due(now)
            {
                // Without a socket they are lost with it.
                if socket.is_some() {
                    batch.push(late.address.remote, late.address.ecn, &late.bytes);
                }
            }
            self.settle_network(state);
            if let Some(socket) = socket {
                return Some((id, socket));
            }
        }
    }

    /// Whether a datagram may be sent now. If not, it is lost or late.
    fn passes(&self, border: Border, datagram: &[u8]) -> bool {
        let now = self.clock.now();
        let mut state = self.network.state.lock();
        let Some(link) = &mut state.send else {
            return true;
        };
        let fate = link.submit(now, &border, datagram);
        self.settle_network(state);
        fate == Fate::Pass
    }

    fn send_anyway(&self, border: Border, datagram: &[u8]) {
        let socket = self.hub.lock().any_socket(border.socket);
        if let Some(socket) = socket {
            // If the socket is blocked it is lost, as on any network.
            if border.is_probe {
                self.trace_sent(border, datagram);
                let _ = socket.send_probe(border.remote, datagram);
            } else {
                let _ = self.send_now(&socket, border, datagram);
            }
        }
    }

    fn trace_sent(&self, border: Border, datagram: &[u8]) {
        let max_bytes = self.network.state.lock().trace_max_bytes;
        trace(max_bytes, "sent", border.remote, datagram);
        assert_none_held();
    }

    fn send_now(&self, socket: &UdpSocket, border: Border, datagram: &[u8]) -> bool {
        self.trace_sent(border, datagram);
        match socket.send(border.remote, datagram, datagram.len(), border.ecn) {
            Ok(SendOutcome::Sent) => false,
            Ok(SendOutcome::Blocked { .. }) => true,
            Err(error) => {
                tracing::debug!(%error, "a socket refuses to send");
                true
            }
        }
    }

    /// Tells the senders and the timers how things are now.
    fn settle_network(&self, mut state: Guard<'_, NetworkState>) {
        let due = state.tidy();
        let is_meddling = state.is_meddling();
        self.network
            .is_meddling
            .store(is_meddling, Ordering::Relaxed);
        // Under the lock, so that the last word is about the last change.
        let wake = self.shards.first().timers.lock().schedule_network(due);
        drop(state);
        if wake {
            self.shards.first().wake();
        }
    }
}

fn configure(link: &mut Link, conditions: LinkConditions, rng: &mut Rng) {
    match link {
        Some(link) => link.set_conditions(conditions),
        None if conditions.is_perfect() => {}
        None => {
            let rng = rng.child("link conditions");
            *link = Some(Box::new(ConditionedLink::new(conditions, rng)));
        }
    }
}

/// Logs a datagram with so many of its bytes. Who has this on wants to see everything, so there is no
/// level to it but the target's own.
fn trace(max_bytes: Option<usize>, what: &str, remote: SocketAddr, datagram: &[u8]) {
    let Some(max_bytes) = max_bytes else {
        return;
    };
    let shown = &datagram[..max_bytes.min(datagram.len())];
    let (bytes, data) = (datagram.len(), Hex(shown));
    tracing::debug!(target: PACKET_TARGET, %remote, bytes, %data, "{what}");
}

/// The target of the log of packets.
const PACKET_TARGET: &str = "bowline::packet";

/// Bytes as hexadecimal digits.
struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
