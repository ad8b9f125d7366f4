//! How many instructions the hot pieces of the protocol take, held against the counts in `bench/counts.txt`.
//!
//! Valgrind counts them the same on every run of the same program, however busy the machine is. They
//! differ a little between compilers, so a new compiler is a reason to write the file anew; so is a piece
//! that became cheaper, lest it become dearer again unseen.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Result;
use crate::interop::execute;
use crate::stage::{Job, Outcome};

/// Instructions by the name of the piece.
type Counts = BTreeMap<String, u64>;

/// The committed counts, seen from the repository's root.
const FILE: &str = "bench/counts.txt";
/// What a piece may gain or lose against its committed count.
const TOLERANCE_PERCENT: u64 = 3;
/// What is counted: the function of that name in the program.
const TOGGLE: &str = "--toggle-collect=counts::measured*";
const BUILD: &[&str] = &[
    "build",
    "--release",
    "--package",
    "bowline-bench",
    "--bin",
    "counts",
];

/// Counts and compares, or with `is_update` writes the file.
///
/// # Errors
/// Valgrind is missing, the build fails, or a piece takes more than it may.
pub(crate) fn run(root: &Path, is_update: bool) -> Result {
    if !has_valgrind() {
        return Err("counts needs valgrind; on Debian: apt-get install valgrind".into());
    }
    execute(Command::new("cargo").current_dir(root).args(BUILD))?;
    let counted = count_all(root)?;
    let path = root.join(FILE);
    if is_update {
        std::fs::write(path, text_of(&counted))?;
        println!("{FILE} is written: {} pieces", counted.len());
        return Ok(());
    }
    let committed = parse(&std::fs::read_to_string(path)?)?;
    println!("{}", compare(&committed, &counted)?);
    Ok(())
}

/// The nightly stage.
///
/// # Errors
/// As [`run`], but a missing valgrind skips the stage.
pub(crate) fn stage(job: &Job<'_>) -> Result<Outcome> {
    if !has_valgrind() {
        return Ok(Outcome::Skipped("valgrind is not installed".into()));
    }
    job.cargo(BUILD)?;
    let committed = parse(&std::fs::read_to_string(job.root().join(FILE))?)?;
    compare(&committed, &count_all(job.root())?).map(Outcome::PassedWith)
}

fn has_valgrind() -> bool {
    let version = Command::new("valgrind").arg("--version").output();
    version.is_ok_and(|output| output.status.success())
}

fn count_all(root: &Path) -> Result<Counts> {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    let program = root.join(target).join("release/counts");
    let names = output(&mut Command::new(&program))?.0;
    let count = |name: &str| {
        let mut valgrind = Command::new("valgrind");
        valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null", TOGGLE]);
        let report = output(valgrind.arg(&program).arg(name))?.1;
        let count =
            collected(&report).ok_or_else(|| format!("valgrind counted nothing of {name}"))?;
        Ok((name.to_owned(), count))
    };
    names.lines().map(count).collect()
}

/// What a program that succeeds prints: standard output and standard error.
fn output(command: &mut Command) -> Result<(String, String)> {
    let output = command.output()?;
    let text = |bytes| String::from_utf8(bytes);
    let (stdout, stderr) = (text(output.stdout)?, text(output.stderr)?);
    if !output.status.success() {
        return Err(format!("{command:?}: {}\n{stderr}", output.status).into());
    }
    Ok((stdout, stderr))
}

/// The count in valgrind's report, if it counted any.
fn collected(report: &str) -> Option<u64> {
    let mut lines = report.lines();
    let count = lines.find_map(|line| line.split_once("Collected : "))?.1;
    count.trim().parse().ok().filter(|count| *count > 0)
}

/// Reads lines of a count and a name. Those that begin with `#` say why.
fn parse(text: &str) -> Result<Counts> {
    let lines = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty());
    let parse = |line: &str| {
        let (count, name) = line
            .trim()
            .split_once(' ')
            .ok_or_else(|| format!("{FILE}: {line:?}"))?;
        Ok((name.trim().to_owned(), count.parse()?))
    };
    lines.map(parse).collect()
}

fn text_of(counts: &Counts) -> String {
    let mut text = String::from(
        "# Instructions of each piece of bench/src/pieces.rs, warm; written by `cargo xtask counts --update`.\n",
    );
    for (name, count) in counts {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{count:>9} {name}");
    }
    text
}

/// Tells how the counts moved.
///
/// # Errors
/// Lists the pieces that took more than they may, and those that only one side knows.
fn compare(committed: &Counts, counted: &Counts) -> Result<String> {
    let mut offences = Vec::new();
    let mut cheaper = Vec::new();
    for (name, &new) in counted {
        let Some(&old) = committed.get(name) else {
            offences.push(format!("{name}: not in {FILE}"));
            continue;
        };
        let percent = (new as f64 / old as f64 - 1.0) * 100.0;
        let line = format!("{name}: {old} -> {new} ({percent:+.1} %)");
        if new * 100 > old * (100 + TOLERANCE_PERCENT) {
            offences.push(line);
        } else if new * 100 < old * (100 - TOLERANCE_PERCENT) {
            cheaper.push(line);
        }
    }
    let gone = committed.keys().filter(|name| !counted.contains_key(*name));
    offences.extend(gone.map(|name| format!("{name}: only in {FILE}")));
    if !offences.is_empty() {
        offences.push("if that is as it should be: cargo xtask counts --update".into());
        return Err(offences.join("\n").into());
    }
    if cheaper.is_empty() {
        return Ok(format!(
            "{} pieces within {TOLERANCE_PERCENT} %",
            counted.len()
        ));
    }
    Ok(format!(
        "cheaper, worth an --update: {}",
        cheaper.join("; ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(count: u64) -> Counts {
        Counts::from([("seal".to_owned(), count), ("open".to_owned(), 500)])
    }

    #[test]
    fn more_than_the_tolerance_fails_and_less_is_told() {
        let old = counts(1000);
        assert_eq!(compare(&old, &counts(1030)).unwrap(), "2 pieces within 3 %");
        let error = compare(&old, &counts(1031)).unwrap_err().to_string();
        assert!(
            error.starts_with("seal: 1000 -> 1031 (+3.1 %)\n"),
            "{error}"
        );
        let told = compare(&old, &counts(900)).unwrap();
        assert!(told.contains("seal: 1000 -> 900 (-10.0 %)"), "{told}");
    }

    #[test]
    fn a_piece_that_one_side_lacks_fails() {
        let one = Counts::from([("seal".to_owned(), 1000)]);
        let error = compare(&one, &counts(1000)).unwrap_err().to_string();
        assert!(error.contains("open: not in"), "{error}");
        let error = compare(&counts(1000), &one).unwrap_err().to_string();
        assert!(error.contains("open: only in"), "{error}");
    }

    #[test]
    fn the_file_is_read_as_written() {
        let text = text_of(&counts(1000));
        assert_eq!(parse(&text).unwrap(), counts(1000));
        assert!(parse("seal").is_err() && parse("x seal").is_err());
    }

    #[test]
    fn valgrind_tells_what_it_collected() {
        let report = "==7== Events    : Ir\n==7== Collected : 3970\n==7== \n";
        assert_eq!(collected(report), Some(3970));
        assert_eq!(collected("==7== Collected : 0\n"), None);
        assert_eq!(collected("==7== nothing\n"), None);
    }
}
