//! What a large server pays for each connection, each message and each call: the workload `growth`, and
//! `bowline bench growth`, which runs it for several numbers of connections and prints a table.
//!
//! The client opens all connections and lets them rest; the server looks at its memory and processor time
//! meanwhile. Then both sides send at the same fixed rate in all, one connection after the other, so that
//! only the number of connections differs between runs. Both do so once per millisecond, as a busy game
//! loop does, while the service thread of each side does the network's part. The server takes the time of
//! every call to send and to receive, and between them that of a loop that calls nothing and takes about as
//! long: what the machine does to any program shows in both. The first message of each connection, for which
//! the allocator fetches memory from the system, is told apart from those that follow.

use std::hint::black_box;
use std::io::Write;
use std::thread;
use std::time::Duration;

use bowline::Connection;
use bowline::PollGroup;
use bowline::SendFlags;
use serde_json::Value;
use serde_json::json;

use crate::cmd::bench::Histogram;
use crate::cmd::bench::arrivals::write_stamp;
use crate::cmd::bench::options::Options;
use crate::cmd::bench::process::cpu_ns;
use crate::cmd::bench::process::now_ns;
use crate::cmd::bench::sides::run_pair;
use crate::error::Error;

/// How often each side sends and receives.
const TICK: Duration = Duration::from_millis(1);
/// The length of the loop that calls nothing: about as long as sending takes, 1 us.
const EMPTY_STEPS: u32 = 2_000;
/// No more is made up for after a pause, in seconds' worth of messages.
const MAX_LATE_S: f64 = 0.05;

/// The options of `bowline bench growth`.
#[derive(Debug, clap::Args)]
pub(crate) struct GrowthArgs {
    /// The numbers of connections.
    #[arg(long, value_delimiter = ',', default_value = "1000,10000,50000")]
    connections: Vec<usize>,
    /// Messages per second and direction, all connections together.
    #[arg(long, default_value_t = 10_000)]
    rate: usize,
    /// The size of a message in bytes.
    #[arg(long, default_value_t = 100)]
    size: usize,
    /// How long messages flow, in seconds.
    #[arg(long, default_value_t = 10.0)]
    secs: f64,
    /// How long all connections rest before that, in seconds.
    #[arg(long, default_value_t = 10.0)]
    hold: f64,
}

/// Messages at a fixed rate to many connections in turn.
#[derive(Debug)]
pub(crate) struct Load {
    rate: f64,
    message: Vec<u8>,
    window_ns: u64,
}

/// What a side did: with the first messages of all connections, and then.
#[derive(Debug)]
pub(crate) struct Work {
    first: Calls,
    then: Calls,
}

/// How many calls there were, and how long they took.
#[derive(Debug, Default)]
struct Calls {
    sent: u64,
    refused: u64,
    received: u64,
    cpu_ns: u64,
    window_ns: u64,
    send: Histogram,
    receive: Histogram,
    empty: Histogram,
}

impl Load {
    pub(crate) fn new(options: &Options) -> Result<Self, Error> {
        let rate = options.count("rate", 10_000)?;
        Ok(Self {
            rate: rate as f64,
            message: vec![0x5a; options.size()?],
            window_ns: options.secs("secs", 5.0)?.as_nanos() as u64,
        })
    }

    /// Sends and receives until the time is up, which begins when each connection has had its turn. `tick`
    /// is called in between, for what else there is to do.
    pub(crate) fn run(
        mut self,
        connections: &[Connection],
        group: &PollGroup,
        mut tick: impl FnMut(),
    ) -> Work {
        let mut turn = connections.iter().cycle();
        let round_ns = (connections.len() as f64 / self.rate * 1e9) as u64;
        let first = self.phase(round_ns, &mut turn, group, &mut tick);
        let then = self.phase(self.window_ns, &mut turn, group, &mut tick);
        Work { first, then }
    }

    fn phase<'a>(
        &mut self,
        window_ns: u64,
        turn: &mut impl Iterator<Item = &'a Connection>,
        group: &PollGroup,
        tick: &mut impl FnMut(),
    ) -> Calls {
        let mut calls = Calls::default();
        let (start_ns, start_cpu_ns) = (now_ns(), cpu_ns());
        let mut due = 0.0;
        let mut last_ns = start_ns;
        while last_ns - start_ns < window_ns {
            thread::sleep(TICK);
            let now = now_ns();
            let elapsed_s = (now - last_ns) as f64 / 1e9;
            due += self.rate * elapsed_s.min(MAX_LATE_S);
            last_ns = now;
            while due >= 1.0 {
                due -= 1.0;
                let Some(connection) = turn.next() else { break };
                calls.send(connection, &mut self.message, now);
            }
            calls.receive_all(group);
            tick();
        }
        calls.window_ns = now_ns() - start_ns;
        calls.cpu_ns = cpu_ns() - start_cpu_ns;
        calls
    }
}

