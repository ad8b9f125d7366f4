//! Builds the module.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::lua::MANIFEST;
use crate::stage::Job;
use crate::{Result, bench_vs};

/// Builds the module for the Lua of this feature, and returns the folder with it alone.
///
/// # Errors
/// It does not build.
pub(crate) fn build(job: &Job<'_>, feature: &str) -> Result<PathBuf> {
    build_with(job, feature, &[])
}

/// The same, optimised as for users.
///
/// # Errors
/// It does not build.
pub(crate) fn build_release(job: &Job<'_>, feature: &str) -> Result<PathBuf> {
    build_with(job, feature, &["--release"])
}

fn build_with(job: &Job<'_>, feature: &str, args: &[&str]) -> Result<PathBuf> {
    let mut cargo = job.command("cargo");
    // The Rust library beside it would leave the optimisation across crates out.
    cargo.args(["rustc", "--lib", "--crate-type", "cdylib"]);
    cargo.args(["--manifest-path", MANIFEST]);
    cargo.args(["--no-default-features", "--features"]);
    cargo.arg(format!("aws-lc,module,{feature}")).args(args);
    cargo.args(["--message-format", "json"]);
    // Most of what it depends on is there.
    cargo.env("CARGO_TARGET_DIR", bench_vs::target_folder(job.root()));
    let built = library(&job.output(&mut cargo)?)?;
    // Another feature's build will have the same file's name.
    let kind = if args.is_empty() { "dev" } else { "release" };
    let folder = job.root().join("target/xtask/lua").join(kind);
    let folder = folder.join(feature);
    std::fs::create_dir_all(&folder)?;
    let module = folder.join("luasteam.so");
    // A new file: one that is loaded somewhere must not change.
    if module.exists() {
        std::fs::remove_file(&module)?;
    }
    std::fs::copy(built, module)?;
    Ok(folder)
}

/// The library among what cargo tells of its work, a JSON object a line.
fn library(messages: &str) -> Result<PathBuf> {
    for line in messages.lines().filter(|line| line.starts_with('{')) {
        let message: Value = serde_json::from_str(line)?;
        if message["target"]["name"] != "luasteam" {
            continue;
        }
        let mut files = message["filenames"].as_array().into_iter().flatten();
        let is_library = |file: &&str| file.ends_with(".so") || file.ends_with(".dylib");
        if let Some(file) = files.find_map(|file| file.as_str().filter(is_library)) {
            return Ok(Path::new(file).to_owned());
        }
    }
    Err("cargo built no library".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_is_found_among_the_files() {
        let other = r#"{"target":{"name":"mlua"},"filenames":["/t/libmlua.so"]}"#;
        let ours = r#"{"target":{"name":"luasteam"},"filenames":["/t/luasteam.rlib","/t/libluasteam.so"]}"#;
        let text = format!("{other}\nnot json\n{ours}\n");
        assert_eq!(library(&text).unwrap(), Path::new("/t/libluasteam.so"));
        assert!(library(other).is_err());
    }
}
