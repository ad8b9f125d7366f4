//! Why credentials are refused, counted.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use bowline_core::hub::Method;

use crate::auth::Good;

/// Defines the enum of reasons with a label for metrics and a sentence for clients.
macro_rules! faults {
    ($($(#[$doc:meta])* $variant:ident = $label:literal, $words:literal;)*) => {
        /// Why a credential is refused.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        #[non_exhaustive]
        pub enum Fault {
            $($(#[$doc])* $variant,)*
        }

        impl Fault {
            /// All that there are.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Its name in metrics.
            pub const fn label(self) -> &'static str {
                match self {
                    $(Self::$variant => $label,)*
                }
            }

            /// What clients are told.
            pub const fn words(self) -> &'static str {
                match self {
                    $(Self::$variant => $words,)*
                }
            }
        }
    };
}

faults! {
    /// There is nobody to ask about such a credential.
    NotConfigured = "not_configured", "this hub does not check such credentials";
    /// A token is longer than tokens may be.
    TokenTooLong = "token_too_long", "the token is longer than 8192 bytes";
    /// What is to be a token is none.
    TokenMalformed = "token_malformed", "the credential is not a signed token (RFC 7519)";
    /// It is signed in a way that is not accepted, such as not at all or by a shared secret.
    TokenAlgorithm = "token_algorithm", "the token must be signed by RS, PS, ES256, ES384 or EdDSA, and by a key for that";
    /// It asks that something unknown is understood.
    TokenCritical = "token_critical", "the token has critical headers, which are not understood here";
    /// Nobody that the hub trusts has issued it.
    TokenIssuer = "token_issuer", "the token is from an issuer that is not accepted here";
    /// Its issuer does not publish the key that it names.
    TokenKey = "token_key", "the token's key (kid) is not among the keys of its issuer";
    /// The signature is not by that key.
    TokenSignature = "token_signature", "the signature of the token is not right";
    /// Its time is over.
    TokenExpired = "token_expired", "the token has expired";
    /// Its time has not come.
    TokenNotYet = "token_not_yet", "the token is not valid yet";
    /// It is for another service.
    TokenAudience = "token_audience", "the token is for another audience";
    /// It is for another game.
    TokenApp = "token_app", "the token is not for this app";
    /// A claim that it takes is missing, or not what it should be.
    TokenClaims = "token_claims", "the token lacks a claim that is needed here";
    /// What it says gives no identity, or none that this issuer may give.
    TokenIdentity = "token_identity", "the token gives no identity that its issuer may give";
    /// The keys of the issuer cannot be had.
    KeysUnavailable = "keys_unavailable", "the keys of the token's issuer cannot be fetched at the moment";
    /// The operator's service says no.
    HookRefused = "hook_refused", "the sign-in service refuses the credential";
    /// It gives an identity that it may not give.
    HookIdentity = "hook_identity", "the sign-in service gives an identity that it may not give";
    /// It did not answer in time.
    HookTimeout = "hook_timeout", "the sign-in service did not answer in time";
    /// It could not be reached.
    HookUnreachable = "hook_unreachable", "the sign-in service cannot be reached";
    /// It answered that something is wrong with it, or with the question.
    HookStatus = "hook_status", "the sign-in service has failed";
    /// Its answer makes no sense.
    HookAnswer = "hook_answer", "the answer of the sign-in service makes no sense";
    /// It has as many questions as it may have.
    HookBusy = "hook_busy", "the sign-in service has too much to do";
    /// It failed so often that it is not asked for a while.
    HookClosed = "hook_closed", "the sign-in service has failed of late and is not asked at the moment";
}

/// A reason, and what the client is told.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) fault: Fault,
    pub(super) text: String,
}

/// What has been checked over HTTP. Counts only grow.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct AuthCounters {
    /// Tokens that were good.
    pub tokens_accepted: u64,
    /// Tickets that the operator's service took.
    pub hook_accepted: u64,
    /// How often keys of issuers were fetched.
    pub keys_fetched: u64,
    /// How often that failed.
    pub keys_failed: u64,
    /// Whether the operator's service is not asked at the moment because it failed.
    pub hook_closed: bool,
    faults: [u64; Fault::ALL.len()],
}

impl AuthCounters {
    /// Credentials that were refused, by the reason.
    pub fn faults(&self) -> impl Iterator<Item = (Fault, u64)> {
        Fault::ALL.iter().copied().zip(self.faults)
    }
}

impl Default for AuthCounters {
    fn default() -> Self {
        Counts::default().read()
    }
}

/// What the threads that check count in.
#[derive(Debug)]
pub(super) struct Counts {
    tokens_accepted: AtomicU64,
    hook_accepted: AtomicU64,
    faults: [AtomicU64; Fault::ALL.len()],
}

impl Counts {
    pub(super) fn count(&self, method: Method, verdict: &Result<Good, Refused>) {
        let slot = match verdict {
            Ok(_) if method == Method::Hook => Some(&self.hook_accepted),
            Ok(_) => Some(&self.tokens_accepted),
            Err(refused) => {
                let mut all = Fault::ALL.iter().zip(&self.faults);
                all.find(|(fault, _)| **fault == refused.fault)
                    .map(|(_, slot)| slot)
            }
        };
        if let Some(slot) = slot {
            slot.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn read(&self) -> AuthCounters {
        AuthCounters {
            tokens_accepted: self.tokens_accepted.load(Ordering::Relaxed),
            hook_accepted: self.hook_accepted.load(Ordering::Relaxed),
            keys_fetched: 0,
            keys_failed: 0,
            hook_closed: false,
            faults: std::array::from_fn(|index| {
                let slot = self.faults.get(index);
                slot.map_or(0, |slot| slot.load(Ordering::Relaxed))
            }),
        }
    }
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            tokens_accepted: AtomicU64::new(0),
            hook_accepted: AtomicU64::new(0),
            faults: std::array::from_fn(|_| AtomicU64::new(0)),
        }
    }
}

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Self {
        let text = fault.words().to_owned();
        Self { fault, text }
    }
}
