//! Direct UDP packets that carry no data: the challenge, the handshake, and the end.
//!
//! The first byte names the kind. Then comes a protobuf message, either up to the end of the
//! datagram ("bare") or with its length before it and zeros after it ("padded").
//! GNS e707b3a: steamnetworkingsockets_udp.cpp, steamnetworkingsockets_messages_udp.proto.
//!
//! [`parse`] checks what decides whether a packet is taken at all. Certificates, keys and identities
//! inside are opened later, because their faults have answers of their own.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use prost::Message;

use crate::counters::DropReason;
use crate::end_reason::{EndReason, Rejection};
use crate::ids::ConnectionId;
use crate::limits::{MAX_CLOSE_TEXT, MIN_DATAGRAM, MIN_PADDED_DATAGRAM};
use crate::wire::cursor::Reader;
use crate::wire::data_header::FLAG_DATA;
use crate::wire::pb;

/// A received datagram, by kind.
#[derive(Clone, Debug, PartialEq)]
pub enum UdpPacket<'a> {
    /// A data packet: the whole datagram, for [`crate::wire::data_header::DataHeader::parse`].
    Data(&'a [u8]),
    /// A client asks for a cookie.
    ChallengeRequest(ChallengeRequest),
    /// A server hands out a cookie.
    ChallengeReply(ChallengeReply),
    /// A client with a cookie wants to connect.
    ConnectRequest(Box<ConnectRequest>),
    /// A server accepted.
    ConnectOk(Box<ConnectOk>),
    /// The sender has ended the connection, and wants an answer.
    ConnectionClosed(ConnectionClosed),
    /// The sender knows no such connection. Never answered.
    NoConnection(NoConnection),
}

/// Client to server, padded: proves to be reachable and asks for a cookie.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ChallengeRequest {
    /// The client's own ID, not zero.
    pub connection_id: ConnectionId,
    /// Echoed by the server; microseconds of the client's clock.
    pub my_timestamp: u64,
    /// What the client speaks. Servers do not look at it.
    pub protocol_version: u32,
}

/// Server to client, bare: the cookie.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ChallengeReply {
    /// The client's ID, echoed; not zero.
    pub connection_id: ConnectionId,
    /// To be sent back unchanged.
    pub challenge: u64,
    /// The client's timestamp, echoed.
    pub your_timestamp: u64,
    /// What the server speaks; 0 if it does not say.
    pub protocol_version: u32,
    /// The server finds connections by ID, so one client socket may carry several (ours; GNS does not).
    pub finds_by_connection_id: bool,
}

/// Client to server, bare: the request proper. Stands for packet number 1 of its direction.
///
/// Over [`crate::limits::MAX_DATAGRAM`] bytes, which takes a huge certificate, it must not be sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConnectRequest {
    /// The client's own ID, not zero.
    pub client_connection_id: ConnectionId,
    /// The cookie from the reply.
    pub challenge: u64,
    /// The client's certificate; empty if there was none.
    pub cert: pb::CertificateSigned,
    /// Echoed by the server; microseconds of the client's clock.
    pub my_timestamp: Option<u64>,
    /// Round trip in milliseconds, if the client has measured it.
    pub ping_est_ms: Option<u32>,
    /// The client's signed half of the key exchange; empty if there was none.
    pub crypt: pb::SessionCryptInfoSigned,
    /// Counts only if the certificate has no identity.
    pub identity: RequestIdentity,
}

/// Server to client, bare: accepted. Stands for packet number 1 of its direction.
///
/// Over [`crate::limits::MAX_DATAGRAM`] bytes, which takes a huge certificate, it must not be sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConnectOk {
    /// The client's ID, echoed; not zero.
    pub client_connection_id: ConnectionId,
    /// The server's own ID; zero if missing. With a low half of zero the client must fail.
    pub server_connection_id: ConnectionId,
    /// The timestamp of the request, echoed unless it is too old.
    pub your_timestamp: Option<u64>,
    /// How many microseconds the server held the request.
    pub delay_time_us: Option<u32>,
    /// The server's certificate; empty if there was none.
    pub cert: pb::CertificateSigned,
    /// The server's signed half of the key exchange; empty if there was none.
    pub crypt: pb::SessionCryptInfoSigned,
    /// Counts only if the certificate has no identity.
    pub identity: RequestIdentity,
}

/// An identity as handshake packets carry it beside the certificate, not interpreted.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct RequestIdentity {
    /// The text form, which wins over the others.
    pub identity_string: Option<String>,
    /// The binary form for old peers.
    pub legacy_identity_binary: Option<pb::IdentityLegacyBinary>,
    /// The `SteamID` for very old peers.
    pub legacy_steam_id: Option<u64>,
}

