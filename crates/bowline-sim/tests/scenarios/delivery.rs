use bowline_core::config::LaneConfig;
use bowline_core::error::SendError;
use bowline_core::ids::LaneIndex;
use bowline_core::message::SendFlags;
use bowline_core::time::Span;
use bowline_sim::{Chance, Conn, HostConfig, LinkConfig, World, deterministic};

use crate::support::{connected, far, ms, payload, secs, send_all};

fn bad() -> LinkConfig {
    far()
        .loss(Chance::percent(5))
        .reorder(Chance::percent(5), ms(15))
}

#[test]
fn a_thousand_reliable_messages_of_mixed_sizes_over_three_lanes() {
    deterministic(30, |world| {
        world.set_links(bad());
        let (ours, theirs) = connected(world, HostConfig::default());
        let lanes = [
            LaneConfig::new(0, 1),
            LaneConfig::new(1, 1),
            LaneConfig::new(1, 3),
        ];
        world.configure_lanes(ours, &lanes).unwrap();
        let mut rng = world.rng("messages");
        for n in 0..1000u32 {
            let len = match n % 50 {
                0 => rng.below(100_000),
                1..10 => rng.below(5_000),
                _ => rng.below(300),
            };
            let data = payload(&mut rng, len as usize);
            let lane = LaneIndex::new((n % 3) as u8);
            let send = |world: &mut World| {
                world
                    .send_in_lane(ours, lane, SendFlags::RELIABLE, &data)
                    .is_ok()
            };
            world.wait_for("room to send", secs(60), send).unwrap();
        }
        world.wait_for_delivery(ours, secs(60)).unwrap();
        assert_eq!(
            world.deliveries(ours).unwrap().counts().reliable_received,
            1000
        );
        assert_eq!(std::iter::from_fn(|| world.receive(theirs)).count(), 1000);
    });
}

#[test]
fn both_directions_at_once_for_many_seeds() {
    for seed in 100..130 {
        deterministic(seed, |world| {
            world.set_links(bad().jitter_out_of_order(ms(20)));
            let (ours, theirs) = connected(world, HostConfig::default());
            let mut rng = world.rng("messages");
            for n in 0..60 {
                for conn in [ours, theirs] {
                    let len = rng.below(4_000) as usize;
                    let flags = if n % 3 == 0 {
                        SendFlags::UNRELIABLE
                    } else {
                        SendFlags::RELIABLE
                    };
                    let data = payload(&mut rng, len);
                    world.send(conn, flags, &data).unwrap();
                }
                world.run_for(ms(u64::from(rng.below(30))));
            }
            world.wait_for_delivery(ours, secs(20)).unwrap();
            world.wait_for_delivery(theirs, secs(20)).unwrap();
        });
    }
}

#[test]
fn unreliable_messages_are_put_together_from_fragments() {
    deterministic(31, |world| {
        world.set_links(far().jitter_out_of_order(ms(5)));
        let (ours, _) = connected(world, HostConfig::default());
        let mut rng = world.rng("messages");
        for len in [0, 1, 1_100, 1_200, 1_300, 5_000, 16_500] {
            let data = payload(&mut rng, len);
            world.send(ours, SendFlags::UNRELIABLE, &data).unwrap();
            world.run_for(secs(1));
        }
        let counts = world.deliveries(ours).unwrap().counts();
        assert_eq!((counts.unreliable_sent, counts.unreliable_received), (7, 7));
        // Beyond 16,500 bytes it goes reliably, as with GNS.
        let data = payload(&mut rng, 16_501);
        world.send(ours, SendFlags::UNRELIABLE, &data).unwrap();
        world.wait_for_delivery(ours, secs(1)).unwrap();
        assert_eq!(
            world.deliveries(ours).unwrap().counts().reliable_received,
            1
        );
    });
}

