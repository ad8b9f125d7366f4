//! STUN messages, lists of servers, and the TURN client with a server that is good, bad or made up.

use std::net::SocketAddr;

use arbitrary::{Result, Unstructured};
use bowline_core::limits::{MAX_TURN_PEERS, MAX_TURN_REQUESTS};
use bowline_core::rng::Rng;
use bowline_core::stun::uri::{self, ServerUri, Service};
use bowline_core::stun::{
    AddressFamily, Builder, Class, IntegrityKey, Message, Method, TransactionId, is_stun,
};
use bowline_core::turn::{TurnClient, TurnConfig, TurnInput, TurnState};
use bowline_sim::stun_server::{ServerFault, StunServer, StunServerConfig};
use bowline_sim::{Datagram, Span, Timestamp};

/// Most operations of a script.
const MAX_OPERATIONS: usize = 200;
/// More bytes of attributes than are read.
const MAX_ATTRIBUTES: usize = 10_000;

/// Parses a message; what was parsed, and is written again, parses to the same. The same bytes are the attributes
/// of another message, and a list of servers, each of which prints as itself.
pub fn stun(data: &[u8]) {
    message(data);
    message(&with_header(data));
    let text = String::from_utf8_lossy(data);
    for service in [Service::Stun, Service::Turn] {
        match uri::parse_list(service, &text) {
            Ok(servers) => {
                for server in servers {
                    let again = ServerUri::parse(service, &server.to_string());
                    assert_eq!(again.as_ref(), Ok(&server), "{server}");
                }
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}

fn message(data: &[u8]) {
    let key = IntegrityKey::short_term("secret");
    if let Ok(message) = Message::parse(data) {
        assert!(is_stun(data));
        if message.check_integrity(&key) {
            assert!(message.has_integrity());
        }
        if let Some(range) = message.data_range() {
            assert_eq!(data.get(range), message.data());
        }
        let again = written(&message, &key);
        // What is known fits, since the message it is from did, but for what signs it.
        if let Ok(again) = Message::parse(&again) {
            assert_same(&message, &again);
            assert!(again.check_integrity(&key) && again.has_fingerprint());
        } else {
            assert!(again.len() > data.len());
        }
    }
}

/// What a header that fits makes of them.
fn with_header(attributes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let id = TransactionId::from_bytes([7; 12]);
    Builder::new(&mut out, Class::Success, Method::Allocate, id);
    let len = attributes.len().min(MAX_ATTRIBUTES) & !3;
    out.extend_from_slice(&attributes[..len]);
    let len = u16::try_from(len).expect("it was cut to fit");
    out[2..4].copy_from_slice(&len.to_be_bytes());
    out
}

/// The message with those of its attributes that are understood, signed.
fn written(message: &Message<'_>, key: &IntegrityKey) -> Vec<u8> {
    let mut out = Vec::new();
    let id = message.transaction_id();
    let mut again = Builder::new(&mut out, message.class(), message.method(), id);
    if let Some(address) = message.mapped_address() {
        again.xor_mapped_address(address);
    }
    if let Some(address) = message.relayed_address() {
        again.xor_relayed_address(address);
    }
    if let Some(address) = message.peer_address() {
        again.xor_peer_address(address);
    }
    if let Some(address) = message.alternate_server() {
        again.alternate_server(address);
    }
    if let Some(name) = message.username() {
        again.username(name);
    }
    if let Some(realm) = message.realm() {
        again.realm(realm);
    }
    if let Some(nonce) = message.nonce() {
        again.nonce(nonce);
    }
    if let Some(priority) = message.priority() {
        again.priority(priority);
    }
    if let Some(tie_breaker) = message.ice_controlling() {
        again.ice_controlling(tie_breaker);
    }
    if let Some(tie_breaker) = message.ice_controlled() {
        again.ice_controlled(tie_breaker);
    }
    if message.use_candidate() {
        again.use_candidate();
    }
    if let Some(error) = message.error_code() {
        again.error_code(error.code, error.reason);
    }
    if let Some(seconds) = message.lifetime() {
        again.lifetime(seconds);
    }
    if let Some(number) = message.channel_number() {
        again.channel_number(number);
    }
    if let Some(true) = message.is_udp_requested() {
        again.requested_transport_udp();
    }
    if let Some(family) = message.requested_address_family() {
        again.requested_address_family(family);
    }
    if let Some(data) = message.data() {
        again.data(data);
    }
    again.integrity(key).fingerprint();
    out
}

fn assert_same(a: &Message<'_>, b: &Message<'_>) {
    assert_eq!((a.class(), a.method()), (b.class(), b.method()));
    assert_eq!(a.transaction_id(), b.transaction_id());
    assert_eq!(a.mapped_address(), b.mapped_address());
    assert_eq!(a.relayed_address(), b.relayed_address());
    assert_eq!(a.peer_address(), b.peer_address());
    assert_eq!(a.alternate_server(), b.alternate_server());
    assert_eq!(a.username(), b.username());
    assert_eq!((a.realm(), a.nonce()), (b.realm(), b.nonce()));
    assert_eq!(a.priority(), b.priority());
    assert_eq!(a.ice_controlling(), b.ice_controlling());
    assert_eq!(a.ice_controlled(), b.ice_controlled());
    assert_eq!(a.use_candidate(), b.use_candidate());
    assert_eq!(a.error_code(), b.error_code());
    assert_eq!(a.lifetime(), b.lifetime());
    assert_eq!(a.channel_number(), b.channel_number());
    assert_eq!(a.requested_address_family(), b.requested_address_family());
    assert_eq!(a.data(), b.data());
}

/// Plays a script with a client, a server that has faults, and an attacker who sees the requests and knows the
/// password or not.
///
/// What the client sends is well-formed, a timer that has rung does not ring again at once, no input makes it send more
/// than the bounds allow, and once the server is good again there is an allocation.
pub fn turn_client(data: &[u8]) {
    let mut play = Play::new();
    let mut u = Unstructured::new(data);
    for _ in 0..MAX_OPERATIONS {
        if u.is_empty() || play.operate(&mut u).is_err() {
            break;
        }
        play.check();
    }
    play.end();
}

struct Play {
    client: TurnClient,
    server: StunServer,
    now: Timestamp,
    address: SocketAddr,
    /// What the client has sent lately.
    seen: Vec<Vec<u8>>,
    rng: Rng,
}

impl Play {
    fn new() -> Self {
        let config = StunServerConfig::default();
        let client = TurnConfig {
            server: config.address,
            user: "anna".into(),
            password: String::from("secret").into(),
            family: AddressFamily::Ipv4,
        };
        Self {
            client: TurnClient::new(client, Rng::from_seed([1; 32])),
            server: StunServer::new(config),
            now: Timestamp::ZERO + Span::from_secs(1),
            address: SocketAddr::from(([203, 0, 113, 7], 4000)),
            seen: Vec::new(),
            rng: Rng::from_seed([2; 32]),
        }
    }

    fn operate(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        match u.int_in_range(0..=13_u8)? {
            0 => self.client.start(self.now),
            1 => self.client.close(self.now),
            2 | 3 => {
                let _ = self.client.permit(self.now, peer(u.arbitrary()?));
            }
            4 => {
                let to = peer(u.arbitrary()?);
                let payload = vec![7; usize::from(u.arbitrary::<u8>()?)];
                let mut bytes = Vec::new();
                if self.client.wrap(to, &payload, &mut bytes).is_ok() {
                    let most = payload.len() + self.client.overhead(to);
                    assert!(bytes.len() <= most, "{} > {most}", bytes.len());
                    self.tell_server(bytes);
                }
            }
            5 | 6 => self.wait(),
            7 => {
                self.now += Span::from_millis(u64::from(u.arbitrary::<u32>()? >> 8));
                self.client.handle_timeout(self.now);
            }
            8 | 9 => self.exchange(),
            10 => self.server.set_fault(fault(u)?),
            11 => match u.int_in_range(0..=2_u8)? {
                0 => self.server.forget(),
                1 => self.server.renew_nonce(self.now),
                _ => self.server.forbid(peer(u.arbitrary()?).ip()),
            },
            12 => {
                let len = u.int_in_range(0..=64_usize)?.min(u.len());
                let bytes = u.bytes(len)?.to_vec();
                self.tell_client(&bytes);
            }
            _ => self.forge(u)?,
        }
        Ok(())
    }

    /// Answers a request that was seen, with whatever attributes.
    fn forge(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        let Some(request) = self.seen.last().cloned() else {
            return Ok(());
        };
        let Ok(request) = Message::parse(&request) else {
            return Ok(());
        };
        let class = *u.choose(&[Class::Success, Class::Error, Class::Indication])?;
        let (method, id) = (request.method(), request.transaction_id());
        let mut bytes = Vec::new();
        let mut answer = Builder::new(&mut bytes, class, method, id);
        for _ in 0..u.int_in_range(0..=6_u8)? {
            match u.int_in_range(0..=8_u8)? {
                0 => answer.error_code(u.int_in_range(300..=699)?, "forged"),
                1 => answer.lifetime(u.arbitrary()?),
                2 => answer.xor_relayed_address(address(u)?),
                3 => answer.xor_mapped_address(address(u)?),
                4 => answer.alternate_server(address(u)?),
                5 => answer.realm(b"example.org"),
                6 => answer.nonce(&u.arbitrary::<[u8; 2]>()?),
                7 => answer.xor_peer_address(peer(u.arbitrary()?)),
                _ => answer.data(b"forged"),
            };
        }
        if u.arbitrary()? {
            let key = IntegrityKey::long_term("anna", b"example.org", "secret");
            answer.integrity(&key);
        }
        self.tell_client(&bytes);
        Ok(())
    }

    /// Goes to the next deadline.
    fn wait(&mut self) {
        if let Some(at) = self.client.poll_timeout() {
            self.now = self.now.max(at);
            self.client.handle_timeout(self.now);
        }
    }

    /// Carries requests and answers until there are no more.
    fn exchange(&mut self) {
        for _ in 0..4 * MAX_TURN_PEERS {
            let mut bytes = Vec::new();
            let Some(to) = self.client.poll_transmit(&mut bytes) else {
                return;
            };
            assert_eq!(to, self.client.server());
            self.tell_server(bytes);
        }
        panic!("the client never ends");
    }

    fn tell_server(&mut self, bytes: Vec<u8>) {
        // A redirected client talks to somebody who is not there.
        let from = self.address;
        let to = StunServerConfig::default().address;
        if self.client.server() == to {
            let datagram = Datagram { from, to, bytes };
            let answers = self.server.handle(self.now, &datagram);
            for answer in answers.iter().filter(|answer| answer.to == from) {
                self.tell_client(&answer.bytes);
            }
        }
    }

    fn tell_client(&mut self, bytes: &[u8]) {
        if let Ok(TurnInput::Data { payload, .. }) = self.client.handle_datagram(self.now, bytes) {
            assert!(bytes.get(payload).is_some());
        }
    }

    /// What must hold at any time. Sends what there is to nobody, now and then.
    fn check(&mut self) {
        self.client.handle_timeout(self.now);
        let next = self.client.poll_timeout();
        assert!(next.is_none_or(|at| at > self.now), "a timer rings again");
        if self.rng.below(4) > 0 {
            return;
        }
        self.seen.clear();
        loop {
            let mut bytes = Vec::new();
            if self.client.poll_transmit(&mut bytes).is_none() {
                break;
            }
            let message = Message::parse(&bytes).expect("it is well-formed");
            // What has waited for a permission leaves here, too.
            if message.class() == Class::Indication {
                assert_eq!(message.method(), Method::Send);
                continue;
            }
            assert_eq!(message.class(), Class::Request);
            self.seen.push(bytes);
        }
        assert!(self.seen.len() <= MAX_TURN_REQUESTS + 2, "a flood");
    }

    /// Everything is good again.
    fn end(&mut self) {
        self.server.set_fault(ServerFault::None);
        self.client.close(self.now);
        for _ in 0..10 {
            self.exchange();
            self.wait();
        }
        assert_eq!(self.client.state(), TurnState::Idle);
        self.client.start(self.now);
        self.exchange();
        let state = self.client.state();
        assert!(matches!(state, TurnState::Allocated { .. }), "{state:?}");
        let end = self.now + Span::from_secs(3600);
        let mut woken = 0;
        while self.client.poll_timeout().is_some_and(|at| at < end) {
            self.wait();
            self.exchange();
            woken += 1;
            assert!(
                woken < 100,
                "a client without peers is woken again and again"
            );
        }
    }
}

fn peer(number: u8) -> SocketAddr {
    SocketAddr::from(([198, 51, 100, number / 4], 27_000 + u16::from(number)))
}

fn address(u: &mut Unstructured<'_>) -> Result<SocketAddr> {
    Ok(match u.arbitrary::<bool>()? {
        true => SocketAddr::from(u.arbitrary::<([u8; 4], u16)>()?),
        false => SocketAddr::from(u.arbitrary::<([u8; 16], u16)>()?),
    })
}

fn fault(u: &mut Unstructured<'_>) -> Result<ServerFault> {
    Ok(match u.int_in_range(0..=9_u8)? {
        0 => ServerFault::None,
        1 => ServerFault::Silence,
        2 => ServerFault::NeverAuthenticated,
        3 => ServerFault::AlwaysStale,
        4 => ServerFault::Refuses(u.int_in_range(300..=699)?),
        5 => ServerFault::WrongIntegrity,
        6 => ServerFault::EmptyAnswers,
        7 => ServerFault::Noise,
        8 => ServerFault::WrongTransaction,
        _ => ServerFault::Forgetful,
    })
}

/// Messages of all kinds, and lists.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    let key = IntegrityKey::short_term("secret");
    let id = TransactionId::from_bytes([7; 12]);
    let v4 = SocketAddr::from(([192, 0, 2, 1], 3478));
    let v6 = SocketAddr::from(([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], 1));
    let message = |class, method, add: &dyn Fn(&mut Builder<'_>)| {
        let mut out = Vec::new();
        add(&mut Builder::new(&mut out, class, method, id));
        out
    };
    let mut seeds = vec![
        message(Class::Request, Method::Binding, &|check| {
            check.username("abcde:fghij").priority(1).ice_controlling(2);
            check.use_candidate().integrity(&key).fingerprint();
        }),
        message(Class::Success, Method::Binding, &|answer| {
            answer
                .xor_mapped_address(v4)
                .mapped_address(v6)
                .fingerprint();
        }),
        message(Class::Success, Method::Allocate, &|answer| {
            answer.xor_relayed_address(v6).xor_mapped_address(v4);
            answer.lifetime(600).integrity(&key).fingerprint();
        }),
        message(Class::Error, Method::Allocate, &|answer| {
            answer
                .error_code(401, "Unauthorized")
                .realm(b"r")
                .nonce(b"n");
            answer.alternate_server(v4).unknown_attributes(&[1, 2]);
        }),
        message(Class::Request, Method::ChannelBind, &|ask| {
            ask.channel_number(0x4000).xor_peer_address(v4);
            ask.requested_transport_udp()
                .requested_address_family(AddressFamily::Ipv6);
        }),
        message(Class::Indication, Method::Data, &|data| {
            data.xor_peer_address(v6).data(b"data");
        }),
    ];
    let lists = [
        "stun:stun.example.org:3478,stun:[2001:db8::1]",
        "turn:192.0.2.1?transport=udp,turn:turn:1,stun:3478",
        "turns:example.org:5349?transport=tcp",
    ];
    seeds.extend(lists.map(|list| list.as_bytes().to_vec()));
    seeds
}
