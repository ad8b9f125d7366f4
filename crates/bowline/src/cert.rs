//! Keys, certificates and authorities: who vouches for whom, kept in files.
//!
//! An operator makes an authority once, and signs the requests of servers and players with it:
//!
//! ```
//! use bowline::cert::{Authority, CertStore, CertificateRequest, SignedCertificate};
//! use bowline::{Identity, cert};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let crypto = cert::default_crypto();
//! let root = cert::generate_key_pair()?;
//!
//! // On the server. Its private key never leaves it.
//! let server = cert::generate_key_pair()?;
//! let mut request = CertificateRequest::new(server.public());
//! request.identity = Some(Identity::str("server-1")?);
//! request.app_ids = vec![cert::AppId::new(480)];
//! let file = request.to_text();
//!
//! // With the operator, who should know by other means that it is the server who asks.
//! let request = CertificateRequest::from_text(&file)?;
//! let now = 1_800_000_000;
//! let spec = request.spec(now, now + 30 * 86_400);
//! let authority = Authority::new(&crypto, root.private().clone());
//! let signed = SignedCertificate::from_message(authority.issue(&crypto, &spec))?;
//! let file = signed.to_text();
//! assert!(file.starts_with("-----BEGIN STEAMDATAGRAM CERT-----"));
//!
//! // Whoever trusts the operator.
//! let mut store = CertStore::new();
//! store.add_root(&crypto, root.public())?;
//! let signed = SignedCertificate::from_text(&file)?;
//! store.check(&crypto, &signed.to_message(), Some(now.into()))?;
//! # Ok(())
//! # }
//! ```
//!
//! The `bowline cert` command does the same with files. A program that was given some:
//!
//! ```
//! use bowline::cert::{self, CertStore, KeyPair, SignedCertificate};
//! use bowline::Sockets;
//!
//! # fn try_it() -> Result<(), Box<dyn std::error::Error>> {
//! let read = |name: &str| std::fs::read_to_string(name);
//! let crypto = cert::default_crypto();
//! let mut trusted = CertStore::new();
//! for name in ["root.cert", "daily.cert"] {
//!     trusted.add_from_text(&crypto, &read(name)?)?;
//! }
//! let sockets = Sockets::builder()
//!     .app_id(480)
//!     .key(KeyPair::from_pem(&crypto, &read("server.key")?)?)
//!     .certificate(SignedCertificate::from_text(&read("server.cert")?)?)
//!     .trust(trusted)
//!     .build()?;
//! # Ok(())
//! # }
//! ```

use std::io;

use bowline_core::rng::Rng;

pub use bowline_core::cert::CertError;
pub use bowline_core::cert::authority::Authority;
pub use bowline_core::cert::authority::KeyId;
pub use bowline_core::cert::certificate::Certificate;
pub use bowline_core::cert::date::UnixTime;
pub use bowline_core::cert::date::UnixTimeError;
pub use bowline_core::cert::issue::CertSpec;
pub use bowline_core::cert::keypair::KeyError;
pub use bowline_core::cert::keypair::KeyPair;
pub use bowline_core::cert::keypair::PublicKey;
pub use bowline_core::cert::request::CertificateRequest;
pub use bowline_core::cert::request::RequestError;
pub use bowline_core::cert::scope::Restriction;
pub use bowline_core::cert::scope::Scope;
pub use bowline_core::cert::signed::SignedCertificate;
pub use bowline_core::cert::signed::SignedCertificateError;
pub use bowline_core::cert::store::CertStore;
pub use bowline_core::cert::store::Distrust;
pub use bowline_core::cert::store::Link;
pub use bowline_core::cert::store::TrustFileError;
pub use bowline_core::cert::text;
pub use bowline_core::cert::verify::Demands;
pub use bowline_core::cert::verify::Limit;
pub use bowline_core::cert::verify::VerifyError;
pub use bowline_core::cert::verify::verify;
pub use bowline_core::ids::AppId;
pub use bowline_core::limits::MAX_CERT_TEXT;

use crate::Crypto;

/// What signs and verifies where nothing else is chosen.
pub fn default_crypto() -> Crypto {
    bowline_io::crypto::default_provider()
}

/// A fresh key pair from the system's randomness.
///
/// # Errors
/// If the system has no randomness to give.
pub fn generate_key_pair() -> Result<KeyPair, io::Error> {
    let mut rng = Rng::from_seed(bowline_io::entropy::seed()?);
    Ok(KeyPair::generate(&default_crypto(), &mut rng))
}
