//! Classes 7 and 8, from a client: certificates that nobody signed, keys and signatures that are not
//! right, versions and ciphers that were tampered with.

use bowline_core::config::Config;
use bowline_core::connection::ConnectionState;
use bowline_core::counters::DropReason;
use bowline_core::crypto::cipher_negotiation::{Cipher, EncryptionPolicy};
use bowline_core::crypto::kdf::Role;
use bowline_core::crypto::vectors::hex;
use bowline_core::end_reason::EndReason;
use bowline_core::identity::Identity;
use bowline_sim::scripted::{Alterations, Heard, Script, ScriptedPeer, Stage};

use crate::support::talk_with;

/// Points of low order, whose shared secret anybody knows.
pub(crate) const LOW_ORDER: [&str; 7] = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];

fn altered(alter: Alterations) -> Script {
    Script {
        alter,
        ..Script::default()
    }
}

/// A request that the application never hears of: counted so, and not answered.
fn assert_dropped(script: Script, reason: DropReason, what: &str) {
    let mut stage = Stage::listening();
    let mut peer = ScriptedPeer::new(Role::Client, 1, script);
    assert_eq!(stage.try_connect(&mut peer), None, "{what}");
    assert_eq!(
        stage.endpoint.drops().of(reason),
        1,
        "{what}: {:?}",
        stage.endpoint.drops()
    );
    assert_eq!(stage.endpoint.drops().total(), 1, "{what}");
    assert_eq!(stage.endpoint.connections(), 0, "{what}");
    let heard = peer.take_heard();
    let only_cookie = matches!(&heard[..], [Heard::ChallengeReply(_)]);
    assert!(only_cookie, "{what}: {heard:?}");
}

/// A connection that ends when it is accepted, and the client is told why.
fn assert_refused_at_accept(script: Script, reason: EndReason, what: &str) {
    let mut stage = Stage::listening();
    let mut peer = ScriptedPeer::new(Role::Client, 1, script);
    let id = stage.connect(&mut peer);
    let info = stage.info(id);
    assert_eq!(info.end_reason, reason, "{what}: {}", info.end_text);
    assert_eq!(
        info.state,
        ConnectionState::ProblemDetectedLocally,
        "{what}"
    );
    let told = peer
        .take_heard()
        .into_iter()
        .any(|heard| matches!(heard, Heard::ConnectionClosed(closed) if closed.reason == reason));
    assert!(told, "{what}");
    assert!(!peer.is_connected(), "{what}");
}

#[test]
fn class_07_a_broken_half_of_the_exchange_is_dropped() {
    let none = Alterations::default;
    let cases = [
        (
            "no certificate",
            none().signed_certificate(|cert| cert.cert = None),
        ),
        (
            "no key exchange",
            none().signed_session(|crypt| crypt.info = None),
        ),
        (
            "no signature",
            none().signed_session(|crypt| crypt.signature = None),
        ),
        ("no key", none().certificate(|cert| cert.key_data = None)),
        (
            "a short key",
            none().certificate(|cert| cert.key_data = Some(vec![1; 31])),
        ),
        (
            "a long key",
            none().certificate(|cert| cert.key_data = Some(vec![1; 33])),
        ),
        (
            "a wrong kind of key",
            none().certificate(|cert| cert.key_type = Some(0)),
        ),
        (
            "an unknown kind of key",
            none().certificate(|cert| cert.key_type = Some(77)),
        ),
        (
            "a key exchange that is no message",
            none().signed_session(|crypt| crypt.info = Some(vec![0xFF; 9])),
        ),
    ];
    for (what, alter) in cases {
        assert_dropped(altered(alter), DropReason::BadCrypt, what);
    }
    let broken = none().signed_certificate(|cert| cert.cert = Some(vec![0xFF; 9]));
    assert_dropped(
        altered(broken),
        DropReason::BadCertificate,
        "a certificate that is no message",
    );
}

