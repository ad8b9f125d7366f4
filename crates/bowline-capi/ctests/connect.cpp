// Listening, connecting, accepting, refusing, and how connections end.
#include "world.h"

static const char *TEXT = "what the application says";

// What one connection went through, as the callbacks told it.
static std::vector<int> states_of(HSteamNetConnection conn)
{
    std::vector<int> states;
    for (const Change &change : s_changes) {
        if (change.conn == conn) {
            if (states.empty())
                states.push_back(change.from);
            CHECK_EQ(change.from, states.back());
            states.push_back(change.to);
        }
    }
    return states;
}

static void check_connect_and_close()
{
    start();
    const Peers peers = connect_peers();
    CHECK(states_of(peers.client) == std::vector<int>({0, 1, 3}));
    CHECK(states_of(peers.server) == std::vector<int>({0, 1, 3}));

    SteamNetConnectionInfo_t client, server;
    CHECK(sockets()->GetConnectionInfo(peers.client, &client));
    CHECK(sockets()->GetConnectionInfo(peers.server, &server));
    CHECK_EQ(client.m_hListenSocket, 0);
    CHECK_EQ(server.m_hListenSocket, peers.listener);
    CHECK(client.m_addrRemote == peers.address);
    CHECK_EQ(client.m_nUserData, -1);
    CHECK_EQ(client.m_eEndReason, 0);
    CHECK_EQ(client.m_nFlags & k_nSteamNetworkConnectionInfoFlags_Unencrypted, 0);
    CHECK(client.m_nFlags & k_nSteamNetworkConnectionInfoFlags_Fast);
    SteamNetworkingIPAddr local;
    CHECK(sockets()->GetListenSocketAddress(peers.listener, &local));
    CHECK_EQ(local.m_port, peers.address.m_port);

    // Messages in both directions, and what was sent before the end arrives after it.
    CHECK_EQ(send_text(peers.client, "ping"), k_EResultOK);
    CHECK(receive_text(peers.server) == "ping");
    CHECK_EQ(send_text(peers.server, "pong"), k_EResultOK);
    CHECK(receive_text(peers.client) == "pong");
    CHECK_EQ(send_text(peers.client, "last words"), k_EResultOK);
    CHECK(sockets()->CloseConnection(peers.client, 1234, TEXT, true));
    CHECK_EQ(state_of(peers.client), k_ESteamNetworkingConnectionState_None);
    CHECK(!sockets()->CloseConnection(peers.client, 0, nullptr, false));
    CHECK(pump_until([&] { return state_of(peers.server) == k_ESteamNetworkingConnectionState_ClosedByPeer; }));
    CHECK(receive_text(peers.server) == "last words");
    CHECK(sockets()->GetConnectionInfo(peers.server, &server));
    CHECK_EQ(server.m_eEndReason, 1234);
    CHECK_TEXT(server.m_szEndDebug, TEXT);
    CHECK_EQ(send_text(peers.server, "too late"), k_EResultNoConnection);
    CHECK_EQ(sockets()->FlushMessagesOnConnection(peers.server), k_EResultNoConnection);
    CHECK(sockets()->CloseConnection(peers.server, 0, nullptr, false));
    sockets()->RunCallbacks();
    // Closing is told to the closer, too.
    CHECK(states_of(peers.client) == std::vector<int>({0, 1, 3, 0}));
    CHECK(states_of(peers.server) == std::vector<int>({0, 1, 3, 4, 0}));
    CHECK(sockets()->CloseListenSocket(peers.listener));
    CHECK(!sockets()->CloseListenSocket(peers.listener));
    GameNetworkingSockets_Kill();
}

