//! Numbers in texts as C reads and prints them: blanks before a number are skipped, and what follows it
//! does not matter.

/// As `%lld` of `scanf` reads it, but saturating.
pub(crate) fn int(text: &str) -> Option<i64> {
    let text = skip_blanks(text);
    let start = sign(text);
    let end = start + digits(&text[start..]);
    if start == end {
        return None;
    }
    let limit = if text.starts_with('-') {
        i64::MIN
    } else {
        i64::MAX
    };
    Some(text[..end].parse().unwrap_or(limit))
}

/// As `%llu` of `scanf` reads it, but saturating, and numbers below 0 are none.
pub(crate) fn unsigned(text: &str) -> Option<u64> {
    let text = skip_blanks(text);
    let text = text.strip_prefix('+').unwrap_or(text);
    let end = digits(text);
    (end > 0).then(|| text[..end].parse().unwrap_or(u64::MAX))
}

/// As `%f` of `scanf` reads it, except for hexadecimal.
pub(crate) fn float(text: &str) -> Option<f32> {
    let text = skip_blanks(text);
    let start = sign(text);
    for word in ["infinity", "inf", "nan"] {
        let end = start + word.len();
        if let Some(found) = text.get(start..end)
            && found.eq_ignore_ascii_case(word)
        {
            return text[..end].parse().ok();
        }
    }
    let mut end = start + digits(&text[start..]);
    if text[end..].starts_with('.') {
        end += 1 + digits(&text[end + 1..]);
    }
    if text[end..].starts_with(['e', 'E']) {
        let power = end + 1 + sign(&text[end + 1..]);
        let length = digits(&text[power..]);
        if length > 0 {
            end = power + length;
        }
    }
    text[..end].parse().ok()
}

/// As `%g` of `printf` prints it.
pub(crate) fn shortest(value: f32) -> String {
    /// As many digits as C prints.
    const DIGITS: i32 = 6;
    if !value.is_finite() {
        return value.to_string().to_lowercase();
    }
    let scientific = format!("{value:.*e}", DIGITS as usize - 1);
    let (number, power) = scientific
        .split_once('e')
        .expect("numbers in this form have an e");
    let power: i32 = power.parse().expect("the power is a number");
    if (-4..DIGITS).contains(&power) {
        let places = usize::try_from(DIGITS - 1 - power).unwrap_or(0);
        return without_zeros(&format!("{value:.places$}")).to_owned();
    }
    let sign = if power < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", without_zeros(number), power.abs())
}

/// What `isspace` says.
fn skip_blanks(text: &str) -> &str {
    text.trim_start_matches([' ', '\t', '\n', '\r', '\u{b}', '\u{c}'])
}

/// How many bytes a sign takes, if there is one.
fn sign(text: &str) -> usize {
    usize::from(text.starts_with(['+', '-']))
}

fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

fn without_zeros(number: &str) -> &str {
    if number.contains('.') {
        number.trim_end_matches('0').trim_end_matches('.')
    } else {
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_read_to_their_end() {
        for (text, number) in [
            ("5", Some(5)),
            (" \t\n-12abc", Some(-12)),
            ("+7", Some(7)),
            ("0x10", Some(0)),
            ("1.9", Some(1)),
            ("9999999999999999999999", Some(i64::MAX)),
            ("-9999999999999999999999", Some(i64::MIN)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("", None),
            ("-", None),
            ("- 5", None),
            ("x5", None),
            ("é", None),
        ] {
            assert_eq!(int(text), number, "{text:?}");
        }
        assert_eq!(unsigned(" 5x"), Some(5));
        assert_eq!(unsigned("-5"), None);
        assert_eq!(unsigned("99999999999999999999"), Some(u64::MAX));
        assert_eq!(unsigned("é"), None);
    }

    #[test]
    fn fractions_are_read_to_their_end() {
        for (text, number) in [
            ("2.5ms", Some(2.5)),
            (" -.5", Some(-0.5)),
            ("5.", Some(5.0)),
            ("1e3", Some(1000.0)),
            ("1e", Some(1.0)),
            ("1e+x", Some(1.0)),
            ("1E-2", Some(0.01)),
            ("-Infinity", Some(f32::NEG_INFINITY)),
            ("1e99", Some(f32::INFINITY)),
            (".", None),
            ("", None),
            ("+", None),
            ("é1", None),
            ("1é", Some(1.0)),
        ] {
            assert_eq!(float(text), number, "{text:?}");
        }
        assert!(float("NaN").unwrap().is_nan());
    }

    /// What glibc's `printf` made of them.
    #[test]
    fn fractions_are_printed_as_in_c() {
        for (number, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (0.1, "0.1"),
            (100.0, "100"),
            (123_456.0, "123456"),
            (999_999.5, "1e+06"),
            (1_234_567.0, "1.23457e+06"),
            (0.000_1, "0.0001"),
            (0.000_012_345, "1.2345e-05"),
            (-2.5e30, "-2.5e+30"),
            (f32::INFINITY, "inf"),
            (f32::NEG_INFINITY, "-inf"),
            (f32::NAN, "nan"),
        ] {
            assert_eq!(shortest(number), text);
        }
    }
}
