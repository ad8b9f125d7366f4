use std::ffi::c_void;

use GameNetworkingSockets::abi::structs::RawOption;
use GameNetworkingSockets::abi::structs::RawOptionValue;
use GameNetworkingSockets::types::option::*;

use super::*;

#[test]
fn options_hold_what_was_set() {
    let mut option = RawOption {
        key: 0,
        kind: 0,
        value: RawOptionValue { int64: 0 },
    };
    let pointer: *mut c_void = std::ptr::without_provenance_mut(77);
    let text = c"text".as_ptr();
    unsafe {
        SteamAPI_SteamNetworkingConfigValue_t_SetInt32(&mut option, 12, -5);
        assert_eq!((option.key, option.kind, option.value.int32), (12, 1, -5));
        SteamAPI_SteamNetworkingConfigValue_t_SetInt64(&mut option, 40, i64::MIN);
        assert_eq!(
            (option.key, option.kind, option.value.int64),
            (40, 2, i64::MIN)
        );
        SteamAPI_SteamNetworkingConfigValue_t_SetFloat(&mut option, 2, 0.5);
        assert_eq!((option.key, option.kind, option.value.float), (2, 3, 0.5));
        SteamAPI_SteamNetworkingConfigValue_t_SetString(&mut option, 103, text);
        assert_eq!(
            (option.key, option.kind, option.value.string),
            (103, 4, text)
        );
        SteamAPI_SteamNetworkingConfigValue_t_SetPtr(&mut option, 201, pointer);
        assert_eq!(
            (option.key, option.kind, option.value.pointer),
            (201, 5, pointer)
        );
        SteamAPI_SteamNetworkingConfigValue_t_SetInt32(null_mut(), 12, -5);
    }
    no_panics();
}
