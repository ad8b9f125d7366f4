//! What a hub says, as types and bytes.

use alloc::string::String;
use alloc::string::ToString as _;
use alloc::vec::Vec;
use core::fmt;
use core::net::SocketAddr;

use prost::Message as _;

use crate::hub::Goodbye;
use crate::hub::HubMessageError;
use crate::hub::HubSignal;
use crate::hub::NackReason;
use crate::hub::Refusal;
use crate::hub::field::certificate;
use crate::hub::field::decode;
use crate::hub::field::identity;
use crate::hub::field::millis;
use crate::hub::field::sized;
use crate::hub::field::text;
use crate::hub::field::whole_millis;
use crate::hub::limits::MAX_HUB_RESUME;
use crate::identity::Identity;
use crate::limits::MAX_CERT_BYTES;
use crate::limits::MAX_SIGNAL;
use crate::time::Span;
use crate::wire::pb;
use crate::wire::udp::cut_text;

/// From the hub to a client.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum FromHub {
    /// To be answered by a proof about these bytes.
    Challenge([u8; 32]),
    /// The client is in.
    Welcome(Welcome),
    /// The client is not let in.
    Refused(Refused),
    /// A signal from a peer.
    Signal(HubSignal),
    /// The signal with this number was not carried.
    Nack {
        /// The number that the client gave it.
        number: u32,
        /// Why; `None` for a reason that only newer hubs have.
        reason: Option<NackReason>,
    },
    /// A certificate, signed, in bytes ([`SignedCertificate`](crate::cert::signed::SignedCertificate)).
    Certificate(Vec<u8>),
    /// The session ends, by this message or soon.
    Goodbye {
        /// Why; `None` for a reason that only newer hubs have.
        reason: Option<Goodbye>,
        /// For people.
        text: String,
        /// When the client may come again.
        retry_after: Span,
    },
    /// The configuration of the network has this revision.
    Config {
        /// It only grows. What was signed says for itself which it is.
        revision: u64,
        /// What was signed and by what, unless only the revision is announced.
        body: Option<SignedBody>,
    },
    /// What proves the identity next time, in the place of what came with the welcome.
    Resume(Resumption),
    /// Something that a newer hub says.
    Unknown,
}

/// A client is let in.
#[derive(Clone, Eq, PartialEq)]
pub struct Welcome {
    /// Who it is from now on.
    pub identity: Identity,
    /// The number of its session, for logs and support.
    pub session: u64,
    /// The hub's time, in milliseconds since 1970.
    pub unix_ms: u64,
    /// Where the hub sees it.
    pub seen_address: Option<SocketAddr>,
    /// The revision of the configuration of the network; 0 if there is none.
    pub config_revision: u64,
    /// What proves the identity next time without signing in; empty if nothing does.
    pub resume: Vec<u8>,
    /// The certificate, if one was asked for.
    pub certificate: Option<Vec<u8>>,
    /// The largest signal that is carried, in bytes.
    pub max_signal: u32,
}

/// What proves the identity next time without signing in, in bytes. Its `Debug` does not show them.
#[derive(Clone, Eq, PartialEq)]
pub struct Resumption(pub Vec<u8>);

/// A client is not let in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refused {
    /// Why; `None` for a reason that only newer hubs have.
    pub reason: Option<Refusal>,
    /// For people.
    pub text: String,
    /// When it may try again; zero if it is no use before something changes.
    pub retry_after: Span,
}

/// Bytes that somebody has signed, as they came: whoever verifies them says what is wrong with them
/// ([`NetworkConfig::verify`](crate::hub::NetworkConfig::verify)).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SignedBody {
    /// What was signed.
    pub body: Vec<u8>,
    /// The signature (Ed25519), which has 64 bytes.
    pub signature: Vec<u8>,
    /// The ID of the key; `None` if it was left out.
    pub key_id: Option<u64>,
    /// The key itself, for who has none to expect, as it came; `None` if it was left out.
    pub key: Option<Vec<u8>>,
}

