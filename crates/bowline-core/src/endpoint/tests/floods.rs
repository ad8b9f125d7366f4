//! Floods of those who want to connect, or pretend to: attacks of classes 3, 4 and 6.

use core::sync::atomic::AtomicUsize;
use core::sync::atomic::Ordering;

use super::*;
use crate::crypto::CryptoError;
use crate::crypto::X25519Key;
use crate::crypto::wrapper::Wrapper;

/// Counts the work that a server does for its peers.
#[derive(Debug)]
struct Counting {
    inner: Crypto,
    verified: AtomicUsize,
    agreed: AtomicUsize,
}

impl Counting {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            inner: rustcrypto::provider(),
            verified: AtomicUsize::new(0),
            agreed: AtomicUsize::new(0),
        })
    }

    fn verified(&self) -> usize {
        self.verified.load(Ordering::Relaxed)
    }

    fn agreed(&self) -> usize {
        self.agreed.load(Ordering::Relaxed)
    }
}

impl Wrapper for Counting {
    fn inner(&self) -> &Crypto {
        &self.inner
    }

    /// To agree with a peer is all that a server makes such keys for.
    fn x25519_key(&self, private: &[u8; 32]) -> Arc<dyn X25519Key> {
        self.agreed.fetch_add(1, Ordering::Relaxed);
        self.inner.x25519_key(private)
    }

    fn ed25519_verify(
        &self,
        public: &[u8; 32],
        message: &[u8],
        signature: &[u8; 64],
    ) -> Result<(), CryptoError> {
        self.verified.fetch_add(1, Ordering::Relaxed);
        self.inner.ed25519_verify(public, message, signature)
    }
}

/// A server with these limits, and its counters of work.
fn limited(settings: &[(ConfigKey, i32)]) -> (Endpoint, Arc<Counting>) {
    let counting = Counting::new();
    let config = EndpointConfig::new(Arc::clone(&counting) as Crypto);
    let mut endpoint = Endpoint::new(config, [9; 32], NOW, 1_700_000_000);
    let mut config = Config::at(ConfigScope::Interface);
    for (key, value) in settings {
        config.set(*key, *value).unwrap();
    }
    endpoint.listen(SOCKET, Arc::new(config));
    (endpoint, counting)
}

/// Goes through the whole exchange; `None` if the server takes the request.
fn connect(
    endpoint: &mut Endpoint,
    at: Timestamp,
    from: Route,
    id: u32,
    is_forged: bool,
) -> Option<DropReason> {
    let cookie = cookie_for(endpoint, at, from, id);
    let mut request = request_of(id, cookie);
    if is_forged {
        request.crypt.signature = Some(vec![7; 64]);
    }
    let mut bytes = Vec::new();
    request.encode(&mut bytes);
    let (event, _) = feed(endpoint, at, from, &bytes);
    dropped(&event)
}

#[test]
fn class_3_a_spoofed_flood_leaves_no_state_and_does_no_work() {
    let (mut endpoint, work) = limited(&[]);
    let forged = connect_request(0x11_0001, 0x1234_5678);
    let asking = challenge_request(0x11_0001);
    let before = alloc::format!("{:?}", endpoint.table);
    for n in 0..5000u32 {
        let [_, _, a, b] = n.to_be_bytes();
        let from = route(&alloc::format!("20.{a}.{b}.1:99"));
        for bytes in [&asking, &forged] {
            let (_, reply) = feed(&mut endpoint, NOW, from, bytes);
            assert!(reply.len() < bytes.len());
        }
    }
    assert_eq!(alloc::format!("{:?}", endpoint.table), before);
    assert_eq!((work.verified(), work.agreed()), (0, 0));
}

#[test]
fn class_6_a_flood_from_one_network_does_not_keep_out_others() {
    let (mut endpoint, _) = limited(&[(ConfigKey::LimitNetworkRequests, 4)]);
    for network in ["10.0.0.{}:1000", "[2001:db8::{}]:1000"] {
        let from = |host: u32| route(&network.replace("{}", &alloc::format!("{host}")));
        for host in 1..=8 {
            let taken = connect(&mut endpoint, NOW, from(host), 0x11_0000 + host, false);
            assert_eq!(taken, None, "{network} {host}");
        }
        for host in 9..100 {
            let refused = connect(&mut endpoint, NOW, from(host), 0x11_0000 + host, false);
            assert_eq!(refused, Some(DropReason::NetworkOverload));
        }
    }
    let others = ["10.0.1.1:1000", "[2001:db8:0:100::1]:1000"];
    for (id, other) in (0x22_0001..).zip(others) {
        assert_eq!(connect(&mut endpoint, NOW, route(other), id, false), None);
    }
}

#[test]
fn class_6_loopback_is_exempt_unless_it_is_not_to_be() {
    let strict = [
        (ConfigKey::LimitNetworkRequests, 1),
        (ConfigKey::LimitNetworkChallenges, 1),
        (ConfigKey::LimitSignatures, 1),
    ];
    let from = route("127.0.0.1:1000");
    let (mut endpoint, _) = limited(&strict);
    for id in 1..50 {
        assert_eq!(
            connect(&mut endpoint, NOW, from, 0x33_0000 + id, false),
            None
        );
    }
    let (mut endpoint, _) = limited(&[&strict[..], &[(ConfigKey::LimitLoopback, 1)]].concat());
    assert_eq!(connect(&mut endpoint, NOW, from, 0x33_0001, false), None);
    let refused = connect(&mut endpoint, NOW, from, 0x33_0002, false);
    assert_eq!(refused, Some(DropReason::NetworkOverload));
}

