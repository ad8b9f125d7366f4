// Callbacks: by which pointer, in which order, and what may be done in them.
#include "world.h"

#include <atomic>

static int s_first = 0, s_second = 0, s_depth = 0, s_deepest = 0;
static HSteamNetConnection s_made = k_HSteamNetConnection_Invalid;
static SteamNetworkingIPAddr s_address;

static void first(SteamNetConnectionStatusChangedCallback_t *) { ++s_first; }
static void second(SteamNetConnectionStatusChangedCallback_t *) { ++s_second; }

static SteamNetworkingConfigValue_t by(FnSteamNetConnectionStatusChanged function)
{
    SteamNetworkingConfigValue_t option;
    option.SetPtr(k_ESteamNetworkingConfig_Callback_ConnectionStatusChanged, (void *)function);
    return option;
}

// Each connection has the function of its options, of its listen socket, or of all.
static void check_pointers()
{
    s_accepts = true;
    s_first = s_second = 0;
    SteamNetworkingIPAddr address;
    SteamNetworkingConfigValue_t option = by(on_change);
    const HSteamListenSocket listener = listen_somewhere(address, 1, &option);
    option = by(first);
    const HSteamNetConnection client = sockets()->ConnectByIPAddress(address, 1, &option);
    CHECK(pump_until([&] { return state_of(client) == k_ESteamNetworkingConnectionState_Connected; }));
    sockets()->RunCallbacks();
    CHECK_EQ(s_first, 2);
    CHECK(last_request(listener) != k_HSteamNetConnection_Invalid);
    sockets()->CloseConnection(client, 0, nullptr, false);
    // The one in force when it happened is called, not the one in force when it is told.
    CHECK(utils()->SetGlobalCallback_SteamNetConnectionStatusChanged(second));
    sockets()->RunCallbacks();
    CHECK_EQ(s_first, 3);
    CHECK_EQ(s_second, 0);
    CHECK(utils()->SetGlobalCallback_SteamNetConnectionStatusChanged(on_change));
    sockets()->CloseListenSocket(listener);
    sockets()->RunCallbacks();
}

// Nobody wants to hear of it: nothing is called, and nothing waits.
static void check_without()
{
    CHECK(utils()->SetGlobalCallback_SteamNetConnectionStatusChanged(nullptr));
    HSteamNetConnection pair[2];
    CHECK(sockets()->CreateSocketPair(&pair[0], &pair[1], false, nullptr, nullptr));
    CHECK(sockets()->CloseConnection(pair[0], 0, nullptr, false));
    CHECK(sockets()->CloseConnection(pair[1], 0, nullptr, false));
    CHECK(utils()->SetGlobalCallback_SteamNetConnectionStatusChanged(on_change));
    s_changes.clear();
    sockets()->RunCallbacks();
    CHECK_EQ(s_changes.size(), 0);
}

// Closes what it is told of, makes something new, runs callbacks, and sends: all from within.
static void busy(SteamNetConnectionStatusChangedCallback_t *event)
{
    ++s_depth;
    s_deepest = s_depth > s_deepest ? s_depth : s_deepest;
    on_change(event);
    if (event->m_info.m_eState == k_ESteamNetworkingConnectionState_Connected &&
        event->m_info.m_hListenSocket == k_HSteamListenSocket_Invalid) {
        CHECK_EQ(send_text(event->m_hConn, "from a callback"), k_EResultOK);
        if (s_made == k_HSteamNetConnection_Invalid)
            s_made = sockets()->ConnectByIPAddress(s_address, 0, nullptr);
        else
            CHECK(sockets()->CloseConnection(event->m_hConn, 0, "enough", true));
    }
    if (s_depth < 3)
        sockets()->RunCallbacks();
    --s_depth;
}

