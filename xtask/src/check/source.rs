//! What Rust sources and manifests must and must not say.

use super::Tree;

/// Marks of unfinished work, in two halves so that this file holds none.
const LOOSE_ENDS: &[(&str, &str)] = &[
    ("todo", "!("),
    ("unimplemented", "!("),
    ("#[ign", "ore"),
    ("FIX", "ME"),
    ("X", "XX:"),
];

/// Roots of the crates that must not contain unsafe code.
const SAFE_CRATES: &[&str] = &[
    "crates/bowline-core/src/lib.rs",
    "crates/bowline-sim/src/lib.rs",
    "crates/bowline/src/lib.rs",
    "crates/bowline-cli/src/main.rs",
];

/// Nothing is left for later in the code, and no test is switched off.
pub(super) fn loose_ends(tree: &Tree) -> Vec<String> {
    let marks: Vec<String> = LOOSE_ENDS
        .iter()
        .map(|(head, tail)| format!("{head}{tail}"))
        .collect();
    let mut offences = Vec::new();
    for file in tree.rust_files() {
        for (number, line) in file.lines() {
            for mark in marks.iter().filter(|mark| line.contains(*mark)) {
                offences.push(format!("{}:{number}: `{mark}`", file.path));
            }
        }
    }
    offences
}

/// The crates that parse what strangers send forbid unsafe code, each in its root.
pub(super) fn no_unsafe(tree: &Tree) -> Vec<String> {
    const ATTRIBUTE: &str = "#![forbid(unsafe_code)]";
    let has = |path: &str| {
        tree.file(path)
            .is_some_and(|file| file.lines().any(|(_, line)| line == ATTRIBUTE))
    };
    let missing = SAFE_CRATES.iter().filter(|path| !has(path));
    missing
        .map(|path| format!("{path}: has no `{ATTRIBUTE}`"))
        .collect()
}

/// Every constant in a `limits.rs` says what it bounds and why, private ones too.
pub(super) fn limits_have_reasons(tree: &Tree) -> Vec<String> {
    let mut offences = Vec::new();
    for file in tree
        .rust_files()
        .filter(|file| file.path.ends_with("/limits.rs"))
    {
        let mut documented = false;
        for (number, line) in file.lines() {
            let line = line.trim_start();
            let is_constant = [
                "const ",
                "pub const ",
                "pub(crate) const ",
                "pub(super) const ",
            ]
            .iter()
            .any(|head| line.starts_with(head));
            if is_constant && !line.contains("const fn ") && !documented {
                offences.push(format!(
                    "{}:{number}: a bound without a doc comment",
                    file.path
                ));
            }
            // Attributes may stand between the comment and what it is about.
            documented = line.starts_with("///") || (documented && line.starts_with("#["));
        }
    }
    offences
}

/// Every crate of the workspace takes its lints.
pub(super) fn lints_are_inherited(tree: &Tree) -> Vec<String> {
    let mut offences = Vec::new();
    for file in tree
        .files
        .iter()
        .filter(|file| file.path.ends_with("Cargo.toml"))
    {
        let Ok(manifest) = file.text.parse::<toml::Table>() else {
            offences.push(format!("{}: is not TOML", file.path));
            continue;
        };
        let inherits = manifest
            .get("lints")
            .and_then(|lints| lints.get("workspace"))
            .is_some_and(|value| value.as_bool() == Some(true));
        // A workspace of its own has none to take.
        if !inherits && !manifest.contains_key("workspace") {
            offences.push(format!("{}: has no `[lints] workspace = true`", file.path));
        }
    }
    offences
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unfinished_work_and_switched_off_tests_are_found() {
        let ignored = format!("#[test]\n#[ign{} = \"slow\"]\nfn a() {{}}\n", "ore");
        let unfinished = format!("fn a() {{ todo{}) }}\n", "!(");
        let tree = Tree::of(&[
            ("a.rs", &ignored),
            ("b.rs", &unfinished),
            ("c.md", &unfinished),
        ]);
        let offences = loose_ends(&tree);
        assert_eq!(offences.len(), 2, "{offences:?}");
        assert!(offences[0].starts_with("a.rs:2:"));
    }

    #[test]
    fn a_safe_crate_without_the_attribute_is_found() {
        let mut files: Vec<_> = SAFE_CRATES
            .iter()
            .map(|path| (*path, "//! Doc.\n#![forbid(unsafe_code)]\n"))
            .collect();
        assert!(no_unsafe(&Tree::of(&files)).is_empty());
        files[1].1 = "// #![forbid(unsafe_code)]\n";
        assert_eq!(no_unsafe(&Tree::of(&files)).len(), 1);
        assert_eq!(no_unsafe(&Tree::of(&[])).len(), SAFE_CRATES.len());
    }

    #[test]
    fn a_bound_without_a_reason_is_found() {
        let text = "/// Why.\npub const A: u32 = 1;\npub const B: u32 = 2;\n\
                    /// Why.\n#[rustfmt::skip]\nconst C: u32 = 3;\npub const fn d() {}\n";
        let offences = limits_have_reasons(&Tree::of(&[("a/limits.rs", text), ("b.rs", text)]));
        assert_eq!(offences, ["a/limits.rs:3: a bound without a doc comment"]);
    }

    #[test]
    fn a_crate_without_the_workspace_lints_is_found() {
        let good = "[package]\nname = \"a\"\n[lints]\nworkspace = true\n";
        let bad = "[package]\nname = \"b\"\n";
        let own = "[workspace]\n[package]\nname = \"c\"\n";
        let tree = Tree::of(&[
            ("a/Cargo.toml", good),
            ("b/Cargo.toml", bad),
            ("c/Cargo.toml", own),
        ]);
        assert_eq!(
            lints_are_inherited(&tree),
            ["b/Cargo.toml: has no `[lints] workspace = true`"]
        );
    }
}
