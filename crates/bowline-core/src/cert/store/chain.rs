//! Why a key is trusted or not, for those who look after it.

use alloc::vec::Vec;

use crate::cert::authority::KeyId;
use crate::cert::scope::Scope;
use crate::cert::store::CertStore;
use crate::limits::MAX_CA_CHAIN;

/// One authority of a chain.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Link {
    /// The ID of its key.
    pub key: KeyId,
    /// Its own limits, without those of the authorities above it.
    pub scope: Scope,
    /// Who vouches for it; `None` for a root.
    pub signer: Option<KeyId>,
}

/// Why an authority is not trusted.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Distrust {
    /// Nobody told us this key.
    #[error("key {0} is not known: neither as a root nor by a certificate")]
    Unknown(KeyId),
    /// The key was revoked.
    #[error("key {0} was revoked")]
    Revoked(KeyId),
    /// The certificate of a key carries a signature that the signer did not make.
    #[error("the signature of key {signer} on the certificate of key {key} does not hold")]
    Forged {
        /// The key that the certificate is about.
        key: KeyId,
        /// The key that is said to have signed.
        signer: KeyId,
    },
    /// The limits in the chain leave nothing over.
    #[error("nothing is both in the scope of key {key} and in that of key {signer} above it")]
    NothingLeft {
        /// The key whose scope becomes empty.
        key: KeyId,
        /// The key above it.
        signer: KeyId,
    },
    /// A chain that is too long or goes in a circle.
    #[error("the chain above key {0} goes in a circle or has more than {MAX_CA_CHAIN} links")]
    Endless(KeyId),
}

impl CertStore {
    /// The authorities from this key up to a root; none if it is not trusted.
    pub fn chain(&self, key: KeyId) -> Vec<Link> {
        let (mut links, mut path) = (Vec::new(), Vec::new());
        let mut next = self.scope(key).map(|_| key);
        while let Some(key) = next.take() {
            if let Some(root) = self.roots.get(&key) {
                let scope = root.scope.clone();
                let signer = None;
                links.push(Link { key, scope, signer });
            } else if let Some((cert, _)) = self.newest(key, &mut path.clone()) {
                let scope = cert.scope().clone();
                let signer = Some(cert.signer());
                links.push(Link { key, scope, signer });
                path.push(key);
                next = signer;
            }
        }
        links
    }

    /// Why the key is not trusted; `None` if it is. Of several causes, one.
    pub fn distrust(&self, key: KeyId) -> Option<Distrust> {
        if self.scope(key).is_some() {
            return None;
        }
        Some(self.cause(key, 0))
    }

    /// Whether the key was revoked.
    pub fn is_revoked(&self, key: KeyId) -> bool {
        self.revoked.contains(&key)
    }

    fn cause(&self, key: KeyId, depth: usize) -> Distrust {
        if self.is_revoked(key) {
            return Distrust::Revoked(key);
        }
        if depth >= MAX_CA_CHAIN {
            return Distrust::Endless(key);
        }
        let newest = self
            .certs
            .iter()
            .filter(|stored| stored.id == key)
            .max_by_key(|stored| stored.cert.created_unix_secs());
        let Some(newest) = newest else {
            return Distrust::Unknown(key);
        };
        let signer = newest.cert.signer();
        match newest.signature_holds {
            None => Distrust::Unknown(signer),
            Some(false) => Distrust::Forged { key, signer },
            Some(true) if self.scope(signer).is_none() => self.cause(signer, depth + 1),
            Some(true) if self.chain(signer).len() > MAX_CA_CHAIN => Distrust::Endless(key),
            Some(true) => Distrust::NothingLeft { key, signer },
        }
    }
}
