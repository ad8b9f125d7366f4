//! Which authorities we trust, and how far.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use crate::cert::CertError;
use crate::cert::authority::{AuthorityCert, KeyId, signature_of};
use crate::cert::certificate::{decode, key_of};
use crate::cert::keypair::PublicKey;
use crate::cert::scope::Scope;
use crate::crypto::Crypto;
use crate::limits::{MAX_CA_CERTS, MAX_CA_CHAIN, MAX_REVOKED_KEYS};
use crate::wire::pb;

pub use chain::{Distrust, Link};
pub use file::TrustFileError;

/// Trusted roots, the certificates of authorities below them, and keys that are no longer good.
///
/// Trust is worked out when something changes, so that checking a peer costs one signature.
#[derive(Clone, Debug, Default)]
pub struct CertStore {
    roots: BTreeMap<KeyId, TrustedKey>,
    revoked: BTreeSet<KeyId>,
    certs: Vec<StoredCert>,
    trusted: BTreeMap<KeyId, TrustedKey>,
}

#[derive(Clone, Debug)]
struct StoredCert {
    /// The ID of the key that it is about.
    id: KeyId,
    cert: AuthorityCert,
    /// Whether the signature holds; not known as long as the signer's key is not.
    signature_holds: Option<bool>,
}

#[derive(Clone, Debug)]
struct TrustedKey {
    public: [u8; 32],
    scope: Scope,
}

impl CertStore {
    /// A store that trusts nobody.
    pub const fn new() -> Self {
        Self {
            roots: BTreeMap::new(),
            revoked: BTreeSet::new(),
            certs: Vec::new(),
            trusted: BTreeMap::new(),
        }
    }

    /// Trusts a key without limits and returns its ID.
    ///
    /// # Errors
    /// [`CertError::KeyIdTaken`], or [`CertError::StoreFull`] at [`MAX_CA_CERTS`] roots.
    pub fn add_root(&mut self, crypto: &Crypto, public: PublicKey) -> Result<KeyId, CertError> {
        self.insert_root(crypto, *public.as_bytes(), Scope::UNLIMITED)
    }

    /// Takes the certificate of an authority, in any order, and returns the ID of the key that it is
    /// about. That does not mean that it is trusted: see [`Self::scope`].
    ///
    /// # Errors
    /// If it cannot be the certificate of an authority, or at [`MAX_CA_CERTS`] certificates.
    pub fn add_authority(
        &mut self,
        crypto: &Crypto,
        signed: &pb::CertificateSigned,
    ) -> Result<KeyId, CertError> {
        let cert = AuthorityCert::parse(signed)?;
        let id = self.unique_id(cert.key())?;
        if self.certs.iter().any(|stored| stored.cert == cert) {
            return Ok(id);
        }
        if self.certs.len() >= MAX_CA_CERTS {
            return Err(CertError::StoreFull);
        }
        self.certs.push(StoredCert {
            id,
            cert,
            signature_holds: None,
        });
        self.evaluate(crypto);
        Ok(id)
    }

    /// Distrusts a key for good, be it an authority's, a root or a peer's.
    ///
    /// # Errors
    /// [`CertError::StoreFull`] at [`MAX_REVOKED_KEYS`].
    pub fn revoke(&mut self, crypto: &Crypto, id: KeyId) -> Result<(), CertError> {
        if self.revoked.len() >= MAX_REVOKED_KEYS && !self.revoked.contains(&id) {
            return Err(CertError::StoreFull);
        }
        self.revoked.insert(id);
        self.evaluate(crypto);
        Ok(())
    }

    /// The same with some roots and some revoked keys more, which have bounds of their own: those of what says so
    /// ([`NetworkConfig`](crate::hub::NetworkConfig)). What is known here already is left out, be it by a certificate: what has
    /// limits here keeps them. So is a root whose ID another key has.
    pub(crate) fn beside(&self, crypto: &Crypto, roots: &[PublicKey], revoked: &[KeyId]) -> Self {
        let mut store = self.clone();
        for root in roots {
            let public = *root.as_bytes();
            let scope = Scope::UNLIMITED;
            let id = KeyId::of(&public);
            if store.public(id).is_none() {
                store.roots.insert(id, TrustedKey { public, scope });
            }
        }
        store.revoked.extend(revoked);
        store.evaluate(crypto);
        store
    }

    /// Whether it can vouch for anybody at all: without a root nobody can be checked.
    pub fn has_roots(&self) -> bool {
        !self.roots.is_empty()
    }

    /// What the key may vouch for; `None` if it is not trusted.
    pub fn scope(&self, id: KeyId) -> Option<&Scope> {
        self.trusted.get(&id).map(|key| &key.scope)
    }

