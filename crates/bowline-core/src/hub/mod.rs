//! What a client and a hub tell each other.
//!
//! A hub is a server that many peers know: it says who somebody is, signs certificates that say so, and carries signals
//! between those who know nothing but each other's identities. A client holds one connection to it, of our own
//! transport, on which each of these messages is one reliable message:
//!
//! ```text
//! client                                     hub
//!   ── Hello (who I am, and how I prove it) ──▶
//!   ◀── Challenge ─────────────────────────────   for keys only, which are never sent
//!   ── Proof ─────────────────────────────────▶
//!   ◀── Welcome (identity, certificate, ...) ──   or Refused, and the connection ends
//!   ── Signal (to) ───────────────────────────▶
//!   ◀── Signal (from), Nack ───────────────────
//!   ── Certificate (request) ─────────────────▶   long before the last one expires
//!   ◀── Certificate, Config, Goodbye ──────────
//! ```
//!
//! The client knows the hub by its key or by its certificate before it says anything, and the connection is encrypted: so
//! tokens and tickets may be sent as they are. A hub never tells whether somebody is there: a signal to nobody
//! gets no answer, as a signal to somebody who stays silent.
//!
//! What does not parse is an error that says why; the side that got it closes the connection. Messages that are
//! unknown ([`ToHub::Unknown`], [`FromHub::Unknown`]) are passed over, so that either side may be newer.

pub mod limits;

mod client;
mod field;
mod from_hub;
mod login;
mod names;
mod network;
mod news;
mod to_hub;

pub use self::client::HubClient;
pub use self::client::HubClientConfig;
pub use self::field::HubSignal;
pub use self::from_hub::FromHub;
pub use self::from_hub::Refused;
pub use self::from_hub::Resumption;
pub use self::from_hub::SignedBody;
pub use self::from_hub::Welcome;
pub use self::login::HubLogin;
pub use self::names::Goodbye;
pub use self::names::Method;
pub use self::names::NackReason;
pub use self::names::Refusal;
pub use self::names::Role;
pub use self::network::NetworkConfig;
pub use self::network::NetworkConfigError;
pub use self::news::HubAction;
pub use self::news::HubEvent;
pub use self::news::HubSendError;
pub use self::to_hub::Hello;
pub use self::to_hub::ToHub;

/// The version of this protocol that a [`Hello`] says.
pub const HUB_PROTOCOL: u32 = 1;

/// Why bytes are no message of a hub's or for one.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum HubMessageError {
    /// More than any message has.
    #[error("{0} bytes are more than a message of a hub has")]
    TooLong(usize),
    /// No message at all.
    #[error("the message is malformed")]
    Malformed,
    /// Something that must be there is not.
    #[error("the message lacks {0}")]
    Lacks(&'static str),
    /// Something is not what it should be.
    #[error("{0} in the message is malformed")]
    Bad(&'static str),
    /// Something is longer than it may be.
    #[error("{field} in the message has {len} bytes, and may have {limit}")]
    FieldTooLong {
        /// What.
        field: &'static str,
        /// Its length in bytes.
        len: usize,
        /// The limit.
        limit: usize,
    },
}

#[cfg(test)]
mod tests;
