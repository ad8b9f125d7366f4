//! What the user sees: lines for people or JSON for programs.

pub(crate) mod event;
pub(crate) mod numbers;
pub(crate) mod table;
pub(crate) mod terminal;

use std::io;
use std::io::Write;

use serde::Serialize;

use crate::error::Error;
use crate::view::event::Event;

/// Where lines go, and in which form.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) const fn new(json: bool) -> Self {
        Self { json }
    }

    /// Tells an event: messages on standard output and the rest on standard error, or as JSON all on
    /// standard output.
    pub(crate) fn event(self, event: &Event<'_>) -> Result<(), Error> {
        if self.json {
            return json_line(event);
        }
        let result = match event {
            Event::Message { .. } => writeln!(io::stdout(), "{event}"),
            Event::Listening { .. }
            | Event::Connecting { .. }
            | Event::Connected { .. }
            | Event::Dropped { .. }
            | Event::Closed { .. } => writeln!(io::stderr(), "{event}"),
        };
        result.map_err(Error::Output)
    }
}

/// Prints one JSON object on a line of its own.
pub(crate) fn json_line(value: &impl Serialize) -> Result<(), Error> {
    let line = serde_json::to_string(value).map_err(|error| Error::Output(error.into()))?;
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")
        .and_then(|()| out.flush())
        .map_err(Error::Output)
}

/// Prints a line, or several.
pub(crate) fn line(text: &str) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")
        .and_then(|()| out.flush())
        .map_err(Error::Output)
}
