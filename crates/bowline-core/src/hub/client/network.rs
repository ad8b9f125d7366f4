//! What the hub says about the network.

use alloc::vec::Vec;

use crate::cert::keypair::PublicKey;
use crate::hub::HubClient;
use crate::hub::HubEvent;
use crate::hub::NetworkConfig;
use crate::hub::NetworkConfigError;
use crate::hub::SignedBody;
use crate::hub::client::Stage;
use crate::hub::limits::HUB_CONFIG_PATIENCE;
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

    /// What is known of the network is not followed any more: it is news once more. What is older is refused as before.
    #[must_use]
    pub const fn unfollowing(mut self) -> Self {
        self.follows_network = false;
        self
    }

    /// Whether that revision is to be followed, and is not yet.
    pub(super) const fn is_network_news(&self, revision: u64) -> bool {
        revision > self.network_revision
            || (revision == self.network_revision && !self.follows_network)
    }

    /// The hub has said what the network is like, or that there is something new to be had elsewhere.
    pub(super) fn on_network(&mut self, signed: Option<&SignedBody>) {
        if !matches!(self.stage, Stage::SignedIn { .. }) {
            return;
        }
        match signed.map(|signed| self.check_network(signed)) {
            Some(Ok(config)) if self.is_network_news(config.revision) => {
                self.network_revision = config.revision;
                self.follows_network = true;
                self.events.push_back(HubEvent::Network(config));
            }
            // It comes with each sign-in.
            Some(Ok(_)) => self.events.push_back(HubEvent::NetworkKnown),
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

    /// Until it is known what the network is like, which the hub says next, or until it has had time to.
    pub(super) fn keep_certificate(&mut self, now: Timestamp, bytes: Vec<u8>) {
        self.kept_certificate = Some(bytes);
        self.renew_at = Some(now + HUB_CONFIG_PATIENCE);
    }

    pub(super) fn release_certificate(&mut self) {
        if let Some(bytes) = self.kept_certificate.take() {
            // Its owner says how long it holds.
            self.renew_at = None;
            self.if_signed_in(HubEvent::Certificate(bytes));
        }
    }
}
