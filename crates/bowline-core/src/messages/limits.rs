//! Bounds and times of packets to identities, what may be unread of all peers together, and the room for headers. Other bounds
//! of messages are among the [general ones](crate::limits).
//!
//! What Steam's library says of its own: <https://partner.steamgames.com/doc/api/ISteamNetworking>, `EP2PSend` and
//! `SendP2PPacket`. What it leaves open is ours.

use crate::messages::Room;
use crate::time::Span;

/// The largest unreliable packet in bytes (Steam: 1200, the usual size of what a network carries).
pub const MAX_UNRELIABLE_PACKET: usize = 1200;
/// The largest reliable packet in bytes (Steam: 1 MB).
pub const MAX_RELIABLE_PACKET: usize = 1024 * 1024;
/// Most packets of a peer that wait to be read.
pub const MAX_UNREAD_PACKETS: usize = 4096;
/// Most bytes of a peer that wait to be read.
pub const MAX_UNREAD_PACKET_BYTES: usize = 8 * 1024 * 1024;
/// How many bytes to a peer may wait to be sent: the largest packet, and what comes meanwhile.
pub const PACKETS_SEND_BUFFER: usize = 2 * MAX_RELIABLE_PACKET;
/// A peer that was not reached after this has failed (Steam: the same).
pub const PACKETS_CONNECT_TIMEOUT: Span = Span::from_secs(20);
/// A session ends that was not used for so long, to send or to receive.
pub const PACKETS_IDLE: Span = Span::from_secs(15 * 60);
/// When so much waits to be read of all peers together, each has no more room than an equal share of it: who hoards takes
/// little from others.
pub const MAX_UNREAD: Room = Room {
    messages: 1 << 18,
    bytes: 256 * 1024 * 1024,
};
/// When so many times [`MAX_UNREAD`] wait to be read, a session takes one message if it has none unread, so that nobody is
/// shut out. More than this, and one message of each session, never waits.
pub const MAX_UNREAD_TIMES: usize = 4;
/// Most that may be unread of peers that have left, beside the one that has just done so. Beyond that, what waits longest
/// goes, down to half.
pub const MAX_UNREAD_LEFT: Room = Room {
    messages: 1 << 16,
    bytes: 64 * 1024 * 1024,
};
/// How much larger a message of a session may be than others, so that the largest message of the application fits
/// behind its [header](crate::messages::HEADER). GNS e707b3a: steamnetworkingsockets_internal.h,
/// `k_cbMaxSteamNetworkingSocketsMessageSizeSend_Internal`.
pub const SESSION_HEADER_ROOM: usize = 16;
