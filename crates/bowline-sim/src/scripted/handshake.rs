//! The handshake of a scripted peer, step by step, and what may be changed about each.

use std::fmt;

use bowline_core::cert::issue::issue_unsigned;
use bowline_core::cert::session::SessionCrypt;
use bowline_core::crypto::cipher_negotiation::Cipher;
use bowline_core::crypto::kdf::{self, KeyContext, Role};
use bowline_core::crypto::keys::{ExchangeKey, SigningKey};
use bowline_core::extensions::{Extension, ExtensionSet};
use bowline_core::identity::Identity;
use bowline_core::ids::{AppId, ConnectionId, PacketNumber};
use bowline_core::limits::PROTOCOL_VERSION;
use bowline_core::rng::Rng;
use bowline_core::time::Timestamp;
use bowline_core::wire::pb;
use bowline_core::wire::udp;
use prost::Message;

use crate::scripted::heard::Hearing;
use crate::scripted::sending::Sending;
use crate::scripted::{ScriptedPeer, encode};

/// Changes something before it is signed or sent.
pub type Alter<T> = Box<dyn FnMut(&mut T) + Send>;

/// What a scripted peer is and says in its handshake.
#[derive(Debug)]
pub struct Script {
    /// Who it says it is.
    pub identity: Identity,
    /// Its game.
    pub app_id: AppId,
    /// The protocol version that it says it speaks, in all places.
    pub protocol_version: u32,
    /// A client's ciphers, the best first; of a server, the first is what it answers.
    pub ciphers: Vec<Cipher>,
    /// What it offers beyond GNS. Only sealed closes are spoken; others may be offered.
    pub extensions: ExtensionSet,
    /// Its connection ID, if not a random one.
    pub connection_id: Option<ConnectionId>,
    /// Its certificate and the key of it, if not an unsigned one of its own.
    pub certificate: Option<(SigningKey, pb::CertificateSigned)>,
    /// Where it does not tell the truth.
    pub alter: Alterations,
}

/// What is changed on its way out. By default, nothing is.
#[derive(Default)]
#[non_exhaustive]
pub struct Alterations {
    /// The certificate that it makes for itself, before it is encoded.
    pub certificate: Option<Alter<pb::Certificate>>,
    /// The certificate with its signature.
    pub signed_certificate: Option<Alter<pb::CertificateSigned>>,
    /// Its half of the key exchange, before it is signed.
    pub session: Option<Alter<pb::SessionCryptInfo>>,
    /// Its half of the key exchange with its signature.
    pub signed_session: Option<Alter<pb::SessionCryptInfoSigned>>,
    /// A client's first packet.
    pub challenge_request: Option<Alter<udp::ChallengeRequest>>,
    /// A server's first packet.
    pub challenge_reply: Option<Alter<udp::ChallengeReply>>,
    /// A client's second packet.
    pub connect_request: Option<Alter<udp::ConnectRequest>>,
    /// A server's second packet.
    pub connect_ok: Option<Alter<udp::ConnectOk>>,
}

/// Our half of the exchange, as it goes out.
#[derive(Clone, Debug)]
struct Offer {
    cert: pb::CertificateSigned,
    crypt: pb::SessionCryptInfoSigned,
    nonce: u64,
}

/// The state of the handshake.
#[derive(Debug)]
pub(super) struct Handshake {
    pub(super) id: ConnectionId,
    pub(super) remote: Option<ConnectionId>,
    pub(super) seals_closes: bool,
    role: Role,
    script: Script,
    signing: SigningKey,
    exchange: ExchangeKey,
    nonce: u64,
    cookie: u64,
    offer: Option<Offer>,
    answered: Option<Vec<u8>>,
}

macro_rules! alteration_setters {
    ($($name:ident: $what:ty,)*) => {
        impl Alterations {
            $(
                #[doc = concat!("Changes what goes out as `", stringify!($name), "`.")]
                #[must_use]
                pub fn $name(mut self, alter: impl FnMut(&mut $what) + Send + 'static) -> Self {
                    self.$name = Some(Box::new(alter));
                    self
                }
            )*
        }
    };
}

alteration_setters! {
    certificate: pb::Certificate,
    signed_certificate: pb::CertificateSigned,
    session: pb::SessionCryptInfo,
    signed_session: pb::SessionCryptInfoSigned,
    challenge_request: udp::ChallengeRequest,
    challenge_reply: udp::ChallengeReply,
    connect_request: udp::ConnectRequest,
    connect_ok: udp::ConnectOk,
}

impl Default for Script {
    /// An anonymous peer of app 0 that speaks our version and AES, and nothing beyond GNS.
    fn default() -> Self {
        Self {
            identity: Identity::anonymous(),
            app_id: AppId::default(),
            protocol_version: PROTOCOL_VERSION,
            ciphers: vec![Cipher::Aes256Gcm],
            extensions: ExtensionSet::NONE,
            connection_id: None,
            certificate: None,
            alter: Alterations::default(),
        }
    }
}

