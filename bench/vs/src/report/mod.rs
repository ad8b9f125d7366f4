//! Tables and plots from the results of a run.
//!
//! The page keeps its own text; what stands between its two markers is replaced.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::Result;
use crate::matrix::{self, ENTRANTS, Entrant, WORKLOADS, Workload};
use crate::options::Options;

pub(crate) mod figures;
mod plot;
mod results;

use figures::Figure;
use plot::{Bar, Panel};
use results::Results;

const BEGIN: &str = "<!-- bench-vs: begin -->";
const END: &str = "<!-- bench-vs: end -->";

/// Writes the page's tables, and the plots.
pub(crate) fn write(options: &Options) -> Result {
    let path = |key: &str| {
        options
            .text(key)
            .ok_or_else(|| format!("--{key} is missing"))
    };
    let text = fs::read_to_string(Path::new(path("out")?).join("results.jsonl"))?;
    let results = Results::read(&text)?;
    let plots = Path::new(path("plots")?);
    fs::create_dir_all(plots)?;
    for (name, title, is_linked) in PLOTS {
        let workloads = WORKLOADS
            .iter()
            .filter(|workload| workload.link.is_some() == *is_linked);
        let panels: Vec<Panel> = workloads
            .filter_map(|it| panel(&results, it).transpose())
            .collect::<Result<_>>()?;
        fs::write(plots.join(name), plot::svg(title, &panels))?;
    }
    let page = fs::read_to_string(path("page")?)?;
    let section = section(&results, options)?;
    fs::write(path("page")?, between_markers(&page, &section)?)?;
    Ok(())
}

/// File, title, and whether it shows the workloads behind the proxy.
const PLOTS: &[(&str, &str, bool)] = &[
    ("loopback.svg", "Over loopback", false),
    ("bad-links.svg", "Over bad links", true),
];

fn between_markers(page: &str, section: &str) -> Result<String> {
    let parts = page
        .split_once(BEGIN)
        .and_then(|(head, rest)| Some((head, rest.split_once(END)?.1)));
    let (head, tail) = parts.ok_or_else(|| format!("the page lacks {BEGIN} and {END}"))?;
    Ok(format!("{head}{BEGIN}\n{section}\n{END}{tail}"))
}

/// What stands between the markers.
fn section(results: &Results, options: &Options) -> Result<String> {
    let head = results.head();
    let machine = &head["machine"];
    let text = |value: &Value| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    };
    let secs = head["secs"].as_f64().unwrap_or_default();
    let rounds = head["repeat"].as_u64().unwrap_or(1);
    let mut page = format!(
        "\nMeasured with Bowline at {}: {}, {} cores, {} GiB, Linux {}.\nVersions: {}.\n\n",
        options.text("commit").unwrap_or("an unknown commit"),
        text(&machine["cpu"]),
        machine["cores"],
        machine["memory_gib"],
        text(&machine["kernel"]),
        versions(),
    );
    let of_rounds = if rounds > 1 {
        format!("medians of {rounds} rounds (at defaults, idle and behind the proxy: one round)")
    } else {
        "one round".to_owned()
    };
    let linked = WORKLOADS.iter().filter(|it| it.link.is_some());
    writeln!(
        page,
        "`cargo xtask bench-vs --secs {secs} --repeat {rounds}`: {of_rounds}, windows of {secs} s, behind the proxy \
         {} s.\n",
        secs * linked.map(|it| it.stretch).fold(1.0, f64::max),
    )?;
    for (name, title, _) in PLOTS {
        writeln!(page, "![{title}](benchmarks/{name})\n")?;
    }
    for workload in WORKLOADS {
        if let Some(table) = table(results, workload)? {
            page.push_str(&table);
        }
    }
    Ok(page)
}

/// The table of a workload; `None` if it was not run.
fn table(results: &Results, workload: &Workload) -> Result<Option<String>> {
    let entrants = rows(results, workload);
    if entrants.is_empty() {
        return Ok(None);
    }
    let options = matrix::options(entrants[0], workload, 1.0)?;
    let columns = figures::columns(&options);
    let mut text = format!("### {}\n\n`{}`", workload.title, workload.options);
    if let Some(link) = workload.link {
        write!(text, " through `impair {link}`")?;
    }
    text.push_str("\n\n| |");
    for column in columns {
        write!(text, " {} |", column.title)?;
    }
    write!(text, " {} at defaults | opened |\n|---|", columns[0].title)?;
    text.push_str(&"---:|".repeat(columns.len() + 1));
    text.push_str("---|\n");
    for entrant in entrants {
        write!(text, "| {} |", entrant.title)?;
        for column in columns {
            write!(
                text,
                " {} |",
                cell(results, entrant, workload, "opened", column)
            )?;
        }
        let opened = matrix::opened(entrant, workload);
        let at_defaults = if opened.is_empty() {
            "the same".to_owned()
        } else {
            cell(results, entrant, workload, "defaults", &columns[0])
        };
        let opened = if opened.is_empty() {
            "nothing"
        } else {
            &opened
        };
        writeln!(text, " {at_defaults} | {opened} |")?;
    }
    text.push('\n');
    Ok(Some(text))
}

/// The entrants that ran a workload.
fn rows(results: &Results, workload: &Workload) -> Vec<&'static Entrant> {
    let ran = |entrant: &&Entrant| results.has(entrant.name, workload.name);
    ENTRANTS.iter().filter(ran).collect()
}

fn cell(
    results: &Results,
    entrant: &Entrant,
    workload: &Workload,
    settings: &str,
    column: &Figure,
) -> String {
    match results.median(entrant.name, workload.name, settings, column.key) {
        Some(value) => number(value),
        None if results.failed(entrant.name, workload.name, settings) => "failed".to_owned(),
        None => "-".to_owned(),
    }
}

/// Three digits that count.
fn number(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if size < 0.1 => format!("{value:.3}"),
        size if size < 10.0 => format!("{value:.2}"),
        size if size < 100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// The bars of a workload; `None` if it was not run.
fn panel(results: &Results, workload: &Workload) -> Result<Option<Panel>> {
    let entrants = rows(results, workload);
    let Some(first) = entrants.first() else {
        return Ok(None);
    };
    let column = figures::columns(&matrix::options(first, workload, 1.0)?)[0];
    let bars = entrants.iter().map(|entrant| Bar {
        name: entrant.title.to_owned(),
        value: results.median(entrant.name, workload.name, "opened", column.key),
        is_ours: entrant.name == "bowline",
    });
    let direction = if column.more_is_better {
        "more is better"
    } else {
        "less is better"
    };
    Ok(Some(Panel {
        title: workload.title.to_owned(),
        unit: format!("{}, {direction}", column.title),
        bars: bars.collect(),
    }))
}

/// The versions of the libraries, from the lock file of this program.
fn versions() -> String {
    const LOCK: &str = include_str!("../../Cargo.lock");
    const NAMES: &[&str] = &[
        "game-networking-sockets",
        "quinn",
        "renet",
        "rusty_enet",
        "kcp",
    ];
    let mut lines = LOCK.lines();
    let mut versions = Vec::new();
    while let Some(line) = lines.next() {
        let name = line
            .strip_prefix("name = \"")
            .and_then(|rest| rest.strip_suffix('"'));
        if let Some(name) = name.filter(|name| NAMES.contains(name)) {
            let version = lines.next().and_then(|line| line.split('"').nth(1));
            versions.push(format!("{name} {}", version.unwrap_or_default()));
        }
    }
    versions.join(", ")
}

#[cfg(test)]
mod tests;
