//! What strangers and evil peers can make a server do: `cargo run --release -p bowline-bench --bin abuse`.
//!
//! A server in a process of its own, bound to one core, echoes what sixteen players send it thirty times a
//! second. From the other core comes a flood of one kind at a time. Told is what a packet of the flood costs
//! the server in CPU, memory and replies, and what the players notice. docs/abuse.md has the results.
//!
//! ```text
//! abuse [--rate PACKETS_PER_SECOND] [--seconds N] [KIND...]
//! ```
#![allow(clippy::print_stdout, clippy::print_stderr)] // A command-line tool talks on its terminal.

#[cfg(target_os = "linux")]
mod evil;
#[cfg(target_os = "linux")]
mod flood;
#[cfg(target_os = "linux")]
mod junk;
#[cfg(target_os = "linux")]
mod players;
#[cfg(target_os = "linux")]
mod report;
#[cfg(target_os = "linux")]
mod server;
#[cfg(target_os = "linux")]
mod source;

#[cfg(target_os = "linux")]
use bowline_bench::Result;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let result = match args[..] {
        ["serve"] => server::serve(),
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
    eprintln!("the measurement reads /proc and binds threads to cores: it needs Linux");
}
