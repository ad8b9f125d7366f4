//! What goes beyond GNS: the functions of `bowline.h`, and those that only forks of GNS have.

pub(crate) mod hub;
mod sending;
pub mod trust;
mod waiting;

use std::borrow::Cow;
use std::ffi::c_char;
use std::ffi::c_int;
use std::ffi::c_void;

use bowline::Expect;

use crate::abi::identity::RawAddr;
use crate::abi::identity::RawIdentity;
use crate::abi::pointer;
use crate::abi::structs::ConnectionHandle;
use crate::abi::structs::ErrorText;
use crate::abi::structs::PollGroupHandle;
use crate::abi::structs::RawBool;
use crate::abi::structs::RawOption;
use crate::abi::vtable::Object;
use crate::callbacks::CertificateExpiring;
use crate::callbacks::PacketsFailed;
use crate::callbacks::PacketsFunction;
use crate::callbacks::PacketsRequested;
use crate::callbacks::Writable;
use crate::exports;
use crate::guard;
use crate::library::called;
use crate::messages::generation;
use crate::packets;
use crate::sockets::making;

pub use sending::RawSendCapacity;
pub use sending::RawSendOptions;
pub use waiting::RawWaitHandle;

/// The version of this library. Never null, valid for ever.
#[unsafe(no_mangle)]
pub extern "C" fn Bowline_Version() -> *const c_char {
    VERSION.as_ptr().cast()
}

/// How many bugs of the library were caught since it was loaded. Also while nothing else works.
#[unsafe(no_mangle)]
pub extern "C" fn Bowline_GetCaughtPanics() -> u32 {
    u32::try_from(guard::panics()).unwrap_or(u32::MAX)
}

const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");

