//! The objects that C++ programs see as `ISteamNetworkingSockets`, and the accessors that give them out.
//!
//! Both objects are there all the time and hold nothing: their addresses tell which interface is meant, so a
//! pointer that a program kept over `GameNetworkingSockets_Kill` is still safe to call.

use std::ptr;

use crate::abi::vtable::Object;
use crate::abi::vtable::Vtable;
use crate::exports;
use crate::library;
use crate::library::Role;

exports! {
    /// The players' interface; null while the library does not run.
    fn SteamNetworkingSockets_LibV12() -> *const Object, else ptr::null(); get(Role::User);

    /// The players' interface, for callers in C.
    fn SteamAPI_SteamNetworkingSockets_v009() -> *const Object, else ptr::null(); get(Role::User);

    /// The players' interface, as the library of Steam's SDK names it up to 1.64.
    fn SteamAPI_SteamNetworkingSockets_SteamAPI_v012() -> *const Object, else ptr::null(); get(Role::User);

    /// The players' interface, as the library of Steam's SDK names it from 1.65 on.
    fn SteamAPI_SteamNetworkingSockets_SteamAPI_v013() -> *const Object, else ptr::null(); get(Role::User);

    /// The players' interface, for programs that were built for GNS 1.1.
    fn SteamAPI_SteamNetworkingSockets_v008() -> *const Object, else ptr::null();
        { crate::callbacks::enable_passed(); get(Role::User) };

    /// The game server's interface, which has an identity and connections of its own; null while the
    /// library does not run.
    fn SteamGameServerNetworkingSockets_LibV12() -> *const Object, else ptr::null(); get(Role::Server);

    /// The game server's interface, as the library of Steam's SDK names it up to 1.64.
    fn SteamAPI_SteamGameServerNetworkingSockets_SteamAPI_v012() -> *const Object, else ptr::null(); get(Role::Server);

    /// The game server's interface, as the library of Steam's SDK names it from 1.65 on.
    fn SteamAPI_SteamGameServerNetworkingSockets_SteamAPI_v013() -> *const Object, else ptr::null(); get(Role::Server);
}

/// Which interface an object stands for; `None` if it is none of ours.
pub(crate) fn role(this: *const Object) -> Option<Role> {
    if ptr::eq(this, &raw const USER) {
        Some(Role::User)
    } else if ptr::eq(this, &raw const SERVER) {
        Some(Role::Server)
    } else {
        None
    }
}

/// The object of an interface; null while the library does not run.
fn get(role: Role) -> *const Object {
    let interface = library::current();
    match (
        interface
            .as_deref()
            .and_then(|library| library.interface_of(role)),
        role,
    ) {
        (None, _) => ptr::null(),
        (Some(_), Role::User) => &raw const USER,
        (Some(_), Role::Server) => &raw const SERVER,
    }
}

static USER: Object = TABLE.object();
static SERVER: Object = TABLE.object();
static TABLE: Vtable<0> = Vtable::new([]);
