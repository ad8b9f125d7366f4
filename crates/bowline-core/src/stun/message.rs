//! Reads messages: one walk over the attributes, after which all of them are typed values.

use core::net::SocketAddr;
use core::ops::Range;
use core::str;

use crate::counters::DropReason;
use crate::limits::MAX_STUN_ATTRIBUTES;
use crate::limits::MAX_STUN_MESSAGE;
use crate::limits::MAX_STUN_UNKNOWN;
use crate::limits::MAX_STUN_USERNAME;
use crate::stun::AddressFamily;
use crate::stun::Class;
use crate::stun::HEADER_LEN;
use crate::stun::Header;
use crate::stun::IntegrityKey;
use crate::stun::Method;
use crate::stun::TransactionId;
use crate::stun::attribute;
use crate::stun::builder::UDP;
use crate::stun::integrity;
use crate::wire::cursor::Reader;

/// A message that was read. What it says need not be true: see [`Self::check_integrity`].
///
/// Of attributes that occur twice the first counts, and what follows the integrity is not taken (RFC 8489, section 14).
#[derive(Clone, Debug)]
pub struct Message<'a> {
    bytes: &'a [u8],
    header: Header,
    attributes: Attributes<'a>,
}

/// Why a request was not granted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ErrorCode<'a> {
    /// 300 to 699.
    pub code: u16,
    /// For people; as much of it as is text.
    pub reason: &'a str,
}

impl<'a> Message<'a> {
    /// Reads a datagram.
    ///
    /// # Errors
    /// [`DropReason::BadStun`] if it is not a STUN message or an attribute is malformed, [`DropReason::TooLong`] above
    /// [`MAX_STUN_MESSAGE`] bytes, [`DropReason::TooManyAttributes`] above [`MAX_STUN_ATTRIBUTES`], and
    /// [`DropReason::BadFingerprint`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, DropReason> {
        let header = Header::parse(bytes).ok_or(DropReason::BadStun)?;
        if bytes.len() > MAX_STUN_MESSAGE {
            return Err(DropReason::TooLong);
        }
        let mut walk = Walk {
            bytes,
            transaction_id: header.transaction_id,
            phase: Phase::Open,
            attributes: Attributes::default(),
        };
        walk.run()?;
        Ok(Self {
            bytes,
            header,
            attributes: walk.attributes,
        })
    }

    /// Asking, telling, or answering.
    pub const fn class(&self) -> Class {
        self.header.class
    }

    /// What it is about.
    pub const fn method(&self) -> Method {
        self.header.method
    }

    /// Which request it is, or answers.
    pub const fn transaction_id(&self) -> TransactionId {
        self.header.transaction_id
    }

    /// Whether there is a MESSAGE-INTEGRITY or MESSAGE-INTEGRITY-SHA256. Says nothing of whether it holds.
    pub const fn has_integrity(&self) -> bool {
        self.attributes.integrity.is_some() || self.attributes.integrity_sha256.is_some()
    }

    /// Whether the message is from somebody with the key: there is an integrity, and each that there is holds.
    pub fn check_integrity(&self, key: &IntegrityKey) -> bool {
        let before = |at: usize| self.bytes.get(..at).unwrap_or_default();
        let sha1 = self.attributes.integrity.as_ref();
        let sha1 = sha1.is_none_or(|(at, tag)| key.verify_sha1(before(*at), tag));
        let sha256 = self.attributes.integrity_sha256.as_ref();
        let sha256 = sha256.is_none_or(|(at, tag)| key.verify_sha256(before(*at), tag));
        self.has_integrity() && sha1 && sha256
    }

    /// Whether there is a FINGERPRINT, which holds then.
    pub const fn has_fingerprint(&self) -> bool {
        self.attributes.has_fingerprint
    }

    /// How the sender of the request is seen: XOR-MAPPED-ADDRESS, or MAPPED-ADDRESS of old servers.
    pub fn mapped_address(&self) -> Option<SocketAddr> {
        self.attributes
            .xor_mapped_address
            .or(self.attributes.mapped_address)
    }

    /// USERNAME.
    pub const fn username(&self) -> Option<&'a str> {
        self.attributes.username
    }

    /// PRIORITY.
    pub const fn priority(&self) -> Option<u32> {
        self.attributes.priority
    }

    /// The tie breaker of ICE-CONTROLLING.
    pub const fn ice_controlling(&self) -> Option<u64> {
        self.attributes.ice_controlling
    }

    /// The tie breaker of ICE-CONTROLLED.
    pub const fn ice_controlled(&self) -> Option<u64> {
        self.attributes.ice_controlled
    }

    /// Whether there is a USE-CANDIDATE.
    pub const fn use_candidate(&self) -> bool {
        self.attributes.use_candidate
    }

    /// ERROR-CODE.
    pub const fn error_code(&self) -> Option<ErrorCode<'a>> {
        self.attributes.error_code
    }

    /// REALM, which need not be text.
    pub const fn realm(&self) -> Option<&'a [u8]> {
        self.attributes.realm
    }

    /// NONCE, which need not be text.
    pub const fn nonce(&self) -> Option<&'a [u8]> {
        self.attributes.nonce
    }

    /// LIFETIME in seconds.
    pub const fn lifetime(&self) -> Option<u32> {
        self.attributes.lifetime
    }

    /// XOR-RELAYED-ADDRESS.
    pub const fn relayed_address(&self) -> Option<SocketAddr> {
        self.attributes.relayed_address
    }

    /// XOR-PEER-ADDRESS, the first.
    pub const fn peer_address(&self) -> Option<SocketAddr> {
        self.attributes.peer_address
    }

    /// DATA.
    pub fn data(&self) -> Option<&'a [u8]> {
        self.bytes.get(self.data_range()?)
    }

    /// Where in the datagram DATA is.
    pub fn data_range(&self) -> Option<Range<usize>> {
        self.attributes.data.clone()
    }

    /// CHANNEL-NUMBER, any.
    pub const fn channel_number(&self) -> Option<u16> {
        self.attributes.channel_number
    }

    /// ALTERNATE-SERVER.
    pub const fn alternate_server(&self) -> Option<SocketAddr> {
        self.attributes.alternate_server
    }

    /// REQUESTED-TRANSPORT: whether it is UDP.
    pub fn is_udp_requested(&self) -> Option<bool> {
        let transport = self.attributes.requested_transport;
        transport.map(|transport| transport == UDP)
    }

    /// REQUESTED-ADDRESS-FAMILY, of the two that there are.
    pub const fn requested_address_family(&self) -> Option<AddressFamily> {
        self.attributes.requested_address_family
    }

    /// The kinds of attributes that nobody here knows and that must be known to understand the message, the first
    /// [`MAX_STUN_UNKNOWN`] of them. A request with any is to be answered 420, an answer with any is a failure.
    pub fn unknown_required(&self) -> &[u16] {
        let Unknown { kinds, count } = &self.attributes.unknown;
        kinds.get(..*count).unwrap_or_default()
    }
}

