use bowline_core::snp::encode::FrameWriter;
use bowline_core::wire::data_header;

use super::*;

const ID: ConnectionId = ConnectionId::new(0x0001_0001);
/// What the observed sender calls the connection.
const PEER: ConnectionId = ConnectionId::new(7);

/// Shows a packet with the frames that `write` writes.
fn show(gns: &mut GnsReceiver, number: u64, write: impl FnOnce(&mut FrameWriter<'_>)) {
    let number = PacketNumber::new(number);
    let mut datagram = Vec::new();
    data_header::write(&mut datagram, ID, number.to_wire(), None, None);
    let mut plaintext = Vec::new();
    let mut writer = FrameWriter::new(&mut plaintext, number, 1248);
    write(&mut writer);
    writer.finish();
    datagram.extend_from_slice(&plaintext);
    gns.arrived(Timestamp::from_micros(number.get()), &datagram);
}

/// Two messages of 8 bytes.
const STREAM: [u8; 18] = [8, 1, 1, 1, 1, 1, 1, 1, 1, 8, 2, 2, 2, 2, 2, 2, 2, 2];

fn kinds(gns: &GnsReceiver) -> Vec<FindingKind> {
    gns.findings().iter().map(|finding| finding.kind).collect()
}

#[test]
fn ordinary_traffic_is_taken_without_a_word() {
    let mut gns = GnsReceiver::new(ID);
    show(&mut gns, 2, |w| {
        w.stop_waiting(PacketNumber::new(0));
        w.ack(PacketNumber::new(1), None, &[]);
        w.reliable(StreamPos::FIRST, &[&STREAM[..5]]);
    });
    show(&mut gns, 3, |w| {
        w.select_lane(LaneIndex::new(9));
        w.unreliable(MessageNumber::new(1), 0, true, &[b"hello"]);
    });
    show(&mut gns, 4, |w| {
        w.reliable(StreamPos::new(6), &[&STREAM[5..]])
    });
    show(&mut gns, 4, |w| {
        w.reliable(StreamPos::new(6), &[&STREAM[5..]])
    });
    assert_eq!(kinds(&gns), []);
    let counters = gns.counters();
    assert_eq!(
        (counters.packets, counters.duplicates, counters.messages),
        (3, 1, 3)
    );
    assert_eq!(counters.peak_stream_bytes, 18);
}

#[test]
fn an_ack_of_what_was_never_sent_undoes_the_packet() {
    let mut gns = GnsReceiver::new(ID);
    let ack = |w: &mut FrameWriter<'_>| w.ack(PacketNumber::new(2), None, &[]);
    show(&mut gns, 2, ack);
    assert_eq!(kinds(&gns), [FindingKind::Refused(Refusal::AckOfUnsent)]);
    let mut sent = Vec::new();
    let number = PacketNumber::new(2).to_wire();
    data_header::write(&mut sent, PEER, number, None, None);
    gns.answered(ConnectionId::new(8), &sent);
    show(&mut gns, 2, ack);
    assert_eq!(gns.findings().len(), 2, "sent by another connection");
    gns.answered(PEER, &sent);
    show(&mut gns, 2, ack);
    assert_eq!((gns.findings().len(), gns.counters().duplicates), (2, 0));
}

#[test]
fn a_segment_beyond_the_window_is_refused_and_not_recorded() {
    let mut gns = GnsReceiver::new(ID);
    show(&mut gns, 2, |w| {
        w.reliable(StreamPos::new(1 << 20), &[&[0, 0]])
    });
    let bytes = (1 << 20) + 1;
    assert_eq!(
        kinds(&gns),
        [FindingKind::Refused(Refusal::Window { bytes })]
    );
    assert_eq!(gns.violations().count(), 1);
    show(&mut gns, 3, |_| {});
    assert_eq!(gns.counters().peak_gaps, 2, "packet 2 is missing");
}

#[test]
fn after_something_fatal_nothing_is_taken() {
    let mut gns = GnsReceiver::new(ID);
    show(&mut gns, 2, |w| w.reliable(StreamPos::FIRST, &[&[0x80]]));
    assert!(matches!(kinds(&gns)[..], [FindingKind::Fatal(_)]));
    show(&mut gns, 3, |_| {});
    assert_eq!(gns.counters().packets, 1);
}

#[test]
fn stop_waiting_must_not_go_back() {
    let mut gns = GnsReceiver::new(ID);
    show(&mut gns, 2, |_| {});
    show(&mut gns, 3, |_| {});
    show(&mut gns, 4, |w| w.stop_waiting(PacketNumber::new(3)));
    show(&mut gns, 5, |w| w.stop_waiting(PacketNumber::new(2)));
    assert_eq!(kinds(&gns), [FindingKind::Fatal("stop-waiting goes back")]);
}

#[test]
fn jumps_cost_late_packets_and_then_the_connection() {
    let mut gns = GnsReceiver::new(ID);
    show(&mut gns, 102, |_| {});
    assert_eq!(
        kinds(&gns),
        [FindingKind::Costly(Cost::Lurch { jump: 101 })]
    );
    assert_eq!(gns.violations().count(), 0);
    show(&mut gns, 102 + 0x4001, |_| {});
    assert_eq!(gns.violations().count(), 1);
}

#[test]
fn arbitrary_datagrams_do_no_harm() {
    proptest::proptest!(|(bytes: Vec<u8>, number in 2..70_000u64)| {
        let mut gns = GnsReceiver::new(ID);
        let mut datagram = Vec::new();
        let number = PacketNumber::new(number).to_wire();
        data_header::write(&mut datagram, ID, number, None, None);
        datagram.extend_from_slice(&bytes);
        gns.arrived(Timestamp::ZERO, &datagram);
        gns.arrived(Timestamp::ZERO, &bytes);
        gns.answered(PEER, &bytes);
    });
}
