//! The program `bowline-hub`.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    bowline_hub::program::main()
}
