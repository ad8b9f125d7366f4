/* Plain functions of the Steamworks SDK, and of older versions of GameNetworkingSockets, that are not in today's
 * GameNetworkingSockets. Part of steamnetworkingsockets_flat.h.
 */
#ifndef BOWLINE_FLAT_SDK_H
#define BOWLINE_FLAT_SDK_H

/* Accessors, by the versions of the interfaces. Null as those of the interfaces themselves. */
STEAMNETWORKINGSOCKETS_INTERFACE ISteamNetworkingSockets *SteamAPI_SteamNetworkingSockets_SteamAPI_v012(void);
STEAMNETWORKINGSOCKETS_INTERFACE ISteamNetworkingSockets *SteamAPI_SteamNetworkingSockets_SteamAPI_v013(void);
STEAMNETWORKINGSOCKETS_INTERFACE ISteamNetworkingSockets *
SteamAPI_SteamGameServerNetworkingSockets_SteamAPI_v012(void);
STEAMNETWORKINGSOCKETS_INTERFACE ISteamNetworkingSockets *
SteamAPI_SteamGameServerNetworkingSockets_SteamAPI_v013(void);
STEAMNETWORKINGSOCKETS_INTERFACE ISteamNetworkingUtils *SteamAPI_SteamNetworkingUtils_SteamAPI_v004(void);
STEAMNETWORKINGSOCKETS_INTERFACE ISteamNetworkingMessages *SteamAPI_SteamNetworkingMessages_SteamAPI_v002(void);
STEAMNETWORKINGSOCKETS_INTERFACE ISteamNetworkingMessages *
SteamAPI_SteamGameServerNetworkingMessages_SteamAPI_v002(void);

/* Sockets. */
STEAMNETWORKINGSOCKETS_INTERFACE void
SteamAPI_ISteamNetworkingSockets_ResetIdentity(ISteamNetworkingSockets *self,
                                               const SteamNetworkingIdentity *pIdentity);
STEAMNETWORKINGSOCKETS_INTERFACE bool
SteamAPI_ISteamNetworkingSockets_BeginAsyncRequestFakeIP(ISteamNetworkingSockets *self, int nNumPorts);
STEAMNETWORKINGSOCKETS_INTERFACE void
SteamAPI_ISteamNetworkingSockets_GetFakeIP(ISteamNetworkingSockets *self, int idxFirstPort,
                                           SteamNetworkingFakeIPResult_t *pInfo);
STEAMNETWORKINGSOCKETS_INTERFACE HSteamListenSocket
SteamAPI_ISteamNetworkingSockets_CreateListenSocketP2PFakeIP(ISteamNetworkingSockets *self, int idxFakePort,
                                                             int nOptions,
                                                             const SteamNetworkingConfigValue_t *pOptions);
STEAMNETWORKINGSOCKETS_INTERFACE EResult
SteamAPI_ISteamNetworkingSockets_GetRemoteFakeIPForConnection(ISteamNetworkingSockets *self,
                                                              HSteamNetConnection hConn,
                                                              SteamNetworkingIPAddr *pOutAddr);
STEAMNETWORKINGSOCKETS_INTERFACE ISteamNetworkingFakeUDPPort *
SteamAPI_ISteamNetworkingSockets_CreateFakeUDPPort(ISteamNetworkingSockets *self, int idxFakeServerPort);

/* Ports of FakeIP; see steamnetworkingfakeip.h. */
STEAMNETWORKINGSOCKETS_INTERFACE void
SteamAPI_ISteamNetworkingFakeUDPPort_DestroyFakeUDPPort(ISteamNetworkingFakeUDPPort *self);
STEAMNETWORKINGSOCKETS_INTERFACE EResult
SteamAPI_ISteamNetworkingFakeUDPPort_SendMessageToFakeIP(ISteamNetworkingFakeUDPPort *self,
                                                         BOWLINE_REF(const SteamNetworkingIPAddr) remoteAddress,
                                                         const void *pData, uint32 cbData, int nSendFlags);
STEAMNETWORKINGSOCKETS_INTERFACE int
SteamAPI_ISteamNetworkingFakeUDPPort_ReceiveMessages(ISteamNetworkingFakeUDPPort *self,
                                                     SteamNetworkingMessage_t **ppOutMessages, int nMaxMessages);
