//! `bowline abi-lint`: whether a program built for GameNetworkingSockets finds what it needs in our
//! library, and which generation of the interface it was built for.
//!
//! What a program asks of a library stands in its file, as names: the linker's imports, and for programs
//! that look names up while they run (C#, Delphi, plug-ins) texts. [`program`] reads these out of the
//! formats of all systems, [`exports`] knows the names that the library has and since when
//! GameNetworkingSockets has them, [`findings`] lays one beside the other, and [`generation`] weighs what
//! the names tell of the one thing that names cannot: how many arguments the caller of `SendMessages`
//! passes. What cannot be told is said to be unknown, with what to ask whoever built the program.

mod exports;
mod findings;
mod generation;
mod program;
mod view;

use std::path::PathBuf;
use std::process::ExitCode;

pub(crate) use self::program::ProgramError;
use crate::cmd::abi_lint::findings::Findings;
use crate::cmd::abi_lint::program::Program;
use crate::error::Error;
use crate::view::json_line;

/// The arguments of `bowline abi-lint`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A program, a shared or static library, or an object file, of any system.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// One JSON object on standard output.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Tells what the file needs. The exit code is 0 if the library has it all, 1 if something is missing,
/// and 2 (see [`Error::exit_code`]) if the file cannot be read.
pub(crate) fn run(args: &Args) -> Result<ExitCode, Error> {
    let program = Program::read(&args.file).map_err(|source| Error::Program {
        path: args.file.clone(),
        source,
    })?;
    let findings = Findings::of(&program);
    if args.json {
        json_line(&view::json(&args.file, &findings))?;
    } else {
        view::print(&args.file, &findings).map_err(Error::Output)?;
    }
    Ok(if findings.missing().next().is_none() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
