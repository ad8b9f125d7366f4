//! How a client is let in, and sent away again.

use alloc::string::ToString as _;

use crate::hub::Goodbye;
use crate::hub::HUB_PROTOCOL;
use crate::hub::Hello;
use crate::hub::HubClient;
use crate::hub::HubEvent;
use crate::hub::HubLogin;
use crate::hub::Method;
use crate::hub::Refusal;
use crate::hub::Refused;
use crate::hub::ToHub;
use crate::hub::Welcome;
use crate::hub::client::Stage;
use crate::time::Span;
use crate::time::Timestamp;

impl HubClient {
    /// Why what would be shown is nothing for a hub.
    pub(super) fn flaw(&self) -> Option<&'static str> {
        let login = &self.config.login;
        self.resume.is_empty().then(|| login.flaw()).flatten()
    }

    pub(super) fn hello(&self) -> Hello {
        let resumes = !self.resume.is_empty();
        let login = &self.config.login;
        Hello {
            protocol: HUB_PROTOCOL,
            app: self.config.app,
            role: self.config.role,
            method: Ok(if resumes {
                Method::Resume
            } else {
                login.method()
            }),
            credential: match resumes {
                true => self.resume.clone(),
                false => login.credential(),
            },
            wanted_identity: self.config.identity.clone(),
            version: self.config.version.clone(),
            certificate_request: self.request.clone(),
        }
    }

    pub(super) fn on_challenge(&mut self, now: Timestamp, nonce: &[u8; 32]) {
        let Stage::SigningIn { hello, hub_key, .. } = &self.stage else {
            return;
        };
        let statement = hello.statement(hub_key, nonce);
        match self.config.login.prove(&self.crypto, &statement) {
            Some(proof) => self.send(&ToHub::Proof(proof)),
            None => self.drop_link(now, Span::ZERO, "the hub wants a proof of what needs none"),
        }
    }

    pub(super) fn on_welcome(&mut self, now: Timestamp, welcome: Welcome) {
        if !matches!(self.stage, Stage::SigningIn { .. }) {
            return;
        }
        let known = self.config.identity.as_ref().or(self.identity.as_ref());
        if let Some(known) = known.filter(|known| **known != welcome.identity) {
            let mut text = alloc::format!("the hub takes us for {}, not {known}", welcome.identity);
            if matches!(self.config.login, HubLogin::Anonymous) {
                text.push_str(": a name without proof is gone with its session, so sign in again");
            }
            self.resume.clear();
            self.give_up(&text);
            return;
        }
        self.identity = Some(welcome.identity.clone());
        self.resume = welcome.resume;
        self.failures = 0;
        self.was_signed_in = true;
        self.expires_at = None;
        self.stage = Stage::SignedIn {
            since: now,
            max_signal: welcome.max_signal as usize,
        };
        self.events.push_back(HubEvent::SignedIn {
            identity: welcome.identity,
            session: welcome.session,
            seen_address: welcome.seen_address,
            unix_ms: welcome.unix_ms,
        });
        self.kept_certificate = None;
        match welcome.certificate {
            Some(bytes) if self.is_network_news(welcome.config_revision) => {
                self.keep_certificate(now, bytes);
            }
            Some(bytes) => self.events.push_back(HubEvent::Certificate(bytes)),
            None if self.request.is_some() => self.ask_again(now),
            None => {}
        }
        self.tell("signed in");
    }

    pub(super) fn on_refused(&mut self, now: Timestamp, refused: Refused) {
        let Stage::SigningIn { hello, .. } = &self.stage else {
            return;
        };
        let resumed = hello.method == Ok(Method::Resume);
        let reason = refused.reason.map(|reason| reason.to_string());
        let text = match reason {
            Some(reason) if refused.text.is_empty() => reason,
            Some(reason) => alloc::format!("{reason}: {}", refused.text),
            None => refused.text,
        };
        if refused.reason.is_some_and(Refusal::may_pass) || !refused.retry_after.is_zero() {
            self.drop_link(now, refused.retry_after, &text);
        } else if resumed {
            // It may take the credential still.
            self.resume.clear();
            self.drop_link(now, Span::ZERO, &text);
        } else {
            self.give_up(&text);
        }
    }

    pub(super) fn on_goodbye(
        &mut self,
        now: Timestamp,
        reason: Option<Goodbye>,
        text: &str,
        retry_after: Span,
    ) {
        if !matches!(self.stage, Stage::SignedIn { .. }) {
            return;
        }
        match reason {
            // Coming back would only take it from whoever has it now, and so on; or the operator does not want it.
            Some(Goodbye::Superseded | Goodbye::Kicked) => {
                self.resume.clear();
                self.give_up(text);
            }
            Some(Goodbye::Expired) => {
                self.resume.clear();
                self.drop_link(now, retry_after, text);
            }
            Some(Goodbye::Draining | Goodbye::TooSlow | Goodbye::Malformed) | None => {
                self.drop_link(now, retry_after, text);
            }
        }
    }
}
