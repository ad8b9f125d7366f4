//! Packets to identities, as Steam's legacy networking API has them.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use bowline_core::connection::ConnectionState;
use bowline_core::counters::DropCounters;
use bowline_core::end_reason::EndReason;
use bowline_core::identity::Identity;
use bowline_core::message::SendFlags;
use bowline_core::messages::limits;

use crate::driver::Inner;
use crate::driver::sessions::Early;
use crate::driver::sessions::Mail;
use crate::driver::sessions::SessionKind;
use crate::error::ListenP2pError;
use crate::error::SendError;
use crate::info_flags::InfoFlags;
use crate::messages::MessagesSendError;
use crate::messages::NoSession;
use crate::messages::SessionInfo;
use crate::messages::SessionMessage;
use crate::sockets::Sockets;

/// Packets to identities, for games that were written for `ISteamNetworking`. New ones are better off with
/// [`Messages`](crate::Messages), which tell more and talk to GNS.
///
/// Made by [`Sockets::packets`]; cheap to clone, and usable from any thread. Sessions and channels are those of
/// [`Messages`](crate::Messages), but for a port of their own, so that a program may use both; and these:
///
/// - what is sent has one of four kinds ([`PacketKind`]), which bound its size;
/// - a session that has failed begins anew with the next packet;
/// - a session rests for 15 minutes before it ends;
/// - a channel is open from the first packet on it in either direction.
///
/// What has not arrived when the last handle of the interface is dropped is gone, reliable or not: have the peer answer before.
///
/// ```
/// use std::sync::Arc;
/// use std::sync::mpsc;
/// use std::time::Duration;
///
/// use bowline::signaling::{PeerRequest, SignalTarget, Signaling};
/// use bowline::{Event, Identity, PacketKind, Sockets};
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
/// let (from_anna, from_ben) = (annas.packets()?, bens.packets()?);
///
/// from_anna.send(&ben, 0, b"hello", PacketKind::Reliable)?;
///
/// // Whoever asks is considered, and answered by the same service.
/// let mut consider = |_request: &PeerRequest<'_>| Some(Arc::clone(&service));
/// let greeting = loop {
///     while let Ok((to, signal)) = signals.try_recv() {
///         let addressee = if to == anna { &annas } else { &bens };
///         let _ = addressee.receive_signal(&signal, &mut consider);
///     }
///     for event in bens.events() {
///         if let Event::PacketsSessionRequest { peer } = event {
///             // It may have given up since, which is no fault.
///             let _ = from_ben.accept(&peer);
///         }
///     }
///     if from_ben.available(0) == Some(5) {
///         break from_ben.receive(0);
///     }
///     std::thread::sleep(Duration::from_millis(1));
/// };
/// let greeting = greeting.expect("it was there a moment ago");
/// assert_eq!(&*greeting, b"hello");
/// assert_eq!(*greeting.peer(), anna);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Packets {
    inner: Arc<Inner>,
}

/// How a packet is sent. The numbers are those of `EP2PSend`.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[repr(u8)]
pub enum PacketKind {
    /// May be lost, doubled or overtaken. Waits for the connection if there is none yet.
    Unreliable = 0,
    /// The same, but dropped without a word if it cannot go out now: while there is no connection yet, or the network
    /// is slower than what is sent.
    UnreliableNoDelay = 1,
    /// Arrives once, and in the order of other reliable ones.
    Reliable = 2,
    /// The same, but small ones wait a moment for company (5 ms, `NagleTime`).
    ReliableWithBuffering = 3,
}

impl PacketKind {
    /// The kind of that number.
    pub const fn from_number(number: i32) -> Option<Self> {
        Some(match number {
            0 => Self::Unreliable,
            1 => Self::UnreliableNoDelay,
            2 => Self::Reliable,
            3 => Self::ReliableWithBuffering,
            _ => return None,
        })
    }

    /// The largest packet of this kind, in bytes: 1200 if it is unreliable, else 1 MiB.
    pub const fn max_bytes(self) -> usize {
        match self {
            Self::Unreliable | Self::UnreliableNoDelay => limits::MAX_UNRELIABLE_PACKET,
            Self::Reliable | Self::ReliableWithBuffering => limits::MAX_RELIABLE_PACKET,
        }
    }

    const fn flags(self) -> SendFlags {
        match self {
            Self::Unreliable => SendFlags::UNRELIABLE_NO_NAGLE,
            Self::UnreliableNoDelay => SendFlags::UNRELIABLE_NO_DELAY,
            Self::Reliable => SendFlags::RELIABLE_NO_NAGLE,
            Self::ReliableWithBuffering => SendFlags::RELIABLE,
        }
    }
}

