//! What belongs to one Lua state.

use std::cell::Cell;
use std::cell::RefCell;
use std::rc::Rc;

use bowline::Connection;
use bowline::Identity;
use mlua::Lua;
use mlua::Result;
use mlua::Table;

use crate::collect;
use crate::dispatch;
use crate::game_server;
use crate::interface::Interface;
use crate::interface::Role;
use crate::networking;
use crate::register::Names;
use crate::report;
use crate::setup::Setup;
use crate::setup::SetupError;
use crate::setup::options::SetupTable;
use crate::sockets;
use crate::sockets::socket::Socket;
use crate::user;
use crate::userdata::Uint64;
use crate::utils;
use crate::utils::debug::DebugLines;

/// What all functions of a Lua state share.
#[derive(Debug)]
pub(crate) struct Module {
    client: RefCell<Option<Rc<Interface>>>,
    server: RefCell<Option<Rc<Interface>>>,
    /// How many interfaces were made.
    made: Cell<u32>,
    /// The number of the account that its interfaces have unless somebody says who they are; 0 until there is one.
    account: Cell<u32>,
    debug_lines: DebugLines,
}

/// Tables of luasteam's for what needs Steam, so that a program may look whether a function is there.
const EMPTY: [&str; 6] = ["friends", "userStats", "utils", "UGC", "apps", "input"];

impl Module {
    const fn new() -> Self {
        Self {
            client: RefCell::new(None),
            server: RefCell::new(None),
            made: Cell::new(0),
            account: Cell::new(0),
            debug_lines: DebugLines::new(),
        }
    }

    /// The debug output that the script asked for.
    pub(crate) const fn debug_lines(&self) -> &DebugLines {
        &self.debug_lines
    }

    /// The interface that `networkingSockets` speaks of: the game server's if there is one.
    pub(crate) fn current(&self) -> Option<Rc<Interface>> {
        self.server().or_else(|| self.client())
    }

    pub(crate) fn client(&self) -> Option<Rc<Interface>> {
        self.client.borrow().clone()
    }

    pub(crate) fn server(&self) -> Option<Rc<Interface>> {
        self.server.borrow().clone()
    }

    /// The connection of that number and the interface that it belongs to, which need not be the current one.
    pub(crate) fn connection(&self, number: u32) -> Option<(Rc<Interface>, Connection)> {
        self.interfaces().find_map(|interface| {
            let connection = interface.connection(number)?;
            Some((interface, connection))
        })
    }

    /// All that there are.
    pub(crate) fn interfaces(&self) -> impl Iterator<Item = Rc<Interface>> {
        [self.server(), self.client()].into_iter().flatten()
    }

    /// Makes an interface, unless there is one. Whether there is one now.
    pub(crate) fn init(&self, role: Role, setup: Setup) -> bool {
        let place = self.place(role);
        if place.borrow().is_some() {
            return true;
        }
        match self.make(role, setup) {
            Ok(interface) => {
                place.replace(Some(Rc::new(interface)));
                true
            }
            Err(SetupError(text)) => {
                let name = match role {
                    Role::Client => "Steam.init",
                    Role::Server => "Steam.gameServer.init",
                };
                report::line(&format!("{name}: {text}"));
                false
            }
        }
    }

    /// Ends an interface with all its connections, if there is one.
    pub(crate) fn shut_down(&self, role: Role) {
        // Not dropped while it is borrowed: the end of an interface takes a while.
        let interface = self.place(role).take();
        drop(interface);
    }

    const fn place(&self, role: Role) -> &RefCell<Option<Rc<Interface>>> {
        match role {
            Role::Client => &self.client,
            Role::Server => &self.server,
        }
    }

    fn make(&self, role: Role, setup: Setup) -> std::result::Result<Interface, SetupError> {
        let setup = setup.over(Setup::from_environment()?);
        let generation = self.made.get() + 1;
        self.made.set(generation);
        Interface::new(role, generation, setup, &self.account(role)?)
    }

    /// A Steam ID for hosts that nobody has given an identity. It is of the universe of Valve's developers, where
    /// no player is, and the same until the Lua state ends.
    fn account(&self, role: Role) -> std::result::Result<Identity, SetupError> {
        while self.account.get() == 0 {
            let number = getrandom::u32().map_err(|error| SetupError(error.to_string()))?;
            self.account.set(number);
        }
        let kind = match role {
            Role::Client => INDIVIDUAL,
            Role::Server => ANONYMOUS_GAME_SERVER,
        };
        let id = DEV_UNIVERSE | kind | u64::from(self.account.get());
        Ok(Identity::steam_id(id).expect("an account that is not 0"))
    }
}

/// The universe of a Steam ID, in its upper 8 bits. GNS e707b3a: steamuniverse.h, `k_EUniverseDev`.
const DEV_UNIVERSE: u64 = 4 << 56;
/// A person, with the one instance that a person has. GNS e707b3a: steamclientpublic.h.
const INDIVIDUAL: u64 = 1 << 52 | 1 << 32;
/// A game server that logged on without a token.
const ANONYMOUS_GAME_SERVER: u64 = 4 << 52;

/// The module's table for a Lua state.
pub(crate) fn table(lua: &Lua) -> Result<Table> {
    collect::wrap_finaliser(lua, Socket::INVALID)?;
    collect::wrap_finaliser(lua, Uint64(0))?;
    let module = Rc::new(Module::new());
    let steam = lua.create_table()?;
    life(&Names::new(lua, &steam, ""), &module)?;
    let run = dispatch::function(lua, &steam, &module, Module::client)?;
    steam.raw_set("runCallbacks", run)?;
    steam.raw_set("networkingSockets", sockets::table(lua, &steam, &module)?)?;
    steam.raw_set("networking", networking::table(lua, &steam, &module)?)?;
    steam.raw_set("gameServer", game_server::table(lua, &steam, &module)?)?;
    steam.raw_set("user", user::table(lua, &module)?)?;
    steam.raw_set("extra", user::extra(lua)?)?;
    for name in EMPTY {
        steam.raw_set(name, lua.create_table()?)?;
    }
    steam.raw_set("networkingUtils", utils::table(lua, &module)?)?;
    steam.raw_set("version", concat!("Bowline ", env!("CARGO_PKG_VERSION")))?;
    Ok(steam)
}

fn life(names: &Names<'_>, module: &Rc<Module>) -> Result<()> {
    let state = Rc::clone(module);
    names.function("init", &["options?"], move |_, SetupTable(setup)| {
        Ok(state.init(Role::Client, setup))
    })?;
    let state = Rc::clone(module);
    names.function("shutdown", &[], move |_, ()| {
        state.shut_down(Role::Client);
        Ok(())
    })
}
