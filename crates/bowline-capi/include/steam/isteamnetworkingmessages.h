/* Messages to peers by their identity, without connections to look after: the first message opens a session,
 * and one that is idle for three minutes closes by itself.
 *
 * C programs see an opaque ISteamNetworkingMessages here; the function of steamnetworkingsockets_flat.h
 * that is called SteamAPI_ISteamNetworkingMessages_X does what method X does.
 */
#ifndef ISTEAMNETWORKINGMESSAGES
#define ISTEAMNETWORKINGMESSAGES

#include "steamnetworkingtypes.h"
#include "steam_api_common.h"

BOWLINE_OPAQUE(ISteamNetworkingMessages);

#ifdef __cplusplus

/* All methods may be called from any thread, and from callbacks. Channels keep messages of different kinds
 * apart. */
class ISteamNetworkingMessages {
public:
    /* Sends a copy of a message of at most 512 KiB, and accepts a session that the peer asked for. InvalidParam
     * for an invalid identity or one's own, or if it is too large; LimitExceeded if it does not fit into
     * SendBufferSize with 5 bytes besides; ConnectFailed if the session is broken and AutoRestartBrokenSession is
     * not among the flags; Fail if the peer is not in this process and nothing makes what carries signals
     * (k_ESteamNetworkingConfig_Callback_CreateConnectionSignaling). */
    virtual EResult SendMessageToUser(const SteamNetworkingIdentity &identityRemote, const void *pubData,
                                      uint32 cubData, int nSendFlags, int nRemoteChannel) = 0;

    /* Takes received messages of a channel and tells how many; release each. */
    virtual int ReceiveMessagesOnChannel(int nLocalChannel, SteamNetworkingMessage_t **ppOutMessages,
                                         int nMaxMessages) = 0;

    /* Accepts the session that a peer asked for. False if there is none. */
    virtual bool AcceptSessionWithUser(const SteamNetworkingIdentity &identityRemote) = 0;

    /* Ends the session with a peer; what was not read is gone. False if there is none. */
    virtual bool CloseSessionWithUser(const SteamNetworkingIdentity &identityRemote) = 0;

    /* The same for one channel; closing the last one closes the session. False if nothing came in on
     * it. */
    virtual bool CloseChannelWithUser(const SteamNetworkingIdentity &identityRemote, int nLocalChannel) = 0;

    /* How the session stands. None if there is none. Either pointer may be null. */
    virtual ESteamNetworkingConnectionState
    GetSessionConnectionInfo(const SteamNetworkingIdentity &identityRemote, SteamNetConnectionInfo_t *pConnectionInfo,
                             SteamNetConnectionRealTimeStatus_t *pQuickStatus) = 0;
};

#endif /* __cplusplus */

#define STEAMNETWORKINGMESSAGES_INTERFACE_VERSION "SteamNetworkingMessages002"

/* Null until GameNetworkingSockets_Init, and after GameNetworkingSockets_Kill. */
STEAMNETWORKINGSOCKETS_INTERFACE ISteamNetworkingMessages *SteamNetworkingMessages_LibV2(void);
BOWLINE_INLINE ISteamNetworkingMessages *SteamNetworkingMessages_Lib(void) { return SteamNetworkingMessages_LibV2(); }

/* The one of the second interface. */
STEAMNETWORKINGSOCKETS_INTERFACE ISteamNetworkingMessages *SteamGameServerNetworkingMessages_LibV2(void);
BOWLINE_INLINE ISteamNetworkingMessages *SteamGameServerNetworkingMessages_Lib(void)
{
    return SteamGameServerNetworkingMessages_LibV2();
}

#ifndef STEAMNETWORKINGSOCKETS_STEAMAPI
BOWLINE_INLINE ISteamNetworkingMessages *SteamNetworkingMessages(void) { return SteamNetworkingMessages_LibV2(); }
BOWLINE_INLINE ISteamNetworkingMessages *SteamGameServerNetworkingMessages(void)
{
    return SteamGameServerNetworkingMessages_LibV2();
}
#endif

#pragma pack(push, 1)

/* A peer asks for a session: accept it, or close it, or wait and it goes away. */
struct SteamNetworkingMessagesSessionRequest_t {
#ifdef __cplusplus
    enum { k_iCallback = k_iSteamNetworkingMessagesCallbacks + 1 };
#endif
    SteamNetworkingIdentity m_identityRemote;
};

/* A session could not be made, or is broken. */
struct SteamNetworkingMessagesSessionFailed_t {
#ifdef __cplusplus
    enum { k_iCallback = k_iSteamNetworkingMessagesCallbacks + 2 };
#endif
    SteamNetConnectionInfo_t m_info;
};

#pragma pack(pop)

#ifndef __cplusplus
enum {
    SteamNetworkingMessagesSessionRequest_t_k_iCallback = k_iSteamNetworkingMessagesCallbacks + 1,
    SteamNetworkingMessagesSessionFailed_t_k_iCallback = k_iSteamNetworkingMessagesCallbacks + 2
};
#endif

BOWLINE_CHECK_SIZE(SteamNetworkingMessagesSessionRequest_t, 136);
BOWLINE_CHECK_SIZE(SteamNetworkingMessagesSessionFailed_t, 696);
BOWLINE_CHECK_ALIGN(SteamNetworkingMessagesSessionFailed_t, 1);

#endif /* ISTEAMNETWORKINGMESSAGES */
