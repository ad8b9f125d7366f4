//! Classes 14, 23 and 24: packet and message numbers that jump, wrap and come again.

use bowline_core::config::Config;
use bowline_core::counters::DropReason;
use bowline_core::end_reason::EndReason;
use bowline_core::ids::{LaneIndex, PacketNumber};
use bowline_core::limits;
use bowline_core::time::Span;
use bowline_sim::scripted::{Fate, Frames, stream_message};

use crate::support::{LANE, Talk, message, pos, talk, talk_in_clear};

const BROKEN: EndReason = EndReason::MISC_INTERNAL_ERROR;

#[test]
fn class_14_unreliable_numbers_may_jump_anywhere_ahead() {
    let mut talk = talk();
    // The absolute form reaches 2^31 - 1 beyond the highest; a step reaches everything.
    let mut number = 0x7FFF_FFFF;
    talk.say(&Frames::new().unreliable(message(number), b"a"));
    for to in [1_u64 << 32, 1 << 48, 1 << 62, (1 << 63) - 2] {
        // A number near the highest seen, from which the step is made.
        let frames = Frames::new()
            .unreliable(message(number + 1), b"b")
            .unreliable_step(to - number - 1, b"c");
        talk.say(&frames);
        number = to;
    }
    talk.say(&Frames::new().unreliable(message(number + 1), b"last"));
    let numbers = talk.stage.received_messages(talk.id);
    let numbers: Vec<u64> = numbers
        .iter()
        .map(|message| message.number().get())
        .collect();
    assert_eq!(numbers.last(), Some(&(i64::MAX as u64)));
    assert_eq!(numbers.len(), 10);
    assert!(talk.is_connected());
}

#[test]
fn class_14_numbers_that_do_not_exist_end_the_connection() {
    let beyond = Frames::new()
        .unreliable(message(1), b"x")
        .unreliable_step(i64::MAX as u64, b"x");
    let wraps = Frames::new()
        .unreliable(message(1), b"x")
        .unreliable_step(u64::MAX, b"x");
    let too_long = Frames::new()
        .unreliable(message(1), b"x")
        .raw(&[0x30])
        .raw(&[0xFF; 11]);
    let zero = Frames::new().unreliable(message(0), b"x");
    let negative = Frames::new().unreliable(message(0x8000_0000), b"x");
    for frames in [beyond, wraps, too_long, zero, negative] {
        let mut talk = talk();
        talk.say(&frames);
        talk.assert_ended(BROKEN);
    }
}

#[test]
fn class_14_reliable_numbers_step_as_far_as_gns_allows() {
    let say = |talk: &mut Talk, at: &mut u64, step: u64| {
        let bytes = stream_message(step, b"m");
        talk.say(&Frames::new().reliable(pos(*at), &bytes));
        *at += bytes.len() as u64;
    };
    for (step, is_taken) in [
        (limits::MAX_MESSAGE_NUMBER_LEAD, true),
        (limits::MAX_MESSAGE_NUMBER_LEAD + 1, false),
        (limits::MAX_MESSAGE_NUMBER_STEP, false),
        (0, false),
        (1 << 31, false),
        (u64::MAX, false),
    ] {
        let (mut talk, mut at) = (talk(), 1);
        say(&mut talk, &mut at, step);
        if is_taken {
            assert_eq!(talk.received(), [b"m"], "step {step}");
            assert!(talk.is_connected());
        } else {
            talk.assert_ended(BROKEN);
        }
    }
    // With unreliable numbers ahead, the longest step is taken, and one more is not.
    for (step, is_taken) in [
        (limits::MAX_MESSAGE_NUMBER_STEP, true),
        (limits::MAX_MESSAGE_NUMBER_STEP + 1, false),
    ] {
        let (mut talk, mut at) = (talk(), 1);
        talk.say(&Frames::new().unreliable(message(5_000_000), b"far"));
        say(&mut talk, &mut at, step);
        assert_eq!(talk.is_connected(), is_taken, "step {step}");
    }
}

#[test]
fn class_14_message_numbers_pass_16_31_and_32_bits() {
    let mut talk = talk();
    let lane = LaneIndex::new(3);
    for boundary in [1_u64 << 16, 1 << 31, 1 << 32] {
        // Unreliable numbers lead the way, in steps that the absolute form can say.
        let mut ahead = talk.peer.next_message(lane).get();
        while ahead + 0x4000_0000 < boundary - 3 {
            ahead += 0x4000_0000;
            talk.peer.set_next_message(lane, message(ahead));
            let datagram = talk.peer.send_unreliable(lane, b"lead");
            talk.deliver(&datagram);
        }
        talk.peer.set_next_message(lane, message(boundary - 3));
        talk.received();
        let mut sent = Vec::new();
        for n in 0..6u8 {
            sent.push(vec![n; 3]);
            let datagram = talk.peer.send_unreliable(lane, &[n; 3]);
            talk.deliver(&datagram);
        }
        assert_eq!(talk.received(), sent, "around {boundary}");
    }
    assert!(talk.is_connected());
}

