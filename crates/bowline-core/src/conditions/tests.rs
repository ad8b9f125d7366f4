use std::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::rng::Rng;
use crate::time::Timestamp;

fn at(us: u64) -> Timestamp {
    Timestamp::from_micros(us)
}

fn link(conditions: LinkConditions) -> ConditionedLink<u32> {
    ConditionedLink::new(conditions, Rng::from_seed([9; 32]))
}

/// Sends `count` datagrams, `gap_us` apart, and returns the numbers and times of arrival in order.
fn run(link: &mut ConditionedLink<u32>, count: u32, gap_us: u64, size: usize) -> Vec<(u32, u64)> {
    let mut arrived = Vec::new();
    let bytes = std::vec![0; size];
    for number in 0..count {
        let now = u64::from(number) * gap_us;
        drain(link, now, &mut arrived);
        if link.submit(at(now), &number, &bytes) == Fate::Pass {
            arrived.push((number, now));
        }
    }
    drain(link, u64::MAX, &mut arrived);
    arrived
}

fn drain(link: &mut ConditionedLink<u32>, until_us: u64, arrived: &mut Vec<(u32, u64)>) {
    while let Some(due) = link.poll_timeout().filter(|due| *due <= at(until_us)) {
        let delayed = link.take_due(due).expect("it is due");
        arrived.push((delayed.address, due.as_micros()));
    }
}

fn share(part: u64, of: u64) -> f64 {
    part as f64 / of as f64 * 100.0
}

#[test]
fn a_perfect_link_passes_everything_and_draws_nothing() {
    let mut link = link(LinkConditions::default());
    assert!(link.conditions().is_perfect() && link.is_idle());
    assert_eq!(run(&mut link, 1000, 0, 1300).len(), 1000);
    assert_eq!(link.counters().passed, 1000);
    assert_eq!(link.poll_timeout(), None);
}

#[test]
fn ten_percent_loss_loses_ten_percent() {
    let mut link = link(LinkConditions {
        loss: Odds::from_percent(10.0),
        ..LinkConditions::NONE
    });
    let arrived = run(&mut link, 100_000, 10, 100);
    let lost = link.counters().lost;
    assert_eq!(arrived.len() as u64 + lost, 100_000);
    assert!((share(lost, 100_000) - 10.0).abs() < 0.3, "{lost}");
}

#[test]
fn all_or_nothing_is_exact() {
    for (loss, expected) in [(0.0, 1000), (100.0, 0)] {
        let mut link = link(LinkConditions {
            loss: Odds::from_percent(loss),
            ..LinkConditions::NONE
        });
        assert_eq!(run(&mut link, 1000, 1, 1).len(), expected);
    }
}

#[test]
fn lag_is_exact_and_keeps_the_order() {
    let mut link = link(LinkConditions {
        lag: Span::from_millis(50),
        ..LinkConditions::NONE
    });
    let arrived = run(&mut link, 1000, 7, 100);
    let expected: Vec<_> = (0..1000).map(|n| (n, u64::from(n) * 7 + 50_000)).collect();
    assert_eq!(arrived, expected);
    assert!(!link.is_idle(), "it delays what comes next");
    // Many at one moment stay in order, too.
    let order: Vec<u32> = run(&mut link, 500, 0, 10).iter().map(|a| a.0).collect();
    assert!(order.is_sorted());
}

#[test]
fn jitter_has_its_mean_its_share_and_its_cap() {
    // Far enough apart that nothing waits for the one before it.
    let conditions = LinkConditions {
        jitter_average: Span::from_millis(10),
        jitter_max: Span::from_millis(1000),
        jitter: Odds::from_percent(50.0),
        ..LinkConditions::NONE
    };
    let mut wide = link(conditions);
    let arrived = run(&mut wide, 100_000, 2_000_000, 10);
    let late: Vec<u64> = arrived
        .iter()
        .map(|(n, us)| us - u64::from(*n) * 2_000_000)
        .filter(|us| *us > 0)
        .collect();
    assert!((share(late.len() as u64, 100_000) - 50.0).abs() < 0.5);
    let mean = late.iter().sum::<u64>() / late.len() as u64;
    assert!((9_850..10_150).contains(&mean), "{mean}");

    let mut capped = link(LinkConditions {
        jitter_max: Span::from_millis(12),
        ..conditions
    });
    let arrived = run(&mut capped, 10_000, 2_000_000, 10);
    let worst = arrived.iter().map(|(n, us)| us - u64::from(*n) * 2_000_000);
    assert_eq!(worst.max(), Some(12_000));
}

