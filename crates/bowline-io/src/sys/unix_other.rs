//! macOS, iOS and the BSDs.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
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

/// Forbids routers to cut what is sent to `to` where it does not fit a link, by the "don't fragment" bit.
///
/// An IPv6 socket sets it on IPv6 only, not on what it sends over IPv4, and some systems not on IPv4 at all.
pub(crate) fn forbid_fragments(socket: &PolledSocket, to: SocketAddr) -> io::Result<()> {
    match to {
        SocketAddr::V6(to) if to.ip().to_ipv4_mapped().is_some() => {
            Err(io::ErrorKind::Unsupported.into())
        }
        SocketAddr::V6(_) => set_dont_fragment(socket, DONT_FRAGMENT_V6, true),
        SocketAddr::V4(_) => set_dont_fragment(socket, DONT_FRAGMENT_V4, true),
    }
}

/// Lets routers cut what does not fit a link.
pub(crate) fn allow_fragments(socket: &PolledSocket, is_ipv6: bool) -> io::Result<()> {
    let option = if is_ipv6 {
        DONT_FRAGMENT_V6
    } else {
        DONT_FRAGMENT_V4
    };
    match set_dont_fragment(socket, option, false) {
        // What cannot be forbidden is allowed.
        Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(()),
        set => set,
    }
}

fn set_dont_fragment(
    socket: &PolledSocket,
    option: Option<(libc::c_int, libc::c_int)>,
    is_set: bool,
) -> io::Result<()> {
    let (level, name) = option.ok_or(io::ErrorKind::Unsupported)?;
    set_option(socket.as_fd(), level, name, libc::c_int::from(is_set))
}

/// The options for the "don't fragment" bit, level and name, where there are such.
const DONT_FRAGMENT_V6: Option<(libc::c_int, libc::c_int)> =
    Some((libc::IPPROTO_IPV6, libc::IPV6_DONTFRAG));
#[cfg(any(target_os = "freebsd", target_vendor = "apple"))]
const DONT_FRAGMENT_V4: Option<(libc::c_int, libc::c_int)> =
    Some((libc::IPPROTO_IP, libc::IP_DONTFRAG));
#[cfg(not(any(target_os = "freebsd", target_vendor = "apple")))]
const DONT_FRAGMENT_V4: Option<(libc::c_int, libc::c_int)> = None;

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
