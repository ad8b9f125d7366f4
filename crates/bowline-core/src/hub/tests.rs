//! Every message there and back, and what is none.

use std::string::String;
use std::string::ToString as _;
use std::vec;
use std::vec::Vec;

use proptest::prelude::*;
use prost::Message as _;

use super::*;
use crate::crypto::keys::SigningKey;
use crate::crypto::rustcrypto::provider;
use crate::hub::limits::MAX_HUB_CONFIG;
use crate::hub::limits::MAX_HUB_CREDENTIAL;
use crate::hub::limits::MAX_HUB_MESSAGE;
use crate::hub::limits::MAX_HUB_PROOF;
use crate::hub::limits::MAX_HUB_RESUME;
use crate::ids::AppId;
use crate::limits::MAX_CERT_BYTES;
use crate::limits::MAX_CLOSE_TEXT;
use crate::limits::MAX_IDENTITY_UNKNOWN;
use crate::limits::MAX_SIGNAL;
use crate::time::Span;
use crate::wire::pb;

fn hello() -> Hello {
    Hello {
        protocol: HUB_PROTOCOL,
        app: AppId::new(480),
        role: Role::GameServer,
        method: Ok(Method::Jwt),
        credential: b"secret token".to_vec(),
        wanted_identity: Some("str:anna".parse().unwrap()),
        version: "a game 1.2".into(),
        certificate_request: Some(vec![1, 2, 3]),
    }
}

fn welcome() -> Welcome {
    Welcome {
        identity: "str:anna".parse().unwrap(),
        session: 7,
        unix_ms: 1_700_000_000_123,
        seen_address: Some("192.0.2.1:4000".parse().unwrap()),
        config_revision: 3,
        resume: b"secret sealed".to_vec(),
        certificate: Some(vec![4, 5]),
        max_signal: 16_384,
    }
}

fn signal(payload: Vec<u8>) -> HubSignal {
    HubSignal {
        number: 9,
        peer: "str:ben".into(),
        payload,
    }
}

#[test]
fn what_clients_say_comes_back_as_it_was() {
    let all = [
        ToHub::Hello(hello()),
        ToHub::Hello(Hello {
            method: Err(77),
            wanted_identity: None,
            certificate_request: None,
            ..hello()
        }),
        ToHub::Proof(vec![8; MAX_HUB_PROOF]),
        ToHub::Signal(signal(vec![9; MAX_SIGNAL])),
        ToHub::Certificate(vec![1; 200]),
        ToHub::Unknown,
    ];
    for message in all {
        assert_eq!(ToHub::parse(&message.encode()), Ok(message));
    }
}

#[test]
fn what_hubs_say_comes_back_as_it_was() {
    let key = SigningKey::from_seed([1; 32]).public(&provider());
    let body = SignedBody {
        body: vec![7; MAX_HUB_CONFIG],
        signature: vec![3; 64],
        key_id: Some(5),
        key: Some(key.to_vec()),
    };
    let all = [
        FromHub::Challenge([7; 32]),
        FromHub::Welcome(welcome()),
        FromHub::Refused(Refused {
            reason: Some(Refusal::Busy),
            text: "later".into(),
            retry_after: Span::from_secs(3),
        }),
        FromHub::Signal(signal(vec![0; 100])),
        FromHub::Nack {
            number: 4,
            reason: Some(NackReason::Forbidden),
        },
        FromHub::Certificate(vec![1; 300]),
        FromHub::Goodbye {
            reason: None,
            text: String::new(),
            retry_after: Span::ZERO,
        },
        FromHub::Config {
            revision: 9,
            body: None,
        },
        FromHub::Config {
            revision: 10,
            body: Some(body.clone()),
        },
        FromHub::Config {
            revision: 11,
            body: Some(SignedBody { key: None, ..body }),
        },
        FromHub::Resume(Resumption(vec![6; MAX_HUB_RESUME])),
        FromHub::Unknown,
    ];
    for message in all {
        assert_eq!(FromHub::parse(&message.encode()), Ok(message));
    }
}

