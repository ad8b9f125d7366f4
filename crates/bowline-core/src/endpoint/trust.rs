//! Who we are and whom we trust, while connections come and go.
//!
//! Everything here counts for connections made from then on. Those that exist keep what they were made
//! with: a certificate is looked at once, during the handshake.

use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;

use crate::availability::Availability;
use crate::cert::authority::KeyId;
use crate::cert::credentials::Credentials;
use crate::cert::credentials::CredentialsError;
use crate::cert::credentials::Holder;
use crate::cert::date::UnixTime;
use crate::cert::keypair::KeyPair;
use crate::cert::keypair::PublicKey;
use crate::cert::request::CertificateRequest;
use crate::crypto::Crypto;
use crate::crypto::keys::SigningKey;
use crate::endpoint::Endpoint;
use crate::handshake::Host;
use crate::handshake::WallClock;
use crate::identity::Identity;
use crate::ids::AppId;
use crate::rng::Rng;
use crate::time::Span;
use crate::time::Timestamp;

/// Whether we have a certificate that peers may trust.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct AuthenticationStatus {
    /// The status as a value.
    pub availability: Availability,
    /// The same in words.
    pub text: String,
}

/// What the application should hear of our own certificate.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum TrustEvent {
    /// [`AuthenticationStatus::availability`] has changed. A change of its text alone is no event.
    AuthenticationChanged(AuthenticationStatus),
    /// Our certificate has a third of its life left: time for a new one. Told once for each.
    CertificateExpiring {
        /// The last second in which it holds, since 1970.
        expiry_unix_secs: u64,
    },
}

/// The changing half of what an endpoint knows of trust; the rest is in its [`Host`].
#[derive(Debug)]
pub(super) struct Trust {
    /// What the application is told: it follows from the two below.
    status: AuthenticationStatus,
    /// What our own certificate says.
    own: AuthenticationStatus,
    /// How it stands with who signs certificates for us, if there is somebody.
    authority: Option<AuthenticationStatus>,
    events: VecDeque<TrustEvent>,
    next: Option<(Timestamp, Step)>,
}

/// What is due when the time has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Step {
    Renew,
    Expire,
}

/// Events that may wait; a further one replaces the oldest.
const MAX_TRUST_EVENTS: usize = 16;

const NO_CERTIFICATE: &str = "No certificate, and no authority to ask for one";

impl Trust {
    pub(super) fn new() -> Self {
        let none = AuthenticationStatus {
            availability: Availability::CannotTry,
            text: NO_CERTIFICATE.into(),
        };
        Self {
            status: none.clone(),
            own: none,
            authority: None,
            events: VecDeque::new(),
            next: None,
        }
    }

    /// When the certificate is due for renewal, or expires.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        self.next.map(|(at, _)| at)
    }

    /// Whether a certificate is on its way, as far as who signs it can be asked.
    fn is_awaited(&self) -> bool {
        let authority = self.authority.as_ref();
        authority.is_some_and(|authority| match authority.availability {
            Availability::Waiting
            | Availability::Attempting
            | Availability::Retrying
            | Availability::Previously
            | Availability::Current => true,
            Availability::CannotTry
            | Availability::Failed
            | Availability::Unknown
            | Availability::NeverTried => false,
        })
    }

    fn set_own(&mut self, availability: Availability, text: String) {
        self.own = AuthenticationStatus { availability, text };
        self.merge();
    }

    /// What follows for the application. An authority that is there is not enough: its certificate has to be, too.
    fn merge(&mut self) {
        let merged = match &self.authority {
            None => self.own.clone(),
            Some(authority) => match authority.availability {
                Availability::NeverTried | Availability::Current
                    if self.own.availability.is_current() =>
                {
                    self.own.clone()
                }
                Availability::Current => AuthenticationStatus {
                    availability: Availability::Attempting,
                    text: String::from("signed in, and waiting for the certificate"),
                },
                _ => authority.clone(),
            },
        };
        let is_news = self.status.availability != merged.availability;
        self.status = merged;
        if is_news {
            let status = self.status.clone();
            tracing::info!(status = %status.availability.name(), text = %status.text, "authentication");
            self.push(TrustEvent::AuthenticationChanged(status));
        }
    }

    fn push(&mut self, event: TrustEvent) {
        if self.events.len() >= MAX_TRUST_EVENTS {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }
}

impl Endpoint {
    /// What to send to an authority, so that it signs a certificate for us: our key and, unless we are
    /// anonymous, our identity. In the form of GNS's `GetCertificateRequest`. Makes a key if there is
    /// none; connections made from now on show it.
    pub fn certificate_request(&mut self) -> CertificateRequest {
        let rng = &mut self.rng;
        let host = Arc::make_mut(&mut self.host);
        let key = host
            .key
            .get_or_insert_with(|| SigningKey::generate(&mut rng.child("certificate")));
        let pair = KeyPair::new(&host.crypto, key.clone());
        let mut request = CertificateRequest::new(pair.public());
        let is_named = !host.identity.is_anonymous();
        request.identity = is_named.then(|| host.identity.clone());
        request
    }