#[test]
fn class_07_signatures_that_do_not_hold_are_dropped() {
    let none = Alterations::default;
    for len in [0, 32, 63, 65, 128] {
        let alter = none().signed_session(move |crypt| {
            let mut signature = crypt.signature().to_vec();
            signature.resize(len, 0);
            crypt.signature = Some(signature);
        });
        assert_dropped(
            altered(alter),
            DropReason::BadCrypt,
            &format!("{len} bytes"),
        );
    }
    for at in [0, 31, 32, 63] {
        let alter = none().signed_session(move |crypt| {
            if let Some(signature) = &mut crypt.signature {
                signature[at] ^= 1;
            }
        });
        assert_dropped(altered(alter), DropReason::BadCrypt, &format!("byte {at}"));
    }
    // The same signature with the order of the group added: a lax check takes it.
    let malleable = none().signed_session(|crypt| {
        let order: [u8; 32] =
            hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
        if let Some(signature) = &mut crypt.signature {
            let mut carry = 0;
            for (byte, add) in signature[32..].iter_mut().zip(order) {
                let sum = u16::from(*byte) + u16::from(add) + carry;
                (*byte, carry) = ((sum & 0xFF) as u8, sum >> 8);
            }
        }
    });
    assert_dropped(
        altered(malleable),
        DropReason::BadCrypt,
        "a malleable signature",
    );
    // A key of small order, for which a signature of nothing holds over some messages.
    for key in ["01", "00"] {
        let mut public = [0; 32];
        public[0] = if key == "01" { 1 } else { 0 };
        let alter = none()
            .certificate(move |cert| cert.key_data = Some(public.to_vec()))
            .signed_session(|crypt| {
                let mut signature = vec![0; 64];
                signature[0] = 1;
                crypt.signature = Some(signature);
            });
        assert_dropped(altered(alter), DropReason::BadCrypt, "a key of small order");
    }
}

#[test]
fn class_07_what_the_application_is_asked_about_fails_when_it_accepts() {
    let none = Alterations::default;
    for point in LOW_ORDER {
        for top_bit in [0, 0x80] {
            let alter = none().session(move |info| {
                let mut key = hex::<32>(point);
                key[31] |= top_bit;
                info.key_data = Some(key.to_vec());
            });
            assert_refused_at_accept(altered(alter), EndReason::REMOTE_BAD_CRYPT, point);
        }
    }
    for len in [0, 31, 33, 64] {
        let alter = none().session(move |info| info.key_data = Some(vec![9; len]));
        let what = format!("a key of {len} bytes");
        assert_refused_at_accept(altered(alter), EndReason::REMOTE_BAD_CRYPT, &what);
    }
    for kind in [None, Some(0), Some(77)] {
        let alter = none().session(move |info| info.key_type = kind);
        assert_refused_at_accept(altered(alter), EndReason::REMOTE_BAD_CRYPT, "key type");
    }
}

#[test]
fn class_07_claims_about_who_it_is_are_checked() {
    let none = Alterations::default;
    let name = || Identity::str("carl").unwrap();
    let named = |alter| Script {
        identity: name(),
        alter,
        ..Script::default()
    };
    let bad_cert = DropReason::BadCertificate;
    let bad_identity = DropReason::BadIdentity;
    assert_dropped(
        altered(none().certificate(|cert| cert.app_ids = vec![7])),
        bad_cert,
        "another app",
    );
    assert_dropped(
        named(none().certificate(|cert| cert.app_ids.clear())),
        bad_cert,
        "a name and no app",
    );
    let malformed = none().certificate(|cert| cert.identity_string = Some("str:".repeat(20)));
    assert_dropped(altered(malformed), bad_identity, "a name that is too long");
    let no_name = none().certificate(|cert| cert.identity_string = Some(String::new()));
    assert_dropped(altered(no_name), bad_identity, "an empty name");
    // An address may be claimed in a certificate only.
    let beside = none()
        .certificate(|cert| {
            cert.identity_string = None;
            cert.legacy_identity_binary = None;
        })
        .connect_request(|request| {
            request.identity.identity_string = Some("ip:192.0.2.1:5".into());
        });
    assert_dropped(altered(beside), bad_identity, "somebody else's address");
    // What the packet says beside the certificate does not matter if that has a name.
    let other = none().connect_request(|request| {
        request.identity.identity_string = Some("str:mallory".into());
    });
    let talk = talk_with(Config::new(), named(other));
    assert_eq!(talk.stage.info(talk.id).identity, Some(name()));
    assert!(!talk.stage.info(talk.id).authenticated);
}

