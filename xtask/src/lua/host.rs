//! Two Lua states in a process, with the module in both: `tests/host` of the crate.

use std::path::{Path, PathBuf};

use crate::Result;
use crate::lua::FOLDER;
use crate::lua::interpreter::{Embedding, Interpreter, find_module};
use crate::stage::Job;

/// How often a pair of states is opened and closed.
const ROUNDS: &str = "50";

/// How the host is built. The module itself has no sanitizer in it; what it frees twice or leaks is found anyway.
const WAYS: &[(&str, &[&str])] = &[
    ("plain", &["-O2"]),
    ("asan", &["-O1", "-fsanitize=address"]),
];

/// Runs a server in one state and a client in the other, on a thread and on two.
///
/// # Errors
/// The host does not compile or fails.
pub(crate) fn two_states(job: &Job<'_>, interpreter: &Interpreter, module: &Path) -> Result {
    let folder = job.root().join(FOLDER).join("tests/host");
    match interpreter.embedding {
        Embedding::Library(library) => {
            for (name, flags) in WAYS {
                let host = compile(job, library, name, flags, &folder)?;
                let mut run = job.command(&host.display().to_string());
                run.arg(&folder).arg(ROUNDS);
                find_module(&mut run, module);
                job.run(&mut run)?;
            }
            Ok(())
        }
        Embedding::None => Ok(()),
        Embedding::Love => {
            job.run(&mut interpreter.command(job, module, &folder.join("threads.lua")))
        }
    }
}

fn compile(
    job: &Job<'_>,
    library: &str,
    way: &str,
    flags: &[&str],
    folder: &Path,
) -> Result<PathBuf> {
    let mut config = job.command("pkg-config");
    let flags_of_library = job.output(config.args(["--cflags", "--libs", library]))?;
    let program = format!("target/xtask/lua/states-{library}-{way}");
    let program = job.root().join(program);
    let mut compiler = job.command("cc");
    compiler.args([
        "-std=gnu11",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-g",
        "-pthread",
    ]);
    compiler.args(flags).arg("-o").arg(&program);
    compiler.arg(folder.join("states.c"));
    // The module takes Lua's functions from whoever loads it.
    compiler.args(flags_of_library.split_whitespace());
    compiler.args(["-rdynamic", "-Wl,--no-as-needed"]);
    job.run(&mut compiler)?;
    Ok(program)
}
