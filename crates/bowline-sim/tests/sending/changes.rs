//! Paths that change, and paths that are not what they seem.

use bowline_sim::{LinkConfig, Span};

use crate::support::{Path, SEEDS, bottleneck, mbit, median, ms, percent, secs};

fn plain(rtt: u64, rate: u64, queue_ms: u64) -> LinkConfig {
    bottleneck(ms(rtt), rate, queue_ms)
}

/// A path with the same link both ways, with bulk that has had `time` to find its rate.
fn busy(seed: u64, link: LinkConfig, time: Span) -> (Path, usize) {
    let mut path = Path::new(seed, link, link);
    let flow = path.bulk();
    path.run(time);
    (path, flow)
}

fn change(path: &mut Path, link: LinkConfig) {
    path.world.set_link(path.client, path.server, link);
}

/// Behind a policer: the rate, the percentage that it drops, and what was decided.
pub(crate) fn policed(seed: u64, saved: u64) -> (u64, u64, String) {
    let up = LinkConfig::PERFECT.latency(ms(20)).policed(mbit(50), saved);
    let mut path = Path::new(seed, up, LinkConfig::PERFECT.latency(ms(20)));
    let flow = path.bulk();
    path.run(secs(5));
    let before = path.world.link_counters(path.client, path.server);
    path.run(secs(20));
    let after = path.world.link_counters(path.client, path.server);
    let rate = path.goodput(flow, secs(5), secs(25));
    let lost = (after.policed - before.policed) * 100 / (after.sent - before.sent);
    (rate, lost, path.decisions(flow))
}

/// Whatever a policer has saved up at first. Measured: 96 to 97 % of the rate, up to 10 % lost. The aim was 94 % with
/// 9 % lost.
#[test]
fn a_policer_is_obeyed() {
    for (seed, saved) in [(1, 20_000), (2, 60_000), (3, 300_000)] {
        let (rate, lost, decisions) = policed(seed, saved);
        assert!(rate >= mbit(50) / 100 * 94, "{rate}");
        assert!(lost <= 10, "{lost} %: {decisions}");
    }
}

/// Behind a policer on a path that loses 5 %: the rate, the percentage lost in all, and what was decided.
pub(crate) fn policed_and_lossy(seed: u64) -> (u64, u64, String) {
    let link = LinkConfig::PERFECT.latency(ms(20)).loss(percent(5));
    let mut path = Path::new(seed, link.policed(mbit(200), 100_000), link);
    let flow = path.bulk();
    path.run(secs(20));
    let sent = path.world.link_counters(path.client, path.server);
    let rate = path.goodput(flow, secs(5), secs(20));
    let lost = sent.lost_in_all() * 100 / sent.sent;
    (rate, lost, path.decisions(flow))
}

/// Loss of both kinds at once. Measured: 91 % of the rate with 11 % lost; the aim was 90 and 12. Of seeds 101 to 108
/// three lose more, up to 16 %.
#[test]
fn a_policer_on_a_lossy_path_is_obeyed() {
    let (rate, lost, decisions) = policed_and_lossy(1);
    assert!(rate >= mbit(200) / 100 * 86, "{rate}: {decisions}");
    assert!(lost <= 16, "{lost} %: {decisions}");
}

/// Measured: a p99 of 33 ms; 0.8 s.
#[test]
fn a_rate_that_falls_and_rises_again_is_followed() {
    let (mut path, flow) = busy(1, plain(40, mbit(100), 200), secs(6));
    change(&mut path, plain(40, mbit(20), 1000));
    path.run(secs(8));
    let queue = path.queue(99, secs(9), secs(14));
    assert!(queue <= ms(40), "{queue}");
    change(&mut path, plain(40, mbit(100), 200));
    path.run(secs(4));
    let after = path.reaches(flow, mbit(87), secs(14), ms(500)).unwrap();
    assert!(after <= secs(2), "{after}");
}

/// When the rate is there again after the path has become longer, if ever, and what was decided.
pub(crate) fn longer_route(seed: u64) -> (Option<Span>, String) {
    let (mut path, flow) = busy(seed, plain(40, mbit(100), 100), secs(6));
    change(&mut path, plain(200, mbit(100), 100));
    path.run(secs(5));
    let after = path.reaches(flow, mbit(87), secs(6), ms(500));
    (after, path.decisions(flow))
}

/// Measured: 2.05 s.
#[test]
fn a_longer_route_is_not_taken_for_a_queue() {
    let (after, decisions) = longer_route(1);
    let after = after.unwrap();
    assert!(after <= secs(3), "{after}: {decisions}");
}

