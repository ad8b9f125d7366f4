//! How many lines of the debug output may come from one place in the code.
//!
//! Strangers and peers can cause lines at will, by sending junk. A flood of them must not fill a disk, nor
//! crowd out the lines that matter, so each place has a budget of its own.

use std::collections::HashMap;
use std::time::Duration;
use std::time::Instant;

use tracing::callsite::Identifier;

/// Lines per second of one place. Enough to see what is going on; GNS has a bound for some of its lines
/// only, of one in a second or less.
pub(crate) const MAX_LINES_PER_SECOND: u32 = 100;

const SECOND: Duration = Duration::from_secs(1);

/// The budgets of all places that have had a line. There are as many as the code has lines that log.
#[derive(Debug, Default)]
pub(crate) struct LineLimit {
    places: HashMap<Identifier, Place>,
}

#[derive(Debug)]
struct Place {
    second_began: Instant,
    lines: u32,
}

impl LineLimit {
    /// Whether another line of this place is within its budget.
    pub(crate) fn admits(&mut self, place: Identifier, now: Instant) -> bool {
        let place = self.places.entry(place).or_insert(Place {
            second_began: now,
            lines: 0,
        });
        if now.saturating_duration_since(place.second_began) >= SECOND {
            place.second_began = now;
            place.lines = 0;
        }
        let admitted = place.lines < MAX_LINES_PER_SECOND;
        place.lines += u32::from(admitted);
        admitted
    }
}

#[cfg(test)]
mod tests {
    use tracing::Callsite;
    use tracing::Metadata;
    use tracing::subscriber::Interest;

    use super::*;

    struct Somewhere(u8);

    impl Callsite for Somewhere {
        fn set_interest(&self, _: Interest) {}
        fn metadata(&self) -> &Metadata<'_> {
            unreachable!("nothing is logged here, number {}", self.0)
        }
    }

    static HERE: Somewhere = Somewhere(1);
    static THERE: Somewhere = Somewhere(2);

    #[test]
    fn limit_lines_of_one_place_per_second() {
        let mut limit = LineLimit::default();
        let (here, there) = (Identifier(&HERE), Identifier(&THERE));
        let start = Instant::now();
        let mut admitted = |place: &Identifier, count: u32, at: Duration| {
            let place = || place.clone();
            (0..count)
                .filter(|_| limit.admits(place(), start + at))
                .count()
        };
        let most = MAX_LINES_PER_SECOND;
        assert_eq!(admitted(&here, 10 * most, Duration::ZERO), most as usize);
        // Another place has its own.
        assert_eq!(admitted(&there, 5, SECOND / 2), 5);
        assert_eq!(admitted(&here, 5, SECOND - Duration::from_nanos(1)), 0);
        assert_eq!(admitted(&here, 5, SECOND), 5);
    }
}
