//! Dates as people read and write them.

use core::fmt;
use core::ops::RangeInclusive;
use core::str::FromStr;

/// A moment, in seconds since 1970 by the wall clock. Its text form is `2026-11-21 05:32:31 UTC`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct UnixTime(u64);

/// A text names no moment.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a time is YYYY-MM-DD, YYYY-MM-DD HH:MM:SS in UTC, or seconds since 1970")]
pub struct UnixTimeError;

impl UnixTime {
    /// The moment so many seconds after the beginning of 1970.
    pub const fn new(secs: u64) -> Self {
        Self(secs)
    }

    /// Seconds since 1970.
    pub const fn secs(self) -> u64 {
        self.0
    }
}

impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 > LAST {
            return write!(f, "{} s after 1970", self.0);
        }
        let (days, second) = (self.0 / DAY, self.0 % DAY);
        let (year, month, day) = date_of(days);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(
            f,
            "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC"
        )
    }
}

impl FromStr for UnixTime {
    type Err = UnixTimeError;

    fn from_str(text: &str) -> Result<Self, UnixTimeError> {
        if let Some(secs) = number(text, 1..=20) {
            return Ok(Self(secs));
        }
        let zone = text.strip_suffix("UTC").or_else(|| text.strip_suffix('Z'));
        let text = zone.unwrap_or(text).trim_end();
        let (date, time) = match text.split_once([' ', 'T']) {
            Some((date, time)) => (date, time),
            None => (text, "00:00:00"),
        };
        let [year, month, day] = parts(date, '-', [4..=4, 2..=2, 2..=2])?;
        let [hour, minute, second] = parts(time, ':', [2..=2, 2..=2, 2..=2])?;
        let days = days_to(year, month, day).ok_or(UnixTimeError)?;
        if hour > 23 || minute > 59 || second > 59 {
            return Err(UnixTimeError);
        }
        Ok(Self(days * DAY + hour * 3600 + minute * 60 + second))
    }
}

/// The date of a day, counted from the beginning of 1970.
fn date_of(mut days: u64) -> (u64, u64, u64) {
    let mut year = 1970;
    while days >= days_of_year(year) {
        days -= days_of_year(year);
        year += 1;
    }
    let mut month = 1;
    while days >= days_of_month(year, month) {
        days -= days_of_month(year, month);
        month += 1;
    }
    (year, month, days + 1)
}

/// The days from the beginning of 1970 to a date; `None` if there is no such date.
fn days_to(year: u64, month: u64, day: u64) -> Option<u64> {
    if year < 1970 || !(1..=12).contains(&month) || day < 1 || day > days_of_month(year, month) {
        return None;
    }
    let years: u64 = (1970..year).map(days_of_year).sum();
    let months: u64 = (1..month).map(|month| days_of_month(year, month)).sum();
    Some(years + months + day - 1)
}

const fn days_of_year(year: u64) -> u64 {
    if is_leap(year) { 366 } else { 365 }
}

const fn days_of_month(year: u64, month: u64) -> u64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

const fn is_leap(year: u64) -> bool {
    (year.is_multiple_of(4) && !year.is_multiple_of(100)) || year.is_multiple_of(400)
}

fn parts<const N: usize>(
    text: &str,
    separator: char,
    lengths: [RangeInclusive<usize>; N],
) -> Result<[u64; N], UnixTimeError> {
    let mut words = text.split(separator);
    let numbers = lengths.map(|length| words.next().and_then(|word| number(word, length)));
    if words.next().is_some() || numbers.contains(&None) {
        return Err(UnixTimeError);
    }
    Ok(numbers.map(Option::unwrap_or_default))
}

/// A number of so many digits and nothing else.
fn number(text: &str, digits: RangeInclusive<usize>) -> Option<u64> {
    let plain = digits.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

const DAY: u64 = 86_400;
/// The last second of the year 9999.
const LAST: u64 = 253_402_300_799;

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_moments() {
        for (secs, text) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (951_782_400, "2000-02-29 00:00:00 UTC"),
            (1_795_239_151, "2026-11-21 05:32:31 UTC"),
            (4_107_542_400, "2100-03-01 00:00:00 UTC"),
            (LAST, "9999-12-31 23:59:59 UTC"),
        ] {
            assert_eq!(UnixTime::new(secs).to_string(), text);
        }
        assert_eq!(
            UnixTime::new(u64::MAX).to_string(),
            "18446744073709551615 s after 1970"
        );
    }

    #[test]
    fn several_forms_are_read() {
        let expected = Ok(UnixTime::new(1_795_219_200));
        for text in [
            "1795219200",
            "2026-11-21",
            "2026-11-21 00:00:00",
            "2026-11-21T00:00:00Z",
            "2026-11-21 00:00:00 UTC",
        ] {
            assert_eq!(text.parse(), expected, "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "-1",
            "now",
            "2026-11",
            "2026-13-01",
            "2026-02-29",
            "2026-11-00",
            "26-11-21",
            "1969-12-31",
            "2026-11-21 24:00:00",
            "2026-11-21 1:00:00",
            "2026-11-21-1",
            "99999999999999999999",
        ] {
            assert_eq!(text.parse::<UnixTime>(), Err(UnixTimeError), "{text}");
        }
    }

    proptest! {
        #[test]
        fn moments_round_trip(secs in 0..=LAST) {
            let moment = UnixTime::new(secs);
            prop_assert_eq!(moment.to_string().parse(), Ok(moment));
        }

        #[test]
        fn arbitrary_text_never_panics(text in "[-0-9:TZ \\PC]{0,30}") {
            let _: Result<_, _> = text.parse::<UnixTime>();
        }
    }
}