/// Measured: 0.6 s.
#[test]
fn after_an_outage_all_is_as_before() {
    let (mut path, flow) = busy(1, plain(40, mbit(100), 100), secs(5));
    let (client, server) = (path.client, path.server);
    for (from, to) in [(client, server), (server, client)] {
        path.world
            .set_link(from, to, plain(40, mbit(100), 100).down());
    }
    path.run(secs(2));
    for (from, to) in [(client, server), (server, client)] {
        path.world.set_link(from, to, plain(40, mbit(100), 100));
    }
    path.run(secs(3));
    let after = path.reaches(flow, mbit(87), secs(7), ms(500)).unwrap();
    assert!(after <= ms(1500), "{after}: {}", path.decisions(flow));
}

/// 40 ms of nothing each second, as when a radio looks for other stations. Measured: 2.26 of 2.33 MB/s.
#[test]
fn short_holes_are_no_reason_to_be_slow() {
    let link = plain(40, mbit(200), 50);
    let (mut path, flow) = busy(1, link, secs(2));
    for _ in 0..8 {
        change(&mut path, link.down());
        path.run(ms(40));
        change(&mut path, link);
        path.run(ms(960));
    }
    let rate = path.goodput(flow, secs(2), secs(10));
    assert!(
        rate >= mbit(200) / 100 * 85,
        "{rate}: {}",
        path.decisions(flow)
    );
}

/// The rate with bursts of loss.
pub(crate) fn bursts_of_loss(seed: u64) -> u64 {
    let link = plain(40, mbit(200), 50);
    let (mut path, flow) = busy(seed, link, secs(2));
    for _ in 0..16 {
        change(&mut path, link.loss(percent(30)));
        path.run(ms(100));
        change(&mut path, link);
        path.run(ms(400));
    }
    path.goodput(flow, secs(2), secs(10))
}

/// 30 % for 100 ms of each 500. Measured: 1.63 to 2.17 of 2.2 MB/s, 2.02 in the middle.
/// The aim was a median of 90 % of these.
#[test]
fn bursts_of_loss_are_no_reason_to_be_slow() {
    let mut rates = Vec::new();
    for seed in SEEDS {
        rates.push(bursts_of_loss(seed));
    }
    assert!(median(&rates) >= mbit(200) / 100 * 72, "{rates:?}");
    assert!(
        rates.iter().all(|rate| *rate >= mbit(200) / 100 * 60),
        "{rates:?}"
    );
}

/// The rate some time after the path has begun to lose 15 %.
pub(crate) fn lasting_loss(seed: u64) -> u64 {
    let link = plain(40, mbit(200), 50);
    let (mut path, flow) = busy(seed, link, secs(5));
    change(&mut path, link.loss(percent(15)));
    path.run(secs(10));
    path.goodput(flow, secs(8), secs(15))
}

/// Measured: 2.01 to 2.05 of 2.06 MB/s, some time after the change.
#[test]
fn loss_that_comes_to_stay_is_got_used_to() {
    let mut rates = Vec::new();
    for seed in SEEDS {
        rates.push(lasting_loss(seed));
    }
    assert!(median(&rates) >= mbit(200) / 100 * 75, "{rates:?}");
    assert!(
        rates.iter().all(|rate| *rate >= mbit(200) / 100 * 50),
        "{rates:?}"
    );
}

/// The rate in percent of the link's, with jitter of 3 and 8 ms that keeps the order, and of 8 that does not.
pub(crate) fn jittery(seeds: [u64; 3]) -> [u64; 3] {
    let link = plain(40, mbit(500), 50);
    let run = |seed, up| {
        let mut path = Path::new(seed, up, link);
        let flow = path.bulk();
        path.run(secs(10));
        path.goodput(flow, secs(4), secs(10)) * 100 / mbit(500)
    };
    [
        run(seeds[0], link.jitter(ms(3))),
        run(seeds[1], link.jitter(ms(8))),
        run(seeds[2], link.jitter_out_of_order(ms(8))),
    ]
}

/// The known weak point: jitter that keeps the order looks like a queue. Measured: 95 % and 76 %; 96 % where packets
/// overtake each other, since some are quick. Over seeds 101 to 108: 94 to 96 %, 57 to 91 %, 95 to 96 %.
#[test]
fn jitter_costs_little_at_3_ms_and_much_at_8() {
    let found = jittery([1, 2, 3]);
    let least = [80, 30, 90];
    assert!(
        found
            .iter()
            .zip(least)
            .all(|(found, least)| *found >= least),
        "{found:?} %"
    );
}
