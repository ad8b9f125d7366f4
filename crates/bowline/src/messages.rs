//! Messages to identities, without connections to take care of.

mod error;

pub use error::MessagesSendError;
pub use error::NoSession;
pub use error::NotDelivered;

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use bowline_core::connection::ConnectionState;
use bowline_core::connection::RealTimeStatus;
use bowline_core::counters::DropCounters;
use bowline_core::identity::Identity;
use bowline_core::ids::MessageNumber;
use bowline_core::ids::VirtualPort;
use bowline_core::limits::MAX_MESSAGE;
use bowline_core::message::SendFlags;
use bowline_core::messages as core;
use bowline_core::time::Timestamp;
use bytes::Bytes;

use crate::driver::Inner;
use crate::driver::default_signaling::DefaultSignaling;
use crate::driver::sessions::Early;
use crate::driver::sessions::Mail;
use crate::driver::sessions::SessionKind;
use crate::error::ListenP2pError;
use crate::events::ConnectionInfo;
use crate::signaling::Signaling;
use crate::sockets::Sockets;

/// Messages to identities: whoever is sent to is connected to when needed, as over UDP.
///
/// Made by [`Sockets::messages`]; cheap to clone, and usable from any thread.
///
/// A *session* is what the two have while they talk: a connection underneath, that nobody has to take care of. It
/// begins with the first message. The other side is told of that once
/// ([`Event::MessagesSessionRequest`](crate::Event::MessagesSessionRequest)), and lets the session be by
/// [`accept`](Self::accept), or by sending something itself; until then nothing is delivered. A session that nobody uses
/// ends by itself, and the next message begins another one.
///
/// A *channel* is a number that sorts what arrives: messages are read by channel, whoever has sent them.
///
/// What was sent and has not arrived when the last handle of the interface is dropped is gone, also if it was sent
/// reliably. [Wait](Self::wait_until_delivered) before, as the end of this example does:
///
/// ```
/// use std::sync::Arc;
/// use std::sync::mpsc;
/// use std::time::Duration;
///
/// use bowline::signaling::{PeerRequest, SignalTarget, Signaling};
/// use bowline::{Event, Identity, SendFlags, Sockets};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // What is sent is put into a queue, from which the loop below delivers it.
/// let (queue, signals) = mpsc::channel();
/// let service: Arc<dyn Signaling> = Arc::new(move |to: &SignalTarget, signal: &[u8]| {
///     let _ = queue.send((to.peer().clone(), signal.to_vec()));
///     Ok(())
/// });
///
/// let (anna, ben) = (Identity::str("anna")?, Identity::str("ben")?);
/// let of_one_machine = |identity: &Identity| {
///     Sockets::builder()
///         .identity(identity.clone())
///         .signaling(Arc::clone(&service))
///         .loopback_candidates(true)
///         .build()
/// };
/// let (annas, bens) = (of_one_machine(&anna)?, of_one_machine(&ben)?);
/// let (from_anna, from_ben) = (annas.messages()?, bens.messages()?);
///
/// const CHAT: i32 = 3;
/// from_anna.send(&ben, CHAT, b"hello", SendFlags::RELIABLE)?;
///
/// // Whoever asks is considered, and answered by the same service.
/// let mut consider = |_request: &PeerRequest<'_>| Some(Arc::clone(&service));
/// let greeting = loop {
///     while let Ok((to, signal)) = signals.try_recv() {
///         let addressee = if to == anna { &annas } else { &bens };
///         let _ = addressee.receive_signal(&signal, &mut consider);
///     }
///     for event in bens.events() {
///         if let Event::MessagesSessionRequest { peer, .. } = event {
///             // It may have given up since, which is no fault.
///             let _ = from_ben.accept(&peer);
///         }
///     }
///     if let Some(message) = from_ben.receive(CHAT) {
///         break message;
///     }
///     std::thread::sleep(Duration::from_millis(1));
/// };
/// assert_eq!(&*greeting, b"hello");
/// assert_eq!(*greeting.peer(), anna);
///
/// // Before the program ends: until all that was sent reliably has arrived, or the session has failed.
/// from_anna.wait_until_delivered(&ben, Duration::from_secs(5))?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Messages {
    inner: Arc<Inner>,
}

impl Sockets {
    /// Messages to identities. From the first call on peers may ask for sessions.
    ///
    /// # Errors
    /// If the application has a listener of its own on [`VirtualPort::MESSAGES`], or as many as there may be.
    pub fn messages(&self) -> Result<Messages, ListenP2pError> {
        self.inner().open_sessions(KIND)?;
        Ok(Messages {
            inner: Arc::clone(self.inner()),
        })
    }

