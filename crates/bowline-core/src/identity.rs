//! Who somebody is: the identity of a peer, its text form and its two forms on the wire.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::{self, Write as _};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use core::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::limits::{
    MAX_IDENTITY_BYTES, MAX_IDENTITY_PREFIX, MAX_IDENTITY_STRING, MAX_IDENTITY_UNKNOWN,
    MAX_IDENTITY_XBOX,
};
use crate::wire::pb;

mod kind;

pub use kind::IdentityKind;

/// The identity of a host, as GNS knows it.
///
/// Made by the constructors, by parsing the text form or from the wire, all of which check what the
/// variants promise. Two identities are equal exactly if their text forms are.
///
/// Without a certificate an identity is only a claim.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(into = "String", try_from = "String")]
pub enum Identity {
    /// A Steam account, `steamid:<number>`.
    #[non_exhaustive]
    SteamId(u64),
    /// An Xbox pairwise ID, `xboxpwid:<text>`.
    #[non_exhaustive]
    XboxPairwiseId(String),
    /// A PlayStation account, `psn:<number>`.
    #[non_exhaustive]
    PlayStation(u64),
    /// An address, `ip:<address>` or `ip:<address>:<port>`. Port 0 stands for none, and an IPv4
    /// address is never held in its IPv6 form. See also [`Identity::is_anonymous`].
    #[non_exhaustive]
    Ip(SocketAddr),
    /// A text of the application's choice, `str:<text>`.
    #[non_exhaustive]
    Str(String),
    /// Bytes of the application's choice, `gen:<hexadecimal>`.
    #[non_exhaustive]
    Generic(Vec<u8>),
    /// A kind that this version does not know, kept verbatim with its prefix.
    #[non_exhaustive]
    Unknown(String),
}

/// Why something is not an [`Identity`].
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// No `prefix:` of 1 to 16 lower-case letters, digits and underscores.
    #[error("an identity starts with a prefix such as str: or ip:")]
    Prefix,
    /// Empty where it must not be, or too long for its kind.
    #[error("the identity has the wrong length for its kind")]
    Length,
    /// Not a decimal number of 64 bits.
    #[error("the identity's number is malformed")]
    Number,
    /// A number that names no Steam account.
    #[error("not a valid Steam ID")]
    SteamId,
    /// Neither an IPv4 nor an IPv6 address with or without a port.
    #[error("the identity's address is malformed")]
    Address,
    /// Not an even number of hexadecimal digits.
    #[error("the identity's hexadecimal digits are malformed")]
    Hex,
    /// A zero byte, at which GNS would cut the text.
    #[error("the identity contains a zero byte")]
    ZeroByte,
    /// A binary form of a kind that this version does not know.
    #[error("the identity's binary form is of no known kind")]
    Binary,
}

