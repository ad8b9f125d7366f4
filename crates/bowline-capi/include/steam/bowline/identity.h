/* Addresses and identities. Part of steamnetworkingtypes.h.
 *
 * The members that make text of them and back are in isteamnetworkingutils.h, which declares the functions
 * of the library that do it. C programs use the functions SteamAPI_SteamNetworkingIPAddr_* and
 * SteamAPI_SteamNetworkingIdentity_* of steamnetworkingsockets_flat.h.
 */
#ifndef BOWLINE_IDENTITY_H
#define BOWLINE_IDENTITY_H

#include <stdint.h>
#include <string.h>

#include "../steamclientpublic.h"

/* How one can tell who somebody is. */
typedef enum ESteamNetworkingIdentityType {
    /* Nobody, or not known yet. */
    k_ESteamNetworkingIdentityType_Invalid = 0,
    /* A CSteamID. */
    k_ESteamNetworkingIdentityType_SteamID = 16,
    k_ESteamNetworkingIdentityType_XboxPairwiseID = 17,
    k_ESteamNetworkingIdentityType_SonyPSN = 18,
    /* Somebody at this address; on this host if it is [::1]. */
    k_ESteamNetworkingIdentityType_IPAddress = 1,
    /* A name that the application gave, at most 31 bytes. */
    k_ESteamNetworkingIdentityType_GenericString = 2,
    /* At most 32 bytes that the application gave. */
    k_ESteamNetworkingIdentityType_GenericBytes = 3,
    /* A kind that this version does not know; its text is kept. */
    k_ESteamNetworkingIdentityType_UnknownType = 4,
    k_ESteamNetworkingIdentityType__Force32bit = 0x7fffffff
} ESteamNetworkingIdentityType;

/* Whether an address is one that stands for an identity. */
typedef enum ESteamNetworkingFakeIPType {
    /* No address at all. */
    k_ESteamNetworkingFakeIPType_Invalid,
    /* A real address. */
    k_ESteamNetworkingFakeIPType_NotFake,
    /* One that is the same for everybody in the app. */
    k_ESteamNetworkingFakeIPType_GlobalIPv4,
    /* One that means something in this process only. */
    k_ESteamNetworkingFakeIPType_LocalIPv4,
    k_ESteamNetworkingFakeIPType__Force32Bit = 0x7fffffff
} ESteamNetworkingFakeIPType;

#pragma pack(push, 1)

/* An IPv6 address with a port. IPv4 addresses are mapped, as in ::ffff:1.2.3.4. */
typedef struct SteamNetworkingIPAddr {
#ifdef __cplusplus
    /* The bytes that its text needs at most, with port and terminating zero. */
    enum { k_cchMaxString = 48 };

    /* Becomes [::]:0. */
    void Clear();
    /* Whether it is ::, whatever its port. */
    bool IsIPv6AllZeros() const;
    /* 16 bytes in the order in which they are written. */
    void SetIPv6(const uint8 *ipv6, uint16 nPort);
    /* In the byte order of this machine: 127.0.0.1 is 0x7f000001. */
    void SetIPv4(uint32 nIP, uint16 nPort);
    bool IsIPv4() const;
    /* 0 if it is not IPv4. */
    uint32 GetIPv4() const;
    /* Becomes ::1. */
    void SetIPv6LocalHost(uint16 nPort = 0);
    /* Whether it is ::1 or 127.0.0.1. */
    bool IsLocalHost() const;
    /* Writes at most `cbBuf` bytes, terminating zero included. */
    inline void ToString(char *buf, size_t cbBuf, bool bWithPort) const;
    /* Takes what ToString makes; port 0 if there is none. False leaves it as it was. */
    inline bool ParseString(const char *pszStr);
    bool operator==(const SteamNetworkingIPAddr &x) const;
    ESteamNetworkingFakeIPType GetFakeIPType() const;
    bool IsFakeIP() const { return GetFakeIPType() > k_ESteamNetworkingFakeIPType_NotFake; }

    struct IPv4MappedAddress {
        uint64 m_8zeros;
        uint16 m_0000;
        uint16 m_ffff;
        /* In the order in which it is written. */
        uint8 m_ip[4];
    };

    union {
        uint8 m_ipv6[16];
        IPv4MappedAddress m_ipv4;
    };
#else
    union {
        uint8 m_ipv6[16];
        struct SteamNetworkingIPAddr_IPv4MappedAddress {
            uint64 m_8zeros;
            uint16 m_0000;
            uint16 m_ffff;
            /* In the order in which it is written. */
            uint8 m_ip[4];
        } m_ipv4;
    };
#endif
    /* In the byte order of this machine. */
    uint16 m_port;
} SteamNetworkingIPAddr;

