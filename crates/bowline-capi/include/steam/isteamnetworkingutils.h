/* Settings, messages to fill, the clock, the log, and text of addresses and identities.
 *
 * C programs see an opaque ISteamNetworkingUtils here; the function of steamnetworkingsockets_flat.h that is
 * called SteamAPI_ISteamNetworkingUtils_X does what method X does.
 */
#ifndef ISTEAMNETWORKINGUTILS
#define ISTEAMNETWORKINGUTILS

#include "steamnetworkingtypes.h"
#include "steam_api_common.h"

BOWLINE_OPAQUE(ISteamNetworkingUtils);

#ifdef __cplusplus

/* There is one, also before GameNetworkingSockets_Init. All methods may be called from any thread, and from
 * callbacks. */
class ISteamNetworkingUtils {
public:
    /* Makes a message to be filled and sent, with a buffer of so many bytes; with 0 it has none, and m_pData,
     * m_cbSize and m_pfnFreeData are the caller's to set. Null only if the size is negative or there is no
     * memory. */
    virtual SteamNetworkingMessage_t *AllocateMessage(int cbAllocateBuffer) = 0;

    /* Gets ready to use the relay network. */
    inline void InitRelayNetworkAccess();

    /* How far that is; `pDetails` may be null. */
    virtual ESteamNetworkingAvailability GetRelayNetworkStatus(SteamRelayNetworkStatus_t *pDetails) = 0;

    /* Where this host is within the relay network, and how many seconds ago that was measured; negative if it
     * is not known. */
    virtual float GetLocalPingLocation(SteamNetworkPingLocation_t &result) = 0;

    /* Milliseconds from place to place, k_nSteamNetworkingPing_Failed or k_nSteamNetworkingPing_Unknown. */
    virtual int EstimatePingTimeBetweenTwoLocations(const SteamNetworkPingLocation_t &location1,
                                                    const SteamNetworkPingLocation_t &location2) = 0;
    virtual int EstimatePingTimeFromLocalHost(const SteamNetworkPingLocation_t &remoteLocation) = 0;

    /* A place as text and back; k_cchMaxSteamNetworkingPingLocationString bytes are enough. */
    virtual void ConvertPingLocationToString(const SteamNetworkPingLocation_t &location, char *pszBuf,
                                             int cchBufSize) = 0;
    virtual bool ParsePingLocationString(const char *pszString, SteamNetworkPingLocation_t &result) = 0;

    /* Whether the place was measured in the last so many seconds; if not, that is begun. */
    virtual bool CheckPingDataUpToDate(float flMaxAgeSeconds) = 0;

    /* Milliseconds to a data center by the best relay, which is told unless null, and directly. */
    virtual int GetPingToDataCenter(SteamNetworkingPOPID popID, SteamNetworkingPOPID *pViaRelayPoP) = 0;
    virtual int GetDirectPingToPOP(SteamNetworkingPOPID popID) = 0;

    /* The data centers there are: how many, and the first `nListSz` of them. */
    virtual int GetPOPCount() = 0;
    virtual int GetPOPList(SteamNetworkingPOPID *list, int nListSz) = 0;

    /* Microseconds on a clock that never goes back; at least 30 days. */
    virtual SteamNetworkingMicroseconds GetLocalTimestamp() = 0;

    /* Hands the log, up to a level, to a function of the application; null for nobody. */
    virtual void SetDebugOutputFunction(ESteamNetworkingSocketsDebugOutputType eDetailLevel,
                                        FSteamNetworkingSocketsDebugOutput pfnFunc) = 0;

    /* Whether an IPv4 address, in the byte order of this machine, is within the range of FakeIPs. */
    inline bool IsFakeIPv4(uint32 nIPv4) { return GetIPv4FakeIPType(nIPv4) > k_ESteamNetworkingFakeIPType_NotFake; }
    virtual ESteamNetworkingFakeIPType GetIPv4FakeIPType(uint32 nIPv4) = 0;

