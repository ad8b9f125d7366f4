//! Who reaches whom through which NATs: theory, and what happens.

use bowline_core::ice::RouteKind;
use bowline_sim::{
    Chance, LinkConfig, NatBehaviour, NatConfig, PortAllocation, Span, deterministic,
};

use crate::support::{Place, Stage, ms};

/// A check is given up after 5.3 s; what is found is found before, or after one more attempt.
const LIMIT: Span = Span::from_secs(9);
const ALL: i32 = 7;

/// All kinds of NAT, with ports that nobody can guess where a new destination has a new one.
fn kinds() -> Vec<NatConfig> {
    let mut kinds = Vec::new();
    for mapping in NatBehaviour::ALL {
        for filtering in NatBehaviour::ALL {
            kinds.push(nat(mapping, filtering));
        }
    }
    kinds
}

fn nat(mapping: NatBehaviour, filtering: NatBehaviour) -> NatConfig {
    let ports = match mapping {
        NatBehaviour::EndpointIndependent => PortAllocation::Preserving,
        _ => PortAllocation::Random,
    };
    NatConfig::new(mapping, filtering).ports(ports)
}

/// Whether two NATs let their hosts reach each other without a relay, each of which knows how a server sees the other.
fn is_direct(
    (mapping_a, filtering_a): (NatBehaviour, NatBehaviour),
    (mapping_b, filtering_b): (NatBehaviour, NatBehaviour),
) -> bool {
    let is_open = |filtering| filtering == NatBehaviour::EndpointIndependent;
    let is_strict = |filtering| filtering == NatBehaviour::AddressAndPortDependent;
    let is_steady = |mapping| mapping == NatBehaviour::EndpointIndependent;
    match (is_steady(mapping_a), is_steady(mapping_b)) {
        // Each sends to where the other's packets really come from, which opens both.
        (true, true) => true,
        // The other's packets come from a port that nobody knows, so that one's own NAT must not heed it.
        (true, false) => !is_strict(filtering_a),
        (false, true) => !is_strict(filtering_b),
        // Somebody must be open to all, to learn where the other's packets come from, and the other one not heed
        // from which port they are answered. And somebody must have one port for all of the other's, or each answer
        // comes from where nobody was asked.
        (false, false) => {
            let is_new_each_time = is_strict(mapping_a) && is_strict(mapping_b);
            let is_learned = (is_open(filtering_b) && !is_strict(filtering_a))
                || (is_open(filtering_a) && !is_strict(filtering_b));
            is_learned && !is_new_each_time
        }
    }
}

fn behaviours() -> Vec<(NatBehaviour, NatBehaviour)> {
    let mappings = NatBehaviour::ALL.into_iter();
    mappings
        .flat_map(|mapping| NatBehaviour::ALL.map(|filtering| (mapping, filtering)))
        .collect()
}

#[test]
fn theory_holds_for_all_pairs_of_nats() {
    for (index, (a, nat_a)) in behaviours().into_iter().zip(kinds()).enumerate() {
        for (b, nat_b) in behaviours().into_iter().zip(kinds()) {
            deterministic(index as u64, |world| {
                let places = [Place::Behind(nat_a), Place::Behind(nat_b)];
                let mut stage = Stage::new(world, places, [ALL, ALL], false);
                let kind = stage.run_until_agreed(LIMIT);
                let expected = is_direct(a, b).then_some(RouteKind::Direct);
                let story = (stage.story(0), stage.story(1));
                assert_eq!(kind, expected, "{a:?} and {b:?}\n{}\n{}", story.0, story.1);
            });
        }
    }
}

#[test]
fn with_a_relay_everybody_is_reached_and_directly_where_that_is_possible() {
    let all = [
        NatBehaviour::EndpointIndependent,
        NatBehaviour::AddressDependent,
        NatBehaviour::AddressAndPortDependent,
    ];
    for (index, filtering) in all.into_iter().enumerate() {
        for mapping in all {
            let strict = (
                NatBehaviour::AddressAndPortDependent,
                NatBehaviour::AddressAndPortDependent,
            );
            let (a, b) = ((mapping, filtering), strict);
            deterministic(100 + index as u64, |world| {
                let places =
                    [a, b].map(|(mapping, filtering)| Place::Behind(nat(mapping, filtering)));
                let mut stage = Stage::new(world, places, [ALL, ALL], true);
                let kind = stage.run_until_agreed(ms(2_000));
                assert!(
                    kind.is_some(),
                    "{a:?}\n{}\n{}",
                    stage.story(0),
                    stage.story(1)
                );
                stage.run_for(ms(7_000));
                let expected = match is_direct(a, b) {
                    true => RouteKind::Direct,
                    false => RouteKind::Relayed,
                };
                let story = (stage.story(0), stage.story(1));
                let kind = stage.agreed();
                assert_eq!(kind, Some(expected), "{a:?}\n{}\n{}", story.0, story.1);
            });
        }
    }
}

#[test]
fn two_behind_one_nat_talk_within_their_network() {
    for config in [
        NatConfig::PORT_RESTRICTED,
        NatConfig::SYMMETRIC.hairpin(false),
    ] {
        deterministic(200, |world| {
            let places = [Place::Behind(config), Place::WithTheOther];
            let mut stage = Stage::new(world, places, [ALL, ALL], true);
            assert_eq!(stage.run_until_agreed(ms(1_000)), Some(RouteKind::Local));
            stage.run_for(ms(5_000));
            assert_eq!(stage.agreed(), Some(RouteKind::Local));
        });
    }
}

#[test]
fn a_host_without_a_nat_is_reached_from_behind_any() {
    for (index, config) in kinds().into_iter().enumerate() {
        deterministic(300 + index as u64, |world| {
            let places = [Place::Behind(config), Place::Public];
            let mut stage = Stage::new(world, places, [ALL, ALL], false);
            assert_eq!(stage.run_until_agreed(ms(1_000)), Some(RouteKind::Direct));
        });
    }
}

#[test]
fn a_fifth_of_all_packets_lost_ends_no_search() {
    for seed in 0..100 {
        deterministic(1_000 + seed, |world| {
            let places = [NatConfig::PORT_RESTRICTED; 2].map(Place::Behind);
            let mut stage = Stage::new(world, places, [ALL, ALL], false);
            let link = LinkConfig::PERFECT.latency(ms(40)).jitter(ms(20));
            stage.world.set_links(link.loss(Chance::percent(20)));
            let kind = stage.run_until_agreed(Span::from_secs(10));
            let story = (stage.story(0), stage.story(1));
            assert_eq!(
                kind,
                Some(RouteKind::Direct),
                "seed {seed}\n{}\n{}",
                story.0,
                story.1
            );
        });
    }
}
