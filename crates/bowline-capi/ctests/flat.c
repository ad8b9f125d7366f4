/* All of a session by the plain functions: the language is C with our headers, and C++ with the original's, which
 * are no C.
 */
#include <steam/steamnetworkingsockets.h>
#include <steam/steamnetworkingsockets_flat.h>

#include <string.h>
#include <time.h>

#include "check.h"

enum { CLIENTS = 3 };

static ISteamNetworkingSockets *sockets;
static ISteamNetworkingUtils *utils;
static HSteamNetPollGroup group;
static int accepted = 0, connected = 0, closed = 0;

static void on_change(SteamNetConnectionStatusChangedCallback_t *event)
{
    switch (event->m_info.m_eState) {
    case k_ESteamNetworkingConnectionState_Connecting:
        if (event->m_info.m_hListenSocket != k_HSteamListenSocket_Invalid) {
            CHECK_EQ(SteamAPI_ISteamNetworkingSockets_AcceptConnection(sockets, event->m_hConn), k_EResultOK);
            CHECK(SteamAPI_ISteamNetworkingSockets_SetConnectionPollGroup(sockets, event->m_hConn, group));
            ++accepted;
        }
        break;
    case k_ESteamNetworkingConnectionState_Connected:
        ++connected;
        break;
    case k_ESteamNetworkingConnectionState_ClosedByPeer:
        CHECK_EQ(event->m_info.m_eEndReason, 1234);
        CHECK_TEXT(event->m_info.m_szEndDebug, "that is all");
        CHECK(SteamAPI_ISteamNetworkingSockets_CloseConnection(sockets, event->m_hConn, 0, NULL, false));
        ++closed;
        break;
    default:
        break;
    }
}

/* A little later; false when ten seconds are over. */
static bool go_on(time_t since)
{
    struct timespec pause = {0, 1000000};
    SteamAPI_ISteamNetworkingSockets_RunCallbacks(sockets);
    nanosleep(&pause, NULL);
    return time(NULL) - since < 10;
}

static HSteamListenSocket listen_somewhere(SteamNetworkingIPAddr *address)
{
    HSteamListenSocket listener = k_HSteamListenSocket_Invalid;
    for (uint16 port = 27500; port < 27600 && listener == k_HSteamListenSocket_Invalid; ++port) {
        SteamAPI_SteamNetworkingIPAddr_SetIPv4(address, 0x7f000001, port);
        listener = SteamAPI_ISteamNetworkingSockets_CreateListenSocketIP(sockets, REF(*address), 0, NULL);
    }
    CHECK(listener != k_HSteamListenSocket_Invalid);
    return listener;
}

/* The server sends everything back to where it came from. */
static int echo(void)
{
    SteamNetworkingMessage_t *messages[8];
    const int count = SteamAPI_ISteamNetworkingSockets_ReceiveMessagesOnPollGroup(sockets, group, messages, 8);
    CHECK(count >= 0);
    for (int i = 0; i < count; ++i) {
        SteamNetworkingMessage_t *answer =
            SteamAPI_ISteamNetworkingUtils_AllocateMessage(utils, messages[i]->m_cbSize);
        int64 number = 0;
        memcpy(answer->m_pData, messages[i]->m_pData, (size_t)messages[i]->m_cbSize);
        answer->m_conn = messages[i]->m_conn;
        answer->m_nFlags = k_nSteamNetworkingSend_ReliableNoNagle;
        SteamAPI_ISteamNetworkingSockets_SendMessages(sockets, 1, &answer, &number, true);
        CHECK(number > 0);
        SteamAPI_SteamNetworkingMessage_t_Release(messages[i]);
    }
    return count;
}

