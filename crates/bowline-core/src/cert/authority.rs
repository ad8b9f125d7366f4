//! Authorities: the keys that vouch for others, and the certificates by which they do.

use core::fmt;

use sha2::{Digest, Sha256};

use crate::cert::CertError;
use crate::cert::certificate::{decode, identity_of, key_of, pops_of};
use crate::cert::scope::{Restriction, Scope};
use crate::crypto::Crypto;
use crate::crypto::keys::SigningKey;
use crate::ids::AppId;
use crate::wire::pb;

/// The root that open builds of GNS trust. It has no limits and does not expire (wire.md 3.8).
pub const STEAM_ROOT: [u8; 32] = [
    0x9a, 0xec, 0xa0, 0x4e, 0x17, 0x51, 0xce, 0x62, 0x68, 0xd5, 0x69, 0x00, 0x2c, 0xa1, 0xe1, 0xfa,
    0x1b, 0x2d, 0xbc, 0x26, 0xd3, 0x6b, 0x4e, 0xa3, 0xa0, 0x08, 0x3a, 0xd3, 0x72, 0x82, 0x9b, 0x84,
];

/// The short name of a public key: the first 8 bytes of its SHA-256, little-endian.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct KeyId(u64);

/// An authority that we are ourselves: a private key that signs certificates.
#[derive(Clone, Debug)]
pub struct Authority {
    key: SigningKey,
    public: [u8; 32],
}

/// The certificate of an authority, parsed and not yet trusted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AuthorityCert {
    key: [u8; 32],
    signer: KeyId,
    signed: alloc::vec::Vec<u8>,
    signature: [u8; 64],
    scope: Scope,
    created_unix_secs: u32,
}

impl KeyId {
    /// The ID of a public key.
    pub fn of(public: &[u8; 32]) -> Self {
        let hash: [u8; 32] = Sha256::digest(public).into();
        let (head, _) = hash
            .split_first_chunk::<8>()
            .expect("a SHA-256 has 32 bytes");
        Self(u64::from_le_bytes(*head))
    }

    /// Wraps the number on the wire.
    pub const fn new(value: u64) -> Self {
        Self(value)
    }

    /// The number on the wire.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl Authority {
    /// The authority that holds `key`.
    pub fn new(crypto: &Crypto, key: SigningKey) -> Self {
        let public = key.public(crypto);
        Self { key, public }
    }

    /// Its public key.
    pub const fn public(&self) -> &[u8; 32] {
        &self.public
    }

    /// The ID of its key.
    pub fn key_id(&self) -> KeyId {
        KeyId::of(&self.public)
    }

    /// Its private key.
    pub(crate) const fn key(&self) -> &SigningKey {
        &self.key
    }
}

impl AuthorityCert {
    /// Parses a certificate that may stand between a root and a peer (wire.md 3.8).
    ///
    /// # Errors
    /// If it is malformed or unsigned, has an identity or no expiry.
    pub fn parse(signed: &pb::CertificateSigned) -> Result<Self, CertError> {
        let bytes = signed.cert();
        let message = decode(bytes)?;
        let signature = signature_of(signed)?;
        if identity_of(&message)?.is_some() {
            return Err(CertError::AuthorityWithIdentity);
        }
        if message.time_expiry() == 0 {
            return Err(CertError::AuthorityWithoutExpiry);
        }
        let scope = Scope::new(
            Restriction::from_list(message.app_ids.iter().copied().map(AppId::new)),
            Restriction::from_list(pops_of(&message.gameserver_datacenter_ids)),
            message.time_expiry().into(),
        );
        Ok(Self {
            key: key_of(&message)?,
            signer: KeyId(signed.ca_key_id()),
            signed: bytes.to_vec(),
            signature,
            scope,
            created_unix_secs: message.time_created(),
        })
    }

    /// The public key that it is about.
    pub const fn key(&self) -> &[u8; 32] {
        &self.key
    }

    /// Who signed it, or is said to have.
    pub const fn signer(&self) -> KeyId {
        self.signer
    }

    /// Its own limits, without those of the authorities above it.
    pub const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// When it was made, in seconds since 1970; 0 if it does not say.
    pub const fn created_unix_secs(&self) -> u32 {
        self.created_unix_secs
    }

    /// Whether the key `signer` made the signature.
    pub(crate) fn is_signed_by(&self, crypto: &Crypto, signer: &[u8; 32]) -> bool {
        crypto
            .ed25519_verify(signer, &self.signed, &self.signature)
            .is_ok()
    }
}

pub(crate) fn signature_of(signed: &pb::CertificateSigned) -> Result<[u8; 64], CertError> {
    signed
        .ca_signature()
        .try_into()
        .map_err(|_| CertError::NoSignature)
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_id_of_the_root_is_the_published_one() {
        assert_eq!(KeyId::of(&STEAM_ROOT).get(), 18_220_590_129_359_924_542);
    }
}
