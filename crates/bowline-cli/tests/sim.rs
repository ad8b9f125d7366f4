//! `bowline sim` as a user runs it.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a test may panic, in its helpers too"
)]

use std::process::Command;

/// Runs the command to its end: whether it succeeded, and what it printed.
fn sim(args: &[&str]) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bowline"));
    let output = command.arg("sim").args(args).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    (output.status.success(), text)
}

#[test]
fn a_few_scenarios_are_played_and_counted() {
    let (passed, text) = sim(&["--seed", "100", "--count", "12", "--threads", "2"]);
    assert!(passed, "{text}");
    assert!(
        text.starts_with("Scenarios from seed 100 on, 2 at a time."),
        "{text}"
    );
    assert!(text.contains("12 scenarios in"), "{text}");
    assert!(text.contains("up to seed 111"), "{text}");
    assert!(text.ends_with("PASSED\n"), "{text}");
}

#[test]
fn a_seed_is_replayed_with_its_story() {
    let (passed, first) = sim(&["--replay", "7"]);
    assert!(passed, "{first}");
    for part in [
        "server 0 at 10.0.0.1",
        "is over",
        "Seed 7:",
        "Twice the same",
    ] {
        assert!(first.contains(part), "{part:?} is missing in:\n{first}");
    }
    assert_eq!(sim(&["--replay", "7"]).1, first);
}

#[test]
fn the_time_limit_holds_and_the_seed_is_told() {
    let (passed, text) = sim(&["--minutes", "0.002", "--threads", "1"]);
    assert!(passed, "{text}");
    assert!(text.starts_with("Scenarios from seed "), "{text}");
}

#[test]
fn replaying_and_searching_exclude_each_other() {
    assert!(!sim(&["--replay", "3", "--seed", "4"]).0);
    assert!(!sim(&["--minutes", "0"]).0);
}
