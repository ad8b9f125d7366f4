//! Which identities a way of signing in may give.
//!
//! A hub may allow several ways, and they must not be able to speak for each other: a development sign-in that could
//! call itself `steamid:76561197960287930` would be worth as much as a ticket of Steam's. So each way has prefixes of
//! its own, and no prefix of one begins like one of another.

use std::fmt;

use bowline_core::identity::Identity;

/// The identities that begin with one of some texts.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Namespace {
    prefixes: Vec<String>,
}

/// Why prefixes are no namespace, or namespaces do not go together.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NamespaceError {
    /// A prefix must say at least which kind of identity it is for.
    #[error("{0:?} does not begin with a kind of identity, such as str:")]
    NoKind(String),
    /// Identities of the hub itself.
    #[error("{0:?} would allow the identity of the hub itself, {HUB_IDENTITY}")]
    OfTheHub(String),
    /// The same identity could come from two ways of signing in.
    #[error("{0:?} and {1:?} overlap: an identity could come from either")]
    Overlap(String, String),
}

/// Who a hub is to its clients.
pub const HUB_IDENTITY: &str = "str:bowline-hub";

impl Namespace {
    /// The identities that begin with one of these.
    ///
    /// # Errors
    /// If one of them has no kind, or begins like the identity of the hub itself.
    pub fn new<S: Into<String>>(
        prefixes: impl IntoIterator<Item = S>,
    ) -> Result<Self, NamespaceError> {
        let prefixes: Vec<String> = prefixes.into_iter().map(Into::into).collect();
        for prefix in &prefixes {
            let kind = prefix.split_once(':').map(|(kind, _)| kind);
            if !kind.is_some_and(is_kind) {
                return Err(NamespaceError::NoKind(prefix.clone()));
            }
            if HUB_IDENTITY.starts_with(prefix.as_str()) && prefix != "str:" {
                return Err(NamespaceError::OfTheHub(prefix.clone()));
            }
        }
        Ok(Self { prefixes })
    }

    /// Whether an identity is one of them. That of the hub never is.
    pub fn contains(&self, identity: &Identity) -> bool {
        let text = identity.to_string();
        text != HUB_IDENTITY
            && self
                .prefixes
                .iter()
                .any(|prefix| text.starts_with(prefix.as_str()))
    }

    /// Whether no identity is in both.
    ///
    /// # Errors
    /// The first two prefixes of which one begins with the other.
    pub fn check_disjoint(&self, other: &Self) -> Result<(), NamespaceError> {
        for ours in &self.prefixes {
            for theirs in &other.prefixes {
                if ours.starts_with(theirs.as_str()) || theirs.starts_with(ours.as_str()) {
                    return Err(NamespaceError::Overlap(ours.clone(), theirs.clone()));
                }
            }
        }
        Ok(())
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.prefixes.join(", "))
    }
}

fn is_kind(kind: &str) -> bool {
    let is_fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    (1..=16).contains(&kind.len()) && kind.chars().all(is_fine)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space(prefixes: &[&str]) -> Namespace {
        Namespace::new(prefixes.iter().copied()).unwrap()
    }

    #[test]
    fn an_identity_is_in_the_namespace_of_its_prefix_only() {
        let space = space(&["str:dev-", "steamid:"]);
        for (text, is_in) in [
            ("str:dev-anna", true),
            ("steamid:76561197960287930", true),
            ("str:devanna", false),
            ("str:anna", false),
            ("gen:00", false),
        ] {
            let identity = text.parse().unwrap();
            assert_eq!(space.contains(&identity), is_in, "{text}");
        }
    }

    #[test]
    fn nobody_is_the_hub() {
        let all = space(&["str:"]);
        assert!(!all.contains(&HUB_IDENTITY.parse().unwrap()));
        assert!(all.contains(&"str:bowline-hub2".parse().unwrap()));
        let error = Namespace::new(["str:bowline-"]).unwrap_err();
        assert_eq!(error, NamespaceError::OfTheHub("str:bowline-".into()));
    }

    #[test]
    fn prefixes_without_a_kind_are_refused() {
        for prefix in ["", "str", ":anna", "STR:", "a-b:"] {
            let error = Namespace::new([prefix]).unwrap_err();
            assert_eq!(error, NamespaceError::NoKind(prefix.into()));
        }
    }

    #[test]
    fn overlapping_namespaces_are_told() {
        let dev = space(&["str:dev-"]);
        assert_eq!(dev.check_disjoint(&space(&["str:jwt-", "gen:"])), Ok(()));
        let error = dev.check_disjoint(&space(&["gen:", "str:"])).unwrap_err();
        assert_eq!(
            error,
            NamespaceError::Overlap("str:dev-".into(), "str:".into())
        );
        assert!(error.to_string().contains("overlap"));
    }
}
