//! Handles the inputs of the fuzz targets: lists, unpacks, packs and replays them.
//!
//! `cargo xtask fuzz` uses it; so does whoever looks into a finding. It needs no fuzzer.
#![allow(clippy::print_stdout, clippy::print_stderr)] // A command-line tool talks on its terminal.

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use bowline_fuzz::targets::{self, TARGETS, Target};
use bowline_fuzz::{corpus, story};

const USAGE: &str = "\
usage: bowline-fuzz COMMAND

  list                    the targets, each with the longest input that is worth trying
  unpack TARGET FOLDER    writes seeds, corpus and regressions of a target into a folder
  pack TARGET FOLDER      makes the files of a folder the corpus of a target
  replay TARGET FILE...   runs inputs, and tells what happens in them";

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

fn run(args: &[&str]) -> Result<(), Box<dyn Error>> {
    match args {
        ["list"] => {
            for target in TARGETS {
                println!("{} {}", target.name, target.max_len);
            }
        }
        ["unpack", name, folder] => corpus::unpack(find(name)?, Path::new(folder))?,
        ["pack", name, folder] => {
            let count = corpus::pack(find(name)?, Path::new(folder))?;
            println!("{name}: {count} inputs");
        }
        ["replay", name, files @ ..] => {
            story::begin();
            for file in files {
                println!("{file}");
                (find(name)?.run)(&std::fs::read(file)?);
            }
        }
        _ => return Err(USAGE.into()),
    }
    Ok(())
}

fn find(name: &str) -> Result<&'static Target, String> {
    targets::find(name).ok_or_else(|| format!("there is no target {name}: see `list`"))
}