#[test]
fn class_14_reliable_numbers_pass_16_bits_with_loss_in_both_directions() {
    let mut talk = talk();
    let mut seen = 0_u32;
    talk.stage.set_filter(move |_, _| {
        seen += 1;
        if seen.is_multiple_of(5) {
            Fate::Lost
        } else {
            Fate::Arrives
        }
    });
    // Fillers are unreliable; every eighth message is reliable, so that steps stay legal.
    for n in 1..=70_000_u64 {
        if n % 8 == 0 || (65_500..65_600).contains(&n) {
            let datagrams = talk.peer.send_reliable(LANE, &n.to_le_bytes());
            talk.stage.deliver_all(&mut talk.peer, datagrams);
        } else {
            talk.peer.set_next_message(LANE, message(n + 1));
        }
        if n % 64 == 0 {
            let again = talk.peer.resend();
            talk.stage.deliver_all(&mut talk.peer, again);
            talk.peer.take_heard();
        }
    }
    while talk.peer.unacked_packets() > 0 {
        let again = talk.peer.resend();
        talk.stage.deliver_all(&mut talk.peer, again);
        talk.advance(Span::from_millis(50));
    }
    let expected = (1..=70_000_u64).filter(|n| n % 8 == 0 || (65_500..65_600).contains(n));
    let expected: Vec<Vec<u8>> = expected.map(|n| n.to_le_bytes().to_vec()).collect();
    assert!(talk.received() == expected, "each once and in order");
    assert!(talk.is_connected());
}

#[test]
fn class_14_stream_positions_pass_24_bits_in_every_form() {
    // 16 MiB of messages of 60,000 bytes bring the stream next to 2^24.
    let mut talk = talk_in_clear();
    let mut sent = 0;
    while talk.peer.next_pos(LANE).get() + 70_000 < 1 << 24 {
        let datagrams = talk.peer.send_reliable(LANE, &[5; 60_000]);
        talk.stage.deliver_all(&mut talk.peer, datagrams);
        talk.peer.take_heard();
        sent += 1;
    }
    assert_eq!(talk.received().len(), sent);
    let start = talk.peer.next_pos(LANE).get();
    let bytes = stream_message(1, &[6; 100_000]);
    // The 24-bit form, and the 32-bit form, across the boundary.
    for (at, part) in (start..).step_by(1000).zip(bytes.chunks(1000)) {
        let low = at.to_le_bytes();
        let len = part.len().to_le_bytes();
        let frames = if at / 1000 % 2 == 0 {
            Frames::new().raw(&[0x40 | len[1]]).raw(&low[..3])
        } else {
            Frames::new().raw(&[0x48 | len[1]]).raw(&low[..4])
        };
        talk.say(&frames.raw(&[len[0]]).raw(part));
    }
    assert!(start + bytes.len() as u64 > 1 << 24);
    assert_eq!(talk.received(), [vec![6; 100_000]]);
}

/// Takes the connection's view of the peer's packet numbers up to `to`, in the longest legal jumps.
fn climb(talk: &mut Talk, to: u64) {
    let mut number = talk.peer.next_packet().get() - 1;
    while number < to {
        let step = limits::MAX_PACKET_NUMBER_JUMP.min(to - number);
        number += step;
        // Nobody waits to hear of what was left out.
        talk.peer.set_next_packet(PacketNumber::new(number));
        talk.peer.set_first_wanted(PacketNumber::new(number - 1));
        let frames = talk.peer.housekeeping();
        talk.say(&frames);
        talk.peer.take_heard();
    }
    talk.advance(Span::from_millis(2));
}

/// Traffic both ways in small packets, so that the peer's numbers go on by more than a hundred, with loss.
fn assert_passes(talk: &mut Talk, boundary: u64) {
    climb(talk, boundary - 50);
    let mut seen = 0_u32;
    talk.stage.set_filter(move |_, _| {
        seen += 1;
        if seen.is_multiple_of(4) {
            Fate::Lost
        } else {
            Fate::Arrives
        }
    });
    let sent: Vec<Vec<u8>> = (0..100u8).map(|n| vec![n; 20]).collect();
    for data in &sent {
        let datagrams = talk.peer.send_reliable(LANE, data);
        talk.stage.deliver_all(&mut talk.peer, datagrams);
        talk.send(data);
    }
    while talk.peer.unacked_packets() > 0 {
        let again = talk.peer.resend();
        talk.stage.deliver_all(&mut talk.peer, again);
        talk.advance(Span::from_millis(50));
    }
    talk.stage.clear_filter();
    talk.advance(Span::from_secs(10));
    assert!(talk.peer.next_packet().get() > boundary);
    assert_eq!(talk.received(), sent, "around {boundary}");
    let heard = talk.peer.take_messages();
    let heard: Vec<Vec<u8>> = heard.into_iter().map(|message| message.data).collect();
    assert_eq!(heard, sent, "around {boundary}");
    assert!(talk.is_connected());
    talk.assert_still_works();
}

