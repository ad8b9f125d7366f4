//! What libFuzzer says at the end of a run, as a table.

use std::fmt::Write as _;

/// How the programs of one target did together.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Report {
    target: String,
    /// Inputs tried.
    pub(super) executions: u64,
    per_second: u64,
    /// Edges reached, of the program that reached most.
    coverage: u64,
    inputs: u64,
    /// How to replay each finding.
    findings: Vec<String>,
}

impl Report {
    pub(super) fn new(target: &str) -> Self {
        Self {
            target: target.into(),
            executions: 0,
            per_second: 0,
            coverage: 0,
            inputs: 0,
            findings: Vec::new(),
        }
    }

    /// Adds what the end of a log says.
    pub(super) fn add(&mut self, log: &str) {
        self.executions += stat(log, "number_of_executed_units").unwrap_or(0);
        self.per_second += stat(log, "average_exec_per_sec").unwrap_or(0);
        self.coverage = self.coverage.max(last(log, " cov: ").unwrap_or(0));
        self.inputs = self.inputs.max(last(log, " corp: ").unwrap_or(0));
        let files = log
            .lines()
            .filter_map(|line| line.split_once("Test unit written to "));
        for (_, file) in files {
            // An input that only took long is shown, too, but is no finding.
            if file.contains("slow-unit-") {
                continue;
            }
            let target = &self.target;
            let advice = format!(
                "{target} found something: cargo run --package bowline-fuzz -- replay {target} {file}"
            );
            // Programs that share a target may find the same.
            if !self.findings.contains(&advice) {
                self.findings.push(advice);
            }
        }
    }

    /// How to replay what was found.
    pub(super) fn advice(&self) -> impl Iterator<Item = &str> {
        self.findings.iter().map(String::as_str)
    }
}

/// The table of a campaign.
pub(super) fn table(reports: &[Report]) -> String {
    let mut table = format!(
        "{:<20} {:>12} {:>9} {:>9} {:>7} {:>8}\n",
        "target", "executions", "per s", "coverage", "inputs", "findings"
    );
    for report in reports {
        let Report {
            target,
            executions,
            per_second,
            coverage,
            inputs,
            findings,
        } = report;
        let found = findings.len();
        writeln!(
            table,
            "{target:<20} {executions:>12} {per_second:>9} {coverage:>9} {inputs:>7} {found:>8}"
        )
        .expect("a String takes everything");
    }
    table
}

/// The number in a line `stat::NAME: NUMBER`.
fn stat(log: &str, name: &str) -> Option<u64> {
    let head = format!("stat::{name}:");
    let line = log.lines().rev().find_map(|line| line.strip_prefix(&head));
    line?.trim().parse().ok()
}

/// The last number that stands behind `label`.
fn last(log: &str, label: &str) -> Option<u64> {
    let (_, rest) = log.rsplit_once(label)?;
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_log_becomes_a_row() {
        let mut report = Report::new("cert");
        report.add(
            "#9\tNEW    cov: 10 ft: 20 corp: 3/9b lim: 4\n\
             #99\tDONE   cov: 12 ft: 24 corp: 5/31b lim: 4\n\
             stat::number_of_executed_units: 99\n\
             stat::average_exec_per_sec:     33\n",
        );
        report.add(
            "artifact_prefix='f/'; Test unit written to f/slow-unit-1\n\
             artifact_prefix='f/'; Test unit written to f/crash-2\n\
             artifact_prefix='f/'; Test unit written to f/crash-2\n\
             stat::number_of_executed_units: 1\n",
        );
        assert_eq!((report.executions, report.per_second), (100, 33));
        assert_eq!((report.coverage, report.inputs), (12, 5));
        let advice: Vec<&str> = report.advice().collect();
        assert_eq!(advice.len(), 1);
        assert!(advice[0].ends_with("replay cert f/crash-2"));
        assert!(table(&[report]).contains("cert"));
    }
}
