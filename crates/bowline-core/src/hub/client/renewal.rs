//! Certificates that are asked for in time, and what the hub gives for coming back.

use crate::hub::HubClient;
use crate::hub::Resumption;
use crate::hub::ToHub;
use crate::hub::client::Stage;
use crate::hub::limits::HUB_RENEW_BEFORE;
use crate::hub::limits::HUB_RENEW_RETRY;
use crate::time::Span;
use crate::time::Timestamp;

impl HubClient {
    /// A certificate of the hub's is in use, and holds so long: the next one is asked for in time.
    pub fn on_certificate_taken(&mut self, now: Timestamp, left: Span) {
        let margin = HUB_RENEW_BEFORE.min(left / 3);
        let millis = u32::try_from(margin.as_millis() / 4).unwrap_or(u32::MAX);
        let early = Span::from_millis(self.rng.below(millis.max(1)).into());
        self.renew_at = Some(now + left.saturating_sub(margin + early));
    }

    /// The session has lasted for hours, and what came with the welcome will not be good much longer.
    pub(super) fn on_resumption(&mut self, resumption: Resumption) {
        if matches!(self.stage, Stage::SignedIn { .. }) {
            self.resume = resumption.0;
        }
    }

    /// Asks for another certificate, and again after a while if none comes.
    pub(super) fn ask_again(&mut self, now: Timestamp) {
        self.renew_at = None;
        if let Some(request) = self.request.clone() {
            self.send(&ToHub::Certificate(request));
            let millis = u32::try_from(HUB_RENEW_RETRY.as_millis() / 2).unwrap_or(u32::MAX);
            let later = Span::from_millis(self.rng.below(millis.max(1)).into());
            self.renew_at = Some(now + HUB_RENEW_RETRY + later);
        }
    }
}