    /// Sets what carries the signals of connections that nobody has given anything for: those under
    /// [`messages`](Self::messages). Connections that there are keep what they have.
    pub fn set_signaling(&self, signaling: Arc<dyn Signaling>) {
        let signaling = DefaultSignaling::one(signaling);
        self.inner().set_default_signaling(Some(signaling));
    }

    /// For bindings: as [`set_signaling`](Self::set_signaling), with a function that makes it for each connection, to
    /// that peer and that virtual port of it. `None` leaves it to the hub, or lets the connection fail without one. No lock is held while it runs.
    pub fn set_signaling_factory(
        &self,
        make: impl Fn(&Identity, VirtualPort) -> Option<Arc<dyn Signaling>> + Send + Sync + 'static,
    ) {
        let signaling = DefaultSignaling::made_by(make);
        self.inner().set_default_signaling(Some(signaling));
    }
}

impl Messages {
    /// The largest message, in bytes. It has to fit into the send buffer besides, with the 5 bytes that say the
    /// channel; with the usual `SendBufferSize` that are 5 bytes less than this.
    pub const MAX_MESSAGE: usize = MAX_MESSAGE;

    /// Sends a message to a peer, on a channel. Does not block.
    ///
    /// If there is no session one begins; if the peer asks for one it is accepted. Until the two are connected all
    /// is sent reliably, whatever the flags say, since the application does not see when that is. Reliable messages
    /// to one peer arrive in their order.
    ///
    /// # Errors
    /// If the peer is nobody, no connection can be begun, there is no room, the message is too large, or the session
    /// has failed: [`MessagesSendError::Broken`] until it is closed, or a message is sent with
    /// [`send_restarting`](Self::send_restarting). Nothing was sent then.
    pub fn send(
        &self,
        peer: &Identity,
        channel: i32,
        data: &[u8],
        flags: SendFlags,
    ) -> Result<(), MessagesSendError> {
        self.send_mail(peer, channel, data, flags, false)
    }

    /// Like [`send`](Self::send), but a session that has failed begins anew.
    ///
    /// # Errors
    /// As `send`. [`MessagesSendError::Broken`] only if it failed again this moment.
    pub fn send_restarting(
        &self,
        peer: &Identity,
        channel: i32,
        data: &[u8],
        flags: SendFlags,
    ) -> Result<(), MessagesSendError> {
        self.send_mail(peer, channel, data, flags, true)
    }

    /// Takes the oldest message of a channel, whoever has sent it.
    pub fn receive(&self, channel: i32) -> Option<SessionMessage> {
        self.inner
            .receive_on_channel(KIND, channel)
            .map(SessionMessage)
    }

    /// Appends up to `max` messages of a channel to `messages`, oldest first, and tells how many.
    pub fn receive_batch(
        &self,
        channel: i32,
        messages: &mut Vec<SessionMessage>,
        max: usize,
    ) -> usize {
        let before = messages.len();
        messages.extend(std::iter::from_fn(|| self.receive(channel)).take(max));
        messages.len() - before
    }

    /// Lets a peer have the session that it asks for. Nothing changes if it has one.
    ///
    /// # Errors
    /// If it neither asks nor has one.
    pub fn accept(&self, peer: &Identity) -> Result<(), NoSession> {
        self.inner.accept_session(KIND, peer)
    }

    /// Ends a channel of a session: drops what nobody has read of it. A channel is open from the first message
    /// received on it; when the last one is closed the session ends.
    ///
    /// # Errors
    /// If the channel is not open, or there is no session.
    pub fn close_channel(&self, peer: &Identity, channel: i32) -> Result<(), NoSession> {
        self.inner.close_session_channel(KIND, peer, channel)
    }

    /// Ends a session at once, or refuses one that a peer asks for. What was not read or not sent yet is dropped; the
    /// peer is not told by an event, and may begin another one. Clears one that has failed.
    ///
    /// # Errors
    /// If there is none.
    pub fn close(&self, peer: &Identity) -> Result<(), NoSession> {
        self.inner.close_session(KIND, peer)
    }

    /// How the session with a peer does; `None` if there is none. One that has failed tells why until it has not been
    /// used for as long as others.
    pub fn session(&self, peer: &Identity) -> Option<SessionInfo> {
        self.inner.session_info(KIND, peer)
    }

    /// How many sessions there are: those with a connection, those that ask for one, and those that have failed.
    pub fn session_count(&self) -> usize {
        self.inner.sessions.lock(KIND).len()
    }