#ifndef __cplusplus
/* The bytes that the text of an address, and of an identity, needs at most. */
enum { SteamNetworkingIPAddr_k_cchMaxString = 48, SteamNetworkingIdentity_k_cchMaxString = 128 };
enum { k_cchMaxGenericString = 32, k_cchMaxXboxPairwiseID = 33, k_cbMaxGenericBytes = 32 };
#endif

/* Who somebody is, in one of several ways. Two are the same if type, size and content are. */
typedef struct SteamNetworkingIdentity {
    ESteamNetworkingIdentityType m_eType;

#ifdef __cplusplus
    enum {
        /* The bytes that its text needs at most, with the terminating zero. */
        k_cchMaxString = 128,
        /* With the terminating zero. */
        k_cchMaxGenericString = 32,
        /* With the terminating zero. */
        k_cchMaxXboxPairwiseID = 33,
        k_cbMaxGenericBytes = 32
    };

    /* Becomes nobody. */
    void Clear();
    bool IsInvalid() const;

    /* Setters make it one of their type; those that return bool return false, and change nothing, if the
     * value does not fit. Getters return 0 or null if it is of another type. */
    void SetSteamID(CSteamID steamID);
    CSteamID GetSteamID() const;
    void SetSteamID64(uint64 steamID);
    uint64 GetSteamID64() const;
    /* 1 to 32 bytes. */
    bool SetXboxPairwiseID(const char *pszString);
    const char *GetXboxPairwiseID() const;
    void SetPSNID(uint64 id);
    uint64 GetPSNID() const;
    void SetIPAddr(const SteamNetworkingIPAddr &addr);
    const SteamNetworkingIPAddr *GetIPAddr() const;
    void SetIPv4Addr(uint32 nIPv4, uint16 nPort);
    uint32 GetIPv4() const;
    ESteamNetworkingFakeIPType GetFakeIPType() const;
    bool IsFakeIP() const { return GetFakeIPType() > k_ESteamNetworkingFakeIPType_NotFake; }
    /* Somebody on this host, who does not say who. */
    void SetLocalHost();
    bool IsLocalHost() const;
    /* At most 31 bytes. */
    bool SetGenericString(const char *pszString);
    const char *GetGenericString() const;
    /* At most 32 bytes. */
    bool SetGenericBytes(const void *data, size_t cbLen);
    const uint8 *GetGenericBytes(int &cbLen) const;

    bool operator==(const SteamNetworkingIdentity &x) const;
    /* Writes at most `cbBuf` bytes, terminating zero included. */
    void ToString(char *buf, size_t cbBuf) const;
    /* Takes what ToString makes. False leaves it as it was. */
    bool ParseString(const char *pszStr);
#endif

    /* How many bytes of the union count, terminating zeros included. */
    int m_cbSize;
    union {
        uint64 m_steamID64;
        uint64 m_PSNID;
        char m_szGenericString[32];
        char m_szXboxPairwiseID[33];
        uint8 m_genericBytes[32];
        char m_szUnknownRawString[128];
        SteamNetworkingIPAddr m_ip;
        uint32 m_reserved[32];
    };
} SteamNetworkingIdentity;

#pragma pack(pop)

