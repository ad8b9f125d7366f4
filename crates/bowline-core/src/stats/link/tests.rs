use proptest::prelude::*;

use super::*;

fn at_ms(ms: u64) -> Timestamp {
    Timestamp::ZERO + Span::from_millis(ms)
}

fn receive(stats: &mut LinkStats, ms: u64, sequences: &[Sequence]) {
    for &sequence in sequences {
        stats.received(at_ms(ms), 100, sequence, None);
    }
}

#[test]
fn limit_memory_of_a_connection() {
    assert!(size_of::<LinkStats>() < 500, "{}", size_of::<LinkStats>());
}

#[test]
fn rates_come_from_the_last_complete_interval() {
    let mut stats = LinkStats::new(at_ms(0));
    stats.sent(at_ms(0), 10, 10_000);
    receive(&mut stats, 500, &[Sequence::Next]);
    // Before the first is complete: from the running one, which counts as a second at least.
    assert_eq!(stats.rates(at_ms(500)).out_packets_per_s, 10.0);
    assert_eq!(stats.rates(at_ms(2_000)).out_bytes_per_s, 5_000.0);
    assert_eq!(stats.rates(at_ms(2_000)).in_packets_per_s, 0.5);

    stats.tick(at_ms(4_999));
    stats.sent(at_ms(4_999), 10, 10_000);
    stats.tick(at_ms(5_000));
    stats.sent(at_ms(5_001), 999, 9);
    let rates = stats.rates(at_ms(6_000));
    assert_eq!(rates.out_packets_per_s, 4.0);
    assert_eq!(rates.out_bytes_per_s, 4_000.0);
    assert_eq!(rates.in_packets_per_s, 0.2);
    assert_eq!(rates.in_bytes_per_s, 20.0);
}

#[test]
fn packet_after_the_end_belongs_to_the_next_interval() {
    let mut stats = LinkStats::new(at_ms(0));
    stats.sent(at_ms(5_000), 5, 500);
    assert_eq!(stats.instantaneous(None).out_packets_per_sec_x10, Some(0));
    stats.tick(at_ms(10_000));
    assert_eq!(stats.instantaneous(None).out_packets_per_sec_x10, Some(10));
}

#[test]
fn quiet_time_lengthens_the_interval() {
    let mut stats = LinkStats::new(at_ms(0));
    stats.sent(at_ms(0), 100, 0);
    stats.tick(at_ms(5_000));
    stats.sent(at_ms(5_000), 100, 0);
    // Nobody ticked: the overdue interval is read instead of the old one.
    assert_eq!(stats.rates(at_ms(105_000)).out_packets_per_s, 1.0);
    stats.tick(at_ms(105_000));
    assert_eq!(stats.rates(at_ms(105_000)).out_packets_per_s, 1.0);
}

#[test]
fn loss_and_oddities_lower_the_quality() {
    let mut stats = LinkStats::new(at_ms(0));
    assert_eq!(stats.quality_local(), None);
    receive(&mut stats, 1, &[Sequence::Next; 7]);
    receive(&mut stats, 2, &[Sequence::Ahead { skipped: 2 }]);
    receive(&mut stats, 3, &[Sequence::Late]);
    stats.duplicate(at_ms(4), 100);
    assert_eq!(stats.quality_local(), None, "the interval still runs");
    stats.tick(at_ms(5_000));
    // 10 came of 11; one was late and one came twice.
    assert_eq!(stats.quality_local(), Some(8.0 / 11.0));
    let message = stats.instantaneous(Some(20));
    assert_eq!(message.packets_dropped_pct, Some(9));
    assert_eq!(message.packets_weird_sequence_pct, Some(18));
    assert_eq!(stats.lifetime(at_ms(5_000)).quality_histogram_50, Some(1));

    stats.tick(at_ms(10_000));
    assert_eq!(stats.quality_local(), None, "nothing came");
}

#[test]
fn jump_of_100_is_a_lurch_and_not_a_loss() {
    let mut stats = LinkStats::new(at_ms(0));
    receive(&mut stats, 1, &[Sequence::Ahead { skipped: 98 }]);
    receive(&mut stats, 2, &[Sequence::Ahead { skipped: 99 }]);
    receive(&mut stats, 3, &[Sequence::Ahead { skipped: u64::MAX }]);
    let message = stats.lifetime(at_ms(3));
    assert_eq!(message.packets_recv_dropped, Some(98));
    assert_eq!(message.packets_recv_lurch, Some(2));
    assert_eq!(message.packets_recv_sequenced, Some(3));
}

#[test]
fn late_packet_is_no_longer_counted_as_dropped() {
    let mut stats = LinkStats::new(at_ms(0));
    receive(
        &mut stats,
        1,
        &[Sequence::Ahead { skipped: 2 }, Sequence::Late],
    );
    assert_eq!(stats.lifetime(at_ms(1)).packets_recv_dropped, Some(1));
    // Also when the loss was counted in an earlier interval.
    receive(&mut stats, 5_001, &[Sequence::Late, Sequence::Late]);
    let message = stats.lifetime(at_ms(5_001));
    assert_eq!(message.packets_recv_dropped, Some(0));
    assert_eq!(message.packets_recv_out_of_order, Some(3));
}

