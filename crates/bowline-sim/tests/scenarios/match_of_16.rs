use bowline_core::message::SendFlags;
use bowline_core::time::Span;
use bowline_sim::{Chance, Conn, HostConfig, LinkConfig, World, deterministic};

use crate::support::{PORT, ms, payload, secs};

/// One server, sixteen players with links of different quality, thirty updates a second each way.
#[test]
fn sixteen_players_on_links_of_different_quality() {
    deterministic(90, |world| {
        let server = world.add_host("server", HostConfig::default());
        let address = world.listen(server, PORT);
        let mut pairs: Vec<(Conn, Conn)> = Vec::new();
        for n in 0..16 {
            let player = world.add_host(&format!("player {n}"), HostConfig::default());
            let link = LinkConfig::PERFECT
                .latency(ms(5 * n))
                .jitter_out_of_order(ms(n))
                .loss(Chance::per_million(2_500 * n as u32));
            world.set_link(player, server, link);
            world.set_link(server, player, link);
            pairs.push(world.connect_pair(player, address).unwrap());
        }
        play(world, &pairs, secs(20));
        for (player, server) in &pairs {
            world.wait_for_delivery(*player, secs(3)).unwrap();
            let counts = world.deliveries(*server).unwrap().counts();
            let enough = counts.unreliable_sent * 94 / 100;
            assert!(
                counts.unreliable_received >= enough,
                "{counts:?}\n{world:?}"
            );
        }
    });
}

fn play(world: &mut World, pairs: &[(Conn, Conn)], span: Span) {
    let mut rng = world.rng("match");
    let end = world.now() + span;
    while world.now() < end {
        let snapshot = payload(&mut rng, 600);
        for (player, server) in pairs {
            let input = payload(&mut rng, 60);
            world
                .send(*player, SendFlags::UNRELIABLE_NO_NAGLE, &input)
                .unwrap();
            world
                .send(*server, SendFlags::UNRELIABLE_NO_NAGLE, &snapshot)
                .unwrap();
            if rng.below(30) == 0 {
                world.send(*player, SendFlags::RELIABLE, b"chat").unwrap();
            }
        }
        world.run_for(Span::from_micros(33_333));
    }
}
