// Prints what a program takes from the headers at compile time: sizes, alignments, offsets, numbers, slots of
// vtables, the types of everything, and what inline functions return. Compiled with our headers and with those
// of GameNetworkingSockets, it must print the same (layout.sh).
//
// Needs no library: only inline functions that do not call it are run.
#include <steam/isteamnetworkingmessages.h>
#include <steam/isteamnetworkingutils.h>
#include <steam/steamnetworkingcustomsignaling.h>
#include <steam/steamnetworkingsockets.h>
#include <steam/steamnetworkingsockets_flat.h>

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <typeinfo>

static void print_structs()
{
#define STRUCT(type) printf("%s size %zu align %zu\n", #type, sizeof(type), alignof(type));
#define FIELD(type, field)                                                                                             \
    printf("%s.%s at %zu size %zu type %s\n", #type, #field, offsetof(type, field), sizeof(((type *)0)->field),        \
           typeid(decltype(((type *)0)->field)).name());
#define TYPE(type) printf("%s is %s\n", #type, typeid(type).name());
#include "layout_structs.h"
}

static void print_values()
{
#define VALUE(value) printf("%s = %lld of %s\n", #value, (long long)value, typeid(value).name());
#define NUMBER(value) printf("%s = %lld\n", #value, (long long)value);
#include "layout_values.h"
    printf("%s %s %s\n", STEAMNETWORKINGSOCKETS_INTERFACE_VERSION, STEAMNETWORKINGUTILS_INTERFACE_VERSION,
           STEAMNETWORKINGMESSAGES_INTERFACE_VERSION);
}

// Of the Itanium ABI: a pointer to a virtual method is 1 plus the offset in the vtable.
template <typename Method> static long slot(Method method)
{
    ptrdiff_t offset = 0;
    memcpy(&offset, &method, sizeof(offset));
    return (long)((offset - 1) / (ptrdiff_t)sizeof(void *));
}