#[test]
fn limit_signature_work_holds_and_players_get_in_during_a_flood_of_forgeries() {
    let (mut endpoint, work) = limited(&[(ConfigKey::LimitSignatures, 1000)]);
    let mut tries = 0;
    let mut is_in = false;
    for ms in 0..4000u32 {
        let at = NOW + Span::from_millis(u64::from(ms));
        // Two thousand a second, with good cookies, from fifty networks.
        for n in [0, 1] {
            let from = route(&alloc::format!("10.1.{}.1:{}", ms % 50, 1000 + ms));
            let id = 0x44_0001 + 2 * ms + n;
            assert!(connect(&mut endpoint, at, from, id, true).is_some());
        }
        // As a client does that comes in the midst of it.
        if ms >= 2000 && ms % 500 == 250 && !is_in {
            tries += 1;
            let player = route("99.0.0.1:1000");
            is_in = connect(&mut endpoint, at, player, 0x55_0001, false).is_none();
        }
    }
    assert!(is_in && tries == 1, "{tries} tries");
    // Each costs two, of which a forgery uses one.
    assert!(work.verified() <= 1000 * 4 / 2 + 25, "{}", work.verified());
    assert!(work.verified() > 500, "{}", work.verified());
    assert!(endpoint.drops().of(DropReason::NetworkOverload) > 4000);
}

#[test]
fn a_repeated_request_costs_no_signature_and_no_key_exchange() {
    let (mut endpoint, work) = limited(&[]);
    let from = route("10.0.0.1:1000");
    let cookie = cookie_for(&mut endpoint, NOW, from, 0x11_0001);
    let request = connect_request(0x11_0001, cookie);
    let (event, _) = feed(&mut endpoint, NOW, from, &request);
    let DatagramEvent::Incoming(mut connection) = event else {
        panic!("a good request");
    };
    let meta = DatagramMeta::default();
    let mut repeat = |connection: &mut Connection| {
        // Also when its cookie has become stale.
        for at in [NOW, NOW + Span::from_secs(8)] {
            for _ in 0..20 {
                let (event, _) = feed(&mut endpoint, at, from, &request);
                assert!(matches!(event, DatagramEvent::Forward { .. }));
                connection.handle_datagram(at, &meta, &mut request.clone());
            }
        }
    };
    repeat(&mut connection);
    assert_eq!((work.verified(), work.agreed()), (1, 0), "undecided");
    connection.accept(NOW).unwrap();
    assert_eq!((work.verified(), work.agreed()), (1, 1));
    repeat(&mut connection);
    assert_eq!((work.verified(), work.agreed()), (1, 1), "accepted");
}

#[test]
fn a_client_refused_for_want_of_time_gets_in_by_itself() {
    let mut config = Config::at(ConfigScope::Interface);
    config.set(ConfigKey::LimitLoopback, 1).unwrap();
    config.set(ConfigKey::LimitSignatures, 2).unwrap();
    let mut pair = Pair::with(config);
    pair.connect(Config::new());
    let second = pair.dial(Config::new());
    pair.run(Span::from_millis(300));
    assert_eq!(pair.client.state(second), ConnectionState::Connecting);
    let refused = pair
        .server
        .endpoint
        .drops()
        .of(DropReason::SignatureOverload);
    assert!(refused > 0);
    pair.run(Span::from_secs(3));
    assert_eq!(pair.client.state(second), ConnectionState::Connected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    /// Class 4. Whatever is sent by who has not proved an address draws fewer bytes than it has.
    #[test]
    fn class_4_no_reply_is_longer_than_what_drew_it(
        datagrams in prop::collection::vec(
            (0u8..10, any::<bool>(), prop::collection::vec(any::<u8>(), 0..700)),
            1..20,
        ),
        tells: bool,
    ) {
        let mut config = EndpointConfig::new(rustcrypto::provider());
        config.explains_rejections = tells;
        let mut endpoint = Endpoint::new(config, [9; 32], NOW, 1_700_000_000);
        endpoint.listen(SOCKET, Arc::new(Config::new()));
        // Somebody is connected whose address can be pretended.
        let known = route("10.0.0.1:1000");
        prop_assert_eq!(connect(&mut endpoint, NOW, known, 0x11_0001, false), None);
        let id = *endpoint.table.ids().first().unwrap();
        for (kind, is_known, mut bytes) in datagrams {
            if let Some(first) = bytes.first_mut() {
                *first = [0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x80, *first][usize::from(kind) % 8];
            }
            match kind {
                8 => bytes = challenge_request(0x77_0001),
                9 => {
                    let closed = udp::ConnectionClosed {
                        to: is_known.then_some(id),
                        from: Some(ConnectionId::new(6)),
                        reason: EndReason::APP_GENERIC,
                        text: "x".repeat(bytes.len()),
                        rejection: None,
                    };
                    bytes.clear();
                    closed.encode(&mut bytes);
                }
                _ => {}
            }
            let from = if is_known { known } else { route("10.0.0.2:7") };
            let (event, reply) = feed(&mut endpoint, NOW, from, &bytes);
            prop_assert!(reply.len() <= bytes.len(), "{} for {}: {event:?}", reply.len(), bytes.len());
            prop_assert_eq!(reply.is_empty(), !matches!(event, DatagramEvent::Reply));
        }
    }
}
