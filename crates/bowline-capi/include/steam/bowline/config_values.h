/* Settings: their names, and how they are handed over. Part of steamnetworkingtypes.h.
 *
 * A setting has a value for the process, for an interface, for a listen socket and for a connection; what is
 * not set at one level is that of the next wider one. A value out of range becomes the nearest that is in
 * it.
 */
#ifndef BOWLINE_CONFIG_VALUES_H
#define BOWLINE_CONFIG_VALUES_H

#include <stdint.h>

#include "../steamtypes.h"

/* The levels. */
typedef enum ESteamNetworkingConfigScope {
    /* The process. The object is ignored. */
    k_ESteamNetworkingConfig_Global = 1,
    /* One interface: the object is its pointer. */
    k_ESteamNetworkingConfig_SocketsInterface = 2,
    /* One listen socket, for the connections that come in: the object is its handle. */
    k_ESteamNetworkingConfig_ListenSocket = 3,
    /* One connection: the object is its handle. */
    k_ESteamNetworkingConfig_Connection = 4,
    k_ESteamNetworkingConfigScope__Force32Bit = 0x7fffffff
} ESteamNetworkingConfigScope;

/* The types. Numbers and text are converted to that of the setting; pointers are not. */
typedef enum ESteamNetworkingConfigDataType {
    k_ESteamNetworkingConfig_Int32 = 1,
    k_ESteamNetworkingConfig_Int64 = 2,
    k_ESteamNetworkingConfig_Float = 3,
    k_ESteamNetworkingConfig_String = 4,
    k_ESteamNetworkingConfig_Ptr = 5,
    k_ESteamNetworkingConfigDataType__Force32Bit = 0x7fffffff
} ESteamNetworkingConfigDataType;

