//! The numbers in messages of hubs.

use core::fmt;

/// Defines an enum of numbers on the wire with the words for them.
macro_rules! numbers {
    ($(#[$outer:meta])* $name:ident { $($(#[$inner:meta])* $variant:ident = $number:literal, $words:literal;)* }) => {
        $(#[$outer])*
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$inner])* $variant,)*
        }

        impl $name {
            /// All that there are.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Its number on the wire.
            pub const fn number(self) -> u32 {
                match self {
                    $(Self::$variant => $number,)*
                }
            }

            /// The one with that number; `None` for what only others know.
            pub const fn from_number(number: u32) -> Option<Self> {
                match number {
                    $($number => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(match self {
                    $(Self::$variant => $words,)*
                })
            }
        }
    };
}

numbers! {
    /// How a client proves who it is.
    Method {
        /// Not at all: the client is who it says. For development.
        Dev = 1, "dev";
        /// By a key that all clients of a game share. The key is not sent.
        SharedKey = 2, "shared key";
        /// By a signed token of an identity provider (RFC 7519).
        Jwt = 3, "token";
        /// By something that the operator's own service understands.
        Hook = 4, "ticket";
        /// By the private key of a game server that the operator has registered.
        GameServerKey = 5, "game server key";
        /// Not at all: the hub gives it a name by chance.
        Anonymous = 6, "anonymous";
        /// By what the hub gave it with its last welcome.
        Resume = 7, "resumption";
    }
}

numbers! {
    /// What a client is.
    Role {
        /// A player.
        User = 1, "user";
        /// A game server.
        GameServer = 2, "game server";
    }
}

numbers! {
    /// Why a hub does not let a client in.
    Refusal {
        /// The hello makes no sense to it.
        Malformed = 1, "the hello is malformed";
        /// It speaks no such version of the protocol.
        Protocol = 2, "the hub does not speak this version of the protocol";
        /// It does not serve this app.
        App = 3, "the hub does not serve this app";
        /// It knows the method, but does not allow it.
        Method = 4, "the hub does not allow this way of signing in";
        /// What is to prove the identity does not.
        Credential = 5, "the credential is not valid";
        /// It did once.
        Expired = 6, "the credential has expired";
        /// The identity that is wished for is none that the method may give, or differs from the credential's.
        Identity = 7, "the credential is not for this identity";
        /// The operator does not want to see it.
        Blocked = 8, "the operator has blocked this identity";
        /// There are too many sessions, or too many sign-ins from there. Later perhaps.
        Busy = 9, "the hub has too much to do";
        /// Who has to be asked does not answer. Later perhaps.
        Unavailable = 10, "the hub cannot check the credential at the moment";
        /// The request for a certificate is for something else than the session.
        Certificate = 11, "the request for a certificate does not fit";
        /// The role is not what the credential allows.
        Role = 12, "the credential is not for this role";
    }
}

impl Refusal {
    /// Whether it may be different later without anybody doing anything.
    pub const fn may_pass(self) -> bool {
        matches!(self, Self::Busy | Self::Unavailable)
    }
}

numbers! {
    /// Why a signal was not carried. Never because nobody is there.
    NackReason {
        /// More bytes than a signal may have.
        TooLarge = 1, "the signal is too large";
        /// Too many signals of the session, or to this peer, of late.
        RateLimited = 2, "too many signals";
        /// It is no signal, or its envelope says something else than it.
        Malformed = 3, "the signal is malformed";
        /// It claims to be from somebody else.
        NotYours = 4, "the signal names another sender";
        /// A rule of the operator's forbids it.
        Forbidden = 5, "the operator does not allow signals to this peer";
    }
}

numbers! {
    /// Why a hub ends a session.
    Goodbye {
        /// The same identity has signed in elsewhere.
        Superseded = 1, "the identity has signed in elsewhere";
        /// The hub will stop soon; another one, or this one later, serves on.
        Draining = 2, "the hub is shutting down";
        /// The operator has ended it.
        Kicked = 3, "the operator has ended the session";
        /// What proved the identity has expired.
        Expired = 4, "the credential has expired";
        /// The client did not read what it was sent.
        TooSlow = 5, "the client does not read";
        /// The client sent what makes no sense.
        Malformed = 6, "the client sent something malformed";
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::string::ToString as _;

    use super::*;

    #[test]
    fn numbers_are_unique_and_lead_back() {
        macro_rules! check {
            ($($name:ident)*) => {$(
                let numbers: BTreeSet<u32> = $name::ALL.iter().map(|one| one.number()).collect();
                assert_eq!(numbers.len(), $name::ALL.len());
                for one in $name::ALL {
                    assert_eq!($name::from_number(one.number()), Some(*one));
                    assert!(!one.to_string().is_empty());
                }
                assert_eq!($name::from_number(0), None);
                assert_eq!($name::from_number(1000), None);
            )*};
        }
        check!(Method Role Refusal NackReason Goodbye);
    }
}
