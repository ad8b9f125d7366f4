//! Which function of GNS's interface is what here, and which tests cover it.
//!
//! `xtask/data/api.csv` says it, a row per function; this holds it against the sources, and makes
//! `docs/api-coverage.md` of it. The columns:
//!
//! * `area` and `function`, as GNS has them;
//! * `waits for`: what must exist before the function can do its work, empty if it works today;
//! * `rust`: what it is here, several items with blanks between;
//! * `tests`: `file#test` from `crates/` on, several with blanks between.

use std::fmt::Write as _;
use std::path::Path;

use crate::Result;
use crate::check::Tree;

const DATA: &str = "xtask/data/api.csv";
const PAGE: &str = "docs/api-coverage.md";
const COLUMNS: &str = "area,function,waits for,rust,tests";

/// Every row names what exists and tests that exist, and the page tells what the rows say.
pub(super) fn coverage_is_complete(tree: &Tree) -> Vec<String> {
    // The tests of other rules have trees without it.
    let Some(data) = tree.file(DATA) else {
        return vec![format!("{DATA}: is missing")];
    };
    let rows = match Row::read_all(&data.text) {
        Ok(rows) => rows,
        Err(offence) => return vec![offence],
    };
    let mut offences: Vec<String> = rows.iter().flat_map(|row| row.offences(tree)).collect();
    if tree.file(PAGE).is_none_or(|file| file.text != page(&rows)) {
        offences.push(format!("{PAGE} is stale: run `cargo xtask coverage`"));
    }
    offences
}

/// Writes the page: `cargo xtask coverage`.
///
/// # Errors
/// If the data cannot be read. What is wrong with the rows is for `cargo xtask check` to say.
pub(crate) fn write(root: &Path) -> Result {
    let data = std::fs::read_to_string(root.join(DATA))?;
    let rows = Row::read_all(&data)?;
    std::fs::write(root.join(PAGE), page(&rows))?;
    Ok(())
}

/// A function of GNS's interface.
struct Row<'a> {
    line: usize,
    area: &'a str,
    function: &'a str,
    waits_for: &'a str,
    rust: Vec<&'a str>,
    tests: Vec<&'a str>,
}

impl<'a> Row<'a> {
    fn read_all(data: &'a str) -> std::result::Result<Vec<Self>, String> {
        let mut lines = data.lines().zip(1..);
        if lines.next().is_none_or(|(line, _)| line != COLUMNS) {
            return Err(format!("{DATA}:1: the columns are not {COLUMNS}"));
        }
        lines.map(|(text, line)| Self::read(text, line)).collect()
    }

    fn read(text: &'a str, line: usize) -> std::result::Result<Self, String> {
        let fields: Vec<&str> = text.split(',').collect();
        let [area, function, waits_for, rust, tests] = *fields else {
            return Err(format!("{DATA}:{line}: there are not five columns"));
        };
        Ok(Self {
            line,
            area,
            function,
            waits_for,
            rust: rust.split_whitespace().collect(),
            tests: tests.split_whitespace().collect(),
        })
    }

    fn offences(&self, tree: &Tree) -> Vec<String> {
        let mut offences = Vec::new();
        let mut offend = |what: String| {
            offences.push(format!("{DATA}:{}: {}: {what}", self.line, self.function));
        };
        if self.tests.is_empty() && self.waits_for.is_empty() {
            offend("has no test, and waits for nothing".to_owned());
        }
        if self.rust.is_empty() && !self.tests.is_empty() {
            offend("has tests of nothing".to_owned());
        }
        for item in self.rust.iter().filter(|item| !is_item(tree, item)) {
            offend(format!("there is no {item}"));
        }
        for test in self.tests.iter().filter(|test| !is_test(tree, test)) {
            offend(format!("there is no test {test}"));
        }
        offences
    }
}

/// Whether the library defines the last part of a path.
fn is_item(tree: &Tree, item: &str) -> bool {
    let name = item.rsplit("::").next().unwrap_or(item);
    let is_word_end = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
    let defines = |line: &str| {
        let keywords = ["fn ", "struct ", "enum ", "const ", "trait ", "mod "];
        let after_keyword = keywords.iter().any(|keyword| {
            let mut found = line.match_indices(keyword);
            found.any(|(at, _)| {
                let rest = line[at + keyword.len()..].strip_prefix(name);
                rest.is_some_and(is_word_end)
            })
        });
        // A variant stands at the start of its line.
        let is_variant = name.starts_with(char::is_uppercase)
            && line
                .trim_start()
                .strip_prefix(name)
                .is_some_and(is_word_end);
        after_keyword || is_variant
    };
    tree.rust_files()
        .filter(|file| file.path.starts_with("crates/bowline") && file.path.contains("/src/"))
        .filter(|file| !file.path.ends_with("tests.rs"))
        .any(|file| file.lines().any(|(_, line)| defines(line)))
}

