use super::*;
use crate::rate::sampler::SentMark;
use crate::send::Verdict;

const NOW: Timestamp = Timestamp::ZERO;
const FULL: usize = limits::MAX_GROWN_DATAGRAM;

fn settled(number: u64, bytes: usize, arrived: bool) -> Settled {
    let verdict = match arrived {
        true => Verdict::Arrived,
        false => Verdict::Lost,
    };
    Settled {
        number: PacketNumber::new(number),
        sent_at: NOW,
        bytes: bytes as u16,
        verdict,
        timed_out: false,
        is_probe: false,
        mark: SentMark::default(),
    }
}

fn probe(mtu: &mut PathMtu, now: Timestamp, number: u64, passes: impl Fn(usize) -> bool) {
    let bytes = mtu.wanted_probe(now).unwrap();
    mtu.on_probe_sent(now, PacketNumber::new(number));
    assert_eq!(mtu.wanted_probe(now), None, "one at a time");
    let fate = settled(number, bytes, passes(bytes));
    let is_probe = true;
    mtu.on_fate(now, &Settled { is_probe, ..fate });
}

fn grown() -> PathMtu {
    let mut mtu = PathMtu::new(limits::MAX_GROWN_DATAGRAM);
    for number in 2..9 {
        probe(&mut mtu, NOW, number, |_| true);
    }
    mtu.afford(usize::MAX);
    mtu
}

#[test]
fn limit_packets_grow_to_a_jumbo_frame() {
    let mut mtu = grown();
    assert_eq!(mtu.packet_bytes(), limits::MAX_GROWN_DATAGRAM);
    assert_eq!(mtu.wanted_probe(NOW + REST), None);
    assert!(SIZES.is_sorted());
    assert_eq!(SIZES[FIRST], GNS_FULL_PACKET);
    assert_eq!(SIZES[ETHERNET], limits::ETHERNET_DATAGRAM);
}

#[test]
fn limit_packets_grow_to_what_was_set() {
    let mut mtu = PathMtu::new(1400);
    for number in 2..4 {
        probe(&mut mtu, NOW, number, |_| true);
    }
    assert_eq!(mtu.wanted_probe(NOW + REST), None);
    assert_eq!(mtu.packet_bytes(), 1400);
}

#[test]
fn a_size_that_does_not_pass_is_tried_three_times_a_minute() {
    let mut mtu = PathMtu::new(limits::MAX_GROWN_DATAGRAM);
    probe(&mut mtu, NOW, 2, |bytes| bytes <= 1300);
    for number in 3..6 {
        probe(&mut mtu, NOW, number, |bytes| bytes <= 1300);
    }
    assert_eq!(mtu.packet_bytes(), 1300);
    assert_eq!(mtu.wanted_probe(NOW), None);
    assert_eq!(mtu.wanted_probe(NOW + REST), Some(1400));
}

#[test]
fn a_probe_without_an_answer_is_lost() {
    let mut mtu = PathMtu::new(limits::MAX_GROWN_DATAGRAM);
    mtu.on_probe_sent(NOW, PacketNumber::new(2));
    assert_eq!(mtu.wanted_probe(NOW), None);
    assert_eq!(mtu.wanted_probe(NOW + PROBE_TIMEOUT), Some(1300));
    assert_eq!(mtu.failed, 1);
}

#[test]
fn a_black_hole_is_losses_of_large_packets_only() {
    let mut mtu = grown();
    for number in 10..18 {
        assert!(!mtu.is_in_black_hole());
        mtu.on_fate(NOW, &settled(number, FULL, false));
    }
    assert!(!mtu.is_in_black_hole(), "small ones may be lost as well");
    mtu.on_fate(NOW, &settled(9, 100, true));
    assert!(!mtu.is_in_black_hole(), "it arrived before the losses");
    let mut congested = mtu.clone();
    congested.on_fate(NOW, &settled(14, FULL, true));
    congested.on_fate(NOW, &settled(16, 100, true));
    assert!(
        !congested.is_in_black_hole(),
        "a large one arrived among them"
    );
    mtu.on_fate(NOW, &settled(12, 100, true));
    assert!(mtu.is_in_black_hole());
    mtu.fall_back();
    assert_eq!(mtu.packet_bytes(), BASE);
    assert_eq!(mtu.wanted_probe(NOW), Some(GNS_FULL_PACKET));
}

#[test]
fn packets_of_a_middle_size_hide_no_black_hole() {
    let mut mtu = PathMtu::new(limits::ETHERNET_DATAGRAM);
    for number in 2..6 {
        probe(&mut mtu, NOW, number, |_| true);
    }
    assert_eq!(mtu.packet_bytes(), limits::ETHERNET_DATAGRAM);
    for number in 10..18 {
        mtu.on_fate(NOW, &settled(2 * number, limits::ETHERNET_DATAGRAM, false));
        mtu.on_fate(NOW, &settled(2 * number + 1, 1230, true));
    }
    assert!(mtu.is_in_black_hole());
}

#[test]
fn old_losses_do_not_end_a_new_search() {
    let mut mtu = grown();
    for number in 10..18 {
        mtu.on_fate(NOW, &settled(number, FULL, false));
    }
    mtu.on_fate(NOW, &settled(18, 100, true));
    mtu.fall_back();
    assert!(!mtu.is_in_black_hole(), "it is left");
    // What was under way is lost as well.
    for number in 19..27 {
        mtu.on_fate(NOW, &settled(number, FULL, false));
    }
    probe(&mut mtu, NOW, 27, |_| true);
    mtu.on_fate(NOW, &settled(28, 100, true));
    assert!(!mtu.is_in_black_hole());
}