/// Either way, padded: the connection is over, and why. Answered with [`NoConnection`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConnectionClosed {
    /// The receiver's ID, if the sender knows it.
    pub to: Option<ConnectionId>,
    /// The sender's own ID.
    pub from: Option<ConnectionId>,
    /// Any number, as it came.
    pub reason: EndReason,
    /// For people; do not interpret. At most [`MAX_CLOSE_TEXT`] bytes of it cross the wire.
    pub text: String,
    /// Why a server refused the request, if that is what this is and it says so (ours; GNS does not).
    pub rejection: Option<Rejection>,
}

/// Either way, bare: there is no such connection (any more). Never answered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NoConnection {
    /// The receiver's ID, if known.
    pub to: Option<ConnectionId>,
    /// The sender's ID, as the receiver had addressed it.
    pub from: Option<ConnectionId>,
}

/// Tells the kind of a datagram, and reads all but data packets.
///
/// # Errors
/// [`DropReason::TooShort`], [`DropReason::UnknownKind`], [`DropReason::BadPadding`], or
/// [`DropReason::BadMessage`] if it is no valid protobuf message, or has no or a zero ID where one
/// must be, or a `ConnectRequest` without cookie.
#[inline]
pub fn parse(datagram: &[u8]) -> Result<UdpPacket<'_>, DropReason> {
    if datagram.len() < MIN_DATAGRAM {
        return Err(DropReason::TooShort);
    }
    match datagram.split_first() {
        Some((FLAG_DATA..=0xFF, _)) => Ok(UdpPacket::Data(datagram)),
        Some((kind, body)) => parse_other(*kind, body),
        None => Err(DropReason::TooShort),
    }
}

/// A packet that carries no data.
fn parse_other(kind: u8, body: &[u8]) -> Result<UdpPacket<'_>, DropReason> {
    Ok(match kind {
        CHALLENGE_REQUEST => UdpPacket::ChallengeRequest(ChallengeRequest::parse(body)?),
        CHALLENGE_REPLY => UdpPacket::ChallengeReply(ChallengeReply::parse(body)?),
        CONNECT_REQUEST => UdpPacket::ConnectRequest(Box::new(ConnectRequest::parse(body)?)),
        CONNECT_OK => UdpPacket::ConnectOk(Box::new(ConnectOk::parse(body)?)),
        CONNECTION_CLOSED => UdpPacket::ConnectionClosed(ConnectionClosed::parse(body)?),
        NO_CONNECTION => UdpPacket::NoConnection(NoConnection::parse(body)?),
        _ => return Err(DropReason::UnknownKind),
    })
}

/// Who asks and with which cookie, of a [`ConnectRequest`], without opening the rest: that is not worth the
/// work before the cookie is known to be good. `None` for packets of other kinds.
///
/// # Errors
/// [`DropReason::BadMessage`] if one of the two is missing or zero, or what is around them is no message.
pub fn peek_request(datagram: &[u8]) -> Option<Result<(ConnectionId, u64), DropReason>> {
    match datagram.split_first()? {
        (&CONNECT_REQUEST, body) => Some(peek_id_and_cookie(body).ok_or(DropReason::BadMessage)),
        _ => None,
    }
}

/// Fields 1 and 2 of `CMsgSteamSockets_UDP_ConnectRequest`; the last counts if there are several.
fn peek_id_and_cookie(body: &[u8]) -> Option<(ConnectionId, u64)> {
    let (mut id, mut cookie) = (None, None);
    let mut reader = Reader::new(body);
    while !reader.is_empty() {
        let tag = reader.varint_u32()?;
        match (tag >> 3, tag & 7) {
            (1, FIXED32) => id = Some(reader.u32()?),
            (2, FIXED64) => cookie = Some(reader.uint::<8>()?),
            (1 | 2, _) => return None,
            (_, VARINT) => {
                reader.varint_u64()?;
            }
            (_, FIXED64) => {
                reader.array::<8>()?;
            }
            (_, LENGTH_DELIMITED) => {
                let len = reader.varint_u32()?;
                reader.take(usize::try_from(len).ok()?)?;
            }
            (_, FIXED32) => {
                reader.array::<4>()?;
            }
            // Groups, which nobody has sent for twenty years.
            _ => return None,
        }
    }
    Some((optional_id(id)?, cookie?))
}

/// Whether this is a [`ConnectOk`], by its first byte.
pub(crate) fn is_connect_ok(datagram: &[u8]) -> bool {
    datagram.first() == Some(&CONNECT_OK)
}

/// Whether this is a broadcast of the Source engine rather than a data packet. Only to be asked
/// about datagrams from unknown addresses: a connection ID may look the same.
pub fn is_legacy_broadcast(datagram: &[u8]) -> bool {
    datagram.starts_with(&[0xFF; 4])
}

