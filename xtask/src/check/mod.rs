//! Rules on the repository's files that no compiler checks: `cargo xtask check`.
//!
//! A rule takes the [`Tree`] and returns a line per offence; [`RULES`] lists them.

use std::path::Path;
use std::process::Command;

use crate::{Result, codegen};

pub(crate) mod coverage;
mod documents;
mod places;
mod sizes;
mod source;

/// A rule: from the files to the offences, each naming its file.
type Rule = fn(&Tree) -> Vec<String>;

const RULES: &[Rule] = &[
    sizes::file_sizes,
    source::loose_ends,
    source::no_unsafe,
    source::limits_have_reasons,
    source::lints_are_inherited,
    places::machine_paths,
    places::private_hosts,
    places::lock_file_sources,
    documents::links_resolve,
    documents::changelog_has_unreleased,
    coverage::coverage_is_complete,
];

/// Applies every rule, and regenerates the generated code to compare it.
///
/// # Errors
/// Lists all offences.
pub(crate) fn run(root: &Path) -> Result {
    let tree = Tree::read(root)?;
    let mut offences: Vec<String> = RULES.iter().flat_map(|rule| rule(&tree)).collect();
    if let Err(error) = codegen::run(root, true) {
        offences.push(error.to_string());
    }
    if offences.is_empty() {
        return Ok(());
    }
    Err(offences.join("\n").into())
}

/// The text files of the repository: what git tracks, and what it would if asked to add all.
#[derive(Debug)]
struct Tree {
    root: String,
    files: Vec<File>,
}

/// One text file.
#[derive(Debug)]
struct File {
    /// From the root, with `/` between the parts.
    path: String,
    text: String,
}

impl Tree {
    fn read(root: &Path) -> Result<Self> {
        let mut git = Command::new("git");
        // Build services check out as another user, which git refuses to read unless told.
        git.current_dir(root)
            .args(["-c", "safe.directory=*", "ls-files", "-z"]);
        git.args(["--cached", "--others", "--exclude-standard"]);
        let output = git.output()?;
        if !output.status.success() {
            return Err("`git ls-files` failed: the rules are about what git tracks".into());
        }
        let mut files = Vec::new();
        for path in String::from_utf8(output.stdout)?.split_terminator('\0') {
            // A tracked file may be deleted on disk; a binary one has no lines to look at.
            if let Ok(text) = std::fs::read_to_string(root.join(path)) {
                files.push(File {
                    path: path.to_owned(),
                    text,
                });
            }
        }
        Ok(Self {
            root: root.display().to_string(),
            files,
        })
    }

    fn rust_files(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.path.ends_with(".rs"))
    }

    fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    fn texts_below(&self, folder: &str) -> impl Iterator<Item = &str> {
        let files = self.files.iter();
        files
            .filter(move |file| file.path.starts_with(folder))
            .map(|file| file.text.as_str())
    }

    /// A tree for the tests of the rules.
    #[cfg(test)]
    fn of(files: &[(&str, &str)]) -> Self {
        let file = |(path, text): &(&str, &str)| File {
            path: (*path).into(),
            text: (*text).into(),
        };
        Self {
            root: "/checkout/of/bowline".into(),
            files: files.iter().map(file).collect(),
        }
    }
}

impl File {
    /// The lines with their numbers, from 1.
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text
            .lines()
            .enumerate()
            .map(|(index, line)| (index + 1, line))
    }
}
