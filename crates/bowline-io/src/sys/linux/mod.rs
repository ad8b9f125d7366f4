//! Linux and Android.

mod send;
mod timer;

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use socket2::Socket;

use super::unix::{PolledSocket, check, clock_us, set_option};

pub(crate) use send::submit;
pub(crate) use timer::DeadlineTimer;

/// Microseconds since boot, those in suspend included.
pub(crate) fn monotonic_us() -> u64 {
    clock_us(libc::CLOCK_BOOTTIME)
}

/// Forbids routers to cut what is sent to `to` where it does not fit a link, by the "don't fragment" bit.
pub(crate) fn forbid_fragments(socket: &PolledSocket, to: SocketAddr) -> io::Result<()> {
    let socket = socket.as_fd();
    // As for probes: the kernel does not go by what it believes of the path itself.
    if to.ip().to_canonical().is_ipv4() {
        let probe = libc::IP_PMTUDISC_PROBE;
        return set_option(socket, libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, probe);
    }
    let (level, probe) = (libc::IPPROTO_IPV6, libc::IPV6_PMTUDISC_PROBE);
    set_option(socket, level, libc::IPV6_MTU_DISCOVER, probe)?;
    set_option(socket, level, libc::IPV6_DONTFRAG, 1)
}

/// Lets routers cut what does not fit a link.
///
/// The default here is path MTU discovery by the kernel, which loses the first packets that do not
/// fit, or all of them behind a filter that eats the ICMP answers.
pub(crate) fn allow_fragments(socket: &PolledSocket, is_ipv6: bool) -> io::Result<()> {
    let socket = socket.as_fd();
    let dont = libc::IP_PMTUDISC_DONT;
    let v4 = set_option(socket, libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, dont);
    if !is_ipv6 {
        return v4;
    }
    // All of them, whatever becomes of the first.
    let (level, dont) = (libc::IPPROTO_IPV6, libc::IPV6_PMTUDISC_DONT);
    let v6 = set_option(socket, level, libc::IPV6_MTU_DISCOVER, dont);
    let mark = set_option(socket, level, libc::IPV6_DONTFRAG, 0);
    v4.and(v6).and(mark)
}

/// Lets other sockets of this user that ask for the same have the same port, and spreads senders over them.
pub(crate) fn share_port(socket: &Socket) -> io::Result<()> {
    socket.set_reuse_port(true)
}

/// How many datagrams the kernel has thrown away because the socket's queue was full, modulo 2^32.
pub(crate) fn lost_in_queue(socket: &PolledSocket) -> Option<u32> {
    let mut values = [0u32; MEMINFO_VALUES];
    let mut len = size_of_val(&values) as libc::socklen_t;
    // SAFETY: the kernel writes at most `len` bytes, all of which are in `values`.
    let result = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_SOCKET,
            SO_MEMINFO,
            (&raw mut values).cast(),
            &raw mut len,
        )
    };
    check(result).ok()?;
    let is_told = len as usize >= size_of_val(&values);
    values.last().copied().filter(|_| is_told)
}

#[cfg(not(target_os = "android"))]
const SO_MEMINFO: libc::c_int = libc::SO_MEMINFO;
/// The crate `libc` does not know it there (asm-generic/socket.h, which all of Android's processors go by).
#[cfg(target_os = "android")]
const SO_MEMINFO: libc::c_int = 55;
/// The values of `SO_MEMINFO` up to `SK_MEMINFO_DROPS` (linux/sock_diag.h).
const MEMINFO_VALUES: usize = 9;

/// Whether datagrams must not be cut on their way.
#[cfg(test)]
pub(crate) fn forbids_fragments(socket: &PolledSocket, is_ipv6: bool) -> bool {
    let (level, name) = if is_ipv6 {
        (libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER)
    } else {
        (libc::IPPROTO_IP, libc::IP_MTU_DISCOVER)
    };
    let mut value: libc::c_int = 0;
    let mut len = size_of_val(&value) as libc::socklen_t;
    // SAFETY: writes at most `len` bytes to `value` and their number to `len`.
    let result = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            level,
            name,
            (&raw mut value).cast(),
            &raw mut len,
        )
    };
    check(result).expect("the socket is open");
    value != libc::IP_PMTUDISC_DONT
}

/// A descriptor that is readable while it is set.
#[derive(Debug)]
pub(crate) struct EventHandle(OwnedFd);

impl EventHandle {
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: takes no pointers.
        let fd = check(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) })?;
        // SAFETY: the descriptor was just made and nobody else owns it.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Fails only if the counter is at its top, and then it is set.
    pub(crate) fn set(&self) {
        let one: u64 = 1;
        // SAFETY: reads the 8 bytes of `one`.
        unsafe {
            libc::write(
                self.0.as_raw_fd(),
                (&raw const one).cast(),
                size_of_val(&one),
            )
        };
    }

    /// Fails only if the counter is at zero, and then it is clear.
    pub(crate) fn clear(&self) {
        let mut count: u64 = 0;
        // SAFETY: writes at most the 8 bytes of `count`.
        unsafe {
            libc::read(
                self.0.as_raw_fd(),
                (&raw mut count).cast(),
                size_of_val(&count),
            )
        };
    }
}

impl AsFd for EventHandle {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