impl ChallengeRequest {
    /// Appends the datagram, padding included.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let message = pb::ChallengeRequest {
            connection_id: Some(self.connection_id.get()),
            my_timestamp: Some(self.my_timestamp),
            protocol_version: Some(self.protocol_version),
        };
        put_padded(out, CHALLENGE_REQUEST, &message);
    }

    fn parse(body: &[u8]) -> Result<Self, DropReason> {
        let message: pb::ChallengeRequest = decode(padded(body)?)?;
        Ok(Self {
            connection_id: required_id(message.connection_id)?,
            my_timestamp: message.my_timestamp.unwrap_or(0),
            protocol_version: message.protocol_version.unwrap_or(0),
        })
    }
}

impl ChallengeReply {
    /// Appends the datagram.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let message = pb::ChallengeReply {
            connection_id: Some(self.connection_id.get()),
            challenge: Some(self.challenge),
            your_timestamp: Some(self.your_timestamp),
            protocol_version: Some(self.protocol_version),
            finds_by_connection_id: self.finds_by_connection_id.then_some(true),
        };
        put_bare(out, CHALLENGE_REPLY, &message);
    }

    fn parse(body: &[u8]) -> Result<Self, DropReason> {
        let message: pb::ChallengeReply = decode(body)?;
        Ok(Self {
            connection_id: required_id(message.connection_id)?,
            challenge: message.challenge.unwrap_or(0),
            your_timestamp: message.your_timestamp.unwrap_or(0),
            protocol_version: message.protocol_version.unwrap_or(0),
            finds_by_connection_id: message.finds_by_connection_id.unwrap_or(false),
        })
    }
}

impl ConnectRequest {
    /// Appends the datagram.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let message = pb::ConnectRequest {
            client_connection_id: Some(self.client_connection_id.get()),
            challenge: Some(self.challenge),
            legacy_client_steam_id: self.identity.legacy_steam_id,
            cert: Some(self.cert.clone()),
            my_timestamp: self.my_timestamp,
            ping_est_ms: self.ping_est_ms,
            crypt: Some(self.crypt.clone()),
            legacy_identity_binary: self.identity.legacy_identity_binary.clone(),
            identity_string: self.identity.identity_string.clone(),
        };
        put_bare(out, CONNECT_REQUEST, &message);
    }

    fn parse(body: &[u8]) -> Result<Self, DropReason> {
        let message: pb::ConnectRequest = decode(body)?;
        Ok(Self {
            client_connection_id: required_id(message.client_connection_id)?,
            challenge: message.challenge.ok_or(DropReason::BadMessage)?,
            cert: message.cert.unwrap_or_default(),
            my_timestamp: message.my_timestamp,
            ping_est_ms: message.ping_est_ms,
            crypt: message.crypt.unwrap_or_default(),
            identity: RequestIdentity {
                identity_string: message.identity_string,
                legacy_identity_binary: message.legacy_identity_binary,
                legacy_steam_id: message.legacy_client_steam_id,
            },
        })
    }
}

impl ConnectOk {
    /// Appends the datagram.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let message = pb::ConnectOk {
            client_connection_id: Some(self.client_connection_id.get()),
            legacy_server_steam_id: self.identity.legacy_steam_id,
            your_timestamp: self.your_timestamp,
            delay_time_usec: self.delay_time_us,
            server_connection_id: Some(self.server_connection_id.get()),
            crypt: Some(self.crypt.clone()),
            cert: Some(self.cert.clone()),
            legacy_identity_binary: self.identity.legacy_identity_binary.clone(),
            identity_string: self.identity.identity_string.clone(),
        };
        put_bare(out, CONNECT_OK, &message);
    }

    fn parse(body: &[u8]) -> Result<Self, DropReason> {
        let message: pb::ConnectOk = decode(body)?;
        Ok(Self {
            client_connection_id: required_id(message.client_connection_id)?,
            server_connection_id: ConnectionId::new(message.server_connection_id.unwrap_or(0)),
            your_timestamp: message.your_timestamp,
            delay_time_us: message.delay_time_usec,
            cert: message.cert.unwrap_or_default(),
            crypt: message.crypt.unwrap_or_default(),
            identity: RequestIdentity {
                identity_string: message.identity_string,
                legacy_identity_binary: message.legacy_identity_binary,
                legacy_steam_id: message.legacy_server_steam_id,
            },
        })
    }
}

