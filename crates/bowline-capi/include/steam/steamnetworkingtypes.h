/* The types of all networking interfaces.
 *
 * Every struct is laid out as in GameNetworkingSockets; bowline/layout_checks.h holds that against the
 * compiler.
 */
#ifndef STEAMNETWORKINGTYPES
#define STEAMNETWORKINGTYPES

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "steamtypes.h"
#include "steamclientpublic.h"

/* The library stands on its own, without the Steam client. */
#ifndef STEAMNETWORKINGSOCKETS_OPENSOURCE
#define STEAMNETWORKINGSOCKETS_OPENSOURCE
#endif
#define STEAMNETWORKINGSOCKETS_STANDALONELIB

/* How functions of the library are declared. A program that links it statically defines
 * STEAMNETWORKINGSOCKETS_STATIC_LINK, which matters on Windows. */
#ifdef __cplusplus
#define BOWLINE_EXTERN_C extern "C"
#else
#define BOWLINE_EXTERN_C extern
#endif
#if defined(_WIN32) && defined(STEAMNETWORKINGSOCKETS_FOREXPORT) && !defined(STEAMNETWORKINGSOCKETS_STATIC_LINK)
#define STEAMNETWORKINGSOCKETS_INTERFACE BOWLINE_EXTERN_C __declspec(dllexport)
#elif defined(_WIN32) && !defined(STEAMNETWORKINGSOCKETS_STATIC_LINK)
#define STEAMNETWORKINGSOCKETS_INTERFACE BOWLINE_EXTERN_C __declspec(dllimport)
#elif defined(STEAMNETWORKINGSOCKETS_FOREXPORT) && !defined(STEAMNETWORKINGSOCKETS_STATIC_LINK)
#define STEAMNETWORKINGSOCKETS_INTERFACE BOWLINE_EXTERN_C __attribute__((visibility("default")))
#else
#define STEAMNETWORKINGSOCKETS_INTERFACE BOWLINE_EXTERN_C
#endif

#include "bowline/identity.h"
#include "bowline/config_values.h"

/* ---- Handles -------------------------------------------------------------------------------------- */

/* A connection to one peer. Numbers, not pointers: one that is stale is refused. 0 is none. */
typedef uint32 HSteamNetConnection;
BOWLINE_CONST(HSteamNetConnection, k_HSteamNetConnection_Invalid, 0);

/* Something that connections come in on. */
typedef uint32 HSteamListenSocket;
BOWLINE_CONST(HSteamListenSocket, k_HSteamListenSocket_Invalid, 0);

/* A set of connections whose messages are received together. */
typedef uint32 HSteamNetPollGroup;
BOWLINE_CONST(HSteamNetPollGroup, k_HSteamNetPollGroup_Invalid, 0);

/* Room for a sentence that says what went wrong. */
BOWLINE_INT(k_cchMaxSteamNetworkingErrMsg, 1024);
typedef char SteamNetworkingErrMsg[k_cchMaxSteamNetworkingErrMsg];

/* A data center, by the three or four letters of its name. */
typedef uint32 SteamNetworkingPOPID;

/* Microseconds: a duration, or a time on the clock of GetLocalTimestamp. */
typedef int64 SteamNetworkingMicroseconds;

/* ---- Callbacks ------------------------------------------------------------------------------------ */

typedef struct SteamNetConnectionStatusChangedCallback_t SteamNetConnectionStatusChangedCallback_t;
typedef struct SteamNetAuthenticationStatus_t SteamNetAuthenticationStatus_t;
typedef struct SteamRelayNetworkStatus_t SteamRelayNetworkStatus_t;
typedef struct SteamNetworkingMessagesSessionRequest_t SteamNetworkingMessagesSessionRequest_t;
typedef struct SteamNetworkingMessagesSessionFailed_t SteamNetworkingMessagesSessionFailed_t;
typedef struct SteamNetworkingFakeIPResult_t SteamNetworkingFakeIPResult_t;

/* What the relay network of Steam hands out; opaque here. */
typedef struct SteamDatagramRelayAuthTicket SteamDatagramRelayAuthTicket;
typedef struct SteamDatagramHostedAddress SteamDatagramHostedAddress;
typedef struct SteamDatagramGameCoordinatorServerLogin SteamDatagramGameCoordinatorServerLogin;

/* Functions of the application, called by RunCallbacks on its thread. What they are given is valid during
 * the call. They may use all of the library. */
