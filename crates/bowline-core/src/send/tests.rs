mod elsewhere;
mod freshness;

use alloc::vec::Vec;

use super::*;
use crate::error::SendError;
use crate::ids::LaneIndex;
use crate::message::Outgoing;
use crate::message::Payload;
use crate::message::SendFlags;
use crate::recv::Expansion;
use crate::snp::ack_codec::AckBlock;
use crate::snp::ack_codec::AckFrame;
use crate::snp::decode::Decoder;
use crate::snp::encode::FrameWriter;
use crate::snp::frame::Frame;

/// Hands over what a peer says that has all up to `latest`, but for the blocks, when `next` is the packet
/// that will be sent next.
pub(super) fn with_ack(
    next: PacketNumber,
    latest: PacketNumber,
    delay: Option<Span>,
    blocks: &[AckBlock],
    take: impl FnOnce(&AckFrame<'_>),
) {
    let (mut bytes, number) = (Vec::new(), PacketNumber::new(2));
    let mut writer = FrameWriter::new(&mut bytes, number, 3000);
    writer.ack(latest, delay, blocks);
    writer.finish();
    let mut decoder = Decoder::new(&bytes, number, false);
    let Ok(Some(Frame::Ack(ack))) = decoder.next(&Expansion::unread(next)) else {
        panic!("an ack frame is expected");
    };
    take(&ack);
}

#[test]
fn limit_packets_remembered_of_a_peer_that_acknowledges_nothing() {
    let now = Timestamp::ZERO;
    let first = PacketNumber::new(2);
    let mut sender = Sender::new(now, &Config::new(), first);
    let message = Outgoing::new(
        LaneIndex::ZERO,
        SendFlags::RELIABLE,
        Payload::Borrowed(&[0; 100]),
    );
    sender.submit(now, message).unwrap();
    let mut out = Vec::new();
    let mut builder = PacketBuilder::new(&mut out, first, 1000);
    builder.messages(&mut sender);
    let ranges = builder.finish().ranges;
    sender.on_packet_sent(now, 200, ranges, false);
    // Acks that it draws from us one by one.
    for _ in 0..100_000 {
        sender.on_packet_sent(now, 30, 0, false);
    }
    assert_eq!(sender.next_number(), PacketNumber::new(100_003));
    assert!(sender.in_flight.len() <= 2 * limits::MAX_UNACKED_PACKETS as usize);
    let pending = sender.pending(None);
    assert_eq!((pending.reliable, pending.unacked_reliable), (102, 0));
}

#[test]
fn a_message_that_the_send_buffer_never_takes_is_too_large() {
    let mut config = Config::new();
    config.set_send_buffer(4096).unwrap();
    let mut sender = Sender::new(Timestamp::ZERO, &config, PacketNumber::new(2));
    let mut submit = |len| {
        let message = Outgoing::new(
            LaneIndex::ZERO,
            SendFlags::UNRELIABLE,
            Payload::Borrowed(&[0; 5000][..len]),
        );
        sender.submit(Timestamp::ZERO, message).map(|_| ())
    };
    let too_large = SendError::TooLarge {
        len: 4097,
        max: 4096,
    };
    assert_eq!(submit(4097), Err(too_large));
    assert_eq!(submit(4096), Ok(()));
    assert!(
        !sender.take_writable(),
        "nothing was refused for want of room"
    );
}

#[test]
fn messages_of_usual_size_fill_the_send_buffer_to_the_byte() {
    // A program of the original's puts 512 messages of 1 KiB into a buffer of 513 KiB.
    let mut config = Config::new();
    config.set_send_buffer(513 * 1024).unwrap();
    let mut sender = Sender::new(Timestamp::ZERO, &config, PacketNumber::new(2));
    let mut submit = |len| {
        let payload = Payload::Borrowed(&[0; 1024][..len]);
        let message = Outgoing::new(LaneIndex::ZERO, SendFlags::UNRELIABLE, payload);
        sender.submit(Timestamp::ZERO, message).is_ok()
    };
    assert!((0..513).all(|_| submit(1024)));
    assert!(!submit(1));
}

#[test]
fn limit_empty_messages_that_wait() {
    let mut config = Config::new();
    config.set_send_buffer(4096).unwrap();
    let now = Timestamp::ZERO;
    let first = PacketNumber::new(2);
    let mut sender = Sender::new(now, &config, first);
    let message = || {
        Outgoing::new(
            LaneIndex::ZERO,
            SendFlags::UNRELIABLE,
            Payload::Borrowed(&[]),
        )
    };
    let fill = |sender: &mut Sender| {
        let accepted = (0..10_000_usize).take_while(|_| sender.submit(now, message()).is_ok());
        accepted.count()
    };
    assert_eq!(fill(&mut sender), 257);
    assert!(!sender.take_writable(), "there is no room yet");
    while sender.pending(None).unreliable > 0 || sender.has_sendable() {
        let mut out = Vec::new();
        let mut builder = PacketBuilder::new(&mut out, first, 1000);
        builder.messages(&mut sender);
        builder.finish();
    }
    assert!(sender.take_writable());
    assert_eq!(fill(&mut sender), 257);
}
