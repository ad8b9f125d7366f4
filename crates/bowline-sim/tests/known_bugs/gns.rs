//! What GNS repaired later.

use std::collections::BTreeSet;

use bowline_core::cert::authority::Authority;
use bowline_core::cert::issue::CertSpec;
use bowline_core::config::Config;
use bowline_core::counters::DropReason;
use bowline_core::crypto::cipher_negotiation::Cipher;
use bowline_core::crypto::keys::SigningKey;
use bowline_core::crypto::{rustcrypto, spy};
use bowline_core::end_reason::EndReason;
use bowline_core::endpoint::EndpointConfig;
use bowline_core::ids::{AppId, PacketNumber};
use bowline_core::limits;
use bowline_core::message::SendFlags;
use bowline_core::rng::Rng;
use bowline_core::start::{FlowStart, StartNumbers};
use bowline_core::time::Span;
use bowline_sim::scripted::{Frames, ScriptedPeer, Stage};
use bowline_sim::{HostConfig, World};
use prost::Message;

use crate::support::{LANE, message, pos, talk, talk_with};

#[test]
fn gns_9994d3f_duplicate_packet_numbers_are_refused() {
    let mut talk = talk();
    let number = talk.peer.next_packet();
    let first = talk
        .peer
        .seal(&Frames::new().unreliable(message(1), b"first"));
    // Another packet of the same number, sealed as well as the first, and the first again.
    let second = talk
        .peer
        .seal_as(number, &Frames::new().unreliable(message(2), b"second"));
    for datagram in [&first, &second, &first] {
        talk.deliver(datagram);
    }
    assert_eq!(talk.received(), [b"first"]);
    assert_eq!(talk.drops(DropReason::DuplicatePacket), 2);
    // Long after, beyond every window.
    for n in 3..limits::REPLAY_WINDOW + 100 {
        talk.say(&Frames::new().unreliable(message(n), b"."));
    }
    talk.received();
    talk.deliver(&first);
    assert_eq!(talk.received(), [b""; 0]);
    assert_eq!(talk.drops(DropReason::DuplicatePacket), 3);
    talk.peer
        .set_next_message(LANE, message(limits::REPLAY_WINDOW + 100));
    talk.assert_still_works();
}

#[test]
fn gns_63d95d7_no_part_of_a_nonce_is_known_to_who_reads_along() {
    let mut parts = [BTreeSet::new(), BTreeSet::new(), BTreeSet::new()];
    for seed in 0..8 {
        let (crypto, seen) = spy::provider();
        let mut stage = Stage::new(EndpointConfig::new(crypto), Config::new());
        let mut peer = ScriptedPeer::client(seed);
        let id = stage.connect(&mut peer);
        for _ in 0..3 {
            stage.send(&mut peer, id, LANE, SendFlags::RELIABLE_NO_NAGLE, b"x");
        }
        for nonce in seen.nonces() {
            // What is left of the number that counts the packets, and the rest.
            let count = u64::from_le_bytes(nonce[..8].try_into().unwrap());
            parts[0].insert(count >> 40);
            parts[1].insert(count & 0xFF_FFFF_FF00);
            parts[2].insert(u64::from(u32::from_le_bytes(
                nonce[8..].try_into().unwrap(),
            )));
        }
    }
    for part in parts {
        assert!(part.len() >= 8, "the same in two connections: {part:x?}");
        assert!(!part.contains(&0), "{part:x?}");
    }
}

/// As many empty messages as fit into a packet.
fn swarm(first: u64) -> (Frames, u64) {
    let mut frames = Frames::new().unreliable(message(first), b"");
    let mut count = 1;
    while frames.bytes().len() + 2 <= limits::MAX_DATAGRAM - limits::DATA_HEADER - limits::AEAD_TAG
    {
        frames = frames.unreliable_next(b"");
        count += 1;
    }
    (frames, count)
}