typedef void (*FnSteamNetConnectionStatusChanged)(SteamNetConnectionStatusChangedCallback_t *);
typedef void (*FnSteamNetAuthenticationStatusChanged)(SteamNetAuthenticationStatus_t *);
typedef void (*FnSteamRelayNetworkStatusChanged)(SteamRelayNetworkStatus_t *);
typedef void (*FnSteamNetworkingMessagesSessionRequest)(SteamNetworkingMessagesSessionRequest_t *);
typedef void (*FnSteamNetworkingMessagesSessionFailed)(SteamNetworkingMessagesSessionFailed_t *);
typedef void (*FnSteamNetworkingFakeIPResult)(SteamNetworkingFakeIPResult_t *);

/* ---- States and reasons --------------------------------------------------------------------------- */

/* How far something is that the network must give: negative is a problem, 100 is there. */
typedef enum ESteamNetworkingAvailability {
    /* Something else that it needs is missing. */
    k_ESteamNetworkingAvailability_CannotTry = -102,
    k_ESteamNetworkingAvailability_Failed = -101,
    /* It was there, and is no longer. */
    k_ESteamNetworkingAvailability_Previously = -100,
    k_ESteamNetworkingAvailability_Retrying = -10,
    k_ESteamNetworkingAvailability_NeverTried = 1,
    k_ESteamNetworkingAvailability_Waiting = 2,
    k_ESteamNetworkingAvailability_Attempting = 3,
    k_ESteamNetworkingAvailability_Current = 100,
    k_ESteamNetworkingAvailability_Unknown = 0,
    k_ESteamNetworkingAvailability__Force32bit = 0x7fffffff
} ESteamNetworkingAvailability;

/* How a connection stands. */
typedef enum ESteamNetworkingConnectionState {
    /* There is none, or this side closed it. */
    k_ESteamNetworkingConnectionState_None = 0,
    /* On its way; one that came in waits for AcceptConnection or CloseConnection. */
    k_ESteamNetworkingConnectionState_Connecting = 1,
    /* The peer is known, the way to it is not yet. */
    k_ESteamNetworkingConnectionState_FindingRoute = 2,
    k_ESteamNetworkingConnectionState_Connected = 3,
    /* The peer ended it. What came in can be read; CloseConnection frees the handle. */
    k_ESteamNetworkingConnectionState_ClosedByPeer = 4,
    /* It ended without a word from the peer. CloseConnection frees the handle. */
    k_ESteamNetworkingConnectionState_ProblemDetectedLocally = 5,
    /* Never seen by an application. */
    k_ESteamNetworkingConnectionState_FinWait = -1,
    k_ESteamNetworkingConnectionState_Linger = -2,
    k_ESteamNetworkingConnectionState_Dead = -3,
    k_ESteamNetworkingConnectionState__Force32Bit = 0x7fffffff
} ESteamNetworkingConnectionState;

/* Why a connection ended. Those of the application go to the peer as they are. */
typedef enum ESteamNetConnectionEnd {
    k_ESteamNetConnectionEnd_Invalid = 0,

    /* 1000 to 1999: the application ended it in the ordinary way. Free to use. */
    k_ESteamNetConnectionEnd_App_Min = 1000,
    k_ESteamNetConnectionEnd_App_Generic = k_ESteamNetConnectionEnd_App_Min,
    k_ESteamNetConnectionEnd_App_Max = 1999,

    /* 2000 to 2999: the application ended it because something was wrong. Free to use. */
    k_ESteamNetConnectionEnd_AppException_Min = 2000,
    k_ESteamNetConnectionEnd_AppException_Generic = k_ESteamNetConnectionEnd_AppException_Min,
    k_ESteamNetConnectionEnd_AppException_Max = 2999,

    /* 3000 to 3999: a problem on this side. */
    k_ESteamNetConnectionEnd_Local_Min = 3000,
    k_ESteamNetConnectionEnd_Local_OfflineMode = 3001,
    k_ESteamNetConnectionEnd_Local_ManyRelayConnectivity = 3002,
    k_ESteamNetConnectionEnd_Local_HostedServerPrimaryRelay = 3003,
    k_ESteamNetConnectionEnd_Local_NetworkConfig = 3004,
    k_ESteamNetConnectionEnd_Local_Rights = 3005,
    k_ESteamNetConnectionEnd_Local_P2P_ICE_NoPublicAddresses = 3006,
    k_ESteamNetConnectionEnd_Local_Max = 3999,

    /* 4000 to 4999: the peer's fault, as far as can be told. */
    k_ESteamNetConnectionEnd_Remote_Min = 4000,
    /* It was silent for too long after the connection was made. */
    k_ESteamNetConnectionEnd_Remote_Timeout = 4001,
    k_ESteamNetConnectionEnd_Remote_BadCrypt = 4002,
    /* It did not prove who it is, or is not the one that was expected. */
    k_ESteamNetConnectionEnd_Remote_BadCert = 4003,
    k_ESteamNetConnectionEnd_Remote_BadProtocolVersion = 4006,
    k_ESteamNetConnectionEnd_Remote_P2P_ICE_NoPublicAddresses = 4007,
    k_ESteamNetConnectionEnd_Remote_Max = 4999,

    /* 5000 to 5999: somebody else's, or nobody knows whose. */
    k_ESteamNetConnectionEnd_Misc_Min = 5000,
    k_ESteamNetConnectionEnd_Misc_Generic = 5001,
    k_ESteamNetConnectionEnd_Misc_InternalError = 5002,
    /* Nobody answered. */
    k_ESteamNetConnectionEnd_Misc_Timeout = 5003,
    k_ESteamNetConnectionEnd_Misc_SteamConnectivity = 5005,
    k_ESteamNetConnectionEnd_Misc_NoRelaySessionsToClient = 5006,
    k_ESteamNetConnectionEnd_Misc_P2P_Rendezvous = 5008,
    k_ESteamNetConnectionEnd_Misc_P2P_NAT_Firewall = 5009,
    /* The peer does not know of the connection, for instance because it was started anew. */
    k_ESteamNetConnectionEnd_Misc_PeerSentNoConnection = 5010,
    k_ESteamNetConnectionEnd_Misc_Max = 5999,

    k_ESteamNetConnectionEnd__Force32Bit = 0x7fffffff
} ESteamNetConnectionEnd;

