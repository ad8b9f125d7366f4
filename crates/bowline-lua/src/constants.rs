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

/// The tables of numbers of the legacy API.
pub(crate) fn packets(lua: &Lua, table: &Table) -> Result<()> {
    for (name, numbers) in PACKETS {
        let numbers = lua.create_table_from(numbers.iter().copied())?;
        table.raw_set(*name, numbers)?;
    }
    Ok(())
}

/// Steam's names without their prefix. The states and types of sockets are those of an API that nobody serves.
const PACKETS: &[(&str, &[(&str, u8)])] = &[
    (
        "send",
        &[
            ("Unreliable", 0),
            ("UnreliableNoDelay", 1),
            ("Reliable", 2),
            ("ReliableWithBuffering", 3),
        ],
    ),
    (
        "sessionError",
        &[
            ("None", 0),
            ("NotRunningApp", 1),
            ("NoRightsToApp", 2),
            ("DestinationNotLoggedOn", 3),
            ("Timeout", 4),
            ("Max", 5),
        ],
    ),
    (
        "socketConnectionType",
        &[("NotConnected", 0), ("UDP", 1), ("UDPRelay", 2)],
    ),
    (
        "socketState",
        &[
            ("Invalid", 0),
            ("Connected", 1),
            ("Initiated", 10),
            ("LocalCandidatesFound", 11),
            ("ReceivedRemoteCandidates", 12),
            ("ChallengeHandshake", 15),
            ("Disconnecting", 21),
            ("LocalDisconnect", 22),
            ("TimeoutDuringConnect", 23),
            ("RemoteEndDisconnected", 24),
            ("ConnectionBroken", 25),
        ],
    ),
];

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
