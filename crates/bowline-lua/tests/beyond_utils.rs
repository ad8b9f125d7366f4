//! Settings by name, the clock, and small questions.

use crate::support;

#[test]
fn a_setting_of_a_connection_is_its_own() {
    let lua = support::beyond();
    support::run::<()>(
        &lua,
        r#"
        local a, b = pair()
        assert(U.setConfigValue("NagleTime", 1000) == true)
        assert(U.getConfigValue("NagleTime") == 1000)
        assert(U.getConfigValue("NagleTime", a) == 1000)
        assert(U.setConnectionConfigValue(a, "NagleTime", 2000) == true)
        assert(U.getConfigValue("NagleTime", a) == 2000 and U.getConfigValue("NagleTime", b) == 1000)
        assert(U.resetConfigValue("NagleTime", a) == true)
        assert(U.getConfigValue("NagleTime", a) == 1000)
        assert(U.resetConfigValue("NagleTime") == true)
        assert(U.getConfigValue("NagleTime", a) == 5000)
        "#,
    );
}

#[test]
fn values_are_of_the_settings_kind_and_within_its_range() {
    let lua = support::beyond();
    support::run::<()>(
        &lua,
        r#"
        local function becomes(name, value, expected)
            assert(U.setConfigValue(name, value) == true, name)
            local got = U.getConfigValue(name)
            assert(got == expected and type(got) == type(expected), tostring(got))
        end
        becomes("FakePacketLoss_Send", 0.1, 0.1)
        becomes("FakePacketLoss_Send", 1e9, 100)
        becomes("FakePacketLag_Send", -3, 0)
        becomes("FakePacketLag_Send", "12", 12)
        becomes("IP_AllowWithoutAuth", true, 1)
        becomes("IP_AllowWithoutAuth", false, 0)
        becomes("P2P_STUN_ServerList", "a.example:1,b.example:2", "a.example:1,b.example:2")
        becomes("ConnectionUserData", -2, -2)
        becomes("nagletime", 7, 7)
        "#,
    );
}

#[test]
fn what_cannot_be_set_there_is_false() {
    let lua = support::beyond();
    support::run::<()>(
        &lua,
        r#"
        local a = pair()
        assert(U.setConfigValue("MTU_DataSize", 500) == false)
        assert(U.setConnectionConfigValue(a, "FakePacketLag_Send", 5) == false, "it is an interface's")
        assert(U.setConnectionConfigValue(a, "Unencrypted", 3) == false, "it is too late")
        assert(U.resetConfigValue("Unencrypted", a) == false)
        assert(U.setConnectionConfigValue(4711, "NagleTime", 5) == false)
        assert(U.resetConfigValue("NagleTime", 4711) == false)
        assert(U.getConfigValue("NagleTime", 4711) == nil)
        Steam.shutdown()
        assert(U.setConfigValue("NagleTime", 5) == false and U.resetConfigValue("NagleTime") == false)
        assert(U.setConnectionConfigValue(a, "NagleTime", 5) == false)
        assert(U.getConfigValue("NagleTime", a) == nil)
        assert(U.getConfigValue("TimeoutInitial") == 10000, "the process has it")
        "#,
    );
}

/// The only test here that changes the process's settings; it uses one that no other looks at.
#[test]
fn a_setting_of_the_process_reaches_all_states() {
    let lua = support::beyond();
    let other = support::beyond();
    support::run::<()>(
        &lua,
        "assert(U.setGlobalConfigValue('Limit_Signatures', 1234) == true)",
    );
    support::run::<()>(
        &other,
        "assert(U.getConfigValue('Limit_Signatures') == 1234)",
    );
    support::run::<()>(
        &lua,
        "assert(U.setGlobalConfigValue('MTU_DataSize', 500) == false)",
    );
}

