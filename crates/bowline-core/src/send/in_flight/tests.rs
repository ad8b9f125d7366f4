use alloc::vec::Vec;

use super::*;
use crate::send::in_flight::missing::tests::take_steps;
use crate::send::tests::with_ack;
use crate::snp::ack_codec::AckBlock;

fn flight(packets: u64) -> InFlight {
    let mut flight = InFlight::new(PacketNumber::new(2));
    for n in 0..packets {
        let start = StreamPos::new(1 + n * 10);
        flight.add_range(LaneIndex::ZERO, start..start.advance(10));
        flight.push(Timestamp::from_micros(n), 100, 1, SentMark::default());
    }
    flight
}

const ROUND_TRIP: Span = Span::from_millis(40);

const BOUNDS: Bounds = Bounds {
    rtt: ROUND_TRIP,
    least_rtt: ROUND_TRIP,
    is_gns: false,
};

fn ms(ms: u64) -> Timestamp {
    Timestamp::ZERO + Span::from_millis(ms)
}

/// What became of packets, lowest first.
#[derive(Debug, Default, Eq, PartialEq)]
struct Fates {
    arrived: Vec<u64>,
    late: Vec<u64>,
    undone: Vec<u64>,
    lost: Vec<u64>,
}

impl Fates {
    fn note(&mut self, settled: Settled, ranges: &mut dyn Iterator<Item = &SentRange>) {
        let number = settled.number.get();
        let start = ranges.next().map(|sent| sent.range.start.get());
        assert_eq!(start, Some(1 + (number - 2) * 10), "its own range");
        assert!(ranges.next().is_none());
        let list = match settled.verdict {
            Verdict::Arrived => &mut self.arrived,
            Verdict::Late { was_lost: false } => &mut self.late,
            Verdict::Late { was_lost: true } => &mut self.undone,
            Verdict::Lost => &mut self.lost,
        };
        list.push(number);
        list.sort_unstable();
    }
}

/// Packet `by` arrives with a report.
fn report(
    flight: &mut InFlight,
    now: Timestamp,
    by: u64,
    latest: u64,
    blocks: &[(u64, u64)],
) -> Fates {
    let blocks: Vec<AckBlock> = blocks
        .iter()
        .map(|&(acked, nacked)| AckBlock { acked, nacked })
        .collect();
    let mut fates = Fates::default();
    let (by, latest) = (PacketNumber::new(by), PacketNumber::new(latest));
    with_ack(flight.next_number(), latest, None, &blocks, |ack| {
        flight.on_ack(now, by, ack, BOUNDS, |settled, ranges| {
            fates.note(settled, ranges);
        });
    });
    fates
}

/// Time passes.
fn judge(flight: &mut InFlight, now: Timestamp) -> Fates {
    let mut fates = Fates::default();
    flight.judge_missing(now, BOUNDS, |settled, ranges| fates.note(settled, ranges));
    fates
}

/// Packet 5 was lost and came 8 ms later.
fn after_a_late_packet(packets: u64) -> InFlight {
    let mut flight = flight(packets);
    let first = report(&mut flight, ms(40), 2, 8, &[(3, 1)]);
    assert_eq!(first.lost, [5]);
    assert_eq!(flight.bytes(), (packets - 7) * 100);
    assert_eq!(flight.oldest_missing(), Some(PacketNumber::new(5)));
    let later = report(&mut flight, ms(48), 3, 8, &[]);
    assert_eq!(later.undone, [5]);
    assert_eq!(flight.oldest_missing(), None);
    flight
}

#[test]
fn the_oldest_reliable_packet_is_known_whatever_becomes_of_those_before() {
    let mut flight = InFlight::new(PacketNumber::new(2));
    // Every third packet carries reliable data: 2, 5, 8, and so on to 29.
    for n in 0..30 {
        let start = StreamPos::new(1 + n * 10);
        let is_reliable = n % 3 == 0;
        if is_reliable {
            flight.add_range(LaneIndex::ZERO, start..start.advance(10));
        }
        let ranges = usize::from(is_reliable);
        flight.push(Timestamp::from_micros(n), 100, ranges, SentMark::default());
    }
    let oldest = |flight: &InFlight| flight.oldest_reliable().map(Timestamp::as_micros);
    assert_eq!(oldest(&flight), Some(0));
    for _ in 0..3 {
        flight.time_out_oldest(|_| {});
    }
    assert_eq!(oldest(&flight), Some(9));
    for _ in 0..10 {
        flight.forget_oldest(|_| {});
    }
    assert_eq!(oldest(&flight), Some(12));
    for _ in 0..10 {
        flight.time_out_oldest(|_| {});
    }
    assert_eq!(oldest(&flight), None);
    for at in [50, 51] {
        let start = StreamPos::new(1000);
        flight.add_range(LaneIndex::ZERO, start..start.advance(10));
        flight.push(Timestamp::from_micros(at), 100, 1, SentMark::default());
    }
    assert_eq!(oldest(&flight), Some(50));
}

