/* Connections and messages between hosts.
 *
 * C programs see an opaque ISteamNetworkingSockets here; the function of steamnetworkingsockets_flat.h
 * that is called SteamAPI_ISteamNetworkingSockets_X does what method X does, and says no more about it.
 */
#ifndef ISTEAMNETWORKINGSOCKETS
#define ISTEAMNETWORKINGSOCKETS

#include "steamnetworkingtypes.h"
#include "steam_api_common.h"

BOWLINE_OPAQUE(ISteamNetworkingConnectionSignaling);
BOWLINE_OPAQUE(ISteamNetworkingSignalingRecvContext);
BOWLINE_OPAQUE(ISteamNetworkingFakeUDPPort);
BOWLINE_OPAQUE(ISteamNetworkingSockets);

#ifdef __cplusplus

/* All methods may be called from any thread, and from callbacks. None blocks.
 *
 * Every listen socket and connection can be made with settings: `nOptions` of them at `pOptions`, or 0 and
 * null. One that cannot be set makes the call fail. */
class ISteamNetworkingSockets {
public:
    /* Listens on a UDP port; address all zeros for every interface, IPv4 and IPv6. Each connection that
     * comes in is told by a callback, in state Connecting, and must be accepted or closed. 0 if the port is
     * 0 or taken. */
    virtual HSteamListenSocket CreateListenSocketIP(const SteamNetworkingIPAddr &localAddress, int nOptions,
                                                    const SteamNetworkingConfigValue_t *pOptions) = 0;

    /* Starts a connection and returns at once; callbacks tell how it goes. Messages may be sent right
     * away. 0 if an option is bad. */
    virtual HSteamNetConnection ConnectByIPAddress(const SteamNetworkingIPAddr &address, int nOptions,
                                                   const SteamNetworkingConfigValue_t *pOptions) = 0;

    /* Listens for peers that find this one by its identity. Virtual ports, 0 to 65535, keep services
     * apart. Their signals come in by ReceivedP2PCustomSignal. 0 if the port is out of range or taken, or an
     * option is bad. */
    virtual HSteamListenSocket CreateListenSocketP2P(int nLocalVirtualPort, int nOptions,
                                                     const SteamNetworkingConfigValue_t *pOptions) = 0;

    /* Starts a connection to an identity, like ConnectByIPAddress. If that is one of the interfaces of this process
     * the connection is made in memory, and 0 comes back if that one does not listen on the port. Else the
     * function that is set as k_ESteamNetworkingConfig_Callback_CreateConnectionSignaling makes what carries the
     * signals: 0 without it, if either side is nobody, the port is not 0 to 65535, or an option is bad. */
    virtual HSteamNetConnection ConnectP2P(const SteamNetworkingIdentity &identityRemote, int nRemoteVirtualPort,
                                           int nOptions, const SteamNetworkingConfigValue_t *pOptions) = 0;

    /* Takes a connection that came in. InvalidParam for an unknown handle or one that this side dialled,
     * InvalidState if it does not wait any more, HandshakeFailed if its keys are no good. */
    virtual EResult AcceptConnection(HSteamNetConnection hConn) = 0;

    /* Ends a connection and frees its handle; every connection needs this, also one that has ended. What
     * was not read is gone. The reason is 0 or 1000 to 2999 and goes to the peer along with the text,
     * which may be null. With linger, what was sent reliably still arrives. False for an unknown
     * handle. */
    virtual bool CloseConnection(HSteamNetConnection hPeer, int nReason, const char *pszDebug,
                                 bool bEnableLinger) = 0;

    /* Closes a listen socket, and without flushing the connections that came in on it. False for an
     * unknown handle. */
    virtual bool CloseListenSocket(HSteamListenSocket hSocket) = 0;

    /* Attaches a number to a connection. Messages that were not read yet carry it, callbacks that were
     * queued do not. False for an unknown handle. */
    virtual bool SetConnectionUserData(HSteamNetConnection hPeer, int64 nUserData) = 0;

    /* -1 for an unknown handle, or if none was attached. */
    virtual int64 GetConnectionUserData(HSteamNetConnection hPeer) = 0;

    /* Names a connection in the log; at most 31 bytes are used. */
    virtual void SetConnectionName(HSteamNetConnection hPeer, const char *pszName) = 0;

    /* Copies the name, cut to `nMaxLen` bytes with the terminating zero. False for an unknown handle. */
    virtual bool GetConnectionName(HSteamNetConnection hPeer, char *pszName, int nMaxLen) = 0;

