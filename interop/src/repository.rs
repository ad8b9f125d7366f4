//! What the suite needs of the repository's other workspaces, built when a test asks for it.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs `cargo build` with these arguments and variables for the workspace or package with this manifest, seen
/// from the repository's root. Returns the folder with what was built: the one that others build the repository in, so
/// that most of it may be there already.
///
/// # Panics
/// When it does not build.
pub fn build(manifest: &str, args: &[&str], variables: &[(&str, &Path)]) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the suite is in a folder of the repository");
    let target = env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    let target = root.join(target);
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--manifest-path"]);
    build.arg(root.join(manifest));
    build.args(args).arg("--target-dir").arg(&target);
    build.envs(variables.iter().copied());
    let status = build.status().expect("cargo runs this");
    assert!(status.success(), "{manifest} does not build");
    target.join("debug")
}