impl ConnectionClosed {
    /// Appends the datagram, padding included. A text that is too long is cut between characters.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let text = cut_text(&self.text);
        let message = ClosedMessage {
            debug: (!text.is_empty()).then(|| text.as_bytes().to_vec()),
            reason_code: Some(self.reason.code()),
            to_connection_id: self.to.map(ConnectionId::get),
            from_connection_id: self.from.map(ConnectionId::get),
            rejection: self.rejection.map(Rejection::code),
        };
        put_padded(out, CONNECTION_CLOSED, &message);
    }

    fn parse(body: &[u8]) -> Result<Self, DropReason> {
        let message: ClosedMessage = decode(padded(body)?)?;
        let text = message.debug.unwrap_or_default();
        Ok(Self {
            to: optional_id(message.to_connection_id),
            from: optional_id(message.from_connection_id),
            reason: EndReason::new(message.reason_code.unwrap_or(0)),
            text: cut_text(&String::from_utf8_lossy(&text)).into(),
            rejection: message.rejection.map(Rejection::from_code),
        })
    }
}

impl NoConnection {
    /// Appends the datagram. It is dropped as too short by every receiver if it has no ID at all.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let message = pb::NoConnection {
            from_connection_id: self.from.map(ConnectionId::get),
            to_connection_id: self.to.map(ConnectionId::get),
        };
        put_bare(out, NO_CONNECTION, &message);
    }

    fn parse(body: &[u8]) -> Result<Self, DropReason> {
        let message: pb::NoConnection = decode(body)?;
        Ok(Self {
            to: optional_id(message.to_connection_id),
            from: optional_id(message.from_connection_id),
        })
    }
}

/// `CMsgSteamSockets_UDP_ConnectionClosed` with its text as bytes: proto2 does not ask strings to be
/// UTF-8, and a close must not fail over its text.
#[derive(Clone, Eq, Hash, PartialEq, prost::Message)]
struct ClosedMessage {
    #[prost(bytes = "vec", optional, tag = "2")]
    debug: Option<Vec<u8>>,
    #[prost(uint32, optional, tag = "3")]
    reason_code: Option<u32>,
    #[prost(fixed32, optional, tag = "4")]
    to_connection_id: Option<u32>,
    #[prost(fixed32, optional, tag = "5")]
    from_connection_id: Option<u32>,
    #[prost(uint32, optional, tag = "1000")]
    rejection: Option<u32>,
}

fn decode<M: Default + Message>(message: &[u8]) -> Result<M, DropReason> {
    M::decode(message).map_err(|_| DropReason::BadMessage)
}

fn required_id(id: Option<u32>) -> Result<ConnectionId, DropReason> {
    optional_id(id).ok_or(DropReason::BadMessage)
}

fn optional_id(id: Option<u32>) -> Option<ConnectionId> {
    id.filter(|id| *id != 0).map(ConnectionId::new)
}

/// The message of a padded packet, given what follows its kind. What is behind the message is not looked at.
fn padded(body: &[u8]) -> Result<&[u8], DropReason> {
    if body.len() < MIN_PADDED_DATAGRAM.saturating_sub(KIND_LEN) {
        return Err(DropReason::BadPadding);
    }
    let mut reader = Reader::new(body);
    let message = reader.u16().and_then(|len| reader.take(usize::from(len)));
    message
        .filter(|message| !message.is_empty())
        .ok_or(DropReason::BadPadding)
}

fn put_bare(out: &mut Vec<u8>, kind: u8, message: &impl Message) {
    out.push(kind);
    message.encode(out).expect("a Vec grows as needed");
}

fn put_padded(out: &mut Vec<u8>, kind: u8, message: &impl Message) {
    let end = out.len().saturating_add(MIN_PADDED_DATAGRAM);
    let len = u16::try_from(message.encoded_len()).expect("padded messages are short");
    out.push(kind);
    out.extend_from_slice(&len.to_le_bytes());
    message.encode(out).expect("a Vec grows as needed");
    if out.len() < end {
        out.resize(end, 0);
    }
}

/// As much of a close text as is sent and kept. It ends at a zero byte, as it does for the C code
/// of the original.
pub(crate) fn cut_text(text: &str) -> &str {
    let text = text.split_once('\0').map_or(text, |(before, _)| before);
    let longest = MAX_CLOSE_TEXT.min(text.len());
    let boundary = (0..=longest).rev().find(|at| text.is_char_boundary(*at));
    boundary.and_then(|at| text.get(..at)).unwrap_or_default()
}

const KIND_LEN: usize = 1;
// Wire types of protobuf.
const VARINT: u32 = 0;
const FIXED64: u32 = 1;
const LENGTH_DELIMITED: u32 = 2;
const FIXED32: u32 = 5;
// GNS e707b3a: steamnetworkingsockets_messages_udp.proto, `ESteamNetworkingUDPMsgID`.
const CHALLENGE_REQUEST: u8 = 32;
const CHALLENGE_REPLY: u8 = 33;
const CONNECT_REQUEST: u8 = 34;
const CONNECT_OK: u8 = 35;
const CONNECTION_CLOSED: u8 = 36;
const NO_CONNECTION: u8 = 37;

#[cfg(test)]
mod tests;
