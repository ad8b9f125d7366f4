//! What a host asks an authority to sign.

use alloc::string::String;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::net::IpAddr;

use prost::Message;

use crate::cert::CertError;
use crate::cert::certificate::Certificate;
use crate::cert::issue::{CertSpec, message};
use crate::cert::keypair::{KeyError, PublicKey};
use crate::cert::text::{REQUEST_LABEL, TextError, armor, block};
use crate::identity::Identity;
use crate::ids::AppId;
use crate::limits::MAX_CERT_BYTES;
use crate::pop::PopId;
use crate::wire::pb;

/// A request for a certificate: a public key and what its holder would like to be.
///
/// Nothing in it is proven, not even that the sender holds the key: GNS signs its requests in no way.
/// An authority decides by what it knows otherwise. A certificate for somebody else's key is of no use
/// to the one who asked for it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CertificateRequest {
    key: PublicKey,
    /// Whom the key is to belong to.
    pub identity: Option<Identity>,
    /// The apps that it is to be for.
    pub app_ids: Vec<AppId>,
    /// The data centers that it is to be for.
    pub pops: Vec<PopId>,
    /// The addresses that it is to be for.
    pub addresses: Vec<IpAddr>,
}

/// Why something is no request for a certificate.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// It is not even text of the right form.
    #[error(transparent)]
    Text(#[from] TextError),
    /// What it asks for is malformed.
    #[error(transparent)]
    Cert(#[from] CertError),
    /// Its key is one that no certificate should be made for.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// It asks for an address that is none.
    #[error("{0:?} is not an IP address")]
    Address(String),
}

impl CertificateRequest {
    /// A request for a key, which asks for nothing yet.
    pub const fn new(key: PublicKey) -> Self {
        Self {
            key,
            identity: None,
            app_ids: Vec::new(),
            pops: Vec::new(),
            addresses: Vec::new(),
        }
    }

    /// Parses the bytes that GNS's `GetCertificateRequest` makes.
    ///
    /// Fields that are unknown are not kept, and of a field that is there twice the last counts.
    ///
    /// # Errors
    /// If it is too long or malformed, or if its key is of no use.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RequestError> {
        if bytes.len() > MAX_CERT_BYTES {
            return Err(RequestError::Text(TextError::TooLong {
                len: bytes.len(),
                limit: MAX_CERT_BYTES,
            }));
        }
        let message = pb::CertificateRequest::decode(bytes).map_err(|_| CertError::Malformed)?;
        let asked = message.cert.ok_or(CertError::Malformed)?;
        let cert = Certificate::from_message(asked)?;
        let address = |text: &String| {
            text.parse()
                .map_err(|_| RequestError::Address(text.clone()))
        };
        Ok(Self {
            key: PublicKey::new(*cert.key())?,
            identity: cert.identity().cloned(),
            app_ids: cert.app_ids().to_vec(),
            pops: cert.pops().to_vec(),
            addresses: cert
                .addresses()
                .iter()
                .map(address)
                .collect::<Result<_, _>>()?,
        })
    }

    /// The bytes that GNS's `GetCertificateRequest` would make.
    pub fn to_bytes(&self) -> Vec<u8> {
        let cert = pb::Certificate {
            gameserver_datacenter_ids: self.pops.iter().map(|pop| pop.get()).collect(),
            app_ids: self.app_ids.iter().map(|app| app.get()).collect(),
            ip_addresses: self.addresses.iter().map(IpAddr::to_string).collect(),
            ..message(self.key.as_bytes(), self.identity.as_ref())
        };
        pb::CertificateRequest { cert: Some(cert) }.encode_to_vec()
    }

    /// Parses the text form.
    ///
    /// # Errors
    /// As [`Self::from_bytes`], and if there is no block [`REQUEST_LABEL`] in it.
    pub fn from_text(text: &str) -> Result<Self, RequestError> {
        Self::from_bytes(&block(text, REQUEST_LABEL)?.decode()?)
    }

    /// The text form: the bytes in the armour that certificates have too. GNS has none.
    pub fn to_text(&self) -> String {
        armor(REQUEST_LABEL, &self.to_bytes(), "\n").to_string()
    }

    /// The key that the certificate is to be about.
    pub const fn key(&self) -> PublicKey {
        self.key
    }

    /// A certificate that grants all that is asked for.
    pub fn spec(&self, created_unix_secs: u32, expiry_unix_secs: u32) -> CertSpec {
        CertSpec {
            key: *self.key.as_bytes(),
            identity: self.identity.clone(),
            app_ids: self.app_ids.clone(),
            pops: self.pops.clone(),
            addresses: self.addresses.clone(),
            created_unix_secs,
            expiry_unix_secs,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::vec;

    use proptest::prelude::*;

    use super::*;
    use crate::cert::keypair::KeyPair;
    use crate::crypto::keys::SigningKey;
    use crate::crypto::rustcrypto::provider;

    fn key() -> PublicKey {
        KeyPair::new(&provider(), SigningKey::from_seed([1; 32])).public()
    }

    fn request() -> CertificateRequest {
        let mut request = CertificateRequest::new(key());
        request.identity = Some(Identity::str("anna").unwrap());
        request.app_ids = vec![AppId::new(440)];
        request.pops = vec!["fra".parse().unwrap()];
        request.addresses = vec!["192.0.2.7".parse().unwrap(), "2001:db8::7".parse().unwrap()];
        request
    }

    /// What becomes of the request above if the message is changed.
    fn changed(
        change: impl FnOnce(&mut pb::Certificate),
    ) -> Result<CertificateRequest, RequestError> {
        let mut message = pb::CertificateRequest::decode(&*request().to_bytes()).unwrap();
        change(message.cert.as_mut().unwrap());
        CertificateRequest::from_bytes(&message.encode_to_vec())
    }

    #[test]
    fn both_forms_round_trip() {
        for request in [request(), CertificateRequest::new(key())] {
            let bytes = request.to_bytes();
            assert_eq!(CertificateRequest::from_bytes(&bytes).unwrap(), request);
            let text = request.to_text();
            assert!(text.starts_with("-----BEGIN STEAMDATAGRAM CERT REQUEST-----\n"));
            assert_eq!(CertificateRequest::from_text(&text).unwrap(), request);
        }
    }

    #[test]
    fn requests_of_the_original_read_and_are_written_as_they_were() {
        let anonymous = include_bytes!("../../testdata/cert/gns_request_anonymous.bin");
        let generic = include_bytes!("../../testdata/cert/gns_request_gen.bin");
        let steam = include_bytes!("../../testdata/cert/gns_request_steamid.bin");
        let string = include_bytes!("../../testdata/cert/gns_request_str.bin");
        for (bytes, identity) in [
            (&anonymous[..], None),
            (generic, Some("gen:0102ff")),
            (steam, Some("steamid:76561197960287930")),
            (string, Some("str:gns-host")),
        ] {
            let request = CertificateRequest::from_bytes(bytes).unwrap();
            let expected = identity.map(|text| text.parse().unwrap());
            assert_eq!(request.identity, expected);
            assert_eq!(request.to_bytes(), bytes, "{identity:?}");
        }
    }

    #[test]
    fn requests_for_bad_keys_are_refused() {
        let refused = |change: fn(&mut pb::Certificate)| changed(change).unwrap_err();
        let key_type = RequestError::Cert(CertError::KeyType);
        assert_eq!(refused(|cert| cert.key_type = Some(2)), key_type);
        assert_eq!(refused(|cert| cert.key_type = None), key_type);
        assert_eq!(refused(|cert| cert.key_data = Some(vec![9; 31])), key_type);
        assert_eq!(refused(|cert| cert.key_data = None), key_type);
        assert_eq!(
            refused(|cert| cert.key_data = Some(vec![0; 32])),
            RequestError::Key(KeyError::BadPoint)
        );
    }

    #[test]
    fn requests_for_nonsense_are_refused() {
        let error = changed(|cert| cert.identity_string = Some("anna".into())).unwrap_err();
        assert!(matches!(error, RequestError::Cert(CertError::Identity(_))));
        let error = changed(|cert| cert.ip_addresses = vec!["192.0.2.0/24".into()]);
        assert_eq!(
            error.unwrap_err().to_string(),
            "\"192.0.2.0/24\" is not an IP address"
        );
        for bytes in [&[][..], &[0x0A, 0xFF], &[0x0A, 5, 1]] {
            let error = CertificateRequest::from_bytes(bytes).unwrap_err();
            assert_eq!(error, RequestError::Cert(CertError::Malformed));
        }
    }

    #[test]
    fn every_truncation_is_refused_or_asks_for_less() {
        let whole = request().to_bytes();
        for len in 0..whole.len() {
            assert!(
                CertificateRequest::from_bytes(&whole[..len]).is_err(),
                "{len}"
            );
        }
    }

    #[test]
    fn of_a_field_that_is_there_twice_the_last_counts_and_unknown_ones_are_lost() {
        let second = pb::CertificateRequest {
            cert: Some(pb::Certificate {
                identity_string: Some("str:bert".into()),
                ..pb::Certificate::default()
            }),
        };
        let mut bytes = request().to_bytes();
        bytes.extend_from_slice(&second.encode_to_vec());
        bytes.extend_from_slice(&[0xA0, 0x06, 5]); // field 100
        let twice = CertificateRequest::from_bytes(&bytes).unwrap();
        let mut expected = request();
        expected.identity = Some(Identity::str("bert").unwrap());
        assert_eq!(twice, expected);
        assert_eq!(twice.to_bytes(), expected.to_bytes());
    }

    #[test]
    fn oversized_requests_are_refused() {
        let mut request = request();
        request.app_ids = (0..9000).map(AppId::new).collect();
        let error = CertificateRequest::from_bytes(&request.to_bytes()).unwrap_err();
        let shown = error.to_string();
        assert!(
            shown.ends_with("bytes are more than the 16384 that are allowed"),
            "{shown}"
        );
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _: Result<_, _> = CertificateRequest::from_bytes(&bytes);
        }

        #[test]
        fn damaged_requests_never_panic(at in any::<prop::sample::Index>(), byte: u8) {
            let mut bytes = request().to_bytes();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let _: Result<_, _> = CertificateRequest::from_text(&armor(REQUEST_LABEL, &bytes, "\n"));
        }
    }
}
