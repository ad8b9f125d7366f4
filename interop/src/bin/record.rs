//! Records sessions with the original as test data for the core.
//!
//! `record FOLDER` writes one JSON file per session; the core's test `recorded` reads
//! them. The sessions are short, but contain each kind of packet and of frame.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use std::{env, fs, io};

use bowline_interop::gns::{Conditions, impair};
use bowline_interop::host::{Lane, Options};
use bowline_interop::pair::{Ends, Library, PROMPT, Pair};
use bowline_interop::recording::Recording;
use bowline_interop::traffic::{Planned, exchange};

fn main() -> ExitCode {
    let Some(folder) = env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: record FOLDER");
        return ExitCode::FAILURE;
    };
    for session in SESSIONS {
        if let Err(error) = record(&folder, session) {
            eprintln!("{}: {error}", session.name);
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// A session to record.
struct Session {
    name: &'static str,
    we_dial: bool,
    options: Options,
    conditions: Conditions,
    /// How long nothing is said before the end, in seconds.
    idle_s: u64,
}

const SESSIONS: &[Session] = &[
    // Long enough idle for a keepalive and for the first statistics.
    Session {
        name: "dialling_original",
        we_dial: true,
        options: NORMAL,
        conditions: GOOD,
        idle_s: 34,
    },
    Session {
        name: "dialled_by_original",
        we_dial: false,
        options: NORMAL,
        conditions: GOOD,
        idle_s: 0,
    },
    Session {
        name: "original_under_loss",
        we_dial: true,
        options: NORMAL,
        conditions: BAD,
        idle_s: 0,
    },
    Session {
        name: "original_unencrypted",
        we_dial: false,
        options: Options {
            unencrypted: Some(3),
            ..NORMAL
        },
        conditions: GOOD,
        idle_s: 0,
    },
];

const NORMAL: Options = Options {
    send_rate: Some(1_000_000),
    send_buffer: None,
    recv_buffer: None,
    recv_buffer_messages: None,
    timeout_initial_ms: None,
    timeout_connected_ms: None,
    nagle_time_us: None,
    mtu: None,
    unencrypted: None,
    time_since_previous: None,
};

const GOOD: Conditions = Conditions {
    loss_pct: 0.0,
    lag_ms: 0,
    reorder_pct: 0.0,
    reorder_ms: 15,
    duplicate_pct: 0.0,
};

const BAD: Conditions = Conditions {
    loss_pct: 20.0,
    lag_ms: 5,
    reorder_pct: 10.0,
    reorder_ms: 15,
    duplicate_pct: 5.0,
};

fn record(folder: &Path, session: &Session) -> io::Result<()> {
    impair(&session.conditions);
    let (recording, ours) = Recording::start(None);
    let gns = Library::Gns.start(None);
    let (client, server) = if session.we_dial {
        (ours, gns)
    } else {
        (gns, ours)
    };
    let mut pair = Pair::of(client, server, &session.options);
    let ends = pair.connect(&session.options);
    let plan = talk(&mut pair, ends);
    pair.run_for(Duration::from_secs(session.idle_s));
    let gns_side = if session.we_dial {
        &mut pair.server
    } else {
        &mut pair.client
    };
    let gns_link = if session.we_dial {
        ends.server
    } else {
        ends.client
    };
    gns_side.host.close(gns_link, 1234, "that was all", false);
    pair.run_for(Duration::from_millis(100));
    let text = recording.to_json(session.we_dial, &plan, &plan).to_string();
    // One datagram per line keeps changes readable.
    let text = text.replace("},{", "},\n{") + "\n";
    fs::write(folder.join(session.name).with_extension("json"), text)
}

/// Both ends send messages of all kinds on several lanes.
fn talk(pair: &mut Pair, ends: Ends) -> Vec<Planned> {
    pair.client.host.configure_lanes(
        ends.client,
        &[Lane {
            priority: 0,
            weight: 1,
        }; 8],
    );
    pair.server.host.configure_lanes(
        ends.server,
        &[Lane {
            priority: 0,
            weight: 1,
        }; 8],
    );
    let sizes = [
        7, 9, 8, 5000, 3000, 0, 31, 32, 700, 600, 1200, 20, 2000, 100,
    ];
    let plan: Vec<Planned> = (0..28)
        .map(|index: u64| Planned {
            id: index + 1,
            size: sizes[index as usize % sizes.len()],
            lane: [0, 0, 0, 0, 0, 1, 7][index as usize % 7],
            reliable: index % 2 == 1,
        })
        .collect();
    exchange(pair, ends, &plan, &plan, 4 * PROMPT);
    plan
}
