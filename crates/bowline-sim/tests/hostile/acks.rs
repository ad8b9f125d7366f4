//! Classes 15 to 17 and 20: acknowledgements, and what a receiver says it no longer needs.

use bowline_core::config::Config;
use bowline_core::counters::DropReason;
use bowline_core::end_reason::EndReason;
use bowline_core::error::SendError;
use bowline_core::ids::PacketNumber;
use bowline_core::limits;
use bowline_core::message::{Outgoing, SendFlags};
use bowline_core::snp::AckBlock;
use bowline_core::time::Span;
use bowline_core::wire::stats_blob::StatsFlags;
use bowline_sim::scripted::{Answers, Frames, Script, stream_message};

use crate::memory::held_bytes;
use crate::support::{LANE, Talk, acks, message, pos, talk, talk_in_clear, talk_with};

const BROKEN: EndReason = EndReason::MISC_INTERNAL_ERROR;
/// What a connection takes at most to remember packets that nobody acknowledges: its own acks.
const TRACKED: isize = limits::MAX_TRACKED_PACKETS as isize * 64;

/// Sends every `step`th packet number only, `count` of them, each with something in it.
fn leave_gaps(talk: &mut Talk, count: u64, step: u64) {
    for n in 0..count {
        let number = talk.peer.next_packet().get() + step - 1;
        talk.peer.set_next_packet(PacketNumber::new(number));
        let frames = Frames::new().unreliable(message(n + 1), b"u");
        talk.say(&frames);
        talk.received();
        talk.peer.take_heard();
    }
}

/// Asks for an ack and checks that nothing is acknowledged that did not arrive. Returns how many blocks
/// there were.
fn assert_reports_are_true(talk: &mut Talk, arrived: impl Fn(u64) -> bool) -> usize {
    talk.advance(Span::from_millis(20));
    talk.peer.take_heard();
    let ask = talk.peer.packet(&Frames::new());
    let ask = ask.asking(StatsFlags::ACK_REQUEST_IMMEDIATE);
    let datagram = talk.peer.seal_packet(&ask);
    talk.deliver(&datagram);
    let packets = talk.peer.take_packets();
    assert!(!packets.is_empty(), "an answer that can be read");
    let mut described = 0;
    for (latest, blocks) in packets.iter().flat_map(|packet| acks(&packet.frames)) {
        assert!(blocks.len() <= limits::MAX_ACK_BLOCKS);
        let mut upper = latest + 1;
        for (acked, nacked) in blocks {
            let acked = upper - acked..upper;
            upper = acked.start - nacked;
            // A received packet may be denied, one that was not may never be acknowledged.
            assert!(acked.clone().all(&arrived), "{acked:?}");
            described += 1;
        }
    }
    described
}

#[test]
fn class_15_gaps_are_bounded_and_what_is_reported_of_them_is_true() {
    let mut talk = talk();
    let first = talk.peer.next_packet().get();
    leave_gaps(&mut talk, 2 * limits::MAX_ACK_GAPS as u64, 2);
    let arrived = |number: u64| number < first || (number - first) % 2 == 1;
    let described = assert_reports_are_true(&mut talk, arrived);
    assert!(described > 100, "{described} blocks");
    talk.peer.set_next_message(LANE, message(10_000));
    talk.assert_still_works();
}

/// An ack says 16 bits of the newest packet that it describes. Of a peer that has not heard an ack for
/// long it would describe packets so old that those bits stand for others.
#[test]
fn class_15_a_report_never_lags_so_far_behind_that_it_is_taken_for_another() {
    for spacing in [2, 50, 250] {
        let mut talk = talk_in_clear();
        let first = talk.peer.next_packet().get();
        let is_left_out = |number: u64| number >= first && (number - first).is_multiple_of(spacing);
        for _ in 0..600 * spacing {
            let number = talk.peer.next_packet();
            if is_left_out(number.get()) {
                talk.peer.set_next_packet(number.next());
            }
            talk.say(&Frames::new());
            talk.peer.take_heard();
        }
        assert_reports_are_true(&mut talk, |number| !is_left_out(number));
        assert!(talk.is_connected());
    }
}

