/* How an application carries the signals by which two peers find each other, for P2P connections. */
#ifndef STEAMNETWORKINGCUSTOMSIGNALING
#define STEAMNETWORKINGCUSTOMSIGNALING

#include "steamnetworkingtypes.h"

BOWLINE_OPAQUE(ISteamNetworkingSockets);
BOWLINE_OPAQUE(ISteamNetworkingConnectionSignaling);
BOWLINE_OPAQUE(ISteamNetworkingSignalingRecvContext);

#ifdef __cplusplus

/* Carries the signals of one connection to its peer; written by the application. No lock is held when its
 * methods are called, so that they may use the interfaces; but the network waits for them, so they must not
 * wait, nor call GameNetworkingSockets_Kill, nor let an exception out, which ends the process. */
class ISteamNetworkingConnectionSignaling {
public:
    /* Sends a signal on its way, if need be later. It may be lost, or arrive twice or out of order. False
     * ends the connection. Called on any thread. */
    virtual bool SendSignal(HSteamNetConnection hConn, const SteamNetConnectionInfo_t &info, const void *pMsg,
                            int cbMsg) = 0;

    /* The connection needs it no longer. Called once. */
    virtual void Release() = 0;
};

/* Answers what ReceivedP2PCustomSignal asks; written by the application, needed during that call only. No
 * exception may come out of it. */
class ISteamNetworkingSignalingRecvContext {
public:
    /* A peer asks for a connection. Return what carries the answers, and accept the connection now or
     * later; null ignores the peer, or refuses it if the connection was closed before. */
    virtual ISteamNetworkingConnectionSignaling *
    OnConnectRequest(HSteamNetConnection hConn, const SteamNetworkingIdentity &identityPeer,
                     int nLocalVirtualPort) = 0;

    /* Sends the refusal on its way. */
    virtual void SendRejectionSignal(const SteamNetworkingIdentity &identityPeer, const void *pMsg, int cbMsg) = 0;
};

#endif /* __cplusplus */

/* Makes the signaling of a connection that ConnectP2P starts, or an ISteamNetworkingMessages session; null
 * makes that fail. Set it by k_ESteamNetworkingConfig_Callback_CreateConnectionSignaling. */
typedef ISteamNetworkingConnectionSignaling *(*FnSteamNetworkingSocketsCreateConnectionSignaling)(
    ISteamNetworkingSockets *pLocalInterface, BOWLINE_REF(const SteamNetworkingIdentity) identityPeer,
    int nLocalVirtualPort, int nRemoteVirtualPort);

#endif /* STEAMNETWORKINGCUSTOMSIGNALING */
