//! What a hub says about the network.

use prost::Message as _;

use super::*;
use crate::cert::authority::KeyId;
use crate::hub::NetworkConfig;
use crate::hub::NetworkConfigError;
use crate::hub::SignedBody;
use crate::hub::limits::HUB_CONFIG_PATIENCE;
use crate::hub::limits::MAX_HUB_CONFIG;
use crate::wire::pb;

fn public(seed: u8) -> PublicKey {
    let key = SigningKey::from_seed([seed; 32]);
    PublicKey::new(key.public(&rustcrypto::provider())).unwrap()
}

fn network(revision: u64) -> NetworkConfig {
    NetworkConfig {
        revision,
        authorities: vec![public(9)],
        ..NetworkConfig::default()
    }
}

/// As key 1 has signed it.
fn signed(revision: u64) -> SignedBody {
    let key = SigningKey::from_seed([1; 32]);
    network(revision)
        .sign(&rustcrypto::provider(), &key)
        .unwrap()
}

fn told(revision: u64) -> FromHub {
    FromHub::Config {
        revision,
        body: Some(signed(revision)),
    }
}

/// What is heard but for how it stands.
fn heard(desk: &mut Desk) -> Vec<HubEvent> {
    let events = core::iter::from_fn(|| desk.client.poll_event());
    let stands = |event: &HubEvent| matches!(event, HubEvent::Availability { .. });
    events.filter(|event| !stands(event)).collect()
}

fn signed_in(keys: Vec<PublicKey>, revision: u64) -> Desk {
    let mut desk = Desk::new(HubLogin::Dev);
    desk.client = desk.client.with_network(keys, revision);
    desk.client.start(Some(vec![9]));
    desk.greet();
    desk.hear(&FromHub::Welcome(welcome()));
    heard(&mut desk);
    desk
}

#[test]
fn regression_what_the_hub_says_about_the_network_is_taken_up() {
    let mut desk = signed_in(Vec::new(), 0);
    desk.hear(&told(3));
    assert_eq!(heard(&mut desk), [HubEvent::Network(network(3))]);
    desk.hear(&told(3));
    assert_eq!(heard(&mut desk), [HubEvent::NetworkKnown]);
    desk.hear(&told(4));
    assert_eq!(heard(&mut desk), [HubEvent::Network(network(4))]);
}

#[test]
fn an_older_revision_is_refused_also_by_a_client_that_is_told_what_is_known() {
    let mut desk = signed_in(Vec::new(), 3);
    desk.hear(&told(4));
    heard(&mut desk);
    desk.hear(&told(3));
    let (revision, known) = (3, 4);
    let older = NetworkConfigError::Older { revision, known };
    assert_eq!(heard(&mut desk), [HubEvent::NetworkRefused(older)]);
    let mut desk = signed_in(Vec::new(), 5);
    desk.hear(&told(4));
    let (revision, known) = (4, 5);
    let older = NetworkConfigError::Older { revision, known };
    assert_eq!(heard(&mut desk), [HubEvent::NetworkRefused(older)]);
}

#[test]
fn a_named_key_is_the_only_one() {
    let mut desk = signed_in(vec![public(7), public(1)], 0);
    desk.hear(&told(3));
    assert_eq!(heard(&mut desk), [HubEvent::Network(network(3))]);
    let mut desk = signed_in(vec![public(7)], 0);
    desk.hear(&told(3));
    let id = KeyId::of(public(1).as_bytes());
    let unknown = NetworkConfigError::UnknownKey(id);
    assert_eq!(heard(&mut desk), [HubEvent::NetworkRefused(unknown)]);
}

#[test]
fn what_was_not_signed_so_is_refused_and_the_session_goes_on() {
    let mut desk = signed_in(Vec::new(), 0);
    let mut body = signed(3);
    body.signature[0] ^= 1;
    desk.hear(&FromHub::Config {
        revision: 3,
        body: Some(body),
    });
    let bad = HubEvent::NetworkRefused(NetworkConfigError::BadSignature);
    assert_eq!(heard(&mut desk), [bad]);
    assert_eq!(desk.actions(), []);
    assert_eq!(desk.client.availability(), Availability::Current);
    // Nor does the number beside it count.
    desk.hear(&FromHub::Config {
        revision: u64::MAX,
        body: Some(signed(1)),
    });
    assert_eq!(heard(&mut desk), [HubEvent::Network(network(1))]);
}

#[test]
fn the_certificate_waits_for_what_is_new_about_the_network() {
    let certificate = HubEvent::Certificate(vec![1, 2, 3]);
    let promising = |desk: &mut Desk, config_revision| {
        let welcome = Welcome {
            config_revision,
            ..welcome()
        };
        desk.hear(&FromHub::Welcome(welcome));
        let mut heard = heard(desk);
        assert!(matches!(heard.remove(0), HubEvent::SignedIn { .. }));
        heard
    };
    let (mut desk, _) = Desk::greeting();
    assert_eq!(promising(&mut desk, 3), []);
    desk.hear(&FromHub::Unknown);
    assert_eq!(heard(&mut desk), []);
    desk.hear(&told(3));
    let both = [HubEvent::Network(network(3)), certificate.clone()];
    assert_eq!(heard(&mut desk), both);
    // What is known already is not waited for.
    desk.client.on_disconnected(desk.now, "gone");
    desk.wait();
    desk.greet();
    assert_eq!(promising(&mut desk, 3), std::slice::from_ref(&certificate));
    // A hub that says something else first says nothing of it.
    let (mut desk, _) = Desk::greeting();
    assert_eq!(promising(&mut desk, 3), []);
    desk.hear(&FromHub::Nack {
        number: 1,
        reason: None,
    });
    assert_eq!(heard(&mut desk).first(), Some(&certificate));
}

