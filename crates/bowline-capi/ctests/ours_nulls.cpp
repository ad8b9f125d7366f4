// Null pointers, negative counts and calls outside the life of the library: each fails as documented. The original
// crashes in most of these, so they are asked of ours only.
#include "world.h"

#include <steam/steamnetworkingsockets_flat.h>

#if __has_include(<bowline.h>)
#include <bowline.h>

// Asks an interface for everything with a connection that may or may not be good.
static void call_sockets(ISteamNetworkingSockets *self, HSteamNetConnection conn, bool good)
{
    SteamNetworkingMessage_t *message = nullptr;
    SteamNetworkingErrMsg error;
    HSteamNetConnection pair[2];
    SteamNetConnectionRealTimeLaneStatus_t lane;
    int size = 0;
    const EResult closed = good ? k_EResultOK : k_EResultInvalidParam;
    CHECK_EQ(SteamAPI_ISteamNetworkingSockets_AcceptConnection(self, conn),
             good ? k_EResultInvalidState : k_EResultInvalidParam);
    CHECK(!SteamAPI_ISteamNetworkingSockets_GetConnectionName(self, conn, nullptr, 10));
    char name[4] = "abc";
    SteamAPI_ISteamNetworkingSockets_GetConnectionName(self, conn, name, 0);
    SteamAPI_ISteamNetworkingSockets_GetConnectionName(self, conn, name, -1);
    CHECK_TEXT(name, "abc");
    SteamAPI_ISteamNetworkingSockets_SetConnectionName(self, conn, nullptr);
    CHECK_EQ(SteamAPI_ISteamNetworkingSockets_SendMessageToConnection(self, conn, nullptr, 5, 8, nullptr),
             k_EResultInvalidParam);
    // Whose connection it is does not matter for sending.
    if (self != nullptr)
        CHECK_EQ(SteamAPI_ISteamNetworkingSockets_SendMessageToConnection(self, conn, nullptr, 0, 8, nullptr), closed);
    SteamAPI_ISteamNetworkingSockets_SendMessages(self, 3, nullptr, nullptr, true);
    SteamAPI_ISteamNetworkingSockets_SendMessages(self, -1, &message, nullptr, true);
    SteamAPI_ISteamNetworkingSockets_SendMessages(self, 1, &message, nullptr, true);
    CHECK(SteamAPI_ISteamNetworkingSockets_ReceiveMessagesOnConnection(self, conn, nullptr, 5) <= 0);
    CHECK(SteamAPI_ISteamNetworkingSockets_ReceiveMessagesOnConnection(self, conn, &message, 0) <= 0);
    CHECK(SteamAPI_ISteamNetworkingSockets_ReceiveMessagesOnConnection(self, conn, &message, -5) <= 0);
    CHECK(SteamAPI_ISteamNetworkingSockets_ReceiveMessagesOnPollGroup(self, conn, nullptr, 5) <= 0);
    CHECK_EQ(SteamAPI_ISteamNetworkingSockets_GetConnectionInfo(self, conn, nullptr), good);
    CHECK_EQ(SteamAPI_ISteamNetworkingSockets_GetConnectionRealTimeStatus(self, conn, nullptr, 0, nullptr),
             good ? k_EResultOK : k_EResultNoConnection);
    CHECK(SteamAPI_ISteamNetworkingSockets_GetConnectionRealTimeStatus(self, conn, nullptr, -1, &lane) != k_EResultOK);
    CHECK(SteamAPI_ISteamNetworkingSockets_GetConnectionRealTimeStatus(self, conn, nullptr, 1, nullptr) != k_EResultOK);
    CHECK(SteamAPI_ISteamNetworkingSockets_GetDetailedConnectionStatus(self, conn, nullptr, 100) != 0);
    CHECK(SteamAPI_ISteamNetworkingSockets_GetDetailedConnectionStatus(self, conn, nullptr, -1) != 0);
    CHECK(!SteamAPI_ISteamNetworkingSockets_GetListenSocketAddress(self, conn, nullptr));
    CHECK(!SteamAPI_ISteamNetworkingSockets_CreateSocketPair(self, nullptr, &pair[1], false, nullptr, nullptr));
    CHECK(!SteamAPI_ISteamNetworkingSockets_CreateSocketPair(self, &pair[0], nullptr, false, nullptr, nullptr));
    CHECK(SteamAPI_ISteamNetworkingSockets_ConfigureConnectionLanes(self, conn, -1, nullptr, nullptr) != k_EResultOK);
    // Whether it is known can be asked without wanting to know it; the library must run for that.
    CHECK_EQ(SteamAPI_ISteamNetworkingSockets_GetIdentity(self, nullptr), self != nullptr && sockets() != nullptr);
    SteamAPI_ISteamNetworkingSockets_GetAuthenticationStatus(self, nullptr);
    CHECK(!SteamAPI_ISteamNetworkingSockets_SetCertificate(self, nullptr, 10, error));
    CHECK(!SteamAPI_ISteamNetworkingSockets_SetCertificate(self, "x", -1, error));
    CHECK(!SteamAPI_ISteamNetworkingSockets_GetCertificateRequest(self, nullptr, nullptr, error));
    SteamAPI_ISteamNetworkingSockets_GetCertificateRequest(self, &size, nullptr, error);
    CHECK(!SteamAPI_ISteamNetworkingSockets_ReceivedP2PCustomSignal(self, nullptr, 10, nullptr));
    CHECK(!SteamAPI_ISteamNetworkingSockets_ReceivedP2PCustomSignal2(self, "x", 1, nullptr, nullptr, nullptr));
    CHECK_EQ(SteamAPI_ISteamNetworkingSockets_ConnectP2PCustomSignaling(self, nullptr, nullptr, 0, 0, nullptr), 0);
    SteamAPI_ISteamNetworkingSockets_RunCallbacks(self);
}

