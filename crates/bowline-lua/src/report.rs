//! What the answer of a function cannot say: lines for whoever watches the program's standard error.

use std::error::Error;
use std::io::Write as _;

/// Writes a line about something that a function refused or ignored. In one piece, since other threads write, too.
pub(crate) fn line(text: &str) {
    let line = format!("luasteam: {text}\n");
    // There is nobody to tell that nobody can be told.
    let _ = std::io::stderr().write_all(line.as_bytes());
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
