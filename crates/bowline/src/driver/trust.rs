//! Own certificate and trust of an interface, while it runs.

use bowline_core::cert::credentials::CredentialsError;
use bowline_core::cert::signed::SignedCertificate;
use bowline_core::config::ConfigKey;
use bowline_core::end_reason::EndReason;
use bowline_core::endpoint::Endpoint;
use bowline_core::endpoint::TrustEvent;
use bowline_core::identity::Identity;

use crate::driver::Inner;
use crate::driver::Urgency;
use crate::driver::followup::Followup;
use crate::driver::hub::Hub;
use crate::driver::lobby::Nudge;
use crate::events::Event;

const IDENTITY_RESET: &str = "the identity was reset";

impl Inner {
    /// Changes who we are or whom we trust, and tells the application what follows.
    pub(crate) fn with_trust<R>(&self, change: impl FnOnce(&mut Endpoint) -> R) -> R {
        self.with_trust_of(|hub| change(&mut hub.endpoint))
    }

    /// The same for who changes more than the endpoint.
    pub(crate) fn with_trust_of<R>(&self, change: impl FnOnce(&mut Hub) -> R) -> R {
        let mut nudge = Nudge::default();
        let mut hub = self.hub.lock();
        let result = change(&mut hub);
        self.tell_trust(&mut hub, &mut nudge);
        self.schedule_endpoint(&hub, &mut nudge);
        let mut released = Vec::new();
        while let Some((id, held)) = hub.endpoint.poll_held_call() {
            released.extend(hub.slot(id).cloned().map(|slot| (slot, held)));
        }
        drop(hub);
        self.nudge(nudge);
        for (slot, held) in released {
            let mut state = slot.state.lock();
            let now = state.advance(self.clock.now());
            if let Some(live) = &mut state.live {
                live.core.resume_call(now, held);
            }
            self.after_input(&slot, state, Urgency::Now);
        }
        result
    }

    /// Takes our own certificate.
    pub(crate) fn set_certificate(
        &self,
        signed: &SignedCertificate,
    ) -> Result<(), CredentialsError> {
        let bytes = signed.to_bytes_with_key();
        self.with_trust(|endpoint| {
            let now = self.clock.now();
            endpoint.set_certificate(now, &bytes)
        })
    }

    /// Closes all connections and becomes somebody else.
    pub(crate) fn reset_identity(&self, identity: Identity) {
        let mut nudge = Nudge::default();
        let mut hub = self.hub.lock();
        hub.endpoint.reset_identity(identity);
        let slots = hub.slots();
        self.tell_trust(&mut hub, &mut nudge);
        // As long as the endpoint is locked, no session of the new identity begins.
        self.forget_sessions(&mut nudge);
        drop(hub);
        // That to a hub ends by itself.
        for slot in slots.iter().filter(|slot| !slot.is_hub_link()) {
            self.kill(slot, EndReason::APP_GENERIC, IDENTITY_RESET);
        }
        self.nudge(nudge);
        self.reset_hub();
    }

    /// Queues what the endpoint has to say of our certificate.
    pub(crate) fn tell_trust(&self, hub: &mut Hub, nudge: &mut Nudge) {
        while let Some(event) = hub.endpoint.poll_trust_event() {
            let event = match event {
                TrustEvent::AuthenticationChanged(status) => Event::AuthenticationChanged {
                    status,
                    callback: self.config().callback(ConfigKey::CallbackAuthStatusChanged),
                },
                // The hub signs the next one.
                TrustEvent::CertificateExpiring { .. } if hub.is_certified_by_hub => continue,
                TrustEvent::CertificateExpiring { expiry_unix_secs } => {
                    Event::CertificateExpiring { expiry_unix_secs }
                }
                // A kind that this crate does not know yet.
                _ => continue,
            };
            self.lobby.push(event, nudge);
        }
    }

    fn nudge(&self, nudge: Nudge) {
        let mut follow = Followup::default();
        follow.nudge = nudge;
        self.follow_up(&mut follow);
    }
}
