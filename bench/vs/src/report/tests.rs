use super::*;

fn results() -> Results {
    let text = r#"{"secs": 2, "repeat": 1, "machine": {"cpu": "A CPU", "cores": 2, "memory_gib": 4, "kernel": "6.1"}}
        {"peer": "bowline", "workload": "bulk", "settings": "opened", "error": null, "figures": {"mb_s": 2000.4, "cpu_s_per_gb": 0.8}}
        {"peer": "bowline", "workload": "bulk", "settings": "defaults", "error": null, "figures": {"mb_s": 1500, "cpu_s_per_gb": 0.9}}
        {"peer": "bowline", "workload": "ping", "settings": "opened", "error": null, "figures": {"p50_us": 15.84}}
        {"peer": "gns", "workload": "bulk", "settings": "opened", "error": "no", "figures": {}}"#;
    Results::read(text).unwrap()
}

fn workload(name: &str) -> &'static Workload {
    WORKLOADS.iter().find(|it| it.name == name).unwrap()
}

#[test]
fn numbers_have_three_digits_that_count() {
    let numbers = [0.0, 0.01234, 0.5, 9.876, 98.76, 987.6, 98_765.4].map(number);
    assert_eq!(
        numbers,
        ["0", "0.012", "0.50", "9.88", "98.8", "988", "98765"]
    );
}

#[test]
fn a_table_shows_defaults_beside_what_was_opened() {
    let table = table(&results(), workload("bulk")).unwrap().unwrap();
    let lines: Vec<&str> = table.lines().filter(|line| line.starts_with('|')).collect();
    assert_eq!(
        lines[0],
        "| | MB/s | CPU s per GB, both sides | MB/s at defaults | opened |"
    );
    assert_eq!(lines[1], "|---|---:|---:|---:|---|");
    assert!(
        lines[2].starts_with("| Bowline | 2000 | 0.80 | 1500 | `RecvBufferSize` 16 MiB (1 MiB),"),
        "{}",
        lines[2]
    );
    assert!(
        lines[3].starts_with("| GameNetworkingSockets | failed | failed | - |"),
        "{}",
        lines[3]
    );
    assert_eq!(lines.len(), 4);
}

#[test]
fn what_opens_nothing_is_the_same_at_defaults() {
    let table = table(&results(), workload("ping")).unwrap().unwrap();
    assert!(
        table.contains("| Bowline | 15.8 | - | - | the same | nothing |"),
        "{table}"
    );
    assert_eq!(super::table(&results(), workload("idle")).unwrap(), None);
}

#[test]
fn a_panel_shows_the_first_column() {
    let panel = panel(&results(), workload("bulk")).unwrap().unwrap();
    assert_eq!(panel.unit, "MB/s, more is better");
    let values: Vec<_> = panel
        .bars
        .iter()
        .map(|bar| (bar.value, bar.is_ours))
        .collect();
    assert_eq!(values, [(Some(2000.4), true), (None, false)]);
}

#[test]
fn the_section_replaces_what_stood_between_the_markers_only() {
    let page = format!("head\n{BEGIN}\nold\n{END}\ntail\n");
    let new = between_markers(&page, "new").unwrap();
    assert_eq!(new, format!("head\n{BEGIN}\nnew\n{END}\ntail\n"));
    assert!(between_markers("no markers", "new").is_err());
}

#[test]
fn the_section_names_machine_versions_and_command() {
    let options = Options::parse(&["--commit", "abc"]).unwrap();
    let section = section(&results(), &options).unwrap();
    for part in [
        "at abc: A CPU, 2 cores, 4 GiB, Linux 6.1",
        "quinn 0.",
        "game-networking-sockets 0.",
    ] {
        assert!(section.contains(part), "{part}: {section}");
    }
    assert!(section.contains("`cargo xtask bench-vs --secs 2 --repeat 1`: one round"));
}
