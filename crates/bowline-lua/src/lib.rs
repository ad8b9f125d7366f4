//! The Lua module `luasteam` on Bowline: the names and behaviour of luasteam 3.0 to 4.0 (camelCase functions, results
//! as text), without Steam.
//!
//! ```lua
//! local Steam = require "luasteam"
//! ```
//!
//! # How it is built
//!
//! Everything of a Lua state is in one [`Module`](module::Module), which the functions share. It has up to two
//! [`Interface`](interface::Interface)s: the client's, from `Steam.init()`, and the game server's, from
//! `Steam.gameServer.init()`; the table `networkingSockets` speaks of the server's while that is up. Interfaces know
//! nothing of Lua. Several states in a process have nothing in common but the settings of the process.
//!
//! Functions are registered by [`register::Names`] with the names of their parameters. Arguments are types of
//! [`args`], so that a wrong one is a Lua argument error that names it; errors reach Lua as plain text with the
//! caller's place ([`raise`]).
//!
//! Nothing here calls a function of the script. What has happened waits in the interface until `runCallbacks`, a
//! function in Lua (`dispatch.lua`), fetches it piece by piece and calls the script's function itself: so no lock and
//! no borrow is held meanwhile, an error in it goes through to whoever called `runCallbacks`, and the next call goes
//! on with what is left.
//!
//! A finaliser of the script may run whenever Lua allocates. So no `RefCell` of ours is borrowed while Lua
//! values are made.
#![deny(unsafe_code)]

mod args;
mod beyond;
mod collect;
mod constants;
mod dispatch;
mod game_server;
mod handles;
mod interface;
mod module;
mod networking;
mod options;
mod raise;
mod register;
mod report;
mod results;
mod setup;
mod signals;
mod sockets;
mod unread;
mod user;
mod userdata;
mod utils;

use mlua::Lua;
use mlua::Result;
use mlua::Table;

pub use crate::register::Signature;

/// The functions of a Lua state that was given the module, for tests that go through all of them.
#[cfg(feature = "vendored")]
#[doc(hidden)]
pub fn functions(lua: &Lua) -> Vec<Signature> {
    register::listed::of(lua)
}

/// The table that `require "luasteam"` gives.
///
/// # Errors
/// If Lua has no memory.
#[cfg_attr(
    feature = "module",
    mlua::lua_module(name = "luasteam", skip_memory_check)
)]
pub fn open(lua: &Lua) -> Result<Table> {
    module::table(lua)
}
