//! Certificates: who vouches for a peer's key, and what a peer must show before we talk to it.
//!
//! A certificate names an Ed25519 key. An *unsigned* one is made by each connection for itself and
//! proves nothing but that the peer holds the key. A signed one carries the signature of an
//! authority, whose own certificate is in the [`store::CertStore`] already: chains do not cross the
//! wire.
//!
//! [`check::check_peer`] applies the rules to what a peer sent, [`session`] is what the certificate's
//! key signs for one connection, [`issue`] makes certificates. [`keypair`], [`request`] and [`signed`]
//! are what is kept in files, [`text`] the form that these have.

pub mod authority;
pub mod certificate;
pub mod check;
pub mod credentials;
pub mod date;
pub mod expect;
#[cfg(test)]
mod golden;
pub mod issue;
pub mod keypair;
pub mod request;
pub mod scope;
pub mod session;
pub mod signed;
pub mod store;
pub mod text;
pub mod verify;

use crate::identity::IdentityError;

/// Why a certificate is not good.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CertError {
    /// There is none, or it is no protobuf message.
    #[error("certificate is missing or malformed")]
    Malformed,
    /// It names an identity that is none.
    #[error("identity in certificate: {0}")]
    Identity(#[from] IdentityError),
    /// Its key is not Ed25519.
    #[error("certificate key is not an Ed25519 key")]
    KeyType,
    /// The signature of the authority is missing or has the wrong length.
    #[error("certificate has no proper signature")]
    NoSignature,
    /// We have no key with that ID.
    #[error("authority of certificate is unknown")]
    UnknownAuthority,
    /// We have the key, but nothing leads from it to a root that we trust.
    #[error("authority of certificate is not trusted")]
    UntrustedAuthority,
    /// The authority, or one above it, has expired.
    #[error("authority of certificate has expired")]
    AuthorityExpired,
    /// The signature does not hold.
    #[error("signature of certificate does not hold")]
    BadSignature,
    /// The certificate itself has expired, or never was valid.
    #[error("certificate has expired")]
    Expired,
    /// The certificate's own key was revoked.
    #[error("key of certificate was revoked")]
    Revoked,
    /// Nobody told us the date, so expiry cannot be judged.
    #[error("the date is not known")]
    NoDate,
    /// The certificate of an authority names an identity.
    #[error("certificate of an authority is bound to an identity")]
    AuthorityWithIdentity,
    /// The certificate of an authority does not expire.
    #[error("certificate of an authority has no expiry")]
    AuthorityWithoutExpiry,
    /// Another key has the same ID.
    #[error("key ID belongs to another key")]
    KeyIdTaken,
    /// The store takes no more.
    #[error("certificate store is full")]
    StoreFull,
}