/// 100,000 packets, each leaving a gap, with the list of gaps always full. Were each to cost a walk over
/// all gaps before it, this would take hours.
#[test]
fn class_15_gap_thrash_costs_bounded_work_and_memory() {
    let mut talk = talk_in_clear();
    leave_gaps(&mut talk, 1000, 2);
    let before = held_bytes();
    leave_gaps(&mut talk, 100_000, 3);
    let grown = held_bytes() - before;
    assert!(grown < TRACKED, "{grown} bytes");
    // Every packet in turn asks for a report on all gaps.
    for n in 0..20_000 {
        let number = talk.peer.next_packet().get() + 2;
        talk.peer.set_next_packet(PacketNumber::new(number));
        let packet = talk
            .peer
            .packet(&Frames::new().unreliable(message(n + 1), b"u"));
        let packet = packet.asking(StatsFlags::ACK_REQUEST_IMMEDIATE);
        let datagram = talk.peer.seal_packet(&packet);
        talk.deliver(&datagram);
        let answers = talk.peer.take_packets();
        assert!(answers.len() <= 1, "{} answers", answers.len());
        assert!(
            answers
                .iter()
                .all(|answer| answer.wire_len <= limits::MAX_DATAGRAM)
        );
    }
    talk.advance(Span::from_millis(2));
    talk.peer.set_next_message(LANE, message(100_500));
    talk.assert_still_works();
}

/// Each packet fills one gap and tears another, in the stream and in the packet numbers.
#[test]
fn class_15_holes_that_are_torn_and_filled_for_ever_do_no_harm() {
    let mut talk = talk_in_clear();
    let before = held_bytes();
    let mut at = 1;
    for n in 0..20_000u64 {
        let bytes = stream_message(1, &n.to_le_bytes());
        let len = bytes.len() as u64;
        let later = stream_message(1, &(n + 1).to_le_bytes());
        talk.say(&Frames::new().reliable(pos(at + len), &later[..1]));
        let number = talk.peer.next_packet().get() + 1;
        talk.peer.set_next_packet(PacketNumber::new(number));
        talk.say(&Frames::new().reliable(pos(at), &bytes));
        // A packet behind a gap is held back for a millisecond.
        talk.advance(Span::from_millis(2));
        talk.peer.take_heard();
        assert_eq!(talk.received(), [n.to_le_bytes()]);
        at += len;
    }
    let grown = held_bytes() - before;
    assert!(grown < TRACKED, "{grown} bytes");
    assert!(talk.is_connected());
}

#[test]
fn class_16_an_ack_of_what_was_never_sent_voids_the_rest_of_its_packet() {
    let mut talk = talk();
    talk.advance(Span::from_millis(100));
    for ahead in [1, 2, 1000, 0x7FFF] {
        let count = talk.drops(DropReason::AckOfUnsent);
        let sent = talk.peer.highest_heard().get();
        let frames = Frames::new()
            .unreliable(message(2 * ahead), b"before")
            .ack(PacketNumber::new(sent + ahead), 0, &[])
            .unreliable(message(2 * ahead + 1), b"after");
        talk.say(&frames);
        assert_eq!(
            talk.drops(DropReason::AckOfUnsent),
            count + 1,
            "{ahead} ahead"
        );
        assert_eq!(talk.received(), [b"before"], "{ahead} ahead");
        assert!(!talk.is_last_acknowledged());
    }
    talk.peer.set_next_message(LANE, message(70_000));
    talk.assert_still_works();
}

