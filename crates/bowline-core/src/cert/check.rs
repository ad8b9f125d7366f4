//! What a peer has to show during the handshake, in the order in which GNS looks at it.

use alloc::borrow::Cow;
use alloc::format;
use alloc::vec::Vec;
use core::fmt;
use core::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::cert::CertError;
use crate::cert::authority::KeyId;
use crate::cert::certificate::{Certificate, decode, identity_of, key_of};
use crate::cert::date::UnixTime;
use crate::cert::scope::Restriction;
use crate::cert::scope::Scope;
use crate::cert::session::SessionCrypt;
use crate::cert::store::CertStore;
use crate::counters::DropReason;
use crate::crypto::Crypto;
use crate::end_reason::EndReason;
use crate::identity::{Identity, IdentityError};
use crate::ids::AppId;
use crate::limits::MIN_PROTOCOL_VERSION;
use crate::wire::pb;

/// What to do with a peer that nobody we trust vouches for: GNS's setting `IP_AllowWithoutAuth`.
///
/// A later variant allows more, so the more permissive of two is the greater one.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize,
)]
pub enum AuthPolicy {
    /// 0: no connection.
    Refuse,
    /// 1: connect and log.
    AllowAndLog,
    /// 2: connect. The default of open builds of GNS.
    #[default]
    Allow,
}

/// What [`check_peer`] looks at.
#[derive(Debug)]
pub struct PeerCheck<'a> {
    /// Who does the signatures.
    pub crypto: &'a Crypto,
    /// Whom we trust.
    pub store: &'a CertStore,
    /// Seconds since 1970; without them no signed certificate is good.
    pub now_unix_secs: Option<u64>,
    /// Our app.
    pub app: AppId,
    /// What happens without a good signature. For a peer on this host the more permissive of
    /// `IP_AllowWithoutAuth` and `IPLocalHost_AllowWithoutAuth`.
    pub policy: AuthPolicy,
    /// The peer's certificate.
    pub cert: &'a pb::CertificateSigned,
    /// The peer's half of the key exchange.
    pub crypt: &'a pb::SessionCryptInfoSigned,
    /// Who the peer is according to [`peer_identity`].
    pub expected_identity: &'a Identity,
    /// The version that the peer claimed earlier.
    pub expected_version: Option<u32>,
}

/// A peer that passed [`check_peer`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct VerifiedPeer {
    /// The identity in its certificate.
    pub identity: Option<Identity>,
    /// Whether an authority that we trust vouches for the certificate.
    pub authenticated: bool,
    /// Whether it vouches for it as that of a service for all games: the certificate names [`AppId::ANY`], and the authority
    /// may vouch for that.
    pub is_service: bool,
    /// The certificate as signed, for the key derivation.
    pub cert_bytes: Vec<u8>,
    /// Its half of the key exchange as signed, for the key derivation.
    pub crypt_bytes: Vec<u8>,
    /// The same, parsed.
    pub crypt: SessionCrypt,
}

/// Why there is no connection with a peer, as it is told or as the application is told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PeerRefused {
    /// The number.
    pub reason: EndReason,
    /// The text.
    pub text: Cow<'static, str>,
}

/// How many apps of a certificate are logged.
const MAX_APPS_TOLD: usize = 8;

/// Applies the rules of wire.md 3.7, 1 to 8.
///
/// The exchange key is not looked at: [`SessionCrypt::agree`] does that once the application accepts.
///
/// # Errors
/// The first rule that the peer breaks.
pub fn check_peer(input: &PeerCheck<'_>) -> Result<VerifiedPeer, PeerRefused> {
    let (Some(cert_bytes), Some(crypt_bytes)) = (&input.cert.cert, &input.crypt.info) else {
        return Err(PeerRefused::bad_crypt("Certificate or crypt info missing"));
    };
    let scope = check_chain(input)?;
    let cert =
        decode(cert_bytes).map_err(|_| PeerRefused::bad_crypt("Certificate failed to parse"))?;
    let identity = check_identity(input, &cert)?;
    check_app(input, &cert, scope)?;
    check_policy(input.policy, scope)?;
    check_signature(input, &cert, crypt_bytes)?;
    let crypt = SessionCrypt::parse(crypt_bytes)?;
    check_version(crypt.protocol_version(), input.expected_version)?;
    // An authority that signed a certificate without a name has not said who this is.
    let is_named = identity.as_ref().is_some_and(|named| !named.is_anonymous());
    let any = AppId::ANY;
    let may_serve = scope.is_some_and(|scope| scope.apps().allows(any));
    Ok(VerifiedPeer {
        is_service: may_serve && cert.app_ids.contains(&any.get()),
        identity,
        authenticated: scope.is_some() && is_named,
        cert_bytes: cert_bytes.clone(),
        crypt_bytes: crypt_bytes.clone(),
        crypt,
    })
}

