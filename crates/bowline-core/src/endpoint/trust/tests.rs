use std::string::ToString;
use std::vec::Vec;

use prost::Message;

use super::*;
use crate::cert::authority::Authority;
use crate::cert::check::AuthPolicy;
use crate::cert::expect::Expect;
use crate::cert::issue::CertSpec;
use crate::cert::store::CertStore;
use crate::config::Config;
use crate::connection::ConnectionState;
use crate::counters::DropReason;
use crate::crypto::rustcrypto::provider;
use crate::end_reason::EndReason;
use crate::endpoint::EndpointConfig;
use crate::endpoint::Route;
use crate::ids::AppId;
use crate::ids::ConnectionId;
use crate::message::SendFlags;
use crate::pair::Pair;
use crate::pair::SOCKET;
use crate::time::Span;

mod authority;
mod table;

const NOW_UNIX: u64 = 1_700_000_000;
const START: Timestamp = Timestamp::from_micros(1_000_000);
const APP: AppId = AppId::new(480);

/// The authority whose key is `n` over and over.
fn authority(n: u8) -> Authority {
    Authority::new(&provider(), SigningKey::from_seed([n; 32]))
}

fn key_of(endpoint: &mut Endpoint) -> [u8; 32] {
    endpoint.certificate_request();
    *endpoint.public_key().unwrap().as_bytes()
}

/// Trusts authority 1.
fn trust_authority(endpoint: &mut Endpoint) {
    let mut store = CertStore::new();
    let root = PublicKey::new(*authority(1).public()).unwrap();
    store.add_root(&provider(), root).unwrap();
    endpoint.set_trust(store);
}

fn spec(key: [u8; 32], identity: &str) -> CertSpec {
    CertSpec {
        key,
        identity: Some(identity.parse().unwrap()),
        app_ids: Vec::from([APP]),
        pops: Vec::new(),
        addresses: Vec::new(),
        created_unix_secs: u32::try_from(NOW_UNIX).unwrap(),
        expiry_unix_secs: u32::try_from(NOW_UNIX + 300).unwrap(),
    }
}

fn sign(authority: &Authority, spec: &CertSpec) -> Vec<u8> {
    authority.issue(&provider(), spec).encode_to_vec()
}

fn endpoint(seed: u8, identity: Option<&str>) -> Endpoint {
    endpoint_at(seed, identity, APP, NOW_UNIX)
}

fn endpoint_at(seed: u8, identity: Option<&str>, app: AppId, unix_secs: u64) -> Endpoint {
    let mut config = EndpointConfig::new(provider());
    config.app_id = app;
    if let Some(identity) = identity {
        config.identity = identity.parse().unwrap();
    }
    Endpoint::new(config, [seed; 32], START, unix_secs)
}

/// An endpoint with a certificate of authority 1, and of `lifetime` seconds.
fn certified(seed: u8, identity: &str) -> Endpoint {
    let mut endpoint = endpoint(seed, Some(identity));
    let spec = spec(key_of(&mut endpoint), identity);
    let signed = sign(&authority(1), &spec);
    endpoint.set_certificate(START, &signed).unwrap();
    while endpoint.poll_trust_event().is_some() {}
    endpoint
}

fn policy(auth: AuthPolicy) -> Config {
    let mut config = Config::new();
    config.set_auth(auth).set_auth_localhost(auth);
    config
}

fn pair(client: Endpoint, server: Endpoint, server_config: Config) -> Pair {
    let mut pair = Pair::new();
    pair.client.endpoint = client;
    pair.server.endpoint = server;
    pair.server.endpoint.listen(SOCKET, Arc::new(server_config));
    pair
}

fn dial(pair: &mut Pair, config: Config, expect: Option<Expect>) -> ConnectionId {
    let route = Route {
        socket: SOCKET,
        remote: pair.server.address,
    };
    let connection = pair
        .client
        .endpoint
        .connect_expecting(pair.now, route, Arc::new(config), expect)
        .unwrap();
    let id = connection.id();
    pair.client.connections.insert(id, connection);
    pair.drain();
    id
}

fn events(endpoint: &mut Endpoint) -> Vec<TrustEvent> {
    core::iter::from_fn(|| endpoint.poll_trust_event()).collect()
}

fn availabilities(endpoint: &mut Endpoint) -> Vec<Availability> {
    let events = events(endpoint).into_iter();
    let changes = events.filter_map(|event| match event {
        TrustEvent::AuthenticationChanged(status) => Some(status.availability),
        TrustEvent::CertificateExpiring { .. } => None,
    });
    changes.collect()
}

fn at(secs: u64) -> Timestamp {
    START + Span::from_secs(secs)
}

