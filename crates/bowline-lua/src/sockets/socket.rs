//! What a script holds of a listen socket.

use mlua::MetaMethod;
use mlua::UserData;
use mlua::UserDataMethods;
use mlua::Value;

/// The userdata of a listen socket: its number, 0 if it is none. The socket lives until it is closed, not as long
/// as this is referred to: luasteam's programs drop it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Socket(pub(crate) u32);

impl Socket {
    /// What a function gives that could not make one.
    pub(crate) const INVALID: Self = Self(0);

    /// The number in a userdata of this kind; 0 for every other value.
    pub(crate) fn number_of(value: &Value) -> u32 {
        Self::of(value).map_or(0, |socket| socket.0)
    }

    fn of(value: &Value) -> Option<Self> {
        let socket = value.as_userdata()?.borrow::<Self>().ok()?;
        Some(*socket)
    }
}

impl UserData for Socket {
    fn add_methods<M: UserDataMethods<Self>>(methods: &mut M) {
        methods.add_meta_method(MetaMethod::ToString, |_, this, ()| {
            Ok(if *this == Self::INVALID {
                "invalid socket".to_owned()
            } else {
                format!("socket {}", this.0)
            })
        });
        // Lua asks also for a value of another kind on one of the sides.
        methods.add_meta_function(MetaMethod::Eq, |_, (a, b): (Value, Value)| {
            let socket = Self::of(&a);
            Ok(socket.is_some() && socket == Self::of(&b))
        });
    }
}