impl fmt::Debug for Alterations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Alterations").finish_non_exhaustive()
    }
}

impl Handshake {
    pub(super) fn new(role: Role, mut rng: Rng, mut script: Script) -> Self {
        let random_id = rng.connection_id();
        let own_key = SigningKey::generate(&mut rng);
        let given = script.certificate.take();
        let signing = given.as_ref().map_or(own_key, |(key, _)| key.clone());
        script.certificate = given;
        Self {
            id: script.connection_id.unwrap_or(random_id),
            remote: None,
            seals_closes: false,
            role,
            signing,
            exchange: ExchangeKey::generate(&mut rng),
            nonce: rng.u64(),
            cookie: rng.u64(),
            script,
            offer: None,
            answered: None,
        }
    }
}

impl ScriptedPeer {
    /// A client's first packet: asks for a cookie. May be asked for again.
    pub fn start(&mut self, now: Timestamp) -> Vec<u8> {
        let mut packet = udp::ChallengeRequest {
            connection_id: self.handshake.id,
            my_timestamp: now.as_micros(),
            protocol_version: self.handshake.script.protocol_version,
        };
        apply(
            &mut self.handshake.script.alter.challenge_request,
            &mut packet,
        );
        encode(|out| packet.encode(out))
    }

    /// A server's first packet: hands out a cookie.
    pub fn challenge_reply(&mut self, request: &udp::ChallengeRequest) -> Vec<u8> {
        let mut packet = udp::ChallengeReply {
            connection_id: request.connection_id,
            challenge: self.handshake.cookie,
            your_timestamp: request.my_timestamp,
            protocol_version: self.handshake.script.protocol_version,
            finds_by_connection_id: false,
        };
        apply(
            &mut self.handshake.script.alter.challenge_reply,
            &mut packet,
        );
        encode(|out| packet.encode(out))
    }

    /// A client's second packet: brings the cookie back, with certificate and keys.
    pub fn connect_request(&mut self, now: Timestamp, cookie: u64) -> Vec<u8> {
        let ciphers = self.handshake.script.ciphers.clone();
        let offer = self.offer(&ciphers);
        let mut packet = udp::ConnectRequest {
            client_connection_id: self.handshake.id,
            challenge: cookie,
            cert: offer.cert,
            my_timestamp: Some(now.as_micros()),
            ping_est_ms: None,
            crypt: offer.crypt,
            identity: udp::RequestIdentity::default(),
        };
        apply(
            &mut self.handshake.script.alter.connect_request,
            &mut packet,
        );
        encode(|out| packet.encode(out))
    }

    /// A server's second packet: accepts, with certificate and keys. The keys are there afterwards, unless
    /// the request has none to agree on.
    pub fn connect_ok(&mut self, request: &udp::ConnectRequest) -> Vec<u8> {
        let ciphers: Vec<Cipher> = self
            .handshake
            .script
            .ciphers
            .first()
            .copied()
            .into_iter()
            .collect();
        let offer = self.offer(&ciphers);
        let mut packet = udp::ConnectOk {
            client_connection_id: request.client_connection_id,
            server_connection_id: self.handshake.id,
            your_timestamp: request.my_timestamp,
            delay_time_us: Some(0),
            cert: offer.cert,
            crypt: offer.crypt,
            identity: udp::RequestIdentity::default(),
        };
        apply(&mut self.handshake.script.alter.connect_ok, &mut packet);
        self.agree(request.client_connection_id, &request.cert, &request.crypt);
        encode(|out| packet.encode(out))
    }

    pub(super) fn on_challenge_request(
        &mut self,
        request: &udp::ChallengeRequest,
    ) -> Option<Vec<u8>> {
        match self.handshake.role {
            Role::Client => None,
            Role::Server => match &self.handshake.answered {
                Some(answer) => Some(answer.clone()),
                None => Some(self.challenge_reply(request)),
            },
        }
    }

    pub(super) fn on_challenge_reply(
        &mut self,
        now: Timestamp,
        reply: &udp::ChallengeReply,
    ) -> Option<Vec<u8>> {
        let is_ours = self.handshake.role == Role::Client && reply.connection_id == self.id();
        is_ours.then(|| self.connect_request(now, reply.challenge))
    }

    pub(super) fn on_connect_request(&mut self, request: &udp::ConnectRequest) -> Option<Vec<u8>> {
        if self.handshake.role == Role::Client {
            return None;
        }
        if self.handshake.answered.is_none() {
            self.handshake.answered = Some(self.connect_ok(request));
        }
        self.handshake.answered.clone()
    }

    pub(super) fn on_connect_ok(&mut self, answer: &udp::ConnectOk) {
        let is_first = self.handshake.role == Role::Client && !self.is_connected();
        if is_first && answer.client_connection_id == self.id() {
            self.agree(answer.server_connection_id, &answer.cert, &answer.crypt);
        }
    }

