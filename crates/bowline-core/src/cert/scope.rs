//! What a chain of authorities may vouch for.

use alloc::vec::Vec;
use core::fmt;

use crate::ids::AppId;
use crate::pop::PopId;

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
