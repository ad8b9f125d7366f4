//! The table that `init` takes.

use mlua::Error;
use mlua::FromLua;
use mlua::Lua;
use mlua::Result;
use mlua::Value;

use crate::args;
use crate::args::Whole;
use crate::options;
use crate::setup::Said;
use crate::setup::Setup;

/// What the script says of an interface. Nothing, if it leaves the table out.
#[derive(Debug)]
pub(crate) struct SetupTable(pub(crate) Setup);

impl FromLua for SetupTable {
    fn from_lua(value: Value, lua: &Lua) -> Result<Self> {
        let table = match value {
            Value::Nil => return Ok(Self(Setup::default())),
            // `Steam:init()`: luasteam's takes no arguments, so that it does not matter there.
            Value::Table(table) if table.raw_get::<Value>("networkingSockets")?.is_table() => {
                return Ok(Self(Setup::default()));
            }
            Value::Table(table) => table,
            other => return Err(args::unexpected("table", &other)),
        };
        let mut setup = Setup::default();
        for pair in table.pairs::<Value, Value>() {
            let (name, value) = pair?;
            let Value::String(name) = name else {
                return Err(args::unexpected("string as a field's name", &name));
            };
            let name = name.to_string_lossy();
            set(&mut setup, &name, value, lua)
                .map_err(|error| Error::RuntimeError(format!("{name}: {}", args::text(&error))))?;
        }
        Ok(Self(setup))
    }
}

fn set(setup: &mut Setup, name: &str, value: Value, lua: &Lua) -> Result<()> {
    match name {
        "identity" => setup.identity = Some(said(name, value)?),
        "trust" => setup.trust = vec![said(name, value)?],
        "certificate" => setup.certificate = Some(said(name, value)?),
        "key" => setup.key = Some(said(name, value)?),
        "loopbackCandidates" => setup.loopback = choice(value)?,
        "shortcuts" => setup.no_shortcuts = !choice(value)?,
        "appID" => {
            let Whole(number) = Whole::from_lua(value, lua)?;
            let app = u32::try_from(number);
            let app = app.map_err(|_| Error::RuntimeError("not a number of 32 bits".into()))?;
            setup.app_id = Some(app);
        }
        "config" => match value {
            Value::Table(table) => setup.config = options::config(&table)?,
            other => return Err(args::unexpected("table", &other)),
        },
        _ => return Err(Error::RuntimeError("there is no such field".into())),
    }
    Ok(())
}

fn choice(value: Value) -> Result<bool> {
    match value {
        Value::Boolean(choice) => Ok(choice),
        other => Err(args::unexpected("boolean", &other)),
    }
}

fn said(name: &str, value: Value) -> Result<Said> {
    match value {
        Value::String(text) => Ok(Said::new(name, text.to_string_lossy())),
        other => Err(args::unexpected("string", &other)),
    }
}
