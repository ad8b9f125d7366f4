//! What went wrong in similar libraries, as far as there is something like it here.

use bowline_core::config::Config;
use bowline_core::connection::{Connection, ConnectionState};
use bowline_core::counters::DropReason;
use bowline_core::crypto::cipher_negotiation::Cipher;
use bowline_core::end_reason::EndReason;
use bowline_core::ids::PacketNumber;
use bowline_core::limits;
use bowline_core::message::{Outgoing, SendFlags};
use bowline_core::rng::Rng;
use bowline_core::snp::AckBlock;
use bowline_core::time::Span;
use bowline_core::transmit::DatagramMeta;
use bowline_core::wire::stats_blob::StatsFlags;
use bowline_sim::Datagram;
use bowline_sim::scripted::{Answers, Direction, Fate, Frames, ScriptedPeer, Stage};

use crate::support::{LANE, talk, talk_with};

/// No delay.
const NO_DELAY: u16 = 0xFFFF;

#[test]
fn raknet_ack_ranges_of_billions_cost_nothing() {
    // 255 runs, each of which would be walked through 2^58 times.
    for run in [limits::MAX_ACK_RUN << 3, 1 << 31, 1 << 61] {
        for (acked, nacked) in [(run, 1), (1, run), (run, run)] {
            let mut talk = talk();
            let block = AckBlock { acked, nacked };
            let newest = talk.peer.highest_heard();
            let room = (limits::MAX_DATAGRAM - 60) / 20;
            talk.say(&Frames::new().ack(newest, NO_DELAY, &vec![block; room.min(255)]));
            let ended = talk.stage.info(talk.id).end_reason;
            assert!([EndReason::INVALID, EndReason::MISC_INTERNAL_ERROR].contains(&ended));
            if run > limits::MAX_ACK_RUN << 3 {
                assert_eq!(ended, EndReason::MISC_INTERNAL_ERROR);
            }
        }
    }
}

/// What is sent after `count` times the same, if the network took nothing meanwhile.
fn backlog(stage: &mut Stage, peer: &ScriptedPeer, datagrams: &[Vec<u8>]) -> usize {
    let id = stage.connections().next().expect("a connection");
    assert!(peer.is_connected());
    let sent = stage.with(id, |connection, now| {
        for datagram in datagrams {
            feed(connection, now, datagram);
        }
    });
    sent.len()
}

fn feed(connection: &mut Connection, now: bowline_core::time::Timestamp, datagram: &[u8]) {
    connection.handle_datagram(now, &DatagramMeta::default(), &mut datagram.to_vec());
}

#[test]
fn cve_2023_49295_what_draws_answers_leaves_one_and_not_one_each() {
    // QUIC's were path challenges; ours are requests for acks and for statistics.
    let mut talk = talk();
    let flags = [StatsFlags::ACK_REQUEST_IMMEDIATE, StatsFlags::ACK_REQUEST];
    let mut datagrams = Vec::new();
    for n in 0..10_000 {
        let packet = talk.peer.packet(&Frames::new()).asking(flags[n % 2]);
        datagrams.push(talk.peer.seal_packet(&packet));
    }
    assert!(backlog(&mut talk.stage, &talk.peer, &datagrams) <= 2);
    talk.assert_still_works();
}

#[test]
fn cve_2024_22189_handshakes_and_closes_that_come_again_leave_no_queue_of_answers() {
    // QUIC's were retired connection IDs, each of which had to be acknowledged by a frame of its own.
    let mut stage = Stage::listening();
    let mut peer = ScriptedPeer::client(3);
    let mut requests = Vec::new();
    let first = peer.start(stage.now());
    stage.connect(&mut peer);
    requests.push(first);
    let cookie = |peer: &mut ScriptedPeer, stage: &Stage| peer.connect_request(stage.now(), 1);
    requests.push(cookie(&mut peer, &stage));
    let storm: Vec<Vec<u8>> = requests.iter().cycle().take(10_000).cloned().collect();
    let sent = backlog(&mut stage, &peer, &storm);
    assert!(sent <= limits::MAX_BURST_PACKETS, "{sent} answers wait");
    // The same with closes, of a connection that is closed already.
    let close = peer.close(EndReason::new(1001), "");
    let storm = vec![close; 10_000];
    let sent = backlog(&mut stage, &peer, &storm);
    assert!(sent <= limits::MAX_BURST_PACKETS, "{sent} answers wait");
}

