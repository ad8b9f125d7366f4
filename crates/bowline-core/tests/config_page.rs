//! `docs/config.md` says what the table of settings says.
//!
//! To write the page anew: `UPDATE_DOCS=1 cargo test -p bowline-core --test config_page`.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::fmt::Write as _;
use std::path::Path;

use bowline_core::config::Change;
use bowline_core::config::ConfigKey;
use bowline_core::config::ConfigSpec;
use bowline_core::config::ConfigType;

const HEAD: &str = "\
# Settings

All settings, by number. Names, numbers and meanings are those of GameNetworkingSockets (GNS); numbers from
20,000 on are ours. They are set by key or by text, in Rust with `set_config`, on the command line with
`--set NAME=VALUE`, and in files with lines of the form `NAME = VALUE`. A value out of its range is refused,
and the error tells the range.

What is not set for a connection comes from its listen socket, what is not set there from the interface
(`Sockets`), and what is not set there either from the process (`bowline::global_config`). A change
reaches living connections at once, unless the table says *before connecting*. Settings of scope *global*
can be set for the process and, other than in GNS, for one interface.

Where the default in GNS is another one, it stands in brackets. *For developers* means that lists leave the
setting out unless asked.

| number | name | scope | type | default | range | unit | what it does |
|---:|---|---|---|---:|---|---|---|
";

fn page() -> String {
    let mut page = String::from(HEAD);
    for spec in ConfigKey::all().map(ConfigKey::spec) {
        let facts = &spec.facts;
        writeln!(
            page,
            "| {} | {} | {} | {} | {} | {} | {} | {}{} |",
            spec.number,
            spec.name,
            spec.scope,
            facts.kind,
            default(spec),
            range(spec),
            facts.unit,
            spec.doc,
            remarks(spec),
        )
        .unwrap();
    }
    page
}

fn default(spec: &ConfigSpec) -> String {
    let facts = &spec.facts;
    let own = match facts.kind {
        ConfigType::Float => facts.default_float.to_string(),
        ConfigType::Int32 | ConfigType::Int64 => facts.default_int.to_string(),
        _ => String::new(),
    };
    match facts.original_default {
        Some(original) => format!("{own} ({original})"),
        None => own,
    }
}

fn range(spec: &ConfigSpec) -> String {
    let facts = &spec.facts;
    match facts.kind {
        ConfigType::Float => format!("{} to {}", facts.range_float.0, facts.range_float.1),
        ConfigType::Int32 => format!("{} to {}", facts.range_int.0, facts.range_int.1),
        _ => String::new(),
    }
}

fn remarks(spec: &ConfigSpec) -> String {
    let facts = &spec.facts;
    let mut remarks = String::new();
    match facts.change {
        Change::BeforeConnecting => remarks.push_str(" *Before connecting.*"),
        Change::Never => remarks.push_str(" *Read only.*"),
        _ => {}
    }
    if facts.dev {
        remarks.push_str(" *For developers.*");
    }
    if facts.kind == ConfigType::Callback {
        remarks.push_str(" *An opaque number that events carry; for bindings.*");
    }
    if let Some(what) = facts.waits_for {
        write!(remarks, " *Kept, but without effect: waits for {what}.*").unwrap();
    }
    remarks
}

#[test]
fn the_page_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/config.md");
    let page = page();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == page,
        "docs/config.md is stale: UPDATE_DOCS=1 cargo test -p bowline-core --test config_page"
    );
}
