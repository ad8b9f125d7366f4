//! Does one hot piece of the protocol once it is warm, for a tool that counts instructions:
//! `cargo xtask counts` starts it under valgrind, which counts within `measured`.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool talks on its terminal"
)]

use std::process::ExitCode;

use bowline_bench::pieces::PIECES;

/// Rounds before the one that counts: buffers have grown, and paths and rates are known.
const WARM_UP: usize = 3;

fn main() -> ExitCode {
    let Some(name) = std::env::args().nth(1) else {
        for piece in PIECES {
            println!("{}", piece.name);
        }
        return ExitCode::SUCCESS;
    };
    let Some(piece) = PIECES.iter().find(|piece| piece.name == name) else {
        eprintln!("there is no piece {name:?}");
        return ExitCode::FAILURE;
    };
    let mut work = (piece.prepare)();
    for _ in 0..WARM_UP {
        work();
    }
    measured(&mut work);
    ExitCode::SUCCESS
}

/// A function of its own, whose name tells the counting tool when to count.
#[inline(never)]
fn measured(work: &mut dyn FnMut()) {
    work();
}
