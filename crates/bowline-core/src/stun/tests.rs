//! The vectors of RFC 5769, what must be refused, and that all that is written is read again.

use std::net::SocketAddr;
use std::string::String;
use std::vec;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::counters::DropReason;
use crate::crypto::vectors::hex_vec;
use crate::limits::MAX_STUN_ATTRIBUTES;
use crate::limits::MAX_STUN_MESSAGE;
use crate::limits::MAX_STUN_UNKNOWN;
use crate::limits::MAX_STUN_USERNAME;
use crate::rng::Rng;

/// RFC 5769, section 2.1: a check of ICE.
const REQUEST: &str = "000100582112a442b7e7a701bc34d686fa87dfae\
    80220010 5354554e207465737420636c69656e74 00240004 6e0001ff 80290008 932ff9b151263b36\
    00060009 6576746a3a68367659202020 00080014 9aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2\
    80280004 e57a3bcf";
/// RFC 5769, section 2.2: its answer over IPv4.
const RESPONSE_V4: &str = "0101003c2112a442b7e7a701bc34d686fa87dfae\
    8022000b 7465737420766563746f7220 00200008 0001a147e112a643\
    00080014 2b91f599fd9e90c38c7489f92af9ba53f06be7d7 80280004 c07d4c96";
/// RFC 5769, section 2.3: over IPv6.
const RESPONSE_V6: &str = "010100482112a442b7e7a701bc34d686fa87dfae\
    8022000b 7465737420766563746f7220 00200014 0002a1470113a9faa5d3f179bc25f4b5bed2b9d9\
    00080014 a382954e4be67bf11784c97c8292c275bfe3ed41 80280004 c8fb0b4c";
const PASSWORD: &str = "VOkJxbRl1RmTxUk/WvJxBt";

fn id() -> TransactionId {
    TransactionId::from_bytes([9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 1, 2])
}

