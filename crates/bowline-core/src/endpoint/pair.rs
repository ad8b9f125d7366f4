//! Pairs of connections that are made together, in one process, and need no handshake.

use alloc::sync::Arc;
use core::net::IpAddr;
use core::net::Ipv6Addr;
use core::net::SocketAddr;

use zeroize::Zeroizing;

use crate::config::Config;
use crate::connection::Connection;
use crate::crypto::cipher_negotiation;
use crate::crypto::cipher_negotiation::Cipher;
use crate::crypto::kdf;
use crate::crypto::kdf::KeyContext;
use crate::crypto::kdf::Role;
use crate::endpoint::Endpoint;
use crate::endpoint::Route;
use crate::endpoint::SocketId;
use crate::endpoint::table::Entry;
use crate::error::ConnectError;
use crate::handshake::Origin;
use crate::identity::Identity;
use crate::ids::ConnectionId;
use crate::limits;
use crate::time::Timestamp;

/// The route of both ends of a pipe, which is none: no socket has this number, no host this address.
pub const NO_ROUTE: Route = Route {
    socket: SocketId::new(0),
    remote: SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 0),
};

impl Endpoint {
    /// Makes two connections to each other, connected at once, of which no events tell. Each gets the
    /// identity that it sees as its peer's.
    ///
    /// With routes the two exchange packets, encrypted as `config` asks; nobody else may use those
    /// sockets. Without, what they have for each other is to be handed over
    /// ([`Connection::poll_piped`]).
    ///
    /// # Errors
    /// If there are as many connections as there may be.
    pub fn pair(
        &mut self,
        now: Timestamp,
        routes: Option<[Route; 2]>,
        config: &Arc<Config>,
        identities: [Identity; 2],
    ) -> Result<[Connection; 2], ConnectError> {
        if self.table.len() + 2 > limits::MAX_CONNECTIONS {
            return Err(ConnectError::TooManyConnections);
        }
        let first = self.table.fresh_id(&mut self.rng);
        let second = loop {
            let id = self.table.fresh_id(&mut self.rng);
            if id != first {
                break id;
            }
        };
        let mut rng = self.rng.child("pair");
        let secret = Zeroizing::new(rng.bytes::<32>());
        let keys = |role| {
            let policy = config.encryption();
            let cipher = cipher_negotiation::choose(policy, policy.offer());
            let context = context(first, second);
            let cipher = cipher.unwrap_or(Cipher::Aes256Gcm);
            kdf::derive(&self.host.crypto, role, cipher, &secret, &context)
        };
        let keys = match routes {
            Some(_) => [Some(keys(Role::Client)), Some(keys(Role::Server))],
            None => [None, None],
        };
        let [first_route, second_route] = routes.unwrap_or([NO_ROUTE; 2]);
        let [first_keys, second_keys] = keys;
        let [first_sees, second_sees] = identities;
        let mut end = |id, route, remote, identity, keys| {
            let entry = Entry {
                route,
                origin: Origin::Pair,
                remote_id: Some(remote),
                identity: None,
                pending: false,
            };
            self.table.insert(id, entry);
            let start = self.start(id, route, Arc::clone(config), &mut rng);
            Connection::paired(now, start, remote, identity, keys)
        };
        Ok([
            end(first, first_route, second, first_sees, first_keys),
            end(second, second_route, first, second_sees, second_keys),
        ])
    }
}

/// The secret is fresh and was told to nobody, so there is nothing else to bind into the keys.
const fn context(client: ConnectionId, server: ConnectionId) -> KeyContext<'static> {
    KeyContext {
        client_id: client,
        server_id: server,
        client_nonce: 0,
        server_nonce: 0,
        client_cert: &[],
        server_cert: &[],
        client_crypt: &[],
        server_crypt: &[],
    }
}
