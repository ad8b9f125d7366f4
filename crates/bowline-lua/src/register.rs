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
}

impl<'a> Names<'a> {
    pub(crate) const fn new(lua: &'a Lua, table: &'a Table) -> Self {
        Self { lua, table }
    }

    /// Adds a function. Its parameters' names are for errors about arguments; a tuple of types of [`args`] says what
    /// they are.
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
        let call = move |lua: &Lua, arguments: Unchecked<A>| -> Result<MultiValue> {
            let answer = arguments
                .0
                .and_then(|arguments| function(lua, arguments))
                .and_then(|answer| answer.into_lua_multi(lua));
            answer.or_else(|error| {
                let text = text(name, parameters, &error);
                (raise::mark(), text).into_lua_multi(lua)
            })
        };
        let function = self.lua.create_function(call)?;
        self.table
            .raw_set(name, raise::raising(self.lua, function)?)
    }
}

/// Arguments, or what is wrong with them.
struct Unchecked<A>(Result<A>);

impl<A: FromLuaMulti> FromLuaMulti for Unchecked<A> {
    fn from_lua_multi(values: MultiValue, lua: &Lua) -> Result<Self> {
        Ok(Self(A::from_lua_args(values, 1, None, lua)))
    }
}

/// The text of an error, in the words of Lua's own functions if it is about an argument.
fn text(name: &str, parameters: &[&str], error: &Error) -> String {
    let Error::BadArgument { pos, cause, .. } = error else {
        return args::text(error);
    };
    let parameter = pos
        .checked_sub(1)
        .and_then(|index| parameters.get(index))
        .unwrap_or(&"?");
    format!(
        "bad argument #{pos} to '{name}' ({parameter}: {})",
        args::text(cause)
    )
}
