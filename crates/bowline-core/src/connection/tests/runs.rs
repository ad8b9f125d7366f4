//! Packets that leave together are of one size, so that the system can cut them.

use alloc::vec;
use alloc::vec::Vec;

use super::Span;
use crate::config::Config;
use crate::ids::ConnectionId;
use crate::ids::LaneIndex;
use crate::message::Outgoing;
use crate::message::Payload;
use crate::message::SendFlags;
use crate::pair::Pair;
use crate::transmit::DatagramMeta;
use crate::transmit::TransmitBuf;

/// Has the client send messages of these sizes, all of which arrive. Returns the sizes of the packets of
/// each run.
fn runs(pair: &mut Pair, ids: (ConnectionId, ConnectionId), lens: &[usize]) -> Vec<Vec<usize>> {
    let (now, flags) = (pair.now, SendFlags::UNRELIABLE_NO_NAGLE);
    for len in lens {
        pair.client.send(now, ids.0, 0, &vec![7; *len], flags);
    }
    let mut runs = Vec::new();
    let mut buf = TransmitBuf::new(40);
    let client = pair.client.connections.get_mut(&ids.0).unwrap();
    let server = pair.server.connections.get_mut(&ids.1).unwrap();
    while let Some(transmit) = client.poll_transmit(now, &mut buf) {
        let sizes = buf.datagrams(&transmit).map(<[u8]>::len);
        runs.push(sizes.collect());
        for datagram in buf.datagrams(&transmit) {
            server.handle_datagram(now, &DatagramMeta::default(), &mut datagram.to_vec());
        }
    }
    let got = pair.server.received(now, ids.1);
    let arrived: Vec<_> = got.iter().map(|message| message.len()).collect();
    assert_eq!(arrived, lens);
    runs
}

fn pair() -> (Pair, (ConnectionId, ConnectionId)) {
    // Fast enough not to be paced.
    let mut config = Config::new();
    let rate = Some(100_000_000);
    config.set_send_rate(rate, rate).unwrap();
    // No packets but those with messages.
    config.set_mtu_search_max(0).unwrap();
    let mut pair = Pair::new();
    let ids = pair.connect(config);
    // Statistics that are due ride along with this.
    pair.client_sends(ids.0, b"first", SendFlags::UNRELIABLE_NO_NAGLE);
    pair.run(Span::from_secs(1));
    pair.server.received(pair.now, ids.1);
    (pair, ids)
}

#[test]
fn unreliable_messages_of_one_size_leave_in_one_run() {
    for (len, packets) in [(100, 3), (500, 18), (1100, 36)] {
        let (mut pair, ids) = pair();
        let runs = runs(&mut pair, ids, &[len; 36]);
        assert_eq!(runs.len(), 1, "messages of {len} bytes: {runs:?}");
        assert_eq!(runs[0].len(), packets, "messages of {len} bytes: {runs:?}");
    }
}

#[test]
fn what_needs_a_larger_packet_waits_for_the_next_run_and_is_not_split() {
    let (mut pair, ids) = pair();
    let runs = runs(&mut pair, ids, &[1000, 1100, 1000, 1000, 1000, 1150]);
    let counts: Vec<_> = runs.iter().map(Vec::len).collect();
    assert_eq!(counts, [1, 2, 2, 1], "{runs:?}");
}

#[test]
fn a_small_packet_does_not_cut_down_those_behind_it() {
    let (mut pair, ids) = pair();
    // Too large for two in a packet, and less than three quarters of one.
    let runs = runs(&mut pair, ids, &[700, 1100, 1100, 1100, 1100]);
    let counts: Vec<_> = runs.iter().map(Vec::len).collect();
    assert_eq!(counts, [1, 4], "{runs:?}");
}

#[test]
fn a_message_behind_a_backlog_changes_no_deadline() {
    for flags in [SendFlags::RELIABLE, SendFlags::UNRELIABLE] {
        let (mut pair, (client, _)) = pair();
        let mut buf = TransmitBuf::new(40);
        let mut behind = 0;
        for _ in 0..2_000 {
            let now = pair.now;
            let connection = pair.client.connections.get_mut(&client).unwrap();
            let before = connection.poll_timeout();
            let is_backlogged = connection.is_backlogged();
            let message = Outgoing::new(LaneIndex::ZERO, flags, Payload::Borrowed(&[7; 200]));
            connection.send(now, message).unwrap();
            if is_backlogged {
                assert_eq!(connection.poll_timeout(), before);
                assert!(!connection.has_news());
                behind += 1;
            }
            // Until the pacer closes.
            while connection.poll_transmit(now, &mut buf).is_some() {}
        }
        assert!(behind > 500, "{behind}");
    }
}
