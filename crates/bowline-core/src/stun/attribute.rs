//! Numbers of attributes, and the forms of their values that both reading and writing need.

use alloc::vec::Vec;
use core::net::IpAddr;
use core::net::SocketAddr;

use crate::stun::MAGIC_COOKIE;
use crate::stun::TransactionId;
use crate::wire::cursor::Reader;

// RFC 8489, section 18.3; RFC 8656, section 18; RFC 8445, section 20.
pub(crate) const MAPPED_ADDRESS: u16 = 0x0001;
pub(crate) const USERNAME: u16 = 0x0006;
pub(crate) const MESSAGE_INTEGRITY: u16 = 0x0008;
pub(crate) const ERROR_CODE: u16 = 0x0009;
pub(crate) const UNKNOWN_ATTRIBUTES: u16 = 0x000A;
pub(crate) const CHANNEL_NUMBER: u16 = 0x000C;
pub(crate) const LIFETIME: u16 = 0x000D;
pub(crate) const XOR_PEER_ADDRESS: u16 = 0x0012;
pub(crate) const DATA: u16 = 0x0013;
pub(crate) const REALM: u16 = 0x0014;
pub(crate) const NONCE: u16 = 0x0015;
pub(crate) const XOR_RELAYED_ADDRESS: u16 = 0x0016;
pub(crate) const REQUESTED_ADDRESS_FAMILY: u16 = 0x0017;
pub(crate) const REQUESTED_TRANSPORT: u16 = 0x0019;
pub(crate) const MESSAGE_INTEGRITY_SHA256: u16 = 0x001C;
pub(crate) const XOR_MAPPED_ADDRESS: u16 = 0x0020;
pub(crate) const PRIORITY: u16 = 0x0024;
pub(crate) const USE_CANDIDATE: u16 = 0x0025;
pub(crate) const ALTERNATE_SERVER: u16 = 0x8023;
pub(crate) const FINGERPRINT: u16 = 0x8028;
pub(crate) const ICE_CONTROLLED: u16 = 0x8029;
pub(crate) const ICE_CONTROLLING: u16 = 0x802A;

/// Attributes from here on may be ignored by those who do not know them (RFC 8489, section 14).
pub(crate) const COMPREHENSION_OPTIONAL: u16 = 0x8000;

/// IPv4 or IPv6, where it is about the kind of an address alone.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum AddressFamily {
    /// 32 bits.
    Ipv4,
    /// 128 bits.
    Ipv6,
}

impl AddressFamily {
    /// The family of an address.
    pub const fn of(address: SocketAddr) -> Self {
        match address {
            SocketAddr::V4(_) => Self::Ipv4,
            SocketAddr::V6(_) => Self::Ipv6,
        }
    }

    /// The number on the wire.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Ipv4 => 1,
            Self::Ipv6 => 2,
        }
    }

    pub(crate) const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Ipv4),
            2 => Some(Self::Ipv6),
            _ => None,
        }
    }
}

/// Reads an address as it is.
pub(crate) fn read_address(value: &[u8]) -> Option<SocketAddr> {
    let mut reader = Reader::new(value);
    let [_, family] = reader.array()?;
    let port = u16::from_be_bytes(reader.array()?);
    let ip: IpAddr = match AddressFamily::from_number(family)? {
        AddressFamily::Ipv4 => reader.array::<4>()?.into(),
        AddressFamily::Ipv6 => reader.array::<16>()?.into(),
    };
    reader.is_empty().then(|| SocketAddr::new(ip, port))
}

/// Reads an address that was hidden from routers that rewrite whatever looks like an address.
pub(crate) fn read_xor_address(value: &[u8], id: &TransactionId) -> Option<SocketAddr> {
    read_address(value).map(|address| xor(address, id))
}

pub(crate) fn write_address(out: &mut Vec<u8>, address: SocketAddr) {
    out.extend_from_slice(&[0, AddressFamily::of(address).number()]);
    out.extend_from_slice(&address.port().to_be_bytes());
    match address.ip() {
        IpAddr::V4(ip) => out.extend_from_slice(&ip.octets()),
        IpAddr::V6(ip) => out.extend_from_slice(&ip.octets()),
    }
}

pub(crate) fn write_xor_address(out: &mut Vec<u8>, address: SocketAddr, id: &TransactionId) {
    write_address(out, xor(address, id));
}

/// Its own inverse: port and address against the cookie, and the transaction ID behind it (RFC 8489, section 14.2).
fn xor(address: SocketAddr, id: &TransactionId) -> SocketAddr {
    let port = address.port() ^ (MAGIC_COOKIE >> 16) as u16;
    let ip: IpAddr = match address.ip() {
        IpAddr::V4(ip) => core::net::Ipv4Addr::from_bits(ip.to_bits() ^ MAGIC_COOKIE).into(),
        IpAddr::V6(ip) => {
            let id = id.as_bytes().iter();
            let mask = id.fold(u128::from(MAGIC_COOKIE), |mask, byte| {
                mask << 8 | u128::from(*byte)
            });
            core::net::Ipv6Addr::from_bits(ip.to_bits() ^ mask).into()
        }
    };
    SocketAddr::new(ip, port)
}
