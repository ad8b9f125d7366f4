//! How a connection is called in logs.

use std::fmt::Write;
use std::net::SocketAddr;

use bowline_core::identity::Identity;
use bowline_core::ids::ConnectionId;

/// The number, what it is and to whom, and its name. GNS e707b3a: steamnetworkingsockets_udp.cpp,
/// `GetConnectionTypeDescription`; steamnetworkingsockets_connections.cpp, `SetDescription`.
pub(crate) fn describe(
    id: ConnectionId,
    is_pipe: bool,
    identity: Option<&Identity>,
    remote: SocketAddr,
    name: &str,
) -> String {
    let mut text = format!("#{} ", id.get());
    // A string takes whatever is written.
    let _ = if is_pipe {
        text.write_str("pipe")
    } else {
        match identity {
            Some(identity) if is_address(identity, remote) => write!(text, "UDP {remote}"),
            Some(identity) => write!(text, "UDP {identity}@{remote}"),
            None => write!(text, "UDP invalid@{remote}"),
        }
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
        let text = |identity: Option<&Identity>, name| describe(id, false, identity, remote, name);
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
        assert_eq!(
            describe(id, true, Some(&bob), remote, "x"),
            "#65538 pipe 'x'"
        );
    }
}
