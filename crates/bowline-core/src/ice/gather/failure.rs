//! What goes wrong with STUN and TURN servers, so that a connection can tell why it has no other address.

use core::fmt;
use core::net::SocketAddr;

use serde::Deserialize;
use serde::Serialize;

use crate::turn::TurnFailure;

/// A server that was to tell an address of ours, or lend one, and did not.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub enum ServerFailure {
    /// The name of a STUN server has no address.
    StunUnknown {
        /// Which of the list, counted from 1.
        number: u8,
    },
    /// The name of a TURN server has no address.
    TurnUnknown {
        /// Which of the list, counted from 1.
        number: u8,
    },
    /// A STUN server does not answer.
    StunSilent {
        /// Its address.
        server: SocketAddr,
    },
    /// What a STUN server answers tells no address of ours.
    StunRefused {
        /// Its address.
        server: SocketAddr,
    },
    /// A TURN server lends no address.
    Turn {
        /// Its address, as it was configured.
        server: SocketAddr,
        /// Why.
        why: TurnFailure,
    },
    /// The system refuses to send to a STUN server.
    StunUnreachable {
        /// Its address.
        server: SocketAddr,
    },
}

impl fmt::Display for ServerFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StunUnknown { number } => {
                write!(
                    f,
                    "STUN server {number} of the list: its name has no address"
                )
            }
            Self::TurnUnknown { number } => {
                write!(
                    f,
                    "TURN server {number} of the list: its name has no address"
                )
            }
            Self::StunSilent { server } => write!(f, "{server}: the STUN server does not answer"),
            Self::StunRefused { server } => {
                write!(f, "{server}: the STUN server does not tell our address")
            }
            Self::StunUnreachable { server } => {
                write!(
                    f,
                    "{server}: nothing can be sent to the STUN server from here"
                )
            }
            Self::Turn { server, why } => write!(f, "{server}: {why}"),
        }
    }
}
