//! What a chain of authorities may vouch for.

use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use crate::ids::AppId;

/// A data center ("point of presence"): a code of three or four letters as a number.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PopId(u32);

/// A text names no data center.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a data center is a code of 3 or 4 letters or digits, such as fra")]
pub struct PopIdError;

/// Everything, or only some.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Restriction<T> {
    /// No restriction.
    Any,
    /// Only these; sorted, each once. Nothing at all if empty.
    #[non_exhaustive]
    Only(Vec<T>),
}

/// What an authority may vouch for: the intersection of its own limits and those of all above it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Scope {
    apps: Restriction<AppId>,
    pops: Restriction<PopId>,
    expiry_unix_secs: Option<u64>,
}

impl PopId {
    /// Wraps the number of a data center.
    pub const fn new(value: u32) -> Self {
        Self(value)
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl FromStr for PopId {
    type Err = PopIdError;

    /// Reads a code of three or four letters or digits, or `#` and the number.
    fn from_str(text: &str) -> Result<Self, PopIdError> {
        if let Some(number) = text.strip_prefix('#') {
            return number.parse().map(Self).map_err(|_| PopIdError);
        }
        let code = text.as_bytes();
        if !code.iter().all(u8::is_ascii_alphanumeric) {
            return Err(PopIdError);
        }
        // A fourth letter came later, and went to the front (GNS e707b3a: `steamnetworkingtypes.h`).
        match *code {
            [a, b, c] => Ok(Self(u32::from_be_bytes([0, a, b, c]))),
            [a, b, c, d] => Ok(Self(u32::from_be_bytes([d, a, b, c]))),
            _ => Err(PopIdError),
        }
    }
}

impl fmt::Display for PopId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [d, a, b, c] = self.0.to_be_bytes();
        let code = [a, b, c, d];
        let code = code.strip_suffix(&[0]).unwrap_or(&code);
        match core::str::from_utf8(code) {
            Ok(text) if code.iter().all(u8::is_ascii_alphanumeric) => f.write_str(text),
            Ok(_) | Err(_) => write!(f, "#{}", self.0),
        }
    }
}

impl<T: Copy + Ord> Restriction<T> {
    /// The restriction that a list in a certificate means: an empty one is none.
    pub fn from_list(items: impl IntoIterator<Item = T>) -> Self {
        let mut items: Vec<T> = items.into_iter().collect();
        if items.is_empty() {
            return Self::Any;
        }
        items.sort_unstable();
        items.dedup();
        Self::Only(items)
    }

    /// What both allow.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Any, restriction) | (restriction, Self::Any) => restriction.clone(),
            (Self::Only(items), Self::Only(_)) => Self::Only(
                items
                    .iter()
                    .copied()
                    .filter(|item| other.allows(*item))
                    .collect(),
            ),
        }
    }

    /// Whether `item` is allowed.
    pub fn allows(&self, item: T) -> bool {
        match self {
            Self::Any => true,
            Self::Only(items) => items.binary_search(&item).is_ok(),
        }
    }

    /// Whether nothing is allowed.
    pub const fn is_nothing(&self) -> bool {
        match self {
            Self::Any => false,
            Self::Only(items) => items.is_empty(),
        }
    }
}

impl<T: fmt::Display> fmt::Display for Restriction<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Only(items) = self else {
            return f.write_str("any");
        };
        if items.is_empty() {
            return f.write_str("none");
        }
        for (at, item) in items.iter().enumerate() {
            write!(f, "{}{item}", if at == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl Scope {
    /// No limits: the scope of a trusted root.
    pub const UNLIMITED: Self = Self {
        apps: Restriction::Any,
        pops: Restriction::Any,
        expiry_unix_secs: None,
    };

    /// A scope with limits; `expiry_unix_secs` is the last second in which it holds.
    pub const fn new(
        apps: Restriction<AppId>,
        pops: Restriction<PopId>,
        expiry_unix_secs: u64,
    ) -> Self {
        Self {
            apps,
            pops,
            expiry_unix_secs: Some(expiry_unix_secs),
        }
    }

    /// What both allow.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Self {
        let expiries = [self.expiry_unix_secs, other.expiry_unix_secs];
        Self {
            apps: self.apps.intersect(&other.apps),
            pops: self.pops.intersect(&other.pops),
            expiry_unix_secs: expiries.into_iter().flatten().min(),
        }
    }

    /// The apps that may be vouched for.
    pub const fn apps(&self) -> &Restriction<AppId> {
        &self.apps
    }

    /// The data centers that may be vouched for.
    pub const fn pops(&self) -> &Restriction<PopId> {
        &self.pops
    }

    /// The last second in which it holds, since 1970; `None` if it holds for ever.
    pub const fn expiry_unix_secs(&self) -> Option<u64> {
        self.expiry_unix_secs
    }

    /// Whether no certificate could lie within.
    pub const fn is_nothing(&self) -> bool {
        self.apps.is_nothing() || self.pops.is_nothing()
    }

    /// Whether it no longer holds at `now_unix_secs`.
    pub fn is_expired(&self, now_unix_secs: u64) -> bool {
        self.expiry_unix_secs
            .is_some_and(|expiry| expiry < now_unix_secs)
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    fn only(items: &[u32]) -> Restriction<u32> {
        Restriction::from_list(items.iter().copied())
    }

    #[test]
    fn data_centers_have_codes() {
        for (code, number) in [("fra", 0x0066_7261), ("dev2", 0x3264_6576), ("#7", 7)] {
            assert_eq!(code.parse(), Ok(PopId::new(number)), "{code}");
            assert_eq!(PopId::new(number).to_string(), code);
        }
        for bad in [
            "",
            "fr",
            "frank",
            "f a",
            "fr\u{e4}",
            "#",
            "#-1",
            "#4294967296",
        ] {
            assert_eq!(bad.parse::<PopId>(), Err(PopIdError), "{bad}");
        }
    }

    #[test]
    fn empty_list_allows_everything_but_an_empty_intersection_nothing() {
        assert_eq!(only(&[]), Restriction::Any);
        assert!(only(&[]).allows(7) && !only(&[]).is_nothing());
        assert_eq!(only(&[]).to_string(), "any");
        assert_eq!(only(&[2, 1]).to_string(), "1, 2");
        let nothing = only(&[1]).intersect(&only(&[2]));
        assert_eq!(nothing.to_string(), "none");
        assert!(nothing.is_nothing() && !nothing.allows(1));
        assert!(nothing.intersect(&Restriction::Any).is_nothing());
    }

    #[test]
    fn intersection_keeps_what_both_have() {
        assert_eq!(
            only(&[3, 1, 2, 2]).intersect(&only(&[2, 3, 9])),
            only(&[2, 3])
        );
        assert_eq!(Restriction::Any.intersect(&only(&[4])), only(&[4]));
        assert_eq!(only(&[4]).intersect(&Restriction::Any), only(&[4]));
    }

    #[test]
    fn earliest_expiry_counts_and_its_second_still_holds() {
        let scope = |expiry| Scope::new(Restriction::Any, Restriction::Any, expiry);
        let both = scope(10).intersect(&scope(20)).intersect(&Scope::UNLIMITED);
        assert!(!both.is_expired(10) && both.is_expired(11));
        assert!(!Scope::UNLIMITED.is_expired(u64::MAX));
    }
}
