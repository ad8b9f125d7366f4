//! What the key of a certificate signs for one connection: its half of the key exchange.

use alloc::vec::Vec;

use prost::Message;
use zeroize::Zeroizing;

use crate::cert::check::PeerRefused;
use crate::crypto::cipher_negotiation::{Cipher, from_wire};
use crate::crypto::{Ed25519Key, X25519Key};
use crate::limits::PROTOCOL_VERSION;
use crate::wire::pb;
use crate::wire::pb::session_crypt_info::KeyType;

/// Our half of a key exchange, before it is signed.
#[derive(Clone, Debug)]
pub struct SessionOffer<'a> {
    /// Our X25519 public key.
    pub exchange_key: [u8; 32],
    /// A random number.
    pub nonce: u64,
    /// A client's ciphers, the best first, or the one that a server chose.
    pub ciphers: &'a [Cipher],
    /// What we offer beyond GNS, or take of what was offered.
    pub extensions: Option<pb::Extensions>,
}

/// A peer's half of a key exchange, whose signature holds.
///
/// The exchange key is kept as it came: GNS judges it only when the application accepts, and then
/// answers (wire.md 0.1).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SessionCrypt {
    key_type_ok: bool,
    key_data: Vec<u8>,
    nonce: u64,
    protocol_version: u32,
    ciphers: Vec<Cipher>,
    extensions: Option<pb::Extensions>,
}

/// Encodes our half and signs it with the key of our certificate.
pub fn sign_session(key: &dyn Ed25519Key, offer: &SessionOffer<'_>) -> pb::SessionCryptInfoSigned {
    let info = pb::SessionCryptInfo {
        key_type: Some(KeyType::Curve25519.into()),
        key_data: Some(offer.exchange_key.to_vec()),
        nonce: Some(offer.nonce),
        protocol_version: Some(PROTOCOL_VERSION),
        ciphers: offer
            .ciphers
            .iter()
            .map(|cipher| cipher.to_wire())
            .collect(),
        extensions: offer.extensions,
    }
    .encode_to_vec();
    let signature = key.sign(&info);
    pb::SessionCryptInfoSigned {
        info: Some(info),
        signature: Some(signature.to_vec()),
    }
}

impl SessionCrypt {
    /// Parses the bytes that were signed. A nonce that is missing counts as 0, a key type that is
    /// unknown as a wrong one.
    ///
    /// # Errors
    /// `EndReason::REMOTE_BAD_CRYPT` if they are no protobuf message.
    pub fn parse(info: &[u8]) -> Result<Self, PeerRefused> {
        let message = pb::SessionCryptInfo::decode(info)
            .map_err(|_| PeerRefused::bad_crypt("Crypt info failed to parse"))?;
        Ok(Self {
            key_type_ok: match message.key_type() {
                KeyType::Invalid => false,
                KeyType::Curve25519 => true,
            },
            nonce: message.nonce(),
            protocol_version: message.protocol_version(),
            ciphers: from_wire(&message.ciphers),
            extensions: message.extensions,
            key_data: message.key_data.unwrap_or_default(),
        })
    }

    /// The peer's nonce.
    pub const fn nonce(&self) -> u64 {
        self.nonce
    }

    /// The peer's protocol version.
    pub const fn protocol_version(&self) -> u32 {
        self.protocol_version
    }

    /// The ciphers that the peer offers or chose, as far as we know them.
    pub fn ciphers(&self) -> &[Cipher] {
        &self.ciphers
    }

    /// What the peer offers beyond GNS; `None` if it does not know what that is.
    pub const fn extensions(&self) -> Option<&pb::Extensions> {
        self.extensions.as_ref()
    }

    /// The peer's X25519 public key.
    ///
    /// # Errors
    /// `EndReason::REMOTE_BAD_CRYPT` if it is of another type or length.
    pub fn exchange_key(&self) -> Result<[u8; 32], PeerRefused> {
        if !self.key_type_ok {
            return Err(PeerRefused::bad_crypt("Unsupported DH key type 0"));
        }
        self.key_data
            .as_slice()
            .try_into()
            .map_err(|_| PeerRefused::bad_crypt("Invalid DH key"))
    }

