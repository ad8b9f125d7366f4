//! What happens to a server or client, as told to the user.

use std::fmt;
use std::net::SocketAddr;

use serde::Serialize;
use serde::Serializer;

use bowline::ConnectionId;
use bowline::ConnectionInfo;
use bowline::EndReason;
use bowline::Extension;

use crate::view::terminal::printable;

/// Something that happened. As JSON, the field `event` tells which.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Event<'a> {
    Listening {
        addr: SocketAddr,
        service: &'static str,
    },
    Connecting {
        #[serde(serialize_with = "hex")]
        connection: ConnectionId,
        addr: SocketAddr,
    },
    Connected {
        #[serde(serialize_with = "hex")]
        connection: ConnectionId,
        addr: SocketAddr,
        identity: String,
        /// Whether a certificate that is trusted vouches for the identity.
        authenticated: bool,
        encrypted: bool,
        /// What both sides agreed on beyond GNS.
        extensions: Vec<&'static str>,
    },
    Message {
        #[serde(serialize_with = "hex")]
        connection: ConnectionId,
        addr: SocketAddr,
        lane: u8,
        reliable: bool,
        bytes: usize,
        /// Missing if it is not text.
        #[serde(skip_serializing_if = "Option::is_none")]
        text: Option<&'a str>,
        /// From sending to the answer; missing if it is no answer.
        #[serde(skip_serializing_if = "Option::is_none")]
        round_trip_ms: Option<f64>,
    },
    /// A message could not be passed on.
    Dropped {
        #[serde(serialize_with = "hex")]
        connection: ConnectionId,
        addr: SocketAddr,
        bytes: usize,
        why: String,
    },
    Closed {
        #[serde(serialize_with = "hex")]
        connection: ConnectionId,
        addr: SocketAddr,
        by: ClosedBy,
        reason: u32,
        text: &'a str,
    },
}

/// Who ended a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ClosedBy {
    /// This program, at the wish of its user.
    Us,
    Peer,
    /// A failure that was noticed here, such as silence of the peer.
    Problem,
}

impl Event<'_> {
    /// A connection that can be used from now on.
    pub(crate) fn connected(
        connection: ConnectionId,
        addr: SocketAddr,
        info: &ConnectionInfo,
    ) -> Event<'static> {
        let identity = info.identity.as_ref();
        Event::Connected {
            connection,
            addr,
            identity: identity.map_or_else(|| "anonymous".to_owned(), ToString::to_string),
            authenticated: info.authenticated,
            encrypted: info.encrypted,
            extensions: info.extensions.iter().map(Extension::name).collect(),
        }
    }

    /// The end of a connection.
    pub(crate) fn closed(
        connection: ConnectionId,
        addr: SocketAddr,
        by: ClosedBy,
        reason: EndReason,
        text: &str,
    ) -> Event<'_> {
        Event::Closed {
            connection,
            addr,
            by,
            reason: reason.code(),
            text,
        }
    }
}

impl fmt::Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listening { addr, service } => {
                write!(
                    f,
                    "{service} server on {addr} (end input or press Ctrl-C to stop)"
                )
            }
            Self::Connecting { addr, .. } => write!(f, "connecting to {addr} ..."),
            Self::Connected {
                addr,
                identity,
                authenticated,
                encrypted,
                extensions,
                ..
            } => {
                let cipher = if *encrypted { "" } else { "NOT " };
                let peer = peer(identity, *authenticated);
                write!(f, "connected with {addr}, {cipher}encrypted, {peer}")?;
                if extensions.is_empty() {
                    return Ok(());
                }
                write!(f, "; extensions: {}", extensions.join(", "))
            }
            Self::Message {
                addr,
                lane,
                reliable,
                bytes,
                text,
                round_trip_ms,
                ..
            } => {
                match text {
                    Some(text) => write!(f, "{addr}> {}", printable(text))?,
                    None => write!(f, "{addr}> {bytes} bytes that are not text")?,
                }
                if *lane != 0 {
                    write!(f, "  [lane {lane}]")?;
                }
                if !*reliable {
                    write!(f, "  [unreliable]")?;
                }
                match round_trip_ms {
                    Some(ms) => write!(f, "  [{ms:.2} ms]"),
                    None => Ok(()),
                }
            }
            Self::Dropped {
                addr, bytes, why, ..
            } => write!(f, "dropped a message of {bytes} bytes for {addr}: {why}"),
            Self::Closed {
                addr,
                by,
                reason,
                text,
                ..
            } => {
                let who = match by {
                    ClosedBy::Us => "closed the connection with",
                    ClosedBy::Peer => "connection closed by",
                    ClosedBy::Problem => "lost the connection with",
                };
                write!(f, "{who} {addr}: {} (reason {reason})", printable(text))
            }
        }
    }
}

/// Who the peer is, and whether that is proven.
fn peer(identity: &str, is_authenticated: bool) -> String {
    let name = printable(identity);
    if is_authenticated {
        format!("authenticated as {name}")
    } else if identity.starts_with("ip:") {
        // A peer without an identity is named by its address.
        "not authenticated".to_owned()
    } else {
        format!("says it is {name}, not authenticated")
    }
}

fn hex<S: Serializer>(id: &ConnectionId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: Option<&str>) -> Event<'_> {
        Event::Message {
            connection: ConnectionId::new(0x1234_abcd),
            addr: "127.0.0.1:9".parse().unwrap(),
            lane: 2,
            reliable: false,
            bytes: 5,
            text,
            round_trip_ms: None,
        }
    }

    #[test]
    fn events_are_told_apart_by_a_field() {
        let json = serde_json::to_value(message(Some("hello"))).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "event": "message", "connection": "1234abcd", "addr": "127.0.0.1:9", "lane": 2,
                "reliable": false, "bytes": 5, "text": "hello",
            })
        );
    }

    #[test]
    fn a_message_cannot_steer_the_terminal() {
        let line = message(Some("a\x1b[2Jb\r\nc")).to_string();
        assert!(!line.contains(char::is_control), "{line:?}");
    }

    #[test]
    fn bytes_that_are_no_text_are_counted() {
        let line = message(None).to_string();
        assert_eq!(
            line,
            "127.0.0.1:9> 5 bytes that are not text  [lane 2]  [unreliable]"
        );
    }
}