#[test]
fn gns_a456c20_tiny_messages_fill_the_queue_to_its_limit_and_no_further() {
    let mut talk = talk();
    talk.stage.reads = false;
    let mut next = 1;
    for _ in 0..20 {
        let (frames, count) = swarm(next);
        assert!(count > 500);
        talk.say(&frames);
        next += count;
        let queued = talk.stage.connection(talk.id).unwrap().queued_messages();
        assert!(queued <= limits::RECV_BUFFER_MESSAGES, "{queued}");
    }
    assert!(talk.drops(DropReason::ReceiveBufferFull) > 10_000);
    talk.stage.reads = true;
    talk.peer.set_next_message(LANE, message(next));
    talk.assert_still_works();
}

#[test]
fn gns_dbe5a29_more_segments_than_allowed_in_a_packet_are_not_taken() {
    let mut config = Config::new();
    config.set_max_segments_per_packet(50).unwrap();
    let mut talk = talk_with(config, Cipher::Aes256Gcm);
    let number = talk.peer.next_packet().get();
    let (frames, count) = swarm(1);
    talk.say(&frames);
    assert_eq!(talk.received().len(), 50);
    assert_eq!(talk.drops(DropReason::TooManySegments), 1);
    // 1e724c3: such a limit is no reason to close; the packet counts as lost.
    assert!(!talk.acknowledged(number).contains(&number));
    talk.peer.set_next_message(LANE, message(count + 1));
    talk.assert_still_works();
}

#[test]
fn gns_1e724c3_a_full_receive_buffer_does_not_close_the_connection() {
    let mut config = Config::new();
    config.set_recv_buffer_messages(2).unwrap();
    let mut talk = talk_with(config, Cipher::Aes256Gcm);
    talk.stage.reads = false;
    for n in 0..50u8 {
        let datagrams = talk.peer.send_reliable(LANE, &[n; 100]);
        talk.stage.deliver_all(&mut talk.peer, datagrams);
        let datagram = talk.peer.send_unreliable(LANE, b"maybe");
        talk.deliver(&datagram);
    }
    assert!(talk.drops(DropReason::ReceiveBufferFull) > 0);
    talk.stage.reads = true;
    talk.stage.advance(&mut talk.peer, Span::from_secs(1));
    let read = |_: &mut bowline_core::connection::Connection, _| {};
    talk.stage.with(talk.id, read);
    for _ in 0..5 {
        let again = talk.peer.resend();
        talk.stage.deliver_all(&mut talk.peer, again);
        talk.stage.advance(&mut talk.peer, Span::from_secs(1));
    }
    let reliable: Vec<u8> = talk
        .received()
        .iter()
        .filter(|m| m.len() == 100)
        .map(|m| m[0])
        .collect();
    assert_eq!(reliable, (0..50).collect::<Vec<u8>>());
    talk.assert_still_works();
}

#[test]
fn gns_0d721a5_numbers_that_run_over_end_the_connection_in_good_order() {
    let long = [0xFF; 10];
    let over = [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x02];
    for varint in [&long[..], &over] {
        // In turn: step of a message number, offset, lane, length of an extension; in the stream: step of
        // the number, size; a run of an ack.
        let step = Frames::new()
            .unreliable(message(1), b"")
            .raw(&[0x30])
            .raw(varint)
            .raw(&[0]);
        let offset = Frames::from(&[0x38, 1, 0, 0, 0][..]).raw(varint).raw(&[0]);
        let lane = Frames::from(&[0x8F][..]).raw(varint);
        let extension = Frames::from(&[0xA0][..]).raw(varint);
        let number = [&[0x41][..], varint, b"x"].concat();
        let size = [&[0x20][..], varint, b"x"].concat();
        let run = Frames::from(&[0x99, 1, 0, 0xFF, 0xFF, 0xFF][..])
            .raw(varint)
            .raw(varint);
        let in_stream = |bytes: &[u8]| Frames::new().reliable(pos(1), bytes);
        let all = [
            step,
            offset,
            lane,
            extension,
            in_stream(&number),
            in_stream(&size),
            run,
        ];
        for frames in all {
            let mut talk = talk();
            talk.say(&frames);
            talk.assert_ended(EndReason::MISC_INTERNAL_ERROR);
        }
    }
}