    /// Checks the signature, the chain above it and the expiry of a peer's certificate, and returns
    /// the scope of the authority. Whether the certificate lies within it is for the caller to see.
    /// `time_created` is not compared with the date, as in GNS (wire.md 3.8).
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(
        &self,
        crypto: &Crypto,
        signed: &pb::CertificateSigned,
        now_unix_secs: Option<u64>,
    ) -> Result<&Scope, CertError> {
        let now = now_unix_secs.ok_or(CertError::NoDate)?;
        let signature = signature_of(signed)?;
        let authority = self.trusted_key(KeyId::new(signed.ca_key_id()))?;
        if authority.scope.is_expired(now) {
            return Err(CertError::AuthorityExpired);
        }
        crypto
            .ed25519_verify(&authority.public, signed.cert(), &signature)
            .map_err(|_| CertError::BadSignature)?;
        let message = decode(signed.cert())?;
        if u64::from(message.time_expiry()) < now {
            return Err(CertError::Expired);
        }
        if self.revoked.contains(&KeyId::of(&key_of(&message)?)) {
            return Err(CertError::Revoked);
        }
        Ok(&authority.scope)
    }

    fn trusted_key(&self, id: KeyId) -> Result<&TrustedKey, CertError> {
        match self.trusted.get(&id) {
            Some(key) => Ok(key),
            None if self.revoked.contains(&id) || self.public(id).is_some() => {
                Err(CertError::UntrustedAuthority)
            }
            None => Err(CertError::UnknownAuthority),
        }
    }

    fn insert_root(
        &mut self,
        crypto: &Crypto,
        public: [u8; 32],
        scope: Scope,
    ) -> Result<KeyId, CertError> {
        let id = self.unique_id(&public)?;
        if self.roots.len() >= MAX_CA_CERTS && !self.roots.contains_key(&id) {
            return Err(CertError::StoreFull);
        }
        self.roots.insert(id, TrustedKey { public, scope });
        self.evaluate(crypto);
        Ok(id)
    }

    fn unique_id(&self, public: &[u8; 32]) -> Result<KeyId, CertError> {
        let id = KeyId::of(public);
        match self.public(id) {
            Some(known) if known != public => Err(CertError::KeyIdTaken),
            Some(_) | None => Ok(id),
        }
    }

    fn public(&self, id: KeyId) -> Option<&[u8; 32]> {
        let in_cert = || self.certs.iter().find(|stored| stored.id == id);
        self.roots
            .get(&id)
            .map(|root| &root.public)
            .or_else(|| in_cert().map(|stored| stored.cert.key()))
    }

    fn evaluate(&mut self, crypto: &Crypto) {
        self.check_signatures(crypto);
        let roots = self.roots.iter().map(|(id, root)| (*id, root.public));
        let certs = self
            .certs
            .iter()
            .map(|stored| (stored.id, *stored.cert.key()));
        let keys: BTreeMap<KeyId, [u8; 32]> = roots.chain(certs).collect();
        self.trusted = keys
            .into_iter()
            .filter_map(|(id, public)| {
                let scope = self.resolve(id, &mut Vec::new())?;
                Some((id, TrustedKey { public, scope }))
            })
            .collect();
    }

    fn check_signatures(&mut self, crypto: &Crypto) {
        let verdicts: Vec<Option<bool>> = self
            .certs
            .iter()
            .map(|stored| {
                stored.signature_holds.or_else(|| {
                    let signer = self.public(stored.cert.signer())?;
                    Some(stored.cert.is_signed_by(crypto, signer))
                })
            })
            .collect();
        for (stored, verdict) in self.certs.iter_mut().zip(verdicts) {
            stored.signature_holds = verdict;
        }
    }

    /// The scope of a key by the newest of its certificates that leads to a root; `path` holds the
    /// keys that are being resolved, so a circle leads nowhere.
    fn resolve(&self, id: KeyId, path: &mut Vec<KeyId>) -> Option<Scope> {
        if self.revoked.contains(&id) {
            return None;
        }
        if let Some(root) = self.roots.get(&id) {
            return Some(root.scope.clone());
        }
        self.newest(id, path).map(|(_, scope)| scope)
    }

    /// The newest certificate of a key that leads to a root, and the scope by it.
    fn newest(&self, id: KeyId, path: &mut Vec<KeyId>) -> Option<(&AuthorityCert, Scope)> {
        if path.len() >= MAX_CA_CHAIN || path.contains(&id) {
            return None;
        }
        path.push(id);
        let newest = self
            .certs
            .iter()
            .filter(|stored| stored.id == id && stored.signature_holds == Some(true))
            .filter_map(|StoredCert { cert, .. }| {
                let scope = self.resolve(cert.signer(), path)?.intersect(cert.scope());
                (!scope.is_nothing()).then_some((cert, scope))
            })
            .max_by_key(|(cert, _)| cert.created_unix_secs());
        path.pop();
        newest
    }
}

mod chain;
mod file;

#[cfg(test)]
mod tests;
