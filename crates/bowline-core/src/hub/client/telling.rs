//! What the owner of a client is told of how it stands, and what nobody is shown.

use alloc::borrow::ToOwned as _;
use alloc::string::ToString as _;
use core::fmt;

use crate::availability::Availability;
use crate::hub::HubClient;
use crate::hub::HubEvent;
use crate::hub::client::Stage;

impl HubClient {
    /// How it stands with the hub.
    pub const fn availability(&self) -> Availability {
        match self.stage {
            Stage::Idle => Availability::NeverTried,
            Stage::SignedIn { .. } => Availability::Current,
            Stage::Refused => Availability::Failed,
            // What was got before still serves.
            Stage::Pausing { .. } if self.was_signed_in && self.failures <= 1 => {
                Availability::Previously
            }
            Stage::Pausing { .. } => Availability::Retrying,
            _ if self.was_signed_in || self.failures > 0 => Availability::Retrying,
            Stage::Connecting => Availability::Waiting,
            Stage::SigningIn { .. } => Availability::Attempting,
        }
    }

    /// Tells how it stands, if that has changed.
    pub(super) fn tell(&mut self, text: &str) {
        if self.availability() != self.told {
            self.tell_all(text);
        }
    }

    /// The same for what went wrong, which is told even if it stands as before.
    pub(super) fn tell_why(&mut self, text: &str) {
        if self.availability() != self.told || text != self.told_text {
            self.tell_all(text);
        }
    }

    fn tell_all(&mut self, text: &str) {
        let availability = self.availability();
        self.told = availability;
        text.clone_into(&mut self.told_text);
        let text = text.to_string();
        self.events
            .push_back(HubEvent::Availability { availability, text });
    }
}

/// Without what proves who it is: what waits to be sent may hold a credential.
impl fmt::Debug for HubClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubClient")
            .field("config", &self.config)
            .field("stage", &self.stage)
            .field("identity", &self.identity)
            .field("can_resume", &!self.resume.is_empty())
            .field("failures", &self.failures)
            .field("actions", &self.actions)
            .field("events", &self.events.len())
            .finish_non_exhaustive()
    }
}
