//! Objects that carry signals (`ISteamNetworkingConnectionSignaling`): those of the application, and those
//! that are made here of functions in C.

use std::ffi::c_int;
use std::ffi::c_void;

use crate::abi::structs::ConnectionHandle;
use crate::abi::structs::RawConnectionInfo;
use crate::abi::vtable::Object;
use crate::abi::vtable::Slot;
use crate::abi::vtable::Vtable;
use crate::exports;

/// Sends a signal to the peer; the first argument is the application's own. False ends the connection.
pub type SendSignal = unsafe extern "C-unwind" fn(
    *mut c_void,
    ConnectionHandle,
    *const RawConnectionInfo,
    *const c_void,
    c_int,
) -> bool;

/// Frees what belongs to the application's own argument.
pub type Release = unsafe extern "C-unwind" fn(*mut c_void);

exports! {
    /// An object that carries signals by these functions. `release` may be null; it is called once, when
    /// the object is released, and the object is gone then.
    fn SteamAPI_ISteamNetworkingSockets_CreateCustomSignaling(
        context: *mut c_void,
        send: Option<SendSignal>,
        release: Option<Release>,
    ) -> *mut Object, else std::ptr::null_mut();
        Box::into_raw(Box::new(Adapter { object: VTABLE.object(), context, send, release })).cast();
}

/// Releases an object for signals, of the application's or of ours.
///
/// # Safety
/// It is one, with its vtable, unless it is null, and it is not used after.
pub(super) unsafe fn release(object: *mut Object) {
    type Method = unsafe extern "C-unwind" fn(*mut Object);
    if object.is_null() {
        return;
    }
    // SAFETY: the object begins with the address of its slots, and `Release` is the second of them.
    unsafe {
        let slots: *const Method = *object.cast();
        (*slots.add(1))(object);
    }
}

/// Functions in C as an object.
#[derive(Debug)]
#[repr(C)]
struct Adapter {
    /// First, so that a pointer to it is one to this.
    object: Object,
    context: *mut c_void,
    send: Option<SendSignal>,
    release: Option<Release>,
}

static VTABLE: Vtable<2> = Vtable::new([adapter_send as Slot, adapter_release as Slot]);

// Neither is under the guard: the application's code may throw.
unsafe extern "C-unwind" fn adapter_send(
    this: *const Adapter,
    connection: ConnectionHandle,
    info: *const RawConnectionInfo,
    signal: *const c_void,
    size: c_int,
) -> bool {
    // SAFETY: the object was made here, and the rest is the caller's promise.
    unsafe {
        match (*this).send {
            Some(send) => send((*this).context, connection, info, signal, size),
            None => false,
        }
    }
}

unsafe extern "C-unwind" fn adapter_release(this: *mut Adapter) {
    // SAFETY: the object was made here, and nobody uses it after.
    let adapter = unsafe { Box::from_raw(this) };
    if let Some(release) = adapter.release {
        // SAFETY: it is the application's function with the application's argument.
        unsafe { release(adapter.context) };
    }
}
