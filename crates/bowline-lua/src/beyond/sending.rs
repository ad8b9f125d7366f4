//! Sending with everything that can be said about a message, and lanes.

use std::rc::Rc;

use mlua::FromLua;
use mlua::Lua;
use mlua::Table;
use mlua::Value;

use bowline::Connection;
use bowline::LaneConfig;
use bowline::LaneError;
use bowline::LaneIndex;
use bowline::NoSuchConnection;
use bowline::SendCapacity;
use bowline::SendError;
use bowline::SendOptions;
use bowline::Span;
use bowline::ToResult;

use crate::args::Bytes;
use crate::args::Handle;
use crate::args::List;
use crate::args::Whole;
use crate::beyond::arguments::Choice;
use crate::beyond::arguments::Lane;
use crate::beyond::arguments::Millis;
use crate::beyond::arguments::each_field;
use crate::beyond::arguments::ranged;
use crate::beyond::arguments::within;
use crate::module::Module;
use crate::register::Names;
use crate::results;

pub(super) fn register(names: &Names<'_>, module: &Rc<Module>) -> mlua::Result<()> {
    let state = Rc::clone(module);
    names.own(
        "sendMessage",
        &["connection", "message", "options?"],
        move |_, (Handle(connection), Bytes(message), How(options))| {
            let sent = send(&state, connection, &message.as_bytes(), options);
            Ok((results::name(sent.result()), sent.ok()))
        },
    )?;
    let state = Rc::clone(module);
    names.own(
        "setSequenced",
        &["connection", "lane", "on"],
        move |_, (Handle(connection), lane, Choice(on)): (_, Option<Lane>, _)| {
            let set = found(&state, connection)
                .and_then(|connection| connection.set_sequenced(lane.map(|Lane(lane)| lane), on));
            Ok(results::name(set.result()))
        },
    )?;
    let state = Rc::clone(module);
    names.own(
        "configureConnectionLanes",
        &["connection", "lanes"],
        move |_, (Handle(connection), Lanes(lanes))| {
            let configured = found(&state, connection)
                .map_err(LaneError::from)
                .and_then(|connection| connection.configure_lanes(&lanes));
            Ok(results::name(configured.result()))
        },
    )?;
    let state = Rc::clone(module);
    names.own(
        "getSendCapacity",
        &["connection", "lane?"],
        move |lua, (Handle(connection), lane): (_, Option<Lane>)| {
            let lane = lane.map_or(LaneIndex::ZERO, |Lane(lane)| lane);
            let capacity = found(&state, connection)
                .ok()
                .and_then(|connection| connection.send_capacity(lane).ok());
            capacity.map(|capacity| table(lua, &capacity)).transpose()
        },
    )
}

fn found(module: &Module, connection: u32) -> Result<Connection, NoSuchConnection> {
    let (_, connection) = module.connection(connection).ok_or(NoSuchConnection)?;
    Ok(connection)
}

/// Sends, and tells the message's number.
fn send(
    module: &Module,
    connection: u32,
    message: &[u8],
    options: SendOptions,
) -> Result<u64, SendError> {
    let (interface, connection) = module.connection(connection).ok_or(NoSuchConnection)?;
    let number = connection.send_with(message, options)?;
    interface.note_sent(&connection);
    Ok(number.get())
}

/// `bufferBytes`, `atOnceBytes` and, if it is known, `delayUs`.
fn table(lua: &Lua, capacity: &SendCapacity) -> mlua::Result<Table> {
    let table = lua.create_table_with_capacity(0, 3)?;
    table.raw_set("bufferBytes", capacity.buffer_bytes)?;
    table.raw_set("atOnceBytes", capacity.at_once_bytes)?;
    table.raw_set("delayUs", capacity.delay.map(Span::as_micros))?;
    Ok(table)
}

/// How a message is sent: a table, or reliably if it is left out.
#[derive(Clone, Copy, Debug)]
struct How(SendOptions);

impl FromLua for How {
    fn from_lua(value: Value, lua: &Lua) -> mlua::Result<Self> {
        let mut is_reliable = true;
        let (mut no_nagle, mut no_delay) = (false, false);
        let mut lane = LaneIndex::ZERO;
        let (mut deadline, mut key) = (None, None);
        if !value.is_nil() {
            let List(table) = List::from_lua(value, lua)?;
            each_field(&table, |name, value| {
                match name {
                    "reliable" => is_reliable = Choice::from_lua(value, lua)?.0,
                    "noNagle" => no_nagle = Choice::from_lua(value, lua)?.0,
                    "noDelay" => no_delay = Choice::from_lua(value, lua)?.0,
                    "lane" => lane = Lane::from_lua(value, lua)?.0,
                    "deadlineMs" => deadline = Some(Millis::from_lua(value, lua)?.0),
                    "replaceKey" => key = Some(Whole::from_lua(value, lua)?.0),
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        let mut options = match is_reliable {
            true => SendOptions::reliable(),
            false => SendOptions::unreliable(),
        };
        if no_nagle {
            options = options.no_nagle();
        }
        if no_delay {
            options = options.no_delay();
        }
        if let Some(deadline) = deadline {
            options = options.deadline(deadline);
        }
        if let Some(key) = key {
            options = options.replace(key.cast_unsigned());
        }
        Ok(Self(options.lane(lane)))
    }
}

/// The lanes of a connection, from an array of tables.
#[derive(Clone, Debug)]
struct Lanes(Vec<LaneConfig>);

impl FromLua for Lanes {
    fn from_lua(value: Value, lua: &Lua) -> mlua::Result<Self> {
        let List(table) = List::from_lua(value, lua)?;
        let mut lanes = Vec::new();
        // One more than there may be, so that too many are refused.
        for number in 1..=MAX_LANES + 1 {
            match table.raw_get(number)? {
                Value::Nil => break,
                value => {
                    let lane = lane_config(lua, value);
                    let lane = lane.map_err(|error| within(&format!("[{number}]"), &error))?;
                    lanes.push(lane);
                }
            }
        }
        Ok(Self(lanes))
    }
}

/// As many lanes as a connection may have: see [`bowline::Connection::configure_lanes`].
const MAX_LANES: usize = 255;

fn lane_config(lua: &Lua, value: Value) -> mlua::Result<LaneConfig> {
    let List(table) = List::from_lua(value, lua)?;
    let mut lane = LaneConfig::DEFAULT;
    each_field(&table, |name, value| {
        match name {
            "priority" => lane.priority = ranged(value, lua)?,
            "weight" => lane.weight = ranged(value, lua)?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(lane)
}
