//! A client's side of a hub: signing in, staying signed in, coming back.
//!
//! ```text
//!            start                up                 welcome
//!  Idle ───────────▶ Connecting ──────▶ SigningIn ───────────▶ SignedIn
//!   ▲                 ▲     │              │                     │
//!   │ stop            │     └── lost ──────┴──────── lost ───────┘
//!   │                 │                    │
//!   │              a pause ◀───────────────┤ (one second, doubling to a minute, each by chance)
//!   └── Refused ◀──────────────────────────┘ refused for good: until it is asked to start again
//! ```
//!
//! Pauses grow until it was signed in for half a minute ([`HUB_STEADY`]).
//!
//! The machine knows no sockets: its owner connects when [`HubAction::Connect`] says so, tells how that went, and
//! carries bytes. What the application hears of is in [`HubEvent`].
//!
//! The first sign-in is by the credential; after that by what the hub gave for coming back, so that a token that has
//! expired meanwhile does no harm, nor a hub that was started anew. If the hub does not take that, the credential is
//! shown again.
//!
//! The hub signs a certificate with each welcome, and another one before that expires: for the longest-lived two hours
//! before, for others when a third of their time is left, each a little earlier by chance. One that has expired already tells
//! that the clocks differ: the client asks again while it has another one that is good, and pauses else as if it had lost the hub,
//! until one of them is put right.
//!
//! What the hub says about the network is checked here and handed on; see the module of
//! [`NetworkConfig`](crate::hub::NetworkConfig).
//!
//! [`Availability`] follows from where it stands: nothing of it is kept apart.

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::string::ToString as _;
use alloc::vec::Vec;

use crate::availability::Availability;
use crate::cert::keypair::PublicKey;
use crate::crypto::Crypto;
use crate::hub::FromHub;
use crate::hub::Hello;
use crate::hub::HubAction;
use crate::hub::HubEvent;
use crate::hub::HubLogin;
use crate::hub::HubSendError;
use crate::hub::HubSignal;
use crate::hub::Role;
use crate::hub::ToHub;
use crate::hub::limits::HUB_RETRY;
use crate::hub::limits::HUB_RETRY_DOUBLINGS;
use crate::hub::limits::HUB_SIGN_IN_TIMEOUT;
use crate::hub::limits::HUB_STEADY;
use crate::hub::limits::MAX_HUB_ACTIONS;
use crate::identity::Identity;
use crate::ids::AppId;
use crate::rng::Rng;
use crate::time::Span;
use crate::time::Timestamp;

/// Who signs in, and how.
#[derive(Clone, Debug)]
pub struct HubClientConfig {
    /// Which game it is of.
    pub app: AppId,
    /// What it is.
    pub role: Role,
    /// How it proves who it is.
    pub login: HubLogin,
    /// Who it says it is. Needed for [`HubLogin::Dev`], [`HubLogin::SharedKey`] and [`HubLogin::GameServerKey`].
    pub identity: Option<Identity>,
    /// Which program it is, for people.
    pub version: String,
}

/// One client, and one hub.
#[derive(Clone)]
pub struct HubClient {
    config: HubClientConfig,
    crypto: Crypto,
    rng: Rng,
    stage: Stage,
    /// A request for a certificate goes along with the next hello.
    request: Option<Vec<u8>>,
    /// While signed in, another certificate is asked for then.
    renew_at: Option<Timestamp>,
    /// The last certificate of this session expires then.
    expires_at: Option<Timestamp>,
    /// Who the hub has said it is.
    identity: Option<Identity>,
    /// What the hub gave for coming back.
    resume: Vec<u8>,
    /// Who may sign what the network is like; whoever the hub names, if there is nobody.
    config_keys: Vec<PublicKey>,
    /// The highest revision of that.
    network_revision: u64,
    /// Its owner follows that one.
    follows_network: bool,
    /// The certificate of the welcome, until it is known what the network is like.
    kept_certificate: Option<Vec<u8>>,
    /// Attempts that failed since the last welcome.
    failures: u32,
    /// Pauses since it was last signed in for a while: each is longer than the one before.
    pauses: u32,
    was_signed_in: bool,
    last_number: u32,
    told: Availability,
    /// The text that was told with it.
    told_text: String,
    actions: VecDeque<HubAction>,
    events: VecDeque<HubEvent>,
}

#[derive(Clone, Debug)]
enum Stage {
    /// Nobody wants it.
    Idle,
    /// Its owner connects.
    Connecting,
    /// The hello was said then, to the hub with that key.
    SigningIn {
        since: Timestamp,
        hello: Hello,
        hub_key: [u8; 32],
    },
    /// The hub knows it.
    SignedIn { since: Timestamp, max_signal: usize },
    /// It is tried again then.
    Pausing { until: Timestamp },
    /// The hub does not want it.
    Refused,
}

