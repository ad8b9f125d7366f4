//! Several accounts at one TURN server: what one is refused does not keep the others from their relay.

use super::*;
use crate::stun::IntegrityKey;

const REALM: &[u8] = b"example.net";

/// The key of the account of that name, whose password is the same.
pub(super) fn key_of(user: &str) -> IntegrityKey {
    IntegrityKey::long_term(user, REALM, user)
}

impl Lab {
    /// What a server says to somebody that it does not know, if it is one that asks.
    pub(super) fn refuse(&self, request: &Message<'_>) -> Option<Vec<u8>> {
        let accounts = self.accounts.as_ref()?;
        let is_known = request
            .username()
            .is_some_and(|user| accounts.contains(&user) && request.check_integrity(&key_of(user)));
        if is_known {
            return None;
        }
        let mut bytes = Vec::new();
        let (method, id) = (request.method(), request.transaction_id());
        let mut builder = Builder::new(&mut bytes, Class::Error, method, id);
        builder.error_code(401, "").realm(REALM).nonce(b"nonce");
        Some(bytes)
    }
}

/// Relays alone, by that account at one server.
fn account(user: &str) -> GatherConfig {
    let mut server = turn_server(TURN);
    server.user = user.into();
    server.password = user.into();
    let mut config = config(1);
    config.turn = vec![server];
    config
}

fn relay() -> String {
    format!("relay {RELAYED}")
}

#[test]
fn regression_an_account_that_is_refused_keeps_no_other_from_its_relay() {
    for [first, second] in [["good", "bad"], ["bad", "good"]] {
        let mut lab = Lab::new();
        lab.accounts = Some(vec!["good"]);
        lab.want(1, account(first));
        lab.want(2, account(second));
        lab.run_for(Span::from_secs(1));
        for number in [1, 2] {
            assert!(lab.told(number).contains(&relay()), "{first}: {number}");
        }
        let refused =
            format!("{TURN}: the TURN server does not accept the user name or the password");
        let expected: Vec<String> = match first {
            "bad" => vec![refused],
            _ => Vec::new(),
        };
        assert_eq!(lab.failures(1), expected);
        assert_eq!(
            lab.failures(2),
            Vec::<String>::new(),
            "nothing of another's account"
        );
    }
}

#[test]
fn accounts_at_one_server_are_tried_one_after_the_other() {
    let mut lab = Lab::new();
    lab.accounts = Some(vec!["c"]);
    for (number, user) in [(1, "a"), (2, "b"), (3, "c"), (4, "d")] {
        lab.want(number, account(user));
    }
    lab.run_for(Span::from_secs(1));
    // Two questions to each: the first is answered with what the second must prove.
    assert_eq!(lab.sent.len(), 2 + 2 + 2);
    assert!((1..=4).all(|number| lab.told(number).contains(&relay())));
    // One allocation serves all, for as long as anybody needs it.
    lab.gatherer.release(lab.now, connection(3));
    lab.run_for(Span::from_secs(400));
    assert!(!lab.told(1).iter().any(|told| told.starts_with("gone")));
    for number in [1, 2, 4] {
        lab.gatherer.release(lab.now, connection(number));
    }
    lab.run_for(Span::from_secs(400));
    assert_eq!(lab.gatherer.poll_timeout(), None);
}

#[test]
fn an_account_that_is_served_no_more_gives_way_to_the_next() {
    let mut lab = Lab::new();
    lab.accounts = Some(vec!["old"]);
    lab.want(1, account("old"));
    lab.want(2, account("new"));
    lab.accounts = Some(vec!["new"]);
    // It is refreshed after half of its life.
    lab.run_for(Span::from_secs(310));
    let told = lab.told(2);
    let [.., gone, again] = &told[..] else {
        panic!("{told:?}");
    };
    assert!(gone.starts_with("gone"), "{told:?}");
    assert_eq!(*again, relay());
    assert_eq!(lab.failures(1).len(), 1);
    assert_eq!(lab.failures(2), Vec::<String>::new());
}

#[test]
fn another_account_asks_only_when_the_first_has_given_back() {
    let mut lab = Lab::new();
    lab.accounts = Some(vec!["first", "second"]);
    lab.want(1, account("first"));
    lab.answering.clear();
    lab.gatherer.release(lab.now, connection(1));
    lab.want(2, account("second"));
    lab.answering = vec![at(TURN)];
    let before = lab.sent.len();
    lab.run_for(Span::from_secs(2));
    // The release is repeated, and answered now; then come both questions of the other account.
    assert_eq!(lab.sent.len(), before + 3);
    assert!(lab.told(2).contains(&relay()));
}

#[test]
fn accounts_that_are_all_refused_are_asked_less_and_less() {
    let mut lab = Lab::new();
    lab.accounts = Some(Vec::new());
    for (number, user) in [(1, "a"), (2, "b"), (3, "c")] {
        lab.want(number, account(user));
    }
    lab.run_for(Span::from_secs(3600));
    // Each as often as if it were alone.
    let mut alone = Lab::new();
    alone.accounts = Some(Vec::new());
    alone.want(1, account("a"));
    alone.run_for(Span::from_secs(3600));
    let (all, one) = (lab.sent.len(), alone.sent.len());
    assert!(all <= 3 * one, "{all} packets in an hour, and {one}");
    assert!((1..=3).all(|number| lab.failures(number).len() == 1));
}

#[test]
fn a_silent_server_is_not_asked_for_each_account() {
    let mut lab = Lab::new();
    lab.answering.clear();
    lab.want(1, account("a"));
    lab.want(2, account("b"));
    lab.run_for(Span::from_secs(6));
    assert_eq!(lab.sent.len(), 5);
    for number in [1, 2] {
        let silent = format!("{TURN}: the TURN server does not answer");
        assert_eq!(lab.failures(number), [silent]);
    }
}

#[test]
fn limit_accounts_that_are_remembered() {
    let mut lab = Lab::new();
    lab.accounts = Some(vec!["good"]);
    let count = MAX_RELAYS_PER_SOCKET as u32;
    for number in 1..=2 * count {
        lab.want(number, account(&format!("bad {number}")));
    }
    assert_eq!(lab.sent.len(), 2 * MAX_RELAYS_PER_SOCKET);
    // Those that nobody names any more make room.
    for number in 1..=2 * count {
        lab.gatherer.release(lab.now, connection(number));
    }
    lab.want(99, account("good"));
    assert!(lab.told(99).contains(&relay()));
}

#[test]
fn failures_beside_an_account_that_is_served_take_no_room_once_nobody_names_them() {
    let mut lab = Lab::new();
    lab.accounts = Some(vec!["good"]);
    let count = MAX_RELAYS_PER_SOCKET as u32;
    for number in 1..count {
        lab.want(number, account(&format!("bad {number}")));
    }
    lab.want(count, account("good"));
    // All pauses are over, and what is served stands in the way of another try.
    lab.run_for(Span::from_secs(400));
    for number in 1..count {
        lab.gatherer.release(lab.now, connection(number));
    }
    let mut other = account("good");
    other.turn[0].server = at(OTHER_TURN);
    lab.want(99, other);
    assert!(lab.told(99).contains(&relay()));
}
