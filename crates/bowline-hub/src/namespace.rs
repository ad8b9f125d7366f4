//! Which identities a way of signing in may give.
//!
//! A hub may allow several ways, and they must not be able to speak for each other: a development sign-in that could
//! call itself `steamid:76561197960287930` would be worth as much as a ticket of Steam's. So each way has prefixes of
//! its own, and no prefix of one begins like one of another. Game servers are known one by one: what begins like the identity
//! of one of them is somebody else.

use std::fmt;

use bowline_core::identity::Identity;

/// The identities that begin with one of some texts, or are one of some.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Namespace {
    entries: Vec<Entry>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Entry {
    /// All identities that begin so.
    Prefix(String),
    /// This one.
    Exact(String),
}

/// Why prefixes are no namespace, or namespaces do not go together.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NamespaceError {
    /// A prefix must say at least which kind of identity it is for.
    #[error("{0:?} does not begin with a kind of identity, such as str:")]
    NoKind(String),
    /// Identities are in logs, and addresses are not to be.
    #[error("{0:?} would allow addresses as identities")]
    Address(String),
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
    /// If one of them has no kind, is for addresses, or begins like the identity of the hub itself.
    pub fn new<S: Into<String>>(
        prefixes: impl IntoIterator<Item = S>,
    ) -> Result<Self, NamespaceError> {
        let prefixes: Vec<String> = prefixes.into_iter().map(Into::into).collect();
        for prefix in &prefixes {
            let kind = prefix.split_once(':').map(|(kind, _)| kind);
            if !kind.is_some_and(is_kind) {
                return Err(NamespaceError::NoKind(prefix.clone()));
            }
            if kind == Some("ip") {
                return Err(NamespaceError::Address(prefix.clone()));
            }
            if HUB_IDENTITY.starts_with(prefix.as_str()) && prefix != "str:" {
                return Err(NamespaceError::OfTheHub(prefix.clone()));
            }
        }
        let entries = prefixes.into_iter().map(Entry::Prefix).collect();
        Ok(Self { entries })
    }

    /// This identity, and no other that begins like it.
    ///
    /// # Errors
    /// If it is that of the hub itself, or an address.
    pub fn exact(identity: &Identity) -> Result<Self, NamespaceError> {
        let text = identity.to_string();
        if text == HUB_IDENTITY {
            return Err(NamespaceError::OfTheHub(text));
        }
        if matches!(identity, Identity::Ip { .. }) {
            return Err(NamespaceError::Address(text));
        }
        let entries = vec![Entry::Exact(text)];
        Ok(Self { entries })
    }

    /// Whether an identity is one of them. That of the hub never is.
    pub fn contains(&self, identity: &Identity) -> bool {
        let text = identity.to_string();
        text != HUB_IDENTITY && self.entries.iter().any(|entry| entry.contains(&text))
    }

    /// Whether one of them may begin with this text.
    #[cfg(feature = "program")]
    pub(crate) fn may_begin(&self, start: &str) -> bool {
        let mut entries = self.entries.iter();
        entries.any(|entry| entry.text().starts_with(start) || entry.contains(start))
    }

    /// Whether no identity is in both.
    ///
    /// # Errors
    /// The first two entries that share one.
    pub fn check_disjoint(&self, other: &Self) -> Result<(), NamespaceError> {
        for ours in &self.entries {
            for theirs in &other.entries {
                if ours.overlaps(theirs) {
                    return Err(NamespaceError::Overlap(
                        ours.text().to_owned(),
                        theirs.text().to_owned(),
                    ));
                }
            }
        }
        Ok(())
    }
}

impl Entry {
    fn text(&self) -> &str {
        match self {
            Self::Prefix(text) | Self::Exact(text) => text,
        }
    }

    fn contains(&self, identity: &str) -> bool {
        match self {
            Self::Prefix(prefix) => identity.starts_with(prefix.as_str()),
            Self::Exact(text) => identity == text,
        }
    }

    fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Exact(text), entry) | (entry, Self::Exact(text)) => entry.contains(text),
            // One begins with the other.
            (ours, theirs) => ours.contains(theirs.text()) || theirs.contains(ours.text()),
        }
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<&str> = self.entries.iter().map(Entry::text).collect();
        f.write_str(&texts.join(", "))
    }
}

/// An identity as logs may have it, which have no addresses.
#[cfg(feature = "http")]
pub(crate) fn for_log(identity: &Identity) -> String {
    match identity {
        Identity::Ip { .. } => "an address".to_owned(),
        identity => identity.to_string(),
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
    fn regression_addresses_are_no_namespace() {
        for prefix in ["ip:", "ip:10."] {
            let error = Namespace::new([prefix]).unwrap_err();
            assert_eq!(error, NamespaceError::Address(prefix.into()));
        }
        let error = Namespace::exact(&"ip:192.0.2.7".parse().unwrap()).unwrap_err();
        assert_eq!(error, NamespaceError::Address("ip:192.0.2.7".into()));
    }

    #[test]
    fn an_exact_identity_is_no_prefix() {
        let exact = |text: &str| Namespace::exact(&text.parse().unwrap()).unwrap();
        let one = exact("str:server-1");
        assert!(one.contains(&"str:server-1".parse().unwrap()));
        assert!(!one.contains(&"str:server-10".parse().unwrap()));
        assert_eq!(one.check_disjoint(&exact("str:server-10")), Ok(()));
        assert_eq!(one.check_disjoint(&space(&["str:server-10"])), Ok(()));
        one.check_disjoint(&one).unwrap_err();
        one.check_disjoint(&space(&["str:server-"])).unwrap_err();
        space(&["str:server-1"]).check_disjoint(&one).unwrap_err();
        let error = Namespace::exact(&HUB_IDENTITY.parse().unwrap()).unwrap_err();
        assert_eq!(error, NamespaceError::OfTheHub(HUB_IDENTITY.into()));
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
