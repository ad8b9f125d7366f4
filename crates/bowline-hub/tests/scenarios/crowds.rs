//! Players who do not read, or write without end, among others.

use bowline_core::availability::Availability;
use bowline_sim::Span;

use crate::town::Index;
use crate::town::Town;

const NAMES: [&str; 9] = [
    "anna", "ben", "cleo", "dora", "emil", "finn", "gina", "hugo", "ida",
];
const FIRST: Index = 0;
const LAST: Index = NAMES.len() - 1;

fn town(seed: u64) -> Town {
    let mut town = Town::new(seed, &NAMES);
    town.sign_in_all();
    town.wait_for("all signed in", Span::from_secs(1), Town::all_are_signed_in);
    town
}

/// Whether nobody of these was ever without the hub.
fn have_noticed_nothing(town: &Town, players: impl Iterator<Item = Index>) -> bool {
    let expected = [
        Availability::Waiting,
        Availability::Attempting,
        Availability::Current,
    ];
    let mut players = players.map(|player| &town.players[player].told);
    players.all(|told| told.iter().map(|(_, told)| *told).eq(expected))
}

#[test]
fn who_does_not_read_is_sent_away_and_nobody_else_notices() {
    let mut town = town(1);
    town.players[FIRST].is_deaf = true;
    let start = town.world.now();
    while town.availability(FIRST).is_current() {
        // As much as each may send to one player, until all room on the way is used up.
        for from in FIRST + 1..=LAST {
            town.signal(from, FIRST, 2_000);
        }
        town.run_for(Span::from_millis(250));
        assert!(town.world.now() < start + Span::from_secs(180));
    }
    assert!(town.hub.counters().dropped > 0);
    assert!(have_noticed_nothing(&town, FIRST + 1..=LAST));
    let call = town.call(1, 2);
    let (answer, _) = town.meet(call, Span::from_secs(1));
    town.talk((call, answer));
}

#[test]
fn who_floods_the_hub_keeps_no_others_from_meeting() {
    let mut town = town(2);
    for round in 0..40 {
        // Far more than anybody may send, to everybody.
        for to in FIRST..LAST {
            town.signal(LAST, to, 3_000);
            town.signal(LAST, to, 10);
        }
        town.run_for(Span::from_millis(50));
        if round % 8 == 7 {
            let call = town.call(round / 8, round / 8 + 1);
            let (answer, took) = town.meet(call, Span::from_secs(2));
            assert!(took < Span::from_millis(500), "{took}");
            town.talk((call, answer));
        }
    }
    let refused: u64 = town.hub.counters().nacks().map(|(_, count)| count).sum();
    assert!(refused > 0);
    assert!(have_noticed_nothing(&town, FIRST..LAST));
}

#[test]
fn regression_who_does_not_read_for_a_while_hears_of_the_network_nevertheless() {
    let mut town = town(3);
    town.players[FIRST].is_deaf = true;
    // Each revokes one key more, until what waits for the deaf one is full, and a few times more.
    let (mut revision, mut more) = (0, 5);
    while more > 0 {
        revision += 1;
        town.announce(revision, 3000 + revision);
        town.run_for(Span::from_millis(120));
        if town.hub.counters().dropped > 0 {
            more -= 1;
        }
        assert!(revision < 500, "there is always room");
    }
    town.wait_for("the others told", Span::from_secs(5), |town| {
        let mut others = town.players[FIRST + 1..].iter();
        others.all(|player| player.network == revision)
    });
    assert_eq!(town.players[FIRST].network, 0);
    town.players[FIRST].is_deaf = false;
    town.wait_for("told of the last", Span::from_secs(20), |town| {
        town.players[FIRST].network == revision
    });
    assert!(have_noticed_nothing(&town, FIRST..=LAST));
}
