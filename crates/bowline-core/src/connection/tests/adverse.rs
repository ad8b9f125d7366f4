//! What a hostile peer, a hostile network or a careless application must not achieve.

use super::*;
use crate::transmit::DatagramMeta;

fn small_queue() -> (Pair, ConnectionId, ConnectionId) {
    let mut config = ConnectionConfig::new();
    config.set_recv_buffer_messages(2).unwrap();
    let mut pair = Pair::with(config);
    let (client, server) = pair.connect(ConnectionConfig::new());
    (pair, client, server)
}

#[test]
fn a_refused_packet_cannot_be_played_again() {
    let (mut pair, client, server) = small_queue();
    let now = pair.now;
    // Three unreliable messages; the queue takes two, so the packet is not acknowledged.
    let frames = [0x30, 1, 0, 0, 0, 1, b'a', 0x20, 1, b'b', 0x27, b'c'];
    let connection = pair.client.connections.get_mut(&client).unwrap();
    let packet = connection.seal_for_test(&frames);
    let connection = pair.server.connections.get_mut(&server).unwrap();
    let meta = DatagramMeta::default();
    connection.handle_datagram(now, &meta, &mut packet.clone());
    assert_eq!(pair.server.received(now, server).len(), 2);
    let connection = pair.server.connections.get_mut(&server).unwrap();
    connection.handle_datagram(now, &meta, &mut packet.clone());
    assert_eq!(connection.drops().of(DropReason::DuplicatePacket), 1);
    assert_eq!(pair.server.received(now, server).len(), 0);
}

#[test]
fn an_application_that_does_not_read_does_not_lose_the_connection() {
    let (mut pair, client, server) = small_queue();
    let now = pair.now;
    let frames = [0x37, 1, 0, 0, 0, b'a'];
    for _ in 0..limits::MAX_PACKET_NUMBER_JUMP + 10 {
        let connection = pair.client.connections.get_mut(&client).unwrap();
        let mut packet = connection.seal_for_test(&frames);
        let connection = pair.server.connections.get_mut(&server).unwrap();
        connection.handle_datagram(now, &DatagramMeta::default(), &mut packet);
    }
    assert_eq!(pair.server.state(server), ConnectionState::Connected);
}
