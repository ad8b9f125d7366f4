/* The numbers of 64 bits that name a user or a game. Part of steamclientpublic.h.
 *
 * A CSteamID, from the low end: account (32 bits), instance (20), type (4), universe (8). C programs use
 * the number itself, as uint64.
 */
#ifndef BOWLINE_STEAMID_H
#define BOWLINE_STEAMID_H

#include "../steamtypes.h"
#include "../steamuniverse.h"
#include "client_enums.h"

#define CSTEAMID_DEFINED

BOWLINE_CONST(unsigned int, k_unSteamAccountIDMask, 0xFFFFFFFF);
BOWLINE_CONST(unsigned int, k_unSteamAccountInstanceMask, 0x000FFFFF);
/* The instance of an ordinary user. */
BOWLINE_CONST(unsigned int, k_unSteamUserDefaultInstance, 1);

#pragma pack(push, 1)

#ifndef __cplusplus

typedef struct CSteamID {
    uint64 m_unAll64Bits;
} CSteamID;

typedef struct CGameID {
    uint64 m_ulGameID;
} CGameID;

#else

/* Who somebody is on Steam: a user, a game server, a clan. */
class CSteamID {
public:
    /* Nobody. */
    CSteamID() : m_unAll64Bits(0) {}

    /* With the instance that is usual for the type: 0 for clans and game servers, else 1. */
    CSteamID(uint32 unAccountID, EUniverse eUniverse, EAccountType eAccountType)
    {
        Set(unAccountID, eUniverse, eAccountType);
    }

    CSteamID(uint32 unAccountID, unsigned int unAccountInstance, EUniverse eUniverse, EAccountType eAccountType)
    {
        InstancedSet(unAccountID, unAccountInstance, eUniverse, eAccountType);
    }

    /* Any number is taken; see IsValid. */
    CSteamID(uint64 ulSteamID) : m_unAll64Bits(ulSteamID) {}

#ifdef INT64_DIFFERENT_FROM_INT64_T
    CSteamID(uint64_t ulSteamID) : m_unAll64Bits((uint64)ulSteamID) {}
#endif

    void Set(uint32 unAccountID, EUniverse eUniverse, EAccountType eAccountType)
    {
        bool bHasInstance = eAccountType != k_EAccountTypeClan && eAccountType != k_EAccountTypeGameServer;
        InstancedSet(unAccountID, bHasInstance ? k_unSteamUserDefaultInstance : 0, eUniverse, eAccountType);
    }

    void InstancedSet(uint32 unAccountID, uint32 unInstance, EUniverse eUniverse, EAccountType eAccountType)
    {
        m_unAll64Bits = (uint64)unAccountID | ((uint64)(unInstance & k_unSteamAccountInstanceMask) << 32) |
                        ((uint64)((unsigned int)eAccountType & 0xF) << 52) |
                        ((uint64)((unsigned int)eUniverse & 0xFF) << 56);
    }

    /* Account and instance from the low 52 bits of a number. */
    void FullSet(uint64 ulIdentifier, EUniverse eUniverse, EAccountType eAccountType)
    {
        InstancedSet((uint32)ulIdentifier, (uint32)(ulIdentifier >> 32), eUniverse, eAccountType);
    }

    void SetFromUint64(uint64 ulSteamID) { m_unAll64Bits = ulSteamID; }
    void Clear() { m_unAll64Bits = 0; }
    uint64 ConvertToUint64() const { return m_unAll64Bits; }

    /* The number without its instance, which is the same wherever somebody plays. */
    uint64 GetStaticAccountKey() const
    {
        return m_unAll64Bits & ~((uint64)k_unSteamAccountInstanceMask << 32);
    }

    /* Becomes a game server, or a user, that has not been given a number yet. */
    void CreateBlankAnonLogon(EUniverse eUniverse)
    {
        InstancedSet(0, 0, eUniverse, k_EAccountTypeAnonGameServer);
    }
    void CreateBlankAnonUserLogon(EUniverse eUniverse) { InstancedSet(0, 0, eUniverse, k_EAccountTypeAnonUser); }

