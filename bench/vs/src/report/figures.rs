//! The figures of a run, from what both sides told.

use serde_json::{Map, Value, json};

use crate::Result;
use crate::options::Options;

/// A column of a table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Figure {
    /// Its key in the results.
    pub(crate) key: &'static str,
    /// Its name, with the unit.
    pub(crate) title: &'static str,
    /// Whether more is better.
    pub(crate) more_is_better: bool,
}

const fn more(key: &'static str, title: &'static str) -> Figure {
    Figure {
        key,
        title,
        more_is_better: true,
    }
}

const fn less(key: &'static str, title: &'static str) -> Figure {
    Figure {
        key,
        title,
        more_is_better: false,
    }
}

const MB_S: Figure = more("mb_s", "MB/s");
const CPU_PER_GB: Figure = less("cpu_s_per_gb", "CPU s per GB, both sides");
const MSGS: Figure = more("mmsg_s", "M messages/s");
const CPU_PER_MSG: Figure = less("cpu_us_per_msg", "CPU us per message, both sides");
const LOST: Figure = less("lost_pct", "lost, %");

/// The columns of a workload; the first is the one that it is about.
pub(crate) fn columns(options: &Options) -> &'static [Figure] {
    let is_unreliable = options.text("reliable") == Some("0");
    let is_small = options.text("size").is_some_and(|size| size.len() < 4);
    match options.text("workload") {
        Some("flood") if options.text("stream").is_some() => BULK_AND_STREAM,
        Some("flood") if is_unreliable => UNRELIABLE,
        Some("flood") if is_small => SMALL,
        Some("flood") => BULK,
        Some("ping") => PING,
        Some("connect") => CONNECT,
        Some("idle") => IDLE,
        Some("paced") if options.text("down-unrel").is_some() => GAME,
        _ => STEADY,
    }
}

const BULK: &[Figure] = &[MB_S, CPU_PER_GB];
const BULK_AND_STREAM: &[Figure] = &[
    MB_S,
    less("stream_p50_ms", "stream one way, p50 ms"),
    less("stream_p99_ms", "p99 ms"),
    CPU_PER_GB,
];
const SMALL: &[Figure] = &[MSGS, CPU_PER_MSG];
const UNRELIABLE: &[Figure] = &[MSGS, LOST, CPU_PER_MSG];
const PING: &[Figure] = &[
    less("p50_us", "p50 us"),
    less("p99_us", "p99 us"),
    less("p999_us", "p99.9 us"),
];
const CONNECT: &[Figure] = &[
    more("connects_s", "per second"),
    less("p50_ms", "p50 ms"),
    less("cpu_us", "CPU us each, both sides"),
];
const IDLE: &[Figure] = &[less("kib", "KiB each"), less("cpu_pct", "server CPU %")];
const GAME: &[Figure] = &[
    less("server_cpu_pct", "server CPU %"),
    less("up_p99_ms", "one way up, p99 ms"),
    less("down_p99_ms", "down, p99 ms"),
    LOST,
];
const STEADY: &[Figure] = &[
    less("p99_ms", "one way, p99 ms"),
    less("p50_ms", "p50 ms"),
    less("p999_ms", "p99.9 ms"),
    LOST,
];

/// All figures of a run; empty if a side failed.
pub(crate) fn of(options: &Options, client: &Value, server: &Value) -> Result<Value> {
    let run = Run {
        client,
        server,
        secs: options.window()?.as_secs_f64(),
    };
    let has_failed = [client, server]
        .iter()
        .any(|side| side.is_null() || !side["error"].is_null());
    let mut figures = Map::new();
    if !has_failed {
        for column in columns(options) {
            let value = run.figure(options, column.key);
            figures.insert(column.key.to_owned(), json!(value));
        }
    }
    Ok(figures.into())
}

struct Run<'a> {
    client: &'a Value,
    server: &'a Value,
    secs: f64,
}