/* Bytes, with the terminating zero. */
BOWLINE_INT(k_cchSteamNetworkingMaxConnectionCloseReason, 128);
BOWLINE_INT(k_cchSteamNetworkingMaxConnectionDescription, 128);
BOWLINE_INT(k_cchSteamNetworkingMaxConnectionAppName, 32);

/* Flags of SteamNetConnectionInfo_t. */
/* Nobody vouches for who the peer says it is. */
BOWLINE_INT(k_nSteamNetworkConnectionInfoFlags_Unauthenticated, 1);
BOWLINE_INT(k_nSteamNetworkConnectionInfoFlags_Unencrypted, 2);
/* A pair within the process that no packet is made for. */
BOWLINE_INT(k_nSteamNetworkConnectionInfoFlags_LoopbackBuffers, 4);
/* On this host or its network. */
BOWLINE_INT(k_nSteamNetworkConnectionInfoFlags_Fast, 8);
BOWLINE_INT(k_nSteamNetworkConnectionInfoFlags_Relayed, 16);
BOWLINE_INT(k_nSteamNetworkConnectionInfoFlags_DualWifi, 32);

/* ---- Connections ---------------------------------------------------------------------------------- */

#ifdef VALVE_CALLBACK_PACK_SMALL
#pragma pack(push, 4)
#else
#pragma pack(push, 8)
#endif

/* A connection as it is at one moment. */
typedef struct SteamNetConnectionInfo_t {
    /* Invalid as long as the peer has not said who it is. */
    SteamNetworkingIdentity m_identityRemote;
    /* What SetConnectionUserData set; -1 if nothing did. */
    int64 m_nUserData;
    /* What it came in on; 0 if this side dialled. */
    HSteamListenSocket m_hListenSocket;
    /* All zeros if there is none, or it is not to be told. */
    SteamNetworkingIPAddr m_addrRemote;
    uint16 m__pad1;
    /* Data centers of the peer, and of the relay towards it; 0 if there is none. */
    SteamNetworkingPOPID m_idPOPRemote;
    SteamNetworkingPOPID m_idPOPRelay;
    ESteamNetworkingConnectionState m_eState;
    /* Why it ended: ESteamNetConnectionEnd, or a number of the application. */
    int m_eEndReason;
    /* The same in words, for a log. */
    char m_szEndDebug[k_cchSteamNetworkingMaxConnectionCloseReason];
    /* What the connection is called in the log. */
    char m_szConnectionDescription[k_cchSteamNetworkingMaxConnectionDescription];
    /* k_nSteamNetworkConnectionInfoFlags_*. */
    int m_nFlags;
    uint32 reserved[63];
} SteamNetConnectionInfo_t;

