//! What the hub says about the network.

use alloc::vec::Vec;

use crate::cert::keypair::PublicKey;
use crate::hub::HubClient;
use crate::hub::HubEvent;
use crate::hub::NetworkConfig;
use crate::hub::NetworkConfigError;
use crate::hub::SignedBody;
use crate::hub::client::Stage;
use crate::hub::limits::HUB_RENEW_RETRY;
use crate::time::Timestamp;

impl HubClient {
    /// Who may sign what the network is like, and the highest revision that is known already. Without a key it is
    /// believed by the one that comes with it.
    #[must_use]
    pub fn with_network(mut self, keys: Vec<PublicKey>, revision: u64) -> Self {
        self.config_keys = keys;
        self.network_revision = revision;
        self
    }

    /// The hub has said what the network is like, or that there is something new to be had elsewhere.
    pub(super) fn on_network(&mut self, signed: Option<&SignedBody>) {
        if !matches!(self.stage, Stage::SignedIn { .. }) {
            return;
        }
        match signed.map(|signed| self.check_network(signed)) {
            // It comes with each sign-in.
            Some(Ok(config)) if config.revision == self.network_revision => {}
            Some(Ok(config)) => {
                self.network_revision = config.revision;
                self.events.push_back(HubEvent::Network(config));
            }
            Some(Err(error)) => self.events.push_back(HubEvent::NetworkRefused(error)),
            None => {}
        }
        self.release_certificate();
    }

    fn check_network(&self, signed: &SignedBody) -> Result<NetworkConfig, NetworkConfigError> {
        let config = match self.config_keys.as_slice() {
            [] => NetworkConfig::verify_by_its_own_key(signed, &self.crypto),
            keys => NetworkConfig::verify(signed, &self.crypto, keys),
        }?;
        let (revision, known) = (config.revision, self.network_revision);
        if revision < known {
            return Err(NetworkConfigError::Older { revision, known });
        }
        Ok(config)
    }

    /// Until it is known what the network is like, which the hub says next. If it does not, another certificate is
    /// asked for, whose coming shows that.
    pub(super) fn keep_certificate(&mut self, now: Timestamp, bytes: Vec<u8>) {
        self.kept_certificate = Some(bytes);
        self.renew_at = Some(now + HUB_RENEW_RETRY);
    }

    pub(super) fn release_certificate(&mut self) {
        if let Some(bytes) = self.kept_certificate.take() {
            self.if_signed_in(HubEvent::Certificate(bytes));
        }
    }
}