exports! {
    /// Which generation of the interface the library behaves as: 14 or 15.
    fn Bowline_GetAbiGeneration() -> c_int, else 0; generation::current() as c_int;

    /// Behaves as this generation from now on; false if it is neither 14 nor 15.
    fn Bowline_SetAbiGeneration(number: c_int) -> bool, else false;
        matches!(number, 14 | 15) && generation::set(number);

    /// Waits until a callback or a message waits, at most so many milliseconds, for ever if negative.
    fn Bowline_Wait(this: *const Object, timeout_ms: c_int) -> bool, else false;
        waiting::wait(this, timeout_ms);

    /// The same for the messages of one poll group.
    fn Bowline_WaitOnPollGroup(this: *const Object, group: PollGroupHandle, timeout_ms: c_int) -> bool, else false;
        waiting::wait_on_poll_group(this, group, timeout_ms);

    /// Waits until no connection lingers any more.
    fn Bowline_WaitForLinger(this: *const Object, timeout_ms: c_int) -> bool, else false;
        waiting::wait_for_linger(this, timeout_ms);

    /// Gives what an event loop can watch; false if there are no more handles.
    fn Bowline_GetWaitHandle(this: *const Object, out: *mut RawWaitHandle) -> bool, else false;
        waiting::wait_handle(this, out);

    /// Microseconds until the next timer, -1 if there is none.
    fn Bowline_GetNextTimeout(this: *const Object) -> i64, else -1;
        waiting::next_timeout(this);

    /// Sends a copy of bytes in any way that there is. The results are those of `SendMessageToConnection`,
    /// and `k_EResultInvalidParam` for options that do not go together.
    fn Bowline_SendMessage(
        this: *const Object,
        connection: ConnectionHandle,
        data: *const u8,
        size: u32,
        options: *const RawSendOptions,
        out_number: *mut i64,
    ) -> c_int, else 2;
        sending::send_with(this, connection, pointer::bytes(data, size as usize), options, out_number);

    /// Tells what may be sent on a lane now.
    fn Bowline_GetSendCapacity(
        this: *const Object,
        connection: ConnectionHandle,
        lane: c_int,
        out: *mut RawSendCapacity,
    ) -> c_int, else 2;
        sending::capacity(this, connection, lane, out);

    /// Sets who hears, in `RunCallbacks`, that there is room again in a send buffer.
    fn Bowline_SetWritableCallback(
        this: *const Object,
        callback: Option<Writable>,
        context: *mut c_void,
    ) -> bool, else false;
        called(this, false, |_, interface| { interface.set_writable(callback, context); true });

    /// Has late unreliable messages dropped, on one lane or with -1 on all.
    fn Bowline_SetSequenced(
        this: *const Object,
        connection: ConnectionHandle,
        lane: c_int,
        sequenced: RawBool,
    ) -> c_int, else 2;
        sending::set_sequenced(this, connection, lane, sequenced != 0);

    /// Signs in to a hub; false if what is said of it is malformed.
    fn Bowline_SignIn(
        this: *const Object,
        addresses: *const c_char,
        key: *const c_char,
        login: *const c_char,
        identity: *const c_char,
        error: *mut ErrorText,
    ) -> bool, else false;
        {
            let text = |from| pointer::text(from, pointer::MAX_TEXT).map(Cow::into_owned);
            let said = hub::Said {
                addresses: text(addresses),
                key: text(key),
                login: text(login),
                identity: text(identity),
            };
            hub::sign_in(this, said, error)
        };

    /// Signs out of it.
    fn Bowline_SignOut(this: *const Object); hub::sign_out(this);

    /// Adds the certificate of an authority to those that are trusted.
    fn Bowline_AddTrustedCert(certificate: *const c_void, size: u32, error: *mut ErrorText) -> bool, else false;
        trust::add_certificate(pointer::bytes(certificate.cast(), size as usize), error);

    /// The same of a text, under the name that GNS may get.
    fn GameNetworkingSockets_AddTrustedCert(certificate: *const c_char, error: *mut ErrorText) -> bool, else false;
        trust::add_certificate(pointer::text(certificate, pointer::MAX_TEXT).as_deref().map(str::as_bytes), error);

    /// The same of a text, under the name that forks of GNS have.
    fn SteamAPI_ISteamNetworkingSockets_AddTrustedRootCA(
        _this: *const Object,
        certificate: *const c_char,
        error: *mut ErrorText,
    ) -> bool, else false;
        trust::add_certificate(pointer::text(certificate, pointer::MAX_TEXT).as_deref().map(str::as_bytes), error);

    /// Trusts an Ed25519 key of 32 bytes to vouch for anybody.
    fn Bowline_AddTrustedRoot(key: *const [u8; 32], error: *mut ErrorText) -> bool, else false;
        trust::add_root(pointer::read(key), error);

    /// Trusts a key no longer.
    fn Bowline_RevokeKey(key_id: u64, error: *mut ErrorText) -> bool, else false;
        trust::revoke(key_id, error);

    /// Trusts nobody any more, and forgets what was revoked.
    fn Bowline_ClearTrust(); trust::clear();

    /// Tells the key that our certificates are about; false if there is none.
    fn Bowline_GetPublicKey(this: *const Object, out: *mut [u8; 32]) -> bool, else false;
        trust::public_key(this, out);

    /// Sets certificate and private key, both as text. The caller's text of the key is wiped. The name and
    /// its arguments are those of forks of GNS.
    fn SteamAPI_ISteamNetworkingSockets_SetCertificateAndPrivateKey(
        this: *const Object,
        certificate: *const u8,
        certificate_size: c_int,
        key: *mut u8,
        key_size: c_int,
        error: *mut ErrorText,
    ) -> bool, else false;
        trust::set_certificate_and_key(this, pointer::list(certificate, certificate_size), key, key_size, error);

    /// Starts a connection to a peer that must prove to be this one. 0 as `ConnectByIPAddress`, and
    /// without an identity.
    fn Bowline_ConnectToIdentity(
        this: *const Object,
        addr: *const RawAddr,
        identity: *const RawIdentity,
        count: c_int,
        options: *const RawOption,
    ) -> ConnectionHandle, else 0;
        match pointer::read(identity).and_then(|identity| identity.identity()) {
            Some(identity) => {
                let expect = Some(Expect::Identity(identity));
                making::connect(this, pointer::read(addr), pointer::list(options, count), expect)
            }
            None => 0,
        };

    /// Starts a connection to a peer that must hold the private half of this key. 0 as
    /// `ConnectByIPAddress`, and for what is no key.
    fn Bowline_ConnectToKey(
        this: *const Object,
        addr: *const RawAddr,
        key: *const [u8; 32],
        count: c_int,
        options: *const RawOption,
    ) -> ConnectionHandle, else 0;
        match pointer::read(key).and_then(trust::key) {
            Some(key) => {
                let expect = Some(Expect::Key(key));
                making::connect(this, pointer::read(addr), pointer::list(options, count), expect)
            }
            None => 0,
        };

    /// Sets who hears, in `RunCallbacks`, that our own certificate has a third of its life left.
    fn Bowline_SetCertificateExpiringCallback(
        this: *const Object,
        callback: Option<CertificateExpiring>,
        context: *mut c_void,
    ) -> bool, else false;
        called(this, false, |_, interface| { interface.set_expiring(callback, context); true });

    /// Sets who hears, in `RunCallbacks`, that a user wants to send packets.
    fn Bowline_SetP2PSessionRequestCallback(
        this: *const Object,
        callback: Option<PacketsRequested>,
        context: *mut c_void,
    ) -> bool, else false;
        packets::set_callback(this, PacketsFunction::Requested(callback), context);

    /// Sets who hears, in `RunCallbacks`, that packets did not reach a user.
    fn Bowline_SetP2PSessionConnectFailCallback(
        this: *const Object,
        callback: Option<PacketsFailed>,
        context: *mut c_void,
    ) -> bool, else false;
        packets::set_callback(this, PacketsFunction::Failed(callback), context);
}
