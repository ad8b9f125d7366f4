//! What a function of GNS is in Lua, by the annotations of the Lua module.
//!
//! A Lua function is the one of the same name with a capital letter. What is called otherwise says
//! `---@see NAME` above it, once for each. A test of the module holds the annotations against its functions.

use crate::check::Tree;
use crate::check::coverage::Row;

const FILE: &str = "crates/bowline-lua/types/luasteam.lua";

/// What a variable of the file is, for readers.
const TABLES: [(&str, &str); 8] = [
    ("Steam", "Steam"),
    ("sockets", "networkingSockets"),
    ("networking", "networking"),
    ("utils", "networkingUtils"),
    ("server", "gameServer"),
    ("user", "user"),
    ("extra", "extra"),
    // Of classes.
    ("luasteam", "luasteam"),
];

/// The functions, callbacks and classes of the Lua module.
pub(super) struct InLua<'a> {
    names: Vec<Name<'a>>,
}

struct Name<'a> {
    line: usize,
    /// `networkingSockets.connectByIPAddress`
    shown: String,
    /// The functions of GNS that it says it is.
    sees: Vec<&'a str>,
    /// Its own name with a capital letter.
    capital: String,
}

impl<'a> InLua<'a> {
    pub(super) fn of(tree: &'a Tree) -> Self {
        let text = tree.file(FILE).map_or("", |file| &file.text);
        let mut names = Vec::new();
        let mut sees = Vec::new();
        for (line, number) in text.lines().zip(1..) {
            if let Some(function) = line.strip_prefix("---@see ") {
                sees.push(function);
            } else if let Some(path) = declared(line) {
                names.extend(Name::new(number, path, std::mem::take(&mut sees)));
            } else if line.is_empty() {
                sees.clear();
            }
        }
        Self { names }
    }

    /// Whatever is said to be a function is one.
    pub(super) fn offences(&self, rows: &[Row<'_>]) -> Vec<String> {
        let is_known = |function: &str| rows.iter().any(|row| row.function == function);
        let unknown = self.names.iter().flat_map(|name| {
            let unknown = name.sees.iter().filter(|function| !is_known(function));
            unknown.map(|function| {
                let (line, shown) = (name.line, &name.shown);
                format!("{FILE}:{line}: {shown}: there is no {function}")
            })
        });
        unknown.collect()
    }

    /// The names of a function.
    pub(super) fn cell(&self, function: &str) -> String {
        let names = self.names.iter().filter(|name| name.is(function));
        let names: Vec<String> = names.map(|name| format!("`{}`", name.shown)).collect();
        names.join(", ")
    }
}

/// The path of what a line declares.
fn declared(line: &str) -> Option<&str> {
    if let Some(function) = line.strip_prefix("function ") {
        return function.split('(').next();
    }
    if let Some(class) = line.strip_prefix("---@class ") {
        return class.split(':').next();
    }
    line.strip_suffix(" = nil")
}

impl<'a> Name<'a> {
    fn new(line: usize, path: &str, sees: Vec<&'a str>) -> Option<Self> {
        let (table, name) = path.split_once('.')?;
        let (_, shown) = TABLES.iter().find(|(variable, _)| *variable == table)?;
        let (first, rest) = name.split_at_checked(1)?;
        Some(Self {
            line,
            shown: format!("{shown}.{name}"),
            sees,
            capital: first.to_uppercase() + rest,
        })
    }

    fn is(&self, function: &str) -> bool {
        self.sees.contains(&function) || self.capital == function || self.shown == function
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANNOTATIONS: (&str, &str) = (
        FILE,
        "\
---@see Other
---@see Third
function sockets.ownName(connection) end

function sockets.connect() end

---@type fun()?
---@see callback C (1)
sockets.onC = nil

---@see a class
---@class luasteam.Own: userdata
---@see Stray

function extra.parse() end
",
    );

    #[test]
    fn a_function_is_found_by_its_name_or_by_what_is_said() {
        let tree = Tree::of(&[ANNOTATIONS]);
        let lua = InLua::of(&tree);
        assert_eq!(lua.cell("Connect"), "`networkingSockets.connect`");
        assert_eq!(lua.cell("Other"), "`networkingSockets.ownName`");
        assert_eq!(lua.cell("Third"), "`networkingSockets.ownName`");
        assert_eq!(lua.cell("callback C (1)"), "`networkingSockets.onC`");
        assert_eq!(lua.cell("extra.parse"), "`extra.parse`");
        assert_eq!(lua.cell("a class"), "`luasteam.Own`");
        assert_eq!(lua.cell("Stray"), "");
    }

    #[test]
    fn what_is_said_must_exist() {
        let tree = Tree::of(&[ANNOTATIONS]);
        let offences = InLua::of(&tree).offences(&[]);
        assert_eq!(offences.len(), 4, "{offences:?}");
        assert!(
            offences[0].contains("luasteam.lua:3: networkingSockets.ownName: there is no Other")
        );
    }
}