#[test]
fn limit_lengths_in_messages_of_hubs() {
    let too_long = vec![0; MAX_HUB_MESSAGE + 1];
    let error = HubMessageError::TooLong(too_long.len());
    assert_eq!(ToHub::parse(&too_long), Err(error));
    assert_eq!(FromHub::parse(&too_long), Err(error));
    let long = [
        ToHub::Proof(vec![0; MAX_HUB_PROOF + 1]),
        ToHub::Certificate(vec![0; MAX_CERT_BYTES + 1]),
        ToHub::Hello(Hello {
            credential: vec![0; MAX_HUB_CREDENTIAL + 1],
            ..hello()
        }),
        ToHub::Signal(HubSignal {
            peer: "x".repeat(MAX_IDENTITY_UNKNOWN + 1),
            ..signal(Vec::new())
        }),
    ];
    for message in long {
        let error = ToHub::parse(&message.encode()).unwrap_err();
        assert!(
            matches!(error, HubMessageError::FieldTooLong { .. }),
            "{error}"
        );
    }
    let welcome = Welcome {
        resume: vec![0; MAX_HUB_RESUME + 1],
        ..welcome()
    };
    FromHub::parse(&FromHub::Welcome(welcome).encode()).unwrap_err();
    let resumption = Resumption(vec![0; MAX_HUB_RESUME + 1]);
    FromHub::parse(&FromHub::Resume(resumption).encode()).unwrap_err();
    let refused = Refused {
        reason: None,
        text: "ä".repeat(MAX_CLOSE_TEXT),
        retry_after: Span::ZERO,
    };
    let FromHub::Refused(cut) = FromHub::parse(&FromHub::Refused(refused).encode()).unwrap() else {
        panic!("something else");
    };
    assert_eq!(cut.text, "ä".repeat(MAX_CLOSE_TEXT / 2));
}

#[test]
fn what_is_missing_or_wrong_is_named() {
    let parse = |hello: pb::HubHello| {
        let message = pb::ToHub {
            hello: Some(hello),
            ..pb::ToHub::default()
        };
        ToHub::parse(&message.encode_to_vec())
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        parse(pb::HubHello::default()),
        "the message lacks the method"
    );
    let whole = || {
        let bytes = ToHub::Hello(hello()).encode();
        pb::ToHub::decode(&*bytes).unwrap().hello.unwrap()
    };
    let strange = pb::HubHello {
        wanted_identity: Some(b"nonsense".to_vec()),
        ..whole()
    };
    assert_eq!(parse(strange), "the identity in the message is malformed");
    let strange = pb::HubHello {
        role: Some(99),
        ..whole()
    };
    assert_eq!(parse(strange), "the role in the message is malformed");
    assert_eq!(ToHub::parse(&[0xff]), Err(HubMessageError::Malformed));
    let nameless = ToHub::Signal(HubSignal {
        peer: String::new(),
        ..signal(Vec::new())
    });
    let error = ToHub::parse(&nameless.encode());
    assert_eq!(error, Err(HubMessageError::Lacks("the peer")));
}

#[test]
fn regression_a_text_with_a_zero_reads_as_it_is_written() {
    let bytes = |version: &[u8]| {
        let whole = ToHub::Hello(hello()).encode();
        let mut message = pb::ToHub::decode(&*whole).unwrap();
        message.hello.as_mut().unwrap().version = Some(version.to_vec());
        message.encode_to_vec()
    };
    for version in [&b"a\x10\0e"[..], &[0xff; 200], &[0xc3; MAX_CLOSE_TEXT]] {
        let read = ToHub::parse(&bytes(version)).unwrap();
        assert_eq!(ToHub::parse(&read.encode()), Ok(read));
    }
}

#[test]
fn what_is_printed_for_debugging_shows_no_secret() {
    let printed = std::format!("{:?} {:?}", hello(), welcome());
    assert!(printed.contains("a game 1.2") && !printed.contains("115, 101"));
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = ToHub::parse(&bytes);
        let _ = FromHub::parse(&bytes);
    }

    #[test]
    fn what_is_parsed_is_written_as_it_was_meant(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(message) = ToHub::parse(&bytes) {
            prop_assert_eq!(ToHub::parse(&message.encode()), Ok(message));
        }
        if let Ok(message) = FromHub::parse(&bytes) {
            prop_assert_eq!(FromHub::parse(&message.encode()), Ok(message));
        }
    }
}
