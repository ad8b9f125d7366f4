//! The tests of the `game-networking-sockets` crate, a binding of the original for Rust, on our library.
//!
//! They are copied from the package that cargo fetched, unchanged. The package below it, which builds the
//! original, is replaced by `crates/bowline-capi/shim`, which makes its bindings of our headers and links
//! our library.

use std::path::Path;

use crate::capi::programs::package_folder;
use crate::capi::{Build, FOLDER, build, fresh_folder, run_with};
use crate::interop;
use crate::stage::{Job, Outcome};
use crate::{Result, capi};

/// The manifest of the package that is put in place of the original's.
pub(crate) const SHIM_MANIFEST: &str = "crates/bowline-capi/shim/Cargo.toml";

/// Debian's names of what bindgen needs.
const PACKAGES: &[&str] = &["clang", "libclang-dev"];

/// The stage that runs them.
///
/// # Errors
/// A failed build or test.
pub(crate) fn stage(job: &Job<'_>) -> Result<Outcome> {
    for mut command in interop::install_commands(PACKAGES)? {
        job.run(&mut command)?;
    }
    let built = build(job, &Build::default())?;
    let folder = fresh_folder(job, "capi-crate")?;
    let package = package_folder(job, interop::MANIFEST, "game-networking-sockets")?;
    for part in ["Cargo.lock", "README.md", "src", "tests"] {
        copy(&package.join(part), &folder.join(part))?;
    }
    // It lies below our workspace, and is none of it.
    let manifest = std::fs::read_to_string(package.join("Cargo.toml"))? + "\n[workspace]\n";
    std::fs::write(folder.join("Cargo.toml"), manifest)?;

    let shim = job.root().join(FOLDER).join("shim");
    let mut tests = job.command("cargo");
    tests.args(["test", "--tests", "--no-fail-fast", "--manifest-path"]);
    tests.arg(folder.join("Cargo.toml"));
    tests.arg("--config").arg(format!(
        "patch.crates-io.game-networking-sockets-sys.path={:?}",
        shim.display().to_string()
    ));
    tests
        .arg("--target-dir")
        .arg(job.root().join("target/xtask/capi-crate-target"));
    let libraries = built.shared.parent().ok_or("a library is in a folder")?;
    tests.env("BOWLINE_LIBRARY_FOLDER", libraries);
    run_with(&mut tests, &built.shared);
    let told = job.output(&mut tests)?;
    Ok(Outcome::PassedWith(format!("{} tests", passed(&told))))
}

/// How many tests passed, by what their programs print.
fn passed(told: &str) -> usize {
    told.lines().filter(|line| line.ends_with("... ok")).count()
}

/// Copies a file or a folder with all in it.
fn copy(from: &Path, to: &Path) -> Result {
    if from.is_dir() {
        for file in capi::files_below(from)? {
            copy(&file, &to.join(file.strip_prefix(from)?))?;
        }
        return Ok(());
    }
    if let Some(folder) = to.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::copy(from, to)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passed_tests_are_counted_over_all_programs() {
        let told = "test a ... ok\ntest b ... FAILED\ntest result: ok\ntest c ... ok\n";
        assert_eq!(passed(told), 2);
    }
}
