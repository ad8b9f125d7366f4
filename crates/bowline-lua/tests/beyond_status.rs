//! What is told of how connections do is so.

use crate::support;

#[test]
fn a_status_has_what_was_measured() {
    let lua = support::beyond();
    support::run::<()>(
        &lua,
        r#"
        local a, b = pair()
        for number = 1, 20 do
            S.sendMessage(a, ("x"):rep(500))
        end
        receive_until(b, function(message) return message.number == 20 end)
        local status
        run_until(function()
            status = S.getConnectionStatus(a)
            return status.unackedReliableBytes == 0 and status.pingMs
        end)
        assert(status.state == "Connected")
        assert(status.pingMs >= 0 and status.pingMs < 1000, status.pingMs)
        assert(status.packetBytes >= 200 and status.packetBytes <= 65535, status.packetBytes)
        assert(status.pendingReliableBytes == 0 and status.pendingUnreliableBytes == 0)
        assert(status.expiredMessages == 0 and status.replacedMessages == 0)
        for _, key in ipairs { "outPacketsPerSec", "outBytesPerSec", "inPacketsPerSec", "inBytesPerSec",
                "skippedNumbers" } do
            assert(status[key] >= 0, key)
        end
        for _, key in ipairs { "segments", "bytes", "packets" } do
            assert(status.armour[key] >= 0, key)
        end
        for _, key in ipairs { "packets", "undone", "resentBytes", "timeouts", "reorderingWindowUs" } do
            assert(status.loss[key] >= 0, key)
        end
        assert(#status.lanes == 1)
        for _, key in ipairs { "pendingUnreliableBytes", "pendingReliableBytes", "unackedReliableBytes",
                "expiredMessages", "replacedMessages" } do
            assert(status.lanes[1][key] == status[key], key)
        end
        local text = S.getDetailedConnectionStatus(a)
        assert(#text > 100 and text:find("\n"), text)
        "#,
    );
}

#[test]
fn details_tell_who_is_there_and_how() {
    let lua = support::beyond();
    support::run::<()>(
        &lua,
        r#"
        local a, b = pair()
        local details = S.getConnectionDetails(a)
        assert(details.state == "Connected" and details.encrypted == true)
        assert(details.authenticated == false and details.endReason == 0 and details.debug == "")
        assert(details.rejection == nil)
        assert(details.address:find("^127%.0%.0%.1:%d+$"), details.address)
        assert(details.remotePop == 0 and details.relayPop == 0 and details.incoming == false)
        assert(details.flags % 4 < 2, "encrypted")
        assert(details.sendEpoch == 0 and details.recvEpoch == 0)
        assert(#details.extensions == 0, "nothing was negotiated")
        "#,
    );
}

#[test]
fn details_tell_what_both_sides_agreed_on() {
    let lua = support::beyond();
    support::run::<()>(
        &lua,
        r#"
        local socket = S.createListenSocketIP("127.0.0.1:0")
        local incoming
        function S.onConnectionChanged(data)
            if data.state == "Connecting" and S.getConnectionDetails(data.connection).incoming then
                incoming = data.connection
                assert(S.acceptConnection(incoming) == "OK")
            end
        end
        local dialled = S.connectByIPAddress(S.getListenSocketAddress(socket))
        run_until(function() return S.getConnectionDetails(dialled).state == "Connected" end)
        for _, connection in ipairs { dialled, incoming } do
            local details = S.getConnectionDetails(connection)
            local agreed = {}
            for _, name in ipairs(details.extensions) do
                agreed[name] = true
            end
            assert(agreed.sealed_close and agreed.path_mtu)
            assert(details.encrypted and details.incoming == (connection == incoming))
            assert(details.identity:find("^steamid:%d+$"), details.identity)
        end
        "#,
    );
}

#[test]
fn refused_packets_are_counted_by_name() {
    let lua = support::beyond();
    support::run::<()>(
        &lua,
        r#"
        local a, b = pair()
        assert(U.setConfigValue("FakePacketDup_Send", 100))
        assert(U.setConfigValue("FakePacketDup_TimeMax", 1))
        for number = 1, 20 do
            S.sendMessage(a, "x", { noNagle = true })
        end
        receive_until(b, function(message) return message.number == 20 end)
        local drops
        run_until(function()
            drops = S.getDropCounts(b)
            return drops.duplicate_packet
        end)
        assert(drops.duplicate_packet > 0)
        for name, count in pairs(drops) do
            assert(type(name) == "string" and count > 0)
        end
        assert(count(S.getDropCounts()) == 0, "nothing came that was no connection's")
        "#,
    );
}

#[test]
fn there_is_no_status_of_what_is_not_there() {
    let lua = support::beyond();
    support::run::<()>(
        &lua,
        r#"
        local a = pair()
        S.closeConnection(a)
        for _ = 1, 2 do
            for _, handle in ipairs { 0, a, -1 } do
                for _, name in ipairs { "getConnectionStatus", "getConnectionDetails",
                        "getDetailedConnectionStatus", "getDropCounts", "getSendCapacity" } do
                    assert(S[name](handle) == nil, name)
                end
            end
            Steam.shutdown()
        end
        assert(S.getDropCounts() == nil)
        "#,
    );
    let error = support::error(&lua, "S.getConnectionStatus()");
    assert_eq!(
        error,
        "test:1: bad argument #1 to 'getConnectionStatus' (connection: number expected, got nil)"
    );
}
