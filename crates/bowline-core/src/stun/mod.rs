//! STUN (RFC 8489): what hosts ask servers and each other to learn how they are seen from outside.
//!
//! * A datagram is STUN if [`is_stun`] says so; all else on a socket is data of connections or of TURN channels.
//! * [`Message::parse`] reads one, once: every attribute that anything here needs becomes a typed value, whatever is
//!   malformed is refused, and a fingerprint is checked where there is one. Integrity is asked for separately,
//!   because which [`IntegrityKey`] holds is known only from the message itself.
//! * [`Builder`] writes one, attribute by attribute, with integrity and fingerprint at the end.
//! * [`Transaction`] is the clock of a request: when to send it again, and when to give up.
//! * [`uri`] reads the server lists of the configuration (RFC 7064 and 7065).
//!
//! A socket is shared by all that ask over it. So that an answer finds its way back without a table, the
//! first four bytes of a [`TransactionId`] are the connection ID of the asker; the other eight are random, which
//! is what keeps those who cannot see the request from answering it.
//!
//! ICE's connectivity checks and the TURN client are built on this.

mod attribute;
mod builder;
mod integrity;
mod message;
#[cfg(test)]
mod tests;
mod transaction;
pub mod uri;

pub use self::attribute::AddressFamily;
pub use self::builder::Builder;
pub use self::integrity::IntegrityKey;
pub use self::message::ErrorCode;
pub use self::message::Message;
pub use self::transaction::Transaction;
pub use self::transaction::TransactionStep;

use core::fmt;

use serde::Deserialize;
use serde::Serialize;

use crate::rng::Rng;
use crate::wire::cursor::Reader;

/// The length of the header, which is the shortest message.
pub const HEADER_LEN: usize = 20;

/// RFC 8489, section 5.
pub(crate) const MAGIC_COOKIE: u32 = 0x2112_A442;

/// Whether a datagram is a STUN message, as far as its header tells: two bits of zero, the cookie, and the length
/// that it says.
pub fn is_stun(datagram: &[u8]) -> bool {
    Header::parse(datagram).is_some()
}

/// What kind of message: asking, telling, or one of the two kinds of answer.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub enum Class {
    /// Wants an answer.
    Request,
    /// Wants none.
    Indication,
    /// The answer to a request that was granted.
    Success,
    /// The answer to a request that was not; says why by [`Message::error_code`].
    Error,
}

/// What a message is about.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub enum Method {
    /// How is the sender seen from outside? Also the connectivity check of ICE.
    Binding,
    /// A relayed address is wanted (TURN).
    Allocate,
    /// The allocation is to live on, or to end (TURN).
    Refresh,
    /// Data to a peer (TURN).
    Send,
    /// Data from a peer (TURN).
    Data,
    /// A peer's address may send to the relayed address (TURN).
    CreatePermission,
    /// A short number for a peer's address (TURN).
    ChannelBind,
    /// One that nobody here understands, by its number.
    Other(u16),
}

impl Method {
    /// The number on the wire: 12 bits.
    pub const fn number(self) -> u16 {
        match self {
            Self::Binding => 1,
            Self::Allocate => 3,
            Self::Refresh => 4,
            Self::Send => 6,
            Self::Data => 7,
            Self::CreatePermission => 8,
            Self::ChannelBind => 9,
            Self::Other(number) => number & 0xFFF,
        }
    }

    const fn from_number(number: u16) -> Self {
        match number {
            1 => Self::Binding,
            3 => Self::Allocate,
            4 => Self::Refresh,
            6 => Self::Send,
            7 => Self::Data,
            8 => Self::CreatePermission,
            9 => Self::ChannelBind,
            other => Self::Other(other),
        }
    }
}

/// What an answer has in common with its request: who asked, and 64 random bits.
#[derive(Clone, Copy, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct TransactionId([u8; 12]);

impl TransactionId {
    /// A new one. `asker` is a connection ID, or 0 for what is asked on behalf of the socket itself.
    pub fn new(asker: u32, rng: &mut Rng) -> Self {
        let mut bytes = [0; 12];
        if let Some((head, tail)) = bytes.split_first_chunk_mut::<4>() {
            *head = asker.to_be_bytes();
            tail.copy_from_slice(&rng.bytes::<8>());
        }
        Self(bytes)
    }

    /// One that was seen on the wire.
    pub const fn from_bytes(bytes: [u8; 12]) -> Self {
        Self(bytes)
    }

    /// The bytes on the wire.
    pub const fn as_bytes(&self) -> &[u8; 12] {
        &self.0
    }

    /// Who asked, if it was somebody here.
    pub const fn asker(&self) -> u32 {
        let [a, b, c, d, ..] = self.0;
        u32::from_be_bytes([a, b, c, d])
    }
}

impl fmt::Debug for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The first 20 bytes.
#[derive(Clone, Copy, Debug)]
struct Header {
    class: Class,
    method: Method,
    transaction_id: TransactionId,
}

impl Header {
    /// `None` if this is no STUN message.
    fn parse(datagram: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(datagram);
        let kind = u16::from_be_bytes(reader.array()?);
        let len = u16::from_be_bytes(reader.array()?);
        let cookie = u32::from_be_bytes(reader.array()?);
        let transaction_id = TransactionId(reader.array()?);
        let is_stun = kind & 0xC000 == 0
            && cookie == MAGIC_COOKIE
            && usize::from(len) == reader.len()
            && len % 4 == 0;
        is_stun.then_some(Self {
            class: class_of(kind),
            method: method_of(kind),
            transaction_id,
        })
    }
}

/// The two bits of the class lie within those of the method (RFC 8489, section 5).
const fn class_of(kind: u16) -> Class {
    match (kind & 0x100 != 0, kind & 0x10 != 0) {
        (false, false) => Class::Request,
        (false, true) => Class::Indication,
        (true, false) => Class::Success,
        (true, true) => Class::Error,
    }
}

const fn method_of(kind: u16) -> Method {
    Method::from_number(kind & 0xF | (kind & 0xE0) >> 1 | (kind & 0x3E00) >> 2)
}

const fn kind_of(class: Class, method: Method) -> u16 {
    let class = match class {
        Class::Request => 0,
        Class::Indication => 0x10,
        Class::Success => 0x100,
        Class::Error => 0x110,
    };
    let method = method.number();
    class | method & 0xF | (method & 0x70) << 1 | (method & 0xF80) << 2
}
