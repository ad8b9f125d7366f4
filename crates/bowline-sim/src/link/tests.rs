use super::*;

const START: Timestamp = Timestamp::from_micros(1_000_000);

fn link(config: LinkConfig) -> Link {
    Link::new(config, Rng::from_seed([3; 32]))
}

fn arrivals(link: &mut Link, count: u64, gap_us: u64) -> Vec<Option<u64>> {
    let send = |n| match link.carry(START + Span::from_micros(n * gap_us), &mut [0; 1000]) {
        Fate::Arrives(at) | Fate::ArrivesTwice(at, _) => Some(at.since(START).as_micros()),
        Fate::Lost => None,
    };
    (0..count).map(send).collect()
}

#[test]
fn a_perfect_link_takes_no_time() {
    let got = arrivals(&mut link(LinkConfig::PERFECT), 3, 10);
    assert_eq!(got, [Some(0), Some(10), Some(20)]);
}

#[test]
fn jitter_keeps_the_order_unless_told_otherwise() {
    let jitter = Span::from_millis(10);
    let in_order = arrivals(&mut link(LinkConfig::PERFECT.jitter(jitter)), 500, 100);
    assert!(in_order.is_sorted());
    assert!(in_order.iter().flatten().any(|at| *at > 9_000));
    let config = LinkConfig::PERFECT.jitter_out_of_order(jitter);
    assert!(!arrivals(&mut link(config), 500, 100).is_sorted());
}

#[test]
fn loss_is_as_frequent_as_asked_and_leaves_the_rest_alone() {
    let config = LinkConfig::PERFECT.jitter_out_of_order(Span::from_millis(10));
    let whole = arrivals(&mut link(config), 10_000, 100);
    let lossy = arrivals(&mut link(config.loss(Chance::percent(5))), 10_000, 100);
    let lost = lossy.iter().filter(|at| at.is_none()).count();
    assert!((400..600).contains(&lost), "{lost} of 10000 lost");
    let differ = whole
        .iter()
        .zip(&lossy)
        .filter(|(a, b)| b.is_some() && a != b);
    assert_eq!(differ.count(), 0);
}

#[test]
fn a_bottleneck_spaces_datagrams_and_drops_the_tail() {
    // 1000 bytes take 1 ms, three may wait besides the one that is being passed on.
    let config = LinkConfig::PERFECT.rate(1_000_000, 3000);
    let mut link = link(config);
    let got = arrivals(&mut link, 6, 0);
    let ms = |n: u64| Some(n * 1000);
    assert_eq!(got, [ms(1), ms(2), ms(3), ms(4), None, None]);
    assert_eq!(link.counters().overflowed, 2);
    let later = START + Span::from_secs(1);
    assert_eq!(
        link.carry(later, &mut [0; 1000]),
        Fate::Arrives(later + Span::from_millis(1))
    );
}

#[test]
fn a_held_back_datagram_is_overtaken_and_holds_up_nobody() {
    let config = LinkConfig::PERFECT.reorder(Chance::percent(10), Span::from_millis(5));
    let mut link = link(config);
    let got = arrivals(&mut link, 100, 100);
    let late = |n: usize| got[n] == Some(n as u64 * 100 + 5000);
    let prompt = |n: usize| got[n] == Some(n as u64 * 100);
    assert!((0..100).all(|n| late(n) || prompt(n)));
    assert_eq!(
        (0..100).filter(|n| late(*n)).count() as u64,
        link.counters().held_back
    );
    assert!(link.counters().held_back > 0);
}

#[test]
fn duplicates_and_outages_are_counted() {
    let mut link = link(LinkConfig::PERFECT.duplicate(Chance::ALWAYS, Span::from_millis(1)));
    let Fate::ArrivesTwice(first, second) = link.carry(START, &mut [0]) else {
        panic!("not duplicated");
    };
    assert_eq!(first, START);
    assert!(second.since(first) <= Span::from_millis(1));
    link.set_config(link.config().down());
    assert_eq!(link.carry(START, &mut [0]), Fate::Lost);
    link.set_config(link.config().up());
    assert_ne!(link.carry(START, &mut [0]), Fate::Lost);
    let counters = link.counters();
    assert_eq!(
        (counters.sent, counters.duplicated, counters.unplugged),
        (3, 2, 1)
    );
}

