// Handles that name nothing, something that is gone, or something else: each call fails as documented, and nobody
// else's connection is touched.
#include "world.h"

static void check_connection_functions(HSteamNetConnection bad)
{
    SteamNetConnectionInfo_t info;
    SteamNetConnectionRealTimeStatus_t status;
    SteamNetworkingMessage_t *message = nullptr;
    char text[16];
    int64 number = 5;
    CHECK_EQ(sockets()->AcceptConnection(bad), k_EResultInvalidParam);
    CHECK(!sockets()->CloseConnection(bad, 0, nullptr, false));
    CHECK(!sockets()->SetConnectionUserData(bad, 1));
    CHECK_EQ(sockets()->GetConnectionUserData(bad), -1);
    sockets()->SetConnectionName(bad, "name");
    CHECK(!sockets()->GetConnectionName(bad, text, sizeof(text)));
    CHECK_EQ(sockets()->SendMessageToConnection(bad, "x", 1, 0, &number), k_EResultInvalidParam);
    // The original writes nothing if it does not know the handle.
    CHECK(number == -1 || (number == 5 && !is_bowline()));
    CHECK_EQ(sockets()->FlushMessagesOnConnection(bad), k_EResultInvalidParam);
    CHECK_EQ(sockets()->ReceiveMessagesOnConnection(bad, &message, 1), -1);
    CHECK(!sockets()->GetConnectionInfo(bad, &info));
    CHECK_EQ(sockets()->GetConnectionRealTimeStatus(bad, &status, 0, nullptr), k_EResultNoConnection);
    CHECK_EQ(sockets()->GetDetailedConnectionStatus(bad, text, sizeof(text)), -1);
    CHECK_EQ(sockets()->ConfigureConnectionLanes(bad, 1, nullptr, nullptr), k_EResultNoConnection);
    CHECK(!sockets()->SetConnectionPollGroup(bad, k_HSteamNetPollGroup_Invalid));
    // The original knows a connection for a while after it was closed.
    CHECK(!utils()->SetConnectionConfigValueInt32(bad, k_ESteamNetworkingConfig_NagleTime, 1) || !is_bowline());
    SteamNetworkingMessage_t *unsent = utils()->AllocateMessage(4);
    unsent->m_conn = bad;
    sockets()->SendMessages(1, &unsent, &number, true);
    CHECK_EQ(number, -k_EResultInvalidParam);
}

static void check_other_functions(uint32 bad)
{
    SteamNetworkingIPAddr address;
    SteamNetworkingMessage_t *message = nullptr;
    CHECK(!sockets()->CloseListenSocket(bad));
    CHECK(!sockets()->GetListenSocketAddress(bad, &address));
    CHECK(!sockets()->DestroyPollGroup(bad));
    CHECK_EQ(sockets()->ReceiveMessagesOnPollGroup(bad, &message, 1), -1);
}

int main()
{
    start();
    const Peers peers = connect_peers();
    const HSteamNetPollGroup group = sockets()->CreatePollGroup();
    HSteamNetConnection gone[2];
    CHECK(sockets()->CreateSocketPair(&gone[0], &gone[1], false, nullptr, nullptr));
    sockets()->CloseConnection(gone[0], 0, nullptr, false);
    sockets()->CloseConnection(gone[1], 0, nullptr, false);

    const uint32 nothing[] = {0, 1, 0xffffffff};
    for (uint32 bad : nothing) {
        // The original takes 0xffffffff and 1 for what their low halves name, if that exists.
        if (bad != 0 && !is_bowline())
            continue;
        check_connection_functions(bad);
        check_other_functions(bad);
    }
    check_connection_functions(gone[0]);
    if (is_bowline()) {
        // Handles of another kind, and real ones with a bit changed.
        check_connection_functions(peers.listener);
        check_connection_functions(group);
        check_other_functions(peers.client);
        CHECK(!sockets()->CloseListenSocket(group));
        CHECK(!sockets()->DestroyPollGroup(peers.listener));
        for (int bit = 0; bit < 32; ++bit) {
            check_connection_functions(peers.client ^ (1u << bit) ^ (peers.client == (peers.server ^ (1u << bit))));
            CHECK(!sockets()->CloseListenSocket(peers.listener ^ (1u << bit)));
            CHECK(!sockets()->DestroyPollGroup(group ^ (1u << bit)));
        }
        CHECK(!sockets()->SetConnectionPollGroup(peers.client, peers.listener));
    }
    // Nobody was touched.
    CHECK_EQ(send_text(peers.client, "still here"), k_EResultOK);
    CHECK(receive_text(peers.server) == "still here");
    CHECK(sockets()->DestroyPollGroup(group));
    CHECK(sockets()->CloseListenSocket(peers.listener));
    GameNetworkingSockets_Kill();
    return CHECK_DONE();
}
