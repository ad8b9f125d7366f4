//! What the messages of clients and hubs have in common.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::hub::HubMessageError;
use crate::hub::limits::MAX_HUB_MESSAGE;
use crate::identity::Identity;
use crate::limits::MAX_CLOSE_TEXT;
use crate::limits::MAX_IDENTITY_UNKNOWN;
use crate::time::Span;
use crate::wire::pb;
use crate::wire::udp::cut_text;

/// A signal in its envelope.
#[derive(Clone, Eq, PartialEq)]
pub struct HubSignal {
    /// The client's number for it, which a nack names; 0 from the hub.
    pub number: u32,
    /// Whom it is for, as a client knows it; or whom it is from.
    pub peer: String,
    /// The signal ([`Signal`](crate::p2p::signal::Signal)).
    pub payload: Vec<u8>,
}

/// Without the signal, which is for its peer.
impl fmt::Debug for HubSignal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubSignal")
            .field("number", &self.number)
            .field("peer", &self.peer)
            .field("len", &self.payload.len())
            .finish()
    }
}

impl HubSignal {
    pub(super) fn parse(signal: pb::HubSignal) -> Result<Self, HubMessageError> {
        let peer = sized("the peer", signal.peer, MAX_IDENTITY_UNKNOWN)?;
        if peer.is_empty() {
            return Err(HubMessageError::Lacks("the peer"));
        }
        Ok(Self {
            number: signal.number.unwrap_or(0),
            peer: String::from_utf8(peer).map_err(|_| HubMessageError::Bad("the peer"))?,
            // Too large is answered, and no reason to end the connection.
            payload: signal.payload.unwrap_or_default(),
        })
    }

    pub(super) fn to_pb(&self) -> pb::HubSignal {
        pb::HubSignal {
            number: (self.number != 0).then_some(self.number),
            peer: Some(self.peer.clone().into()),
            payload: Some(self.payload.clone()),
        }
    }
}

pub(super) fn decode<M: prost::Message + Default>(bytes: &[u8]) -> Result<M, HubMessageError> {
    if bytes.len() > MAX_HUB_MESSAGE {
        return Err(HubMessageError::TooLong(bytes.len()));
    }
    M::decode(bytes).map_err(|_| HubMessageError::Malformed)
}

pub(super) fn sized(
    field: &'static str,
    bytes: Option<Vec<u8>>,
    limit: usize,
) -> Result<Vec<u8>, HubMessageError> {
    let bytes = bytes.unwrap_or_default();
    if bytes.len() > limit {
        let len = bytes.len();
        return Err(HubMessageError::FieldTooLong { field, len, limit });
    }
    Ok(bytes)
}

pub(super) fn identity(bytes: Vec<u8>) -> Result<Identity, HubMessageError> {
    let text = String::from_utf8(bytes).map_err(|_| HubMessageError::Bad("the identity"))?;
    text.parse()
        .map_err(|_| HubMessageError::Bad("the identity"))
}

/// What only people read is cut and mended.
pub(super) fn text(bytes: Option<Vec<u8>>) -> String {
    let bytes = bytes.unwrap_or_default();
    let start = bytes.get(..MAX_CLOSE_TEXT).unwrap_or(&bytes);
    String::from(cut_text(&String::from_utf8_lossy(start)))
}

pub(super) fn millis(millis: Option<u32>) -> Span {
    Span::from_millis(millis.unwrap_or(0).into())
}

pub(super) fn whole_millis(span: Span) -> u32 {
    u32::try_from(span.as_millis()).unwrap_or(u32::MAX)
}

pub(super) fn certificate(bytes: &[u8]) -> pb::HubCertificate {
    pb::HubCertificate {
        bytes: Some(bytes.to_vec()),
    }
}
