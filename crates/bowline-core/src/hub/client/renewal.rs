//! Certificates that are asked for in time, and what the hub gives for coming back.

use alloc::vec::Vec;

use crate::hub::HubClient;
use crate::hub::HubLogin;
use crate::hub::Resumption;
use crate::hub::ToHub;
use crate::hub::client::Stage;
use crate::hub::limits::HUB_CALENDAR_SLACK;
use crate::hub::limits::HUB_RENEW_BEFORE;
use crate::hub::limits::HUB_RENEW_GAIN;
use crate::hub::limits::HUB_RENEW_RETRY;
use crate::time::Span;
use crate::time::Timestamp;

impl HubClient {
    /// Asks for another certificate, before the last one expires; with the next sign-in if there is none at the moment.
    pub fn renew(&mut self, request: Vec<u8>) {
        if matches!(self.stage, Stage::SignedIn { .. }) {
            self.send(&ToHub::Certificate(request.clone()));
        }
        self.request = Some(request);
    }

    /// A certificate of the hub's is in use, and holds so long: the next one is asked for in time.
    ///
    /// None of a session holds longer than what the client proved itself by. Near the end of that the hub signs what
    /// holds no longer than the one before: then it is asked again as if none had come.
    pub fn on_certificate_taken(&mut self, now: Timestamp, left: Span) {
        let expires_at = now + left;
        let before = self.expires_at.replace(expires_at);
        if before.is_some_and(|before| expires_at <= before + HUB_RENEW_GAIN) {
            return;
        }
        self.renew_in_time(now, left);
    }

    /// The certificate in use holds so long by the calendar, which may have been set: a machine without a clock of its own
    /// learns the time after it has signed in. Whether the next one is asked for at another time now.
    pub fn on_calendar(&mut self, now: Timestamp, left: Span) -> bool {
        let expires_at = now + left;
        let is_off = |before: Timestamp| {
            let off = expires_at.since(before).max(before.since(expires_at));
            off > HUB_CALENDAR_SLACK
        };
        if !self.expires_at.is_some_and(is_off) {
            return false;
        }
        self.expires_at = Some(expires_at);
        self.renew_in_time(now, left);
        true
    }

    /// A certificate of the hub's has expired already by the calendar of its owner, and why, for people: one of the two
    /// clocks is wrong. It may be right again soon: whoever has another certificate that is good asks again after a while, and others
    /// look for the hub again after a pause.
    pub fn on_certificate_expired(&mut self, now: Timestamp, has_another: bool, why: &str) {
        if !matches!(self.stage, Stage::SignedIn { .. }) {
            return;
        }
        if has_another {
            return self.ask_later(now);
        }
        // Nothing of it serves meanwhile.
        self.was_signed_in = false;
        if matches!(self.config.login, HubLogin::Anonymous) {
            // A hub whose clock is set takes nothing that it gave before, and gives another name.
            self.identity = None;
        }
        self.drop_link(now, Span::ZERO, why);
    }

    fn renew_in_time(&mut self, now: Timestamp, left: Span) {
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
            self.ask_later(now);
        }
    }

    fn ask_later(&mut self, now: Timestamp) {
        let millis = u32::try_from(HUB_RENEW_RETRY.as_millis() / 2).unwrap_or(u32::MAX);
        let later = Span::from_millis(self.rng.below(millis.max(1)).into());
        self.renew_at = Some(now + HUB_RENEW_RETRY + later);
    }
}