#[test]
fn class_16_runs_below_the_first_packet_or_beyond_belief_end_the_connection() {
    let block = |acked, nacked| AckBlock { acked, nacked };
    let longest = limits::MAX_ACK_RUN << 3 | 7;
    for blocks in [
        vec![block(100, 0)],
        vec![block(0, 100)],
        vec![block(1, 0), block(1, 0), block(1, 0), block(1, 0)],
        vec![block(longest, 0)],
        vec![block(longest + 1, 0)],
        vec![block(0, longest + 1)],
        vec![block(u64::MAX, u64::MAX)],
    ] {
        let mut talk = talk();
        let latest = PacketNumber::new(1);
        talk.say(&Frames::new().ack(latest, 0, &blocks));
        assert_eq!(talk.drops(DropReason::BrokenFrame), 1, "{blocks:?}");
        talk.assert_ended(BROKEN);
    }
    // Announced and not there.
    for cut in [
        &[0x9F, 1, 0, 0, 0, 255][..],
        &[0x99, 1, 0, 0, 0],
        &[0x9A, 1, 0, 0, 0, 0x11],
        &[0x90, 1],
    ] {
        let mut talk = talk();
        talk.say(&Frames::from(cut));
        talk.assert_ended(BROKEN);
    }
}

/// 255 runs of nothing, two hundred times per second and connection, and as many acks as a packet holds:
/// 100,000 packets of each.
#[test]
fn class_16_empty_runs_and_old_acks_cost_little() {
    let mut talk = talk_in_clear();
    let latest = talk.peer.highest_heard();
    let nothing = [AckBlock {
        acked: 0,
        nacked: 0,
    }; 255];
    let empty = Frames::new().ack(latest, 0, &nothing);
    let mut many = Frames::new();
    for _ in 0..250 {
        many = many.ack(latest, 0, &[]);
    }
    let before = held_bytes();
    for _ in 0..100_000 {
        for frames in [&empty, &many] {
            let datagram = talk.peer.seal(frames);
            talk.deliver(&datagram);
        }
        talk.peer.take_heard();
    }
    let grown = held_bytes() - before;
    assert!(grown < TRACKED, "{grown} bytes");
    talk.assert_still_works();
}

#[test]
fn class_16_an_optimistic_ack_drives_nobody_beyond_the_configured_rate() {
    let mut config = Config::new();
    config.set_send_rate(None, Some(100_000)).unwrap();
    let mut talk = talk_with(config, Script::default());
    talk.peer.set_answers(Answers::Nothing);
    let start = talk.stage.now();
    let mut bytes = 0;
    // The peer acknowledges each packet the moment it leaves, and tells that it took no time.
    while talk.stage.now().since(start) < Span::from_secs(10) {
        let (id, data) = (talk.id, [9; 1000]);
        let _ = talk.stage.with(id, |connection, now| {
            let message = Outgoing::new(LANE, SendFlags::RELIABLE_NO_NAGLE, &data[..]);
            while connection.send(now, message.clone()).is_ok() {}
        });
        talk.advance(Span::from_millis(10));
        bytes += talk
            .peer
            .take_packets()
            .iter()
            .map(|packet| packet.wire_len)
            .sum::<usize>();
        talk.peer.take_messages();
        let datagram = talk.peer.acknowledge();
        talk.deliver(&datagram);
    }
    assert!(
        (100_000..1_100_000).contains(&bytes),
        "{bytes} bytes in 10 s"
    );
    assert!(talk.is_connected());
}

/// Has the endpoint send as much as it may, while the peer says something each 10 ms, until the connection has
/// ended or a minute is over.
fn flood(talk: &mut Talk, mut says: impl FnMut(&mut Talk) -> Vec<u8>) {
    talk.peer.set_answers(Answers::Nothing);
    let start = talk.stage.now();
    while talk.is_connected() && talk.stage.now().since(start) < Span::from_secs(60) {
        fill(talk);
        talk.advance(Span::from_millis(10));
        talk.peer.take_heard();
        talk.peer.take_messages();
        let datagram = says(talk);
        talk.deliver(&datagram);
    }
}

fn at_200_kilobytes_a_second() -> Talk {
    let mut config = Config::new();
    config.set_send_rate(None, Some(200_000)).unwrap();
    talk_with(config, Script::default())
}

