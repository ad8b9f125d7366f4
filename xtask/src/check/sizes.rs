//! How long a file may be.

use super::{File, Tree};

/// A longer file holds more than one idea, or has a reason in [`EXCEPTIONS`].
const MAX_LINES: usize = 500;

/// A table `[files]` of `"path" = "why it is longer"`.
const EXCEPTIONS: &str = "xtask/oversize.toml";

/// No Rust file is over [`MAX_LINES`] without a reason, and no reason outlives its need.
pub(super) fn file_sizes(tree: &Tree) -> Vec<String> {
    let (exceptions, mut offences) = match exceptions(tree) {
        Ok(exceptions) => (exceptions, Vec::new()),
        Err(error) => (Vec::new(), vec![format!("{EXCEPTIONS}: {error}")]),
    };
    let long: Vec<&File> = tree.rust_files().filter(|file| is_long(file)).collect();
    for file in &long {
        if !exceptions.contains(&file.path) {
            let lines = file.text.lines().count();
            let path = &file.path;
            offences.push(format!(
                "{path}: {lines} lines; split it, or give a reason in {EXCEPTIONS}"
            ));
        }
    }
    for path in exceptions {
        if !long.iter().any(|file| file.path == path) {
            offences.push(format!(
                "{EXCEPTIONS}: {path} is not over {MAX_LINES} lines"
            ));
        }
    }
    offences
}

fn is_long(file: &File) -> bool {
    let generated = file.text.starts_with("// Made by `cargo xtask");
    !generated && file.text.lines().count() > MAX_LINES
}

fn exceptions(tree: &Tree) -> Result<Vec<String>, String> {
    let file = tree.file(EXCEPTIONS).ok_or("is missing")?;
    let table: toml::Table = file.text.parse().map_err(|error| format!("{error}"))?;
    let files = table
        .get("files")
        .and_then(toml::Value::as_table)
        .ok_or("has no table `files`")?;
    for (path, reason) in files {
        if reason
            .as_str()
            .is_none_or(|reason| reason.trim().is_empty())
        {
            return Err(format!("{path} has no reason"));
        }
    }
    Ok(files.keys().cloned().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offences(lines: usize, exceptions: &str, head: &str) -> Vec<String> {
        let text = format!("{head}{}", "x\n".repeat(lines));
        file_sizes(&Tree::of(&[("a/b.rs", &text), (EXCEPTIONS, exceptions)]))
    }

    #[test]
    fn a_file_over_the_limit_needs_a_reason() {
        assert!(offences(500, "[files]", "").is_empty());
        assert_eq!(offences(501, "[files]", "").len(), 1);
        assert!(offences(501, "[files]\n\"a/b.rs\" = \"one table\"", "").is_empty());
        assert_eq!(offences(501, "[files]\n\"a/b.rs\" = \" \"", "").len(), 2);
    }

    #[test]
    fn a_reason_without_need_and_a_broken_table_are_offences() {
        assert_eq!(
            offences(10, "[files]\n\"a/b.rs\" = \"one table\"", "").len(),
            1
        );
        assert_eq!(offences(10, "files = 7", "").len(), 1);
        assert_eq!(file_sizes(&Tree::of(&[])).len(), 1);
    }

    #[test]
    fn generated_files_are_exempt() {
        assert!(
            offences(
                900,
                "[files]",
                "// Made by `cargo xtask codegen` from x.proto.\n"
            )
            .is_empty()
        );
    }
}
