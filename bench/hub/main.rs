//! What a hub bears: `cargo run --release -p bowline-bench --bin hub-load`.
//!
//! The hub is a process of its own. From this one come clients that speak its protocol on real connections, with as
//! little around them as can be: they sign in by their word, each as somebody else and with a request for a certificate,
//! stay silent for a while, and then send signals to each other at a steady rate. Before all that two interfaces as a game has
//! them connect by identity. docs/benchmarks.md has the results.
//!
//! ```text
//! hub-load [--connects N] [--sessions N] [--rate SIGNALS_PER_SECOND] [--seconds N]
//! ```
#![allow(clippy::print_stdout, clippy::print_stderr)] // A command-line tool talks on its terminal.

#[cfg(target_os = "linux")]
mod clients;
#[cfg(target_os = "linux")]
mod connect;
#[cfg(target_os = "linux")]
mod report;
#[cfg(target_os = "linux")]
mod serve;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let result = match args[..] {
        ["serve"] => serve::serve(),
        _ => report::run(&args),
    };
    match result {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            std::process::ExitCode::FAILURE
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("the measurement reads /proc: it needs Linux");
}
