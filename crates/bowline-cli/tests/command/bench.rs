//! What benchmarks print.

use serde_json::Value;

use crate::Running;
use crate::json_lines;
use crate::run;

#[test]
fn a_benchmark_counts_what_arrives() {
    let (client, server) = bench(
        "flood",
        &["--secs", "1", "--size", "1000", "--reliable", "1"],
    );
    assert!(client["sent"].as_u64().unwrap() > 0, "{client}");
    assert!(client["cpu_s"].as_f64().unwrap() > 0.0, "{client}");
    assert!(server["msgs"].as_u64().unwrap() > 100, "{server}");
    assert_eq!(server["out_of_order"], 0, "{server}");

    let options = ["--secs", "1", "--stream", "30x200", "--defaults", "1"];
    let (_, server) = bench("flood", &options);
    assert!(server["lat_us"]["n"].as_u64().unwrap() > 0, "{server}");
    assert_eq!(server["out_of_order"], 0, "{server}");
}

#[test]
fn every_other_benchmark_yields_its_figures() {
    let (client, _) = bench(
        "ping",
        &["--secs", "0.3", "--reliable", "0", "--drive", "busy"],
    );
    assert!(client["rtt_us"]["p50"].as_f64().unwrap() > 0.0, "{client}");

    let (client, server) = bench("connect", &["--secs", "0.3", "--inflight", "4"]);
    assert!(client["connects"].as_u64().unwrap() > 0, "{client}");
    assert_eq!(client["failed"], 0, "{client}");
    assert!(server["cpu_total_s"].as_f64().unwrap() > 0.0, "{server}");

    let (client, server) = bench("idle", &["--clients", "20", "--hold", "1"]);
    assert_eq!(client["lost_connections"], 0, "{client}");
    assert_eq!(server["peak_conns"], 20, "{server}");

    let rates = [
        "--up-unrel",
        "30x200",
        "--up-rel",
        "5x100",
        "--down-unrel",
        "30x600",
        "--down-rel",
        "5x100",
    ];
    let options = [&["--secs", "1", "--clients", "3"], &rates[..]].concat();
    let (client, server) = bench("paced", &options);
    assert_eq!(client["sent"], server["msgs"], "{client} {server}");
    assert!(
        server["lat_rel_us"]["n"].as_u64().unwrap() >= 14,
        "{server}"
    );
    assert!(client["lat_us"]["n"].as_u64().unwrap() >= 80, "{client}");
}

#[test]
fn growth_tells_what_connections_and_calls_cost() {
    let output = run(&[
        "bench",
        "growth",
        "--connections",
        "20,40",
        "--rate",
        "500",
        "--secs",
        "0.5",
        "--hold",
        "1",
    ]);
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.matches("| first send |").count(), 2, "{text}");
    let result: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    for (run, count) in result["runs"].as_array().unwrap().iter().zip([20, 40]) {
        let server = &run["server"];
        assert_eq!(server["peak_conns"], count, "{run}");
        assert!(server["received"].as_u64().unwrap() > 0, "{run}");
        assert!(run["client"]["received"].as_u64().unwrap() > 0, "{run}");
        let times = ["send_us", "receive_us", "empty_us"];
        assert!(
            times.iter().all(|call| server[*call]["p9999"].is_f64()),
            "{run}"
        );
    }
}

#[test]
fn peers_find_each_other_by_signals_in_any_benchmark() {
    let signals = ["--by", "signals", "--secs", "0.3"];
    let (client, _) = bench("ping", &signals);
    assert!(client["rtt_us"]["p50"].as_f64().unwrap() > 0.0, "{client}");
    let options = [&signals[..], &["--clients", "20", "--hold", "1"]].concat();
    let (client, server) = bench("idle", &options);
    assert_eq!(client["lost_connections"], 0, "{client}");
    assert_eq!(client["setup_us"]["n"], 20, "{client}");
    assert_eq!(server["peak_conns"], 20, "{server}");
    if cfg!(target_os = "linux") {
        let sockets = server["udp_sockets"].as_array().unwrap();
        // One for each address, however many connections there are.
        assert!((1..10).contains(&sockets.len()), "{server}");
    }
}

#[test]
fn p2p_tells_what_peers_cost_beside_connections_by_address() {
    let output = run(&[
        "bench",
        "p2p",
        "--connections",
        "20",
        "--secs",
        "0.3",
        "--hold",
        "1.5",
        "--repeat",
        "1",
    ]);
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let result: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    let rows = result["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 13, "{text}");
    for row in rows {
        assert!(row["address"].is_f64() && row["signals"].is_f64(), "{row}");
        assert!(
            text.contains(&format!(" | {} | ", row["what"].as_str().unwrap())),
            "{text}"
        );
    }
}

/// Runs one workload with both sides, and returns what they print: client, server.
fn bench(workload: &str, options: &[&str]) -> (Value, Value) {
    let common = ["--peer", "ours", "--workload", workload];
    let listen = [
        &["bench", "peer", "server"],
        &common[..],
        &["--listen", "127.0.0.1:0"],
        options,
    ];
    let mut server = Running::start(&listen.concat());
    let ready = server.next_line();
    let addr = ready
        .strip_prefix("READY ")
        .expect("the server says where it is")
        .trim();
    let connect = [
        &["bench", "peer", "client"],
        &common[..],
        &["--connect", addr],
        options,
    ];
    let output = run(&connect.concat());
    assert!(output.status.success(), "{output:?}");
    let client = json_lines(&output.stdout).pop().unwrap();
    drop(server.input.take());
    let result = serde_json::from_str(&server.next_line()).unwrap();
    server.end();
    (client, result)
}