#[test]
fn every_setting_is_listed_with_what_is_known_of_it() {
    let lua = support::beyond();
    support::run::<()>(
        &lua,
        r#"
        local names = U.configValues()
        assert(#names > 70, #names)
        local a = pair()
        for _, name in ipairs(names) do
            local info = U.getConfigValueInfo(name)
            assert(info.name == name and info.number > 0)
            local value = U.getConfigValue(name, a)
            assert(type(value) == type(info.default), name)
            if info.type == "string" then
                assert(type(value) == "string" and not info.min)
            else
                assert(info.type == "int32" or info.type == "int64" or info.type == "float", info.type)
                assert(type(value) == "number")
            end
            if info.min then
                assert(info.min <= info.default and info.default <= info.max, name)
            end
            assert(#info.description > 10 and info.description:sub(1, 1) ~= " ", name)
        end
        "#,
    );
    support::run::<()>(
        &lua,
        r#"
        local info = U.getConfigValueInfo("NagleTime")
        assert(info.number == 12 and info.type == "int32" and info.scope == "connection")
        assert(info.default == 5000 and info.min == 0 and info.max == 20000 and info.unit == "us")
        assert(info.change == "always" and info.waitsFor == nil)
        assert(U.getConfigValueInfo("Unencrypted").change == "before connecting")
        assert(U.getConfigValueInfo("MTU_DataSize").change == "never")
        assert(U.getConfigValueInfo("LogLevel_SDRRelayPings").waitsFor == "relays")
        assert(U.getConfigValueInfo("FakePacketJitter_Send_Pct").default == 75)
        assert(U.getConfigValueInfo("Nonsense") == nil)
        assert(U.getConfigValueInfo("Callback_AuthStatusChanged") == nil, "it is C's")
        "#,
    );
}

#[test]
fn wrong_names_and_values_are_named() {
    let lua = support::beyond();
    for (call, expected) in [
        (
            "setConfigValue('Nonsense', 1)",
            "bad argument #1 to 'setConfigValue' (name: no setting is named 'Nonsense')",
        ),
        (
            "setConfigValue('Callback_AuthStatusChanged', 1)",
            "bad argument #1 to 'setConfigValue' (name: no setting is named 'Callback_AuthStatusChanged')",
        ),
        (
            "setConfigValue('NagleTime')",
            "bad argument #2 to 'setConfigValue' (value: number expected, got nil)",
        ),
        (
            "setGlobalConfigValue('NagleTime', {})",
            "bad argument #2 to 'setGlobalConfigValue' (value: number expected, got table)",
        ),
        (
            "setConnectionConfigValue(1, 'P2P_STUN_ServerList', true)",
            "bad argument #3 to 'setConnectionConfigValue' (value: string expected, got boolean)",
        ),
        (
            "getConfigValue(12.5)",
            "bad argument #1 to 'getConfigValue' (name: no setting is named '12.5')",
        ),
        (
            "resetConfigValue('NagleTime', 'a')",
            "bad argument #2 to 'resetConfigValue' (connection: number expected, got string)",
        ),
        (
            "isIdentity()",
            "bad argument #1 to 'isIdentity' (text: string expected, got nil)",
        ),
        (
            "setDebugOutput(9)",
            "bad argument #1 to 'setDebugOutput' (level: number of 0 to 8 expected)",
        ),
        (
            "getLocalTimestamp(1)",
            "bad argument #1 to 'getLocalTimestamp' (no more than 0 arguments expected)",
        ),
    ] {
        let error = support::error(&lua, &format!("U.{call}"));
        assert_eq!(error, format!("test:1: {expected}"));
    }
}

#[test]
fn texts_are_looked_at() {
    let lua = support::state();
    support::run::<()>(
        &lua,
        r#"
        local U = Steam.networkingUtils
        assert(U.isIdentity("str:bob") and U.isIdentity("steamid:76561197960287930"))
        assert(U.isIdentity("ip:1.2.3.4:5") and U.isIdentity("gen:00ff"))
        for _, text in ipairs { "", "bob", "steamid:x", "\255" } do
            assert(U.isIdentity(text) == false, text)
        end
        -- Nobody hands out fake addresses yet.
        for _, text in ipairs { "169.254.1.1:2000", "192.0.2.1:2000", "[::1]:5", "", "nowhere", "\255" } do
            assert(U.isFakeIP(text) == false, text)
        end
        "#,
    );
}

#[test]
fn the_clock_goes_on_and_there_are_no_relays() {
    let lua = support::state();
    support::run::<()>(
        &lua,
        r#"
        local U = Steam.networkingUtils
        local before = U.getLocalTimestamp()
        local after
        repeat
            after = U.getLocalTimestamp()
            assert(after >= before)
        until after > before
        -- 30 days: no script mistakes it for the time of day.
        assert(before > 30 * 86400 * 1e6)
        assert(select('#', U.initRelayNetworkAccess()) == 0)
        assert(U.getRelayNetworkStatus() == -102)
        assert(Steam.version:find("^Bowline %d+%.%d+%.%d+$"), Steam.version)
        "#,
    );
}
