//! Windows.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::windows::io::{
    AsRawHandle, AsRawSocket, AsSocket, BorrowedSocket, FromRawHandle, OwnedHandle, RawHandle,
    RawSocket,
};
use std::ptr;
use std::sync::{OnceLock, PoisonError, RwLock};
use std::time::Instant;

use mio::{Interest, Registry, Token};
use noq_udp::UdpSockRef;
use windows_sys::Win32::Networking::WinSock;
use windows_sys::Win32::System::Threading::{CreateEventW, ResetEvent, SetEvent};

/// Microseconds since the first call. The performance counter behind it runs on in sleep.
pub(crate) fn monotonic_us() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    let start = START.get_or_init(Instant::now);
    u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// Forbids routers to cut what is sent to `to` where it does not fit a link, by the "don't fragment" bit.
pub(crate) fn forbid_fragments(socket: &PolledSocket, to: SocketAddr) -> io::Result<()> {
    let (level, name) = if to.ip().to_canonical().is_ipv4() {
        DONT_FRAGMENT_V4
    } else {
        DONT_FRAGMENT_V6
    };
    let socket = socket.0.read().unwrap_or_else(PoisonError::into_inner);
    set_option(socket.as_socket(), level, name, 1)
}

/// Lets routers cut what does not fit a link.
pub(crate) fn allow_fragments(socket: &PolledSocket, is_ipv6: bool) -> io::Result<()> {
    let socket = socket.0.read().unwrap_or_else(PoisonError::into_inner);
    let allow = |(level, name)| set_option(socket.as_socket(), level, name, 0);
    if !is_ipv6 {
        return allow(DONT_FRAGMENT_V4);
    }
    // Only a dual-stack socket has IPv4 options, and one without them sets no such bit.
    let _ = allow(DONT_FRAGMENT_V4);
    allow(DONT_FRAGMENT_V6)
}

/// A UDP socket that can be registered for polling through a shared reference.
///
/// mio asks for `&mut` to register and renews the registration in each call that would block, so the
/// calls go through it. The lock is written to only when registering.
#[derive(Debug)]
pub(crate) struct PolledSocket(RwLock<mio::net::UdpSocket>);

impl PolledSocket {
    pub(crate) fn new(socket: UdpSocket) -> Self {
        Self(RwLock::new(mio::net::UdpSocket::from_std(socket)))
    }

    /// Runs `io` on the socket.
    pub(crate) fn with<R>(
        &self,
        io: impl FnOnce(UdpSockRef<'_>) -> io::Result<R>,
    ) -> io::Result<R> {
        let socket = self.0.read().unwrap_or_else(PoisonError::into_inner);
        socket.try_io(|| io(UdpSockRef::from(&*socket)))
    }

    pub(crate) fn register(
        &self,
        registry: &Registry,
        token: Token,
        interest: Interest,
    ) -> io::Result<()> {
        let mut socket = self.0.write().unwrap_or_else(PoisonError::into_inner);
        registry.register(&mut *socket, token, interest)
    }

    pub(crate) fn reregister(
        &self,
        registry: &Registry,
        token: Token,
        interest: Interest,
    ) -> io::Result<()> {
        let mut socket = self.0.write().unwrap_or_else(PoisonError::into_inner);
        registry.reregister(&mut *socket, token, interest)
    }

    pub(crate) fn deregister(&self, registry: &Registry) -> io::Result<()> {
        let mut socket = self.0.write().unwrap_or_else(PoisonError::into_inner);
        registry.deregister(&mut *socket)
    }
}

impl AsRawSocket for PolledSocket {
    fn as_raw_socket(&self) -> RawSocket {
        let socket = self.0.read().unwrap_or_else(PoisonError::into_inner);
        socket.as_raw_socket()
    }
}

/// A manual-reset event.
#[derive(Debug)]
pub(crate) struct EventHandle(OwnedHandle);

impl EventHandle {
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: no security attributes and no name; manual reset, not set.
        let handle = unsafe { CreateEventW(ptr::null(), 1, 0, ptr::null()) };
        if handle.is_null() {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the handle was just made and nobody else owns it.
        Ok(Self(unsafe { OwnedHandle::from_raw_handle(handle) }))
    }

    /// Cannot fail on an event of ours.
    pub(crate) fn set(&self) {
        // SAFETY: the handle is open and an event.
        unsafe { SetEvent(self.0.as_raw_handle()) };
    }

    /// Cannot fail on an event of ours.
    pub(crate) fn clear(&self) {
        // SAFETY: the handle is open and an event.
        unsafe { ResetEvent(self.0.as_raw_handle()) };
    }

    pub(crate) fn as_raw_handle(&self) -> RawHandle {
        self.0.as_raw_handle()
    }
}

/// Whether the socket itself is gone, rather than a datagram.
pub(crate) fn is_fatal(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(WinSock::WSAENOTSOCK | WinSock::WSANOTINITIALISED | WinSock::WSAESHUTDOWN)
    )
}

/// Whether a datagram is longer than the system believes that the path takes.
pub(crate) fn is_too_long(error: &io::Error) -> bool {
    error.raw_os_error() == Some(WinSock::WSAEMSGSIZE)
}

/// Whether this is how the system says that it cannot cut a run into datagrams on this route.
pub(crate) fn refuses_segments(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(WinSock::WSAEINVAL | WinSock::WSAEMSGSIZE | WinSock::WSAEOPNOTSUPP)
    )
}

/// Whether a run was refused by a device or route that can never cut one.
pub(crate) fn lacks_segmentation(error: &io::Error) -> bool {
    error.raw_os_error() == Some(WinSock::WSAEOPNOTSUPP)
}

/// The options for the "don't fragment" bit: level and name.
const DONT_FRAGMENT_V4: (i32, i32) = (WinSock::IPPROTO_IP, WinSock::IP_DONTFRAGMENT);
const DONT_FRAGMENT_V6: (i32, i32) = (WinSock::IPPROTO_IPV6, WinSock::IPV6_DONTFRAG);

fn set_option(socket: BorrowedSocket<'_>, level: i32, name: i32, value: u32) -> io::Result<()> {
    // SAFETY: `value` lives across the call and its size is given with it; the socket is open
    // because it is borrowed.
    let result = unsafe {
        WinSock::setsockopt(
            socket.as_raw_socket() as WinSock::SOCKET,
            level,
            name,
            (&raw const value).cast(),
            size_of_val(&value) as i32,
        )
    };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
