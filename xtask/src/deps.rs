//! What a game that uses Bowline must not pull in.

use std::path::Path;
use std::time::Instant;

use crate::stage::{Job, minutes};
use crate::{Result, lua};

/// The packages that a game or its players build, and the manifest of their workspace.
const CLIENT: &[(&str, &str)] = &[
    ("bowline", "Cargo.toml"),
    ("bowline-capi", "Cargo.toml"),
    ("bowline-cli", "Cargo.toml"),
    ("bowline-lua", lua::MANIFEST),
];

/// A client needs no async runtime, TLS library or code generator: its own transport carries hub and
/// relay traffic, and generated code is checked in.
const FORBIDDEN: &[&str] = &[
    "async-std",
    "bindgen",
    "native-tls",
    "openssl",
    "openssl-sys",
    "prost-build",
    "protobuf-src",
    "protox",
    "ring",
    "rustls",
    "tokio",
    "tokio-tungstenite",
    "tungstenite",
];

/// Runs [`check`] outside of a stage.
///
/// # Errors
/// As [`check`].
pub(crate) fn run(root: &Path) -> Result {
    check(&Job::new(root, "deps", Instant::now() + minutes(10))?)
}

/// Looks for forbidden packages in the client's dependency tree, on all platforms.
///
/// # Errors
/// One is there, or cargo cannot say.
pub(crate) fn check(job: &Job<'_>) -> Result {
    for (package, manifest) in CLIENT {
        let mut tree = job.command("cargo");
        tree.args(["tree", "--manifest-path", manifest, "--package", package]);
        tree.args(["--target", "all", "--edges", "normal,build"]);
        tree.args(["--prefix", "none", "--format", "{p}"]);
        let lines = job.output(&mut tree)?;
        let found = forbidden(&lines);
        if let Some(name) = found.first() {
            let hint = format!(
                "cargo tree --manifest-path {manifest} --package {package} --target all --invert {name}"
            );
            return Err(format!("{package} pulls in {}: see `{hint}`", found.join(", ")).into());
        }
    }
    Ok(())
}

/// The forbidden packages in a list of lines that start with a package's name.
fn forbidden(tree: &str) -> Vec<&str> {
    let names = tree
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    let mut found: Vec<&str> = names.filter(|name| FORBIDDEN.contains(name)).collect();
    found.sort_unstable();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forbidden_packages_are_found_by_their_whole_name() {
        let tree =
            "bowline v0.1.0 (somewhere)\ntokio-util v0.7.0\nring v0.17.14\nring v0.17.14 (*)\n";
        assert_eq!(forbidden(tree), ["ring"]);
        assert!(forbidden("bowline v0.1.0\nmio v1.2.4\n").is_empty());
    }
}
