//! A hub, and clients who say anything in any order.

use std::net::SocketAddr;

use arbitrary::{Result, Unstructured};
use bowline_core::cert::authority::{Authority, KeyId};
use bowline_core::cert::request::CertificateRequest;
use bowline_core::hub::{
    HUB_PROTOCOL, Hello, HubSignal, Method, NetworkConfig, Refusal, Role, ToHub,
};
use bowline_core::identity::Identity;
use bowline_core::ids::{AppId, ConnectionId};
use bowline_core::rng::Rng;
use bowline_core::time::{Span, Timestamp};
use bowline_core::wire::pb;
use bowline_hub::hub::{GameServerKey, Hub, Keys, Policy, SharedKey, Verdict};
use bowline_hub::namespace::Namespace;
use hmac::{Hmac, KeyInit as _, Mac as _};
use prost::Message as _;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::model::{Link, Watched};
use super::pair;
use crate::crypto::QuickCrypto;

/// Connections at a time.
const CLIENTS: usize = 8;
const MAX_OPS: usize = 256;
const SHARED: &[u8] = b"a key of the game";
const SERVER: usize = 2;
const START: Timestamp = Timestamp::from_micros(3_000_000);
const UNIX_SECS: u64 = 1_790_000_000;
/// Longer than any timer of a hub's.
const LONG: Span = Span::from_secs(30 * 24 * 3600);

const NAMES: &[&str] = &[
    "str:dev-a",
    "str:dev-b",
    "str:dev-blocked",
    "str:shared-a",
    "str:id-a",
    "str:server-1",
    "str:bowline-hub",
    "steamid:76561197960287930",
    "steamid:76561197960287931",
    "ip:127.0.0.1:27015",
    "gen:0102",
];

/// Plays a script of clients and of whoever else a hub has to do with: hellos, proofs, verdicts, signals and nonsense in any
/// order, connections that come and go, clocks that are set, an operator who kicks, announces and drains.
///
/// Everybody has an identity that the way of signing in may give, or had it before, and each identity one owner. Signals name
/// who sent them; certificates are for who gets them. Nothing is said to who is gone, nothing that clients do not understand,
/// and no timer runs idle. When all have gone nothing is left.
pub fn hub_session(data: &[u8]) {
    let mut play = Play::new();
    // Ends for want of bytes.
    let _ = play.run(&mut Unstructured::new(data));
    play.end();
}

struct Play {
    world: Watched,
    unix_secs: u64,
    /// The number of the last connection.
    last: u32,
    revision: u64,
}

impl Play {
    fn new() -> Self {
        let crypto = QuickCrypto::new().provider();
        let authority = Authority::new(&crypto, pair(0).private().clone());
        let keys = Keys {
            authority: authority.clone(),
            identity: pair(1).public(),
            resumption: Zeroizing::new([2; 32]),
            other_resumptions: vec![Zeroizing::new([3; 32])],
        };
        let rng = Rng::from_seed([7; 32]);
        let unix_us = UNIX_SECS * 1_000_000;
        let hub = Hub::new(START, unix_us, policy(), crypto.clone(), keys, rng);
        let hub = hub.expect("no two ways give the same");
        Self {
            world: Watched::new(hub, START, crypto, authority),
            unix_secs: UNIX_SECS,
            last: 0,
            revision: 0,
        }
    }

    fn run(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        for _ in 0..MAX_OPS {
            if u.is_empty() {
                break;
            }
            let acting = self.client(u)?;
            match (u.int_in_range(0..=17_u8)?, acting) {
                (0 | 1, _) => self.connect(u)?,
                (2, Some(client)) => {
                    self.world.links.remove(&client);
                    self.world.hub.on_disconnected(client);
                }
                (3, Some(client)) => {
                    let bytes: Vec<u8> = u.arbitrary()?;
                    self.say(client, &bytes);
                }
                (4..=7, Some(client)) => self.hello(u, client)?,
                (8, Some(client)) => self.prove(u, client)?,
                (9 | 10, Some(client)) => {
                    let signal = self.signal(u, client)?;
                    self.say(client, &ToHub::Signal(signal).encode());
                }
                (11, Some(client)) => {
                    let request = request(u)?;
                    self.say(client, &ToHub::Certificate(request).encode());
                }
                (12, _) => self.judge(u)?,
                (13, _) => {
                    let span = Span::from_millis(1 << u.int_in_range(0..=27_u8)?);
                    let until = self.world.now + span;
                    self.world.pass(until, u.arbitrary()?);
                }
                (14, Some(client)) => match u.arbitrary()? {
                    true => {
                        let (hub, now) = (&mut self.world.hub, self.world.now);
                        hub.on_dropped(now, client, &self.world.network);
                    }
                    false => self.world.hub.on_writable(client),
                },
                (15, _) => {
                    let who = identity(u)?;
                    self.world.hub.kick(app(u)?, &who);
                }
                (16, _) => {
                    self.unix_secs = u.arbitrary::<u32>()?.into();
                    let unix_us = self.unix_secs * 1_000_000;
                    self.world.hub.set_unix_time(self.world.now, unix_us);
                }
                (17, _) => self.operate(u)?,
                _ => {}
            }
            self.world.settle(acting);
        }
        Ok(())
    }

