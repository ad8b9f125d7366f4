//! Settings of the process; those of interfaces, listen sockets and connections are in `scopes`.

use std::ffi::CStr;
use std::ffi::c_char;
use std::ffi::c_int;

use GameNetworkingSockets::abi::structs::RawOption;
use GameNetworkingSockets::types::option::*;
use GameNetworkingSockets::utils::config::*;

use super::*;

const GLOBAL: c_int = 1;

const LOSS: c_int = 2;
const SEND_RATE_MIN: c_int = 10;
const SEND_RATE_MAX: c_int = 11;
const NAGLE: c_int = 12;
const MTU_DATA: c_int = 33;
const USER_DATA: c_int = 40;
const STUN: c_int = 103;
const STATUS_CALLBACK: c_int = 201;

/// Kind, bytes and result of a setting of the process.
fn held(key: c_int) -> (c_int, Vec<u8>, c_int) {
    let mut kind = -7;
    let mut bytes = [0_u8; 256];
    let mut size = bytes.len();
    let result = unsafe {
        let to = bytes.as_mut_ptr().cast();
        SteamAPI_ISteamNetworkingUtils_GetConfigValue(
            null(),
            key,
            GLOBAL,
            0,
            &mut kind,
            to,
            &mut size,
        )
    };
    (kind, bytes[..size].to_vec(), result)
}

fn int(key: c_int) -> i32 {
    let (kind, bytes, result) = held(key);
    assert_eq!((kind, result), (1, 1));
    i32::from_ne_bytes(bytes.try_into().unwrap())
}

fn set<T>(key: c_int, kind: c_int, value: &T) -> bool {
    let value = (&raw const *value).cast();
    unsafe { SteamAPI_ISteamNetworkingUtils_SetConfigValue(null(), key, GLOBAL, 0, kind, value) }
}

fn set_text(key: c_int, text: &CStr) -> bool {
    unsafe { SteamAPI_ISteamNetworkingUtils_SetGlobalConfigValueString(null(), key, text.as_ptr()) }
}

fn set_int(key: c_int, value: i32) -> bool {
    unsafe { SteamAPI_ISteamNetworkingUtils_SetGlobalConfigValueInt32(null(), key, value) }
}

fn set_float(key: c_int, value: f32) -> bool {
    unsafe { SteamAPI_ISteamNetworkingUtils_SetGlobalConfigValueFloat(null(), key, value) }
}

fn reset(key: c_int) -> bool {
    unsafe { SteamAPI_ISteamNetworkingUtils_SetConfigValue(null(), key, GLOBAL, 0, 1, null()) }
}

#[test]
fn values_are_converted_and_clamped() {
    let _alone = alone();
    for (given, kept) in [(99_999, 20_000), (-1, 0), (7, 7)] {
        assert!(set_int(NAGLE, given));
        assert_eq!(int(NAGLE), kept);
    }
    assert!(set_float(NAGLE, 2.5) && int(NAGLE) == 3);
    assert!(set_text(NAGLE, c" 41us") && int(NAGLE) == 41);
    assert!(set(NAGLE, 2, &42_i64) && int(NAGLE) == 42);
    // What cannot be converted is refused, and the value stays.
    assert!(!set(NAGLE, 2, &(1_i64 << 40)));
    assert!(!set_text(NAGLE, c"soon"));
    assert!(!set_float(NAGLE, f32::NAN));
    assert!(!set(NAGLE, 5, &null::<c_void>()));
    for kind in [-1, 0, 6, 77] {
        assert!(!set(NAGLE, kind, &1_i64), "{kind}");
    }
    assert_eq!(int(NAGLE), 42);
    assert!(reset(NAGLE) && int(NAGLE) == 5000);

    assert!(set_int(LOSS, 101));
    assert_eq!(held(LOSS), (3, 100_f32.to_ne_bytes().to_vec(), 1));
    assert!(set_float(LOSS, f32::NEG_INFINITY));
    assert_eq!(held(LOSS), (3, 0_f32.to_ne_bytes().to_vec(), 1));

    assert!(set(USER_DATA, 2, &(1_i64 << 40)));
    assert_eq!(
        held(USER_DATA),
        (2, (1_i64 << 40).to_ne_bytes().to_vec(), 1)
    );
    assert!(reset(USER_DATA));
    assert_eq!(held(USER_DATA).1, (-1_i64).to_ne_bytes());

    assert!(set_text(STUN, c"one:1,two:2"));
    assert_eq!(held(STUN), (4, b"one:1,two:2\0".to_vec(), 1));
    assert!(set_float(STUN, 0.5) && held(STUN).1 == b"0.5\0");
    assert!(set_text(STUN, c"") && held(STUN).1 == b"\0");
}

