/* Addresses that stand for identities, so that a game that knows addresses only can use P2P connections.
 *
 * Of the Steamworks SDK: GameNetworkingSockets names the interface, and has no header for it.
 */
#ifndef STEAMNETWORKINGFAKEIP_H
#define STEAMNETWORKINGFAKEIP_H

#include "steamnetworkingtypes.h"
#include "steam_api_common.h"

/* Bytes that reach most peers in one packet, and the most that are taken. */
BOWLINE_INT(k_cbSteamNetworkingSocketsFakeUDPPortRecommendedMTU, 1200);
BOWLINE_INT(k_cbSteamNetworkingSocketsFakeUDPPortMaxMessageSize, 4096);

BOWLINE_OPAQUE(ISteamNetworkingFakeUDPPort);

#ifdef __cplusplus

/* Sends and receives unreliable messages by FakeIP, like a UDP socket. */
class ISteamNetworkingFakeUDPPort {
public:
    /* Ends it, with its connections. Not while another method runs. */
    virtual void DestroyFakeUDPPort() = 0;

    /* Unreliable flags only, at most 4096 bytes. Busy as long as the address of this host was not given
     * yet, IPNotFound for an address that stands for nobody; else as SendMessageToConnection. */
    virtual EResult SendMessageToFakeIP(const SteamNetworkingIPAddr &remoteAddress, const void *pData, uint32 cbData,
                                        int nSendFlags) = 0;

    /* Takes received messages and tells how many; release each. The sender is always a FakeIP. */
    virtual int ReceiveMessages(SteamNetworkingMessage_t **ppOutMessages, int nMaxMessages) = 0;

    /* The peer is not expected to send any more: forget it soon. */
    virtual void ScheduleCleanup(const SteamNetworkingIPAddr &remoteAddress) = 0;
};

#endif /* __cplusplus */

#ifdef VALVE_CALLBACK_PACK_SMALL
#pragma pack(push, 4)
#else
#pragma pack(push, 8)
#endif

/* What became of BeginAsyncRequestFakeIP. */
struct SteamNetworkingFakeIPResult_t {
#ifdef __cplusplus
    enum { k_iCallback = k_iSteamNetworkingSocketsCallbacks + 3, k_nMaxReturnPorts = 8 };
#endif
    /* Busy while it is under way, NoMatch if nothing was asked for, Disabled if it is not possible. */
    EResult m_eResult;
    /* Whose address it is. */
    SteamNetworkingIdentity m_identity;
    uint32 m_unIP;
    /* As many as were asked for; the others are 0. */
    uint16 m_unPorts[8];
};

#pragma pack(pop)

#ifndef __cplusplus
enum {
    SteamNetworkingFakeIPResult_t_k_iCallback = k_iSteamNetworkingSocketsCallbacks + 3,
    SteamNetworkingFakeIPResult_t_k_nMaxReturnPorts = 8
};
#endif

BOWLINE_CHECK_SIZE(SteamNetworkingFakeIPResult_t, 160);
BOWLINE_CHECK_OFFSET(SteamNetworkingFakeIPResult_t, m_unIP, 140);
BOWLINE_CHECK_OFFSET(SteamNetworkingFakeIPResult_t, m_unPorts, 144);

#endif /* STEAMNETWORKINGFAKEIP_H */
