//! Settings of interfaces, listen sockets and connections, through the exported functions.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]
#![allow(
    clippy::undocumented_unsafe_blocks,
    reason = "all pointers lead to locals, or are null"
)]

mod support;

use std::ffi::c_int;
use std::ffi::c_void;
use std::ptr::null;
use std::ptr::null_mut;

use GameNetworkingSockets::abi::structs::RawOption;
use GameNetworkingSockets::abi::structs::RawOptionValue;
use GameNetworkingSockets::messages::SteamAPI_ISteamNetworkingSockets_SendMessageToConnection;
use GameNetworkingSockets::sockets::flat::*;
use GameNetworkingSockets::utils::config::*;

use proptest::prelude::*;
use support::Session;
use support::close;
use support::connected;
use support::local;
use support::pair;
use support::sockets;

const INTERFACE: c_int = 2;
const LISTENER: c_int = 3;
const CONNECTION: c_int = 4;

const LOSS: c_int = 2;
const NAGLE: c_int = 12;
const MTU: c_int = 32;
const MTU_DATA: c_int = 33;
const UNENCRYPTED: c_int = 34;
const USER_DATA: c_int = 40;
const STATUS_CALLBACK: c_int = 201;
/// What does not limit a pipe: rates, and what may wait to be read.
const SIZES_AND_RATES: [c_int; 5] = [10, 11, 47, 48, 49];

/// Where a setting is: scope and object.
type Place = (c_int, isize);

fn set(key: c_int, place: Place, value: i32) -> bool {
    let value = (&raw const value).cast();
    unsafe {
        SteamAPI_ISteamNetworkingUtils_SetConfigValue(null(), key, place.0, place.1, 1, value)
    }
}

fn reset(key: c_int, place: Place) -> bool {
    unsafe {
        SteamAPI_ISteamNetworkingUtils_SetConfigValue(null(), key, place.0, place.1, 1, null())
    }
}

/// The result, and the number if there is one.
fn get(key: c_int, place: Place) -> (c_int, i64) {
    let mut bytes = [0_u8; 8];
    let mut size = bytes.len();
    let result = unsafe {
        SteamAPI_ISteamNetworkingUtils_GetConfigValue(
            null(),
            key,
            place.0,
            place.1,
            null_mut(),
            bytes.as_mut_ptr().cast(),
            &raw mut size,
        )
    };
    let value = match size {
        4 => i32::from_ne_bytes(bytes[..4].try_into().unwrap()).into(),
        8 => i64::from_ne_bytes(bytes),
        _ => 0,
    };
    (result, value)
}

fn interface() -> Place {
    (INTERFACE, sockets() as isize)
}

#[test]
fn values_are_inherited_from_scope_to_scope() {
    let _session = Session::start();
    let (listener, client, server) = connected(sockets());
    let listener = (LISTENER, listener as isize);
    let client = (CONNECTION, client as isize);
    let server = (CONNECTION, server as isize);
    for place in [interface(), listener, client, server] {
        assert_eq!(get(NAGLE, place), (2, 5000));
    }
    assert!(set(NAGLE, interface(), 99_999));
    assert_eq!(get(NAGLE, interface()), (1, 20_000));
    for place in [listener, client, server] {
        assert_eq!(get(NAGLE, place), (2, 20_000));
    }
    assert!(set(NAGLE, listener, 1));
    assert_eq!(get(NAGLE, listener), (1, 1));
    assert_eq!(
        get(NAGLE, server),
        (2, 1),
        "also those that are there already"
    );
    assert_eq!(get(NAGLE, client), (2, 20_000));
    assert!(set(NAGLE, server, 7));
    assert_eq!(get(NAGLE, server), (1, 7));
    assert!(reset(NAGLE, server));
    assert_eq!(get(NAGLE, server), (2, 1));
    assert!(reset(NAGLE, listener));
    assert_eq!(get(NAGLE, server), (2, 20_000));
    assert!(reset(NAGLE, interface()));
    for place in [interface(), listener, client, server] {
        assert_eq!(get(NAGLE, place), (2, 5000));
    }
    // What follows from a setting is from where that is.
    assert!(set(MTU, client, 500));
    assert_eq!(get(MTU_DATA, client), (1, 400));
    assert_eq!(get(MTU_DATA, server), (2, 1200));
}