/* How well a connection does right now. */
typedef struct SteamNetConnectionRealTimeStatus_t {
    ESteamNetworkingConnectionState m_eState;
    /* Round trip in milliseconds; -1 if not known. */
    int m_nPing;
    /* The share of packets that arrive in order, 0 to 1, as this side sees it and as the peer does;
     * negative if not known. */
    float m_flConnectionQualityLocal;
    float m_flConnectionQualityRemote;
    /* Per second, of the last seconds. */
    float m_flOutPacketsPerSec;
    float m_flOutBytesPerSec;
    float m_flInPacketsPerSec;
    float m_flInBytesPerSec;
    /* What the path takes, as far as known. */
    int m_nSendRateBytesPerSecond;
    /* Bytes that wait for their first time to be sent. */
    int m_cbPendingUnreliable;
    int m_cbPendingReliable;
    /* Reliable bytes that were sent, and not acknowledged yet. */
    int m_cbSentUnackedReliable;
    /* How long a message that is queued now would wait. */
    SteamNetworkingMicroseconds m_usecQueueTime;
    /* The most jitter of late, in microseconds; negative if not measured. */
    int32 m_usecMaxJitter;
    uint32 reserved[15];
} SteamNetConnectionRealTimeStatus_t;

/* How one lane of a connection does right now; as in SteamNetConnectionRealTimeStatus_t. */
typedef struct SteamNetConnectionRealTimeLaneStatus_t {
    int m_cbPendingUnreliable;
    int m_cbPendingReliable;
    int m_cbSentUnackedReliable;
    int _reservePad1;
    SteamNetworkingMicroseconds m_usecQueueTime;
    uint32 reserved[10];
} SteamNetConnectionRealTimeLaneStatus_t;

#pragma pack(pop)

/* ---- Messages ------------------------------------------------------------------------------------- */

/* Bytes of the largest message that is sent. */
BOWLINE_INT(k_cbMaxSteamNetworkingSocketsMessageSizeSend, 512 * 1024);

/* A message, received or to be sent. Only the library makes them: a received one is the application's until
 * it releases it; one from AllocateMessage until it is sent or released. */
typedef struct SteamNetworkingMessage_t SteamNetworkingMessage_t;
struct SteamNetworkingMessage_t {
    void *m_pData;
    int m_cbSize;
    /* Where it came from; where it is to go. */
    HSteamNetConnection m_conn;
    /* Received: who sent it. */
    SteamNetworkingIdentity m_identityPeer;
    /* Received: the user data of the connection when it was handed out. */
    int64 m_nConnUserData;
    /* Received: when, on the clock of GetLocalTimestamp. */
    SteamNetworkingMicroseconds m_usecTimeReceived;
    /* Counts the messages of its lane, as the sender numbered them. */
    int64 m_nMessageNumber;
    /* Frees m_pData; set it along with a buffer of your own. Called on any thread. */
    void (*m_pfnFreeData)(SteamNetworkingMessage_t *pMsg);
    /* Frees the message; not to be set. */
    void (*m_pfnRelease)(SteamNetworkingMessage_t *pMsg);
    /* Of ISteamNetworkingMessages. */
    int m_nChannel;
    /* k_nSteamNetworkingSend_*. Of a received message only Reliable means something. */
    int m_nFlags;
    /* To be sent: anything, for m_pfnFreeData to find. */
    int64 m_nUserData;
    /* The lane that it is for, or came on. */
    uint16 m_idxLane;
    uint16 _pad1__;

#ifdef __cplusplus
    /* Frees the message and its data. On any thread, also after GameNetworkingSockets_Kill. */
    inline void Release();

    inline uint32 GetSize() const { return (uint32)m_cbSize; }
    inline const void *GetData() const { return m_pData; }
    inline int GetChannel() const { return m_nChannel; }
    inline HSteamNetConnection GetConnection() const { return m_conn; }
    inline int64 GetConnectionUserData() const { return m_nConnUserData; }
    inline SteamNetworkingMicroseconds GetTimeReceived() const { return m_usecTimeReceived; }
    inline int64 GetMessageNumber() const { return m_nMessageNumber; }

protected:
    /* Release it. */
    inline ~SteamNetworkingMessage_t() {}
#endif
};

