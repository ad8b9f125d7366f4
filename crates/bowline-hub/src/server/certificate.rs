//! The certificate that the hub shows clients, by which those who trust its authority know it without its key.
//!
//! It is of the hub's own key, for [`HUB_IDENTITY`] and no game ([`AppId::ANY`]), signed by the hub's own authority. It is made
//! anew at each start, so that it is by the key that the authority has then, and whenever a third of its time is left. Who
//! pins the key does not look at it.

use bowline::CredentialsError;
use bowline::Crypto;
use bowline::Sockets;
use bowline::cert::AppId;
use bowline::cert::Authority;
use bowline::cert::CertSpec;
use bowline::cert::PublicKey;
use bowline::cert::SignedCertificate;

use crate::keys::HubKeys;
use crate::limits::CLOCK_SKEW_SECS;
use crate::namespace::HUB_IDENTITY;

/// What makes the certificate.
#[derive(Debug)]
pub(super) struct OwnCertificate {
    crypto: Crypto,
    authority: Authority,
    key: PublicKey,
}

/// How long one holds, in seconds.
const LIFETIME_SECS: u32 = 30 * 24 * 3600;

impl OwnCertificate {
    pub(super) fn new(crypto: &Crypto, keys: &HubKeys) -> Self {
        Self {
            crypto: crypto.clone(),
            authority: Authority::new(crypto, keys.authority.private().clone()),
            key: keys.identity.public(),
        }
    }

    /// Shows clients a new one from now on.
    pub(super) fn renew(&self, sockets: &Sockets, unix_secs: u64) -> Result<(), CredentialsError> {
        let unix_secs = u32::try_from(unix_secs).unwrap_or(u32::MAX);
        let spec = CertSpec {
            key: *self.key.as_bytes(),
            identity: Some(HUB_IDENTITY.parse().expect("it is one")),
            app_ids: vec![AppId::ANY],
            pops: Vec::new(),
            addresses: Vec::new(),
            created_unix_secs: unix_secs.saturating_sub(CLOCK_SKEW_SECS),
            expiry_unix_secs: unix_secs.saturating_add(LIFETIME_SECS),
        };
        let signed = self.authority.issue(&self.crypto, &spec);
        let signed = SignedCertificate::from_message(signed).expect("it is signed");
        sockets.set_certificate(&signed)
    }
}