static void check_session(void)
{
    SteamNetworkingIPAddr address;
    HSteamNetConnection clients[CLIENTS];
    int answers = 0, asked = 0;
    time_t since = time(NULL);
    const HSteamListenSocket listener = listen_somewhere(&address);
    group = SteamAPI_ISteamNetworkingSockets_CreatePollGroup(sockets);
    CHECK(group != k_HSteamNetPollGroup_Invalid);
    for (int i = 0; i < CLIENTS; ++i) {
        clients[i] = SteamAPI_ISteamNetworkingSockets_ConnectByIPAddress(sockets, REF(address), 0, NULL);
        CHECK(clients[i] != k_HSteamNetConnection_Invalid);
        CHECK(SteamAPI_ISteamNetworkingSockets_SetConnectionUserData(sockets, clients[i], i));
    }
    while (connected < 2 * CLIENTS && go_on(since)) {
    }
    CHECK_EQ(accepted, CLIENTS);
    CHECK_EQ(connected, 2 * CLIENTS);
    for (int i = 0; i < CLIENTS; ++i) {
        CHECK_EQ(SteamAPI_ISteamNetworkingSockets_GetConnectionUserData(sockets, clients[i]), i);
        CHECK_EQ(SteamAPI_ISteamNetworkingSockets_SendMessageToConnection(
                     sockets, clients[i], &i, sizeof(i), k_nSteamNetworkingSend_ReliableNoNagle, NULL),
                 k_EResultOK);
        ++asked;
    }
    since = time(NULL);
    while (answers < asked && go_on(since)) {
        echo();
        for (int i = 0; i < CLIENTS; ++i) {
            SteamNetworkingMessage_t *message;
            while (SteamAPI_ISteamNetworkingSockets_ReceiveMessagesOnConnection(sockets, clients[i], &message, 1) == 1) {
                CHECK_EQ(message->m_cbSize, sizeof(i));
                CHECK(memcmp(message->m_pData, &i, sizeof(i)) == 0);
                CHECK_EQ(message->m_nConnUserData, i);
                message->m_pfnRelease(message);
                ++answers;
            }
        }
    }
    CHECK_EQ(answers, asked);
    for (int i = 0; i < CLIENTS; ++i)
        CHECK(SteamAPI_ISteamNetworkingSockets_CloseConnection(sockets, clients[i], 1234, "that is all", true));
    since = time(NULL);
    while (closed < CLIENTS && go_on(since)) {
    }
    CHECK_EQ(closed, CLIENTS);
    CHECK(SteamAPI_ISteamNetworkingSockets_DestroyPollGroup(sockets, group));
    CHECK(SteamAPI_ISteamNetworkingSockets_CloseListenSocket(sockets, listener));
}

static void check_pair(void)
{
    HSteamNetConnection pair[2];
    SteamNetConnectionInfo_t info;
    SteamNetConnectionRealTimeStatus_t status;
    SteamNetConnectionRealTimeLaneStatus_t lanes[2];
    const int priorities[2] = {0, 1};
    const uint16 weights[2] = {1, 1};
    char text[64];
    CHECK(SteamAPI_ISteamNetworkingSockets_CreateSocketPair(sockets, &pair[0], &pair[1], true, NULL, NULL));
    CHECK(SteamAPI_ISteamNetworkingSockets_GetConnectionInfo(sockets, pair[0], &info));
    CHECK_EQ(info.m_eState, k_ESteamNetworkingConnectionState_Connected);
    CHECK_EQ(SteamAPI_ISteamNetworkingSockets_ConfigureConnectionLanes(sockets, pair[0], 2, priorities, weights),
             k_EResultOK);
    CHECK_EQ(SteamAPI_ISteamNetworkingSockets_GetConnectionRealTimeStatus(sockets, pair[0], &status, 2, lanes),
             k_EResultOK);
    SteamAPI_ISteamNetworkingSockets_SetConnectionName(sockets, pair[0], "flat");
    CHECK(SteamAPI_ISteamNetworkingSockets_GetConnectionName(sockets, pair[0], text, sizeof(text)));
    CHECK_TEXT(text, "flat");
    CHECK_EQ(SteamAPI_ISteamNetworkingSockets_FlushMessagesOnConnection(sockets, pair[0]), k_EResultOK);
    CHECK(SteamAPI_ISteamNetworkingUtils_SetConnectionConfigValueInt32(utils, pair[0],
                                                                       k_ESteamNetworkingConfig_NagleTime, 7));
    CHECK(SteamAPI_ISteamNetworkingSockets_CloseConnection(sockets, pair[0], 0, NULL, false));
    CHECK(SteamAPI_ISteamNetworkingSockets_CloseConnection(sockets, pair[1], 0, NULL, false));
}

int main(void)
{
    SteamNetworkingErrMsg error;
    SteamNetworkingIdentity identity;
    utils = SteamAPI_SteamNetworkingUtils_v003();
    CHECK(utils != NULL);
    CHECK(SteamAPI_SteamNetworkingSockets_v009() == NULL);
    CHECK(GameNetworkingSockets_Init(NULL, REF(error)));
    sockets = SteamAPI_SteamNetworkingSockets_v009();
    CHECK(sockets != NULL && sockets == SteamNetworkingSockets_LibV12());
    CHECK(SteamAPI_ISteamNetworkingSockets_GetIdentity(sockets, &identity));
    CHECK(SteamAPI_SteamNetworkingIdentity_IsLocalHost(&identity));
    CHECK(SteamAPI_ISteamNetworkingUtils_GetLocalTimestamp(utils) > 0);
    CHECK(SteamAPI_ISteamNetworkingUtils_SetGlobalCallback_SteamNetConnectionStatusChanged(utils, on_change));
    check_session();
    check_pair();
    GameNetworkingSockets_Kill();
    CHECK(SteamAPI_SteamNetworkingSockets_v009() == NULL);
    return CHECK_DONE();
}