#[test]
fn rates_are_those_of_the_original_until_set() {
    let _alone = alone();
    assert_eq!((int(SEND_RATE_MIN), int(SEND_RATE_MAX)), (262_144, 262_144));
    assert!(set_int(SEND_RATE_MAX, i32::MAX));
    assert_eq!(int(SEND_RATE_MAX), 0x1000_0000);
    assert!(set_int(SEND_RATE_MAX, 0));
    assert_eq!(int(SEND_RATE_MAX), 1024);
    assert!(reset(SEND_RATE_MAX));
    assert_eq!(int(SEND_RATE_MAX), 262_144);
}

#[test]
fn functions_are_kept_as_they_are() {
    let _alone = alone();
    let function: *const c_void = std::ptr::without_provenance(0x7777);
    let bytes = 0x7777_usize.to_ne_bytes().to_vec();
    let none = 0_usize.to_ne_bytes().to_vec();
    unsafe {
        assert!(SteamAPI_ISteamNetworkingUtils_SetGlobalConfigValuePtr(
            null(),
            STATUS_CALLBACK,
            function
        ));
        assert_eq!(held(STATUS_CALLBACK), (5, bytes.clone(), 1));
        assert!(SteamAPI_ISteamNetworkingUtils_SetGlobalConfigValuePtr(
            null(),
            STATUS_CALLBACK,
            null()
        ));
        assert_eq!(held(STATUS_CALLBACK), (5, none.clone(), 1));
        for (setter, key) in [
            (
                SteamAPI_ISteamNetworkingUtils_SetGlobalCallback_SteamNetConnectionStatusChanged
                    as unsafe extern "C" fn(_, _) -> bool,
                201,
            ),
            (SteamAPI_ISteamNetworkingUtils_SetGlobalCallback_SteamNetAuthenticationStatusChanged, 202),
            (SteamAPI_ISteamNetworkingUtils_SetGlobalCallback_SteamRelayNetworkStatusChanged, 203),
            (SteamAPI_ISteamNetworkingUtils_SetGlobalCallback_MessagesSessionRequest, 204),
            (SteamAPI_ISteamNetworkingUtils_SetGlobalCallback_MessagesSessionFailed, 205),
            (SteamAPI_ISteamNetworkingUtils_SetGlobalCallback_FakeIPResult, 207),
        ] {
            assert!(setter(null(), function), "{key}");
            assert_eq!(held(key).1, bytes, "{key}");
            assert!(setter(null(), null()), "{key}");
            assert_eq!(held(key).1, none, "{key}");
        }
    }
    for (kind, value) in [(1, 5_i64), (2, 5), (3, 5)] {
        assert!(!set(STATUS_CALLBACK, kind, &value));
    }
    assert!(!set_text(STATUS_CALLBACK, c"5"));
}

#[test]
fn what_is_not_there_or_read_only_is_refused() {
    let _alone = alone();
    for key in [
        i32::MIN,
        -1,
        0,
        1,
        35,
        61,
        101,
        102,
        111,
        208,
        1000,
        i32::MAX,
    ] {
        assert!(!set_int(key, 1) && !reset(key), "{key}");
        assert_eq!(held(key), (-7, vec![0; 256], -1), "{key}: untouched");
    }
    assert!(!set_int(MTU_DATA, 1) && !reset(MTU_DATA));
    assert_eq!(int(MTU_DATA), 1200);
    assert!(set_int(32, 500) && int(MTU_DATA) == 400);
    assert!(reset(32) && int(MTU_DATA) == 1200);
    let value = 1_i32;
    let from = (&raw const value).cast();
    for scope in [i32::MIN, -1, 0, 2, 3, 4, 5, i32::MAX] {
        for object in [isize::MIN, -1, 0, 1, 0x1_0000_0001] {
            let mut size = 77;
            unsafe {
                assert!(!SteamAPI_ISteamNetworkingUtils_SetConfigValue(
                    null(),
                    NAGLE,
                    scope,
                    object,
                    1,
                    from
                ));
                let result = SteamAPI_ISteamNetworkingUtils_GetConfigValue(
                    null(),
                    NAGLE,
                    scope,
                    object,
                    null_mut(),
                    null_mut(),
                    &mut size,
                );
                assert_eq!((result, size), (-2, 0), "{scope} {object}");
            }
        }
    }
}

#[test]
fn short_buffers_learn_what_is_needed() {
    let _alone = alone();
    assert!(set_text(STUN, c"abc"));
    let get = |key, to: *mut c_char, size: *mut usize| unsafe {
        SteamAPI_ISteamNetworkingUtils_GetConfigValue(
            null(),
            key,
            GLOBAL,
            0,
            null_mut(),
            to.cast(),
            size,
        )
    };
    for (key, needed) in [
        (NAGLE, 4),
        (LOSS, 4),
        (USER_DATA, 8),
        (STUN, 4),
        (STATUS_CALLBACK, size_of::<usize>()),
    ] {
        let mut buffer = [7_u8; 16];
        let to: *mut c_char = buffer.as_mut_ptr().cast();
        let mut size = needed - 1;
        assert_eq!((get(key, to, &mut size), size), (-3, needed));
        assert_eq!(buffer, [7; 16], "untouched");
        size = 100;
        assert_eq!((get(key, null_mut(), &mut size), size), (-3, needed));
        assert_eq!(get(key, to, null_mut()), -3);
        assert_eq!(buffer, [7; 16], "untouched");
        assert_eq!((get(key, to, &mut size), size), (1, needed));
        assert_eq!(buffer[needed..], [7; 16][needed..]);
    }
    assert!(reset(STUN));
}

