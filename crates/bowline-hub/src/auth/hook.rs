//! The operator's own service, asked about a ticket.
//!
//! A `POST` with JSON, signed with a secret that both know:
//!
//! ```text
//! Bowline-Signature: t=1790000000,v1=<hex of HMAC-SHA256(secret, "1790000000." + body)>
//!
//! {"version": 1, "app": 480, "role": "user", "wanted_identity": "str:anna", "credential": "<base64>"}
//! ```
//!
//! The service answers with status 200 and `{"identity": "str:anna", "expires": 1790003600}`, or `{"refused": "why"}`.
//! Anything else is a failure of the service, and the client is told to come again. The operator is told what it was.

use std::time::Duration;
use std::time::Instant;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::Hmac;
use hmac::KeyInit as _;
use hmac::Mac as _;
use serde::Deserialize;
use serde::Serialize;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::auth::AuthError;
use crate::auth::Fault;
use crate::auth::Good;
use crate::auth::client::CallError;
use crate::auth::client::Client;
use crate::auth::client::Endpoint;
use crate::auth::client::Trust;
use crate::auth::fault::Refused;
use crate::auth::gate::Gate;
use crate::hub::Check;
use crate::limits::HOOK_PATIENCE;
use crate::limits::MAX_HOOK_ANSWER;
use crate::limits::MAX_HOOK_CALLS;
use crate::limits::MAX_HOOK_WORDS;
use crate::limits::MIN_HOOK_SECRET_LEN;
use crate::namespace::Namespace;
use crate::namespace::for_log;
use crate::told::Told;
use crate::told::short;

/// Where and how the operator's service is asked.
#[derive(Clone)]
pub struct HookSettings {
    /// Where.
    pub endpoint: Endpoint,
    /// What questions are signed with.
    pub secret: Zeroizing<Vec<u8>>,
    /// The longest that an answer may take.
    pub timeout: Duration,
    /// Whose certificates are trusted.
    pub trust: Trust,
    /// The identities that it may give.
    pub identities: Namespace,
}

/// Without the secret.
impl std::fmt::Debug for HookSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HookSettings")
            .field("endpoint", &self.endpoint)
            .field("timeout", &self.timeout)
            .field("identities", &self.identities)
            .finish_non_exhaustive()
    }
}

/// Asks the operator's service.
pub(super) struct Hook {
    client: Client,
    secret: Zeroizing<Vec<u8>>,
    identities: Namespace,
    gate: Gate,
    /// Its failures.
    told: Told,
}

impl std::fmt::Debug for Hook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hook")
            .field("gate", &self.gate)
            .finish_non_exhaustive()
    }
}

#[derive(Serialize)]
struct Question<'a> {
    version: u32,
    app: u32,
    role: &'a str,
    wanted_identity: Option<String>,
    credential: String,
}

#[derive(Deserialize)]
struct Answer {
    identity: Option<String>,
    expires: Option<u64>,
    refused: Option<String>,
}

/// What an answer looks like.
const EXPECTED: &str = r#"{"identity": "str:anna", "expires": 1790003600} or {"refused": "why"}"#;

/// Of the question. A field more does not make it another one.
const VERSION: u32 = 1;

impl Hook {
    pub(super) fn new(settings: HookSettings) -> Result<Self, AuthError> {
        if settings.secret.len() < MIN_HOOK_SECRET_LEN {
            return Err(AuthError::ShortSecret(settings.secret.len()));
        }
        let (endpoint, trust) = (settings.endpoint, &settings.trust);
        Ok(Self {
            client: Client::new(endpoint, trust, settings.timeout, MAX_HOOK_ANSWER)?,
            secret: settings.secret,
            identities: settings.identities,
            gate: Gate::new(MAX_HOOK_CALLS, HOOK_PATIENCE),
            told: Told::default(),
        })
    }

    pub(super) fn check(&self, check: &Check) -> Result<Good, Refused> {
        let question = Question {
            version: VERSION,
            app: check.app.get(),
            role: match check.role {
                bowline_core::hub::Role::GameServer => "gameserver",
                _ => "user",
            },
            wanted_identity: check.wanted_identity.as_ref().map(ToString::to_string),
            credential: STANDARD.encode(&check.credential),
        };
        let body = serde_json::to_vec(&question).map_err(|_| Fault::HookStatus)?;
        let body = Zeroizing::new(body);
        let signature = self.sign(SystemTime::now(), &body);
        let pass = self.gate.enter()?;
        let answer = self.client.post(&signature, &body);
        match &answer {
            Err(error @ (CallError::Timeout | CallError::Unreachable(_))) => {
                pass.fail(short(&error.to_string()));
            }
            _ => pass.succeed(),
        }
        let answer = answer.map_err(|error| {
            let fault = match error {
                CallError::Timeout => Fault::HookTimeout,
                CallError::Unreachable(_) => Fault::HookUnreachable,
                CallError::Status(_) => Fault::HookStatus,
                CallError::Nonsense(_) => Fault::HookAnswer,
            };
            self.failed(fault, &error.to_string())
        })?;
        self.understand(&answer)
    }

    /// Tells the operator what the client is not told: what to mend about the service.
    fn failed(&self, fault: Fault, error: &str) -> Refused {
        if let Some(more) = self.told.is_due(Instant::now()) {
            // The answer is the service's, and may be what a client has sent it: recorded as text, not as it shows.
            let (error, fault) = (short(error), fault.label());
            tracing::warn!(error, fault, more, "the sign-in service fails");
        }
        fault.into()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.gate.is_closed()
    }

    fn sign(&self, now: SystemTime, body: &[u8]) -> String {
        let since = now.duration_since(SystemTime::UNIX_EPOCH);
        let secs = since.map_or(0, |since| since.as_secs());
        let mac =
            Hmac::<Sha256>::new_from_slice(&self.secret).expect("HMAC takes keys of any length");
        let mac = mac.chain_update(format!("{secs}.")).chain_update(body);
        let mut signature = format!("t={secs},v1=");
        for byte in mac.finalize().into_bytes() {
            signature.push_str(&format!("{byte:02x}"));
        }
        signature
    }

    fn understand(&self, answer: &[u8]) -> Result<Good, Refused> {
        let nonsense = |error: String| {
            let error = format!("{error}; expected {EXPECTED}");
            self.failed(Fault::HookAnswer, &error)
        };
        let answer: Answer =
            serde_json::from_slice(answer).map_err(|error| nonsense(error.to_string()))?;
        match (answer.identity, answer.refused) {
            (Some(identity), None) => {
                let parsed = identity.parse();
                let identity = parsed.map_err(|error| nonsense(format!("identity: {error}")))?;
                if !self.identities.contains(&identity) {
                    let identity = for_log(&identity);
                    let error = format!("{identity} is not among {}", self.identities);
                    return Err(self.failed(Fault::HookIdentity, &error));
                }
                Ok(Good {
                    identity,
                    expiry_unix_secs: answer.expires,
                })
            }
            (None, Some(why)) => {
                let why = why.chars().filter(|c| !c.is_control());
                let why: String = why.take(MAX_HOOK_WORDS).collect();
                let fault = Fault::HookRefused;
                let text = match why.is_empty() {
                    true => fault.words().to_owned(),
                    false => why,
                };
                Err(Refused { fault, text })
            }
            _ => Err(nonsense("neither or both".to_owned())),
        }
    }
}