    /// Waits until all that was sent reliably to a peer has arrived, at most `timeout`: what a program does before it ends,
    /// since sessions end with the last handle of the interface. It is there then; the peer's program may not have read it yet.
    ///
    /// The calling thread drives the sockets meanwhile, as in [`Sockets::wait`]; with
    /// [`ServiceMode::Manual`](crate::ServiceMode::Manual), too. What is sent meanwhile is waited for as well. If there is no session nothing is
    /// under way; what was dropped by [`close`](Self::close) before, or with a session that failed and was forgotten, does not count.
    ///
    /// # Errors
    /// If not all of it has arrived, and why.
    pub fn wait_until_delivered(
        &self,
        peer: &Identity,
        timeout: Duration,
    ) -> Result<(), NotDelivered> {
        self.inner.wait_until_delivered(KIND, peer, timeout)
    }

    /// The same for all peers with whom there is a session at the moment. Returns those to whom not all has arrived, which
    /// are none if all is well. A session that fails does not end the wait for others.
    #[must_use = "what has not arrived is told by nothing else"]
    pub fn wait_until_all_delivered(&self, timeout: Duration) -> Vec<(Identity, NotDelivered)> {
        let peers = self.inner.session_peers(KIND);
        self.inner.wait_until_all_delivered(KIND, peers, timeout)
    }

    /// Sets after how long a session ends that nobody uses: 3 minutes unless set. To send, to receive and to accept is
    /// to use it; to read is not, and what was not read is gone then. A session that a peer asks for lasts as long as it
    /// asks.
    pub fn set_idle_timeout(&self, idle: Duration) {
        self.inner.set_session_idle(KIND, idle.into());
    }

    /// Messages that were dropped because they had no header or nobody had read those before, and requests beyond what may
    /// wait, by reason.
    pub fn drops(&self) -> DropCounters {
        self.inner.sessions.lock(KIND).drops().clone()
    }

    fn send_mail(
        &self,
        peer: &Identity,
        channel: i32,
        data: &[u8],
        flags: SendFlags,
        restart: bool,
    ) -> Result<(), MessagesSendError> {
        let mail = Mail {
            channel,
            data,
            flags,
            max: Self::MAX_MESSAGE,
            // The application does not see whether there is a connection.
            early: Early::Reliable,
            restart,
        };
        self.inner.send_to_peer(KIND, peer, mail)
    }
}

const KIND: SessionKind = SessionKind::Messages;

impl fmt::Debug for Messages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Messages")
            .field("sessions", &self.session_count())
            .finish_non_exhaustive()
    }
}

/// A message or a packet that a peer has sent. Derefs to its bytes.
#[derive(Clone, Debug)]
pub struct SessionMessage(pub(crate) core::SessionMessage);

impl SessionMessage {
    /// Who has sent it.
    pub fn peer(&self) -> &Identity {
        &self.0.peer
    }

    /// The channel that it was sent on.
    pub const fn channel(&self) -> i32 {
        self.0.channel
    }

    /// The bytes, to keep. Without a copy from 4 KiB on.
    pub fn into_bytes(self) -> Bytes {
        self.0.message.into_bytes()
    }

    /// The bytes, never with a copy: a small message keeps the memory of those that arrived with it.
    pub fn into_shared_bytes(self) -> Bytes {
        self.0.message.into_shared_bytes()
    }

    /// The number that the sender gave it, among those of one connection.
    pub const fn number(&self) -> MessageNumber {
        self.0.message.number()
    }

    /// Whether it was sent reliably.
    pub const fn is_reliable(&self) -> bool {
        self.0.message.is_reliable()
    }

    /// When its last piece arrived, on the clock of [`Sockets::now`].
    pub const fn received_at(&self) -> Timestamp {
        self.0.message.received_at()
    }
}

impl Deref for SessionMessage {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.0.message
    }
}

impl AsRef<[u8]> for SessionMessage {
    fn as_ref(&self) -> &[u8] {
        &self.0.message
    }
}

/// How a session does.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SessionInfo {
    /// The state of its connection; [`ConnectionState::None`] if it needs none at the moment.
    pub state: ConnectionState,
    /// The connection, or the last one if that has failed.
    pub connection: Option<ConnectionInfo>,
    /// How it does at this moment, or did in the end if that has failed; `None` if there is none.
    pub status: Option<RealTimeStatus>,
}

impl Default for SessionInfo {
    fn default() -> Self {
        Self {
            state: ConnectionState::None,
            connection: None,
            status: None,
        }
    }
}