#[test]
fn bursts_and_corruption_do_not_shift_other_luck() {
    let plain = LinkConfig::PERFECT
        .jitter_out_of_order(Span::from_millis(50))
        .loss(Chance::percent(5));
    let worse = plain
        .burst_loss(GilbertElliott::bursts(Chance::percent(10), 4))
        .corrupt(Chance::percent(10));
    let before = arrivals(&mut link(plain), 5_000, 10);
    let mut link = link(worse);
    let after = arrivals(&mut link, 5_000, 10);
    let differ = before
        .iter()
        .zip(&after)
        .filter(|(b, a)| a.is_some() && a != b);
    assert_eq!(differ.count(), 0);
    let counters = link.counters();
    assert!(
        (300..700).contains(&counters.lost_in_bursts),
        "{counters:?}"
    );
    assert_eq!(
        counters.lost_in_all(),
        after.iter().filter(|at| at.is_none()).count() as u64
    );
}

#[test]
fn corruption_flips_one_to_eight_bits_anywhere() {
    let mut link = link(LinkConfig::PERFECT.corrupt(Chance::percent(50)));
    let mut hits = [0u32; 64];
    let mut counts = [0u32; 9];
    for _ in 0..4_000 {
        let mut bytes = [0; 8];
        assert_ne!(link.carry(START, &mut bytes), Fate::Lost);
        let bits = u64::from_le_bytes(bytes);
        counts[bits.count_ones() as usize] += 1;
        for (bit, hits) in hits.iter_mut().enumerate() {
            *hits += (bits >> bit & 1) as u32;
        }
    }
    assert!((1_800..2_200).contains(&counts[0]), "{counts:?}");
    assert_eq!(link.counters().corrupted, 4_000 - u64::from(counts[0]));
    assert!(counts[1..].iter().all(|count| *count > 50), "{counts:?}");
    assert!(hits.iter().all(|hits| (90..200).contains(hits)), "{hits:?}");
    // Nothing to flip, nothing altered.
    let corrupted = link.counters().corrupted;
    (0..10).for_each(|_| assert_ne!(link.carry(START, &mut []), Fate::Lost));
    assert_eq!(link.counters().corrupted, corrupted);
}

#[test]
fn a_black_hole_swallows_what_is_too_big() {
    let mut link = link(LinkConfig::PERFECT.mtu(1200));
    assert_ne!(link.carry(START, &mut [0; 1200]), Fate::Lost);
    assert_eq!(link.carry(START, &mut [0; 1201]), Fate::Lost);
    link.set_config(link.config().any_size());
    assert_ne!(link.carry(START, &mut [0; 1201]), Fate::Lost);
    let counters = link.counters();
    assert_eq!(
        (counters.sent, counters.too_big, counters.lost_in_all()),
        (3, 1, 1)
    );
}

#[test]
fn a_config_tells_all_that_it_does() {
    let config = LinkConfig::PERFECT
        .latency(Span::from_millis(5))
        .burst_loss(GilbertElliott::bursts(Chance::percent(1), 4))
        .reorder(Chance::percent(1), Span::from_millis(2))
        .duplicate(Chance::percent(3), Span::from_millis(1))
        .corrupt(Chance::percent(4))
        .mtu(1300)
        .rate(1000, 2000)
        .down();
    assert_eq!(
        config.to_string(),
        "down, 5.000ms latency, 0.000ms jitter in order, 0.0000% loss, bursts of 4.00 that lose 1.00%, \
         1.0000% held back for 2.000ms, 3.0000% duplicated within 1.000ms, 4.0000% corrupted, \
         none above 1300 B, 1000 B/s behind 2000 B of queue"
    );
}