#[test]
fn jitter_alone_never_reorders() {
    let mut link = link(LinkConditions {
        jitter_average: Span::from_millis(10),
        ..LinkConditions::NONE
    });
    let arrived = run(&mut link, 10_000, 500, 10);
    assert_eq!(arrived.len(), 10_000);
    assert!(arrived.is_sorted());
}

#[test]
fn reordering_delays_its_share_by_its_time() {
    let mut link = link(LinkConditions {
        reorder: Odds::from_percent(20.0),
        reorder_time: Span::from_millis(3),
        ..LinkConditions::NONE
    });
    let arrived = run(&mut link, 50_000, 1_000, 10);
    let delays = arrived.iter().map(|(n, us)| us - u64::from(*n) * 1_000);
    assert!(delays.clone().all(|us| us == 0 || us == 3_000));
    let delayed = delays.filter(|us| *us > 0).count() as u64;
    assert!((share(delayed, 50_000) - 20.0).abs() < 0.6, "{delayed}");
    assert!(!arrived.iter().map(|a| a.0).is_sorted());
}

#[test]
fn duplicates_come_within_their_time() {
    let mut link = link(LinkConditions {
        duplicate: Odds::from_percent(30.0),
        duplicate_time_max: Span::from_millis(4),
        ..LinkConditions::NONE
    });
    let arrived = run(&mut link, 50_000, 10_000, 10);
    let copies: Vec<u64> = arrived
        .iter()
        .map(|(n, us)| us - u64::from(*n) * 10_000)
        .filter(|us| *us > 0)
        .collect();
    assert_eq!(arrived.len(), 50_000 + copies.len());
    assert_eq!(copies.len() as u64, link.counters().duplicated);
    assert!((share(copies.len() as u64, 50_000) - 30.0).abs() < 0.7);
    assert!(copies.iter().all(|us| (1..=4_000).contains(us)));
    let mean = copies.iter().sum::<u64>() / copies.len() as u64;
    assert!((1_950..2_050).contains(&mean), "{mean}");
}

#[test]
fn the_rate_is_kept_after_the_burst() {
    let mut link = link(LinkConditions {
        rate_bytes_per_sec: 100_000,
        burst_bytes: 10_000,
        ..LinkConditions::NONE
    });
    // Ten times the rate for ten seconds: the burst and what flows in, overdrawn by one at most.
    let arrived = run(&mut link, 10_000, 1_000, 1_000).len() as u64 * 1_000;
    assert!((1_009_000..=1_011_000).contains(&arrived), "{arrived}");
    assert_eq!(link.counters().over_rate * 1_000 + arrived, 10_000_000);
    // A pause fills the bucket, but no further.
    let later = at(100_000_000);
    let passed = (0..100).filter(|n| link.submit(later, n, &[0; 1_000]) == Fate::Pass);
    assert_eq!(passed.count(), 10);
}

#[test]
fn a_bucket_without_room_passes_nothing_and_no_rate_passes_all() {
    let mut shut = link(LinkConditions {
        rate_bytes_per_sec: 1 << 30,
        burst_bytes: 0,
        ..LinkConditions::NONE
    });
    assert_eq!(shut.submit(at(5), &0, b"x"), Fate::Dropped(DropCause::Rate));
    let mut open = link(LinkConditions {
        burst_bytes: 0,
        ..LinkConditions::NONE
    });
    assert_eq!(open.submit(at(5), &0, b"x"), Fate::Pass);
}

#[test]
fn conditions_that_end_leave_what_is_on_the_way() {
    let mut link = link(LinkConditions {
        lag: Span::from_millis(5),
        ..LinkConditions::NONE
    });
    assert_eq!(link.submit(at(0), &1, b"late"), Fate::Held);
    link.set_conditions(LinkConditions::NONE);
    assert_eq!(link.submit(at(1), &2, b"now"), Fate::Pass);
    assert!(!link.is_idle());
    assert_eq!(link.take_due(at(4_999)), None);
    let delayed = link.take_due(at(5_000)).expect("it is due");
    assert_eq!((delayed.address, &*delayed.bytes), (1, &b"late"[..]));
    assert!(link.is_idle());
}

