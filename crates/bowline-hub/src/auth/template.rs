//! From the claims of a token to an identity.
//!
//! A template is a text with names of claims in braces: `str:acme-{sub}`, `steamid:{steam_id}`. Names in the `str:` kind
//! have 31 bytes, and many subjects do not fit; `{sub:hash}` stands for 24 characters that are made of the claim and the
//! issuer (120 bits of SHA-256), so they always fit and never change.
//!
//! Two accounts must not become one identity. So the value of a claim must not have the character in it that
//! follows the claim in the template if another one comes after it (`str:{a}.{b}` takes no dot in `a`), and two claims never
//! stand side by side.

use bowline_core::identity::Identity;
use bowline_core::identity::IdentityError;
use serde_json::Map;
use serde_json::Value;
use sha2::Digest as _;
use sha2::Sha256;

use crate::limits::MAX_TEMPLATE_CLAIMS;

/// How an identity is made of claims.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Template {
    /// The text before the first claim.
    start: String,
    claims: Vec<Claim>,
}

/// Why a text is no template.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// All tokens would give the same identity.
    #[error("{0:?} names no claim in braces, such as {{sub}}")]
    NoClaim(String),
    /// More claims than there may be.
    #[error("{0:?} names more than {MAX_TEMPLATE_CLAIMS} claims")]
    TooManyClaims(String),
    /// A brace without its other one, or nothing between them.
    #[error("{0:?} has braces that do not go together, or nothing between them")]
    Braces(String),
    /// What is after the colon is not known.
    #[error("{0:?} is not known after a claim; hash is")]
    Filter(String),
    /// It could not be told where one ends and the other begins.
    #[error("{0:?} has two claims side by side: put a character between them")]
    SideBySide(String),
}

#[derive(Clone, Debug, Eq, PartialEq)]
struct Claim {
    name: String,
    is_hashed: bool,
    /// The text up to the next claim, or the end.
    then: String,
}

/// The alphabet of RFC 4648's base32, in small letters.
const BASE32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
/// Characters of a hash.
const HASH_LEN: usize = 24;

impl Template {
    /// Takes a template apart.
    ///
    /// # Errors
    /// If it is none.
    pub fn new(text: &str) -> Result<Self, TemplateError> {
        let braces = || TemplateError::Braces(text.to_owned());
        let mut parts = text.split('{');
        let start = parts.next().unwrap_or_default().to_owned();
        let mut claims = Vec::new();
        for part in parts {
            let (claim, then) = part.split_once('}').ok_or_else(braces)?;
            let (name, filter) = match claim.rsplit_once(':') {
                // Names of claims may be URLs.
                Some((name, filter)) if !filter.starts_with("//") => (name, Some(filter)),
                _ => (claim, None),
            };
            if let Some(filter) = filter.filter(|filter| *filter != "hash") {
                return Err(TemplateError::Filter(filter.to_owned()));
            }
            if name.is_empty() || then.contains('}') {
                return Err(braces());
            }
            claims.push(Claim {
                name: name.to_owned(),
                is_hashed: filter.is_some(),
                then: then.to_owned(),
            });
        }
        if start.contains('}') {
            return Err(braces());
        }
        if claims.len() > MAX_TEMPLATE_CLAIMS {
            return Err(TemplateError::TooManyClaims(text.to_owned()));
        }
        match claims.split_last() {
            None => Err(TemplateError::NoClaim(text.to_owned())),
            Some((_, others)) if others.iter().any(|claim| claim.then.is_empty()) => {
                Err(TemplateError::SideBySide(text.to_owned()))
            }
            Some(_) => Ok(Self { start, claims }),
        }
    }

    /// What all identities that it gives begin with.
    #[cfg(feature = "program")]
    pub(super) fn start(&self) -> &str {
        &self.start
    }

    /// The identity that the claims give; otherwise why they give none.
    pub(super) fn identity(
        &self,
        issuer: &str,
        claims: &Map<String, Value>,
    ) -> Result<Identity, String> {
        let mut text = self.start.clone();
        for (index, claim) in self.claims.iter().enumerate() {
            let name = &claim.name;
            let value = match claims.get(name) {
                Some(Value::String(value)) => value.clone(),
                Some(Value::Number(number)) if number.is_u64() => number.to_string(),
                Some(_) => {
                    return Err(format!(
                        "the claim {name} is neither text nor a whole number"
                    ));
                }
                None => return Err(format!("the token has no claim {name}")),
            };
            if value.is_empty() || value.chars().any(char::is_control) {
                return Err(format!(
                    "the claim {name} is empty, or has control characters"
                ));
            }
            let separator = claim.then.chars().next();
            let is_last = index + 1 == self.claims.len();
            match (claim.is_hashed, separator) {
                (true, _) => text.push_str(&hash(issuer, &value)),
                (false, Some(separator)) if !is_last && value.contains(separator) => {
                    return Err(format!("the claim {name} must not contain {separator:?}"));
                }
                (false, _) => text.push_str(&value),
            }
            text.push_str(&claim.then);
        }
        text.parse().map_err(|error| {
            let mut plain = self.claims.iter().filter(|claim| !claim.is_hashed);
            match (error, plain.next()) {
                // The operator reads it in the log.
                (IdentityError::Length, Some(Claim { name, .. })) => {
                    format!("the claims give no identity: {error}; {{{name}:hash}} is always short")
                }
                _ => format!("the claims give no identity: {error}"),
            }
        })
    }
}

