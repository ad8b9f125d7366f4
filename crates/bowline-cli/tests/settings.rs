//! Settings on the command line and in files.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a test may panic, in its helpers too"
)]

use std::path::Path;
use std::process::Command;
use std::process::Output;

fn run(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bowline"))
        .args(args)
        .output()
        .unwrap()
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn the_list_shows_names_ranges_and_what_is_set() {
    let list = stdout(&run(&["config"]));
    assert!(list.contains("NagleTime = 5000  (0 to 20000 us)"), "{list}");
    assert!(!list.contains("Unencrypted"), "{list}");
    let list = stdout(&run(&[
        "config",
        "--dev",
        "encrypt",
        "--set",
        "Unencrypted=3",
    ]));
    assert!(list.contains("Unencrypted = 3"), "{list}");
    assert!(!list.contains("NagleTime"), "{list}");
}

#[test]
fn the_command_line_goes_before_the_file() {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("good-settings.conf");
    std::fs::write(
        &path,
        "# ours\nNagleTime = 1 # quick\n\nFakePacketLoss_Send = 2.5\n",
    )
    .unwrap();
    let path = path.to_str().unwrap();
    let list = stdout(&run(&["config", "--config", path, "--set", "NagleTime=2"]));
    assert!(list.contains("NagleTime = 2 "), "{list}");
    assert!(list.contains("FakePacketLoss_Send = 2.5 "), "{list}");
}

#[test]
fn what_is_wrong_is_told_with_its_place_and_range() {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bad-settings.conf");
    std::fs::write(&path, "NagleTime = 1\nMTU_PacketSize = 9000\n").unwrap();
    let path = path.to_str().unwrap();
    for (args, told) in [
        (
            ["config", "--config", path],
            "bad-settings.conf, line 2: MTU_PacketSize is 9000: it must be 200 to 1300",
        ),
        (["config", "--set", "Nagle=1"], "no setting named \"Nagle\""),
        (["config", "--set", "NagleTime"], "name = value"),
        (
            ["config", "--config", "/nowhere/at/all"],
            "cannot read the settings",
        ),
    ] {
        let output = run(&args);
        assert!(!output.status.success(), "{args:?}");
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains(told), "{args:?}: {error}");
    }
}
