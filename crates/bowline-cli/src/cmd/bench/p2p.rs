//! `bowline bench p2p`: what a connection between peers costs beside one by address. Runs the workloads of
//! `bowline bench peer` both ways, in turn, and prints a table.

use std::io::Write;

use serde_json::Value;
use serde_json::json;

use crate::cmd::bench::sides::run_pair;
use crate::error::Error;

/// The options of `bowline bench p2p`.
#[derive(Debug, clap::Args)]
pub(crate) struct P2pArgs {
    /// How many connections one server has, where it has many.
    #[arg(long, default_value_t = 1000)]
    connections: usize,
    /// How long connections are opened one at a time, and messages flow, in seconds.
    #[arg(long, default_value_t = 3.0)]
    secs: f64,
    /// How long all connections rest, in seconds; the second half is measured.
    #[arg(long, default_value_t = 40.0)]
    hold: f64,
    /// How often messages flow; the medians are told.
    #[arg(long, default_value_t = 5)]
    repeat: usize,
}

/// What flows: how it is told, and its options.
const FLOODS: [(&str, &str); 3] = [
    ("reliable, 64 KiB", "--reliable 1 --size 65536"),
    ("reliable, 100 B", "--reliable 1 --size 100"),
    ("unreliable, 1100 B", "--reliable 0 --size 1100"),
];
/// The ways to find each other.
const WAYS: [&str; 2] = ["address", "signals"];
/// Callers that open connections one at a time: one alone may have 16, those that have just ended included.
const CALLERS: usize = 64;

/// Runs everything.
pub(crate) fn run(args: &P2pArgs) -> Result<Value, Error> {
    let many = args.connections;
    let connect = format!(
        "--workload connect --inflight 1 --callers {CALLERS} --secs {}",
        args.secs
    );
    let burst = format!("--workload idle --clients {many} --inflight {many} --hold 0.5");
    let idle = format!("--workload idle --clients {many} --hold {}", args.hold);
    let mut rows = Vec::new();
    let [one_by_one, at_once, idle] = [connect, burst, idle].map(|words| both(&words));
    let (one_by_one, at_once, idle) = (one_by_one?, at_once?, idle?);
    for (name, key) in [("half of them", "p50"), ("99 of 100", "p99")] {
        let ms = |runs: &Runs, client: &str| {
            runs.figures(|run| number(&run["client"][client][key]) / 1e3)
        };
        rows.push(row(
            "one at a time",
            name,
            "ms",
            ms(&one_by_one, "setup_us"),
        ));
        rows.push(row("all at once", name, "ms", ms(&at_once, "setup_us")));
    }
    rows.sort_by_key(|row| row["of"] == "all at once");
    let lost = idle.figures(|run| number(&run["client"]["lost_connections"]));
    if lost.iter().any(|lost| *lost != 0.0) {
        return Err(Error::Other(format!("connections were lost: {lost:?}")));
    }
    let each = |run: &Value| {
        let server = &run["server"];
        let growth = number(&server["rss_peak_kb"]) - number(&server["rss_base_kb"]);
        growth / many as f64
    };
    let sockets = |run: &Value| {
        let sockets = run["server"]["udp_sockets"].as_array();
        sockets.map_or(f64::NAN, |sockets| sockets.len() as f64)
    };
    let cpu = |run: &Value| number(&run["server"]["idle_cpu_pct"]);
    rows.push(row("idle", "UDP sockets", "", idle.figures(sockets)));
    rows.push(row("idle", "memory each", "KiB", idle.figures(each)));
    rows.push(row("idle", "CPU of the process", "%", idle.figures(cpu)));
    for (name, options) in FLOODS {
        rows.extend(flood(args, name, options)?);
    }
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", table(&rows)).map_err(Error::Output)?;
    Ok(json!({ "connections": many, "secs": args.secs, "repeat": args.repeat, "rows": rows }))
}

/// Messages as fast as they go: how many arrive, and what each costs.
fn flood(args: &P2pArgs, name: &str, options: &str) -> Result<Vec<Value>, Error> {
    let words = format!("--workload flood --secs {} {options}", args.secs);
    let mut runs = Vec::new();
    for _ in 0..args.repeat.max(1) {
        runs.push(both(&words)?);
    }
    let medians = |figure: fn(&Value) -> f64| {
        let all = runs
            .iter()
            .map(|run| run.figures(figure))
            .collect::<Vec<_>>();
        [0, 1].map(|way| median(all.iter().map(|figures| figures[way]).collect()))
    };
    let rate = medians(|run| {
        let server = &run["server"];
        number(&server["bytes"]) / number(&server["window_s"]) / 1e6
    });
    let cost = medians(|run| {
        let [client, server] = ["client", "server"].map(|side| number(&run[side]["cpu_s"]));
        (client + server) / number(&run["server"]["bytes"]) * 1e9
    });
    Ok(vec![
        row(name, "rate", "MB/s", rate),
        row(name, "CPU of both sides", "s per GB", cost),
    ])
}

/// A workload in both ways.
struct Runs([Value; 2]);

impl Runs {
    fn figures(&self, figure: impl Fn(&Value) -> f64) -> [f64; 2] {
        let Self([address, signals]) = self;
        [figure(address), figure(signals)]
    }
}

fn both(words: &str) -> Result<Runs, Error> {
    let [address, signals] = WAYS.map(|way| run_pair(&format!("{words} --by {way}")));
    let pair = |(client, server): (Value, Value)| json!({ "client": client, "server": server });
    Ok(Runs([pair(address?), pair(signals?)]))
}

fn row(of: &str, what: &str, unit: &str, [address, signals]: [f64; 2]) -> Value {
    json!({ "of": of, "what": what, "unit": unit, "address": address, "signals": signals })
}

/// The rows as a table in Markdown.
fn table(rows: &[Value]) -> String {
    let mut text = String::from("| | | by address | between peers | |\n|---|---|---:|---:|---|\n");
    let mut before = "";
    for row in rows {
        let [of, what, unit] = ["of", "what", "unit"].map(|key| row[key].as_str().unwrap_or(""));
        let [address, signals] = ["address", "signals"].map(|key| figure(number(&row[key])));
        let of_first = if of == before { "" } else { of };
        before = of;
        text += &format!("| {of_first} | {what} | {address} | {signals} | {unit} |\n");
    }
    text
}

/// With three digits, as far as there are so many.
fn figure(value: f64) -> String {
    match value {
        value if value >= 100.0 || value.fract() == 0.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_names_each_group_once() {
        let rows = [
            row("idle", "UDP sockets", "", [1.0, 2.0]),
            row("idle", "memory each", "KiB", [4.567, 6.0]),
            row("reliable, 100 B", "rate", "MB/s", [812.3, 12.34]),
        ];
        let text = table(&rows);
        let lines = text.lines().skip(2).collect::<Vec<_>>();
        assert_eq!(
            lines,
            [
                "| idle | UDP sockets | 1 | 2 |  |",
                "|  | memory each | 4.57 | 6 | KiB |",
                "| reliable, 100 B | rate | 812 | 12.3 | MB/s |",
            ]
        );
    }

    #[test]
    fn the_median_is_the_middle_one() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert!(median(Vec::new()).is_nan());
    }
}
