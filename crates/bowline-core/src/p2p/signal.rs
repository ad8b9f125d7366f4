//! One signal: what hosts tell each other before there is a path between them.
//!
//! On the wire it is one protobuf message, `CMsgSteamNetworkingP2PRendezvous`
//! (GNS e707b3a: steamnetworkingsockets_messages.proto). [`Signal::parse`] checks all that decides
//! whether a signal is taken at all: its size, who it says it is from, and that a request or an answer has the
//! two halves that keys are made of. Certificates and keys inside stay bytes, since the session keys
//! depend on each of them.
//!
//! What a peer of ours never needs from a GNS host (routes through Steam's relays, tickets of its hosted
//! servers, application messages) is noted in [`Unsupported`] and not kept.
//!
//! Texts are treated by what they are for. An identity must be right; a candidate that cannot be read keeps its
//! place in the order of reliable messages, as [`ReliableMessage::Unknown`]; what only people read is
//! cut; and what is a hint is ignored if it is malformed.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::string::ToString as _;
use alloc::vec::Vec;

use prost::Message as _;

use crate::counters::DropReason;
use crate::end_reason::EndReason;
use crate::identity::Identity;
use crate::ids::ConnectionId;
use crate::limits::MAX_IDENTITY_UNKNOWN;
use crate::limits::MAX_SIGNAL;
use crate::limits::MAX_SIGNAL_FAKE_IP;
use crate::limits::MAX_SIGNAL_MESSAGES;
use crate::wire::pb;
use crate::wire::udp::cut_text;

pub use self::reliable_message::ReliableMessage;

mod reliable_message;

/// The reason in a close that says "I know no such connection". A signal with it is never answered.
///
/// GNS e707b3a: steamnetworkingsockets_p2p.cpp, `k_ESteamNetConnectionEnd_Internal_P2PNoConnection`.
pub const NO_CONNECTION: EndReason = EndReason::new(9999);

/// A signal, as it goes from one host to another.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Signal {
    /// Who sends it, as it claims. Never a `FakeIP`.
    pub from_identity: Identity,
    /// The sender's ID of the connection. Only rejections that keep no state lack it.
    pub from_id: Option<ConnectionId>,
    /// Whom it is for, as the sender knows it: maybe a `FakeIP`, maybe no identity at all.
    pub to_identity: Option<String>,
    /// The receiver's ID of the connection, if the sender knows it. Any number, as it came.
    pub to_id: Option<ConnectionId>,
    /// Whether the sender can do ICE. A signal without it ends ICE at the receiver.
    pub ice_enabled: bool,
    /// What the signal is for, beside the reliable messages.
    pub kind: SignalKind,
    /// The number of the newest reliable message that the sender has received in order.
    pub ack: Option<u32>,
    /// The number of the first of `reliable`.
    pub first_reliable: Option<u32>,
    /// Messages with consecutive numbers.
    pub reliable: Vec<ReliableMessage>,
    /// What else was there; not written by [`Signal::encode`].
    pub has_unsupported: Unsupported,
}

/// What a signal is for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SignalKind {
    /// Reliable messages or their acknowledgement only.
    None,
    /// The sender wants to connect.
    ConnectRequest(Box<ConnectRequest>),
    /// The sender has accepted.
    ConnectOk(Box<ConnectOk>),
    /// The sender's connection is over.
    Closed {
        /// Why; [`NO_CONNECTION`] if there is none.
        reason: EndReason,
        /// For people; do not interpret. At most [`crate::limits::MAX_CLOSE_TEXT`] bytes of it are sent, and
        /// nothing of it with [`NO_CONNECTION`].
        text: String,
    },
}

/// A request to connect.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ConnectRequest {
    /// The sender's signed half of the key exchange.
    pub crypt: pb::SessionCryptInfoSigned,
    /// The sender's certificate.
    pub cert: pb::CertificateSigned,
    /// The virtual port that it is for. Very old hosts leave it out, and those that know only a `FakeIP`.
    pub to_virtual_port: Option<u32>,
    /// The sender's own virtual port; without it the same.
    pub from_virtual_port: Option<u32>,
    /// The `FakeIP` that the sender connects from, as `address:port`.
    pub from_fakeip: Option<String>,
}

/// The answer of a host that has accepted.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ConnectOk {
    /// The sender's signed half of the key exchange.
    pub crypt: pb::SessionCryptInfoSigned,
    /// The sender's certificate.
    pub cert: pb::CertificateSigned,
}

/// What a signal has that we have no use for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Unsupported {
    /// Routes through Steam's relays.
    pub sdr_routes: bool,
    /// The sender would take such routes.
    pub ack_peer_routes: bool,
    /// The sender is a server hosted behind Steam's relays.
    pub hosted_server_ticket: bool,
    /// How many messages of the application ride in the signal.
    pub application_messages: u32,
}

