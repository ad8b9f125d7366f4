//! Numbers of 64 bits, which not every Lua can hold: identities.

use mlua::FromLua;
use mlua::IntoLua;
use mlua::IntoLuaMulti;
use mlua::Lua;
use mlua::MetaMethod;
use mlua::Result;
use mlua::UserData;
use mlua::UserDataFields;
use mlua::UserDataMethods;
use mlua::Value;

use crate::args;
use crate::raise;

/// A `uint64`: a userdata that knows equality and order, and that `tostring` makes decimal digits of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Uint64(pub(crate) u64);

impl Uint64 {
    /// What C's `strtoull` reads to base 10: blanks, a sign and digits, up to whatever follows. Without digits 0; the
    /// largest number for those above it; and with a minus what is left of 2^64.
    pub(crate) fn parse(text: &[u8]) -> Self {
        let blanks = |byte: &&u8| matches!(byte, b' ' | b'\t'..=b'\r');
        let text = &text[text.iter().take_while(blanks).count()..];
        let (is_negative, digits) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            _ => (false, text),
        };
        let mut number = 0u64;
        for digit in digits.iter().take_while(|byte| byte.is_ascii_digit()) {
            let next = number.checked_mul(10);
            let next = next.and_then(|number| number.checked_add(u64::from(digit - b'0')));
            match next {
                Some(next) => number = next,
                None => return Self(u64::MAX),
            }
        }
        Self(if is_negative {
            number.wrapping_neg()
        } else {
            number
        })
    }
}

impl FromLua for Uint64 {
    fn from_lua(value: Value, _lua: &Lua) -> Result<Self> {
        match &value {
            Value::UserData(data) if data.is::<Self>() => Ok(*data.borrow::<Self>()?),
            _ => Err(args::unexpected("uint64", &value)),
        }
    }
}

impl UserData for Uint64 {
    fn add_fields<F: UserDataFields<Self>>(fields: &mut F) {
        let name = |method: MetaMethod| method.name().to_owned();
        fields.add_meta_field_with(name(MetaMethod::Lt), |lua| order(lua, |a, b| a < b));
        fields.add_meta_field_with(name(MetaMethod::Le), |lua| order(lua, |a, b| a <= b));
    }

    fn add_methods<M: UserDataMethods<Self>>(methods: &mut M) {
        methods.add_meta_method(MetaMethod::ToString, |_, this, ()| Ok(this.0.to_string()));
        // Lua asks for any two userdata of which one has this.
        methods.add_meta_function(MetaMethod::Eq, |lua, (a, b): (Value, Value)| {
            Ok(match (Self::from_lua(a, lua), Self::from_lua(b, lua)) {
                (Ok(a), Ok(b)) => a == b,
                _ => false,
            })
        });
    }
}

/// A function that compares, with an error in Lua's words for what cannot be compared.
fn order(lua: &Lua, is_so: fn(u64, u64) -> bool) -> Result<Value> {
    let compare = lua.create_function(move |lua, (a, b): (Value, Value)| {
        let (left, right) = (kind(&a), kind(&b));
        match (Uint64::from_lua(a, lua), Uint64::from_lua(b, lua)) {
            (Ok(a), Ok(b)) => (is_so(a.0, b.0), Value::Nil).into_lua_multi(lua),
            _ => {
                let text = format!("attempt to compare {left} with {right}");
                (raise::mark(), text).into_lua_multi(lua)
            }
        }
    })?;
    raise::raising(lua, compare)?.into_lua(lua)
}

/// What a value is called in errors.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::UserData(data) if data.is::<Uint64>() => "uint64",
        other => other.type_name(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_as_strtoull_reads_it() {
        // As glibc 2.36 answers, tried with a C program.
        for (text, number) in [
            ("", 0),
            ("abc", 0),
            ("0", 0),
            ("76561197960287930", 76561197960287930),
            (" \t\n\x0b\x0c\r+12", 12),
            ("12abc", 12),
            ("12.9", 12),
            ("0x10", 0),
            ("- 1", 0),
            ("+-1", 0),
            ("-1", u64::MAX),
            ("-18446744073709551615", 1),
            ("18446744073709551615", u64::MAX),
            ("18446744073709551616", u64::MAX),
            ("-18446744073709551616", u64::MAX),
            ("000000000000000000000000000007", 7),
        ] {
            assert_eq!(Uint64::parse(text.as_bytes()), Uint64(number), "{text:?}");
        }
    }
}