    /* What kind of account it is. */
    bool BBlankAnonAccount() const { return GetAccountID() == 0 && BAnonAccount() && GetUnAccountInstance() == 0; }
    bool BGameServerAccount() const { return BPersistentGameServerAccount() || BAnonGameServerAccount(); }
    bool BPersistentGameServerAccount() const { return GetEAccountType() == k_EAccountTypeGameServer; }
    bool BAnonGameServerAccount() const { return GetEAccountType() == k_EAccountTypeAnonGameServer; }
    bool BContentServerAccount() const { return GetEAccountType() == k_EAccountTypeContentServer; }
    bool BClanAccount() const { return GetEAccountType() == k_EAccountTypeClan; }
    bool BChatAccount() const { return GetEAccountType() == k_EAccountTypeChat; }
    bool IsLobby() const { return BChatAccount() && (GetUnAccountInstance() & k_EChatInstanceFlagLobby) != 0; }
    bool BIndividualAccount() const { return GetEAccountType() == k_EAccountTypeIndividual || BConsoleUserAccount(); }
    bool BAnonAccount() const { return BAnonUserAccount() || BAnonGameServerAccount(); }
    bool BAnonUserAccount() const { return GetEAccountType() == k_EAccountTypeAnonUser; }
    bool BConsoleUserAccount() const { return GetEAccountType() == k_EAccountTypeConsoleUser; }

    /* The parts. */
    AccountID_t GetAccountID() const { return (AccountID_t)m_unAll64Bits; }
    uint32 GetUnAccountInstance() const { return (uint32)(m_unAll64Bits >> 32) & k_unSteamAccountInstanceMask; }
    EAccountType GetEAccountType() const { return (EAccountType)((m_unAll64Bits >> 52) & 0xF); }
    EUniverse GetEUniverse() const { return (EUniverse)(m_unAll64Bits >> 56); }
    void SetAccountID(uint32 unAccountID)
    {
        InstancedSet(unAccountID, GetUnAccountInstance(), GetEUniverse(), GetEAccountType());
    }
    void SetAccountInstance(uint32 unInstance)
    {
        InstancedSet(GetAccountID(), unInstance, GetEUniverse(), GetEAccountType());
    }
    void SetEUniverse(EUniverse eUniverse)
    {
        InstancedSet(GetAccountID(), GetUnAccountInstance(), eUniverse, GetEAccountType());
    }

    /* Whether it could name somebody: known type and universe, and an account where the type needs one.
     * A user's instance must be 1, a clan's 0. */
    bool IsValid() const
    {
        if (GetEAccountType() <= k_EAccountTypeInvalid || GetEAccountType() >= k_EAccountTypeMax)
            return false;
        if (GetEUniverse() <= k_EUniverseInvalid || GetEUniverse() >= k_EUniverseMax)
            return false;
        if (GetEAccountType() == k_EAccountTypeIndividual)
            return GetAccountID() != 0 && GetUnAccountInstance() == k_unSteamUserDefaultInstance;
        if (GetEAccountType() == k_EAccountTypeClan)
            return GetAccountID() != 0 && GetUnAccountInstance() == 0;
        return GetEAccountType() != k_EAccountTypeGameServer || GetAccountID() != 0;
    }

    bool operator==(const CSteamID &val) const { return m_unAll64Bits == val.m_unAll64Bits; }
    bool operator!=(const CSteamID &val) const { return m_unAll64Bits != val.m_unAll64Bits; }
    bool operator<(const CSteamID &val) const { return m_unAll64Bits < val.m_unAll64Bits; }
    bool operator>(const CSteamID &val) const { return m_unAll64Bits > val.m_unAll64Bits; }

    /* Declared for programs that bring their own: the library has none of these. */
    explicit CSteamID(const char *pchSteamID, EUniverse eDefaultUniverse = k_EUniverseInvalid);
    const char *Render() const;
    static const char *Render(uint64 ulSteamID);
    void SetFromString(const char *pchSteamID, EUniverse eDefaultUniverse);
    bool SetFromStringStrict(const char *pchSteamID, EUniverse eDefaultUniverse);
    bool BValidExternalSteamID() const;

private:
    /* A number of 32 bits is an account, and not enough. */
    CSteamID(uint32);
    CSteamID(int32);

    uint64 m_unAll64Bits;
};

#define k_steamIDNil CSteamID()
#define k_steamIDOutofDateGS CSteamID(0, 0, k_EUniverseInvalid, k_EAccountTypeInvalid)
#define k_steamIDLanModeGS CSteamID(0, 0, k_EUniversePublic, k_EAccountTypeInvalid)
#define k_steamIDNotInitYetGS CSteamID(1, 0, k_EUniverseInvalid, k_EAccountTypeInvalid)
#define k_steamIDNonSteamGS CSteamID(2, 0, k_EUniverseInvalid, k_EAccountTypeInvalid)

/* A game, a mod of one, or a program that a user added: from the low end app (24 bits), type (8), mod
 * (32). */
