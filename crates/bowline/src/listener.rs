//! The handle of a listen socket.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use bowline_core::endpoint::SocketId;
use bowline_core::ids::VirtualPort;

use crate::driver::Inner;
use crate::driver::Listening;

/// The number of a listener, unique within its interface.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ListenerId(u32);

impl ListenerId {
    pub(crate) const fn new(value: u32) -> Self {
        Self(value)
    }

    /// The number, counted from 1.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Debug for ListenerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ListenerId({})", self.0)
    }
}

/// A UDP port that takes connections.
///
/// When it is dropped nobody can connect any longer, and requests that were not answered are refused;
/// accepted connections go on, and keep the port taken until the last one has ended.
/// [`close`](Self::close) ends those too.
#[must_use = "dropping a listener ends it"]
pub struct Listener {
    ear: Ear,
    local_addr: SocketAddr,
}

impl Listener {
    pub(crate) const fn new(
        inner: Arc<Inner>,
        listening: Listening,
        local_addr: SocketAddr,
    ) -> Self {
        Self {
            ear: Ear::new(inner, listening),
            local_addr,
        }
    }

    /// Ends it together with every connection that came in through it, and frees the port. What those
    /// connections had left to send is dropped.
    pub fn close(self) {
        self.ear.close();
    }

    /// The address that it listens on, with the port that the system chose if it was left open.
    pub const fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    pub(crate) const fn inner(&self) -> &Arc<Inner> {
        &self.ear.inner
    }

    pub(crate) const fn socket(&self) -> SocketId {
        self.ear.listening.socket
    }

    /// Its number, by which connections name it.
    pub const fn id(&self) -> ListenerId {
        self.ear.listening.id
    }
}

/// A virtual port that takes connections from peers who know our identity; see
/// [`signaling`](crate::signaling).
///
/// When it is dropped nobody can connect any longer, and requests that were not answered are refused;
/// accepted connections go on. [`close`](Self::close) ends those too.
#[must_use = "dropping a listener ends it"]
pub struct PeerListener {
    ear: Ear,
    port: VirtualPort,
}

impl PeerListener {
    pub(crate) const fn new(inner: Arc<Inner>, listening: Listening, port: VirtualPort) -> Self {
        Self {
            ear: Ear::new(inner, listening),
            port,
        }
    }

    /// Ends it together with every connection that came in through it. What those connections had left to
    /// send is dropped.
    pub fn close(self) {
        self.ear.close();
    }

    /// The virtual port that it listens on.
    pub const fn port(&self) -> VirtualPort {
        self.port
    }

    pub(crate) const fn inner(&self) -> &Arc<Inner> {
        &self.ear.inner
    }

    pub(crate) const fn socket(&self) -> SocketId {
        self.ear.listening.socket
    }

    /// Its number, by which connections name it.
    pub const fn id(&self) -> ListenerId {
        self.ear.listening.id
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener")
            .field("id", &self.id())
            .field("local_addr", &self.local_addr)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for PeerListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeerListener")
            .field("id", &self.id())
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

/// What all listeners have in common: dropped, it stops listening.
struct Ear {
    inner: Arc<Inner>,
    listening: Listening,
    closed: bool,
}

impl Ear {
    const fn new(inner: Arc<Inner>, listening: Listening) -> Self {
        Self {
            inner,
            listening,
            closed: false,
        }
    }

    fn close(mut self) {
        self.closed = true;
        self.inner.close_listener(&self.listening);
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        if !self.closed {
            self.inner.stop_listening(&self.listening);
        }
    }
}