#[test]
fn cve_2024_1410_reports_that_are_never_acknowledged_do_not_pile_up() {
    // A peer that takes nothing and keeps asking: what we remember of our own packets is bounded.
    let mut talk = talk();
    talk.peer.set_answers(Answers::Nothing);
    for n in 0..3 * limits::MAX_TRACKED_PACKETS {
        let packet = talk.peer.packet(&Frames::new());
        let packet = packet.asking(StatsFlags::ACK_REQUEST_IMMEDIATE);
        let datagram = talk.peer.seal_packet(&packet);
        talk.stage.inject(talk.stage.peer_address, &datagram);
        if n % 64 == 0 {
            talk.stage.advance_alone(Span::from_millis(1));
        }
    }
    let before = talk.peer.highest_heard();
    talk.peer.set_answers(Answers::Acks);
    // An ack of all the packets at once: those that were forgotten count as lost.
    let packet = talk.peer.packet(&Frames::new());
    let datagram = talk
        .peer
        .seal_packet(&packet.asking(StatsFlags::ACK_REQUEST_IMMEDIATE));
    talk.deliver(&datagram);
    assert!(talk.peer.highest_heard() >= before);
    assert!(talk.stage.connection(talk.id).is_some());
}

/// The number that is left out first, of the 256th to the 512th packet or so, is drawn by chance; so a liar has a little
/// more than three seconds at the highest rate that is allowed, wherever it falls.
#[test]
fn cve_2025_4820_acks_of_what_was_never_received_do_not_lift_the_rate() {
    const RATE: usize = 200_000;
    let mut config = Config::new();
    config
        .set_send_rate(Some(50_000), Some(RATE as u64))
        .unwrap();
    let mut talk = talk_with(config, Cipher::Aes256Gcm);
    talk.peer.set_answers(Answers::Nothing);
    talk.stage.set_filter(|direction, _| match direction {
        Direction::ToPeer => Fate::Lost,
        Direction::ToStage => Fate::Arrives,
    });
    let mut wire = Wire {
        bytes: 0,
        newest: talk.peer.highest_heard().get(),
    };
    let mut rounds = 0;
    while talk.stage.info(talk.id).state == ConnectionState::Connected && rounds < 400 {
        rounds += 1;
        let sent = talk.stage.with(talk.id, |connection, now| {
            let message = Outgoing::new(LANE, SendFlags::RELIABLE_NO_NAGLE, &[7; 20_000]);
            // Refused when the buffer is full.
            let _ = connection.send(now, message);
        });
        wire.count(&sent);
        // All of it, and far more: unheard, and at once.
        for latest in [wire.newest, wire.newest + 5_000] {
            let frames = Frames::new().ack(PacketNumber::new(latest), 0, &[]);
            let datagram = talk.peer.seal(&frames);
            let (_, more) = talk.stage.inject(talk.stage.peer_address, &datagram);
            wire.count(&more);
        }
        wire.count(&talk.stage.advance_alone(Span::from_millis(10)));
    }
    assert!(talk.drops(DropReason::AckOfUnsent) > 0);
    // One number was left out, and it claimed to have that, too.
    talk.assert_ended(EndReason::MISC_INTERNAL_ERROR);
    // What the rate allows in that time, and a burst.
    let bytes = wire.bytes;
    let most = RATE / 100 * rounds + 100_000;
    assert!(
        (100_000..=most).contains(&bytes),
        "{bytes} bytes in {rounds} rounds"
    );
    // 512 packets, and what is sent in the last round.
    assert!(bytes <= 800_000, "{bytes} bytes before it was found out");
}

