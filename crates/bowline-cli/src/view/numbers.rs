//! Numbers as people read them.

/// Bytes with a unit, three or four digits.
pub(crate) fn bytes(count: u64) -> String {
    let units = ["KB", "MB", "GB", "TB"];
    if count < 1000 {
        return format!("{count} B");
    }
    let mut value = count as f64 / 1000.0;
    let mut unit = 0;
    while value >= 999.95 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{value:.1} {}", units[unit])
}

/// A share in percent. Never 100 % or 0 % of something that is not quite that.
pub(crate) fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "-".to_owned();
    }
    let exact = part as f64 * 100.0 / whole as f64;
    let shown = if part == 0 || part >= whole {
        exact
    } else {
        exact.clamp(0.01, 99.99)
    };
    format!("{shown:.2} %")
}

/// Microseconds as milliseconds.
pub(crate) fn millis(us: u64) -> String {
    format!("{:.2}", us as f64 / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_get_units() {
        let shown = [0, 999, 1000, 102_400, 999_960, 12_345_678_901].map(bytes);
        assert_eq!(
            shown,
            ["0 B", "999 B", "1.0 KB", "102.4 KB", "1.0 MB", "12.3 GB"]
        );
    }

    #[test]
    fn one_lost_of_many_is_not_none() {
        assert_eq!(percent(0, 1_000_000), "0.00 %");
        assert_eq!(percent(1, 1_000_000), "0.01 %");
        assert_eq!(percent(999_999, 1_000_000), "99.99 %");
        assert_eq!(percent(5, 5), "100.00 %");
        assert_eq!(percent(0, 0), "-");
    }
}
