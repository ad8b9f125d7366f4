//! Lists of roots, authorities and revoked keys as text.

use alloc::string::String;
use alloc::vec::Vec;

use crate::cert::CertError;
use crate::cert::authority::KeyId;
use crate::cert::certificate::Certificate;
use crate::cert::keypair::{KeyError, PublicKey};
use crate::cert::scope::{Restriction, Scope};
use crate::cert::signed::{SignedCertificate, SignedCertificateError};
use crate::cert::store::CertStore;
use crate::cert::text::{CERT_LABEL, blocks};
use crate::crypto::Crypto;

/// Why a list of roots, authorities or revoked keys is not taken. What stands before the fault is.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TrustFileError {
    /// There is nothing in it that could be trusted.
    #[error("there is neither a certificate nor a line `ssh-ed25519 AAAA...` in it")]
    Empty,
    /// A certificate in it is none.
    #[error(transparent)]
    Certificate(#[from] SignedCertificateError),
    /// A certificate in it cannot be that of an authority, or the store takes no more.
    #[error(transparent)]
    Cert(#[from] CertError),
    /// A public key in it is none.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A certificate in a list of roots that another key signed.
    #[error("key {key} is no root: its certificate is not signed by itself")]
    NoRoot {
        /// The key that the certificate is about.
        key: KeyId,
    },
    /// A line in a list of revoked keys that is no key ID.
    #[error("line {line}: {text:?} is not the ID of a key, which is a decimal number")]
    KeyId {
        /// The number of the line, from 1.
        line: usize,
        /// What stands there.
        text: String,
    },
}

impl CertStore {
    /// Trusts the holder of a certificate that it signed itself, as far as its own limits go.
    ///
    /// # Errors
    /// [`TrustFileError::NoRoot`] if another key signed it, else as [`Self::add_authority`].
    pub fn add_root_certificate(
        &mut self,
        crypto: &Crypto,
        signed: &SignedCertificate,
    ) -> Result<KeyId, TrustFileError> {
        if !signed.is_self_signed(crypto) {
            return Err(TrustFileError::NoRoot { key: signed.id() });
        }
        let scope = authority_scope(signed.certificate())?;
        let key = PublicKey::new(*signed.certificate().key())?;
        Ok(self.insert_root(crypto, *key.as_bytes(), scope)?)
    }

    /// Trusts every root in a text: certificates that signed themselves, with their limits, and lines
    /// that begin with `ssh-ed25519`, without. Returns their IDs.
    ///
    /// # Errors
    /// If there are none, or something that is no root.
    pub fn add_roots_from_text(
        &mut self,
        crypto: &Crypto,
        text: &str,
    ) -> Result<Vec<KeyId>, TrustFileError> {
        self.add_with_root_keys(crypto, text, |store, signed| {
            store.add_root_certificate(crypto, signed)
        })
    }

    /// Trusts all that a text holds: its roots, as [`Self::add_roots_from_text`] does, and through them
    /// the authorities whose certificates are in it too, in any order. Returns the IDs of all keys.
    ///
    /// Who may change the text decides whom we trust.
    ///
    /// # Errors
    /// If there are none, or something that is neither.
    pub fn add_from_text(
        &mut self,
        crypto: &Crypto,
        text: &str,
    ) -> Result<Vec<KeyId>, TrustFileError> {
        self.add_with_root_keys(crypto, text, |store, signed| {
            if signed.is_self_signed(crypto) {
                store.add_root_certificate(crypto, signed)
            } else {
                Ok(store.add_authority(crypto, &signed.to_message())?)
            }
        })
    }

    /// Takes every certificate of an authority in a text, as [`Self::add_authority`] does, and returns
    /// the IDs of the keys that they are about.
    ///
    /// # Errors
    /// If there are none, or one that cannot be an authority's.
    pub fn add_authorities_from_text(
        &mut self,
        crypto: &Crypto,
        text: &str,
    ) -> Result<Vec<KeyId>, TrustFileError> {
        let certificates = certificates(text)?;
        if certificates.is_empty() {
            return Err(TrustFileError::Empty);
        }
        let add = |signed: &SignedCertificate| self.add_authority(crypto, &signed.to_message());
        let added = certificates.iter().map(add).collect::<Result<_, _>>();
        Ok(added?)
    }

    /// Distrusts every key in a text: one key ID to the line, with `ID` before it or without. What
    /// follows a `#` does not count. Returns how many there were.
    ///
    /// # Errors
    /// If a line holds anything else, or the store takes no more.
    pub fn revoke_from_text(
        &mut self,
        crypto: &Crypto,
        text: &str,
    ) -> Result<usize, TrustFileError> {
        let mut count = 0;
        for (line, content) in (1..).zip(text.lines()) {
            let content = content.split('#').next().unwrap_or_default().trim();
            if content.is_empty() {
                continue;
            }
            let number = content.strip_prefix("ID").unwrap_or(content).parse();
            let id = number.map_err(|_| TrustFileError::KeyId {
                line,
                text: content.chars().take(40).collect(),
            })?;
            self.revoke(crypto, KeyId::new(id))?;
            count += 1;
        }
        Ok(count)
    }

    /// Takes the certificates of a text with `add`, then the keys that stand alone, which are roots.
    fn add_with_root_keys(
        &mut self,
        crypto: &Crypto,
        text: &str,
        add: impl Fn(&mut Self, &SignedCertificate) -> Result<KeyId, TrustFileError>,
    ) -> Result<Vec<KeyId>, TrustFileError> {
        let mut added = Vec::new();
        for signed in certificates(text)? {
            added.push(add(self, &signed)?);
        }
        let lines = text.lines().map(str::trim);
        for line in lines.filter(|line| line.starts_with("ssh-")) {
            added.push(self.add_root(crypto, line.parse()?)?);
        }
        if added.is_empty() {
            return Err(TrustFileError::Empty);
        }
        Ok(added)
    }
}

/// The limits of an authority, from its certificate alone.
///
/// # Errors
/// If it cannot be the certificate of an authority.
fn authority_scope(cert: &Certificate) -> Result<Scope, CertError> {
    if cert.identity().is_some() {
        return Err(CertError::AuthorityWithIdentity);
    }
    match cert.expiry_unix_secs() {
        None | Some(0) => Err(CertError::AuthorityWithoutExpiry),
        Some(expiry) => Ok(Scope::new(
            Restriction::from_list(cert.app_ids().iter().copied()),
            Restriction::from_list(cert.pops().iter().copied()),
            expiry.into(),
        )),
    }
}

fn certificates(text: &str) -> Result<Vec<SignedCertificate>, SignedCertificateError> {
    let blocks = blocks(text)?;
    blocks
        .iter()
        .filter(|block| block.is(CERT_LABEL))
        .map(|block| SignedCertificate::from_bytes(&block.decode()?))
        .collect()
}

#[cfg(test)]
mod tests;