impl Identity {
    /// The identity of somebody who does not tell: `ip:::1`.
    pub const fn anonymous() -> Self {
        Self::Ip(SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), 0))
    }

    /// A Steam account.
    ///
    /// # Errors
    /// If the number cannot name one.
    pub fn steam_id(id: u64) -> Result<Self, IdentityError> {
        if SteamAccount::of(id).is_valid() {
            Ok(Self::SteamId(id))
        } else {
            Err(IdentityError::SteamId)
        }
    }

    /// An Xbox pairwise ID of 1 to 32 bytes.
    ///
    /// # Errors
    /// If it has another length or contains a zero byte.
    pub fn xbox_pairwise_id(text: &str) -> Result<Self, IdentityError> {
        if text.is_empty() {
            return Err(IdentityError::Length);
        }
        bounded_text(text, MAX_IDENTITY_XBOX).map(Self::XboxPairwiseId)
    }

    /// A PlayStation account.
    pub const fn playstation(id: u64) -> Self {
        Self::PlayStation(id)
    }

    /// An address; port 0 stands for none.
    pub const fn ip(address: SocketAddr) -> Self {
        Self::Ip(SocketAddr::new(address.ip().to_canonical(), address.port()))
    }

    /// A text of up to 31 bytes.
    ///
    /// # Errors
    /// If it is longer or contains a zero byte.
    pub fn str(text: &str) -> Result<Self, IdentityError> {
        bounded_text(text, MAX_IDENTITY_STRING).map(Self::Str)
    }

    /// 1 to 32 bytes.
    ///
    /// # Errors
    /// If there are none or more.
    pub fn generic(bytes: &[u8]) -> Result<Self, IdentityError> {
        match bytes.len() {
            1..=MAX_IDENTITY_BYTES => Ok(Self::Generic(bytes.to_vec())),
            _ => Err(IdentityError::Length),
        }
    }

    /// The identity in a message of the wire: the string wins over the binary form, that over the
    /// Steam ID; `None` if there is none of them (wire.md 3.2).
    ///
    /// # Errors
    /// If the form that wins is malformed.
    pub fn from_wire(
        string: Option<&str>,
        legacy: Option<&pb::IdentityLegacyBinary>,
        steam_id: Option<u64>,
    ) -> Result<Option<Self>, IdentityError> {
        if let Some(string) = string {
            return string.parse().map(Some);
        }
        if let Some(legacy) = legacy {
            return Self::from_legacy(legacy).map(Some);
        }
        steam_id.map(Self::from_legacy_steam_id).transpose()
    }

    /// The binary form, where the kind has one, and the string form. GNS sends both.
    pub fn to_wire(&self) -> (Option<pb::IdentityLegacyBinary>, String) {
        let mut legacy = pb::IdentityLegacyBinary::default();
        match self {
            Self::SteamId(_) => legacy.steam_id = self.legacy_steam_id(),
            Self::Ip(address) => legacy.ipv6_and_port = Some(legacy_address(*address)),
            Self::Str(text) => legacy.generic_string = Some(text.clone()),
            Self::Generic(bytes) => legacy.generic_bytes = Some(bytes.clone()),
            Self::XboxPairwiseId(_) | Self::PlayStation(_) | Self::Unknown(_) => {}
        }
        let present = legacy != pb::IdentityLegacyBinary::default();
        (present.then_some(legacy), self.to_string())
    }

    /// The number for the Steam ID fields that the oldest peers read; `None` for other kinds, and for
    /// accounts that are neither a person's nor a server's.
    pub fn legacy_steam_id(&self) -> Option<u64> {
        match self {
            Self::SteamId(id) => Some(*id).filter(|id| SteamAccount::of(*id).is_host()),
            Self::XboxPairwiseId(_)
            | Self::PlayStation(_)
            | Self::Ip(_)
            | Self::Str(_)
            | Self::Generic(_)
            | Self::Unknown(_) => None,
        }
    }

    /// Whether this is `::1` or `127.0.0.1`, with any port: somebody who does not tell.
    pub fn is_anonymous(&self) -> bool {
        let Self::Ip(address) = self else {
            return false;
        };
        match address.ip() {
            IpAddr::V4(ip) => ip == Ipv4Addr::LOCALHOST,
            IpAddr::V6(ip) => ip == Ipv6Addr::LOCALHOST,
        }
    }

    /// Whether this is a `FakeIP`: an address of 169.254.0.0/16 that stands for somebody behind a service.
    pub fn is_fake_ip(&self) -> bool {
        let Self::Ip(address) = self else {
            return false;
        };
        match address.ip() {
            IpAddr::V4(ip) => ip.is_link_local(),
            IpAddr::V6(_) => false,
        }
    }

    /// Whether this is the Steam account of a game server that logged in without a name.
    pub(crate) fn is_anonymous_game_server(&self) -> bool {
        self.legacy_steam_id()
            .is_some_and(|id| SteamAccount::of(id).kind == SteamAccount::ANONYMOUS_GAME_SERVER)
    }

    fn from_legacy(legacy: &pb::IdentityLegacyBinary) -> Result<Self, IdentityError> {
        if let Some(id) = legacy.steam_id {
            return Self::from_legacy_steam_id(id);
        }
        if let Some(text) = &legacy.generic_string {
            return Self::str(text);
        }
        if let Some(bytes) = &legacy.generic_bytes {
            return Self::generic(bytes);
        }
        let Some(bytes) = &legacy.ipv6_and_port else {
            return Err(IdentityError::Binary);
        };
        let (ip, port) = bytes
            .split_first_chunk::<16>()
            .ok_or(IdentityError::Address)?;
        let port = port.try_into().map_err(|_| IdentityError::Address)?;
        Ok(Self::ip(SocketAddr::new(
            IpAddr::from(*ip),
            u16::from_be_bytes(port),
        )))
    }

    fn from_legacy_steam_id(id: u64) -> Result<Self, IdentityError> {
        if SteamAccount::of(id).is_host() {
            Ok(Self::SteamId(id))
        } else {
            Err(IdentityError::SteamId)
        }
    }
}

impl FromStr for Identity {
    type Err = IdentityError;

    /// Reads the text form of wire.md 3.6.
    ///
    /// DIFFERS: GNS's parser, made of scanf, also takes blanks and signs before numbers and garbage
    /// after them. No peer sends such a form.
    fn from_str(text: &str) -> Result<Self, IdentityError> {
        let (prefix, rest) = text.split_once(':').ok_or(IdentityError::Prefix)?;
        match prefix {
            "steamid" => Self::steam_id(decimal(rest)?),
            "xboxpwid" => Self::xbox_pairwise_id(rest),
            "psn" => decimal(rest).map(Self::PlayStation),
            "ip" => address(rest).map(Self::ip),
            "str" => Self::str(rest),
            "gen" => Self::generic(&hex(rest)?),
            _ => unknown(prefix, text),
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SteamId(id) => write!(f, "steamid:{id}"),
            Self::XboxPairwiseId(text) => write!(f, "xboxpwid:{text}"),
            Self::PlayStation(id) => write!(f, "psn:{id}"),
            Self::Ip(address) if address.port() == 0 => write!(f, "ip:{}", address.ip()),
            // Not the address as a whole, which would print an IPv6 scope.
            Self::Ip(address) => match address.ip() {
                IpAddr::V4(ip) => write!(f, "ip:{ip}:{}", address.port()),
                IpAddr::V6(ip) => write!(f, "ip:[{ip}]:{}", address.port()),
            },
            Self::Str(text) => write!(f, "str:{text}"),
            Self::Generic(bytes) => {
                f.write_str("gen:")?;
                bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
            Self::Unknown(text) => f.write_str(text),
        }
    }
}

impl From<Identity> for String {
    fn from(identity: Identity) -> Self {
        let mut text = Self::new();
        write!(text, "{identity}").expect("writing to a string does not fail");
        text
    }
}

impl TryFrom<String> for Identity {
    type Error = IdentityError;