impl Calls {
    fn send(&mut self, connection: &Connection, message: &mut [u8], now: u64) {
        self.time_empty_loop();
        write_stamp(message, now, self.sent);
        let before = now_ns();
        let result = connection.send(message, SendFlags::RELIABLE);
        self.send.record(now_ns() - before);
        match result {
            Ok(_) => self.sent += 1,
            Err(_) => self.refused += 1,
        }
    }

    fn receive_all(&mut self, group: &PollGroup) {
        loop {
            let before = now_ns();
            let message = group.receive();
            self.receive.record(now_ns() - before);
            if message.is_none() {
                return;
            }
            self.received += 1;
        }
    }

    fn time_empty_loop(&mut self) {
        let before = now_ns();
        for step in 0..EMPTY_STEPS {
            black_box(step);
        }
        self.empty.record(now_ns() - before);
    }

    fn json(&self) -> Value {
        let messages = self.sent + self.received;
        json!({
            "sent": self.sent,
            "refused": self.refused,
            "received": self.received,
            "window_s": self.window_ns as f64 / 1e9,
            "cpu_s": self.cpu_ns as f64 / 1e9,
            "cpu_us_per_message": self.cpu_ns as f64 / 1e3 / messages as f64,
            "send_us": self.send.summary_us(),
            "receive_us": self.receive.summary_us(),
            "empty_us": self.empty.summary_us(),
        })
    }
}

impl Work {
    pub(crate) fn json(&self) -> Value {
        let mut json = self.then.json();
        json["first"] = self.first.json();
        json
    }
}

/// `bowline bench growth`: server and client as processes of their own for each number of connections.
pub(crate) fn run(args: &GrowthArgs) -> Result<Value, Error> {
    let mut rows = Vec::new();
    for count in &args.connections {
        let words = format!(
            "--workload growth --clients {count} --rate {} --size {} --secs {} --hold {}",
            args.rate, args.size, args.secs, args.hold,
        );
        let (client, server) = run_pair(&words)?;
        let lost = &client["lost_connections"];
        if *lost != json!(0) {
            return Err(Error::Other(format!(
                "{lost} of {count} connections were lost"
            )));
        }
        rows.push(json!({ "connections": count, "server": server, "client": client }));
    }
    let result = json!({ "rate": args.rate, "size": args.size, "runs": rows });
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", table(&result)).map_err(Error::Output)?;
    Ok(result)
}

/// The runs as a table in Markdown, as the server saw them.
fn table(result: &Value) -> String {
    let mut text = String::from(
        "| connections | KiB each | idle CPU % | CPU us per message | call | p50 us | p99 | p99.99 | max |\n\
         |---|---|---|---|---|---|---|---|---|\n",
    );
    for run in result["runs"].as_array().into_iter().flatten() {
        let server = &run["server"];
        let growth = number(&server["rss_peak_kb"]) - number(&server["rss_base_kb"]);
        let each = growth / number(&run["connections"]);
        let first = format!(
            "{} | {each:.2} | {:.2} | {:.2}",
            run["connections"],
            number(&server["idle_cpu_pct"]),
            number(&server["cpu_us_per_message"]),
        );
        let times = [
            ("first send", &first[..], &server["first"]["send_us"]),
            ("send", " | | | ", &server["send_us"]),
            ("receive", " | | | ", &server["receive_us"]),
            ("empty loop", " | | | ", &server["empty_us"]),
        ];
        for (call, first, times) in times {
            let [p50, p99, p9999, max] =
                ["p50", "p99", "p9999", "max"].map(|key| number(&times[key]));
            text +=
                &format!("| {first} | {call} | {p50:.2} | {p99:.2} | {p9999:.1} | {max:.0} |\n");
        }
    }
    text
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_tells_memory_cost_and_times_of_each_run() {
        let times = json!({ "p50": 0.5, "p99": 1.25, "p9999": 30.04, "max": 99.6 });
        let server = json!({
            "rss_base_kb": 1000,
            "rss_peak_kb": 4000,
            "idle_cpu_pct": 0.125,
            "cpu_us_per_message": 2.5,
            "first": { "send_us": times },
            "send_us": times,
            "receive_us": times,
            "empty_us": times,
        });
        let text = table(&json!({ "runs": [{ "connections": 1000, "server": server }] }));
        let rows = text.lines().skip(2).collect::<Vec<_>>();
        assert_eq!(
            rows,
            [
                "| 1000 | 3.00 | 0.12 | 2.50 | first send | 0.50 | 1.25 | 30.0 | 100 |",
                "|  | | |  | send | 0.50 | 1.25 | 30.0 | 100 |",
                "|  | | |  | receive | 0.50 | 1.25 | 30.0 | 100 |",
                "|  | | |  | empty loop | 0.50 | 1.25 | 30.0 | 100 |",
            ]
        );
        let columns = |row: &str| row.matches('|').count();
        assert!(text.lines().all(|row| columns(row) == 10), "{text}");
    }
}
