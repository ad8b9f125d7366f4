//! What clients prove their identity with.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use hmac::Hmac;
use hmac::KeyInit as _;
use hmac::Mac as _;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::crypto::Crypto;
use crate::crypto::keys::SigningKey;
use crate::hub::Method;
use crate::hub::limits::MAX_HUB_CREDENTIAL;

/// What a client shows to prove who it is.
#[derive(Clone)]
pub enum HubLogin {
    /// Nothing: it is who it says. For development.
    Dev,
    /// A key that all clients of a game share.
    SharedKey {
        /// What the hub calls it.
        name: String,
        /// The key.
        key: Zeroizing<Vec<u8>>,
    },
    /// A token of an identity provider.
    Jwt(Zeroizing<String>),
    /// Something that the operator's own service understands.
    Hook(Zeroizing<Vec<u8>>),
    /// The key of a game server that the operator has registered.
    GameServerKey(SigningKey),
    /// Nothing, and the hub gives it a name.
    Anonymous,
}

/// Without what proves the identity.
impl fmt::Debug for HubLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.method(), f)
    }
}

impl HubLogin {
    /// A [`Self::SharedKey`].
    pub fn shared_key(name: impl Into<String>, key: impl Into<Vec<u8>>) -> Self {
        Self::SharedKey {
            name: name.into(),
            key: Zeroizing::new(key.into()),
        }
    }

    /// A [`Self::Jwt`].
    pub fn jwt(token: impl Into<String>) -> Self {
        Self::Jwt(Zeroizing::new(token.into()))
    }

    /// A [`Self::Hook`].
    pub fn hook(ticket: impl Into<Vec<u8>>) -> Self {
        Self::Hook(Zeroizing::new(ticket.into()))
    }

    /// What it is called.
    pub const fn method(&self) -> Method {
        match self {
            Self::Dev => Method::Dev,
            Self::SharedKey { .. } => Method::SharedKey,
            Self::Jwt(_) => Method::Jwt,
            Self::Hook(_) => Method::Hook,
            Self::GameServerKey(_) => Method::GameServerKey,
            Self::Anonymous => Method::Anonymous,
        }
    }

    /// What is sent of it at once.
    pub(super) fn credential(&self) -> Vec<u8> {
        match self {
            Self::SharedKey { name, .. } => name.as_bytes().to_vec(),
            Self::Jwt(token) => token.as_bytes().to_vec(),
            Self::Hook(ticket) => ticket.to_vec(),
            Self::Dev | Self::GameServerKey(_) | Self::Anonymous => Vec::new(),
        }
    }

    /// Why no hub can take it, if none can: what fits into no message is not even refused there.
    pub(super) fn flaw(&self) -> Option<&'static str> {
        let len = match self {
            Self::SharedKey { name, .. } => name.len(),
            Self::Jwt(token) => token.len(),
            Self::Hook(ticket) => ticket.len(),
            Self::Dev | Self::GameServerKey(_) | Self::Anonymous => 0,
        };
        (len > MAX_HUB_CREDENTIAL)
            .then_some("the credential is longer than 16384 bytes, which is all that a hub takes")
    }

    /// What answers a challenge; `None` if there is nothing to prove.
    pub(super) fn prove(&self, crypto: &Crypto, statement: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::SharedKey { key, .. } => {
                let mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
                let mac = mac.chain_update(statement).finalize();
                Some(mac.into_bytes().to_vec())
            }
            Self::GameServerKey(key) => Some(key.sign(crypto, statement).to_vec()),
            Self::Dev | Self::Jwt(_) | Self::Hook(_) | Self::Anonymous => None,
        }
    }
}
