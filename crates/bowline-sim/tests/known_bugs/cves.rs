//! The four of "Game On" (2020), and what was repaired beside them.

use bowline_core::counters::DropReason;
use bowline_core::crypto::CryptoError;
use bowline_core::end_reason::EndReason;
use bowline_core::ids::PacketNumber;
use bowline_core::limits;
use bowline_core::wire::data_header;
use bowline_core::wire::varint;
use bowline_sim::scripted::Frames;

use crate::support::{LANE, Talk, message, talk, talk_in_clear};

/// Whether the connection goes on after frames with messages below this number.
fn assert_unharmed(mut talk: Talk, next_message: u64) {
    talk.peer.set_next_message(LANE, message(next_message));
    talk.assert_still_works();
}

#[test]
fn cve_2020_6016_offsets_that_are_negative_as_an_int_are_ignored() {
    for mut talk in [talk(), talk_in_clear()] {
        let mut number = 0;
        for offset in [
            1u64 << 31,
            (1 << 31) + 1,
            u64::from(u32::MAX) - 1279,
            u64::from(u32::MAX),
        ] {
            for size in [0, 1, 1200] {
                number += 1;
                let data = vec![0xEE; size];
                // An honest beginning, so that a wrong sum would make the message whole.
                let honest = Frames::new().fragment(message(number), 0, false, b"begin");
                let attack = Frames::new().fragment(message(number), offset, true, &data);
                talk.say(&honest);
                talk.say(&attack);
            }
        }
        assert_eq!(talk.drops(DropReason::OversizeSegment), number);
        assert_eq!(talk.received(), [b""; 0]);
        assert_unharmed(talk, number + 1);
    }
}

#[test]
fn cve_2020_6016_an_offset_of_more_than_32_bits_is_not_cut_to_one_that_fits() {
    for offset in [1u64 << 32, (1 << 32) + 5, u64::MAX - 4, u64::MAX] {
        let mut talk = talk();
        talk.say(&Frames::new().fragment(message(1), 0, false, b"begin"));
        talk.say(&Frames::new().fragment(message(1), offset, true, b"end"));
        talk.assert_ended(EndReason::MISC_INTERNAL_ERROR);
        assert_eq!(talk.received(), [b""; 0]);
    }
}

#[test]
fn cve_2020_6017_the_longest_segment_of_a_plain_packet_fits() {
    // The size code "up to the end of the packet" is bound by nothing but the datagram.
    let room = limits::MAX_DATAGRAM - limits::DATA_HEADER;
    for frames in [
        // A whole message, and a first piece.
        &[0x37, 1, 0, 0, 0][..],
        &[0x17, 1, 0, 0, 0],
    ] {
        let mut talk = talk_in_clear();
        let data: Vec<u8> = (0..room - frames.len()).map(|n| n as u8).collect();
        talk.say(&Frames::from(frames).raw(&data));
        let is_whole = frames[0] & 0x20 != 0;
        let expected = if is_whole { vec![data.clone()] } else { vec![] };
        assert_eq!(talk.received(), expected);
        // One byte more is no datagram of this protocol, without an agreement on larger ones.
        let mut talk = talk_in_clear();
        talk.say(&Frames::from(frames).raw(&data).raw(b"x"));
        assert_eq!(talk.drops(DropReason::TooLong), 1);
        assert_eq!(talk.received(), [b""; 0]);
        assert_unharmed(talk, 2);
    }
}

#[test]
fn cve_2020_6017_segments_claim_no_bytes_beyond_the_packet() {
    for claimed in [2u8, 100, 0xFF] {
        let mut talk = talk_in_clear();
        talk.say(&Frames::from(&[0x34, 1, 0, 0, 0, claimed, b'x'][..]));
        talk.assert_ended(EndReason::MISC_INTERNAL_ERROR);
        assert_eq!(talk.received(), [b""; 0]);
    }
}