#[test]
fn an_ack_settles_everything_up_to_its_newest_packet() {
    let mut flight = flight(10);
    assert_eq!(flight.next_number().get(), 12);
    let fates = report(&mut flight, ms(40), 2, 8, &[(2, 1), (1, 2)]);
    assert_eq!(fates.arrived, [2, 5, 7, 8]);
    assert_eq!(fates.lost, [3, 4, 6]);
    assert_eq!(flight.len(), 3);
    assert_eq!(flight.bytes(), 300);
    assert_eq!(flight.ranges.len(), 3);
    let oldest = flight.oldest_reliable();
    assert_eq!(oldest, Some(Timestamp::from_micros(7)), "that is packet 9");
}

#[test]
fn what_comes_late_is_waited_for_from_then_on() {
    let mut flight = after_a_late_packet(20);
    assert_eq!(flight.reordering_window(), Span::from_millis(9));
    let fates = report(&mut flight, ms(50), 4, 12, &[(1, 2)]);
    assert_eq!((fates.arrived, fates.lost), ([9, 12].to_vec(), Vec::new()));
    assert_eq!(flight.bytes(), 900 + 200, "they may still come");
    assert_eq!(flight.missing_until(), Some(ms(59)));
    let fates = report(&mut flight, ms(55), 5, 12, &[(2, 1)]);
    assert_eq!(fates.late, [11]);
    assert_eq!(judge(&mut flight, ms(58)), Fates::default());
    assert_eq!(judge(&mut flight, ms(59)).lost, [10]);
    assert_eq!((flight.bytes(), flight.missing_until()), (900, None));
    // It is asked about for a round trip more.
    assert_eq!(flight.oldest_missing(), Some(PacketNumber::new(10)));
    judge(&mut flight, ms(98));
    assert_eq!(flight.oldest_missing(), Some(PacketNumber::new(10)));
    judge(&mut flight, ms(99));
    assert_eq!(flight.oldest_missing(), None);
}

#[test]
fn the_window_grows_in_steps_up_to_a_round_trip_and_shrinks_when_nothing_needs_it() {
    let mut flight = flight(200);
    let mut now = ms(100);
    for packet in 0..10 {
        let latest = 3 + packet * 2;
        report(&mut flight, now, latest, latest, &[(1, 1)]);
        now += flight.reordering_window();
        judge(&mut flight, now);
        // As late as can be told.
        now += Span::from_millis(35);
        let undone = report(&mut flight, now, latest + 1, latest, &[]).undone;
        assert_eq!(undone.len(), 1);
        let steps = Span::from_millis((packet + 1) * 10);
        assert_eq!(flight.reordering_window(), steps.min(ROUND_TRIP));
    }
    let mut windows = Vec::new();
    for _ in 0..8 {
        now += Span::from_secs(2);
        judge(&mut flight, now);
        windows.push(flight.reordering_window().as_micros());
    }
    assert_eq!(windows, [20_000, 10_000, 5000, 2500, 1250, 0, 0, 0]);
}

/// What a report has no room for follows in another one, which names nothing of the first.
#[test]
fn a_second_report_in_a_packet_begins_where_the_first_one_ends() {
    let mut flight = flight(20);
    let first = report(&mut flight, ms(40), 7, 6, &[(2, 1)]);
    assert_eq!(first.lost, [4]);
    let second = report(&mut flight, ms(40), 7, 10, &[(1, 1)]);
    assert_eq!((second.lost, second.undone), ([9].to_vec(), Vec::new()));
    let third = report(&mut flight, ms(40), 7, 12, &[]);
    assert_eq!(
        (third.arrived, third.undone),
        ([11, 12].to_vec(), Vec::new())
    );
    let next = report(&mut flight, ms(41), 8, 12, &[(3, 1)]);
    assert_eq!(next.undone, [4]);
}

