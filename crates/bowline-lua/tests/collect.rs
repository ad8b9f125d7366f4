//! Userdata that nobody holds any more.

use crate::support;

/// In LuaJIT the finaliser's return value made the interpreter read from nowhere.
#[test]
fn userdata_is_collected_and_what_is_left_works() {
    let lua = support::state();
    let (left, text): (i64, String) = support::run(
        &lua,
        "Steam.init()
        local weak = setmetatable({}, { __mode = 'k' })
        local function drop(value)
            assert(type(value) == 'userdata')
            weak[value] = true
        end
        drop(Steam.extra.parseUint64('7'))
        drop(Steam.networkingSockets.createListenSocketIP('127.0.0.1:0'))
        drop(Steam.networkingSockets.createListenSocketIP('no address'))
        collectgarbage()
        collectgarbage()
        local left = 0
        for _ in pairs(weak) do
            left = left + 1
        end
        return left, tostring(Steam.extra.parseUint64('8'))",
    );
    assert_eq!((left, text.as_str()), (0, "8"));
}

/// Whoever clears `package.loaded` and requires the module again opens it twice in one state; the finaliser then
/// called itself until there was no stack left.
#[test]
fn userdata_is_collected_after_the_module_was_opened_again() {
    let lua = support::state();
    let again = luasteam::open(&lua).expect("it opens again");
    lua.globals().set("Again", again).expect("memory");
    let (left, text): (i64, String) = support::run(
        &lua,
        "local weak = setmetatable({}, { __mode = 'k' })
        local function drop(value)
            weak[value] = true
        end
        drop(Steam.extra.parseUint64('7'))
        drop(Again.extra.parseUint64('7'))
        drop(Again.networkingSockets.createListenSocketIP('no address'))
        collectgarbage()
        collectgarbage()
        local left = 0
        for _ in pairs(weak) do
            left = left + 1
        end
        return left, tostring(Again.extra.parseUint64('8'))",
    );
    assert_eq!((left, text.as_str()), (0, "8"));
}
