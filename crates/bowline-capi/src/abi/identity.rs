//! Addresses and identities as callers hold them, and as the Rust library does.

use std::ffi::c_int;
use std::net::SocketAddr;

use bowline::Identity;
use bowline::IdentityKind;
use bowline::PeerAddr;

/// `SteamNetworkingIPAddr`: an address and a port. IPv4 is held in its IPv6 form.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[repr(C, packed)]
pub struct RawAddr {
    /// The address, as it is on the wire.
    pub ip: [u8; 16],
    /// The port, host byte order.
    pub port: u16,
}

const _: () = assert!(size_of::<RawAddr>() == 18);

impl RawAddr {
    /// Its bytes in memory.
    pub fn to_bytes(self) -> [u8; size_of::<Self>()] {
        let mut bytes = [0; size_of::<Self>()];
        bytes[..16].copy_from_slice(&self.ip);
        bytes[16..].copy_from_slice(&{ self.port }.to_ne_bytes());
        bytes
    }
}

impl From<RawAddr> for PeerAddr {
    fn from(raw: RawAddr) -> Self {
        Self::new(raw.ip, raw.port)
    }
}

impl From<PeerAddr> for RawAddr {
    fn from(addr: PeerAddr) -> Self {
        Self {
            ip: addr.ip_bytes(),
            port: addr.port(),
        }
    }
}

impl From<SocketAddr> for RawAddr {
    fn from(addr: SocketAddr) -> Self {
        let ip = match addr {
            SocketAddr::V4(addr) => addr.ip().to_ipv6_mapped(),
            SocketAddr::V6(addr) => *addr.ip(),
        };
        Self {
            ip: ip.octets(),
            port: addr.port(),
        }
    }
}

impl From<RawAddr> for SocketAddr {
    fn from(raw: RawAddr) -> Self {
        let addr = PeerAddr::from(raw);
        Self::new(addr.ip(), addr.port())
    }
}

/// `SteamNetworkingIdentity`: who somebody is. What it holds is checked only when it is made into an
/// [`Identity`].
#[derive(Clone, Copy, Eq, PartialEq)]
#[repr(C, packed)]
pub struct RawIdentity {
    /// `ESteamNetworkingIdentityType`.
    pub kind: c_int,
    /// How many of the bytes count.
    pub size: c_int,
    /// A number, a text with its zero byte, bytes, or an address, by kind.
    pub data: [u8; 128],
}

const _: () = assert!(size_of::<RawIdentity>() == 136);

impl RawIdentity {
    /// Nobody.
    pub const INVALID: Self = Self {
        kind: 0,
        size: 0,
        data: [0; 128],
    };

    /// An identity of that kind, with these bytes; as many as there is room for.
    pub fn of(kind: IdentityKind, bytes: &[u8], size: usize) -> Self {
        let mut identity = Self::INVALID;
        identity.kind = kind.number();
        identity.size = size as c_int;
        let len = bytes.len().min(identity.data.len());
        identity.data[..len].copy_from_slice(&bytes[..len]);
        identity
    }

    /// The text in it, up to the zero byte, within the first `max` bytes.
    pub fn text(&self, max: usize) -> &[u8] {
        let text = &self.data[..max];
        let end = text.iter().position(|byte| *byte == 0);
        &text[..end.unwrap_or(max)]
    }

    /// The number in it.
    pub fn number(&self) -> u64 {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&self.data[..8]);
        u64::from_ne_bytes(bytes)
    }

    /// The address in it.
    pub fn addr(&self) -> RawAddr {
        let mut ip = [0; 16];
        ip.copy_from_slice(&self.data[..16]);
        RawAddr {
            ip,
            port: u16::from_ne_bytes([self.data[16], self.data[17]]),
        }
    }

    /// Who that is; `None` if it is nobody, or no identity that can be.
    pub fn identity(&self) -> Option<Identity> {
        let text = |max| std::str::from_utf8(self.text(max)).ok();
        match self.kind {
            1 => Some(Identity::ip(SocketAddr::from(self.addr()))),
            2 => Identity::str(text(32)?).ok(),
            3 => {
                let size = usize::try_from(self.size).ok()?;
                Identity::generic(self.data.get(..size)?).ok()
            }
            4 => text(128)?.parse().ok(),
            16 => Identity::steam_id(self.number()).ok(),
            17 => Identity::xbox_pairwise_id(text(33)?).ok(),
            18 => Some(Identity::playstation(self.number())),
            _ => None,
        }
    }

    /// Who that is, as an argument of that function: `Ok(None)` for nobody. What is no identity that can be,
    /// a text that is not UTF-8 among others, is refused, with a line in the log.
    pub(crate) fn argument(&self, function: &str) -> Result<Option<Identity>, Malformed> {
        if self.kind == IdentityKind::Invalid.number() {
            return Ok(None);
        }
        self.identity().map(Some).ok_or_else(|| {
            tracing::error!(target: "bowline::capi", "{function}: {Malformed}");
            Malformed
        })
    }
}

/// What a caller gave is no identity.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the identity is malformed")]
pub(crate) struct Malformed;

impl std::fmt::Debug for RawIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("RawIdentity")
            .field(&self.identity())
            .finish()
    }
}

impl From<Option<&Identity>> for RawIdentity {
    fn from(identity: Option<&Identity>) -> Self {
        let kind = IdentityKind::of(identity);
        let text = |text: &str| Self::of(kind, text.as_bytes(), text.len() + 1);
        match identity {
            None => Self::INVALID,
            Some(Identity::SteamId { 0: id, .. } | Identity::PlayStation { 0: id, .. }) => {
                Self::of(kind, &id.to_ne_bytes(), 8)
            }
            Some(Identity::Ip { 0: addr, .. }) => {
                let bytes = RawAddr::from(*addr).to_bytes();
                Self::of(kind, &bytes, bytes.len())
            }
            Some(
                Identity::Str { 0: name, .. }
                | Identity::XboxPairwiseId { 0: name, .. }
                | Identity::Unknown { 0: name, .. },
            ) => text(name),
            Some(Identity::Generic { 0: bytes, .. }) => Self::of(kind, bytes, bytes.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_go_out_and_come_back() {
        for text in [
            "steamid:76561197960287930",
            "xboxpwid:abc",
            "psn:12345",
            "ip:1.2.3.4:5",
            "ip:::1",
            "str:",
            "str:somebody",
            "gen:00ff",
            "other:thing",
        ] {
            let identity: Identity = text.parse().unwrap();
            let raw = RawIdentity::from(Some(&identity));
            assert_eq!(raw.identity(), Some(identity), "{text}");
        }
        assert_eq!(RawIdentity::INVALID.identity(), None);
    }

    #[test]
    fn what_cannot_be_is_nobody() {
        let mut raw = RawIdentity::of(IdentityKind::GenericBytes, &[1; 32], 33);
        assert_eq!(raw.identity(), None);
        raw.size = -1;
        assert_eq!(raw.identity(), None);
        raw.kind = 99;
        assert_eq!(raw.identity(), None);
        // No zero byte within the field.
        let endless = RawIdentity::of(IdentityKind::GenericString, &[b'x'; 128], 128);
        assert_eq!(endless.identity(), None);
    }
}
