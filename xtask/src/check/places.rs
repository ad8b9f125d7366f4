//! Nothing in the repository hangs on the machine or network that it was written in.

use super::{File, Tree};

/// This file, whose tests hold examples of what it looks for.
const SELF: &str = "xtask/src/check/places.rs";

/// Folders at the root of a file system where people and build services keep checkouts.
const HOMES: &[&str] = &[
    "home",
    "root",
    "Users",
    "builds",
    "work",
    "workspace",
    "__w",
];

/// Ends of host names that only a private network knows.
const PRIVATE_ENDS: &[&str] = &[".corp", ".internal", ".intranet", ".lan", ".local"];

/// The only source of packages in a lock file.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// No file names a path of somebody's machine.
pub(super) fn machine_paths(tree: &Tree) -> Vec<String> {
    let mut offences = Vec::new();
    for file in others(tree) {
        for (number, line) in file.lines() {
            if line.contains(&tree.root) || names_a_home(line) {
                offences.push(format!("{}:{number}: a path of one machine", file.path));
            }
        }
    }
    offences
}

/// No link leads into a private network.
pub(super) fn private_hosts(tree: &Tree) -> Vec<String> {
    let mut offences = Vec::new();
    for file in others(tree) {
        for (number, line) in file.lines() {
            for host in hosts(line).filter(|host| is_private(host)) {
                offences.push(format!("{}:{number}: the private host {host}", file.path));
            }
        }
    }
    offences
}

/// Lock files take packages from crates.io, and no cargo setting replaces it.
pub(super) fn lock_file_sources(tree: &Tree) -> Vec<String> {
    let mut offences = Vec::new();
    for file in &tree.files {
        let is_lock = file.path.ends_with("Cargo.lock");
        let is_config = file.path.ends_with(".cargo/config.toml");
        for (number, line) in file.lines() {
            let foreign = is_lock && line.starts_with("source = ") && !line.contains(REGISTRY);
            let replaced = is_config
                && ["[source", "[registr"]
                    .iter()
                    .any(|head| line.starts_with(head));
            if foreign || replaced {
                offences.push(format!(
                    "{}:{number}: a source that is not crates.io",
                    file.path
                ));
            }
        }
    }
    offences
}

fn others(tree: &Tree) -> impl Iterator<Item = &File> {
    tree.files.iter().filter(|file| file.path != SELF)
}

/// Whether a `/home/...` and the like stands in the line as the start of a path.
fn names_a_home(line: &str) -> bool {
    line.match_indices('/').any(|(start, _)| {
        let before = line[..start].chars().next_back();
        let starts_path =
            before.is_none_or(|char| !(char.is_alphanumeric() || "._-~/*}".contains(char)));
        let first = line[start + 1..].split_once('/').map(|(first, _)| first);
        starts_path && first.is_some_and(|first| HOMES.contains(&first))
    })
}

/// The hosts of the web links in a line, without user and port.
fn hosts(line: &str) -> impl Iterator<Item = &str> {
    line.split("http").skip(1).filter_map(|rest| {
        let rest = rest
            .strip_prefix("s://")
            .or_else(|| rest.strip_prefix("://"))?;
        let end = rest.find(|char: char| !(char.is_ascii_alphanumeric() || "-.@:".contains(char)));
        let authority = &rest[..end.unwrap_or(rest.len())];
        let host = authority.rsplit('@').next().unwrap_or(authority);
        host.split(':').next()
    })
}

fn is_private(host: &str) -> bool {
    let host = host.trim_end_matches('.');
    let local = host == "localhost" || host.is_empty();
    !local && (!host.contains('.') || PRIVATE_ENDS.iter().any(|end| host.ends_with(end)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_a_machine_are_found_and_other_paths_are_not() {
        for bad in [
            "see /home/anna/x",
            "\"/root/.cargo/\"",
            "(/Users/anna/b)",
            "/builds/x/y",
        ] {
            assert!(names_a_home(bad), "{bad}");
        }
        for good in [
            "/usr/lib/x",
            "a/home/b",
            "./var/x",
            "https://x.org/work/y",
            "and /work",
        ] {
            assert!(!names_a_home(good), "{good}");
        }
        let tree = Tree::of(&[("a.md", "ok\nin /checkout/of/bowline/crates\n")]);
        assert_eq!(machine_paths(&tree), ["a.md:2: a path of one machine"]);
    }

    #[test]
    fn links_into_a_private_network_are_found() {
        let line =
            "https://docs.rs/x http://localhost:80/ https://user@mirror.internal:8/x http://proxy/";
        let private: Vec<&str> = hosts(line).filter(|host| is_private(host)).collect();
        assert_eq!(private, ["mirror.internal", "proxy"]);
    }

    #[test]
    fn foreign_package_sources_are_found() {
        let good = format!("source = \"{REGISTRY}\"\n");
        let tree = Tree::of(&[
            ("Cargo.lock", good.as_str()),
            (
                "x/Cargo.lock",
                "source = \"registry+https://mirror.example.org/index\"\n",
            ),
            (".cargo/config.toml", "[alias]\n[source.crates-io]\n"),
        ]);
        let offences = lock_file_sources(&tree);
        assert_eq!(offences.len(), 2, "{offences:?}");
        assert!(offences[1].starts_with(".cargo/config.toml:2:"));
    }
}
