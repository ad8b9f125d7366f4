//! Fixed rates.

/// A clock that strikes at a fixed rate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Metronome {
    period_ns: Option<u64>,
    next_ns: u64,
}

/// Missed strikes that are made up for. After a longer pause the clock starts anew.
const MAX_LATE_STRIKES: u64 = 4;

impl Metronome {
    /// Strikes first at `first_ns`; never if the rate is 0.
    pub(crate) fn new(hz: f64, first_ns: u64) -> Self {
        Self {
            period_ns: (hz > 0.0).then(|| (1e9 / hz).max(1.0) as u64),
            next_ns: first_ns,
        }
    }

    /// Whether it strikes by `now_ns`; each strike is told once.
    pub(crate) fn strikes(&mut self, now_ns: u64) -> bool {
        let Some(period_ns) = self.period_ns else {
            return false;
        };
        if now_ns < self.next_ns {
            return false;
        }
        if now_ns > self.next_ns + MAX_LATE_STRIKES * period_ns {
            self.next_ns = now_ns;
        }
        self.next_ns += period_ns;
        true
    }

    /// When it strikes next; far in the future if never.
    pub(crate) const fn next_ns(&self) -> u64 {
        match self.period_ns {
            Some(_) => self.next_ns,
            None => u64::MAX,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metronome_makes_up_for_short_delays_only() {
        let mut metronome = Metronome::new(1e9 / 100.0, 1000);
        let strikes = |metronome: &mut Metronome, now| {
            let mut count = 0;
            while metronome.strikes(now) {
                count += 1;
            }
            count
        };
        assert_eq!(strikes(&mut metronome, 999), 0);
        assert_eq!(strikes(&mut metronome, 1000), 1);
        assert_eq!(strikes(&mut metronome, 1250), 2);
        assert_eq!(metronome.next_ns(), 1300);
        assert_eq!(strikes(&mut metronome, 5000), 1);
        assert_eq!(metronome.next_ns(), 5100);
    }

    #[test]
    fn a_rate_of_zero_never_strikes() {
        let mut metronome = Metronome::new(0.0, 0);
        assert!(!metronome.strikes(u64::MAX));
        assert_eq!(metronome.next_ns(), u64::MAX);
    }
}
