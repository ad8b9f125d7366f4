//! Who this side is, and how it proves that.

use std::ffi::c_int;
use std::ffi::c_void;

use bowline::cert::SignedCertificate;

use crate::abi::identity::RawIdentity;
use crate::abi::pointer;
use crate::abi::structs::ErrorText;
use crate::abi::structs::RawAuthenticationStatus;
use crate::abi::vtable::Object;
use crate::library::Interface;
use crate::library::called;
use crate::sockets::convert;
use crate::sockets::peers;

/// # Safety
/// The pointer leads to room for an identity, or is null.
pub(super) unsafe fn identity(this: *const Object, out: *mut RawIdentity) -> bool {
    let identity = called(this, None, |_, interface| interface.identity());
    // SAFETY: the caller's promise.
    unsafe { pointer::write(out, RawIdentity::from(identity.as_ref())) };
    identity.is_some()
}

pub(super) fn reset_identity(this: *const Object, identity: Option<RawIdentity>) {
    called(this, (), |library, interface| {
        let argument = |raw: RawIdentity| raw.argument("ResetIdentity");
        let Ok(identity) = identity.map_or(Ok(None), argument) else {
            return;
        };
        interface.reset_identity(identity);
        library.listeners().close_all(interface.role());
        library.poll_groups().remove_all(interface.role());
    });
}

/// # Safety
/// The pointer leads to room for a status, or is null.
pub(super) unsafe fn authentication(
    this: *const Object,
    out: *mut RawAuthenticationStatus,
) -> c_int {
    let unknown = RawAuthenticationStatus {
        availability: 0,
        debug: [0; 256],
    };
    peers::await_sessions(this);
    let status = called(this, unknown, |_, interface| {
        convert::authentication_status(&interface.sockets().init_authentication())
    });
    // SAFETY: the caller's promise.
    unsafe { pointer::write(out, status) };
    status.availability
}

/// # Safety
/// The pointers lead to a size, to room for so many bytes and to an error text, or are null.
pub(super) unsafe fn request(
    this: *const Object,
    size: *mut c_int,
    out: *mut c_void,
    error: *mut ErrorText,
) -> bool {
    let make =
        |_: &_, interface: &Interface| Some(interface.sockets().certificate_request().to_bytes());
    let Some(request) = called(this, None, make) else {
        return refuse(error, NOT_RUNNING);
    };
    // SAFETY: the caller's promise.
    let Some(room) = (unsafe { pointer::read(size) }) else {
        return refuse(error, "nowhere to tell the size");
    };
    // SAFETY: the caller's promise.
    unsafe { pointer::write(size, convert::saturate(request.len())) };
    if out.is_null() {
        return true;
    }
    let room = usize::try_from(room).unwrap_or(0);
    if request.len() > room {
        let need = request.len();
        return refuse(
            error,
            &format!("a buffer of {room} bytes is too small: {need} are needed"),
        );
    }
    // SAFETY: there is room for that many bytes.
    unsafe { std::ptr::copy_nonoverlapping(request.as_ptr(), out.cast(), request.len()) };
    true
}

/// # Safety
/// The pointers lead to so many bytes and to an error text, or are null.
pub(super) unsafe fn set_certificate(
    this: *const Object,
    certificate: *const c_void,
    size: c_int,
    error: *mut ErrorText,
) -> bool {
    let size = usize::try_from(size).unwrap_or(0);
    // SAFETY: the caller's promise.
    let Some(bytes) = (unsafe { pointer::bytes(certificate.cast(), size) }) else {
        return refuse(error, "no certificate");
    };
    let set = called(this, Err(NOT_RUNNING.to_owned()), |_, interface| {
        let signed = SignedCertificate::from_bytes(bytes).map_err(|error| error.to_string())?;
        let set = interface.sockets().set_certificate(&signed);
        set.map_err(|error| error.to_string())?;
        interface.set_nobody(false);
        Ok(())
    });
    match set {
        Ok(()) => true,
        Err(why) => refuse(error, &why),
    }
}

/// Tells why not.
pub(crate) fn refuse(error: *mut ErrorText, why: &str) -> bool {
    // SAFETY: the buffer has the size that its type says, by the promise of whoever called us.
    unsafe { pointer::put_text(error.cast(), size_of::<ErrorText>(), why) };
    false
}

const NOT_RUNNING: &str = "the library does not run, or this is none of its interfaces";
