//! A STUN and TURN server for tests: RFC 8489 and 8656 over UDP, without sockets, and with faults when a test wants
//! them.
//!
//! Hand it every datagram that is for [`StunServerConfig::address`] or for an address that it has given out, and
//! send what it returns. It keeps to the RFC where a client might hope that a server does not: permissions end after
//! five minutes, channels after ten, nonces when they are told to, and nobody without a permission gets through.
//!
//! ```
//! use bowline_core::rng::Rng;
//! use bowline_core::stun::{Builder, Class, Message, Method, TransactionId};
//! use bowline_sim::stun_server::{StunServer, StunServerConfig};
//! use bowline_sim::{Datagram, Timestamp};
//!
//! let config = StunServerConfig::default();
//! let (from, to) = ("203.0.113.7:4000".parse().unwrap(), config.address);
//! let mut server = StunServer::new(config);
//!
//! let mut bytes = Vec::new();
//! let id = TransactionId::new(0, &mut Rng::from_seed([1; 32]));
//! Builder::new(&mut bytes, Class::Request, Method::Binding, id);
//! let answers = server.handle(Timestamp::ZERO, &Datagram { from, to, bytes });
//! let answer = Message::parse(&answers[0].bytes).unwrap();
//! assert_eq!(answer.mapped_address(), Some(from));
//! ```

mod allocation;
mod answer;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use bowline_core::rng::Rng;
use bowline_core::stun::{
    AddressFamily, Builder, Class, IntegrityKey, Message, Method, TransactionId,
};
use bowline_core::time::{Span, Timestamp};

use crate::Datagram;

use self::allocation::Allocation;
use self::answer::Answer;

/// How a server is set up.
#[derive(Clone, Debug)]
pub struct StunServerConfig {
    /// Where it is asked.
    pub address: SocketAddr,
    /// Where its relayed IPv4 addresses are.
    pub relay_ipv4: Option<Ipv4Addr>,
    /// Where its relayed IPv6 addresses are.
    pub relay_ipv6: Option<Ipv6Addr>,
    /// The only user and its password; `None` if everybody is served.
    pub account: Option<(String, String)>,
    /// What the accounts belong to.
    pub realm: String,
    /// How long a nonce is good for, if it ends by itself.
    pub nonce_lifetime: Option<Span>,
    /// The life of allocations in seconds.
    pub lifetime_secs: u32,
    /// How many allocations there may be.
    pub quota: usize,
}

/// What a server does wrong.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ServerFault {
    /// Nothing.
    #[default]
    None,
    /// It does not answer, and relays nothing.
    Silence,
    /// It wants credentials, whatever it is given (401).
    NeverAuthenticated,
    /// It takes no nonce (438).
    AlwaysStale,
    /// It refuses every allocation with this error.
    Refuses(u16),
    /// Its answers are signed with another password.
    WrongIntegrity,
    /// Its answers grant everything and say nothing.
    EmptyAnswers,
    /// What it answers with is no message.
    Noise,
    /// It answers requests that nobody made.
    WrongTransaction,
    /// It forgets every allocation as soon as it has given it.
    Forgetful,
}

/// What a server has seen.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct StunServerCounters {
    /// Requests of all kinds.
    pub requests: u64,
    /// Data of clients, in Send indications.
    pub sends: u64,
    /// Data of clients, through channels.
    pub channel_data: u64,
    /// Data that was dropped in either direction because nobody had permitted it.
    pub not_permitted: u64,
}

/// A server.
#[derive(Clone, Debug)]
pub struct StunServer {
    config: StunServerConfig,
    fault: ServerFault,
    /// By the client's address.
    allocations: BTreeMap<SocketAddr, Allocation>,
    /// The client of a relayed address.
    by_relayed: BTreeMap<SocketAddr, SocketAddr>,
    forbidden: BTreeSet<IpAddr>,
    alternate: Option<SocketAddr>,
    nonce: Nonce,
    next_port: u16,
    counters: StunServerCounters,
    rng: Rng,
}

#[derive(Clone, Copy, Debug)]
struct Nonce {
    number: u64,
    since: Timestamp,
}

impl Default for StunServerConfig {
    /// At 192.0.2.1:3478 and 2001:db8::1, for user "anna" with password "secret".
    fn default() -> Self {
        Self {
            address: SocketAddr::from(([192, 0, 2, 1], 3478)),
            relay_ipv4: Some(Ipv4Addr::new(192, 0, 2, 1)),
            relay_ipv6: Some(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
            account: Some(("anna".into(), "secret".into())),
            realm: "example.org".into(),
            nonce_lifetime: None,
            lifetime_secs: 600,
            quota: 1000,
        }
    }
}

impl StunServer {
    /// A server that does nothing wrong.
    pub fn new(config: StunServerConfig) -> Self {
        Self {
            config,
            fault: ServerFault::None,
            allocations: BTreeMap::new(),
            by_relayed: BTreeMap::new(),
            forbidden: BTreeSet::new(),
            alternate: None,
            nonce: Nonce {
                number: 1,
                since: Timestamp::ZERO,
            },
            next_port: 49_152,
            counters: StunServerCounters::default(),
            rng: Rng::from_seed([0x53; 32]),
        }
    }

    /// Takes a datagram and returns what is sent for it.
    pub fn handle(&mut self, now: Timestamp, datagram: &Datagram) -> Vec<Datagram> {
        self.expire(now);
        let Datagram { from, to, bytes } = datagram;
        if self.fault == ServerFault::Silence {
            return Vec::new();
        }
        let sent = if *to == self.config.address {
            self.hear_client(now, *from, bytes)
        } else {
            self.hear_peer(*from, *to, bytes)
        };
        sent.into_iter().collect()
    }