#[test]
fn gns_0137c05_a_certificate_that_expires_without_a_new_one_is_let_go_once() {
    let crypto = rustcrypto::provider();
    let mut config = EndpointConfig::new(crypto.clone());
    config.app_id = AppId::new(480);
    config.identity = "str:us".parse().unwrap();
    let mut stage = Stage::new(config, Config::new());
    let now = stage.unix_secs();
    stage.endpoint.certificate_request();
    let spec = CertSpec {
        key: *stage.endpoint.public_key().unwrap().as_bytes(),
        identity: Some("str:us".parse().unwrap()),
        app_ids: vec![AppId::new(480)],
        pops: Vec::new(),
        addresses: Vec::new(),
        created_unix_secs: now as u32,
        expiry_unix_secs: (now + 300) as u32,
    };
    let authority = Authority::new(&crypto, SigningKey::from_seed([1; 32]));
    let signed = authority.issue(&crypto, &spec).encode_to_vec();
    stage
        .endpoint
        .set_certificate(stage.now(), &signed)
        .unwrap();
    stage.advance_alone(Span::from_secs(400));
    assert!(stage.endpoint.credentials().is_none());
    let mut events = 0;
    while stage.endpoint.poll_trust_event().is_some() {
        events += 1;
    }
    assert!((1..=4).contains(&events), "{events}");
    // Nothing is due over and over.
    assert!(
        stage
            .endpoint
            .poll_timeout()
            .is_none_or(|at| at > stage.now())
    );
    stage.advance_alone(Span::from_secs(3600));
    assert!(stage.endpoint.poll_trust_event().is_none());
}

/// Packets of which a random half arrives, in random order and partly twice; then what the other end says
/// of them must be what arrived.
fn acks_are_true(seed: u64, spread: u64, packets: u64) {
    let mut rng = Rng::from_seed([seed as u8; 32]);
    let mut talk = talk();
    let first = talk.peer.next_packet().get();
    let mut order: Vec<(u64, u64)> = (first..first + packets)
        .map(|number| (number + u64::from(rng.below(spread as u32)), number))
        .collect();
    order.sort_unstable();
    let mut arrived = BTreeSet::new();
    for (_, number) in order {
        let packet = Frames::new().unreliable(message(number), b"m");
        let datagram = talk.peer.seal_as(PacketNumber::new(number), &packet);
        if rng.below(2) == 0 {
            talk.deliver(&datagram);
            arrived.insert(number);
        }
        if rng.below(8) == 0 {
            talk.deliver(&datagram);
            arrived.insert(number);
        }
        if rng.below(16) == 0 {
            let span = Span::from_micros(u64::from(rng.below(5_000)));
            talk.stage.advance(&mut talk.peer, span);
        }
    }
    talk.peer
        .set_next_packet(PacketNumber::new(first + packets));
    let told: BTreeSet<u64> = talk.acknowledged(first).into_iter().collect();
    let asking = first + packets;
    let highest = *told.last().unwrap();
    let truth: BTreeSet<u64> = arrived
        .iter()
        .copied()
        .chain([asking])
        .filter(|n| *n <= highest)
        .collect();
    assert_eq!(told, truth, "seed {seed}");
    assert!(told.len() > 10);
    talk.peer
        .set_next_message(LANE, message(first + packets + 1));
    talk.assert_still_works();
}

#[test]
fn gns_d707afb_acks_say_what_arrived() {
    for seed in 0..20 {
        acks_are_true(seed, 1, 100);
    }
}

#[test]
fn gns_020277d_gaps_that_open_and_close_in_any_order_are_told_as_they_are() {
    for seed in 20..40 {
        acks_are_true(seed, 40, 150);
    }
}

