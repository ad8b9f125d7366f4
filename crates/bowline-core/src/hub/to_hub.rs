//! What a client says, as types and bytes.

use alloc::string::String;
use alloc::string::ToString as _;
use alloc::vec::Vec;
use core::fmt;

use prost::Message as _;
use sha2::Digest as _;
use sha2::Sha256;

use crate::hub::HubMessageError;
use crate::hub::HubSignal;
use crate::hub::Method;
use crate::hub::Role;
use crate::hub::field::certificate;
use crate::hub::field::decode;
use crate::hub::field::identity;
use crate::hub::field::sized;
use crate::hub::field::text;
use crate::hub::limits::MAX_HUB_CREDENTIAL;
use crate::hub::limits::MAX_HUB_PROOF;
use crate::identity::Identity;
use crate::ids::AppId;
use crate::limits::MAX_CERT_BYTES;
use crate::wire::pb;
use crate::wire::udp::cut_text;

/// From a client to the hub.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ToHub {
    /// The first of all.
    Hello(Hello),
    /// The answer to a challenge.
    Proof(Vec<u8>),
    /// A signal for a peer.
    Signal(HubSignal),
    /// A request for a certificate, in bytes ([`CertificateRequest`](crate::cert::request::CertificateRequest)).
    Certificate(Vec<u8>),
    /// Something that a newer client says.
    Unknown,
}

/// Who a client is, and what it wants.
#[derive(Clone, Eq, PartialEq)]
pub struct Hello {
    /// Which protocol it speaks: [`HUB_PROTOCOL`](crate::hub::HUB_PROTOCOL).
    pub protocol: u32,
    /// Which game it is of.
    pub app: AppId,
    /// What it is.
    pub role: Role,
    /// How it proves who it is; the number, if only others know it.
    pub method: Result<Method, u32>,
    /// What it shows for it, by the method: a token, the name of a key, nothing.
    pub credential: Vec<u8>,
    /// Who it says it is, if it does.
    pub wanted_identity: Option<Identity>,
    /// Which program it is, for people.
    pub version: String,
    /// A request for a certificate, to be answered with the welcome.
    pub certificate_request: Option<Vec<u8>>,
}

impl ToHub {
    /// Parses a message of a client's.
    ///
    /// # Errors
    /// If it is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, HubMessageError> {
        let message: pb::ToHub = decode(bytes)?;
        if let Some(hello) = message.hello {
            return Hello::parse(hello).map(Self::Hello);
        }
        if let Some(proof) = message.proof {
            return sized("the proof", proof.proof, MAX_HUB_PROOF).map(Self::Proof);
        }
        if let Some(signal) = message.signal {
            return HubSignal::parse(signal).map(Self::Signal);
        }
        if let Some(request) = message.certificate {
            let bytes = sized(
                "the request for a certificate",
                request.bytes,
                MAX_CERT_BYTES,
            )?;
            return Ok(Self::Certificate(bytes));
        }
        Ok(Self::Unknown)
    }

    /// Its bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut message = pb::ToHub::default();
        match self {
            Self::Hello(hello) => message.hello = Some(hello.to_pb()),
            Self::Proof(proof) => {
                let proof = Some(proof.clone());
                message.proof = Some(pb::HubProof { proof });
            }
            Self::Signal(signal) => message.signal = Some(signal.to_pb()),
            Self::Certificate(bytes) => message.certificate = Some(certificate(bytes)),
            Self::Unknown => {}
        }
        message.encode_to_vec()
    }
}

impl Hello {
    /// What a proof is about: the challenge, the key of the hub that it comes from, all that the client says it is, and
    /// the certificate that it asks for. So a key proves one hello to one hub, once, and a hub cannot pass it on to another:
    /// by a MAC (HMAC-SHA256, [`Method::SharedKey`]) or a signature (Ed25519, [`Method::GameServerKey`]) over it.
    pub fn statement(&self, hub_key: &[u8; 32], nonce: &[u8; 32]) -> Vec<u8> {
        let request = self.certificate_request.as_deref().unwrap_or_default();
        let mut bytes = b"bowline hub 1\0".to_vec();
        bytes.extend_from_slice(hub_key);
        bytes.extend_from_slice(nonce);
        bytes.extend_from_slice(&Sha256::digest(request));
        bytes.extend_from_slice(&self.app.get().to_le_bytes());
        bytes.extend_from_slice(&self.role.number().to_le_bytes());
        if let Some(wanted) = &self.wanted_identity {
            bytes.extend_from_slice(wanted.to_string().as_bytes());
        }
        bytes
    }

    fn parse(hello: pb::HubHello) -> Result<Self, HubMessageError> {
        let role = Role::from_number(hello.role.unwrap_or(Role::User.number()));
        let method = hello.method.ok_or(HubMessageError::Lacks("the method"))?;
        let request = hello.certificate_request;
        Ok(Self {
            protocol: hello
                .protocol
                .ok_or(HubMessageError::Lacks("the version of the protocol"))?,
            app: AppId::new(hello.app.ok_or(HubMessageError::Lacks("the app"))?),
            role: role.ok_or(HubMessageError::Bad("the role"))?,
            method: Method::from_number(method).ok_or(method),
            credential: sized("the credential", hello.credential, MAX_HUB_CREDENTIAL)?,
            wanted_identity: hello.wanted_identity.map(identity).transpose()?,
            version: text(hello.version),
            certificate_request: request
                .map(|bytes| {
                    let field = "the request for a certificate";
                    sized(field, Some(bytes), MAX_CERT_BYTES)
                })
                .transpose()?,
        })
    }

    fn to_pb(&self) -> pb::HubHello {
        let wanted = self.wanted_identity.as_ref();
        pb::HubHello {
            protocol: Some(self.protocol),
            app: Some(self.app.get()),
            role: Some(self.role.number()),
            method: Some(self.method.map_or_else(|number| number, Method::number)),
            credential: Some(self.credential.clone()),
            wanted_identity: wanted.map(|identity| identity.to_string().into()),
            version: Some(cut_text(&self.version).into()),
            certificate_request: self.certificate_request.clone(),
        }
    }
}

/// Without what proves the identity.
impl fmt::Debug for Hello {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hello")
            .field("protocol", &self.protocol)
            .field("app", &self.app)
            .field("role", &self.role)
            .field("method", &self.method)
            .field("wanted_identity", &self.wanted_identity)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}
