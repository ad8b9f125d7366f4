//! The two objects that an interface has: the players' and the game server's.
//!
//! Both are there all the time and hold nothing: their addresses tell which one is meant, so a pointer that a
//! program kept over `GameNetworkingSockets_Kill` is still safe to call.

use std::ptr;

use crate::abi::vtable::Object;
use crate::abi::vtable::Vtable;
use crate::library::Role;

/// The objects of one interface, in a `static`.
pub(crate) struct Objects {
    user: Object,
    server: Object,
}

impl Objects {
    /// Both with this vtable.
    pub(crate) const fn new<const N: usize>(vtable: &'static Vtable<N>) -> Self {
        Self {
            user: vtable.object(),
            server: vtable.object(),
        }
    }

    /// The one that stands for that role.
    pub(crate) const fn of(&'static self, role: Role) -> *const Object {
        match role {
            Role::User => &raw const self.user,
            Role::Server => &raw const self.server,
        }
    }

    /// The same while there is something behind it, otherwise null.
    pub(crate) fn of_some<T>(&'static self, role: Role, what: Option<T>) -> *const Object {
        what.map_or(ptr::null(), |_| self.of(role))
    }

    /// Which role an object stands for; `None` if it is none of these.
    pub(crate) fn role(&'static self, object: *const Object) -> Option<Role> {
        [Role::User, Role::Server]
            .into_iter()
            .find(|&role| ptr::eq(object, self.of(role)))
    }
}
