//! A client of a hub that says anything.

use arbitrary::{Result, Unstructured};
use bowline_core::availability::Availability;
use bowline_core::hub::limits::MAX_HUB_ACTIONS;
use bowline_core::hub::{
    FromHub, Goodbye, HubAction, HubClient, HubClientConfig, HubEvent, HubLogin, HubSignal,
    NackReason, NetworkConfig, Refusal, Refused, Resumption, Role, SignedBody, ToHub, Welcome,
};
use bowline_core::identity::Identity;
use bowline_core::ids::AppId;
use bowline_core::rng::Rng;
use bowline_core::time::{Span, Timestamp};

use super::{pair, sign};
use crate::crypto::QuickCrypto;

const MAX_OPS: usize = 256;
const START: Timestamp = Timestamp::from_micros(3_000_000);
/// How often its timer may ring once more in the same moment.
const MAX_RINGS: usize = 2;
/// Beside signals a client has little to do, and its owner does it at once.
const MAX_EVENTS: usize = 16;

/// Plays a script of an application, a network that comes and goes, and a hub that says anything, with or without sense.
///
/// The client talks only while it is connected and only what a hub understands, tells each step once, keeps quiet after a
/// refusal until it is asked to start again, and no timer runs idle. What it follows of the network only grows newer.
pub fn hub_client(data: &[u8]) {
    let mut u = Unstructured::new(data);
    // Ends for want of bytes.
    let _ = Play::new(&mut u).and_then(|mut play| play.run(&mut u));
}

struct Play {
    client: HubClient,
    now: Timestamp,
    /// Whether the owner was told to connect, and not yet to stop that.
    is_wanted: bool,
    is_connected: bool,
    told: Option<(Availability, String)>,
    revision: u64,
}

impl Play {
    fn new(u: &mut Unstructured<'_>) -> Result<Self> {
        let config = HubClientConfig {
            app: AppId::new(480),
            role: Role::User,
            login: login(u)?,
            identity: match u.arbitrary()? {
                true => Some(name("str:dev-a")),
                false => None,
            },
            version: "fuzz".into(),
        };
        let crypto = QuickCrypto::new().provider();
        let client = HubClient::new(config, crypto, Rng::from_seed([5; 32]));
        let keys = match u.ratio(1, 4)? {
            true => vec![pair(0).public()],
            false => Vec::new(),
        };
        Ok(Self {
            client: client.with_network(keys, 0),
            now: START,
            is_wanted: false,
            is_connected: false,
            told: None,
            revision: 0,
        })
    }

    fn run(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        for _ in 0..MAX_OPS {
            if u.is_empty() {
                break;
            }
            let before = self.client.availability();
            let mut is_asked = false;
            match u.int_in_range(0..=11_u8)? {
                0 => {
                    is_asked = true;
                    self.client.start(Some(u.arbitrary()?));
                }
                1 => {
                    is_asked = true;
                    self.client.stop();
                }
                2 => {
                    is_asked = true;
                    self.client.set_login(login(u)?);
                }
                3 | 4 if self.is_wanted && !self.is_connected => {
                    self.is_connected = true;
                    let key = *pair(1).public().as_bytes();
                    self.client.on_connected(self.now, key);
                }
                5 if self.is_wanted => {
                    (self.is_wanted, self.is_connected) = (false, false);
                    self.client.on_disconnected(self.now, "lost");
                }
                6 if self.is_connected => {
                    let bytes: Vec<u8> = u.arbitrary()?;
                    self.client.on_message(self.now, &bytes);
                }
                7 | 8 if self.is_connected => {
                    let message = message(u)?;
                    self.client.on_message(self.now, &message.encode());
                }
                9 => self.pass(u)?,
                10 => {
                    let payload: Vec<u8> = u.arbitrary()?;
                    let sent = self.client.send_signal(&name("str:dev-b"), &payload);
                    assert!(sent.is_err() || before.is_current());
                }
                11 => match u.arbitrary()? {
                    true => self.client.renew(u.arbitrary()?),
                    false => {
                        let left = Span::from_secs(u.arbitrary::<u32>()?.into());
                        match left.is_zero() {
                            true => {
                                let has_another = u.arbitrary()?;
                                let client = &mut self.client;
                                client.on_certificate_expired(self.now, has_another, "clocks");
                            }
                            false => self.client.on_certificate_taken(self.now, left),
                        }
                    }
                },
                _ => {}
            }
            self.settle();
            let is_quiet = matches!(before, Availability::Failed | Availability::NeverTried);
            assert!(!is_quiet || is_asked || self.client.availability() == before);
        }
        Ok(())
    }

    fn pass(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        let until = self.now + Span::from_millis(1 << u.int_in_range(0..=24_u8)?);
        let mut rings = 0;
        // Only what waits for the owner holds it up.
        while let Some(at) = self.client.poll_timeout()
            && at <= until
        {
            rings = if at > self.now { 0 } else { rings + 1 };
            // A pause may be none at all by chance, after one that has ended in this moment.
            assert!(rings <= MAX_RINGS, "it rings again and again");
            self.now = self.now.max(at);
            self.client.handle_timeout(self.now);
            self.settle();
        }
        self.now = until;
        Ok(())
    }

