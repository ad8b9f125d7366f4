// Pairs of connections within the process.
#include "world.h"

static void check_pair(bool loopback)
{
    SteamNetworkingIdentity seen1, seen2;
    seen1.Clear();
    seen1.SetGenericString("one");
    seen2.Clear();
    seen2.SetSteamID64(76561197960265729ULL);
    HSteamNetConnection pair[2] = {0, 0};
    sockets()->RunCallbacks();
    s_changes.clear();
    CHECK(sockets()->CreateSocketPair(&pair[0], &pair[1], loopback, &seen1, &seen2));
    CHECK(pair[0] != 0 && pair[1] != 0 && pair[0] != pair[1]);
    sockets()->RunCallbacks();
    // Connected at once, and no callback says so.
    CHECK(s_changes.empty());

    SteamNetConnectionInfo_t info[2];
    for (int i = 0; i < 2; ++i) {
        CHECK(sockets()->GetConnectionInfo(pair[i], &info[i]));
        CHECK_EQ(info[i].m_eState, k_ESteamNetworkingConnectionState_Connected);
        CHECK_EQ(info[i].m_hListenSocket, 0);
        const int kind = loopback ? k_nSteamNetworkConnectionInfoFlags_Fast
                                  : k_nSteamNetworkConnectionInfoFlags_Fast |
                                        k_nSteamNetworkConnectionInfoFlags_LoopbackBuffers;
        CHECK_EQ(info[i].m_nFlags & (8 | 4), kind);
    }
    // Identity 1 is whom connection 1 sees.
    CHECK(info[0].m_identityRemote == seen1);
    CHECK(info[1].m_identityRemote == seen2);

    CHECK_EQ(send_text(pair[0], "there"), k_EResultOK);
    CHECK_EQ(send_text(pair[1], "and back", k_nSteamNetworkingSend_UnreliableNoNagle), k_EResultOK);
    CHECK(receive_text(pair[1]) == "there");
    CHECK(receive_text(pair[0]) == "and back");

    // Each must be closed; the other is told.
    CHECK(sockets()->CloseConnection(pair[0], 1500, "enough", false));
    CHECK(pump_until([&] { return state_of(pair[1]) == k_ESteamNetworkingConnectionState_ClosedByPeer; }));
    SteamNetConnectionInfo_t end;
    CHECK(sockets()->GetConnectionInfo(pair[1], &end));
    CHECK_EQ(end.m_eEndReason, 1500);
    CHECK_TEXT(end.m_szEndDebug, "enough");
    CHECK(sockets()->CloseConnection(pair[1], 0, nullptr, false));
}

// Somebody on this host, if nobody is named.
static void check_nobody(bool loopback)
{
    HSteamNetConnection pair[2];
    CHECK(sockets()->CreateSocketPair(&pair[0], &pair[1], loopback, nullptr, nullptr));
    for (HSteamNetConnection conn : pair) {
        SteamNetConnectionInfo_t info;
        CHECK(sockets()->GetConnectionInfo(conn, &info));
        CHECK(info.m_identityRemote.IsLocalHost());
        CHECK(sockets()->CloseConnection(conn, 0, nullptr, false));
    }
}

// Many pairs at a time, each with its own messages.
static void check_many()
{
    std::vector<HSteamNetConnection> conns;
    for (int i = 0; i < 200; ++i) {
        HSteamNetConnection pair[2];
        CHECK(sockets()->CreateSocketPair(&pair[0], &pair[1], false, nullptr, nullptr));
        conns.push_back(pair[0]);
        conns.push_back(pair[1]);
        CHECK_EQ(send_text(pair[0], std::to_string(i).c_str()), k_EResultOK);
    }
    for (size_t i = 0; i < conns.size(); i += 2)
        CHECK(receive_text(conns[i + 1]) == std::to_string(i / 2));
    for (HSteamNetConnection conn : conns)
        CHECK(sockets()->CloseConnection(conn, 0, nullptr, false));
}

int main()
{
    start();
    check_pair(false);
    check_pair(true);
    check_nobody(false);
    check_nobody(true);
    check_many();
    GameNetworkingSockets_Kill();
    return CHECK_DONE();
}
