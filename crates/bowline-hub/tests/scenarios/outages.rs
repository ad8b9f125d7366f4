//! Hubs that go, and networks that break.

use bowline_core::availability::Availability;
use bowline_sim::Chance;
use bowline_sim::ConnectionState;
use bowline_sim::EndReason;
use bowline_sim::LinkConfig;
use bowline_sim::Span;

use crate::town::Town;

const fn secs(secs: u64) -> Span {
    Span::from_secs(secs)
}

#[test]
fn players_who_know_only_names_meet() {
    let mut town = Town::new(1, &["anna", "ben"]);
    town.sign_in_all();
    town.wait_for("both signed in", secs(1), Town::all_are_signed_in);
    assert!(town.players.iter().all(|player| player.certificates == 1));
    let call = town.call(0, 1);
    let (answer, took) = town.meet(call, secs(1));
    // Signals travel 20 ms to the hub and on; a request, an answer and candidates are on their way.
    assert!(took < Span::from_millis(300), "{took}");
    town.talk((call, answer));
}

#[test]
fn players_meet_while_a_third_of_all_packets_is_lost() {
    for seed in 0..8 {
        let mut town = Town::new(seed, &["anna", "ben"]);
        let lossy = LinkConfig::PERFECT
            .latency(Span::from_millis(30))
            .loss(Chance::percent(33));
        town.world.set_links(lossy);
        town.sign_in_all();
        town.wait_for("both signed in", secs(60), Town::all_are_signed_in);
        let call = town.call(0, 1);
        let (answer, _) = town.meet(call, secs(10));
        town.talk((call, answer));
    }
}

#[test]
fn what_stands_outlives_the_hub() {
    let mut town = Town::new(2, &["anna", "ben"]);
    town.sign_in_all();
    town.wait_for("both signed in", secs(1), Town::all_are_signed_in);
    let call = town.call(0, 1);
    let (answer, _) = town.meet(call, secs(1));
    town.kill_hub();
    for _ in 0..12 {
        town.run_for(secs(10));
        town.talk((call, answer));
    }
    for player in &town.players {
        let told: Vec<Availability> = player.told.iter().map(|(_, told)| *told).collect();
        assert_eq!(
            told,
            [
                Availability::Waiting,
                Availability::Attempting,
                Availability::Current,
                Availability::Previously,
                Availability::Retrying
            ]
        );
    }
    town.start_hub();
    // The longest pause is a minute, and a connection that nobody answers takes ten seconds.
    town.wait_for("both back", secs(75), Town::all_are_signed_in);
    town.talk((call, answer));
}

#[test]
fn a_hub_that_crashed_is_noticed_in_seconds() {
    let mut town = Town::new(3, &["anna", "ben"]);
    town.sign_in_all();
    town.wait_for("both signed in", secs(1), Town::all_are_signed_in);
    // Nobody is told that this process does not know them.
    town.restart_hub(Span::from_millis(100));
    let call = town.call(0, 1);
    // Who says something hears nothing for five seconds; who does not says something every ten.
    town.wait_for("anna is back", secs(7), |town| town.hub.sessions() == 1);
    town.wait_for("both are back", secs(16), Town::all_are_signed_in);
    town.world.close(call, EndReason::APP_GENERIC, "", false);
    let call = town.call(0, 1);
    let (answer, _) = town.meet(call, secs(1));
    town.talk((call, answer));
}

#[test]
fn a_call_without_a_hub_ends_in_time() {
    let mut town = Town::new(4, &["anna", "ben"]);
    town.sign_in_all();
    town.wait_for("both signed in", secs(1), Town::all_are_signed_in);
    town.kill_hub();
    let call = town.call(0, 1);
    town.run_for(secs(11));
    assert_eq!(
        town.world.state(call),
        ConnectionState::ProblemDetectedLocally
    );
}

#[test]
fn a_player_behind_a_broken_link_comes_back_and_nobody_else_notices() {
    let mut town = Town::new(5, &["anna", "ben", "carl"]);
    town.sign_in_all();
    town.wait_for("all signed in", secs(1), Town::all_are_signed_in);
    let (anna, hub) = (town.players[0].host, town.hub_host);
    town.world.set_connected(anna, hub, false);
    town.wait_for("anna knows", secs(30), |town| {
        town.availability(0) == Availability::Previously
    });
    let call = town.call(1, 2);
    let (answer, _) = town.meet(call, secs(1));
    town.talk((call, answer));
    let to_anna = town.call(1, 0);
    town.run_for(secs(11));
    assert_eq!(
        town.world.state(to_anna),
        ConnectionState::ProblemDetectedLocally,
        "her silence ends it, and nothing else"
    );
    town.world.set_connected(anna, hub, true);
    town.wait_for("anna is back", secs(75), Town::all_are_signed_in);
    let call = town.call(1, 0);
    let (answer, _) = town.meet(call, secs(1));
    town.talk((call, answer));
    for other in [1, 2] {
        let told: Vec<Availability> = town.players[other].told.iter().map(|told| told.1).collect();
        assert_eq!(told.last(), Some(&Availability::Current));
        assert_eq!(told.len(), 3, "{told:?}");
    }
}

#[test]
fn many_players_come_back_to_a_hub_one_after_the_other() {
    let names: Vec<String> = (0..40).map(|number| format!("player-{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut town = Town::new(6, &names);
    town.sign_in_all();
    town.wait_for("all signed in", secs(10), Town::all_are_signed_in);
    town.kill_hub();
    town.run_for(secs(60));
    town.start_hub();
    let start = town.world.now();
    town.wait_for("all back", secs(90), Town::all_are_signed_in);
    let mut back: Vec<Span> = Vec::new();
    for player in &town.players {
        back.push(player.told.last().unwrap().0.since(start));
    }
    back.sort_unstable();
    let in_a_second = |second: u64| {
        let of = |at: &&Span| at.as_millis() / 1000 == second;
        back.iter().filter(of).count()
    };
    let most = (0..90).map(in_a_second).max().unwrap();
    assert!(most <= 10, "{most} of 40 in one second: {back:?}");
}