/* The settings. int32 unless said otherwise. docs/config.md has their ranges and defaults. */
typedef enum ESteamNetworkingConfigValue {
    k_ESteamNetworkingConfig_Invalid = 0,
    /* Milliseconds until a connection that was never made is given up. */
    k_ESteamNetworkingConfig_TimeoutInitial = 24,
    /* Milliseconds of silence after which a connection is given up. */
    k_ESteamNetworkingConfig_TimeoutConnected = 25,
    /* Bytes that may wait to be sent; beyond that sending returns k_EResultLimitExceeded. */
    k_ESteamNetworkingConfig_SendBufferSize = 9,
    /* Bytes of received messages that may wait to be read. */
    k_ESteamNetworkingConfig_RecvBufferSize = 47,
    /* Received messages that may wait to be read. */
    k_ESteamNetworkingConfig_RecvBufferMessages = 48,
    /* Bytes of the largest message taken; a larger one ends the connection. */
    k_ESteamNetworkingConfig_RecvMaxMessageSize = 49,
    /* Pieces of messages taken from one packet. */
    k_ESteamNetworkingConfig_RecvMaxSegmentsPerPacket = 50,
    /* int64: what GetConnectionUserData returns; -1 if unset. */
    k_ESteamNetworkingConfig_ConnectionUserData = 40,
    /* Bytes per second, lower bound of the send rate. The same as SendRateMax pins it. */
    k_ESteamNetworkingConfig_SendRateMin = 10,
    /* Bytes per second, upper bound of the send rate. */
    k_ESteamNetworkingConfig_SendRateMax = 11,
    /* Microseconds that a small message waits for company. */
    k_ESteamNetworkingConfig_NagleTime = 12,
    /* Peers that cannot prove who they are: 0 refuse, 1 warn, 2 take. */
    k_ESteamNetworkingConfig_IP_AllowWithoutAuth = 23,
    /* The same for peers on this host; the larger of the two counts. */
    k_ESteamNetworkingConfig_IPLocalHost_AllowWithoutAuth = 52,
    /* Bytes of the largest UDP payload sent, 200 to 1300. */
    k_ESteamNetworkingConfig_MTU_PacketSize = 32,
    /* Read only: bytes of a message that fit one packet. */
    k_ESteamNetworkingConfig_MTU_DataSize = 33,
    /* No encryption: 0 never, 1 if the peer prefers that, 2 preferred, 3 required. */
    k_ESteamNetworkingConfig_Unencrypted = 34,
    /* 1: both sides connect to each other, and get one connection. */
    k_ESteamNetworkingConfig_SymmetricConnect = 37,
    /* The virtual port of this side of a P2P connection; -1 for that of the peer. */
    k_ESteamNetworkingConfig_LocalVirtualPort = 38,
    /* Two radios at once: 0 no, 1 if possible, 2 pretend. */
    k_ESteamNetworkingConfig_DualWifi_Enable = 39,
    /* Whether a connection shows in the diagnostics of Steam. */
    k_ESteamNetworkingConfig_EnableDiagnosticsUI = 46,
    /* Whether packets carry their distance in time: -1 as usual, 0 no, 1 yes. */
    k_ESteamNetworkingConfig_SendTimeSincePreviousPacket = 59,
    /* float: percent of packets lost on purpose. */
    k_ESteamNetworkingConfig_FakePacketLoss_Send = 2,
    k_ESteamNetworkingConfig_FakePacketLoss_Recv = 3,
    /* Milliseconds of delay added to each packet. */
    k_ESteamNetworkingConfig_FakePacketLag_Send = 4,
    k_ESteamNetworkingConfig_FakePacketLag_Recv = 5,
    /* float, milliseconds: the mean and the most of a random delay, and the percent of packets that have it. */
    k_ESteamNetworkingConfig_FakePacketJitter_Send_Avg = 53,
    k_ESteamNetworkingConfig_FakePacketJitter_Send_Max = 54,
    k_ESteamNetworkingConfig_FakePacketJitter_Send_Pct = 55,
    k_ESteamNetworkingConfig_FakePacketJitter_Recv_Avg = 56,
    k_ESteamNetworkingConfig_FakePacketJitter_Recv_Max = 57,
    k_ESteamNetworkingConfig_FakePacketJitter_Recv_Pct = 58,
    /* float: percent of packets held back by FakePacketReorder_Time milliseconds. */
    k_ESteamNetworkingConfig_FakePacketReorder_Send = 6,
    k_ESteamNetworkingConfig_FakePacketReorder_Recv = 7,
    k_ESteamNetworkingConfig_FakePacketReorder_Time = 8,
    /* float: percent of packets sent twice, within FakePacketDup_TimeMax milliseconds. */
    k_ESteamNetworkingConfig_FakePacketDup_Send = 26,
    k_ESteamNetworkingConfig_FakePacketDup_Recv = 27,
    k_ESteamNetworkingConfig_FakePacketDup_TimeMax = 28,
    /* Logs packets: -1 none, 0 headers, else that many bytes of each. */
    k_ESteamNetworkingConfig_PacketTraceMaxBytes = 41,
    /* Bytes per second of a limit on packets, 0 for none, and the bytes of its burst. */
    k_ESteamNetworkingConfig_FakeRateLimit_Send_Rate = 42,
    k_ESteamNetworkingConfig_FakeRateLimit_Send_Burst = 43,
    k_ESteamNetworkingConfig_FakeRateLimit_Recv_Rate = 44,
    k_ESteamNetworkingConfig_FakeRateLimit_Recv_Burst = 45,
    /* Microseconds that a packet waits for the one before it. */
    k_ESteamNetworkingConfig_OutOfOrderCorrectionWindowMicroseconds = 51,
    /* Pointers to functions: FnSteamNetConnectionStatusChanged and the like. */
    k_ESteamNetworkingConfig_Callback_ConnectionStatusChanged = 201,
    k_ESteamNetworkingConfig_Callback_AuthStatusChanged = 202,
    k_ESteamNetworkingConfig_Callback_RelayNetworkStatusChanged = 203,
    k_ESteamNetworkingConfig_Callback_MessagesSessionRequest = 204,
    k_ESteamNetworkingConfig_Callback_MessagesSessionFailed = 205,
    k_ESteamNetworkingConfig_Callback_CreateConnectionSignaling = 206,
    k_ESteamNetworkingConfig_Callback_FakeIPResult = 207,
    /* string: STUN servers, by commas. None: no way through address translators. */
    k_ESteamNetworkingConfig_P2P_STUN_ServerList = 103,
    /* Which addresses peers are told: k_nSteamNetworkingConfig_P2P_Transport_ICE_Enable_*. */
    k_ESteamNetworkingConfig_P2P_Transport_ICE_Enable = 104,
    /* Milliseconds that direct routes, and relayed ones, are counted slower than they are. */
    k_ESteamNetworkingConfig_P2P_Transport_ICE_Penalty = 105,
    k_ESteamNetworkingConfig_P2P_Transport_SDR_Penalty = 106,
    /* string: TURN servers by commas, and in the same order users and passwords. */
    k_ESteamNetworkingConfig_P2P_TURN_ServerList = 107,
    k_ESteamNetworkingConfig_P2P_TURN_UserList = 108,
    k_ESteamNetworkingConfig_P2P_TURN_PassList = 109,
    /* 0 whichever there is, 1 the built-in one, 2 WebRTC. */
    k_ESteamNetworkingConfig_P2P_Transport_ICE_Implementation = 110,
    /* Of relays: how many lost pings rule one out before it has answered, and after. */
    k_ESteamNetworkingConfig_SDRClient_ConsecutitivePingTimeoutsFailInitial = 19,
    k_ESteamNetworkingConfig_SDRClient_ConsecutitivePingTimeoutsFail = 20,
    k_ESteamNetworkingConfig_SDRClient_MinPingsBeforePingAccurate = 21,
    /* 1: one UDP socket for all relays. */
    k_ESteamNetworkingConfig_SDRClient_SingleSocket = 22,
    /* string: the only cluster to use. */
    k_ESteamNetworkingConfig_SDRClient_ForceRelayCluster = 29,
    /* string: a ticket for tests. */
    k_ESteamNetworkingConfig_SDRClient_DevTicket = 30,
    /* string: relays to use in place of the known ones. */
    k_ESteamNetworkingConfig_SDRClient_ForceProxyAddr = 31,
    /* string: pings to pretend, like "sto=32,iad=100". */
    k_ESteamNetworkingConfig_SDRClient_FakeClusterPing = 36,
    /* How many of the nearest clusters are pinged. */
    k_ESteamNetworkingConfig_SDRClient_LimitPingProbesToNearestN = 60,
    /* ESteamNetworkingSocketsDebugOutputType up to which these are logged. */
    k_ESteamNetworkingConfig_LogLevel_AckRTT = 13,
    k_ESteamNetworkingConfig_LogLevel_PacketDecode = 14,
    k_ESteamNetworkingConfig_LogLevel_Message = 15,
    k_ESteamNetworkingConfig_LogLevel_PacketGaps = 16,
    k_ESteamNetworkingConfig_LogLevel_P2PRendezvous = 17,
    k_ESteamNetworkingConfig_LogLevel_SDRRelayPings = 18,
    /* Congestion marks on packets: -1 as the system, 0 to 2. */
    k_ESteamNetworkingConfig_ECN = 999,
    k_ESteamNetworkingConfig_SDRClient_EnableTOSProbes = 998,
    /* Once a setting. */
    k_ESteamNetworkingConfig_DELETED_EnumerateDevVars = 35,
    k_ESteamNetworkingConfigValue__Force32Bit = 0x7fffffff
} ESteamNetworkingConfigValue;

