//! What all Unix systems share.

use std::io;
use std::net;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use noq_udp::UdpSockRef;

/// A UDP socket that can be registered for polling through a shared reference.
#[derive(Debug)]
pub(crate) struct PolledSocket(net::UdpSocket);

impl PolledSocket {
    pub(crate) const fn new(socket: net::UdpSocket) -> Self {
        Self(socket)
    }

    /// Runs `io` on the socket.
    pub(crate) fn with<R>(
        &self,
        io: impl FnOnce(UdpSockRef<'_>) -> io::Result<R>,
    ) -> io::Result<R> {
        io(UdpSockRef::from(&self.0))
    }

    pub(crate) fn register(
        &self,
        registry: &Registry,
        token: Token,
        interest: Interest,
    ) -> io::Result<()> {
        registry.register(&mut SourceFd(&self.0.as_raw_fd()), token, interest)
    }

    pub(crate) fn reregister(
        &self,
        registry: &Registry,
        token: Token,
        interest: Interest,
    ) -> io::Result<()> {
        registry.reregister(&mut SourceFd(&self.0.as_raw_fd()), token, interest)
    }

    pub(crate) fn deregister(&self, registry: &Registry) -> io::Result<()> {
        registry.deregister(&mut SourceFd(&self.0.as_raw_fd()))
    }
}

impl AsFd for PolledSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Whether the socket itself is gone, rather than a datagram. Apple's systems take the sockets of a
/// suspended application away and say so with the last two.
pub(crate) fn is_fatal(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EBADF | libc::ENOTSOCK | libc::ENOTCONN | libc::EPIPE)
    )
}

/// Whether a datagram is longer than the system believes that the path takes.
pub(crate) fn is_too_long(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EMSGSIZE)
}

/// Whether this is how a system says that it cannot cut a run into datagrams on this route.
pub(crate) fn refuses_segments(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EINVAL | libc::EIO | libc::EMSGSIZE)
    )
}

/// Whether a run was refused by a device or route that can never cut one.
pub(crate) fn lacks_segmentation(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EIO)
}

/// Sets an integer option of a socket.
pub(super) fn set_option(
    socket: BorrowedFd<'_>,
    level: libc::c_int,
    name: libc::c_int,
    value: libc::c_int,
) -> io::Result<()> {
    // SAFETY: `value` lives across the call and its size is given with it; the descriptor is open
    // because it is borrowed.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            (&raw const value).cast(),
            size_of_val(&value) as libc::socklen_t,
        )
    };
    check(result).map(drop)
}

/// Turns the -1 of a system call into the error behind it.
pub(super) fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(result)
}

/// What the clock `id` says, in microseconds.
pub(super) fn clock_us(id: libc::clockid_t) -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is valid for writing. The call cannot fail: the callers name clocks that the
    // oldest supported systems have, and if it did, the time would stay 0.
    unsafe { libc::clock_gettime(id, &raw mut time) };
    (time.tv_sec as u64)
        .wrapping_mul(1_000_000)
        .wrapping_add(time.tv_nsec as u64 / 1_000)
}