    /* Whom a FakeIP stands for. InvalidParam if it is none, NoMatch if it stands for nobody. */
    virtual EResult GetRealIdentityForFakeIP(const SteamNetworkingIPAddr &fakeIP,
                                             SteamNetworkingIdentity *pOutRealIdentity) = 0;

    /* Shorthands of SetConfigValue. */
    bool SetGlobalConfigValueInt32(ESteamNetworkingConfigValue eValue, int32 val);
    bool SetGlobalConfigValueFloat(ESteamNetworkingConfigValue eValue, float val);
    bool SetGlobalConfigValueString(ESteamNetworkingConfigValue eValue, const char *val);
    bool SetGlobalConfigValuePtr(ESteamNetworkingConfigValue eValue, void *val);
    bool SetConnectionConfigValueInt32(HSteamNetConnection hConn, ESteamNetworkingConfigValue eValue, int32 val);
    bool SetConnectionConfigValueFloat(HSteamNetConnection hConn, ESteamNetworkingConfigValue eValue, float val);
    bool SetConnectionConfigValueString(HSteamNetConnection hConn, ESteamNetworkingConfigValue eValue,
                                        const char *val);
    bool SetGlobalCallback_SteamNetConnectionStatusChanged(FnSteamNetConnectionStatusChanged fnCallback);
    bool SetGlobalCallback_SteamNetAuthenticationStatusChanged(FnSteamNetAuthenticationStatusChanged fnCallback);
    bool SetGlobalCallback_SteamRelayNetworkStatusChanged(FnSteamRelayNetworkStatusChanged fnCallback);
    bool SetGlobalCallback_FakeIPResult(FnSteamNetworkingFakeIPResult fnCallback);
    bool SetGlobalCallback_MessagesSessionRequest(FnSteamNetworkingMessagesSessionRequest fnCallback);
    bool SetGlobalCallback_MessagesSessionFailed(FnSteamNetworkingMessagesSessionFailed fnCallback);

    /* Sets a value at a level. `pArg` points to the value, or is the text itself; null for what the next
     * wider level says, or the default. False if there is no such value or object, or it cannot be set
     * there, or the type does not fit. What is out of range becomes the nearest that is in it. */
    virtual bool SetConfigValue(ESteamNetworkingConfigValue eValue, ESteamNetworkingConfigScope eScopeType,
                                intptr_t scopeObj, ESteamNetworkingConfigDataType eDataType, const void *pArg) = 0;
    bool SetConfigValueStruct(const SteamNetworkingConfigValue_t &opt, ESteamNetworkingConfigScope eScopeType,
                              intptr_t scopeObj);

    /* Reads a value. `*cbResult` is the size of the buffer, and becomes that of the value. */
    virtual ESteamNetworkingGetConfigValueResult GetConfigValue(ESteamNetworkingConfigValue eValue,
                                                                ESteamNetworkingConfigScope eScopeType,
                                                                intptr_t scopeObj,
                                                                ESteamNetworkingConfigDataType *pOutDataType,
                                                                void *pResult, size_t *cbResult) = 0;

    /* The name of a value, with its type and the narrowest level that it can be set on unless null; null if there is no such value. */
    virtual const char *GetConfigValueInfo(ESteamNetworkingConfigValue eValue,
                                           ESteamNetworkingConfigDataType *pOutDataType,
                                           ESteamNetworkingConfigScope *pOutScope) = 0;

    /* The values that a settings page can offer, one after the other: begin and end with Invalid. */
    virtual ESteamNetworkingConfigValue IterateGenericEditableConfigValues(ESteamNetworkingConfigValue eCurrent,
                                                                           bool bEnumerateDevVars) = 0;

