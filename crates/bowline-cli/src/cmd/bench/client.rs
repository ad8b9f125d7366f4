//! The client's side of every workload.

use std::collections::HashMap;
use std::time::Duration;

use bowline::Connection;
use bowline::EndReason;
use bowline::LaneConfig;
use bowline::LaneIndex;
use bowline::SendError;
use bowline::SendFlags;
use bowline::SendOptions;
use serde_json::Value;
use serde_json::json;

use crate::cmd::bench::Histogram;
use crate::cmd::bench::arrivals::Arrivals;
use crate::cmd::bench::arrivals::Counting;
use crate::cmd::bench::arrivals::read_stamp;
use crate::cmd::bench::arrivals::write_stamp;
use crate::cmd::bench::dialer::Change;
use crate::cmd::bench::dialer::Dialer;
use crate::cmd::bench::dialer::OPEN_AT_A_TIME;
use crate::cmd::bench::dialer::OPEN_LIMIT_NS;
use crate::cmd::bench::dialer::failed;
use crate::cmd::bench::growth::Load;
use crate::cmd::bench::options::Options;
use crate::cmd::bench::options::Rate;
use crate::cmd::bench::options::Workload;
use crate::cmd::bench::paced::Stream;
use crate::cmd::bench::paced::Uplink;
use crate::cmd::bench::process::cpu_ns;
use crate::cmd::bench::process::now_ns;
use crate::cmd::bench::process::rss_kb;
use crate::error::Error;

/// Messages of a flood that share a reading of the clock.
const FLOOD_BATCH: usize = 32;
/// How long a flood goes on after the window, so that its receiver sees the end.
const FLOOD_TAIL_NS: u64 = 200_000_000;
/// How long the paced workload goes on after the window, so that late messages arrive.
const PACED_TAIL_NS: u64 = 3_000_000_000;
/// How long connections stay after a fixed load, so that the server sees the end.
const GROWTH_TAIL: Duration = Duration::from_millis(500);
/// How long an unreliable ping is waited for.
const PING_LIMIT_NS: u64 = 200_000_000;
/// Runs the workload.
pub(crate) fn run(options: &Options) -> Result<Value, Error> {
    let workload = options.workload()?;
    let dialer = Dialer::new(options)?;
    match workload {
        Workload::Flood => flood(&dialer, options),
        Workload::Ping => ping(&dialer, options),
        Workload::Connect => connect(&dialer, options),
        Workload::Idle => idle(&dialer, options),
        Workload::Paced => paced(&dialer, options),
        Workload::Growth => growth(&dialer, options),
    }
}

fn flood(dialer: &Dialer, options: &Options) -> Result<Value, Error> {
    let send_options = if options.is_reliable()? {
        SendOptions::reliable()
    } else {
        SendOptions::unreliable()
    };
    let window_ns = options.secs("secs", 5.0)?.as_nanos() as u64;
    let connection = dialer.open_one()?;
    let rate = options.rate("stream")?;
    let send_options = send_options.lane(bulk_lane(&connection, rate)?);
    let mut message = vec![0x5a; options.size()?];
    let mut number = 0;
    let mut at_end = None;
    let (start_ns, start_cpu_ns) = (now_ns(), cpu_ns());
    let mut stream = Stream::new(rate, start_ns, SendFlags::UNRELIABLE_NO_NAGLE);
    let mut is_up = true;
    while is_up {
        let elapsed_ns = now_ns() - start_ns;
        if elapsed_ns > window_ns && at_end.is_none() {
            at_end = Some((number, cpu_ns()));
        }
        if elapsed_ns > window_ns + FLOOD_TAIL_NS {
            break;
        }
        if let Some(message) = stream.next(now_ns()) {
            // What finds no room is missing at the server.
            let _ = connection.send(message, SendFlags::UNRELIABLE_NO_NAGLE);
        }
        match send_burst(&connection, &mut message, &mut number, send_options) {
            Ok(()) => {}
            Err(SendError::BufferFull { .. }) => {
                dialer.wait_until(stream.next_ns());
                is_up = !dialer
                    .changes()
                    .any(|change| matches!(change, Change::Down(_)));
            }
            Err(SendError::WrongState(_) | SendError::NoSuchConnection(_)) => is_up = false,
            Err(error) => return Err(error.into()),
        }
    }
    let (sent, end_cpu_ns) = at_end.unwrap_or_else(|| (number, cpu_ns()));
    Ok(json!({
        "sent": sent,
        "cpu_s": (end_cpu_ns - start_cpu_ns) as f64 / 1e9,
        "dropped_connection": !is_up,
    }))
}