// References that are null: C can pass them, and so can other languages.
static void call_with_null_references(ISteamNetworkingSockets *self)
{
    // As C sees them: pointers where C++ has references.
    typedef uint32 (*Make)(ISteamNetworkingSockets *, const void *, int, const SteamNetworkingConfigValue_t *);
    typedef uint32 (*MakeP2P)(ISteamNetworkingSockets *, const void *, int, int, const SteamNetworkingConfigValue_t *);
    typedef bool (*Certificate)(ISteamNetworkingSockets *, const void *, int, char *);
    const Make listen = (Make)(void *)&SteamAPI_ISteamNetworkingSockets_CreateListenSocketIP;
    const Make connect = (Make)(void *)&SteamAPI_ISteamNetworkingSockets_ConnectByIPAddress;
    const MakeP2P p2p = (MakeP2P)(void *)&SteamAPI_ISteamNetworkingSockets_ConnectP2P;
    const Certificate set = (Certificate)(void *)&SteamAPI_ISteamNetworkingSockets_SetCertificate;
    CHECK_EQ(listen(self, nullptr, 0, nullptr), 0);
    CHECK_EQ(connect(self, nullptr, 0, nullptr), 0);
    CHECK_EQ(p2p(self, nullptr, 0, 0, nullptr), 0);
    CHECK(!set(self, "x", 1, nullptr));
    SteamNetworkingIPAddr address;
    address.SetIPv4(0x7f000001, 27777);
    // Options that are announced and not there; a count below zero is none.
    CHECK_EQ(connect(self, &address, 3, nullptr), 0);
    const HSteamNetConnection conn = connect(self, &address, -1, nullptr);
    CHECK_EQ(conn != k_HSteamNetConnection_Invalid, self != nullptr);
    CHECK_EQ(SteamAPI_ISteamNetworkingSockets_CloseConnection(self, conn, 0, nullptr, false), self != nullptr);
}

