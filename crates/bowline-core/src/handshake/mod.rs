//! Getting from nothing to shared keys.
//!
//! A connection begins in one of three ways ([`Origin`]): we dial an address, a listen socket hears of
//! a peer, or signals carry the exchange. All three use the same session (`session.rs`), which holds our
//! half of the key exchange and the peer's. Its role is data: two peers that dial each other by
//! signals find out late which of them is the client.
//!
//! `client` and `server` hold what is particular to direct UDP: cookies, retries and answers.

pub(crate) mod client;
pub(crate) mod server;
pub(crate) mod session;

use alloc::sync::Arc;

use serde::Deserialize;
use serde::Serialize;

use crate::cert::certificate::Certificate;
use crate::cert::check::AuthPolicy;
use crate::cert::check::PeerCheck;
use crate::cert::check::PeerRefused;
use crate::cert::check::VerifiedPeer;
use crate::cert::check::check_peer;
use crate::cert::credentials::Credentials;
use crate::cert::store::CertStore;
use crate::crypto::Crypto;
use crate::crypto::key_update::KeyLimits;
use crate::crypto::keys::SigningKey;
use crate::extensions::ExtensionSet;
use crate::identity::Identity;
use crate::ids::AppId;
#[cfg(any(test, feature = "test-support"))]
use crate::start::StartNumbers;
use crate::wire::pb;
use crate::wire::udp::RequestIdentity;

/// How a connection began.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[non_exhaustive]
pub enum Origin {
    /// We dialled an address.
    Dial,
    /// A peer reached our listen socket.
    Listen,
    /// Signals through a third party (rendezvous).
    Signal,
    /// Both ends were made together, in one process.
    Pair,
    /// Asked for by identity, and the peer is in this process: no signals, no packets.
    InProcess,
}

/// What all connections of an endpoint share: who we are and whom we trust.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    pub(crate) crypto: Crypto,
    pub(crate) identity: Identity,
    pub(crate) app: AppId,
    pub(crate) store: CertStore,
    /// What we offer, and take if it is offered.
    pub(crate) extensions: ExtensionSet,
    pub(crate) key_limits: KeyLimits,
    /// The key of our certificates; without one each connection makes its own.
    pub(crate) key: Option<SigningKey>,
    /// The certificate that we show; without one each connection makes an unsigned one.
    pub(crate) credentials: Option<Arc<Credentials>>,
    /// Numbers that connections begin with instead of the first.
    #[cfg(any(test, feature = "test-support"))]
    pub(crate) start: Option<StartNumbers>,
}

impl Host {
    /// Who is let in whom nobody vouches for, if signals bring the two together: nobody, as soon as somebody
    /// is trusted who could (docs/trust.md).
    // DIFFERS: open builds of GNS let everybody in (p2p.md 7.3).
    pub(crate) fn signaled_auth(&self) -> AuthPolicy {
        if self.store.has_roots() {
            AuthPolicy::Refuse
        } else {
            AuthPolicy::Allow
        }
    }

    /// What a peer shows by signals, held to the same rules as what one shows by packets.
    pub(crate) fn check_signaled(
        &self,
        now_unix_secs: u64,
        peer: &Identity,
        cert: &pb::CertificateSigned,
        crypt: &pb::SessionCryptInfoSigned,
    ) -> Result<VerifiedPeer, PeerRefused> {
        check_peer(&PeerCheck {
            crypto: &self.crypto,
            store: &self.store,
            now_unix_secs: Some(now_unix_secs),
            app: self.app,
            policy: self.signaled_auth(),
            cert,
            crypt,
            expected_identity: peer,
            expected_version: None,
        })
    }
}

/// A wall clock made of the monotonic one: certificates expire by the calendar.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct WallClock {
    /// Seconds since 1970 at the origin of the monotonic clock.
    unix_secs_at_zero: u64,
}

impl WallClock {
    /// A clock that says `unix_secs` at `now`.
    pub(crate) fn new(now: crate::time::Timestamp, unix_secs: u64) -> Self {
        Self {
            unix_secs_at_zero: unix_secs.saturating_sub(now.as_micros() / 1_000_000),
        }
    }

    /// Seconds since 1970 at `now`.
    pub(crate) fn unix_secs(self, now: crate::time::Timestamp) -> u64 {
        self.unix_secs_at_zero
            .saturating_add(now.as_micros() / 1_000_000)
    }

    /// When that second begins; at once if it was before the origin of the monotonic clock.
    pub(crate) fn at(self, unix_secs: u64) -> crate::time::Timestamp {
        let secs = unix_secs.saturating_sub(self.unix_secs_at_zero);
        crate::time::Timestamp::from_micros(secs.saturating_mul(1_000_000))
    }
}

/// A host shared by its connections.
pub(crate) type SharedHost = Arc<Host>;

/// The identity that goes beside a certificate: only where the certificate has none of its own.
pub(crate) fn identity_beside(
    cert: &pb::CertificateSigned,
    identity: &Identity,
) -> RequestIdentity {
    if Certificate::parse(cert.cert()).is_ok_and(|cert| cert.identity().is_some()) {
        return RequestIdentity::default();
    }
    let (legacy_identity_binary, text) = identity.to_wire();
    RequestIdentity {
        identity_string: Some(text),
        legacy_identity_binary,
        legacy_steam_id: identity.legacy_steam_id(),
    }
}

/// Reads the identity that came beside a certificate.
pub(crate) fn identity_of(
    beside: &RequestIdentity,
) -> Result<Option<Identity>, crate::identity::IdentityError> {
    Identity::from_wire(
        beside.identity_string.as_deref(),
        beside.legacy_identity_binary.as_ref(),
        beside.legacy_steam_id,
    )
}