static void check_from_within()
{
    CHECK(utils()->SetGlobalCallback_SteamNetConnectionStatusChanged(busy));
    const HSteamListenSocket listener = listen_somewhere(s_address);
    s_changes.clear();
    const HSteamNetConnection client = sockets()->ConnectByIPAddress(s_address, 0, nullptr);
    CHECK(pump_until([&] {
        return s_made != k_HSteamNetConnection_Invalid && state_of(s_made) == k_ESteamNetworkingConnectionState_None;
    }));
    CHECK(s_deepest > 1);
    const HSteamNetConnection server = last_request(listener);
    CHECK(receive_text(server) == "from a callback");
    CHECK(sockets()->CloseConnection(client, 0, nullptr, false));
    sockets()->CloseListenSocket(listener);
    CHECK(utils()->SetGlobalCallback_SteamNetConnectionStatusChanged(on_change));
    sockets()->RunCallbacks();
}

// In the order in which things happened, over all connections.
static void check_order()
{
    const Peers peers = connect_peers();
    s_changes.clear();
    s_accepts = false;
    std::vector<HSteamNetConnection> clients;
    for (int i = 0; i < 5; ++i)
        clients.push_back(sockets()->ConnectByIPAddress(peers.address, 0, nullptr));
    for (int i = 4; i >= 0; --i)
        sockets()->CloseConnection(clients[(size_t)i], 0, nullptr, false);
    sockets()->RunCallbacks();
    std::vector<HSteamNetConnection> made, closed;
    for (const Change &change : s_changes) {
        if (change.to == k_ESteamNetworkingConnectionState_Connecting && change.info.m_hListenSocket == 0)
            made.push_back(change.conn);
        if (change.to == k_ESteamNetworkingConnectionState_None && change.info.m_hListenSocket == 0)
            closed.push_back(change.conn);
    }
    CHECK(made == clients);
    CHECK(std::vector<HSteamNetConnection>(closed.rbegin(), closed.rend()) == clients);
    s_accepts = true;
}

// The library calls it on any of its threads.
static std::atomic<int> s_lines(0);
static void debug_output(ESteamNetworkingSocketsDebugOutputType type, const char *text)
{
    CHECK(type >= k_ESteamNetworkingSocketsDebugOutputType_Bug);
    CHECK(type <= k_ESteamNetworkingSocketsDebugOutputType_Everything);
    CHECK(text != nullptr && text[0] != 0);
    ++s_lines;
}

static void check_debug_output()
{
    utils()->SetDebugOutputFunction(k_ESteamNetworkingSocketsDebugOutputType_Everything, debug_output);
    const Peers peers = connect_peers();
    CHECK(pump_until([] { return s_lines > 0; }));
    sockets()->CloseConnection(peers.client, 0, nullptr, false);
    sockets()->CloseListenSocket(peers.listener);
    utils()->SetDebugOutputFunction(k_ESteamNetworkingSocketsDebugOutputType_None, nullptr);
}

// Several threads run callbacks: each change is told once.
static void check_threads()
{
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([] {
            for (int round = 0; round < 50; ++round) {
                HSteamNetConnection pair[2];
                CHECK(sockets()->CreateSocketPair(&pair[0], &pair[1], false, nullptr, nullptr));
                CHECK_EQ(send_text(pair[0], "x"), k_EResultOK);
                SteamNetworkingMessage_t *message = nullptr;
                CHECK_EQ(sockets()->ReceiveMessagesOnConnection(pair[1], &message, 1), 1);
                message->Release();
                CHECK(sockets()->CloseConnection(pair[0], 0, nullptr, false));
                CHECK(sockets()->CloseConnection(pair[1], 0, nullptr, false));
            }
        });
    }
    for (std::thread &thread : threads)
        thread.join();
    sockets()->RunCallbacks();
}

int main()
{
    start();
    check_pointers();
    check_without();
    check_from_within();
    check_order();
    check_debug_output();
    check_threads();
    GameNetworkingSockets_Kill();
    return CHECK_DONE();
}
