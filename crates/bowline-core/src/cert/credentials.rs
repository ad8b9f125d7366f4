//! What we show peers: our own signed certificate with the key that it is about.

use prost::Message;

use crate::cert::CertError;
use crate::cert::authority::{KeyId, signature_of};
use crate::cert::certificate::Certificate;
use crate::cert::date::UnixTime;
use crate::crypto::Crypto;
use crate::crypto::keys::SigningKey;
use crate::identity::Identity;
use crate::ids::AppId;
use crate::limits::MAX_DATAGRAM;
use crate::wire::pb;

/// A signed certificate of our own and its private key.
///
/// Whether anybody trusts the signer is for the peers to say: not even GNS insists that a host can
/// verify its own certificate.
#[derive(Clone, Debug)]
pub struct Credentials {
    key: SigningKey,
    signed: pb::CertificateSigned,
    certificate: Certificate,
}

/// Why a certificate cannot be our own.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialsError {
    /// It is malformed, or nobody has signed it.
    #[error("the certificate cannot be used: {0}")]
    Cert(#[from] CertError),
    /// It would not fit into the packet that carries it.
    #[error("a certificate of {len} bytes is too large: the limit is {max}")]
    TooLarge {
        /// Its size in bytes.
        len: usize,
        /// The largest size in bytes.
        max: usize,
    },
    /// There is no private key for it, neither ours nor one that came with it.
    #[error("there is no private key for the certificate: make a request first, or give the key")]
    NoPrivateKey,
    /// The private key that came with it is none.
    #[error("the private key that came with the certificate has {len} bytes: it must have 32")]
    BadPrivateKey {
        /// Its size in bytes.
        len: usize,
    },
    /// The private key that came with it is not the one that we have.
    #[error("the private key that came with the certificate is not ours")]
    PrivateKeyMismatch,
    /// It is about another key.
    #[error("the certificate is about key {cert}, but ours is key {ours}")]
    KeyMismatch {
        /// The ID of the key that it is about.
        cert: KeyId,
        /// The ID of our key.
        ours: KeyId,
    },
    /// It is about somebody else.
    #[error("the certificate is for {}, but we are {ours}", Named(.cert.as_ref()))]
    IdentityMismatch {
        /// Whom it is about, if it says so.
        cert: Option<Identity>,
        /// Who we are.
        ours: Identity,
    },
    /// It is for other apps.
    #[error("the certificate is not for app {}", app.get())]
    WrongApp {
        /// Our app.
        app: AppId,
    },
    /// It no longer holds.
    #[error("the certificate expired at {expiry}, and it is {now}")]
    Expired {
        /// The last second in which it held.
        expiry: UnixTime,
        /// Now.
        now: UnixTime,
    },
}

/// Whom a new certificate has to fit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Holder<'a> {
    pub(crate) crypto: &'a Crypto,
    pub(crate) key: Option<&'a SigningKey>,
    pub(crate) identity: &'a Identity,
    pub(crate) app: AppId,
    pub(crate) now_unix_secs: u64,
}

/// The largest certificate that we show: what a request holds beside it takes up to 400 bytes.
const MAX_OWN_CERT_BYTES: usize = MAX_DATAGRAM - 400;

impl Credentials {
    /// Takes the binary form of a signed certificate, the one that GNS's `SetCertificate` takes. A
    /// private key in it counts if `holder` has none (GNS: the same).
    pub(crate) fn new(bytes: &[u8], holder: &Holder<'_>) -> Result<Self, CredentialsError> {
        let (len, max) = (bytes.len(), MAX_OWN_CERT_BYTES);
        if len > max {
            return Err(CredentialsError::TooLarge { len, max });
        }
        let mut signed = pb::CertificateSigned::decode(bytes).map_err(|_| CertError::Malformed)?;
        let enclosed = signed.private_key_data.take().map(zeroize::Zeroizing::new);
        signature_of(&signed)?;
        let certificate = Certificate::parse(signed.cert())?;
        check_identity(certificate.identity(), holder.identity)?;
        let key = private_key(holder.key, enclosed.as_ref().map(|key| key.as_slice()))?;
        let public = key.public(holder.crypto);
        if certificate.key() != &public {
            return Err(CredentialsError::KeyMismatch {
                cert: KeyId::of(certificate.key()),
                ours: KeyId::of(&public),
            });
        }
        let apps = certificate.app_ids();
        if holder.app != AppId::ANY && !apps.is_empty() && !apps.contains(&holder.app) {
            return Err(CredentialsError::WrongApp { app: holder.app });
        }
        let credentials = Self {
            key,
            signed,
            certificate,
        };
        let expiry = UnixTime::new(credentials.expiry_unix_secs());
        let now = UnixTime::new(holder.now_unix_secs);
        if expiry < now {
            return Err(CredentialsError::Expired { expiry, now });
        }
        Ok(credentials)
    }

    /// What it says.
    pub const fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The form that peers are shown.
    pub const fn signed(&self) -> &pb::CertificateSigned {
        &self.signed
    }

    /// The last second in which it holds, since 1970. One without expiry never held (wire.md 3.8).
    pub fn expiry_unix_secs(&self) -> u64 {
        self.certificate.expiry_unix_secs().unwrap_or(0).into()
    }

    /// When a new one should be asked for, in seconds since 1970: with a third of its life left, or of
    /// what was left of it at `now_unix_secs` if it does not say when it was made.
    pub fn renewal_unix_secs(&self, now_unix_secs: u64) -> u64 {
        let expiry = self.expiry_unix_secs();
        let created = match self.certificate.created_unix_secs() {
            None | Some(0) => now_unix_secs,
            Some(created) => created.into(),
        };
        expiry.saturating_sub(expiry.saturating_sub(created) / 3)
    }

    pub(crate) const fn key(&self) -> &SigningKey {
        &self.key
    }
}

/// An anonymous host becomes whom the certificate names; any other must be that already.
fn check_identity(cert: Option<&Identity>, ours: &Identity) -> Result<(), CredentialsError> {
    if ours.is_anonymous() || cert == Some(ours) {
        return Ok(());
    }
    Err(CredentialsError::IdentityMismatch {
        cert: cert.cloned(),
        ours: ours.clone(),
    })
}

fn private_key(
    ours: Option<&SigningKey>,
    enclosed: Option<&[u8]>,
) -> Result<SigningKey, CredentialsError> {
    match (ours, enclosed) {
        (Some(ours), None) => Ok(ours.clone()),
        (Some(ours), Some(enclosed)) if ours.seed() == enclosed => Ok(ours.clone()),
        (Some(_), Some(_)) => Err(CredentialsError::PrivateKeyMismatch),
        (None, Some(enclosed)) => match enclosed.try_into() {
            Ok(seed) => Ok(SigningKey::from_seed(seed)),
            Err(_) => Err(CredentialsError::BadPrivateKey {
                len: enclosed.len(),
            }),
        },
        (None, None) => Err(CredentialsError::NoPrivateKey),
    }
}

/// Shows a missing identity in words.
struct Named<'a>(Option<&'a Identity>);

impl core::fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.0 {
            Some(identity) => identity.fmt(f),
            None => f.write_str("nobody in particular"),
        }
    }
}

#[cfg(test)]
mod tests;
