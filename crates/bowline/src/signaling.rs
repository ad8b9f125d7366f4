//! What carries the first words between peers that do not know each other's addresses.
//!
//! Two players behind routers cannot send each other packets before each knows where the other is. So they
//! exchange a few *signals* first: small messages, at most a few kilobytes, by way of something that reaches both: a
//! lobby, a chat service, a server of the game. That is what the application brings, as two objects:
//!
//! - a [`Signaling`] carries the signals of a connection to its peer;
//! - a [`ReceiveContext`] says what is to become of peers that ask for a connection, for each signal that the
//!   application hands to [`Sockets::receive_signal`](crate::Sockets::receive_signal).
//!
//! Signals may be lost, doubled and swapped. Nothing in them is secret to whoever carries them but what the
//! service itself should not tell: the addresses of the two. Who the peer is follows from its certificate, not
//! from the service, if an authority is trusted ([`Sockets::set_trust`](crate::Sockets::set_trust)).
//!
//! Peers in one process need no signals: see [`Sockets::connect_within`](crate::Sockets::connect_within).
//!
//! # Two players, and a queue in the place of a service
//!
//! ```
//! use std::sync::Arc;
//! use std::sync::mpsc;
//! use std::time::Duration;
//!
//! use bowline::signaling::{PeerRequest, SignalTarget, Signaling};
//! use bowline::{Event, Identity, SendFlags, Sockets};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // What is sent is put into a queue, from which the loop below delivers it.
//! let (queue, signals) = mpsc::channel();
//! let service: Arc<dyn Signaling> = Arc::new(move |to: &SignalTarget, signal: &[u8]| {
//!     // A signal that is lost does no harm.
//!     let _ = queue.send((to.peer().clone(), signal.to_vec()));
//!     Ok(())
//! });
//!
//! let (anna, ben) = (Identity::str("anna")?, Identity::str("ben")?);
//! // Both on one machine, which may have no other address; two programs would not have to say so.
//! let of_one_machine = |identity: &Identity| {
//!     Sockets::builder()
//!         .identity(identity.clone())
//!         .loopback_candidates(true)
//!         .build()
//! };
//! let (annas, bens) = (of_one_machine(&anna)?, of_one_machine(&ben)?);
//!
//! let _listener = bens.listen_p2p(7)?;
//! let connection = annas.connect_p2p(&ben, 7, Arc::clone(&service))?;
//! connection.send(b"hello", SendFlags::RELIABLE)?;
//!
//! // Whoever asks is considered, and answered by the same service.
//! let mut consider = |_request: &PeerRequest<'_>| Some(Arc::clone(&service));
//! let guests = bens.poll_group();
//! let greeting = loop {
//!     while let Ok((to, signal)) = signals.try_recv() {
//!         let addressee = if to == anna { &annas } else { &bens };
//!         // What cannot be used is dropped and counted; the next one may do.
//!         let _ = addressee.receive_signal(&signal, &mut consider);
//!     }
//!     while let Some(Event::ConnectionChanged(change)) = bens.next_event() {
//!         if change.is_request() {
//!             change.connection.set_poll_group(Some(&guests))?;
//!             change.connection.accept()?;
//!         }
//!     }
//!     if let Some(message) = guests.receive() {
//!         break message;
//!     }
//!     std::thread::sleep(Duration::from_millis(1));
//! };
//! assert_eq!(&*greeting, b"hello");
//! assert_eq!(greeting.connection().peer(), Some(&anna));
//! # Ok(())
//! # }
//! ```

use std::fmt;
use std::sync::Arc;

use bowline_core::identity::Identity;
use bowline_core::ids::ConnectionId;
use bowline_core::ids::VirtualPort;

use crate::connection::Connection;
use crate::driver::slot::Slot;
use crate::events::ConnectionInfo;

/// Carries the signals of connections to their peers.
///
/// One object may serve any number of connections. It is dropped when no connection needs it any more, which
/// is some seconds after the close: the peer may have to be told again.
///
/// It is called on threads of the application, inside calls that it makes, and on service threads; by several
/// at once, if connections have several. No lock is held: it may use the `Sockets`, even hand a signal to the
/// receiving one itself. But the network waits for it, so it must neither block nor wait for connections
/// ([`Sockets::wait`](crate::Sockets::wait)), and it must not drop the last handle of a `Sockets`.
pub trait Signaling: Send + Sync {
    /// Has a signal carried to the peer. That it arrives is not expected: what matters is sent again.
    ///
    /// # Errors
    /// If the service is gone for good. The connection ends then
    /// ([`EndReason::MISC_INTERNAL_ERROR`](crate::EndReason::MISC_INTERNAL_ERROR)) unless it has found a way already.
    fn send(&self, to: &SignalTarget, signal: &[u8]) -> Result<(), SignalingFailed>;
}

