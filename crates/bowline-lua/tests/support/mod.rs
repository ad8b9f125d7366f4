//! Lua states with the module in them.

#![allow(dead_code, reason = "each test program uses some of it")]

use mlua::FromLuaMulti;
use mlua::Lua;

/// A state with the module as the global `Steam`.
pub(crate) fn state() -> Lua {
    let lua = Lua::new();
    let steam = luasteam::open(&lua).expect("the module opens");
    lua.globals().set("Steam", steam).expect("memory");
    lua
}

/// What a piece of Lua returns. Fails the test if it raises an error.
#[track_caller]
pub(crate) fn run<R: FromLuaMulti>(lua: &Lua, code: &str) -> R {
    match lua.load(code).set_name("=test").eval() {
        Ok(answer) => answer,
        Err(error) => panic!("{error}"),
    }
}

/// The text of the error that a piece of Lua raises.
#[track_caller]
pub(crate) fn error(lua: &Lua, code: &str) -> String {
    let function = lua.load(code).set_name("=test").into_function();
    let function = function.expect("it compiles");
    let pcall: mlua::Function = lua.globals().get("pcall").expect("the base library");
    let (worked, error): (bool, mlua::Value) = pcall.call(function).expect("pcall");
    assert!(!worked, "no error");
    assert!(error.is_string(), "not a text: {error:?}");
    error.to_string().expect("a text")
}

/// A state with the module, initialised, and the functions of `world.lua` as the global `world`.
pub(crate) fn world() -> Lua {
    let lua = state();
    let world = lua.load(include_str!("../lua/world.lua"));
    let world: mlua::Table = world.set_name("=world").eval().expect("the module works");
    lua.globals().set("world", world).expect("memory");
    lua
}

/// A state with the module, initialised, and the functions of `beyond.lua` as globals.
pub(crate) fn beyond() -> Lua {
    let lua = state();
    run::<()>(&lua, include_str!("../lua/beyond.lua"));
    lua
}
