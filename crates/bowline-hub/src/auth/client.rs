//! Calls over HTTP that come to an end.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ureq::Agent;
use ureq::http::Uri;
use ureq::tls::Certificate;
use ureq::tls::PemItem;
use ureq::tls::RootCerts;
use ureq::tls::TlsConfig;

use crate::auth::AuthError;
use crate::limits::MAX_HTTP_ANSWER_HEADERS;

/// Where something is asked: an URL of `https`, or of `http` on this machine.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Endpoint {
    uri: Uri,
}

/// Why an URL is not one to ask at.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// It is no URL.
    #[error("{0:?} is no URL")]
    NoUrl(String),
    /// It is for something else than HTTP.
    #[error("{0:?} must begin with https://, or http:// on this machine")]
    Scheme(String),
    /// Whoever is between could change the answers.
    #[error(
        "{0:?} must be https: answers say who somebody is, and http leaves this machine unprotected"
    )]
    Unprotected(String),
    /// Names and passwords in URLs end up in logs.
    #[error("the URL must not have a name or password in it")]
    Password,
}

/// Whose certificates are trusted in TLS.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Trust {
    /// Those whom the system trusts.
    #[default]
    System,
    /// These alone, as PEM.
    Only(Vec<u8>),
}

/// What makes calls.
#[derive(Debug)]
pub(super) struct Client {
    agent: Agent,
    endpoint: Endpoint,
    max_answer: u64,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallError {
    #[error("no answer in time")]
    Timeout,
    #[error("no connection: {0}")]
    Unreachable(ureq::Error),
    #[error("the answer is {0}, not 200")]
    Status(u16),
    #[error("no answer that makes sense: {0}")]
    Nonsense(ureq::Error),
}

impl Endpoint {
    /// Somewhere to ask. `may_be_plain` allows `http` to other machines, for networks that nobody else is in.
    ///
    /// # Errors
    /// If it is no URL, or what is said there would not be protected.
    pub fn new(url: &str, may_be_plain: bool) -> Result<Self, EndpointError> {
        let uri: Uri = url.parse().map_err(|_| EndpointError::NoUrl(url.into()))?;
        let host = uri.host().ok_or_else(|| EndpointError::NoUrl(url.into()))?;
        if uri
            .authority()
            .is_some_and(|all| all.as_str().contains('@'))
        {
            return Err(EndpointError::Password);
        }
        match uri.scheme_str() {
            Some("https") => {}
            Some("http") if may_be_plain || is_loopback(host) => {}
            Some("http") => return Err(EndpointError::Unprotected(url.into())),
            _ => return Err(EndpointError::Scheme(url.into())),
        }
        Ok(Self { uri })
    }

    fn is_tls(&self) -> bool {
        self.uri.scheme_str() == Some("https")
    }

    fn is_here(&self) -> bool {
        self.uri.host().is_some_and(is_loopback)
    }
}

impl std::fmt::Display for Endpoint {
    /// Without the query, which may hold keys.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (scheme, host) = (self.uri.scheme_str(), self.uri.authority());
        let (scheme, host) = (scheme.unwrap_or(""), host.map_or("", |host| host.as_str()));
        write!(f, "{scheme}://{host}{}", self.uri.path())
    }
}

#[cfg(feature = "program")]
impl Trust {
    /// Whether there is anybody whose certificates could be trusted.
    pub(super) fn check(&self) -> Result<(), AuthError> {
        roots(self).map(drop)
    }
}

impl Client {
    /// What asks there, each time for so long at most, and takes so many bytes of an answer.
    pub(super) fn new(
        endpoint: Endpoint,
        trust: &Trust,
        timeout: Duration,
        max_answer: u64,
    ) -> Result<Self, AuthError> {
        let mut config = Agent::config_builder()
            .timeout_global(Some(timeout))
            .timeout_resolve(Some(timeout))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_response_header_size(MAX_HTTP_ANSWER_HEADERS)
            .user_agent(concat!("bowline-hub/", env!("CARGO_PKG_VERSION")))
            .accept("application/json");
        if endpoint.is_here() {
            config = config.proxy(None);
        }
        if endpoint.is_tls() {
            let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
            let tls = TlsConfig::builder()
                .unversioned_rustls_crypto_provider(provider)
                .root_certs(RootCerts::Specific(Arc::new(roots(trust)?)));
            config = config.tls_config(tls.build());
        }
        Ok(Self {
            agent: config.build().new_agent(),
            endpoint,
            max_answer,
        })
    }