STEAMNETWORKINGSOCKETS_INTERFACE void
SteamAPI_ISteamNetworkingFakeUDPPort_ScheduleCleanup(ISteamNetworkingFakeUDPPort *self,
                                                     BOWLINE_REF(const SteamNetworkingIPAddr) remoteAddress);

/* Utils. */
STEAMNETWORKINGSOCKETS_INTERFACE bool
SteamAPI_ISteamNetworkingUtils_IsFakeIPv4(ISteamNetworkingUtils *self, uint32 nIPv4);
STEAMNETWORKINGSOCKETS_INTERFACE ESteamNetworkingFakeIPType
SteamAPI_ISteamNetworkingUtils_GetIPv4FakeIPType(ISteamNetworkingUtils *self, uint32 nIPv4);
STEAMNETWORKINGSOCKETS_INTERFACE EResult
SteamAPI_ISteamNetworkingUtils_GetRealIdentityForFakeIP(ISteamNetworkingUtils *self,
                                                        BOWLINE_REF(const SteamNetworkingIPAddr) fakeIP,
                                                        SteamNetworkingIdentity *pOutRealIdentity);
STEAMNETWORKINGSOCKETS_INTERFACE bool
SteamAPI_ISteamNetworkingUtils_SetGlobalCallback_FakeIPResult(ISteamNetworkingUtils *self,
                                                              FnSteamNetworkingFakeIPResult fnCallback);
STEAMNETWORKINGSOCKETS_INTERFACE bool
SteamAPI_ISteamNetworkingUtils_SetGlobalCallback_MessagesSessionRequest(
    ISteamNetworkingUtils *self, FnSteamNetworkingMessagesSessionRequest fnCallback);
STEAMNETWORKINGSOCKETS_INTERFACE bool
SteamAPI_ISteamNetworkingUtils_SetGlobalCallback_MessagesSessionFailed(
    ISteamNetworkingUtils *self, FnSteamNetworkingMessagesSessionFailed fnCallback);
STEAMNETWORKINGSOCKETS_INTERFACE void
SteamAPI_ISteamNetworkingUtils_SteamNetworkingIPAddr_ToString(ISteamNetworkingUtils *self,
                                                              BOWLINE_REF(const SteamNetworkingIPAddr) addr,
                                                              char *buf, uint32 cbBuf, bool bWithPort);
STEAMNETWORKINGSOCKETS_INTERFACE bool
SteamAPI_ISteamNetworkingUtils_SteamNetworkingIPAddr_ParseString(ISteamNetworkingUtils *self,
                                                                 SteamNetworkingIPAddr *pAddr, const char *pszStr);
STEAMNETWORKINGSOCKETS_INTERFACE ESteamNetworkingFakeIPType
SteamAPI_ISteamNetworkingUtils_SteamNetworkingIPAddr_GetFakeIPType(ISteamNetworkingUtils *self,
                                                                   BOWLINE_REF(const SteamNetworkingIPAddr) addr);
STEAMNETWORKINGSOCKETS_INTERFACE void
SteamAPI_ISteamNetworkingUtils_SteamNetworkingIdentity_ToString(ISteamNetworkingUtils *self,
                                                                BOWLINE_REF(const SteamNetworkingIdentity) identity,
                                                                char *buf, uint32 cbBuf);
STEAMNETWORKINGSOCKETS_INTERFACE bool
SteamAPI_ISteamNetworkingUtils_SteamNetworkingIdentity_ParseString(ISteamNetworkingUtils *self,
                                                                   SteamNetworkingIdentity *pIdentity,
                                                                   const char *pszStr);

