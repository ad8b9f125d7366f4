//! What a hub says about the network, and is followed.
//!
//! The endpoint follows one network at a time, until the application signs out, or in to another hub, or to the same one with
//! other keys. The revision is known for longer than it is followed: whoever signs out and in again does not take an
//! older one.
//!
//! The same hub is one with the same key. By an identity it is known only together with its addresses: hubs of different
//! operators may have one name, each by an authority of its own.
//!
//! Desk and endpoint have locks of their own. Both change here under the endpoint's, so that what an old desk has heard is
//! not followed once there is a new one.

use bowline_core::cert::keypair::PublicKey;
use bowline_core::hub::HubClient;
use bowline_core::hub::NetworkConfig;
use bowline_core::hub::NetworkConfigError;

use crate::driver::Inner;
use crate::driver::followup::Followup;
use crate::driver::hub_link::HubLink;
use crate::hub::HubAddress;
use crate::hub::HubConfig;
use crate::hub::HubPin;

/// What a hub has said, and is or was followed.
#[derive(Debug)]
pub(super) struct Network {
    /// Whose it is.
    pin: HubPin,
    addresses: Vec<HubAddress>,
    keys: Vec<PublicKey>,
    known: Known,
}

/// What is known of the network of a hub.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Known {
    /// The highest revision; 0 if there is none.
    pub(super) revision: u64,
    is_followed: bool,
}

impl Network {
    fn is_of(&self, config: &HubConfig) -> bool {
        let is_there = match self.pin {
            HubPin::Key(_) => true,
            HubPin::Identity(_) => self.addresses == config.addresses,
        };
        self.pin == config.pin && is_there && self.keys == config.config_keys
    }
}

impl Known {
    pub(super) fn of(network: Option<&Network>, config: &HubConfig) -> Self {
        let network = network.filter(|network| network.is_of(config));
        network.map_or_else(Self::default, |network| network.known)
    }

    /// The revision that is followed; 0 if none is.
    pub(super) const fn followed(self) -> u64 {
        if self.is_followed { self.revision } else { 0 }
    }

    /// A client that knows it, too.
    pub(super) fn tell(self, client: HubClient, keys: Vec<PublicKey>) -> HubClient {
        let client = client.with_network(keys, self.revision);
        match self.revision != 0 && !self.is_followed {
            true => client.unfollowing(),
            false => client,
        }
    }
}

impl HubLink {
    /// Whether something was followed that is not any more.
    pub(super) fn unfollow(&mut self) -> bool {
        match &mut self.network {
            // There may be a new desk by now, which knows it as followed.
            Some(network) if self.desk.is_none() => std::mem::take(&mut network.known.is_followed),
            Some(_) | None => false,
        }
    }
}

impl Inner {
    /// Follows what a hub has said.
    pub(super) fn take_network(&self, desk: u64, config: &NetworkConfig) {
        let revision = config.revision;
        let is_followed = self.follow_network(Some(config), |link| {
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
                addresses: desk.config.addresses.clone(),
                keys: desk.config.config_keys.clone(),
                known: Known {
                    revision,
                    is_followed: true,
                },
            });
            true
        });
        if is_followed {
            tracing::info!(revision, "the hub has told about the network");
        }
    }

    /// The hub says what is followed already: nothing is wrong with that any more.
    pub(super) fn confirm_network(&self, desk: u64) {
        self.at_desk(desk, |desk| desk.status.network_error = None);
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

    /// Follows no network any more, and knows which revision was.
    pub(super) fn unfollow_network(&self) {
        self.follow_network(None, HubLink::unfollow);
    }

    /// Whether it was decided so.
    fn follow_network(
        &self,
        config: Option<&NetworkConfig>,
        decide: impl FnOnce(&mut HubLink) -> bool,
    ) -> bool {
        let mut follow = Followup::default();
        let mut hub = self.hub.lock();
        if !decide(&mut self.link.lock()) {
            return false;
        }
        hub.endpoint.set_network(self.clock.now(), config);
        hub.collect_errands(&mut follow.errands);
        self.schedule_endpoint(&hub, &mut follow.nudge);
        drop(hub);
        self.follow_up(&mut follow);
        true
    }
}
