//! Connections are made, named, looked at and ended.

use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use bowline::cert;
use bowline::cert::AppId;
use bowline::cert::Authority;
use bowline::cert::CertificateRequest;
use bowline::cert::KeyPair;
use bowline::cert::SignedCertificate;

use crate::support;
#[test]
fn a_pair_is_connected_in_memory_or_by_the_network() {
    let lua = support::beyond();
    support::run::<()>(
        &lua,
        r#"
        for _, by_network in ipairs { false, true } do
            local a, b = S.createSocketPair(by_network, "str:bob", "str:alice")
            assert(a ~= 0 and b ~= 0 and a ~= b)
            local info = S.getConnectionDetails(a)
            assert(info.identity == "str:bob" and info.state == "Connected")
            assert(S.getConnectionDetails(b).identity == "str:alice")
            assert((info.address == "[::]:0") == not by_network, info.address)
            assert(S.sendMessage(a, "x", { noNagle = true }) == "OK")
            assert(receive_until(b, function() return true end)[1].msg == "x")
        end
        assert(S.getConnectionDetails((S.createSocketPair())).identity == "ip:::1")
        "#,
    );
}

#[test]
fn no_pair_is_two_zeros() {
    let lua = support::beyond();
    support::run::<()>(
        &lua,
        r#"
        local function none(...)
            assert(select('#', ...) == 2)
            local a, b = ...
            assert(a == 0 and b == 0)
        end
        none(S.createSocketPair(true, "nobody"))
        none(S.createSocketPair(false, nil, "steamid:x"))
        Steam.shutdown()
        none(S.createSocketPair())
        "#,
    );
}

#[test]
fn a_connection_has_a_name_and_a_number_of_the_scripts() {
    let lua = support::beyond();
    support::run::<()>(
        &lua,
        r#"
        local a = pair()
        assert(S.getConnectionName(a) == "" and S.getConnectionUserData(a) == -1)
        assert(S.setConnectionName(a, "lobby") and S.setConnectionUserData(a, -5))
        assert(S.getConnectionName(a) == "lobby" and S.getConnectionUserData(a) == -5)
        local details = S.getConnectionDetails(a)
        assert(details.name == "lobby" and details.userData == -5)
        assert(details.description:find("'lobby'", 1, true), details.description)
        assert(S.setConnectionName(a, ("é"):rep(100)))
        assert(S.getConnectionName(a) == ("é"):rep(15), "31 bytes, between characters")
        S.closeConnection(a)
        assert(S.setConnectionName(a, "x") == false and S.setConnectionUserData(a, 1) == false)
        assert(S.getConnectionName(a) == nil and S.getConnectionUserData(a) == nil)
        "#,
    );
}

#[test]
fn the_peer_is_told_why_a_connection_was_closed() {
    let lua = support::beyond();
    support::run::<()>(
        &lua,
        r#"
        local a, b = pair()
        local told
        function S.onConnectionChanged(data)
            if data.connection == b then
                told = data
            end
        end
        assert(S.closeConnectionWithReason(a, 1234, "no more room") == true)
        assert(S.closeConnectionWithReason(a, 1234, "no more room") == false, "it is closed")
        run_until(function() return told end)
        assert(told.state == "ClosedByPeer" and told.endReason == 1234)
        assert(told.debug == "no more room", told.debug)
        local details = S.getConnectionDetails(b)
        assert(details.state == "ClosedByPeer" and details.endReason == 1234)
        assert(details.debug == "no more room")
        assert(S.closeConnectionWithReason(0, 0) == false)
        "#,
    );
}

#[test]
fn with_linger_what_was_sent_arrives_before_the_end() {
    let lua = support::beyond();
    support::run::<()>(
        &lua,
        r#"
        local a, b = pair()
        for number = 1, 200 do
            assert(S.sendMessage(a, ("x"):rep(1000)) == "OK")
        end
        assert(S.closeConnectionWithReason(a, 2001, nil, true))
        receive_until(b, function(message) return message.number == 200 end)
        local info
        run_until(function()
            info = S.getConnectionDetails(b)
            return info.state == "ClosedByPeer"
        end)
        assert(info.endReason == 2001)
        "#,
    );
}

