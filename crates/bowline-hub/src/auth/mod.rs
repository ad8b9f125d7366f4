//! Who checks credentials that the hub cannot check itself: tokens of identity providers, and the operator's own service.
//!
//! ```text
//! question ──▶ Auth ──token──▶ issuer ──▶ keys of the issuer, kept and fetched again ──▶ verdict
//!                └───ticket──▶ gate (so many at a time, closed while the service is dead) ──▶ POST ──▶ verdict
//! ```
//!
//! Checks block, so they run on threads of their own, and what runs there must come to an end: each call has a time for
//! all of it, from the name to the last byte, answers have a largest size, and redirects are not followed. The service may
//! not have all threads for itself, or else tokens, which are checked without asking anybody, would wait for it.
//!
//! What a token says counts only once its signature has been verified, by a key that the issuer publishes and by an
//! algorithm that goes with that key: the token's own word on the algorithm decides nothing. Each refusal has a reason
//! of its own ([`Fault`]), which is counted; clients get a sentence that says what to mend, operators a warning
//! when keys or service begin to fail and when they are back.

use std::time::Instant;

use bowline_core::hub::Method;
use bowline_core::hub::Refusal;

use crate::auth::hook::Hook;
use crate::auth::token::Issuer;
use crate::auth::token::Peek;
use crate::hub::Check;
use crate::hub::Verdict;
use crate::limits::MAX_ISSUERS;
use crate::server::Checker;
use crate::told::Told;
use crate::told::short;

mod client;
mod fault;
mod gate;
mod hook;
mod jwks;
mod keys;
#[cfg(feature = "program")]
mod settings;
mod template;
mod token;

pub use self::client::Endpoint;
pub use self::client::EndpointError;
pub use self::client::Trust;
pub use self::fault::AuthCounters;
pub use self::fault::Fault;
pub use self::hook::HookSettings;
pub use self::keys::KeySource;
#[cfg(feature = "program")]
pub use self::settings::AuthConfigError;
pub use self::template::Template;
pub use self::template::TemplateError;
pub use self::token::TokenSettings;

#[cfg(feature = "program")]
pub(crate) use self::settings::secret;

use self::fault::Counts;
use self::fault::Refused;

/// Checks credentials over HTTP.
#[derive(Debug)]
pub struct Auth {
    issuers: Vec<Issuer>,
    hook: Option<Hook>,
    counts: Counts,
    /// Tokens that are from somebody else, or for somebody else.
    told: Told,
}

/// Why credentials cannot be checked with such settings.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// More issuers than there may be.
    #[error("there are {0} issuers of tokens, more than {MAX_ISSUERS}")]
    TooManyIssuers(usize),
    /// Two of them have the same name.
    #[error("the issuer {0:?} is there twice")]
    TwiceTheIssuer(String),
    /// Nothing says whom tokens must be for.
    #[error(
        "the issuer {0:?} needs an audience: without one, tokens for any other service would do"
    )]
    NoAudience(String),
    /// The secret for the operator's service could be guessed.
    #[error("the secret of the hook has {0} bytes; it takes at least {MIN}", MIN = crate::limits::MIN_HOOK_SECRET_LEN)]
    ShortSecret(usize),
    /// TLS without certificates to trust.
    #[error("no certificates to trust in TLS: {0}")]
    NoRoots(String),
}

impl Auth {
    /// What accepts tokens of these issuers, and asks that service.
    ///
    /// # Errors
    /// If the settings do not go together.
    pub fn new(tokens: Vec<TokenSettings>, hook: Option<HookSettings>) -> Result<Self, AuthError> {
        if tokens.len() > MAX_ISSUERS {
            return Err(AuthError::TooManyIssuers(tokens.len()));
        }
        let mut issuers: Vec<Issuer> = Vec::new();
        for settings in tokens {
            if issuers
                .iter()
                .any(|issuer| issuer.name() == settings.issuer)
            {
                return Err(AuthError::TwiceTheIssuer(settings.issuer));
            }
            issuers.push(Issuer::new(settings)?);
        }
        Ok(Self {
            issuers,
            hook: hook.map(Hook::new).transpose()?,
            counts: Counts::default(),
            told: Told::default(),
        })
    }

