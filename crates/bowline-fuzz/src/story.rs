//! What happens in a run, told line by line to whoever replays it.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

static IS_TOLD: AtomicBool = AtomicBool::new(false);

/// From now on runs tell on the standard error output what happens in them.
pub fn begin() {
    IS_TOLD.store(true, Ordering::Relaxed);
}

/// Tells a line, if somebody listens.
#[allow(clippy::print_stderr, reason = "a story is for a person at a terminal")]
pub(crate) fn tell(line: fmt::Arguments<'_>) {
    if IS_TOLD.load(Ordering::Relaxed) {
        eprintln!("{line}");
    }
}
