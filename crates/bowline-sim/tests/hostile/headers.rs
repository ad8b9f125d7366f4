//! Classes 22, 25 and 26: flags that do not fit, clocks that lie, floods of statistics and questions.

use bowline_core::config::Config;
use bowline_core::counters::DropReason;
use bowline_core::end_reason::EndReason;
use bowline_core::ids::{ConnectionId, PacketNumber};
use bowline_core::time::Span;
use bowline_core::wire::stats_blob::StatsFlags;
use bowline_sim::scripted::{Alterations, Answers, Frames, HeardFrame, Packet, Script};

use crate::memory::held_bytes;
use crate::support::{LANE, Talk, message, talk, talk_in_clear, talk_with};

impl Talk {
    /// Delivers the next packet after changing it.
    fn say_as(&mut self, frames: &Frames, change: impl FnOnce(&mut Packet)) {
        let mut packet = self.peer.packet(frames);
        change(&mut packet);
        let datagram = self.peer.seal_packet(&packet);
        self.deliver(&datagram);
    }
}

#[test]
fn class_22_plain_packets_of_an_encrypted_connection_are_not_read() {
    let mut talk = talk();
    for n in 1..50 {
        let frames = Frames::new().unreliable(message(n), b"in clear");
        let filler = frames.raw(&vec![0x3F; n as usize]);
        talk.say_as(&filler, |packet| packet.is_sealed = false);
        assert_eq!(talk.drops(DropReason::DecryptFailed), n);
    }
    assert_eq!(talk.received(), [b""; 0]);
    // The numbers are still free for true packets.
    talk.peer.set_next_packet(PacketNumber::new(2));
    talk.peer.set_next_message(LANE, message(1));
    talk.assert_still_works();
}

#[test]
fn class_22_sealed_packets_of_a_plain_connection_are_broken_frames() {
    let mut talk = talk_in_clear();
    // What ciphertext reads as is up to chance; sooner or later it is no frame.
    let mut sealer = crate::support::talk().peer;
    for n in 1..200 {
        let sealed = sealer.seal(&Frames::new().unreliable(message(n), b"x"));
        if talk.is_connected() {
            talk.say(&Frames::from(&sealed[7..]));
        }
    }
    talk.assert_ended(EndReason::MISC_INTERNAL_ERROR);
}

#[test]
fn class_22_flags_without_a_meaning_change_nothing() {
    let mut talk = talk();
    // Bit 2 is the key phase between peers that replace keys, which a GNS peer does not.
    for (n, flags) in (1..).zip([0x04, 0x08, 0x10, 0x20, 0x40, 0x7C]) {
        let frames = Frames::new().unreliable(message(n), b"x");
        talk.say_as(&frames, |packet| packet.flags = flags);
        assert_eq!(talk.received(), [b"x"], "flags {flags:02x}");
    }
    talk.peer.set_next_message(LANE, message(100));
    talk.assert_still_works();
}

#[test]
fn class_22_fields_that_are_announced_and_not_there_are_refused() {
    let mut talk = talk();
    // Each flag takes what follows for its field: at the least, the rest does not decrypt.
    for flags in [0x01, 0x02, 0x03] {
        talk.say_as(&Frames::new(), |packet| packet.flags = flags);
    }
    let refused =
        |talk: &Talk| talk.drops(DropReason::BadDataHeader) + talk.drops(DropReason::DecryptFailed);
    assert_eq!(refused(&talk), 3);
    // A length that goes beyond the packet, one that never ends, and bytes that are no message.
    for stats in [
        &b"\xFF\xFF"[..],
        b"\x0A\xFF\x01",
        b"\x0B\x0B\x0B",
        b"\x1A\x02\x00\x00",
    ] {
        let before = talk.drops(DropReason::BadDataHeader);
        talk.say_as(&Frames::new(), |packet| packet.stats = Some(stats.to_vec()));
        assert_eq!(
            talk.drops(DropReason::BadDataHeader),
            before + 1,
            "{stats:?}"
        );
    }
    for body in [&[0xFF; 12][..], &[0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 1, 2, 3]] {
        let before = talk.drops(DropReason::BadDataHeader);
        let to = talk.id.get().to_le_bytes();
        let datagram = [&[0x81], &to[..], &[9, 0], body].concat();
        talk.deliver(&datagram);
        assert_eq!(talk.drops(DropReason::BadDataHeader), before + 1);
    }
    let next = talk.peer.next_packet();
    talk.peer.set_next_packet(next);
    talk.assert_still_works();
}

