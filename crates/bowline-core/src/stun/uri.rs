//! The server lists of the configuration: URIs of RFC 7064 (`stun:`) and RFC 7065 (`turn:`).
//!
//! GNS writes `stun:` and `turn:` before its servers or leaves them out (p2p.md 8.1), so the scheme is optional, and
//! the list says what is meant. A scheme that is followed by nothing but digits is a host of that name with its
//! port: `stun:3478`. What is asked for and cannot be had, such as TLS, is said, not left away.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;
use core::net::Ipv4Addr;
use core::net::Ipv6Addr;
use core::net::SocketAddr;
use core::str::FromStr;

use crate::limits::MAX_SERVER_LIST;
use crate::limits::MAX_SERVERS;

/// The port of both services (RFC 8489, section 18.6).
pub const DEFAULT_PORT: u16 = 3478;

/// What a server is asked for.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Service {
    /// How a socket is seen from outside.
    Stun,
    /// A relayed address.
    Turn,
}

/// A server that can be asked over UDP.
///
/// Prints as a URI that is read as the same server.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ServerUri {
    service: Service,
    host: ServerHost,
    port: u16,
}

/// Where a server is.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum ServerHost {
    /// At an address.
    Ip(IpAddr),
    /// At a name that must be resolved, in lower case.
    Name(String),
}

/// What is wrong with a list of servers.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ServerListError {
    /// More than [`MAX_SERVER_LIST`] bytes.
    #[error("the list of servers has {0} bytes: at most {MAX_SERVER_LIST} are taken")]
    TooLong(usize),
    /// More than [`MAX_SERVERS`] servers.
    #[error("the list has more than {MAX_SERVERS} servers")]
    TooMany,
    /// One of them cannot be used.
    #[error("server {number} of the list, {item:?}: {error}")]
    Item {
        /// Which, from 1.
        number: usize,
        /// The text of it, cut off if it is long.
        item: String,
        /// What is wrong with it.
        error: ServerUriError,
    },
}

/// What is wrong with a URI.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ServerUriError {
    /// A TURN server where STUN servers are listed, or the other way round.
    #[error("is of the other kind: STUN servers and TURN servers have lists of their own")]
    OtherService,
    /// `stuns:` or `turns:`.
    #[error("asks for TLS, which is not supported: servers are asked over UDP")]
    TlsNotSupported,
    /// `?transport=tcp`.
    #[error("asks for TCP, which is not supported: servers are asked over UDP")]
    TcpNotSupported,
    /// `stun://`.
    #[error("has // after the scheme, which these URIs do not have: stun:host:port")]
    Slashes,
    /// Something behind a `?` other than `transport=udp` of a TURN server.
    #[error("has an unknown part after the ?: only turn:host:port?transport=udp is")]
    Query,
    /// There is no host.
    #[error("has no host")]
    NoHost,
    /// Neither an address nor a name.
    #[error("has a host that is neither a name nor an address; an IPv6 address needs [brackets]")]
    Host,
    /// Not from 1 to 65535.
    #[error("has a port that is not a number of 1 to 65535")]
    Port,
}

/// Reads a list with commas between the servers. Blanks around them do not matter, nor do empty places.
///
/// # Errors
/// The first that is wrong, and which.
pub fn parse_list(service: Service, list: &str) -> Result<Vec<ServerUri>, ServerListError> {
    if list.len() > MAX_SERVER_LIST {
        return Err(ServerListError::TooLong(list.len()));
    }
    let mut servers = Vec::new();
    let items = list.split(',').map(str::trim).enumerate();
    for (index, item) in items.filter(|(_, item)| !item.is_empty()) {
        if servers.len() >= MAX_SERVERS {
            return Err(ServerListError::TooMany);
        }
        let server = ServerUri::parse(service, item).map_err(|error| ServerListError::Item {
            number: index + 1,
            item: item.chars().take(SHOWN_CHARS).collect(),
            error,
        })?;
        servers.push(server);
    }
    Ok(servers)
}

impl ServerUri {
    /// The server at an address.
    pub fn new(service: Service, address: SocketAddr) -> Self {
        Self {
            service,
            host: ServerHost::Ip(address.ip()),
            port: address.port(),
        }
    }

    /// Reads a URI, which may lack its scheme.
    ///
    /// # Errors
    /// If it is none, or what it asks for cannot be had.
    pub fn parse(service: Service, text: &str) -> Result<Self, ServerUriError> {
        let (scheme, rest) = split_scheme(text);
        match (scheme, service) {
            (Some(Scheme::Stuns | Scheme::Turns), _) => {
                return Err(ServerUriError::TlsNotSupported);
            }
            (Some(Scheme::Stun), Service::Turn) | (Some(Scheme::Turn), Service::Stun) => {
                return Err(ServerUriError::OtherService);
            }
            (Some(Scheme::Stun), Service::Stun)
            | (Some(Scheme::Turn), Service::Turn)
            | (None, _) => {}
        }
        if rest.starts_with("//") {
            return Err(ServerUriError::Slashes);
        }
        let (place, query) = match rest.split_once('?') {
            Some((place, query)) => (place, Some(query)),
            None => (rest, None),
        };
        check_query(service, query)?;
        let (host, port) = split_port(place)?;
        Ok(Self {
            service,
            host: host.parse()?,
            port: port.map_or(Ok(DEFAULT_PORT), parse_port)?,
        })
    }