    /// All go, and time passes.
    fn end(&mut self) {
        for client in std::mem::take(&mut self.world.links).into_keys() {
            self.world.hub.on_disconnected(client);
        }
        self.world.settle(None);
        let until = self.world.now + LONG;
        self.world.pass(until, true);
        assert_eq!(self.world.hub.sessions(), 0);
        assert_eq!(self.world.hub.poll_timeout(), None);
    }

    /// Somebody, if anybody is there.
    fn client(&self, u: &mut Unstructured<'_>) -> Result<Option<ConnectionId>> {
        let clients: Vec<_> = self.world.links.keys().copied().collect();
        match clients.is_empty() {
            true => Ok(None),
            false => u.choose(&clients).copied().map(Some),
        }
    }

    fn connect(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        if self.world.links.len() >= CLIENTS {
            return Ok(());
        }
        self.last += 1;
        let client = ConnectionId::new(0x0001_0000 + self.last);
        let from = SocketAddr::from(([192, 0, u.int_in_range(0..=2)?, 1], 4000));
        self.world.links.insert(client, Link::default());
        self.world.hub.on_connected(self.world.now, client, from);
        Ok(())
    }

    fn say(&mut self, client: ConnectionId, bytes: &[u8]) {
        if let Ok(ToHub::Hello(hello)) = ToHub::parse(bytes) {
            let link = self.world.links.get_mut(&client).expect("it is there");
            link.hello.get_or_insert(hello);
        }
        self.world.hub.on_message(self.world.now, client, bytes);
    }

    fn hello(&mut self, u: &mut Unstructured<'_>, client: ConnectionId) -> Result<()> {
        let method = *u.choose(Method::ALL)?;
        let hello = Hello {
            protocol: HUB_PROTOCOL + u32::from(u.ratio(1, 32)?),
            app: app(u)?,
            role: *u.choose(Role::ALL)?,
            method: match u.ratio(1, 32)? {
                true => Err(u.arbitrary::<u32>()? | 0x100),
                false => Ok(method),
            },
            credential: self.credential(u, method)?,
            wanted_identity: match u.ratio(3, 4)? {
                true => Some(identity(u)?),
                false => None,
            },
            version: "fuzz".into(),
            certificate_request: match u.ratio(1, 2)? {
                true => Some(request(u)?),
                false => None,
            },
        };
        self.say(client, &ToHub::Hello(hello).encode());
        Ok(())
    }

    fn credential(&self, u: &mut Unstructured<'_>, method: Method) -> Result<Vec<u8>> {
        match method {
            Method::SharedKey if u.ratio(7, 8)? => Ok(b"main".to_vec()),
            Method::Resume if !self.world.notes.is_empty() => {
                let mut note = u.choose(&self.world.notes)?.clone();
                if u.ratio(1, 4)? && !note.is_empty() {
                    let at = u.int_in_range(0..=note.len() - 1)?;
                    note[at] ^= u.arbitrary::<u8>()?;
                }
                Ok(note)
            }
            _ => u.arbitrary(),
        }
    }

    /// Proves what was asked for, or something else.
    fn prove(&mut self, u: &mut Unstructured<'_>, client: ConnectionId) -> Result<()> {
        let link = &self.world.links[&client];
        let mut proof: Vec<u8> = match (&link.hello, link.challenge) {
            (Some(hello), Some(nonce)) if u.ratio(7, 8)? => {
                let statement = hello.statement(pair(1).public().as_bytes(), &nonce);
                proof(hello, &statement)
            }
            _ => u.arbitrary()?,
        };
        if u.ratio(1, 8)? && !proof.is_empty() {
            proof[0] ^= u.arbitrary::<u8>()?;
        }
        self.say(client, &ToHub::Proof(proof).encode());
        Ok(())
    }

