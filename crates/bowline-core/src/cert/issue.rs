//! Making certificates.

use alloc::string::ToString;
use alloc::vec::Vec;
use core::net::IpAddr;

use prost::Message;

use crate::cert::authority::Authority;
use crate::crypto::Crypto;
use crate::crypto::Ed25519Key;
use crate::identity::Identity;
use crate::ids::AppId;
use crate::pop::PopId;
use crate::wire::pb;
use crate::wire::pb::certificate::KeyType;

/// What an authority vouches for.
///
/// Peers refuse a certificate with an identity and no app, and one without an identity unless its
/// holder is an anonymous game server and it names a data center. The certificate of an authority
/// has no identity.
#[derive(Clone, Debug)]
pub struct CertSpec {
    /// The public key.
    pub key: [u8; 32],
    /// Whom the key belongs to.
    pub identity: Option<Identity>,
    /// The apps that it is for.
    pub app_ids: Vec<AppId>,
    /// The data centers that it is for; all if there are none.
    pub pops: Vec<PopId>,
    /// The addresses that it is for; all if there are none. Peers do not check them.
    pub addresses: Vec<IpAddr>,
    /// When it was made, in seconds since 1970.
    pub created_unix_secs: u32,
    /// The last second in which it holds, since 1970.
    pub expiry_unix_secs: u32,
}

/// The certificate that a host without an authority makes for itself, in the bytes that GNS would
/// send (wire.md 3.2). Goes out as the only field of a signed certificate.
///
/// Peers refuse a certificate with an identity and no app. So one for [`AppId::ANY`] names nobody, and who its holder is
/// stands in its packets only.
pub fn issue_unsigned(key: &dyn Ed25519Key, identity: &Identity, app: AppId) -> Vec<u8> {
    if app == AppId::ANY {
        return message(&key.public(), None).encode_to_vec();
    }
    pb::Certificate {
        app_ids: Vec::from([app.get()]),
        ..message(&key.public(), Some(identity))
    }
    .encode_to_vec()
}

impl Authority {
    /// Signs a certificate.
    pub fn issue(&self, crypto: &Crypto, spec: &CertSpec) -> pb::CertificateSigned {
        let cert = pb::Certificate {
            gameserver_datacenter_ids: spec.pops.iter().map(|pop| pop.get()).collect(),
            time_created: Some(spec.created_unix_secs),
            time_expiry: Some(spec.expiry_unix_secs),
            app_ids: spec.app_ids.iter().map(|app| app.get()).collect(),
            ip_addresses: spec.addresses.iter().map(IpAddr::to_string).collect(),
            ..message(&spec.key, spec.identity.as_ref())
        }
        .encode_to_vec();
        let signature = self.key().sign(crypto, &cert);
        pb::CertificateSigned {
            cert: Some(cert),
            ca_key_id: Some(self.key_id().get()),
            ca_signature: Some(signature.to_vec()),
            private_key_data: None,
        }
    }
}

/// The fields that every certificate has. Its identity goes in each form that exists of it.
pub(crate) fn message(key: &[u8; 32], identity: Option<&Identity>) -> pb::Certificate {
    let (legacy_identity_binary, identity_string) = match identity.map(Identity::to_wire) {
        Some((legacy, string)) => (legacy, Some(string)),
        None => (None, None),
    };
    pb::Certificate {
        key_type: Some(KeyType::Ed25519.into()),
        key_data: Some(key.to_vec()),
        legacy_steam_id: identity.and_then(Identity::legacy_steam_id),
        legacy_identity_binary,
        identity_string,
        ..pb::Certificate::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cert::certificate::Certificate;
    use crate::crypto::keys::SigningKey;
    use crate::crypto::rustcrypto::provider;
    use crate::crypto::vectors::hex_vec;

    /// The client of wire.md 12.4.
    fn key() -> SigningKey {
        let mut seed = [0; 32];
        for (value, byte) in (0..).zip(&mut seed) {
            *byte = value;
        }
        SigningKey::from_seed(seed)
    }

    #[test]
    fn unsigned_certificate_has_the_bytes_of_the_original() {
        let cert = issue_unsigned(
            &*key().ready(&provider()),
            &Identity::anonymous(),
            AppId::new(0),
        );
        let expected = "0801122003a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc86641255\
                        31b850005a142212000000000000000000000000000000010000620669703a3a3a31";
        assert_eq!(cert, hex_vec(expected));
    }

    #[test]
    fn a_service_for_all_games_names_neither_a_game_nor_itself() {
        let identity: Identity = "str:bowline-hub".parse().unwrap();
        let cert = issue_unsigned(&*key().ready(&provider()), &identity, AppId::ANY);
        let cert = Certificate::parse(&cert).unwrap();
        assert_eq!((cert.identity(), cert.app_ids()), (None, &[][..]));
    }

    #[test]
    fn steam_id_goes_into_all_three_fields() {
        let identity: Identity = "steamid:76561197960287930".parse().unwrap();
        let cert = issue_unsigned(&*key().ready(&provider()), &identity, AppId::new(440));
        let message = pb::Certificate::decode(&*cert).unwrap();
        assert_eq!(message.legacy_steam_id, Some(76_561_197_960_287_930));
        assert_eq!(
            message.legacy_identity_binary.unwrap().steam_id,
            message.legacy_steam_id
        );
        assert_eq!(
            message.identity_string.as_deref(),
            Some("steamid:76561197960287930")
        );
    }

    #[test]
    fn issued_certificate_says_what_was_asked_for() {
        let crypto = provider();
        let authority = Authority::new(&crypto, key());
        let signed = authority.issue(
            &crypto,
            &CertSpec {
                key: [9; 32],
                identity: Some(Identity::str("anna").unwrap()),
                app_ids: Vec::from([AppId::new(1), AppId::new(2)]),
                pops: Vec::from([PopId::new(3)]),
                addresses: Vec::from(["192.0.2.7".parse().unwrap()]),
                created_unix_secs: 100,
                expiry_unix_secs: 200,
            },
        );
        let cert = Certificate::parse(signed.cert()).unwrap();
        assert_eq!(cert.key(), &[9; 32]);
        assert_eq!(cert.identity(), Some(&Identity::str("anna").unwrap()));
        assert_eq!(cert.app_ids(), [1, 2].map(AppId::new));
        assert_eq!(cert.pops(), [PopId::new(3)]);
        assert_eq!(cert.addresses(), ["192.0.2.7"]);
        assert_eq!(cert.created_unix_secs(), Some(100));
        assert_eq!(cert.expiry_unix_secs(), Some(200));
        assert_eq!(signed.ca_key_id(), authority.key_id().get());
        let signature = signed.ca_signature().try_into().unwrap();
        assert!(
            crypto
                .ed25519_verify(authority.public(), signed.cert(), signature)
                .is_ok()
        );
    }
}
