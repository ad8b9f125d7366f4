//! Values of ours that Lua holds.

use mlua::FromLua;
use mlua::Lua;
use mlua::MetaMethod;
use mlua::Result;
use mlua::UserData;
use mlua::UserDataMethods;
use mlua::Value;

use crate::args;

/// A number of 64 bits, which not every Lua can hold: an identity.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Uint64(pub(crate) u64);

impl UserData for Uint64 {
    fn add_methods<M: UserDataMethods<Self>>(methods: &mut M) {
        methods.add_meta_method(MetaMethod::ToString, |_, this, ()| Ok(this.0.to_string()));
    }
}

impl FromLua for Uint64 {
    fn from_lua(value: Value, _lua: &Lua) -> Result<Self> {
        let number = value.as_userdata().and_then(|it| it.borrow::<Self>().ok());
        number.map_or_else(|| Err(args::unexpected("uint64", &value)), |it| Ok(*it))
    }
}
