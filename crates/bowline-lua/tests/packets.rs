//! Packets to identities: two states, each a player, and signals that the test carries between them.

use std::time::Duration;
use std::time::Instant;

use mlua::Lua;

use crate::support::error;
use crate::support::run;
use crate::support::state;

/// A state with a player as the global `player`, who hears of packets. The rest is options.
fn player(options: &str) -> Lua {
    let lua = state();
    let code = lua.load(include_str!("lua/peers.lua")).set_name("=peers");
    let player: mlua::Table = code.eval().expect("the module works");
    lua.globals().set("player", player).expect("memory");
    run::<()>(
        &lua,
        &format!(
            r#"
            player.begin({options})
            networking, asked, failed = Steam.networking, {{}}, {{}}
            function networking.onP2PSessionRequest(data) table.insert(asked, data.steamIDRemote) end
            function networking.onP2PSessionConnectFail(data) table.insert(failed, data) end
            "#
        ),
    );
    lua
}

fn anna_and_ben() -> [Lua; 2] {
    ["str:anna", "str:ben"].map(|name| player(&format!("{name:?}")))
}

/// Lets time pass, and carries signals, until it is so.
#[track_caller]
fn until(players: &[Lua; 2], mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(20), "not in time");
        for (index, player) in players.iter().enumerate() {
            run::<()>(player, "player.turn()");
            let other = &players[1 - index];
            loop {
                let (peer, signal): (Option<String>, Option<mlua::LuaString>) =
                    run(player, "return player.next()");
                let Some((_, signal)) = peer.zip(signal) else {
                    break;
                };
                let signal = other.create_string(signal.as_bytes()).expect("memory");
                other.globals().set("signal", signal).expect("memory");
                run::<()>(other, "Steam.networkingSockets.receiveSignal(signal)");
            }
        }
    }
}

/// Ben hears that Anna wants to talk to him, and accepts.
#[track_caller]
fn let_anna_in(players: &[Lua; 2]) {
    let ben = &players[1];
    until(players, || run(ben, "return asked[1] == 'str:anna'"));
    run::<()>(ben, "assert(networking.acceptP2PSessionWithUser(asked[1]))");
}

/// What comes back says that all has come: else the end of a session would be told as a failure.
#[track_caller]
fn let_all_arrive(players: &[Lua; 2]) {
    let [anna, ben] = players;
    let bye = r#"assert(networking.sendP2PPacket("str:ben", "bye", networking.send.Reliable))"#;
    run::<()>(anna, bye);
    until(players, || {
        run(ben, "return networking.readP2PPacket() == 'bye'")
    });
}

#[test]
fn packets_go_to_and_fro_once_a_session_is_accepted() {
    let players = anna_and_ben();
    let [anna, ben] = &players;
    run::<()>(
        anna,
        r#"
        assert(networking.getP2PSessionState("str:ben") == nil)
        assert(networking.sendP2PPacket("str:ben", "hello\0you", networking.send.Reliable))
        local state = networking.getP2PSessionState("str:ben")
        assert(state.connecting and not state.connectionActive and state.sessionError == 0)
        assert(state.bytesQueuedForSend > 8 and state.packetsQueuedForSend == 1)
        assert(state.remoteIP == nil and state.remotePort == nil)
        "#,
    );
    let_anna_in(&players);
    until(&players, || {
        run(ben, "return (networking.isP2PPacketAvailable())")
    });
    run::<()>(
        ben,
        r#"
        local is, size = networking.isP2PPacketAvailable(0)
        assert(is and size == 9 and networking.getAvailableP2PPacketSize() == 9)
        local packet, from = networking.readP2PPacket()
        assert(packet == "hello\0you" and from == "str:anna")
        assert(select('#', networking.readP2PPacket()) == 2 and networking.readP2PPacket() == nil)
        assert(networking.isP2PPacketAvailable() == false and networking.getAvailableP2PPacketSize() == 0)
        for name, kind in pairs(networking.send) do
            assert(networking.sendP2PPacket(from, name, kind, kind + 1), name)
        end
        "#,
    );
    until(&players, || {
        run(
            anna,
            "return networking.isP2PPacketAvailable(1) and networking.isP2PPacketAvailable(2)
                 and networking.isP2PPacketAvailable(3) and networking.isP2PPacketAvailable(4)",
        )
    });
    run::<()>(
        anna,
        r#"
        for name, kind in pairs(networking.send) do
            assert(networking.readP2PPacket(kind + 1) == name)
        end
        local state = networking.getP2PSessionState("str:ben")
        assert(state.connectionActive and not state.connecting and not state.usingRelay)
        assert(type(state.remoteIP) == "string" and state.remotePort > 0)
        "#,
    );
    let_all_arrive(&players);
    run::<()>(
        anna,
        r#"
        assert(not networking.closeP2PChannelWithUser("str:ben", 99))
        for channel = 0, 4 do
            assert(networking.closeP2PChannelWithUser("str:ben", channel), channel)
        end
        assert(not networking.closeP2PSessionWithUser("str:ben"))
        assert(networking.getP2PSessionState("str:ben") == nil)
        "#,
    );
    until(&players, || {
        run(
            ben,
            "return networking.getP2PSessionState('str:anna') == nil",
        )
    });
    assert_eq!(run::<usize>(ben, "return #failed"), 0);
}