/* Values of k_ESteamNetworkingConfig_P2P_Transport_ICE_Enable: flags, but for the first two. */
BOWLINE_INT(k_nSteamNetworkingConfig_P2P_Transport_ICE_Enable_Default, -1);
BOWLINE_INT(k_nSteamNetworkingConfig_P2P_Transport_ICE_Enable_Disable, 0);
/* Addresses of TURN servers. */
BOWLINE_INT(k_nSteamNetworkingConfig_P2P_Transport_ICE_Enable_Relay, 1);
/* Addresses of this machine's interfaces. */
BOWLINE_INT(k_nSteamNetworkingConfig_P2P_Transport_ICE_Enable_Private, 2);
/* Addresses as STUN servers see them. */
BOWLINE_INT(k_nSteamNetworkingConfig_P2P_Transport_ICE_Enable_Public, 4);
BOWLINE_INT(k_nSteamNetworkingConfig_P2P_Transport_ICE_Enable_All, 0x7fffffff);

/* One setting with its value, for the options that listen sockets and connections are made with. */
typedef struct SteamNetworkingConfigValue_t {
    ESteamNetworkingConfigValue m_eValue;
    /* Which member of the union counts. */
    ESteamNetworkingConfigDataType m_eDataType;
    union {
        int32_t m_int32;
        int64_t m_int64;
        float m_float;
        /* Needed during the call only. */
        const char *m_string;
        void *m_ptr;
    } m_val;

#ifdef __cplusplus
    void SetInt32(ESteamNetworkingConfigValue eVal, int32_t data)
    {
        Become(eVal, k_ESteamNetworkingConfig_Int32);
        m_val.m_int32 = data;
    }
    void SetInt64(ESteamNetworkingConfigValue eVal, int64_t data)
    {
        Become(eVal, k_ESteamNetworkingConfig_Int64);
        m_val.m_int64 = data;
    }
    void SetFloat(ESteamNetworkingConfigValue eVal, float data)
    {
        Become(eVal, k_ESteamNetworkingConfig_Float);
        m_val.m_float = data;
    }
    void SetPtr(ESteamNetworkingConfigValue eVal, void *data)
    {
        Become(eVal, k_ESteamNetworkingConfig_Ptr);
        m_val.m_ptr = data;
    }
    void SetString(ESteamNetworkingConfigValue eVal, const char *data)
    {
        Become(eVal, k_ESteamNetworkingConfig_String);
        m_val.m_string = data;
    }

private:
    void Become(ESteamNetworkingConfigValue eVal, ESteamNetworkingConfigDataType eType)
    {
        m_eValue = eVal;
        m_eDataType = eType;
    }
#endif
} SteamNetworkingConfigValue_t;

/* What became of reading a setting. Positive is success. */
typedef enum ESteamNetworkingGetConfigValueResult {
    /* There is no such setting. */
    k_ESteamNetworkingGetConfigValue_BadValue = -1,
    /* There is no such object, or the setting is not one of such. */
    k_ESteamNetworkingGetConfigValue_BadScopeObj = -2,
    /* `*cbResult` says how large the buffer must be. */
    k_ESteamNetworkingGetConfigValue_BufferTooSmall = -3,
    /* It is set for this very object. */
    k_ESteamNetworkingGetConfigValue_OK = 1,
    /* It comes from a wider level. */
    k_ESteamNetworkingGetConfigValue_OKInherited = 2,
    k_ESteamNetworkingGetConfigValueResult__Force32Bit = 0x7fffffff
} ESteamNetworkingGetConfigValueResult;

BOWLINE_STATIC_ASSERT(sizeof(SteamNetworkingConfigValue_t) == 16, "layout");

#endif /* BOWLINE_CONFIG_VALUES_H */
