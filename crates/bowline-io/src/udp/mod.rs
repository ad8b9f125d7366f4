//! UDP sockets that send lists of datagrams and receive batches of them.
//!
//! A system call costs more than sealing a packet, so the point of everything here is to make few:
//! runs of equal datagrams go out in one call where the kernel cuts them (GSO), runs to different
//! peers in one `sendmmsg`, and what comes in is taken in batches that the kernel has glued (GRO).

mod batch;
mod send;
mod spread;

use std::io;
use std::net::{self, IpAddr, SocketAddr, SocketAddrV6};
#[cfg(unix)]
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
#[cfg(windows)]
use std::os::windows::io::{AsRawSocket, RawSocket};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};

use bowline_core::transmit::{Ecn, ProbeFailure};
use mio::{Interest, Registry, Token};
use noq_udp::{UdpSockRef, UdpSocketState};
use socket2::{Domain, Protocol, Socket, Type};

pub use batch::RecvBatch;
pub(crate) use send::{MAX_PIECES, Piece};
pub use send::{OutDatagram, SendOutcome, SentMany};

use crate::sys::{self, PolledSocket};
use send::{Verdict, Wire};

/// A non-blocking UDP socket.
///
/// All methods take `&self`; several threads may send and receive at once.
#[derive(Debug)]
pub struct UdpSocket {
    socket: PolledSocket,
    state: UdpSocketState,
    local_addr: SocketAddr,
    buffers: BufferSizes,
    max_segments: AtomicUsize,
    /// A thread is in [`Self::send_probe`].
    is_probing: AtomicBool,
    /// As it was when [`Self::lost_since_asked`] looked.
    lost_in_queue: AtomicU32,
    counters: Counters,
}

impl UdpSocket {
    /// Binds a socket to `addr`.
    ///
    /// An IPv6 socket also carries IPv4 if `dual_stack` is set; an IPv4 socket ignores it. Datagrams
    /// may be fragmented on the way: as GNS, we leave the packet size to configuration.
    ///
    /// # Errors
    /// If the system has no such address family or address, or the port is taken. The text of the
    /// error names `addr`, its [`kind`](io::Error::kind) is the system's.
    pub fn bind(addr: SocketAddr, dual_stack: bool) -> io::Result<Self> {
        Self::try_bind(addr, dual_stack, Port::Alone)
            .map_err(|source| io::Error::new(source.kind(), BindError { addr, source }))
    }

    /// Takes what has arrived, at most what `batch` holds, and returns how many datagrams that is.
    ///
    /// 0 means that nothing is left for now. Whoever waits with a [`Poller`](crate::poll::Poller)
    /// must read until then, or until [`RecvBatch::is_full`] says no after a read.
    ///
    /// Errors that only tell of the fate of something sent earlier are counted, not returned.
    ///
    /// # Errors
    /// If the socket is broken. It will not recover.
    pub fn recv(&self, batch: &mut RecvBatch) -> io::Result<usize> {
        batch.clear();
        let mut failures = 0;
        while !batch.is_full() {
            let received = self.socket.with(|socket| {
                batch.fill(|buffers, metas| self.state.recv(socket, buffers, metas))
            });
            match received {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if sys::is_fatal(&error) || failures == MAX_RECV_FAILURES => {
                    return Err(error);
                }
                Err(error) => {
                    failures += 1;
                    Counters::add(&self.counters.recv_errors);
                    tracing::trace!(%error, "error while receiving");
                }
            }
        }
        Ok(batch.len())
    }

    /// Sends `bytes` to `to` as datagrams of `segment_size` bytes, the last of which may be shorter.
    ///
    /// # Errors
    /// If the socket is broken. A datagram that the system refuses is lost, which is counted.
    pub fn send(
        &self,
        to: SocketAddr,
        bytes: &[u8],
        segment_size: usize,
        ecn: Option<Ecn>,
    ) -> io::Result<SendOutcome> {
        let run = [OutDatagram {
            to,
            bytes,
            segment_size,
            ecn,
        }];
        let sent = if send::fits_one_call(&run[0], self.max_gso_segments()) {
            send::drive::<1>(self, &run)?
        } else {
            send::drive::<MAX_PIECES>(self, &run)?
        };
        if sent.entries == run.len() {
            return Ok(SendOutcome::Sent);
        }
        Ok(SendOutcome::Blocked {
            sent_bytes: sent.bytes_of_next,
        })
    }

