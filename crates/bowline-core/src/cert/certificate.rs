//! A certificate, parsed.

use alloc::string::String;
use alloc::vec::Vec;

use prost::Message;

use crate::cert::CertError;
use crate::identity::{Identity, IdentityError};
use crate::ids::AppId;
use crate::pop::PopId;
use crate::wire::pb;
use crate::wire::pb::certificate::KeyType;

/// What a certificate says. Whether it is true is another question, see [`crate::cert::check`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Certificate {
    key: [u8; 32],
    identity: Option<Identity>,
    app_ids: Vec<AppId>,
    pops: Vec<PopId>,
    addresses: Vec<String>,
    created_unix_secs: Option<u32>,
    expiry_unix_secs: Option<u32>,
}

impl Certificate {
    /// Parses the bytes that an authority signs.
    ///
    /// # Errors
    /// If it is malformed, its key is not Ed25519 or its identity is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, CertError> {
        Self::from_message(decode(bytes)?)
    }

    /// The same from the message.
    pub(crate) fn from_message(message: pb::Certificate) -> Result<Self, CertError> {
        Ok(Self {
            key: key_of(&message)?,
            identity: identity_of(&message)?,
            app_ids: message.app_ids.into_iter().map(AppId::new).collect(),
            pops: pops_of(&message.gameserver_datacenter_ids).collect(),
            addresses: message.ip_addresses,
            created_unix_secs: message.time_created,
            expiry_unix_secs: message.time_expiry,
        })
    }

    /// The Ed25519 public key.
    pub const fn key(&self) -> &[u8; 32] {
        &self.key
    }

    /// Whom the key belongs to, if it says so.
    pub const fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    /// The apps that it is for; all if there are none.
    pub fn app_ids(&self) -> &[AppId] {
        &self.app_ids
    }

    /// The data centers that it is for; all if there are none.
    pub fn pops(&self) -> &[PopId] {
        &self.pops
    }

    /// The addresses that it is for, as they are written in it; all if there are none. Connections do
    /// not look at them, as in GNS (wire.md 3.2).
    pub fn addresses(&self) -> &[String] {
        &self.addresses
    }

    /// When it was made, in seconds since 1970.
    pub const fn created_unix_secs(&self) -> Option<u32> {
        self.created_unix_secs
    }

    /// The last second in which it holds, since 1970.
    pub const fn expiry_unix_secs(&self) -> Option<u32> {
        self.expiry_unix_secs
    }
}

pub(crate) fn decode(bytes: &[u8]) -> Result<pb::Certificate, CertError> {
    pb::Certificate::decode(bytes).map_err(|_| CertError::Malformed)
}

pub(crate) fn key_of(message: &pb::Certificate) -> Result<[u8; 32], CertError> {
    match message.key_type() {
        KeyType::Invalid => Err(CertError::KeyType),
        KeyType::Ed25519 => message
            .key_data()
            .try_into()
            .map_err(|_| CertError::KeyType),
    }
}

pub(crate) fn identity_of(message: &pb::Certificate) -> Result<Option<Identity>, IdentityError> {
    Identity::from_wire(
        message.identity_string.as_deref(),
        message.legacy_identity_binary.as_ref(),
        message.legacy_steam_id,
    )
}

pub(crate) fn pops_of(numbers: &[u32]) -> impl Iterator<Item = PopId> + '_ {
    numbers.iter().copied().map(PopId::new)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message() -> pb::Certificate {
        pb::Certificate {
            key_type: Some(1),
            key_data: Some([7; 32].to_vec()),
            app_ids: alloc::vec![440],
            gameserver_datacenter_ids: alloc::vec![0x0069_6164],
            time_created: Some(1),
            time_expiry: Some(2),
            identity_string: Some("str:anna".into()),
            ..pb::Certificate::default()
        }
    }

    fn parse(message: &pb::Certificate) -> Result<Certificate, CertError> {
        Certificate::parse(&message.encode_to_vec())
    }

    #[test]
    fn reads_every_field() {
        let cert = parse(&message()).unwrap();
        assert_eq!(cert.key(), &[7; 32]);
        assert_eq!(cert.identity(), Some(&Identity::str("anna").unwrap()));
        assert_eq!(cert.app_ids(), [AppId::new(440)]);
        assert_eq!(cert.pops(), [PopId::new(0x0069_6164)]);
        assert_eq!(cert.created_unix_secs(), Some(1));
        assert_eq!(cert.expiry_unix_secs(), Some(2));
    }

    #[test]
    fn takes_packed_lists_and_unknown_fields_too() {
        let mut bytes = message().encode_to_vec();
        bytes.extend_from_slice(&[0x52, 2, 1, 2]); // field 10, packed: 1 and 2
        bytes.extend_from_slice(&[0xA0, 0x06, 5]); // field 100
        let cert = Certificate::parse(&bytes).unwrap();
        assert_eq!(cert.app_ids(), [440, 1, 2].map(AppId::new));
    }

    #[test]
    fn refuses_other_keys_and_bad_identities() {
        let refused = |change: fn(&mut pb::Certificate)| {
            let mut message = message();
            change(&mut message);
            parse(&message).unwrap_err()
        };
        assert_eq!(refused(|m| m.key_type = None), CertError::KeyType);
        assert_eq!(refused(|m| m.key_type = Some(2)), CertError::KeyType);
        assert_eq!(
            refused(|m| m.key_data = Some([7; 31].to_vec())),
            CertError::KeyType
        );
        assert_eq!(
            refused(|m| m.identity_string = Some("anna".into())),
            CertError::Identity(IdentityError::Prefix)
        );
        assert_eq!(Certificate::parse(&[0xFF]), Err(CertError::Malformed));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _: Result<Certificate, CertError> = Certificate::parse(&bytes);
        }

        #[test]
        fn damaged_certificates_never_panic(at in any::<proptest::sample::Index>(), byte in any::<u8>()) {
            let mut bytes = message().encode_to_vec();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let _: Result<Certificate, CertError> = Certificate::parse(&bytes);
        }
    }
}
