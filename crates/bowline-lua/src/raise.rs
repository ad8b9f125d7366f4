//! Errors as Lua's own functions raise them: plain text, with the place of the caller.
//!
//! `mlua` raises its errors as userdata, which a script can neither concatenate nor match. So functions report a
//! failure as two values, [`mark`] and the text, and [`raising`] wraps them in a function that looks for the mark.

use std::ffi::c_int;
use std::ffi::c_void;

use mlua::Function;
use mlua::LightUserData;
use mlua::Lua;
use mlua::Result;
use mlua::ffi;

/// Its address is no other value's.
static MARK: u8 = 0;

/// What a function returns first if the second value is the text of an error.
pub(crate) fn mark() -> LightUserData {
    LightUserData(mark_address())
}

fn mark_address() -> *mut c_void {
    (&raw const MARK).cast_mut().cast()
}

/// The function, with an error in the place of a failure.
pub(crate) fn raising(lua: &Lua, function: Function) -> Result<Function> {
    #[allow(unsafe_code, reason = "mlua makes no closures of C functions")]
    // SAFETY: the function is on the stack, and becomes the upvalue of the closure in its place.
    unsafe {
        lua.exec_raw(function, |state| {
            ffi::lua_pushcclosure(state, call, 1);
        })
    }
}

/// Calls the upvalue with the arguments, and raises an error if it says so.
#[allow(unsafe_code, reason = "mlua makes no closures of C functions")]
unsafe extern "C-unwind" fn call(state: *mut ffi::lua_State) -> c_int {
    // SAFETY: Lua calls it with the arguments on the stack. Nothing here has a destructor that an error would
    // leave out.
    unsafe {
        let arguments = ffi::lua_gettop(state);
        ffi::luaL_checkstack(state, 4, std::ptr::null());
        ffi::lua_pushvalue(state, ffi::lua_upvalueindex(1));
        ffi::lua_insert(state, 1);
        ffi::lua_call(state, arguments, ffi::LUA_MULTRET);
        if ffi::lua_touserdata(state, 1) != mark_address() {
            return ffi::lua_gettop(state);
        }
        ffi::luaL_where(state, 1);
        ffi::lua_pushvalue(state, 2);
        ffi::lua_concat(state, 2);
        ffi::lua_error(state)
    }
}
