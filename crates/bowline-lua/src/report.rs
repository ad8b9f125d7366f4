//! What the answer of a function cannot say: lines for whoever watches the program's standard error.

use std::borrow::Cow;
use std::error::Error;
use std::io::Write as _;

/// Characters of a line: what the script gave is in it, and may be of any size.
const MAX_LINE: usize = 500;

/// Writes a line about something that a function refused or ignored. In one piece, since other threads write, too.
pub(crate) fn line(text: &str) {
    let line = format!("luasteam: {}\n", shortened(text));
    // There is nobody to tell that nobody can be told.
    let _ = std::io::stderr().write_all(line.as_bytes());
}

/// The text, or its beginning.
fn shortened(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(MAX_LINE) {
        Some((end, _)) => Cow::Owned(format!("{}...", text.split_at(end).0)),
        None => Cow::Borrowed(text),
    }
}

/// Writes why a function gives a handle that names nothing.
pub(crate) fn failed(function: &str, why: &str) {
    line(&format!("{function}: {why}"));
}

/// An error with what caused it.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limit_a_line_is_cut_between_characters() {
        let fits = "é".repeat(MAX_LINE);
        assert_eq!(shortened(&fits), fits);
        assert_eq!(shortened(&(fits.clone() + "é")), fits + "...");
    }
}