/// What was sent, as somebody who hears none of it can count it.
struct Wire {
    bytes: usize,
    newest: u64,
}

impl Wire {
    fn count(&mut self, sent: &[Datagram]) {
        self.bytes += sent
            .iter()
            .map(|datagram| datagram.bytes.len())
            .sum::<usize>();
        self.newest += sent.len() as u64;
    }
}

#[test]
fn cve_2025_54939_strangers_leave_nothing_behind_before_the_handshake() {
    let mut stage = Stage::listening();
    let mut rng = Rng::from_seed([4; 32]);
    for n in 0..20_000u32 {
        let from = std::net::SocketAddr::from(([172, 16, (n >> 8) as u8, n as u8], 4_000));
        let mut datagram = match n % 3 {
            // Data for connections that nobody has, junk, and a proper first packet.
            0 => [&[0x80][..], &rng.bytes::<60>()].concat(),
            1 => rng.bytes::<200>().to_vec(),
            _ => ScriptedPeer::client(u64::from(n)).start(stage.now()),
        };
        if n % 3 == 1 {
            datagram[0] &= 0x3F;
        }
        stage.inject(from, &datagram);
    }
    assert_eq!(stage.endpoint.connections(), 0);
    assert_eq!(stage.connections().count(), 0);
    assert_eq!(stage.endpoint.poll_timeout(), None);
    let mut peer = ScriptedPeer::client(5);
    stage.advance(&mut peer, Span::from_secs(2));
    assert!(stage.try_connect(&mut peer).is_some());
}

#[test]
fn godot_79699_datagrams_cut_off_anywhere_harm_nothing() {
    let mut stage = Stage::listening();
    let mut peer = ScriptedPeer::client(6);
    let start = peer.start(stage.now());
    let request = peer.connect_request(stage.now(), 7);
    let id = stage.connect(&mut peer);
    let mut whole = vec![start, request];
    whole.extend(peer.send_reliable(LANE, &[1; 2_000]));
    let mut packet =
        peer.packet(&Frames::new().unreliable(bowline_core::ids::MessageNumber::new(9), b"x"));
    packet.stats = Some(vec![0x10, 1]);
    packet.time_since_prev_16us = Some(3);
    whole.push(peer.seal_packet(&packet));
    let stranger = "10.9.9.9:9".parse().unwrap();
    let address = stage.peer_address;
    for datagram in &whole {
        for len in 0..datagram.len() {
            stage.inject(address, &datagram[..len]);
            stage.inject(stranger, &datagram[..len]);
        }
    }
    assert_eq!(stage.received(id), [b""; 0]);
    // Whole, they are taken: nothing was marked as received by a part of it.
    stage.deliver_all(&mut peer, whole.split_off(2));
    stage.advance(&mut peer, Span::from_millis(5));
    let sizes: Vec<usize> = stage.received(id).iter().map(Vec::len).collect();
    assert_eq!(sizes.iter().sum::<usize>(), 2_001, "{sizes:?}");
}

#[test]
fn luanti_784_packets_inside_messages_are_bytes_and_nothing_else() {
    let mut talk = talk();
    // A sealed packet with a message that holds a sealed packet, and so on.
    let mut nested = talk
        .peer
        .seal(&Frames::new().unreliable(crate::support::message(50), b"core"));
    while nested.len() < 900 {
        nested = talk.peer.send_unreliable(LANE, &nested);
    }
    let datagrams = talk.peer.send_reliable(LANE, &nested);
    talk.stage.deliver_all(&mut talk.peer, datagrams);
    // The numbers of the inner ones are missing, so it waits for them a little.
    talk.stage.advance(&mut talk.peer, Span::from_millis(5));
    assert_eq!(talk.received(), [nested]);
    // Lanes do not nest either, however often one is selected.
    let mut frames = Frames::new();
    for _ in 0..600 {
        frames = frames.raw(&[0x88]);
    }
    talk.say(&frames);
    talk.peer
        .set_next_message(LANE, crate::support::message(100));
    talk.assert_still_works();
}
