//! Puts functions into the module's tables.

use mlua::Error;
use mlua::FromLuaMulti;
use mlua::IntoLuaMulti;
use mlua::Lua;
use mlua::MultiValue;
use mlua::Result;
use mlua::Table;

use crate::args;
use crate::raise;

/// A table that functions are put into.
pub(crate) struct Names<'a> {
    lua: &'a Lua,
    table: &'a Table,
    section: &'static str,
}

/// A function of the module, for what checks all of them.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Signature {
    /// The table it is in; empty if it is in the module's own.
    pub section: &'static str,
    /// Its name there.
    pub name: &'static str,
    /// The names of its parameters, in order; a `?` at the end says that it may be left out.
    pub parameters: &'static [&'static str],
    /// Whether it is none of luasteam's.
    pub own: bool,
}

impl<'a> Names<'a> {
    /// Functions go into the table, which the module has by the name of the section.
    pub(crate) const fn new(lua: &'a Lua, table: &'a Table, section: &'static str) -> Self {
        Self {
            lua,
            table,
            section,
        }
    }

    /// Adds a function of luasteam's. Its parameters' names are for errors about arguments; a tuple of types of
    /// [`args`] says what they are. Further arguments are ignored, as the original does.
    pub(crate) fn function<A, R>(
        &self,
        name: &'static str,
        parameters: &'static [&'static str],
        function: impl Fn(&Lua, A) -> Result<R> + 'static,
    ) -> Result<()>
    where
        A: FromLuaMulti,
        R: IntoLuaMulti,
    {
        self.add(name, parameters, false, function)
    }

    /// Adds a function that luasteam does not have: like [`function`](Self::function), but further arguments
    /// are an error.
    pub(crate) fn own<A, R>(
        &self,
        name: &'static str,
        parameters: &'static [&'static str],
        function: impl Fn(&Lua, A) -> Result<R> + 'static,
    ) -> Result<()>
    where
        A: FromLuaMulti,
        R: IntoLuaMulti,
    {
        self.add(name, parameters, true, function)
    }

    fn add<A, R>(
        &self,
        name: &'static str,
        parameters: &'static [&'static str],
        own: bool,
        function: impl Fn(&Lua, A) -> Result<R> + 'static,
    ) -> Result<()>
    where
        A: FromLuaMulti,
        R: IntoLuaMulti,
    {
        let signature = Signature {
            section: self.section,
            name,
            parameters,
            own,
        };
        #[cfg(feature = "vendored")]
        listed::add(self.lua, signature);
        let call = move |lua: &Lua, given: Unchecked<A>| -> Result<MultiValue> {
            let answer = given
                .check(&signature)
                .and_then(|arguments| function(lua, arguments))
                .and_then(|answer| answer.into_lua_multi(lua));
            answer.or_else(|error| {
                let text = text(&signature, &error);
                (raise::mark(), text).into_lua_multi(lua)
            })
        };
        let function = self.lua.create_function(call)?;
        self.table
            .raw_set(name, raise::raising(self.lua, function)?)
    }
}

/// Arguments, or what is wrong with them.
struct Unchecked<A> {
    arguments: Result<A>,
    /// How many were given, without those at the end that are nil.
    count: usize,
}

impl<A> Unchecked<A> {
    fn check(self, signature: &Signature) -> Result<A> {
        let most = signature.parameters.len();
        if signature.own && self.arguments.is_ok() && self.count > most {
            let plural = if most == 1 { "" } else { "s" };
            let error = format!("no more than {most} argument{plural} expected");
            return Err(args::bad(most + 1, error));
        }
        self.arguments
    }
}

impl<A: FromLuaMulti> FromLuaMulti for Unchecked<A> {
    fn from_lua_multi(values: MultiValue, lua: &Lua) -> Result<Self> {
        let last = values.iter().rposition(|value| !value.is_nil());
        Ok(Self {
            count: last.map_or(0, |last| last + 1),
            arguments: A::from_lua_args(values, 1, None, lua),
        })
    }
}

/// The text of an error, in the words of Lua's own functions if it is about an argument.
fn text(signature: &Signature, error: &Error) -> String {
    let Error::BadArgument { pos, cause, .. } = error else {
        return args::text(error);
    };
    let name = signature.name;
    let cause = args::text(cause);
    let parameter = pos
        .checked_sub(1)
        .and_then(|index| signature.parameters.get(index));
    let Some(parameter) = parameter else {
        return format!("bad argument #{pos} to '{name}' ({cause})");
    };
    let parameter = parameter.trim_end_matches('?');
    format!("bad argument #{pos} to '{name}' ({parameter}: {cause})")
}

/// The functions that a Lua state has, for tests that go through all of them.
#[cfg(feature = "vendored")]
pub(crate) mod listed {
    use mlua::Lua;

    use super::Signature;

    struct Functions(Vec<Signature>);

    pub(super) fn add(lua: &Lua, signature: Signature) {
        if let Some(mut functions) = lua.app_data_mut::<Functions>() {
            functions.0.push(signature);
            return;
        }
        lua.set_app_data(Functions(vec![signature]));
    }

    pub(crate) fn of(lua: &Lua) -> Vec<Signature> {
        lua.app_data_ref::<Functions>()
            .map_or_else(Vec::new, |functions| functions.0.clone())
    }
}