impl HubClient {
    /// A client that nobody has asked to sign in yet. The generator must be its own.
    pub fn new(config: HubClientConfig, crypto: Crypto, rng: Rng) -> Self {
        Self {
            config,
            crypto,
            rng,
            stage: Stage::Idle,
            request: None,
            renew_at: None,
            expires_at: None,
            identity: None,
            resume: Vec::new(),
            config_keys: Vec::new(),
            network_revision: 0,
            follows_network: true,
            kept_certificate: None,
            failures: 0,
            pauses: 0,
            was_signed_in: false,
            last_number: 0,
            told: Availability::NeverTried,
            told_text: String::new(),
            actions: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// Signs in, and stays so until [`Self::stop`]. `request` is a request for a certificate in bytes. Nothing happens if
    /// that is under way; after a refusal it is tried again.
    pub fn start(&mut self, request: Option<Vec<u8>>) {
        self.request = request.or_else(|| self.request.take());
        if matches!(self.stage, Stage::Idle | Stage::Refused) {
            self.failures = 0;
            self.pauses = 0;
            self.connect();
        }
    }

    /// Signs out, and forgets what it got for coming back.
    pub fn stop(&mut self) {
        self.resume.clear();
        self.identity = None;
        self.renew_at = None;
        self.was_signed_in = false;
        if !matches!(self.stage, Stage::Idle) {
            self.stage = Stage::Idle;
            self.actions.push_back(HubAction::Disconnect);
            self.tell("signed out");
        }
    }

    /// Shows another credential next time: a token that was fetched anew. After a refusal it is tried at once.
    pub fn set_login(&mut self, login: HubLogin) {
        self.config.login = login;
        // It may be for somebody else.
        self.resume.clear();
        if matches!(self.stage, Stage::Refused) {
            self.start(None);
        }
    }

    /// The connection to the hub stands, whose certificate is for that key.
    pub fn on_connected(&mut self, now: Timestamp, hub_key: [u8; 32]) {
        if !matches!(self.stage, Stage::Connecting) {
            return;
        }
        // The credential may be another by now.
        if let Some(why) = self.flaw() {
            return self.give_up(why);
        }
        let hello = self.hello();
        self.send(&ToHub::Hello(hello.clone()));
        self.stage = Stage::SigningIn {
            since: now,
            hello,
            hub_key,
        };
        self.tell("signing in");
    }

    /// The connection to the hub is over, or did not come about, and why, for people.
    pub fn on_disconnected(&mut self, now: Timestamp, why: &str) {
        match self.stage {
            Stage::Connecting | Stage::SigningIn { .. } | Stage::SignedIn { .. } => {
                self.pause(now, Span::ZERO, why);
            }
            Stage::Idle | Stage::Pausing { .. } | Stage::Refused => {}
        }
    }

    /// A message from the hub. What is none of its messages ends the connection.
    pub fn on_message(&mut self, now: Timestamp, bytes: &[u8]) {
        // What comes after the end may be anything, and changes nothing any more.
        if !matches!(self.stage, Stage::SigningIn { .. } | Stage::SignedIn { .. }) {
            return;
        }
        let message = match FromHub::parse(bytes) {
            Ok(message) => message,
            Err(error) => {
                self.drop_link(now, Span::ZERO, &error.to_string());
                return;
            }
        };
        if !matches!(message, FromHub::Config { .. } | FromHub::Unknown) {
            self.release_certificate();
        }
        match message {
            FromHub::Challenge(nonce) => self.on_challenge(now, &nonce),
            FromHub::Welcome(welcome) => self.on_welcome(now, welcome),
            FromHub::Refused(refused) => self.on_refused(now, refused),
            FromHub::Goodbye {
                reason,
                text,
                retry_after,
            } => self.on_goodbye(now, reason, &text, retry_after),
            FromHub::Signal(HubSignal { peer, payload, .. }) => {
                let from = peer;
                self.if_signed_in(HubEvent::Signal { from, payload });
            }
            FromHub::Nack { number, reason } => {
                self.if_signed_in(HubEvent::SignalRefused { number, reason });
            }
            FromHub::Certificate(bytes) => {
                // Newer than the one of the welcome.
                self.kept_certificate = None;
                self.if_signed_in(HubEvent::Certificate(bytes));
            }
            FromHub::Resume(resumption) => self.on_resumption(resumption),
            FromHub::Config { body, .. } => self.on_network(body.as_ref()),
            // Of no use to a client of this version.
            FromHub::Unknown => {}
        }
    }

    /// Sends a signal to a peer: its number, by which a refusal names it.
    ///
    /// # Errors
    /// If the client is not signed in, the signal is larger than the hub carries, or too many wait for their owner.
    pub fn send_signal(&mut self, to: &Identity, payload: &[u8]) -> Result<u32, HubSendError> {
        let Stage::SignedIn {
            max_signal: limit, ..
        } = self.stage
        else {
            return Err(HubSendError::NotSignedIn);
        };
        let len = payload.len();
        if len > limit {
            return Err(HubSendError::TooLarge { len, limit });
        }
        if self.actions.len() >= MAX_HUB_ACTIONS {
            return Err(HubSendError::TooMany);
        }
        self.last_number = self.last_number.wrapping_add(1).max(1);
        let number = self.last_number;
        self.send(&ToHub::Signal(HubSignal {
            number,
            peer: to.to_string(),
            payload: payload.to_vec(),
        }));
        Ok(number)
    }

    /// What came from the hub cannot be used, and why: it is left alone until the application wants it again.
    pub fn reject(&mut self, why: &str) {
        if !matches!(self.stage, Stage::Idle | Stage::Refused) {
            self.resume.clear();
            self.give_up(why);
        }
    }

    /// The deadline may have passed.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        if self.poll_timeout().is_none_or(|at| at > now) {
            return;
        }
        match self.stage {
            Stage::SigningIn { .. } => {
                self.drop_link(now, Span::ZERO, "the hub does not answer");
            }
            Stage::Pausing { .. } => self.connect(),
            Stage::SignedIn { .. } if self.kept_certificate.is_some() => self.release_certificate(),
            Stage::SignedIn { .. } => self.ask_again(now),
            Stage::Idle | Stage::Connecting | Stage::Refused => {}
        }
    }