impl Run<'_> {
    /// A figure, or `None` if the run does not yield it.
    fn figure(&self, options: &Options, key: &str) -> Option<f64> {
        let workload = options.text("workload")?;
        let (client, server) = (self.client, self.server);
        let number = |side: &Value, key: &str| side[key].as_f64();
        let ms = |us: &Value| us.as_f64().map(|us| us / 1e3);
        let sent = number(client, "sent");
        let arrived = number(server, "msgs");
        let ratio = |part: Option<f64>, whole: Option<f64>| {
            let whole = whole.filter(|whole| *whole > 0.0)?;
            Some(part? / whole)
        };
        match (workload, key) {
            ("flood", "mb_s") => Some(self.flood_bytes()? / self.secs / 1e6),
            ("flood", "cpu_s_per_gb") => {
                let cpu = number(client, "cpu_s")? + number(server, "cpu_s")?;
                ratio(Some(cpu * 1e9), self.flood_bytes())
            }
            ("flood", "mmsg_s") => Some(arrived? / self.secs / 1e6),
            ("flood", "cpu_us_per_msg") => {
                // What was lost cost its sender, too.
                let sending = ratio(number(client, "cpu_s"), sent)?;
                Some((sending + ratio(number(server, "cpu_s"), arrived)?) * 1e6)
            }
            ("flood", "stream_p50_ms") => ms(&server["lat_us"]["p50"]),
            ("flood", "stream_p99_ms") => ms(&server["lat_us"]["p99"]),
            ("flood" | "paced", "lost_pct") => {
                let missing = (sent? - number(server, "came")?).max(0.0);
                Some(ratio(Some(missing), sent)? * 100.0)
            }
            ("ping", "p50_us") => client["rtt_us"]["p50"].as_f64(),
            ("ping", "p99_us") => client["rtt_us"]["p99"].as_f64(),
            ("ping", "p999_us") => client["rtt_us"]["p999"].as_f64(),
            ("connect", "connects_s") => {
                ratio(number(client, "connects"), number(client, "window_s"))
            }
            ("connect", "p50_ms") => ms(&client["setup_us"]["p50"]),
            ("connect", "cpu_us") => {
                let cpu = number(client, "cpu_s")? + number(server, "cpu_total_s")?;
                ratio(Some(cpu * 1e6), number(client, "connects"))
            }
            ("idle", "kib") => {
                let grown = number(server, "rss_peak_kb")? - number(server, "rss_base_kb")?;
                ratio(Some(grown), number(server, "peak_conns"))
            }
            ("idle", "cpu_pct") => number(server, "idle_cpu_pct"),
            ("paced", "server_cpu_pct") => Some(number(server, "cpu_s")? / self.secs * 100.0),
            ("paced", "up_p99_ms") => ms(&server["lat_us"]["p99"]),
            ("paced", "down_p99_ms") => ms(&client["lat_us"]["p99"]),
            ("paced", "p50_ms") => ms(&server["lat_rel_us"]["p50"]),
            ("paced", "p99_ms") => ms(&server["lat_rel_us"]["p99"]),
            ("paced", "p999_ms") => ms(&server["lat_rel_us"]["p999"]),
            _ => None,
        }
    }

    /// The bytes of a flood that arrived, without the stream beside it.
    fn flood_bytes(&self) -> Option<f64> {
        let all = self.server["bytes"].as_f64()?;
        let streamed = self.server["lat_us"]["n"].as_f64().unwrap_or(0.0);
        let is_beside = !self.server["lat_rel_us"].is_null();
        Some(if is_beside {
            all - streamed * STREAM_BYTES
        } else {
            all
        })
    }
}

/// The size of a message of the stream beside a flood, as the workloads have it.
const STREAM_BYTES: f64 = 200.0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::{self, ENTRANTS, WORKLOADS};

    fn figures(name: &str, client: Value, server: Value) -> Value {
        let workload = WORKLOADS.iter().find(|it| it.name == name).unwrap();
        let options = matrix::options(&ENTRANTS[0], workload, 2.0).unwrap();
        of(&options, &client, &server).unwrap()
    }

    #[test]
    fn a_flood_tells_rate_cost_and_loss() {
        let client = json!({ "sent": 4_000_000, "cpu_s": 2.0 });
        let mut server = json!({ "msgs": 3_000_000, "bytes": 300_000_000, "cpu_s": 1.5 });
        // Of the million that is missing in the window, most came after it.
        server["came"] = json!(3_900_000);
        let small = figures("small-unrel", client.clone(), server.clone());
        assert_eq!(
            small,
            json!({ "mmsg_s": 1.5, "lost_pct": 2.5, "cpu_us_per_msg": 1.0 })
        );
        let bulk = figures("bulk", client, server);
        assert_eq!(bulk["mb_s"], 150.0);
        assert_eq!(bulk["cpu_s_per_gb"].as_f64().map(f64::round), Some(12.0));
    }

    #[test]
    fn the_stream_beside_a_flood_is_not_counted_as_bulk() {
        let server = json!({
            "msgs": 10, "bytes": 10_002_000, "cpu_s": 1.0,
            "lat_us": { "n": 10, "p50": 45_000.0, "p99": 60_000.0 }, "lat_rel_us": { "n": 1 },
        });
        let told = figures("lossy-b-stream", json!({ "sent": 1, "cpu_s": 1.0 }), server);
        assert_eq!(
            (told["mb_s"].as_f64(), told["stream_p99_ms"].as_f64()),
            (Some(1.0), Some(60.0))
        );
    }

    #[test]
    fn a_failed_run_has_no_figures() {
        let error = json!({ "error": "no" });
        assert_eq!(figures("ping", error, json!({})), json!({}));
        assert_eq!(figures("ping", json!({}), Value::Null), json!({}));
    }

    #[test]
    fn each_column_has_a_rule() {
        let latency = json!({ "n": 1, "p50": 1.0, "p99": 1.0, "p999": 1.0 });
        let mut side = json!({ "rtt_us": latency, "setup_us": latency, "lat_us": latency, "lat_rel_us": latency });
        for key in [
            "sent",
            "cpu_s",
            "cpu_total_s",
            "msgs",
            "bytes",
            "came",
            "connects",
            "window_s",
            "rss_peak_kb",
            "rss_base_kb",
            "peak_conns",
            "idle_cpu_pct",
        ] {
            side[key] = json!(1000);
        }
        for workload in WORKLOADS {
            let told = figures(workload.name, side.clone(), side.clone());
            for (key, value) in told.as_object().unwrap() {
                assert!(value.is_f64(), "{}: {key} is {value}", workload.name);
            }
        }
    }
}