BOWLINE_STATIC_ASSERT(sizeof(SteamNetworkingIPAddr) == 18 && BOWLINE_ALIGNOF(SteamNetworkingIPAddr) == 1, "layout");
BOWLINE_STATIC_ASSERT(sizeof(SteamNetworkingIdentity) == 136 && BOWLINE_ALIGNOF(SteamNetworkingIdentity) == 1,
                      "layout");

#ifdef __cplusplus

inline void SteamNetworkingIPAddr::Clear() { memset(this, 0, sizeof(*this)); }

inline bool SteamNetworkingIPAddr::IsIPv6AllZeros() const
{
    static const uint8 zeros[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    return memcmp(m_ipv6, zeros, sizeof(zeros)) == 0;
}

inline void SteamNetworkingIPAddr::SetIPv6(const uint8 *ipv6, uint16 nPort)
{
    memcpy(m_ipv6, ipv6, sizeof(m_ipv6));
    m_port = nPort;
}

inline void SteamNetworkingIPAddr::SetIPv4(uint32 nIP, uint16 nPort)
{
    m_ipv4.m_8zeros = 0;
    m_ipv4.m_0000 = 0;
    m_ipv4.m_ffff = 0xffff;
    for (int i = 0; i < 4; ++i)
        m_ipv4.m_ip[i] = (uint8)(nIP >> (24 - 8 * i));
    m_port = nPort;
}

inline bool SteamNetworkingIPAddr::IsIPv4() const
{
    return m_ipv4.m_8zeros == 0 && m_ipv4.m_0000 == 0 && m_ipv4.m_ffff == 0xffff;
}

inline uint32 SteamNetworkingIPAddr::GetIPv4() const
{
    uint32 nIP = 0;
    for (int i = 0; IsIPv4() && i < 4; ++i)
        nIP = (nIP << 8) | m_ipv4.m_ip[i];
    return nIP;
}

inline void SteamNetworkingIPAddr::SetIPv6LocalHost(uint16 nPort)
{
    Clear();
    m_ipv6[15] = 1;
    m_port = nPort;
}

inline bool SteamNetworkingIPAddr::IsLocalHost() const
{
    SteamNetworkingIPAddr localhost;
    localhost.SetIPv6LocalHost(m_port);
    return *this == localhost || GetIPv4() == 0x7f000001;
}

inline bool SteamNetworkingIPAddr::operator==(const SteamNetworkingIPAddr &x) const
{
    return memcmp(this, &x, sizeof(x)) == 0;
}

inline void SteamNetworkingIdentity::Clear() { memset(this, 0, sizeof(*this)); }
inline bool SteamNetworkingIdentity::IsInvalid() const { return m_eType == k_ESteamNetworkingIdentityType_Invalid; }
inline void SteamNetworkingIdentity::SetSteamID(CSteamID steamID) { SetSteamID64(steamID.ConvertToUint64()); }
inline CSteamID SteamNetworkingIdentity::GetSteamID() const { return CSteamID(GetSteamID64()); }

inline void SteamNetworkingIdentity::SetSteamID64(uint64 steamID)
{
    m_eType = k_ESteamNetworkingIdentityType_SteamID;
    m_cbSize = (int)sizeof(m_steamID64);
    m_steamID64 = steamID;
}

inline uint64 SteamNetworkingIdentity::GetSteamID64() const
{
    return m_eType == k_ESteamNetworkingIdentityType_SteamID ? m_steamID64 : 0;
}

inline bool SteamNetworkingIdentity::SetXboxPairwiseID(const char *pszString)
{
    const size_t cch = strlen(pszString);
    if (cch == 0 || cch >= sizeof(m_szXboxPairwiseID))
        return false;
    m_eType = k_ESteamNetworkingIdentityType_XboxPairwiseID;
    m_cbSize = (int)cch + 1;
    memcpy(m_szXboxPairwiseID, pszString, cch + 1);
    return true;
}

inline const char *SteamNetworkingIdentity::GetXboxPairwiseID() const
{
    return m_eType == k_ESteamNetworkingIdentityType_XboxPairwiseID ? m_szXboxPairwiseID : NULL;
}

inline void SteamNetworkingIdentity::SetPSNID(uint64 id)
{
    m_eType = k_ESteamNetworkingIdentityType_SonyPSN;
    m_cbSize = (int)sizeof(m_PSNID);
    m_PSNID = id;
}

inline uint64 SteamNetworkingIdentity::GetPSNID() const
{
    return m_eType == k_ESteamNetworkingIdentityType_SonyPSN ? m_PSNID : 0;
}

inline void SteamNetworkingIdentity::SetIPAddr(const SteamNetworkingIPAddr &addr)
{
    m_eType = k_ESteamNetworkingIdentityType_IPAddress;
    m_cbSize = (int)sizeof(m_ip);
    m_ip = addr;
}

inline const SteamNetworkingIPAddr *SteamNetworkingIdentity::GetIPAddr() const
{
    return m_eType == k_ESteamNetworkingIdentityType_IPAddress ? &m_ip : NULL;
}

inline void SteamNetworkingIdentity::SetIPv4Addr(uint32 nIPv4, uint16 nPort)
{
    SteamNetworkingIPAddr addr;
    addr.SetIPv4(nIPv4, nPort);
    SetIPAddr(addr);
}

inline uint32 SteamNetworkingIdentity::GetIPv4() const
{
    return m_eType == k_ESteamNetworkingIdentityType_IPAddress ? m_ip.GetIPv4() : 0;
}

inline ESteamNetworkingFakeIPType SteamNetworkingIdentity::GetFakeIPType() const
{
    if (m_eType != k_ESteamNetworkingIdentityType_IPAddress)
        return k_ESteamNetworkingFakeIPType_Invalid;
    return m_ip.GetFakeIPType();
}

inline void SteamNetworkingIdentity::SetLocalHost()
{
    SteamNetworkingIPAddr addr;
    addr.SetIPv6LocalHost();
    SetIPAddr(addr);
}

inline bool SteamNetworkingIdentity::IsLocalHost() const
{
    return m_eType == k_ESteamNetworkingIdentityType_IPAddress && m_ip.IsLocalHost();
}

inline bool SteamNetworkingIdentity::SetGenericString(const char *pszString)
{
    const size_t cch = strlen(pszString);
    if (cch >= sizeof(m_szGenericString))
        return false;
    m_eType = k_ESteamNetworkingIdentityType_GenericString;
    m_cbSize = (int)cch + 1;
    memcpy(m_szGenericString, pszString, cch + 1);
    return true;
}

inline const char *SteamNetworkingIdentity::GetGenericString() const
{
    return m_eType == k_ESteamNetworkingIdentityType_GenericString ? m_szGenericString : NULL;
}

inline bool SteamNetworkingIdentity::SetGenericBytes(const void *data, size_t cbLen)
{
    if (cbLen > sizeof(m_genericBytes))
        return false;
    m_eType = k_ESteamNetworkingIdentityType_GenericBytes;
    m_cbSize = (int)cbLen;
    memcpy(m_genericBytes, data, cbLen);
    return true;
}

inline const uint8 *SteamNetworkingIdentity::GetGenericBytes(int &cbLen) const
{
    if (m_eType != k_ESteamNetworkingIdentityType_GenericBytes)
        return NULL;
    cbLen = m_cbSize;
    return m_genericBytes;
}

inline bool SteamNetworkingIdentity::operator==(const SteamNetworkingIdentity &x) const
{
    if (m_eType != x.m_eType || m_cbSize != x.m_cbSize)
        return false;
    /* A size that cannot be is of bytes that nobody set; it must not be believed. */
    const bool bFits = m_cbSize >= 0 && (size_t)m_cbSize <= sizeof(m_reserved);
    return memcmp(m_reserved, x.m_reserved, bFits ? (size_t)m_cbSize : sizeof(m_reserved)) == 0;
}

#endif /* __cplusplus */

#endif /* BOWLINE_IDENTITY_H */