    /// When [`Self::handle_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        match self.stage {
            Stage::SigningIn { since, .. } => Some(since + HUB_SIGN_IN_TIMEOUT),
            Stage::Pausing { until } => Some(until),
            Stage::SignedIn { .. } => self.renew_at,
            Stage::Idle | Stage::Connecting | Stage::Refused => None,
        }
    }

    /// What is to be done next.
    pub fn poll_action(&mut self) -> Option<HubAction> {
        self.actions.pop_front()
    }

    /// What has happened next.
    pub fn poll_event(&mut self) -> Option<HubEvent> {
        self.events.pop_front()
    }

    fn connect(&mut self) {
        if let Some(why) = self.flaw() {
            return self.give_up(why);
        }
        self.stage = Stage::Connecting;
        self.actions.push_back(HubAction::Connect);
        self.tell("connecting to the hub");
    }

    fn if_signed_in(&mut self, event: HubEvent) {
        if matches!(self.stage, Stage::SignedIn { .. }) {
            self.events.push_back(event);
        }
    }

    /// Not again until the application wants it.
    fn give_up(&mut self, text: &str) {
        self.was_signed_in = false;
        self.stage = Stage::Refused;
        self.actions.push_back(HubAction::Disconnect);
        self.tell_why(text);
    }

    fn drop_link(&mut self, now: Timestamp, at_least: Span, text: &str) {
        self.actions.push_back(HubAction::Disconnect);
        self.pause(now, at_least, text);
    }

    /// Tries again after a while: by chance, so that not all clients of a hub that was gone come at once.
    fn pause(&mut self, now: Timestamp, at_least: Span, text: &str) {
        // A welcome alone is not enough: a hub may let clients in and drop them at once.
        if let Stage::SignedIn { since, .. } = self.stage
            && since + HUB_STEADY <= now
        {
            self.pauses = 0;
        }
        let longest = HUB_RETRY * (1 << self.pauses.min(HUB_RETRY_DOUBLINGS));
        self.failures = self.failures.saturating_add(1);
        self.pauses = self.pauses.saturating_add(1);
        let millis = u32::try_from(longest.as_millis()).unwrap_or(u32::MAX);
        let wait = Span::from_millis(self.rng.below(millis.max(1)).into());
        let until = now + at_least + wait;
        self.stage = Stage::Pausing { until };
        self.tell_why(text);
    }

    fn send(&mut self, message: &ToHub) {
        let bytes = message.encode();
        self.actions.push_back(HubAction::Send(bytes));
    }
}

mod network;
mod renewal;
mod sign_in;
mod telling;
#[cfg(test)]
mod tests;
