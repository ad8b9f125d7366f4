//! Connections by identity, with signals that the application or a service carries.

use std::ffi::c_int;
use std::ffi::c_void;

use crate::abi::identity::RawIdentity;
use crate::abi::structs::ConnectionHandle;
use crate::abi::structs::ListenHandle;
use crate::abi::structs::RawOption;
use crate::abi::vtable::Object;
use crate::exports;
use crate::guard;
use crate::unavailable::missing;
use crate::unavailable::signaling;

exports! {
    /// Listens for connections by identity on a virtual port: 0, there are none yet.
    fn SteamAPI_ISteamNetworkingSockets_CreateListenSocketP2P(
        _this: *const Object,
        _virtual_port: c_int,
        _count: c_int,
        _options: *const RawOption,
    ) -> ListenHandle, else 0;
        { missing("CreateListenSocketP2P", WHAT); 0 };

    /// Connects to an identity: 0, that is not possible yet.
    fn SteamAPI_ISteamNetworkingSockets_ConnectP2P(
        _this: *const Object,
        _peer: *const RawIdentity,
        _virtual_port: c_int,
        _count: c_int,
        _options: *const RawOption,
    ) -> ConnectionHandle, else 0;
        { missing("ConnectP2P", WHAT); 0 };

    /// Takes a signal that the application carried here: false, no connection is made by signals yet.
    fn SteamAPI_ISteamNetworkingSockets_ReceivedP2PCustomSignal(
        _this: *const Object,
        _signal: *const c_void,
        _size: c_int,
        _context: *mut Object,
    ) -> bool, else false;
        { missing("ReceivedP2PCustomSignal", WHAT); false };

    /// The same with functions in the place of an object.
    fn SteamAPI_ISteamNetworkingSockets_ReceivedP2PCustomSignal2(
        _this: *const Object,
        _signal: *const c_void,
        _size: c_int,
        _context: *mut c_void,
        _on_request: *const c_void,
        _send_rejection: *const c_void,
    ) -> bool, else false;
        { missing("ReceivedP2PCustomSignal2", WHAT); false };
}

/// Connects to an identity by signals that the object sends: 0, that is not possible yet. The object is
/// released, as always when a connection does not come about.
///
/// # Safety
/// The object, unless null, is one for signals, with a vtable, and is not used after.
// What the application's code does is not under the guard: it may throw.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn SteamAPI_ISteamNetworkingSockets_ConnectP2PCustomSignaling(
    _this: *const Object,
    signals: *mut Object,
    _peer: *const RawIdentity,
    _virtual_port: c_int,
    _count: c_int,
    _options: *const RawOption,
) -> ConnectionHandle {
    guard::call(
        "SteamAPI_ISteamNetworkingSockets_ConnectP2PCustomSignaling",
        (),
        || missing("ConnectP2PCustomSignaling", WHAT),
    );
    // SAFETY: the caller's promise.
    unsafe { signaling::release(signals) };
    0
}

const WHAT: &str = "connections by identity are";
