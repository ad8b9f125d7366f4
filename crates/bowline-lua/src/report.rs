//! What the answer of a function cannot say: lines for whoever watches the program's standard error.

use std::error::Error;

/// Writes a line about something that a function refused or ignored.
#[allow(
    clippy::print_stderr,
    reason = "luasteam says there why a function failed"
)]
pub(crate) fn line(text: &str) {
    eprintln!("luasteam: {text}");
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