/// Whether there is that function in that file, and it is a test.
fn is_test(tree: &Tree, test: &str) -> bool {
    let Some((path, name)) = test.split_once('#') else {
        return false;
    };
    let Some(file) = tree.file(&format!("crates/{path}")) else {
        return false;
    };
    let head = format!("fn {name}(");
    let mut is_marked = false;
    for (_, line) in file.lines() {
        let line = line.trim_start();
        if line.starts_with("#[test]") {
            is_marked = true;
        } else if line.starts_with(&head) && is_marked {
            return true;
        } else if line.starts_with("fn ") {
            is_marked = false;
        }
    }
    false
}

fn page(rows: &[Row<'_>]) -> String {
    let mut page = String::from(HEAD);
    let waiting = rows.iter().filter(|row| row.tests.is_empty()).count();
    let mut line = |text: std::fmt::Arguments<'_>| {
        writeln!(page, "{text}").expect("writing to a string does not fail");
    };
    line(format_args!(
        "{} of {} are tested, and {waiting} wait.",
        rows.len() - waiting,
        rows.len(),
    ));
    let mut area = "";
    for row in rows {
        if row.area != area {
            area = row.area;
            line(format_args!("\n## {area}\n"));
            line(format_args!(
                "| function | in Rust | tested by | waits for |"
            ));
            line(format_args!("|---|---|---|---|"));
        }
        let rust: Vec<String> = row.rust.iter().map(|item| format!("`{item}`")).collect();
        let tests: Vec<String> = row.tests.iter().map(|test| link(test)).collect();
        line(format_args!(
            "| {} | {} | {} | {} |",
            row.function,
            rust.join(", "),
            tests.join(", "),
            row.waits_for,
        ));
    }
    page
}

fn link(test: &str) -> String {
    match test.split_once('#') {
        Some((path, name)) => format!("[{name}](../crates/{path})"),
        None => test.to_owned(),
    }
}

const HEAD: &str = "\
# What of GNS's interface exists

A row for each function, callback, type and group of constants of GameNetworkingSockets and of what
Steam's own library has beyond it: what it is in Rust, which tests cover it, and what it waits for.
Functions that wait for the C interface or a binding are matters of those; the Rust library may do the
same in its own way, which is named then.

Made by `cargo xtask coverage` from `xtask/data/api.csv`; `cargo xtask check` holds it against the
sources.

";

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: (&str, &str) = (
        "crates/bowline/src/lib.rs",
        "pub fn listen(&self) {}\n    Variant,\n",
    );
    const TESTS: (&str, &str) = (
        "crates/bowline/tests/a.rs",
        "#[test]\nfn listens() {}\nfn helper() {}\n",
    );

    fn offences(row: &str) -> Vec<String> {
        let data = format!("{COLUMNS}\n{row}\n");
        let page = Row::read_all(&data)
            .map(|rows| page(&rows))
            .unwrap_or_default();
        coverage_is_complete(&Tree::of(&[SOURCE, TESTS, (DATA, &data), (PAGE, &page)]))
    }

    #[test]
    fn a_row_needs_an_item_and_a_test_that_exist() {
        assert_eq!(
            offences("x,F,,Sockets::listen,bowline/tests/a.rs#listens"),
            [""; 0]
        );
        assert_eq!(
            offences("x,F,,E::Variant,bowline/tests/a.rs#listens"),
            [""; 0]
        );
        assert_eq!(offences("x,F,relays,,"), [""; 0]);
        for (row, what) in [
            ("x,F,,listen,", "has no test, and waits for nothing"),
            ("x,F,,,bowline/tests/a.rs#listens", "has tests of nothing"),
            ("x,F,,lis,bowline/tests/a.rs#listens", "there is no lis"),
            (
                "x,F,,listen,bowline/tests/a.rs#helper",
                "no test bowline/tests/a.rs#helper",
            ),
            (
                "x,F,,listen,bowline/tests/b.rs#listens",
                "no test bowline/tests/b.rs#listens",
            ),
            ("x,F,,listen", "five columns"),
        ] {
            let offences = offences(row);
            assert!(offences[0].contains(what), "{row}: {offences:?}");
            assert_eq!(offences.len(), 1, "{offences:?}");
        }
    }

    #[test]
    fn a_stale_page_is_found() {
        let data = format!("{COLUMNS}\nx,F,relays,,\n");
        let tree = Tree::of(&[(DATA, &data), (PAGE, "old")]);
        assert!(coverage_is_complete(&tree)[0].contains("is stale"));
    }
}