    /// Tells the calendar time anew: clocks are set, and a machine that slept has lost time. Certificates
    /// expire by it.
    pub fn set_unix_time(&mut self, now: Timestamp, unix_secs: u64) {
        let was = self.clock.unix_secs(now);
        if was == unix_secs {
            return;
        }
        self.clock = WallClock::new(now, unix_secs);
        if let Some((at, _)) = &mut self.trust.next {
            let ahead = Span::from_secs(unix_secs.saturating_sub(was));
            let behind = Span::from_secs(was.saturating_sub(unix_secs));
            *at = *at - ahead + behind;
        }
    }

    /// Takes a signed certificate for our key, in the form of GNS's `SetCertificate`. Who is anonymous
    /// becomes whom it names. Connections made from now on show it.
    ///
    /// # Errors
    /// If it cannot be ours. Nothing is changed then.
    pub fn set_certificate(
        &mut self,
        now: Timestamp,
        bytes: &[u8],
    ) -> Result<(), CredentialsError> {
        let now_unix_secs = self.clock.unix_secs(now);
        let holder = Holder {
            crypto: &self.host.crypto,
            key: self.host.key.as_ref(),
            identity: &self.host.identity,
            app: self.host.app,
            now_unix_secs,
        };
        let own = Arc::new(Credentials::new(bytes, &holder)?);
        if let Err(error) =
            self.host
                .store
                .check(&self.host.crypto, own.signed(), Some(now_unix_secs))
        {
            // Peers may know its authority even if we do not.
            tracing::info!(%error, "we would not trust our own certificate");
        }
        let at = self.clock.at(own.renewal_unix_secs(now_unix_secs));
        self.trust.next = Some((at, Step::Renew));
        let host = self.host_mut();
        if let Some(identity) = own.certificate().identity() {
            host.identity = identity.clone();
        }
        host.key = Some(own.key().clone());
        host.credentials = Some(own);
        self.trust
            .set_own(Availability::Current, String::from("OK"));
        self.release_calls();
        Ok(())
    }

    /// How it stands with who signs certificates for us: a hub. `None` if there is nobody. With somebody,
    /// [`Self::authentication`] tells how it stands with them, and is [`Availability::Current`] only with a certificate.
    pub fn set_authority(&mut self, status: Option<(Availability, String)>) {
        let status = status.map(|(availability, text)| AuthenticationStatus { availability, text });
        self.trust.authority = status;
        self.trust.merge();
        if !self.awaits_certificate() {
            self.release_calls();
        }
    }

    /// Whether a certificate is on its way: what is to show it should wait.
    pub fn awaits_certificate(&self) -> bool {
        self.host.credentials.is_none() && self.trust.is_awaited()
    }

    /// What the client of a hub draws from. Each has its own.
    pub fn hub_rng(&mut self) -> Rng {
        self.rng.child("hub")
    }

    /// Who does the cryptography.
    pub fn crypto(&self) -> &Crypto {
        &self.host.crypto
    }

    /// Becomes somebody else, without key and certificate. The connections that exist do not change:
    /// close them.
    pub fn reset_identity(&mut self, identity: Identity) {
        let host = self.host_mut();
        host.identity = identity;
        host.key = None;
        host.credentials = None;
        self.trust.next = None;
        self.trust
            .set_own(Availability::CannotTry, NO_CERTIFICATE.into());
    }

    /// Which game this is, for certificates and connections from now on.
    pub fn set_app_id(&mut self, app: AppId) {
        self.host_mut().app = app;
    }

    /// Who we are.
    pub fn identity(&self) -> &Identity {
        &self.host.identity
    }

    /// The public key of our certificates; `None` if each connection makes one of its own.
    pub fn public_key(&self) -> Option<PublicKey> {
        let key = self.host.key.clone()?;
        Some(KeyPair::new(&self.host.crypto, key).public())
    }

    /// Our own certificate.
    pub fn credentials(&self) -> Option<&Credentials> {
        self.host.credentials.as_deref()
    }

    /// Whether we have a certificate that peers may trust.
    pub const fn authentication(&self) -> &AuthenticationStatus {
        &self.trust.status
    }

    /// The next event about our own certificate.
    pub fn poll_trust_event(&mut self) -> Option<TrustEvent> {
        self.trust.events.pop_front()
    }

    /// Does what is due. Before a certificate is shown, so that none is that has expired.
    pub(super) fn check_credentials(&mut self, now: Timestamp) {
        while let Some((at, step)) = self.trust.next
            && at <= now
        {
            self.trust.next = None;
            let Some(own) = self.host.credentials.clone() else {
                return;
            };
            let expiry_unix_secs = own.expiry_unix_secs();
            let key = KeyId::of(own.certificate().key());
            match step {
                Step::Renew => {
                    tracing::warn!(%key, expiry_unix_secs, "our certificate will expire");
                    self.trust
                        .push(TrustEvent::CertificateExpiring { expiry_unix_secs });
                    let at = self.clock.at(expiry_unix_secs.saturating_add(1));
                    self.trust.next = Some((at, Step::Expire));
                }
                Step::Expire => {
                    tracing::warn!(%key, expiry_unix_secs, "our certificate has expired");
                    // The key stays, for the next certificate.
                    self.host_mut().credentials = None;
                    let text =
                        format!("Certificate expired at {}", UnixTime::new(expiry_unix_secs));
                    self.trust.set_own(Availability::Previously, text);
                }
            }
        }
    }

    /// The host of connections to come; those that exist keep theirs.
    pub(crate) fn host_mut(&mut self) -> &mut Host {
        Arc::make_mut(&mut self.host)
    }
}

#[cfg(test)]
mod tests;
