use alloc::format;
use alloc::string::{String, ToString};
use core::net::SocketAddr;

use proptest::prelude::*;

use super::*;

const PERSON: u64 = 76_561_197_960_287_930;
const ANONYMOUS_SERVER: u64 = 90_071_992_547_409_921 + (1 << 32);

fn parse(text: &str) -> Result<Identity, IdentityError> {
    text.parse()
}

#[test]
fn text_forms_print_as_they_were_read() {
    for text in [
        "steamid:76561197960287930",
        "xboxpwid:abc",
        "psn:18446744073709551615",
        "ip:::1",
        "ip:127.0.0.1",
        "ip:192.0.2.7:27015",
        "ip:[2001:db8::1]:27015",
        "ip:2001:db8:0:1:1:1:1:1",
        "ip:1:0:0:1::1",
        "str:",
        "str:some text: with colons",
        "gen:00ff",
        "foo:bar",
        "foo:",
    ] {
        assert_eq!(parse(text).unwrap().to_string(), text);
    }
}

#[test]
fn other_spellings_become_the_canonical_one() {
    for (text, canonical) in [
        ("ip:::ffff:1.2.3.4", "ip:1.2.3.4"),
        ("ip:[::ffff:1.2.3.4]:5", "ip:1.2.3.4:5"),
        ("ip:2001:DB8::0:1", "ip:2001:db8::1"),
        ("ip:1:0:0:2:0:0:0:3", "ip:1:0:0:2::3"),
        ("ip:[::1]:0", "ip:::1"),
        ("gen:ABcd", "gen:abcd"),
        ("psn:007", "psn:7"),
    ] {
        assert_eq!(parse(text).unwrap().to_string(), canonical);
    }
}

#[test]
fn malformed_texts_are_refused() {
    use IdentityError::{Address, Hex, Length, Number, Prefix, SteamId, ZeroByte};
    for (text, error) in [
        ("", Prefix),
        ("invalid", Prefix),
        ("foo", Prefix),
        (" str:x", Prefix),
        (":x", Prefix),
        ("Foo:x", Prefix),
        ("a_prefix_that_is_too_long:x", Prefix),
        ("steamid:0", SteamId),
        ("steamid:1", SteamId),
        ("steamid:", Number),
        ("steamid:+76561197960287930", Number),
        ("steamid:99999999999999999999", Number),
        ("psn:x", Number),
        ("xboxpwid:", Length),
        ("gen:", Length),
        ("gen:0", Hex),
        ("gen:zz", Hex),
        ("gen:é", Hex),
        ("str:\0", ZeroByte),
        ("ip:", Address),
        ("ip:localhost:80", Address),
        ("ip:127.0.0.1:99999", Address),
        ("ip:127.0.0.1:", Address),
        ("ip:127.0.0.1:x", Address),
        ("ip:fe80::1%eth0", Address),
        ("ip:[fe80::1%1]:5", Address),
        ("ip:[127.0.0.1]:5", Address),
    ] {
        assert_eq!(parse(text), Err(error), "{text:?}");
    }
}

#[test]
fn limit_max_identity_lengths() {
    for (prefix, max) in [
        ("str:", MAX_IDENTITY_STRING),
        ("xboxpwid:", MAX_IDENTITY_XBOX),
        ("foo:", MAX_IDENTITY_UNKNOWN - 4),
        ("gen:", 2 * MAX_IDENTITY_BYTES),
    ] {
        let longest = format!("{prefix}{}", "a".repeat(max));
        assert!(parse(&longest).is_ok(), "{prefix}");
        assert_eq!(
            parse(&(longest + "aa")),
            Err(IdentityError::Length),
            "{prefix}"
        );
    }
    let prefix = "a".repeat(MAX_IDENTITY_PREFIX);
    assert!(parse(&format!("{prefix}:x")).is_ok());
    assert_eq!(parse(&format!("{prefix}a:x")), Err(IdentityError::Prefix));
}

#[test]
fn steam_ids_must_name_an_account() {
    let id = |universe: u64, kind: u64, instance: u64, account: u64| {
        Identity::steam_id(universe << 56 | kind << 52 | instance << 32 | account).is_ok()
    };
    assert!(id(1, 1, 1, 22_202));
    assert!(!id(1, 1, 0, 22_202), "a person's account has instance 1");
    assert!(!id(1, 1, 1, 0));
    assert!(!id(0, 1, 1, 22_202));
    assert!(!id(5, 1, 1, 22_202));
    assert!(!id(1, 0, 1, 22_202));
    assert!(!id(1, 11, 1, 22_202));
    assert!(id(1, 3, 77, 1));
    assert!(!id(1, 3, 77, 0));
    assert!(id(1, 4, 77, 0), "a server that is logging in");
    assert!(id(1, 7, 0, 1));
    assert!(!id(1, 7, 1, 1));
}

#[test]
fn loopback_of_either_family_is_anonymous_with_any_port() {
    for text in [
        "ip:::1",
        "ip:127.0.0.1",
        "ip:[::1]:5",
        "ip:::ffff:127.0.0.1",
    ] {
        assert!(parse(text).unwrap().is_anonymous(), "{text}");
    }
    for text in ["ip:127.0.0.2", "ip:::2", "str:localhost"] {
        assert!(!parse(text).unwrap().is_anonymous(), "{text}");
    }
    assert_eq!(Identity::anonymous().to_string(), "ip:::1");
}