#[test]
fn helpers_for_connections_set_what_they_say() {
    let _session = Session::start();
    let [first, second] = pair(sockets());
    let place = (CONNECTION, first as isize);
    unsafe {
        assert!(
            SteamAPI_ISteamNetworkingUtils_SetConnectionConfigValueInt32(null(), first, NAGLE, -5)
        );
        assert_eq!(get(NAGLE, place), (1, 0));
        assert!(
            SteamAPI_ISteamNetworkingUtils_SetConnectionConfigValueFloat(null(), first, NAGLE, 2.5)
        );
        assert_eq!(get(NAGLE, place), (1, 3));
        let text = c"41".as_ptr();
        assert!(
            SteamAPI_ISteamNetworkingUtils_SetConnectionConfigValueString(
                null(),
                first,
                NAGLE,
                text
            )
        );
        assert_eq!(get(NAGLE, place), (1, 41));
        assert!(
            SteamAPI_ISteamNetworkingUtils_SetConnectionConfigValueString(
                null(),
                first,
                NAGLE,
                null()
            )
        );
        assert_eq!(get(NAGLE, place), (2, 5000));
        assert_eq!(get(NAGLE, (CONNECTION, second as isize)), (2, 5000));
        for other in [0, first ^ 0x1_0000, first.wrapping_add(2), u32::MAX] {
            assert!(
                !SteamAPI_ISteamNetworkingUtils_SetConnectionConfigValueInt32(
                    null(),
                    other,
                    NAGLE,
                    1
                )
            );
        }
    }
}

#[test]
fn the_user_data_of_a_connection_is_its_own() {
    let _session = Session::start();
    let [first, _] = pair(sockets());
    let place = (CONNECTION, first as isize);
    assert_eq!(get(USER_DATA, place), (1, -1));
    assert!(set(USER_DATA, place, 77));
    assert_eq!(get(USER_DATA, place), (1, 77));
    let ask = SteamAPI_ISteamNetworkingSockets_GetConnectionUserData;
    assert_eq!(unsafe { ask(sockets(), first) }, 77);
    let tell = SteamAPI_ISteamNetworkingSockets_SetConnectionUserData;
    assert!(unsafe { tell(sockets(), first, 78) });
    assert_eq!(get(USER_DATA, place), (1, 78));
    assert!(!reset(USER_DATA, place), "it cannot be cleared");
    assert_eq!(get(USER_DATA, place), (1, 78));
}

#[test]
fn a_pipe_takes_whatever_is_sent_before_anybody_reads() {
    let _session = Session::start();
    let [first, second] = pair(sockets());
    for connection in [first, second] {
        for key in SIZES_AND_RATES {
            assert_eq!(
                get(key, (CONNECTION, connection as isize)),
                (1, 0x1000_0000),
                "{key}"
            );
        }
    }
    let message = [7_u8; 4096];
    for sent in 0..3000 {
        let result = unsafe {
            SteamAPI_ISteamNetworkingSockets_SendMessageToConnection(
                sockets(),
                first,
                message.as_ptr().cast(),
                message.len() as u32,
                8,
                null_mut(),
            )
        };
        assert_eq!(result, 1, "message {sent}");
    }
}

#[test]
fn what_cannot_be_set_there_is_refused() {
    let _session = Session::start();
    let (listener, client, _) = connected(sockets());
    let listener = (LISTENER, listener as isize);
    let client = (CONNECTION, client as isize);
    for place in [listener, client] {
        assert!(
            !set(LOSS, place, 1) && !reset(LOSS, place),
            "it is the interface's"
        );
        assert_eq!(get(LOSS, place).0, -2);
        assert!(!set(MTU_DATA, place, 500));
        assert!(!set(STATUS_CALLBACK, place, 5), "a number is no function");
    }
    assert!(!set(UNENCRYPTED, client, 1), "the handshake has been");
    assert_eq!(
        get(UNENCRYPTED, client),
        (1, 0),
        "and made it the connection's own"
    );
    // Ours may have it of their own.
    assert!(set(LOSS, interface(), 0) && reset(LOSS, interface()));
    // Objects of another kind, and none.
    let wrong = [
        (INTERFACE, 0),
        (INTERFACE, client.1),
        (
            INTERFACE,
            (&raw const *b"not an interface").cast::<c_void>() as isize,
        ),
        (LISTENER, client.1),
        (LISTENER, 0),
        (CONNECTION, listener.1),
        (CONNECTION, 0),
        (0, client.1),
        (5, client.1),
    ];
    for place in wrong {
        assert!(!set(NAGLE, place, 1) && !reset(NAGLE, place), "{place:?}");
        assert_eq!(get(NAGLE, place).0, -2, "{place:?}");
    }
    assert!(close(sockets(), client.1 as u32));
    assert!(!set(NAGLE, client, 1));
    assert_eq!(get(NAGLE, client).0, -2);
    let end = SteamAPI_ISteamNetworkingSockets_CloseListenSocket;
    assert!(unsafe { end(sockets(), listener.1 as u32) });
    assert!(!set(NAGLE, listener, 1));
    assert_eq!(get(NAGLE, listener).0, -2);
}