/// Whatever number the newest packet has, it claims to have it, and all before.
#[test]
fn class_16_who_acknowledges_what_it_does_not_have_is_found_out() {
    let mut talk = at_200_kilobytes_a_second();
    flood(&mut talk, |talk| {
        let latest = talk.peer.highest_heard();
        talk.peer.seal(&Frames::new().ack(latest, 0, &[]))
    });
    talk.assert_ended(BROKEN);
    let sent = talk.peer.highest_heard().get();
    assert!(sent < 700, "{sent} packets were sent");
}

#[test]
fn class_16_who_tells_the_truth_is_not_taken_for_a_liar() {
    let mut talk = at_200_kilobytes_a_second();
    flood(&mut talk, |talk| talk.peer.acknowledge());
    assert!(talk.is_connected(), "{:?}", talk.stage.info(talk.id));
    let connection = talk.stage.connection(talk.id).unwrap();
    let skipped = connection.status(talk.stage.now()).skipped_numbers;
    assert!((4..=30).contains(&skipped), "{skipped}");
}

#[test]
fn class_16_limit_acks_taken_from_one_packet() {
    let mut talk = talk();
    let latest = talk.peer.highest_heard();
    let mut many = Frames::new();
    for _ in 0..limits::MAX_ACKS_PER_PACKET + 10 {
        many = many.ack(latest, 0, &[]);
    }
    talk.say(&many);
    assert_eq!(talk.drops(DropReason::RepeatedFrame), 10);
    talk.assert_still_works();
}

#[test]
fn class_17_stop_waiting_in_the_future_is_no_number() {
    let mut talk = talk();
    let number = talk.peer.next_packet().get();
    // The furthest there is: this packet less one. Further ahead cannot be said, further back is before 0.
    talk.say(&Frames::new().stop_waiting(0));
    assert!(talk.is_connected());
    for offset in [number + 2, 1 << 32, u64::MAX] {
        let mut talk = crate::support::talk();
        talk.say(&Frames::new().stop_waiting(offset));
        talk.assert_ended(BROKEN);
    }
}

#[test]
fn class_17_stop_waiting_beyond_what_arrived_stops_at_what_arrived() {
    let mut talk = talk();
    leave_gaps(&mut talk, 20, 2);
    talk.advance(Span::from_millis(2));
    // From far ahead: all before it is no longer wanted, the packets between never come. What counts is
    // the newest packet before.
    let newest = talk.peer.next_packet().get() - 1;
    talk.peer.set_next_packet(PacketNumber::new(newest + 1000));
    talk.say(&Frames::new().stop_waiting(0));
    talk.advance(Span::from_millis(2));
    assert!(talk.is_last_acknowledged());
    for (first_wanted, is_taken) in [(newest, true), (newest - 1, false)] {
        let this = talk.peer.next_packet().get();
        talk.say(&Frames::new().stop_waiting(this - 1 - first_wanted));
        talk.advance(Span::from_millis(2));
        assert_eq!(talk.is_connected(), is_taken, "from {first_wanted}");
    }
    talk.assert_ended(BROKEN);
}

#[test]
fn class_17_stop_waiting_that_goes_back_counts_only_if_it_is_newer() {
    let mut talk = talk();
    let old = talk.peer.packet(&Frames::new().stop_waiting(1));
    for _ in 0..10 {
        talk.say(&Frames::new().stop_waiting(0));
    }
    let datagram = talk.peer.seal_packet(&old);
    talk.deliver(&datagram);
    talk.advance(Span::from_millis(5));
    assert!(talk.is_connected(), "it came late");
    let next = talk.peer.next_packet().get();
    talk.say(&Frames::new().stop_waiting(next - 3));
    talk.assert_ended(BROKEN);
}

/// Fills the sender until it refuses, and returns how many bytes it took.
fn fill(talk: &mut Talk) -> usize {
    let data = vec![1; 10_000];
    let mut taken = 0;
    let id = talk.id;
    let _ = talk.stage.with(id, |connection, now| {
        let message = Outgoing::new(LANE, SendFlags::RELIABLE_NO_NAGLE, &data[..]);
        loop {
            match connection.send(now, message.clone()) {
                Ok(_) => taken += data.len(),
                Err(error) => {
                    assert!(matches!(error, SendError::BufferFull { .. }), "{error:?}");
                    return;
                }
            }
        }
    });
    taken
}

