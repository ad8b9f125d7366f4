//! How userdata ends.
//!
//! `mlua`'s finaliser of a userdata returns an `int` whose register has rubbish in its upper half, as it may. The
//! interpreter of LuaJIT on x86-64 takes the whole register for the number of results, and reads wherever that leads.
//! So the finaliser of each type gets a wrapper that returns a constant.
//!
//! All else that LuaJIT calls here writes the lower half of the register last, which clears the upper one, where the code of
//! a development build was looked at (mlua 0.12.2, rustc 1.95): `call_callback`, through which all functions go,
//! `collect_userdata`, the finaliser of what functions hold, and the helpers. None of it is promised: `tests/collect.rs` and
//! the programs of `cargo xtask lua` watch it.

use std::ffi::c_int;

use mlua::Lua;
use mlua::Result;
use mlua::UserData;
use mlua::ffi;

/// Wraps the finaliser of a value's type, for all values of the type in this Lua state, before there are others.
/// Does nothing if that was done before: whoever clears `package.loaded` opens the module again in the same state.
pub(crate) fn wrap_finaliser(lua: &Lua, value: impl UserData + 'static) -> Result<()> {
    let value = lua.create_userdata(value)?;
    #[allow(unsafe_code, reason = "mlua hides a type's metatable")]
    // SAFETY: the userdata is on the stack and has a metatable with a finaliser, which is mlua's C function without
    // upvalues, or `finalise` with one. Around that one another would call itself for ever. What is called here
    // raises no error but for want of memory, which `exec_raw` catches.
    unsafe {
        lua.exec_raw(value, |state| {
            ffi::lua_getmetatable(state, -1);
            ffi::lua_pushstring(state, c"__gc".as_ptr());
            ffi::lua_pushstring(state, c"__gc".as_ptr());
            ffi::lua_rawget(state, -3);
            if ffi::lua_getupvalue(state, -1, 1).is_null() {
                ffi::lua_pushcclosure(state, finalise, 1);
                ffi::lua_rawset(state, -3);
            }
            ffi::lua_settop(state, 0);
        })
    }
}

/// Calls the upvalue as C does, not Lua, with what is on the stack.
#[allow(unsafe_code, reason = "mlua makes no closures of C functions")]
unsafe extern "C-unwind" fn finalise(state: *mut ffi::lua_State) -> c_int {
    // SAFETY: the upvalue is what `wrap_finaliser` found, a finaliser for the userdata that this is called with.
    unsafe {
        if let Some(finaliser) = ffi::lua_tocfunction(state, ffi::lua_upvalueindex(1)) {
            finaliser(state);
        }
    }
    0
}
