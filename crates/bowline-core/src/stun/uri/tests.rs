//! What is a server, what is not, and that each prints as itself.

use std::string::ToString;

use proptest::prelude::*;

use super::*;

fn stun(text: &str) -> Result<String, ServerUriError> {
    ServerUri::parse(Service::Stun, text).map(|server| server.to_string())
}

fn turn(text: &str) -> Result<String, ServerUriError> {
    ServerUri::parse(Service::Turn, text).map(|server| server.to_string())
}

#[test]
fn schemes_and_ports_are_optional() {
    for (text, expected) in [
        ("stun.example.org", "stun:stun.example.org:3478"),
        ("stun:stun.example.org", "stun:stun.example.org:3478"),
        ("STUN:Stun.Example.org:19302", "stun:stun.example.org:19302"),
        ("192.0.2.1", "stun:192.0.2.1:3478"),
        ("stun:[2001:db8::1]", "stun:[2001:db8::1]:3478"),
        ("[2001:db8::1]:99", "stun:[2001:db8::1]:99"),
        ("my_host.local.", "stun:my_host.local.:3478"),
    ] {
        assert_eq!(stun(text).as_deref(), Ok(expected), "{text}");
    }
    for (text, expected) in [
        ("turn:relay.example.org:5000", "turn:relay.example.org:5000"),
        ("turn:relay?transport=udp", "turn:relay:3478"),
        ("relay:1?Transport=UDP", "turn:relay:1"),
    ] {
        assert_eq!(turn(text).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn a_scheme_before_digits_is_a_host() {
    for (text, expected) in [
        ("stun:3478", "stun:stun:3478"),
        ("stuns:3478", "stun:stuns:3478"),
        ("turn:3478", "stun:turn:3478"),
        ("turns:5349", "stun:turns:5349"),
        ("stun", "stun:stun:3478"),
        ("stun:stun", "stun:stun:3478"),
        ("stun:turn:7", "stun:turn:7"),
    ] {
        assert_eq!(stun(text).as_deref(), Ok(expected), "{text}");
    }
    assert_eq!(turn("turn:1?transport=udp").as_deref(), Ok("turn:turn:1"));
    assert_eq!(turn("stun:1").as_deref(), Ok("turn:stun:1"));
}

#[test]
fn what_cannot_be_had_is_said() {
    for (text, expected) in [
        ("stuns:example.org", ServerUriError::TlsNotSupported),
        ("turns:example.org:5349", ServerUriError::TlsNotSupported),
        ("turn:example.org", ServerUriError::OtherService),
        ("stun://example.org", ServerUriError::Slashes),
        ("stun:example.org?transport=udp", ServerUriError::Query),
        ("stun:", ServerUriError::NoHost),
        (":3478", ServerUriError::NoHost),
        ("example.org:", ServerUriError::Port),
        ("example.org:0", ServerUriError::Port),
        ("example.org:65536", ServerUriError::Port),
        ("example.org:+1", ServerUriError::Port),
        ("example org", ServerUriError::Host),
        ("ex\u{e4}mple.org", ServerUriError::Host),
        ("a..b", ServerUriError::Host),
        ("192.0.2.256", ServerUriError::Host),
        ("12345", ServerUriError::Host),
        ("2001:db8::1", ServerUriError::Host),
        ("[2001:db8::1", ServerUriError::Host),
        ("[2001:db8::1]x", ServerUriError::Host),
        ("[192.0.2.1]", ServerUriError::Host),
        ("[fe80::1%eth0]", ServerUriError::Host),
    ] {
        assert_eq!(stun(text), Err(expected), "{text}");
    }
    for (text, expected) in [
        ("stun:example.org", ServerUriError::OtherService),
        ("turn:a?transport=tcp", ServerUriError::TcpNotSupported),
        ("turn:a?transport=sctp", ServerUriError::Query),
        ("turn:a?transport", ServerUriError::Query),
        ("turn:a?x=y", ServerUriError::Query),
        ("turn:a?", ServerUriError::Query),
    ] {
        assert_eq!(turn(text), Err(expected), "{text}");
    }
}

#[test]
fn names_have_the_lengths_of_dns() {
    let label = "a".repeat(63);
    let name = [&label[..], &label, &label, &label[..61]].join(".");
    assert_eq!(name.len(), 253);
    assert!(stun(&name).is_ok());
    assert_eq!(stun(&std::format!("b{name}")), Err(ServerUriError::Host));
    assert_eq!(stun(&"a".repeat(64)), Err(ServerUriError::Host));
}

#[test]
fn a_list_names_the_item_that_is_wrong() {
    let servers = parse_list(Service::Stun, " a , stun:b:1,, 192.0.2.1:2,").unwrap();
    let texts: Vec<String> = servers.iter().map(ToString::to_string).collect();
    assert_eq!(texts, ["stun:a:3478", "stun:b:1", "stun:192.0.2.1:2"]);
    assert_eq!(servers[2].address(), Some("192.0.2.1:2".parse().unwrap()));
    assert_eq!(servers[1].address(), None);
    assert_eq!(parse_list(Service::Turn, " , ,"), Ok(Vec::new()));
    let error = parse_list(Service::Stun, "a,turns:b:1").unwrap_err();
    assert_eq!(
        error.to_string(),
        "server 2 of the list, \"turns:b:1\": asks for TLS, which is not supported: servers are asked over UDP"
    );
}

#[test]
fn limit_servers_of_a_list_are_counted() {
    let with = |count: usize| parse_list(Service::Stun, &"a,".repeat(count));
    assert_eq!(with(MAX_SERVERS).unwrap().len(), MAX_SERVERS);
    assert_eq!(with(MAX_SERVERS + 1), Err(ServerListError::TooMany));
}

#[test]
fn limit_lists_of_servers_have_a_longest() {
    let with = |len: usize| parse_list(Service::Stun, &" ".repeat(len));
    assert_eq!(with(MAX_SERVER_LIST), Ok(Vec::new()));
    let error = ServerListError::TooLong(MAX_SERVER_LIST + 1);
    assert_eq!(with(MAX_SERVER_LIST + 1), Err(error));
}

proptest! {
    #[test]
    fn what_is_read_prints_as_itself(
        text in "((stuns?|turns?|STUN):)?(\\[[0-9a-f:.]{0,12}\\]|[a-z0-9.:-]{0,12}|stun|turn)(:[0-9]{0,5})?(\\?transport=(udp|tcp))?",
        is_turn: bool,
    ) {
        let service = if is_turn { Service::Turn } else { Service::Stun };
        if let Ok(server) = ServerUri::parse(service, &text) {
            let again = ServerUri::parse(service, &server.to_string());
            prop_assert_eq!(again, Ok(server));
        }
    }

    #[test]
    fn every_server_prints_as_itself(
        ip: [u8; 16],
        name in "(stuns?|turns?|[a-z][a-z0-9-]{0,8}(\\.[a-z]{1,4})?)",
        port in 1_u16..,
        kind in 0..3,
        is_turn: bool,
    ) {
        let host = match kind {
            0 => ServerHost::Ip(ip.into()),
            1 => ServerHost::Ip([ip[0], ip[1], ip[2], ip[3]].into()),
            _ => ServerHost::Name(name),
        };
        let service = if is_turn { Service::Turn } else { Service::Stun };
        let server = ServerUri { service, host, port };
        prop_assert_eq!(ServerUri::parse(service, &server.to_string()), Ok(server));
    }

    #[test]
    fn no_text_breaks_a_list(text in ".{0,60}") {
        let _ = parse_list(Service::Stun, &text);
        let _ = parse_list(Service::Turn, &text);
    }
}
