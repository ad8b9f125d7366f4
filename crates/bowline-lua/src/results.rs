//! Results as luasteam has them: texts.

use bowline::ResultCode;

/// luasteam's table of names ends here.
const LAST: i32 = 127;

/// The name that luasteam has for a result.
pub(crate) fn name(result: ResultCode) -> &'static str {
    if result.number() > LAST {
        "Unknown"
    } else {
        result.name()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_original() {
        let named = |number| ResultCode::from_number(number).map(name);
        for (number, expected) in [
            (0, "None"),
            (1, "OK"),
            (2, "Fail"),
            (3, "NoConnection"),
            (5, "InvalidPassword"),
            (8, "InvalidParam"),
            (11, "InvalidState"),
            (25, "LimitExceeded"),
            (41, "Ignored"),
            (127, "PhoneNumberIsVOIP"),
            (128, "Unknown"),
            (129, "Unknown"),
        ] {
            assert_eq!(named(number), Some(expected), "{number}");
        }
        // It has been given up, and luasteam's NoConnectionRetry never comes.
        assert_eq!(named(4), None);
    }
}
