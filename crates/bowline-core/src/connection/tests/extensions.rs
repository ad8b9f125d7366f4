//! Frames of extensions, and packets that stand between two states.

use super::*;
use crate::extensions::Extension;
use crate::extensions::ExtensionSet;
use crate::snp::close;
use crate::transmit::DatagramMeta;

/// Lets the server take a packet of these frames from the client.
fn feed(pair: &mut Pair, client: ConnectionId, server: ConnectionId, frames: &[u8]) {
    let connection = pair.client.connections.get_mut(&client).unwrap();
    let mut packet = connection.seal_for_test(frames);
    let now = pair.now;
    let connection = pair.server.connections.get_mut(&server).unwrap();
    connection.handle_datagram(now, &DatagramMeta::default(), &mut packet);
}

#[test]
fn frames_that_nobody_agreed_on_are_fatal() {
    // Kinds that do not exist, a close without a reason, and the answer to a close that never was.
    for frames in [&[0xA2, 0][..], &[0xBF, 1, 7], &[0xA0, 0], &[0xA1, 0]] {
        let (mut pair, client, server) = Pair::connected();
        feed(&mut pair, client, server, frames);
        let info = pair.server.connections[&server].info();
        assert_eq!(info.end_reason, EndReason::MISC_INTERNAL_ERROR);
    }
    let (mut pair, client, server) = Pair::connected();
    let connection = pair.server.connections.get_mut(&server).unwrap();
    let agreed = ExtensionSet::ALL.without(Extension::SealedClose);
    connection.peer.extensions = agreed;
    feed(&mut pair, client, server, &[0xA0, 2, 0xE8, 0x07]);
    let info = pair.server.connections[&server].info();
    assert_eq!(info.end_reason, EndReason::MISC_INTERNAL_ERROR);
}

#[test]
fn what_stands_before_a_close_is_delivered_and_what_follows_is_not() {
    let (mut pair, client, server) = Pair::connected();
    let mut frames = vec![0x30, 1, 0, 0, 0, 1, b'a', 0xA0];
    let close = close::encode_close(EndReason::new(1005), "bye");
    frames.push(close.len() as u8);
    frames.extend_from_slice(&close);
    frames.extend_from_slice(&[0x20, 1, b'b']);
    feed(&mut pair, client, server, &frames);
    let info = pair.server.connections[&server].info();
    assert_eq!(info.state, ConnectionState::ClosedByPeer);
    assert_eq!((info.end_reason.code(), &info.end_text[..]), (1005, "bye"));
    let got = pair.server.received(pair.now, server);
    assert_eq!(got.len(), 1);
    assert_eq!(*got[0], *b"a");
}

#[test]
fn packets_that_do_not_decrypt_draw_no_answer_after_a_close() {
    let (mut pair, client, server) = Pair::connected();
    let now = pair.now;
    let connection = pair.client.connections.get_mut(&client).unwrap();
    let good = connection.seal_for_test(&[]);
    let mut forged = good.clone();
    *forged.last_mut().unwrap() ^= 1;
    let connection = pair.server.connections.get_mut(&server).unwrap();
    connection.close(now, EndReason::new(1000), "", false);
    let sent = |connection: &mut Connection| {
        let mut buf = TransmitBuf::new(10);
        core::iter::from_fn(|| connection.poll_transmit(now, &mut buf)).count()
    };
    assert_eq!(sent(connection), 1);
    connection.handle_datagram(now, &DatagramMeta::default(), &mut forged);
    assert_eq!(sent(connection), 0);
    assert_eq!(connection.drops().of(DropReason::DecryptFailed), 1);
    connection.handle_datagram(now, &DatagramMeta::default(), &mut good.clone());
    assert_eq!(sent(connection), 1, "who does not know hears it again");
}

#[test]
fn an_unencrypted_close_counts_until_the_client_has_shown_its_keys() {
    let mut pair = Pair::new();
    // Nothing that the client sends after its request arrives.
    pair.lose = Box::new(|by_client, bytes, _| by_client && bytes[0] & 0x80 != 0);
    let (client, server) = pair.connect(Config::new());
    let packet = crate::wire::udp::ConnectionClosed {
        to: Some(server),
        from: Some(client),
        reason: EndReason::new(1404),
        text: "changed my mind".into(),
        rejection: None,
    };
    let mut bytes = Vec::new();
    packet.encode(&mut bytes);
    let now = pair.now;
    let connection = pair.server.connections.get_mut(&server).unwrap();
    connection.handle_datagram(now, &DatagramMeta::default(), &mut bytes);
    assert_eq!(connection.info().end_reason.code(), 1404);
}

#[test]
fn a_client_shows_its_keys_at_once() {
    let (pair, _, server) = Pair::connected();
    assert!(pair.server.connections[&server].peer.has_keys);
}