#[test]
fn class_22_packets_for_another_connection_reach_none() {
    let mut talk = talk();
    let before = talk
        .stage
        .endpoint
        .drops()
        .of(DropReason::UnknownConnection);
    for id in [0, 1, talk.id.get() ^ 1, talk.peer.id().get(), u32::MAX] {
        let frames = Frames::new().unreliable(message(1), b"x");
        talk.say_as(&frames, |packet| packet.to = ConnectionId::new(id));
    }
    let strays = talk
        .stage
        .endpoint
        .drops()
        .of(DropReason::UnknownConnection);
    assert_eq!(strays - before, 5);
    assert_eq!(talk.received(), [b""; 0]);
    talk.assert_still_works();
}

fn ping_ms(talk: &Talk) -> Option<u32> {
    talk.stage.connection(talk.id).unwrap().ping_ms()
}

#[test]
fn class_25_delays_that_cannot_be_do_not_poison_the_round_trip() {
    let mut talk = talk();
    talk.peer.set_answers(Answers::Nothing);
    for delay in [0, 1, 1000, 0x7FFF, 0xFFFE, 0xFFFF] {
        talk.send(b"ping");
        talk.advance(Span::from_millis(40));
        // The newest arrived 40 ms ago; it claims up to two seconds.
        let latest = talk.peer.highest_heard();
        talk.say(&Frames::new().ack(latest, delay, &[]));
        let ping = ping_ms(&talk);
        assert!(ping.is_none_or(|ms| ms <= 40), "delay {delay}: {ping:?} ms");
    }
    talk.peer.set_answers(Answers::Acks);
    // With a round trip of nothing the timers still wait, rather than fire all the time.
    talk.peer.take_heard();
    talk.peer.set_answers(Answers::Nothing);
    talk.send(b"unheard");
    talk.advance(Span::from_secs(2));
    let repeats = talk.peer.take_packets().len();
    assert!(repeats < 60, "{repeats} packets in 2 s");
    talk.peer.set_answers(Answers::Acks);
    talk.advance(Span::from_secs(2));
    talk.assert_still_works();
}

#[test]
fn class_25_an_ack_that_comes_after_hours_is_no_round_trip() {
    let mut talk = talk();
    talk.peer.set_answers(Answers::Nothing);
    talk.send(b"ping");
    talk.advance(Span::from_millis(1));
    let first = talk.peer.highest_heard();
    for _ in 0..7200 {
        talk.say(&Frames::new());
        talk.advance(Span::from_secs(1));
        talk.peer.take_heard();
    }
    talk.say(&Frames::new().ack(first, 0, &[]));
    assert!(
        ping_ms(&talk).is_none_or(|ms| ms <= 2000),
        "{:?}",
        ping_ms(&talk)
    );
    talk.peer.set_answers(Answers::Acks);
    talk.advance(Span::from_secs(20));
    talk.assert_still_works();
}

#[test]
fn class_25_timestamps_of_the_handshake_are_believed_within_reason() {
    for (ms, is_believed) in [(0, true), (1500, true), (1501, false), (u32::MAX, false)] {
        let script = Script {
            alter: Alterations::default()
                .connect_request(move |request| request.ping_est_ms = Some(ms)),
            ..Script::default()
        };
        let talk = talk_with(Config::new(), script);
        assert_eq!(ping_ms(&talk), is_believed.then_some(ms));
    }
    // The echo of any timestamp is the client's business.
    for timestamp in [0, 1, u64::MAX] {
        let script = Script {
            alter: Alterations::default()
                .connect_request(move |request| request.my_timestamp = Some(timestamp)),
            ..Script::default()
        };
        talk_with(Config::new(), script).assert_still_works();
    }
}

#[test]
fn class_25_times_between_packets_are_only_counted() {
    let mut talk = talk();
    for (n, time) in (1..).zip([0, 1, 0xFFFF].into_iter().cycle().take(3000)) {
        let frames = Frames::new().unreliable(message(n), b"x");
        talk.say_as(&frames, |packet| packet.time_since_prev_16us = Some(time));
        talk.advance(Span::from_millis(3));
        talk.peer.take_heard();
    }
    assert_eq!(talk.received().len(), 3000);
    talk.peer.set_next_message(LANE, message(3001));
    talk.assert_still_works();
}