/// A message with what `add` adds.
fn built(class: Class, method: Method, add: impl FnOnce(&mut Builder<'_>)) -> Vec<u8> {
    let mut out = Vec::new();
    add(&mut Builder::new(&mut out, class, method, id()));
    out
}

fn refusal(bytes: &[u8]) -> Option<DropReason> {
    Message::parse(bytes).err()
}

#[test]
fn a_check_of_the_rfc_is_read_and_holds() {
    let bytes = hex_vec(REQUEST);
    assert!(is_stun(&bytes));
    let message = Message::parse(&bytes).unwrap();
    assert_eq!(
        (message.class(), message.method()),
        (Class::Request, Method::Binding)
    );
    assert_eq!(
        std::format!("{:?}", message.transaction_id()),
        "b7e7a701bc34d686fa87dfae"
    );
    assert_eq!(message.username(), Some("evtj:h6vY"));
    assert_eq!(message.priority(), Some(0x6e00_01ff));
    assert_eq!(message.ice_controlled(), Some(0x932f_f9b1_5126_3b36));
    assert_eq!(
        (message.ice_controlling(), message.use_candidate()),
        (None, false)
    );
    assert!(message.has_integrity() && message.has_fingerprint());
    assert!(message.check_integrity(&IntegrityKey::short_term(PASSWORD)));
    assert!(!message.check_integrity(&IntegrityKey::short_term("VOkJxbRl1RmTxUk/WvJxBu")));
    assert!(message.unknown_required().is_empty());
}

#[test]
fn answers_of_the_rfc_are_read_and_hold() {
    for (bytes, address) in [
        (RESPONSE_V4, "192.0.2.1:32853"),
        (RESPONSE_V6, "[2001:db8:1234:5678:11:2233:4455:6677]:32853"),
    ] {
        let bytes = hex_vec(bytes);
        let message = Message::parse(&bytes).unwrap();
        assert_eq!(message.class(), Class::Success);
        assert_eq!(message.mapped_address(), Some(address.parse().unwrap()));
        assert!(message.check_integrity(&IntegrityKey::short_term(PASSWORD)));
    }
}

#[test]
fn the_stronger_integrity_must_hold_too() {
    let key = IntegrityKey::short_term("secret");
    for cut in [16, 20, 32] {
        let mut bytes = built(Class::Request, Method::Binding, |message| {
            message.username("a:b").integrity(&key);
        });
        let weak = bytes.clone();
        // The length counts the attribute that is being computed.
        let body = (bytes.len() - HEADER_LEN + 4 + cut) as u16;
        bytes[2..4].copy_from_slice(&body.to_be_bytes());
        let mut mac =
            <hmac::Hmac<sha2::Sha256> as hmac::KeyInit>::new_from_slice(b"secret").unwrap();
        hmac::Mac::update(&mut mac, &bytes);
        let tag = hmac::Mac::finalize(mac).into_bytes();
        bytes.extend_from_slice(&[0, 0x1C, 0, cut as u8]);
        bytes.extend_from_slice(&tag[..cut]);
        assert!(Message::parse(&bytes).unwrap().check_integrity(&key));
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        assert!(!Message::parse(&bytes).unwrap().check_integrity(&key));
        assert!(Message::parse(&weak).unwrap().check_integrity(&key));
    }
}

#[test]
fn integrity_that_is_not_there_never_holds() {
    let bytes = built(Class::Request, Method::Binding, |message| {
        message.username("a:b");
    });
    let message = Message::parse(&bytes).unwrap();
    assert!(!message.has_integrity());
    assert!(!message.check_integrity(&IntegrityKey::short_term("")));
}

#[test]
fn any_flipped_bit_is_noticed() {
    let good = hex_vec(REQUEST);
    let key = IntegrityKey::short_term(PASSWORD);
    for bit in 0..good.len() * 8 {
        let mut bytes = good.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let refused = match Message::parse(&bytes) {
            Ok(message) => !message.check_integrity(&key) || !message.has_fingerprint(),
            Err(_) => true,
        };
        assert!(refused, "bit {bit}");
    }
}

#[test]
fn every_truncation_is_refused() {
    let good = hex_vec(REQUEST);
    for len in 0..good.len() {
        assert_eq!(refusal(&good[..len]), Some(DropReason::BadStun));
        // Also if the header says so.
        let mut cut = good[..len].to_vec();
        if let Some(length) = cut.get_mut(2..4) {
            length.copy_from_slice(&(len.saturating_sub(20) as u16).to_be_bytes());
        }
        match Message::parse(&cut) {
            Ok(message) => assert!(!message.has_fingerprint()),
            Err(reason) => assert_eq!(reason, DropReason::BadStun),
        }
    }
}

#[test]
fn what_only_looks_like_stun_is_not() {
    let good = hex_vec(REQUEST);
    for (at, value) in [(0, 0x80), (0, 0x40), (3, 0x5C), (4, 0x20), (7, 0x43)] {
        let mut bytes = good.clone();
        bytes[at] = value;
        assert!(!is_stun(&bytes), "byte {at}");
    }
    assert!(!is_stun(&[]));
    let mut longer = good;
    longer.push(0);
    assert!(!is_stun(&longer));
}

#[test]
fn the_first_of_two_counts() {
    let bytes = built(Class::Request, Method::Binding, |message| {
        message.priority(1).priority(2).attribute(0x0024, &[1]);
    });
    assert_eq!(Message::parse(&bytes).unwrap().priority(), Some(1));
}

#[test]
fn nothing_is_taken_from_behind_the_integrity() {
    let key = IntegrityKey::short_term("secret");
    let bytes = built(Class::Request, Method::Binding, |message| {
        message
            .integrity(&key)
            .use_candidate()
            .priority(3)
            .attribute(0x7777, &[])
            .fingerprint();
    });
    let message = Message::parse(&bytes).unwrap();
    assert!(message.check_integrity(&key) && message.has_fingerprint());
    assert!(!message.use_candidate() && message.priority().is_none());
    assert!(message.unknown_required().is_empty());
}

#[test]
fn a_fingerprint_is_the_end() {
    let bytes = built(Class::Request, Method::Binding, |message| {
        message.fingerprint().priority(3);
    });
    // The length changed, so that the value does not hold any more either.
    assert_eq!(refusal(&bytes), Some(DropReason::BadFingerprint));
    let mut bytes = hex_vec(REQUEST);
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    assert_eq!(refusal(&bytes), Some(DropReason::BadFingerprint));
}

#[test]
fn malformed_attributes_are_refused() {
    let address = &[0, 1, 0, 80, 127, 0, 0, 1];
    let cases: [(u16, &[u8]); 22] = [
        (0x0001, &address[..7]),
        (0x0001, &[0, 3, 0, 80, 127, 0, 0, 1]),
        (0x0012, &[0, 2, 0, 80, 127, 0, 0, 1]),
        (0x0016, &[]),
        (0x0020, &[0, 1, 0, 80, 127, 0, 0, 1, 0]),
        (0x8023, &address[..4]),
        (0x0006, &[0xFF, 0xFE]),
        (0x0008, &[0; 19]),
        (0x0009, &[0, 0, 4]),
        (0x0009, &[0, 0, 2, 0]),
        (0x0009, &[0, 0, 7, 0]),
        (0x0009, &[0, 0, 4, 100]),
        (0x000C, &[0x40, 0]),
        (0x000D, &[0; 5]),
        (0x0017, &[3, 0, 0, 0]),
        (0x0019, &[17]),
        (0x001C, &[0; 12]),
        (0x001C, &[0; 36]),
        (0x0024, &[0; 3]),
        (0x0025, &[0]),
        (0x8029, &[0; 7]),
        (0x802A, &[0; 9]),
    ];
    for (kind, value) in cases {
        let bytes = built(Class::Success, Method::Binding, |message| {
            message.attribute(kind, value);
        });
        assert_eq!(refusal(&bytes), Some(DropReason::BadStun), "{kind:#06x}");
    }
}

#[test]
fn texts_of_errors_need_not_be_text() {
    let bytes = built(Class::Error, Method::Allocate, |message| {
        message.attribute(0x0009, b"\0\0\x04\x01Un\xFFauthorized");
    });
    let error = Message::parse(&bytes).unwrap().error_code();
    assert_eq!(
        error,
        Some(ErrorCode {
            code: 401,
            reason: "Un"
        })
    );
}

#[test]
fn limit_stun_attributes_are_counted() {
    let with = |count: usize| {
        built(Class::Request, Method::Binding, |message| {
            for _ in 0..count {
                message.attribute(0x8022, b"x");
            }
        })
    };
    assert_eq!(refusal(&with(MAX_STUN_ATTRIBUTES)), None);
    assert_eq!(
        refusal(&with(MAX_STUN_ATTRIBUTES + 1)),
        Some(DropReason::TooManyAttributes)
    );
}

#[test]
fn limit_stun_messages_have_a_longest() {
    let with = |len: usize| {
        built(Class::Indication, Method::Data, |message| {
            message.data(&vec![7; len - HEADER_LEN - 4]);
        })
    };
    assert_eq!(refusal(&with(MAX_STUN_MESSAGE)), None);
    assert_eq!(
        refusal(&with(MAX_STUN_MESSAGE + 4)),
        Some(DropReason::TooLong)
    );
}

#[test]
fn limit_stun_user_names_have_a_longest() {
    let with = |len: usize| {
        built(Class::Request, Method::Binding, |message| {
            message.attribute(0x0006, "u".repeat(len).as_bytes());
        })
    };
    assert_eq!(refusal(&with(MAX_STUN_USERNAME)), None);
    assert_eq!(
        refusal(&with(MAX_STUN_USERNAME + 1)),
        Some(DropReason::BadStun)
    );
}

#[test]
fn limit_stun_unknown_attributes_are_named_up_to_a_number() {
    let bytes = built(Class::Request, Method::Binding, |message| {
        for kind in 0..20 {
            message
                .attribute(0x7000 + kind, &[])
                .attribute(0x9000 + kind, &[]);
        }
    });
    // 40 attributes are too many: half of them.
    assert_eq!(refusal(&bytes), Some(DropReason::TooManyAttributes));
    let bytes = built(Class::Request, Method::Binding, |message| {
        for kind in 0..12 {
            message
                .attribute(0x7000 + kind, &[])
                .attribute(0x9000 + kind, &[]);
        }
    });
    let expected: Vec<u16> = (0x7000..).take(MAX_STUN_UNKNOWN).collect();
    assert_eq!(Message::parse(&bytes).unwrap().unknown_required(), expected);
}

#[test]
fn transactions_tell_who_asked() {
    let mut rng = Rng::from_seed([3; 32]);
    let first = TransactionId::new(0xDEAD_BEEF, &mut rng);
    let second = TransactionId::new(0xDEAD_BEEF, &mut rng);
    assert_eq!(first.asker(), 0xDEAD_BEEF);
    assert_ne!(first, second);
    assert_eq!(TransactionId::new(0, &mut rng).asker(), 0);
}

fn addresses() -> impl Strategy<Value = SocketAddr> {
    prop_oneof![
        any::<([u8; 4], u16)>().prop_map(SocketAddr::from),
        any::<([u8; 16], u16)>().prop_map(SocketAddr::from),
    ]
}

proptest! {
    #[test]
    fn kinds_come_back(number in 0..0x1000_u16, class in 0..4) {
        let class = [Class::Request, Class::Indication, Class::Success, Class::Error][class as usize];
        let method = Method::from_number(number);
        let kind = kind_of(class, method);
        prop_assert_eq!(kind & 0xC000, 0);
        prop_assert_eq!((class_of(kind), method_of(kind)), (class, method));
        prop_assert_eq!(method.number(), number);
    }

    #[test]
    fn what_is_written_is_read(
        (mapped, peer, relayed, alternate) in (addresses(), addresses(), addresses(), addresses()),
        username in "[a-z:+/]{0,40}",
        realm in prop::collection::vec(any::<u8>(), 0..40),
        (priority, tie, lifetime, channel) in any::<(u32, u64, u32, u16)>(),
        (code, reason) in (300..700_u16, ".{0,20}"),
        data in prop::collection::vec(any::<u8>(), 0..1300),
        before in prop::collection::vec(any::<u8>(), 0..9),
        password: String,
    ) {
        let key = IntegrityKey::long_term(&username, &realm, &password);
        let mut out = before.clone();
        Builder::new(&mut out, Class::Success, Method::Allocate, id())
            .xor_mapped_address(mapped)
            .xor_peer_address(peer)
            .xor_relayed_address(relayed)
            .alternate_server(alternate)
            .username(&username)
            .realm(&realm)
            .nonce(&realm)
            .priority(priority)
            .ice_controlling(tie)
            .ice_controlled(!tie)
            .use_candidate()
            .error_code(code, &reason)
            .lifetime(lifetime)
            .channel_number(channel)
            .requested_transport_udp()
            .requested_address_family(AddressFamily::of(mapped))
            .data(&data)
            .integrity(&key)
            .fingerprint();
        let message = Message::parse(&out[before.len()..]).unwrap();
        prop_assert!(message.check_integrity(&key) && message.has_fingerprint());
        prop_assert_eq!(message.transaction_id(), id());
        prop_assert_eq!(message.mapped_address(), Some(mapped));
        prop_assert_eq!(message.peer_address(), Some(peer));
        prop_assert_eq!(message.relayed_address(), Some(relayed));
        prop_assert_eq!(message.alternate_server(), Some(alternate));
        prop_assert_eq!(message.username(), Some(&username[..]));
        prop_assert_eq!(message.realm(), Some(&realm[..]));
        prop_assert_eq!(message.nonce(), Some(&realm[..]));
        prop_assert_eq!(message.priority(), Some(priority));
        prop_assert_eq!(message.ice_controlling(), Some(tie));
        prop_assert_eq!(message.ice_controlled(), Some(!tie));
        prop_assert!(message.use_candidate());
        prop_assert_eq!(message.error_code(), Some(ErrorCode { code, reason: &reason }));
        prop_assert_eq!(message.lifetime(), Some(lifetime));
        prop_assert_eq!(message.channel_number(), Some(channel));
        prop_assert_eq!(message.is_udp_requested(), Some(true));
        prop_assert_eq!(message.requested_address_family(), Some(AddressFamily::of(mapped)));
        prop_assert_eq!(message.data(), Some(&data[..]));
    }

    #[test]
    fn no_bytes_break_it(
        kind in any::<u16>(),
        body in prop::collection::vec(any::<u32>(), 0..60),
    ) {
        let mut bytes = (kind & 0x3FFF).to_be_bytes().to_vec();
        bytes.extend_from_slice(&(body.len() as u16 * 4).to_be_bytes());
        bytes.extend_from_slice(&MAGIC_COOKIE.to_be_bytes());
        bytes.extend_from_slice(id().as_bytes());
        bytes.extend(body.iter().flat_map(|word| (word & 0x002F_0007).to_be_bytes()));
        if let Ok(message) = Message::parse(&bytes) {
            let _ = message.check_integrity(&IntegrityKey::short_term("x"));
            prop_assert!(message.data_range().is_none_or(|range| range.end <= bytes.len()));
        }
    }
}
