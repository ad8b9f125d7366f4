//! Keys that the operator has nobody trust any more.

use std::sync::Arc;

use bowline::Availability;
use bowline::ConnectionState;
use bowline::EndReason;
use bowline::Event;
use bowline::Sockets;
use bowline::hub::HubLogin;
use bowline_core::hub::limits::MAX_NETWORK_REVOKED;
use bowline_hub::http::NetworkConfig;
use bowline_hub::operator::Operator;
use bowline_hub::operator::OperatorError;
use bowline_hub::operator::OwnKey;
use bowline_hub::operator::Publisher;
use bowline_hub::server::NoChecker;
use bowline_hub::server::Setup;
use bowline_hub::store::Decisions;
use bowline_hub::store::LocalStore;
use bowline_hub::store::Store;
use bowline_hub::store::SystemClock;
use serde_json::json;

use crate::KeyId;
use crate::Place;
use crate::world::PORT;
use crate::world::World;
use crate::world::eventually;
use crate::world::id;
use crate::world::policy;
use crate::world::server;
use crate::world::until;

fn memory() -> Arc<dyn Store> {
    Arc::new(LocalStore::in_memory(Arc::new(SystemClock::new())))
}

/// A hub whose operator may decide on keys.
fn begin(world: &mut World, store: Arc<dyn Store>) -> Operator {
    let mut server = server(|| Setup {
        listen: vec![world.address],
        keys: world.keys.clone(),
        policy: world.policy.clone(),
        checker: Arc::new(NoChecker),
    });
    let crypto = bowline::cert::default_crypto();
    let publisher = Publisher::new(&[], &[], &world.keys, &crypto);
    let operator = Operator::open(&mut server, store, publisher, NetworkConfig::default());
    world.hub = Some(server.spawn(Box::new(drop)).unwrap());
    operator.unwrap()
}

/// Calls somebody who accepts, and says how that ended, or that it did not.
fn call(from: &Sockets, to: &Sockets, name: &str) -> Result<(), EndReason> {
    let calling = from.connect_peer(&id(name), PORT).unwrap();
    eventually("it is decided", || {
        for event in to.events() {
            if let Event::ConnectionChanged(change) = event
                && change.is_request()
            {
                change.connection.accept().unwrap();
            }
        }
        let state = calling.state();
        state == ConnectionState::Connected || state == ConnectionState::ProblemDetectedLocally
    });
    let is_connected = calling.state() == ConnectionState::Connected;
    let reason = calling.info().unwrap().end_reason;
    let _ = calling.close(EndReason::APP_GENERIC, "", false);
    is_connected.then_some(()).ok_or(reason)
}

fn revision(sockets: &Sockets) -> u64 {
    sockets.hub_status().unwrap().network_revision
}

#[test]
fn who_has_a_revoked_key_is_refused_by_peers_from_then_on() {
    let (mut world, store) = (World::without_hub(policy()), memory());
    let operator = begin(&mut world, Arc::clone(&store));
    let anna = world.signed_in("str:dev-anna");
    let ben = world.signed_in("str:dev-ben");
    let _listener = ben.listen_p2p(PORT).unwrap();
    eventually("both have heard", || {
        revision(&anna).min(revision(&ben)) > 0
    });
    assert_eq!(call(&anna, &ben, "str:dev-ben"), Ok(()));
    let key = ben.public_key().unwrap().id();
    let first = operator.revoke(key).unwrap();
    assert!(first.is_news && !first.is_in_settings);
    eventually("anna has heard", || revision(&anna) == first.revision);
    let refused = Err(EndReason::REMOTE_BAD_CERT);
    assert_eq!(call(&anna, &ben, "str:dev-ben"), refused);
    // Again it is nothing new, also not after a restart.
    let again = operator.revoke(key).unwrap();
    assert_eq!((again.is_news, again.revision), (false, first.revision));
    drop(operator);
    world.kill();
    let operator = begin(&mut world, store);
    assert_eq!(operator.revoked().unwrap(), [(key, false)]);
    let cleo = world.signed_in("str:dev-cleo");
    eventually("cleo has heard", || revision(&cleo) == first.revision);
    // Taken back, it is good again: for the hub, which did not let ben in with it, and for peers.
    eventually("ben is refused", || {
        ben.hub_status().unwrap().text.contains("revoked")
    });
    assert!(!ben.authentication().availability.is_current());
    let back = operator.unrevoke(key).unwrap();
    assert!(back.is_news && back.revision > first.revision);
    eventually("cleo has heard", || revision(&cleo) == back.revision);
    ben.sign_in(world.config(HubLogin::Dev));
    until(&ben, Availability::Current);
    eventually("ben has heard", || revision(&ben) == back.revision);
    assert_eq!(call(&cleo, &ben, "str:dev-ben"), Ok(()));
}

