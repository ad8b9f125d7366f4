//! Somebody who signs certificates for us is under way, there, or gone.

use alloc::boxed::Box;

use super::*;
use crate::connection::Connection;
use crate::counters::DropReason;
use crate::endpoint::Called;
use crate::endpoint::SignalEvent;
use crate::hub::NetworkConfig;
use crate::ids::VirtualPort;
use crate::p2p::signal::Signal;

fn says(endpoint: &mut Endpoint, availability: Availability) {
    endpoint.set_authority(Some((availability, availability.name().into())));
}

fn certify(endpoint: &mut Endpoint, identity: &str) {
    let spec = spec(key_of(endpoint), identity);
    let signed = sign(&authority(1), &spec);
    endpoint.set_certificate(START, &signed).unwrap();
}

fn call(endpoint: &mut Endpoint) -> Box<Connection> {
    call_at(endpoint, START)
}

fn call_at(endpoint: &mut Endpoint, now: Timestamp) -> Box<Connection> {
    let port = VirtualPort::from(7u16);
    let peer = "str:ben".parse().unwrap();
    let config = Arc::new(Config::new());
    match endpoint.connect_p2p(now, &peer, port, config).unwrap() {
        Called::New(connection) => connection,
        Called::Waiting(id) => panic!("{id}"),
    }
}

fn signal(connection: &mut Connection, now: Timestamp) -> Option<Signal> {
    let mut bytes = Vec::new();
    let has_one = connection.poll_signal(now, &mut bytes);
    has_one.then(|| Signal::parse(&bytes).unwrap())
}

#[test]
fn an_authority_counts_with_its_certificate_only() {
    let mut endpoint = endpoint(1, None);
    for availability in [
        Availability::NeverTried,
        Availability::Waiting,
        Availability::Attempting,
        Availability::Current,
    ] {
        says(&mut endpoint, availability);
    }
    let expected = [
        Availability::NeverTried,
        Availability::Waiting,
        Availability::Attempting,
    ];
    assert_eq!(availabilities(&mut endpoint), expected);
    assert!(endpoint.awaits_certificate());
    certify(&mut endpoint, "str:anna");
    assert!(!endpoint.awaits_certificate());
    says(&mut endpoint, Availability::Previously);
    assert!(!endpoint.awaits_certificate(), "what there is still serves");
    let expected = [Availability::Current, Availability::Previously];
    assert_eq!(availabilities(&mut endpoint), expected);
    // Without it the certificate speaks for itself.
    endpoint.set_authority(None);
    assert_eq!(availabilities(&mut endpoint), [Availability::Current]);
}

#[test]
fn a_call_waits_for_the_certificate_and_shows_it() {
    let mut endpoint = endpoint(1, None);
    says(&mut endpoint, Availability::Attempting);
    let mut connection = call(&mut endpoint);
    let later = at(2);
    connection.handle_timeout(later);
    assert!(signal(&mut connection, later).is_none());
    assert!(endpoint.poll_held_call().is_none());
    certify(&mut endpoint, "str:anna");
    let (id, held) = endpoint.poll_held_call().unwrap();
    assert_eq!(id, connection.id());
    connection.resume_call(later, held);
    assert!(endpoint.poll_held_call().is_none());
    let signal = signal(&mut connection, later).unwrap();
    assert_eq!(signal.from_identity.to_string(), "str:anna");
    let crate::p2p::signal::SignalKind::ConnectRequest(request) = signal.kind else {
        panic!("{signal:?}");
    };
    assert!(request.cert.ca_signature.is_some());
}

#[test]
fn regression_a_call_with_a_certificate_that_has_just_expired_waits_for_the_next() {
    let mut endpoint = endpoint(1, None);
    says(&mut endpoint, Availability::Current);
    certify(&mut endpoint, "str:anna");
    // Nobody has looked at the time since.
    let late = at(301);
    let mut connection = call_at(&mut endpoint, late);
    assert!(signal(&mut connection, late).is_none());
}