/// Who the sender of a connect request or its answer is: what its certificate says, else what the
/// packet says, else nobody in particular, which is shown as the address that it comes from
/// (wire.md 1.5, steps 3 and 4).
///
/// # Errors
/// [`DropReason::BadIdentity`] if an identity is malformed, if it is an address that is not in the
/// certificate, or if it tells nothing and `policy` refuses that.
pub fn peer_identity(
    cert: &pb::CertificateSigned,
    in_packet: Result<Option<Identity>, IdentityError>,
    source: SocketAddr,
    policy: AuthPolicy,
) -> Result<Identity, DropReason> {
    let cert = decode(cert.cert()).map_err(|_| DropReason::BadCertificate)?;
    let in_cert = identity_of(&cert).map_err(|_| DropReason::BadIdentity)?;
    let in_packet = match in_cert {
        // What the packet says does not matter then, not even whether it parses.
        Some(_) => None,
        None => in_packet.map_err(|_| DropReason::BadIdentity)?,
    };
    request_identity(in_cert, in_packet, source, policy)
}

/// The same from identities that are parsed already.
///
/// # Errors
/// As [`peer_identity`].
pub fn request_identity(
    in_cert: Option<Identity>,
    in_packet: Option<Identity>,
    source: SocketAddr,
    policy: AuthPolicy,
) -> Result<Identity, DropReason> {
    let vouched = in_cert.is_some();
    let identity = in_cert.or(in_packet).unwrap_or_else(Identity::anonymous);
    if identity.is_anonymous() {
        return match policy {
            AuthPolicy::Refuse => Err(DropReason::BadIdentity),
            AuthPolicy::AllowAndLog | AuthPolicy::Allow => Ok(Identity::ip(source)),
        };
    }
    // An address from a certificate is not compared with the source (GNS: the same).
    if matches!(identity, Identity::Ip(_)) && !vouched {
        return Err(DropReason::BadIdentity);
    }
    Ok(identity)
}

impl AuthPolicy {
    /// The policy of a value of the settings; above 2 is as 2, as in GNS, and below 0 as 0.
    pub const fn from_config(value: i32) -> Self {
        match value {
            ..=0 => Self::Refuse,
            1 => Self::AllowAndLog,
            2.. => Self::Allow,
        }
    }
}

impl PeerRefused {
    /// A refusal.
    pub fn new(reason: EndReason, text: impl Into<Cow<'static, str>>) -> Self {
        let text = text.into();
        Self { reason, text }
    }

    /// What it is counted as, where the peer's first word is refused.
    pub const fn drop_reason(&self) -> DropReason {
        match self.reason {
            EndReason::REMOTE_BAD_CERT => DropReason::BadCertificate,
            EndReason::REMOTE_BAD_PROTOCOL_VERSION => DropReason::OldProtocol,
            _ => DropReason::BadCrypt,
        }
    }

    pub(crate) fn bad_crypt(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(EndReason::REMOTE_BAD_CRYPT, text)
    }

    fn bad_cert(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(EndReason::REMOTE_BAD_CERT, text)
    }

    fn bad_version(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(EndReason::REMOTE_BAD_PROTOCOL_VERSION, text)
    }
}

impl fmt::Display for PeerRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.text, self.reason)
    }
}

impl core::error::Error for PeerRefused {}

/// The scope of the authority that signed; `None` if none did or its word is worth nothing.
fn check_chain<'a>(input: &PeerCheck<'a>) -> Result<Option<&'a Scope>, PeerRefused> {
    if input.cert.ca_signature.is_none() {
        return Ok(None);
    }
    match input
        .store
        .check(input.crypto, input.cert, input.now_unix_secs)
    {
        Ok(scope) => Ok(Some(scope)),
        Err(error) => {
            distrust(input, error)?;
            Ok(None)
        }
    }
}

fn distrust(input: &PeerCheck<'_>, error: CertError) -> Result<(), PeerRefused> {
    let text = || format!("Bad cert: {error} ({})", Particulars(input, error));
    match input.policy {
        AuthPolicy::Refuse => Err(PeerRefused::bad_cert(text())),
        AuthPolicy::AllowAndLog => {
            tracing::info!(
                text = text(),
                "ignoring that the peer's certificate is not good"
            );
            Ok(())
        }
        AuthPolicy::Allow => Ok(()),
    }
}

/// Which key, signed by which, or which times: what it takes to find the certificate and to see what is
/// wrong with it. Not all at once, since the text of an end has room for 127 bytes.
struct Particulars<'a>(&'a PeerCheck<'a>, CertError);