#[test]
fn a_certificate_is_announced_once_and_then_expires() {
    let mut endpoint = endpoint(1, Some("str:anna"));
    assert_eq!(
        endpoint.authentication().availability,
        Availability::CannotTry
    );
    let mut spec = spec(key_of(&mut endpoint), "str:anna");
    let signed = sign(&authority(1), &spec);
    endpoint.set_certificate(START, &signed).unwrap();
    endpoint.set_certificate(START, &signed).unwrap();
    assert_eq!(availabilities(&mut endpoint), [Availability::Current]);

    // 300 seconds to live: renewal with 100 left, the end after the last.
    assert_eq!(endpoint.poll_timeout(), Some(at(200)));
    endpoint.handle_timeout(at(199));
    assert_eq!(events(&mut endpoint), []);
    endpoint.handle_timeout(at(200));
    let expiry_unix_secs = NOW_UNIX + 300;
    assert_eq!(
        events(&mut endpoint),
        [TrustEvent::CertificateExpiring { expiry_unix_secs }]
    );
    endpoint.handle_timeout(at(300));
    assert!(endpoint.credentials().is_some());
    endpoint.handle_timeout(at(301));
    assert!(endpoint.credentials().is_none());
    assert_eq!(availabilities(&mut endpoint), [Availability::Previously]);
    assert!(
        endpoint
            .authentication()
            .text
            .contains(&UnixTime::new(expiry_unix_secs).to_string())
    );

    // The key is still there for the next one.
    spec.expiry_unix_secs += 1000;
    let signed = sign(&authority(1), &spec);
    endpoint.set_certificate(at(302), &signed).unwrap();
    assert_eq!(availabilities(&mut endpoint), [Availability::Current]);
}

#[test]
fn a_calendar_that_is_set_moves_the_expiry() {
    let mut endpoint = certified(1, "str:anna");
    let _ = events(&mut endpoint);
    // The machine slept for 150 seconds, which the monotonic clock has not seen.
    endpoint.set_unix_time(at(10), NOW_UNIX + 160);
    assert_eq!(endpoint.poll_timeout(), Some(at(50)));
    endpoint.handle_timeout(at(50));
    assert_eq!(events(&mut endpoint).len(), 1, "renewal is due");
    endpoint.handle_timeout(at(150));
    assert!(endpoint.credentials().is_some());
    endpoint.handle_timeout(at(151));
    assert!(endpoint.credentials().is_none());
    assert_eq!(endpoint.clock.unix_secs(at(151)), NOW_UNIX + 301);
}

#[test]
fn renewal_in_time_puts_the_expiry_off() {
    let mut endpoint = certified(1, "str:anna");
    let mut spec = spec(*endpoint.public_key().unwrap().as_bytes(), "str:anna");
    spec.expiry_unix_secs += 3000;
    let signed = sign(&authority(1), &spec);
    endpoint.handle_timeout(at(250));
    endpoint.set_certificate(at(260), &signed).unwrap();
    endpoint.handle_timeout(at(400));
    assert_eq!(availabilities(&mut endpoint), []);
    assert_eq!(
        endpoint.authentication().availability,
        Availability::Current
    );
}

#[test]
fn an_anonymous_host_becomes_whom_its_certificate_names() {
    let mut endpoint = endpoint(1, None);
    let spec = spec(key_of(&mut endpoint), "str:anna");
    endpoint
        .set_certificate(START, &sign(&authority(1), &spec))
        .unwrap();
    assert_eq!(endpoint.identity().to_string(), "str:anna");
    endpoint.reset_identity(Identity::anonymous());
    assert!(endpoint.identity().is_anonymous());
    assert_eq!(endpoint.public_key(), None);
    assert_eq!(
        availabilities(&mut endpoint),
        [Availability::Current, Availability::CannotTry]
    );
}

#[test]
fn a_request_asks_for_our_key_and_identity() {
    let mut endpoint = endpoint(1, Some("str:anna"));
    let request = endpoint.certificate_request();
    assert_eq!(request, endpoint.certificate_request());
    assert_eq!(Some(request.key()), endpoint.public_key());
    assert_eq!(request.identity, Some("str:anna".parse().unwrap()));
}

#[test]
fn data_waits_for_proof_of_the_expected_peer() {
    let ours = || certified(1, "str:anna");
    let server = || certified(2, "str:bob");
    let key = server().public_key().unwrap();
    let expectations = [
        (Expect::Identity("str:bob".parse().unwrap()), true),
        (Expect::Identity("str:eve".parse().unwrap()), false),
        (Expect::Key(key), true),
        (
            Expect::Key(PublicKey::new(*authority(7).public()).unwrap()),
            false,
        ),
    ];
    for (expect, is_met) in expectations {
        let mut client = ours();
        trust_authority(&mut client);
        let mut pair = pair(client, server(), Config::new());
        let id = dial(&mut pair, Config::new(), Some(expect.clone()));
        pair.client_sends(id, b"secret", SendFlags::RELIABLE_NO_NAGLE);
        pair.run(Span::from_secs(1));
        let info = pair.client.connections[&id].info();
        if is_met {
            assert_eq!(info.state, ConnectionState::Connected, "{expect:?}");
            assert!(pair.log.iter().any(is_data));
            continue;
        }
        assert_eq!(info.end_reason, EndReason::REMOTE_BAD_CERT, "{expect:?}");
        assert!(info.end_text.starts_with("Expected"), "{}", info.end_text);
        let sent = pair.log.iter().filter(|(by_client, _)| *by_client);
        assert_eq!(sent.clone().filter(|sent| is_data(sent)).count(), 0);
        assert!(sent.count() >= 3, "challenge, request, close");
    }
}

