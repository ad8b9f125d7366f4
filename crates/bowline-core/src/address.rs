//! Addresses as GNS holds, reads and prints them.

use core::fmt;
use core::net::IpAddr;
use core::net::Ipv4Addr;
use core::net::Ipv6Addr;
use core::net::SocketAddr;
use core::str::FromStr;

/// An IP address and a port in the one form that GNS has for both families: 16 bytes, where an IPv4
/// address is mapped into IPv6.
///
/// Two are equal if address and port are. The standard's `SocketAddr` converts in both directions.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PeerAddr {
    ip: [u8; 16],
    port: u16,
}

/// Why a text is not a [`PeerAddr`].
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PeerAddrError {
    /// Neither an IPv4 nor an IPv6 address.
    #[error("not an IP address such as 192.0.2.7:27015 or [2001:db8::7]:27015")]
    Address,
    /// A part of an IPv4 address above 255.
    #[error("a part of the IPv4 address is above 255")]
    Octet,
    /// The port is above 65535 or no number.
    #[error("the port is not a number of 0 to 65535")]
    Port,
}

/// Whether an address stands for a peer rather than for a place in the network, with GNS's numbers.
///
/// GNS e707b3a: steamnetworkingtypes.h, `ESteamNetworkingFakeIPType`.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[repr(i32)]
pub enum FakeIpType {
    /// Not an IPv4 address at all.
    Invalid = 0,
    /// An ordinary address.
    NotFake = 1,
    /// A fake address that all hosts know.
    GlobalIpv4 = 2,
    /// A fake address that only this host knows.
    LocalIpv4 = 3,
}

impl PeerAddr {
    /// All zero: no address, or any.
    pub const UNSPECIFIED: Self = Self::new([0; 16], 0);

    /// An address from its 16 bytes in network order, and a port.
    pub const fn new(ip: [u8; 16], port: u16) -> Self {
        Self { ip, port }
    }

    /// An IPv4 address.
    pub const fn from_ipv4(ip: Ipv4Addr, port: u16) -> Self {
        Self::new(ip.to_ipv6_mapped().octets(), port)
    }

    /// `::1`.
    pub const fn localhost(port: u16) -> Self {
        Self::new(Ipv6Addr::LOCALHOST.octets(), port)
    }

    /// The 16 bytes of the address in network order.
    pub const fn ip_bytes(&self) -> [u8; 16] {
        self.ip
    }

    /// The port; 0 if there is none.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The address without the port, IPv4 as such. Prints as GNS prints it when asked for no port.
    pub const fn ip(&self) -> IpAddr {
        self.ipv6().to_canonical()
    }

    /// The IPv4 address, if it is one.
    pub const fn ipv4(&self) -> Option<Ipv4Addr> {
        self.ipv6().to_ipv4_mapped()
    }

    /// Whether the address is all zero, whatever the port.
    pub const fn is_unspecified(&self) -> bool {
        u128::from_be_bytes(self.ip) == 0
    }

    /// Whether this is `::1` or `127.0.0.1`, with any port. Other addresses of 127.0.0.0/8 are not.
    pub fn is_localhost(&self) -> bool {
        self.ip() == IpAddr::V6(Ipv6Addr::LOCALHOST) || self.ip() == IpAddr::V4(Ipv4Addr::LOCALHOST)
    }

    /// Which kind of fake address this is: none, never [`FakeIpType::Invalid`].
    pub const fn fake_ip_type(&self) -> FakeIpType {
        match self.ipv4() {
            Some(ip) => FakeIpType::of(ip),
            None => FakeIpType::NotFake,
        }
    }

    /// Whether this is a fake address.
    pub const fn is_fake_ip(&self) -> bool {
        self.fake_ip_type().is_fake()
    }

    const fn ipv6(&self) -> Ipv6Addr {
        Ipv6Addr::from_bits(u128::from_be_bytes(self.ip))
    }
}

impl FakeIpType {
    /// Which kind of fake address an IPv4 address is.
    ///
    /// Nothing hands out fake addresses yet, so none is one, as in the open GNS. Steam takes them from
    /// 169.254.0.0/16.
    pub const fn of(_ip: Ipv4Addr) -> Self {
        Self::NotFake
    }

    /// GNS's number.
    pub const fn number(self) -> i32 {
        self as i32
    }

    /// Whether it is one of the fake kinds.
    pub const fn is_fake(self) -> bool {
        matches!(self, Self::GlobalIpv4 | Self::LocalIpv4)
    }
}

impl FromStr for PeerAddr {
    type Err = PeerAddrError;

    /// Reads an address with or without a port, as leniently as GNS: blanks around it, brackets even
    /// without a port, and for IPv6 every way of RFC 5952, section 6, to write a port. A numeric IPv6
    /// scope is skipped. After an IPv4 address anything that is no port counts as none.
    ///
    /// DIFFERS: signs before the numbers of an IPv4 address are refused.
    fn from_str(text: &str) -> Result<Self, PeerAddrError> {
        let text = text.trim_start_matches(is_blank);
        match ipv4_numbers(text) {
            Some((numbers, rest)) => ipv4(numbers, rest),
            None => ipv6(text),
        }
    }
}