impl<F> Signaling for F
where
    F: Fn(&SignalTarget, &[u8]) -> Result<(), SignalingFailed> + Send + Sync,
{
    fn send(&self, to: &SignalTarget, signal: &[u8]) -> Result<(), SignalingFailed> {
        self(to, signal)
    }
}

/// Whom a signal is for.
#[derive(Clone)]
pub struct SignalTarget {
    peer: Identity,
    slot: Arc<Slot>,
}

impl SignalTarget {
    pub(crate) const fn new(peer: Identity, slot: Arc<Slot>) -> Self {
        Self { peer, slot }
    }

    /// Who is to get it.
    pub const fn peer(&self) -> &Identity {
        &self.peer
    }

    /// The connection of ours that it is of.
    pub fn connection(&self) -> ConnectionId {
        self.slot.id
    }

    /// What that connection is at this moment, even if the application has closed it already; `None` if nothing
    /// is left of it.
    pub fn info(&self) -> Option<ConnectionInfo> {
        let state = self.slot.state.lock();
        self.slot.info(&state)
    }
}

impl fmt::Debug for SignalTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignalTarget")
            .field("peer", &self.peer)
            .field("connection", &self.connection())
            .finish()
    }
}

/// The signaling service is gone for good, or refuses to carry for this connection.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, thiserror::Error)]
#[error("the signaling service cannot carry signals to the peer")]
pub struct SignalingFailed;

/// What is to become of those who ask for a connection, for the time of one call of
/// [`Sockets::receive_signal`](crate::Sockets::receive_signal).
///
/// A closure that takes a [`PeerRequest`] is one as well, which lets nobody hear of a rejection.
pub trait ReceiveContext {
    /// A peer asks for a connection. Returns what carries the answers to it, or `None` to ignore the request.
    ///
    /// The connection may be accepted or closed right here. If it is neither, it is announced as an event, and
    /// waits for the decision. To ignore is to stay silent: the peer does not even learn that somebody is
    /// there. To close is to reject, which the peer hears of: by the returned signaling, or without one by
    /// [`send_rejection`](Self::send_rejection).
    fn on_request(&mut self, request: &PeerRequest<'_>) -> Option<Arc<dyn Signaling>>;

    /// Has the rejection of a request carried to who asked. Not carried unless this is implemented.
    fn send_rejection(&mut self, peer: &Identity, signal: &[u8]) {
        let _ = (peer, signal);
    }
}

impl<F> ReceiveContext for F
where
    F: FnMut(&PeerRequest<'_>) -> Option<Arc<dyn Signaling>>,
{
    fn on_request(&mut self, request: &PeerRequest<'_>) -> Option<Arc<dyn Signaling>> {
        self(request)
    }
}

/// Takes in signals for connections that there are, and lets nobody connect.
#[derive(Clone, Copy, Debug, Default)]
pub struct NobodyNew;

impl ReceiveContext for NobodyNew {
    fn on_request(&mut self, _: &PeerRequest<'_>) -> Option<Arc<dyn Signaling>> {
        None
    }
}

/// A peer asks for a connection.
pub struct PeerRequest<'a> {
    connection: &'a Connection,
    peer: &'a Identity,
    port: VirtualPort,
}

impl<'a> PeerRequest<'a> {
    pub(crate) const fn new(
        connection: &'a Connection,
        peer: &'a Identity,
        port: VirtualPort,
    ) -> Self {
        Self {
            connection,
            peer,
            port,
        }
    }

    /// The connection that would be.
    pub const fn connection(&self) -> &'a Connection {
        self.connection
    }

    /// Who asks, as the certificate says;
    /// [`ConnectionInfo::authenticated`](crate::ConnectionInfo::authenticated) tells whether somebody vouches for it.
    pub const fn peer(&self) -> &'a Identity {
        self.peer
    }

    /// What the peer wants to connect to. If nobody listens there, the connection has the settings of the
    /// interface, and belongs to no listener.
    pub const fn port(&self) -> VirtualPort {
        self.port
    }
}

impl fmt::Debug for PeerRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeerRequest")
            .field("peer", &self.peer)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}
