//! How a connection is called in logs.

use std::fmt::Write;
use std::net::SocketAddr;

use bowline_core::identity::Identity;
use bowline_core::ids::ConnectionId;
use bowline_core::ids::VirtualPort;

/// What a connection is, as far as its description says.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// To an end in this process.
    Pipe,
    /// To an address.
    Udp(SocketAddr),
    /// To a virtual port of a peer.
    Peer(VirtualPort),
}

/// The number, what it is and to whom, and its name. GNS e707b3a: steamnetworkingsockets_udp.cpp,
/// `GetConnectionTypeDescription`; steamnetworkingsockets_connections.cpp, `SetDescription`.
pub(crate) fn describe(
    id: ConnectionId,
    kind: Kind,
    identity: Option<&Identity>,
    name: &str,
) -> String {
    let mut text = format!("#{} ", id.get());
    // A string takes whatever is written.
    let _ = match (kind, identity) {
        (Kind::Pipe, _) => text.write_str("pipe"),
        (Kind::Udp(remote), Some(identity)) if is_address(identity, remote) => {
            write!(text, "UDP {remote}")
        }
        (Kind::Udp(remote), Some(identity)) => write!(text, "UDP {identity}@{remote}"),
        (Kind::Udp(remote), None) => write!(text, "UDP invalid@{remote}"),
        (Kind::Peer(port), Some(identity)) => write!(text, "P2P {identity} vport {port}"),
        (Kind::Peer(port), None) => write!(text, "P2P invalid vport {port}"),
    };
    if !name.is_empty() {
        let _ = write!(text, " '{name}'");
    }
    text
}

/// Whether the identity says no more than the address does.
fn is_address(identity: &Identity, remote: SocketAddr) -> bool {
    identity.is_anonymous() || *identity == Identity::ip(remote)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_names_who_and_where_once() {
        let id = ConnectionId::new(0x10002);
        let remote: SocketAddr = "1.2.3.4:5".parse().unwrap();
        let text =
            |identity: Option<&Identity>, name| describe(id, Kind::Udp(remote), identity, name);
        let bob = Identity::str("bob").unwrap();
        assert_eq!(
            text(Some(&bob), "left"),
            "#65538 UDP str:bob@1.2.3.4:5 'left'"
        );
        assert_eq!(
            text(Some(&Identity::ip(remote)), ""),
            "#65538 UDP 1.2.3.4:5"
        );
        assert_eq!(
            text(Some(&Identity::anonymous()), ""),
            "#65538 UDP 1.2.3.4:5"
        );
        assert_eq!(text(None, ""), "#65538 UDP invalid@1.2.3.4:5");
        assert_eq!(describe(id, Kind::Pipe, Some(&bob), "x"), "#65538 pipe 'x'");
        assert_eq!(
            describe(id, Kind::Peer(VirtualPort::from(7)), Some(&bob), ""),
            "#65538 P2P str:bob vport 7"
        );
    }
}
