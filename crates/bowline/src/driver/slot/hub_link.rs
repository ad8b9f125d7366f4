//! The connection to a hub: nobody hears of it but the client of the hub, which looks for itself.

use crate::driver::followup::Followup;
use crate::driver::slot::Owner;
use crate::driver::slot::Slot;
use crate::driver::slot::SlotState;

impl Slot {
    /// Makes it the connection to a hub.
    pub(crate) fn of_hub_link(mut self) -> Self {
        self.owner = Owner::HubLink;
        self
    }

    /// Whether it is the connection to a hub.
    pub(crate) fn is_hub_link(&self) -> bool {
        self.owner == Owner::HubLink
    }

    /// Has the client look if there is something new.
    pub(super) fn settle_link(state: &mut SlotState, follow: &mut Followup) {
        let Some(live) = &mut state.live else {
            return;
        };
        while live.core.poll_event().is_some() {
            follow.has_link_news = true;
        }
        follow.has_link_news |= live.core.queued_messages() > 0;
    }
}
