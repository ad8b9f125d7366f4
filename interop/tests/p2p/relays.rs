//! With coturn, as STUN and as TURN server.

use bowline::{Config, ConfigKey, ConnectionState, InfoFlags};
use bowline_interop::coturn::Coturn;
use bowline_interop::courier::Roads;
use bowline_interop::gns_p2p::own_address;
use bowline_interop::host::State;

use crate::messages::exchange;
use crate::room::{BOTH, Ends, Room, story};

/// `P2P_Transport_ICE_Enable` for packets that go through relays only.
const RELAYS_ONLY: i32 = 1;
/// Why settings are taken.
const SOUND: &str = "a sound setting";

#[test]
fn packets_go_through_the_relay_of_who_allows_no_other_way() {
    let server = Coturn::start(own_address().into(), &[]);
    for (ours, theirs) in [(true, false), (false, true), (true, true)] {
        for asks in BOTH {
            let mut room = room(&server, ours);
            if theirs {
                let only = RELAYS_ONLY.to_string();
                room.theirs.set("P2P_Transport_ICE_Enable", &only);
            }
            room.ask(asks);
            let theirs_in = room.theirs_in(State::Connected);
            let ends = Ends {
                ours: room.ours_in(ConnectionState::Connected).connection,
                theirs: theirs_in.link,
            };
            exchange(&mut room, &ends);
            let info = ends.ours.info().unwrap();
            let told = format!("{ours} {theirs} {asks:?}{}", story(&ends.ours));
            // GNS tries the addresses of its host all the same, and what works is used.
            if ours {
                assert!(info.flags.contains(InfoFlags::RELAYED), "{told}");
                assert!(info.remote_addr.ip().is_unspecified(), "{told}");
                assert!(theirs_in.relayed, "{told}");
                let way = room.their_way(ends.theirs);
                assert_ne!(way.flags & InfoFlags::RELAYED.bits(), 0, "{way:?}{told}");
                assert_eq!(way.address, None, "{told}");
                assert!((0..100).contains(&way.ping_ms), "{way:?}{told}");
            }
        }
    }
}

/// Where there is a direct way, a relay is not used for long.
#[test]
fn a_relay_that_is_not_needed_is_not_used() {
    let server = Coturn::start(own_address().into(), &[]);
    for asks in BOTH {
        let mut room = room(&server, false);
        let ends = room.connect(asks);
        exchange(&mut room, &ends);
        room.run("a direct way", |_| {
            let info = ends.ours.info().unwrap();
            (!info.flags.contains(InfoFlags::RELAYED)).then_some(())
        });
        exchange(&mut room, &ends);
    }
}

/// Both know the server.
fn room(server: &Coturn, relays_only: bool) -> Room {
    let address = server.address.to_string();
    let mut config = Config::new();
    config.set_stun_servers(&address).expect(SOUND);
    config
        .set_turn_servers(&address, &[("anna", "secret")])
        .expect(SOUND);
    if relays_only {
        config
            .set(ConfigKey::P2pTransportIceEnable, RELAYS_ONLY)
            .expect(SOUND);
    }
    let mut room = Room::built(1, Roads::default(), |builder| builder.config(config));
    for (name, value) in [
        ("P2P_STUN_ServerList", address.as_str()),
        ("P2P_TURN_ServerList", &address),
        ("P2P_TURN_UserList", "anna"),
        ("P2P_TURN_PassList", "secret"),
    ] {
        room.theirs.set(name, value);
    }
    room
}
