//! What peers say to each other once they have met.

use bowline::{ConfigKey, LaneConfig, LaneIndex, SendFlags};
use bowline_interop::gns_p2p::Event;
use bowline_interop::host::Outgoing;

use crate::room::{BOTH, Ends, Room};

#[test]
fn short_and_long_ones_arrive_both_ways() {
    for asks in BOTH {
        let mut room = Room::new();
        let ends = room.connect(asks);
        for size in [1, 1_000, 300 * 1024] {
            carry_all(&mut room, &ends, &[size]);
        }
    }
}

#[test]
fn unreliable_ones_arrive_on_a_good_network() {
    let mut room = Room::new();
    let ends = room.connect(BOTH[0]);
    for size in [1, 500, 5_000] {
        let data = contents(size, 3);
        ends.ours
            .send(&data, SendFlags::UNRELIABLE_NO_NAGLE)
            .unwrap();
        assert_eq!(their_message(&mut room), (0, false, data.clone()));
        room.theirs
            .send_message(ends.theirs, &Outgoing::unreliable(&data));
        let message = our_message(&mut room, &ends);
        assert!(!message.is_reliable());
        assert_eq!(&*message, data);
    }
}

#[test]
fn lanes_keep_their_numbers() {
    const LANES: u8 = 3;
    for asks in BOTH {
        let mut room = Room::new();
        let ends = room.connect(asks);
        let lanes = vec![LaneConfig::new(0, 1); usize::from(LANES)];
        ends.ours.configure_lanes(&lanes).unwrap();
        room.theirs.configure_lanes(ends.theirs, lanes.len());
        for lane in 0..LANES {
            let data = contents(20_000, lane);
            ends.ours
                .send_on(LaneIndex::new(lane), &data, SendFlags::RELIABLE)
                .unwrap();
            assert_eq!(
                their_message(&mut room),
                (u16::from(lane), true, data.clone())
            );
            let message = Outgoing::reliable(&data).on_lane(lane.into());
            room.theirs.send_message(ends.theirs, &message);
            let message = our_message(&mut room, &ends);
            assert_eq!(message.lane(), LaneIndex::new(lane));
            assert_eq!(&*message, data);
        }
    }
}

#[test]
fn lost_packets_are_sent_again() {
    for asks in BOTH {
        let mut room = Room::new();
        room.theirs.lose(10);
        for key in [ConfigKey::FakePacketLossSend, ConfigKey::FakePacketLossRecv] {
            room.ours.set_config(key, 10.0_f32).unwrap();
        }
        let ends = room.connect(asks);
        carry_all(&mut room, &ends, &[10, 1_000, 100_000]);
    }
}

/// A short message each way.
pub(crate) fn exchange(room: &mut Room, ends: &Ends) {
    carry_all(room, ends, &[20]);
}

/// Reliable messages of these sizes, all at once, both ways.
fn carry_all(room: &mut Room, ends: &Ends, sizes: &[usize]) {
    for &size in sizes {
        let sent = ends.ours.send(&contents(size, 1), SendFlags::RELIABLE);
        sent.unwrap_or_else(|error| panic!("{error}"));
        room.theirs.send(ends.theirs, &contents(size, 2));
    }
    for &size in sizes {
        assert!(their_message(room) == (0, true, contents(size, 1)));
        let message = our_message(room, ends);
        assert!(*message == contents(size, 2));
        assert!(message.is_reliable());
    }
}

fn our_message(room: &mut Room, ends: &Ends) -> bowline::Message {
    room.run("a message for us", |_| {
        ends.ours.receive().expect("it is not closed")
    })
}

fn their_message(room: &mut Room) -> (u16, bool, Vec<u8>) {
    room.theirs_tell(|event| match event {
        Event::Message {
            lane,
            reliable,
            data,
            ..
        } => Some((*lane, *reliable, data.clone())),
        _ => None,
    })
}

/// Bytes that do not repeat soon.
fn contents(size: usize, seed: u8) -> Vec<u8> {
    (0..size)
        .map(|index| (index % 251) as u8 ^ (index / 251) as u8 ^ seed)
        .collect()
}
