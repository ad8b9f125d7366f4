/* Holds the layout of the structs of steamnetworkingtypes.h against the compiler that reads them. The numbers
 * are those of GameNetworkingSockets; with the large packing only alignments differ here.
 */
#ifndef BOWLINE_LAYOUT_CHECKS_H
#define BOWLINE_LAYOUT_CHECKS_H

#include <stddef.h>

/* Alignments of 8-byte fields under the packing of callbacks. On 32-bit Unix they have 4 anyway. */
#ifdef VALVE_CALLBACK_PACK_SMALL
#define BOWLINE_PACKED_ALIGN 4
#else
#define BOWLINE_PACKED_ALIGN BOWLINE_ALIGNOF(int64)
#endif

#define BOWLINE_CHECK_SIZE(type, size) BOWLINE_STATIC_ASSERT(sizeof(type) == (size), "size of " #type)
#define BOWLINE_CHECK_ALIGN(type, align) BOWLINE_STATIC_ASSERT(BOWLINE_ALIGNOF(type) == (align), "alignment of " #type)
/* offsetof is defined for types with constructors too, but compilers warn; none of these has virtual
 * functions or bases. */
#define BOWLINE_CHECK_OFFSET(type, field, offset)                                                                      \
    BOWLINE_STATIC_ASSERT(offsetof(type, field) == (offset), "offset of " #type "." #field)

BOWLINE_CHECK_OFFSET(SteamNetworkingIPAddr, m_port, 16);
BOWLINE_CHECK_OFFSET(SteamNetworkingIdentity, m_cbSize, 4);
BOWLINE_CHECK_OFFSET(SteamNetworkingIdentity, m_reserved, 8);

BOWLINE_CHECK_SIZE(SteamNetConnectionInfo_t, 696);
BOWLINE_CHECK_ALIGN(SteamNetConnectionInfo_t, BOWLINE_PACKED_ALIGN);
BOWLINE_CHECK_OFFSET(SteamNetConnectionInfo_t, m_nUserData, 136);
BOWLINE_CHECK_OFFSET(SteamNetConnectionInfo_t, m_hListenSocket, 144);
BOWLINE_CHECK_OFFSET(SteamNetConnectionInfo_t, m_addrRemote, 148);
BOWLINE_CHECK_OFFSET(SteamNetConnectionInfo_t, m_idPOPRemote, 168);
BOWLINE_CHECK_OFFSET(SteamNetConnectionInfo_t, m_eState, 176);
BOWLINE_CHECK_OFFSET(SteamNetConnectionInfo_t, m_eEndReason, 180);
BOWLINE_CHECK_OFFSET(SteamNetConnectionInfo_t, m_szEndDebug, 184);
BOWLINE_CHECK_OFFSET(SteamNetConnectionInfo_t, m_szConnectionDescription, 312);
BOWLINE_CHECK_OFFSET(SteamNetConnectionInfo_t, m_nFlags, 440);

BOWLINE_CHECK_SIZE(SteamNetConnectionRealTimeStatus_t, 120);
BOWLINE_CHECK_ALIGN(SteamNetConnectionRealTimeStatus_t, BOWLINE_PACKED_ALIGN);
BOWLINE_CHECK_OFFSET(SteamNetConnectionRealTimeStatus_t, m_nPing, 4);
BOWLINE_CHECK_OFFSET(SteamNetConnectionRealTimeStatus_t, m_cbSentUnackedReliable, 44);
BOWLINE_CHECK_OFFSET(SteamNetConnectionRealTimeStatus_t, m_usecQueueTime, 48);
BOWLINE_CHECK_OFFSET(SteamNetConnectionRealTimeStatus_t, m_usecMaxJitter, 56);

BOWLINE_CHECK_SIZE(SteamNetConnectionRealTimeLaneStatus_t, 64);
BOWLINE_CHECK_ALIGN(SteamNetConnectionRealTimeLaneStatus_t, BOWLINE_PACKED_ALIGN);
BOWLINE_CHECK_OFFSET(SteamNetConnectionRealTimeLaneStatus_t, m_usecQueueTime, 16);

BOWLINE_CHECK_SIZE(SteamNetworkPingLocation_t, 512);
BOWLINE_CHECK_OFFSET(SteamNetworkingConfigValue_t, m_val, 8);

BOWLINE_CHECK_OFFSET(SteamNetworkingMessage_t, m_cbSize, sizeof(void *));
BOWLINE_CHECK_OFFSET(SteamNetworkingMessage_t, m_conn, sizeof(void *) + 4);
BOWLINE_CHECK_OFFSET(SteamNetworkingMessage_t, m_identityPeer, sizeof(void *) + 8);
#ifdef X64BITS
BOWLINE_CHECK_SIZE(SteamNetworkingMessage_t, 216);
BOWLINE_CHECK_OFFSET(SteamNetworkingMessage_t, m_nConnUserData, 152);
BOWLINE_CHECK_OFFSET(SteamNetworkingMessage_t, m_usecTimeReceived, 160);
BOWLINE_CHECK_OFFSET(SteamNetworkingMessage_t, m_nMessageNumber, 168);
BOWLINE_CHECK_OFFSET(SteamNetworkingMessage_t, m_pfnFreeData, 176);
BOWLINE_CHECK_OFFSET(SteamNetworkingMessage_t, m_pfnRelease, 184);
BOWLINE_CHECK_OFFSET(SteamNetworkingMessage_t, m_nFlags, 196);
BOWLINE_CHECK_OFFSET(SteamNetworkingMessage_t, m_nUserData, 200);
BOWLINE_CHECK_OFFSET(SteamNetworkingMessage_t, m_idxLane, 208);
#endif

/* Enums cross the border as integers of 32 bits. */
BOWLINE_CHECK_SIZE(EResult, 4);
BOWLINE_CHECK_SIZE(ESteamNetworkingConnectionState, 4);
BOWLINE_CHECK_SIZE(ESteamNetworkingConfigValue, 4);
BOWLINE_CHECK_SIZE(bool, 1);

#endif /* BOWLINE_LAYOUT_CHECKS_H */
