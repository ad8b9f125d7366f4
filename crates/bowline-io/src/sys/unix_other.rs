//! macOS, iOS and the BSDs.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};

use mio::unix::pipe;

use super::unix::{PolledSocket, clock_us, set_option};

/// Microseconds on a monotonic clock that runs on in sleep where there is one.
pub(crate) fn monotonic_us() -> u64 {
    // Apple's raw clock counts sleep, which its plain monotonic clock and `Instant` do not reliably.
    #[cfg(target_vendor = "apple")]
    const CLOCK: libc::clockid_t = libc::CLOCK_MONOTONIC_RAW;
    #[cfg(not(target_vendor = "apple"))]
    const CLOCK: libc::clockid_t = libc::CLOCK_MONOTONIC;
    clock_us(CLOCK)
}

/// Lets routers cut what does not fit a link, or forbids it by the "don't fragment" bit.
#[cfg(any(target_os = "freebsd", target_vendor = "apple"))]
pub(crate) fn set_fragments(
    socket: &PolledSocket,
    is_ipv6: bool,
    is_allowed: bool,
) -> io::Result<()> {
    let (level, name) = if is_ipv6 {
        (libc::IPPROTO_IPV6, libc::IPV6_DONTFRAG)
    } else {
        (libc::IPPROTO_IP, libc::IP_DONTFRAG)
    };
    set_option(socket.as_fd(), level, name, libc::c_int::from(!is_allowed))
}

/// Lets routers cut what does not fit a link, or forbids it by the "don't fragment" bit, which IPv4
/// sockets cannot set.
#[cfg(not(any(target_os = "freebsd", target_vendor = "apple")))]
pub(crate) fn set_fragments(
    socket: &PolledSocket,
    is_ipv6: bool,
    is_allowed: bool,
) -> io::Result<()> {
    if is_ipv6 {
        let is_forbidden = libc::c_int::from(!is_allowed);
        set_option(
            socket.as_fd(),
            libc::IPPROTO_IPV6,
            libc::IPV6_DONTFRAG,
            is_forbidden,
        )
    } else if is_allowed {
        Ok(())
    } else {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// A descriptor that is readable while it is set: the end of a pipe with a byte in it.
#[derive(Debug)]
pub(crate) struct EventHandle {
    sender: pipe::Sender,
    receiver: pipe::Receiver,
}

impl EventHandle {
    pub(crate) fn new() -> io::Result<Self> {
        let (sender, receiver) = pipe::new()?;
        Ok(Self { sender, receiver })
    }

    /// Fails only if the pipe is full, and then it is set.
    pub(crate) fn set(&self) {
        let _ = (&self.sender).write(&[1]);
    }

    /// Fails only if the pipe is empty, and then it is clear.
    pub(crate) fn clear(&self) {
        // The owner sets it once between two clears, so there is one byte at most.
        let _ = (&self.receiver).read(&mut [0; 8]);
    }
}

impl AsFd for EventHandle {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.receiver.as_fd()
    }
}
