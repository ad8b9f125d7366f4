//! The object behind `ISteamNetworkingUtils`, and the methods on strings that only Steam's SDK has as flat
//! functions.
//!
//! The object is there from the beginning to the end of the process, and has no state: no function looks
//! at which object it was called on.

use std::ffi::c_char;
use std::ffi::c_int;

use bowline::FakeIpType;

use crate::abi::identity::RawAddr;
use crate::abi::identity::RawIdentity;
use crate::abi::structs::RawBool;
use crate::abi::vtable::Object;
use crate::abi::vtable::Slot;
use crate::abi::vtable::Vtable;
use crate::exports;
use crate::messages::SteamAPI_ISteamNetworkingUtils_AllocateMessage;
use crate::types::addr;
use crate::types::identity;
use crate::utils::config::*;
use crate::utils::debug::SteamAPI_ISteamNetworkingUtils_SetDebugOutputFunction;
use crate::utils::relays::*;

exports! {
    /// The utilities, for C++. Never null.
    fn SteamNetworkingUtils_LibV4() -> *const Object, else &raw const UTILS;
        &raw const UTILS;

    /// The utilities. Never null.
    fn SteamAPI_SteamNetworkingUtils_v003() -> *const Object, else &raw const UTILS;
        &raw const UTILS;

    /// The utilities, by the name that Steam's own library has. Never null.
    fn SteamAPI_SteamNetworkingUtils_SteamAPI_v004() -> *const Object, else &raw const UTILS;
        &raw const UTILS;

    /// The time of the clock that messages are stamped by, in microseconds. It never goes back, and is at
    /// least 30 days.
    fn SteamAPI_ISteamNetworkingUtils_GetLocalTimestamp(_this: *const Object) -> i64, else 0;
        bowline::utils::local_timestamp().as_micros().cast_signed();

    /// Prints an address into a buffer of `room` bytes; 48 are enough.
    fn SteamAPI_ISteamNetworkingUtils_SteamNetworkingIPAddr_ToString(_this: *const Object, addr: *const RawAddr, to: *mut c_char, room: u32, with_port: RawBool);
        addr::print(addr, to, room as usize, with_port);

    /// Reads an address from text. If the text is none it is cleared, and the result is false.
    fn SteamAPI_ISteamNetworkingUtils_SteamNetworkingIPAddr_ParseString(_this: *const Object, addr: *mut RawAddr, text: *const c_char) -> bool, else false;
        addr::parse(addr, text);

    /// Which kind of fake address it is (`ESteamNetworkingFakeIPType`), never 0.
    fn SteamAPI_ISteamNetworkingUtils_SteamNetworkingIPAddr_GetFakeIPType(_this: *const Object, addr: *const RawAddr) -> c_int, else FakeIpType::NotFake.number();
        addr::fake_ip_type(addr);

    /// Prints an identity into a buffer of `room` bytes; 128 are enough.
    fn SteamAPI_ISteamNetworkingUtils_SteamNetworkingIdentity_ToString(_this: *const Object, identity: *const RawIdentity, to: *mut c_char, room: u32);
        identity::print(identity, to, room as usize);

    /// Reads an identity from text. If the text is none it is cleared, and the result is false.
    fn SteamAPI_ISteamNetworkingUtils_SteamNetworkingIdentity_ParseString(_this: *const Object, identity: *mut RawIdentity, text: *const c_char) -> bool, else false;
        identity::SteamNetworkingIdentity_ParseString(identity, size_of::<RawIdentity>(), text);
}

static UTILS: Object = VTABLE.object();

static VTABLE: Vtable<25> = Vtable::new([
    SteamAPI_ISteamNetworkingUtils_AllocateMessage as Slot,
    SteamAPI_ISteamNetworkingUtils_GetRelayNetworkStatus as Slot,
    SteamAPI_ISteamNetworkingUtils_GetLocalPingLocation as Slot,
    SteamAPI_ISteamNetworkingUtils_EstimatePingTimeBetweenTwoLocations as Slot,
    SteamAPI_ISteamNetworkingUtils_EstimatePingTimeFromLocalHost as Slot,
    SteamAPI_ISteamNetworkingUtils_ConvertPingLocationToString as Slot,
    SteamAPI_ISteamNetworkingUtils_ParsePingLocationString as Slot,
    SteamAPI_ISteamNetworkingUtils_CheckPingDataUpToDate as Slot,
    SteamAPI_ISteamNetworkingUtils_GetPingToDataCenter as Slot,
    SteamAPI_ISteamNetworkingUtils_GetDirectPingToPOP as Slot,
    SteamAPI_ISteamNetworkingUtils_GetPOPCount as Slot,
    SteamAPI_ISteamNetworkingUtils_GetPOPList as Slot,
    SteamAPI_ISteamNetworkingUtils_GetLocalTimestamp as Slot,
    SteamAPI_ISteamNetworkingUtils_SetDebugOutputFunction as Slot,
    SteamAPI_ISteamNetworkingUtils_GetIPv4FakeIPType as Slot,
    SteamAPI_ISteamNetworkingUtils_GetRealIdentityForFakeIP as Slot,
    SteamAPI_ISteamNetworkingUtils_SetConfigValue as Slot,
    SteamAPI_ISteamNetworkingUtils_GetConfigValue as Slot,
    SteamAPI_ISteamNetworkingUtils_GetConfigValueInfo as Slot,
    SteamAPI_ISteamNetworkingUtils_IterateGenericEditableConfigValues as Slot,
    SteamAPI_ISteamNetworkingUtils_SteamNetworkingIPAddr_ToString as Slot,
    SteamAPI_ISteamNetworkingUtils_SteamNetworkingIPAddr_ParseString as Slot,
    SteamAPI_ISteamNetworkingUtils_SteamNetworkingIPAddr_GetFakeIPType as Slot,
    SteamAPI_ISteamNetworkingUtils_SteamNetworkingIdentity_ToString as Slot,
    SteamAPI_ISteamNetworkingUtils_SteamNetworkingIdentity_ParseString as Slot,
]);
