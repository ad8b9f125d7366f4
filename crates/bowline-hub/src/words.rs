//! What libraries say of input that does not fit, in words for people who do not write Rust.

/// One of their lines, in other words.
pub(crate) fn plain(text: &str) -> String {
    let mut plain = text.to_owned();
    for (theirs, ours) in WORDS {
        plain = plain.replace(theirs, ours);
    }
    // The name of a type follows, and how many parts it has.
    match plain.split_once("expected struct ") {
        Some((before, _)) => format!("{before}expected a section"),
        None => plain,
    }
}

const WORDS: [(&str, &str); 6] = [
    ("expected usize", "expected a whole number"),
    ("expected u32", "expected a whole number"),
    ("expected u64", "expected a whole number"),
    ("expected a sequence", "expected a list"),
    ("expected a map", "expected a section"),
    // Only one setting is of such a kind.
    (
        "wanted exactly 1 element, more than 1 element",
        "expected url or file, not both",
    ),
];
