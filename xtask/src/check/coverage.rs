//! Which function of GNS's interface is what here, and which tests cover it.
//!
//! `xtask/data/api.csv` says it, a row per function; this holds it against the sources, and makes
//! `docs/api-coverage.md` of it. The columns:
//!
//! * `area` and `function`, as GNS has them;
//! * `waits for`: what must exist before the function can do its work, empty if it works today;
//! * `rust`: what it is here, several items with blanks between;
//! * `tests`: `file#test` from `crates/` on, several with blanks between; of a file in C, whose programs
//!   `cargo xtask ci` runs, `file#text` with a text that is in it.
//!
//! What it is in C is said by the list of exported names, `crates/bowline-capi/exports.csv`, whose last column
//! is the function here, and by the headers. What it is in Lua is said by [`in_lua`].

mod in_lua;

use std::fmt::Write as _;
use std::path::Path;

use crate::Result;
use crate::check::Tree;
use crate::check::coverage::in_lua::InLua;

const DATA: &str = "xtask/data/api.csv";
const PAGE: &str = "docs/api-coverage.md";
const EXPORTS: &str = "crates/bowline-capi/exports.csv";
const HEADERS: &str = "crates/bowline-capi/include/";
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
    let (c, lua) = (InC::of(tree), InLua::of(tree));
    let elsewhere = |function: &str| {
        let names = [c.cell(function), lua.cell(function)];
        names.iter().any(|names| !names.is_empty())
    };
    let offences = rows.iter().map(|row| row.offences(tree, &elsewhere));
    let mut offences: Vec<String> = offences.flatten().collect();
    offences.extend(c.offences(&rows));
    offences.extend(lua.offences(&rows));
    if tree
        .file(PAGE)
        .is_none_or(|file| file.text != page(&rows, &c, &lua))
    {
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
    let tree = Tree::read(root)?;
    let page = page(&rows, &InC::of(&tree), &InLua::of(&tree));
    std::fs::write(root.join(PAGE), page)?;
    Ok(())
}

/// What the C library exports and its headers declare.
struct InC<'a> {
    /// Name and function, in the order of the list.
    exports: Vec<(&'a str, &'a str)>,
    headers: Vec<&'a str>,
}

impl<'a> InC<'a> {
    fn of(tree: &'a Tree) -> Self {
        let list = tree.file(EXPORTS).map_or("", |file| &file.text);
        let exports = list.lines().skip(1).filter_map(|line| {
            let (name, _) = line.split_once(',')?;
            let (_, function) = line.rsplit_once(',')?;
            Some((name, function))
        });
        Self {
            exports: exports.collect(),
            headers: tree.texts_below(HEADERS).collect(),
        }
    }

