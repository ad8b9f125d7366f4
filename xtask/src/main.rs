//! Development commands of the Bowline repository: `cargo xtask COMMAND`.
#![allow(clippy::print_stdout, clippy::print_stderr)] // A command-line tool talks on its terminal.

use std::path::Path;
use std::process::ExitCode;

mod bench_vs;
mod capi;
mod check;
mod ci;
mod codegen;
mod concurrency;
mod counts;
mod deps;
mod fuzz;
mod install;
mod interop;
mod lua;
mod nat_matrix;
mod nightly;
mod stage;
mod toolchain;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  ci [STAGE...]        every check of a change but `cargo test --workspace`, with a table at the end
  nightly [STAGE...]   what takes too long for each change
  check                rules on the repository's files that no compiler checks
  coverage             writes docs/api-coverage.md, which `check` holds against the sources
  deps                 tells whether what a game builds pulls in what it must not
  fuzz [ARG...]        runs the fuzz targets; ARG: --minutes M, --seconds S, --keep, names of targets
  interop [ARG...]     tests against live GameNetworkingSockets peers; ARG goes to the test program
  lua [OPTION...]      runs Lua programs with the module under every interpreter, 20 times in a row; OPTION:
                       --programs DIR (of server.lua and client.lua), --runs N, --only INTERPRETER
  lua bench            measures how fast the Lua module receives, in LuaJIT
  nat-matrix [OPTION...] connects peers through real NATs, in network namespaces; OPTION: --only TEXT (of cells
                       with it in their names), --json, --program BOWLINE; --theory alone prints what is expected
  bench-vs [OPTION...] measures Bowline beside other libraries and writes docs/benchmarks.md; OPTION:
                       --secs S, --repeat N, --only NAMES (then the page stays as it is)
  install --prefix DIR [OPTION...] builds the C library and installs it with its headers; OPTION:
                       --target TRIPLE, --debug, --gns-1-4, --shared-only, --static-only
  counts [--update]    counts instructions of the hot pieces against bench/counts.txt, or writes it
  codegen [--check]    writes the generated protobuf code, or tells whether it is stale";

/// What a command ends with: any error, as text for the terminal.
type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[&str]) -> Result {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .ok_or("xtask stands in the repository's root")?;
    match args {
        ["ci", stages @ ..] => stage::run_all(root, ci::STAGES, stages, ci::TOTAL_BUDGET),
        ["nightly", stages @ ..] => {
            stage::run_all(root, nightly::STAGES, stages, nightly::TOTAL_BUDGET)
        }
        ["check"] => check::run(root),
        ["coverage"] => check::coverage::write(root),
        ["deps"] => deps::run(root),
        ["fuzz", args @ ..] => fuzz::run(root, args),
        ["interop", args @ ..] => interop::run(root, args),
        ["lua", args @ ..] => lua::run(root, args),
        ["nat-matrix", args @ ..] => nat_matrix::run(root, args),
        [nat_matrix::INSIDE, args @ ..] => nat_matrix::run_inside(root, args),
        ["install", args @ ..] => install::run(root, args),
        ["bench-vs", args @ ..] => bench_vs::run(root, args),
        ["counts"] => counts::run(root, false),
        ["counts", "--update"] => counts::run(root, true),
        ["codegen"] => codegen::run(root, false),
        ["codegen", "--check"] => codegen::run(root, true),
        _ => Err(USAGE.into()),
    }
}
