//! The module as luarocks installs it.

use std::path::Path;

use crate::capi::fresh_folder;
use crate::lua::FOLDER;
use crate::lua::interpreter::{Interpreter, find_module};
use crate::stage::Job;
use crate::{Result, bench_vs};

/// The versions that luarocks is tried with, and the interpreter of each.
const TRIED: &[(&str, &str)] = &[("5.1", "lua5.1"), ("5.4", "lua5.4")];

/// Installs the module into folders of its own, for those that are among the interpreters, and loads it from there.
/// Returns for which versions.
///
/// # Errors
/// luarocks fails, or the interpreter does not find the module.
pub(crate) fn install(job: &Job<'_>, interpreters: &[&Interpreter]) -> Result<String> {
    let chosen = |name: &str| interpreters.iter().any(|found| found.name == name);
    let mut done = Vec::new();
    for (version, interpreter) in TRIED.iter().filter(|(_, name)| chosen(name)) {
        let tree = fresh_folder(job, &format!("lua/rocks-{version}"))?;
        let mut make = job.command("luarocks");
        make.args(["--lua-version", version, "--tree"]).arg(&tree);
        make.arg("make");
        make.arg(Path::new(FOLDER).join("luasteam-scm-1.rockspec"));
        // What the other builds here are: quick to build.
        make.env("BOWLINE_PROFILE", "dev");
        make.env("CARGO_TARGET_DIR", bench_vs::target_folder(job.root()));
        job.run(&mut make)?;

        let mut load = job.command(interpreter);
        load.args([
            "-e",
            "local Steam = require 'luasteam' assert(Steam.init()) Steam.shutdown()",
        ]);
        find_module(&mut load, &tree.join("lib/lua").join(version));
        job.run(&mut load)?;
        done.push(*version);
    }
    Ok(done.join(" and "))
}
