//! Refusals, summed up.
//!
//! Anybody can be refused as often as they like. So of each reason one is told with its words, and for a second after that
//! only how many more there were.

use std::mem;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::Instant;

use bowline_core::hub::Refusal;

/// Refusals by their reasons, of which there are few.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    sums: Mutex<Vec<Sum>>,
}

#[derive(Debug)]
struct Sum {
    reason: Refusal,
    told_at: Instant,
    /// Since then.
    more: u64,
}

/// One of a reason is told in this time.
const SUMMED_UP: Duration = Duration::from_secs(1);

impl Refusals {
    /// Tells of a refusal, or counts it.
    pub(super) fn add(&self, now: Instant, reason: Refusal, text: &str) {
        let mut sums = self.lock();
        let more = match sums.iter_mut().find(|sum| sum.reason == reason) {
            Some(sum) if now.saturating_duration_since(sum.told_at) < SUMMED_UP => {
                sum.more += 1;
                return;
            }
            Some(sum) => {
                sum.told_at = now;
                mem::take(&mut sum.more)
            }
            None => {
                let (told_at, more) = (now, 0);
                sums.push(Sum {
                    reason,
                    told_at,
                    more,
                });
                more
            }
        };
        drop(sums);
        tell_more(reason, more);
        let reason = reason.to_string();
        tracing::info!(reason, text, "refused");
    }

    /// Tells of what was counted for long enough.
    pub(super) fn tell_due(&self, now: Instant) {
        for sum in self.lock().iter_mut() {
            // Of none that were counted nothing is told: the next one is told with its words.
            if sum.more > 0 && now.saturating_duration_since(sum.told_at) >= SUMMED_UP {
                sum.told_at = now;
                tell_more(sum.reason, mem::take(&mut sum.more));
            }
        }
    }

    /// Tells of all that was counted.
    pub(super) fn tell_all(&self) {
        for sum in self.lock().iter_mut() {
            tell_more(sum.reason, mem::take(&mut sum.more));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Sum>> {
        self.sums.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn tell_more(reason: Refusal, more: u64) {
    if more > 0 {
        let reason = reason.to_string();
        tracing::info!(reason, more, "refused more");
    }
}
