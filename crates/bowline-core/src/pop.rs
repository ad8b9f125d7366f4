//! Points of presence, the places where relays stand.

use core::fmt;
use core::fmt::Write as _;
use core::str::FromStr;

use serde::Deserialize;
use serde::Serialize;

/// The code of a point of presence: three or four letters as a number, with GNS's packing.
///
/// GNS e707b3a: steamnetworkingtypes.h, `CalculateSteamNetworkingPOPIDFromString`.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize,
)]
pub struct PopId(u32);

/// A text that is no code of a point of presence.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a point of presence has a code of three or four letters and digits, such as fra")]
pub struct PopIdError;

impl PopId {
    /// No point of presence.
    pub const NONE: Self = Self(0);
    /// The code of a development host, `dev`.
    pub const DEV: Self = Self(0x0064_6576);

    /// Keeps a number as it came.
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The three or four letters: the first three from the high end of the low 24 bits, the fourth
    /// above them.
    const fn letters(self) -> [u8; 4] {
        let [fourth, first, second, third] = self.0.to_be_bytes();
        [first, second, third, fourth]
    }
}

impl FromStr for PopId {
    type Err = PopIdError;

    /// Reads what `Display` prints: the letters, or `#` and hexadecimal digits.
    fn from_str(text: &str) -> Result<Self, PopIdError> {
        if let Some(digits) = text.strip_prefix('#') {
            return number(digits).map(Self).ok_or(PopIdError);
        }
        let (first, second, third, fourth) = match *text.as_bytes() {
            [first, second, third] => (first, second, third, 0),
            [first, second, third, fourth] if fourth != 0 => (first, second, third, fourth),
            _ => return Err(PopIdError),
        };
        if !text.bytes().all(|letter| letter.is_ascii_alphanumeric()) {
            return Err(PopIdError);
        }
        Ok(Self(u32::from_be_bytes([fourth, first, second, third])))
    }
}

impl fmt::Display for PopId {
    /// Prints the letters; a number that stands for none as `#` and eight hexadecimal digits, and
    /// [`PopId::NONE`] as nothing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::NONE {
            return Ok(());
        }
        let [first, second, third, fourth] = self.letters();
        let named = [first, second, third].iter().all(u8::is_ascii_alphanumeric)
            && (fourth == 0 || fourth.is_ascii_alphanumeric());
        if !named {
            return write!(f, "#{:08x}", self.0);
        }
        let letters = self.letters().into_iter().filter(|letter| *letter != 0);
        letters
            .map(char::from)
            .try_for_each(|letter| f.write_char(letter))
    }
}

/// One to eight hexadecimal digits.
fn number(digits: &str) -> Option<u32> {
    let plain = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let number = plain.then(|| u32::from_str_radix(digits, 16).ok());
    number.flatten()
}

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use alloc::string::ToString;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn codes_have_the_numbers_of_gns() {
        for (text, number) in [
            ("iad", 0x0069_6164),
            ("abcd", 0x6461_6263),
            ("dev", PopId::DEV.get()),
            ("sto2", 0x3273_746F),
        ] {
            let id: PopId = text.parse().unwrap();
            assert_eq!(id.get(), number, "{text}");
            assert_eq!(id.to_string(), text);
        }
    }

    #[test]
    fn texts_that_are_no_codes_are_refused() {
        for text in [
            "",
            "ia",
            "iad12",
            "i d",
            "ia\0",
            "iad\0",
            "ié",
            "i-d",
            "#",
            "#-1",
            "#+1",
            "#123456789",
        ] {
            assert_eq!(text.parse::<PopId>(), Err(PopIdError), "{text:?}");
        }
    }

    #[test]
    fn numbers_without_letters_still_print() {
        assert_eq!(PopId::NONE.to_string(), "");
        assert_eq!(PopId::new(7).to_string(), "#00000007");
        assert_eq!("#00000007".parse(), Ok(PopId::new(7)));
    }

    proptest! {
        #[test]
        fn codes_read_back(text in "[a-zA-Z0-9]{3,4}") {
            let id: PopId = text.parse().unwrap();
            prop_assert_eq!(id.to_string(), text);
        }

        #[test]
        fn any_text_and_any_number_can_be_tried(text: String, number: u32) {
            let _ = text.parse::<PopId>();
            prop_assert!(PopId::new(number).to_string().len() <= 9);
        }
    }
}
