//! What the owner of a client is told of how it stands.

use alloc::borrow::ToOwned as _;
use alloc::string::ToString as _;

use crate::hub::HubClient;
use crate::hub::HubEvent;

impl HubClient {
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
