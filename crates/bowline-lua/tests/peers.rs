//! Connections by identity: two states, each a player, and signals that the test carries between them.

use std::time::Duration;
use std::time::Instant;

use mlua::Lua;

use crate::support::error;
use crate::support::run;
use crate::support::state;

/// A state with a player of that identity as the global `player`.
fn player(identity: &str, options: &str) -> Lua {
    let lua = state();
    let code = lua.load(include_str!("lua/peers.lua")).set_name("=peers");
    let player: mlua::Table = code.eval().expect("the module works");
    lua.globals().set("player", player).expect("memory");
    run::<()>(&lua, &format!("player.begin({identity:?}, {options})"));
    lua
}

/// Two players, of whom the second listens on port 7.
fn anna_and_ben() -> [Lua; 2] {
    let players = ["str:anna", "str:ben"].map(|name| player(name, "nil"));
    run::<()>(
        &players[1],
        "socket = Steam.networkingSockets.createListenSocketP2P(7)
         assert(tostring(socket):match('^socket %d+$'), tostring(socket))",
    );
    players
}

/// Takes what a player has to signal.
fn take(from: &Lua) -> Option<(String, mlua::LuaString)> {
    let (peer, signal): (Option<String>, Option<mlua::LuaString>) =
        run(from, "return player.next()");
    peer.zip(signal)
}

/// Hands a signal over, with `options` for `receiveSignal`; what that answers.
fn hand(to: &Lua, signal: &[u8], options: &str) -> (String, Option<String>) {
    let signal = to.create_string(signal).expect("memory");
    to.globals().set("signal", signal).expect("memory");
    run(
        to,
        &format!("return Steam.networkingSockets.receiveSignal(signal, {options})"),
    )
}

/// Lets time pass, and carries signals, until it is so.
#[track_caller]
fn until(players: &[Lua; 2], mut is_so: impl FnMut() -> bool) {
    until_with(players, "nil", &mut is_so);
}

#[track_caller]
fn until_with(players: &[Lua; 2], options: &str, is_so: &mut dyn FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(20), "not in time");
        for (index, player) in players.iter().enumerate() {
            run::<()>(player, "player.turn()");
            let other = &players[1 - index];
            while let Some((_, signal)) = take(player) {
                hand(other, &signal.as_bytes(), options);
            }
        }
    }
}

fn state_of(player: &Lua, connection: &str) -> String {
    run(player, &format!("return player.states[{connection}] or ''"))
}

