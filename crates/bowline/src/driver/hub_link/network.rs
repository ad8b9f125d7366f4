//! What a hub says about the network, and is followed.
//!
//! The endpoint follows one network at a time. It goes on doing so when the desk is gone, as the certificate goes on to hold,
//! until there is a desk for another hub, or for the same one and other keys. The revision that is known is kept with
//! it: whoever signs out and in again does not take an older one.
//!
//! Desk and endpoint have locks of their own. Both change here under the endpoint's, so that what an old desk has heard is
//! not followed once there is a new one.

use bowline_core::cert::keypair::PublicKey;
use bowline_core::hub::NetworkConfig;
use bowline_core::hub::NetworkConfigError;

use crate::driver::Inner;
use crate::driver::followup::Followup;
use crate::hub::HubConfig;
use crate::hub::HubPin;

/// What is followed.
#[derive(Debug)]
pub(super) struct Network {
    /// Whose it is.
    pin: HubPin,
    keys: Vec<PublicKey>,
    /// Which it is.
    revision: u64,
}

impl Network {
    fn is_of(&self, config: &HubConfig) -> bool {
        self.pin == config.pin && self.keys == config.config_keys
    }
}

impl Inner {
    /// The revision that is followed of that hub's network; 0 if there is none.
    pub(super) fn known_revision(&self, config: &HubConfig) -> u64 {
        let link = self.link.lock();
        let network = link.network.as_ref().filter(|known| known.is_of(config));
        network.map_or(0, |known| known.revision)
    }

    /// Follows what a hub has said.
    pub(super) fn take_network(&self, desk: u64, config: &NetworkConfig) {
        let revision = config.revision;
        self.follow_network(Some(config), |link| {
            if link.desks != desk {
                return false;
            }
            let Some(desk) = &mut link.desk else {
                return false;
            };
            desk.status.network_revision = revision;
            desk.status.network_error = None;
            link.network = Some(Network {
                pin: desk.config.pin.clone(),
                keys: desk.config.config_keys.clone(),
                revision,
            });
            true
        });
        tracing::info!(revision, "the hub has told about the network");
    }

    /// What a hub has said is not to be believed.
    pub(super) fn refuse_network(&self, desk: u64, error: NetworkConfigError) {
        tracing::warn!(%error, "what the hub tells about the network is not taken");
        self.at_desk(desk, |desk| desk.status.network_error = Some(error));
    }

    /// Follows a network no more that is not that of the desk there is.
    pub(super) fn forget_other_network(&self) {
        self.follow_network(None, |link| {
            let of_another = |known: &mut Network| {
                let desk = link.desk.as_ref();
                desk.is_some_and(|desk| !known.is_of(&desk.config))
            };
            link.network.take_if(of_another).is_some()
        });
    }

    fn follow_network(
        &self,
        config: Option<&NetworkConfig>,
        decide: impl FnOnce(&mut super::HubLink) -> bool,
    ) {
        let mut follow = Followup::default();
        let mut hub = self.hub.lock();
        if !decide(&mut self.link.lock()) {
            return;
        }
        hub.endpoint.set_network(self.clock.now(), config);
        hub.collect_errands(&mut follow.errands);
        self.schedule_endpoint(&hub, &mut follow.nudge);
        drop(hub);
        self.follow_up(&mut follow);
    }
}