#[test]
fn cve_2020_6018_sealed_payloads_of_every_length_are_opened_or_refused() {
    let mut talk = talk();
    let header = limits::DATA_HEADER;
    let mut refused = 0;
    for len in 0..=limits::MAX_DATAGRAM - header {
        // Of every length: one that opens, if there is room for the tag, and one that does not.
        let number = talk.peer.next_packet();
        let mut forged = talk.peer.seal_as(number, &Frames::new());
        forged.truncate(header);
        forged.resize(header + len, 0xA5);
        talk.deliver(&forged);
        refused += 1;
        assert_eq!(talk.drops(DropReason::DecryptFailed), refused, "{len}");
        if let Some(plain) = len.checked_sub(limits::AEAD_TAG) {
            let mut frames = Frames::new();
            if plain >= 5 {
                let fill = vec![0x11; plain - 5];
                frames = frames.raw(&[0x37, 1, 0, 0, 0]).raw(&fill);
            }
            talk.say(&frames);
        }
    }
    let sizes: Vec<usize> = talk.received().iter().map(Vec::len).collect();
    let most = limits::MAX_DATAGRAM - header - limits::AEAD_TAG - 5;
    assert_eq!(sizes, (0..=most).collect::<Vec<_>>());
    assert_unharmed(talk, 2);
}

#[test]
fn cve_2020_6018_a_plaintext_above_the_limit_is_not_decrypted() {
    let talk = talk();
    let keys = talk.peer.keys().unwrap();
    let number = PacketNumber::new(9);
    for (len, fits) in [
        (limits::MAX_PLAINTEXT_RECV, true),
        (limits::MAX_PLAINTEXT_RECV + 1, false),
    ] {
        let mut sealed = vec![0x42; len];
        keys.send.seal(number, &mut sealed, 0);
        let before = sealed.clone();
        match keys.send.open(number, &mut sealed) {
            Ok(plaintext) => assert!(fits && plaintext == vec![0x42; len]),
            Err(CryptoError) => assert!(!fits && sealed == before),
        }
    }
}

/// A data packet that claims `claimed` bytes of inline statistics, of which `present` are there.
fn with_stats(talk: &Talk, claimed: u64, present: &[u8]) -> Vec<u8> {
    let to = talk.peer.remote_id().unwrap();
    let seq = talk.peer.next_packet().to_wire();
    let mut out = Vec::new();
    data_header::write(&mut out, to, seq, Some(&[]), None);
    // The length of the empty ones.
    out.pop();
    varint::encode(&mut out, claimed);
    out.extend_from_slice(present);
    out
}

#[test]
fn cve_2020_6019_statistics_that_end_beyond_the_packet_are_refused() {
    let mut talk = talk();
    let claims = [
        1,
        17,
        0x7FFF_FFFF,
        0x8000_0000,
        u64::from(u32::MAX),
        1 << 63,
        u64::MAX - 16,
        u64::MAX,
    ];
    for (n, claimed) in (1..).zip(claims) {
        let datagram = with_stats(&talk, claimed, &[]);
        talk.deliver(&datagram);
        assert_eq!(talk.drops(DropReason::BadDataHeader), n, "{claimed:#x}");
    }
    talk.assert_still_works();
}

#[test]
fn cve_2020_6019_statistics_that_are_no_message_are_refused() {
    let mut talk = talk();
    let blobs: [&[u8]; 5] = [
        &[0xFF],
        &[0xFF; 11],
        // A nested message longer than what holds it; one that does not end; a wire type that is none.
        &[0x0A, 0x7F, 0x00],
        &[0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F],
        &[0x0F],
    ];
    for (n, blob) in (1..).zip(blobs) {
        let datagram = with_stats(&talk, blob.len() as u64, blob);
        talk.deliver(&datagram);
        assert_eq!(talk.drops(DropReason::BadDataHeader), n, "{blob:?}");
    }
    talk.assert_still_works();
}

#[test]
fn gns_e950c99_a_piece_that_comes_again_with_another_size_changes_nothing() {
    let mut talk = talk();
    let piece = |offset, last, data: &[u8]| Frames::new().fragment(message(1), offset, last, data);
    talk.say(&piece(2, false, b"cd"));
    for (last, data) in [
        (false, &b"X"[..]),
        (false, &[b'X'; 1200]),
        (true, b""),
        (true, b"XYZ"),
    ] {
        talk.say(&piece(2, last, data));
    }
    talk.say(&piece(4, true, b"ef"));
    talk.say(&piece(0, false, b"ab"));
    assert_eq!(talk.received(), [b"abcdef"]);
    assert_unharmed(talk, 2);
}