impl FromHub {
    /// Parses a message of a hub's.
    ///
    /// # Errors
    /// If it is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, HubMessageError> {
        let message: pb::FromHub = decode(bytes)?;
        if let Some(challenge) = message.challenge {
            let nonce = challenge.nonce.unwrap_or_default().try_into();
            let nonce = nonce.map_err(|_| HubMessageError::Bad("the challenge"))?;
            return Ok(Self::Challenge(nonce));
        }
        if let Some(welcome) = message.welcome {
            return Welcome::parse(welcome).map(Self::Welcome);
        }
        if let Some(refused) = message.refused {
            return Ok(Self::Refused(Refused::parse(refused)));
        }
        if let Some(signal) = message.signal {
            return HubSignal::parse(signal).map(Self::Signal);
        }
        if let Some(nack) = message.nack {
            return Ok(Self::Nack {
                number: nack.number.unwrap_or(0),
                reason: NackReason::from_number(nack.code.unwrap_or(0)),
            });
        }
        if let Some(signed) = message.certificate {
            let bytes = sized("the certificate", signed.bytes, MAX_CERT_BYTES)?;
            return Ok(Self::Certificate(bytes));
        }
        if let Some(goodbye) = message.goodbye {
            return Ok(Self::Goodbye {
                reason: Goodbye::from_number(goodbye.code.unwrap_or(0)),
                text: text(goodbye.text),
                retry_after: millis(goodbye.retry_after_ms),
            });
        }
        if let Some(config) = message.config {
            return Ok(Self::Config {
                revision: config.revision.unwrap_or(0),
                body: SignedBody::parse(config),
            });
        }
        if let Some(bytes) = message.resume {
            let bytes = sized("the resumption", Some(bytes), MAX_HUB_RESUME)?;
            return Ok(Self::Resume(Resumption(bytes)));
        }
        Ok(Self::Unknown)
    }

    /// Its bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut message = pb::FromHub::default();
        match self {
            Self::Challenge(nonce) => {
                let nonce = Some(nonce.to_vec());
                message.challenge = Some(pb::HubChallenge { nonce });
            }
            Self::Welcome(welcome) => message.welcome = Some(welcome.to_pb()),
            Self::Refused(refused) => {
                message.refused = Some(pb::HubRefused {
                    code: refused.reason.map(Refusal::number),
                    text: Some(cut_text(&refused.text).into()),
                    retry_after_ms: Some(whole_millis(refused.retry_after)),
                });
            }
            Self::Signal(signal) => message.signal = Some(signal.to_pb()),
            Self::Nack { number, reason } => {
                message.nack = Some(pb::HubNack {
                    number: Some(*number),
                    code: reason.map(NackReason::number),
                });
            }
            Self::Certificate(bytes) => message.certificate = Some(certificate(bytes)),
            Self::Goodbye {
                reason,
                text,
                retry_after,
            } => {
                message.goodbye = Some(pb::HubGoodbye {
                    code: reason.map(Goodbye::number),
                    text: Some(cut_text(text).into()),
                    retry_after_ms: Some(whole_millis(*retry_after)),
                });
            }
            Self::Config { revision, body } => {
                message.config = Some(pb::HubConfig {
                    revision: Some(*revision),
                    body: body.as_ref().map(|body| body.body.clone()),
                    signature: body.as_ref().map(|body| body.signature.clone()),
                    key_id: body.as_ref().and_then(|body| body.key_id),
                    key: body.as_ref().and_then(|body| body.key.clone()),
                });
            }
            Self::Resume(resumption) => message.resume = Some(resumption.0.clone()),
            Self::Unknown => {}
        }
        message.encode_to_vec()
    }
}

impl Welcome {
    fn parse(welcome: pb::HubWelcome) -> Result<Self, HubMessageError> {
        let name = welcome
            .identity
            .ok_or(HubMessageError::Lacks("the identity"))?;
        let seen = welcome.seen_address.and_then(|bytes| {
            let text = String::from_utf8(bytes).ok()?;
            text.parse().ok()
        });
        let signed = welcome.certificate;
        Ok(Self {
            identity: identity(name)?,
            session: welcome.session.unwrap_or(0),
            unix_ms: welcome.unix_ms.unwrap_or(0),
            seen_address: seen,
            config_revision: welcome.config_revision.unwrap_or(0),
            resume: sized("the resumption", welcome.resume, MAX_HUB_RESUME)?,
            certificate: signed
                .map(|bytes| sized("the certificate", Some(bytes), MAX_CERT_BYTES))
                .transpose()?,
            max_signal: welcome.max_signal.unwrap_or(MAX_SIGNAL as u32),
        })
    }

    fn to_pb(&self) -> pb::HubWelcome {
        let seen = self.seen_address;
        pb::HubWelcome {
            identity: Some(self.identity.to_string().into()),
            session: Some(self.session),
            unix_ms: Some(self.unix_ms),
            seen_address: seen.map(|address| address.to_string().into()),
            config_revision: Some(self.config_revision),
            resume: (!self.resume.is_empty()).then(|| self.resume.clone()),
            certificate: self.certificate.clone(),
            max_signal: Some(self.max_signal),
        }
    }
}

/// Without what proves the identity.
impl fmt::Debug for Welcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Welcome")
            .field("identity", &self.identity)
            .field("session", &self.session)
            .field("config_revision", &self.config_revision)
            .finish_non_exhaustive()
    }
}

/// Without what proves the identity.
impl fmt::Debug for Resumption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Resumption")
    }
}

impl Refused {
    fn parse(refused: pb::HubRefused) -> Self {
        Self {
            reason: Refusal::from_number(refused.code.unwrap_or(0)),
            text: text(refused.text),
            retry_after: millis(refused.retry_after_ms),
        }
    }
}

impl SignedBody {
    fn parse(config: pb::HubConfig) -> Option<Self> {
        Some(Self {
            body: config.body?,
            signature: config.signature.unwrap_or_default(),
            key_id: config.key_id,
            key: config.key,
        })
    }
}
