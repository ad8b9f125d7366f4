//! What docs/hub.md says is what the hub does. `UPDATE_DOCS=1` writes its tables anew.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::fmt::Write as _;
use std::path::Path;
use std::path::PathBuf;

use bowline_core::time::Span;
use bowline_hub::config::Config;
use bowline_hub::http::METRICS;
use bowline_hub::limits;

const SHIPPED: &str = include_str!("../../../deploy/hub.toml");

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/hub.md")
}

fn guide() -> String {
    std::fs::read_to_string(path()).unwrap()
}

fn metrics() -> String {
    let mut table = "| name | kind | split by | |\n|---|---|---|---|\n".to_owned();
    for metric in METRICS {
        let (name, kind) = (metric.name, metric.kind.as_str());
        let label = metric
            .label
            .map_or(String::new(), |label| format!("`{label}`"));
        writeln!(table, "| `{name}` | {kind} | {label} | {} |", metric.help).unwrap();
    }
    table
}

fn table_of_limits() -> String {
    let secs = |span: Span| format!("{} s", span.as_micros() / 1_000_000);
    let sign_ins = rate(limits::SIGN_INS_PER_SEC, limits::SIGN_IN_BURST);
    let pair_bytes = kib(limits::PAIR_BYTES_PER_SEC, limits::PAIR_BYTES_BURST);
    let signal_bytes = format!("{} KiB a second", limits::SIGNAL_BYTES_PER_SEC / 1024);
    let received_bytes = kib(limits::RECEIVED_BYTES_PER_SEC, limits::RECEIVED_BYTES_BURST);
    let pairs = rate(limits::PAIR_SIGNALS_PER_SEC, limits::PAIR_SIGNAL_BURST);
    let acquainted = format!(
        "bytes of signals that reach one player from the last {} that it has signalled, in the last minute",
        limits::MAX_PAIRS
    );
    let rows = [
        ("sign-ins from one network (IPv4 /24, IPv6 /48)", sign_ins),
        ("time to say hello", secs(limits::HELLO_TIMEOUT)),
        (
            "tokens that are being checked, all together",
            checks(limits::CHECK_THREADS - limits::MAX_HOOK_CALLS),
        ),
        (
            "questions to your own service, all together",
            checks(limits::MAX_HOOK_CALLS),
        ),
        ("bytes of a token", limits::MAX_TOKEN_LEN.to_string()),
        (
            "signals",
            rate(limits::SIGNALS_PER_SEC, limits::SIGNAL_BURST),
        ),
        ("bytes of signals", signal_bytes),
        ("signals to one peer", pairs),
        ("bytes of signals to one peer", pair_bytes),
        (
            "requests to connect that reach one player",
            rate(limits::REQUESTS_PER_SEC, limits::REQUEST_BURST),
        ),
        (&acquainted, received_bytes.clone()),
        (
            "bytes of signals that reach one player from all others",
            received_bytes,
        ),
        ("certificates", rate(1, limits::CERTIFICATE_BURST)),
        (
            "a client that does not read is sent away after",
            secs(limits::SLOW_CLIENT),
        ),
        ("telling all clients about the network", announcement()),
        (
            "identities that are blocked over HTTP",
            limits::MAX_BLOCKS.to_string(),
        ),
        ("connections that have not signed in", strangers()),
        (
            "questions of one network to the STUN server",
            rate(limits::STUN_PER_SEC, limits::STUN_BURST),
        ),
        (
            "connections of HTTP, all together",
            limits::MAX_HTTP_CONNECTIONS.to_string(),
        ),
        (
            "bytes of a request's body over HTTP",
            limits::MAX_HTTP_BODY.to_string(),
        ),
    ];
    let rows = rows.map(|(what, limit)| format!("| {what} | {limit} |\n"));
    format!("| what | limit |\n|---|---|\n{}", rows.concat())
}

fn rate(per_sec: u32, burst: u32) -> String {
    format!("{per_sec} a second, {burst} at once")
}

fn kib(per_sec: u32, burst: u32) -> String {
    let (per_sec, burst) = (per_sec / 1024, burst / 1024);
    format!("{per_sec} KiB a second, {burst} KiB at once")
}

fn announcement() -> String {
    let rounds = 1_000_000 / limits::ANNOUNCE_PAUSE.as_micros();
    let clients = limits::ANNOUNCE_ROUND as u64 * rounds;
    let mib = limits::ANNOUNCE_ROUND_BYTES as u64 * rounds / (1024 * 1024);
    format!("{clients} clients a second, and {mib} MiB a second to all together")
}

fn strangers() -> String {
    let (all, of_network) = (limits::MAX_STRANGERS, limits::MAX_STRANGERS_OF_NETWORK);
    format!("{all}, {of_network} of one network")
}

fn checks(threads: usize) -> String {
    let patience = limits::QUESTION_PATIENCE.as_secs();
    let most = limits::MAX_CHECKS / 2;
    format!("{most}, on {threads} threads, and {patience} s of waiting")
}

/// The text with a table in the place of what is between its marks.
fn with_table(text: &str, name: &str, table: &str) -> String {
    let begin = format!("<!-- {name} -->\n");
    let (before, rest) = text.split_once(&begin).unwrap();
    let (_, after) = rest.split_once("<!-- end -->").unwrap();
    format!("{before}{begin}{table}<!-- end -->{after}")
}

#[test]
fn tables_of_metrics_and_limits_are_those_of_the_code() {
    let text = guide();
    let fresh = with_table(&text, "limits", &table_of_limits());
    let fresh = with_table(&fresh, "metrics", &metrics());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path(), &fresh).unwrap();
    }
    assert!(
        text == fresh || guide() == fresh,
        "UPDATE_DOCS=1 writes docs/hub.md anew"
    );
}

#[test]
fn every_example_of_settings_is_good() {
    let text = guide();
    let blocks: Vec<&str> = text
        .split("```toml\n")
        .skip(1)
        .map(|rest| rest.split_once("```").unwrap().0)
        .collect();
    assert!(blocks.len() >= 5, "{}", blocks.len());
    for block in blocks {
        let head = match block.contains("listen = [\"[::]:27400\"]") {
            true => "",
            false => "listen = ['[::]:27400']\ndata = 'data'\n",
        };
        let parsed = Config::parse(&format!("{head}{block}"), Path::new("hub.toml"));
        parsed.unwrap_or_else(|error| panic!("{error}\n{block}"));
    }
}

#[test]
fn every_setting_is_told_of() {
    let text = guide();
    for line in SHIPPED.lines() {
        let line = line.strip_prefix('#').unwrap_or(line);
        let Some((key, _)) = line.split_once(" = ").filter(|_| !line.starts_with(' ')) else {
            continue;
        };
        let is_told = text.contains(&format!("{key}`")) || text.contains(&format!("\n{key} = "));
        assert!(
            is_told || text.contains(&format!("`{key} ")) || text.contains(&format!(" {key} = ")),
            "{key}"
        );
    }
}