#[test]
fn a_packet_that_was_given_up_after_a_timeout_is_not_waited_for() {
    let mut flight = after_a_late_packet(20);
    flight.time_out_oldest(|_| {});
    let fates = report(&mut flight, ms(100), 9, 10, &[(1, 1)]);
    assert_eq!((fates.arrived, fates.lost), ([10].to_vec(), [9].to_vec()));
    assert_eq!(flight.missing_until(), None);
}

#[test]
fn limit_missing_packets_remembered() {
    for (is_gns, most) in [
        (false, limits::MISSING_PACKETS),
        (true, limits::GNS_MISSING_PACKETS),
    ] {
        let mut flight = after_a_late_packet(9000);
        let bounds = Bounds { is_gns, ..BOUNDS };
        let mut lost = 0;
        for (by, latest) in (0..4).map(|n| (10 + n, 2000 * (n + 1))) {
            let now = ms(50 + by);
            let block = AckBlock {
                acked: 1,
                nacked: 1980,
            };
            let (by, newest) = (PacketNumber::new(by), PacketNumber::new(latest));
            with_ack(flight.next_number(), newest, None, &[block], |ack| {
                flight.on_ack(now, by, ack, bounds, |settled, _| {
                    lost += usize::from(settled.verdict == Verdict::Lost);
                });
            });
            let oldest = flight.oldest_missing().unwrap().get();
            assert_eq!(oldest, latest - most as u64);
            assert!(flight.heap_bytes() <= InFlight::HEAP_BOUND);
            assert_eq!(
                flight.bytes(),
                flight.len() as u64 * 100 + most as u64 * 100
            );
        }
        // What a report does not mention arrived.
        assert_eq!(lost, 4 * 1980 - 4 * most);
        flight.judge_missing(ms(100), bounds, |_, _| lost += 1);
        assert_eq!(lost, 4 * 1980 - 3 * most);
        let remembered = match is_gns {
            true => limits::GNS_REMEMBERED_LOST,
            false => limits::REMEMBERED_LOST,
        };
        let oldest = flight.oldest_missing().unwrap().get();
        assert_eq!(oldest, 8000 - remembered as u64);
    }
}

/// All that may be missing is, every second packet of 1024, as eight reports in one packet have told.
fn all_missing() -> InFlight {
    let mut flight = after_a_late_packet(9000);
    for part in 0..8 {
        let latest = 1000 + (part + 1) * 128 - 1;
        report(&mut flight, ms(50), 10, latest, &[(1, 1); 64]);
    }
    assert_eq!(
        flight.bytes(),
        (flight.len() + limits::MISSING_PACKETS) as u64 * 100
    );
    flight
}

/// Each report has as many blocks as there can be, and none of them changes anything.
#[test]
fn limit_a_report_looks_at_few_entries_however_many_are_missing() {
    let mut flight = all_missing();
    let latest = 1000 + 1024 - 1;
    for (name, blocks, most_per_block) in [
        ("empty", [(0, 0); 255], 5),
        ("all is missing still", [(1, 1); 255], 8),
        ("far apart", [(0, 4); 255], 25),
    ] {
        take_steps();
        for by in 20..40 {
            // What is below the last block shall be missing still.
            let mut blocks = blocks;
            blocks[254] = (
                0,
                1500 - blocks
                    .iter()
                    .map(|(acked, nacked)| acked + nacked)
                    .sum::<u64>(),
            );
            let fates = report(&mut flight, ms(51), by, latest, &blocks);
            assert_eq!(fates, Fates::default(), "{name}");
        }
        let steps = take_steps() / 20;
        let most = most_per_block * 255 + 64;
        assert!(steps <= most, "{name}: {steps} of {most}");
    }
}

/// The oldest stays missing, all behind it has arrived.
#[test]
fn limit_what_has_arrived_is_not_looked_at_again() {
    let mut flight = all_missing();
    let latest = 1000 + 1024 - 1;
    let fates = report(&mut flight, ms(51), 20, latest, &[(1023, 1)]);
    assert_eq!(fates.late.len(), limits::MISSING_PACKETS - 1);
    take_steps();
    report(&mut flight, ms(51), 21, latest, &[(1023, 1)]);
    judge(&mut flight, ms(51));
    assert_eq!(flight.missing_until(), Some(ms(59)));
    let steps = take_steps();
    assert!(steps <= 64, "{steps}");
}
