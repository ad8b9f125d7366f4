//! The table `gameServer`: an interface of its own for a server, and Steam's login for it.
//!
//! There is no Steam to log on to, so that a login succeeds at once, with or without a token; `runCallbacks` tells of
//! it, as a program expects that waits for it. Who the server is stays the same: only the program does not hear it
//! before the login, as with Steam. Tickets of Steam accounts are refused, since nobody here can look at them.

use std::cell::Cell;
use std::net::Ipv4Addr;
use std::rc::Rc;

use mlua::FromLua;
use mlua::Lua;
use mlua::Result;
use mlua::Table;
use mlua::Value;

use crate::args;
use crate::args::Bytes;
use crate::args::Flag;
use crate::args::Whole;
use crate::dispatch;
use crate::interface::Interface;
use crate::interface::Role;
use crate::interface::Told;
use crate::module::Module;
use crate::register::Names;
use crate::report;
use crate::setup::options::SetupTable;
use crate::userdata::Uint64;

/// Whether a game server is logged on.
#[derive(Debug, Default)]
pub(crate) struct Login(Cell<bool>);

/// What a game server hears of its login.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ServerNews {
    Connected,
    Disconnected,
}

/// Steam's `EServerMode`, and luasteam's names for it.
const MODES: [(&str, i64); 3] = [
    ("NoAuthentication", 1),
    ("Authentication", 2),
    ("AuthenticationAndSecure", 3),
];

/// Steam's `k_EBeginAuthSessionResultInvalidTicket`.
const INVALID_TICKET: i32 = 1;

impl Login {
    pub(crate) fn is_on(&self) -> bool {
        self.0.get()
    }
}

impl Interface {
    /// Logs on or off, which the script is told if it is new.
    pub(crate) fn set_logged_on(&self, is_on: bool) {
        if self.login.0.replace(is_on) == is_on {
            return;
        }
        let mut waiting = 0;
        self.retain_ready(|told| {
            waiting += usize::from(matches!(told, Told::Server(_)));
            true
        });
        // On and off in turn: of three, the last one tells it all. So no more than two wait.
        if waiting >= 2 {
            self.retain_ready(|told| !matches!(told, Told::Server(_)));
        }
        self.tell(Told::Server(if is_on {
            ServerNews::Connected
        } else {
            ServerNews::Disconnected
        }));
    }
}

/// The table with its functions.
pub(crate) fn table(lua: &Lua, steam: &Table, module: &Rc<Module>) -> Result<Table> {
    let table = lua.create_table()?;
    let names = Names::new(lua, &table, "gameServer");
    life(&names, module)?;
    login(&names, module)?;
    tickets(&names)?;
    let mode = lua.create_table()?;
    for (name, number) in MODES {
        mode.raw_set(name, number)?;
    }
    table.raw_set("mode", mode)?;
    let run = dispatch::function(lua, steam, module, Module::server)?;
    table.raw_set("runCallbacks", run)?;
    Ok(table)
}

fn life(names: &Names<'_>, module: &Rc<Module>) -> Result<()> {
    let state = Rc::clone(module);
    names.function(
        "init",
        &["ip", "gamePort", "queryPort", "mode", "version", "options?"],
        move |_, given: (Ip, Whole, Whole, Whole, Bytes, SetupTable)| {
            let (ip, Whole(game), Whole(query), Whole(mode), _, SetupTable(setup)) = given;
            if ip.0.is_none() {
                report::line("gameServer.init: not an IPv4 address");
                return Ok(false);
            }
            if [game, query]
                .iter()
                .any(|port| u16::try_from(*port).is_err())
            {
                report::line("gameServer.init: a port is at most 65535");
                return Ok(false);
            }
            if MODES.iter().all(|(_, number)| *number != mode) {
                report::line("gameServer.init: the mode is none of gameServer.mode");
                return Ok(false);
            }
            Ok(state.init(Role::Server, setup))
        },
    )?;
    let state = Rc::clone(module);
    names.function("shutdown", &[], move |_, ()| {
        state.shut_down(Role::Server);
        Ok(())
    })
}

fn login(names: &Names<'_>, module: &Rc<Module>) -> Result<()> {
    let set = |name: &'static str, is_on: bool| {
        let state = Rc::clone(module);
        move || match state.server() {
            Some(server) => server.set_logged_on(is_on),
            None => report::line(&format!("gameServer.{name}: gameServer.init first")),
        }
    };
    let log_on = set("logOn", true);
    names.function("logOn", &["token"], move |_, Bytes(_)| {
        log_on();
        Ok(())
    })?;
    let log_on = set("logOnAnonymous", true);
    names.function("logOnAnonymous", &[], move |_, ()| {
        log_on();
        Ok(())
    })?;
    let log_off = set("logOff", false);
    names.function("logOff", &[], move |_, ()| {
        log_off();
        Ok(())
    })?;
    let state = Rc::clone(module);
    names.function("bLoggedOn", &[], move |_, ()| {
        Ok(state.server().is_some_and(|server| server.login.is_on()))
    })?;
    let state = Rc::clone(module);
    names.function("getSteamID", &[], move |lua, ()| {
        let id = state.server().and_then(|server| server.steam_id());
        lua.create_userdata(Uint64(id.unwrap_or(0)))
    })?;
    // What only Steam's list of servers and its cheat protection are for.
    names.function("bSecure", &[], |_, ()| Ok(false))?;
    names.function("setDedicatedServer", &["dedicated"], |_, Flag(_)| Ok(()))
}

fn tickets(names: &Names<'_>) -> Result<()> {
    names.function(
        "beginAuthSession",
        &["authTicket", "steamID"],
        |_, (Bytes(_), Uint64(_))| Ok(INVALID_TICKET),
    )?;
    names.function("endAuthSession", &["steamID"], |_, Uint64(_)| Ok(()))
}

/// An IPv4 address, as a number in the host's order or as text; `None` if it is none. Steam's list of servers would
/// be told it: connections come in where the program listens.
struct Ip(Option<Ipv4Addr>);

impl FromLua for Ip {
    fn from_lua(value: Value, lua: &Lua) -> Result<Self> {
        let text = match &value {
            Value::String(text) => Some(text.to_string_lossy()),
            Value::Integer(_) | Value::Number(_) => None,
            _ => return Err(args::unexpected("number or string", &value)),
        };
        if let Some(Ok(address)) = text.as_ref().map(|text| text.parse()) {
            return Ok(Self(Some(address)));
        }
        match Whole::from_lua(value, lua) {
            Ok(Whole(number)) => Ok(Self(u32::try_from(number).ok().map(Ipv4Addr::from_bits))),
            Err(_) if text.is_some() => Ok(Self(None)),
            Err(error) => Err(error),
        }
    }
}
