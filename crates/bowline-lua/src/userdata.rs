//! Values of ours that Lua holds.

use mlua::MetaMethod;
use mlua::UserData;
use mlua::UserDataMethods;

/// A number of 64 bits, which not every Lua can hold: an identity.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Uint64(pub(crate) u64);

impl UserData for Uint64 {
    fn add_methods<M: UserDataMethods<Self>>(methods: &mut M) {
        methods.add_meta_method(MetaMethod::ToString, |_, this, ()| Ok(this.0.to_string()));
    }
}
