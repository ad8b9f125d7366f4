//! Our half of a key exchange and the peer's, from keys and certificates to session keys.

use alloc::sync::Arc;

use crate::cert::check::PeerRefused;
use crate::cert::check::VerifiedPeer;
use crate::cert::issue::issue_unsigned;
use crate::cert::session::SessionOffer;
use crate::cert::session::sign_session;
use crate::crypto::Ed25519Key;
use crate::crypto::X25519Key;
use crate::crypto::cipher_negotiation;
use crate::crypto::cipher_negotiation::Cipher;
use crate::crypto::cipher_negotiation::EncryptionPolicy;
use crate::crypto::kdf;
use crate::crypto::kdf::KeyContext;
use crate::crypto::kdf::Role;
use crate::crypto::key_update::UpdateSecrets;
use crate::crypto::keys::ExchangeKey;
use crate::crypto::keys::SigningKey;
use crate::crypto::packet::SessionKeys;
use crate::end_reason::EndReason;
use crate::extensions::Extension;
use crate::extensions::ExtensionSet;
use crate::handshake::Host;
use crate::ids::ConnectionId;
use crate::rng::Rng;
use crate::wire::pb;

/// The state of a key exchange.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    role: Role,
    id: ConnectionId,
    signing: Arc<dyn Ed25519Key>,
    exchange: ExchangeKey,
    /// The same, once it is used: a server does not work for whom the application has not let in.
    ready: Option<Arc<dyn X25519Key>>,
    nonce: u64,
    policy: EncryptionPolicy,
    cert: pb::CertificateSigned,
    /// Signed once the ciphers are known: a client's at once, a server's when it answers.
    crypt: Option<pb::SessionCryptInfoSigned>,
    peer: Option<VerifiedPeer>,
}

/// What came of a key exchange.
#[derive(Clone, Debug)]
pub(crate) struct Agreed {
    pub(crate) keys: SessionKeys,
    pub(crate) extensions: ExtensionSet,
    /// What later keys grow from, if keys are to be replaced.
    pub(crate) update: Option<UpdateSecrets>,
}

impl Session {
    /// Fresh keys for one exchange, and the certificate of the host or an unsigned one.
    pub(crate) fn new(
        host: &Host,
        rng: &mut Rng,
        id: ConnectionId,
        role: Role,
        policy: EncryptionPolicy,
    ) -> Self {
        let (signing, cert) = own_cert(host, rng);
        Self {
            role,
            id,
            exchange: ExchangeKey::generate(rng),
            ready: None,
            nonce: rng.u64(),
            policy,
            cert,
            signing,
            crypt: None,
            peer: None,
        }
    }

    /// Which end of the key derivation this is.
    #[cfg(test)]
    pub(crate) const fn role(&self) -> Role {
        self.role
    }

    /// Changes ends, as long as nothing was agreed: what was signed for the old role is void.
    pub(crate) fn set_role(&mut self, role: Role) {
        if self.role != role {
            self.role = role;
            self.crypt = None;
        }
    }

    /// Our certificate.
    pub(crate) const fn cert(&self) -> &pb::CertificateSigned {
        &self.cert
    }

    /// The policy that ciphers are chosen by.
    #[cfg(test)]
    pub(crate) const fn set_policy(&mut self, policy: EncryptionPolicy) {
        self.policy = policy;
    }

    /// A client's offer: all ciphers that we take, and the extensions that we know.
    pub(crate) fn offer(&mut self, host: &Host) -> pb::SessionCryptInfoSigned {
        if let Some(crypt) = &self.crypt {
            return crypt.clone();
        }
        let crypt = self.sign(host, self.policy.offer(), Some(host.extensions.to_wire()));
        self.crypt = Some(crypt.clone());
        crypt
    }

    /// Keeps the peer's half, which was verified.
    pub(crate) fn set_peer(&mut self, peer: VerifiedPeer) {
        self.peer = Some(peer);
    }

    /// The peer's half.
    #[cfg(test)]
    pub(crate) const fn peer(&self) -> Option<&VerifiedPeer> {
        self.peer.as_ref()
    }

