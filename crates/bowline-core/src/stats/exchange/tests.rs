use proptest::prelude::*;

use super::*;
use crate::stats::Sequence;

fn at_s(s: u64) -> Timestamp {
    Timestamp::ZERO + Span::from_secs(s)
}

fn connected() -> (LinkStats, StatsExchange) {
    let stats = LinkStats::new(at_s(0));
    let mut exchange = StatsExchange::new();
    exchange.connected(at_s(0), &stats);
    (stats, exchange)
}

const PACKET: PacketNumber = PacketNumber::new(7);

#[test]
fn nothing_is_due_before_connected_and_after_the_end() {
    let mut stats = LinkStats::new(at_s(0));
    stats.sent(at_s(1), 1_000, 0);
    let mut exchange = StatsExchange::new();
    assert_eq!(exchange.due(at_s(500), &stats), Due::None);
    assert_eq!(exchange.next_deadline(), None);
    exchange.connected(at_s(0), &LinkStats::new(at_s(0)));
    exchange.stop();
    assert_eq!(exchange.due(at_s(500), &stats), Due::None);
    exchange.sent(&stats, Report::Both, PACKET);
    assert_eq!(exchange.next_deadline(), None);
}

#[test]
fn instantaneous_rides_along_from_20_s_and_is_forced_at_30_s() {
    let (mut stats, mut exchange) = connected();
    stats.sent(at_s(1), 60, 0);
    assert_eq!(exchange.next_deadline(), Some(at_s(30)));
    assert_eq!(exchange.due(at_s(19), &stats), Due::None);
    let report = Report::Instantaneous;
    assert_eq!(exchange.due(at_s(20), &stats), Due::IfSending(report));
    assert_eq!(exchange.due(at_s(29), &stats), Due::IfSending(report));
    assert_eq!(exchange.due(at_s(30), &stats), Due::Standalone(report));
}

#[test]
fn lifetime_rides_along_from_120_s_and_is_forced_at_140_s() {
    let (mut stats, mut exchange) = connected();
    stats.sent(at_s(0), 101, 0);
    exchange.sent(&stats, Report::Instantaneous, PACKET);
    exchange.acked(at_s(119), PACKET);
    let report = Report::Lifetime;
    assert_eq!(exchange.due(at_s(119), &stats), Due::None);
    assert_eq!(exchange.due(at_s(120), &stats), Due::IfSending(report));
    assert_eq!(exchange.due(at_s(138), &stats), Due::IfSending(report));
    exchange.instantaneous.at = at_s(140);
    assert_eq!(exchange.next_deadline(), Some(at_s(140)));
    assert_eq!(exchange.due(at_s(140), &stats), Due::Standalone(report));
}

#[test]
fn both_go_together_when_both_are_due() {
    let (mut stats, mut exchange) = connected();
    stats.sent(at_s(0), 1_000, 0);
    assert_eq!(
        exchange.due(at_s(125), &stats),
        Due::Standalone(Report::Both)
    );
    exchange.sent(&stats, Report::Both, PACKET);
    assert_eq!(exchange.due(at_s(300), &stats), Due::None);
    exchange.acked(at_s(301), PACKET);
    assert_eq!(exchange.next_deadline(), Some(at_s(331)));
}

#[test]
fn idle_connection_skips_the_report_and_waits_anew() {
    let (mut stats, mut exchange) = connected();
    // 20 s / 3 s = 6 packets are not enough in either direction.
    stats.sent(at_s(1), 6, 0);
    for _ in 0..6 {
        stats.received(at_s(1), 30, Sequence::Next, None);
    }
    assert_eq!(exchange.due(at_s(20), &stats), Due::None);
    assert_eq!(exchange.next_deadline(), Some(at_s(50)));

    for _ in 0..7 {
        stats.received(at_s(21), 30, Sequence::Next, None);
    }
    let due = Due::IfSending(Report::Instantaneous);
    assert_eq!(exchange.due(at_s(40), &stats), due);
}

#[test]
fn slow_connection_reports_its_life_after_100_packets() {
    let (mut stats, mut exchange) = connected();
    for minute in 1..=8_u64 {
        stats.sent(at_s(minute * 60), 13, 0);
        let due = exchange.due(at_s(minute * 60), &stats);
        assert_eq!(due.has_lifetime(), minute == 8, "after {minute} minutes");
    }
}

#[test]
fn only_the_fate_of_the_packet_with_the_report_counts() {
    let (mut stats, mut exchange) = connected();
    stats.sent(at_s(1), 60, 0);
    exchange.sent(&stats, Report::Instantaneous, PACKET);
    assert_eq!(exchange.due(at_s(30), &stats), Due::None);
    assert_eq!(exchange.next_deadline(), None);
    exchange.acked(at_s(30), PACKET.next());
    exchange.lost(PACKET.next());
    assert_eq!(exchange.due(at_s(30), &stats), Due::None);

    exchange.lost(PACKET);
    let due = Due::Standalone(Report::Instantaneous);
    assert_eq!(exchange.due(at_s(30), &stats), due);
    exchange.sent(&stats, Report::Instantaneous, PACKET.next());
    exchange.acked(at_s(31), PACKET.next());
    assert_eq!(exchange.next_deadline(), Some(at_s(61)));
}

#[test]
fn remote_quality_stays_within_0_and_1() {
    let (_, mut exchange) = connected();
    assert_eq!(exchange.quality_remote(), None);
    let mut message = pb::ConnectionQuality {
        instantaneous: Some(pb::InstantaneousStats {
            packets_dropped_pct: Some(3),
            packets_weird_sequence_pct: Some(2),
            ..Default::default()
        }),
        lifetime: None,
    };
    exchange.received(at_s(1), &message);
    assert_eq!(exchange.quality_remote(), Some(0.95));
    assert_eq!(exchange.remote().unwrap().received_at, at_s(1));

    let lie = message.instantaneous.as_mut().unwrap();
    lie.packets_dropped_pct = Some(u32::MAX);
    lie.packets_weird_sequence_pct = Some(90);
    exchange.received(at_s(2), &message);
    assert_eq!(exchange.quality_remote(), Some(0.0));

    exchange.received(at_s(3), &pb::ConnectionQuality::default());
    assert_eq!(exchange.remote().unwrap().received_at, at_s(2));
}

impl Due {
    fn has_lifetime(self) -> bool {
        match self {
            Self::None => false,
            Self::IfSending(report) | Self::Standalone(report) => report.has_lifetime(),
        }
    }
}

proptest! {
    #[test]
    fn hostile_timing_never_panics_and_a_passed_deadline_acts(
        steps in prop::collection::vec((any::<u64>(), 0_u8..5, any::<u32>()), 0..40),
    ) {
        let (mut stats, mut exchange) = connected();
        for (us, what, number) in steps {
            let now = Timestamp::from_micros(us);
            let packet = PacketNumber::new(u64::from(number % 3));
            match what {
                0 => stats.sent(now, number, number as usize),
                1 => exchange.acked(now, packet),
                2 => exchange.lost(packet),
                3 => exchange.connected(now, &stats),
                _ => {
                    let passed = exchange.next_deadline().is_some_and(|at| at <= now);
                    match exchange.due(now, &stats) {
                        Due::None | Due::IfSending(_) if passed => prop_assert!(
                            exchange.next_deadline().is_none_or(|at| at > now)
                                || now == Timestamp::NEVER
                        ),
                        Due::None | Due::IfSending(_) => {}
                        Due::Standalone(report) => exchange.sent(&stats, report, packet),
                    }
                }
            }
        }
    }
}