static void print_functions()
{
#define METHOD(type, method)                                                                                           \
    printf("%s::%s slot %ld type %s\n", #type, #method, slot(&type::method), typeid(&type::method).name());
#define MEMBER(type, method) printf("%s::%s type %s\n", #type, #method, typeid(decltype(&type::method)).name());
#define FUNCTION(function) printf("%s type %s\n", #function, typeid(decltype(&function)).name());
#include "layout_functions.h"
}

static void print_steam_id(CSteamID id)
{
    printf("%llx: account %x instance %x type %d universe %d key %llx\n", (unsigned long long)id.ConvertToUint64(),
           id.GetAccountID(), id.GetUnAccountInstance(), (int)id.GetEAccountType(), (int)id.GetEUniverse(),
           (unsigned long long)id.GetStaticAccountKey());
    printf(" valid %d blank %d server %d %d %d content %d clan %d chat %d lobby %d user %d anon %d %d console %d\n",
           id.IsValid(), id.BBlankAnonAccount(), id.BGameServerAccount(), id.BPersistentGameServerAccount(),
           id.BAnonGameServerAccount(), id.BContentServerAccount(), id.BClanAccount(), id.BChatAccount(),
           id.IsLobby(), id.BIndividualAccount(), id.BAnonAccount(), id.BAnonUserAccount(), id.BConsoleUserAccount());
}

// Numbers that touch every bit, the same on each run.
static uint64 next_number(uint64 &state)
{
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return state ^ (state >> 29);
}

static void print_steam_ids()
{
    uint64 state = 1;
    for (int type = 0; type < 12; ++type) {
        for (int universe = 0; universe < 6; ++universe) {
            print_steam_id(CSteamID(7, (EUniverse)universe, (EAccountType)type));
            print_steam_id(CSteamID(0, 0, (EUniverse)universe, (EAccountType)type));
        }
        CSteamID id(next_number(state));
        print_steam_id(id);
        id.SetAccountID((uint32)next_number(state));
        id.SetAccountInstance((uint32)next_number(state) & 0xfffff);
        id.SetEUniverse(k_EUniverseDev);
        print_steam_id(id);
        id.FullSet(next_number(state), k_EUniverseBeta, k_EAccountTypeChat);
        print_steam_id(id);
        id.CreateBlankAnonLogon(k_EUniversePublic);
        print_steam_id(id);
        id.CreateBlankAnonUserLogon(k_EUniversePublic);
        print_steam_id(id);
        printf("%d %d %d\n", id < CSteamID(), id > CSteamID(), id == CSteamID(id.ConvertToUint64()));
        id.Clear();
        print_steam_id(id);
    }
    print_steam_id(k_steamIDNil);
    print_steam_id(k_steamIDOutofDateGS);
    print_steam_id(k_steamIDLanModeGS);
    print_steam_id(k_steamIDNotInitYetGS);
    print_steam_id(k_steamIDNonSteamGS);
}

static void print_game_ids()
{
    const uint32 mods[] = {0, 1, 0x80000000, 0x80000000 | 4999, 0x80000000 | 5000, 0xffffffff};
    for (uint32 mod : mods) {
        for (uint32 app = 0; app < 3; ++app) {
            for (int type = 0; type < 4; ++type) {
                CGameID id(app, mod, (CGameID::EGameIDType)type);
                printf("%llx: app %u mod %u valid %d mod %d shortcut %d p2p %d app %d\n",
                       (unsigned long long)id.ToUint64(), id.AppID(), id.ModID(), id.IsValid(), id.IsMod(),
                       id.IsShortcut(), id.IsP2PFile(), id.IsSteamApp());
            }
        }
    }
    printf("%llx %llx\n", (unsigned long long)CGameID((uint32)480).ToUint64(), (unsigned long long)CGameID().ToUint64());
}

static void print_bytes(const char *what, const void *data, size_t size)
{
    printf("%s", what);
    for (size_t i = 0; i < size; ++i)
        printf(" %02x", ((const unsigned char *)data)[i]);
    printf("\n");
}

static void print_addr(const SteamNetworkingIPAddr &addr)
{
    print_bytes("addr", &addr, sizeof(addr));
    printf(" zeros %d v4 %d %x local %d\n", addr.IsIPv6AllZeros(), addr.IsIPv4(), addr.GetIPv4(), addr.IsLocalHost());
}

static void print_addrs()
{
    SteamNetworkingIPAddr addr;
    addr.Clear();
    print_addr(addr);
    addr.SetIPv6LocalHost(5);
    print_addr(addr);
    SteamNetworkingIPAddr other = addr;
    other.m_port = 6;
    printf("%d %d\n", addr == addr, addr == other);
    const uint32 ips[] = {0, 1, 0x7f000001, 0x7f000002, 0x0a0b0c0d, 0xffffffff};
    for (uint32 ip : ips) {
        addr.SetIPv4(ip, 27015);
        print_addr(addr);
    }
    const uint8 ipv6[16] = {0x20, 1, 0xd, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    addr.SetIPv6(ipv6, 1);
    print_addr(addr);
}

static void print_identity(const char *what, bool ok, const SteamNetworkingIdentity &id)
{
    int size = -1;
    const uint8 *bytes = id.GetGenericBytes(size);
    printf("%s %d: type %d size %d steam %llx %llx psn %llx v4 %x local %d invalid %d bytes %d\n", what, ok, id.m_eType,
           id.m_cbSize, (unsigned long long)id.GetSteamID64(), (unsigned long long)id.GetSteamID().ConvertToUint64(),
           (unsigned long long)id.GetPSNID(), id.GetIPv4(), id.IsLocalHost(), id.IsInvalid(), size);
    printf(" xbox %s str %s ip %d\n", id.GetXboxPairwiseID() ? id.GetXboxPairwiseID() : "-",
           id.GetGenericString() ? id.GetGenericString() : "-", id.GetIPAddr() != NULL);
    print_bytes("  content", id.m_genericBytes, (size_t)id.m_cbSize);
    printf("  %d\n", bytes != NULL);
}

static void print_identities()
{
    char text[40];
    SteamNetworkingIdentity id, other;
    other.Clear();
    for (size_t length = 0; length < sizeof(text); ++length) {
        id.Clear();
        memset(text, 'a', length);
        text[length == sizeof(text) ? length - 1 : length] = 0;
        print_identity("str", id.SetGenericString(text), id);
        printf("%d %d\n", id == id, id == other);
        print_identity("xbox", id.SetXboxPairwiseID(text), id);
        print_identity("gen", id.SetGenericBytes(text, length), id);
        other = id;
    }
    id.SetSteamID64(76561197960265729ULL);
    print_identity("steam", true, id);
    id.SetSteamID(CSteamID(9, k_EUniversePublic, k_EAccountTypeIndividual));
    print_identity("steam", true, id);
    id.SetPSNID(0x123456789abcdefULL);
    print_identity("psn", true, id);
    id.SetIPv4Addr(0x7f000001, 80);
    print_identity("ip", true, id);
    id.SetLocalHost();
    print_identity("local", true, id);
}

static void print_pops()
{
    const char *names[] = {"", "f", "fr", "fra", "fra2", "fra22", "\xff\xfe\xfd\xfc"};
    for (const char *name : names) {
        char padded[8] = {};
        strncpy(padded, name, sizeof(padded) - 1);
        SteamNetworkingPOPID id = CalculateSteamNetworkingPOPIDFromString(padded);
        char back[5];
        GetSteamNetworkingLocationPOPStringFromID(id, back);
        printf("pop %x %s %s\n", id, back, SteamNetworkingPOPIDRender(id).c_str());
    }
}

int main()
{
    print_structs();
    print_values();
    print_functions();
    print_steam_ids();
    print_game_ids();
    print_addrs();
    print_identities();
    print_pops();
    SteamIPAddress_t loop4 = SteamIPAddress_t::IPv4Loopback(), loop6 = SteamIPAddress_t::IPv6Loopback();
    printf("%d %d %d %d %x\n", loop4.IsSet(), loop6.IsSet(), SteamIPAddress_t::IPv4Any().IsSet(),
           SteamIPAddress_t::IPv6Any().IsSet(), loop4.m_unIPv4);
    print_bytes("loop6", loop6.m_rgubIPv6, sizeof(loop6.m_rgubIPv6));
    return 0;
}
