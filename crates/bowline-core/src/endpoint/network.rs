//! What somebody whom we believe says about the network: a hub that we are signed in to.
//!
//! It stands beside what the application has set, and takes nothing away from it: who is trusted and revoked by hand stays so,
//! and what is said later stands in the place of what was said before. So what the application trusts is kept apart as
//! long as something is added to it. As ever with trust, it counts for connections made from then on. It does not say who is a
//! hub: that would let one hub stand for all others.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::cert::CertError;
use crate::cert::authority::KeyId;
use crate::cert::keypair::PublicKey;
use crate::cert::store::CertStore;
use crate::endpoint::Endpoint;
use crate::hub::NetworkConfig;
use crate::time::Timestamp;

/// What was said of trust.
#[derive(Debug)]
pub(super) struct Told {
    /// What the application trusts.
    own: CertStore,
    authorities: Vec<PublicKey>,
    revoked: Vec<KeyId>,
}

impl Endpoint {
    /// Trusts the network's authorities beside those of [`Self::set_trust`], distrusts what it has revoked, and asks its STUN
    /// servers for connections whose settings say nothing of any. `None` goes back to what the application has set.
    ///
    /// Whether it is to be believed is for the caller to know.
    pub fn set_network(&mut self, now: Timestamp, config: Option<&NetworkConfig>) {
        let own = match self.network.take() {
            Some(told) => told.own,
            None => self.host.store.clone(),
        };
        self.network = config.map(|config| Told {
            own: own.clone(),
            authorities: config.authorities.clone(),
            revoked: config.revoked.clone(),
        });
        self.host_mut().store = own;
        self.mix_trust();
        let stun = config.map_or(&[][..], |config| &config.stun);
        self.peers.ways.set_network_servers(now, stun);
    }

    /// Whether what a network says counts at the moment.
    pub const fn follows_network(&self) -> bool {
        self.network.is_some()
    }

    /// Whom we trust, as the application has set it; what the network adds is not in it.
    pub fn trust(&self) -> &CertStore {
        let told = self.network.as_ref();
        told.map_or(&self.host.store, |told| &told.own)
    }

    /// The same without what the network has revoked.
    pub(super) fn trust_in_services(&self) -> CertStore {
        match &self.network {
            Some(told) => told.own.beside(&self.host.crypto, &[], &told.revoked),
            None => self.host.store.clone(),
        }
    }

    /// Trusts these, and nobody else but the authorities of the network, from now on. The connections that exist do not
    /// change.
    pub fn set_trust(&mut self, store: CertStore) {
        *self.own_trust() = store;
        self.mix_trust();
    }

    /// Distrusts a key for good, be it an authority's or a peer's.
    ///
    /// # Errors
    /// If too many are.
    pub fn revoke(&mut self, id: KeyId) -> Result<(), CertError> {
        let crypto = self.host.crypto.clone();
        self.own_trust().revoke(&crypto, id)?;
        self.mix_trust();
        Ok(())
    }

    fn own_trust(&mut self) -> &mut CertStore {
        match &mut self.network {
            Some(told) => &mut told.own,
            None => &mut Arc::make_mut(&mut self.host).store,
        }
    }

    fn mix_trust(&mut self) {
        if let Some(told) = &self.network {
            let crypto = &self.host.crypto;
            let store = told.own.beside(crypto, &told.authorities, &told.revoked);
            self.host_mut().store = store;
        }
    }
}

#[cfg(test)]
mod tests;