#[test]
fn options_are_set_like_values() {
    let _alone = alone();
    let apply = |option: &RawOption| unsafe {
        SteamAPI_ISteamNetworkingUtils_SetConfigValueStruct(null(), option, GLOBAL, 0)
    };
    let mut option = RawOption {
        key: 0,
        kind: 0,
        value: GameNetworkingSockets::abi::structs::RawOptionValue { int64: 0 },
    };
    unsafe {
        SteamAPI_SteamNetworkingConfigValue_t_SetInt32(&mut option, NAGLE, 99_999);
        assert!(apply(&option) && int(NAGLE) == 20_000);
        SteamAPI_SteamNetworkingConfigValue_t_SetFloat(&mut option, NAGLE, 7.4);
        assert!(apply(&option) && int(NAGLE) == 7);
        SteamAPI_SteamNetworkingConfigValue_t_SetString(&mut option, STUN, c"there".as_ptr());
        assert!(apply(&option) && held(STUN).1 == b"there\0");
        SteamAPI_SteamNetworkingConfigValue_t_SetString(&mut option, STUN, null());
        assert!(apply(&option) && held(STUN).1 == b"\0");
        SteamAPI_SteamNetworkingConfigValue_t_SetPtr(&mut option, 202, null_mut());
        assert!(apply(&option));
        SteamAPI_SteamNetworkingConfigValue_t_SetInt64(&mut option, USER_DATA, 9);
        assert!(apply(&option) && held(USER_DATA).1 == 9_i64.to_ne_bytes());
        assert!(!SteamAPI_ISteamNetworkingUtils_SetConfigValueStruct(
            null(),
            null(),
            GLOBAL,
            0
        ));
    }
    assert!(reset(NAGLE) && reset(USER_DATA));
}

#[test]
fn settings_are_described() {
    for (key, name, kind, scope) in [
        (LOSS, c"FakePacketLoss_Send", 3, 1),
        (NAGLE, c"NagleTime", 1, 4),
        (USER_DATA, c"ConnectionUserData", 2, 4),
        (STUN, c"P2P_STUN_ServerList", 4, 4),
        (STATUS_CALLBACK, c"Callback_ConnectionStatusChanged", 5, 4),
    ] {
        let (mut got_kind, mut got_scope) = (0, 0);
        unsafe {
            let got = SteamAPI_ISteamNetworkingUtils_GetConfigValueInfo(
                null(),
                key,
                &mut got_kind,
                &mut got_scope,
            );
            assert_eq!(CStr::from_ptr(got), name);
            let again = SteamAPI_ISteamNetworkingUtils_GetConfigValueInfo(
                null(),
                key,
                null_mut(),
                null_mut(),
            );
            assert_eq!(got, again, "it stays where it is");
        }
        assert_eq!((got_kind, got_scope), (kind, scope));
    }
    for key in [-1, 0, 1, 35, 102, i32::MAX] {
        let mut kind = -7;
        let none = unsafe {
            SteamAPI_ISteamNetworkingUtils_GetConfigValueInfo(null(), key, &mut kind, null_mut())
        };
        assert!(none.is_null() && kind == -7);
    }
}

#[test]
fn the_list_is_that_of_the_open_build() {
    let next = |current, dev| unsafe {
        SteamAPI_ISteamNetworkingUtils_IterateGenericEditableConfigValues(null(), current, dev)
    };
    let list = |dev: u8| {
        let keys = std::iter::successors(Some(next(0, dev)), |key| Some(next(*key, dev)));
        keys.take_while(|key| *key != 0).collect::<Vec<_>>()
    };
    let players: Vec<c_int> = [
        2..=17,
        24..=28,
        32..=32,
        41..=45,
        47..=59,
        103..=105,
        107..=110,
    ]
    .into_iter()
    .flatten()
    .collect();
    assert_eq!(list(0), players);
    let mut developers = players;
    developers.extend([23, 34]);
    developers.sort_unstable();
    assert_eq!(list(1), developers);
    assert_eq!(list(2), developers, "every truth is true");
    // What is not listed has a next one, what is not there has none.
    assert_eq!((next(37, 0), next(40, 0), next(110, 0)), (41, 41, 0));
    for unknown in [i32::MIN, -1, 1, 35, i32::MAX] {
        assert_eq!(next(unknown, 1), 0);
    }
    assert_eq!(
        unsafe { SteamAPI_ISteamNetworkingUtils_GetFirstConfigValue(null()) },
        2
    );
}