#[test]
fn class_26_each_question_draws_one_answer_at_most_and_starves_nothing() {
    let mut talk = talk();
    talk.peer.set_answers(Answers::Nothing);
    talk.advance(Span::from_secs(1));
    talk.peer.take_heard();
    let (mut asked_bytes, mut answered_bytes) = (0, 0);
    for _ in 0..20_000 {
        // Like an honest peer it acknowledges what it hears.
        let frames = talk.peer.housekeeping();
        let packet = talk.peer.packet(&frames);
        let packet = packet.asking(StatsFlags::ACK_REQUEST_IMMEDIATE);
        let datagram = talk.peer.seal_packet(&packet);
        asked_bytes += datagram.len();
        talk.deliver(&datagram);
        let answers = talk.peer.take_packets();
        assert!(answers.len() <= 1);
        answered_bytes += answers.iter().map(|answer| answer.wire_len).sum::<usize>();
    }
    assert!(
        answered_bytes <= asked_bytes,
        "{answered_bytes} for {asked_bytes}"
    );
    // GNS is in debt for its acks now, and sends no data for seconds.
    talk.send(b"in time");
    talk.advance(Span::from_millis(100));
    let heard = talk.peer.take_messages();
    assert_eq!(heard.len(), 1, "the message came within 100 ms");
}

/// 100,000 statistics messages, as large as they get.
#[test]
fn class_26_a_flood_of_statistics_is_taken_in_without_growing() {
    let mut talk = talk_in_clear();
    // Unknown fields up to the size of the packet.
    let mut stats = vec![0x0A, 0x06, 0x0A, 0x04, 0x08, 0x01, 0x10, 0x02];
    stats.extend_from_slice(&[0xA2, 0x06, 0xC8, 0x07]);
    stats.resize(stats.len() + 968, 0x7F);
    let before = held_bytes();
    let mut answers = 0;
    for _ in 0..100_000 {
        talk.say_as(&Frames::new(), |packet| packet.stats = Some(stats.clone()));
        answers += talk.peer.take_heard().len();
    }
    let grown = held_bytes() - before;
    assert!(grown < 1 << 20, "{grown} bytes");
    assert_eq!(talk.drops(DropReason::BadDataHeader), 0, "it is a message");
    assert!(
        answers < 3000,
        "{answers} answers, for every 64th packet one"
    );
    talk.assert_still_works();
}

#[test]
fn class_26_reports_that_make_no_sense_are_kept_as_they_are() {
    let mut talk = talk();
    // All numbers at their largest, negative for who reads them signed.
    let mut report = vec![];
    for field in 1..=8_u8 {
        report.push(field << 3);
        report.extend_from_slice(&[0xFF, 0xFF, 0xFF, 0xFF, 0x0F]);
    }
    let inner = [&[0x0A, report.len() as u8][..], &report].concat();
    let stats = [&[0x0A, inner.len() as u8][..], &inner].concat();
    talk.say_as(&Frames::new(), |packet| packet.stats = Some(stats));
    assert_eq!(talk.drops(DropReason::BadDataHeader), 0);
    let connection = talk.stage.connection(talk.id).unwrap();
    assert!(!connection.detailed_status(talk.stage.now()).is_empty());
    let status = connection.status(talk.stage.now());
    assert!(
        status
            .quality_remote
            .is_none_or(|quality| (0.0..=1.0).contains(&quality)),
        "{status:?}"
    );
    talk.assert_still_works();
}

#[test]
fn class_26_nobody_is_asked_back_for_ever() {
    let mut talk = talk();
    talk.advance(Span::from_secs(1));
    talk.peer.take_heard();
    // Acks with gaps make the other end answer within 250 ms divided by their number.
    for n in 0..200 {
        let latest = talk.peer.highest_heard();
        let block = bowline_core::snp::AckBlock {
            acked: 1,
            nacked: 0,
        };
        let frames = Frames::new().ack(latest, 0, &[block]);
        talk.say(&frames.unreliable(message(n + 1), b"x"));
    }
    talk.advance(Span::from_millis(300));
    let packets = talk.peer.take_packets();
    assert!(packets.len() <= 10, "{} packets", packets.len());
    let has_ack = |frames: &[HeardFrame]| {
        frames
            .iter()
            .any(|frame| matches!(frame, HeardFrame::Ack { .. }))
    };
    assert!(packets.iter().any(|packet| has_ack(&packet.frames)));
    talk.peer.set_next_message(LANE, message(1000));
    talk.assert_still_works();
}
