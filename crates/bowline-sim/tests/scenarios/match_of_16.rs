use bowline_sim::deterministic;

#[path = "../../examples/match_of_16.rs"]
#[allow(dead_code)]
mod example;

/// One server, sixteen players with links of different quality, thirty updates a second each way.
#[test]
fn sixteen_players_on_links_of_different_quality() {
    for seed in [42, 90] {
        deterministic(seed, |world| {
            let (goals, _) = example::whole_match(world);
            assert!(goals > 10, "{goals}");
            let unreliable = world.report().total(false);
            let enough = unreliable.sent() * 96 / 100;
            assert!(unreliable.arrived() >= enough, "{}", world.report());
        });
    }
}
