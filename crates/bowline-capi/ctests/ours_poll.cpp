// Manual poll mode: nothing goes on but in SteamNetworkingSockets_Poll. The original declares these functions in no
// public header.
#include "world.h"

#if __has_include(<bowline.h>)
#include <bowline.h>

// Polls until something is so, for ten seconds at most.
template <typename Condition> static bool poll_until(Condition condition)
{
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end)
            return false;
        SteamNetworkingSockets_Poll(5);
        sockets()->RunCallbacks();
    }
    return true;
}

static void check_session()
{
    SteamNetworkingIPAddr address;
    const HSteamListenSocket listener = listen_somewhere(address);
    const HSteamNetConnection client = sockets()->ConnectByIPAddress(address, 0, nullptr);
    // Nobody works for us.
    sockets()->RunCallbacks();
    CHECK_EQ(last_request(listener), k_HSteamNetConnection_Invalid);
    CHECK(Bowline_GetNextTimeout(sockets()) >= 0);
    CHECK(poll_until([&] { return state_of(client) == k_ESteamNetworkingConnectionState_Connected; }));
    const HSteamNetConnection server = last_request(listener);
    CHECK_EQ(send_text(client, "by hand"), k_EResultOK);
    SteamNetworkingMessage_t *message = nullptr;
    CHECK(poll_until([&] { return sockets()->ReceiveMessagesOnConnection(server, &message, 1) == 1; }));
    if (message != nullptr) {
        CHECK_EQ(message->GetSize(), 7);
        message->Release();
    }
    CHECK(sockets()->CloseConnection(client, 0, nullptr, false));
    CHECK(poll_until([&] { return state_of(server) == k_ESteamNetworkingConnectionState_ClosedByPeer; }));
    CHECK(sockets()->CloseListenSocket(listener));
}

// A thread that polls sleeps although a message waits to be read.
static void check_sleep()
{
    HSteamNetConnection pair[2];
    CHECK(sockets()->CreateSocketPair(&pair[0], &pair[1], false, nullptr, nullptr));
    CHECK_EQ(send_text(pair[0], "unread"), k_EResultOK);
    int polls = 0;
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(300);
    for (; std::chrono::steady_clock::now() < end; ++polls)
        SteamNetworkingSockets_Poll(100);
    CHECK(polls < 100);
    CHECK(receive_text(pair[1]) == "unread");
    CHECK(sockets()->CloseConnection(pair[0], 0, nullptr, false));
    CHECK(sockets()->CloseConnection(pair[1], 0, nullptr, false));
}

int main()
{
    const int before = entries("/proc/self/task");
    SteamNetworkingSockets_Poll(1);
    SteamNetworkingSockets_SetManualPollMode(true);
    start();
    CHECK_EQ(entries("/proc/self/task"), before);
    check_session();
    check_sleep();
    // And with a thread again, in the middle of it all.
    SteamNetworkingSockets_SetManualPollMode(false);
    const Peers peers = connect_peers();
    CHECK_EQ(send_text(peers.client, "by itself"), k_EResultOK);
    CHECK(receive_text(peers.server) == "by itself");
    GameNetworkingSockets_Kill();
    CHECK_EQ(Bowline_GetCaughtPanics(), 0);
    return CHECK_DONE();
}

#else

int main() { return CHECK_DONE(); }

#endif