    /// Sends a datagram that asks whether the path takes its size: it is not cut into fragments.
    ///
    /// What other threads send on this socket at the same moment is not cut either.
    ///
    /// # Errors
    /// If it was not sent, which is no fault of the socket.
    pub fn send_probe(&self, to: SocketAddr, bytes: &[u8]) -> Result<(), ProbeFailure> {
        let to = self.address(to).ok_or(ProbeFailure::NotNow)?;
        // Two at once would allow fragments to each other.
        if self.is_probing.swap(true, Ordering::Acquire) {
            return Err(ProbeFailure::NotNow);
        }
        let piece = Piece {
            to,
            bytes,
            segment_size: None,
            ecn: None,
        };
        let forbidden = sys::forbid_fragments(&self.socket, to);
        let sent = match &forbidden {
            Ok(()) => self.submit_probe(piece).map_err(|error| {
                tracing::trace!(%error, size = bytes.len(), "probe not sent");
                if sys::is_too_long(&error) {
                    ProbeFailure::TooLong
                } else {
                    ProbeFailure::NotNow
                }
            }),
            Err(error) => {
                tracing::debug!(%error, "fragments cannot be forbidden, so no size is tried");
                Err(ProbeFailure::Unmarked)
            }
        };
        self.allow_fragments();
        self.is_probing.store(false, Ordering::Release);
        sent
    }

    /// Sends runs of datagrams to different peers, as many in one system call as the system takes.
    ///
    /// # Errors
    /// If the socket is broken. A datagram that the system refuses is lost, which is counted.
    pub fn send_many(&self, list: &[OutDatagram<'_>]) -> io::Result<SentMany> {
        send::drive::<MAX_PIECES>(self, list)
    }

    /// The address that the socket is bound to, the port chosen by the system included.
    pub const fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// How many datagrams of a run go out in one system call, 1 where the system cannot cut runs.
    ///
    /// Can drop to 1 while the socket is in use, when a network device turns out not to support it.
    pub fn max_gso_segments(&self) -> usize {
        let ours = self.max_segments.load(Ordering::Relaxed);
        ours.min(self.state.max_gso_segments().get())
    }

    /// How many datagrams the kernel has thrown away since this was asked last, because nobody took them in
    /// time. Known on Linux; elsewhere the answer is 0.
    pub fn lost_since_asked(&self) -> u32 {
        let lost = sys::lost_in_queue(&self.socket).unwrap_or(0);
        lost.wrapping_sub(self.lost_in_queue.swap(lost, Ordering::Relaxed))
    }

    /// The sizes of the kernel's buffers for this socket.
    pub const fn buffer_sizes(&self) -> BufferSizes {
        self.buffers
    }

    /// What has gone wrong so far.
    pub fn counters(&self) -> UdpCounters {
        self.counters.snapshot()
    }

    pub(crate) fn register(
        &self,
        registry: &Registry,
        token: Token,
        interest: Interest,
    ) -> io::Result<()> {
        self.socket.register(registry, token, interest)
    }

    pub(crate) fn reregister(
        &self,
        registry: &Registry,
        token: Token,
        interest: Interest,
    ) -> io::Result<()> {
        self.socket.reregister(registry, token, interest)
    }

    pub(crate) fn deregister(&self, registry: &Registry) -> io::Result<()> {
        self.socket.deregister(registry)
    }

    fn try_bind(addr: SocketAddr, dual_stack: bool, port: Port) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(addr), Type::DGRAM, Some(Protocol::UDP))?;
        if addr.is_ipv6() {
            socket.set_only_v6(!dual_stack)?;
        }
        match port {
            Port::Alone => socket.bind(&addr.into())?,
            Port::Opens => {
                socket.bind(&addr.into())?;
                sys::share_port(&socket)?;
            }
            Port::Joins => {
                sys::share_port(&socket)?;
                socket.bind(&addr.into())?;
            }
        }
        let buffers = BufferSizes::enlarge(&socket);
        let socket = net::UdpSocket::from(socket);
        let local_addr = socket.local_addr()?;
        // This also makes the socket non-blocking and forbids fragments.
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        let bound = Self {
            max_segments: AtomicUsize::new(state.max_gso_segments().get().min(MAX_GSO_SEGMENTS)),
            socket: PolledSocket::new(socket),
            state,
            is_probing: AtomicBool::new(false),
            local_addr,
            buffers,
            lost_in_queue: AtomicU32::new(0),
            counters: Counters::default(),
        };
        bound.allow_fragments();
        Ok(bound)
    }

    fn submit_probe(&self, piece: Piece<'_>) -> io::Result<()> {
        #[cfg(any(test, feature = "test-support"))]
        if let Some(error) = crate::faults::probe_error(self.local_addr, piece.bytes.len()) {
            return Err(error);
        }
        self.submit(&[piece]).map(drop)
    }

    fn allow_fragments(&self) {
        if let Err(error) = sys::allow_fragments(&self.socket, self.local_addr.is_ipv6()) {
            tracing::debug!(%error, "datagrams that exceed the path's MTU will be lost");
        }
    }
}

#[cfg(unix)]
impl AsFd for UdpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

#[cfg(unix)]
impl AsRawFd for UdpSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_fd().as_raw_fd()
    }
}

#[cfg(windows)]
impl AsRawSocket for UdpSocket {
    fn as_raw_socket(&self) -> RawSocket {
        self.socket.as_raw_socket()
    }
}

impl Wire for UdpSocket {
    fn max_segments(&self) -> usize {
        self.max_gso_segments()
    }