#[test]
fn unreliable_messages_are_lost_as_often_as_their_packets() {
    deterministic(32, |world| {
        world.set_links(far().loss(Chance::percent(5)));
        let (ours, _) = connected(world, HostConfig::default());
        stream(world, ours, 2_000);
        let counts = world.deliveries(ours).unwrap().counts();
        assert!(
            (1_850..1_950).contains(&counts.unreliable_received),
            "{counts:?}"
        );
    });
}

/// A message of 200 bytes every 10 ms.
fn stream(world: &mut World, conn: Conn, count: u32) {
    let mut rng = world.rng("stream");
    for _ in 0..count {
        let data = payload(&mut rng, 200);
        world
            .send(conn, SendFlags::UNRELIABLE_NO_NAGLE, &data)
            .unwrap();
        world.run_for(ms(10));
    }
    world.run_for(ms(200));
}

#[test]
fn a_storm_of_duplicates_delivers_everything_once() {
    deterministic(33, |world| {
        let twice = Chance::ALWAYS;
        world.set_links(far().jitter_out_of_order(ms(10)).duplicate(twice, ms(500)));
        let (ours, theirs) = connected(world, HostConfig::default());
        stream(world, ours, 500);
        for _ in 0..200 {
            send_all(world, theirs, b"reliable too");
            world.run_for(ms(3));
        }
        world.wait_for_delivery(theirs, secs(5)).unwrap();
        assert_eq!(
            world.deliveries(ours).unwrap().counts().unreliable_received,
            500
        );
    });
}

#[test]
fn a_bottleneck_with_a_short_queue_is_survived() {
    deterministic(34, |world| {
        world.set_links(far().rate(250_000, 30_000));
        let (ours, _) = connected(world, HostConfig::default());
        let mut rng = world.rng("messages");
        for _ in 0..20 {
            let data = payload(&mut rng, 50_000);
            send_all(world, ours, &data);
        }
        // 1 MB at 250 kB/s takes four seconds at least.
        world.wait_for_delivery(ours, secs(30)).unwrap();
        assert!(world.age() >= secs(4));
    });
}

#[test]
fn an_outage_of_two_seconds_is_survived() {
    deterministic(35, |world| {
        world.set_links(far());
        let (ours, theirs) = connected(world, HostConfig::default());
        let mut rng = world.rng("messages");
        for n in 0..100 {
            let data = payload(&mut rng, 5_000);
            send_all(world, ours, &data);
            world.run_for(ms(20));
            if n == 20 {
                world.set_connected(ours.host, theirs.host, false);
                world.run_for(secs(2));
                world.set_connected(ours.host, theirs.host, true);
            }
        }
        world.wait_for_delivery(ours, secs(5)).unwrap();
    });
}

#[test]
fn a_slow_reader_loses_nothing_reliable() {
    deterministic(36, |world| {
        world.set_links(far());
        let (ours, theirs) = connected(world, HostConfig::default());
        world.set_reads_at_once(theirs, false);
        let mut rng = world.rng("messages");
        for _ in 0..40 {
            let data = payload(&mut rng, 60_000);
            send_until_full(world, ours, &data);
        }
        world.run_for(secs(5));
        world.set_reads_at_once(theirs, true);
        world.wait_for_delivery(ours, secs(30)).unwrap();
    });
}

fn send_until_full(world: &mut World, conn: Conn, data: &[u8]) {
    match world.send(conn, SendFlags::RELIABLE, data) {
        Ok(_) => {}
        Err(SendError::BufferFull {
            queued_bytes,
            limit_bytes,
            ..
        }) => {
            assert!(queued_bytes + data.len() > limit_bytes);
        }
        Err(other) => panic!("{other}"),
    }
    world.run_for(ms(50));
}

