//! Who we are to the server: long-term credentials (RFC 8489, section 9.2).

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use zeroize::Zeroizing;

use crate::limits::MAX_STUN_USERNAME;
use crate::limits::MAX_TURN_NONCE;
use crate::limits::MAX_TURN_REALM;
use crate::stun::Builder;
use crate::stun::IntegrityKey;
use crate::stun::Message;

/// An account, and what the server has said of how to prove it.
#[derive(Clone)]
pub(super) struct Auth {
    pub(super) user: String,
    pub(super) password: Zeroizing<String>,
    pub(super) challenge: Option<Challenge>,
}

#[derive(Clone, Debug)]
pub(super) struct Challenge {
    pub(super) realm: Vec<u8>,
    pub(super) nonce: Vec<u8>,
    pub(super) key: IntegrityKey,
}

impl Auth {
    pub(super) const fn new(user: String, password: Zeroizing<String>) -> Self {
        Self {
            user,
            password,
            challenge: None,
        }
    }

    /// Whether there is an account at all.
    pub(super) const fn has_account(&self) -> bool {
        !self.user.is_empty()
    }

    /// Whether a message can hold the name of the account.
    pub(super) const fn is_writable(&self) -> bool {
        self.user.len() <= MAX_STUN_USERNAME
    }

    /// Whether requests carry credentials, and answers must prove that the server knows them.
    pub(super) const fn is_used(&self) -> bool {
        self.challenge.is_some()
    }

    /// Another server has another realm.
    pub(super) fn forget(&mut self) {
        self.challenge = None;
    }

    /// Takes the realm and the nonce of an answer. `None` if one is missing or longer than we repeat; a realm that is
    /// known need not be said again.
    pub(super) fn take_challenge(&mut self, message: &Message<'_>) -> Option<()> {
        let nonce = message.nonce().filter(|n| n.len() <= MAX_TURN_NONCE)?;
        let known = self.challenge.as_ref().map(|known| &known.realm[..]);
        let realm = message.realm().or(known)?;
        if realm.len() > MAX_TURN_REALM {
            return None;
        }
        self.challenge = Some(Challenge {
            realm: realm.to_vec(),
            nonce: nonce.to_vec(),
            key: IntegrityKey::long_term(&self.user, realm, &self.password),
        });
        Some(())
    }

    /// Whether the answer may be believed.
    pub(super) fn accepts(&self, message: &Message<'_>) -> bool {
        let challenge = self.challenge.as_ref();
        challenge.is_none_or(|challenge| message.check_integrity(&challenge.key))
    }

    /// Ends a request, with all that must come before the fingerprint.
    pub(super) fn sign(&self, message: &mut Builder<'_>) {
        if let Some(Challenge { realm, nonce, key }) = &self.challenge {
            message.username(&self.user).realm(realm).nonce(nonce);
            message.integrity(key);
        }
    }
}

impl fmt::Debug for Auth {
    /// Does not show the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Auth")
            .field("user", &self.user)
            .field("challenge", &self.challenge)
            .finish_non_exhaustive()
    }
}