    /* Sends a copy of a message of at most 512 KiB, also while the connection is being made. Its number
     * goes to `pOutMessageNumber`, which may be null; -1 if it failed. InvalidParam for an unknown handle or
     * if it is too large, NoConnection if the connection has ended, LimitExceeded if the send buffer is
     * full, Ignored for NoDelay if it would have to wait. */
    virtual EResult SendMessageToConnection(HSteamNetConnection hConn, const void *pData, uint32 cbData,
                                            int nSendFlags, int64 *pOutMessageNumber) = 0;

    /* Sends messages of AllocateMessage, each on the connection and lane that it names, without copying
     * them. Each result is the message's number; a negative EResult; or 0 if it was not tried because an
     * earlier one of the same connection failed. With `bDeleteFailedMessages` all are released; without, those
     * that were sent are replaced by null in `pMessages`, and the others stay the caller's. */
    virtual void SendMessages(int nMessages, SteamNetworkingMessage_t **pMessages, int64 *pOutMessageNumberOrResult,
                              bool bDeleteFailedMessages) = 0;

    /* Sends at once what waits for company. InvalidParam for an unknown handle, NoConnection if it has
     * ended, Ignored if it is not made yet. */
    virtual EResult FlushMessagesOnConnection(HSteamNetConnection hConn) = 0;

    /* Takes received messages, oldest first, and tells how many; release each. Works after the peer
     * closed, too. -1 for an unknown handle. */
    virtual int ReceiveMessagesOnConnection(HSteamNetConnection hConn, SteamNetworkingMessage_t **ppOutMessages,
                                            int nMaxMessages) = 0;

    /* Tells of a connection. False for an unknown handle. `pInfo` may be null. */
    virtual bool GetConnectionInfo(HSteamNetConnection hConn, SteamNetConnectionInfo_t *pInfo) = 0;

    /* How well a connection does, and the first `nLanes` of its lanes. Either may be null, with `nLanes` 0.
     * NoConnection for an unknown handle, InvalidParam for more lanes than there are. */
    virtual EResult GetConnectionRealTimeStatus(HSteamNetConnection hConn,
                                                SteamNetConnectionRealTimeStatus_t *pStatus, int nLanes,
                                                SteamNetConnectionRealTimeLaneStatus_t *pLanes) = 0;

    /* All there is to know of a connection, as text for people. 0 if it fitted, else the size that it
     * needs; -1 for an unknown handle. */
    virtual int GetDetailedConnectionStatus(HSteamNetConnection hConn, char *pszBuf, int cbBuf) = 0;

    /* Where a listen socket listens. False for an unknown handle, or one without an address. */
    virtual bool GetListenSocketAddress(HSteamListenSocket hSocket, SteamNetworkingIPAddr *address) = 0;

    /* Makes two connections to each other, connected at once and without callbacks; both must be closed. With
     * network loopback real packets go between them. Identity 1 is whom connection 1 sees as its peer; null
     * for somebody on this host. */
    virtual bool CreateSocketPair(HSteamNetConnection *pOutConnection1, HSteamNetConnection *pOutConnection2,
                                  bool bUseNetworkLoopback, const SteamNetworkingIdentity *pPeerIdentity1,
                                  const SteamNetworkingIdentity *pPeerIdentity2) = 0;

    /* Sets up lanes 0 to `nNumLanes` - 1 for sending, at most 255; they cannot become fewer. Of lanes that
     * have something to send those with the lowest priority number go first, and share by weight. Null
     * priorities are all the same, null weights are 1. NoConnection for an unknown handle, InvalidParam for
     * a bad number or a weight of 0, InvalidState if the connection has ended. */
    virtual EResult ConfigureConnectionLanes(HSteamNetConnection hConn, int nNumLanes, const int *pLanePriorities,
                                             const uint16 *pLaneWeights) = 0;

    /* Who this interface says it is. False, with nobody, if that is not known. */
    virtual bool GetIdentity(SteamNetworkingIdentity *pIdentity) = 0;

    /* Gets ready to prove who we are, and tells how far that is. */
    virtual ESteamNetworkingAvailability InitAuthentication() = 0;

    /* How far that is; in words, too, unless `pDetails` is null. */
    virtual ESteamNetworkingAvailability GetAuthenticationStatus(SteamNetAuthenticationStatus_t *pDetails) = 0;

