//! Packets and what stands before their encrypted part.

use bowline_core::wire::data_header::{self, DataHeader};
use bowline_core::wire::stats_blob::UdpStats;
use bowline_core::wire::udp::{self, UdpPacket};

/// Parses a datagram. What was parsed, and is written again, parses to the same.
pub fn udp_datagram(data: &[u8]) {
    if let Ok((header, payload)) = DataHeader::parse(data) {
        assert!(payload <= data.len());
        assert_eq!(data_header::peek_to(data), Some(header.to));
        if let Some(stats) = header.stats {
            stats_blob(stats);
        }
    }
    let Ok(packet) = udp::parse(data) else {
        return;
    };
    let mut again = Vec::new();
    match &packet {
        UdpPacket::Data(_) => return,
        UdpPacket::ChallengeRequest(packet) => packet.encode(&mut again),
        UdpPacket::ChallengeReply(packet) => packet.encode(&mut again),
        UdpPacket::ConnectRequest(packet) => packet.encode(&mut again),
        UdpPacket::ConnectOk(packet) => packet.encode(&mut again),
        UdpPacket::ConnectionClosed(packet) => packet.encode(&mut again),
        // Too short to be taken, and to nobody.
        UdpPacket::NoConnection(packet) if packet.to.or(packet.from).is_none() => return,
        UdpPacket::NoConnection(packet) => packet.encode(&mut again),
    }
    assert_eq!(udp::parse(&again), Ok(packet));
}

/// Parses a stats message. What was parsed, and is written again, parses to the same and has the length
/// that was told.
pub fn stats_blob(data: &[u8]) {
    let Ok(stats) = UdpStats::parse(data) else {
        return;
    };
    let mut again = Vec::new();
    stats.encode(&mut again);
    assert_eq!(again.len(), stats.encoded_len());
    assert_eq!(UdpStats::parse(&again), Ok(stats));
}