#[test]
fn a_listen_socket_tells_its_address() {
    let lua = support::beyond();
    support::run::<()>(
        &lua,
        r#"
        local socket = S.createListenSocketIP("127.0.0.1:0")
        local address = S.getListenSocketAddress(socket)
        local port = tonumber(address:match("^127%.0%.0%.1:(%d+)$"))
        assert(port and port > 0, address)
        local connection = S.connectByIPAddress(address)
        assert(S.getConnectionDetails(connection).address == address)
        assert(S.getConnectionDetails(connection).incoming == false)
        S.closeListenSocket(socket)
        assert(S.getListenSocketAddress(socket) == nil)
        "#,
    );
    let error = support::error(&lua, "S.getListenSocketAddress(5)");
    assert_eq!(
        error,
        "test:1: bad argument #1 to 'getListenSocketAddress' (socket: userdata expected, got number)"
    );
}

/// Listens, accepts everybody, and connects to itself, expecting somebody. What became of that, and the details.
const EXPECTING: &str = r#"
    function expecting(identity)
        local socket = S.createListenSocketIP("127.0.0.1:0")
        local connection
        local outcome
        function S.onConnectionChanged(data)
            if data.connection == connection then
                if data.state == "Connected" or data.state == "ProblemDetectedLocally" then
                    outcome = data
                end
            elseif data.state == "Connecting" then
                S.acceptConnection(data.connection)
            end
        end
        connection = S.connectExpecting(S.getListenSocketAddress(socket), identity, { TimeoutInitial = 15000 })
        assert(connection ~= 0)
        assert(U.getConfigValue("TimeoutInitial", connection) == 15000)
        run_until(function() return outcome end)
        assert(outcome.connection == connection)
        local details = S.getConnectionDetails(connection)
        S.closeConnection(connection)
        S.closeListenSocket(socket)
        return outcome, details
    end
"#;

#[test]
fn a_peer_that_nobody_vouches_for_is_not_the_expected_one() {
    let lua = support::beyond();
    support::run::<()>(&lua, EXPECTING);
    support::run::<()>(
        &lua,
        r#"
        local outcome = expecting("str:the-server")
        assert(outcome.state == "ProblemDetectedLocally" and outcome.endReason == 4003, outcome.endReason)
        "#,
    );
}

/// A name and a reason are often what a peer has sent: an error would let it end the script.
#[test]
fn names_and_reasons_take_any_bytes() {
    let lua = support::beyond();
    let (name, reason): (String, String) = support::run(
        &lua,
        r#"
        local a, b = S.createSocketPair()
        assert(S.setConnectionName(a, "An\255na"))
        local name = S.getConnectionName(a)
        local reason
        function S.onConnectionChanged(data)
            if data.connection == b and data.state == "ClosedByPeer" then
                reason = data.debug
            end
        end
        assert(S.closeConnectionWithReason(a, 1000, "left \208"))
        for _ = 1, 100 do
            S.wait(50)
            Steam.runCallbacks()
            if reason then
                break
            end
        end
        return name, reason or "nothing was heard"
        "#,
    );
    assert_eq!((&*name, &*reason), ("An\u{fffd}na", "left \u{fffd}"));
}

#[test]
fn nobody_is_expected_without_address_and_identity() {
    let lua = support::beyond();
    support::run::<()>(
        &lua,
        r#"
        assert(S.connectExpecting("127.0.0.1:5", "nobody") == 0)
        assert(S.connectExpecting("nowhere", "str:bob") == 0)
        assert(S.connectExpecting("127.0.0.1:0", "str:bob") == 0)
        Steam.shutdown()
        assert(S.connectExpecting("127.0.0.1:5", "str:bob") == 0)
        "#,
    );
    let error = support::error(&lua, "S.connectExpecting('127.0.0.1:5', '\\255')");
    assert_eq!(
        error,
        "test:1: bad argument #2 to 'connectExpecting' (identity: text in UTF-8 expected)"
    );
}

