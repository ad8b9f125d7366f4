//! Scenarios drawn from a seed: some fresh ones, those that failed once, and the fingerprints of a few.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use bowline_sim::swarm::{self, Summary};

/// How many fingerprints are kept.
const TRACES: u64 = 24;

/// `bowline sim` looks further.
#[test]
fn the_first_scenarios_keep_every_promise() {
    for seed in 0..150 {
        swarm::play(seed).unwrap();
    }
}

#[test]
fn a_scenario_is_the_same_twice() {
    for seed in 1000..1020 {
        swarm::replay(seed).unwrap();
    }
}

/// What a seed means changes with what is drawn, so a bug has a test of its own besides; but what
/// broke once is likely to break again nearby.
#[test]
fn seeds_that_failed_once_keep_every_promise() {
    let seeds = lines("seeds.txt");
    assert!(!seeds.is_empty());
    for line in seeds {
        let (seed, why) = line.split_once(' ').unwrap();
        let played = swarm::replay(seed.parse().unwrap());
        assert!(played.is_ok(), "{why}, again: {}", played.unwrap_err());
    }
}

/// One file for all profiles and machines. `UPDATE_DOCS=1` writes it anew after a change of what is
/// sent, or of what is drawn.
#[test]
fn traces_do_not_hang_on_profile_or_machine() {
    let trace = |seed| swarm::play(seed).map(|Summary { trace, .. }| trace);
    let mut text = String::new();
    for seed in 0..TRACES {
        writeln!(text, "{seed} {}", trace(seed).unwrap()).unwrap();
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let head = "# Seeds and the fingerprints of their scenarios.\n";
        std::fs::write(file("traces.txt"), format!("{head}{text}")).unwrap();
    }
    let fresh: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines("traces.txt"),
        fresh,
        "if what is sent was changed on purpose, UPDATE_DOCS=1 writes traces.txt anew"
    );
}

/// The lines of a file of this crate, comments left out.
fn lines(name: &str) -> Vec<String> {
    let text = std::fs::read_to_string(file(name)).unwrap();
    let is_line = |line: &&str| !line.is_empty() && !line.starts_with('#');
    text.lines().filter(is_line).map(str::to_owned).collect()
}

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}