impl fmt::Display for Particulars<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(input, error) = self;
        let cert = Certificate::parse(input.cert.cert()).ok();
        let signer = KeyId::new(input.cert.ca_key_id());
        if *error == CertError::AuthorityExpired {
            let scope = input.store.scope(signer);
            if let Some(expiry) = scope.and_then(Scope::expiry_unix_secs) {
                write!(f, "expiry {}, ", UnixTime::new(expiry))?;
            }
            return write!(f, "key {signer}");
        }
        let Some(cert) = cert else {
            return write!(f, "signed by {signer}");
        };
        if *error == CertError::Expired {
            let expiry = UnixTime::new(cert.expiry_unix_secs().unwrap_or(0).into());
            write!(f, "expiry {expiry}, ")?;
            if let Some(now) = input.now_unix_secs {
                write!(f, "now {}, ", UnixTime::new(now))?;
            }
            return write!(f, "key {}", KeyId::of(cert.key()));
        }
        write!(f, "key {}, signed by {signer}", KeyId::of(cert.key()))
    }
}

fn check_identity(
    input: &PeerCheck<'_>,
    cert: &pb::Certificate,
) -> Result<Option<Identity>, PeerRefused> {
    let identity =
        identity_of(cert).map_err(|error| PeerRefused::bad_cert(format!("Bad cert: {error}")))?;
    match &identity {
        Some(named) if !named.is_anonymous() => {
            if named != input.expected_identity {
                return Err(PeerRefused::bad_cert("Cert was issued to somebody else"));
            }
            if cert.app_ids.is_empty() {
                return Err(PeerRefused::bad_cert("Cert with identity names no app"));
            }
        }
        Some(_) | None if input.cert.ca_signature.is_some() => {
            if !input.expected_identity.is_anonymous_game_server() {
                return Err(PeerRefused::bad_cert(
                    "Signed cert without identity is for anonymous game servers only",
                ));
            }
            if cert.gameserver_datacenter_ids.is_empty() {
                return Err(PeerRefused::bad_cert(
                    "Signed cert without identity names no data center",
                ));
            }
        }
        // Unsigned: it could claim to be anybody, so it may as well claim nothing.
        Some(_) | None => {}
    }
    Ok(identity)
}

/// Holds for unsigned certificates as well.
fn check_app(
    input: &PeerCheck<'_>,
    cert: &pb::Certificate,
    scope: Option<&Scope>,
) -> Result<(), PeerRefused> {
    let (app, signer) = (input.app, input.cert.ca_key_id());
    if app == AppId::ANY {
        return Ok(());
    }
    if !cert.app_ids.is_empty() && !cert.app_ids.contains(&app.get()) {
        let listed = cert.app_ids.get(..MAX_APPS_TOLD).unwrap_or(&cert.app_ids);
        let key = key_of(cert).map(|key| KeyId::of(&key));
        tracing::debug!(apps = ?listed, ?key, "the peer's certificate is for other apps");
        let others = Restriction::from_list(listed.iter().copied());
        return Err(PeerRefused::bad_cert(format!(
            "Cert is not for app {}, but for {others}",
            app.get()
        )));
    }
    if scope.is_some_and(|scope| !scope.apps().allows(app)) {
        return Err(PeerRefused::bad_cert(format!(
            "Authority of cert, key {signer}, is not for app {}",
            app.get()
        )));
    }
    Ok(())
}

fn check_policy(policy: AuthPolicy, scope: Option<&Scope>) -> Result<(), PeerRefused> {
    match (scope, policy) {
        (Some(_), _) | (None, AuthPolicy::Allow) => Ok(()),
        (None, AuthPolicy::AllowAndLog) => {
            tracing::info!("the peer is not authenticated");
            Ok(())
        }
        (None, AuthPolicy::Refuse) => Err(PeerRefused::bad_cert("Unsigned certs are not allowed")),
    }
}

fn check_signature(
    input: &PeerCheck<'_>,
    cert: &pb::Certificate,
    crypt_bytes: &[u8],
) -> Result<(), PeerRefused> {
    let key = key_of(cert).map_err(|error| PeerRefused::bad_crypt(format!("{error}")))?;
    let signature = input
        .crypt
        .signature()
        .try_into()
        .map_err(|_| PeerRefused::bad_crypt("Signature of crypt info has the wrong length"))?;
    input
        .crypto
        .ed25519_verify(&key, crypt_bytes, signature)
        .map_err(|_| PeerRefused::bad_crypt("Signature of crypt info does not hold"))
}

fn check_version(version: u32, expected: Option<u32>) -> Result<(), PeerRefused> {
    if version < MIN_PROTOCOL_VERSION {
        return Err(PeerRefused::bad_version(format!(
            "Peer speaks protocol version {version}, at least {MIN_PROTOCOL_VERSION} is needed"
        )));
    }
    match expected {
        Some(expected) if expected != version => Err(PeerRefused::bad_version(format!(
            "Peer speaks protocol version {version} now, but said {expected} before"
        ))),
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
