/* The networking of older games, by SteamID: packets to users, and sockets over them. Of the Steamworks SDK;
 * new programs use ISteamNetworkingMessages and ISteamNetworkingSockets.
 *
 * C programs see an opaque ISteamNetworking here; the function SteamAPI_ISteamNetworking_X of
 * bowline/flat_legacy.h does what method X does.
 */
#ifndef ISTEAMNETWORKING
#define ISTEAMNETWORKING

#include "steamnetworkingtypes.h"
#include "steam_api_common.h"

enum { k_iSteamNetworkingCallbacks = 1200 };

/* A socket, and one that listens. 0 is none. */
typedef uint32 SNetSocket_t;
typedef uint32 SNetListenSocket_t;

/* Why packets to a user do not arrive. */
typedef enum EP2PSessionError {
    k_EP2PSessionErrorNone = 0,
    k_EP2PSessionErrorNotRunningApp_DELETED = 1,
    k_EP2PSessionErrorNoRightsToApp = 2,
    k_EP2PSessionErrorDestinationNotLoggedIn_DELETED = 3,
    k_EP2PSessionErrorTimeout = 4,
    k_EP2PSessionErrorMax = 5
} EP2PSessionError;

/* How to send a packet. */
typedef enum EP2PSend {
    /* It may be lost; at most 1200 bytes. */
    k_EP2PSendUnreliable = 0,
    /* The same, and dropped if there is no session yet. */
    k_EP2PSendUnreliableNoDelay = 1,
    /* It arrives, in order; at most 1 MiB. */
    k_EP2PSendReliable = 2,
    /* The same, and may wait for others to share a packet with. */
    k_EP2PSendReliableWithBuffering = 3
} EP2PSend;

#ifdef VALVE_CALLBACK_PACK_SMALL
#pragma pack(push, 4)
#else
#pragma pack(push, 8)
#endif

/* How the session with a user stands. */
typedef struct P2PSessionState_t {
    uint8 m_bConnectionActive;
    uint8 m_bConnecting;
    /* EP2PSessionError. */
    uint8 m_eP2PSessionError;
    uint8 m_bUsingRelay;
    int32 m_nBytesQueuedForSend;
    int32 m_nPacketsQueuedForSend;
    /* In the byte order of this machine; 0 if not known. */
    uint32 m_nRemoteIP;
    uint16 m_nRemotePort;
} P2PSessionState_t;

/* A user sends packets: accept the session, or close it. */
typedef struct P2PSessionRequest_t {
#ifdef __cplusplus
    enum { k_iCallback = k_iSteamNetworkingCallbacks + 2 };
#endif
    CSteamID m_steamIDRemote;
} P2PSessionRequest_t;

/* Packets to a user could not be delivered, and those that waited are gone. */
typedef struct P2PSessionConnectFail_t {
#ifdef __cplusplus
    enum { k_iCallback = k_iSteamNetworkingCallbacks + 3 };
#endif
    CSteamID m_steamIDRemote;
    /* EP2PSessionError. */
    uint8 m_eP2PSessionError;
} P2PSessionConnectFail_t;

/* A socket has another state. */
typedef struct SocketStatusCallback_t {
#ifdef __cplusplus
    enum { k_iCallback = k_iSteamNetworkingCallbacks + 1 };
#endif
    SNetSocket_t m_hSocket;
    /* What it came in on; 0 if this side dialled. */
    SNetListenSocket_t m_hListenSocket;
    CSteamID m_steamIDRemote;
    /* ESNetSocketState. */
    int m_eSNetSocketState;
} SocketStatusCallback_t;

#pragma pack(pop)

/* How a socket stands. */
typedef enum ESNetSocketState {
    k_ESNetSocketStateInvalid = 0,
    k_ESNetSocketStateConnected = 1,
    k_ESNetSocketStateInitiated = 10,
    k_ESNetSocketStateLocalCandidatesFound = 11,
    k_ESNetSocketStateReceivedRemoteCandidates = 12,
    k_ESNetSocketStateChallengeHandshake = 15,
    k_ESNetSocketStateDisconnecting = 21,
    k_ESNetSocketStateLocalDisconnect = 22,
    k_ESNetSocketStateTimeoutDuringConnect = 23,
    k_ESNetSocketStateRemoteEndDisconnected = 24,
    k_ESNetSocketStateConnectionBroken = 25
} ESNetSocketState;

/* By which way a socket is connected. */
typedef enum ESNetSocketConnectionType {
    k_ESNetSocketConnectionTypeNotConnected = 0,
    k_ESNetSocketConnectionTypeUDP = 1,
    k_ESNetSocketConnectionTypeUDPRelay = 2
} ESNetSocketConnectionType;