    fn address(&self, to: SocketAddr) -> Option<SocketAddr> {
        // Port 0 cannot be reached, but anybody can claim to send from it. The kernel refuses it
        // with the error that also stands for a refused run.
        if to.port() == 0 {
            return None;
        }
        match (to, self.local_addr) {
            (SocketAddr::V4(_), SocketAddr::V4(_)) | (SocketAddr::V6(_), SocketAddr::V6(_)) => {
                Some(to)
            }
            (SocketAddr::V4(to), SocketAddr::V6(_)) => {
                let mapped = to.ip().to_ipv6_mapped();
                Some(SocketAddrV6::new(mapped, to.port(), 0, 0).into())
            }
            (SocketAddr::V6(to), SocketAddr::V4(_)) => {
                let ip = to.ip().to_ipv4_mapped()?;
                Some(SocketAddr::new(IpAddr::V4(ip), to.port()))
            }
        }
    }

    fn submit(&self, pieces: &[Piece<'_>]) -> io::Result<usize> {
        #[cfg(any(test, feature = "test-support"))]
        if let Some(error) = crate::faults::send_error(self.local_addr) {
            return Err(error);
        }
        sys::submit(&self.socket, &self.state, pieces)
    }

    fn judge(&self, error: &io::Error, piece: &Piece<'_>) -> Verdict {
        if error.kind() == io::ErrorKind::WouldBlock {
            Counters::add(&self.counters.send_blocked);
            return Verdict::Blocked;
        }
        if sys::is_fatal(error) {
            return Verdict::Fatal;
        }
        if piece.segment_size.is_some() && sys::refuses_segments(error) {
            Counters::add(&self.counters.gso_refusals);
            if sys::lacks_segmentation(error) {
                tracing::info!(%error, "the network device cannot cut runs of datagrams");
                self.max_segments.store(1, Ordering::Relaxed);
            }
            return Verdict::RunRefused;
        }
        tracing::trace!(%error, "datagram not sent");
        self.count_lost();
        Verdict::Lost
    }

    fn count_lost(&self) {
        Counters::add(&self.counters.send_errors);
    }
}

/// Whom a socket shares its port with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Port {
    /// Nobody, ever.
    Alone,
    /// Nobody yet: others may join once it has the port.
    Opens,
    /// Those that have it.
    Joins,
}

/// What went wrong on a socket since it was bound.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct UdpCounters {
    /// Runs and datagrams that the system refused to send, or that no address of this socket's
    /// family leads to. They are lost.
    pub send_errors: u64,
    /// Times that the send buffer was full.
    pub send_blocked: u64,
    /// Errors while receiving, mostly news that something sent earlier did not arrive.
    pub recv_errors: u64,
    /// Runs that the system refused to cut and that went out one by one instead.
    pub gso_refusals: u64,
}

#[derive(Debug, Default)]
struct Counters {
    send_errors: AtomicU64,
    send_blocked: AtomicU64,
    recv_errors: AtomicU64,
    gso_refusals: AtomicU64,
}

impl Counters {
    fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    fn snapshot(&self) -> UdpCounters {
        UdpCounters {
            send_errors: self.send_errors.load(Ordering::Relaxed),
            send_blocked: self.send_blocked.load(Ordering::Relaxed),
            recv_errors: self.recv_errors.load(Ordering::Relaxed),
            gso_refusals: self.gso_refusals.load(Ordering::Relaxed),
        }
    }
}

/// Bytes of buffer in the kernel, as it tells them. Linux tells twice what was asked for, since it
/// counts its own overhead against the buffer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BufferSizes {
    /// For datagrams received and not yet read.
    pub recv_bytes: usize,
    /// For datagrams sent and not yet on the wire.
    pub send_bytes: usize,
}

impl BufferSizes {
    /// Asks for [`WANTED_BUFFER`] and, where the system refuses, for half of it and so on.
    fn enlarge(socket: &Socket) -> Self {
        let sizes = || (16..=WANTED_BUFFER.ilog2()).rev().map(|bits| 1 << bits);
        let _ = sizes().any(|bytes| socket.set_recv_buffer_size(bytes).is_ok());
        let _ = sizes().any(|bytes| socket.set_send_buffer_size(bytes).is_ok());
        Self {
            recv_bytes: socket.recv_buffer_size().unwrap_or(0),
            send_bytes: socket.send_buffer_size().unwrap_or(0),
        }
    }
}

/// A socket could not be bound.
#[derive(Debug, thiserror::Error)]
#[error("cannot bind a UDP socket to {addr}: {source}")]
struct BindError {
    addr: SocketAddr,
    source: io::Error,
}

/// Bytes of buffer asked for in each direction: 33 ms at a gigabit per second.
const WANTED_BUFFER: usize = 4 * 1024 * 1024;
/// Most datagrams in a run. The limit of Linux until 6.9 (`UDP_MAX_SEGMENTS`), and beyond it the
/// 65,507 bytes of a run are the closer bound for packets of full size.
const MAX_GSO_SEGMENTS: usize = 64;
/// Most errors in a row while receiving before the socket counts as broken.
const MAX_RECV_FAILURES: u32 = 64;

#[cfg(test)]
mod tests;
