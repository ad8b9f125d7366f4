//! `bowline demo`: one server and several clients over loopback, every message checked; then a hub, and players who find
//! each other by their names.
//!
//! ```text
//! traffic   what the messages look like, and checking those that arrive
//! server    the server's thread
//! client    the thread of one client
//! board     what the threads tell of their progress
//! verdict   whether all went well
//! identities  the second act, with the feature `hub`: a hub, and players who know only names
//! report    tables and JSON
//! ```

mod board;
mod client;
#[cfg(feature = "hub")]
mod identities;
mod report;
mod server;
mod traffic;
mod verdict;

use std::io;
use std::io::IsTerminal;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use bowline::ServiceMode;
use bowline::Sockets;

use crate::cmd::demo::board::Board;
use crate::cmd::demo::board::Row;
use crate::cmd::demo::board::Stage;
use crate::cmd::demo::report::Report;
use crate::cmd::demo::verdict::Verdict;
use crate::error::Error;
use crate::stop::Stop;

/// The arguments of `bowline demo`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many clients.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=128))]
    pub(crate) clients: u16,
    /// How long messages flow, in seconds.
    #[arg(long, default_value_t = 5.0, value_parser = parse_secs)]
    pub(crate) secs: f64,
    /// Print progress and result as JSON, one object per line.
    #[arg(long)]
    pub(crate) json: bool,
}

/// How long all clients together may take to connect.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// How long what was sent may take to arrive.
const DRAIN_LIMIT: Duration = Duration::from_secs(5);
/// How often the display is brought up to date.
const DISPLAY_EVERY: Duration = Duration::from_millis(100);

/// Runs the demo; the exit code tells whether all messages arrived as promised.
pub(crate) fn run(args: &Args) -> Result<ExitCode, Error> {
    let stop = Stop::on_signal()?;
    let sockets = Sockets::builder().service(ServiceMode::Manual).build()?;
    let listener = sockets.listen(([127, 0, 0, 1], 0).into())?;
    let addr = listener.local_addr();
    let is_live = !args.json && io::stdout().is_terminal();
    let mut report = Report::new(args.json, is_live);
    report.introduce(args, addr)?;

    let clients = usize::from(args.clients);
    let board = Board::new(clients);
    let watched = thread::scope(|scope| {
        scope.spawn(|| server::run(&sockets, &board));
        for index in 0..clients {
            let board = &board;
            scope.spawn(move || client::run(index, addr, board));
        }
        let watched = watch(args, &board, &mut report, &stop);
        // Whatever happened, the threads end now.
        board.set_stage(Stage::Close);
        watched
    });
    watched?;
    let rows = board.rows();
    let verdict = Verdict::of(&rows);
    report.conclude(&rows, &verdict)?;
    let is_passed = verdict.is_passed();
    #[cfg(feature = "hub")]
    let is_passed = is_passed & second_act(&report, &stop)?;
    Ok(if is_passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Tells whether it went well.
#[cfg(feature = "hub")]
fn second_act(report: &Report, stop: &Stop) -> Result<bool, Error> {
    let act = identities::run(stop);
    report.conclude_identities(&act)?;
    Ok(act.is_passed())
}

/// Leads the threads through the stages and shows how they do.
fn watch(args: &Args, board: &Board, report: &mut Report, stop: &Stop) -> Result<(), Error> {
    let start = Instant::now();
    let is_stuck = |rows: &[Row]| rows.iter().any(|row| row.problem.is_some());
    let mut show_until = |limit: Duration, is_done: &dyn Fn(&[Row]) -> bool| {
        let end = Instant::now() + limit;
        loop {
            let rows = board.rows();
            report.progress(start.elapsed(), &rows)?;
            let is_over = Instant::now() >= end || stop.is_set();
            if is_over || is_done(&rows) || is_stuck(&rows) {
                return Ok::<(), Error>(());
            }
            let left = end.saturating_duration_since(Instant::now());
            thread::sleep(left.min(DISPLAY_EVERY));
        }
    };
    show_until(CONNECT_LIMIT, &|rows| {
        rows.iter().all(|row| row.is_connected)
    })?;
    board.set_stage(Stage::Traffic);
    show_until(Duration::from_secs_f64(args.secs), &|_| false)?;
    board.set_stage(Stage::Drain);
    // The counts of what was sent are final only when the threads have seen the stage.
    thread::sleep(2 * board::PUBLISH_EVERY);
    show_until(DRAIN_LIMIT, &|rows| rows.iter().all(Row::is_complete))
}

fn parse_secs(text: &str) -> Result<f64, String> {
    let secs = text
        .parse::<f64>()
        .ok()
        .filter(|secs| (0.1..=86_400.0).contains(secs));
    secs.ok_or_else(|| "expected seconds from 0.1 to 86400".to_owned())
}
