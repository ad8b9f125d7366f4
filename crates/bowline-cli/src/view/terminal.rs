//! What a terminal can do, and text from elsewhere that is safe to print on one.

use std::env;
use std::io;
use std::io::IsTerminal;
use std::io::Write;

/// Colours and bold, or nothing where they would not be understood.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Style {
    colours: bool,
}

impl Style {
    /// As standard output takes it; the variable `NO_COLOR` switches colours off.
    pub(crate) fn of_stdout() -> Self {
        let wanted = env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            colours: wanted && !dumb && io::stdout().is_terminal(),
        }
    }

    pub(crate) fn good(self, text: &str) -> String {
        self.wrap("1;32", text)
    }

    pub(crate) fn bad(self, text: &str) -> String {
        self.wrap("1;31", text)
    }

    pub(crate) fn heading(self, text: &str) -> String {
        self.wrap("1", text)
    }

    fn wrap(self, code: &str, text: &str) -> String {
        if self.colours {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

/// A block of lines on a terminal that is written over again and again.
#[derive(Debug, Default)]
pub(crate) struct LiveBlock {
    lines: usize,
}

impl LiveBlock {
    /// Puts `text` where the previous text was.
    pub(crate) fn draw(&mut self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        self.rewind(&mut out)?;
        // Without wrapping: on a narrow terminal a line would be two, and the next text be put wrong.
        write!(out, "\x1b[?7l")?;
        for line in text.lines() {
            writeln!(out, "{line}\x1b[K")?;
        }
        write!(out, "\x1b[?7h")?;
        self.lines = text.lines().count();
        out.flush()
    }

    /// Removes the block.
    pub(crate) fn clear(&mut self) -> io::Result<()> {
        let mut out = io::stdout().lock();
        self.rewind(&mut out)?;
        write!(out, "\x1b[J")?;
        self.lines = 0;
        out.flush()
    }

    fn rewind(&self, out: &mut impl Write) -> io::Result<()> {
        if self.lines > 0 {
            write!(out, "\x1b[{}A\r", self.lines)?;
        }
        Ok(())
    }
}

/// The text with everything replaced that a terminal could take for a command.
pub(crate) fn printable(text: &str) -> String {
    let is_safe = |c: char| c == '\t' || !c.is_control();
    let safe = |c: char| {
        if is_safe(c) {
            c
        } else {
            char::REPLACEMENT_CHARACTER
        }
    };
    text.chars()
        .map(safe)
        .collect::<String>()
        .replace('\t', "    ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_output_has_no_colours() {
        let style = Style { colours: false };
        assert_eq!(style.good("PASS"), "PASS");
        assert_eq!(Style { colours: true }.bad("FAIL"), "\x1b[1;31mFAIL\x1b[0m");
    }

    #[test]
    fn control_characters_are_replaced() {
        assert_eq!(printable("a\x07b\u{9b}c\td"), "a\u{fffd}b\u{fffd}c    d");
    }
}
