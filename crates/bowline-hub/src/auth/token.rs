//! Tokens: signed claims of an issuer (RFC 7519), checked after RFC 8725.

use std::fmt;
use std::str::FromStr as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bowline_core::ids::AppId;
use jsonwebtoken::Algorithm;
use jsonwebtoken::Validation;
use jsonwebtoken::errors::ErrorKind;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Map;
use serde_json::Value;

use crate::auth::AuthError;
use crate::auth::Fault;
use crate::auth::Good;
use crate::auth::fault::Refused;
use crate::auth::keys::KeySource;
use crate::auth::keys::Keys;
use crate::auth::keys::Times;
use crate::auth::template::Template;
use crate::limits::MAX_TOKEN_LEN;
use crate::limits::TOKEN_LEEWAY_SECS;
use crate::namespace::Namespace;

/// An issuer of tokens, and what they are good for.
#[derive(Clone, Debug)]
pub struct TokenSettings {
    /// What its tokens say in `iss`.
    pub issuer: String,
    /// What they must say in `aud`: one of these.
    pub audiences: Vec<String>,
    /// Its keys.
    pub keys: KeySource,
    /// The claim that says for which game they are, as a number, a text of digits, or a list of such; `None` if they are
    /// for every game that the hub serves.
    pub app_claim: Option<String>,
    /// How claims give an identity.
    pub template: Template,
    /// The identities that they may give.
    pub identities: Namespace,
}

/// An issuer.
pub(super) struct Issuer {
    settings: TokenSettings,
    keys: Keys,
}

/// What a token says of itself, which nobody has verified yet.
pub(super) struct Peek<'a> {
    token: &'a str,
    algorithm: Algorithm,
    key: Option<String>,
    issuer: String,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct WhoIssued {
    iss: Option<String>,
}

/// By what a token may be signed: never by a shared secret, never not at all.
const ALGORITHMS: &[Algorithm] = &[
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
];

impl<'a> Peek<'a> {
    pub(super) fn at(credential: &'a [u8]) -> Result<Self, Refused> {
        if credential.len() > MAX_TOKEN_LEN {
            return Err(Fault::TokenTooLong.into());
        }
        let token = str::from_utf8(credential).map_err(|_| Fault::TokenMalformed)?;
        let mut parts = token.split('.');
        let (Some(header), Some(claims), Some(_), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Fault::TokenMalformed.into());
        };
        let header: Header = part(header)?;
        let claims: WhoIssued = part(claims)?;
        if header.crit.is_some() {
            return Err(Fault::TokenCritical.into());
        }
        let algorithm = Algorithm::from_str(&header.alg).ok();
        let algorithm = algorithm.filter(|one| ALGORITHMS.contains(one));
        Ok(Self {
            token,
            algorithm: algorithm.ok_or(Fault::TokenAlgorithm)?,
            key: header.kid,
            issuer: claims.iss.ok_or(Fault::TokenIssuer)?,
        })
    }

    pub(super) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Whom it says that it is for, as JSON. Empty if it says nothing.
    pub(super) fn audience(&self) -> String {
        let claims = self.token.split('.').nth(1);
        let claims = claims.and_then(|claims| part::<Map<String, Value>>(claims).ok());
        let audience = claims.as_ref().and_then(|claims| claims.get("aud"));
        audience.map_or_else(String::new, Value::to_string)
    }

    pub(super) fn is_from(&self, issuer: &str) -> bool {
        self.issuer == issuer
    }
}

impl Issuer {
    pub(super) fn new(settings: TokenSettings) -> Result<Self, AuthError> {
        Self::with_times(settings, Times::DEFAULT)
    }

    pub(super) fn with_times(settings: TokenSettings, times: Times) -> Result<Self, AuthError> {
        if settings.audiences.is_empty() {
            return Err(AuthError::NoAudience(settings.issuer));
        }
        let keys = Keys::new(settings.keys.clone(), times)?;
        Ok(Self { settings, keys })
    }

