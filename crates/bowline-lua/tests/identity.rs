//! Who an interface is: numbers of 64 bits, accounts of our own, options and the environment.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::process::Command;

use crate::support::error;
use crate::support::run;
use crate::support::state;

#[test]
fn numbers_of_64_bits_are_equal_by_value_and_have_an_order() {
    let lua = state();
    run::<()>(
        &lua,
        r#"
        local parse = Steam.extra.parseUint64
        local seven, again, large = parse("7"), parse("7"), parse("18446744073709551615")
        assert(type(seven) == "userdata" and not rawequal(seven, again))
        assert(seven == again and seven ~= large and not (seven ~= again))
        assert(seven < large and not (large < seven) and not (seven < again))
        assert(seven <= again and seven <= large and large > seven and large >= seven)
        assert(tostring(large) == "18446744073709551615" and tostring(seven) == "7")
        assert(tostring(parse("nonsense")) == "0" and tostring(parse("12 apples")) == "12")
        assert(tostring(parse(76)) == "76")
        -- Nothing else is equal to one.
        assert(seven ~= 7 and seven ~= "7" and seven ~= io.stdout)
        for _, other in ipairs({ 7, "7", {}, io.stdout, print, true }) do
            for _, compare in ipairs({
                function() return seven < other end,
                function() return other <= seven end,
            }) do
                local worked, text = pcall(compare)
                assert(not worked and type(text) == "string", tostring(text))
                assert(text:match("attempt to compare"), text)
            end
        end
        "#,
    );
    assert_eq!(
        error(&lua, "Steam.gameServer.endAuthSession('76561197960287930')"),
        "test:1: bad argument #1 to 'endAuthSession' (steamID: uint64 expected, got string)"
    );
    assert_eq!(
        error(&lua, "Steam.gameServer.endAuthSession(io.stdout)"),
        "test:1: bad argument #1 to 'endAuthSession' (steamID: uint64 expected, got userdata)"
    );
}

#[test]
fn without_an_identity_it_is_an_account_of_its_own() {
    let ids: Vec<u64> = (0..2)
        .map(|_| {
            let lua = state();
            let id: String = run(
                &lua,
                r#"
                assert(tostring(Steam.user.getSteamID()) == "0")
                assert(Steam.networkingSockets.getIdentity() == nil)
                assert(Steam.init())
                local id = Steam.user.getSteamID()
                assert(id == Steam.networkingSockets.getIdentity())
                Steam.shutdown()
                assert(tostring(Steam.user.getSteamID()) == "0")
                Steam.init()
                assert(Steam.user.getSteamID() == id, "the same after a new beginning")
                return tostring(id)
                "#,
            );
            id.parse().unwrap()
        })
        .collect();
    assert_ne!(ids[0], ids[1]);
    for id in ids {
        // The universe of developers, a person, the one instance that a person has.
        assert_eq!(id >> 32, 4 << 24 | 1 << 20 | 1);
        assert_ne!(id as u32, 0);
    }
}

#[test]
fn an_option_says_who_it_is() {
    let lua = state();
    run::<()>(
        &lua,
        r#"
        local sockets = Steam.networkingSockets
        assert(Steam.init({ identity = "steamid:76561197960287930", appID = 480 }))
        assert(tostring(sockets.getIdentity()) == "76561197960287930")
        assert(tostring(Steam.user.getSteamID()) == "76561197960287930")
        Steam.shutdown()
        -- Others than Steam's have no number.
        assert(Steam.init({ identity = "str:anna", config = { TimeoutInitial = 500 } }))
        assert(sockets.getIdentity() == nil and tostring(Steam.user.getSteamID()) == "0")
        Steam.shutdown()
        for _, wrong in ipairs({
            { identity = "anna" },
            { identity = "" },
            { trust = "nobody" },
            { certificate = "none" },
            { key = "none" },
        }) do
            assert(Steam.init(wrong) == false)
            assert(sockets.getIdentity() == nil)
        end
        "#,
    );
    for (options, text) in [
        ("true", "table expected, got boolean"),
        ("{ identity = {} }", "identity: string expected, got table"),
        ("{ appID = 'x' }", "appID: number expected, got string"),
        (
            "{ shortcuts = 1 }",
            "shortcuts: boolean expected, got number",
        ),
        (
            "{ loopbackCandidates = 0 }",
            "loopbackCandidates: boolean expected, got number",
        ),
        ("{ appID = -1 }", "appID: not a number of 32 bits"),
        ("{ config = true }", "config: table expected, got boolean"),
        ("{ name = 'anna' }", "name: there is no such field"),
        (
            "{ config = { NagleTime = {} } }",
            "config: NagleTime: number expected, got table",
        ),
    ] {
        assert_eq!(
            error(&lua, &format!("Steam.init({options})")),
            format!("test:1: bad argument #1 to 'init' (options: {text})")
        );
    }
}

const CHILD: &str = "BOWLINE_TEST_ENVIRONMENT";

#[test]
fn the_environment_says_who_an_unmodified_program_is() {
    let run_with = |variables: &[(&str, &str)]| {
        let name = "identity::the_environment_says_who_an_unmodified_program_is";
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", name, "--nocapture"]).env(CHILD, "1");
        let output = child.envs(variables.iter().copied()).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        String::from_utf8_lossy(&text).into_owned()
    };
    if std::env::var_os(CHILD).is_some() {
        let answer: String = run(
            &state(),
            r#"
            local began = Steam.init()
            local answer = tostring(began) .. " " .. tostring(Steam.user.getSteamID())
            Steam.shutdown()
            Steam.init({ identity = "steamid:76561197960287931" })
            return answer .. " " .. tostring(Steam.user.getSteamID())
            "#,
        );
        println!("answer: {answer}");
        return;
    }
    let text = run_with(&[("BOWLINE_IDENTITY", "steamid:76561197960287930")]);
    let expected = "answer: true 76561197960287930 76561197960287931";
    assert!(text.contains(expected), "{text}");
    let text = run_with(&[("BOWLINE_IDENTITY", "nobody")]);
    assert!(text.contains("answer: false 0"), "{text}");
    assert!(
        text.contains("luasteam: Steam.init: BOWLINE_IDENTITY:"),
        "{text}"
    );
    let text = run_with(&[("BOWLINE_TRUST", "/does/not/exist")]);
    assert!(
        text.contains("luasteam: Steam.init: BOWLINE_TRUST: /does/not/exist:"),
        "{text}"
    );
}