    /// Fetches the keys of all issuers, as their first tokens would: whoever runs the hub hears at its start of what keeps it from
    /// that. It may take as long as an issuer may to answer, for each of them.
    pub fn fetch_keys(&self) {
        for issuer in &self.issuers {
            issuer.keys().fetch_first();
        }
    }

    /// What has been checked so far.
    pub fn counters(&self) -> AuthCounters {
        let mut counters = self.counts.read();
        for issuer in &self.issuers {
            issuer.keys().add_to(&mut counters);
        }
        counters.hook_closed = self.hook.as_ref().is_some_and(Hook::is_closed);
        counters
    }

    fn check_token(&self, check: &Check) -> Result<Good, Refused> {
        let peek = Peek::at(&check.credential)?;
        let mut issuers = self.issuers.iter();
        let Some(issuer) = issuers.find(|issuer| peek.is_from(issuer.name())) else {
            let expected: Vec<&str> = self.issuers.iter().map(Issuer::name).collect();
            self.tell_of_claim("iss", peek.issuer(), &expected.join(", "));
            return Err(Fault::TokenIssuer.into());
        };
        let checked = issuer.check(&peek, check.app);
        if matches!(&checked, Err(refused) if refused.fault == Fault::TokenAudience) {
            self.tell_of_claim("aud", &peek.audience(), &issuer.audiences().join(", "));
        }
        checked
    }

    /// Tells the operator, and not the client, what a token says instead of what it should: a slash may be all that is wrong.
    fn tell_of_claim(&self, claim: &str, found: &str, expected: &str) {
        if let Some(more) = self.told.is_due(Instant::now()) {
            // Recorded as text, not as it shows: anybody can write such a token.
            let found = short(found);
            tracing::info!(claim, found, expected, more, "a token is not for this hub");
        }
    }
}

impl Checker for Auth {
    /// Takes no longer than the timeouts of the settings, and half a second.
    fn check(&self, check: &Check) -> Verdict {
        let verdict = match check.method {
            Method::Jwt => self.check_token(check),
            Method::Hook => match &self.hook {
                Some(hook) => hook.check(check),
                None => Err(Fault::NotConfigured.into()),
            },
            _ => Err(Fault::NotConfigured.into()),
        };
        self.counts.count(check.method, &verdict);
        match verdict {
            Ok(good) => Verdict::Good {
                identity: good.identity,
                expiry_unix_secs: good.expiry_unix_secs,
            },
            Err(refused) => Verdict::Bad(refused.fault.refusal(), refused.text),
        }
    }
}

/// A credential that is good.
#[derive(Debug)]
struct Good {
    identity: bowline_core::identity::Identity,
    expiry_unix_secs: Option<u64>,
}

impl Fault {
    /// What the client hears of it, as a number.
    pub const fn refusal(self) -> Refusal {
        match self {
            Self::NotConfigured => Refusal::Method,
            Self::TokenExpired => Refusal::Expired,
            Self::TokenApp => Refusal::App,
            Self::TokenIdentity => Refusal::Identity,
            Self::TokenTooLong
            | Self::TokenMalformed
            | Self::TokenAlgorithm
            | Self::TokenCritical
            | Self::TokenIssuer
            | Self::TokenKey
            | Self::TokenSignature
            | Self::TokenAudience
            | Self::TokenClaims
            | Self::HookRefused => Refusal::Credential,
            Self::HookIdentity => Refusal::Identity,
            Self::HookBusy => Refusal::Busy,
            // By the hub's clock, which is behind if that of whoever signed it is right.
            Self::TokenNotYet
            | Self::KeysUnavailable
            | Self::HookTimeout
            | Self::HookUnreachable
            | Self::HookStatus
            | Self::HookAnswer
            | Self::HookClosed => Refusal::Unavailable,
        }
    }
}

#[cfg(test)]
mod tests;
