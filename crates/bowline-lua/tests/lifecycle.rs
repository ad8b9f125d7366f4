//! Beginning and end of the module, in one Lua state and in several.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::net::UdpSocket;
use std::sync::atomic::AtomicU16;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use mlua::Lua;

use crate::support::run;
use crate::support::state;

/// Nothing here takes as long.
const LIMIT: Duration = Duration::from_secs(60);

/// A port that nobody listens on, below those that the system gives to clients. Another one at each call.
fn free_port() -> u16 {
    static LAST: AtomicU16 = AtomicU16::new(0);
    let offset = std::process::id() as u16 % 5000;
    loop {
        let port = 20_000 + offset + LAST.fetch_add(1, Ordering::Relaxed);
        if UdpSocket::bind(("::", port)).is_ok() {
            return port;
        }
    }
}

/// Runs callbacks of all states until the first one finds that so.
#[track_caller]
fn run_until(states: &[&Lua], condition: &str) {
    let end = Instant::now() + LIMIT;
    let condition = format!("return not not ({condition})");
    loop {
        for lua in states {
            run::<()>(lua, "Steam.runCallbacks()");
        }
        if run::<bool>(states[0], &condition) {
            return;
        }
        assert!(Instant::now() < end, "it did not happen: {condition}");
    }
}

#[test]
fn beginning_and_ending_at_any_time_is_harmless() {
    let lua = state();
    run::<()>(
        &lua,
        r#"
        Steam.shutdown()
        Steam.runCallbacks()
        for _ = 1, 3 do
            assert(Steam.init() == true)
            assert(Steam.init() == true)
            Steam.runCallbacks()
            assert(select('#', Steam.runCallbacks()) == 0)
            assert(select('#', Steam.shutdown()) == 0)
            Steam.shutdown()
            Steam.runCallbacks()
        end
        "#,
    );
}

#[test]
fn what_needs_steam_is_an_empty_table() {
    let lua = state();
    run::<()>(
        &lua,
        r#"
        for _, name in ipairs({ "friends", "userStats", "utils", "UGC", "apps", "input" }) do
            assert(type(Steam[name]) == "table" and next(Steam[name]) == nil, name)
        end
        "#,
    );
}

#[test]
fn the_end_closes_everything() {
    let (server, client) = (state(), state());
    let port = free_port();
    for lua in [&server, &client] {
        lua.globals().set("port", port).unwrap();
        run::<()>(
            lua,
            "sockets = Steam.networkingSockets; assert(Steam.init())",
        );
    }
    run::<()>(
        &server,
        r#"
        socket = sockets.createListenSocketIP("[::]:" .. port)
        group = sockets.createPollGroup()
        function sockets.onConnectionChanged(data)
            if data.state == "Connecting" then
                sockets.acceptConnection(data.connection)
                sockets.setConnectionPollGroup(data.connection, group)
                connection = data.connection
            end
            state = data.state
        end
        "#,
    );
    run::<()>(
        &client,
        r#"
        connection = sockets.connectByIPAddress("127.0.0.1:" .. port)
        function sockets.onConnectionChanged(data)
            state, reason = data.state, data.endReason
        end
        "#,
    );
    run_until(&[&client, &server], "state == 'Connected'");
    run_until(&[&server, &client], "state == 'Connected'");
    run::<()>(
        &server,
        r#"
        local flag = sockets.flags.Send_Reliable
        assert(sockets.sendMessageToConnection(connection, "last words", flag) == "OK")
        Steam.shutdown()
        assert(sockets.receiveMessagesOnConnection(connection) == -1)
        assert(sockets.receiveMessagesOnPollGroup(group) == -1)
        assert(sockets.sendMessageToConnection(connection, "x", flag) == "InvalidParam")
        sockets.closeConnection(connection)
        sockets.closeListenSocket(socket)
        assert(not sockets.destroyPollGroup(group))
        "#,
    );
    // What was sent before is read before the end is told.
    run_until(
        &[&client],
        "sockets.receiveMessagesOnConnection(connection) == 1",
    );
    assert_eq!(run::<String>(&client, "return state"), "Connected");
    run_until(&[&client], "state == 'ClosedByPeer'");
    UdpSocket::bind(("::", port)).expect("the port is free again");
}

#[test]
fn a_state_that_is_closed_ends_what_it_began() {
    let lua = state();
    let port = free_port();
    lua.globals().set("port", port).unwrap();
    run::<()>(
        &lua,
        r#"
        assert(Steam.init())
        Steam.gameServer.init(0, 0, 0, 1, "1.0.0.0")
        Steam.networkingSockets.createListenSocketIP("[::]:" .. port)
        "#,
    );
    UdpSocket::bind(("::", port)).expect_err("it listens");
    drop(lua);
    UdpSocket::bind(("::", port)).expect("the port is free again");
}

/// A program that does what luasteam's example of a server does.
const SERVER: &str = include_str!("lua/server.lua");
/// The other side of it.
const CLIENT: &str = include_str!("lua/client.lua");

/// Runs server and client to their ends, each in a thread and a state of its own. `ending` is how the client ends,
/// and `pause` what the server does between two runs.
fn play(ending: &str, pause: &str) {
    let port = free_port();
    let program = |code: &'static str, piece: &str| {
        let piece = piece.to_owned();
        thread::spawn(move || {
            let lua = state();
            lua.globals().set("port", port).unwrap();
            lua.globals().set("limit", LIMIT.as_secs()).unwrap();
            lua.globals().set("piece", piece).unwrap();
            run::<String>(&lua, code)
        })
    };
    let server = program(SERVER, pause);
    let client = program(CLIENT, ending);
    assert_eq!(client.join().expect("the client ends"), "welcome");
    assert_eq!(server.join().expect("the server ends"), "thank you");
}

#[test]
fn server_and_client_understand_each_other_however_soon_the_client_ends() {
    for ending in ["loop", "run", "close", "shutdown"] {
        for pause in ["none", "some"] {
            for _ in 0..3 {
                play(ending, pause);
            }
        }
    }
}

#[test]
fn a_colon_at_init_changes_nothing() {
    let lua = state();
    run::<()>(
        &lua,
        "assert(Steam:init()); Steam:runCallbacks(); Steam:shutdown()",
    );
}