    /// A server's answer: one cipher of those offered, and the keys.
    pub(crate) fn answer(
        &mut self,
        host: &Host,
        remote_id: ConnectionId,
    ) -> Result<(pb::SessionCryptInfoSigned, Agreed), PeerRefused> {
        let peer = self.peer.as_ref().ok_or_else(missing_peer)?;
        let cipher = cipher_negotiation::choose(self.policy, peer.crypt.ciphers())
            .ok_or_else(|| bad_crypt("No cipher in common"))?;
        // Only what the other side offered is answered; a GNS peer offers nothing.
        let offered = peer.crypt.extensions();
        let taken = host.extensions.agree(cipher, offered);
        let extensions = offered.map(|_| taken.to_wire());
        let crypt = self.sign(host, &[cipher], extensions);
        self.crypt = Some(crypt.clone());
        let agreed = self.derive(host, remote_id, cipher)?;
        Ok((crypt, agreed))
    }

    /// A client's end: the server has chosen.
    pub(crate) fn finish(
        &self,
        host: &Host,
        remote_id: ConnectionId,
    ) -> Result<Agreed, PeerRefused> {
        let peer = self.peer.as_ref().ok_or_else(missing_peer)?;
        let cipher = cipher_negotiation::check_answer(self.policy, peer.crypt.ciphers())
            .ok_or_else(|| bad_crypt("The server chose no cipher that we offered"))?;
        self.derive(host, remote_id, cipher)
    }

    fn sign(
        &mut self,
        host: &Host,
        ciphers: &[Cipher],
        extensions: Option<pb::Extensions>,
    ) -> pb::SessionCryptInfoSigned {
        let exchange = self.exchange.ready(&host.crypto);
        let offer = SessionOffer {
            exchange_key: exchange.public(),
            nonce: self.nonce,
            ciphers,
            extensions,
        };
        self.ready = Some(exchange);
        sign_session(&*self.signing, &offer)
    }

    fn derive(
        &self,
        host: &Host,
        remote_id: ConnectionId,
        cipher: Cipher,
    ) -> Result<Agreed, PeerRefused> {
        let peer = self.peer.as_ref().ok_or_else(missing_peer)?;
        let exchange = self.ready.clone();
        let exchange = exchange.unwrap_or_else(|| self.exchange.ready(&host.crypto));
        let shared = peer.crypt.agree(&*exchange)?;
        let extensions = host.extensions.agree(cipher, peer.crypt.extensions());
        tracing::debug!(id = %self.id, ?cipher, %extensions, "keys agreed");
        let own_cert = self.cert.cert();
        let own_crypt = self.crypt.as_ref().map_or(&[][..], |crypt| crypt.info());
        let (ours, theirs) = (
            (self.id, self.nonce, own_cert, own_crypt),
            (
                remote_id,
                peer.crypt.nonce(),
                &peer.cert_bytes[..],
                &peer.crypt_bytes[..],
            ),
        );
        let (client, server) = match self.role {
            Role::Client => (ours, theirs),
            Role::Server => (theirs, ours),
        };
        let context = KeyContext {
            client_id: client.0,
            server_id: server.0,
            client_nonce: client.1,
            server_nonce: server.1,
            client_cert: client.2,
            server_cert: server.2,
            client_crypt: client.3,
            server_crypt: server.3,
        };
        let replaces_keys = extensions.contains(Extension::KeyUpdate);
        Ok(Agreed {
            keys: kdf::derive(&host.crypto, self.role, cipher, &shared, &context),
            extensions,
            update: replaces_keys.then(|| kdf::update_secrets(self.role, &shared, &context)),
        })
    }
}

/// What the host shows, else a certificate that nobody has signed.
fn own_cert(host: &Host, rng: &mut Rng) -> (Arc<dyn Ed25519Key>, pb::CertificateSigned) {
    if let Some(credentials) = &host.credentials {
        let signing = credentials.key().ready(&host.crypto);
        return (signing, credentials.signed().clone());
    }
    let signing = match &host.key {
        Some(key) => key.ready(&host.crypto),
        None => SigningKey::generate(rng).ready(&host.crypto),
    };
    let cert = issue_unsigned(&*signing, &host.identity, host.app);
    let cert = pb::CertificateSigned {
        cert: Some(cert),
        ..Default::default()
    };
    (signing, cert)
}

