//! Tokens of an identity provider.

use std::path::PathBuf;

use serde::Deserialize;

use crate::config::parse;
use crate::namespace::Namespace;

/// `[sign_in.jwt]`: tokens of an identity provider (RFC 7519).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jwt {
    /// Who must have issued a token: its claim `iss`.
    #[serde(deserialize_with = "parse::text")]
    pub issuer: String,
    /// Whom it must be for: its claim `aud`.
    #[serde(deserialize_with = "parse::text")]
    pub audience: String,
    /// Where the provider's keys are: `{ url = "https://..." }` or `{ file = "jwks.json" }`.
    pub jwks: Jwks,
    /// Certificates that are trusted when keys are fetched, as PEM, instead of those that the system trusts.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// The claim that names the game by its app ID; without it a token is for all games.
    #[serde(default, deserialize_with = "parse::optional_text")]
    pub app_claim: Option<String>,
    /// The identity that a token gives: a text in which `{name}` stands for a claim, and `{name:hash}` for 24 characters
    /// made of it.
    #[serde(default = "default_identity")]
    pub identity: String,
    /// Prefixes of the identities that tokens may give.
    #[serde(deserialize_with = "parse::namespace")]
    pub identities: Namespace,
}

/// Where the keys of an identity provider are (RFC 7517).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum Jwks {
    /// Where the provider publishes them.
    Url(String),
    /// In a file.
    File(PathBuf),
}

fn default_identity() -> String {
    "str:{sub}".to_owned()
}