/// What the attributes say, each by its name on the wire.
#[derive(Clone, Debug, Default)]
struct Attributes<'a> {
    mapped_address: Option<SocketAddr>,
    xor_mapped_address: Option<SocketAddr>,
    username: Option<&'a str>,
    priority: Option<u32>,
    ice_controlling: Option<u64>,
    ice_controlled: Option<u64>,
    use_candidate: bool,
    error_code: Option<ErrorCode<'a>>,
    realm: Option<&'a [u8]>,
    nonce: Option<&'a [u8]>,
    lifetime: Option<u32>,
    relayed_address: Option<SocketAddr>,
    peer_address: Option<SocketAddr>,
    data: Option<Range<usize>>,
    channel_number: Option<u16>,
    alternate_server: Option<SocketAddr>,
    requested_transport: Option<u8>,
    requested_address_family: Option<AddressFamily>,
    /// With where the attribute begins.
    integrity: Option<(usize, [u8; 20])>,
    integrity_sha256: Option<(usize, &'a [u8])>,
    has_fingerprint: bool,
    unknown: Unknown,
}

#[derive(Clone, Debug, Default)]
struct Unknown {
    kinds: [u16; MAX_STUN_UNKNOWN],
    count: usize,
}

/// How far the walk has come, which decides what may still follow.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    /// Anything.
    Open,
    /// After MESSAGE-INTEGRITY: the stronger one, and a fingerprint.
    Sealed,
    /// After MESSAGE-INTEGRITY-SHA256: a fingerprint.
    SealedTwice,
    /// Nothing.
    Over,
}

struct Walk<'a> {
    bytes: &'a [u8],
    transaction_id: TransactionId,
    phase: Phase,
    attributes: Attributes<'a>,
}

impl<'a> Walk<'a> {
    fn run(&mut self) -> Result<(), DropReason> {
        let mut reader = Reader::new(self.bytes.get(HEADER_LEN..).unwrap_or_default());
        for _ in 0..MAX_STUN_ATTRIBUTES {
            if reader.is_empty() {
                return Ok(());
            }
            let at = self.bytes.len() - reader.len();
            let (kind, value) = take_attribute(&mut reader).ok_or(DropReason::BadStun)?;
            self.attribute(at, kind, value)?;
        }
        if reader.is_empty() {
            Ok(())
        } else {
            Err(DropReason::TooManyAttributes)
        }
    }

