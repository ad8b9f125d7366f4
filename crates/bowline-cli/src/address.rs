//! Addresses on the command line.

use std::fmt;
use std::net::SocketAddr;
use std::net::ToSocketAddrs;
use std::str::FromStr;

use crate::error::Error;

/// Where to connect to: a host by name or address, and a port.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Target(String);

/// A text that is no address, with the form that was expected.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum AddressError {
    #[error(
        "expected HOST:PORT with a port from 1 to 65535, such as 127.0.0.1:27015, [::1]:27015 or example.org:27015"
    )]
    Target,
    #[error(
        "expected IP:PORT, such as 0.0.0.0:27015 for IPv4, or [::]:27015 for IPv6 and IPv4; port 0 takes any free one"
    )]
    Bind,
}

/// Reads an address to listen on.
pub(crate) fn parse_bind(text: &str) -> Result<SocketAddr, AddressError> {
    text.parse().map_err(|_| AddressError::Bind)
}

impl Target {
    /// Looks the host up, which may take a while. Of several addresses the first of IPv4 is taken, as
    /// most game servers listen on that.
    pub(crate) fn resolve(&self) -> Result<SocketAddr, Error> {
        let found = self.0.to_socket_addrs().map_err(|source| Error::Resolve {
            host: self.0.clone(),
            source,
        })?;
        let mut found = found.collect::<Vec<_>>();
        found.sort_by_key(SocketAddr::is_ipv6);
        found.first().copied().ok_or_else(|| Error::NoAddress {
            host: self.0.clone(),
        })
    }
}

impl FromStr for Target {
    type Err = AddressError;
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (host, port) = text.rsplit_once(':').ok_or(AddressError::Target)?;
        let port_is_good = port.parse::<u16>().is_ok_and(|port| port != 0);
        let host_is_good = match host.strip_prefix('[') {
            Some(_) => text.parse::<SocketAddr>().is_ok(),
            None => !host.is_empty() && !host.contains(':'),
        };
        if !port_is_good || !host_is_good {
            return Err(AddressError::Target);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_resolve_to_themselves() {
        for text in ["127.0.0.1:27015", "[::1]:27015"] {
            let target: Target = text.parse().unwrap();
            assert_eq!(target.resolve().unwrap().to_string(), text);
        }
    }

    #[test]
    fn an_ipv6_address_without_brackets_is_refused() {
        assert_eq!("::1:27015".parse::<Target>(), Err(AddressError::Target));
    }
}