    pub(super) fn name(&self) -> &str {
        &self.settings.issuer
    }

    pub(super) fn audiences(&self) -> &[String] {
        &self.settings.audiences
    }

    pub(super) const fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Whether a token is good, and for whom.
    pub(super) fn check(&self, peek: &Peek<'_>, app: AppId) -> Result<Good, Refused> {
        let key = self.keys.find(peek.key.as_deref(), peek.algorithm)?;
        let mut validation = Validation::new(peek.algorithm);
        validation.leeway = TOKEN_LEEWAY_SECS;
        validation.validate_nbf = true;
        validation.set_issuer(&[&self.settings.issuer]);
        validation.set_audience(&self.settings.audiences);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        let decoded = jsonwebtoken::decode::<Map<String, Value>>(peek.token, &key.key, &validation);
        let claims = decoded.map_err(|error| fault_of(error.kind()))?.claims;
        self.check_app(&claims, app)?;
        let identity = self.settings.template.identity(self.name(), &claims);
        let identity = identity.map_err(|text| Refused {
            fault: Fault::TokenIdentity,
            text,
        })?;
        if !self.settings.identities.contains(&identity) {
            return Err(Fault::TokenIdentity.into());
        }
        let expiry = claims
            .get("exp")
            .and_then(seconds)
            .ok_or(Fault::TokenClaims)?;
        Ok(Good {
            identity,
            // What is good now by the leeway is good for as long.
            expiry_unix_secs: Some(expiry.saturating_add(TOKEN_LEEWAY_SECS)),
        })
    }

    fn check_app(&self, claims: &Map<String, Value>, app: AppId) -> Result<(), Refused> {
        let Some(name) = &self.settings.app_claim else {
            return Ok(());
        };
        let is_it = |value: &Value| match value {
            Value::Number(number) => number.as_u64() == Some(u64::from(app.get())),
            Value::String(text) => *text == app.get().to_string(),
            _ => false,
        };
        match claims.get(name) {
            None => Err(Refused {
                fault: Fault::TokenClaims,
                text: format!("the token has no claim {name}, which says for which app it is"),
            }),
            Some(Value::Array(all)) if all.iter().any(is_it) => Ok(()),
            Some(one) if is_it(one) => Ok(()),
            Some(_) => Err(Fault::TokenApp.into()),
        }
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// A part of a token.
fn part<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, Fault> {
    let bytes = URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|_| Fault::TokenMalformed)?;
    serde_json::from_slice(&bytes).map_err(|_| Fault::TokenMalformed)
}

/// A date in a claim, which may have fractions.
fn seconds(value: &Value) -> Option<u64> {
    value
        .as_u64()
        .or_else(|| value.as_f64().map(|secs| secs as u64))
}

fn fault_of(error: &ErrorKind) -> Refused {
    let fault = match error {
        ErrorKind::InvalidSignature | ErrorKind::InvalidEcdsaKey | ErrorKind::InvalidEddsaKey => {
            Fault::TokenSignature
        }
        ErrorKind::InvalidRsaKey(_) | ErrorKind::InvalidKeyFormat => Fault::TokenSignature,
        ErrorKind::ExpiredSignature => Fault::TokenExpired,
        ErrorKind::ImmatureSignature => Fault::TokenNotYet,
        ErrorKind::InvalidIssuer => Fault::TokenIssuer,
        ErrorKind::InvalidAudience => Fault::TokenAudience,
        ErrorKind::InvalidAlgorithm | ErrorKind::UnsupportedAlgorithm => Fault::TokenAlgorithm,
        ErrorKind::MissingRequiredClaim(name) => {
            return Refused {
                fault: Fault::TokenClaims,
                text: format!("the token has no claim {name}"),
            };
        }
        ErrorKind::InvalidClaimFormat(_) => Fault::TokenClaims,
        _ => Fault::TokenMalformed,
    };
    fault.into()
}