    /// Takes the attribute that begins at `at`, if it may stand there.
    fn attribute(&mut self, at: usize, kind: u16, value: &'a [u8]) -> Result<(), DropReason> {
        let bad = DropReason::BadStun;
        match (self.phase, kind) {
            (Phase::Over, _) => return Err(bad),
            (_, attribute::FINGERPRINT) => {
                let said = value.try_into().map(u32::from_be_bytes);
                let covered = self.bytes.get(..at).unwrap_or_default();
                if said.map_err(|_| bad)? != integrity::fingerprint(covered) {
                    return Err(DropReason::BadFingerprint);
                }
                self.attributes.has_fingerprint = true;
                self.phase = Phase::Over;
            }
            (Phase::Open | Phase::Sealed, attribute::MESSAGE_INTEGRITY_SHA256) => {
                // RFC 8489, section 14.6: 16 to 32 bytes.
                let is_length = (16..=32).contains(&value.len()) && value.len().is_multiple_of(4);
                let value = is_length.then_some(value).ok_or(bad)?;
                self.attributes.integrity_sha256 = Some((at, value));
                self.phase = Phase::SealedTwice;
            }
            (Phase::Open, attribute::MESSAGE_INTEGRITY) => {
                let tag = value.try_into().map_err(|_| bad)?;
                self.attributes.integrity = Some((at, tag));
                self.phase = Phase::Sealed;
            }
            (Phase::Open, _) => self.open_attribute(at, kind, value).ok_or(bad)?,
            (Phase::Sealed | Phase::SealedTwice, _) => {}
        }
        Ok(())
    }

    /// Takes one of those that integrity covers. `None` if it is malformed.
    fn open_attribute(&mut self, at: usize, kind: u16, value: &'a [u8]) -> Option<()> {
        let (all, id) = (&mut self.attributes, &self.transaction_id);
        let address = || attribute::read_address(value);
        let xor_address = || attribute::read_xor_address(value, id);
        let u32 = || value.try_into().ok().map(u32::from_be_bytes);
        let u64 = || value.try_into().ok().map(u64::from_be_bytes);
        let start = at + 4;
        match kind {
            attribute::MAPPED_ADDRESS => first(&mut all.mapped_address, address),
            attribute::XOR_MAPPED_ADDRESS => first(&mut all.xor_mapped_address, xor_address),
            attribute::XOR_RELAYED_ADDRESS => first(&mut all.relayed_address, xor_address),
            attribute::XOR_PEER_ADDRESS => first(&mut all.peer_address, xor_address),
            attribute::ALTERNATE_SERVER => first(&mut all.alternate_server, address),
            attribute::USERNAME => first(&mut all.username, || username(value)),
            attribute::PRIORITY => first(&mut all.priority, u32),
            attribute::ICE_CONTROLLING => first(&mut all.ice_controlling, u64),
            attribute::ICE_CONTROLLED => first(&mut all.ice_controlled, u64),
            attribute::USE_CANDIDATE => {
                all.use_candidate = true;
                value.is_empty().then_some(())
            }
            attribute::ERROR_CODE => first(&mut all.error_code, || error_code(value)),
            attribute::REALM => first(&mut all.realm, || Some(value)),
            attribute::NONCE => first(&mut all.nonce, || Some(value)),
            attribute::LIFETIME => first(&mut all.lifetime, u32),
            attribute::DATA => first(&mut all.data, || Some(start..start + value.len())),
            attribute::CHANNEL_NUMBER => first(&mut all.channel_number, || {
                let [high, low, _, _] = value.try_into().ok()?;
                Some(u16::from_be_bytes([high, low]))
            }),
            attribute::REQUESTED_TRANSPORT => first(&mut all.requested_transport, || {
                let [transport, ..]: [u8; 4] = value.try_into().ok()?;
                Some(transport)
            }),
            attribute::REQUESTED_ADDRESS_FAMILY => first(&mut all.requested_address_family, || {
                let [family, ..]: [u8; 4] = value.try_into().ok()?;
                AddressFamily::from_number(family)
            }),
            attribute::UNKNOWN_ATTRIBUTES | attribute::COMPREHENSION_OPTIONAL.. => Some(()),
            _ => {
                all.unknown.note(kind);
                Some(())
            }
        }
    }
}

impl Unknown {
    fn note(&mut self, kind: u16) {
        if let Some(slot) = self.kinds.get_mut(self.count) {
            *slot = kind;
            self.count += 1;
        }
    }
}

/// Kind and value of the next attribute; its padding, which may be anything, is skipped.
fn take_attribute<'a>(reader: &mut Reader<'a>) -> Option<(u16, &'a [u8])> {
    let kind = u16::from_be_bytes(reader.array()?);
    let len = usize::from(u16::from_be_bytes(reader.array()?));
    let value = reader.take(len)?;
    reader.take(len.next_multiple_of(4) - len)?;
    Some((kind, value))
}

/// Reads a value into its place, unless one came before it. `None` if it is malformed.
fn first<T>(place: &mut Option<T>, read: impl FnOnce() -> Option<T>) -> Option<()> {
    if place.is_none() {
        *place = Some(read()?);
    }
    Some(())
}

fn username(value: &[u8]) -> Option<&str> {
    let text = str::from_utf8(value).ok()?;
    (text.len() <= MAX_STUN_USERNAME).then_some(text)
}

fn error_code(value: &[u8]) -> Option<ErrorCode<'_>> {
    let ([_, _, class, number], reason) = value.split_first_chunk()?;
    let (class, number) = (u16::from(class & 7), u16::from(*number));
    let is_valid = (3..=6).contains(&class) && number < 100;
    let reason = reason.utf8_chunks().next();
    is_valid.then(|| ErrorCode {
        code: class * 100 + number,
        reason: reason.map_or("", |chunk| chunk.valid()),
    })
}