fn missing_peer() -> PeerRefused {
    bad_crypt("The peer's half is missing")
}

fn bad_crypt(text: &'static str) -> PeerRefused {
    PeerRefused::new(EndReason::REMOTE_BAD_CRYPT, text)
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::cert::check::AuthPolicy;
    use crate::cert::check::PeerCheck;
    use crate::cert::check::check_peer;
    use crate::cert::store::CertStore;
    use crate::crypto::key_update::KeyLimits;
    use crate::crypto::rustcrypto;
    use crate::identity::Identity;
    use crate::ids::AppId;
    use crate::ids::PacketNumber;

    fn host() -> Host {
        Host {
            crypto: rustcrypto::provider(),
            identity: Identity::anonymous(),
            app: AppId::default(),
            store: CertStore::new(),
            extensions: ExtensionSet::ALL,
            key_limits: KeyLimits::DEFAULT,
            key: None,
            credentials: None,
            start: None,
        }
    }

    fn session(host: &Host, seed: u8, role: Role) -> (Session, ConnectionId) {
        let mut rng = Rng::from_seed([seed; 32]);
        let id = rng.connection_id();
        let policy = EncryptionPolicy::Required;
        (Session::new(host, &mut rng, id, role, policy), id)
    }

    fn verify(
        host: &Host,
        cert: &pb::CertificateSigned,
        crypt: &pb::SessionCryptInfoSigned,
    ) -> VerifiedPeer {
        check_peer(&PeerCheck {
            crypto: &host.crypto,
            store: &host.store,
            now_unix_secs: None,
            app: host.app,
            policy: AuthPolicy::Allow,
            cert,
            crypt,
            expected_identity: &Identity::anonymous(),
            expected_version: None,
        })
        .unwrap()
    }

    fn exchange(
        client: &mut Session,
        client_id: ConnectionId,
        server: &mut Session,
        server_id: ConnectionId,
    ) {
        let host = host();
        let offer = client.offer(&host);
        server.set_peer(verify(&host, client.cert(), &offer));
        let (answer, server_keys) = server.answer(&host, client_id).unwrap();
        client.set_peer(verify(&host, server.cert(), &answer));
        let client_keys = client.finish(&host, server_id).unwrap();
        let mut packet = Vec::from(*b"hello");
        client_keys
            .keys
            .send
            .seal(PacketNumber::new(2), &mut packet, 0);
        let opened = server_keys
            .keys
            .recv
            .open(PacketNumber::new(2), &mut packet);
        assert_eq!(opened.unwrap(), b"hello");
    }

    #[test]
    fn both_ends_agree_on_keys_and_extensions() {
        let host = host();
        let (mut client, client_id) = session(&host, 1, Role::Client);
        let (mut server, server_id) = session(&host, 2, Role::Server);
        exchange(&mut client, client_id, &mut server, server_id);
        let answered = client.peer().unwrap().crypt.extensions();
        assert!(answered.is_some(), "our own server answers the offer");
    }

    #[test]
    fn the_role_may_switch_while_connecting() {
        let host = host();
        let (mut a, a_id) = session(&host, 1, Role::Client);
        let (mut b, b_id) = session(&host, 2, Role::Client);
        // Both have made an offer when they learn of each other.
        a.offer(&host);
        b.offer(&host);
        b.set_role(Role::Server);
        assert_eq!(b.role(), Role::Server);
        exchange(&mut a, a_id, &mut b, b_id);
    }

    #[test]
    fn without_a_common_cipher_there_is_no_answer() {
        let host = host();
        let (mut client, client_id) = session(&host, 1, Role::Client);
        client.set_policy(EncryptionPolicy::Off);
        let (mut server, _) = session(&host, 2, Role::Server);
        let offer = client.offer(&host);
        server.set_peer(verify(&host, client.cert(), &offer));
        let refused = server.answer(&host, client_id).unwrap_err();
        assert_eq!(refused.reason, EndReason::REMOTE_BAD_CRYPT);
    }
}