/// The lane of a flood: below that of the stream beside it, if there is one.
fn bulk_lane(connection: &Connection, stream: Rate) -> Result<LaneIndex, Error> {
    if stream.hz == 0.0 {
        return Ok(LaneIndex::ZERO);
    }
    connection
        .configure_lanes(&[LaneConfig::new(0, 1), LaneConfig::new(1, 1)])
        .map_err(|error| failed(&error.to_string()))?;
    Ok(LaneIndex::new(1))
}

fn send_burst(
    connection: &Connection,
    message: &mut [u8],
    number: &mut u64,
    options: SendOptions,
) -> Result<(), SendError> {
    let now = now_ns();
    for _ in 0..FLOOD_BATCH {
        write_stamp(message, now, *number);
        connection.send_with(&*message, options)?;
        *number += 1;
    }
    Ok(())
}

fn ping(dialer: &Dialer, options: &Options) -> Result<Value, Error> {
    let is_reliable = options.is_reliable()?;
    let flags = if is_reliable {
        SendFlags::RELIABLE_NO_NAGLE
    } else {
        SendFlags::UNRELIABLE_NO_NAGLE
    };
    let window_ns = options.secs("secs", 5.0)?.as_nanos() as u64;
    let connection = dialer.open_one()?;
    let mut message = vec![0; options.size()?];
    let mut round_trips = Histogram::default();
    let mut lost = 0;
    let start_cpu_ns = cpu_ns();
    let end_ns = now_ns() + window_ns;
    let mut number = 0;
    let mut sent_ns = now_ns();
    while sent_ns < end_ns {
        write_stamp(&mut message, sent_ns, number);
        connection.send(&message, flags)?;
        let patience_ns = if is_reliable {
            OPEN_LIMIT_NS
        } else {
            PING_LIMIT_NS
        };
        match wait_echo(dialer, &connection, number, sent_ns + patience_ns) {
            Some(now) => round_trips.record(now - sent_ns),
            None if is_reliable => return Err(failed("a reliable message was not answered")),
            None => lost += 1,
        }
        number += 1;
        sent_ns = now_ns();
    }
    Ok(json!({
        "rtt_us": round_trips.summary_us(),
        "lost": lost,
        "cpu_s": (cpu_ns() - start_cpu_ns) as f64 / 1e9,
    }))
}

/// Waits for the echo with this number, and tells when it was there; `None` if it does not come.
fn wait_echo(dialer: &Dialer, connection: &Connection, number: u64, end_ns: u64) -> Option<u64> {
    loop {
        while let Ok(Some(message)) = connection.receive() {
            if read_stamp(&message).is_some_and(|(_, echoed)| echoed == number) {
                return Some(now_ns());
            }
        }
        let has_ended = dialer
            .changes()
            .any(|change| matches!(change, Change::Down(_)));
        if has_ended || now_ns() > end_ns {
            return None;
        }
        dialer.wait_until(end_ns);
    }
}

