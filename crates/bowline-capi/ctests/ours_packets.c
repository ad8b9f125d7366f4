/* The legacy interface from C: constants, structs, and calls while nobody is there. */
#include <bowline.h>
#include <steam/bowline/flat_legacy.h>
#include <steam/steamnetworkingsockets.h>
#include <steam/steamnetworkingsockets_flat.h>

#include <string.h>

#include "check.h"

static void on_asked(P2PSessionRequest_t *asked, void *context)
{
    (void)asked;
    ++*(int *)context;
}

static void on_failed(P2PSessionConnectFail_t *failed, void *context)
{
    (void)failed;
    ++*(int *)context;
}

static void check_numbers(void)
{
    CHECK_EQ(P2PSessionRequest_t_k_iCallback, 1202);
    CHECK_EQ(P2PSessionConnectFail_t_k_iCallback, 1203);
    CHECK_EQ(k_EP2PSendUnreliable, 0);
    CHECK_EQ(k_EP2PSendReliableWithBuffering, 3);
    CHECK_EQ(k_EP2PSessionErrorNoRightsToApp, 2);
    CHECK_EQ(k_EP2PSessionErrorTimeout, 4);
    CHECK_EQ(k_EP2PSessionErrorMax, 5);
    CHECK_EQ(k_ESNetSocketStateConnected, 1);
    CHECK_EQ(k_ESNetSocketStateConnectionBroken, 25);
    CHECK_EQ(k_ESNetSocketConnectionTypeUDPRelay, 2);
    CHECK_EQ(sizeof(P2PSessionState_t), 20);
}

static void check_nobody(ISteamNetworking *packets, uint64_steamid peer)
{
    uint32 size = 4711;
    char buffer[8];
    CSteamID from;
    P2PSessionState_t state;
    memset(&state, 7, sizeof state);
    CHECK(!SteamAPI_ISteamNetworking_SendP2PPacket(packets, peer, "x", 1, k_EP2PSendReliable, 0));
    CHECK(!SteamAPI_ISteamNetworking_IsP2PPacketAvailable(packets, &size, 0));
    CHECK_EQ(size, 0);
    size = 4711;
    CHECK(!SteamAPI_ISteamNetworking_ReadP2PPacket(packets, buffer, sizeof buffer, &size, &from, 0));
    CHECK_EQ(size, 0);
    CHECK(!SteamAPI_ISteamNetworking_CloseP2PSessionWithUser(packets, peer));
    CHECK(!SteamAPI_ISteamNetworking_CloseP2PChannelWithUser(packets, peer, 0));
    CHECK(!SteamAPI_ISteamNetworking_GetP2PSessionState(packets, peer, &state));
    CHECK(state.m_bConnectionActive == 0 && state.m_bConnecting == 0 && state.m_eP2PSessionError == 0);
    CHECK(state.m_nBytesQueuedForSend == 0 && state.m_nRemoteIP == 0 && state.m_nRemotePort == 0);
    CHECK(SteamAPI_ISteamNetworking_AllowP2PPacketRelay(packets, true));
}

int main(void)
{
    const uint64_steamid friend = 76561197960287930ull;
    SteamNetworkingErrMsg error;
    int told = 0;
    check_numbers();
    check_nobody(NULL, friend);
    CHECK(GameNetworkingSockets_Init(NULL, &error));
    ISteamNetworking *packets = SteamAPI_SteamNetworking_v006();
    CHECK(packets != NULL);
    CHECK(Bowline_SetP2PSessionRequestCallback(packets, on_asked, &told));
    CHECK(Bowline_SetP2PSessionConnectFailCallback(packets, on_failed, &told));
    /* Nobody carries signals, and nobody is 0. */
    check_nobody(packets, friend);
    check_nobody(packets, 0);
    CHECK(SteamAPI_ISteamNetworking_AcceptP2PSessionWithUser(packets, friend));
    CHECK(!SteamAPI_ISteamNetworking_AcceptP2PSessionWithUser(packets, 0));
    SteamAPI_ISteamNetworkingSockets_RunCallbacks(SteamAPI_SteamNetworkingSockets_v009());
    CHECK_EQ(told, 0);
    CHECK(Bowline_SetP2PSessionRequestCallback(packets, NULL, NULL));
    GameNetworkingSockets_Kill();
    CHECK(SteamAPI_SteamNetworking_v006() == NULL);
    return CHECK_DONE();
}
