//! Two players who find each other by name, as processes: `examples/peers` of the crate.

use std::path::Path;
use std::process::{Child, Stdio};

use crate::Result;
use crate::lua::FOLDER;
use crate::lua::interpreter::{Embedding, Interpreter};
use crate::stage::Job;

/// Runs the two, who carry their signals by files. They give up by themselves after a minute.
///
/// # Errors
/// One of them fails, or has heard nothing of the other.
pub(crate) fn meet(job: &Job<'_>, interpreter: &Interpreter, module: &Path) -> Result {
    if interpreter.embedding == Embedding::Love {
        // It is LuaJIT, which was tried, with a window.
        return Ok(());
    }
    let folder = job.root().join(FOLDER).join("examples/peers");
    let mail = job.root().join("target/xtask/lua/mail");
    std::fs::create_dir_all(&mail)?;
    let start = |name: &str, other: &str| -> Result<Child> {
        let mut command = interpreter.command(job, module, &folder.join("player.lua"));
        command.args([name, other]).arg(&mail);
        command.env("LUA_PATH", folder.join("?.lua"));
        for version in ["5_3", "5_4"] {
            command.env_remove(format!("LUA_PATH_{version}"));
        }
        command.stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Ok(command.spawn()?)
    };
    let players = [start("anna", "ben")?, start("ben", "anna")?];
    for (player, other) in players.into_iter().zip(["ben", "anna"]) {
        let output = player.wait_with_output()?;
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        if !output.status.success() || !text.contains(&format!("I am {other}")) {
            let name = interpreter.name;
            return Err(
                format!("{name}: a player has not heard of {other}; it said:\n{text}").into(),
            );
        }
    }
    Ok(())
}
