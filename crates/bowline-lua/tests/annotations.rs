//! `types/` tells editors what the module has: all of it, and nothing else.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use mlua::Lua;
use mlua::ObjectLike as _;
use mlua::Table;
use mlua::Value;

use crate::support;

const FILE: &str = include_str!("../types/luasteam.lua");

/// What the file calls the tables.
const SECTIONS: [(&str, &str); 7] = [
    ("Steam", ""),
    ("sockets", "networkingSockets"),
    ("networking", "networking"),
    ("utils", "networkingUtils"),
    ("server", "gameServer"),
    ("user", "user"),
    ("extra", "extra"),
];

fn section(table: &str) -> &'static str {
    let known = SECTIONS.iter().find(|(name, _)| *name == table);
    known.unwrap_or_else(|| panic!("the table {table}")).1
}

/// By `section.name`, the names of the parameters, with a `?` at the end if they may be left out.
fn annotated_functions() -> BTreeMap<String, Vec<String>> {
    let mut functions = BTreeMap::new();
    let mut optional = BTreeMap::new();
    for line in FILE.lines() {
        if let Some(parameter) = line.strip_prefix("---@param ") {
            let name = parameter.split(' ').next().expect("a name");
            let is_optional = name.ends_with('?');
            optional.insert(name.trim_end_matches('?').to_owned(), is_optional);
        } else if let Some(declared) = line.strip_prefix("function ") {
            let (path, rest) = declared.split_once('(').expect("parameters");
            let (table, name) = path.split_once('.').expect("a table");
            let names = rest.strip_suffix(") end").expect("an empty body");
            let names = names.split(", ").filter(|name| !name.is_empty());
            let parameters = names.map(|name| {
                let is_optional = optional.remove(name);
                let is_optional = is_optional.unwrap_or_else(|| panic!("{path}: @param {name}"));
                format!("{name}{}", if is_optional { "?" } else { "" })
            });
            let parameters = parameters.collect();
            assert!(optional.is_empty(), "{path}: there is no {optional:?}");
            functions.insert(format!("{}.{name}", section(table)), parameters);
        }
    }
    functions
}

fn registered_functions(lua: &Lua) -> BTreeMap<String, Vec<String>> {
    let signatures = luasteam::functions(lua).into_iter();
    let mut functions: BTreeMap<String, Vec<String>> = signatures
        .map(|it| {
            let parameters = it.parameters.iter().map(|name| (*name).to_owned());
            (format!("{}.{}", it.section, it.name), parameters.collect())
        })
        .collect();
    // These are written in Lua.
    functions.insert(".runCallbacks".into(), Vec::new());
    functions.insert("gameServer.runCallbacks".into(), Vec::new());
    functions
}

#[test]
fn every_function_is_annotated_with_its_parameters() {
    let lua = support::state();
    let (annotated, registered) = (annotated_functions(), registered_functions(&lua));
    for (name, parameters) in &registered {
        assert_eq!(annotated.get(name), Some(parameters), "{name}");
    }
    let unknown: Vec<&String> = annotated
        .keys()
        .filter(|name| !registered.contains_key(*name))
        .collect();
    assert!(unknown.is_empty(), "the module has no {unknown:?}");
}

#[test]
fn every_function_is_in_the_module() {
    let lua = support::state();
    for name in annotated_functions().keys() {
        let (section, name) = name.split_once('.').expect("a dot");
        assert!(
            table(&lua, section).get::<mlua::Function>(name).is_ok(),
            "{section}.{name}"
        );
    }
}

fn table(lua: &Lua, section: &str) -> Table {
    let steam: Table = lua.globals().get("Steam").expect("the module");
    if section.is_empty() {
        return steam;
    }
    steam.get(section).expect("a section")
}

/// The fields of a class, by the lines that follow it.
fn fields(class: &str) -> BTreeSet<&'static str> {
    let head = format!("---@class {class}");
    let lines = FILE.lines().skip_while(|line| *line != head).skip(1);
    lines
        .map_while(|line| line.strip_prefix("---@field "))
        .map(|field| field.split([' ', '?']).next().expect("a name"))
        .collect()
}

/// The keys of a table whose values are no functions.
fn keys(table: &Table) -> BTreeSet<String> {
    let pairs = table
        .pairs::<String, Value>()
        .map(|pair| pair.expect("names"));
    pairs
        .filter(|(_, value)| !value.is_function())
        .map(|(name, _)| name)
        .collect()
}

