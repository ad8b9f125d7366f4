//! The names that our C library exports, from the list that its build is held to.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

/// Columns: name, origin, since, until, function.
const LIST: &str = include_str!("../../../../bowline-capi/exports.csv");

static EXPORTS: LazyLock<Vec<Export>> = LazyLock::new(|| {
    let mut exports: Vec<Export> = LIST.lines().skip(1).filter_map(Export::read).collect();
    exports.sort_unstable_by_key(|export| export.name);
    exports
});

/// An exported name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Export {
    pub(super) name: &'static str,
    pub(super) origin: Origin,
    /// The first release of GameNetworkingSockets that declares it, of those since 1.1; none if it is
    /// not of a release.
    pub(super) since: Option<Release>,
    /// The last release that declares it; none if the newest does.
    pub(super) until: Option<Release>,
}

/// Where a name comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Origin {
    /// The original's library as anyone builds it.
    Open,
    /// Its headers; but its library has it only when built inside Valve.
    Declared,
    /// Steam's own library alone.
    Sdk,
    /// Releases of the original that have gone by.
    Old,
    /// Forks of the original, or proposals to it.
    Fork,
    /// Us.
    Ours,
}

/// A release of GameNetworkingSockets; its third number changes no names.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Release(pub(super) u8, pub(super) u8);

/// The export of this name, if the library has it.
pub(super) fn find(name: &str) -> Option<Export> {
    let at = EXPORTS.binary_search_by_key(&name, |export| export.name);
    at.ok().map(|at| EXPORTS[at])
}

impl Export {
    fn read(line: &'static str) -> Option<Self> {
        let mut fields = line.split(',');
        Some(Self {
            name: fields.next()?,
            origin: Origin::read(fields.next()?)?,
            since: fields.next()?.parse().ok(),
            until: fields.next()?.parse().ok(),
        })
    }
}

impl Origin {
    fn read(word: &str) -> Option<Self> {
        Some(match word {
            "open" => Self::Open,
            "sdr" => Self::Declared,
            "sdk" => Self::Sdk,
            "old" => Self::Old,
            "fork" => Self::Fork,
            "ours" => Self::Ours,
            _ => return None,
        })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "open",
            Self::Declared => "declared",
            Self::Sdk => "steam_api",
            Self::Old => "old",
            Self::Fork => "fork",
            Self::Ours => "bowline",
        })
    }
}

impl FromStr for Release {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (major, minor) = text.split_once('.').ok_or(())?;
        let number = |text: &str| text.parse().map_err(|_| ());
        Ok(Self(number(major)?, number(minor)?))
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_list_is_read_and_no_name_stands_twice() {
        assert!(LIST.starts_with("name,origin,since,until,function\n"));
        assert_eq!(EXPORTS.len(), LIST.lines().count() - 1);
        assert!(EXPORTS.windows(2).all(|pair| pair[0].name < pair[1].name));
        let of = |origin| EXPORTS.iter().filter(|e| e.origin == origin).count();
        // What `nm` shows of the original at e707b3a6: 93 names in SteamAPI_ and 18 others.
        assert_eq!(of(Origin::Open), 111);
        assert!(
            EXPORTS
                .iter()
                .all(|e| e.since.is_some() || e.origin != Origin::Open)
        );
    }

    #[test]
    fn a_name_is_found_with_its_releases() {
        let old = find("SteamAPI_ISteamNetworkingSockets_GetQuickConnectionStatus").unwrap();
        assert_eq!(
            (old.origin, old.since, old.until),
            (Origin::Old, Some(Release(1, 1)), Some(Release(1, 4)))
        );
        assert_eq!(find("SteamAPI_ISteamNetworkingSockets_Nothing"), None);
        assert!(Release(1, 10) > Release(1, 9));
    }
}
