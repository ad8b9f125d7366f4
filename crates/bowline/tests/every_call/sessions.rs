//! Messages and packets to identities, whose sessions any thread may begin and end.

use std::time::Duration;

use bowline::Messages;
use bowline::PacketKind;
use bowline::Packets;
use bowline::SendFlags;

use crate::peers;
use crate::world::Rng;
use crate::world::World;

/// Channels: few, so that readers meet what is sent.
const CHANNELS: usize = 2;

pub fn messages(world: &World, rng: &mut Rng) {
    // The port may be somebody's listener.
    let Ok(messages) = world.interface(rng).messages() else {
        return;
    };
    let peer = peers::name(rng.below(world.interfaces.len()));
    let channel = rng.below(CHANNELS) as i32;
    let data = vec![7; rng.below(3000)];
    match rng.below(11) {
        0..=2 => drop(messages.send(&peer, channel, &data, SendFlags::RELIABLE)),
        3 => drop(messages.send_restarting(&peer, channel, &data, SendFlags::UNRELIABLE)),
        4 | 5 => drop(messages.receive(channel)),
        6 => drop(messages.receive_batch(channel, &mut Vec::new(), 10)),
        7 => drop(messages.accept(&peer)),
        8 => drop(messages.close_channel(&peer, channel)),
        9 => drop(messages.close(&peer)),
        _ => look_at_messages(&messages, rng),
    }
}

fn look_at_messages(messages: &Messages, rng: &mut Rng) {
    drop(messages.session(&peers::name(rng.below(3))));
    let _ = (messages.session_count(), messages.drops());
    messages.set_idle_timeout(Duration::from_millis(rng.below(300) as u64));
    let shortly = Duration::from_micros(300);
    drop(messages.wait_until_delivered(&peers::name(rng.below(3)), shortly));
    drop(messages.wait_until_all_delivered(shortly));
}

pub fn packets(world: &World, rng: &mut Rng) {
    let Ok(packets) = world.interface(rng).packets() else {
        return;
    };
    let peer = peers::name(rng.below(world.interfaces.len()));
    let channel = rng.below(CHANNELS) as i32;
    match rng.below(11) {
        0..=3 => {
            let kind = PacketKind::from_number(rng.below(4) as i32).unwrap();
            let data = vec![7; rng.below(kind.max_bytes() / 2)];
            drop(packets.send(&peer, channel, &data, kind));
        }
        4..=6 => drop(packets.receive(channel)),
        7 => drop(packets.accept(&peer)),
        8 => drop(packets.close_channel(&peer, channel)),
        9 => drop(packets.close(&peer)),
        _ => look_at_packets(&packets, rng),
    }
}

fn look_at_packets(packets: &Packets, rng: &mut Rng) {
    let _ = packets.session(&peers::name(rng.below(3)));
    let _ = (packets.session_count(), packets.drops());
    let _ = packets.available(rng.below(CHANNELS) as i32);
    packets.allow_relay(rng.is_even());
}