#[test]
fn a_bad_option_keeps_connections_from_being_made() {
    let _session = Session::start();
    let addr = local(9);
    let option = |key, value| RawOption {
        key,
        kind: 1,
        value: RawOptionValue { int32: value },
    };
    let connect = |options: &[RawOption]| unsafe {
        SteamAPI_ISteamNetworkingSockets_ConnectByIPAddress(
            sockets(),
            &raw const addr,
            options.len() as c_int,
            options.as_ptr(),
        )
    };
    for bad in [0, 1, LOSS, MTU_DATA, STATUS_CALLBACK, -1] {
        assert_eq!(connect(&[option(NAGLE, 1), option(bad, 1)]), 0, "{bad}");
    }
    let good = connect(&[option(NAGLE, 99_999), option(UNENCRYPTED, 1)]);
    assert_ne!(good, 0);
    let place = (CONNECTION, good as isize);
    assert_eq!(get(NAGLE, place), (1, 20_000));
    assert_eq!(get(UNENCRYPTED, place), (1, 1));
    assert!(close(sockets(), good));
}

/// Settings of all kinds, and some that there are not.
fn keys() -> impl Strategy<Value = c_int> {
    prop_oneof![
        4 => 0..112_i32,
        1 => 200..209_i32,
        1 => 998..1001_i32,
        1 => 20_000..20_014_i32,
        1 => any::<c_int>(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever is set by whatever kind and wherever, what is told after is in the range.
    #[test]
    fn any_value_leaves_what_is_in_range(
        changes in prop::collection::vec((keys(), 0..6_usize, 0..7_i32, any::<[u8; 8]>(), "\\PC{0,12}"), 1..20),
    ) {
        let _session = Session::start();
        let [connection, _] = pair(sockets());
        let places = [
            (1, 0),
            interface(),
            (CONNECTION, connection as isize),
            (LISTENER, connection as isize),
            (INTERFACE, 0),
            (9, -1),
        ];
        for (key, place, kind, bytes, text) in changes {
            let place = places[place];
            // Functions are called, so only none is set.
            let is_function = (201..=207).contains(&key);
            let text = std::ffi::CString::new(text.replace('\0', "")).unwrap();
            let none = [0_u8; 8];
            let value: *const c_void = match kind {
                4 => text.as_ptr().cast(),
                _ if is_function => none.as_ptr().cast(),
                _ => bytes.as_ptr().cast(),
            };
            unsafe {
                SteamAPI_ISteamNetworkingUtils_SetConfigValue(null(), key, place.0, place.1, kind, value);
            }
            in_range(key, place);
        }
        for key in (0..112).chain(20_000..20_014) {
            assert!(reset(key, (1, 0)) || get(key, (1, 0)).0 < 0 || key == MTU_DATA, "{key}");
        }
    }
}

/// What is told of a setting is within its bounds.
fn in_range(key: c_int, place: Place) {
    let Ok(known) = bowline::ConfigKey::from_number(key) else {
        assert_eq!(get(key, place).0, -1);
        return;
    };
    let (result, value) = get(key, place);
    let facts = &known.spec().facts;
    if result < 0 {
        return;
    }
    match facts.kind {
        bowline::ConfigType::Int32 | bowline::ConfigType::Int64 => {
            let (min, max) = facts.range_int;
            assert!((min..=max).contains(&value), "{known}: {value}");
        }
        bowline::ConfigType::Float => {
            let (min, max) = facts.range_float;
            let value = f32::from_bits(value as i32 as u32);
            assert!((min..=max).contains(&value), "{known}: {value}");
        }
        // Texts and functions have no range.
        _ => {}
    }
}