#[test]
fn accounts_are_numbers_and_a_refusal_is_a_failure() {
    let players = ["nil", "nil"].map(player);
    let [anna, ben] = &players;
    let id = run::<String>(ben, "return tostring(Steam.user.getSteamID())");
    run::<()>(
        anna,
        &format!(
            "ben = Steam.extra.parseUint64({id:?})
             assert(networking.sendP2PPacket(ben, 'hello?', 2, 5))"
        ),
    );
    until(&players, || run(ben, "return #asked > 0"));
    run::<()>(
        ben,
        "assert(type(asked[1]) == 'userdata')
         assert(networking.closeP2PSessionWithUser(asked[1]))",
    );
    until(&players, || run(anna, "return #failed > 0"));
    run::<()>(
        anna,
        r#"
        assert(failed[1].steamIDRemote == ben)
        assert(failed[1].sessionError == networking.sessionError.Timeout)
        local state = networking.getP2PSessionState(ben)
        assert(state.sessionError == 4 and not state.connecting and not state.connectionActive)
        assert(networking.allowP2PPacketRelay(false) and networking.allowP2PPacketRelay(true))
        -- It begins anew by itself.
        assert(networking.sendP2PPacket(ben, "again", 2, 5))
        "#,
    );
    until(&players, || run(ben, "return #asked > 1"));
    // To send is to accept.
    run::<()>(ben, "assert(networking.sendP2PPacket(asked[2], 'now', 2))");
    until(&players, || {
        run(ben, "return networking.isP2PPacketAvailable(5)")
    });
}

#[test]
fn regression_sessions_outlast_what_carried_their_signals() {
    let players = anna_and_ben();
    let [anna, ben] = &players;
    run::<()>(
        anna,
        r#"assert(networking.sendP2PPacket("str:ben", "hello", networking.send.Reliable))"#,
    );
    let_anna_in(&players);
    until(&players, || {
        run(ben, "return (networking.isP2PPacketAvailable())")
    });
    run::<()>(
        ben,
        r#"
        Steam.networkingSockets.onSignal = nil
        assert(networking.isP2PPacketAvailable() and networking.getAvailableP2PPacketSize() == 5)
        assert(networking.readP2PPacket() == "hello")
        assert(networking.getP2PSessionState("str:anna").connectionActive)
        assert(networking.sendP2PPacket("str:anna", "you", networking.send.Reliable))
        "#,
    );
    until(&players, || {
        run(anna, "return networking.readP2PPacket() == 'you'")
    });
    run::<()>(
        ben,
        r#"
        assert(networking.closeP2PChannelWithUser("str:anna", 0))
        assert(not networking.closeP2PSessionWithUser("str:anna"))
        "#,
    );
}

