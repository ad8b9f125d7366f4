//! What clients are told about the network, and the STUN server.

use std::net::SocketAddr;

use bowline_core::cert::authority::KeyId;
use bowline_core::hub::limits::MAX_NETWORK_REVOKED;
use bowline_core::hub::limits::MAX_NETWORK_SERVERS;
use bowline_core::stun::uri::ServerUri;
use bowline_core::stun::uri::Service;
use serde::Deserialize;
use serde::Deserializer;
use serde::de::Error as _;

use crate::config::parse;

/// `[stun]`: a server beside the hub that tells clients how they are seen (RFC 8489), at no more than what was asked.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stun {
    /// Where it listens.
    #[serde(deserialize_with = "parse::addresses")]
    pub listen: Vec<SocketAddr>,
}

/// `[network]`: what clients are told about the network.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Network {
    /// The STUN servers that they ask.
    #[serde(deserialize_with = "stun_servers")]
    pub stun: Vec<ServerUri>,
    /// Keys that nobody trusts any more, by their IDs.
    #[serde(deserialize_with = "key_ids")]
    pub revoked: Vec<KeyId>,
}

fn stun_servers<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<ServerUri>, D::Error> {
    let list = Vec::<String>::deserialize(from)?;
    if list.len() > MAX_NETWORK_SERVERS {
        let text = format!("expected at most {MAX_NETWORK_SERVERS} servers");
        return Err(D::Error::custom(text));
    }
    let parse = |text: &String| {
        let parsed = ServerUri::parse(Service::Stun, text);
        let expected = "expected a server such as \"stun:hub.example.com:3478\"";
        parsed.map_err(|error| D::Error::custom(format!("{text:?} {error}, {expected}")))
    };
    list.iter().map(parse).collect()
}

fn key_ids<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<KeyId>, D::Error> {
    let list = Vec::<String>::deserialize(from)?;
    if list.len() > MAX_NETWORK_REVOKED {
        let text = format!("expected at most {MAX_NETWORK_REVOKED} keys");
        return Err(D::Error::custom(text));
    }
    let parse = |text: &String| match text.parse() {
        Ok(id) => Ok(KeyId::new(id)),
        Err(_) => Err(D::Error::custom(format!(
            "{text:?}: expected the ID of a key, as bowline cert show tells it"
        ))),
    };
    list.iter().map(parse).collect()
}