// What the peer is told for reasons that are not the application's to give.
static void check_reasons()
{
    static const struct {
        int given, told;
        const char *text;
    } cases[] = {{0, 1000, "bye"}, {1000, 1000, "bye"},  {1999, 1999, "bye"}, {2000, 2000, "bye"},
                 {2999, 2999, "bye"}, {999, 1999, nullptr}, {3000, 1999, nullptr}, {-1, 1999, nullptr}};
    start();
    for (const auto &reason : cases) {
        // The original asserts for a wrong one.
        if (!is_bowline() && reason.text == nullptr)
            continue;
        const Peers peers = connect_peers();
        CHECK(sockets()->CloseConnection(peers.client, reason.given, "bye", false));
        CHECK(pump_until([&] { return state_of(peers.server) == k_ESteamNetworkingConnectionState_ClosedByPeer; }));
        SteamNetConnectionInfo_t info;
        CHECK(sockets()->GetConnectionInfo(peers.server, &info));
        CHECK_EQ(info.m_eEndReason, reason.told);
        if (reason.text)
            CHECK_TEXT(info.m_szEndDebug, reason.text);
        CHECK(sockets()->CloseConnection(peers.server, 0, nullptr, false));
        CHECK(sockets()->CloseListenSocket(peers.listener));
    }
    GameNetworkingSockets_Kill();
}

static void check_accept()
{
    start();
    s_accepts = false;
    SteamNetworkingIPAddr address;
    const HSteamListenSocket listener = listen_somewhere(address);
    const HSteamNetConnection client = sockets()->ConnectByIPAddress(address, 0, nullptr);
    CHECK_EQ(sockets()->AcceptConnection(client), k_EResultInvalidParam);
    CHECK(pump_until([&] { return last_request(listener) != k_HSteamNetConnection_Invalid; }));
    const HSteamNetConnection server = last_request(listener);
    CHECK_EQ(state_of(server), k_ESteamNetworkingConnectionState_Connecting);
    // Queued until it is accepted.
    int64 number = 0;
    CHECK_EQ(sockets()->SendMessageToConnection(client, "early", 5, k_nSteamNetworkingSend_Reliable, &number),
             k_EResultOK);
    CHECK_EQ(number, 1);
    CHECK_EQ(sockets()->SendMessageToConnection(client, "x", 1, k_nSteamNetworkingSend_UnreliableNoDelay, &number),
             k_EResultIgnored);
    CHECK_EQ(number, -1);
    CHECK_EQ(sockets()->FlushMessagesOnConnection(client), k_EResultIgnored);
    CHECK_EQ(sockets()->AcceptConnection(server), k_EResultOK);
    CHECK_EQ(sockets()->AcceptConnection(server), k_EResultInvalidState);
    CHECK(receive_text(server) == "early");
    sockets()->CloseConnection(client, 0, nullptr, false);
    sockets()->CloseConnection(server, 0, nullptr, false);

    // Refused.
    const HSteamNetConnection refused = sockets()->ConnectByIPAddress(address, 0, nullptr);
    CHECK(pump_until([&] { return last_request(listener) != server; }));
    CHECK(sockets()->CloseConnection(last_request(listener), 1001, "not you", false));
    CHECK(pump_until([&] { return state_of(refused) == k_ESteamNetworkingConnectionState_ClosedByPeer; }));
    SteamNetConnectionInfo_t info;
    CHECK(sockets()->GetConnectionInfo(refused, &info));
    CHECK_EQ(info.m_eEndReason, 1001);
    CHECK_TEXT(info.m_szEndDebug, "not you");
    sockets()->CloseConnection(refused, 0, nullptr, false);
    GameNetworkingSockets_Kill();
}

static void check_nobody_there()
{
    start();
    SteamNetworkingConfigValue_t option;
    option.SetInt32(k_ESteamNetworkingConfig_TimeoutInitial, 300);
    SteamNetworkingIPAddr address;
    // Nobody listens: a port that was just given back.
    sockets()->CloseListenSocket(listen_somewhere(address));
    const HSteamNetConnection conn = sockets()->ConnectByIPAddress(address, 1, &option);
    CHECK(pump_until([&] { return state_of(conn) == k_ESteamNetworkingConnectionState_ProblemDetectedLocally; }));
    SteamNetConnectionInfo_t info;
    CHECK(sockets()->GetConnectionInfo(conn, &info));
    CHECK_EQ(info.m_eEndReason, k_ESteamNetConnectionEnd_Misc_Timeout);
    CHECK(info.m_szEndDebug[0] != 0);
    CHECK(sockets()->CloseConnection(conn, 0, nullptr, false));
    GameNetworkingSockets_Kill();
}

