//! The table `gameServer`: an interface of its own, and a login that needs nobody.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use crate::support::error;
use crate::support::run;
use crate::support::state;

#[test]
fn a_server_has_an_interface_of_its_own() {
    let lua = state();
    run::<()>(
        &lua,
        r#"
        local server, sockets = Steam.gameServer, Steam.networkingSockets
        server.shutdown()
        server.runCallbacks()
        assert(server.init(0, 27015, 27016, server.mode.NoAuthentication, "0.0.1") == true)
        assert(server.init(0, 27015, 27016, server.mode.NoAuthentication, "0.0.1") == true)
        -- Its runCallbacks tells what happens in networkingSockets.
        local status
        function sockets.onAuthenticationStatus(data) status = data.status end
        sockets.initAuthentication()
        Steam.runCallbacks()
        assert(status == nil)
        server.runCallbacks()
        assert(status == 100)
        -- Beside a client's: networkingSockets makes what the server's then, and finds the connections of both.
        assert(Steam.init())
        local told = {}
        function sockets.onConnectionChanged(data) table.insert(told, data.connection) end
        local ofServer = sockets.connectByIPAddress("127.0.0.1:9")
        Steam.runCallbacks()
        assert(#told == 0)
        server.runCallbacks()
        assert(#told == 1 and told[1] == ofServer)
        server.shutdown()
        assert(sockets.receiveMessagesOnConnection(ofServer) == -1)
        local ofClient = sockets.connectByIPAddress("127.0.0.1:9")
        assert(server.init("127.0.0.1", 0, 65535, server.mode.AuthenticationAndSecure, "1.0.0.0"))
        assert(sockets.receiveMessagesOnConnection(ofClient) == 0)
        assert(sockets.getConnectionInfo(ofClient) == "OK")
        Steam.runCallbacks()
        assert(#told == 2 and told[2] == ofClient)
        -- Whose number tells whose it is.
        assert(math.floor(ofClient / 2 ^ 31) ~= math.floor(ofServer / 2 ^ 31))
        "#,
    );
}

#[test]
fn a_login_succeeds_and_is_told_by_the_next_run() {
    let lua = state();
    run::<()>(
        &lua,
        r#"
        local server, sockets = Steam.gameServer, Steam.networkingSockets
        local told = {}
        function server.onSteamServersConnected(data)
            assert(type(data) == "table" and next(data) == nil)
            table.insert(told, "on")
        end
        function server.onSteamServersDisconnected(data)
            assert(data.result == "OK")
            table.insert(told, "off")
        end
        local function news()
            server.runCallbacks()
            local text = table.concat(told, " ")
            told = {}
            return text
        end
        -- Nothing of it does anything before the beginning.
        server.logOn("token")
        server.logOnAnonymous()
        server.logOff()
        assert(server.bLoggedOn() == false and tostring(server.getSteamID()) == "0" and news() == "")

        assert(server.init(2130706433, 1, 2, 3, "1"))
        server.setDedicatedServer(true)
        assert(server.bLoggedOn() == false and sockets.getIdentity() == nil)
        assert(tostring(server.getSteamID()) == "0" and news() == "")
        server.logOnAnonymous()
        server.logOn("token")
        assert(server.bLoggedOn() == true and server.bSecure() == false)
        assert(#told == 0)
        assert(news() == "on" and news() == "")
        local id = sockets.getIdentity()
        assert(id == server.getSteamID())
        server.logOff()
        assert(news() == "off" and sockets.getIdentity() == nil)
        for _ = 1, 10 do
            server.logOn("token")
            server.logOff()
        end
        assert(news() == "on off")
        server.logOn("token")
        assert(news() == "on" and sockets.getIdentity() == id)
        return tostring(id)
        "#,
    );
    let id: String = run(&lua, "return tostring(Steam.gameServer.getSteamID())");
    let id: u64 = id.parse().unwrap();
    // The universe of developers, an anonymous game server.
    assert_eq!(id >> 32, 4 << 24 | 4 << 20);
    assert_ne!(id as u32, 0);
}

#[test]
fn a_server_may_be_told_who_it_is() {
    let lua = state();
    run::<()>(
        &lua,
        r#"
        local server = Steam.gameServer
        assert(server.init(0, 0, 0, 1, "1", { identity = "steamid:85568392920039425" }))
        server.logOnAnonymous()
        assert(tostring(server.getSteamID()) == "85568392920039425")
        "#,
    );
}

#[test]
fn what_cannot_be_a_server_is_none() {
    let lua = state();
    run::<()>(
        &lua,
        r#"
        local init = Steam.gameServer.init
        for _, wrong in ipairs({
            { "localhost", 1, 2, 1 },
            { -1, 1, 2, 1 },
            { 2 ^ 32, 1, 2, 1 },
            { 0, 65536, 2, 1 },
            { 0, 1, -1, 1 },
            { 0, 1, 2, 0 },
            { 0, 1, 2, 4 },
        }) do
            assert(init(wrong[1], wrong[2], wrong[3], wrong[4], "1") == false)
            assert(Steam.networkingSockets.initAuthentication() == -102)
        end
        assert(init("2130706433", 1, 2, 1, "1") == true, "text that is a number serves")
        "#,
    );
    assert_eq!(
        error(&lua, "Steam.gameServer.init(0, 1, 2, 1)"),
        "test:1: bad argument #5 to 'init' (version: string expected, got nil)"
    );
    assert_eq!(
        error(&lua, "Steam.gameServer.init({}, 1, 2, 1, '1')"),
        "test:1: bad argument #1 to 'init' (ip: number or string expected, got table)"
    );
}

#[test]
fn tickets_are_refused() {
    let lua = state();
    run::<()>(
        &lua,
        r#"
        local server = Steam.gameServer
        local somebody = Steam.extra.parseUint64("76561197960287930")
        -- k_EBeginAuthSessionResultInvalidTicket
        assert(server.beginAuthSession("14000000", somebody) == 1)
        assert(select('#', server.endAuthSession(somebody)) == 0)
        "#,
    );
}
