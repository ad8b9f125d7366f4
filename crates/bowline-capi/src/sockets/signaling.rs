//! Objects that carry signals (`ISteamNetworkingConnectionSignaling`): those of the application, and those
//! that are made here of functions in C.
//!
//! The Rust library gets an object as a `Carrier`, which releases it when the last connection lets go of it.
//! That may be on a thread of the library, and after `GameNetworkingSockets_Kill` has begun, so a carrier does
//! not need the library.
//!
//! While the application's code runs here no lock is held and nothing refers to the library, so it may use
//! the interfaces. But the Rust library is in the middle of its work, through which no exception can pass:
//! one that comes out of the application's code ends the process, as out of a function that C++ calls
//! `noexcept`.

use std::ffi::c_int;
use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::Arc;

use bowline::Identity;
use bowline::signaling::PeerRequest;
use bowline::signaling::ReceiveContext;
use bowline::signaling::SignalTarget;
use bowline::signaling::Signaling;
use bowline::signaling::SignalingFailed;

use crate::abi::identity::RawIdentity;
use crate::abi::structs::ConnectionHandle;
use crate::abi::structs::RawBool;
use crate::abi::structs::RawConnectionInfo;
use crate::abi::vtable::Object;
use crate::abi::vtable::Slot;
use crate::abi::vtable::Vtable;
use crate::exports;
use crate::library::Role;
use crate::sockets::convert;
use crate::sockets::handles::Numbering;

/// Sends a signal to the peer; the first argument is the object, or the application's own. False ends the
/// connection.
pub type SendSignal = unsafe extern "C-unwind" fn(
    *mut c_void,
    ConnectionHandle,
    *const RawConnectionInfo,
    *const c_void,
    c_int,
) -> RawBool;

/// Frees the object, or what belongs to the application's own argument.
pub type Release = unsafe extern "C-unwind" fn(*mut c_void);

/// Considers a peer that asks for a connection, and returns what carries the answers. The last argument is
/// our virtual port.
pub type OnConnectRequest = unsafe extern "C-unwind" fn(
    *mut c_void,
    ConnectionHandle,
    *const RawIdentity,
    c_int,
) -> *mut Object;

/// Sends a rejection to a peer.
pub type SendRejectionSignal =
    unsafe extern "C-unwind" fn(*mut c_void, *const RawIdentity, *const c_void, c_int);

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

/// An object that carries signals, of the application's or of ours, which nobody else uses: it is released
/// when this is dropped.
#[derive(Debug)]
pub(super) struct Owned(NonNull<Object>);

// SAFETY: the header tells the application that its object is used and released by any thread.
unsafe impl Send for Owned {}
// SAFETY: and by several at a time, if it serves several connections; one connection is served by one.
unsafe impl Sync for Owned {}

impl Owned {
    /// `None` for null.
    ///
    /// # Safety
    /// It is such an object, with its vtable, and nobody uses it after.
    pub(super) unsafe fn new(object: *mut Object) -> Option<Self> {
        NonNull::new(object).map(Self)
    }

    /// Whom it serves from now on: connections of that interface.
    pub(super) fn carry(self, role: Role, listeners: Numbering) -> Arc<dyn Signaling> {
        Arc::new(Carrier {
            object: self,
            role,
            listeners,
        })
    }

    /// The function in a slot of its vtable.
    ///
    /// # Safety
    /// It is of type `F`, a pointer to a function.
    unsafe fn method<F: Copy>(&self, index: usize) -> F {
        // SAFETY: the object begins with the address of its slots.
        unsafe {
            let slots: *const Slot = self.0.cast().read();
            slots.add(index).cast::<F>().read()
        }
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // SAFETY: `Release` is the second method, and this the last use.
        contained("Release", || unsafe {
            self.method::<Release>(1)(self.0.as_ptr().cast());
        });
    }
}

/// What carries the signals of connections.
#[derive(Debug)]
struct Carrier {
    object: Owned,
    role: Role,
    listeners: Numbering,
}