    /// The secret that only the peer and the owner of `ours` know.
    ///
    /// # Errors
    /// As [`Self::exchange_key`], and if the key is a point of low order.
    pub fn agree(&self, ours: &dyn X25519Key) -> Result<Zeroizing<[u8; 32]>, PeerRefused> {
        ours.agree(&self.exchange_key()?)
            .map_err(|_| PeerRefused::bad_crypt("Key exchange failed"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::crypto::rustcrypto::provider;
    use crate::crypto::vectors::{hex, hex_vec};

    fn info(change: impl FnOnce(&mut pb::SessionCryptInfo)) -> SessionCrypt {
        let mut message = pb::SessionCryptInfo {
            key_type: Some(1),
            key_data: Some([9; 32].to_vec()),
            nonce: Some(5),
            protocol_version: Some(13),
            ciphers: Vec::from([2]),
            extensions: None,
        };
        change(&mut message);
        SessionCrypt::parse(&message.encode_to_vec()).unwrap()
    }

    #[test]
    fn signed_offer_has_the_bytes_of_the_recorded_session() {
        let crypto = provider();
        let key = crypto.ed25519_key(&hex(
            "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        ));
        let exchange = crypto.x25519_key(&hex(
            "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f",
        ));
        let signed = sign_session(
            &*key,
            &SessionOffer {
                exchange_key: exchange.public(),
                nonce: 0x0102_0304_0506_0708,
                ciphers: &[Cipher::Aes256Gcm],
                extensions: None,
            },
        );
        assert_eq!(
            signed.info(),
            hex_vec(
                "08011220358072d6365880d1aeea329adf9121383851ed21a28e3b75e965d0d2cd166254
                 190807060504030201200d2802"
            )
        );
        assert_eq!(
            signed.signature(),
            hex_vec(
                "093eeaae77f410e8c2b9663b649a345603786775db8842f9aaa322acb8473dd3
                 2e2bcad2fcb95d7fb479c01757289d879dfead5a4adc9ef8c96ef5a3e400f604"
            )
        );
    }

    #[test]
    fn bad_exchange_keys_parse_and_are_refused_later() {
        let ours = provider().x25519_key(&[1; 32]);
        let refused = |crypt: SessionCrypt| crypt.agree(&*ours).unwrap_err();
        for key_type in [None, Some(0), Some(7)] {
            let refused = refused(info(|m| m.key_type = key_type));
            assert_eq!(refused, PeerRefused::bad_crypt("Unsupported DH key type 0"));
        }
        for length in [0, 31, 33] {
            let refused = refused(info(|m| m.key_data = Some(alloc::vec![9; length])));
            assert_eq!(refused, PeerRefused::bad_crypt("Invalid DH key"));
        }
        let low_order = refused(info(|m| m.key_data = Some([0; 32].to_vec())));
        assert_eq!(low_order, PeerRefused::bad_crypt("Key exchange failed"));
        assert!(info(|_| {}).agree(&*ours).is_ok());
    }

    #[test]
    fn missing_fields_have_their_defaults() {
        let crypt = SessionCrypt::parse(&[]).unwrap();
        assert_eq!((crypt.nonce(), crypt.protocol_version()), (0, 0));
        assert_eq!(crypt.ciphers(), [Cipher::Aes256Gcm]);
        assert_eq!(crypt.extensions(), None);
    }

    #[test]
    fn empty_extensions_are_seen() {
        let crypt = info(|m| m.extensions = Some(pb::Extensions::default()));
        assert_eq!(crypt.extensions(), Some(&pb::Extensions::default()));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(crypt) = SessionCrypt::parse(&bytes) {
                let _: Result<_, _> = crypt.agree(&*provider().x25519_key(&[1; 32]));
            }
        }
    }
}