#[test]
fn after_silence_the_way_back_begins_when_the_peer_is_heard() {
    let mut mtu = grown();
    for _ in 0..2 {
        mtu.on_silence();
        assert_eq!(mtu.packet_bytes(), BASE);
        assert_eq!(mtu.wanted_probe(NOW + REST), None, "nobody would answer");
    }
    assert!(mtu.is_reduced());
    mtu.on_fate(NOW, &settled(30, 100, false));
    assert_eq!(mtu.wanted_probe(NOW), None);
    mtu.on_fate(NOW, &settled(31, 100, true));
    assert_eq!(mtu.wanted_probe(NOW), Some(GNS_FULL_PACKET));
}

#[test]
fn a_probe_that_goes_out_into_silence_does_not_count() {
    let mut mtu = PathMtu::new(limits::MAX_GROWN_DATAGRAM);
    mtu.on_silence();
    for number in 2..10 {
        mtu.on_fate(NOW, &settled(number, 100, true));
        mtu.on_probe_sent(NOW, PacketNumber::new(100 + number));
        mtu.on_silence();
        assert_eq!(mtu.failed, 0);
        assert_eq!(mtu.wanted_probe(NOW + PROBE_TIMEOUT), None);
    }
}

#[test]
fn silence_does_not_cut_a_rest_short() {
    let mut mtu = PathMtu::new(limits::MAX_GROWN_DATAGRAM);
    mtu.fall_back();
    for number in 2..5 {
        probe(&mut mtu, NOW, number, |_| false);
    }
    mtu.on_silence();
    mtu.on_fate(NOW, &settled(9, 100, true));
    assert_eq!(mtu.wanted_probe(NOW), None);
    assert_eq!(mtu.wanted_probe(NOW + REST), Some(GNS_FULL_PACKET));
}

#[test]
fn the_fate_of_an_older_probe_tells_nothing() {
    let mut mtu = PathMtu::new(limits::MAX_GROWN_DATAGRAM);
    mtu.on_probe_sent(NOW, PacketNumber::new(2));
    assert_eq!(mtu.wanted_probe(NOW + PROBE_TIMEOUT), Some(1300));
    mtu.on_probe_sent(NOW, PacketNumber::new(3));
    let late = |number, was_lost| Settled {
        verdict: Verdict::Late { was_lost },
        is_probe: true,
        ..settled(number, 1300, true)
    };
    // The first one arrives after it was taken for lost, and one comes that was never sent.
    for number in [2, 4, u64::MAX / 2] {
        mtu.on_fate(NOW, &late(number, true));
        assert_eq!(mtu.packet_bytes(), GNS_FULL_PACKET);
    }
    mtu.on_fate(NOW, &late(3, false));
    assert_eq!(mtu.packet_bytes(), 1300);
    mtu.on_fate(NOW, &late(3, false));
    assert_eq!(mtu.packet_bytes(), 1300, "only once");
}

#[test]
fn a_probe_that_was_not_sent_counts_only_if_it_was_too_long() {
    let mut mtu = PathMtu::new(limits::MAX_GROWN_DATAGRAM);
    for number in 2..10 {
        mtu.on_probe_sent(NOW, PacketNumber::new(number));
        mtu.on_probe_unsent(NOW, ProbeFailure::NotNow);
        assert_eq!(mtu.wanted_probe(NOW), None, "not at once");
        assert_eq!(mtu.wanted_probe(NOW + SOCKET_REST), Some(1300));
        assert_eq!(mtu.failed, 0);
    }
    mtu.on_probe_sent(NOW, PacketNumber::new(10));
    mtu.on_probe_unsent(NOW, ProbeFailure::TooLong);
    assert_eq!(mtu.wanted_probe(NOW + SOCKET_REST), None);
    assert_eq!(mtu.wanted_probe(NOW + REST), Some(1300));
}

#[test]
fn a_system_that_cannot_forbid_fragments_is_not_asked_again() {
    let mut mtu = PathMtu::new(limits::MAX_GROWN_DATAGRAM);
    mtu.on_probe_unsent(NOW, ProbeFailure::Unmarked);
    assert_eq!(mtu.wanted_probe(NOW), Some(1300), "no probe was sent");
    mtu.on_probe_sent(NOW, PacketNumber::new(2));
    mtu.on_probe_unsent(NOW, ProbeFailure::Unmarked);
    let a_day = Span::from_secs(86_400);
    assert_eq!(mtu.wanted_probe(NOW + a_day), None);
}

#[test]
fn the_rate_decides_how_large_the_packets_of_large_frames_are() {
    let mut mtu = grown();
    assert!(mtu.depends_on_rate());
    for (affordable, size) in [(8952, 8952), (8951, 8848), (5000, 4422), (100, 1472)] {
        mtu.afford(affordable);
        assert_eq!(mtu.packet_bytes(), size);
    }
    // It is known to pass, so that no probe is needed when the rate is high again.
    mtu.afford(9000);
    assert_eq!(mtu.packet_bytes(), 8952);
}

#[test]
fn a_low_rate_hides_no_black_hole() {
    let mut mtu = grown();
    mtu.afford(0);
    for number in 10..18 {
        mtu.on_fate(NOW, &settled(2 * number, limits::ETHERNET_DATAGRAM, false));
        mtu.on_fate(NOW, &settled(2 * number + 1, 100, true));
    }
    assert!(mtu.is_in_black_hole());
}
