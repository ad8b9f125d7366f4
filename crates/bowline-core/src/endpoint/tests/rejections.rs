//! What a client hears that is refused.

use super::*;
use crate::cert::check::AuthPolicy;
use crate::end_reason::Rejection;
use crate::wire::udp::ConnectionClosed;

const CLIENT: u32 = 0x11_0001;

/// A server that tells, changed by `change`.
fn telling(change: impl FnOnce(&mut EndpointConfig)) -> Endpoint {
    let mut config = EndpointConfig::new(rustcrypto::provider());
    config.explains_rejections = true;
    change(&mut config);
    let mut endpoint = Endpoint::new(config, [9; 32], NOW, 1_700_000_000);
    endpoint.listen(SOCKET, Arc::new(Config::new()));
    endpoint
}

/// Lets a client ask with a good cookie, after `change` to what it asks and to the server.
fn ask(
    endpoint: &mut Endpoint,
    change: impl FnOnce(&mut udp::ConnectRequest, &mut Endpoint),
) -> Option<ConnectionClosed> {
    let from = route("10.0.0.1:1000");
    let cookie = cookie_for(endpoint, NOW, from, CLIENT);
    let request = connect_request(CLIENT, cookie);
    let Ok(UdpPacket::ConnectRequest(mut request)) = udp::parse(&request) else {
        panic!("it was a request");
    };
    change(&mut request, endpoint);
    let mut bytes = Vec::new();
    request.encode(&mut bytes);
    let (_, reply) = feed(endpoint, NOW, from, &bytes);
    assert!(reply.len() <= challenge_request(CLIENT).len());
    match udp::parse(&reply) {
        Ok(UdpPacket::ConnectionClosed(closed)) => Some(closed),
        _ => None,
    }
}

#[test]
fn every_cause_has_its_answer() {
    type Change = fn(&mut udp::ConnectRequest, &mut Endpoint);
    let cases: [(Change, Rejection, EndReason, DropReason); 6] = [
        (
            |_, endpoint| endpoint.stop_listening(SOCKET),
            Rejection::NotListening,
            EndReason::MISC_GENERIC,
            DropReason::NotListening,
        ),
        (
            |_, endpoint| {
                let listener = endpoint.listeners.get_mut(&SOCKET).unwrap();
                listener.pending = limits::MAX_PENDING_ACCEPTS;
            },
            Rejection::ServerFull,
            EndReason::MISC_GENERIC,
            DropReason::Overload,
        ),
        (
            |_, endpoint| {
                let ip = "10.0.0.1".parse().unwrap();
                while endpoint.table.sources.has_room(ip) {
                    endpoint.table.sources.add(ip, true);
                }
            },
            Rejection::TooManyFromAddress,
            EndReason::MISC_GENERIC,
            DropReason::SourceOverload,
        ),
        (
            |_, endpoint| {
                let mut config = Config::new();
                config.set_auth(AuthPolicy::Refuse);
                endpoint.listen(SOCKET, Arc::new(config));
            },
            Rejection::BadIdentity,
            EndReason::REMOTE_BAD_CERT,
            DropReason::BadIdentity,
        ),
        (
            |request, _| request.cert.cert = Some(vec![0xFF]),
            Rejection::BadCertificate,
            EndReason::REMOTE_BAD_CERT,
            DropReason::BadCertificate,
        ),
        (
            |request, _| request.crypt.signature = Some(vec![0; 64]),
            Rejection::BadKeyExchange,
            EndReason::REMOTE_BAD_CRYPT,
            DropReason::BadCrypt,
        ),
    ];
    for (change, rejection, reason, drop) in cases {
        let mut endpoint = telling(|_| {});
        let closed = ask(&mut endpoint, change).unwrap();
        assert_eq!(closed.to, Some(ConnectionId::new(CLIENT)));
        assert_eq!((closed.rejection, closed.reason), (Some(rejection), reason));
        assert!(!closed.text.is_empty());
        assert_eq!(endpoint.drops().of(drop), 1, "counted all the same");

        let mut silent = telling(|config| config.explains_rejections = false);
        assert_eq!(ask(&mut silent, change), None, "off by default");
        assert_eq!(silent.drops().of(drop), 1);
    }
}

#[test]
fn another_game_is_named() {
    let mut endpoint = telling(|config| config.app_id = AppId::new(480));
    let closed = ask(&mut endpoint, |_, _| {}).unwrap();
    assert_eq!(closed.text, "Cert is not for app 480, but for 0");
    assert_eq!(closed.rejection, Some(Rejection::BadCertificate));
}

#[test]
fn without_a_good_cookie_nobody_hears_anything() {
    let mut endpoint = telling(|config| config.app_id = AppId::new(480));
    let request = connect_request(CLIENT, 77);
    let (event, reply) = feed(&mut endpoint, NOW, route("10.0.0.1:1000"), &request);
    assert!(reply.is_empty());
    assert!(dropped(&event).is_some());
}

#[test]
fn limit_rejections_per_second() {
    let mut endpoint = telling(|config| config.app_id = AppId::new(480));
    let from = route("10.0.0.1:1000");
    let cookie = cookie_for(&mut endpoint, NOW, from, CLIENT);
    let request = connect_request(CLIENT, cookie);
    let mut told = 0;
    for ms in 0..1500_u64 {
        let (_, reply) = feed(&mut endpoint, NOW + Span::from_millis(ms), from, &request);
        told += u32::from(!reply.is_empty());
    }
    assert_eq!(told, 2 * limits::MAX_REJECTIONS_PER_SECOND);
}