static void check_names_and_numbers()
{
    start();
    const Peers peers = connect_peers();
    CHECK_EQ(sockets()->GetConnectionUserData(peers.client), -1);
    CHECK(sockets()->SetConnectionUserData(peers.client, 0x123456789abcdefLL));
    CHECK_EQ(sockets()->GetConnectionUserData(peers.client), 0x123456789abcdefLL);
    SteamNetConnectionInfo_t info;
    CHECK(sockets()->GetConnectionInfo(peers.client, &info));
    CHECK_EQ(info.m_nUserData, 0x123456789abcdefLL);
    CHECK(sockets()->GetConnectionInfo(peers.client, nullptr));

    char name[64] = "x";
    CHECK(sockets()->GetConnectionName(peers.client, name, sizeof(name)));
    CHECK_TEXT(name, "");
    sockets()->SetConnectionName(peers.client, "a name that is longer than the 31 bytes that are kept of it");
    CHECK(sockets()->GetConnectionName(peers.client, name, sizeof(name)));
    CHECK_TEXT(name, "a name that is longer than the ");
    CHECK(sockets()->GetConnectionName(peers.client, name, 5));
    CHECK_TEXT(name, "a na");
    CHECK(sockets()->GetConnectionInfo(peers.client, &info));
    CHECK(std::strstr(info.m_szConnectionDescription, "'a name") != nullptr);
    CHECK(!sockets()->GetConnectionName(peers.client ^ 0x10000000, name, sizeof(name)) || !is_bowline());

    // Text for people, into nothing, too little and enough.
    const int wanted = sockets()->GetDetailedConnectionStatus(peers.client, nullptr, 0);
    CHECK(wanted > 0);
    std::vector<char> text((size_t)wanted + 1);
    CHECK(sockets()->GetDetailedConnectionStatus(peers.client, text.data(), 10) > 0);
    CHECK_EQ(sockets()->GetDetailedConnectionStatus(peers.client, text.data(), wanted), 0);
    CHECK(std::strlen(text.data()) > 50);

    SteamNetConnectionRealTimeStatus_t status;
    CHECK_EQ(sockets()->GetConnectionRealTimeStatus(peers.client, &status, 0, nullptr), k_EResultOK);
    CHECK_EQ(status.m_eState, k_ESteamNetworkingConnectionState_Connected);
    CHECK(status.m_nPing >= 0 && status.m_nPing < 1000);
    CHECK(status.m_nSendRateBytesPerSecond > 0);
    GameNetworkingSockets_Kill();
}

static void check_ports()
{
    start();
    SteamNetworkingIPAddr address, told;
    address.Clear();
    CHECK_EQ(sockets()->CreateListenSocketIP(address, 0, nullptr), k_HSteamListenSocket_Invalid);
    const HSteamListenSocket listener = listen_somewhere(address);
    // Taken, and no address of this machine.
    CHECK_EQ(sockets()->CreateListenSocketIP(address, 0, nullptr), k_HSteamListenSocket_Invalid);
    CHECK(sockets()->GetListenSocketAddress(listener, &told));
    CHECK(told == address);
    address.SetIPv4(0x08080808, address.m_port);
    CHECK_EQ(sockets()->CreateListenSocketIP(address, 0, nullptr), k_HSteamListenSocket_Invalid);
    CHECK(sockets()->CloseListenSocket(listener));
    GameNetworkingSockets_Kill();
}

// Closing a listen socket ends what came in on it.
static void check_close_listener()
{
    start();
    const Peers peers = connect_peers();
    CHECK(utils()->SetConnectionConfigValueInt32(peers.client, k_ESteamNetworkingConfig_TimeoutConnected, 1000));
    CHECK(sockets()->CloseListenSocket(peers.listener));
    CHECK_EQ(state_of(peers.server), k_ESteamNetworkingConnectionState_None);
    // The original does not tell the peer, nor what it says later.
    CHECK(!is_bowline() || pump_until([&] { return state_of(peers.client) > k_ESteamNetworkingConnectionState_Connected; }));
    GameNetworkingSockets_Kill();
}

int main()
{
    check_connect_and_close();
    check_reasons();
    check_accept();
    check_nobody_there();
    check_names_and_numbers();
    check_ports();
    check_close_listener();
    return CHECK_DONE();
}
