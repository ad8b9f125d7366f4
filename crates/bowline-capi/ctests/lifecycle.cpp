// Begin and end of the library, and what is left of it in between.
#include "world.h"

static void check_before_init()
{
    CHECK(SteamNetworkingSockets() == nullptr);
    CHECK(utils() != nullptr);
    // The clock runs before.
    const SteamNetworkingMicroseconds first = utils()->GetLocalTimestamp();
    CHECK(first >= 30LL * 24 * 3600 * 1000000);
    CHECK(utils()->GetLocalTimestamp() >= first);
    // Settings can be made before, and last.
    CHECK(utils()->SetGlobalConfigValueInt32(k_ESteamNetworkingConfig_TimeoutInitial, 4321));
}

static void check_init_twice()
{
    start();
    int32 value = 0;
    size_t size = sizeof(value);
    utils()->GetConfigValue(k_ESteamNetworkingConfig_TimeoutInitial, k_ESteamNetworkingConfig_Global, 0, nullptr, &value,
                            &size);
    CHECK_EQ(value, 4321);
    CHECK(utils()->SetConfigValue(k_ESteamNetworkingConfig_TimeoutInitial, k_ESteamNetworkingConfig_Global, 0,
                                  k_ESteamNetworkingConfig_Int32, nullptr));
    ISteamNetworkingSockets *first = sockets();
    CHECK(first != nullptr);
    if (is_bowline()) {
        // The original asserts, and goes on.
        SteamNetworkingErrMsg error;
        CHECK(GameNetworkingSockets_Init(nullptr, error));
        CHECK(sockets() == first);
    }
    GameNetworkingSockets_Kill();
    CHECK(SteamNetworkingSockets() == nullptr);
    // Once more does nothing.
    GameNetworkingSockets_Kill();
}

static void check_identity()
{
    SteamNetworkingErrMsg error;
    SteamNetworkingIdentity identity, told;
    identity.Clear();
    CHECK(identity.SetGenericString("somebody"));
    CHECK(GameNetworkingSockets_Init(&identity, error));
    CHECK(sockets()->GetIdentity(&told));
    CHECK(told == identity);
    GameNetworkingSockets_Kill();

    start();
    CHECK(sockets()->GetIdentity(&told));
    CHECK(told.IsLocalHost());
    GameNetworkingSockets_Kill();
}

// A message stays good after the library ended.
static void check_message_outlives()
{
    start();
    HSteamNetConnection pair[2];
    CHECK(sockets()->CreateSocketPair(&pair[0], &pair[1], false, nullptr, nullptr));
    CHECK_EQ(send_text(pair[0], "to be read later"), k_EResultOK);
    SteamNetworkingMessage_t *message = nullptr;
    CHECK_EQ(sockets()->ReceiveMessagesOnConnection(pair[1], &message, 1), 1);
    SteamNetworkingMessage_t *unsent = utils()->AllocateMessage(100);
    GameNetworkingSockets_Kill();
    CHECK_EQ(message->GetSize(), 16);
    CHECK(std::memcmp(message->GetData(), "to be read later", 16) == 0);
    message->Release();
    unsent->Release();
}

// Everything open is closed by Kill, and the next life knows nothing of it.
static void check_kill_with_open_connections()
{
    for (int i = 0; i < 5; ++i) {
        start();
        const Peers peers = connect_peers();
        const HSteamNetPollGroup group = sockets()->CreatePollGroup();
        CHECK(sockets()->SetConnectionPollGroup(peers.server, group));
        CHECK_EQ(send_text(peers.client, "unread"), k_EResultOK);
        GameNetworkingSockets_Kill();
        start();
        CHECK_EQ(state_of(peers.client), k_ESteamNetworkingConnectionState_None);
        CHECK(!sockets()->CloseListenSocket(peers.listener));
        GameNetworkingSockets_Kill();
    }
}

static void kill(SteamNetConnectionStatusChangedCallback_t *) { GameNetworkingSockets_Kill(); }

// The library may be ended from one of its callbacks; what waits behind it is not told any more.
static void check_kill_from_callback()
{
    start();
    CHECK(utils()->SetGlobalCallback_SteamNetConnectionStatusChanged(kill));
    SteamNetworkingIPAddr address;
    address.SetIPv4(0x7f000001, 9);
    CHECK(sockets()->ConnectByIPAddress(address, 0, nullptr) != k_HSteamNetConnection_Invalid);
    CHECK(sockets()->ConnectByIPAddress(address, 0, nullptr) != k_HSteamNetConnection_Invalid);
    sockets()->RunCallbacks();
    CHECK(sockets() == nullptr);
    start();
    CHECK(sockets() != nullptr);
    GameNetworkingSockets_Kill();
}

static void check_many_lives()
{
    for (int i = 0; i < 100; ++i) {
        start();
        HSteamNetConnection pair[2];
        CHECK(sockets()->CreateSocketPair(&pair[0], &pair[1], i % 2 == 1, nullptr, nullptr));
        CHECK_EQ(send_text(pair[0], "hello"), k_EResultOK);
        if (i % 2 == 0)
            CHECK(receive_text(pair[1]) == "hello");
        GameNetworkingSockets_Kill();
    }
}

int main()
{
    check_before_init();
    check_init_twice();
    check_identity();
    check_message_outlives();
    check_kill_with_open_connections();
    check_kill_from_callback();
    check_many_lives();
    return CHECK_DONE();
}