#[test]
fn class_20_acks_withheld_for_ever_cost_bounded_memory() {
    let mut talk = talk_in_clear();
    talk.peer.set_answers(Answers::Nothing);
    talk.peer.take_heard();
    let before = held_bytes();
    let mut taken = 0;
    for _ in 0..600 {
        taken += fill(&mut talk);
        // It lives, and says so; it just acknowledges nothing.
        talk.say(&Frames::new());
        talk.advance(Span::from_millis(500));
        talk.peer.take_heard();
        talk.peer.take_messages();
    }
    let status = talk
        .stage
        .connection(talk.id)
        .unwrap()
        .status(talk.stage.now());
    let held = status.pending_reliable_bytes + status.unacked_reliable_bytes;
    let bound = limits::SEND_BUFFER + limits::GNS_STREAM_WINDOW as usize + 20_000;
    assert!(held <= bound, "{held} bytes held, {taken} taken");
    assert!(taken <= bound, "{taken} bytes taken");
    let grown = held_bytes() - before;
    let ours = 2 * (talk.peer.highest_heard().get() as isize) * 64;
    assert!(grown - ours < 3 * bound as isize, "{grown} bytes");
    assert!(talk.is_connected());
    // It comes to its senses: everything goes on.
    talk.peer.set_answers(Answers::Acks);
    let datagram = talk.peer.acknowledge();
    talk.deliver(&datagram);
    talk.advance(Span::from_secs(30));
    let status = talk
        .stage
        .connection(talk.id)
        .unwrap()
        .status(talk.stage.now());
    assert_eq!(
        status.pending_reliable_bytes + status.unacked_reliable_bytes,
        0
    );
}

#[test]
fn class_20_a_peer_that_asks_and_never_acknowledges_is_remembered_in_bounded_memory() {
    let mut talk = talk_in_clear();
    talk.peer.set_answers(Answers::Nothing);
    let run = |talk: &mut Talk, packets: usize| {
        for _ in 0..packets {
            let packet = talk.peer.packet(&Frames::new());
            let packet = packet.asking(StatsFlags::ACK_REQUEST_IMMEDIATE);
            let datagram = talk.peer.seal_packet(&packet);
            let sent = talk.stage.inject(talk.stage.peer_address, &datagram);
            assert!(sent.1.len() <= 1);
        }
    };
    run(&mut talk, limits::MAX_TRACKED_PACKETS + 10);
    let before = held_bytes();
    run(&mut talk, 100_000);
    let grown = held_bytes() - before;
    assert!(grown < 64 * 1024, "{grown} bytes");
    assert!(talk.is_connected());
}

/// The same with a message under way behind all that was never acknowledged. Were it looked for among
/// those packets with each question, this would take minutes.
#[test]
fn class_20_questions_cost_the_same_with_a_message_under_way() {
    let mut talk = talk_in_clear();
    talk.peer.set_answers(Answers::Nothing);
    let ask = |talk: &mut Talk, questions: usize| {
        for _ in 0..questions {
            let packet = talk.peer.packet(&Frames::new());
            let packet = packet.asking(StatsFlags::ACK_REQUEST_IMMEDIATE);
            let datagram = talk.peer.seal_packet(&packet);
            let (_, sent) = talk.stage.inject(talk.stage.peer_address, &datagram);
            assert!(sent.len() <= 1);
        }
    };
    ask(&mut talk, 8_000);
    talk.send(b"unheard");
    talk.advance(Span::from_millis(1500));
    let heard = talk.peer.take_messages();
    assert_eq!(heard.len(), 1);
    let connection = talk.stage.connection(talk.id).unwrap();
    let status = connection.status(talk.stage.now());
    assert!(status.unacked_reliable_bytes > 0, "it is under way");
    ask(&mut talk, 1_000_000);
    assert!(talk.is_connected());
}