/// Something short that stands for an account of an issuer.
fn hash(issuer: &str, value: &str) -> String {
    let digest = Sha256::new()
        .chain_update((issuer.len() as u64).to_be_bytes())
        .chain_update(issuer)
        .chain_update(value)
        .finalize();
    let bits = digest
        .iter()
        .flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1));
    let bits: Vec<u8> = bits.take(5 * HASH_LEN).collect();
    let symbol = |five: &[u8]| {
        let index = five
            .iter()
            .fold(0, |index, bit| index << 1 | usize::from(*bit));
        char::from(BASE32.get(index).copied().unwrap_or(b'a'))
    };
    bits.chunks(5).map(symbol).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(json: &str) -> Map<String, Value> {
        serde_json::from_str(json).unwrap()
    }

    fn identity(template: &str, json: &str) -> Result<String, String> {
        let template = Template::new(template).unwrap();
        let identity = template.identity("https://idp.example", &claims(json))?;
        Ok(identity.to_string())
    }

    #[test]
    fn claims_take_their_places() {
        let json =
            r#"{"sub": "anna", "steam": 76561197960287930, "https://game.example/id": "x7"}"#;
        for (template, text) in [
            ("str:acme-{sub}", "str:acme-anna"),
            ("steamid:{steam}", "steamid:76561197960287930"),
            ("str:{sub}.{steam}!", "str:anna.76561197960287930!"),
            ("str:{https://game.example/id}", "str:x7"),
        ] {
            assert_eq!(identity(template, json).as_deref(), Ok(text), "{template}");
        }
    }

    #[test]
    fn a_hash_always_fits_and_is_of_issuer_and_claim() {
        let json = r#"{"sub": "auth0|5f7c8ec7c33c6c004bbafe82"}"#;
        let name = identity("str:acme-{sub:hash}", json).unwrap();
        assert_eq!(name, "str:acme-xbc5yivchu7nybmzs5iezawo");
        assert_eq!(name.len(), "str:acme-".len() + HASH_LEN);
        let template = Template::new("str:acme-{sub:hash}").unwrap();
        let other = template
            .identity("https://idp.exampl", &claims(json))
            .unwrap();
        assert_ne!(other.to_string(), name);
        let error = identity("str:acme-{sub}", json).unwrap_err();
        assert!(
            error.contains("no identity") && error.contains("{sub:hash}"),
            "{error}"
        );
    }

    #[test]
    fn claims_that_are_no_names_are_refused() {
        for json in [
            r#"{}"#,
            r#"{"sub": ""}"#,
            r#"{"sub": null}"#,
            r#"{"sub": true}"#,
            r#"{"sub": -1}"#,
            r#"{"sub": 1.5}"#,
            r#"{"sub": ["anna"]}"#,
            r#"{"sub": {"a": 1}}"#,
            r#"{"sub": "an\nna"}"#,
            r#"{"sub": "an\u0000na"}"#,
        ] {
            assert!(identity("str:{sub}", json).is_err(), "{json}");
        }
    }

    #[test]
    fn two_accounts_do_not_become_one() {
        let one = identity("str:{a}.{b}", r#"{"a": "x", "b": "y.z"}"#);
        assert_eq!(one.as_deref(), Ok("str:x.y.z"));
        let other = identity("str:{a}.{b}", r#"{"a": "x.y", "b": "z"}"#);
        assert!(other.unwrap_err().contains("must not contain '.'"));
    }

    #[test]
    fn templates_that_are_none_are_told() {
        let no = |text: &str| Template::new(text).unwrap_err();
        assert_eq!(no("str:anna"), TemplateError::NoClaim("str:anna".into()));
        assert_eq!(
            no("str:{a}{b}"),
            TemplateError::SideBySide("str:{a}{b}".into())
        );
        assert_eq!(no("str:{sub:md5}"), TemplateError::Filter("md5".into()));
        for text in [
            "str:{sub",
            "str:sub}{a}",
            "str:{}",
            "str:{a}}",
            "str:{:hash}",
        ] {
            assert_eq!(no(text), TemplateError::Braces(text.into()), "{text}");
        }
    }

    #[test]
    fn limit_claims_of_a_template() {
        let text = "{a}.".repeat(MAX_TEMPLATE_CLAIMS);
        assert!(Template::new(&text).is_ok());
        let error = Template::new(&format!("{text}{{a}}")).unwrap_err();
        assert!(matches!(error, TemplateError::TooManyClaims(_)));
    }
}
