use super::*;
use crate::config::ConfigKey;
use crate::config::ConfigScope;

const NOW: Timestamp = Timestamp::from_micros(5_000_000);

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn budget() -> Budget {
    Budget::new(&mut Rng::from_seed([5; 32]))
}

fn rates(values: &[(ConfigKey, i32)]) -> Rates {
    let mut config = Config::at(ConfigScope::Interface);
    for (key, value) in values {
        config.set(*key, *value).unwrap();
    }
    Rates::of(&config, ip("10.0.0.1")).unwrap()
}

#[test]
fn limit_requests_of_a_network() {
    let mut budget = budget();
    let rates = rates(&[]);
    let at_once = u64::from(limits::NETWORK_REQUESTS_PER_SECOND)
        * limits::NETWORK_LIMIT_BURST.as_micros()
        / 1_000_000;
    for host in 0..at_once {
        let from = ip(&alloc::format!("10.0.0.{}", host % 256));
        assert_eq!(budget.take_request(NOW, from, &rates), Ok(()));
    }
    let refused = Err(DropReason::NetworkOverload);
    assert_eq!(budget.take_request(NOW, ip("10.0.0.7"), &rates), refused);
    assert_eq!(
        budget.take_request(NOW, ip("::ffff:10.0.0.7"), &rates),
        refused
    );
    assert_eq!(budget.take_request(NOW, ip("10.0.1.7"), &rates), Ok(()));
    let later = NOW + Span::from_millis(500);
    let passed = (0..1000)
        .filter(|_| budget.take_request(later, ip("10.0.0.8"), &rates).is_ok())
        .count();
    assert_eq!(passed, limits::NETWORK_REQUESTS_PER_SECOND as usize / 2);
}

#[test]
fn limit_networks_of_ipv6_are_56_bits_wide() {
    let mut budget = budget();
    let rates = rates(&[(ConfigKey::LimitNetworkRequests, 1)]);
    let mut take = |from| budget.take_request(NOW, ip(from), &rates).is_ok();
    assert!(take("2001:db8:0:ff00::1") && take("2001:db8:0:ffff:1::1"));
    assert!(!take("2001:db8:0:ff77::2"), "the burst of two is used up");
    assert!(take("2001:db8:0:fe00::1"), "another network");
}

#[test]
fn limit_failures_of_a_network_hold_when_signatures_run_short() {
    let mut budget = budget();
    let rates = rates(&[(ConfigKey::LimitSignatures, 2000)]);
    let (bad, good) = (ip("10.0.0.1"), ip("10.0.1.1"));
    for _ in 0..100 {
        budget.note_failure(NOW, bad, &rates);
    }
    let mut check = |at, from| budget.take_signatures(at, from, &rates, 1);
    for _ in 0..51 {
        assert_eq!(check(NOW, bad), Ok(()), "there is no need yet");
    }
    assert_eq!(check(NOW, bad), Err(DropReason::NetworkOverload));
    for _ in 51..100 {
        assert_eq!(check(NOW, good), Ok(()));
    }
    assert_eq!(check(NOW, good), Err(DropReason::SignatureOverload));
    let later = NOW + limits::NETWORK_FAILURE_MEMORY;
    for _ in 0..60 {
        assert_eq!(check(later, bad), Ok(()), "all is forgotten");
    }
}

#[test]
fn limit_what_one_network_asks_holds_only_under_pressure() {
    let mut budget = budget();
    let rates = rates(&[
        (ConfigKey::LimitChallenges, 20_000),
        (ConfigKey::LimitNetworkChallenges, 10),
    ]);
    let mut ask = |from| budget.take_challenge(NOW, ip(from), &rates);
    // A thousand are there at once.
    for n in 0..500 {
        assert_eq!(
            ask("10.0.0.1"),
            Ok(()),
            "{n}: anybody can pretend to be there"
        );
    }
    assert_eq!(ask("10.0.0.2"), Ok(()), "half of it is left");
    assert_eq!(ask("10.0.0.2"), Err(DropReason::NetworkOverload));
    for n in 0..20 {
        assert_eq!(ask("10.0.1.1"), Ok(()), "{n}: another one has its share");
    }
    assert_eq!(ask("10.0.1.1"), Err(DropReason::NetworkOverload));
}