    /// From now on it does this wrong.
    pub const fn set_fault(&mut self, fault: ServerFault) {
        self.fault = fault;
    }

    /// Sends everybody who asks for an allocation to another server (300).
    pub const fn redirect_to(&mut self, server: SocketAddr) {
        self.alternate = Some(server);
    }

    /// Lets nobody reach these peers (403).
    pub fn forbid(&mut self, ip: IpAddr) {
        self.forbidden.insert(ip);
    }

    /// The nonces that were given out are stale.
    pub const fn renew_nonce(&mut self, now: Timestamp) {
        self.nonce.number += 1;
        self.nonce.since = now;
    }

    /// All allocations are gone, as after a restart.
    pub fn forget(&mut self) {
        self.allocations.clear();
        self.by_relayed.clear();
    }

    /// How many allocations there are.
    pub fn allocations(&self) -> usize {
        self.allocations.len()
    }

    /// What it has seen.
    pub const fn counters(&self) -> StunServerCounters {
        self.counters
    }

    fn expire(&mut self, now: Timestamp) {
        let by_relayed = &mut self.by_relayed;
        self.allocations.retain(|_, allocation| {
            let lives = allocation.tick(now);
            if !lives {
                by_relayed.remove(&allocation.relayed);
            }
            lives
        });
        let age = now.since(self.nonce.since);
        if self
            .config
            .nonce_lifetime
            .is_some_and(|lifetime| age >= lifetime)
        {
            self.renew_nonce(now);
        }
    }

    fn hear_client(&mut self, now: Timestamp, from: SocketAddr, bytes: &[u8]) -> Option<Datagram> {
        if let Some(0x40..=0x4F) = bytes.first() {
            return self.channel_data(from, bytes);
        }
        let message = Message::parse(bytes).ok()?;
        match (message.class(), message.method()) {
            (Class::Request, method) => {
                self.counters.requests += 1;
                let answer = match method {
                    Method::Binding => Answer::mapped(from),
                    _ => self.request(now, from, &message),
                };
                Some(self.to_client(from, self.write(&message, &answer)?))
            }
            (Class::Indication, Method::Send) => {
                self.counters.sends += 1;
                self.send(from, message.peer_address()?, message.data()?)
            }
            _ => None,
        }
    }

    fn channel_data(&mut self, from: SocketAddr, bytes: &[u8]) -> Option<Datagram> {
        self.counters.channel_data += 1;
        let (head, rest) = bytes.split_first_chunk::<4>()?;
        let number = u16::from_be_bytes([head[0], head[1]]);
        let len = usize::from(u16::from_be_bytes([head[2], head[3]]));
        let peer = self.allocations.get(&from)?.peer_of(number)?;
        self.send(from, peer, rest.get(..len)?)
    }

    /// To a peer, from the relayed address.
    fn send(&mut self, client: SocketAddr, peer: SocketAddr, data: &[u8]) -> Option<Datagram> {
        let allocation = self.allocations.get(&client)?;
        if !allocation.permits(peer.ip()) {
            self.counters.not_permitted += 1;
            return None;
        }
        Some(Datagram {
            from: allocation.relayed,
            to: peer,
            bytes: data.to_vec(),
        })
    }

    fn hear_peer(
        &mut self,
        peer: SocketAddr,
        relayed: SocketAddr,
        data: &[u8],
    ) -> Option<Datagram> {
        let client = *self.by_relayed.get(&relayed)?;
        let allocation = self.allocations.get(&client)?;
        if !allocation.permits(peer.ip()) {
            self.counters.not_permitted += 1;
            return None;
        }
        let mut bytes = Vec::new();
        if let Some(number) = allocation.channel_of(peer) {
            bytes.extend_from_slice(&number.to_be_bytes());
            bytes.extend_from_slice(&u16::try_from(data.len()).ok()?.to_be_bytes());
            bytes.extend_from_slice(data);
        } else {
            let id = TransactionId::new(0, &mut self.rng);
            Builder::new(&mut bytes, Class::Indication, Method::Data, id)
                .xor_peer_address(peer)
                .data(data);
        }
        Some(self.to_client(client, bytes))
    }

    const fn to_client(&self, client: SocketAddr, bytes: Vec<u8>) -> Datagram {
        Datagram {
            from: self.config.address,
            to: client,
            bytes,
        }
    }

    fn key(&self) -> Option<IntegrityKey> {
        let (user, password) = self.config.account.as_ref()?;
        let password = match self.fault {
            ServerFault::WrongIntegrity => "another",
            _ => password,
        };
        Some(IntegrityKey::long_term(
            user,
            self.config.realm.as_bytes(),
            password,
        ))
    }

    fn nonce_text(&self) -> String {
        format!("nonce-{}", self.nonce.number)
    }

    /// A relayed address that nobody has.
    fn free_address(&mut self, family: AddressFamily) -> Option<SocketAddr> {
        let ip: IpAddr = match family {
            AddressFamily::Ipv4 => self.config.relay_ipv4?.into(),
            AddressFamily::Ipv6 => self.config.relay_ipv6?.into(),
        };
        let address = SocketAddr::new(ip, self.next_port);
        self.next_port = self.next_port.checked_add(1).unwrap_or(49_152);
        (!self.by_relayed.contains_key(&address)).then_some(address)
    }
}