#[test]
fn a_peer_that_the_authority_vouches_for_is_the_expected_one() {
    let root = cert::generate_key_pair().expect("randomness");
    let lua = support::beyond();
    support::run::<()>(&lua, EXPECTING);
    let globals = lua.globals();
    let trust = root.public().to_line("operator");
    globals.set("trust", trust).expect("memory");
    support::run::<()>(
        &lua,
        r#"
        Steam.shutdown()
        assert(Steam.init({ identity = "str:the-server", trust = trust, appID = 480 }))
        "#,
    );
    let request: String = support::run(&lua, "return S.getCertificateRequest()");
    let certificate = signed_by(&root, &request, 3600);
    globals.set("certificate", certificate).expect("memory");
    support::run::<()>(
        &lua,
        r#"
        assert(S.setCertificate(certificate))
        local outcome, details = expecting("str:the-server")
        assert(outcome.state == "Connected", outcome.debug)
        assert(details.identity == "str:the-server" and details.authenticated == true)
        local outcome = expecting("str:somebody-else")
        assert(outcome.state == "ProblemDetectedLocally" and outcome.endReason == 4003, outcome.endReason)
        "#,
    );
}

/// What an authority makes of a request for a certificate.
fn signed(request: &str, lifetime_secs: u32) -> String {
    let root = cert::generate_key_pair().expect("randomness");
    signed_by(&root, request, lifetime_secs)
}

fn signed_by(root: &KeyPair, request: &str, lifetime_secs: u32) -> String {
    let crypto = cert::default_crypto();
    let authority = Authority::new(&crypto, root.private().clone());
    let mut request = CertificateRequest::from_text(request).expect("a request");
    // A certificate that names somebody is for certain apps. 0 is what a program is that says nothing.
    request.app_ids = [0, 480].map(AppId::new).into();
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.expect("after 1970").as_secs() as u32;
    let signed = authority.issue(&crypto, &request.spec(now, now + lifetime_secs));
    let signed = SignedCertificate::from_message(signed);
    signed.expect("well made").to_text()
}

#[test]
fn a_certificate_is_asked_for_and_set() {
    let lua = support::beyond();
    let request: String = support::run(&lua, "return S.getCertificateRequest()");
    let again: String = support::run(&lua, "return S.getCertificateRequest()");
    assert_eq!(request, again, "the key stays");
    lua.globals()
        .set("certificate", signed(&request, 3600))
        .expect("memory");
    support::run::<()>(
        &lua,
        r#"
        local worked, error = S.setCertificate("nonsense")
        assert(worked == false and type(error) == "string" and #error > 0, error)
        local worked, error = S.setCertificate(certificate)
        assert(worked == true and error == nil, error)
        Steam.shutdown()
        assert(S.getCertificateRequest() == nil)
        local worked, error = S.setCertificate(certificate)
        assert(worked == false and error == "not initialised", error)
        "#,
    );
}

#[test]
fn a_certificate_about_another_key_is_refused() {
    let other = support::beyond();
    let request: String = support::run(&other, "return S.getCertificateRequest()");
    let lua = support::beyond();
    lua.globals()
        .set("certificate", signed(&request, 3600))
        .expect("memory");
    support::run::<()>(
        &lua,
        r#"
        assert(S.getCertificateRequest())
        local worked, error = S.setCertificate(certificate)
        assert(worked == false and type(error) == "string", error)
        "#,
    );
}

#[test]
fn a_certificate_that_ends_soon_is_told() {
    let lua = support::beyond();
    let request: String = support::run(&lua, "return S.getCertificateRequest()");
    lua.globals()
        .set("certificate", signed(&request, 3))
        .expect("memory");
    support::run::<()>(
        &lua,
        r#"
        local told = {}
        function S.onCertificateExpiring(data)
            told[#told + 1] = data.expiry
        end
        local now = os.time()
        assert(S.setCertificate(certificate))
        run_until(function() return told[1] end)
        assert(math.abs(told[1] - now) < 10, told[1])
        "#,
    );
}
