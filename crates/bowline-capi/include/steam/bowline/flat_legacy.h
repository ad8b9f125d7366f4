/* The legacy interface ISteamNetworking as plain functions. */
#ifndef BOWLINE_FLAT_LEGACY_H
#define BOWLINE_FLAT_LEGACY_H

#include "../isteamnetworking.h"
#include "../steamnetworkingsockets_flat.h"

/* Null if there is no such interface. */
STEAMNETWORKINGSOCKETS_INTERFACE ISteamNetworking *SteamAPI_SteamNetworking_v006(void);
STEAMNETWORKINGSOCKETS_INTERFACE ISteamNetworking *SteamAPI_SteamGameServerNetworking_v006(void);

STEAMNETWORKINGSOCKETS_INTERFACE bool
SteamAPI_ISteamNetworking_SendP2PPacket(ISteamNetworking *self, uint64_steamid steamIDRemote, const void *pubData,
                                        uint32 cubData, EP2PSend eP2PSendType, int nChannel);
STEAMNETWORKINGSOCKETS_INTERFACE bool
SteamAPI_ISteamNetworking_IsP2PPacketAvailable(ISteamNetworking *self, uint32 *pcubMsgSize, int nChannel);
STEAMNETWORKINGSOCKETS_INTERFACE bool
SteamAPI_ISteamNetworking_ReadP2PPacket(ISteamNetworking *self, void *pubDest, uint32 cubDest, uint32 *pcubMsgSize,
                                        CSteamID *psteamIDRemote, int nChannel);
STEAMNETWORKINGSOCKETS_INTERFACE bool
SteamAPI_ISteamNetworking_AcceptP2PSessionWithUser(ISteamNetworking *self, uint64_steamid steamIDRemote);
STEAMNETWORKINGSOCKETS_INTERFACE bool
SteamAPI_ISteamNetworking_CloseP2PSessionWithUser(ISteamNetworking *self, uint64_steamid steamIDRemote);
STEAMNETWORKINGSOCKETS_INTERFACE bool
SteamAPI_ISteamNetworking_CloseP2PChannelWithUser(ISteamNetworking *self, uint64_steamid steamIDRemote, int nChannel);
STEAMNETWORKINGSOCKETS_INTERFACE bool
SteamAPI_ISteamNetworking_GetP2PSessionState(ISteamNetworking *self, uint64_steamid steamIDRemote,
                                             P2PSessionState_t *pConnectionState);
STEAMNETWORKINGSOCKETS_INTERFACE bool
SteamAPI_ISteamNetworking_AllowP2PPacketRelay(ISteamNetworking *self, bool bAllow);
STEAMNETWORKINGSOCKETS_INTERFACE SNetListenSocket_t
SteamAPI_ISteamNetworking_CreateListenSocket(ISteamNetworking *self, int nVirtualP2PPort, SteamIPAddress_t nIP,
                                             uint16 nPort, bool bAllowUseOfPacketRelay);
STEAMNETWORKINGSOCKETS_INTERFACE SNetSocket_t
SteamAPI_ISteamNetworking_CreateP2PConnectionSocket(ISteamNetworking *self, uint64_steamid steamIDTarget,
                                                    int nVirtualPort, int nTimeoutSec, bool bAllowUseOfPacketRelay);
STEAMNETWORKINGSOCKETS_INTERFACE SNetSocket_t
SteamAPI_ISteamNetworking_CreateConnectionSocket(ISteamNetworking *self, SteamIPAddress_t nIP, uint16 nPort,
                                                 int nTimeoutSec);
STEAMNETWORKINGSOCKETS_INTERFACE bool
SteamAPI_ISteamNetworking_DestroySocket(ISteamNetworking *self, SNetSocket_t hSocket, bool bNotifyRemoteEnd);
STEAMNETWORKINGSOCKETS_INTERFACE bool
SteamAPI_ISteamNetworking_DestroyListenSocket(ISteamNetworking *self, SNetListenSocket_t hSocket,
                                              bool bNotifyRemoteEnd);
STEAMNETWORKINGSOCKETS_INTERFACE bool
SteamAPI_ISteamNetworking_SendDataOnSocket(ISteamNetworking *self, SNetSocket_t hSocket, void *pubData,
                                           uint32 cubData, bool bReliable);
STEAMNETWORKINGSOCKETS_INTERFACE bool
SteamAPI_ISteamNetworking_IsDataAvailableOnSocket(ISteamNetworking *self, SNetSocket_t hSocket, uint32 *pcubMsgSize);
STEAMNETWORKINGSOCKETS_INTERFACE bool
SteamAPI_ISteamNetworking_RetrieveDataFromSocket(ISteamNetworking *self, SNetSocket_t hSocket, void *pubDest,
                                                 uint32 cubDest, uint32 *pcubMsgSize);
STEAMNETWORKINGSOCKETS_INTERFACE bool
SteamAPI_ISteamNetworking_IsDataAvailable(ISteamNetworking *self, SNetListenSocket_t hListenSocket,
                                          uint32 *pcubMsgSize, SNetSocket_t *phSocket);
STEAMNETWORKINGSOCKETS_INTERFACE bool
SteamAPI_ISteamNetworking_RetrieveData(ISteamNetworking *self, SNetListenSocket_t hListenSocket, void *pubDest,
                                       uint32 cubDest, uint32 *pcubMsgSize, SNetSocket_t *phSocket);
STEAMNETWORKINGSOCKETS_INTERFACE bool
SteamAPI_ISteamNetworking_GetSocketInfo(ISteamNetworking *self, SNetSocket_t hSocket, CSteamID *pSteamIDRemote,
                                        int *peSocketStatus, SteamIPAddress_t *punIPRemote, uint16 *punPortRemote);
STEAMNETWORKINGSOCKETS_INTERFACE bool
SteamAPI_ISteamNetworking_GetListenSocketInfo(ISteamNetworking *self, SNetListenSocket_t hListenSocket,
                                              SteamIPAddress_t *pnIP, uint16 *pnPort);
STEAMNETWORKINGSOCKETS_INTERFACE ESNetSocketConnectionType
SteamAPI_ISteamNetworking_GetSocketConnectionType(ISteamNetworking *self, SNetSocket_t hSocket);
STEAMNETWORKINGSOCKETS_INTERFACE int
SteamAPI_ISteamNetworking_GetMaxPacketSize(ISteamNetworking *self, SNetSocket_t hSocket);

#endif /* BOWLINE_FLAT_LEGACY_H */