#[test]
fn every_field_and_constant_is_annotated() {
    let lua = support::state();
    let classes = [
        ("luasteam", ""),
        ("luasteam.NetworkingSockets", "networkingSockets"),
        ("luasteam.Networking", "networking"),
        ("luasteam.NetworkingUtils", "networkingUtils"),
        ("luasteam.GameServer", "gameServer"),
        ("luasteam.User", "user"),
        ("luasteam.Extra", "extra"),
    ];
    for (class, section) in classes {
        let found = keys(&table(&lua, section));
        let annotated = fields(class).into_iter().map(str::to_owned).collect();
        assert_eq!(found, annotated, "{class}");
    }
    let flags: Table = table(&lua, "networkingSockets")
        .get("flags")
        .expect("flags");
    let annotated = fields("luasteam.Flags")
        .into_iter()
        .map(str::to_owned)
        .collect();
    assert_eq!(keys(&flags), annotated);
    let classes = [
        ("luasteam.P2PSend", "send"),
        ("luasteam.P2PSessionError", "sessionError"),
        ("luasteam.SNetSocketState", "socketState"),
    ];
    for (class, name) in classes {
        let numbers: Table = table(&lua, "networking").get(name).expect("numbers");
        let annotated = fields(class).into_iter().map(str::to_owned).collect();
        assert_eq!(keys(&numbers), annotated, "{class}");
    }
    let mode: Table = table(&lua, "gameServer").get("mode").expect("modes");
    for name in keys(&mode) {
        assert!(
            FILE.contains(&format!("{name}: integer")),
            "gameServer.mode.{name}"
        );
    }
}

/// The functions of the script that the sources of the module name.
#[test]
fn every_callback_is_annotated() {
    let mut called = BTreeSet::new();
    for_each_source(
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")),
        &mut |text| {
            for piece in text.split("\"on").skip(1) {
                let name = piece.split('"').next().expect("a piece");
                if name.starts_with(char::is_uppercase) && name.chars().all(char::is_alphanumeric) {
                    called.insert(format!("on{name}"));
                }
            }
        },
    );
    let annotated: BTreeSet<String> = FILE
        .lines()
        .filter_map(|line| line.strip_suffix(" = nil")?.split_once('.'))
        .map(|(table, name)| {
            section(table);
            name.to_owned()
        })
        .collect();
    for name in &called {
        assert!(annotated.contains(name), "{name} is not annotated");
    }
    for name in &annotated {
        // Steam's own answers, which nobody gives here.
        let is_steams = [
            "onSteamServerConnectFailure",
            "onValidateAuthTicketResponse",
        ];
        assert!(
            called.contains(name) || is_steams.contains(&name.as_str()),
            "nothing calls {name}"
        );
    }
}

fn for_each_source(folder: &Path, see: &mut dyn FnMut(&str)) {
    for entry in std::fs::read_dir(folder).expect("the sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            for_each_source(&path, see);
        } else if path.extension().is_some_and(|end| end == "rs") {
            see(&std::fs::read_to_string(&path).expect("a source"));
        }
    }
}

const SETTINGS_HEAD: &str = "\
---@meta

-- The settings, with what they do. Made by a test of what the module says of them.

---@alias luasteam.SettingValue integer|number|string|boolean

";

/// `types/settings.lua`, of what the module says.
fn settings(lua: &Lua) -> String {
    let utils = table(lua, "networkingUtils");
    let names: Vec<String> = utils.call_function("configValues", ()).expect("names");
    let mut text = String::from(SETTINGS_HEAD);
    text.push_str("---@alias luasteam.Setting\n");
    for name in &names {
        writeln!(text, "---| \"{name}\"").expect("memory");
    }
    text.push_str("\n-- Settings of a listen socket or a connection. What is out of range is brought into it.\n");
    text.push_str("---@class luasteam.Options\n");
    for name in &names {
        let info: Table = utils
            .call_function("getConfigValueInfo", name.as_str())
            .expect("a table");
        let field = |key: &str| {
            info.get::<Option<String>>(key)
                .expect("a text")
                .unwrap_or_default()
        };
        let kind = match field("type").as_str() {
            "int32" | "int64" if field("max") == "1" => "integer|boolean",
            "int32" | "int64" => "integer",
            "float" => "number",
            "string" => "string",
            _ => continue,
        };
        if field("change") == "never" {
            continue;
        }
        let unit = match field("unit").as_str() {
            "" | "level" | "count" => String::new(),
            unit => format!(" In {unit}."),
        };
        let what = field("description");
        writeln!(text, "---@field {name}? {kind} {what}{unit}").expect("memory");
    }
    text
}

#[test]
fn settings_are_annotated_as_the_module_describes_them() {
    let lua = support::state();
    let expected = settings(&lua);
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/types/settings.lua"));
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, &expected).expect("the file is written");
    }
    let found = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        found == expected,
        "types/settings.lua is stale: UPDATE_DOCS=1 cargo test ... annotations"
    );
}