/* How to send: flags. */
/* It may be lost, or arrive out of order. */
BOWLINE_INT(k_nSteamNetworkingSend_Unreliable, 0);
/* Do not wait for other messages to share a packet with, and hurry those that wait. */
BOWLINE_INT(k_nSteamNetworkingSend_NoNagle, 1);
BOWLINE_INT(k_nSteamNetworkingSend_UnreliableNoNagle, 0 | 1);
/* Drop it, with k_EResultIgnored, if it cannot go very soon. Not for reliable messages. */
BOWLINE_INT(k_nSteamNetworkingSend_NoDelay, 4);
BOWLINE_INT(k_nSteamNetworkingSend_UnreliableNoDelay, 0 | 4 | 1);
/* It arrives exactly once, and in order within its lane. */
BOWLINE_INT(k_nSteamNetworkingSend_Reliable, 8);
BOWLINE_INT(k_nSteamNetworkingSend_ReliableNoNagle, 8 | 1);
/* Let this thread do the work of sending. */
BOWLINE_INT(k_nSteamNetworkingSend_UseCurrentThread, 16);
/* SendMessageToUser only: make the session anew if it is broken. */
BOWLINE_INT(k_nSteamNetworkingSend_AutoRestartBrokenSession, 32);

/* ---- Places and pings ----------------------------------------------------------------------------- */

/* Where a host is within the relay network; opaque. */
typedef struct SteamNetworkPingLocation_t {
    uint8 m_data[512];
} SteamNetworkPingLocation_t;

/* Bytes of its text, with the terminating zero. */
BOWLINE_INT(k_cchMaxSteamNetworkingPingLocationString, 1024);
/* In place of milliseconds: it cannot be reached, or is not known. */
BOWLINE_INT(k_nSteamNetworkingPing_Failed, -1);
BOWLINE_INT(k_nSteamNetworkingPing_Unknown, -2);

/* The data center of developers' machines. */
BOWLINE_CONST(SteamNetworkingPOPID, k_SteamDatagramPOPID_dev, 0x00646576);

/* From the name of a data center, three or four letters, to its number. A null byte ends it early. */
BOWLINE_INLINE SteamNetworkingPOPID CalculateSteamNetworkingPOPIDFromString(const char *pszCode)
{
    /* The place of each letter within the number. */
    static const unsigned char shifts[4] = {16, 8, 0, 24};
    SteamNetworkingPOPID id = 0;
    for (int i = 0; i < 4 && pszCode[i] != 0; ++i)
        id |= (SteamNetworkingPOPID)(uint8)pszCode[i] << shifts[i];
    return id;
}

/* ---- Debug output --------------------------------------------------------------------------------- */

/* How important a line of the log is; lower is more so. */
typedef enum ESteamNetworkingSocketsDebugOutputType {
    k_ESteamNetworkingSocketsDebugOutputType_None = 0,
    /* The application, or the library, does what it must not. */
    k_ESteamNetworkingSocketsDebugOutputType_Bug = 1,
    k_ESteamNetworkingSocketsDebugOutputType_Error = 2,
    k_ESteamNetworkingSocketsDebugOutputType_Important = 3,
    k_ESteamNetworkingSocketsDebugOutputType_Warning = 4,
    k_ESteamNetworkingSocketsDebugOutputType_Msg = 5,
    k_ESteamNetworkingSocketsDebugOutputType_Verbose = 6,
    k_ESteamNetworkingSocketsDebugOutputType_Debug = 7,
    k_ESteamNetworkingSocketsDebugOutputType_Everything = 8,
    k_ESteamNetworkingSocketsDebugOutputType__Force32Bit = 0x7fffffff
} ESteamNetworkingSocketsDebugOutputType;

/* Takes a line of the log, without a line break. Called on any thread, several at a time. */
typedef void (*FSteamNetworkingSocketsDebugOutput)(ESteamNetworkingSocketsDebugOutputType nType, const char *pszMsg);

#include "bowline/layout_checks.h"

#ifdef __cplusplus

inline void SteamNetworkingMessage_t::Release() { m_pfnRelease(this); }

/* From the number of a data center to its name; at least five bytes. */
template <int N>
inline void GetSteamNetworkingLocationPOPStringFromID(SteamNetworkingPOPID id, char (&szCode)[N])
{
    static_assert(N >= 5, "four letters and a terminating zero");
    szCode[0] = (char)(id >> 16);
    szCode[1] = (char)(id >> 8);
    szCode[2] = (char)id;
    szCode[3] = (char)(id >> 24);
    szCode[4] = 0;
}

/* The name of a data center for as long as this object lives. */
struct SteamNetworkingPOPIDRender {
    SteamNetworkingPOPIDRender(SteamNetworkingPOPID x) { GetSteamNetworkingLocationPOPStringFromID(x, buf); }
    inline const char *c_str() const { return buf; }

private:
    char buf[8];
};

/* Older names. */
typedef SteamNetworkingMessage_t ISteamNetworkingMessage;
typedef SteamNetworkingErrMsg SteamDatagramErrMsg;

#endif /* __cplusplus */

#endif /* STEAMNETWORKINGTYPES */
