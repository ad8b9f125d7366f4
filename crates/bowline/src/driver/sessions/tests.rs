//! What the listeners of sessions go by.

use bowline_core::config::ConfigKey;

use super::*;
use crate::builder::ServiceMode;
use crate::sockets::Sockets;

#[test]
fn regression_without_relays_other_changes_of_the_interface_reach_who_calls() {
    let builder = Sockets::builder().service(ServiceMode::Manual);
    let sockets = builder.build().expect("an interface");
    let packets = sockets.packets().expect("it is open");
    let inner = sockets.inner();
    let key = ConfigKey::P2pTransportIceEnable;
    let set = |value: i32| sockets.set_config(key, value).expect("it is in range");
    let listens_by = || {
        let hub = inner.hub.lock();
        let (_, id) = hub
            .listener_on(SessionKind::Packets.port())
            .expect("it listens");
        hub.listener_config(id).expect("it has settings").get(key)
    };
    set(7);
    packets.allow_relay(false);
    assert_eq!(listens_by(), 6.into());
    set(3);
    assert_eq!(listens_by(), 2.into());
    set(6);
    assert_eq!(listens_by(), 6.into());
    packets.allow_relay(true);
    set(5);
    assert_eq!(listens_by(), 5.into());
}