#[test]
fn limit_challenges_of_all() {
    let mut budget = budget();
    let rates = rates(&[]);
    let passed = (0..60_000u32)
        .filter(|n| {
            let from = IpAddr::from((0x0B00_0000 + (n << 8)).to_be_bytes());
            budget.take_challenge(NOW, from, &rates).is_ok()
        })
        .count();
    let at_once = u64::from(limits::CHALLENGES_PER_SECOND) * limits::LIMIT_BURST.as_micros();
    assert_eq!(passed as u64, at_once / 1_000_000);
}

#[test]
fn limit_signatures_of_all_and_those_first_who_asked_little() {
    let mut budget = budget();
    let rates = rates(&[(ConfigKey::LimitSignatures, 2000)]);
    let mut connect = |from: &str| {
        budget.take_request(NOW, ip(from), &rates)?;
        budget.take_signatures(NOW, ip(from), &rates, UNSIGNED_REQUEST_COST)
    };
    // A twentieth of a second's worth: a hundred.
    for _ in 0..26 {
        assert_eq!(connect("10.0.0.1"), Ok(()));
    }
    for n in 0..24 {
        assert_eq!(connect(&alloc::format!("10.1.{n}.1")), Ok(()), "{n}");
    }
    assert_eq!(connect("10.2.0.1"), Err(DropReason::SignatureOverload));
}

#[test]
fn who_asks_much_waits_when_signatures_run_short() {
    let mut budget = budget();
    let rates = rates(&[
        (ConfigKey::LimitSignatures, 2000),
        (ConfigKey::LimitNetworkRequests, 30),
    ]);
    let mut connect = |from: &str| {
        budget.take_request(NOW, ip(from), &rates)?;
        budget.take_signatures(NOW, ip(from), &rates, UNSIGNED_REQUEST_COST)
    };
    let of_one = (0..50).filter(|_| connect("10.0.0.1").is_ok()).count();
    assert!((26..=31).contains(&of_one), "about half of all: {of_one}");
    assert_eq!(connect("10.0.0.1"), Err(DropReason::NetworkOverload));
    assert_eq!(connect("10.0.1.1"), Ok(()));
}

#[test]
fn no_rate_is_no_limit_and_loopback_is_exempt() {
    let mut budget = budget();
    let none = rates(&[
        (ConfigKey::LimitChallenges, 0),
        (ConfigKey::LimitNetworkRequests, 0),
        (ConfigKey::LimitSignatures, 0),
    ]);
    let from = ip("10.0.0.1");
    for _ in 0..100_000 {
        assert_eq!(budget.take_challenge(NOW, from, &none), Ok(()));
        assert_eq!(budget.take_request(NOW, from, &none), Ok(()));
        assert_eq!(budget.take_signatures(NOW, from, &none, 3), Ok(()));
    }
    let mut config = Config::at(ConfigScope::Interface);
    for here in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
        assert!(Rates::of(&config, ip(here)).is_none(), "{here}");
    }
    config.set(ConfigKey::LimitLoopback, 1).unwrap();
    assert!(Rates::of(&config, ip("127.0.0.1")).is_some());
}

#[test]
fn limit_answers_to_stray_closes() {
    let mut budget = budget();
    let answered = |budget: &mut Budget, at| {
        let answers = (0..2000).map(|_| budget.take_stray_close(at));
        answers.filter(|answer| *answer == Ok(())).count()
    };
    assert_eq!(answered(&mut budget, NOW), 50);
    let mut sum = 0;
    for ms in 1..=1000 {
        sum += answered(&mut budget, NOW + Span::from_millis(ms));
    }
    assert_eq!(sum, limits::STRAY_CLOSES_PER_SECOND as usize);
}

#[test]
fn limit_tables_do_not_grow() {
    let mut budget = budget();
    let rates = rates(&[]);
    for n in 0..20_000u32 {
        let from = IpAddr::from((n << 8).to_be_bytes());
        let _ = budget.take_challenge(NOW, from, &rates);
        let _ = budget.take_request(NOW, from, &rates);
    }
    for networks in [&budget.asking, &budget.proven] {
        assert_eq!(networks.buckets.len(), limits::NETWORK_BUCKETS);
        assert_eq!(networks.buckets.capacity(), limits::NETWORK_BUCKETS);
    }
}
