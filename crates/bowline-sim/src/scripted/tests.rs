use bowline_core::config::Config;
use bowline_core::connection::ConnectionState;
use bowline_core::crypto::cipher_negotiation::Cipher;
use bowline_core::crypto::cipher_negotiation::EncryptionPolicy;
use bowline_core::end_reason::EndReason;
use bowline_core::endpoint::EndpointConfig;
use bowline_core::extensions::{Extension, ExtensionSet};
use bowline_core::message::SendFlags;
use bowline_core::time::Span;

use super::*;
use bowline_core::ids::LaneIndex;

const LANE: LaneIndex = LaneIndex::ZERO;

fn is_up(stage: &Stage, id: ConnectionId) -> bool {
    stage.info(id).state == ConnectionState::Connected
}

#[test]
fn messages_go_both_ways_in_both_roles() {
    for role in [Role::Client, Role::Server] {
        let mut stage = Stage::listening();
        let mut peer = ScriptedPeer::new(role, 1, Script::default());
        let id = match role {
            Role::Client => stage.connect(&mut peer),
            Role::Server => stage.dial(&mut peer),
        };
        assert!(is_up(&stage, id) && peer.is_connected());
        let lane = LaneIndex::new(9);
        let long = vec![7; 10_000];
        let datagrams = peer.send_reliable(lane, &long);
        stage.deliver_all(&mut peer, datagrams);
        let datagram = peer.send_unreliable(lane, b"quick");
        stage.deliver(&mut peer, &datagram);
        assert_eq!(stage.received(id), [&long[..], b"quick"]);

        stage.send(&mut peer, id, LANE, SendFlags::RELIABLE_NO_NAGLE, &long);
        stage.send(&mut peer, id, LANE, SendFlags::UNRELIABLE_NO_NAGLE, &long);
        stage.advance(&mut peer, Span::from_secs(1));
        let messages = peer.take_messages();
        assert_eq!(messages.len(), 2);
        assert!(messages.iter().all(|message| message.data == long));
        assert_eq!(peer.unacked_packets(), 0, "the stage has acknowledged");
        let status = stage.connection(id).unwrap().status(stage.now());
        assert_eq!(
            status.unacked_reliable_bytes, 0,
            "the peer has acknowledged"
        );
    }
}

#[test]
fn what_is_lost_goes_again() {
    let mut stage = Stage::listening();
    let mut peer = ScriptedPeer::client(2);
    let id = stage.connect(&mut peer);
    let mut count = 0;
    stage.set_filter(move |_, _| {
        count += 1;
        if count % 3 == 0 {
            Fate::Lost
        } else {
            Fate::Arrives
        }
    });
    for n in 0..50u8 {
        let datagrams = peer.send_reliable(LANE, &[n; 2000]);
        stage.deliver_all(&mut peer, datagrams);
        stage.send(&mut peer, id, LANE, SendFlags::RELIABLE, &[n; 2000]);
    }
    while peer.unacked_packets() > 0 {
        let again = peer.resend();
        stage.deliver_all(&mut peer, again);
        stage.advance(&mut peer, Span::from_millis(100));
    }
    stage.advance(&mut peer, Span::from_secs(30));
    let sizes = |all: &[Vec<u8>]| -> Vec<(u8, usize)> {
        all.iter().map(|data| (data[0], data.len())).collect()
    };
    let sent: Vec<(u8, usize)> = (0..50).map(|n| (n, 2000)).collect();
    assert_eq!(sizes(&stage.received(id)), sent);
    let info = stage.info(id);
    let n = peer.next_packet();
    let h = peer.highest_heard();
    let st = stage
        .connection(id)
        .map(|c| (c.status(stage.now()), c.drops().clone(), c.poll_timeout()));
    let hp = peer.take_packets();
    let last: Vec<_> = hp
        .iter()
        .rev()
        .take(5)
        .map(|p| {
            (
                p.number,
                p.frames
                    .iter()
                    .map(|f| match f {
                        HeardFrame::Reliable { pos, data, .. } => {
                            format!("R{} {}", pos.get(), data.len())
                        }
                        f => format!("{f:?}"),
                    })
                    .collect::<Vec<_>>(),
            )
        })
        .collect();
    eprintln!("{info:?} {n:?} {h:?} {st:?} {last:?} {:?}", stage.now());
    let heard = peer.take_messages().into_iter().map(|message| message.data);
    assert_eq!(sizes(&heard.collect::<Vec<_>>()), sent);
}

#[test]
fn other_ciphers_versions_and_closes_are_spoken() {
    let mut config = Config::new();
    config.set_encryption(EncryptionPolicy::Off);
    let endpoint = EndpointConfig::new(rustcrypto::provider());
    let mut stage = Stage::new(endpoint, config);
    let script = Script {
        ciphers: vec![Cipher::Null],
        protocol_version: 9,
        extensions: ExtensionSet::NONE.with(Extension::SealedClose),
        ..Script::default()
    };
    let mut peer = ScriptedPeer::new(Role::Client, 3, script);
    let id = stage.connect(&mut peer);
    assert!(!stage.info(id).encrypted);
    assert_eq!(peer.next_packet(), PacketNumber::new(1));
    let datagram = peer.close(EndReason::new(1234), "bye");
    stage.deliver(&mut peer, &datagram);
    let info = stage.info(id);
    assert_eq!((info.end_reason.code(), &info.end_text[..]), (1234, "bye"));
    assert_eq!(info.state, ConnectionState::ClosedByPeer);
}

#[test]
fn a_sealed_close_is_answered_inside_the_encryption() {
    let script = Script {
        extensions: ExtensionSet::NONE.with(Extension::SealedClose),
        ..Script::default()
    };
    let mut stage = Stage::listening();
    let mut peer = ScriptedPeer::new(Role::Client, 4, script);
    let id = stage.connect(&mut peer);
    peer.take_heard();
    let sent = stage.with(id, |connection, now| {
        connection.close(now, EndReason::new(1000), "done", false);
    });
    let mut answers = Vec::new();
    for datagram in sent {
        answers.extend(peer.handle(stage.now(), &datagram.bytes));
    }
    stage.deliver_all(&mut peer, answers);
    let closes = |packet: &HeardPacket| packet.frames.iter().any(is_close);
    assert_eq!(peer.take_packets().iter().filter(|p| closes(p)).count(), 1);
    // Acknowledged, so it is not repeated.
    stage.advance(&mut peer, Span::from_secs(6));
    assert!(peer.take_packets().is_empty());
    assert!(stage.connection(id).is_none());
}

#[test]
fn frames_are_written_as_gns_writes_them() {
    let pos = bowline_core::ids::StreamPos::new(4549);
    let frames = Frames::new().select_lane(200).reliable(pos, &[9; 0x1C7]);
    let head = [0x8F, 0xC8, 0x01, 0x51, 0xC5, 0x11, 0, 0, 0, 0, 0xC7];
    assert_eq!(frames.bytes()[..11], head);
    // wire.md 12.6
    let block = |acked, nacked| bowline_core::snp::AckBlock { acked, nacked };
    let blocks = [block(1, 3), block(1, 60), block(1, 3)];
    let ack = Frames::new().ack(PacketNumber::new(70), 146, &blocks);
    let expected = [0x9B, 0x46, 0, 0x92, 0, 0x13, 0x1C, 7, 0x13];
    assert_eq!(ack.bytes(), expected);
    assert_eq!(stream_message(2, b"hello-rel")[..2], [0x49, 2]);
    assert_eq!(stream_message(1, &[0; 5000])[..4], [0x68, 1, 0x9C, 1]);
}
