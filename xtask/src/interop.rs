//! Tests against live GameNetworkingSockets peers, a workspace of their own because they build the
//! original from source.

use std::path::Path;
use std::process::Command;

use crate::Result;
use crate::bench_vs::{cargo, target_folder};
use crate::stage::{Job, Outcome, command_line};

/// The workspace's manifest, seen from the repository's root.
pub(crate) const MANIFEST: &str = "interop/Cargo.toml";

/// Debian's names of what the original's build needs.
pub(crate) const PACKAGES: &[&str] = &[
    "clang",
    "cmake",
    "coturn",
    "g++",
    "libclang-dev",
    "libprotobuf-dev",
    "libssl-dev",
    "lua5.4",
    "pkg-config",
    "protobuf-compiler",
];

/// Builds and runs the suite in the foreground; `args` go to the test program.
///
/// # Errors
/// A missing package that cannot be installed, a failed build or test.
pub(crate) fn run(root: &Path, args: &[&str]) -> Result {
    for mut command in install_commands(PACKAGES)? {
        execute(&mut command)?;
    }
    let mut tests = Command::new("cargo");
    tests.current_dir(root).args(TESTS).arg("--").args(args);
    execute(tests.env("CARGO_TARGET_DIR", target_folder(root)))
}

/// The stage that installs what is missing and builds the original and the suite.
///
/// # Errors
/// As [`run`].
pub(crate) fn build(job: &Job<'_>) -> Result<Outcome> {
    for command in &mut install_commands(PACKAGES)? {
        job.run(command)?;
    }
    let clippy = ["clippy", "--manifest-path", MANIFEST, "--all-targets"];
    cargo(job, &[&clippy[..], &["--", "-D", "warnings"]].concat())?;
    cargo(job, &[TESTS, &["--no-run"]].concat())?;
    // These build the command and the C library first: work, where the other stage waits.
    cargo(
        job,
        &[TESTS, &["--test", "p2p", "--", "c_library", "server"]].concat(),
    )?;
    Ok(Outcome::Passed)
}

/// The stage that runs the suite.
///
/// # Errors
/// A failed test.
pub(crate) fn tests(job: &Job<'_>) -> Result<Outcome> {
    cargo(job, TESTS)?;
    Ok(Outcome::Passed)
}

const TESTS: &[&str] = &["test", "--manifest-path", MANIFEST];

/// What installs those of Debian's `packages` that are missing; nothing where all are there or the system
/// is not Debian's kin, where the build itself will tell what it misses.
///
/// # Errors
/// The system tells something unreadable of its packages or its user.
pub(crate) fn install_commands(packages: &[&'static str]) -> Result<Vec<Command>> {
    let status = match Command::new("dpkg-query")
        .args(["-W", "-f=${Package} ${Status}\n"])
        .output()
    {
        Ok(output) => String::from_utf8(output.stdout)?,
        Err(_) => return Ok(Vec::new()),
    };
    let missing = missing_packages(packages, &status);
    if missing.is_empty() {
        return Ok(Vec::new());
    }
    let user = String::from_utf8(Command::new("id").arg("-u").output()?.stdout)?;
    let apt = |args: &[&str]| {
        let mut words = vec!["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"];
        words.extend(args);
        if user.trim() != "0" {
            words.insert(0, "sudo");
        }
        let mut command = Command::new(words[0]);
        command.args(&words[1..]);
        command
    };
    let install = [
        &["install", "--yes", "--no-install-recommends"],
        &missing[..],
    ]
    .concat();
    Ok(vec![apt(&["update"]), apt(&install)])
}

/// The packages that a list of `NAME STATUS` lines does not show as installed.
fn missing_packages(packages: &[&'static str], status: &str) -> Vec<&'static str> {
    let installed = |package: &&&str| {
        let line = format!("{package} install ok installed");
        status.lines().any(|found| found == line)
    };
    packages
        .iter()
        .filter(|package| !installed(package))
        .copied()
        .collect()
}

/// Runs a command in the foreground.
///
/// # Errors
/// It is not there, or ends with another status than 0.
pub(crate) fn execute(command: &mut Command) -> Result {
    let line = command_line(command);
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{line}`: {status}").into()),
        Err(error) => Err(format!("`{line}`: {error}").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_packages_that_are_not_installed_are_missing() {
        let all: String = PACKAGES
            .iter()
            .map(|p| format!("{p} install ok installed\n"))
            .collect();
        assert!(missing_packages(PACKAGES, &all).is_empty());
        let removed = all.replace("cmake install ok", "cmake deinstall ok");
        assert_eq!(missing_packages(PACKAGES, &removed), ["cmake"]);
        assert_eq!(missing_packages(PACKAGES, ""), PACKAGES);
    }
}
