//! The certificate that the hub shows clients, by which those who trust its authority know it without its key.
//!
//! It is of the hub's own key, for [`HUB_IDENTITY`] and no game ([`AppId::ANY`]), signed by the hub's own authority. It is made
//! anew at each start, so that it is by the key that the authority has then, and when half of its time has passed: before the
//! library below warns that it will expire. It is made anew as well when a clock that was ahead has been set back: nobody would
//! take it until then. Who pins the key does not look at it.

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
    /// When the one that is shown was made, in seconds since 1970.
    made_unix_secs: u64,
    /// When that was last tried.
    tried_unix_secs: u64,
}

/// How long one holds, in seconds.
const LIFETIME_SECS: u32 = 30 * 24 * 3600;
/// What failed is tried again after this time. The library below hears of a clock that was set within a minute.
const RETRY_SECS: u64 = 30;

impl OwnCertificate {
    pub(super) fn new(crypto: &Crypto, keys: &HubKeys) -> Self {
        Self {
            crypto: crypto.clone(),
            authority: Authority::new(crypto, keys.authority.private().clone()),
            key: keys.identity.public(),
            made_unix_secs: 0,
            tried_unix_secs: 0,
        }
    }

    /// Whether it is time for a new one.
    pub(super) fn is_due(&self, unix_secs: u64) -> bool {
        let half = u64::from(LIFETIME_SECS / 2);
        let is_old = unix_secs >= self.made_unix_secs.saturating_add(half);
        (is_old || unix_secs < self.made_unix_secs)
            && unix_secs.abs_diff(self.tried_unix_secs) >= RETRY_SECS
    }

    /// Shows clients a new one from now on.
    pub(super) fn renew(
        &mut self,
        sockets: &Sockets,
        now_unix_secs: u64,
    ) -> Result<(), CredentialsError> {
        self.tried_unix_secs = now_unix_secs;
        let unix_secs = u32::try_from(now_unix_secs).unwrap_or(u32::MAX);
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
        sockets.set_certificate(&signed)?;
        self.made_unix_secs = now_unix_secs;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use bowline_io::clock::Clock;

    use super::*;

    fn shown(started_unix_secs: u64) -> (OwnCertificate, Sockets) {
        let crypto = bowline::cert::default_crypto();
        let keys = HubKeys::generate(&crypto).unwrap();
        let sockets = Sockets::builder()
            .identity(HUB_IDENTITY.parse().unwrap())
            .app_id(AppId::ANY.get())
            .key(keys.identity.clone())
            .build()
            .unwrap();
        let mut certificate = OwnCertificate::new(&crypto, &keys);
        certificate.renew(&sockets, started_unix_secs).unwrap();
        (certificate, sockets)
    }

    #[test]
    fn regression_a_clock_that_is_set_back_makes_a_new_one() {
        let now = Clock::unix_seconds();
        let ahead = now + 400 * 24 * 3600;
        let (mut certificate, sockets) = shown(ahead);
        assert!(!certificate.is_due(ahead));
        assert!(certificate.is_due(now));
        certificate.renew(&sockets, now).unwrap();
        assert!(!certificate.is_due(now));
    }

    #[test]
    fn regression_one_is_renewed_before_a_third_of_its_time_is_left() {
        let now = Clock::unix_seconds();
        let (certificate, _sockets) = shown(now);
        let lifetime = u64::from(LIFETIME_SECS);
        assert!(!certificate.is_due(now + lifetime / 3));
        assert!(certificate.is_due(now + lifetime / 2));
    }

    #[test]
    fn regression_one_that_cannot_be_shown_is_tried_again_later() {
        let now = Clock::unix_seconds();
        let (mut certificate, sockets) = shown(now);
        // Expired by the clock of the library below, which has not heard of it yet.
        let back = now - 400 * 24 * 3600;
        assert!(certificate.renew(&sockets, back).is_err());
        assert!(!certificate.is_due(back));
        assert!(!certificate.is_due(back + RETRY_SECS - 1));
        assert!(certificate.is_due(back + RETRY_SECS));
    }
}