#[test]
fn anonymous_game_servers_are_recognised() {
    assert!(
        Identity::steam_id(ANONYMOUS_SERVER)
            .unwrap()
            .is_anonymous_game_server()
    );
    assert!(
        !Identity::steam_id(PERSON)
            .unwrap()
            .is_anonymous_game_server()
    );
    assert!(!Identity::anonymous().is_anonymous_game_server());
}

#[test]
fn binary_form_of_an_address_has_a_big_endian_port() {
    let address: SocketAddr = "192.0.2.7:258".parse().unwrap();
    let (legacy, string) = Identity::ip(address).to_wire();
    assert_eq!(string, "ip:192.0.2.7:258");
    assert_eq!(
        legacy.unwrap().ipv6_and_port.unwrap(),
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 192, 0, 2, 7, 1, 2]
    );
}

#[test]
fn newer_kinds_have_no_binary_form() {
    for text in ["xboxpwid:abc", "psn:5", "foo:bar"] {
        assert_eq!(parse(text).unwrap().to_wire(), (None, text.to_string()));
    }
    let clan = Identity::steam_id(1 << 56 | 7 << 52 | 9).unwrap();
    assert_eq!(clan.to_wire().0, None, "GNS would refuse it there");
}

#[test]
fn string_wins_over_binary_and_binary_over_steam_id() {
    let (legacy, _) = Identity::str("binary").unwrap().to_wire();
    let read = |string, legacy: Option<&pb::IdentityLegacyBinary>, id| {
        Identity::from_wire(string, legacy, id).map(|found| found.map(String::from))
    };
    assert_eq!(
        read(Some("str:a"), legacy.as_ref(), Some(PERSON)),
        Ok(Some("str:a".into()))
    );
    assert_eq!(
        read(None, legacy.as_ref(), Some(PERSON)),
        Ok(Some("str:binary".into()))
    );
    assert_eq!(
        read(None, None, Some(PERSON)),
        Ok(Some("steamid:76561197960287930".into()))
    );
    assert_eq!(read(None, None, None), Ok(None));
    assert_eq!(
        read(Some(""), legacy.as_ref(), None),
        Err(IdentityError::Prefix)
    );
    assert_eq!(read(None, None, Some(1)), Err(IdentityError::SteamId));
}

#[test]
fn malformed_binary_forms_are_refused() {
    let read = |legacy: pb::IdentityLegacyBinary| Identity::from_wire(None, Some(&legacy), None);
    let empty = pb::IdentityLegacyBinary::default;
    assert_eq!(read(empty()), Err(IdentityError::Binary));
    for length in [0, 16, 17, 19] {
        let ipv6_and_port = Some(alloc::vec![1; length]);
        assert_eq!(
            read(pb::IdentityLegacyBinary {
                ipv6_and_port,
                ..empty()
            }),
            Err(IdentityError::Address)
        );
    }
    for length in [0, MAX_IDENTITY_BYTES + 1] {
        let generic_bytes = Some(alloc::vec![1; length]);
        assert_eq!(
            read(pb::IdentityLegacyBinary {
                generic_bytes,
                ..empty()
            }),
            Err(IdentityError::Length)
        );
    }
}

#[test]
fn serialises_as_its_text_and_is_checked_on_the_way_in() {
    let identity = Identity::str("anna").unwrap();
    let json = serde_json::to_string(&identity).unwrap();
    assert_eq!(json, "\"str:anna\"");
    assert_eq!(serde_json::from_str::<Identity>(&json).unwrap(), identity);
    assert!(serde_json::from_str::<Identity>("\"steamid:1\"").is_err());
}

fn any_identity() -> impl Strategy<Value = Identity> {
    prop_oneof![
        (1..1_u64 << 32).prop_map(|n| Identity::steam_id(0x0110_0001 << 32 | n).unwrap()),
        "[^\0]{1,8}".prop_map(|text| Identity::xbox_pairwise_id(&text).unwrap()),
        any::<u64>().prop_map(Identity::playstation),
        any::<SocketAddr>().prop_map(Identity::ip),
        "[^\0]{0,7}".prop_map(|text| Identity::str(&text).unwrap()),
        proptest::collection::vec(any::<u8>(), 1..=32).prop_map(|b| Identity::generic(&b).unwrap()),
        "x[a-z0-9_]{0,15}:[^\0]{0,20}".prop_map(|text| text.parse().unwrap()),
    ]
}

proptest! {
    #[test]
    fn text_and_wire_forms_round_trip(identity in any_identity()) {
        let (legacy, string) = identity.to_wire();
        prop_assert_eq!(string.parse::<Identity>(), Ok(identity.clone()));
        prop_assert_eq!(
            Identity::from_wire(Some(&string), legacy.as_ref(), None), Ok(Some(identity.clone())));
        if let Some(legacy) = legacy {
            prop_assert_eq!(Identity::from_wire(None, Some(&legacy), None), Ok(Some(identity)));
        }
    }

    #[test]
    fn arbitrary_text_never_panics_and_prints_stably(text in "(steamid:|xboxpwid:|psn:|ip:|str:|gen:|)?\\PC{0,40}") {
        if let Ok(identity) = text.parse::<Identity>() {
            prop_assert_eq!(identity.to_string().parse::<Identity>(), Ok(identity));
        }
    }

    #[test]
    fn arbitrary_binary_forms_never_panic(
        generic_bytes in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..40)),
        generic_string in proptest::option::of(any::<String>()),
        ipv6_and_port in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..24)),
        steam_id in proptest::option::of(any::<u64>()),
    ) {
        let legacy = pb::IdentityLegacyBinary { generic_bytes, generic_string, ipv6_and_port, steam_id };
        let _: Result<Option<Identity>, _> = Identity::from_wire(None, Some(&legacy), steam_id);
    }
}