fn connect(dialer: &Dialer, options: &Options) -> Result<Value, Error> {
    let window_ns = options.secs("secs", 5.0)?.as_nanos() as u64;
    let at_a_time = options.count("inflight", 1)?;
    let mut setup = Histogram::default();
    let mut pending = HashMap::new();
    let (mut connects, mut failures) = (0u64, 0u64);
    let (start_ns, start_cpu_ns) = (now_ns(), cpu_ns());
    let end_ns = start_ns + window_ns;
    while now_ns() < end_ns {
        while pending.len() < at_a_time {
            let at_ns = now_ns();
            pending.insert(dialer.dial()?.id(), at_ns);
        }
        dialer.wait_until(end_ns);
        for change in dialer.changes() {
            match change {
                Change::Up(connection) => {
                    if let Some(at_ns) = pending.remove(&connection.id()) {
                        setup.record(now_ns() - at_ns);
                        connects += 1;
                    }
                    // Fails only if it has been closed already.
                    let _ = connection.close(EndReason::APP_GENERIC, "", false);
                }
                Change::Down(connection) => {
                    failures += u64::from(pending.remove(&connection.id()).is_some());
                }
            }
        }
    }
    Ok(json!({
        "connects": connects,
        "failed": failures,
        "setup_us": setup.summary_us(),
        "window_s": (now_ns() - start_ns) as f64 / 1e9,
        "cpu_s": (cpu_ns() - start_cpu_ns) as f64 / 1e9,
    }))
}

fn idle(dialer: &Dialer, options: &Options) -> Result<Value, Error> {
    let count = options.count("clients", 1000)?;
    let start_ns = now_ns();
    let (connections, times) =
        dialer.open_timed(count, options.count("inflight", OPEN_AT_A_TIME)?)?;
    let up_ns = now_ns();
    let lost = dialer.hold(options.secs("hold", 6.0)?);
    Ok(json!({
        "clients": connections.len(),
        "lost_connections": lost,
        "setup_s": (up_ns - start_ns) as f64 / 1e9,
        "setup_us": times.summary_us(),
        "rss_kb": rss_kb(),
    }))
}

fn growth(dialer: &Dialer, options: &Options) -> Result<Value, Error> {
    let load = Load::new(options)?;
    let connections = dialer.open(options.count("clients", 1000)?)?;
    let group = dialer.group(&connections)?;
    let mut lost = dialer.hold(options.secs("hold", 6.0)?);
    let work = load.run(&connections, &group, || lost += dialer.lost());
    lost += dialer.hold(GROWTH_TAIL);
    let mut json = work.json();
    json["lost_connections"] = json!(lost);
    json["rss_kb"] = json!(rss_kb());
    Ok(json)
}

fn paced(dialer: &Dialer, options: &Options) -> Result<Value, Error> {
    let window = options.secs("secs", 5.0)?;
    let window_ns = window.as_nanos() as u64;
    let connections = dialer.open(options.count("clients", 200)?)?;
    let group = dialer.group(&connections)?;
    let mut arrivals = Arrivals::new(Counting::Sent, window);
    let mut messages = Vec::new();
    let (start_ns, start_cpu_ns) = (now_ns(), cpu_ns());
    let mut uplink = Uplink::new(options, &connections, start_ns)?;
    let (mut sent, mut end_cpu_ns, mut lost) = (0, None, 0);
    loop {
        let now = now_ns();
        let elapsed_ns = now - start_ns;
        if elapsed_ns > window_ns + PACED_TAIL_NS {
            break;
        }
        let (count, next_ns) = uplink.send_due(now);
        if elapsed_ns <= window_ns {
            sent += count;
        } else {
            end_cpu_ns.get_or_insert_with(cpu_ns);
        }
        dialer.wait_until(next_ns);
        while group.receive_batch(&mut messages, 256) > 0 {
            arrivals.count(now_ns(), &messages);
            messages.clear();
        }
        lost += dialer.lost();
    }
    let mut json = arrivals.json();
    json["sent"] = json!(sent);
    json["lost_connections"] = json!(lost);
    json["cpu_s"] = json!((end_cpu_ns.unwrap_or_else(cpu_ns) - start_cpu_ns) as f64 / 1e9);
    Ok(json)
}
