//! How far something that must first be fetched or set up has come.

use core::fmt;

use serde::Deserialize;
use serde::Serialize;

/// Whether a service or a credential can be used, with GNS's numbers.
///
/// Negative: no, or not any longer. 1 to 3: not yet. 100: yes.
/// GNS e707b3a: steamnetworkingtypes.h, `ESteamNetworkingAvailability`.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize,
)]
#[repr(i32)]
pub enum Availability {
    /// Something else that it needs is missing, and waiting will not help.
    CannotTry = -102,
    /// Tried for long enough, and given up.
    Failed = -101,
    /// It was there, and is no longer: expired for example.
    Previously = -100,
    /// It did not work, and is being tried again.
    Retrying = -10,
    /// Not known; what an uninitialised answer holds.
    #[default]
    Unknown = 0,
    /// Not asked for yet.
    NeverTried = 1,
    /// Waits for something else, which is on its way.
    Waiting = 2,
    /// Being fetched or set up for the first time.
    Attempting = 3,
    /// There, and up to date.
    Current = 100,
}

impl Availability {
    /// Every value, in the order of the numbers.
    pub const ALL: [Self; 9] = [
        Self::CannotTry,
        Self::Failed,
        Self::Previously,
        Self::Retrying,
        Self::Unknown,
        Self::NeverTried,
        Self::Waiting,
        Self::Attempting,
        Self::Current,
    ];

    /// The value of that number; `None` if GNS has none.
    pub fn from_number(number: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|value| value.number() == number)
    }

    /// GNS's number.
    pub const fn number(self) -> i32 {
        self as i32
    }

    /// GNS's name, without the prefix that all of them share.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CannotTry => "CannotTry",
            Self::Failed => "Failed",
            Self::Previously => "Previously",
            Self::Retrying => "Retrying",
            Self::Unknown => "Unknown",
            Self::NeverTried => "NeverTried",
            Self::Waiting => "Waiting",
            Self::Attempting => "Attempting",
            Self::Current => "Current",
        }
    }

    /// Whether it can be used now.
    pub const fn is_current(self) -> bool {
        matches!(self, Self::Current)
    }
}

impl fmt::Display for Availability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn availability_has_the_numbers_of_gns() {
        let expected = [
            (-102, "CannotTry"),
            (-101, "Failed"),
            (-100, "Previously"),
            (-10, "Retrying"),
            (0, "Unknown"),
            (1, "NeverTried"),
            (2, "Waiting"),
            (3, "Attempting"),
            (100, "Current"),
        ];
        for (value, (number, name)) in Availability::ALL.into_iter().zip(expected) {
            assert_eq!(value.number(), number);
            assert_eq!(value.to_string(), name);
            assert_eq!(Availability::from_number(number), Some(value));
            assert_eq!(value.is_current(), number == 100);
        }
        for number in [-103, -1, 4, 99, 101, i32::MAX, i32::MIN] {
            assert_eq!(Availability::from_number(number), None, "{number}");
        }
    }
}
