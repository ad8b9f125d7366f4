//! What two peers may do beyond GNS, once both have said so (docs/extensions.md).
//!
//! A client offers what it knows under the signature of its half of the key exchange, the server
//! answers with what it takes of it, and nothing is used before both are known. A GNS peer sees an
//! unknown field and offers nothing.

use core::fmt;

use serde::Deserialize;
use serde::Serialize;

use crate::crypto::cipher_negotiation::Cipher;
use crate::wire::pb;

/// Something that peers may agree on.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[non_exhaustive]
pub enum Extension {
    /// A connection is ended by a frame inside the encryption; what comes unencrypted does not end it.
    SealedClose,
    /// Keys are replaced while the connection lives.
    KeyUpdate,
    /// Each side tells how much reliable data it takes ahead of what it lacks.
    ReceiveWindow,
    /// Packets grow to what the path takes.
    PathMtu,
}

/// A set of extensions.
#[derive(Clone, Copy, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct ExtensionSet(u8);

impl Extension {
    /// Every extension.
    pub const ALL: [Self; 4] = [
        Self::SealedClose,
        Self::KeyUpdate,
        Self::ReceiveWindow,
        Self::PathMtu,
    ];

    /// What it is called in logs and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SealedClose => "sealed_close",
            Self::KeyUpdate => "key_update",
            Self::ReceiveWindow => "receive_window",
            Self::PathMtu => "path_mtu",
        }
    }

    const fn bit(self) -> u8 {
        match self {
            Self::SealedClose => 1,
            Self::KeyUpdate => 2,
            Self::ReceiveWindow => 4,
            Self::PathMtu => 8,
        }
    }
}

impl ExtensionSet {
    /// None: what connections with GNS have.
    pub const NONE: Self = Self(0);
    /// All that this version knows.
    pub const ALL: Self = Self::NONE
        .with(Extension::SealedClose)
        .with(Extension::KeyUpdate)
        .with(Extension::ReceiveWindow)
        .with(Extension::PathMtu);

    /// This set and `extension`.
    #[must_use]
    pub const fn with(self, extension: Extension) -> Self {
        Self(self.0 | extension.bit())
    }

    /// This set without `extension`.
    #[must_use]
    pub const fn without(self, extension: Extension) -> Self {
        Self(self.0 & !extension.bit())
    }

    /// Whether `extension` is in it.
    pub const fn contains(self, extension: Extension) -> bool {
        self.0 & extension.bit() != 0
    }

    /// Whether nothing is in it.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// What is in it, in the order of [`Extension::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Extension> {
        Extension::ALL
            .into_iter()
            .filter(move |extension| self.contains(*extension))
    }

    /// What holds between us and a peer that offers, or has answered, `theirs`. Without encryption
    /// there is nothing to close inside of, and no key.
    pub(crate) fn agree(self, cipher: Cipher, theirs: Option<&pb::Extensions>) -> Self {
        match (cipher, theirs) {
            (Cipher::Null, _) | (_, None) => Self::NONE,
            (Cipher::Aes256Gcm, Some(theirs)) => Self(self.0 & Self::from_wire(theirs).0),
        }
    }

    pub(crate) fn to_wire(self) -> pb::Extensions {
        let sealed_close = self.contains(Extension::SealedClose);
        let key_update = self.contains(Extension::KeyUpdate);
        let receive_window = self.contains(Extension::ReceiveWindow);
        let path_mtu = self.contains(Extension::PathMtu);
        pb::Extensions {
            sealed_close: sealed_close.then_some(pb::SealedClose {}),
            key_update: key_update.then_some(pb::KeyUpdate {}),
            receive_window: receive_window.then_some(pb::ReceiveWindow {}),
            path_mtu: path_mtu.then_some(pb::PathMtu {}),
        }
    }

    fn from_wire(message: &pb::Extensions) -> Self {
        let mut set = Self::NONE;
        if message.sealed_close.is_some() {
            set = set.with(Extension::SealedClose);
        }
        if message.key_update.is_some() {
            set = set.with(Extension::KeyUpdate);
        }
        if message.receive_window.is_some() {
            set = set.with(Extension::ReceiveWindow);
        }
        if message.path_mtu.is_some() {
            set = set.with(Extension::PathMtu);
        }
        set
    }
}

impl fmt::Display for Extension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for ExtensionSet {
    /// The names with commas between them, or `none`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("none");
        }
        for (index, extension) in self.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{extension}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for ExtensionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use prost::Message;

    use super::*;

    #[test]
    fn every_set_crosses_the_wire() {
        for bits in 0..=ExtensionSet::ALL.0 {
            let set = ExtensionSet(bits);
            let bytes = set.to_wire().encode_to_vec();
            let back = pb::Extensions::decode(&bytes[..]).unwrap();
            assert_eq!(ExtensionSet::from_wire(&back), set);
        }
    }

    #[test]
    fn unknown_fields_and_parameters_are_ignored() {
        // Field 1 with a parameter of a later version, field 9 that nobody knows.
        let message = pb::Extensions::decode(&[0x0A, 2, 0x08, 7, 0x4A, 0][..]).unwrap();
        let agreed = ExtensionSet::ALL.agree(Cipher::Aes256Gcm, Some(&message));
        assert_eq!(agreed.to_string(), "sealed_close");
    }

    #[test]
    fn only_what_both_take_is_agreed_and_only_under_encryption() {
        let ours = ExtensionSet::ALL.without(Extension::KeyUpdate);
        let theirs = ExtensionSet::ALL.to_wire();
        let agreed = ours.agree(Cipher::Aes256Gcm, Some(&theirs));
        assert_eq!(agreed, ours);
        let plain = ours.agree(Cipher::Null, Some(&theirs));
        assert_eq!(plain, ExtensionSet::NONE);
        assert_eq!(ours.agree(Cipher::Aes256Gcm, None), ExtensionSet::NONE);
        assert_eq!(ExtensionSet::NONE.to_string(), "none");
        assert_eq!(
            ExtensionSet::ALL.to_string(),
            "sealed_close, key_update, receive_window, path_mtu"
        );
    }
}
