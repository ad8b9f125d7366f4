//! Two states that know of each other by a hub alone, which runs in the test.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::time::Duration;
use std::time::Instant;

use bowline_hub::dev;
use bowline_hub::dev::DevOptions;
use bowline_hub::server::Running;
use mlua::Lua;

use crate::support::run;
use crate::support::state;

fn hub() -> Running {
    let options = DevOptions {
        listen: "127.0.0.1:0".parse().unwrap(),
        ..DevOptions::default()
    };
    dev::start(&options, Box::new(drop)).unwrap()
}

/// A player who signs in by a name, and hears of everything.
fn player(hub: &Running, name: &str) -> Lua {
    let lua = state();
    let (address, key) = (hub.local_addrs()[0], hub.key().to_line(""));
    let trust = hub.authority().to_line("hub");
    run::<()>(
        &lua,
        &format!(
            r#"
            assert(Steam.init({{ trust = {trust:?}, loopbackCandidates = true, shortcuts = false }}))
            sockets, networking = Steam.networkingSockets, Steam.networking
            told, states, last, incoming, heard, asked = {{}}, {{}}, {{}}, nil, {{}}, {{}}
            function sockets.onAuthenticationStatus(data) table.insert(told, data.status) end
            function networking.onP2PSessionRequest(data) table.insert(asked, data.steamIDRemote) end
            function sockets.onConnectionChanged(data)
                states[data.connection], last = data.state, data
                if data.state == "Connecting" and not connection then
                    incoming = data.connection
                    assert(sockets.acceptConnection(incoming) == "OK")
                end
            end
            function turn()
                sockets.wait(1)
                Steam.runCallbacks()
                for connection in pairs(states) do
                    local n, messages = sockets.receiveMessagesOnConnection(connection)
                    for i = 1, n do table.insert(heard, messages[i]) end
                end
            end
            assert(sockets.signIn("{address}", {key:?}, "dev", {name:?}))
            assert(sockets.initAuthentication() ~= 100)
            "#
        ),
    );
    lua
}

/// Lets time pass until it is so.
#[track_caller]
fn until(players: &[&Lua], is_so: &str) {
    let start = Instant::now();
    let (asked, others) = players.split_first().unwrap();
    while !run::<bool>(asked, &format!("turn() return not not ({is_so})")) {
        others.iter().for_each(|lua| run::<()>(lua, "turn()"));
        let told = run::<String>(
            asked,
            "local _, text = sockets.getAuthenticationStatus() return table.concat(told, ' ') .. ': ' .. text",
        );
        let took = start.elapsed();
        assert!(
            took < Duration::from_secs(30),
            "{is_so}: not in time; {told}"
        );
    }
}

#[test]
fn a_hub_says_who_players_are_and_brings_them_together() {
    let hub = hub();
    let [anna, ben] = &["str:anna", "str:ben"].map(|name| player(&hub, name));
    for lua in [anna, ben] {
        until(&[lua], "sockets.getAuthenticationStatus() == 100");
        run::<()>(
            lua,
            "assert(told[#told] == 100 and #told > 1, table.concat(told, ' '))",
        );
    }
    run::<()>(ben, "assert(sockets.createListenSocketP2P(7) ~= 0)");
    run::<()>(
        anna,
        r#"
        connection = sockets.connectP2P("str:ben", 7)
        assert(sockets.sendMessage(connection, "early") == "OK")
        "#,
    );
    until(&[ben, anna], "heard[1] == 'early'");
    until(&[anna, ben], "states[connection] == 'Connected'");
    for (lua, connection, peer) in [
        (anna, "connection", "str:ben"),
        (ben, "incoming", "str:anna"),
    ] {
        run::<()>(
            lua,
            &format!(
                r#"
                local details = sockets.getConnectionDetails({connection})
                assert(details.identity == {peer:?}, details.identity)
                assert(details.encrypted and details.authenticated, "nobody vouches")
                "#
            ),
        );
    }

    run::<()>(
        anna,
        r#"assert(networking.sendP2PPacket("str:ben", "hello", networking.send.Reliable))"#,
    );
    until(&[ben, anna], "asked[1] == 'str:anna'");
    run::<()>(ben, "assert(networking.acceptP2PSessionWithUser(asked[1]))");
    until(&[ben, anna], "networking.isP2PPacketAvailable()");
    run::<()>(
        ben,
        r#"
        local packet, from = networking.readP2PPacket()
        assert(packet == "hello" and from == "str:anna")
        "#,
    );

    // What is connected needs the hub no more.
    drop(hub);
    until(&[anna, ben], "sockets.getAuthenticationStatus() ~= 100");
    run::<()>(
        ben,
        r#"assert(sockets.sendMessage(incoming, "without a hub") == "OK")"#,
    );
    until(&[anna, ben], "heard[1] == 'without a hub'");
    run::<()>(anna, "sockets.signOut()");
    let status: i32 = run(anna, "return (sockets.getAuthenticationStatus())");
    assert_ne!(status, 100);
}

#[test]
fn who_signs_in_as_somebody_takes_the_name_from_who_had_it() {
    let hub = hub();
    let earlier = player(&hub, "str:carl");
    until(&[&earlier], "sockets.getAuthenticationStatus() == 100");
    let later = player(&hub, "str:carl");
    until(
        &[&later, &earlier],
        "sockets.getAuthenticationStatus() == 100",
    );
    until(&[&earlier], "sockets.getAuthenticationStatus() < 0");
    let (status, text): (i32, String) = run(&earlier, "return sockets.getAuthenticationStatus()");
    assert!(text.contains("elsewhere"), "{status}: {text}");
}

#[test]
fn regression_who_has_no_name_gets_that_of_the_hub() {
    let hub = hub();
    let (address, key) = (hub.local_addrs()[0], hub.key().to_line(""));
    let lua = state();
    run::<()>(
        &lua,
        &format!(
            r#"
            assert(Steam.init())
            sockets, told = Steam.networkingSockets, {{}}
            function turn() sockets.wait(1) Steam.runCallbacks() end
            assert(tostring(Steam.user.getSteamID()) ~= "0")
            assert(sockets.signIn("{address}", {key:?}))
            sockets.initAuthentication()
            "#
        ),
    );
    until(&[&lua], "sockets.getAuthenticationStatus() == 100");
    let id: String = run(&lua, "return tostring(Steam.user.getSteamID())");
    assert_eq!(id, "0", "the hub has made it somebody without an account");
}