/* Addresses and identities. */
STEAMNETWORKINGSOCKETS_INTERFACE ESteamNetworkingFakeIPType
SteamAPI_SteamNetworkingIPAddr_GetFakeIPType(SteamNetworkingIPAddr *self);
STEAMNETWORKINGSOCKETS_INTERFACE bool SteamAPI_SteamNetworkingIPAddr_IsFakeIP(SteamNetworkingIPAddr *self);
STEAMNETWORKINGSOCKETS_INTERFACE void
SteamAPI_SteamNetworkingIdentity_SetPSNID(SteamNetworkingIdentity *self, uint64 id);
STEAMNETWORKINGSOCKETS_INTERFACE uint64 SteamAPI_SteamNetworkingIdentity_GetPSNID(SteamNetworkingIdentity *self);
STEAMNETWORKINGSOCKETS_INTERFACE void
SteamAPI_SteamNetworkingIdentity_SetIPv4Addr(SteamNetworkingIdentity *self, uint32 nIPv4, uint16 nPort);
STEAMNETWORKINGSOCKETS_INTERFACE uint32 SteamAPI_SteamNetworkingIdentity_GetIPv4(SteamNetworkingIdentity *self);
STEAMNETWORKINGSOCKETS_INTERFACE ESteamNetworkingFakeIPType
SteamAPI_SteamNetworkingIdentity_GetFakeIPType(SteamNetworkingIdentity *self);
STEAMNETWORKINGSOCKETS_INTERFACE bool SteamAPI_SteamNetworkingIdentity_IsFakeIP(SteamNetworkingIdentity *self);

/* Settings to make listen sockets and connections with. */
STEAMNETWORKINGSOCKETS_INTERFACE void
SteamAPI_SteamNetworkingConfigValue_t_SetInt32(SteamNetworkingConfigValue_t *self, ESteamNetworkingConfigValue eVal,
                                               int32_t data);
STEAMNETWORKINGSOCKETS_INTERFACE void
SteamAPI_SteamNetworkingConfigValue_t_SetInt64(SteamNetworkingConfigValue_t *self, ESteamNetworkingConfigValue eVal,
                                               int64_t data);
STEAMNETWORKINGSOCKETS_INTERFACE void
SteamAPI_SteamNetworkingConfigValue_t_SetFloat(SteamNetworkingConfigValue_t *self, ESteamNetworkingConfigValue eVal,
                                               float data);
STEAMNETWORKINGSOCKETS_INTERFACE void
SteamAPI_SteamNetworkingConfigValue_t_SetPtr(SteamNetworkingConfigValue_t *self, ESteamNetworkingConfigValue eVal,
                                             void *data);
STEAMNETWORKINGSOCKETS_INTERFACE void
SteamAPI_SteamNetworkingConfigValue_t_SetString(SteamNetworkingConfigValue_t *self, ESteamNetworkingConfigValue eVal,
                                                const char *data);

/* Of GameNetworkingSockets 1.1 to 1.4, for programs that still use them. */
STEAMNETWORKINGSOCKETS_INTERFACE ISteamNetworkingSockets *SteamAPI_SteamNetworkingSockets_v008(void);
STEAMNETWORKINGSOCKETS_INTERFACE bool
SteamAPI_ISteamNetworkingSockets_GetQuickConnectionStatus(ISteamNetworkingSockets *self, HSteamNetConnection hConn,
                                                          SteamNetConnectionRealTimeStatus_t *pStats);
STEAMNETWORKINGSOCKETS_INTERFACE ESteamNetworkingConfigValue
SteamAPI_ISteamNetworkingUtils_GetFirstConfigValue(ISteamNetworkingUtils *self);

/* Hands what has happened to connections to one function, with a value of the caller's. */
typedef void (*FSteamNetConnectionStatusChangedCallback)(SteamNetConnectionStatusChangedCallback_t *pInfo,
                                                         intptr_t context);
STEAMNETWORKINGSOCKETS_INTERFACE void
SteamAPI_ISteamNetworkingSockets_RunConnectionStatusChangedCallbacks(
    intptr_t instancePtr, FSteamNetConnectionStatusChangedCallback callback, intptr_t context);

/* Of forks of GameNetworkingSockets: trust in an authority, and a certificate that comes with its key. False,
 * with the reason, if it is not such a thing. */
STEAMNETWORKINGSOCKETS_INTERFACE bool
SteamAPI_ISteamNetworkingSockets_AddTrustedRootCA(ISteamNetworkingSockets *self, const char *pszCert,
                                                  BOWLINE_REF(SteamNetworkingErrMsg) errMsg);
STEAMNETWORKINGSOCKETS_INTERFACE bool
SteamAPI_ISteamNetworkingSockets_SetCertificateAndPrivateKey(ISteamNetworkingSockets *self, const void *pCert,
                                                             int cbCert, void *pPrivateKey, int cbPrivateKey,
                                                             BOWLINE_REF(SteamNetworkingErrMsg) errMsg);

#endif /* BOWLINE_FLAT_SDK_H */