    fn try_from(text: String) -> Result<Self, IdentityError> {
        text.parse()
    }
}

/// The parts of a Steam ID that say whether it is one. GNS e707b3a: steamclientpublic.h, `CSteamID`.
struct SteamAccount {
    account: u32,
    instance: u64,
    kind: u64,
    universe: u64,
}

impl SteamAccount {
    const INDIVIDUAL: u64 = 1;
    const GAME_SERVER: u64 = 3;
    const ANONYMOUS_GAME_SERVER: u64 = 4;
    const CLAN: u64 = 7;
    const CONSOLE_USER: u64 = 9;
    const LAST_KIND: u64 = 10;
    const LAST_UNIVERSE: u64 = 4;

    /// From the low end: 32 bits of account, 20 of instance, 4 of kind, 8 of universe.
    const fn of(id: u64) -> Self {
        let account = id as u32;
        Self {
            account,
            instance: id >> 32 & 0xF_FFFF,
            kind: id >> 52 & 0xF,
            universe: id >> 56,
        }
    }

    /// What a `steamid:` text may hold.
    const fn is_valid(&self) -> bool {
        if self.universe == 0 || self.universe > Self::LAST_UNIVERSE {
            return false;
        }
        match self.kind {
            0 => false,
            Self::INDIVIDUAL => self.account != 0 && self.instance == 1,
            Self::GAME_SERVER => self.account != 0,
            Self::CLAN => self.account != 0 && self.instance == 0,
            kind => kind <= Self::LAST_KIND,
        }
    }

    /// What the Steam ID fields of the wire may hold. GNS e707b3a: steamnetworkingsockets_internal.h,
    /// `IsValidSteamIDForIdentity`.
    const fn is_host(&self) -> bool {
        let person = self.kind == Self::INDIVIDUAL || self.kind == Self::CONSOLE_USER;
        let server = self.kind == Self::GAME_SERVER || self.kind == Self::ANONYMOUS_GAME_SERVER;
        self.account != 0 && (person || server)
    }
}

/// 16 bytes of address, IPv4 mapped into IPv6, and the port big-endian.
fn legacy_address(address: SocketAddr) -> Vec<u8> {
    let ip = match address.ip() {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    };
    let mut bytes = ip.octets().to_vec();
    bytes.extend_from_slice(&address.port().to_be_bytes());
    bytes
}

fn bounded_text(text: &str, max: usize) -> Result<String, IdentityError> {
    if text.len() > max {
        return Err(IdentityError::Length);
    }
    if text.contains('\0') {
        return Err(IdentityError::ZeroByte);
    }
    Ok(text.into())
}

fn decimal(text: &str) -> Result<u64, IdentityError> {
    // The standard parser would take a plus sign.
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(IdentityError::Number);
    }
    text.parse().map_err(|_| IdentityError::Number)
}

fn address(text: &str) -> Result<SocketAddr, IdentityError> {
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Ok(SocketAddr::new(ip, 0));
    }
    let (ip, port) = text.rsplit_once(':').ok_or(IdentityError::Address)?;
    let ip = match ip.strip_prefix('[').and_then(|ip| ip.strip_suffix(']')) {
        Some(ip) => ip.parse().map(IpAddr::V6),
        None => ip.parse().map(IpAddr::V4),
    };
    let ip = ip.map_err(|_| IdentityError::Address)?;
    let port = decimal(port)
        .and_then(|port| u16::try_from(port).map_err(|_| IdentityError::Number))
        .map_err(|_| IdentityError::Address)?;
    Ok(SocketAddr::new(ip, port))
}

fn hex(text: &str) -> Result<Vec<u8>, IdentityError> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return Err(IdentityError::Hex);
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).ok_or(IdentityError::Hex);
    pairs
        .iter()
        .map(|[high, low]| {
            let value = digit(*high)? << 4 | digit(*low)?;
            u8::try_from(value).map_err(|_| IdentityError::Hex)
        })
        .collect()
}

fn unknown(prefix: &str, text: &str) -> Result<Identity, IdentityError> {
    let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
    if prefix.is_empty() || prefix.len() > MAX_IDENTITY_PREFIX || !prefix.bytes().all(allowed) {
        return Err(IdentityError::Prefix);
    }
    bounded_text(text, MAX_IDENTITY_UNKNOWN).map(Identity::Unknown)
}

#[cfg(test)]
mod tests;
