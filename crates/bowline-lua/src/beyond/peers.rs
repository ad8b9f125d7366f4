//! Signals that come in, and how a connection by identity came about.
//!
//! Who asks for a connection is announced by `onConnectionChanged` like everybody else, and accepted or closed there.
//! Who asks for what nobody listens to is ignored, as by Steam: silence tells strangers nothing.

use std::rc::Rc;

use bowline::Connection;
use bowline::Identity;
use bowline::ResultCode;
use bowline::ToResult;
use bowline::signaling::PeerRequest;
use mlua::Error;
use mlua::FromLua;
use mlua::Lua;
use mlua::Result;
use mlua::Table;
use mlua::Value;

use crate::args;
use crate::args::Bytes;
use crate::args::Handle;
use crate::beyond::arguments::Choice;
use crate::beyond::arguments::Text;
use crate::beyond::arguments::each_field;
use crate::module::Module;
use crate::register::Names;
use crate::report;
use crate::results;
use crate::sockets::peers::Callbacks;

pub(super) fn register(names: &Names<'_>, module: &Rc<Module>, callbacks: Callbacks) -> Result<()> {
    let state = Rc::clone(module);
    names.own(
        "receiveSignal",
        &["signal", "options?"],
        move |_, (Bytes(signal), newcomers): (_, Newcomers)| {
            // A copy: a script may run while a signal is taken in, if what it causes is logged.
            let signal = signal.as_bytes().to_vec();
            if callbacks.hears_of_packets()?
                && let Some(interface) = state.current()
                && let Err(error) = interface.packets(callbacks.has_signaling()?)
            {
                report::failed("receiveSignal", &report::chain(&error));
            }
            Ok(match receive(&state, &signal, &newcomers) {
                Ok(()) => (results::name(ResultCode::Ok), None),
                Err((result, why)) => (results::name(result), Some(why)),
            })
        },
    )?;
    let state = Rc::clone(module);
    names.own(
        "getConnectionStory",
        &["connection"],
        move |lua, Handle(connection)| {
            let found = state.connection(connection);
            found
                .map(|(_, connection)| story(lua, &connection))
                .transpose()
        },
    )
}

/// Who may ask for a connection by a signal.
#[derive(Debug)]
struct Newcomers {
    are_welcome: bool,
    /// The signal is this peer's, says the service.
    from: Option<Identity>,
}

impl Newcomers {
    fn include(&self, request: &PeerRequest<'_>) -> bool {
        let is_itself = self.from.as_ref().is_none_or(|from| from == request.peer());
        self.are_welcome && is_itself && request.connection().listener().is_some()
    }
}

impl FromLua for Newcomers {
    fn from_lua(value: Value, lua: &Lua) -> Result<Self> {
        let mut newcomers = Self {
            are_welcome: true,
            from: None,
        };
        let table = match value {
            Value::Nil => return Ok(newcomers),
            Value::Table(table) => table,
            other => return Err(args::unexpected("table", &other)),
        };
        each_field(&table, |name, value| {
            match name {
                "from" => {
                    let Text(text) = Text::from_lua(value, lua)?;
                    let identity = text.parse();
                    let error = |error| Error::RuntimeError(format!("no identity: {error}"));
                    newcomers.from = Some(identity.map_err(error)?);
                }
                "newcomers" => {
                    let Choice(are_welcome) = Choice::from_lua(value, lua)?;
                    newcomers.are_welcome = are_welcome;
                }
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(newcomers)
    }
}

fn receive(
    module: &Module,
    signal: &[u8],
    newcomers: &Newcomers,
) -> std::result::Result<(), (ResultCode, String)> {
    let interface = module.current();
    let interface =
        interface.ok_or_else(|| (ResultCode::InvalidState, "not initialised".to_owned()))?;
    let mut consider =
        |request: &PeerRequest<'_>| newcomers.include(request).then(|| interface.signaling());
    let taken = interface.sockets().receive_signal(signal, &mut consider);
    taken.map_err(|error| (error.result(), error.to_string()))
}

/// What happened, with the time since the first of it.
fn story(lua: &Lua, connection: &Connection) -> Result<Option<Table>> {
    let Ok(story) = connection.story() else {
        return Ok(None);
    };
    let list = lua.create_table_with_capacity(story.len(), 0)?;
    let start = story.first().map(|entry| entry.at);
    for entry in &story {
        let since = start.map_or(0, |start| entry.at.since(start).as_micros());
        let step = lua.create_table_with_capacity(0, 2)?;
        step.raw_set("timeUs", since)?;
        step.raw_set("text", entry.what.to_string())?;
        list.raw_push(step)?;
    }
    Ok(Some(list))
}