/// Data packets have the highest bit set.
fn is_data(sent: &(bool, Vec<u8>)) -> bool {
    sent.0 && sent.1[0] & 0x80 != 0
}

#[test]
fn a_claim_alone_does_not_meet_an_expected_identity() {
    let server = endpoint(2, Some("str:bob"));
    let mut pair = pair(endpoint(1, None), server, Config::new());
    let expect = Expect::Identity("str:bob".parse().unwrap());
    let id = dial(&mut pair, Config::new(), Some(expect));
    pair.run(Span::from_secs(1));
    let info = pair.client.connections[&id].info();
    assert_eq!(info.end_reason, EndReason::REMOTE_BAD_CERT);
    assert!(info.end_text.contains("vouches"), "{}", info.end_text);
}

/// The authority has signed a key, and whoever holds it says who that is.
#[test]
fn a_claim_beside_a_certificate_without_name_does_not_meet_an_expected_identity() {
    let server_id = "steamid:90071996842377217";
    let mut server = endpoint(2, None);
    let mut spec = spec(key_of(&mut server), server_id);
    spec.identity = None;
    spec.pops = Vec::from([crate::pop::PopId::new(0x66_7261)]);
    let signed = sign(&authority(1), &spec);
    server.set_certificate(START, &signed).unwrap();
    server.host_mut().identity = server_id.parse().unwrap();
    let mut client = endpoint(1, None);
    trust_authority(&mut client);
    let mut pair = pair(client, server, Config::new());
    let expect = Expect::Identity(server_id.parse().unwrap());
    let id = dial(&mut pair, Config::new(), Some(expect));
    pair.run(Span::from_secs(1));
    let info = pair.client.connections[&id].info();
    assert_eq!(info.identity, Some(server_id.parse().unwrap()));
    assert_eq!(info.end_reason, EndReason::REMOTE_BAD_CERT);
    assert!(info.end_text.contains("vouches"), "{}", info.end_text);
}

#[test]
fn a_key_can_be_pinned_without_any_authority() {
    let mut config = EndpointConfig::new(provider());
    config.key = Some(SigningKey::from_seed([8; 32]));
    let server = Endpoint::new(config, [2; 32], START, NOW_UNIX);
    let key = server.public_key().unwrap();
    let client = endpoint_at(1, None, AppId::new(0), NOW_UNIX);
    let mut pair = pair(client, server, Config::new());
    let id = dial(&mut pair, Config::new(), Some(Expect::Key(key)));
    pair.run(Span::from_secs(1));
    assert_eq!(pair.client.state(id), ConnectionState::Connected);
}

#[test]
fn a_certificate_that_expires_is_shown_no_longer() {
    let mut server = endpoint(2, None);
    trust_authority(&mut server);
    let mut pair = pair(certified(1, "str:anna"), server, policy(AuthPolicy::Refuse));
    let id = dial(&mut pair, Config::new(), None);
    pair.run(Span::from_secs(1));
    assert_eq!(pair.client.state(id), ConnectionState::Connected);
    pair.run(Span::from_secs(310));
    pair.client.endpoint.handle_timeout(pair.now);
    assert!(pair.client.endpoint.credentials().is_none());
    // A connection outlives the certificate that it was made with.
    assert_eq!(pair.client.state(id), ConnectionState::Connected);
}

#[test]
fn revoked_keys_do_not_get_in() {
    let client = certified(1, "str:anna");
    let key = client.public_key().unwrap().id();
    let mut server = endpoint(2, None);
    trust_authority(&mut server);
    server.revoke(key).unwrap();
    let mut pair = pair(client, server, policy(AuthPolicy::Refuse));
    dial(&mut pair, Config::new(), None);
    pair.run(Span::from_secs(1));
    let drops = pair.server.endpoint.drops();
    assert!(drops.of(DropReason::BadCertificate) > 0);
}

#[test]
fn the_more_welcoming_policy_counts_on_this_host_only() {
    let mut config = Config::new();
    config.set_auth(AuthPolicy::Refuse);
    config.set_auth_localhost(AuthPolicy::AllowAndLog);
    let policy = |ip: &str| config.auth_for(ip.parse().unwrap());
    for here in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
        assert_eq!(policy(here), AuthPolicy::AllowAndLog, "{here}");
    }
    for elsewhere in ["10.0.0.1", "fe80::1", "::ffff:10.0.0.1", "128.0.0.1"] {
        assert_eq!(policy(elsewhere), AuthPolicy::Refuse, "{elsewhere}");
    }
    let mut strict = Config::new();
    strict.set_auth(AuthPolicy::Allow);
    strict.set_auth_localhost(AuthPolicy::Refuse);
    let here = "127.0.0.1".parse().unwrap();
    assert_eq!(strict.auth_for(here), AuthPolicy::Allow);
}