    /// Our half as it goes out, the same whenever it is asked for.
    fn offer(&mut self, ciphers: &[Cipher]) -> Offer {
        if let Some(offer) = &self.handshake.offer {
            return offer.clone();
        }
        let cert = self.certificate();
        let Handshake {
            script,
            signing,
            exchange,
            nonce,
            ..
        } = &mut self.handshake;
        let mut info = pb::SessionCryptInfo {
            key_type: Some(pb::session_crypt_info::KeyType::Curve25519.into()),
            key_data: Some(exchange.public(&self.crypto).to_vec()),
            nonce: Some(*nonce),
            protocol_version: Some(script.protocol_version),
            ciphers: ciphers.iter().map(|cipher| cipher.to_wire()).collect(),
            extensions: offered(script.extensions),
        };
        apply(&mut script.alter.session, &mut info);
        let nonce = info.nonce.unwrap_or(0);
        let info = info.encode_to_vec();
        let signature = signing.sign(&self.crypto, &info);
        let mut crypt = pb::SessionCryptInfoSigned {
            info: Some(info),
            signature: Some(signature.to_vec()),
        };
        apply(&mut script.alter.signed_session, &mut crypt);
        let offer = Offer { cert, crypt, nonce };
        self.handshake.offer = Some(offer.clone());
        offer
    }

    fn certificate(&mut self) -> pb::CertificateSigned {
        let Handshake {
            script, signing, ..
        } = &mut self.handshake;
        let mut signed = match &script.certificate {
            Some((_, signed)) => signed.clone(),
            None => {
                let bytes = issue_unsigned(
                    &*signing.ready(&self.crypto),
                    &script.identity,
                    script.app_id,
                );
                let mut cert = pb::Certificate::decode(&bytes[..]).expect("it was just encoded");
                apply(&mut script.alter.certificate, &mut cert);
                pb::CertificateSigned {
                    cert: Some(cert.encode_to_vec()),
                    ..pb::CertificateSigned::default()
                }
            }
        };
        apply(&mut script.alter.signed_certificate, &mut signed);
        signed
    }

    /// Derives the keys from both halves; none if the other half is broken.
    fn agree(
        &mut self,
        remote: ConnectionId,
        cert: &pb::CertificateSigned,
        crypt: &pb::SessionCryptInfoSigned,
    ) {
        let (Ok(theirs), Some(ours)) = (SessionCrypt::parse(crypt.info()), &self.handshake.offer)
        else {
            return;
        };
        let Ok(shared) = theirs.agree(&*self.handshake.exchange.ready(&self.crypto)) else {
            return;
        };
        let script = &self.handshake.script;
        let half = |id, nonce, cert, crypt| (id, nonce, cert, crypt);
        let own = half(
            self.handshake.id,
            ours.nonce,
            ours.cert.cert(),
            ours.crypt.info(),
        );
        let other = half(remote, theirs.nonce(), cert.cert(), crypt.info());
        let (client, server) = match self.handshake.role {
            Role::Client => (own, other),
            Role::Server => (other, own),
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
        // A server's choice stands in its answer, a client's in its offer.
        let cipher = match self.handshake.role {
            Role::Client => theirs.ciphers().first().copied(),
            Role::Server => script.ciphers.first().copied(),
        };
        let cipher = cipher.unwrap_or(Cipher::Aes256Gcm);
        let role = self.handshake.role;
        let takes = theirs
            .extensions()
            .is_some_and(|all| all.sealed_close.is_some());
        self.handshake.seals_closes = takes && script.extensions.contains(Extension::SealedClose);
        let handshake = PacketNumber::new(u64::from(
            theirs.protocol_version().min(script.protocol_version) >= 10,
        ));
        self.keys = Some(kdf::derive(&self.crypto, role, cipher, &shared, &context));
        self.handshake.remote = Some(remote);
        self.sending = Sending::new(handshake.next());
        self.hearing = Hearing::new(handshake);
    }
}

fn apply<T>(alter: &mut Option<Alter<T>>, value: &mut T) {
    if let Some(alter) = alter {
        alter(value);
    }
}

/// What is offered of these, as it stands in the exchange.
fn offered(extensions: ExtensionSet) -> Option<pb::Extensions> {
    (!extensions.is_empty()).then(|| pb::Extensions {
        sealed_close: extensions
            .contains(Extension::SealedClose)
            .then_some(pb::SealedClose {}),
        key_update: extensions
            .contains(Extension::KeyUpdate)
            .then_some(pb::KeyUpdate {}),
        receive_window: extensions
            .contains(Extension::ReceiveWindow)
            .then_some(pb::ReceiveWindow {}),
        path_mtu: extensions
            .contains(Extension::PathMtu)
            .then_some(pb::PathMtu {}),
    })
}