impl fmt::Display for PeerAddr {
    /// Prints address and port; [`PeerAddr::ip`] prints without.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        SocketAddr::from(*self).fmt(f)
    }
}

impl From<SocketAddr> for PeerAddr {
    fn from(addr: SocketAddr) -> Self {
        match addr.ip() {
            IpAddr::V4(ip) => Self::from_ipv4(ip, addr.port()),
            IpAddr::V6(ip) => Self::new(ip.octets(), addr.port()),
        }
    }
}

impl From<PeerAddr> for SocketAddr {
    fn from(addr: PeerAddr) -> Self {
        Self::new(addr.ip(), addr.port)
    }
}

/// Newlines do not count in GNS.
const fn is_blank(letter: char) -> bool {
    matches!(letter, ' ' | '\t')
}

/// Four decimal numbers with dots between them, and what follows; `None` if the text begins otherwise.
fn ipv4_numbers(text: &str) -> Option<([u64; 4], &str)> {
    let mut numbers = [0; 4];
    let mut rest = text;
    for (index, number) in numbers.iter_mut().enumerate() {
        if index > 0 {
            rest = rest.strip_prefix('.')?;
        }
        (*number, rest) = decimal(rest)?;
    }
    Some((numbers, rest))
}

fn ipv4(numbers: [u64; 4], rest: &str) -> Result<PeerAddr, PeerAddrError> {
    let mut octets = [0; 4];
    for (octet, number) in octets.iter_mut().zip(numbers) {
        *octet = u8::try_from(number).map_err(|_| PeerAddrError::Octet)?;
    }
    let port = rest.strip_prefix(':').and_then(decimal);
    let port = port.map_or(0, |(port, _)| port);
    let port = u16::try_from(port).map_err(|_| PeerAddrError::Port)?;
    Ok(PeerAddr::from_ipv4(octets.into(), port))
}

fn ipv6(text: &str) -> Result<PeerAddr, PeerAddrError> {
    let bracketed = text.strip_prefix('[');
    let text = bracketed.map_or(text, |text| text.trim_start_matches(is_blank));
    let of_ip = |letter: char| letter.is_ascii_hexdigit() || letter == ':' || letter == '.';
    let end = text.find(|letter| !of_ip(letter)).unwrap_or(text.len());
    let (span, mut rest) = text.split_at(end);
    if let Some(scope) = rest.strip_prefix('%') {
        (_, rest) = decimal(scope).ok_or(PeerAddrError::Address)?;
        if !rest.is_empty() && !rest.starts_with([']', ' ', '\t']) {
            return Err(PeerAddrError::Address);
        }
    }
    if bracketed.is_some() {
        let ip = span.parse().map_err(|_| PeerAddrError::Address)?;
        let rest = rest.trim_start_matches(is_blank).strip_prefix(']');
        return with_port(ip, rest.ok_or(PeerAddrError::Address)?);
    }
    if let Ok(ip) = span.parse() {
        return with_port(ip, rest);
    }
    // Without brackets a colon begins a port only where it cannot be part of the address.
    let at = span.rfind([':', '.']).ok_or(PeerAddrError::Address)?;
    let (ip, _) = span.split_at(at);
    if ip.contains("::") && !ip.contains('.') && !ip.ends_with("::") {
        return Err(PeerAddrError::Address);
    }
    let ip = ip.parse().map_err(|_| PeerAddrError::Address)?;
    let (_, rest) = text.split_at(at);
    with_port(ip, rest)
}

/// What follows the address: nothing, or a port in one of its forms.
fn with_port(ip: Ipv6Addr, rest: &str) -> Result<PeerAddr, PeerAddrError> {
    let port = match rest.strip_prefix([':', '#', '.', 'p', 'P']) {
        Some(port) => port,
        None => {
            let rest = rest.trim_start_matches(is_blank);
            if rest.is_empty() {
                return Ok(PeerAddr::new(ip.octets(), 0));
            }
            let port = rest.strip_prefix("port").ok_or(PeerAddrError::Address)?;
            port.trim_start_matches(is_blank)
        }
    };
    let (port, rest) = decimal(port).ok_or(PeerAddrError::Port)?;
    if !rest.trim_start_matches(is_blank).is_empty() {
        return Err(PeerAddrError::Port);
    }
    let port = u16::try_from(port).map_err(|_| PeerAddrError::Port)?;
    Ok(PeerAddr::new(ip.octets(), port))
}

/// The decimal number at the start, saturating, and what follows; `None` if there is none.
fn decimal(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|letter: char| !letter.is_ascii_digit());
    let (digits, rest) = text.split_at(end.unwrap_or(text.len()));
    if digits.is_empty() {
        return None;
    }
    Some((digits.parse().unwrap_or(u64::MAX), rest))
}

#[cfg(test)]
mod tests;