#[test]
fn a_call_without_hope_of_a_certificate_ends_and_says_why() {
    let mut endpoint = endpoint(1, None);
    says(&mut endpoint, Availability::Attempting);
    let mut connection = call(&mut endpoint);
    endpoint.set_authority(Some((Availability::Failed, "who are you?".into())));
    let (_, held) = endpoint.poll_held_call().unwrap();
    connection.resume_call(START, held);
    let info = connection.info();
    assert_eq!(info.state, ConnectionState::ProblemDetectedLocally);
    assert_eq!(info.end_reason, EndReason::MISC_STEAM_CONNECTIVITY);
    assert_eq!(info.end_text, "who are you?");
    assert!(signal(&mut connection, START).is_none());
}

#[test]
fn a_signal_is_from_whom_the_hub_says_or_dropped() {
    let mut anna = endpoint(1, None);
    certify(&mut anna, "str:anna");
    let mut bytes = Vec::new();
    let mut calling = call(&mut anna);
    let later = at(2);
    calling.handle_timeout(later);
    assert!(calling.poll_signal(later, &mut bytes));
    let mut ben = endpoint(2, None);
    certify(&mut ben, "str:ben");
    let mut hear = |from: &str| ben.handle_vouched_signal(later, &bytes, &from.parse().unwrap());
    for other in ["str:eve", "str:annaa", "ip:192.0.2.1"] {
        let event = hear(other);
        let is_dropped = matches!(event, SignalEvent::Dropped(DropReason::SignalFromAnother));
        assert!(is_dropped, "{other}: {event:?}");
    }
    let event = hear("str:anna");
    let is_dropped = matches!(event, SignalEvent::Dropped(DropReason::SignalFromAnother));
    assert!(!is_dropped, "{event:?}");
    assert_eq!(ben.drops().of(DropReason::SignalFromAnother), 3);
}

#[test]
fn a_call_that_a_rule_forbids_ends_for_lack_of_rights() {
    let mut endpoint = certified(1, "str:anna");
    let mut forbidden = call(&mut endpoint);
    forbidden.forbid_signaling(START);
    let info = forbidden.info();
    assert_eq!(info.state, ConnectionState::ProblemDetectedLocally);
    assert_eq!(info.end_reason, EndReason::LOCAL_RIGHTS);
    let mut failed = call(&mut endpoint);
    failed.fail_signaling(START);
    let info = failed.info();
    assert_eq!(info.end_reason, EndReason::MISC_INTERNAL_ERROR);
}

#[test]
fn a_call_that_waits_too_long_or_is_closed_says_nothing_to_the_peer() {
    let mut endpoint = endpoint(1, Some("str:anna"));
    says(&mut endpoint, Availability::Retrying);
    let mut closed = call(&mut endpoint);
    closed.close(START, EndReason::APP_GENERIC, "", false);
    assert!(signal(&mut closed, at(1)).is_none());
    let mut connection = call(&mut endpoint);
    let late = at(60);
    connection.handle_timeout(late);
    let info = connection.info();
    assert_eq!(info.end_reason, EndReason::MISC_STEAM_CONNECTIVITY);
    assert!(signal(&mut connection, late).is_none());
    // Whatever becomes of the certificate, it is over.
    certify(&mut endpoint, "str:anna");
    while let Some((id, held)) = endpoint.poll_held_call() {
        if id == connection.id() {
            connection.resume_call(late, held);
        }
    }
    assert!(signal(&mut connection, late).is_none());
}

