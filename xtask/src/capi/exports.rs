//! The names that the built library exports, held against the list.

use std::collections::BTreeSet;
use std::path::Path;

use object::Object as _;

use crate::Result;

const LIST: &str = "crates/bowline-capi/exports.csv";
const OWN_HEADER: &str = "crates/bowline-capi/include/bowline.h";

/// Holds what the library exports against the list, exactly, and the list's names of ours against their
/// header. Returns how many there are.
///
/// # Errors
/// A name that is in one and not in the other.
pub(crate) fn hold(root: &Path, shared: &Path) -> Result<usize> {
    let list = std::fs::read_to_string(root.join(LIST))?;
    let listed = names(&list, |_| true);
    let exported = exported(&std::fs::read(shared)?)?;
    let mut offences = differences(&listed, &exported, LIST, &shared.display().to_string());
    let ours = names(&list, |origin| origin == "ours");
    let declared = declared(&std::fs::read_to_string(root.join(OWN_HEADER))?);
    offences.extend(differences(&ours, &declared, LIST, OWN_HEADER));
    if offences.is_empty() {
        Ok(exported.len())
    } else {
        Err(offences.join("\n").into())
    }
}

/// The names in the list whose origin is asked for.
fn names(list: &str, is_asked: impl Fn(&str) -> bool) -> BTreeSet<String> {
    let lines = list.lines().skip(1);
    let fields = lines.map(|line| line.split(',').collect::<Vec<_>>());
    let asked = fields.filter(|fields| fields.get(1).is_some_and(|origin| is_asked(origin)));
    asked.map(|fields| fields[0].to_owned()).collect()
}

/// The names that a shared library lends to programs.
fn exported(file: &[u8]) -> Result<BTreeSet<String>> {
    let file = object::File::parse(file)?;
    // Apple's compilers put a `_` before every name of C.
    let prefix = match file.format() {
        object::BinaryFormat::MachO => "_",
        _ => "",
    };
    let mut names = BTreeSet::new();
    for export in file.exports()? {
        let name = std::str::from_utf8(export.name())?;
        let name = name.strip_prefix(prefix).unwrap_or(name);
        if !name.starts_with(OF_PARTS) {
            names.insert(name.to_owned());
        }
    }
    Ok(names)
}

/// What C code within the library marks for export by itself, and mingw's linker heeds: names with the
/// version of that code in them, which nobody asks for.
const OF_PARTS: &str = "aws_lc_";

/// The functions that our header declares.
fn declared(header: &str) -> BTreeSet<String> {
    let lines = header
        .lines()
        .filter(|line| line.starts_with("BOWLINE_API "));
    let names = lines.filter_map(|line| {
        let start = line.find("Bowline_")?;
        let end = line[start..].find('(')?;
        Some(line[start..start + end].to_owned())
    });
    names.collect()
}

fn differences(
    left: &BTreeSet<String>,
    right: &BTreeSet<String>,
    left_is: &str,
    right_is: &str,
) -> Vec<String> {
    let only = |these: &BTreeSet<String>, those: &BTreeSet<String>, text: &str| {
        let found: Vec<&str> = these.difference(those).map(String::as_str).collect();
        (!found.is_empty()).then(|| format!("{text}: {}", found.join(", ")))
    };
    let missing = only(left, right, &format!("in {left_is}, not in {right_is}"));
    let surplus = only(right, left, &format!("in {right_is}, not in {left_is}"));
    missing.into_iter().chain(surplus).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_told_from_both_sides() {
        let set = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let list = "name,origin,since\nA,open,1.1\nBowline_B,ours,bowline\n";
        assert_eq!(names(list, |_| true), set(&["A", "Bowline_B"]));
        let ours = names(list, |origin| origin == "ours");
        let header = "/* Bowline_C() */\nBOWLINE_API const char *Bowline_D(void);\n";
        assert_eq!(
            differences(&ours, &declared(header), "list", "header"),
            [
                "in list, not in header: Bowline_B",
                "in header, not in list: Bowline_D"
            ]
        );
        assert!(differences(&ours, &ours, "list", "header").is_empty());
    }
}
