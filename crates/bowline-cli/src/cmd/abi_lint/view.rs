//! How findings are shown: to people, and to programs as JSON.

use std::io;
use std::io::Write;
use std::path::Path;

use serde_json::Value;
use serde_json::json;

use crate::cmd::abi_lint::findings::Findings;
use crate::cmd::abi_lint::findings::How;
use crate::cmd::abi_lint::findings::Need;
use crate::cmd::abi_lint::generation::Verdict;
use crate::view::terminal::printable;

/// Prints the findings for people. What comes from the file is made safe for a terminal.
pub(super) fn print(path: &Path, findings: &Findings) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{}: {}", path.display(), findings.format)?;
    if !findings.libraries.is_empty() {
        let libraries: Vec<_> = findings
            .libraries
            .iter()
            .map(|l| printable(l).to_string())
            .collect();
        writeln!(out, "linked to: {}", libraries.join(", "))?;
    }
    if !findings.versions.is_empty() {
        let versions: Vec<&str> = findings.versions.iter().map(String::as_str).collect();
        writeln!(out, "versions named: {}", versions.join(", "))?;
    }
    if findings.own_names > 0 {
        let names = findings.own_names;
        writeln!(
            out,
            "{names} names of GameNetworkingSockets are within the file: it has its own copy of what \
             defines them, and only linking it again replaces that"
        )?;
    }
    if findings.needs.is_empty() {
        return writeln!(out, "needs no name of GameNetworkingSockets");
    }
    names(&mut out, findings)?;
    generation(&mut out, findings)
}

fn names(out: &mut impl Write, findings: &Findings) -> io::Result<()> {
    let lends = findings.needs.iter().any(|need| need.how == How::Lent);
    let title = if lends {
        "it is a library itself; names that programs can need of it:"
    } else {
        "names it needs:"
    };
    writeln!(out, "\n{title}")?;
    let width = findings.needs.iter().map(|need| need.name.len()).max();
    let width = width.unwrap_or_default();
    for need in &findings.needs {
        let has = if need.export.is_some() {
            "have   "
        } else {
            "MISSING"
        };
        let facts = facts(need);
        let line = format!("  {has}  {:<width$}  {facts}", need.name);
        writeln!(out, "{}", line.trim_end())?;
    }
    let (all, missing) = (findings.needs.len(), findings.missing().count());
    writeln!(out, "{} of {all} are in the library", all - missing)
}

/// What is to be said of one name, with commas between.
fn facts(need: &Need) -> String {
    let mut facts = Vec::new();
    if need.how == How::Text {
        facts.push("looked up as text".to_owned());
    }
    if let Some(export) = need.export {
        facts.push(export.origin.to_string());
        facts.extend(export.since.map(|since| format!("since {since}")));
        facts.extend(export.until.map(|until| format!("until {until}")));
    }
    facts.extend(need.why_missing().map(str::to_owned));
    facts.join(", ")
}

fn generation(out: &mut impl Write, findings: &Findings) -> io::Result<()> {
    let generation = &findings.generation;
    writeln!(out, "\ngeneration: {}", generation.verdict.meaning())?;
    for evidence in &generation.evidence {
        writeln!(out, "  {evidence}")?;
    }
    let is_ours = generation.verdict == Verdict::Ours;
    if let (Some(from), false) = (generation.from, is_ours) {
        let to = generation
            .to
            .map_or_else(|| "the newest".to_owned(), |to| to.to_string());
        writeln!(
            out,
            "  all its names are in GameNetworkingSockets {from} to {to}"
        )?;
    }
    for hazard in findings.hazards.iter().filter(|_| !is_ours) {
        writeln!(out, "beware of {hazard}")?;
    }
    writeln!(out, "to do: {}", generation.verdict.advice())
}

/// The findings for programs.
pub(super) fn json(path: &Path, findings: &Findings) -> Value {
    let generation = &findings.generation;
    json!({
        "file": path.display().to_string(),
        "format": findings.format,
        "libraries": findings.libraries,
        "versions": findings.versions,
        "own_names": findings.own_names,
        "names": findings.needs.iter().map(name).collect::<Vec<_>>(),
        "missing": findings.missing().map(|need| &need.name).collect::<Vec<_>>(),
        "generation": {
            "verdict": generation.verdict.word(),
            "from": generation.from.map(|release| release.to_string()),
            "to": generation.to.map(|release| release.to_string()),
            "evidence": generation.evidence,
            "advice": generation.verdict.advice(),
        },
        "hazards": findings.hazards,
    })
}

fn name(need: &Need) -> Value {
    json!({
        "name": need.name,
        "have": need.export.is_some(),
        "how": match need.how {
            How::Linked => "linked",
            How::Text => "text",
            How::Lent => "lent",
        },
        "origin": need.export.map(|export| export.origin.to_string()),
        "since": need.export.and_then(|export| export.since).map(|since| since.to_string()),
        "until": need.export.and_then(|export| export.until).map(|until| until.to_string()),
    })
}