impl Signal {
    /// Reads a signal. Of more reliable messages than [`MAX_SIGNAL_MESSAGES`] the first are taken: those
    /// behind are not acknowledged and come again.
    ///
    /// # Errors
    /// [`DropReason::TooLong`] beyond [`MAX_SIGNAL`] bytes; [`DropReason::BadMessage`] if it is no valid protobuf
    /// message, or a request or an answer lacks certificate or key exchange; [`DropReason::BadIdentity`] without
    /// a sender that is an identity and no `FakeIP`.
    pub fn parse(bytes: &[u8]) -> Result<Self, DropReason> {
        if bytes.len() > MAX_SIGNAL {
            return Err(DropReason::TooLong);
        }
        let message = pb::Rendezvous::decode(bytes).map_err(|_| DropReason::BadMessage)?;
        let reliable = message.reliable_messages.iter().take(MAX_SIGNAL_MESSAGES);
        Ok(Self {
            from_identity: sender(message.from_identity)?,
            from_id: message
                .from_connection_id
                .filter(|id| *id != 0)
                .map(ConnectionId::new),
            to_identity: hint(message.to_identity, MAX_IDENTITY_UNKNOWN),
            to_id: message.to_connection_id.map(ConnectionId::new),
            ice_enabled: message.ice_enabled.unwrap_or(false),
            kind: SignalKind::from_wire(
                message.connect_request,
                message.connect_ok,
                message.connection_closed,
            )?,
            ack: message.ack_reliable_msg,
            first_reliable: message.first_reliable_msg,
            reliable: reliable
                .map(|bytes| ReliableMessage::parse(bytes))
                .collect::<Result<_, _>>()?,
            has_unsupported: Unsupported {
                sdr_routes: message.sdr_routes.is_some(),
                ack_peer_routes: message.ack_peer_routes_revision.is_some(),
                hosted_server_ticket: message.hosted_server_ticket.is_some(),
                application_messages: u32::try_from(message.application_messages.len())
                    .unwrap_or(u32::MAX),
            },
        })
    }

    /// Appends the bytes of the signal. A receiver of ours takes no more than [`MAX_SIGNAL`] of them, and
    /// [`MAX_SIGNAL_MESSAGES`] reliable messages.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let (request, ok, closed) = self.kind.to_wire();
        let message = pb::Rendezvous {
            to_connection_id: self.to_id.map(ConnectionId::get),
            connect_request: request,
            connect_ok: ok,
            connection_closed: closed,
            ice_enabled: self.ice_enabled.then_some(true),
            from_identity: Some(self.from_identity.to_string().into_bytes()),
            from_connection_id: self.from_id.map(ConnectionId::get),
            to_identity: self.to_identity.clone().map(String::into_bytes),
            ack_reliable_msg: self.ack,
            first_reliable_msg: self.first_reliable,
            reliable_messages: self.reliable.iter().map(ReliableMessage::to_wire).collect(),
            ..Default::default()
        };
        message.encode(out).expect("a Vec grows as needed");
    }
}

impl SignalKind {
    /// Nobody sends two of them. Were there several, the one that ends more would win.
    fn from_wire(
        request: Option<pb::RendezvousRequest>,
        ok: Option<pb::RendezvousOk>,
        closed: Option<pb::RendezvousClosed>,
    ) -> Result<Self, DropReason> {
        if let Some(closed) = closed {
            let text = closed.debug.unwrap_or_default();
            return Ok(Self::Closed {
                reason: EndReason::new(closed.reason_code.unwrap_or(0)),
                text: cut_text(&String::from_utf8_lossy(&text)).into(),
            });
        }
        if let Some(ok) = ok {
            return Ok(Self::ConnectOk(Box::new(ConnectOk {
                crypt: ok.crypt.ok_or(DropReason::BadMessage)?,
                cert: ok.cert.ok_or(DropReason::BadMessage)?,
            })));
        }
        let Some(request) = request else {
            return Ok(Self::None);
        };
        Ok(Self::ConnectRequest(Box::new(ConnectRequest {
            crypt: request.crypt.ok_or(DropReason::BadMessage)?,
            cert: request.cert.ok_or(DropReason::BadMessage)?,
            to_virtual_port: request.to_virtual_port,
            from_virtual_port: request.from_virtual_port,
            from_fakeip: hint(request.from_fakeip, MAX_SIGNAL_FAKE_IP),
        })))
    }

    fn to_wire(
        &self,
    ) -> (
        Option<pb::RendezvousRequest>,
        Option<pb::RendezvousOk>,
        Option<pb::RendezvousClosed>,
    ) {
        match self {
            Self::None => (None, None, None),
            Self::ConnectRequest(request) => {
                let request = pb::RendezvousRequest {
                    crypt: Some(request.crypt.clone()),
                    cert: Some(request.cert.clone()),
                    to_virtual_port: request.to_virtual_port,
                    from_virtual_port: request.from_virtual_port,
                    from_fakeip: request.from_fakeip.clone().map(String::into_bytes),
                };
                (Some(request), None, None)
            }
            Self::ConnectOk(ok) => {
                let ok = pb::RendezvousOk {
                    crypt: Some(ok.crypt.clone()),
                    cert: Some(ok.cert.clone()),
                };
                (None, Some(ok), None)
            }
            Self::Closed { reason, text } => {
                // As GNS does it: a close always has a text, and the word of no connection never.
                let debug = (*reason != NO_CONNECTION).then(|| cut_text(text).as_bytes().to_vec());
                let closed = pb::RendezvousClosed {
                    debug,
                    reason_code: Some(reason.code()),
                };
                (None, None, Some(closed))
            }
        }
    }
}

impl Unsupported {
    /// Whether there is anything of it.
    pub const fn any(&self) -> bool {
        self.sdr_routes
            || self.ack_peer_routes
            || self.hosted_server_ticket
            || self.application_messages > 0
    }
}

fn sender(text: Option<Vec<u8>>) -> Result<Identity, DropReason> {
    let text = text.and_then(|text| String::from_utf8(text).ok());
    let identity = text.and_then(|text| text.parse::<Identity>().ok());
    identity
        .filter(|identity| !identity.is_fake_ip())
        .ok_or(DropReason::BadIdentity)
}

/// A text that is worth something only if it is whole.
fn hint(text: Option<Vec<u8>>, longest: usize) -> Option<String> {
    let text = text.filter(|text| text.len() <= longest)?;
    String::from_utf8(text).ok()
}

#[cfg(test)]
mod golden;
#[cfg(test)]
mod tests;
