//! Debug output of the process reaches each Lua state that wants it. One test: the output is the process's.

#![cfg(feature = "vendored")]

mod support;

use mlua::Lua;

#[test]
fn debug_output_is_told_by_run_callbacks_to_those_who_want_it() {
    let (lua, other, silent) = (support::beyond(), support::beyond(), support::beyond());
    for lua in [&lua, &other, &silent] {
        support::run::<()>(
            lua,
            r#"
            told = {}
            function U.onDebugOutput(data)
                told[#told + 1] = data
            end
            "#,
        );
    }
    support::run::<()>(&lua, "assert(U.setDebugOutput(5) == true)");
    support::run::<()>(&other, "assert(U.setDebugOutput(7) == true)");
    support::run::<()>(
        &lua,
        r#"
        a, b = pair()
        S.setConnectionName(b, "named-in-debug")
        S.closeConnectionWithReason(a, 1001, "because")
        run_until(function() return #told > 0 end)
        for _, data in ipairs(told) do
            assert(count(data) == 3 and data.level >= 1 and data.level <= 5, data.level)
            assert(data.source == "General" and #data.text > 0, data.source)
        end
        "#,
    );
    // The other one wants more, and hears of what happens anywhere in the process.
    support::run::<()>(
        &other,
        r#"
        local a = pair()
        S.closeConnection(a)
        local function has_detail()
            for _, data in ipairs(told) do
                if data.level > 5 then
                    return true
                end
            end
        end
        run_until(has_detail)
        assert(U.setDebugOutput(0) == true)
        Steam.runCallbacks()
        local heard = #told
        pair()
        Steam.runCallbacks()
        assert(#told == heard, "no more is told")
        "#,
    );
    support::run::<()>(&silent, "pair() Steam.runCallbacks() assert(#told == 0)");
    errors_leave_the_rest(&lua);
    drop(lua);
    // With the last state that wanted it the output is off; it can be wanted anew.
    support::run::<()>(
        &silent,
        "assert(U.setDebugOutput(8) == true and U.setDebugOutput() == true)",
    );
}

fn errors_leave_the_rest(lua: &Lua) {
    support::run::<()>(
        lua,
        r#"
        local heard = 0
        function U.onDebugOutput()
            heard = heard + 1
            error({ "not a text" })
        end
        local stop = U.getLocalTimestamp() + 20e6
        S.closeConnectionWithReason(pair(), 1002)
        S.closeConnectionWithReason(pair(), 1002)
        while heard < 2 do
            assert(U.getLocalTimestamp() < stop)
            S.wait(10)
            pcall(Steam.runCallbacks)
        end
        "#,
    );
}
