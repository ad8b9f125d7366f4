//! macOS, iOS and the BSDs.

use std::io::{self, Read, Write};
use std::net::UdpSocket;
use std::os::fd::{AsFd, BorrowedFd};

use mio::unix::pipe;

use super::unix::{clock_us, set_option};

/// Microseconds on a monotonic clock that runs on in sleep where there is one.
pub(crate) fn monotonic_us() -> u64 {
    // Apple's raw clock counts sleep, which its plain monotonic clock and `Instant` do not reliably.
    #[cfg(target_vendor = "apple")]
    const CLOCK: libc::clockid_t = libc::CLOCK_MONOTONIC_RAW;
    #[cfg(not(target_vendor = "apple"))]
    const CLOCK: libc::clockid_t = libc::CLOCK_MONOTONIC;
    clock_us(CLOCK)
}

/// Turns the "don't fragment" bit off, so that routers cut what does not fit a link.
#[cfg(any(target_os = "freebsd", target_vendor = "apple"))]
pub(crate) fn allow_fragments(socket: &UdpSocket, is_ipv6: bool) -> io::Result<()> {
    if is_ipv6 {
        set_option(socket.as_fd(), libc::IPPROTO_IPV6, libc::IPV6_DONTFRAG, 0)
    } else {
        set_option(socket.as_fd(), libc::IPPROTO_IP, libc::IP_DONTFRAG, 0)
    }
}

/// Turns the "don't fragment" bit off. IPv4 sockets have it off.
#[cfg(not(any(target_os = "freebsd", target_vendor = "apple")))]
pub(crate) fn allow_fragments(socket: &UdpSocket, is_ipv6: bool) -> io::Result<()> {
    if is_ipv6 {
        set_option(socket.as_fd(), libc::IPPROTO_IPV6, libc::IPV6_DONTFRAG, 0)?;
    }
    Ok(())
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