/// What does not fit under the limit comes with a repetition, since what came before is not counted
/// again.
#[test]
fn a_receiver_that_takes_one_segment_of_a_packet_gets_everything_in_time() {
    for seed in 40..44 {
        deterministic(seed, |world| {
            world.set_links(bad());
            let mut config = HostConfig::default();
            config.connection.set_max_segments_per_packet(1).unwrap();
            let (ours, _) = connected(world, config);
            let lanes = [
                LaneConfig::new(0, 1),
                LaneConfig::new(0, 1),
                LaneConfig::new(1, 1),
            ];
            world.configure_lanes(ours, &lanes).unwrap();
            for n in 0..200_u32 {
                let flags = if n % 4 == 0 {
                    SendFlags::UNRELIABLE
                } else {
                    SendFlags::RELIABLE
                };
                let lane = LaneIndex::new((n % 3) as u8);
                world
                    .send_in_lane(ours, lane, flags, &n.to_le_bytes())
                    .unwrap();
                world.run_for(ms(3));
            }
            world.wait_for_delivery(ours, secs(30)).unwrap();
        });
    }
}

#[test]
fn a_message_in_progress_leaves_room_for_a_lane_of_higher_priority() {
    deterministic(45, |world| {
        world.set_links(far());
        let (ours, theirs) = connected(world, HostConfig::default());
        let lanes = [LaneConfig::new(1, 1), LaneConfig::new(0, 1)];
        world.configure_lanes(ours, &lanes).unwrap();
        send_in_lane(world, ours, 0, 500_000);
        world.run_for(ms(300));
        // A longer message would be too long now; this one is on its way.
        let mut small = bowline_sim::Config::new();
        small.set_recv_buffer(4096).unwrap();
        world.set_config(theirs, small);
        send_in_lane(world, ours, 1, 3_600);
        world.wait_for_delivery(ours, secs(30)).unwrap();
    });
}

fn send_in_lane(world: &mut World, from: Conn, lane: u8, len: usize) {
    let data = vec![lane; len];
    let lane = LaneIndex::new(lane);
    world
        .send_in_lane(from, lane, SendFlags::RELIABLE, &data)
        .unwrap();
}

/// As above, with more under way than all lanes may hold from then on.
#[test]
fn stricter_settings_leave_room_for_what_is_under_way() {
    deterministic(46, |world| {
        world.set_links(far());
        let (ours, theirs) = connected(world, HostConfig::default());
        let lanes = [1, 1, 0].map(|priority| LaneConfig::new(priority, 1));
        world.configure_lanes(ours, &lanes).unwrap();
        send_in_lane(world, ours, 0, 250_000);
        send_in_lane(world, ours, 1, 250_000);
        world.run_for(ms(300));
        let mut small = bowline_sim::Config::new();
        small.set_recv_buffer(4096).unwrap();
        small.set_recv_max_message(4000).unwrap();
        world.set_config(theirs, small);
        send_in_lane(world, ours, 2, 3_600);
        world.wait_for_delivery(ours, secs(30)).unwrap();
    });
}

#[test]
fn losses_are_repaired_within_about_a_round_trip() {
    deterministic(37, |world| {
        world.set_links(far());
        let (ours, _) = connected(world, HostConfig::default());
        // The link is known before the loss.
        for _ in 0..20 {
            world
                .send(ours, SendFlags::RELIABLE_NO_NAGLE, &[1; 200])
                .unwrap();
            world.run_for(ms(20));
        }
        let mut left = 1;
        world.set_filter(move |_, datagram| lose_large(datagram, &mut left));
        let before = world.now();
        for _ in 0..10 {
            world
                .send(ours, SendFlags::RELIABLE_NO_NAGLE, &[2; 200])
                .unwrap();
            world.run_for(ms(5));
        }
        world.wait_for_delivery(ours, secs(2)).unwrap();
        let took = world.now().since(before);
        assert!(took < Span::from_millis(250), "{took}\n{world:?}");
    });
}

fn lose_large(datagram: &bowline_sim::Datagram, left: &mut u32) -> bowline_sim::Verdict {
    if *left > 0 && datagram.bytes.len() > 200 {
        *left -= 1;
        return bowline_sim::Verdict::Drop;
    }
    bowline_sim::Verdict::Pass
}