#[test]
fn regression_a_certificate_is_not_kept_for_a_word_that_does_not_come() {
    // Who has no request could not ask for another certificate, either.
    for request in [Some(vec![9]), None] {
        let mut desk = Desk::new(HubLogin::Dev);
        desk.client.start(request);
        desk.greet();
        let config_revision = 3;
        desk.hear(&FromHub::Welcome(Welcome {
            config_revision,
            ..welcome()
        }));
        assert_eq!(heard(&mut desk).len(), 1, "signed in, and no certificate");
        assert_eq!(desk.wait(), HUB_CONFIG_PATIENCE);
        assert_eq!(heard(&mut desk), [HubEvent::Certificate(vec![1, 2, 3])]);
        assert_eq!(desk.said(), []);
        assert_eq!(
            desk.client.poll_timeout(),
            None,
            "its owner says for how long"
        );
        // The word may come later.
        desk.hear(&told(3));
        assert_eq!(heard(&mut desk), [HubEvent::Network(network(3))]);
    }
}

#[test]
fn regression_a_malformed_key_beside_the_network_does_not_end_the_session() {
    let malformed = || FromHub::Config {
        revision: 3,
        body: Some(SignedBody {
            key: Some(vec![1; 31]),
            ..signed(3)
        }),
    };
    let mut desk = signed_in(Vec::new(), 0);
    desk.hear(&malformed());
    let bad = NetworkConfigError::Malformed("the key");
    assert_eq!(heard(&mut desk), [HubEvent::NetworkRefused(bad)]);
    assert_eq!(desk.actions(), []);
    // Who names a key does not look at it.
    let mut desk = signed_in(vec![public(1)], 0);
    desk.hear(&malformed());
    assert_eq!(heard(&mut desk), [HubEvent::Network(network(3))]);
}

#[test]
fn regression_whatever_is_malformed_about_the_network_the_session_goes_on() {
    let cases: [(fn(&mut SignedBody), NetworkConfigError); 5] = [
        (
            |body| body.signature.truncate(63),
            NetworkConfigError::Malformed("the signature"),
        ),
        (
            |body| body.signature.clear(),
            NetworkConfigError::Malformed("the signature"),
        ),
        (
            |body| body.key_id = None,
            NetworkConfigError::Malformed("the ID of the key"),
        ),
        (
            |body| body.body.resize(MAX_HUB_CONFIG + 1, 0),
            NetworkConfigError::TooMany("bytes"),
        ),
        (|body| body.body.clear(), NetworkConfigError::BadSignature),
    ];
    for keys in [Vec::new(), vec![public(1)]] {
        let mut desk = signed_in(keys, 0);
        for (change, error) in cases {
            let mut body = signed(3);
            change(&mut body);
            desk.hear(&FromHub::Config {
                revision: 3,
                body: Some(body),
            });
            assert_eq!(heard(&mut desk), [HubEvent::NetworkRefused(error)]);
        }
        // The number beside it may be missing, too.
        let body = signed(3);
        let message = pb::FromHub {
            config: Some(pb::HubConfig {
                revision: None,
                body: Some(body.body),
                signature: Some(body.signature),
                key_id: body.key_id,
                key: body.key,
            }),
            ..pb::FromHub::default()
        };
        desk.client.on_message(desk.now, &message.encode_to_vec());
        assert_eq!(heard(&mut desk), [HubEvent::Network(network(3))]);
        assert_eq!(desk.actions(), []);
    }
}

#[test]
fn who_is_not_signed_in_takes_nothing() {
    let (mut desk, _) = Desk::greeting();
    heard(&mut desk);
    desk.hear(&told(3));
    assert_eq!(heard(&mut desk), []);
}

#[test]
fn regression_who_follows_the_network_no_more_is_told_again_and_of_nothing_older() {
    let mut desk = Desk::new(HubLogin::Dev);
    desk.client = desk.client.with_network(Vec::new(), 3).unfollowing();
    desk.client.start(Some(vec![9]));
    desk.greet();
    let config_revision = 3;
    desk.hear(&FromHub::Welcome(Welcome {
        config_revision,
        ..welcome()
    }));
    assert_eq!(heard(&mut desk).len(), 1, "the certificate waits");
    desk.hear(&told(2));
    let (revision, known) = (2, 3);
    let older = HubEvent::NetworkRefused(NetworkConfigError::Older { revision, known });
    assert_eq!(heard(&mut desk).first(), Some(&older));
    desk.hear(&told(3));
    assert_eq!(heard(&mut desk), [HubEvent::Network(network(3))]);
    desk.hear(&told(3));
    assert_eq!(heard(&mut desk), [HubEvent::NetworkKnown]);
}
