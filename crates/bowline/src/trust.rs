//! Who we are and whom we trust, at run time.

use std::net::SocketAddr;

use bowline_core::cert::CertError;
use bowline_core::cert::authority::KeyId;
use bowline_core::cert::credentials::CredentialsError;
use bowline_core::cert::expect::Expect;
use bowline_core::cert::keypair::PublicKey;
use bowline_core::cert::request::CertificateRequest;
use bowline_core::cert::signed::SignedCertificate;
use bowline_core::cert::store::CertStore;
use bowline_core::config::Config;
use bowline_core::endpoint::AuthenticationStatus;
use bowline_core::identity::Identity;
use bowline_core::ids::AppId;

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
    /// Its bytes are those of the original's `GetCertificateRequest`; its text goes to
    /// `bowline cert sign`.
    pub fn certificate_request(&self) -> CertificateRequest {
        self.inner()
            .with_trust(|endpoint| endpoint.certificate_request())
    }

    /// Takes the certificate that an authority signed, first or anew. Peers of later connections are
    /// shown it; those that exist are not touched.
    ///
    /// The bytes that the original's `SetCertificate` takes are those of
    /// [`SignedCertificate::from_bytes`]. The certificate must be about the key of
    /// [`certificate_request`](Self::certificate_request), unless it comes with its private key and
    /// there is none yet. An interface without an identity takes that of the certificate.
    ///
    /// # Errors
    /// If the certificate cannot be ours, and why. Nothing is changed then.
    pub fn set_certificate(&self, signed: &SignedCertificate) -> Result<(), CredentialsError> {
        self.inner().set_certificate(signed)
    }

    /// Whether this interface has a certificate. A change of it is told by
    /// [`Event::AuthenticationChanged`](crate::Event::AuthenticationChanged).
    pub fn authentication(&self) -> AuthenticationStatus {
        self.inner().hub.lock().endpoint.authentication().clone()
    }

    /// Gets ready to prove who we are, and tells how far that is.
    ///
    /// With a hub ([`sign_in`](Self::sign_in), [`SocketsBuilder::hub`](crate::SocketsBuilder::hub)) it signs in unless that
    /// is under way or done; after a refusal it tries again. Without one there is nobody to ask: until
    /// [`set_certificate`](Self::set_certificate) the answer stays `CannotTry`.
    pub fn init_authentication(&self) -> AuthenticationStatus {
        self.inner().start_hub(true);
        self.authentication()
    }

    /// Closes all connections, forgets key and certificate, and becomes `identity`, or anonymous until
    /// a certificate names somebody. Listeners go on listening. Sessions of [`Messages`](crate::Messages) and
    /// [`Packets`](crate::Packets) are forgotten, with what nobody has read of them.
    pub fn reset_identity(&self, identity: Option<Identity>) {
        let identity = identity.unwrap_or_else(Identity::anonymous);
        self.inner().reset_identity(identity);
    }

    /// Says which game this is, in place of [`SocketsBuilder::app_id`](crate::SocketsBuilder::app_id).
    /// A certificate that was set for another stays.
    pub fn set_app_id(&self, app_id: u32) {
        let app = AppId::new(app_id);
        self.inner().with_trust(|endpoint| endpoint.set_app_id(app));
    }

    /// Whom we trust: a copy, to be changed and handed to [`set_trust`](Self::set_trust).
    pub fn trust(&self) -> CertStore {
        self.inner().hub.lock().endpoint.trust().clone()
    }

    /// Trusts these roots, and the authorities below them, to vouch for peers, and nobody else from now
    /// on; what was revoked before is not, unless `store` says so too. Nobody is trusted before, unless
    /// [`SocketsBuilder::trust`](crate::SocketsBuilder::trust) says whom.
    ///
    /// Certificates of authorities do not come with those of peers: whoever checks must have them.
    pub fn set_trust(&self, store: CertStore) {
        self.inner()
            .with_trust(|endpoint| endpoint.set_trust(store));
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
    pub fn public_key(&self) -> Option<PublicKey> {
        self.inner().hub.lock().endpoint.public_key()
    }
}