impl Sockets {
    /// Packets to identities. From the first call on peers may ask for sessions.
    ///
    /// What carries the signals is set by [`set_signaling`](Self::set_signaling), as for messages.
    ///
    /// # Errors
    /// If the application has a listener of its own on
    /// [`VirtualPort::PACKETS`](crate::VirtualPort::PACKETS), or as many as there may be.
    pub fn packets(&self) -> Result<Packets, ListenP2pError> {
        self.inner().open_sessions(KIND)?;
        Ok(Packets {
            inner: Arc::clone(self.inner()),
        })
    }

    /// For bindings, where
    /// [events need callbacks](crate::SocketsBuilder::events_need_callbacks): whether the events of sessions of packets,
    /// which carry none, are told all the same from now on.
    pub fn set_tells_packets(&self, tells: bool) {
        self.inner().lobby.set_tells_packets(tells);
    }
}

impl Packets {
    /// Sends a packet to a peer, on a channel. Does not block.
    ///
    /// If there is no session one begins; if the peer asks for one it is accepted. A peer that is not reached within
    /// 20 s of the first packet has failed
    /// ([`Event::PacketsSessionFailed`](crate::Event::PacketsSessionFailed)), and what was queued is dropped.
    ///
    /// # Errors
    /// If the peer is nobody, no connection can be begun, there is no room (2 MiB may wait for each peer), or the packet
    /// is too large for its kind. Nothing was sent then.
    pub fn send(
        &self,
        peer: &Identity,
        channel: i32,
        data: &[u8],
        kind: PacketKind,
    ) -> Result<(), MessagesSendError> {
        let no_delay = kind == PacketKind::UnreliableNoDelay;
        let mail = Mail {
            channel,
            data,
            flags: kind.flags(),
            max: kind.max_bytes(),
            early: if no_delay {
                Early::Dropped
            } else {
                Early::Waits
            },
            restart: true,
        };
        match self.inner.send_to_peer(KIND, peer, mail) {
            Err(MessagesSendError::Refused(SendError::NotNow)) if no_delay => Ok(()),
            sent => sent,
        }
    }

    /// The size in bytes of the packet that [`receive`](Self::receive) would return; `None` if there is none.
    pub fn available(&self, channel: i32) -> Option<usize> {
        self.inner.sessions.lock(KIND).next_len(channel)
    }

    /// Takes the oldest packet of a channel, whoever has sent it.
    pub fn receive(&self, channel: i32) -> Option<SessionMessage> {
        let received = self.inner.receive_on_channel(KIND, channel);
        received.map(SessionMessage)
    }

    /// Lets a peer have the session that it asks for. Nothing changes if it has one.
    ///
    /// # Errors
    /// If it neither asks nor has one.
    pub fn accept(&self, peer: &Identity) -> Result<(), NoSession> {
        self.inner.accept_session(KIND, peer)
    }

    /// Ends a channel of a session: drops what nobody has read of it. A channel is open from the first packet on it,
    /// sent or received; when the last one is closed the session ends.
    ///
    /// # Errors
    /// If the channel is not open, or there is no session.
    pub fn close_channel(&self, peer: &Identity, channel: i32) -> Result<(), NoSession> {
        self.inner.close_session_channel(KIND, peer, channel)
    }

    /// Ends a session at once, or refuses one that a peer asks for. What was not read or not sent yet is dropped. The
    /// peer may ask for another one.
    ///
    /// # Errors
    /// If there is none.
    pub fn close(&self, peer: &Identity) -> Result<(), NoSession> {
        self.inner.close_session(KIND, peer)
    }

    /// How the session with a peer does; `None` if there is none.
    pub fn session(&self, peer: &Identity) -> Option<PacketsSession> {
        let info = self.inner.session_info(KIND, peer)?;
        Some(PacketsSession::of(&info))
    }

    /// How many sessions there are: those with a connection, those that ask for one, and those that have failed.
    pub fn session_count(&self) -> usize {
        self.inner.sessions.lock(KIND).len()
    }

    /// Sets whether packets may go by way of relays where nothing else leads to a peer: they may unless set. Holds for
    /// connections that begin from now on; those that there are keep what they have.
    ///
    /// Where `P2P_Transport_ICE_Enable` allows nothing but relays, nobody is reached without them:
    /// [`ConnectP2pError::NoTransport`](crate::ConnectP2pError::NoTransport).
    pub fn allow_relay(&self, allow: bool) {
        self.inner.allow_packet_relays(allow);
    }

