//! What the operator is told of somebody else's faults: one line in a while, whatever number of clients runs into them.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::Instant;

use crate::limits::MAX_TOLD;

/// When something was told last.
#[derive(Debug, Default)]
pub(crate) struct Told(Mutex<Option<Last>>);

#[derive(Debug)]
struct Last {
    at: Instant,
    /// Not told since then.
    more: u64,
}

/// One line in this time.
const WHILE: Duration = Duration::from_secs(1);

impl Told {
    /// Whether one more is to be told; if so, with how many there were since the last one that was.
    pub(crate) fn is_due(&self, now: Instant) -> Option<u64> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *last {
            Some(last) if now.saturating_duration_since(last.at) < WHILE => {
                last.more += 1;
                None
            }
            last => {
                let more = last.as_ref().map_or(0, |last| last.more);
                *last = Some(Last { at: now, more: 0 });
                Some(more)
            }
        }
    }
}

/// As much of what somebody else says as a line has room for.
pub(crate) fn short(text: &str) -> String {
    let mut chars = text.chars();
    let mut short: String = chars.by_ref().take(MAX_TOLD).collect();
    if chars.next().is_some() {
        short.push_str("...");
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limit_lines_about_faults_of_others() {
        let (told, began) = (Told::default(), Instant::now());
        assert_eq!(told.is_due(began), Some(0));
        for _ in 0..7 {
            assert_eq!(told.is_due(began + WHILE / 2), None);
        }
        assert_eq!(told.is_due(began + WHILE), Some(7));
        assert_eq!(told.is_due(began + 2 * WHILE), Some(0));
    }

    #[test]
    fn limit_length_of_what_is_told() {
        let most = "ü".repeat(MAX_TOLD);
        assert_eq!(short(&most), most);
        assert_eq!(short(&format!("{most}x")), format!("{most}..."));
    }
}