    /* Makes a poll group. */
    virtual HSteamNetPollGroup CreatePollGroup() = 0;

    /* Destroys it; its connections stay open. False for an unknown handle. */
    virtual bool DestroyPollGroup(HSteamNetPollGroup hPollGroup) = 0;

    /* Moves a connection into a poll group, or out of its group with 0. What it has received goes along. False
     * for unknown handles. */
    virtual bool SetConnectionPollGroup(HSteamNetConnection hConn, HSteamNetPollGroup hPollGroup) = 0;

    /* Takes received messages of all connections of a group, in the order in which they came, and tells
     * how many; release each. -1 for an unknown handle. */
    virtual int ReceiveMessagesOnPollGroup(HSteamNetPollGroup hPollGroup, SteamNetworkingMessage_t **ppOutMessages,
                                           int nMaxMessages) = 0;

    /* Of Valve's relay network. */
    virtual bool ReceivedRelayAuthTicket(const void *pvTicket, int cbTicket,
                                         SteamDatagramRelayAuthTicket *pOutParsedTicket) = 0;
    virtual int FindRelayAuthTicketForServer(const SteamNetworkingIdentity &identityGameServer,
                                             int nRemoteVirtualPort,
                                             SteamDatagramRelayAuthTicket *pOutParsedTicket) = 0;
    virtual HSteamNetConnection ConnectToHostedDedicatedServer(const SteamNetworkingIdentity &identityTarget,
                                                               int nRemoteVirtualPort, int nOptions,
                                                               const SteamNetworkingConfigValue_t *pOptions) = 0;
    virtual uint16 GetHostedDedicatedServerPort() = 0;
    virtual SteamNetworkingPOPID GetHostedDedicatedServerPOPID() = 0;
    virtual EResult GetHostedDedicatedServerAddress(SteamDatagramHostedAddress *pRouting) = 0;
    virtual HSteamListenSocket CreateHostedDedicatedServerListenSocket(int nLocalVirtualPort, int nOptions,
                                                                       const SteamNetworkingConfigValue_t *pOptions) = 0;
    virtual EResult GetGameCoordinatorServerLogin(SteamDatagramGameCoordinatorServerLogin *pLoginInfo,
                                                  int *pcbSignedBlob, void *pBlob) = 0;

    /* Connects to a peer by signals that the application carries. Takes over `pSignaling`, and releases it
     * also if it fails. 0 without an identity, if this side has none, or an option is bad. With
     * k_ESteamNetworkingConfig_SymmetricConnect it may be the connection by which the peer has asked. */
    virtual HSteamNetConnection ConnectP2PCustomSignaling(ISteamNetworkingConnectionSignaling *pSignaling,
                                                          const SteamNetworkingIdentity *pPeerIdentity,
                                                          int nRemoteVirtualPort, int nOptions,
                                                          const SteamNetworkingConfigValue_t *pOptions) = 0;

    /* Hands in a signal that came from a peer. The context is asked about a new connection, during the
     * call; with null nobody can connect. False if it makes no sense, or is for somebody else. */
    virtual bool ReceivedP2PCustomSignal(const void *pMsg, int cbMsg,
                                         ISteamNetworkingSignalingRecvContext *pContext) = 0;

    /* Makes what an authority needs to sign a certificate for us. With a null `pBlob` only its size is
     * told. False, with the reason, if it does not fit. */
    virtual bool GetCertificateRequest(int *pcbBlob, void *pBlob, SteamNetworkingErrMsg &errMsg) = 0;

    /* Takes the certificate that an authority signed. False, with the reason, if it cannot be ours. */
    virtual bool SetCertificate(const void *pCertificate, int cbCertificate, SteamNetworkingErrMsg &errMsg) = 0;

    /* Closes all connections, forgets key and certificate, and becomes somebody else; nobody with null,
     * until a certificate says who. */
    virtual void ResetIdentity(const SteamNetworkingIdentity *pIdentity) = 0;

    /* Calls the callbacks of all that has happened since, in that order, on this thread. What happens
     * meanwhile is for the next call. */
    virtual void RunCallbacks() = 0;

