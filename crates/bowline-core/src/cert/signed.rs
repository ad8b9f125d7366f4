//! A certificate with the signature that vouches for it, as it is kept in files.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use prost::Message;
use zeroize::Zeroize;
use zeroize::Zeroizing;

use crate::cert::CertError;
use crate::cert::authority::{KeyId, signature_of};
use crate::cert::certificate::Certificate;
use crate::cert::text::{CERT_LABEL, TextError, armor, block, decode_base64};
use crate::crypto::Crypto;
use crate::crypto::keys::SigningKey;
use crate::limits::MAX_CERT_BYTES;
use crate::wire::pb;

/// A certificate and who signed it. That the signature holds is for [`Self::is_signed_by`] or a
/// [`crate::cert::store::CertStore`] to say.
#[derive(Clone, Debug)]
pub struct SignedCertificate {
    certificate: Certificate,
    bytes: Vec<u8>,
    signed: Option<(KeyId, [u8; 64])>,
    private: Option<SigningKey>,
}

/// Why something is no certificate.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SignedCertificateError {
    /// It is not even text of the right form.
    #[error(transparent)]
    Text(#[from] TextError),
    /// It is malformed.
    #[error(transparent)]
    Cert(#[from] CertError),
    /// There is a private key in it that is none.
    #[error("the private key in it has {0} bytes, not 32")]
    PrivateKey(usize),
}

impl SignedCertificate {
    /// Takes a certificate as it is on the wire.
    ///
    /// # Errors
    /// If it is malformed, or if its signature or private key has a wrong length.
    pub fn from_message(message: pb::CertificateSigned) -> Result<Self, SignedCertificateError> {
        let signed = match message.ca_signature {
            Some(_) => Some((KeyId::new(message.ca_key_id()), signature_of(&message)?)),
            None => None,
        };
        let bytes = message.cert.ok_or(CertError::Malformed)?;
        let private = message.private_key_data.map(Zeroizing::new);
        let private = match &private {
            Some(key) => {
                let seed = key.as_slice().try_into();
                Some(seed.map_err(|_| SignedCertificateError::PrivateKey(key.len()))?)
            }
            None => None,
        };
        Ok(Self {
            certificate: Certificate::parse(&bytes)?,
            bytes,
            signed,
            private: private.map(SigningKey::from_seed),
        })
    }

    /// Parses the binary form, which GNS's `SetCertificate` takes.
    ///
    /// # Errors
    /// As [`Self::from_message`], and if it is too long.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SignedCertificateError> {
        if bytes.len() > MAX_CERT_BYTES {
            return Err(SignedCertificateError::Text(TextError::TooLong {
                len: bytes.len(),
                limit: MAX_CERT_BYTES,
            }));
        }
        let message = pb::CertificateSigned::decode(bytes).map_err(|_| CertError::Malformed)?;
        Self::from_message(message)
    }

    /// Parses the text form: the first block [`CERT_LABEL`] with whatever stands around it, or nothing
    /// but base64, as in lists of certificates.
    ///
    /// # Errors
    /// As [`Self::from_bytes`], and if there is no such block.
    pub fn from_text(text: &str) -> Result<Self, SignedCertificateError> {
        match block(text, CERT_LABEL) {
            Ok(block) => Self::from_bytes(&block.decode()?),
            Err(error) => match decode_base64(text) {
                Ok(bytes) if !bytes.is_empty() => Self::from_bytes(&bytes),
                Ok(_) | Err(_) => Err(error.into()),
            },
        }
    }

    /// The binary form, without a private key.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.to_message().encode_to_vec()
    }

    /// The binary form, with its private key if it came with one: all that GNS's `SetCertificate` takes.
    pub fn to_bytes_with_key(&self) -> Zeroizing<Vec<u8>> {
        let mut message = self.to_message();
        message.private_key_data = self.private.as_ref().map(|key| key.seed().to_vec());
        let bytes = Zeroizing::new(message.encode_to_vec());
        message.private_key_data.zeroize();
        bytes
    }

    /// The text form, without a private key; byte for byte as GNS's tool writes it.
    pub fn to_text(&self) -> String {
        armor(CERT_LABEL, &self.to_bytes(), "\n").to_string()
    }

    /// The form that is on the wire, without a private key.
    pub fn to_message(&self) -> pb::CertificateSigned {
        pb::CertificateSigned {
            private_key_data: None,
            cert: Some(self.bytes.clone()),
            ca_key_id: self.signed.map(|(signer, _)| signer.get()),
            ca_signature: self.signed.map(|(_, signature)| signature.to_vec()),
        }
    }

    /// What it says.
    pub const fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The ID of the key that it is about.
    pub fn id(&self) -> KeyId {
        KeyId::of(self.certificate.key())
    }

    /// Who signed it, or is said to have; `None` if nobody did.
    pub fn signer(&self) -> Option<KeyId> {
        self.signed.map(|(signer, _)| signer)
    }

    /// Whether it is signed by the key that it is about, as the certificate of a root is.
    pub fn is_self_signed(&self, crypto: &Crypto) -> bool {
        self.signer() == Some(self.id()) && self.is_signed_by(crypto, self.certificate.key())
    }

    /// Whether the key `signer` made the signature.
    pub fn is_signed_by(&self, crypto: &Crypto, signer: &[u8; 32]) -> bool {
        self.signed.is_some_and(|(_, signature)| {
            let verified = crypto.ed25519_verify(signer, &self.bytes, &signature);
            verified.is_ok()
        })
    }

    /// The private key that came with it; few files have one.
    pub const fn private(&self) -> Option<&SigningKey> {
        self.private.as_ref()
    }
}

#[cfg(test)]
mod tests;