    /// Does what the client wants, and looks at what it tells.
    fn settle(&mut self) {
        let mut count = 0;
        while let Some(action) = self.client.poll_action() {
            count += 1;
            assert!(count <= MAX_HUB_ACTIONS, "no end of it");
            match action {
                HubAction::Connect => {
                    assert!(!self.is_wanted, "connected twice");
                    self.is_wanted = true;
                }
                HubAction::Disconnect => (self.is_wanted, self.is_connected) = (false, false),
                HubAction::Send(bytes) => {
                    assert!(self.is_connected, "nobody hears it");
                    ToHub::parse(&bytes).expect("hubs understand what a client says");
                }
            }
        }
        let mut count = 0;
        while let Some(event) = self.client.poll_event() {
            count += 1;
            assert!(count <= MAX_EVENTS, "no end of it");
            match event {
                HubEvent::Availability { availability, text } => {
                    let told = Some((availability, text));
                    assert_ne!(told, self.told, "told twice");
                    self.told = told;
                }
                HubEvent::Network(config) => {
                    assert!(config.revision > self.revision, "an older one");
                    self.revision = config.revision;
                }
                HubEvent::SignedIn { .. }
                | HubEvent::Certificate(_)
                | HubEvent::Signal { .. }
                | HubEvent::SignalRefused { .. }
                | HubEvent::NetworkKnown
                | HubEvent::NetworkRefused(_) => {}
                other => panic!("{other:?}"),
            }
        }
        let told = self.told.as_ref().map(|(availability, _)| *availability);
        let stands = self.client.availability();
        assert_eq!(told.unwrap_or(Availability::NeverTried), stands);
    }
}

fn name(text: &str) -> Identity {
    text.parse().expect("an identity")
}

fn login(u: &mut Unstructured<'_>) -> Result<HubLogin> {
    Ok(match u.int_in_range(0..=5_u8)? {
        0 => HubLogin::Dev,
        1 => HubLogin::shared_key("main", u.arbitrary::<Vec<u8>>()?),
        2 => HubLogin::jwt("x".repeat(u.int_in_range(0..=20_000)?)),
        3 => HubLogin::hook(u.arbitrary::<Vec<u8>>()?),
        4 => HubLogin::GameServerKey(pair(2).private().clone()),
        _ => HubLogin::Anonymous,
    })
}

fn message(u: &mut Unstructured<'_>) -> Result<FromHub> {
    let text = || "so it is".to_owned();
    Ok(match u.int_in_range(0..=9_u8)? {
        0 => FromHub::Challenge(u.arbitrary()?),
        1 | 2 => FromHub::Welcome(Welcome {
            identity: name(u.choose(&["str:dev-a", "str:dev-b"])?),
            session: u.arbitrary()?,
            unix_ms: u.arbitrary()?,
            seen_address: None,
            config_revision: u.int_in_range(0..=3)?,
            resume: u.arbitrary()?,
            certificate: u.arbitrary()?,
            max_signal: u.arbitrary()?,
        }),
        3 => FromHub::Refused(Refused {
            reason: some(u, Refusal::ALL)?,
            text: text(),
            retry_after: pause(u)?,
        }),
        4 => FromHub::Goodbye {
            reason: some(u, Goodbye::ALL)?,
            text: text(),
            retry_after: pause(u)?,
        },
        5 => FromHub::Signal(HubSignal {
            number: 0,
            peer: "str:dev-b".into(),
            payload: u.arbitrary()?,
        }),
        6 => FromHub::Nack {
            number: u.arbitrary()?,
            reason: some(u, NackReason::ALL)?,
        },
        7 => FromHub::Certificate(u.arbitrary()?),
        8 => FromHub::Resume(Resumption(u.arbitrary()?)),
        _ => {
            let revision = u.int_in_range(0..=3)?;
            FromHub::Config {
                revision,
                body: match u.ratio(7, 8)? {
                    true => Some(network(u, revision)?),
                    false => None,
                },
            }
        }
    })
}

fn some<T: Copy>(u: &mut Unstructured<'_>, all: &[T]) -> Result<Option<T>> {
    Ok(match u.ratio(7, 8)? {
        true => Some(*u.choose(all)?),
        false => None,
    })
}

fn pause(u: &mut Unstructured<'_>) -> Result<Span> {
    Ok(match u.ratio(1, 2)? {
        true => Span::from_secs(u.arbitrary::<u8>()?.into()),
        false => Span::ZERO,
    })
}

/// What is said about the network, signed by somebody.
fn network(u: &mut Unstructured<'_>, revision: u64) -> Result<SignedBody> {
    let by = pair(u.int_in_range(0..=1)?);
    if u.ratio(1, 4)? {
        let body: Vec<u8> = u.arbitrary()?;
        return Ok(sign(&by, &body));
    }
    let config = NetworkConfig {
        revision,
        ..NetworkConfig::default()
    };
    let crypto = QuickCrypto::new().provider();
    let mut signed = config.sign(&crypto, by.private()).expect("it is small");
    if u.ratio(1, 8)? {
        signed.body.push(0);
    }
    Ok(signed)
}