/// A hub with a certificate for that app, and what becomes of a connection of nobody's to it who expects that hub.
fn expects_hub(app: AppId, trusts: impl FnOnce(&mut Endpoint)) -> (ConnectionState, String) {
    let mut server = endpoint_at(2, Some("str:hub"), AppId::ANY, NOW_UNIX);
    let mut spec = spec(key_of(&mut server), "str:hub");
    spec.app_ids = Vec::from([app]);
    let signed = sign(&authority(2), &spec);
    server.set_certificate(START, &signed).unwrap();
    let mut client = endpoint(1, None);
    trusts(&mut client);
    let mut pair = pair(client, server, policy(AuthPolicy::Allow));
    let route = Route {
        socket: SOCKET,
        remote: pair.server.address,
    };
    let now = pair.now;
    let config = Arc::new(policy(AuthPolicy::Allow));
    let expect = Some(Expect::Identity("str:hub".parse().unwrap()));
    let client = &mut pair.client;
    let connection = client.endpoint.connect_unnamed(now, route, config, expect);
    let connection = connection.unwrap();
    let id = connection.id();
    client.connections.insert(id, connection);
    pair.drain();
    pair.run(Span::from_secs(1));
    let info = pair.client.connections[&id].info();
    (info.state, info.end_text.to_string())
}

/// Trusts authority 1, which vouches for authority 2 and those apps.
fn trusts_second_for(endpoint: &mut Endpoint, apps: &[AppId]) {
    let mut link = spec(*authority(2).public(), "str:unused");
    link.identity = None;
    link.app_ids = Vec::from(apps);
    let mut store = CertStore::new();
    let root = PublicKey::new(*authority(1).public()).unwrap();
    store.add_root(&provider(), root).unwrap();
    let signed = authority(1).issue(&provider(), &link);
    store.add_authority(&provider(), &signed).unwrap();
    endpoint.set_trust(store);
}

#[test]
fn regression_a_hub_known_by_identity_shows_a_certificate_for_services() {
    let any = |client: &mut Endpoint| trusts_second_for(client, &[]);
    let (state, text) = expects_hub(AppId::ANY, any);
    assert_eq!(state, ConnectionState::Connected, "{text}");
    // That of a player who calls himself so.
    let (state, text) = expects_hub(APP, any);
    assert_eq!(state, ConnectionState::ProblemDetectedLocally);
    assert!(text.contains("not for services"), "{text}");
    // An authority of one game does not vouch for what serves all.
    let limited = |client: &mut Endpoint| trusts_second_for(client, &[APP]);
    let (state, text) = expects_hub(AppId::ANY, limited);
    assert_eq!(state, ConnectionState::ProblemDetectedLocally);
    assert!(text.contains("not for services"), "{text}");
}

#[test]
fn regression_what_the_network_says_of_authorities_does_not_count_for_hubs() {
    let key = || PublicKey::new(*authority(2).public()).unwrap();
    let network = |authorities, revoked| NetworkConfig {
        authorities,
        revoked,
        ..NetworkConfig::default()
    };
    let (state, text) = expects_hub(AppId::ANY, |client| {
        let config = network(Vec::from([key()]), Vec::new());
        client.set_network(START, Some(&config));
    });
    assert_eq!(state, ConnectionState::ProblemDetectedLocally);
    assert!(text.contains("vouches"), "{text}");
    // What it has revoked does.
    let (state, text) = expects_hub(AppId::ANY, |client| {
        trusts_second_for(client, &[]);
        let config = network(Vec::new(), Vec::from([key().id()]));
        client.set_network(START, Some(&config));
    });
    assert_eq!(state, ConnectionState::ProblemDetectedLocally, "{text}");
}

#[test]
fn who_dials_unnamed_is_nobody_to_the_server() {
    let client = certified(1, "str:anna");
    let server = endpoint(2, Some("str:hub"));
    let mut pair = pair(client, server, policy(AuthPolicy::Allow));
    let route = Route {
        socket: SOCKET,
        remote: pair.server.address,
    };
    let now = pair.now;
    let config = Arc::new(policy(AuthPolicy::Allow));
    let endpoint = &mut pair.client.endpoint;
    let connection = endpoint.connect_unnamed(now, route, config, None).unwrap();
    pair.client.connections.insert(connection.id(), connection);
    pair.drain();
    pair.run(Span::from_secs(1));
    let seen = pair.server.connections.values().next().unwrap().info();
    let identity = seen.identity.unwrap();
    assert!(matches!(identity, Identity::Ip(_)), "{identity}");
    assert!(!seen.authenticated);
}
