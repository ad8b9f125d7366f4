use bowline_core::time::Timestamp;

use super::*;
use crate::dev;
use crate::dev::DevOptions;
use crate::hub::Policy;
use crate::keys::HubKeys;
use crate::server::NoChecker;
use crate::server::Running;
use crate::server::Setup;
use crate::store::LocalStore;
use crate::store::SystemClock;

/// A hub, and the operator of one with these keys.
fn start(keys: &HubKeys) -> (Running, Operator) {
    let options = DevOptions {
        listen: "127.0.0.1:0".parse().unwrap(),
        ..DevOptions::default()
    };
    let hub = dev::start(&options, Box::new(drop)).unwrap();
    let store = LocalStore::in_memory(Arc::new(SystemClock::new()));
    let operator = Operator {
        hub: hub.handle().clone(),
        decisions: Decisions::new(Arc::new(store)),
        publisher: Publisher::new(&[], &[], keys, &bowline::cert::default_crypto()),
        published: Published::default(),
        turn: Mutex::new(()),
    };
    (hub, operator)
}

/// A hub that does not run yet.
fn server(keys: &HubKeys) -> Server {
    Server::new(Setup {
        listen: vec!["127.0.0.1:0".parse().unwrap()],
        keys: keys.clone(),
        policy: Policy::default(),
        checker: Arc::new(NoChecker),
    })
    .unwrap()
}

fn keys() -> HubKeys {
    HubKeys::generate(&bowline::cert::default_crypto()).unwrap()
}

#[test]
fn regression_the_hub_revokes_no_key_of_its_own_and_starts_with_none_that_is() {
    let (mut keys, next) = (keys(), keys().authority);
    keys.other_authorities.push(next.clone());
    let (_hub, operator) = start(&keys);
    for (id, own) in [
        (keys.authority.id(), OwnKey::Authority),
        (keys.identity.id(), OwnKey::Identity),
        (keys.config.id(), OwnKey::Config),
    ] {
        let error = operator.revoke(id).unwrap_err();
        assert_eq!(error, OperatorError::OwnKey(id, own));
        assert!(error.to_string().contains("first"), "{error}");
        operator.decisions.keep_revoked(id).unwrap();
        let started = check_own_keys(&operator.publisher, &operator.decisions);
        assert_eq!(started, Err(OperatorError::OwnKeyRevoked(id, own)));
        operator.decisions.forget_revoked(id).unwrap();
    }
    // One that does not sign may be revoked, and only then keeps from starting when it is to sign.
    assert!(operator.revoke(next.id()).unwrap().is_news);
    check_own_keys(&operator.publisher, &operator.decisions).unwrap();
    keys.authority = next;
    let publisher = Publisher::new(&[], &[], &keys, &bowline::cert::default_crypto());
    let error = check_own_keys(&publisher, &operator.decisions).unwrap_err();
    assert!(error.to_string().contains("nobody is to trust"), "{error}");
}

#[test]
fn regression_what_cannot_be_told_of_a_key_is_as_it_was() {
    let (hub, operator) = start(&keys());
    let [revoked, other] = [KeyId::new(7), KeyId::new(8)];
    operator.revoke(revoked).unwrap();
    drop(hub);
    let stopped = Err(OperatorError::Stopped(Stopped));
    assert_eq!(operator.unrevoke(revoked), stopped);
    assert_eq!(operator.revoke(other), stopped);
    assert_eq!(operator.revoked(), Ok(vec![(revoked, false)]));
}

#[test]
fn regression_what_is_too_much_for_the_start_is_told_with_what_to_shorten() {
    let (keys, crypto) = (keys(), bowline::cert::default_crypto());
    let store: Arc<dyn Store> = Arc::new(LocalStore::in_memory(Arc::new(SystemClock::new())));
    let decisions = Decisions::new(Arc::clone(&store));
    // The first one is in the settings, too.
    for id in 1..=5 {
        decisions.keep_revoked(KeyId::new(id)).unwrap();
    }
    let settings = |most: u64| -> Vec<KeyId> {
        let others = (1_000..999 + most).map(KeyId::new);
        std::iter::once(KeyId::new(1)).chain(others).collect()
    };
    let mut server = server(&keys);
    let mut open = |settings: &[KeyId]| {
        let publisher = Publisher::new(&[], settings, &keys, &crypto);
        let store = Arc::clone(&store);
        Operator::open(&mut server, store, publisher, Published::default()).map(drop)
    };
    let most = MAX_NETWORK_REVOKED as u64;
    let error = open(&settings(most)).unwrap_err().to_string();
    for words in ["[network] revoked has 4096", "4 others", "take 4 out"] {
        assert!(error.contains(words), "{words}: {error}");
    }
    open(&settings(most - 4)).unwrap();
}

#[test]
fn what_could_not_be_put_back_is_told() {
    let error = OperatorError::Stopped(Stopped);
    assert_eq!(after_restoring(error.clone(), Ok(())), error);
    let full = StoreError::Full("no space left".to_owned());
    let told = after_restoring(error, Err(full.clone()));
    assert_eq!(told, OperatorError::NotTold(full));
    assert!(told.to_string().contains("next start"), "{told}");
}

#[test]
fn regression_a_hub_that_starts_with_a_clock_that_is_ahead_lets_nobody_in_later() {
    // Long ago by the clock of the start.
    let mut server = restarted([("str:dev-anna".to_owned(), Some(1000))]);
    let now = Timestamp::from_micros(0);
    server.hub_mut().set_unix_time(now, 999_000_000);
    assert_eq!(server.hub_mut().blocks(), 1, "the clock was set back");
    server.hub_mut().set_unix_time(now, 1_000_000_000);
    assert_eq!(server.hub_mut().blocks(), 0);
}

#[test]
fn regression_limit_a_hub_that_starts_has_room_for_the_blocks_that_hold_longest() {
    // By the order of their names those who stay out for longest are last.
    let soon = Clock::unix_seconds() + 1000;
    let ending = (0..MAX_BLOCKS).map(|number| (format!("str:{number}"), Some(soon)));
    let lasting = [("str:y", Some(soon + 1)), ("str:z", None)];
    let lasting = lasting.map(|(name, until)| (name.to_owned(), until));
    let mut server = restarted(ending.chain(lasting.clone()));
    assert_eq!(server.hub_mut().blocks(), MAX_BLOCKS);
    for (name, _) in lasting {
        assert!(server.hub_mut().unblock(&name.parse().unwrap()), "{name}");
    }
}

/// A hub that starts with these blocks in its store: whom, and until when.
fn restarted(blocks: impl IntoIterator<Item = (String, Option<u64>)>) -> Server {
    let keys = keys();
    let crypto = bowline::cert::default_crypto();
    let store: Arc<dyn Store> = Arc::new(LocalStore::in_memory(Arc::new(SystemClock::new())));
    let decisions = Decisions::new(Arc::clone(&store));
    for (name, until_unix_secs) in blocks {
        let kept = KeptBlock {
            identity: name.parse().unwrap(),
            since_unix_secs: 1,
            block: Block {
                until_unix_secs,
                text: String::new(),
            },
        };
        decisions.keep_block(&kept).unwrap();
    }
    let mut server = server(&keys);
    let publisher = Publisher::new(&[], &[], &keys, &crypto);
    Operator::open(&mut server, store, publisher, Published::default()).unwrap();
    server
}