#[test]
fn two_states_meet_by_signals_and_talk() {
    let players = anna_and_ben();
    let [anna, ben] = &players;
    run::<()>(
        anna,
        r#"
        sockets = Steam.networkingSockets
        connection = player.connect("str:ben", 7)
        assert(sockets.sendMessage(connection, "early") == "OK")
        "#,
    );
    until(&players, || {
        state_of(anna, "connection") == "Connected"
            && state_of(ben, "player.incoming[1]") == "Connected"
            && run::<usize>(ben, "return #player.heard") == 1
    });
    for (lua, connection, peer) in [
        (anna, "connection", "str:ben"),
        (ben, "player.incoming[1]", "str:anna"),
    ] {
        run::<()>(
            lua,
            &format!(
                r#"
                local sockets = Steam.networkingSockets
                local details = sockets.getConnectionDetails({connection})
                assert(details.identity == {peer:?}, details.identity)
                assert(details.state == "Connected" and details.encrypted and not details.authenticated)
                assert(sockets.getConnectionInfo({connection}) == "OK")
                local told = table.concat(player.told, " ")
                assert(told:match("FindingRoute Connected$"), told)
                local story = sockets.getConnectionStory({connection})
                assert(#story > 3 and story[1].timeUs == 0, #story)
                local asked = story[1].text:match("asks for a connection")
                for i = 2, #story do
                    assert(story[i].timeUs >= story[i - 1].timeUs)
                    asked = asked or story[i].text:match("asks for a connection")
                end
                assert(asked, "nobody has asked")
                "#
            ),
        );
    }
    run::<()>(
        ben,
        r#"
        assert(player.heard[1] == "early")
        assert(Steam.networkingSockets.sendMessage(player.incoming[1], "answer") == "OK")
        "#,
    );
    until(&players, || run(anna, "return player.heard[1] == 'answer'"));
    run::<()>(
        anna,
        "assert(sockets.closeConnectionWithReason(connection, 1003, 'bye'))",
    );
    until(&players, || {
        run(ben, "return player.last.state == 'ClosedByPeer'")
    });
    let (reason, text): (u32, String) = run(ben, "return player.last.endReason, player.last.debug");
    assert_eq!((reason, text.as_str()), (1003, "bye"));
}

#[test]
fn accounts_are_found_by_their_numbers() {
    let mut players = ["nil", "nil"].map(|options| {
        let lua = state();
        let code = lua.load(include_str!("lua/peers.lua")).set_name("=peers");
        let player: mlua::Table = code.eval().expect("the module works");
        lua.globals().set("player", player).expect("memory");
        run::<()>(&lua, &format!("player.begin({options})"));
        lua
    });
    let ids = players
        .each_ref()
        .map(|lua| run::<String>(lua, "return tostring(Steam.user.getSteamID())"));
    players.reverse();
    let [ben, anna] = &players;
    let bens = &ids[1];
    // luasteam's own call.
    run::<()>(ben, "Steam.networkingSockets.createListenSocketP2P(0)");
    let code = format!("connection = player.connect(Steam.extra.parseUint64({bens:?}), 0)");
    // `players` was reversed, so that the first is the one of the second number.
    run::<()>(anna, &code);
    until(&players, || state_of(anna, "connection") == "Connected");
    let peer: String = run(
        anna,
        "return Steam.networkingSockets.getConnectionDetails(connection).identity",
    );
    assert_eq!(peer, format!("steamid:{bens}"));
}

#[test]
fn both_may_call_at_once() {
    let players = ["str:anna", "str:ben"].map(|name| player(name, "nil"));
    for (lua, peer) in [(&players[0], "str:ben"), (&players[1], "str:anna")] {
        let options = "{ SymmetricConnect = 1 }";
        run::<()>(
            lua,
            &format!("connection = player.connect({peer:?}, 3, {options})"),
        );
    }
    until(&players, || {
        let all = players.iter();
        all.map(|lua| state_of(lua, "connection"))
            .all(|state| state == "Connected")
    });
}

#[test]
fn a_peer_that_is_closed_instead_of_accepted_hears_why() {
    let players = anna_and_ben();
    let [anna, ben] = &players;
    run::<()>(
        ben,
        r#"
        local sockets = Steam.networkingSockets
        function sockets.onConnectionChanged(data)
            if data.state == "Connecting" then
                sockets.closeConnectionWithReason(data.connection, 1004, "not you")
            end
        end
        "#,
    );
    run::<()>(anna, "connection = player.connect('str:ben', 7)");
    until(&players, || state_of(anna, "connection") == "ClosedByPeer");
    let (reason, text): (u32, String) =
        run(anna, "return player.last.endReason, player.last.debug");
    assert_eq!((reason, text.as_str()), (1004, "not you"));
}

/// The first signal of a player who asks for a connection.
fn request(anna: &Lua, port: u16) -> Vec<u8> {
    run::<()>(
        anna,
        &format!("connection = player.connect('str:ben', {port})"),
    );
    loop {
        run::<()>(anna, "player.turn()");
        if let Some((peer, signal)) = take(anna) {
            assert_eq!(peer, "str:ben");
            return signal.as_bytes().to_vec();
        }
    }
}

#[test]
fn who_is_not_welcome_is_ignored() {
    let [anna, ben] = anna_and_ben();
    let wanted = request(&anna, 7);
    let elsewhere = request(&anna, 8);
    for (signal, options) in [
        (&wanted, "{ newcomers = false }"),
        (&wanted, "{ from = 'str:carl' }"),
        (&elsewhere, "nil"),
    ] {
        assert_eq!(hand(&ben, signal, options), ("OK".into(), None));
        run::<()>(&ben, "player.turn()");
        assert_eq!(
            run::<usize>(&ben, "return #player.incoming"),
            0,
            "{options}"
        );
        assert!(take(&ben).is_none(), "{options}: it is answered");
    }
    let options = "{ newcomers = true, from = 'str:anna' }";
    assert_eq!(hand(&ben, &wanted, options), ("OK".into(), None));
    run::<()>(&ben, "player.turn()");
    assert_eq!(run::<usize>(&ben, "return #player.incoming"), 1);
}

#[test]
fn a_signal_that_is_none_is_told() {
    let lua = player("str:anna", "nil");
    for bad in [&b""[..], b"x", &[0; 20_000], &[0xFF; 100]] {
        let (result, why) = hand(&lua, bad, "nil");
        assert_eq!(result, "Ignored");
        let why = why.unwrap();
        assert!(why.starts_with("the signal was dropped: "), "{why}");
    }
    run::<()>(&lua, "Steam.shutdown()");
    let (result, why) = hand(&lua, b"x", "nil");
    assert_eq!(
        (result.as_str(), why.as_deref()),
        ("InvalidState", Some("not initialised"))
    );
    for (options, text) in [
        ("1", "table expected, got number"),
        (
            "{ newcomers = 1 }",
            "newcomers: boolean expected, got number",
        ),
        ("{ from = {} }", "from: string expected, got table"),
        ("{ form = 'str:ben' }", "unknown key 'form'"),
    ] {
        assert_eq!(
            error(
                &lua,
                &format!("Steam.networkingSockets.receiveSignal('', {options})")
            ),
            format!("test:1: bad argument #2 to 'receiveSignal' (options: {text})")
        );
    }
    let text = error(
        &lua,
        "Steam.networkingSockets.receiveSignal('', { from = 'ben' })",
    );
    assert!(text.contains("(options: from: no identity: "), "{text}");
}

#[test]
fn without_anybody_who_carries_signals_nothing_is_made() {
    let lua = state();
    run::<()>(
        &lua,
        r#"
        local sockets = Steam.networkingSockets
        -- Not before Steam.init either.
        for _ = 1, 2 do
            local socket = sockets.createListenSocketP2P(0, { LocalVirtualPort = 1 })
            assert(type(socket) == "userdata" and tostring(socket) == "invalid socket")
            assert(sockets.connectP2P(Steam.extra.parseUint64("5"), 0) == 0)
            assert(sockets.connectP2P("str:ben", 0) == 0)
            assert(Steam.init())
        end
        function sockets.onSignal() end
        local socket = sockets.createListenSocketP2P(0)
        assert(tostring(socket) ~= "invalid socket")
        assert(sockets.getListenSocketAddress(socket) == nil)
        -- One for each port.
        assert(tostring(sockets.createListenSocketP2P(0)) == "invalid socket")
        sockets.closeListenSocket(socket)
        assert(tostring(sockets.createListenSocketP2P(0)) ~= "invalid socket")
        -- What is nobody, and what is no port.
        assert(sockets.connectP2P(Steam.extra.parseUint64("0"), 0) == 0)
        assert(sockets.connectP2P("ben", 0) == 0)
        assert(sockets.connectP2P("", 0) == 0)
        for _, port in ipairs { -1, 65536, 2 ^ 40 } do
            assert(sockets.connectP2P("str:ben", port) == 0)
            assert(tostring(sockets.createListenSocketP2P(port)) == "invalid socket")
        end
        assert(sockets.connectP2P("str:ben", 65535) ~= 0)
        sockets.onSignal = nil
        assert(sockets.connectP2P("str:ben", 1) == 0)
        "#,
    );
    assert_eq!(
        error(&lua, "Steam.networkingSockets.connectP2P(5, 0)"),
        "test:1: bad argument #1 to 'connectP2P' (steamID: uint64 or string expected, got number)"
    );
}

/// Signals come from other threads, and nothing else tells of them.
#[test]
fn a_wait_ends_when_there_is_a_signal_to_carry() {
    let lua = player("str:anna", "nil");
    run::<()>(
        &lua,
        r#"
        local sockets = Steam.networkingSockets
        local start = Steam.networkingUtils.getLocalTimestamp()
        player.connect("str:ben", 7)
        while #player.outgoing < 2 do
            assert(sockets.wait(5000))
            Steam.runCallbacks()
        end
        -- The request goes out at once, and again half a second later.
        local took = Steam.networkingUtils.getLocalTimestamp() - start
        assert(took < 4000000, took)
        "#,
    );
}

#[test]
fn a_state_with_a_peer_ends_as_garbage() {
    let lua = player("str:anna", "nil");
    run::<()>(
        &lua,
        r#"
        local seen = setmetatable({}, { __mode = "v" })
        player.connect("str:ben", 7)
        Steam.runCallbacks()
        seen[1] = Steam.networkingSockets
        Steam.shutdown()
        Steam, player = nil, nil
        for _ = 1, 3 do collectgarbage() end
        assert(seen[1] == nil, "something holds the module")
        "#,
    );
}
