use alloc::string::String;
use alloc::string::ToString;

use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> Result<PeerAddr, PeerAddrError> {
    text.parse()
}

/// The vectors that were observed on GNS.
#[test]
fn addresses_are_read_as_gns_reads_them() {
    for (text, printed) in [
        ("1.2.3.4:x", "1.2.3.4:0"),
        ("1.2.3.4", "1.2.3.4:0"),
        ("1.2.3.4:", "1.2.3.4:0"),
        ("1.2.3.4 and more", "1.2.3.4:0"),
        ("1.2.3.4:80 and more", "1.2.3.4:80"),
        (" 1.2.3.4:80", "1.2.3.4:80"),
        ("0.0.0.0:65535", "0.0.0.0:65535"),
        ("::1", "[::1]:0"),
        ("[::1]", "[::1]:0"),
        (" [ ::1 ]:5 ", "[::1]:5"),
        ("[::1]#5", "[::1]:5"),
        ("[::1].5", "[::1]:5"),
        ("::1p5", "[::1]:5"),
        ("::1 port 5", "[::1]:5"),
        ("::1:5", "[::1:5]:0"),
        (":::5", "[::]:5"),
        ("1:::5", "[1::]:5"),
        ("1:2:3:4:5:6:7:8:9", "[1:2:3:4:5:6:7:8]:9"),
        ("::ffff:1.2.3.4", "1.2.3.4:0"),
        ("::ffff:1.2.3.4:80", "1.2.3.4:80"),
        ("::ffff:1.2.3.4.80", "1.2.3.4:80"),
        ("[2001:DB8::0:1]:27015", "[2001:db8::1]:27015"),
        ("2001:db8:0:0:1:0:0:1", "[2001:db8::1:0:0:1]:0"),
        ("fe80::1%3", "[fe80::1]:0"),
        ("[fe80::1%3]:5", "[fe80::1]:5"),
        ("::", "[::]:0"),
    ] {
        assert_eq!(parse(text).unwrap().to_string(), printed, "{text:?}");
    }
}

#[test]
fn texts_that_are_no_addresses_are_refused() {
    use PeerAddrError::Address;
    use PeerAddrError::Octet;
    use PeerAddrError::Port;
    for (text, error) in [
        ("", Address),
        ("localhost:80", Address),
        ("127.0.0.1:99999", Port),
        ("127.0.0.1:99999999999999999999999", Port),
        ("1.2.3.256", Octet),
        ("1.2.3", Address),
        ("1.2.3.", Address),
        ("fe80::1%eth0", Address),
        ("fe80::1%", Address),
        ("fe80::1%3#80", Address),
        ("[::1", Address),
        ("[::1:5", Address),
        ("::1]:5", Address),
        ("::1:12345", Address),
        ("::1:99999", Address),
        ("[::1]:", Port),
        ("[::1]:x", Port),
        ("[::1]:5x", Port),
        ("[::1]port5", Port),
        ("[::1]:65536", Port),
        ("[1.2.3.4]:5", Address),
        ("1:2:3:4:5:6:7", Address),
        ("1::2::3", Address),
        ("::1\n", Address),
        (":", Address),
        ("é", Address),
    ] {
        assert_eq!(parse(text), Err(error), "{text:?}");
    }
}

#[test]
fn an_address_without_its_port_has_no_brackets() {
    assert_eq!(parse("[::1]:5").unwrap().ip().to_string(), "::1");
    assert_eq!(parse("1.2.3.4:5").unwrap().ip().to_string(), "1.2.3.4");
}

#[test]
fn ipv4_is_held_mapped_into_ipv6() {
    let addr = PeerAddr::from_ipv4(Ipv4Addr::new(192, 0, 2, 7), 5);
    assert_eq!(
        addr.ip_bytes(),
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 192, 0, 2, 7]
    );
    assert_eq!(addr.ipv4(), Some(Ipv4Addr::new(192, 0, 2, 7)));
    assert_eq!(PeerAddr::localhost(5).ipv4(), None);
    assert_eq!(parse("::192.0.2.7").unwrap().ipv4(), None, "not mapped");
}

#[test]
fn localhost_is_one_address_of_each_family() {
    for text in ["::1", "[::1]:5", "127.0.0.1:7", "::ffff:127.0.0.1"] {
        assert!(parse(text).unwrap().is_localhost(), "{text}");
    }
    for text in ["127.0.0.2", "::2", "::", "0.0.0.0"] {
        assert!(!parse(text).unwrap().is_localhost(), "{text}");
    }
    assert!(PeerAddr::localhost(9).is_localhost());
}

#[test]
fn unspecified_ignores_the_port_and_equality_does_not() {
    assert!(PeerAddr::UNSPECIFIED.is_unspecified());
    let any = parse("[::]:27015").unwrap();
    assert!(any.is_unspecified());
    assert_ne!(any, PeerAddr::UNSPECIFIED);
    assert!(!parse("0.0.0.0").unwrap().is_unspecified(), "mapped");
}

#[test]
fn no_address_is_fake_yet() {
    for text in ["169.254.1.1:1025", "192.0.2.7:1", "::1", "::"] {
        let addr = parse(text).unwrap();
        assert_eq!(addr.fake_ip_type(), FakeIpType::NotFake, "{text}");
        assert!(!addr.is_fake_ip());
    }
    let numbers = [
        FakeIpType::Invalid,
        FakeIpType::NotFake,
        FakeIpType::GlobalIpv4,
        FakeIpType::LocalIpv4,
    ]
    .map(|kind| (kind.number(), kind.is_fake()));
    assert_eq!(numbers, [(0, false), (1, false), (2, true), (3, true)]);
}

fn any_addr() -> impl Strategy<Value = PeerAddr> {
    let ip = prop_oneof![
        any::<[u8; 16]>(),
        any::<[u16; 8]>().prop_map(|quads| Ipv6Addr::from(quads.map(|quad| quad % 3)).octets()),
        any::<[u8; 4]>().prop_map(|ip| Ipv4Addr::from(ip).to_ipv6_mapped().octets()),
    ];
    (ip, any::<u16>()).prop_map(|(ip, port)| PeerAddr::new(ip, port))
}

proptest! {
    #[test]
    fn what_was_printed_reads_back(addr in any_addr()) {
        prop_assert_eq!(addr.to_string().parse(), Ok(addr));
        let ip: PeerAddr = addr.ip().to_string().parse().unwrap();
        prop_assert_eq!(ip.ip_bytes(), addr.ip_bytes());
        prop_assert_eq!(ip.port(), 0);
        prop_assert_eq!(PeerAddr::from(SocketAddr::from(addr)), addr);
        prop_assert!(addr.to_string().len() < 48, "GNS's buffer");
    }

    #[test]
    fn any_text_can_be_read(text: String) {
        let _ = parse(&text);
    }

    #[test]
    fn any_text_of_its_letters_can_be_read(text in "[\\[\\]0-9a-f:.%#p port]{0,40}") {
        if let Ok(addr) = parse(&text) {
            prop_assert_eq!(addr.to_string().parse(), Ok(addr));
        }
    }
}