    /* Asks for addresses that stand for identities, with 1 to 4 ports. False if that is under way or not
     * possible. */
    virtual bool BeginAsyncRequestFakeIP(int nNumPorts) = 0;
    virtual void GetFakeIP(int idxFirstPort, SteamNetworkingFakeIPResult_t *pInfo) = 0;
    virtual HSteamListenSocket CreateListenSocketP2PFakeIP(int idxFakePort, int nOptions,
                                                           const SteamNetworkingConfigValue_t *pOptions) = 0;
    virtual EResult GetRemoteFakeIPForConnection(HSteamNetConnection hConn, SteamNetworkingIPAddr *pOutAddr) = 0;
    /* See steamnetworkingfakeip.h. Null if there is none to be had. */
    virtual ISteamNetworkingFakeUDPPort *CreateFakeUDPPort(int idxFakeServerPort) = 0;

protected:
    /* The library owns it. */
    ~ISteamNetworkingSockets();
};

#endif /* __cplusplus */

/* ---- How to get one ------------------------------------------------------------------------------- */

#define STEAMNETWORKINGSOCKETS_INTERFACE_VERSION "SteamNetworkingSockets012"

/* Null until GameNetworkingSockets_Init, and after GameNetworkingSockets_Kill. */
STEAMNETWORKINGSOCKETS_INTERFACE ISteamNetworkingSockets *SteamNetworkingSockets_LibV12(void);
BOWLINE_INLINE ISteamNetworkingSockets *SteamNetworkingSockets_Lib(void) { return SteamNetworkingSockets_LibV12(); }

/* A second interface, with an identity of its own. */
STEAMNETWORKINGSOCKETS_INTERFACE ISteamNetworkingSockets *SteamGameServerNetworkingSockets_LibV12(void);
BOWLINE_INLINE ISteamNetworkingSockets *SteamGameServerNetworkingSockets_Lib(void)
{
    return SteamGameServerNetworkingSockets_LibV12();
}

#ifndef STEAMNETWORKINGSOCKETS_STEAMAPI
BOWLINE_INLINE ISteamNetworkingSockets *SteamNetworkingSockets(void) { return SteamNetworkingSockets_LibV12(); }
BOWLINE_INLINE ISteamNetworkingSockets *SteamGameServerNetworkingSockets(void)
{
    return SteamGameServerNetworkingSockets_LibV12();
}
#endif

/* ---- Callbacks ------------------------------------------------------------------------------------ */

#ifdef VALVE_CALLBACK_PACK_SMALL
#pragma pack(push, 4)
#else
#pragma pack(push, 8)
#endif

/* A connection was made, has another state, or was closed by this side. Set the function by
 * k_ESteamNetworkingConfig_Callback_ConnectionStatusChanged. */
struct SteamNetConnectionStatusChangedCallback_t {
#ifdef __cplusplus
    enum { k_iCallback = k_iSteamNetworkingSocketsCallbacks + 1 };
#endif
    HSteamNetConnection m_hConn;
    /* As it was when this happened; m_eState is the new state. */
    SteamNetConnectionInfo_t m_info;
    ESteamNetworkingConnectionState m_eOldState;
};

/* Whether we can prove who we are has changed. */
struct SteamNetAuthenticationStatus_t {
#ifdef __cplusplus
    enum { k_iCallback = k_iSteamNetworkingSocketsCallbacks + 2 };
#endif
    ESteamNetworkingAvailability m_eAvail;
    char m_debugMsg[256];
};

#pragma pack(pop)

#ifndef __cplusplus
enum {
    SteamNetConnectionStatusChangedCallback_t_k_iCallback = k_iSteamNetworkingSocketsCallbacks + 1,
    SteamNetAuthenticationStatus_t_k_iCallback = k_iSteamNetworkingSocketsCallbacks + 2
};
#endif

#ifdef VALVE_CALLBACK_PACK_SMALL
BOWLINE_CHECK_SIZE(SteamNetConnectionStatusChangedCallback_t, 704);
BOWLINE_CHECK_OFFSET(SteamNetConnectionStatusChangedCallback_t, m_info, 4);
BOWLINE_CHECK_OFFSET(SteamNetConnectionStatusChangedCallback_t, m_eOldState, 700);
#else
BOWLINE_CHECK_SIZE(SteamNetConnectionStatusChangedCallback_t, 712);
BOWLINE_CHECK_OFFSET(SteamNetConnectionStatusChangedCallback_t, m_info, 8);
BOWLINE_CHECK_OFFSET(SteamNetConnectionStatusChangedCallback_t, m_eOldState, 704);
#endif
BOWLINE_CHECK_SIZE(SteamNetAuthenticationStatus_t, 260);

#endif /* ISTEAMNETWORKINGSOCKETS */
