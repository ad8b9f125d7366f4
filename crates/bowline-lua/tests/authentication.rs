//! What the script hears of whether it can prove who it is, and who may connect to whom.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::time::Duration;
use std::time::Instant;

use bowline::Identity;
use bowline::cert;
use bowline::cert::Authority;
use bowline::cert::CertificateRequest;
use bowline::cert::SignedCertificate;
use mlua::Lua;

use crate::support::run;
use crate::support::state;

const DAY: u64 = 86_400;

#[test]
fn without_an_authority_it_is_current_and_told_once() {
    let lua = state();
    run::<()>(
        &lua,
        r#"
        local sockets = Steam.networkingSockets
        assert(sockets.initAuthentication() == -102 and sockets.getAuthenticationStatus() == -102)
        local told = {}
        for _ = 1, 2 do
            assert(Steam.init())
            function sockets.onAuthenticationStatus() error("told before it was asked for") end
            Steam.runCallbacks()
            assert(sockets.getAuthenticationStatus() == 1)
            assert(sockets.initAuthentication() == 3)
            assert(sockets.getAuthenticationStatus() == 3)
            assert(sockets.initAuthentication() == 3)
            local told = {}
            function sockets.onAuthenticationStatus(data)
                table.insert(told, data)
                assert(data.status == 100 and type(data.debugMsg) == "string")
                assert(sockets.getAuthenticationStatus() == 100)
            end
            Steam.runCallbacks()
            assert(#told == 1)
            assert(sockets.initAuthentication() == 100)
            Steam.runCallbacks()
            Steam.runCallbacks()
            assert(#told == 1, "it was told anew")
            local status, text = sockets.getAuthenticationStatus()
            assert(status == 100 and text == told[1].debugMsg)
            Steam.shutdown()
        end
        "#,
    );
}

/// A root that somebody has signed hosts with: the line of its key.
struct Ca {
    authority: Authority,
    trust: String,
}

impl Ca {
    fn new() -> Self {
        let root = cert::generate_key_pair().unwrap();
        Self {
            trust: root.public().to_line("root"),
            authority: Authority::new(&cert::default_crypto(), root.private().clone()),
        }
    }

    /// A certificate for the identity, and its key.
    fn host(&self, identity: &str) -> (String, String) {
        let key = cert::generate_key_pair().unwrap();
        let mut request = CertificateRequest::new(key.public());
        request.identity = Some(identity.parse::<Identity>().unwrap());
        request.app_ids = vec![cert::AppId::new(480)];
        let now = std::time::SystemTime::now();
        let now = now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let spec = request.spec(now as u32, (now + 30 * DAY) as u32);
        let crypto = cert::default_crypto();
        let message = self.authority.issue(&crypto, &spec);
        let signed = SignedCertificate::from_message(message).unwrap();
        (signed.to_text(), key.to_pem().to_string())
    }

    /// A state whose interface trusts it, and is that host if one is named.
    fn state(&self, identity: Option<&str>) -> Lua {
        let lua = state();
        let globals = lua.globals();
        globals.set("trust", self.trust.as_str()).unwrap();
        if let Some(identity) = identity {
            let (certificate, key) = self.host(identity);
            globals.set("certificate", certificate).unwrap();
            globals.set("key", key).unwrap();
        }
        run::<()>(
            &lua,
            r#"
            local options = { trust = trust, certificate = certificate, key = key, appID = 480 }
            assert(Steam.init(options))
            "#,
        );
        lua
    }
}

#[test]
fn with_an_authority_the_status_is_the_real_one() {
    let ca = Ca::new();
    let code = r#"
        local sockets = Steam.networkingSockets
        local told
        function sockets.onAuthenticationStatus(data)
            assert(not told)
            told = data.status
        end
        assert(sockets.initAuthentication() == 3)
        Steam.runCallbacks()
        Steam.runCallbacks()
        local status, text = sockets.getAuthenticationStatus()
        assert(told == status and #text > 0)
        return status, tostring(sockets.getIdentity())
    "#;
    let (status, identity): (i32, String) = run(&ca.state(None), code);
    assert_eq!(status, -102);
    assert_ne!(identity, "nil");
    let somebody = ca.state(Some("steamid:76561197960287930"));
    let (status, identity): (i32, String) = run(&somebody, code);
    assert_eq!(status, 100);
    assert_eq!(identity, "76561197960287930");
}

/// Connects one state to another, and tells whether they let each other in. Both have `options` in their calls.
fn connects(server: &Lua, client: &Lua, options: &str) -> bool {
    let port: u16 = run(
        server,
        &format!(
            r#"
            local sockets, port = Steam.networkingSockets, 10000 + math.random(0, 9999)
            repeat
                port = port + 1
                local socket = sockets.createListenSocketIP("127.0.0.1:" .. port, {options})
            until tostring(socket) ~= "invalid socket"
            function sockets.onConnectionChanged(data)
                if data.state == "Connecting" then
                    sockets.acceptConnection(data.connection)
                end
            end
            return port
            "#
        ),
    );
    client.globals().set("port", port).unwrap();
    run::<()>(
        client,
        &format!(
            r#"
            local sockets = Steam.networkingSockets
            state = nil
            function sockets.onConnectionChanged(data) state = data.state end
            sockets.connectByIPAddress("127.0.0.1:" .. port, {options})
            "#
        ),
    );
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        run::<()>(server, "Steam.runCallbacks()");
        run::<()>(client, "Steam.runCallbacks()");
        match run::<String>(client, "return tostring(state)").as_str() {
            "Connected" => return true,
            "ClosedByPeer" | "ProblemDetectedLocally" => return false,
            state => assert!(Instant::now() < end, "still {state}"),
        }
    }
}

#[test]
fn allowing_hosts_that_prove_nothing_lets_them_in() {
    // What luasteam's documentation shows as an example of options.
    let options = "{ IP_AllowWithoutAuth = 1, NagleTime = 0, TimeoutInitial = 300 }";
    let anybody = || {
        let lua = state();
        run::<()>(&lua, "assert(Steam.init({ appID = 480 }))");
        lua
    };
    assert!(connects(&anybody(), &anybody(), options));
    assert!(connects(&anybody(), &anybody(), "{}"));
    let ca = Ca::new();
    assert!(connects(&ca.state(None), &anybody(), options));
    assert!(connects(&anybody(), &ca.state(None), options));
}

#[test]
fn with_an_authority_only_hosts_that_it_vouches_for_are_let_in() {
    let short = "{ TimeoutInitial = 300 }";
    let ca = Ca::new();
    let anna = || ca.state(Some("str:anna"));
    let server = || ca.state(Some("str:server"));
    assert!(connects(&server(), &anna(), short));
    let nobody = ca.state(None);
    assert!(!connects(&server(), &nobody, short));
    let stranger = Ca::new().state(Some("str:anna"));
    assert!(!connects(&server(), &stranger, short));
    // A server that wants players who prove nothing says so.
    let open = "{ IP_AllowWithoutAuth = 2, TimeoutInitial = 300 }";
    assert!(connects(&server(), &nobody, open));
}

/// Nobody is there, so it stays under way.
#[test]
fn a_hub_is_signed_in_to_and_what_makes_no_sense_is_refused() {
    let lua = state();
    let key = cert::generate_key_pair().unwrap().public().to_line("");
    lua.globals().set("key", key).unwrap();
    run::<()>(
        &lua,
        r#"
        local sockets = Steam.networkingSockets
        local begun, why = sockets.signIn("127.0.0.1:9", key)
        assert(not begun and why == "not initialised")
        sockets.signOut()
        assert(Steam.init({ identity = "str:anna" }))
        assert(sockets.connectP2P("str:ben", 7) == 0)
        for _, bad in ipairs({ { "nowhere", key }, { "127.0.0.1:9", "AAAA" }, { "127.0.0.1:9", key, "password:1" } }) do
            local begun, why = sockets.signIn(bad[1], bad[2], bad[3])
            assert(begun == false and type(why) == "string", bad[1])
        end
        assert(sockets.signIn("127.0.0.1:9", key, "dev", "str:anna"))
        sockets.initAuthentication()
        local told
        function sockets.onAuthenticationStatus(data) told = data.status end
        Steam.runCallbacks()
        assert(told == 2 or told == -10, tostring(told))
        -- Who calls waits.
        local call = sockets.connectP2P("str:ben", 7)
        assert(call ~= 0)
        sockets.closeConnection(call)
        sockets.signOut()
        assert(sockets.connectP2P("str:ben", 7) == 0)
        Steam.shutdown()
        "#,
    );
}

#[test]
fn regression_packets_need_no_signaling_of_the_script_over_a_hub() {
    let lua = state();
    let key = cert::generate_key_pair().unwrap().public().to_line("");
    lua.globals().set("key", key).unwrap();
    run::<()>(
        &lua,
        r#"
        local sockets, networking = Steam.networkingSockets, Steam.networking
        assert(Steam.init({ identity = "str:anna" }))
        assert(not networking.sendP2PPacket("str:ben", "hello", 2))
        assert(sockets.signIn("127.0.0.1:9", key, "dev", "str:anna"))
        assert(networking.sendP2PPacket("str:ben", "hello", 2))
        assert(networking.getP2PSessionState("str:ben").connecting)
        Steam.shutdown()
        "#,
    );
}
