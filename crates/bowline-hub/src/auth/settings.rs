//! From the file of settings to what checks credentials.

use std::path::Path;
use std::path::PathBuf;

use zeroize::Zeroizing;

use crate::auth::Auth;
use crate::auth::AuthError;
use crate::auth::Endpoint;
use crate::auth::EndpointError;
use crate::auth::HookSettings;
use crate::auth::KeySource;
use crate::auth::Template;
use crate::auth::TemplateError;
use crate::auth::TokenSettings;
use crate::auth::Trust;
use crate::auth::keys;
use crate::config::ConfigFileError;
use crate::config::Hook;
use crate::config::Jwks;
use crate::config::Jwt;
use crate::config::SignIn;
use crate::namespace::Namespace;
use crate::secret_file;

/// Why credentials cannot be checked as the file says.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthConfigError {
    /// What identities of tokens are made of is no template.
    #[error("sign_in.jwt.identity: {0}")]
    Identity(#[from] TemplateError),
    /// No token could give an identity that tokens may give.
    #[error(
        "sign_in.jwt: what begins with {start:?}, as identity says, is none of identities: {identities}"
    )]
    Outside {
        /// What identities of tokens begin with.
        start: String,
        /// What they may begin with.
        identities: Namespace,
    },
    /// Where keys of tokens are fetched is not where they can be.
    #[error("sign_in.jwt.jwks: {0}")]
    Keys(EndpointError),
    /// Where the operator's service is asked is not where it can be.
    #[error("sign_in.hook.url: {0}")]
    Hook(EndpointError),
    /// A file does not hold what it should: keys of tokens, or certificates.
    #[error("{}: {text}", file.display())]
    BadFile {
        /// Which.
        file: PathBuf,
        /// Why.
        text: String,
    },
    /// A file that the settings name is of no use.
    #[error(transparent)]
    File(#[from] ConfigFileError),
    /// The settings do not go together.
    #[error(transparent)]
    Auth(#[from] AuthError),
}

impl Auth {
    /// What checks the credentials that the settings allow; `None` if they name nobody who is to be asked. Reads the files
    /// that they name.
    ///
    /// # Errors
    /// If a setting or a file is not as it should be.
    pub fn from_config(sign_in: &SignIn) -> Result<Option<Self>, AuthConfigError> {
        let tokens = sign_in.jwt.as_ref().map(tokens).transpose()?;
        let hook = sign_in.hook.as_ref().map(hook).transpose()?;
        if tokens.is_none() && hook.is_none() {
            return Ok(None);
        }
        Ok(Some(Self::new(tokens.into_iter().collect(), hook)?))
    }
}

fn tokens(jwt: &Jwt) -> Result<TokenSettings, AuthConfigError> {
    let keys = match &jwt.jwks {
        Jwks::File(file) => {
            // It is read again and again later; now is the time to say that it is of no use.
            keys::check_file(file).map_err(|text| AuthConfigError::BadFile {
                file: file.clone(),
                text,
            })?;
            KeySource::File(file.clone())
        }
        Jwks::Url(url) => {
            let endpoint = Endpoint::new(url, false).map_err(AuthConfigError::Keys)?;
            KeySource::Url(endpoint, trust(jwt.ca_file.as_deref())?)
        }
    };
    let template = Template::new(&jwt.identity)?;
    if !jwt.identities.may_begin(template.start()) {
        return Err(AuthConfigError::Outside {
            start: template.start().to_owned(),
            identities: jwt.identities.clone(),
        });
    }
    Ok(TokenSettings {
        issuer: jwt.issuer.clone(),
        audiences: vec![jwt.audience.clone()],
        keys,
        app_claim: jwt.app_claim.clone(),
        template,
        identities: jwt.identities.clone(),
    })
}

fn hook(hook: &Hook) -> Result<HookSettings, AuthConfigError> {
    let endpoint = Endpoint::new(&hook.url, hook.insecure_http).map_err(AuthConfigError::Hook)?;
    Ok(HookSettings {
        endpoint,
        secret: secret(&hook.secret_file)?,
        timeout: hook.timeout,
        trust: trust(hook.ca_file.as_deref())?,
        identities: hook.identities.clone(),
    })
}

/// A secret from a file of its own. White space at the end does not count.
pub(crate) fn secret(file: &Path) -> Result<Zeroizing<Vec<u8>>, ConfigFileError> {
    let text = secret_file::read(file).map_err(|error| ConfigFileError::of_secret(file, error))?;
    Ok(Zeroizing::new(text.trim_ascii_end().to_vec()))
}

fn trust(file: Option<&Path>) -> Result<Trust, AuthConfigError> {
    let Some(file) = file else {
        return Ok(Trust::System);
    };
    let pem = std::fs::read(file).map_err(|source| ConfigFileError::Unreadable {
        file: file.to_owned(),
        source,
    })?;
    let trust = Trust::Only(pem);
    // Also where it is not needed, for an URL without TLS.
    trust.check().map_err(|error| AuthConfigError::BadFile {
        file: file.to_owned(),
        text: error.to_string(),
    })?;
    Ok(trust)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regression_a_template_outside_of_its_namespace_is_refused() {
        let tokens = |identity: &str, prefix: &str| {
            tokens(&Jwt {
                issuer: "https://id.example.com".to_owned(),
                audience: "game".to_owned(),
                jwks: Jwks::Url("https://id.example.com/jwks.json".to_owned()),
                ca_file: None,
                app_claim: None,
                identity: identity.to_owned(),
                identities: Namespace::new(["gen:", prefix]).unwrap(),
            })
        };
        for (identity, prefix) in [
            ("steamid:{sub}", "str:id-"),
            ("str:{sub}", "steamid:"),
            ("str:io-{sub}", "str:id-"),
        ] {
            let error = tokens(identity, prefix).unwrap_err();
            assert!(matches!(error, AuthConfigError::Outside { .. }), "{error}");
            assert!(error.to_string().contains(prefix), "{error}");
        }
        for (identity, prefix) in [
            ("{kind}:{sub}", "str:id-"),
            ("str:{sub}", "str:id-"),
            ("str:id-{sub}", "str:id-"),
            ("str:id-x{sub}", "str:id-"),
        ] {
            tokens(identity, prefix).unwrap();
        }
    }
}