BOWLINE_OPAQUE(ISteamNetworking);

#ifdef __cplusplus

/* False always means that it could not be done. Sizes are in bytes. */
class ISteamNetworking {
public:
    /* Packets. Channels keep those of different kinds apart. */
    virtual bool SendP2PPacket(CSteamID steamIDRemote, const void *pubData, uint32 cubData, EP2PSend eP2PSendType,
                               int nChannel = 0) = 0;
    /* Whether a packet waits to be read, and its size. */
    virtual bool IsP2PPacketAvailable(uint32 *pcubMsgSize, int nChannel = 0) = 0;
    /* Takes a packet, cut to the buffer. */
    virtual bool ReadP2PPacket(void *pubDest, uint32 cubDest, uint32 *pcubMsgSize, CSteamID *psteamIDRemote,
                               int nChannel = 0) = 0;
    virtual bool AcceptP2PSessionWithUser(CSteamID steamIDRemote) = 0;
    virtual bool CloseP2PSessionWithUser(CSteamID steamIDRemote) = 0;
    virtual bool CloseP2PChannelWithUser(CSteamID steamIDRemote, int nChannel) = 0;
    virtual bool GetP2PSessionState(CSteamID steamIDRemote, P2PSessionState_t *pConnectionState) = 0;
    virtual bool AllowP2PPacketRelay(bool bAllow) = 0;

    /* Sockets. Timeouts are in seconds. */
    virtual SNetListenSocket_t CreateListenSocket(int nVirtualP2PPort, SteamIPAddress_t nIP, uint16 nPort,
                                                  bool bAllowUseOfPacketRelay) = 0;
    virtual SNetSocket_t CreateP2PConnectionSocket(CSteamID steamIDTarget, int nVirtualPort, int nTimeoutSec,
                                                   bool bAllowUseOfPacketRelay) = 0;
    virtual SNetSocket_t CreateConnectionSocket(SteamIPAddress_t nIP, uint16 nPort, int nTimeoutSec) = 0;
    virtual bool DestroySocket(SNetSocket_t hSocket, bool bNotifyRemoteEnd) = 0;
    virtual bool DestroyListenSocket(SNetListenSocket_t hSocket, bool bNotifyRemoteEnd) = 0;
    virtual bool SendDataOnSocket(SNetSocket_t hSocket, void *pubData, uint32 cubData, bool bReliable) = 0;
    virtual bool IsDataAvailableOnSocket(SNetSocket_t hSocket, uint32 *pcubMsgSize) = 0;
    virtual bool RetrieveDataFromSocket(SNetSocket_t hSocket, void *pubDest, uint32 cubDest,
                                        uint32 *pcubMsgSize) = 0;
    /* The same for all sockets that came in on one that listens. */
    virtual bool IsDataAvailable(SNetListenSocket_t hListenSocket, uint32 *pcubMsgSize, SNetSocket_t *phSocket) = 0;
    virtual bool RetrieveData(SNetListenSocket_t hListenSocket, void *pubDest, uint32 cubDest, uint32 *pcubMsgSize,
                              SNetSocket_t *phSocket) = 0;
    virtual bool GetSocketInfo(SNetSocket_t hSocket, CSteamID *pSteamIDRemote, int *peSocketStatus,
                               SteamIPAddress_t *punIPRemote, uint16 *punPortRemote) = 0;
    virtual bool GetListenSocketInfo(SNetListenSocket_t hListenSocket, SteamIPAddress_t *pnIP, uint16 *pnPort) = 0;
    virtual ESNetSocketConnectionType GetSocketConnectionType(SNetSocket_t hSocket) = 0;
    virtual int GetMaxPacketSize(SNetSocket_t hSocket) = 0;

protected:
    /* The library owns it. */
    ~ISteamNetworking();
};

#else

enum {
    P2PSessionRequest_t_k_iCallback = k_iSteamNetworkingCallbacks + 2,
    P2PSessionConnectFail_t_k_iCallback = k_iSteamNetworkingCallbacks + 3,
    SocketStatusCallback_t_k_iCallback = k_iSteamNetworkingCallbacks + 1
};

#endif /* __cplusplus */

#define STEAMNETWORKING_INTERFACE_VERSION "SteamNetworking006"

BOWLINE_CHECK_SIZE(P2PSessionState_t, 20);
BOWLINE_CHECK_SIZE(P2PSessionRequest_t, 8);
BOWLINE_CHECK_SIZE(P2PSessionConnectFail_t, 9);
BOWLINE_CHECK_SIZE(SocketStatusCallback_t, 20);

#endif /* ISTEAMNETWORKING */
