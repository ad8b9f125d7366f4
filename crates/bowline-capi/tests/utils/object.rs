use std::ffi::CStr;
use std::ffi::c_char;
use std::ffi::c_int;

use GameNetworkingSockets::abi::identity::RawAddr;
use GameNetworkingSockets::abi::identity::RawIdentity;
use GameNetworkingSockets::abi::vtable::Object;
use GameNetworkingSockets::utils::object::*;

use super::*;

/// The function in a slot of the object's vtable.
///
/// # Safety
/// It is of type `F`.
unsafe fn slot<F: Copy>(object: *const Object, index: usize) -> F {
    unsafe {
        let slots = *object.cast::<*const *const c_void>();
        std::mem::transmute_copy(&*slots.add(index))
    }
}

#[test]
fn the_object_is_there_before_the_library_starts() {
    unsafe {
        let object = SteamNetworkingUtils_LibV4();
        assert!(!object.is_null());
        assert_eq!(object, SteamAPI_SteamNetworkingUtils_v003());
        assert_eq!(object, SteamAPI_SteamNetworkingUtils_SteamAPI_v004());
        // What stands before the slots says: this is the top, and of no type that is told.
        let slots = *object.cast::<*const usize>();
        assert_eq!((*slots.sub(2), *slots.sub(1)), (0, 0));
    }
}

#[test]
fn the_clock_runs_before_the_library_starts() {
    let now = || unsafe { SteamAPI_ISteamNetworkingUtils_GetLocalTimestamp(null()) };
    let first = now();
    assert!(first >= 30 * 24 * 3600 * 1_000_000);
    let mut last = first;
    while last == first {
        last = now();
        assert!(last >= first);
    }
}

#[test]
fn slots_are_the_methods_in_their_order() {
    type Timestamp = unsafe extern "C" fn(*const Object) -> i64;
    type FakeType = unsafe extern "C" fn(*const Object, u32) -> c_int;
    type Iterate = unsafe extern "C" fn(*const Object, c_int, u8) -> c_int;
    type PrintAddr = unsafe extern "C" fn(*const Object, *const RawAddr, *mut c_char, usize, u8);
    type ParseAddr = unsafe extern "C" fn(*const Object, *mut RawAddr, *const c_char) -> bool;
    type PrintIdentity =
        unsafe extern "C" fn(*const Object, *const RawIdentity, *mut c_char, usize);
    type ParseIdentity =
        unsafe extern "C" fn(*const Object, *mut RawIdentity, *const c_char) -> bool;
    type Direct = unsafe extern "C" fn(*const Object, u32) -> c_int;
    type Location = unsafe extern "C" fn(*const Object, *mut c_void) -> f32;
    unsafe {
        let object = SteamNetworkingUtils_LibV4();
        assert!(slot::<Timestamp>(object, 12)(object) > 0);
        assert_eq!(slot::<FakeType>(object, 14)(object, 1), 1);
        assert_eq!(slot::<Iterate>(object, 19)(object, 0, 0), 2);
        assert_eq!(slot::<Direct>(object, 9)(object, 1), -2);
        assert_eq!(slot::<Location>(object, 2)(object, null_mut()), -1.0);
        let mut addr = RawAddr::default();
        assert!(slot::<ParseAddr>(object, 21)(
            object,
            &mut addr,
            c"1.2.3.4:5".as_ptr()
        ));
        let mut text = [7_u8; 48];
        let to = text.as_mut_ptr().cast();
        slot::<PrintAddr>(object, 20)(object, &addr, to, text.len(), 1);
        assert_eq!(CStr::from_bytes_until_nul(&text).unwrap(), c"1.2.3.4:5");
        let mut identity = RawIdentity::INVALID;
        let parse = slot::<ParseIdentity>(object, 24);
        assert!(parse(object, &mut identity, c"str:me".as_ptr()));
        let to = text.as_mut_ptr().cast();
        slot::<PrintIdentity>(object, 23)(object, &identity, to, text.len());
        assert_eq!(CStr::from_bytes_until_nul(&text).unwrap(), c"str:me");
        assert!(!parse(object, &mut identity, c"me".as_ptr()));
        assert_eq!(identity, RawIdentity::INVALID);
        assert_eq!(
            SteamAPI_ISteamNetworkingUtils_SteamNetworkingIPAddr_GetFakeIPType(object, &addr),
            1
        );
    }
}