#[test]
fn what_is_on_the_way_can_be_called_in() {
    let mut link = link(LinkConditions {
        lag: Span::from_millis(5),
        ..LinkConditions::NONE
    });
    for n in 0..6 {
        assert_eq!(link.submit(at(u64::from(n)), &n, &[0; 10]), Fate::Held);
    }
    let even = link.take_all(|n| n % 2 == 0);
    let numbers =
        |taken: &[Delayed<u32>]| -> Vec<u32> { taken.iter().map(|d| d.address).collect() };
    assert_eq!(numbers(&even), [0, 2, 4]);
    assert_eq!(link.peek(), Some(&1));
    assert_eq!(link.poll_timeout(), Some(at(5_001)));
    assert_eq!(numbers(&link.take_all(|_| true)), [1, 3, 5]);
    assert_eq!(link.poll_timeout(), None);
}

#[test]
fn limit_conditioned_datagrams() {
    let mut link = link(LinkConditions {
        lag: Span::from_secs(5),
        ..LinkConditions::NONE
    });
    for n in 0..limits::MAX_CONDITIONED_DATAGRAMS as u32 {
        assert_eq!(link.submit(at(0), &n, b""), Fate::Held);
    }
    let dropped = Fate::Dropped(DropCause::Full);
    assert_eq!(link.submit(at(0), &0, b""), dropped);
    assert!(link.take_due(at(5_000_000)).is_some());
    assert_eq!(link.submit(at(0), &0, b""), Fate::Held);
}

#[test]
fn limit_conditioned_bytes() {
    let mut link = link(LinkConditions {
        lag: Span::from_secs(5),
        ..LinkConditions::NONE
    });
    let bytes = std::vec![0; 1 << 20];
    for n in 0..(limits::MAX_CONDITIONED_BYTES >> 20) as u32 {
        assert_eq!(link.submit(at(0), &n, &bytes), Fate::Held);
    }
    let dropped = Fate::Dropped(DropCause::Full);
    assert_eq!(link.submit(at(0), &0, b"x"), dropped);
    assert!(link.take_due(at(5_000_000)).is_some());
    assert_eq!(link.submit(at(0), &0, b"x"), Fate::Held);
}

#[test]
fn percentages_outside_the_range_are_its_ends() {
    let parts = |percent| Odds::from_percent(percent).parts_per_million();
    assert_eq!(parts(12.5), 125_000);
    assert_eq!(parts(0.1), 1_000);
    assert_eq!(parts(100.0), 1_000_000);
    assert_eq!(parts(f32::INFINITY), 1_000_000);
    assert_eq!(parts(-3.0), 0);
    assert_eq!(parts(f32::NAN), 0);
    assert!(Odds::from_percent(0.0).is_never());
    assert_eq!(Odds::from_percent(500.0), Odds::ALWAYS);
}

fn conditions() -> impl Strategy<Value = LinkConditions> {
    let odds = || (0..=1_000_000u32).prop_map(Odds::from_parts_per_million);
    let span = || (0..=u64::MAX).prop_map(Span::from_micros);
    let shares = (odds(), odds(), odds(), odds());
    let spans = (span(), span(), span(), span(), span());
    (shares, spans, any::<u64>(), any::<u64>()).prop_map(|(shares, spans, rate, burst)| {
        LinkConditions {
            loss: shares.0,
            reorder: shares.1,
            duplicate: shares.2,
            jitter: shares.3,
            lag: spans.0,
            reorder_time: spans.1,
            duplicate_time_max: spans.2,
            jitter_average: spans.3,
            jitter_max: spans.4,
            rate_bytes_per_sec: rate,
            burst_bytes: burst,
        }
    })
}

proptest! {
    #[test]
    fn any_conditions_keep_the_count(
        conditions in conditions(),
        times in prop::collection::vec(any::<u64>(), 1..50),
    ) {
        let mut link = link(conditions);
        for (n, us) in times.iter().enumerate() {
            let _ = link.submit(at(*us), &(n as u32), b"datagram");
        }
        let mut out = 0;
        while link.take_due(Timestamp::NEVER).is_some() {
            out += 1;
        }
        let counters = link.counters();
        prop_assert_eq!(out, counters.held + counters.duplicated);
        let fates = counters.passed + counters.held + counters.lost + counters.over_rate;
        prop_assert_eq!(fates, times.len() as u64);
    }

    #[test]
    fn same_seed_same_fates(conditions in conditions(), gap_us in 0..100_000u64) {
        let again = run(&mut link(conditions), 100, gap_us, 99);
        prop_assert_eq!(run(&mut link(conditions), 100, gap_us, 99), again);
    }
}
