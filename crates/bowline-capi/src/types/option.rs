//! `SteamNetworkingConfigValue_t`.

use std::ffi::c_char;
use std::ffi::c_int;
use std::ffi::c_void;

use bowline::ConfigType;

use crate::abi::pointer;
use crate::abi::structs::RawOption;
use crate::abi::structs::RawOptionValue;
use crate::exports;

exports! {
    /// Makes it a whole number of 32 bits.
    fn SteamAPI_SteamNetworkingConfigValue_t_SetInt32(this: *mut RawOption, key: c_int, value: i32);
        put(this, key, ConfigType::Int32, RawOptionValue { int32: value });

    /// Makes it a whole number of 64 bits.
    fn SteamAPI_SteamNetworkingConfigValue_t_SetInt64(this: *mut RawOption, key: c_int, value: i64);
        put(this, key, ConfigType::Int64, RawOptionValue { int64: value });

    /// Makes it a number with a fraction.
    fn SteamAPI_SteamNetworkingConfigValue_t_SetFloat(this: *mut RawOption, key: c_int, value: f32);
        put(this, key, ConfigType::Float, RawOptionValue { float: value });

    /// Makes it a function or other pointer.
    fn SteamAPI_SteamNetworkingConfigValue_t_SetPtr(this: *mut RawOption, key: c_int, value: *mut c_void);
        put(this, key, ConfigType::Callback, RawOptionValue { pointer: value });

    /// Makes it a text, which is not copied: it must be there until the option has been used.
    fn SteamAPI_SteamNetworkingConfigValue_t_SetString(this: *mut RawOption, key: c_int, value: *const c_char);
        put(this, key, ConfigType::String, RawOptionValue { string: value });
}

/// # Safety
/// There is room for an option, unless the pointer is null.
unsafe fn put(this: *mut RawOption, key: c_int, kind: ConfigType, value: RawOptionValue) {
    let kind = kind.number();
    // SAFETY: the caller's promise.
    unsafe { pointer::write(this, RawOption { key, kind, value }) };
}
