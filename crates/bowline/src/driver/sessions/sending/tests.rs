//! What happens between two steps of another thread.

use crate::packets::PacketKind;
use crate::signaling::SignalTarget;
use crate::sockets::Sockets;

use super::*;

fn sockets() -> Sockets {
    let nobody_carries = |_: &SignalTarget, _: &[u8]| Ok(());
    let builder = Sockets::builder().identity(Identity::str("anna").unwrap());
    builder.signaling(Arc::new(nobody_carries)).build().unwrap()
}

#[test]
fn regression_a_session_may_begin_while_the_last_one_ends() {
    let sockets = sockets();
    let (messages, packets) = (sockets.messages().unwrap(), sockets.packets().unwrap());
    let ben = Identity::str("ben").unwrap();
    let inner = sockets.inner();
    for _ in 0..3 {
        messages.send(&ben, 0, b"x", SendFlags::RELIABLE).unwrap();
        packets.send(&ben, 0, b"x", PacketKind::Reliable).unwrap();
        for kind in SessionKind::ALL {
            // Another thread has come so far, and will close the connection next.
            let left = inner.sessions.lock(kind).close(&ben).unwrap();
            assert!(left.is_some());
        }
    }
    messages.send(&ben, 0, b"x", SendFlags::RELIABLE).unwrap();
    packets.send(&ben, 0, b"x", PacketKind::Reliable).unwrap();
}

#[test]
fn a_connection_of_the_application_is_not_ended_for_a_session() {
    let sockets = sockets();
    let packets = sockets.packets().unwrap();
    let ben = Identity::str("ben").unwrap();
    let signaling = Arc::new(|_: &SignalTarget, _: &[u8]| Ok(()));
    let own = sockets.connect_p2p(&ben, SessionKind::Packets.port(), signaling);
    let own = own.unwrap();
    let refused = packets.send(&ben, 0, b"x", PacketKind::Reliable);
    let expected = ConnectP2pError::AlreadyConnected { id: own.id() };
    assert_eq!(refused, Err(expected.into()));
    assert!(!own.state().is_closed());
}