impl Signaling for Carrier {
    fn send(&self, to: &SignalTarget, signal: &[u8]) -> Result<(), SignalingFailed> {
        let info = match to.info() {
            Some(info) => convert::connection_info(self.listeners, self.role, &info),
            // It was dropped this moment.
            None => convert::no_connection(to.peer()),
        };
        let id = to.connection().get();
        let size = convert::saturate(signal.len());
        // SAFETY: `SendSignal` is the first method, and the object is there until this is dropped.
        let is_sent = contained("SendSignal", || unsafe {
            let send = self.object.method::<SendSignal>(0);
            let this = self.object.0.as_ptr().cast();
            send(this, id, &raw const info, signal.as_ptr().cast(), size)
        });
        if is_sent == 0 {
            return Err(SignalingFailed);
        }
        Ok(())
    }
}

/// What the application says to those who ask for a connection: a context, and its functions.
#[derive(Debug)]
pub(super) struct Context {
    this: *mut c_void,
    on_request: Option<OnConnectRequest>,
    reject: Option<SendRejectionSignal>,
    role: Role,
    listeners: Numbering,
}

impl Context {
    /// Functions with their first argument, for connections of that interface. Without a function for
    /// requests nobody can connect, and without one for rejections nobody hears of them.
    ///
    /// # Safety
    /// The functions may be called with the argument as long as this is used.
    pub(super) const unsafe fn of_functions(
        this: *mut c_void,
        on_request: Option<OnConnectRequest>,
        reject: Option<SendRejectionSignal>,
        (role, listeners): (Role, Numbering),
    ) -> Self {
        Self {
            this,
            on_request,
            reject,
            role,
            listeners,
        }
    }

    /// An object of the application's (`ISteamNetworkingSignalingRecvContext`); with null nobody can connect.
    ///
    /// # Safety
    /// It is such an object, with its vtable, unless it is null, as long as this is used.
    pub(super) unsafe fn of_object(object: *mut Object, whose: (Role, Numbering)) -> Self {
        let (mut on_request, mut reject) = (None, None);
        if !object.is_null() {
            // SAFETY: the object begins with the address of its slots, of which these are the two.
            unsafe {
                let slots: *const Slot = object.cast::<*const Slot>().read();
                on_request = slots.cast::<Option<OnConnectRequest>>().read();
                reject = slots.add(1).cast::<Option<SendRejectionSignal>>().read();
            }
        }
        // SAFETY: methods take their object as the first argument.
        unsafe { Self::of_functions(object.cast(), on_request, reject, whose) }
    }
}

impl ReceiveContext for Context {
    fn on_request(&mut self, request: &PeerRequest<'_>) -> Option<Arc<dyn Signaling>> {
        let on_request = self.on_request?;
        let id = request.connection().id().get();
        let peer = RawIdentity::from(Some(request.peer()));
        let port = convert::saturate(request.port().get());
        // SAFETY: the promise of whoever made the context.
        let object = contained("OnConnectRequest", || unsafe {
            on_request(self.this, id, &raw const peer, port)
        });
        // SAFETY: what is returned is an object for signals, or null, and ours from now on.
        let object = unsafe { Owned::new(object) }?;
        Some(object.carry(self.role, self.listeners))
    }

    fn send_rejection(&mut self, peer: &Identity, signal: &[u8]) {
        let Some(reject) = self.reject else {
            return;
        };
        let peer = RawIdentity::from(Some(peer));
        let size = convert::saturate(signal.len());
        // SAFETY: the promise of whoever made the context.
        contained("SendRejectionSignal", || unsafe {
            reject(self.this, &raw const peer, signal.as_ptr().cast(), size);
        });
    }
}

/// Calls a function of the application's that must not throw.
pub(super) fn contained<R>(name: &'static str, call: impl FnOnce() -> R) -> R {
    let mut thrown = Thrown(Some(name));
    let result = call();
    thrown.0 = None;
    result
}

/// Dropped with a name it ends the process: an exception came out of the function of that name.
struct Thrown(Option<&'static str>);

impl Drop for Thrown {
    fn drop(&mut self) {
        if let Some(name) = self.0 {
            tracing::error!(target: "bowline::capi", "{name}: it must not throw an exception");
            std::process::abort();
        }
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

// Neither is under the guard: the application's code may throw if the application calls them.
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
            Some(send) => send((*this).context, connection, info, signal, size) != 0,
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