#[test]
fn gns_0e4365d_acks_that_are_owed_survive_gaps_that_are_forgotten() {
    // Every other packet for a long time: far more gaps than are remembered. Late ones fill some while an
    // ack for them is owed, and the sender moves on.
    let mut rng = Rng::from_seed([9; 32]);
    let mut talk = talk();
    let mut wanted = 0;
    for n in 0..6_000u64 {
        let number = talk.peer.next_packet().get();
        let mut frames = Frames::new();
        if rng.below(200) == 0 {
            wanted = wanted.max(number.saturating_sub(u64::from(rng.below(900)) + 2));
            frames = frames.stop_waiting(number - 1 - wanted);
        }
        let datagram = talk.peer.seal(&frames.unreliable(message(n + 1), b"m"));
        talk.deliver(&datagram);
        let skipped = talk.peer.next_packet();
        talk.peer.set_next_packet(skipped.next());
        if rng.below(3) == 0 {
            let late = number.saturating_sub(u64::from(rng.below(1_000))).max(3) | 1;
            let frames = Frames::new().unreliable(message(n + 1), b"late");
            let datagram = talk.peer.seal_as(PacketNumber::new(late), &frames);
            talk.deliver(&datagram);
        }
        if rng.below(10) == 0 {
            talk.stage.advance(&mut talk.peer, Span::from_millis(4));
        }
    }
    talk.received();
    let sent = talk.peer.next_packet().get();
    assert!(talk.acknowledged(2).iter().all(|number| *number <= sent));
    talk.peer.set_next_message(LANE, message(7_000));
    talk.assert_still_works();
}

#[test]
fn gns_08bae06_stop_waiting_beyond_what_was_received_is_taken_for_what_was() {
    let mut talk = talk();
    // Packets 2 to 40 are lost; 41 says that nobody waits for any before it.
    talk.peer.set_next_packet(PacketNumber::new(41));
    talk.say(&Frames::new().stop_waiting(0).unreliable(message(1), b"a"));
    // One of them comes after all, and says less, as it did then.
    let late = Frames::new().stop_waiting(0).unreliable(message(2), b"b");
    let datagram = talk.peer.seal_as(PacketNumber::new(20), &late);
    talk.deliver(&datagram);
    talk.stage.advance(&mut talk.peer, Span::from_millis(5));
    assert_eq!(talk.received(), [b"a", b"b"]);
    // 42 is lost; 43 calls it unwanted before it was missed.
    talk.peer.set_next_packet(PacketNumber::new(43));
    talk.say(&Frames::new().stop_waiting(0).unreliable(message(3), b"c"));
    let told = talk.acknowledged(41);
    assert!(told.contains(&43), "{told:?}");
    talk.peer.set_next_message(LANE, message(4));
    talk.assert_still_works();
}

/// As the class of soak tests that would take a year: the counters begin shortly before.
#[test]
fn gns_692c40f_the_packet_after_two_thousand_million_is_counted_like_any_other() {
    for end in [1u64 << 31, 1 << 32] {
        let flow = FlowStart {
            packet: PacketNumber::new(end - 20),
            ..FlowStart::FIRST
        };
        let start = StartNumbers {
            sent: flow,
            received: flow,
        };
        let mut world = World::new(end);
        let config = HostConfig {
            start: Some(start),
            ..HostConfig::default()
        };
        let server = world.add_host("server", config.clone());
        let client = world.add_host("client", config);
        let address = world.listen(server, 27_015);
        let (ours, theirs) = world.connect_pair(client, address).unwrap();
        for _ in 0..60 {
            for conn in [ours, theirs] {
                world
                    .send(conn, SendFlags::RELIABLE_NO_NAGLE, b"tick")
                    .unwrap();
            }
            world.run_for(Span::from_millis(20));
        }
        for conn in [ours, theirs] {
            world.wait_for_delivery(conn, Span::from_secs(1)).unwrap();
            let status = world.status(conn).unwrap();
            // What was lost, and how long it took, is computed from those numbers.
            assert!(status.quality_local.is_none_or(|quality| quality > 0.99));
            assert!(
                status.ping_ms.is_some_and(|ms| ms < 10),
                "{:?}",
                status.ping_ms
            );
        }
    }
}