#[test]
fn undecodable_packets_count_only_as_traffic() {
    let mut stats = LinkStats::new(at_ms(0));
    stats.undecodable(1_000);
    stats.tick(at_ms(5_000));
    assert_eq!(stats.quality_local(), None);
    let message = stats.lifetime(at_ms(5_000));
    assert_eq!(message.packets_recv, Some(1));
    assert_eq!(message.kb_recv, Some(1));
    assert_eq!(message.packets_recv_sequenced, Some(0));
}

#[test]
fn silent_peer_makes_the_interval_dead() {
    let mut stats = LinkStats::new(at_ms(0));
    stats.sent(at_ms(0), 6, 60);
    stats.reply_timed_out();
    stats.reply_timed_out();
    stats.tick(at_ms(5_000));
    assert_eq!(stats.lifetime(at_ms(5_000)).quality_histogram_dead, Some(1));

    // Heard in between: the timeouts before no longer count.
    receive(&mut stats, 5_001, &[Sequence::Next]);
    stats.tick(at_ms(10_000));
    stats.sent(at_ms(10_001), 6, 60);
    stats.reply_timed_out();
    stats.tick(at_ms(15_000));
    assert_eq!(
        stats.lifetime(at_ms(15_000)).quality_histogram_dead,
        Some(1)
    );
}

#[test]
fn lifetime_sums_all_intervals_and_stops_with_the_connection() {
    let mut stats = LinkStats::new(at_ms(0));
    stats.sent(at_ms(0), 1, 1_024);
    stats.connected(at_ms(1_000));
    for ms in (0..20_000).step_by(1_000) {
        stats.sent(at_ms(1_000 + ms), 2, 2_048);
    }
    stats.ping_sample(30);
    let message = stats.lifetime(at_ms(21_000));
    assert_eq!(message.packets_sent, Some(41));
    assert_eq!(message.kb_sent, Some(41));
    assert_eq!(message.connected_seconds, Some(20));
    assert_eq!(message.ping_histogram_50, Some(1));
    assert_eq!(message.ping_ntile_50th, None);
    assert_eq!(stats.packets_sent(), 41);

    stats.disconnected(at_ms(21_000));
    stats.disconnected(at_ms(50_000));
    assert_eq!(stats.lifetime(at_ms(60_000)).connected_seconds, Some(20));
}

#[test]
fn connecting_begins_an_interval() {
    let mut stats = LinkStats::new(at_ms(0));
    stats.sent(at_ms(0), 100, 0);
    stats.connected(at_ms(4_000));
    stats.tick(at_ms(8_999));
    assert!(stats.last.is_none());
    stats.tick(at_ms(9_000));
    assert_eq!(stats.instantaneous(None).out_packets_per_sec_x10, Some(0));
}

#[test]
fn jitter_is_reported_for_its_interval_and_kept_until_taken() {
    let mut stats = LinkStats::new(at_ms(0));
    stats.received(at_ms(10), 100, Sequence::Next, Some(625));
    stats.received(at_ms(23), 100, Sequence::Next, Some(625)); // 13 ms instead of 10
    stats.received(at_ms(24), 100, Sequence::Late, Some(625));
    stats.tick(at_ms(5_000));
    assert_eq!(stats.instantaneous(None).peak_jitter_usec, Some(3_000));
    assert_eq!(stats.lifetime(at_ms(5_000)).jitter_histogram_2, Some(1));
    stats.tick(at_ms(10_000));
    assert_eq!(stats.instantaneous(None).peak_jitter_usec, None);
    assert_eq!(stats.max_jitter_us(), Some(3_000));
    stats.reset_max_jitter();
    assert_eq!(stats.max_jitter_us(), None);
}

#[test]
fn message_holds_what_the_report_names() {
    let stats = LinkStats::new(at_ms(0));
    let message = |report| stats.message(at_ms(0), report, None);
    assert!(message(Report::Instantaneous).instantaneous.is_some());
    assert!(message(Report::Instantaneous).lifetime.is_none());
    assert!(message(Report::Lifetime).instantaneous.is_none());
    assert!(message(Report::Lifetime).lifetime.is_some());
    assert!(message(Report::Both).instantaneous.is_some());
    assert!(message(Report::Both).lifetime.is_some());
}

proptest! {
    #[test]
    fn hostile_timing_never_panics(
        steps in prop::collection::vec((any::<u64>(), 0_u8..8, any::<u32>(), any::<u64>()), 0..60),
    ) {
        let mut stats = LinkStats::new(at_ms(1));
        for (us, what, small, large) in steps {
            let now = Timestamp::from_micros(us);
            match what {
                0 => stats.sent(now, small, large as usize),
                1 => stats.received(now, large as usize, Sequence::Next, Some(small as u16)),
                2 => stats.received(now, small as usize, Sequence::Ahead { skipped: large }, None),
                3 => stats.received(now, small as usize, Sequence::Late, Some(small as u16)),
                4 => stats.duplicate(now, large as usize),
                5 => stats.undecodable(large as usize),
                6 => stats.connected(now),
                _ => stats.ping_sample(small),
            }
            let rates = stats.rates(now);
            prop_assert!(rates.out_bytes_per_s.is_finite() && rates.in_packets_per_s.is_finite());
            prop_assert!(stats.quality_local().is_none_or(|q| (0.0..=1.0).contains(&q)));
            let quality = stats.message(now, Report::Both, Some(small));
            let share = quality.instantaneous.unwrap().packets_dropped_pct;
            prop_assert!(share.is_none_or(|pct| pct <= 100));
        }
    }
}