#[test]
fn class_07_a_giant_certificate_does_not_fit() {
    for (apps, is_sent) in [(100, true), (200, true), (2000, false)] {
        let alter = Alterations::default().certificate(move |cert| {
            cert.app_ids = (0..apps).collect();
        });
        let mut stage = Stage::listening();
        let mut peer = ScriptedPeer::new(Role::Client, 1, altered(alter));
        let made = stage.try_connect(&mut peer).is_some();
        assert_eq!(made, is_sent, "{apps} apps: {:?}", stage.endpoint.drops());
        let too_long = stage.endpoint.drops().of(DropReason::TooLong);
        assert_eq!(too_long, u64::from(!is_sent));
    }
}

#[test]
fn class_08_an_old_version_is_dropped_where_it_is_signed() {
    for version in [None, Some(0), Some(7)] {
        let alter = Alterations::default().session(move |info| info.protocol_version = version);
        assert_dropped(
            altered(alter),
            DropReason::OldProtocol,
            &format!("{version:?}"),
        );
    }
    // What a client says before does not count (wire.md 1.2), and newer versions are welcome.
    for version in [0, 1, 7, 99] {
        let alter = Alterations::default()
            .challenge_request(move |request| request.protocol_version = version);
        talk_with(Config::new(), altered(alter)).assert_still_works();
    }
    for version in [8, 9, 10, 12, 13, 99] {
        let script = Script {
            protocol_version: version,
            ..Script::default()
        };
        talk_with(Config::new(), script).assert_still_works();
    }
}

#[test]
fn class_08_ciphers_cannot_be_stripped_on_the_way() {
    // Who is between the two changes the offer, and cannot sign it.
    let stripped = Alterations::default().signed_session(|crypt| {
        if let Some(info) = &mut crypt.info {
            let last = info.len() - 1;
            assert_eq!(info[last - 1..], [0x28, 2], "the ciphers come last");
            info[last] = 1;
        }
    });
    assert_dropped(altered(stripped), DropReason::BadCrypt, "a stripped offer");
    // A client that wants none itself is refused by a server that wants encryption.
    let plain = Script {
        ciphers: vec![Cipher::Null],
        ..Script::default()
    };
    assert_refused_at_accept(plain, EndReason::REMOTE_BAD_CRYPT, "no encryption");
    // Of both, the server's preference counts.
    for (policy, is_encrypted) in [
        (EncryptionPolicy::Required, true),
        (EncryptionPolicy::Preferred, true),
        (EncryptionPolicy::Avoided, false),
        (EncryptionPolicy::Off, false),
    ] {
        let mut config = Config::new();
        config.set_encryption(policy);
        let script = Script {
            ciphers: vec![Cipher::Null, Cipher::Aes256Gcm],
            ..Script::default()
        };
        let mut talk = talk_with(config, script);
        assert_eq!(talk.stage.info(talk.id).encrypted, is_encrypted);
        talk.assert_still_works();
    }
    // Unknown ciphers do not exist, and none at all means AES.
    for numbers in [vec![], vec![9], vec![9, 2], vec![0, -1, 2]] {
        let alter = Alterations::default().session(move |info| info.ciphers = numbers.clone());
        let mut talk = talk_with(Config::new(), altered(alter));
        assert!(talk.stage.info(talk.id).encrypted);
        talk.assert_still_works();
    }
}
