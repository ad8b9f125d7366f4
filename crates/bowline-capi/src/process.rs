//! Start and end of the library, and what holds for all of the process.

use crate::abi::identity::RawIdentity;
use crate::abi::pointer;
use crate::abi::structs::ErrorText;
use crate::exports;
use crate::library;

exports! {
    /// Starts the library. Without an identity this side is anonymous. If it runs already nothing
    /// happens; the result is false only if it could not be started, and `error` then tells why.
    fn GameNetworkingSockets_Init(identity: *const RawIdentity, error: *mut ErrorText) -> bool, else false;
        init(pointer::read(identity), error);

    /// Ends the library: closes all connections, with reason 2999 and without linger. Nothing happens if
    /// it does not run.
    fn GameNetworkingSockets_Kill(); library::stop();
}

unsafe fn init(identity: Option<RawIdentity>, error: *mut ErrorText) -> bool {
    let refuse = |text: &str| {
        // SAFETY: the caller's buffer has the size that its type says.
        unsafe { pointer::put_text(error.cast(), size_of::<ErrorText>(), text) };
        false
    };
    let identity = match identity.filter(|identity| identity.kind != 0) {
        None => None,
        Some(raw) => match raw.identity() {
            Some(identity) => Some(identity),
            None => return refuse("the identity is malformed"),
        },
    };
    match library::start(identity) {
        Ok(()) => true,
        Err(error) => refuse(&error.to_string()),
    }
}