    /// Packets that were dropped because they had no header, came in pieces that do not fit, or nobody had read those before,
    /// and requests beyond what may wait, by reason.
    pub fn drops(&self) -> DropCounters {
        self.inner.sessions.lock(KIND).drops().clone()
    }
}

impl fmt::Debug for Packets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Packets")
            .field("sessions", &self.session_count())
            .finish_non_exhaustive()
    }
}

/// How a session of packets does: `P2PSessionState_t`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct PacketsSession {
    /// Packets go to and fro.
    pub is_active: bool,
    /// The two are not connected yet, or the peer asks and has no answer.
    pub is_connecting: bool,
    /// Why it has failed, if it has.
    pub error: Option<P2pSessionError>,
    /// By way of a relay.
    pub uses_relay: bool,
    /// Bytes that wait to be sent, with headers of a few bytes for each packet.
    pub queued_bytes: usize,
    /// How many packets of the network that makes, at the least.
    pub queued_packets: usize,
    /// Where the peer is, if packets go there directly.
    pub remote_addr: Option<SocketAddr>,
}

impl PacketsSession {
    fn of(info: &SessionInfo) -> Self {
        let is_active = info.state == ConnectionState::Connected;
        let mut session = Self {
            is_active,
            is_connecting: matches!(
                info.state,
                ConnectionState::Connecting | ConnectionState::FindingRoute
            ),
            ..Self::default()
        };
        if let Some(connection) = &info.connection {
            let has_ended = connection.end_reason != EndReason::INVALID;
            session.error = has_ended.then(|| P2pSessionError::of(connection.end_reason));
            session.uses_relay = connection.flags.contains(InfoFlags::RELAYED);
            let addr = connection.remote_addr;
            let is_direct = is_active && !session.uses_relay && !addr.ip().is_unspecified();
            session.remote_addr = is_direct.then_some(addr);
        }
        // What was queued for one that has failed is dropped.
        if let (Some(status), None) = (&info.status, session.error) {
            session.queued_bytes = status.pending_unreliable_bytes + status.pending_reliable_bytes;
            session.queued_packets = session.queued_bytes.div_ceil(status.packet_bytes.max(1));
        }
        session
    }
}

/// Why a session of packets has failed. The numbers are those of `EP2PSessionError`; 0 is no error.
///
/// We never say the first and the third, which would tell who is there.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[repr(u8)]
pub enum P2pSessionError {
    /// The peer does not run the game.
    #[error("the peer does not run the game")]
    NotRunningApp = 1,
    /// One of the two may not talk to the other.
    #[error("the two may not talk to each other")]
    NoRightsToApp = 2,
    /// The peer is not signed in.
    #[error("the peer is not signed in")]
    DestinationNotLoggedIn = 3,
    /// The peer was not reached in time, or not any more, or has ended the session while packets were under way.
    #[error("the peer was not reached")]
    Timeout = 4,
}

impl P2pSessionError {
    /// The number.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// What a connection's end means.
    pub(crate) fn of(reason: EndReason) -> Self {
        if reason == EndReason::LOCAL_RIGHTS {
            Self::NoRightsToApp
        } else {
            Self::Timeout
        }
    }
}

const KIND: SessionKind = SessionKind::Packets;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_the_numbers_of_steam() {
        for number in 0..4 {
            let kind = PacketKind::from_number(number).unwrap();
            assert_eq!(kind as i32, number);
        }
        for number in [-1, 4, i32::MAX, i32::MIN] {
            assert_eq!(PacketKind::from_number(number), None);
        }
    }

    #[test]
    fn kinds_have_the_flags_that_steam_maps_them_to() {
        let flags = [0, 1, 2, 3].map(|number| PacketKind::from_number(number).unwrap().flags());
        assert_eq!(flags.map(SendFlags::bits), [1, 5, 9, 8]);
    }

    #[test]
    fn a_refusal_by_policy_is_the_only_one_that_is_told() {
        let error = P2pSessionError::of(EndReason::LOCAL_RIGHTS);
        assert_eq!((error, error.number()), (P2pSessionError::NoRightsToApp, 2));
        for code in (0..=u16::MAX.into()).map(EndReason::new) {
            let told = P2pSessionError::of(code);
            let is_policy = code == EndReason::LOCAL_RIGHTS;
            assert_eq!(told.number(), if is_policy { 2 } else { 4 });
        }
    }
}
