//! Trouble by chance: links that break, hubs that go, players that call. When all is well again, everybody is signed in
//! and reaches everybody. `BOWLINE_HUB_SEEDS=5000` plays more than the usual seeds.

use bowline_sim::Chance;
use bowline_sim::LinkConfig;
use bowline_sim::Rng;
use bowline_sim::Span;

use crate::town::Town;

const NAMES: [&str; 5] = ["anna", "ben", "carl", "dora", "emil"];
const USUAL_SEEDS: u64 = 24;

#[test]
fn after_any_trouble_everybody_reaches_everybody() {
    let seeds = std::env::var("BOWLINE_HUB_SEEDS").ok();
    let seeds = seeds.map_or(USUAL_SEEDS, |text| text.parse().unwrap());
    for seed in 0..seeds {
        println!("seed {seed}");
        play(seed);
    }
}

#[test]
fn the_same_seed_plays_the_same() {
    assert_eq!(play(99), play(99));
}

/// Plays one seed, and returns the trace of it.
fn play(seed: u64) -> String {
    let mut town = Town::new(seed, &NAMES);
    let mut chance = town.world.rng("trouble");
    town.world.set_links(some_links(&mut chance));
    town.sign_in_all();
    for _ in 0..20 {
        town.run_for(Span::from_millis(u64::from(chance.below(5_000))));
        trouble(&mut town, &mut chance);
    }
    if !town.world.is_on(town.hub_host) {
        town.start_hub();
    }
    town.world.heal();
    town.world
        .set_links(LinkConfig::PERFECT.latency(Span::from_millis(20)));
    town.wait_for(
        "all signed in",
        Span::from_secs(90),
        Town::all_are_signed_in,
    );
    for from in 0..NAMES.len() {
        let to = (from + 1) % NAMES.len();
        let call = town.call(from, to);
        let (answer, _) = town.meet(call, Span::from_secs(10));
        town.talk((call, answer));
    }
    town.world.trace_hash().to_string()
}

fn trouble(town: &mut Town, chance: &mut Rng) {
    let one = chance.below(NAMES.len() as u32) as usize;
    let other = chance.below(NAMES.len() as u32) as usize;
    let (host, hub) = (town.players[one].host, town.hub_host);
    match chance.below(7) {
        0 if town.world.is_on(hub) => town.kill_hub(),
        0 | 1 => town.start_hub(),
        2 => town.world.set_connected(host, hub, false),
        3 => town.world.set_connected_one_way(hub, host, false),
        4 => town.world.heal(),
        5 => town.world.set_links(some_links(chance)),
        _ if one != other => {
            town.call(one, other);
        }
        _ => {}
    }
}

fn some_links(chance: &mut Rng) -> LinkConfig {
    LinkConfig::PERFECT
        .latency(Span::from_millis(u64::from(chance.below(200))))
        .loss(Chance::percent(chance.below(30)))
}
