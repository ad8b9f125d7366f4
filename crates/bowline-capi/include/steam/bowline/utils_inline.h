/* The bodies of inline functions that call the library. Part of isteamnetworkingutils.h. */
#ifndef BOWLINE_UTILS_INLINE_H
#define BOWLINE_UTILS_INLINE_H

inline void SteamNetworkingIPAddr::ToString(char *buf, size_t cbBuf, bool bWithPort) const
{
    SteamNetworkingIPAddr_ToString(this, buf, cbBuf, bWithPort);
}

inline bool SteamNetworkingIPAddr::ParseString(const char *pszStr)
{
    return SteamNetworkingIPAddr_ParseString(this, pszStr);
}

inline ESteamNetworkingFakeIPType SteamNetworkingIPAddr::GetFakeIPType() const
{
    return SteamNetworkingIPAddr_GetFakeIPType(this);
}

inline void SteamNetworkingIdentity::ToString(char *buf, size_t cbBuf) const
{
    SteamNetworkingIdentity_ToString(this, buf, cbBuf);
}

inline bool SteamNetworkingIdentity::ParseString(const char *pszStr)
{
    return SteamNetworkingIdentity_ParseString(this, sizeof(*this), pszStr);
}

/* The text of an identity for as long as this object lives. */
struct SteamNetworkingIdentityRender {
    SteamNetworkingIdentityRender(const SteamNetworkingIdentity &x) { x.ToString(buf, sizeof(buf)); }
    inline const char *c_str() const { return buf; }

private:
    char buf[SteamNetworkingIdentity::k_cchMaxString];
};

/* The text of an address for as long as this object lives. */
struct SteamNetworkingIPAddrRender {
    SteamNetworkingIPAddrRender(const SteamNetworkingIPAddr &x, bool bWithPort = true)
    {
        x.ToString(buf, sizeof(buf), bWithPort);
    }
    inline const char *c_str() const { return buf; }

private:
    char buf[SteamNetworkingIPAddr::k_cchMaxString];
};

inline void ISteamNetworkingUtils::InitRelayNetworkAccess()
{
    /* So old that it is never out of date: only a first measurement is begun. */
    CheckPingDataUpToDate(1e10f);
}

inline bool ISteamNetworkingUtils::SetGlobalConfigValueInt32(ESteamNetworkingConfigValue eValue, int32 val)
{
    return SetConfigValue(eValue, k_ESteamNetworkingConfig_Global, 0, k_ESteamNetworkingConfig_Int32, &val);
}

inline bool ISteamNetworkingUtils::SetGlobalConfigValueFloat(ESteamNetworkingConfigValue eValue, float val)
{
    return SetConfigValue(eValue, k_ESteamNetworkingConfig_Global, 0, k_ESteamNetworkingConfig_Float, &val);
}

inline bool ISteamNetworkingUtils::SetGlobalConfigValueString(ESteamNetworkingConfigValue eValue, const char *val)
{
    return SetConfigValue(eValue, k_ESteamNetworkingConfig_Global, 0, k_ESteamNetworkingConfig_String, val);
}

inline bool ISteamNetworkingUtils::SetGlobalConfigValuePtr(ESteamNetworkingConfigValue eValue, void *val)
{
    /* As with all types but strings, where the value is, not the value. */
    return SetConfigValue(eValue, k_ESteamNetworkingConfig_Global, 0, k_ESteamNetworkingConfig_Ptr, &val);
}

inline bool ISteamNetworkingUtils::SetConnectionConfigValueInt32(HSteamNetConnection hConn,
                                                                 ESteamNetworkingConfigValue eValue, int32 val)
{
    return SetConfigValue(eValue, k_ESteamNetworkingConfig_Connection, (intptr_t)hConn,
                          k_ESteamNetworkingConfig_Int32, &val);
}

inline bool ISteamNetworkingUtils::SetConnectionConfigValueFloat(HSteamNetConnection hConn,
                                                                 ESteamNetworkingConfigValue eValue, float val)
{
    return SetConfigValue(eValue, k_ESteamNetworkingConfig_Connection, (intptr_t)hConn,
                          k_ESteamNetworkingConfig_Float, &val);
}

inline bool ISteamNetworkingUtils::SetConnectionConfigValueString(HSteamNetConnection hConn,
                                                                  ESteamNetworkingConfigValue eValue,
                                                                  const char *val)
{
    return SetConfigValue(eValue, k_ESteamNetworkingConfig_Connection, (intptr_t)hConn,
                          k_ESteamNetworkingConfig_String, val);
}

inline bool ISteamNetworkingUtils::SetConfigValueStruct(const SteamNetworkingConfigValue_t &opt,
                                                        ESteamNetworkingConfigScope eScopeType, intptr_t scopeObj)
{
    const bool bText = opt.m_eDataType == k_ESteamNetworkingConfig_String;
    const void *pArg = bText ? (const void *)opt.m_val.m_string : (const void *)&opt.m_val;
    return SetConfigValue(opt.m_eValue, eScopeType, scopeObj, opt.m_eDataType, pArg);
}

inline bool
ISteamNetworkingUtils::SetGlobalCallback_SteamNetConnectionStatusChanged(FnSteamNetConnectionStatusChanged fnCallback)
{
    return SetGlobalConfigValuePtr(k_ESteamNetworkingConfig_Callback_ConnectionStatusChanged, (void *)fnCallback);
}

inline bool ISteamNetworkingUtils::SetGlobalCallback_SteamNetAuthenticationStatusChanged(
    FnSteamNetAuthenticationStatusChanged fnCallback)
{
    return SetGlobalConfigValuePtr(k_ESteamNetworkingConfig_Callback_AuthStatusChanged, (void *)fnCallback);
}

inline bool
ISteamNetworkingUtils::SetGlobalCallback_SteamRelayNetworkStatusChanged(FnSteamRelayNetworkStatusChanged fnCallback)
{
    return SetGlobalConfigValuePtr(k_ESteamNetworkingConfig_Callback_RelayNetworkStatusChanged, (void *)fnCallback);
}

inline bool ISteamNetworkingUtils::SetGlobalCallback_FakeIPResult(FnSteamNetworkingFakeIPResult fnCallback)
{
    return SetGlobalConfigValuePtr(k_ESteamNetworkingConfig_Callback_FakeIPResult, (void *)fnCallback);
}

inline bool
ISteamNetworkingUtils::SetGlobalCallback_MessagesSessionRequest(FnSteamNetworkingMessagesSessionRequest fnCallback)
{
    return SetGlobalConfigValuePtr(k_ESteamNetworkingConfig_Callback_MessagesSessionRequest, (void *)fnCallback);
}

inline bool
ISteamNetworkingUtils::SetGlobalCallback_MessagesSessionFailed(FnSteamNetworkingMessagesSessionFailed fnCallback)
{
    return SetGlobalConfigValuePtr(k_ESteamNetworkingConfig_Callback_MessagesSessionFailed, (void *)fnCallback);
}

#endif /* BOWLINE_UTILS_INLINE_H */
