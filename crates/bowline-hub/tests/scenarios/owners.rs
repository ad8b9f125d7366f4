//! Programs that want the same name.

use bowline_core::availability::Availability;
use bowline_sim::Chance;
use bowline_sim::LinkConfig;
use bowline_sim::Span;

use crate::town::Town;

#[test]
fn of_three_who_fight_for_a_name_the_last_one_has_it() {
    for seed in 0..8 {
        let mut town = Town::new(seed, &["anna", "anna", "anna"]);
        let bad = LinkConfig::PERFECT
            .latency(Span::from_millis(30))
            .loss(Chance::percent(20));
        town.world.set_links(bad);
        town.sign_in_all();
        let mut owners = 0;
        for _ in 0..600 {
            town.run_for(Span::from_millis(100));
            assert!(town.hub.sessions() <= 1);
            owners = owners.max(town.hub.sessions());
        }
        assert_eq!(owners, 1);
        let mut standings: Vec<Availability> = (0..3).map(|one| town.availability(one)).collect();
        standings.sort_by_key(|standing| *standing != Availability::Current);
        assert_eq!(
            standings,
            [
                Availability::Current,
                Availability::Failed,
                Availability::Failed
            ],
            "who has lost it does not take it back by itself"
        );
        // Each had it for a while: that they are in each other's way is not told by a refusal.
        for player in &town.players {
            let told = player.told.iter().map(|told| told.1);
            assert!(told.into_iter().any(|told| told == Availability::Current));
        }
    }
}
