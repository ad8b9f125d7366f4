//! What a reader of the documents relies on.

use super::{File, Tree};

/// Every relative link in a Markdown file leads to a file or folder of the repository.
pub(super) fn links_resolve(tree: &Tree) -> Vec<String> {
    let mut offences = Vec::new();
    for file in tree.files.iter().filter(|file| file.path.ends_with(".md")) {
        for (number, target) in links(file) {
            if !resolves(tree, &file.path, target) {
                offences.push(format!(
                    "{}:{number}: the link {target} leads nowhere",
                    file.path
                ));
            }
        }
    }
    offences
}

/// The change log has a place for what is not released.
pub(super) fn changelog_has_unreleased(tree: &Tree) -> Vec<String> {
    let has = |file: &File| file.lines().any(|(_, line)| line == "## Unreleased");
    if tree.file("CHANGELOG.md").is_some_and(has) {
        return Vec::new();
    }
    vec!["CHANGELOG.md: has no section `## Unreleased`".to_owned()]
}

/// The targets of inline links, with their lines; code blocks are left out.
fn links(file: &File) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut in_code = false;
    for (number, line) in file.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        for rest in line.split("](").skip(1) {
            if let Some((target, _)) = rest.split_once(')') {
                found.push((number, target));
            }
        }
    }
    found
}

fn resolves(tree: &Tree, from: &str, target: &str) -> bool {
    let path = target.split('#').next().unwrap_or_default();
    if path.is_empty() || target.contains("://") || target.starts_with("mailto:") {
        return true;
    }
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in path.trim_end_matches('/').split('/') {
        match part {
            "." => {}
            ".." => {
                if parts.pop().is_none() {
                    return false;
                }
            }
            name => parts.push(name),
        }
    }
    let path = parts.join("/");
    let folder = format!("{path}/");
    tree.files
        .iter()
        .any(|file| file.path == path || file.path.starts_with(&folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_link_must_lead_to_a_file_or_folder() {
        let text = "[a](b.md#part) [c](../crates/x/) [up](../../y.md) [web](https://x.org/y)\n\
                    [self](#part) [lost](missing.md)\n```\n[code](not-a-link.md)\n```\n";
        let tree = Tree::of(&[
            ("docs/a.md", text),
            ("docs/b.md", ""),
            ("crates/x/lib.rs", ""),
        ]);
        let offences = links_resolve(&tree);
        assert_eq!(
            offences,
            [
                "docs/a.md:1: the link ../../y.md leads nowhere",
                "docs/a.md:2: the link missing.md leads nowhere",
            ]
        );
    }

    #[test]
    fn a_change_log_without_unreleased_is_found() {
        assert!(
            changelog_has_unreleased(&Tree::of(&[("CHANGELOG.md", "# X\n\n## Unreleased\n")]))
                .is_empty()
        );
        assert_eq!(
            changelog_has_unreleased(&Tree::of(&[("CHANGELOG.md", "## 0.1.0\n")])).len(),
            1
        );
        assert_eq!(changelog_has_unreleased(&Tree::of(&[])).len(), 1);
    }
}