    pub(super) fn get(&self) -> Result<Vec<u8>, CallError> {
        let answer = self.agent.get(&self.endpoint.uri).call();
        self.read(answer)
    }

    pub(super) fn post(&self, signature: &str, body: &[u8]) -> Result<Vec<u8>, CallError> {
        let request = self.agent.post(&self.endpoint.uri);
        let request = request.header("Content-Type", "application/json");
        let answer = request.header("Bowline-Signature", signature).send(body);
        self.read(answer)
    }

    pub(super) const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    fn read(
        &self,
        answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Result<Vec<u8>, CallError> {
        let answer = answer.map_err(CallError::from)?;
        if answer.status().as_u16() != 200 {
            return Err(CallError::Status(answer.status().as_u16()));
        }
        let body = answer.into_body().into_with_config().limit(self.max_answer);
        body.read_to_vec().map_err(CallError::from)
    }
}

impl From<ureq::Error> for CallError {
    fn from(error: ureq::Error) -> Self {
        match error {
            ureq::Error::Timeout(_) => Self::Timeout,
            ureq::Error::Io(ref io) if io.kind() == std::io::ErrorKind::TimedOut => Self::Timeout,
            ureq::Error::Io(_)
            | ureq::Error::HostNotFound
            | ureq::Error::ConnectionFailed
            | ureq::Error::Tls(_)
            | ureq::Error::Rustls(_) => Self::Unreachable(error),
            _ => Self::Nonsense(error),
        }
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

fn roots(trust: &Trust) -> Result<Vec<Certificate<'static>>, AuthError> {
    let roots: Vec<Certificate<'static>> = match trust {
        Trust::System => {
            let found = rustls_native_certs::load_native_certs();
            if found.certs.is_empty() {
                let why = found.errors.first();
                let text = "the system has none (the package ca-certificates?)".to_owned();
                return Err(AuthError::NoRoots(why.map_or(text, ToString::to_string)));
            }
            let certs = found.certs.iter();
            certs
                .map(|cert| Certificate::from_der(cert.as_ref()).to_owned())
                .collect()
        }
        Trust::Only(pem) => {
            let mut certs = Vec::new();
            for item in ureq::tls::parse_pem(pem) {
                match item {
                    Ok(PemItem::Certificate(cert)) => certs.push(cert),
                    Ok(_) => {}
                    Err(error) => return Err(AuthError::NoRoots(error.to_string())),
                }
            }
            certs
        }
    };
    match roots.is_empty() {
        true => Err(AuthError::NoRoots("there is none (PEM)".to_owned())),
        false => Ok(roots),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_that_say_who_somebody_is_are_protected() {
        for (url, is_fine) in [
            ("https://example.org/keys", true),
            ("http://127.0.0.1:8080/keys", true),
            ("http://[::1]/keys", true),
            ("http://localhost/keys", true),
            ("http://example.org/keys", false),
            ("http://localhost.example.org/keys", false),
            ("http://127.0.0.1.example.org/keys", false),
            ("https://name:word@example.org/", false),
            ("file:///etc/passwd", false),
            ("/keys", false),
            ("", false),
        ] {
            assert_eq!(Endpoint::new(url, false).is_ok(), is_fine, "{url}");
        }
        assert!(Endpoint::new("http://198.51.100.7:8080/hook", true).is_ok());
    }

    #[test]
    fn what_is_logged_of_an_url_has_no_query() {
        let endpoint = Endpoint::new("https://example.org/keys?key=secret", false).unwrap();
        assert_eq!(endpoint.to_string(), "https://example.org/keys");
    }

    #[test]
    fn trust_in_nobody_is_told() {
        let endpoint = Endpoint::new("https://example.org/", false).unwrap();
        let nobody = Trust::Only(b"nothing".to_vec());
        let error = Client::new(endpoint, &nobody, Duration::from_secs(1), 10).unwrap_err();
        assert!(matches!(error, AuthError::NoRoots(_)), "{error}");
    }
}
