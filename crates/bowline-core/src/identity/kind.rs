//! The kinds of identities, by GNS's numbers.

use crate::identity::Identity;

/// The kind of an [`Identity`], with GNS's numbers.
///
/// GNS e707b3a: steamnetworkingtypes.h, `ESteamNetworkingIdentityType`.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[repr(i32)]
pub enum IdentityKind {
    /// No identity.
    Invalid = 0,
    /// An address.
    IpAddress = 1,
    /// A text of the application's choice.
    GenericString = 2,
    /// Bytes of the application's choice.
    GenericBytes = 3,
    /// A kind that this version does not know.
    UnknownType = 4,
    /// A Steam account.
    SteamId = 16,
    /// An Xbox pairwise ID.
    XboxPairwiseId = 17,
    /// A PlayStation account.
    SonyPsn = 18,
}

impl IdentityKind {
    /// The kind of an identity; [`Self::Invalid`] if there is none.
    pub const fn of(identity: Option<&Identity>) -> Self {
        match identity {
            None => Self::Invalid,
            Some(Identity::SteamId(_)) => Self::SteamId,
            Some(Identity::XboxPairwiseId(_)) => Self::XboxPairwiseId,
            Some(Identity::PlayStation(_)) => Self::SonyPsn,
            Some(Identity::Ip(_)) => Self::IpAddress,
            Some(Identity::Str(_)) => Self::GenericString,
            Some(Identity::Generic(_)) => Self::GenericBytes,
            Some(Identity::Unknown(_)) => Self::UnknownType,
        }
    }

    /// GNS's number.
    pub const fn number(self) -> i32 {
        self as i32
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    /// The vectors that were observed on GNS.
    #[test]
    fn identity_texts_have_the_kinds_of_gns() {
        for (text, kind) in [
            ("steamid:76561197960287930", 16),
            ("xboxpwid:abc", 17),
            ("psn:5", 18),
            ("ip:127.0.0.1:80", 1),
            ("str:", 2),
            ("str:1234567890123456789012345678901", 2),
            ("gen:00ff", 3),
            ("foo:bar", 4),
        ] {
            let identity: Identity = text.parse().unwrap();
            assert_eq!(IdentityKind::of(Some(&identity)).number(), kind, "{text}");
            assert_eq!(identity.to_string(), text);
        }
        assert_eq!(IdentityKind::of(None).number(), 0);
    }

    /// The vectors that were observed on GNS.
    #[test]
    fn identity_texts_that_gns_refuses_are_refused() {
        for text in [
            "",
            "invalid",
            "foo",
            " str:x",
            "steamid:0",
            "steamid:1",
            "gen:0",
            "gen:zz",
            "xboxpwid:",
            "str:12345678901234567890123456789012",
        ] {
            assert!(text.parse::<Identity>().is_err(), "{text:?}");
        }
    }
}
