//! Sessions with the original, recorded by `interop/src/bin/record.rs`: every datagram is read with
//! the core's own parts, from the handshake over the keys to the messages of both ends.

#![allow(clippy::unwrap_used, reason = "the whole crate is a test")]
#![allow(clippy::indexing_slicing, reason = "the whole crate is a test")]

mod reassembly;
mod session;

use std::collections::BTreeSet;

use bowline_core::crypto::cipher_negotiation::Cipher;
use bowline_core::crypto::rustcrypto;
use bowline_core::wire::udp;
use bowline_core::wire::udp::UdpPacket;

use session::End;
use session::Kind;
use session::Session;

#[test]
fn dialling_the_original() {
    check(
        include_str!("../../testdata/recorded/dialling_original.json"),
        Cipher::Aes256Gcm,
    );
}

#[test]
fn dialled_by_the_original() {
    check(
        include_str!("../../testdata/recorded/dialled_by_original.json"),
        Cipher::Aes256Gcm,
    );
}

#[test]
fn the_original_under_loss() {
    check(
        include_str!("../../testdata/recorded/original_under_loss.json"),
        Cipher::Aes256Gcm,
    );
}

#[test]
fn the_original_unencrypted() {
    check(
        include_str!("../../testdata/recorded/original_unencrypted.json"),
        Cipher::Null,
    );
}

/// The recordings are of use only as long as they contain all that there is.
#[test]
fn each_kind_of_packet_and_frame_of_the_original_was_recorded() {
    let seen: BTreeSet<Kind> = RECORDINGS
        .iter()
        .flat_map(|text| {
            let session = Session::parse(text);
            let original = session.original();
            session
                .read()
                .kinds
                .remove(&original)
                .expect("the original spoke")
        })
        .collect();
    let missing: Vec<_> = Kind::ALL
        .iter()
        .filter(|kind| !seen.contains(kind))
        .collect();
    assert!(missing.is_empty(), "no recording contains {missing:?}");
}

/// What the original sends outside of data packets, we write byte for byte like it.
#[test]
fn handshake_and_close_packets_are_written_as_the_original_writes_them() {
    for text in RECORDINGS {
        let session = Session::parse(text);
        for datagram in session
            .datagrams
            .iter()
            .filter(|d| d.from == session.original())
        {
            let mut written = Vec::new();
            match udp::parse(&datagram.bytes).expect("the original sends sound packets") {
                UdpPacket::Data(_) => continue,
                UdpPacket::ChallengeRequest(packet) => packet.encode(&mut written),
                UdpPacket::ChallengeReply(packet) => packet.encode(&mut written),
                UdpPacket::ConnectRequest(packet) => packet.encode(&mut written),
                UdpPacket::ConnectOk(packet) => packet.encode(&mut written),
                UdpPacket::ConnectionClosed(packet) => packet.encode(&mut written),
                UdpPacket::NoConnection(packet) => packet.encode(&mut written),
            }
            assert_eq!(written, datagram.bytes);
        }
    }
}

const RECORDINGS: [&str; 4] = [
    include_str!("../../testdata/recorded/dialling_original.json"),
    include_str!("../../testdata/recorded/dialled_by_original.json"),
    include_str!("../../testdata/recorded/original_under_loss.json"),
    include_str!("../../testdata/recorded/original_unencrypted.json"),
];

/// Signatures, keys, and that both ends' messages come out of the packets as they were put in.
fn check(text: &str, cipher: Cipher) {
    let session = Session::parse(text);
    let handshake = session.handshake();
    handshake.assert_signed(&rustcrypto::provider());
    assert_eq!(handshake.cipher(), cipher);
    let read = session.read();
    for end in [End::Client, End::Server] {
        let (sent, got) = (&session.messages[&end], &read.messages[&end]);
        let lanes: BTreeSet<u8> = sent.iter().map(|message| message.lane).collect();
        for lane in lanes {
            let reliable = |list: &[session::Message]| -> Vec<_> {
                list.iter()
                    .filter(|m| m.reliable && m.lane == lane)
                    .cloned()
                    .collect()
            };
            assert_eq!(
                reliable(got),
                reliable(sent),
                "from the {end:?} in lane {lane}"
            );
        }
        for message in got.iter().filter(|message| !message.reliable) {
            assert!(sent.contains(message), "the {end:?} never sent {message:?}");
        }
        let unreliable = |list: &[session::Message]| list.iter().filter(|m| !m.reliable).count();
        assert!(unreliable(got) * 3 > unreliable(sent), "from the {end:?}");
    }
}
