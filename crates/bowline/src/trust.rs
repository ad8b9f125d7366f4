//! Who we are and whom we trust, at run time.

use std::net::SocketAddr;

use bowline_core::cert::CertError;
use bowline_core::cert::authority::KeyId;
use bowline_core::cert::credentials::CredentialsError;
use bowline_core::cert::expect::Expect;
use bowline_core::config::Config;
use bowline_core::endpoint::AuthenticationStatus;
use bowline_core::identity::Identity;

use crate::connection::Connection;
use crate::error::ConnectError;
use crate::sockets::Sockets;

/// Certificates and trust. All of it counts for connections made from then on; those that exist go on
/// as they are, but for [`reset_identity`](Sockets::reset_identity).
impl Sockets {
    /// Like [`connect_with`](Self::connect_with), to a peer that must prove who it is.
    ///
    /// If it does not, the connection ends with
    /// [`EndReason::REMOTE_BAD_CERT`](crate::EndReason::REMOTE_BAD_CERT), and of the messages sent so
    /// far none leaves this machine.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub fn connect_expecting(
        &self,
        addr: SocketAddr,
        expect: Expect,
        config: Config,
    ) -> Result<Connection, ConnectError> {
        let slot = self.inner().connect(addr, Some(config), Some(expect))?;
        Ok(Connection::new(slot))
    }

    /// What to send to an authority, so that it signs a certificate for this interface: its public key
    /// and, unless it is anonymous, its identity. Makes a key if there is none.
    ///
    /// The bytes are those of the original's `GetCertificateRequest`.
    pub fn certificate_request(&self) -> Vec<u8> {
        self.inner()
            .with_trust(|endpoint| endpoint.certificate_request())
    }

    /// Takes the certificate that an authority signed, first or anew. Peers of later connections are
    /// shown it; those that exist are not touched.
    ///
    /// The bytes are those that the original's `SetCertificate` takes. The certificate must be about
    /// the key of [`certificate_request`](Self::certificate_request), unless it comes with its private
    /// key and there is none yet. An interface without an identity takes that of the certificate.
    ///
    /// # Errors
    /// If the certificate cannot be ours, and why. Nothing is changed then.
    pub fn set_certificate(&self, signed: &[u8]) -> Result<(), CredentialsError> {
        self.inner().with_trust(|endpoint| {
            let now = self.now();
            endpoint.set_certificate(now, signed)
        })
    }

    /// Whether this interface has a certificate. A change of it is told by
    /// [`Event::AuthenticationChanged`](crate::Event::AuthenticationChanged).
    pub fn authentication(&self) -> AuthenticationStatus {
        self.inner().hub.lock().endpoint.authentication().clone()
    }

    /// Gets ready to prove who we are, and tells how far that is.
    ///
    /// There is no authority yet that could be asked over the network, so this starts nothing: without
    /// [`set_certificate`](Self::set_certificate) the answer stays `CannotTry`.
    pub fn init_authentication(&self) -> AuthenticationStatus {
        self.authentication()
    }

    /// Closes all connections, forgets key and certificate, and becomes `identity`, or anonymous until
    /// a certificate names somebody. Listeners go on listening.
    pub fn reset_identity(&self, identity: Option<Identity>) {
        let identity = identity.unwrap_or_else(Identity::anonymous);
        self.inner().reset_identity(identity);
    }

    /// Trusts a public key to vouch for any peer, and returns its ID. None is trusted unless added
    /// here or by [`SocketsBuilder::trust_root`](crate::SocketsBuilder::trust_root).
    ///
    /// # Errors
    /// If there are too many, or the key's ID belongs to another one.
    pub fn trust_root(&self, public: [u8; 32]) -> Result<KeyId, CertError> {
        self.inner()
            .with_trust(|endpoint| endpoint.trust_root(public))
    }

    /// Takes the certificate of an authority between a root and peers, in its binary form, and returns
    /// the ID of its key. It counts if a trusted key signed it. Certificates of authorities do not
    /// come with those of peers: whoever checks must have them already.
    ///
    /// # Errors
    /// If it cannot be the certificate of an authority, or there are too many.
    pub fn add_authority(&self, signed: &[u8]) -> Result<KeyId, CertError> {
        self.inner()
            .with_trust(|endpoint| endpoint.add_authority(signed))
    }

    /// Trusts a key no longer, for good: an authority's, with all below it, or a peer's.
    ///
    /// # Errors
    /// If too many are revoked.
    pub fn revoke(&self, key: KeyId) -> Result<(), CertError> {
        self.inner().with_trust(|endpoint| endpoint.revoke(key))
    }

    /// The Ed25519 key that our certificates are about, signed or not, for peers that pin it with
    /// [`Expect::Key`]. `None` without [`SocketsBuilder::key`](crate::SocketsBuilder::key), request or
    /// certificate: then each connection makes a key of its own.
    pub fn public_key(&self) -> Option<[u8; 32]> {
        self.inner().hub.lock().endpoint.public_key()
    }
}