    /// Names are about functions that there are.
    fn offences(&self, rows: &[Row<'_>]) -> Vec<String> {
        let is_known = |function: &str| rows.iter().any(|row| row.function == function);
        self.exports
            .iter()
            .filter(|(_, function)| !function.is_empty() && !is_known(function))
            .map(|(name, function)| format!("{EXPORTS}: {name}: there is no {function} in {DATA}"))
            .collect()
    }

    /// The names that a function is exported by; what only headers have is said so.
    fn cell(&self, function: &str) -> String {
        let exported = self.exports.iter().filter(|(_, of)| *of == function);
        let names: Vec<String> = exported.map(|(name, _)| format!("`{name}`")).collect();
        if !names.is_empty() {
            return names.join(", ");
        }
        if self.declares(function) {
            "in the headers".to_owned()
        } else {
            String::new()
        }
    }

    /// Whether a header has the first name in it.
    fn declares(&self, function: &str) -> bool {
        let is_name = |c: char| c.is_alphanumeric() || c == '_';
        let mut words = function.split(|c| !is_name(c));
        let word = words.find(|word| word.len() > "callback".len() || word.starts_with('E'));
        word.is_some_and(|word| self.headers.iter().any(|text| text.contains(word)))
    }
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

    /// What is wrong with it. `elsewhere` tells whether a function is something in C or Lua.
    fn offences(&self, tree: &Tree, elsewhere: &dyn Fn(&str) -> bool) -> Vec<String> {
        let mut offences = Vec::new();
        let mut offend = |what: String| {
            offences.push(format!("{DATA}:{}: {}: {what}", self.line, self.function));
        };
        if self.tests.is_empty() && self.waits_for.is_empty() {
            offend("has no test, and waits for nothing".to_owned());
        }
        let is_nothing = self.rust.is_empty() && !elsewhere(self.function);
        if is_nothing && !self.tests.is_empty() {
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
    if !path.ends_with(".rs") {
        return file.text.contains(name);
    }
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

fn page(rows: &[Row<'_>], c: &InC<'_>, lua: &InLua<'_>) -> String {
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
                "| function | in Rust | in C | in Lua | tested by | waits for |"
            ));
            line(format_args!("|---|---|---|---|---|---|"));
        }
        let rust: Vec<String> = row.rust.iter().map(|item| format!("`{item}`")).collect();
        let tests: Vec<String> = row.tests.iter().map(|test| link(test)).collect();
        line(format_args!(
            "| {} | {} | {} | {} | {} | {} |",
            row.function,
            rust.join(", "),
            c.cell(row.function),
            lua.cell(row.function),
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
Steam's own library has beyond it: what it is in Rust, by which names C and Lua programs find it, which tests
cover it, and what it waits for. What waits for something can be called in C all the same: it gives the result
that GNS documents for what is not available, as [differences.md](differences.md) tells.

Made by `cargo xtask coverage` from `xtask/data/api.csv`, `crates/bowline-capi/exports.csv` and
`crates/bowline-lua/types/luasteam.lua`; `cargo xtask check` holds it against the sources.

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

    const LIST: (&str, &str) = (
        EXPORTS,
        "name,origin,since,until,function\nSteam_G,open,1.1,,G\nSteam_Other,ours,1.0,,\n",
    );
    const HEADER: (&str, &str) = (
        "crates/bowline-capi/include/a.h",
        "enum { k_nSomething = 5 };",
    );
    const C_TEST: (&str, &str) = ("crates/bowline-capi/ctests/a.c", "k_nSomething == 5");

    fn offences(row: &str) -> Vec<String> {
        let data = format!("{COLUMNS}\nx,G,relays,,\n{row}\n");
        let page = Row::read_all(&data)
            .map(|rows| {
                let tree = Tree::of(&[LIST, HEADER]);
                page(&rows, &InC::of(&tree), &InLua::of(&tree))
            })
            .unwrap_or_default();
        coverage_is_complete(&Tree::of(&[
            SOURCE,
            TESTS,
            LIST,
            HEADER,
            C_TEST,
            (DATA, &data),
            (PAGE, &page),
        ]))
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
    fn what_is_only_in_c_is_shown_by_the_list_and_the_headers() {
        assert_eq!(
            offences("x,k_nSomething,,,bowline-capi/ctests/a.c#k_nSomething"),
            [""; 0]
        );
        let missing = offences("x,k_nSomething,,,bowline-capi/ctests/a.c#k_nOther");
        assert!(missing[0].contains("there is no test"), "{missing:?}");
        let tree = Tree::of(&[LIST, HEADER]);
        let c = InC::of(&tree);
        assert_eq!(c.cell("G"), "`Steam_G`");
        assert_eq!(c.cell("k_nSomething / _Else"), "in the headers");
        assert_eq!(c.cell("k_nAbsent"), "");
        let unknown = c.offences(&[]);
        assert!(unknown[0].contains("there is no G"), "{unknown:?}");
        assert_eq!(unknown.len(), 1);
    }

    #[test]
    fn a_stale_page_is_found() {
        let data = format!("{COLUMNS}\nx,F,relays,,\n");
        let tree = Tree::of(&[(DATA, &data), (PAGE, "old")]);
        assert!(coverage_is_complete(&tree)[0].contains("is stale"));
    }
}