#[test]
fn keys_are_revoked_over_http_and_told_to_those_who_fetch() {
    let place = Place::new();
    let revoke = |key: &str| place.post("/admin/revoke", &json!({"key": key}));
    let revoked = || place.json("/admin/revoked")["revoked"].clone();
    assert_eq!(revoked(), json!([{"key": "7", "by_settings": true}]));
    let largest = u64::MAX.to_string();
    let answer = revoke(&largest);
    assert_eq!(
        (&answer["changed"], &answer["revoked_by_settings"]),
        (&json!(true), &json!(false))
    );
    let first = answer["revision"].as_u64().unwrap();
    assert_eq!(revoke(&largest)["changed"], false);
    let of_settings = revoke("7");
    assert_eq!(
        of_settings,
        json!({"changed": false, "revoked_by_settings": true, "revision": first})
    );
    let both = json!([{"key": "7", "by_settings": true}, {"key": largest, "by_settings": false}]);
    assert_eq!(revoked(), both);
    let unrevoke = |key: &str| place.post("/admin/unrevoke", &json!({"key": key}));
    assert_eq!(
        unrevoke("7")["changed"],
        false,
        "the settings say otherwise"
    );
    let answer = unrevoke(&largest);
    assert_eq!(answer["changed"], true);
    assert!(answer["revision"].as_u64().unwrap() > first);
    assert_eq!(revoked(), json!([{"key": "7", "by_settings": true}]));
}

#[test]
fn keys_that_make_no_sense_are_told_what_does() {
    let place = Place::new();
    for path in ["/admin/revoke", "/admin/unrevoke"] {
        for (body, words) in [
            ("", "expected {\"key\": \"1234567890\"}"),
            ("{}", "missing field `key`"),
            (r#"{"key": 7}"#, "expected a string"),
            (r#"{"key": ""}"#, "is no ID of a key"),
            (r#"{"key": "-1"}"#, "is no ID of a key"),
            (r#"{"key": "18446744073709551616"}"#, "is no ID of a key"),
            (r#"{"key": "ssh-ed25519 AAAA"}"#, "is no ID of a key"),
            (r#"{"key": "7", "identity": "str:anna"}"#, "unknown field"),
        ] {
            let answer = place.admin("POST", path, body);
            assert_eq!(answer.status, 400, "{body}");
            assert!(answer.body.contains(words), "{body}: {}", answer.body);
        }
    }
}

#[test]
fn the_hub_does_not_revoke_its_own_authority() {
    let mut world = World::without_hub(policy());
    let own = world.keys.authority.id();
    let operator = begin(&mut world, memory());
    let error = operator.revoke(own).unwrap_err();
    assert_eq!(error, OperatorError::OwnKey(own, OwnKey::Authority));
    assert!(
        error.to_string().contains("promote another key first"),
        "{error}"
    );
    assert_eq!(operator.revoked(), Ok(Vec::new()));
}

#[test]
fn limit_keys_that_the_operator_revokes() {
    let (mut world, store) = (World::without_hub(policy()), memory());
    let decisions = Decisions::new(Arc::clone(&store));
    for number in 1..MAX_NETWORK_REVOKED as u64 {
        decisions.keep_revoked(KeyId::new(number)).unwrap();
    }
    let operator = begin(&mut world, store);
    operator.revoke(KeyId::new(1_000_000)).unwrap();
    let error = operator.revoke(KeyId::new(1_000_001)).unwrap_err();
    assert_eq!(error, OperatorError::TooManyRevoked);
    assert_eq!(
        error.to_string(),
        "at most 4096 keys can be revoked, by the settings ([network] revoked) and over HTTP together: take some back"
    );
    // Nothing of it is left that would keep the hub from starting.
    assert_eq!(operator.revoked().unwrap().len(), MAX_NETWORK_REVOKED);
    operator.unrevoke(KeyId::new(1)).unwrap();
    operator.revoke(KeyId::new(1_000_001)).unwrap();
}
