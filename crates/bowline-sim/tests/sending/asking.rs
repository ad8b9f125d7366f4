//! A stream of one side, which brings no acks by itself, never waits for one.

use bowline_core::message::SendFlags;
use bowline_core::time::Span;
use bowline_sim::{Chance, HostConfig, LinkConfig, World, deterministic};

use crate::support::ms;

const ONE_WAY_MS: u64 = 50;

/// Sends 60 unreliable messages of 1000 bytes a second from the first moment on, and returns how long each took
/// that arrived.
fn stream(world: &mut World, link: LinkConfig) -> Vec<u64> {
    world.set_links(link);
    let server = world.add_host("server", HostConfig::default());
    let client = world.add_host("client", HostConfig::default());
    let address = world.listen(server, 27_015);
    let (client, server) = world.connect_pair(client, address).unwrap();
    let start = world.now();
    for n in 0..600_u32 {
        let mut message = [0; 1000];
        message[..8].copy_from_slice(&world.now().since(start).as_micros().to_le_bytes());
        world
            .send(client, SendFlags::UNRELIABLE_NO_NAGLE, &message)
            .unwrap_or_else(|refused| panic!("message {n}: {refused:?}"));
        world.run_for(Span::from_micros(16_667));
    }
    world.run_for(ms(1000));
    let mut took = Vec::new();
    while let Some(message) = world.receive(server) {
        let sent: [u8; 8] = message.data[..8].try_into().unwrap();
        took.push(message.at.since(start).as_micros() - u64::from_le_bytes(sent));
    }
    took
}

#[test]
fn a_stream_of_one_side_never_waits_for_an_ack() {
    for seed in 0..8 {
        let link = LinkConfig::PERFECT.latency(ms(ONE_WAY_MS));
        let took = deterministic(seed, |world| stream(world, link));
        assert_eq!(took.len(), 600);
        let longest = took.iter().max().unwrap();
        assert!(
            *longest < ONE_WAY_MS * 1000 + 2000,
            "seed {seed}: {longest} us"
        );
    }
}

/// Also where the packet is lost that asked for the ack.
#[test]
fn nor_does_it_where_questions_are_lost() {
    for seed in 0..8 {
        let link = LinkConfig::PERFECT
            .latency(ms(ONE_WAY_MS))
            .loss(Chance::percent(5));
        let took = deterministic(seed, |world| stream(world, link));
        assert!(took.len() > 500, "seed {seed}: {}", took.len());
        let longest = took.iter().max().unwrap();
        assert!(
            *longest < ONE_WAY_MS * 1000 + 3000,
            "seed {seed}: {longest} us"
        );
    }
}
