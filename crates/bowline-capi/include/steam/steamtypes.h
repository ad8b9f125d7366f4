/* Integers of fixed size and the numbers that Steam gives to things. */
#ifndef STEAMTYPES_H
#define STEAMTYPES_H

#include "bowline/language.h"

#define S_CALLTYPE __cdecl

#if defined(__LP64__) || defined(__x86_64__) || defined(_WIN64) || defined(__aarch64__) || defined(__s390x__)
/* Pointers have 64 bits. */
#define X64BITS
#endif

#if !defined(VALVE_BIG_ENDIAN) && defined(__GNUC__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define VALVE_BIG_ENDIAN 1
#endif

typedef unsigned char uint8;
typedef signed char int8;

#if defined(_WIN32) && !defined(__GNUC__)

typedef __int16 int16;
typedef unsigned __int16 uint16;
typedef __int32 int32;
typedef unsigned __int32 uint32;
typedef __int64 int64;
typedef unsigned __int64 uint64;
typedef int64 lint64;
typedef uint64 ulint64;
#ifdef X64BITS
typedef __int64 intp;
typedef unsigned __int64 uintp;
#else
typedef __int32 intp;
typedef unsigned __int32 uintp;
#endif

#else

typedef short int16;
typedef unsigned short uint16;
typedef int int32;
typedef unsigned int uint32;
/* Not int64_t where that is long: overloads tell the two apart. */
typedef long long int64;
typedef unsigned long long uint64;
/* As long as a long, whatever its size. */
typedef long int lint64;
typedef unsigned long int ulint64;
/* As long as a pointer. */
#ifdef X64BITS
typedef long long intp;
typedef unsigned long long uintp;
#else
typedef int intp;
typedef unsigned int uintp;
#endif

#endif

/* A game or other app. */
typedef uint32 AppId_t;
BOWLINE_CONST(AppId_t, k_uAppIdInvalid, 0x0);

/* A part of an app's files. */
typedef uint32 DepotId_t;
BOWLINE_CONST(DepotId_t, k_uDepotIdInvalid, 0x0);

/* Seconds since 1970. */
typedef uint32 RTime32;

/* A call of Steam whose answer comes later. */
typedef uint64 SteamAPICall_t;
BOWLINE_CONST(SteamAPICall_t, k_uAPICallInvalid, 0x0);

/* An account within its universe: the low half of a CSteamID. */
typedef uint32 AccountID_t;
BOWLINE_CONST(AccountID_t, k_uAccountIdInvalid, 0);

/* An open place in a party. */
typedef uint64 PartyBeaconID_t;
BOWLINE_CONST(PartyBeaconID_t, k_ulPartyBeaconIdInvalid, 0);

/* Which half of the union in SteamIPAddress_t counts. */
typedef enum ESteamIPType {
    k_ESteamIPTypeIPv4 = 0,
    k_ESteamIPTypeIPv6 = 1
} ESteamIPType;

#pragma pack(push, 1)

/* An address without a port, as the legacy interface ISteamNetworking takes it. */
typedef struct SteamIPAddress_t {
    union {
        /* In the byte order of this machine: 127.0.0.1 is 0x7f000001. */
        uint32 m_unIPv4;
        /* In the order in which it is written. */
        uint8 m_rgubIPv6[16];
        uint64 m_ipv6Qword[2];
    };
    ESteamIPType m_eType;

#ifdef __cplusplus
    /* Whether it is not the address of all zeros. */
    bool IsSet() const
    {
        if (m_eType == k_ESteamIPTypeIPv4)
            return m_unIPv4 != 0;
        return (m_ipv6Qword[0] | m_ipv6Qword[1]) != 0;
    }

    static SteamIPAddress_t IPv4Any() { return Make(k_ESteamIPTypeIPv4); }
    static SteamIPAddress_t IPv6Any() { return Make(k_ESteamIPTypeIPv6); }

    static SteamIPAddress_t IPv4Loopback()
    {
        SteamIPAddress_t address = Make(k_ESteamIPTypeIPv4);
        address.m_unIPv4 = 0x7f000001;
        return address;
    }

    static SteamIPAddress_t IPv6Loopback()
    {
        SteamIPAddress_t address = Make(k_ESteamIPTypeIPv6);
        address.m_rgubIPv6[15] = 1;
        return address;
    }

private:
    static SteamIPAddress_t Make(ESteamIPType eType)
    {
        SteamIPAddress_t address;
        address.m_ipv6Qword[0] = 0;
        address.m_ipv6Qword[1] = 0;
        address.m_eType = eType;
        return address;
    }
#endif
} SteamIPAddress_t;

#pragma pack(pop)

BOWLINE_STATIC_ASSERT(sizeof(int16) == 2 && sizeof(int32) == 4 && sizeof(int64) == 8, "integers of fixed size");
BOWLINE_STATIC_ASSERT(sizeof(intp) == sizeof(void *), "integers as long as a pointer");
BOWLINE_STATIC_ASSERT(sizeof(SteamIPAddress_t) == 20 && BOWLINE_ALIGNOF(SteamIPAddress_t) == 1, "layout");

#endif /* STEAMTYPES_H */
