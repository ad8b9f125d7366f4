//! The calls, each with arguments that may be right, wrong or too late.

use std::time::Duration;

use bowline::BatchMessage;
use bowline::Bytes;
use bowline::Config;
use bowline::ConfigKey;
use bowline::Connection;
use bowline::DebugLevel;
use bowline::EndReason;
use bowline::Expect;
use bowline::Identity;
use bowline::LaneConfig;
use bowline::LaneIndex;
use bowline::OnFailure;
use bowline::PairKind;
use bowline::SendFlags;
use bowline::SendOptions;
use bowline::cert;
use bowline::clear_debug_output;
use bowline::global_config;
use bowline::hub::HubConfig;
use bowline::set_debug_output;

use crate::peers;
use crate::sessions;
use crate::world::Rng;
use crate::world::World;

/// What one call, or a few that belong together, is named and does; the last argument is the thread.
type Operation = (&'static str, fn(&World, &mut Rng, usize));

/// What happens often stands here more than once.
pub const OPERATIONS: &[Operation] = &[
    ("send on what stays", |w, r, thread| {
        w.send_steady(r, thread)
    }),
    ("send on what stays", |w, r, thread| {
        w.send_steady(r, thread)
    }),
    ("receive from what stays", |w, r, _| w.receive_steady(r)),
    ("connect", |w, r, _| connect(w, r)),
    ("connect", |w, r, _| connect(w, r)),
    ("connect_with", |w, r, _| connect_with(w, r)),
    ("connect_expecting", |w, r, _| connect_expecting(w, r)),
    ("listen", |w, r, _| listen(w, r)),
    ("stop listening", |w, r, _| stop_listening(w, r)),
    ("Listener settings", |w, r, _| set_up_listener(w, r)),
    ("connect_p2p", |w, r, _| peers::connect(w, r)),
    ("connect_within", |w, r, _| peers::connect_within(w, r)),
    ("receive_signal", |w, r, _| peers::receive_signal(w, r)),
    ("receive_signal", |w, r, _| peers::receive_signal(w, r)),
    ("receive_signal", |w, r, _| peers::receive_signal(w, r)),
    ("listen_p2p", |w, r, _| peers::listen(w, r)),
    ("stop listening to peers", |w, r, _| {
        peers::stop_listening(w, r)
    }),
    ("messages", |w, r, _| sessions::messages(w, r)),
    ("messages", |w, r, _| sessions::messages(w, r)),
    ("packets", |w, r, _| sessions::packets(w, r)),
    ("packets", |w, r, _| sessions::packets(w, r)),
    ("socket_pair", |w, r, _| pair(w, r)),
    ("socket_pair_with", |w, r, _| pair_with(w, r)),
    ("events", |w, r, _| w.read_events(r.below(3), r)),
    ("events", |w, r, _| w.read_events(r.below(3), r)),
    ("run_callbacks", |w, r, _| w.run_callbacks(r.below(3), r)),
    ("wait", |w, r, _| {
        ignore(w.interface(r).wait(Duration::from_micros(300)))
    }),
    ("poll", |w, r, _| ignore(w.interface(r).poll())),
    ("poll", |w, _, _| ignore(w.interfaces[2].poll())),
    ("wait_for_linger", |w, r, _| {
        w.interface(r).wait_for_linger(Duration::from_micros(300));
    }),
    ("PollGroup::wait", |w, r, _| {
        ignore(w.group(r).wait(Duration::from_micros(300)))
    }),
    ("PollGroup::receive", |w, r, _| ignore(w.group(r).receive())),
    ("PollGroup::receive_batch", |w, r, _| {
        w.group(r).receive_batch(&mut Vec::new(), 50);
    }),
    ("a poll group that ends", |w, r, _| pass_through_group(w, r)),
    ("send_batch", |w, r, _| send_batch(w, r)),
    ("facts of an interface", |w, r, _| look_at_interface(w, r)),
    ("settings of an interface", |w, r, _| set_up_interface(w, r)),
    ("settings of the process", |_, r, _| set_up_process(r)),
    ("identity and trust", |w, r, _| change_trust(w, r)),
    ("an interface that ends", |w, r, _| {
        pass_through_interface(w, r)
    }),
    ("debug output", |_, r, _| debug_output(r)),
    ("accept", |w, r, _| with(w, r, |c, _| ignore(c.accept()))),
    ("close", |w, r, _| with(w, r, close)),
    ("send", |w, r, _| with(w, r, send)),
    ("send", |w, r, _| with(w, r, send)),
    ("send_with", |w, r, _| with(w, r, send_with)),
    ("send_bytes", |w, r, _| with(w, r, send_bytes)),
    ("send_capacity", |w, r, _| {
        with(w, r, |c, r| ignore(c.send_capacity(lane(r))))
    }),
    ("flush", |w, r, _| with(w, r, |c, _| ignore(c.flush()))),
    ("receive", |w, r, _| with(w, r, |c, _| ignore(c.receive()))),
    ("receive_batch", |w, r, _| {
        with(w, r, |c, _| ignore(c.receive_batch(&mut Vec::new(), 20)));
    }),
    ("configure_lanes", |w, r, _| with(w, r, configure_lanes)),
    ("set_sequenced", |w, r, _| {
        with(w, r, |c, r| {
            ignore(c.set_sequenced(Some(lane(r)), r.is_even()))
        });
    }),
    ("set_poll_group", |w, r, _| join_group(w, r)),
    ("user data and name", |w, r, _| with(w, r, name)),
    ("facts of a connection", |w, r, _| {
        with(w, r, look_at_connection)
    }),
    ("settings of a connection", |w, r, _| {
        with(w, r, set_up_connection)
    }),
];

/// The result may be anything: another thread may have closed what it is about.
fn ignore<T>(_: T) {}

/// Calls `action` with a connection, if there are any.
fn with(world: &World, rng: &mut Rng, action: impl FnOnce(&Connection, &mut Rng)) {
    if let Some(connection) = world.connection(rng) {
        action(&connection, rng);
    }
}

fn lane(rng: &mut Rng) -> LaneIndex {
    LaneIndex::new(rng.below(4) as u8)
}

fn flags(rng: &mut Rng) -> SendFlags {
    let all = [
        SendFlags::RELIABLE,
        SendFlags::RELIABLE_NO_NAGLE,
        SendFlags::UNRELIABLE,
        SendFlags::UNRELIABLE_NO_NAGLE,
        SendFlags::UNRELIABLE_NO_DELAY,
    ];
    all[rng.below(all.len())]
}

/// Mostly small, sometimes of many packets.
fn payload(rng: &mut Rng) -> Vec<u8> {
    let len = [0, 1, 100, 1300, 20_000][rng.below(5)];
    vec![7; len]
}

fn config(rng: &mut Rng) -> Config {
    let mut config = Config::new();
    let nagle_us = rng.below(20_000) as i32;
    config.set(ConfigKey::NagleTime, nagle_us).unwrap();
    config
}

fn connect(world: &World, rng: &mut Rng) {
    if let Some(addr) = world.listening(rng) {
        let connection = world.interface(rng).connect(addr).unwrap();
        world.add(rng, connection);
    }
}

fn connect_with(world: &World, rng: &mut Rng) {
    if let Some(addr) = world.listening(rng) {
        let config = config(rng);
        let connection = world.interface(rng).connect_with(addr, config).unwrap();
        world.add(rng, connection);
    }
}

/// The peer cannot prove who it is, so this one fails.
fn connect_expecting(world: &World, rng: &mut Rng) {
    if let Some(addr) = world.listening(rng) {
        let expect = Expect::Identity(Identity::str("somebody").unwrap());
        let interface = world.interface(rng);
        let connection = interface.connect_expecting(addr, expect, config(rng));
        world.add(rng, connection.unwrap());
    }
}

fn listen(world: &World, rng: &mut Rng) {
    let addr = "127.0.0.1:0".parse().unwrap();
    let interface = world.interface(rng);
    let listener = if rng.is_even() {
        interface.listen(addr)
    } else {
        interface.listen_with(addr, config(rng))
    };
    world.listeners.lock().unwrap().push(listener.unwrap());
}

fn stop_listening(world: &World, rng: &mut Rng) {
    let mut listeners = world.listeners.lock().unwrap();
    if listeners.len() < 4 {
        return;
    }
    let index = rng.below(listeners.len());
    let listener = listeners.swap_remove(index);
    drop(listeners);
    assert!(listener.id().get() > 0);
    if rng.is_even() {
        listener.close();
    }
}

fn set_up_listener(world: &World, rng: &mut Rng) {
    let listeners = world.listeners.lock().unwrap();
    let index = rng.below(listeners.len().max(1));
    let Some(listener) = listeners.get(index) else {
        return;
    };
    let nagle_us = rng.below(20_000) as i32;
    listener.set_config(ConfigKey::NagleTime, nagle_us).unwrap();
    assert!(listener.config().nagle().as_micros() <= 20_000);
    listener.unset_config(ConfigKey::NagleTime).unwrap();
}

fn kind(rng: &mut Rng) -> PairKind {
    [PairKind::Pipe, PairKind::Loopback][rng.below(2)]
}

fn pair(world: &World, rng: &mut Rng) {
    let (first, second) = world
        .interface(rng)
        .socket_pair(kind(rng), None, None)
        .unwrap();
    world.add(rng, first);
    world.add(rng, second);
}

fn pair_with(world: &World, rng: &mut Rng) {
    let one = Some(Identity::str("one").unwrap());
    let (kind, config) = (kind(rng), config(rng));
    let pair = world
        .interface(rng)
        .socket_pair_with(kind, one, None, config);
    let (first, second) = pair.unwrap();
    world.add(rng, first);
    world.add(rng, second);
}

fn pass_through_group(world: &World, rng: &mut Rng) {
    let group = world.interface(rng).poll_group();
    for _ in 0..3 {
        with(world, rng, |c, _| ignore(c.set_poll_group(Some(&group))));
    }
    ignore(group.receive());
}

fn join_group(world: &World, rng: &mut Rng) {
    let group = world.group(rng);
    let group = rng.is_even().then_some(group);
    // Of another interface, or closed, it refuses.
    with(world, rng, |c, _| ignore(c.set_poll_group(group)));
}

fn send_batch(world: &World, rng: &mut Rng) {
    let mut batch = Vec::new();
    for _ in 0..5 {
        let (bytes, flags) = (payload(rng), flags(rng));
        with(world, rng, |c, _| {
            batch.push(BatchMessage::new(c, bytes, flags))
        });
    }
    let on_failure = [OnFailure::Stop, OnFailure::Continue][rng.below(2)];
    let count = batch.len();
    let results = world.interface(rng).send_batch(batch, on_failure);
    assert_eq!(results.len(), count);
}

fn look_at_interface(world: &World, rng: &mut Rng) {
    let interface = world.interface(rng).clone();
    let before = interface.now();
    ignore(interface.next_timeout());
    ignore(interface.identity());
    ignore(interface.drops());
    ignore(interface.authentication());
    ignore(interface.public_key());
    assert!(format!("{interface:?}").contains("connections"));
    ignore(interface.wait_handle().unwrap());
    with(world, rng, |c, _| {
        if let Some(same) = interface.connection(c.id()) {
            assert_eq!(same, *c);
        }
    });
    assert!(interface.now() >= before);
}

fn set_up_interface(world: &World, rng: &mut Rng) {
    let interface = world.interface(rng);
    let (key, value) = [
        (ConfigKey::NagleTime, 1000),
        (ConfigKey::SendBufferSize, 300_000),
        (ConfigKey::FakePacketReorderSend, 1),
        (ConfigKey::FakePacketLossRecv, 1),
    ][rng.below(4)];
    let changed = if rng.is_even() {
        interface.set_config(key, value)
    } else {
        interface.unset_config(key)
    };
    changed.unwrap();
    assert!(interface.config().nagle().as_micros() <= 20_000);
}

fn set_up_process(rng: &mut Rng) {
    let changed = if rng.is_even() {
        global_config::set(ConfigKey::NagleTime, 3000)
    } else {
        global_config::unset(ConfigKey::NagleTime)
    };
    changed.unwrap();
    assert!(global_config::snapshot().nagle().as_micros() <= 20_000);
}

fn change_trust(world: &World, rng: &mut Rng) {
    let nobody = &world.nobody;
    match rng.below(9) {
        0 => nobody.reset_identity(Some(Identity::str("nobody").unwrap())),
        1 => nobody.set_trust(nobody.trust()),
        2 => ignore(nobody.certificate_request()),
        3 => ignore(nobody.init_authentication()),
        4 => {
            let key = cert::generate_key_pair().unwrap();
            nobody
                .revoke(cert::KeyId::of(key.public().as_bytes()))
                .unwrap();
        }
        5 => {
            // Nobody is there, or a name that nobody has.
            let address = ["127.0.0.1:9", "127.0.0.1:9,nowhere.invalid:9"][rng.below(2)];
            nobody.sign_in(HubConfig::new(address, "str:hub").unwrap());
        }
        6 => nobody.sign_out(),
        7 => {
            ignore(nobody.hub_status());
            let peer = Identity::str("somebody").unwrap();
            if let Ok(call) = nobody.connect_peer(&peer, 7) {
                ignore(call.close(EndReason::APP_GENERIC, "", rng.is_even()));
            }
        }
        _ => {
            let (one, other) = nobody.socket_pair(kind(rng), None, None).unwrap();
            let _ = one.send(b"to nobody", flags(rng));
            let _ = other.close(EndReason::APP_GENERIC, "", true);
            for _ in nobody.events() {}
        }
    }
}

/// Made, used and dropped with connections that are not closed.
fn pass_through_interface(world: &World, rng: &mut Rng) {
    if rng.below(4) > 0 {
        return;
    }
    let sockets = bowline::Sockets::new().unwrap();
    let Some(addr) = world.listening(rng) else {
        return;
    };
    let connection = sockets.connect(addr).unwrap();
    let _ = connection.send(b"soon gone", flags(rng));
    if rng.is_even() {
        sockets.wait(Duration::from_millis(1));
    }
}

/// Made and taken back while everything else logs.
fn debug_output(rng: &mut Rng) {
    if rng.is_even() {
        set_debug_output(DebugLevel::Msg, |_, _, _| {}).unwrap();
    } else {
        clear_debug_output();
    }
}

fn close(connection: &Connection, rng: &mut Rng) {
    let _ = connection.close(EndReason::APP_GENERIC, "bye", rng.is_even());
    assert!(
        connection.receive().is_err(),
        "it is stale, whoever closed it"
    );
}

fn send(connection: &Connection, rng: &mut Rng) {
    let _ = connection.send(&payload(rng), flags(rng));
    let _ = connection.send_on(lane(rng), &payload(rng), flags(rng));
}

fn send_with(connection: &Connection, rng: &mut Rng) {
    let options = SendOptions::unreliable()
        .lane(lane(rng))
        .deadline(Duration::from_millis(rng.below(20) as u64))
        .replace(rng.next() % 4);
    let bytes = payload(rng);
    let _ = connection.send_with(&bytes[..], options);
    let _ = connection.send_with(&bytes[..], SendOptions::reliable().no_nagle());
    let _ = connection.send_with(&bytes[..], SendOptions::unreliable().no_delay());
}

fn send_bytes(connection: &Connection, rng: &mut Rng) {
    let bytes = Bytes::from(payload(rng));
    let _ = connection.send_bytes(lane(rng), bytes, flags(rng));
}

fn configure_lanes(connection: &Connection, rng: &mut Rng) {
    let lanes: Vec<_> = (0..rng.below(5))
        .map(|_| LaneConfig::new(rng.below(3) as i32, rng.below(4) as u16))
        .collect();
    // None at all, a weight of 0 or fewer than before are refused.
    let _ = connection.configure_lanes(&lanes);
}

fn name(connection: &Connection, rng: &mut Rng) {
    let _ = connection.set_user_data(rng.next() as i64);
    let _ = connection.user_data();
    let _ = connection.set_name("a name of more than thirty-one bytes");
    if let Ok(name) = connection.name() {
        assert!(name.len() <= 31);
    }
}

fn look_at_connection(connection: &Connection, rng: &mut Rng) {
    let _ = connection.info();
    let _ = connection.status();
    let _ = connection.lane_status(lane(rng));
    let _ = connection.detailed_status();
    let _ = connection.story();
    let _ = connection.drops();
    let _ = connection.state();
    let _ = connection.listener();
    let _ = connection.remote_addr();
}

fn set_up_connection(connection: &Connection, rng: &mut Rng) {
    let _ = connection.set_config(ConfigKey::NagleTime, rng.below(20_000) as i32);
    let _ = connection.set_config(ConfigKey::SendBufferSize, 100_000);
    let _ = connection.set_config(ConfigKey::ConnectionUserData, 5_i64);
    let _ = connection.config();
    let _ = connection.unset_config(ConfigKey::NagleTime);
}
