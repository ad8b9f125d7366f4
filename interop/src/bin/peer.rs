//! One library as a program, to be talked to and killed.
//!
//! `peer LIBRARY server` prints `LISTENING ADDRESS` and echoes each message on its lane
//! with its reliability; `peer LIBRARY client ADDRESS` dials and does the same. Both run
//! until they are killed. `peer LIBRARY ... loss PERCENT` loses packets each way, which only
//! GNS can.

use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use bowline_interop::gns::{Conditions, impair};
use bowline_interop::host::{Change, Host, Lane, Link, Options, Outgoing, SendRefused, State};
use bowline_interop::pair::Library;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let Some((library, role)) = args.split_first() else {
        return usage();
    };
    let Some(library) = Library::named(library) else {
        return usage();
    };
    let role = match role {
        [role @ .., "loss", percent] => {
            let Ok(loss_pct) = percent.parse() else {
                return usage();
            };
            impair(&Conditions {
                loss_pct,
                lag_ms: 0,
                reorder_pct: 0.0,
                reorder_ms: 0,
                duplicate_pct: 0.0,
            });
            role
        }
        role => role,
    };
    let mut host = library.start(None).host;
    match role {
        ["server"] => {
            let address = host.listen(&Options::default());
            say(&format!("LISTENING {address}"));
        }
        ["client", address] => {
            let Ok(address) = address.parse() else {
                return usage();
            };
            host.connect(address, &Options::default());
        }
        _ => return usage(),
    }
    echo_forever(host.as_mut())
}

fn usage() -> ExitCode {
    say("usage: peer LIBRARY server | peer LIBRARY client ADDRESS; either with loss PERCENT");
    ExitCode::FAILURE
}

#[allow(clippy::print_stdout, reason = "it is how the program answers")]
fn say(text: &str) {
    println!("{text}");
}

fn echo_forever(host: &mut dyn Host) -> ! {
    let mut links = Vec::new();
    loop {
        let mut changes = Vec::new();
        host.changes(&mut changes);
        for change in changes {
            on_change(host, &mut links, &change);
        }
        for &link in &links {
            echo(host, link);
        }
        thread::sleep(Duration::from_millis(1));
    }
}

fn on_change(host: &mut dyn Host, links: &mut Vec<Link>, change: &Change) {
    match change.new {
        State::Connecting if change.incoming => host.accept(change.link),
        State::Connected => {
            host.configure_lanes(
                change.link,
                &[Lane {
                    priority: 0,
                    weight: 1,
                }; 8],
            );
            links.push(change.link);
        }
        State::ClosedByPeer | State::ProblemDetectedLocally => {
            links.retain(|&link| link != change.link);
            host.close(change.link, 0, "", false);
        }
        State::Connecting
        | State::Dead
        | State::FinWait
        | State::FindingRoute
        | State::Linger
        | State::None => {}
    }
}

fn echo(host: &mut dyn Host, link: Link) {
    let mut messages = Vec::new();
    host.receive(link, &mut messages);
    for message in messages {
        let Some(lane) = Some(message.lane).filter(|&lane| lane < 8) else {
            continue;
        };
        let echo = Outgoing {
            data: &message.data,
            lane,
            reliable: message.reliable,
            no_nagle: true,
        };
        while host.send(link, &echo) == Err(SendRefused::Full) {
            thread::sleep(Duration::from_millis(1));
        }
    }
}