#[test]
fn what_cannot_be_sent_is_false() {
    let lua = player("\"str:anna\"");
    run::<()>(
        &lua,
        r#"
        local function send(...) return networking.sendP2PPacket(...) end
        assert(not send("str:ben", ("x"):rep(1201), 0))
        assert(not send("str:ben", ("x"):rep(1201), 1))
        assert(not send("str:ben", ("x"):rep(1024 * 1024 + 1), 2))
        assert(not send("str:ben", ("x"):rep(1024 * 1024 + 1), 3))
        for _, kind in ipairs { -1, 4, 2 ^ 40 } do
            assert(not send("str:ben", "x", kind))
        end
        assert(not send("ben", "x", 2) and not send(Steam.extra.parseUint64("0"), "x", 2))
        assert(not send("str:ben", "x", 2, 2 ^ 31) and not send("str:ben", "x", 2, -2 ^ 31 - 1))
        assert(networking.getP2PSessionState("str:ben") == nil)
        for _, channel in ipairs { 2 ^ 31, -2 ^ 40 } do
            assert(not networking.isP2PPacketAvailable(channel) and networking.readP2PPacket(channel) == nil)
            assert(not networking.closeP2PChannelWithUser("str:ben", channel))
        end
        assert(not networking.acceptP2PSessionWithUser("ben"))
        assert(send("str:ben", ("x"):rep(1024 * 1024), 2, -2 ^ 31))
        "#,
    );
    assert_eq!(
        error(&lua, "Steam.networking.sendP2PPacket('str:ben', 'x')"),
        "test:1: bad argument #3 to 'sendP2PPacket' (sendType: number expected, got nil)"
    );
    assert_eq!(
        error(&lua, "Steam.networking.readP2PPacket({})"),
        "test:1: bad argument #1 to 'readP2PPacket' (channel: number expected, got table)"
    );
}

#[test]
fn without_anybody_who_carries_signals_nothing_is_sent() {
    let lua = state();
    run::<()>(
        &lua,
        r#"
        local networking = Steam.networking
        -- Not before Steam.init either.
        for _ = 1, 2 do
            assert(not networking.sendP2PPacket("str:ben", "x", 2))
            assert(not networking.acceptP2PSessionWithUser("str:ben"))
            assert(not networking.closeP2PSessionWithUser("str:ben"))
            assert(not networking.closeP2PChannelWithUser("str:ben", 0))
            assert(not networking.isP2PPacketAvailable() and networking.getAvailableP2PPacketSize() == 0)
            assert(networking.readP2PPacket() == nil and networking.getP2PSessionState("str:ben") == nil)
            assert(networking.allowP2PPacketRelay(true))
            assert(Steam.init())
        end
        function Steam.networkingSockets.onSignal() end
        assert(networking.sendP2PPacket("str:ben", "x", 2))
        "#,
    );
}

/// A script that asks for sizes alone.
#[test]
fn regression_an_empty_packet_does_not_stop_a_channel() {
    let players = anna_and_ben();
    let [anna, ben] = &players;
    run::<()>(
        anna,
        r#"
        for _, packet in ipairs({ "", "", "after", "" }) do
            assert(networking.sendP2PPacket("str:ben", packet, networking.send.Reliable, 3))
        end
        assert(networking.sendP2PPacket("str:ben", "last", networking.send.Reliable, 4))
        "#,
    );
    let_anna_in(&players);
    until(&players, || {
        run(ben, "return (networking.isP2PPacketAvailable(4))")
    });
    run::<()>(
        ben,
        r#"
        local is, size = networking.isP2PPacketAvailable(3)
        assert(is and size == 0)
        assert(networking.readP2PPacket(3) == "")
        assert(networking.getAvailableP2PPacketSize(3) == 5)
        assert(networking.readP2PPacket(3) == "after")
        assert(networking.getAvailableP2PPacketSize(3) == 0)
        assert(not networking.isP2PPacketAvailable(3))
        "#,
    );
}

#[test]
fn numbers_are_those_of_the_original() {
    let lua = state();
    run::<()>(
        &lua,
        r#"
        local networking = Steam.networking
        local function sum(numbers)
            local count, total = 0, 0
            for _, number in pairs(numbers) do count, total = count + 1, total + number end
            return count .. ":" .. total
        end
        assert(sum(networking.send) == "4:6" and networking.send.ReliableWithBuffering == 3)
        assert(sum(networking.sessionError) == "6:15" and networking.sessionError.Max == 5)
        assert(sum(networking.socketConnectionType) == "3:3" and networking.socketConnectionType.UDPRelay == 2)
        assert(sum(networking.socketState) == "11:164" and networking.socketState.ConnectionBroken == 25)
        "#,
    );
}
