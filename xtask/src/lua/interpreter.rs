//! The interpreters that the module is for.

use std::path::Path;
use std::process::Command;

use crate::lua::FOLDER;
use crate::stage::Job;

/// Debian's names of what is needed: the interpreters, their libraries for [`super::host`], and luarocks.
pub(crate) const PACKAGES: &[&str] = &[
    "gcc",
    "liblua5.1-0-dev",
    "liblua5.4-dev",
    "libluajit-5.1-dev",
    "love",
    "lua5.1",
    "lua5.3",
    "lua5.4",
    "luajit",
    "luarocks",
    "pkg-config",
];

/// A program that runs Lua programs.
#[derive(Debug)]
pub(crate) struct Interpreter {
    /// Of the program.
    pub(crate) name: &'static str,
    /// The crate's feature for it.
    pub(crate) feature: &'static str,
    /// What it is as a library.
    pub(crate) embedding: Embedding,
}

/// How C programs have the same Lua in them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Embedding {
    /// As the library that pkg-config knows by this name.
    Library(&'static str),
    /// Not looked at: another version shows the same.
    None,
    /// It is LÖVE, which has threads of its own with a state each.
    Love,
}

/// All of them.
pub(crate) const ALL: &[Interpreter] = &[
    Interpreter {
        name: "lua5.1",
        feature: "lua51",
        embedding: Embedding::Library("lua5.1"),
    },
    Interpreter {
        name: "lua5.3",
        feature: "lua53",
        embedding: Embedding::None,
    },
    Interpreter {
        name: "lua5.4",
        feature: "lua54",
        embedding: Embedding::Library("lua5.4"),
    },
    Interpreter {
        name: "luajit",
        feature: "luajit",
        embedding: Embedding::Library("luajit"),
    },
    Interpreter {
        name: "love",
        feature: "luajit",
        embedding: Embedding::Love,
    },
];

impl Interpreter {
    /// What runs a program, which finds the module in the folder.
    pub(crate) fn command(&self, job: &Job<'_>, module: &Path, program: &Path) -> Command {
        let mut command = job.command(self.name);
        if self.embedding == Embedding::Love {
            // It runs folders; this one runs the program that is named after it. No screen, no sound.
            command.arg(job.root().join(FOLDER).join("programs/love"));
            command.env("SDL_VIDEODRIVER", "dummy");
            command.env("SDL_AUDIODRIVER", "dummy");
        }
        command.arg(program);
        find_module(&mut command, module);
        command
    }
}

/// Has the Lua in a program find the module in the folder, and nowhere else.
pub(crate) fn find_module(command: &mut Command, folder: &Path) {
    command.env("LUA_CPATH", folder.join("?.so"));
    // These come first where they are set.
    for version in ["5_3", "5_4"] {
        command.env_remove(format!("LUA_CPATH_{version}"));
    }
}