class CGameID {
public:
    enum EGameIDType {
        k_EGameIDTypeApp = 0,
        k_EGameIDTypeGameMod = 1,
        k_EGameIDTypeShortcut = 2,
        k_EGameIDTypeP2P = 3
    };

    CGameID() : m_ulGameID(0) {}
    explicit CGameID(uint64 ulGameID) : m_ulGameID(ulGameID) {}
#ifdef INT64_DIFFERENT_FROM_INT64_T
    CGameID(uint64_t ulGameID) : m_ulGameID((uint64)ulGameID) {}
#endif
    explicit CGameID(int32 nAppID) : m_ulGameID(0) { m_gameID.m_nAppID = (uint32)nAppID & 0xFFFFFF; }
    explicit CGameID(uint32 nAppID) : m_ulGameID(0) { m_gameID.m_nAppID = nAppID & 0xFFFFFF; }
    explicit CGameID(uint32 nAppID, uint32 nModID, CGameID::EGameIDType nType) : m_ulGameID(0)
    {
        m_gameID.m_nAppID = nAppID & 0xFFFFFF;
        m_gameID.m_nModID = nModID;
        m_gameID.m_nType = (unsigned int)nType & 0xFF;
    }
    CGameID(const CGameID &that) : m_ulGameID(that.m_ulGameID) {}
    CGameID &operator=(const CGameID &that)
    {
        m_ulGameID = that.m_ulGameID;
        return *this;
    }

    uint64 ToUint64() const { return m_ulGameID; }
    uint64 *GetUint64Ptr() { return &m_ulGameID; }
    void Set(uint64 ulGameID) { m_ulGameID = ulGameID; }
    void Reset() { m_ulGameID = 0; }

    bool IsMod() const { return m_gameID.m_nType == k_EGameIDTypeGameMod; }
    bool IsShortcut() const { return m_gameID.m_nType == k_EGameIDTypeShortcut; }
    bool IsP2PFile() const { return m_gameID.m_nType == k_EGameIDTypeP2P; }
    bool IsSteamApp() const { return m_gameID.m_nType == k_EGameIDTypeApp; }
    uint32 ModID() const { return m_gameID.m_nModID; }
#if !defined(VALVE_SHORTCUT_DEBUG)
    uint32 AppID(bool = false) const { return m_gameID.m_nAppID; }
#else
    uint32 AppID(bool bShortcutOK = false) const;
#endif

    bool operator==(const CGameID &rhs) const { return m_ulGameID == rhs.m_ulGameID; }
    bool operator!=(const CGameID &rhs) const { return m_ulGameID != rhs.m_ulGameID; }
    bool operator<(const CGameID &rhs) const { return m_ulGameID < rhs.m_ulGameID; }

    /* Whether app and mod are such as the type demands. */
    bool IsValid() const
    {
        const bool bHasApp = m_gameID.m_nAppID != k_uAppIdInvalid;
        const bool bHasMod = (m_gameID.m_nModID & 0x80000000) != 0;
        switch (m_gameID.m_nType) {
        case k_EGameIDTypeApp:
            return bHasApp;
        case k_EGameIDTypeGameMod:
            return bHasApp && bHasMod;
        case k_EGameIDTypeShortcut:
            return !bHasApp && m_gameID.m_nModID >= (5000 | 0x80000000);
        case k_EGameIDTypeP2P:
            return !bHasApp && bHasMod;
        default:
            return false;
        }
    }

    /* Declared for programs that bring their own: the library has none of these. */
    explicit CGameID(const char *pchGameID);
    const char *Render() const;
    static const char *Render(uint64 ulGameID);
    friend CGameID GameIDFromAppAndModPath(uint32 nAppID, const char *pchModPath);

    struct GameID_t {
#ifdef VALVE_BIG_ENDIAN
        unsigned int m_nModID : 32;
        unsigned int m_nType : 8;
        unsigned int m_nAppID : 24;
#else
        unsigned int m_nAppID : 24;
        unsigned int m_nType : 8;
        unsigned int m_nModID : 32;
#endif
    };

    union {
        uint64 m_ulGameID;
        GameID_t m_gameID;
    };
};

#endif /* __cplusplus */

#pragma pack(pop)

BOWLINE_STATIC_ASSERT(sizeof(CSteamID) == 8 && BOWLINE_ALIGNOF(CSteamID) == 1, "layout");
BOWLINE_STATIC_ASSERT(sizeof(CGameID) == 8, "layout");

#endif /* BOWLINE_STEAMID_H */
