//! Numbers that scripts know by name.

use bowline::SendFlags;
use mlua::Lua;
use mlua::Result;
use mlua::Table;

/// luasteam's names without their prefix, and the numbers of the original.
const FLAGS: [(&str, SendFlags); 5] = [
    ("Unreliable", SendFlags::UNRELIABLE),
    ("UnreliableNoNagle", SendFlags::UNRELIABLE_NO_NAGLE),
    ("UnreliableNoDelay", SendFlags::UNRELIABLE_NO_DELAY),
    ("Reliable", SendFlags::RELIABLE),
    ("ReliableNoNagle", SendFlags::RELIABLE_NO_NAGLE),
];

/// Asks for a message to be sent on the caller's thread, as all are here.
const USE_CURRENT_THREAD: i64 = 16;

/// The table `flags`. Each name is there with `Send_` before it, which is luasteam's, and without, as its
/// documentation writes once.
pub(crate) fn flags(lua: &Lua) -> Result<Table> {
    let table = lua.create_table_with_capacity(0, 2 * FLAGS.len())?;
    for (name, flags) in FLAGS {
        table.raw_set(format!("Send_{name}"), flags.bits())?;
        table.raw_set(name, flags.bits())?;
    }
    Ok(table)
}

/// What a number asks for; `None` if it has bits that mean nothing.
pub(crate) fn send_flags(number: i64) -> Option<SendFlags> {
    let flags = u8::try_from(number & !USE_CURRENT_THREAD).ok()?;
    let known = SendFlags::from_bits(flags);
    (known.bits() == flags).then_some(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_bits_are_flags() {
        for number in [0, 1, 4, 5, 8, 9, 12, 13] {
            let known = Some(SendFlags::from_bits(number as u8));
            assert_eq!(send_flags(number), known, "{number}");
            assert_eq!(send_flags(number | 16), known, "{number}");
        }
        for number in [2, 3, 10, 32, 64, 255, 256, 264, -1, i64::MIN, i64::MAX] {
            assert_eq!(send_flags(number), None, "{number}");
        }
    }
}