#[test]
fn class_23_packet_numbers_pass_15_and_16_bits_encrypted() {
    let mut talk = talk();
    for boundary in [1 << 15, 1 << 16, 3 << 15, 1 << 17] {
        assert_passes(&mut talk, boundary);
    }
}

#[test]
fn class_23_packet_numbers_pass_31_bits() {
    let mut talk = talk();
    assert_passes(&mut talk, 1 << 31);
}

#[test]
fn class_23_packet_numbers_pass_32_bits() {
    let mut talk = talk();
    assert_passes(&mut talk, 1 << 32);
}

#[test]
fn class_23_the_longest_jump_is_taken_and_a_longer_one_ends_the_connection() {
    let jump = limits::MAX_PACKET_NUMBER_JUMP;
    for (by, is_taken) in [(jump, true), (jump + 1, false), (0x7FFF, false)] {
        let mut talk = talk();
        let highest = talk.peer.next_packet().get() - 1;
        let far = PacketNumber::new(highest + by);
        let datagram = talk.peer.seal_as(far, &Frames::new());
        talk.deliver(&datagram);
        if is_taken {
            talk.peer.set_next_packet(far.next());
            talk.assert_still_works();
        } else {
            talk.assert_ended(EndReason::MISC_GENERIC);
            assert_eq!(talk.drops(DropReason::BadPacketNumber), 1);
        }
    }
}

#[test]
fn class_23_a_jump_of_half_the_numbers_is_taken_for_an_old_packet() {
    let mut talk = talk();
    climb(&mut talk, 100_000);
    for by in [0x8000, 0x8001, 0xFFFF] {
        let far = PacketNumber::new(100_000 + by);
        let datagram = talk.peer.seal_as(far, &Frames::new());
        talk.deliver(&datagram);
    }
    // To the header they are 32,768 and 32,767 behind, too old to tell, and 1 behind, which is not open to
    // who has sealed it as another.
    assert_eq!(talk.drops(DropReason::DuplicatePacket), 2);
    assert_eq!(talk.drops(DropReason::DecryptFailed), 1);
    talk.assert_still_works();
}

#[test]
fn class_24_every_packet_of_a_conversation_counts_once() {
    let mut talk = talk();
    let mut seen = Vec::new();
    for n in 0..60u8 {
        for datagram in talk.peer.send_reliable(LANE, &[n; 30]) {
            talk.deliver(&datagram);
            seen.push(datagram);
        }
        let datagram = talk.peer.send_unreliable(LANE, &[n; 30]);
        talk.deliver(&datagram);
        seen.push(datagram);
    }
    assert_eq!(talk.received().len(), 120);
    talk.peer.take_heard();
    for datagram in seen.iter().chain(seen.iter().rev()) {
        talk.deliver(datagram);
    }
    assert_eq!(talk.received(), [b""; 0]);
    assert_eq!(talk.drops(DropReason::DuplicatePacket), 240);
    assert!(talk.peer.take_heard().is_empty(), "nobody is answered");
    talk.assert_still_works();
}

#[test]
fn class_24_packets_older_than_the_window_are_refused_unread() {
    let mut talk = talk();
    let late = |talk: &mut Talk, number: u64| {
        let frames = Frames::new().unreliable(message(number), b"late");
        let datagram = talk.peer.seal_as(PacketNumber::new(number), &frames);
        talk.deliver(&datagram);
        talk.received().len()
    };
    climb(&mut talk, 5000);
    let window = limits::REPLAY_WINDOW;
    assert_eq!(late(&mut talk, 5000 - window), 0);
    assert_eq!(talk.drops(DropReason::DuplicatePacket), 1);
    for number in [5000 - window + 1, 4500, 4999] {
        assert_eq!(late(&mut talk, number), 1, "packet {number}");
        assert_eq!(late(&mut talk, number), 0, "packet {number} again");
    }
    assert_eq!(talk.drops(DropReason::DuplicatePacket), 4);
    // A number far below the first packet.
    let mut talk = crate::support::talk_with(Config::new(), Default::default());
    let datagram = talk.peer.seal_as(PacketNumber::new(0xFF00), &Frames::new());
    talk.deliver(&datagram);
    assert_eq!(talk.drops(DropReason::BadPacketNumber), 1);
    talk.assert_still_works();
}

#[test]
fn class_24_a_forged_packet_does_not_take_the_place_of_the_true_one() {
    let mut talk = talk();
    let frames = Frames::new().unreliable(message(1), b"true");
    let datagram = talk.peer.seal(&frames);
    for at in 0..datagram.len() * 8 {
        let mut forged = datagram.clone();
        forged[at / 8] ^= 1 << (at % 8);
        // Some flips in the header only name another connection, or flags that mean nothing.
        if at >= 7 * 8 {
            talk.deliver(&forged);
        }
    }
    let forgeries = (datagram.len() - 7) as u64 * 8;
    assert_eq!(talk.drops(DropReason::DecryptFailed), forgeries);
    assert_eq!(talk.received(), [b""; 0]);
    talk.deliver(&datagram);
    assert_eq!(talk.received(), [b"true"]);
    talk.peer.set_next_message(LANE, message(2));
    talk.assert_still_works();
}