    fn signal(&self, u: &mut Unstructured<'_>, client: ConnectionId) -> Result<HubSignal> {
        let to = identity(u)?.to_string();
        let member = self.world.links[&client].member.as_ref();
        let from = match member {
            Some((_, identity)) if u.ratio(7, 8)? => identity.to_string(),
            _ => identity(u)?.to_string(),
        };
        let message = pb::Rendezvous {
            from_identity: u.ratio(7, 8)?.then(|| from.into()),
            to_identity: match u.ratio(7, 8)? {
                true => Some(to.clone().into()),
                false => Some(u.arbitrary()?),
            },
            ..pb::Rendezvous::default()
        };
        let mut payload = message.encode_to_vec();
        if u.ratio(1, 4)? {
            payload.extend(u.arbitrary::<Vec<u8>>()?);
        }
        if u.ratio(1, 16)? {
            payload.resize(u.int_in_range(0..=20_000)?, 0);
        }
        Ok(HubSignal {
            number: u.arbitrary()?,
            peer: to,
            payload,
        })
    }

    /// Whoever was asked about a credential answers; perhaps twice, or about somebody who is gone.
    fn judge(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        if self.world.checks.is_empty() {
            return Ok(());
        }
        let index = u.int_in_range(0..=self.world.checks.len() - 1)?;
        let client = match u.ratio(1, 8)? {
            true => self.world.checks[index],
            false => self.world.checks.swap_remove(index),
        };
        let near = |u: &mut Unstructured<'_>| -> Result<u64> {
            Ok(match u.ratio(7, 8)? {
                true => self.unix_secs + u.int_in_range(0..=100_000)?,
                false => u.arbitrary()?,
            })
        };
        let verdict = match u.ratio(3, 4)? {
            true => Verdict::Good {
                identity: identity(u)?,
                expiry_unix_secs: match u.ratio(1, 2)? {
                    true => Some(near(u)?),
                    false => None,
                },
            },
            false => Verdict::Bad(*u.choose(Refusal::ALL)?, "no".to_owned()),
        };
        self.world.hub.on_verdict(self.world.now, client, verdict);
        Ok(())
    }

    fn operate(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        if u.ratio(1, 8)? {
            self.world.is_draining = true;
            self.world.hub.drain();
            return Ok(());
        }
        self.revision += 1;
        let revoked = match u.ratio(1, 4)? {
            true => vec![pair(3).id(), KeyId::new(u.arbitrary()?)],
            false => Vec::new(),
        };
        let config = NetworkConfig {
            revision: self.revision,
            revoked,
            ..NetworkConfig::default()
        };
        let crypto = QuickCrypto::new().provider();
        let body = config.sign(&crypto, pair(0).private());
        self.world
            .hub
            .announce(self.revision, body.expect("it is small"));
        Ok(())
    }
}

fn policy() -> Policy {
    let space = |prefix| Namespace::new([prefix]).expect("a prefix");
    Policy {
        apps: vec![AppId::new(480), AppId::new(730)],
        dev: Some(space("str:dev-")),
        shared_keys: vec![SharedKey {
            name: "main".into(),
            apps: vec![AppId::new(480)],
            key: Zeroizing::new(SHARED.to_vec()),
            identities: space("str:shared-"),
        }],
        jwt: Some(space("str:id-")),
        hook: Some(space("steamid:")),
        game_servers: vec![GameServerKey {
            key: pair(SERVER).public(),
            identity: "str:server-1".parse().expect("an identity"),
            apps: vec![AppId::new(480)],
            pops: Vec::new(),
        }],
        anonymous: true,
        blocked: vec!["str:dev-blocked".parse().expect("an identity")],
        max_sessions: CLIENTS - 2,
        ..Policy::default()
    }
}

/// What the hub wants to see.
fn proof(hello: &Hello, statement: &[u8]) -> Vec<u8> {
    if hello.method == Ok(Method::SharedKey) {
        let mac = Hmac::<Sha256>::new_from_slice(SHARED).expect("of any length");
        return mac.chain_update(statement).finalize().into_bytes().to_vec();
    }
    let crypto = QuickCrypto::new().provider();
    pair(SERVER).private().sign(&crypto, statement).to_vec()
}

fn app(u: &mut Unstructured<'_>) -> Result<AppId> {
    Ok(AppId::new(*u.choose(&[480, 480, 480, 730, 570])?))
}

fn identity(u: &mut Unstructured<'_>) -> Result<Identity> {
    let name = *u.choose(NAMES)?;
    Ok(name.parse().expect("an identity"))
}

/// A request for a certificate: for a key that may be revoked, or nonsense.
fn request(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    match u.ratio(7, 8)? {
        true => {
            let key = pair(u.int_in_range(2..=3)?).public();
            Ok(CertificateRequest::new(key).to_bytes())
        }
        false => u.arbitrary(),
    }
}
