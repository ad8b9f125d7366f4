//! `bowline abi-lint` on files that the C compiler makes here.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a test may panic, in its helpers too"
)]

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Output;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::Value;

/// A program that is linked to the library, with names of the releases up to 1.4.
const OLD: &str = "
    void *SteamAPI_SteamNetworkingSockets_v009(void);
    void SteamAPI_ISteamNetworkingSockets_SendMessages(void *, int, void **, long long *);
    int SteamAPI_ISteamNetworkingSockets_GetQuickConnectionStatus(void *, unsigned, void *);
    int run(void) {
        void *sockets = SteamAPI_SteamNetworkingSockets_v009();
        SteamAPI_ISteamNetworkingSockets_SendMessages(sockets, 0, 0, 0);
        return SteamAPI_ISteamNetworkingSockets_GetQuickConnectionStatus(sockets, 1, 0);
    }";

/// A plug-in that looks its names up.
const LOOKED_UP: &str = "
    const char *names[] = {
        \"SteamNetworkingSockets_LibV12\",
        \"SteamAPI_ISteamNetworkingSockets_NoSuchThing\",
    };";

#[test]
fn an_object_file_with_old_names_needs_the_old_generation() {
    let file = compile("old.o", OLD, &["-c"]);
    let (code, told) = lint(&file);
    assert_eq!(code, 0, "{told:#}");
    assert_eq!(told["generation"]["verdict"], "1.4");
    assert_eq!(told["names"].as_array().unwrap().len(), 3);
    assert_eq!(told["generation"]["to"], "1.4");
    let advice = told["generation"]["advice"].as_str().unwrap();
    assert!(advice.contains("BOWLINE_GNS_ABI=1.4"), "{advice}");
}

#[test]
fn a_static_library_of_it_needs_the_same() {
    let object = compile("in_archive.o", OLD, &["-c"]);
    let archive = object.with_file_name("old.a");
    let _ = std::fs::remove_file(&archive);
    let made = Command::new("ar")
        .arg("rcs")
        .args([&archive, &object])
        .status();
    assert!(made.unwrap().success());
    let (code, told) = lint(&archive);
    assert_eq!((code, &told["generation"]["verdict"]), (0, &"1.4".into()));
    assert_eq!(told["format"], "static library of 1 object files");
}

#[cfg(target_os = "linux")]
#[test]
fn a_shared_object_tells_what_it_is_linked_to_and_a_person_can_read_it() {
    let stub = compile(
        "libGameNetworkingSockets.so",
        "int GameNetworkingSockets_Kill(void) { return 0; }",
        &[
            "-shared",
            "-fPIC",
            "-Wl,-soname,libGameNetworkingSockets.so",
        ],
    );
    let user = compile(
        "user.so",
        "void GameNetworkingSockets_Kill(void); void run(void) { GameNetworkingSockets_Kill(); }",
        &[
            "-shared",
            "-fPIC",
            "-Wl,--no-as-needed",
            stub.to_str().unwrap(),
        ],
    );
    let (code, told) = lint(&user);
    assert_eq!((code, &told["generation"]["verdict"]), (0, &"any".into()));
    let libraries = told["libraries"].as_array().unwrap();
    assert!(
        libraries.contains(&"libGameNetworkingSockets.so".into()),
        "{told:#}"
    );
    let output = bowline(&[user.to_str().unwrap()]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains("have     GameNetworkingSockets_Kill  open, since 1.1"),
        "{text}"
    );
    assert!(text.contains("1 of 1 are in the library"), "{text}");

    let (code, told) = lint(&stub);
    assert_eq!(
        (code, &told["names"][0]["how"]),
        (0, &"lent".into()),
        "{told:#}"
    );
}

#[test]
fn what_is_looked_up_counts_and_what_is_missing_is_exit_code_1() {
    let (code, told) = lint(&compile("looks_up.o", LOOKED_UP, &["-c"]));
    assert_eq!(code, 1, "{told:#}");
    assert_eq!(
        told["missing"],
        serde_json::json!(["SteamAPI_ISteamNetworkingSockets_NoSuchThing"])
    );
    assert_eq!(told["generation"]["verdict"], "unknown");
    assert!(
        told["names"]
            .as_array()
            .unwrap()
            .iter()
            .all(|name| name["how"] == "text")
    );
}

#[test]
fn what_cannot_be_read_is_exit_code_2_and_says_why() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let text = folder.join("no_program.txt");
    std::fs::write(
        &text,
        "just a text, as long as a header would be, and longer",
    )
    .unwrap();
    for (path, why) in [
        (text.as_path(), "it is no program, library or object file"),
        (folder.as_path(), "it is no file"),
        (Path::new("/no/such/file"), "it cannot be opened"),
    ] {
        let output = bowline(&[path.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn damaged_files_are_read_or_refused_but_never_a_panic() {
    let whole = std::fs::read(compile("damaged.o", OLD, &["-c"])).unwrap();
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("damaged.bin");
    let flips = prop::collection::vec((any::<prop::sample::Index>(), 1_u8..), 0..6);
    let strategy = (any::<prop::sample::Index>(), flips);
    let mut runner = TestRunner::new(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(60)
    });
    let result = runner.run(&strategy, |(end, flips)| {
        let mut file = whole.clone();
        for (at, with) in flips {
            file[at.index(whole.len())] ^= with;
        }
        file.truncate(end.index(whole.len() + 1));
        std::fs::write(&path, &file).unwrap();
        let code = bowline(&[path.to_str().unwrap()]).status.code();
        prop_assert!(matches!(code, Some(0..=2)), "{code:?}");
        Ok(())
    });
    result.unwrap();
}

fn lint(file: &Path) -> (i32, Value) {
    let output = bowline(&["--json", file.to_str().unwrap()]);
    let told = serde_json::from_slice(&output.stdout);
    (output.status.code().unwrap(), told.unwrap())
}

fn bowline(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bowline"))
        .arg("abi-lint")
        .args(args)
        .output()
        .unwrap()
}

fn compile(name: &str, source: &str, args: &[&str]) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let input = folder.join(format!("{name}.c"));
    std::fs::write(&input, source).unwrap();
    let output = folder.join(name);
    let made = Command::new("cc")
        .arg("-o")
        .arg(&output)
        .arg(&input)
        .args(args)
        .status();
    assert!(made.unwrap().success());
    output
}
