//! Connections by identity.
//!
//! Steam carries what two players have to tell each other before they know a way between them. Here the script does: it
//! sets `onSignal`, which is given the signals that are to be carried, and hands those that it gets for itself to
//! `receiveSignal`. Without `onSignal` a hub carries them; without one nothing is made, since nobody could ever come.

use std::rc::Rc;

use bowline::Config;
use bowline::Identity;
use bowline::VirtualPort;
use mlua::FromLua;
use mlua::Lua;
use mlua::Result;
use mlua::Table;
use mlua::Value;

use crate::args;
use crate::args::Options;
use crate::args::Whole;
use crate::module::Module;
use crate::networking;
use crate::register::Names;
use crate::report;
use crate::sockets::socket::Socket;
use crate::userdata::Uint64;

/// The script's function that carries signals.
pub(crate) const ON_SIGNAL: &str = "onSignal";

/// Why nothing is made by identity.
pub(crate) const NO_SIGNALING: &str = "nobody would carry signals to peers: set networkingSockets.onSignal, or sign in to a hub with signIn";

pub(super) fn register(names: &Names<'_>, module: &Rc<Module>, callbacks: Callbacks) -> Result<()> {
    let callbacks = Rc::new(callbacks);
    let (state, set) = (Rc::clone(module), Rc::clone(&callbacks));
    names.function(
        "createListenSocketP2P",
        &["virtualPort", "options?"],
        move |_, (Whole(port), Options(options))| {
            let has_signaling = set.has_signaling()?;
            let socket = listen(&state, has_signaling, port, options);
            Ok(socket.unwrap_or_else(|error| {
                report::failed("createListenSocketP2P", &error);
                Socket::INVALID
            }))
        },
    )?;
    let state = Rc::clone(module);
    names.function(
        "connectP2P",
        &["steamID", "virtualPort", "options?"],
        move |_, (Peer(peer), Whole(port), Options(options))| {
            let has_signaling = callbacks.has_signaling()?;
            let connection =
                peer.and_then(|peer| connect(&state, has_signaling, &peer, port, options));
            Ok(connection.unwrap_or_else(|error| {
                report::failed("connectP2P", &error);
                0
            }))
        },
    )
}

fn listen(
    module: &Module,
    has_signaling: bool,
    port: i64,
    options: Config,
) -> std::result::Result<Socket, String> {
    let interface = module.current().ok_or(super::NO_INTERFACE)?;
    let port = virtual_port(port)?;
    if !has_signaling && interface.sockets().hub_status().is_none() {
        return Err(NO_SIGNALING.into());
    }
    let listener = interface.sockets().listen_p2p_with(port, options);
    let listener = listener.map_err(|error| report::chain(&error))?;
    Ok(Socket(interface.handles().add_listener(listener)))
}

fn connect(
    module: &Module,
    has_signaling: bool,
    peer: &Identity,
    port: i64,
    options: Config,
) -> std::result::Result<u32, String> {
    let interface = module.current().ok_or(super::NO_INTERFACE)?;
    let port = virtual_port(port)?;
    let sockets = interface.sockets();
    let connection = if has_signaling {
        sockets.connect_p2p_with(peer, port, interface.signaling(), options)
    } else if sockets.hub_status().is_some() {
        sockets.connect_peer_with(peer, port, options)
    } else {
        return Err(NO_SIGNALING.into());
    };
    let connection = connection.map_err(|error| report::chain(&error))?;
    Ok(connection.id().get())
}

fn virtual_port(number: i64) -> std::result::Result<VirtualPort, String> {
    u16::try_from(number)
        .map(VirtualPort::from)
        .map_err(|_| format!("{number} is no virtual port: they go from 0 to 65535"))
}

/// Who to connect to: the number of a Steam account, or an identity as text; or why it is nobody.
#[derive(Debug)]
pub(crate) struct Peer(pub(crate) std::result::Result<Identity, String>);

impl FromLua for Peer {
    fn from_lua(value: Value, lua: &Lua) -> Result<Self> {
        let Value::String(text) = &value else {
            let wrong = |_| args::unexpected("uint64 or string", &value);
            let Uint64(number) = Uint64::from_lua(value.clone(), lua).map_err(wrong)?;
            let identity = Identity::steam_id(number);
            return Ok(Self(identity.map_err(|error| error.to_string())));
        };
        let text = text.to_string_lossy();
        let identity = text
            .parse()
            .map_err(|error| format!("{text:?} is no identity: {error}"));
        Ok(Self(identity))
    }
}

/// The functions that the script sets. The table that they are in is held weakly: it holds our functions, and these
/// this, so that neither would ever be garbage.
#[derive(Debug)]
pub(crate) struct Callbacks(Table);

impl Callbacks {
    /// Those of the module's table.
    pub(crate) fn of(lua: &Lua, steam: &Table) -> Result<Self> {
        let weak = lua.create_table()?;
        let kind = lua.create_table()?;
        kind.raw_set("__mode", "v")?;
        weak.set_metatable(Some(kind))?;
        weak.raw_set(1, steam)?;
        Ok(Self(weak))
    }

    /// Looked up as `runCallbacks` does.
    pub(crate) fn has_signaling(&self) -> Result<bool> {
        self.has("networkingSockets", ON_SIGNAL)
    }

    /// Whether the script wants to hear of peers that want to send packets.
    pub(crate) fn hears_of_packets(&self) -> Result<bool> {
        self.has("networking", networking::ON_REQUEST)
    }

    fn has(&self, section: &str, name: &str) -> Result<bool> {
        let Some(steam) = self.0.raw_get::<Option<Table>>(1)? else {
            return Ok(false);
        };
        let Some(functions) = steam.get::<Option<Table>>(section)? else {
            return Ok(false);
        };
        Ok(!functions.get::<Value>(name)?.is_nil())
    }
}
