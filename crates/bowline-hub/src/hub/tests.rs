//! A hub without a network: what clients send, and what they get.

mod blocks;
mod certificates;
mod ended;
mod later;
mod list;
mod network;
mod sign_in;
mod signals;

use std::collections::HashMap;

use bowline_core::cert::keypair::KeyPair;
use bowline_core::cert::request::CertificateRequest;
use bowline_core::crypto::keys::SigningKey;
use bowline_core::crypto::rustcrypto;
use bowline_core::hub::HUB_PROTOCOL;
use bowline_core::hub::Hello;
use bowline_core::hub::HubSignal;
use bowline_core::hub::Method;
use bowline_core::hub::Role;
use bowline_core::hub::Welcome;
use hmac::Hmac;
use hmac::KeyInit as _;
use hmac::Mac as _;
use sha2::Sha256;

use super::*;
use crate::namespace::Namespace;

const START: Timestamp = Timestamp::from_micros(3_000_000);
/// Some time in 2026.
const UNIX_US: u64 = 1_790_000_000_000_000;
const APP: AppId = AppId::new(480);
const HUB_SEED: u8 = 77;

/// A hub and what it said to whom.
struct Desk {
    hub: Hub,
    now: Timestamp,
    got: HashMap<ConnectionId, Vec<FromHub>>,
    closed: Vec<ConnectionId>,
    checks: Vec<Check>,
    notices: Vec<Notice>,
}

fn space(prefixes: &[&str]) -> Option<Namespace> {
    Some(Namespace::new(prefixes.iter().copied()).unwrap())
}

fn identity(text: &str) -> Identity {
    text.parse().unwrap()
}

fn client(number: u32) -> ConnectionId {
    ConnectionId::new(0x0001_0000 + number)
}

fn key(seed: u8) -> KeyPair {
    KeyPair::new(&rustcrypto::provider(), SigningKey::from_seed([seed; 32]))
}

fn hello(method: Method, wanted: Option<&str>) -> Hello {
    Hello {
        protocol: HUB_PROTOCOL,
        app: APP,
        role: Role::User,
        method: Ok(method),
        credential: Vec::new(),
        wanted_identity: wanted.map(identity),
        version: "test".into(),
        certificate_request: None,
    }
}

fn dev() -> Policy {
    Policy {
        dev: space(&["str:dev-"]),
        ..Policy::default()
    }
}

impl Desk {
    fn new(policy: Policy) -> Self {
        let crypto = rustcrypto::provider();
        let keys = Keys {
            authority: Authority::new(&crypto, SigningKey::from_seed([1; 32])),
            identity: key(HUB_SEED).public(),
            resumption: Zeroizing::new([2; 32]),
            other_resumptions: Vec::new(),
        };
        let rng = Rng::from_seed([3; 32]);
        Self {
            hub: Hub::new(START, UNIX_US, policy, crypto, keys, rng).unwrap(),
            now: START,
            got: HashMap::new(),
            closed: Vec::new(),
            checks: Vec::new(),
            notices: Vec::new(),
        }
    }

    /// A hub with client 1, whose credential holds for another minute.
    fn with_token_for_a_minute() -> (Self, Welcome) {
        let mut desk = Self::new(Policy {
            jwt: space(&["str:id-"]),
            ..Policy::default()
        });
        desk.hello(1, hello(Method::Jwt, None));
        let verdict = Verdict::Good {
            identity: identity("str:id-anna"),
            expiry_unix_secs: Some(UNIX_US / 1_000_000 + 60),
        };
        desk.hub.on_verdict(desk.now, client(1), verdict);
        desk.drain();
        let welcome = desk.welcome(1);
        (desk, welcome)
    }

    fn connect(&mut self, number: u32) {
        // Few in one network.
        let network = (number >> 7).to_be_bytes();
        let from = [198, 51 + network[2], network[3], (number & 127) as u8];
        let from = SocketAddr::from((from, 4000));
        self.hub.on_connected(self.now, client(number), from);
        self.drain();
    }

    fn say(&mut self, number: u32, message: &ToHub) {
        let bytes = message.encode();
        self.hub.on_message(self.now, client(number), &bytes);
        self.drain();
    }

    /// Connects and says hello.
    fn hello(&mut self, number: u32, hello: Hello) {
        self.connect(number);
        self.say(number, &ToHub::Hello(hello));
    }

    /// Signs in as a developer.
    fn member(&mut self, number: u32, name: &str) -> Welcome {
        self.hello(number, hello(Method::Dev, Some(name)));
        self.welcome(number)
    }

    fn drain(&mut self) {
        while let Some(output) = self.hub.poll_output() {
            match output {
                Output::Send { client, bytes } => {
                    let message = FromHub::parse(&bytes).unwrap();
                    self.got.entry(client).or_default().push(message);
                }
                Output::Close { client, .. } => self.closed.push(client),
                Output::Check(check) => self.checks.push(check),
                Output::Notice(notice) => self.notices.push(notice),
            }
        }
    }

    fn run_for(&mut self, span: Span) {
        let end = self.now + span;
        while let Some(next) = self.hub.poll_timeout().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            self.hub.handle_timeout(self.now);
            self.drain();
        }
        self.now = end;
    }

    /// What a client got since this was asked last.
    fn got(&mut self, number: u32) -> Vec<FromHub> {
        self.got.remove(&client(number)).unwrap_or_default()
    }

    fn welcome(&mut self, number: u32) -> Welcome {
        match self.got(number).pop() {
            Some(FromHub::Welcome(welcome)) => welcome,
            other => panic!("{other:?}"),
        }
    }

    fn refusal(&mut self, number: u32) -> Refusal {
        let got = self.got(number);
        let Some(FromHub::Refused(refused)) = got.last() else {
            panic!("{got:?}");
        };
        assert!(
            self.closed.contains(&client(number)),
            "refused and not closed"
        );
        refused.reason.unwrap()
    }

    fn goodbye(&mut self, number: u32) -> Option<Goodbye> {
        let got = self.got(number);
        let mut byes = got.iter().filter_map(|message| match message {
            FromHub::Goodbye { reason, .. } => *reason,
            _ => None,
        });
        byes.next()
    }
}

fn shared(name: &str, prefix: &str) -> SharedKey {
    SharedKey {
        name: name.into(),
        apps: vec![APP],
        key: Zeroizing::new(b"a key of the game".to_vec()),
        identities: space(&[prefix]).unwrap(),
    }
}

fn mac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.chain_update(message).finalize().into_bytes().to_vec()
}

/// Says hello, and what was to be proven.
fn challenge(desk: &mut Desk, number: u32, hello: &Hello) -> [u8; 32] {
    desk.hello(number, hello.clone());
    let got = desk.got(number);
    let [FromHub::Challenge(nonce)] = got[..] else {
        panic!("{got:?}");
    };
    nonce
}