    /* The work behind the members of SteamNetworkingIPAddr and SteamNetworkingIdentity. */
    virtual void SteamNetworkingIPAddr_ToString(const SteamNetworkingIPAddr &addr, char *buf, size_t cbBuf,
                                                bool bWithPort) = 0;
    virtual bool SteamNetworkingIPAddr_ParseString(SteamNetworkingIPAddr *pAddr, const char *pszStr) = 0;
    virtual ESteamNetworkingFakeIPType SteamNetworkingIPAddr_GetFakeIPType(const SteamNetworkingIPAddr &addr) = 0;
    virtual void SteamNetworkingIdentity_ToString(const SteamNetworkingIdentity &identity, char *buf,
                                                  size_t cbBuf) = 0;
    virtual bool SteamNetworkingIdentity_ParseString(SteamNetworkingIdentity *pIdentity, const char *pszStr) = 0;

protected:
    /* The library owns it. */
    ~ISteamNetworkingUtils();
};

#endif /* __cplusplus */

#define STEAMNETWORKINGUTILS_INTERFACE_VERSION "SteamNetworkingUtils004"

/* Never null. */
STEAMNETWORKINGSOCKETS_INTERFACE ISteamNetworkingUtils *SteamNetworkingUtils_LibV4(void);
BOWLINE_INLINE ISteamNetworkingUtils *SteamNetworkingUtils_Lib(void) { return SteamNetworkingUtils_LibV4(); }
#ifndef STEAMNETWORKINGSOCKETS_STEAMAPI
BOWLINE_INLINE ISteamNetworkingUtils *SteamNetworkingUtils(void) { return SteamNetworkingUtils_LibV4(); }
#endif

/* How far access to the relay network is. */
struct SteamRelayNetworkStatus_t {
#ifdef __cplusplus
    enum { k_iCallback = k_iSteamNetworkingUtilsCallbacks + 1 };
#endif
    /* All in all: what an application should look at. */
    ESteamNetworkingAvailability m_eAvail;
    /* Nonzero while pings are being measured. */
    int m_bPingMeasurementInProgress;
    ESteamNetworkingAvailability m_eAvailNetworkConfig;
    ESteamNetworkingAvailability m_eAvailAnyRelay;
    char m_debugMsg[256];
};

#ifndef __cplusplus
enum { SteamRelayNetworkStatus_t_k_iCallback = k_iSteamNetworkingUtilsCallbacks + 1 };
#endif

BOWLINE_CHECK_SIZE(SteamRelayNetworkStatus_t, 272);
BOWLINE_CHECK_OFFSET(SteamRelayNetworkStatus_t, m_debugMsg, 16);

/* ---- Text of addresses and identities -------------------------------------------------------------- */

/* Write at most `cbBuf` bytes, terminating zero included; read text, and clear what is to be
 * read if that makes no sense. An identity is written like "str:bob", "ip:1.2.3.4:27015" or "steamid:76561197960265729".
 * `sizeofIdentity` is sizeof( SteamNetworkingIdentity ). */
STEAMNETWORKINGSOCKETS_INTERFACE void SteamNetworkingIPAddr_ToString(const SteamNetworkingIPAddr *pAddr, char *buf,
                                                                     size_t cbBuf, bool bWithPort);
STEAMNETWORKINGSOCKETS_INTERFACE bool SteamNetworkingIPAddr_ParseString(SteamNetworkingIPAddr *pAddr,
                                                                        const char *pszStr);
STEAMNETWORKINGSOCKETS_INTERFACE ESteamNetworkingFakeIPType
SteamNetworkingIPAddr_GetFakeIPType(const SteamNetworkingIPAddr *pAddr);
STEAMNETWORKINGSOCKETS_INTERFACE void SteamNetworkingIdentity_ToString(const SteamNetworkingIdentity *pIdentity,
                                                                       char *buf, size_t cbBuf);
STEAMNETWORKINGSOCKETS_INTERFACE bool SteamNetworkingIdentity_ParseString(SteamNetworkingIdentity *pIdentity,
                                                                          size_t sizeofIdentity, const char *pszStr);

#ifdef __cplusplus
#include "bowline/utils_inline.h"
#endif

#endif /* ISTEAMNETWORKINGUTILS */