    /// What the server is asked for.
    pub const fn service(&self) -> Service {
        self.service
    }

    /// Where it is.
    pub const fn host(&self) -> &ServerHost {
        &self.host
    }

    /// Its UDP port, not 0.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Its address, if that is how it is named.
    pub const fn address(&self) -> Option<SocketAddr> {
        match self.host {
            ServerHost::Ip(ip) => Some(SocketAddr::new(ip, self.port)),
            ServerHost::Name(_) => None,
        }
    }
}

impl fmt::Display for ServerUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.service {
            Service::Stun => "stun",
            Service::Turn => "turn",
        };
        write!(f, "{scheme}:{}:{}", self.host, self.port)
    }
}

impl fmt::Display for ServerHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(IpAddr::V4(ip)) => write!(f, "{ip}"),
            Self::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

impl FromStr for ServerHost {
    type Err = ServerUriError;

    fn from_str(text: &str) -> Result<Self, ServerUriError> {
        if text.is_empty() {
            return Err(ServerUriError::NoHost);
        }
        if let Some(inner) = text.strip_prefix('[') {
            let ip = inner.strip_suffix(']').and_then(|ip| ip.parse().ok());
            return ip
                .map(|ip: Ipv6Addr| Self::Ip(ip.into()))
                .ok_or(ServerUriError::Host);
        }
        if let Ok(ip) = text.parse::<Ipv4Addr>() {
            return Ok(Self::Ip(ip.into()));
        }
        if is_name(text) {
            Ok(Self::Name(text.to_ascii_lowercase()))
        } else {
            Err(ServerUriError::Host)
        }
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Scheme {
    Stun,
    Stuns,
    Turn,
    Turns,
}

/// Takes the scheme from the front, if there is one.
fn split_scheme(text: &str) -> (Option<Scheme>, &str) {
    let Some((word, rest)) = text.split_once(':') else {
        return (None, text);
    };
    let scheme = match word.to_ascii_lowercase().as_str() {
        "stun" => Scheme::Stun,
        "stuns" => Scheme::Stuns,
        "turn" => Scheme::Turn,
        "turns" => Scheme::Turns,
        _ => return (None, text),
    };
    // A host with that name, and its port.
    let port = rest.split_once('?').map_or(rest, |(port, _)| port);
    if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) {
        return (None, text);
    }
    (Some(scheme), rest)
}

fn check_query(service: Service, query: Option<&str>) -> Result<(), ServerUriError> {
    let Some(query) = query else {
        return Ok(());
    };
    let transport = match (service, query.split_once('=')) {
        (Service::Turn, Some((name, value))) if name.eq_ignore_ascii_case("transport") => value,
        (Service::Stun | Service::Turn, _) => return Err(ServerUriError::Query),
    };
    match transport.to_ascii_lowercase().as_str() {
        "udp" => Ok(()),
        "tcp" => Err(ServerUriError::TcpNotSupported),
        _ => Err(ServerUriError::Query),
    }
}

/// Host and port, neither looked at yet.
fn split_port(place: &str) -> Result<(&str, Option<&str>), ServerUriError> {
    if place.starts_with('[') {
        let (host, rest) = place.split_once(']').ok_or(ServerUriError::Host)?;
        let host = place.get(..host.len() + 1).ok_or(ServerUriError::Host)?;
        return match rest.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if rest.is_empty() => Ok((host, None)),
            None => Err(ServerUriError::Host),
        };
    }
    match place.split_once(':') {
        // A bare IPv6 address, of which nobody can tell whether its end is a port.
        Some((_, rest)) if rest.contains(':') => Err(ServerUriError::Host),
        Some((host, port)) => Ok((host, Some(port))),
        None => Ok((place, None)),
    }
}

fn parse_port(text: &str) -> Result<u16, ServerUriError> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let port = text.parse().ok().filter(|port| is_number && *port != 0);
    port.ok_or(ServerUriError::Port)
}

/// Letters, digits, `-` and `_` in labels with dots between; the last one is no number, since such a thing is a
/// mistyped address. One dot at the end is allowed.
fn is_name(text: &str) -> bool {
    const MAX_NAME: usize = 253;
    const MAX_LABEL: usize = 63;
    let name = text.strip_suffix('.').unwrap_or(text);
    let is_label = |label: &str| {
        let is_char = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        (1..=MAX_LABEL).contains(&label.len()) && label.bytes().all(is_char)
    };
    let last = name.rsplit('.').next().unwrap_or_default();
    name.len() <= MAX_NAME
        && name.split('.').all(is_label)
        && !last.bytes().all(|byte| byte.is_ascii_digit())
}

/// As much of an item as an error shows.
const SHOWN_CHARS: usize = 80;

#[cfg(test)]
mod tests;