static void call_utils()
{
    ISteamNetworkingUtils *self = utils();
    size_t size = 4;
    int32 value = 0;
    CHECK(SteamAPI_ISteamNetworkingUtils_AllocateMessage(self, -1) == nullptr);
    SteamAPI_ISteamNetworkingUtils_GetRelayNetworkStatus(self, nullptr);
    CHECK_EQ(SteamAPI_ISteamNetworkingUtils_GetConfigValue(self, k_ESteamNetworkingConfig_NagleTime,
                                                           k_ESteamNetworkingConfig_Global, 0, nullptr, &value, nullptr),
             k_ESteamNetworkingGetConfigValue_BufferTooSmall);
    CHECK_EQ(SteamAPI_ISteamNetworkingUtils_GetConfigValue(self, k_ESteamNetworkingConfig_NagleTime,
                                                           k_ESteamNetworkingConfig_Global, 0, nullptr, nullptr, &size),
             k_ESteamNetworkingGetConfigValue_BufferTooSmall);
    CHECK(!SteamAPI_ISteamNetworkingUtils_SetConfigValue(self, k_ESteamNetworkingConfig_NagleTime,
                                                         k_ESteamNetworkingConfig_Connection, 0,
                                                         k_ESteamNetworkingConfig_Int32, &size));
    CHECK(!SteamAPI_ISteamNetworkingUtils_SetConfigValue(self, k_ESteamNetworkingConfig_NagleTime,
                                                         (ESteamNetworkingConfigScope)9, 0,
                                                         k_ESteamNetworkingConfig_Int32, &value));
    CHECK(!SteamAPI_ISteamNetworkingUtils_SetConfigValue(self, k_ESteamNetworkingConfig_NagleTime,
                                                         k_ESteamNetworkingConfig_Global, 0,
                                                         (ESteamNetworkingConfigDataType)77, &value));
    CHECK(SteamAPI_ISteamNetworkingUtils_GetConfigValueInfo(self, k_ESteamNetworkingConfig_NagleTime, nullptr,
                                                            nullptr) != nullptr);
    CHECK_EQ(SteamAPI_ISteamNetworkingUtils_GetPOPList(self, nullptr, 5), 0);
    char buffer[4] = "abc";
    SteamNetworkingIPAddr address;
    address.Clear();
    SteamNetworkingIPAddr_ToString(&address, buffer, 0, true);
    SteamNetworkingIPAddr_ToString(&address, nullptr, 10, true);
    SteamNetworkingIPAddr_ToString(nullptr, buffer, sizeof(buffer), true);
    CHECK(!SteamNetworkingIPAddr_ParseString(nullptr, "1.2.3.4"));
    CHECK(!SteamNetworkingIPAddr_ParseString(&address, nullptr));
    SteamNetworkingIdentity identity;
    identity.Clear();
    SteamNetworkingIdentity_ToString(&identity, nullptr, 10);
    SteamNetworkingIdentity_ToString(&identity, buffer, 0);
    CHECK(!SteamNetworkingIdentity_ParseString(nullptr, sizeof(identity), "str:x"));
    CHECK(!SteamNetworkingIdentity_ParseString(&identity, sizeof(identity), nullptr));
    CHECK(!SteamAPI_SteamNetworkingIdentity_SetGenericString(&identity, nullptr));
    SteamAPI_SteamNetworkingIdentity_Clear(nullptr);
    SteamAPI_SteamNetworkingMessage_t_Release(nullptr);
}

int main()
{
    ISteamNetworkingSockets *none = nullptr;
    call_utils();
    call_sockets(none, 1, false);
    GameNetworkingSockets_Kill();
    start();
    const Peers peers = connect_peers();
    call_utils();
    call_sockets(sockets(), peers.client, true);
    call_sockets(sockets(), 0, false);
    call_sockets(none, peers.client, false);
    call_with_null_references(sockets());
    call_with_null_references(none);
    CHECK(receive_text(peers.server).empty());
    ISteamNetworkingSockets *stale = sockets();
    GameNetworkingSockets_Kill();
    // A pointer that a program kept.
    call_sockets(stale, peers.client, false);
    CHECK_EQ(Bowline_GetCaughtPanics(), 0);
    return CHECK_DONE();
}

#else

// The original's headers have no bowline.h: nothing to ask.
int main() { return CHECK_DONE(); }

#endif
