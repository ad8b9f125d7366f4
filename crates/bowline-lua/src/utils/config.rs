//! Settings by name, of the process, of the script's interface and of a connection.
//!
//! The names are those of `docs/config.md`. Settings that hold a function of C are no settings here.

use std::fmt::Display;
use std::rc::Rc;
use std::sync::Arc;

use mlua::Error;
use mlua::FromLua;
use mlua::IntoLua;
use mlua::Lua;
use mlua::Result;
use mlua::Table;
use mlua::Value;

use bowline::Change;
use bowline::Config;
use bowline::ConfigKey;
use bowline::ConfigType;
use bowline::ConfigValue;
use bowline::global_config;

use crate::args;
use crate::args::Bytes;
use crate::args::Handle;
use crate::module::Module;
use crate::options;
use crate::register::Names;
use crate::report;

pub(super) fn register(names: &Names<'_>, module: &Rc<Module>) -> Result<()> {
    register_setting(names, module)?;
    register_asking(names, module)
}

fn register_setting(names: &Names<'_>, module: &Rc<Module>) -> Result<()> {
    let state = Rc::clone(module);
    names.own(
        "setConfigValue",
        &["name", "value"],
        move |_, (Setting(key), value): (_, Value)| {
            let value = converted(key, 2, &value)?;
            let interface = state.current();
            Ok(interface.is_some_and(|it| worked(it.sockets().set_config(key, value))))
        },
    )?;
    names.own(
        "setGlobalConfigValue",
        &["name", "value"],
        move |_, (Setting(key), value): (_, Value)| {
            let value = converted(key, 2, &value)?;
            Ok(worked(global_config::set(key, value)))
        },
    )?;
    let state = Rc::clone(module);
    names.own(
        "setConnectionConfigValue",
        &["connection", "name", "value"],
        move |_, (Handle(connection), Setting(key), value): (_, _, Value)| {
            let value = converted(key, 3, &value)?;
            let found = state.connection(connection);
            Ok(found.is_some_and(|(_, connection)| worked(connection.set_config(key, value))))
        },
    )?;
    let state = Rc::clone(module);
    names.own(
        "resetConfigValue",
        &["name", "connection?"],
        move |_, (Setting(key), connection)| match connection {
            Some(Handle(connection)) => {
                let found = state.connection(connection);
                Ok(found.is_some_and(|(_, connection)| worked(connection.unset_config(key))))
            }
            None => {
                let interface = state.current();
                Ok(interface.is_some_and(|it| worked(it.sockets().unset_config(key))))
            }
        },
    )
}

/// The value as the setting wants it, or an error about the argument at this position.
fn converted(key: ConfigKey, position: usize, value: &Value) -> Result<ConfigValue> {
    options::value(key, value).map_err(|error| args::bad(position, args::text(&error)))
}

/// Tells in a line why it did not.
fn worked<E: Display>(set: std::result::Result<(), E>) -> bool {
    match set {
        Ok(()) => true,
        Err(error) => {
            report::line(&error.to_string());
            false
        }
    }
}

fn register_asking(names: &Names<'_>, module: &Rc<Module>) -> Result<()> {
    let state = Rc::clone(module);
    names.own(
        "getConfigValue",
        &["name", "connection?"],
        move |lua, (Setting(key), connection)| {
            let config = config(&state, connection);
            config
                .map(|config| to_lua(lua, &config.get(key)))
                .transpose()
        },
    )?;
    names.own("getConfigValueInfo", &["name"], |lua, Bytes(name)| {
        let key = find(&name.to_string_lossy());
        key.map(|key| info(lua, key)).transpose()
    })?;
    names.own("configValues", &[], |lua, ()| {
        let keys = ConfigKey::all().filter(|key| is_for_scripts(*key));
        lua.create_sequence_from(keys.map(|key| key.spec().name))
    })
}

/// The settings in force: of a connection, else of the interface, else of the process.
fn config(module: &Module, connection: Option<Handle>) -> Option<Arc<Config>> {
    match connection {
        Some(Handle(connection)) => module.connection(connection)?.1.config().ok(),
        None => {
            let interface = module.current();
            Some(interface.map_or_else(global_config::snapshot, |it| it.sockets().config()))
        }
    }
}

fn to_lua(lua: &Lua, value: &ConfigValue) -> Result<Value> {
    match value {
        ConfigValue::Int32(number) => number.into_lua(lua),
        ConfigValue::Int64(number) => number.into_lua(lua),
        ConfigValue::Float(number) => float(*number).into_lua(lua),
        other => (&*other.to_text()).into_lua(lua),
    }
}

/// The number with the fewest digits: 0.1 is what a script has set, not what is nearest to it in 32 bits.
fn float(number: f32) -> f64 {
    number
        .to_string()
        .parse()
        .unwrap_or_else(|_| f64::from(number))
}

/// What is known of a setting: `name`, `number`, `type`, `scope`, `default`, `min`, `max`, `unit`, `description`,
/// `change`, `waitsFor`.
fn info(lua: &Lua, key: ConfigKey) -> Result<Table> {
    let spec = key.spec();
    let facts = spec.facts;
    let table = lua.create_table()?;
    table.raw_set("name", spec.name)?;
    table.raw_set("number", spec.number)?;
    table.raw_set("type", facts.kind.to_string())?;
    table.raw_set("scope", spec.scope.to_string())?;
    match facts.kind {
        ConfigType::Int32 => {
            table.raw_set("default", facts.default_int)?;
            table.raw_set("min", facts.range_int.0)?;
            table.raw_set("max", facts.range_int.1)?;
        }
        ConfigType::Int64 => table.raw_set("default", facts.default_int)?,
        ConfigType::Float => {
            table.raw_set("default", float(facts.default_float))?;
            table.raw_set("min", float(facts.range_float.0))?;
            table.raw_set("max", float(facts.range_float.1))?;
        }
        _ => table.raw_set("default", "")?,
    }
    if !facts.unit.is_empty() {
        table.raw_set("unit", facts.unit)?;
    }
    table.raw_set("description", spec.doc.trim())?;
    let change = match facts.change {
        Change::Always => "always",
        Change::BeforeConnecting => "before connecting",
        Change::Never => "never",
        _ => "unknown",
    };
    table.raw_set("change", change)?;
    table.raw_set("waitsFor", facts.waits_for.map(|what| what.to_string()))?;
    Ok(table)
}

/// A setting by its name.
#[derive(Clone, Copy, Debug)]
struct Setting(ConfigKey);

impl FromLua for Setting {
    fn from_lua(value: Value, lua: &Lua) -> Result<Self> {
        let Bytes(name) = Bytes::from_lua(value, lua)?;
        let name = name.to_string_lossy();
        let key = find(&name);
        key.map(Self)
            .ok_or_else(|| Error::RuntimeError(format!("no setting is named '{name}'")))
    }
}

fn find(name: &str) -> Option<ConfigKey> {
    name.parse().ok().filter(|key| is_for_scripts(*key))
}

fn is_for_scripts(key: ConfigKey) -> bool {
    key.spec().facts.kind != ConfigType::Callback
}
