// Addresses and identities as text, and what is no text of one.
#include "world.h"

#include <steam/steamnetworkingsockets_flat.h>

static void check_addr(const char *text, const char *with_port, const char *without)
{
    SteamNetworkingIPAddr addr;
    addr.Clear();
    CHECK(addr.ParseString(text));
    char back[SteamNetworkingIPAddr::k_cchMaxString];
    addr.ToString(back, sizeof(back), true);
    CHECK_TEXT(back, with_port);
    addr.ToString(back, sizeof(back), false);
    CHECK_TEXT(back, without);
    utils()->SteamNetworkingIPAddr_ToString(addr, back, sizeof(back), true);
    CHECK_TEXT(back, with_port);
    SteamNetworkingIPAddr again;
    CHECK(utils()->SteamNetworkingIPAddr_ParseString(&again, with_port));
    CHECK(again == addr);
    CHECK_TEXT(SteamNetworkingIPAddrRender(addr).c_str(), with_port);
}

static void check_addrs()
{
    check_addr("1.2.3.4", "1.2.3.4:0", "1.2.3.4");
    check_addr("1.2.3.4:27015", "1.2.3.4:27015", "1.2.3.4");
    check_addr("::1", "[::1]:0", "::1");
    check_addr("[::1]:80", "[::1]:80", "::1");
    check_addr("[2001:db8:0:0:1::2]:65535", "[2001:db8::1:0:0:2]:65535", "2001:db8::1:0:0:2");
    check_addr("::", "[::]:0", "::");
    static const char *bad[] = {"", "x", "1.2.3", "127.0.0.1:99999", "localhost:80", "[::1", "fe80::1%eth0",
                                "256.1.1.1"};
    for (const char *text : bad) {
        SteamNetworkingIPAddr addr;
        addr.SetIPv4(0x01020304, 5);
        CHECK(!addr.ParseString(text));
    }
}

static void check_identity(const char *text, ESteamNetworkingIdentityType type, int size)
{
    SteamNetworkingIdentity id;
    CHECK(id.ParseString(text));
    CHECK_EQ(id.m_eType, type);
    CHECK_EQ(id.m_cbSize, size);
    char back[SteamNetworkingIdentity::k_cchMaxString];
    id.ToString(back, sizeof(back));
    CHECK_TEXT(back, text);
    CHECK_TEXT(SteamNetworkingIdentityRender(id).c_str(), text);
    SteamNetworkingIdentity again;
    CHECK(utils()->SteamNetworkingIdentity_ParseString(&again, back));
    CHECK(again == id);
    utils()->SteamNetworkingIdentity_ToString(id, back, sizeof(back));
    CHECK_TEXT(back, text);
}

static void check_identities()
{
    check_identity("steamid:76561197960265729", k_ESteamNetworkingIdentityType_SteamID, 8);
    check_identity("ip:1.2.3.4", k_ESteamNetworkingIdentityType_IPAddress, 18);
    check_identity("ip:1.2.3.4:5", k_ESteamNetworkingIdentityType_IPAddress, 18);
    check_identity("str:bob", k_ESteamNetworkingIdentityType_GenericString, 4);
    check_identity("str:", k_ESteamNetworkingIdentityType_GenericString, 1);
    check_identity("str:0123456789012345678901234567890", k_ESteamNetworkingIdentityType_GenericString, 32);
    check_identity("gen:00ff10", k_ESteamNetworkingIdentityType_GenericBytes, 3);
    check_identity("xboxpwid:abc", k_ESteamNetworkingIdentityType_XboxPairwiseID, 4);
    check_identity("psn:123", k_ESteamNetworkingIdentityType_SonyPSN, 8);
    check_identity("foo:bar", k_ESteamNetworkingIdentityType_UnknownType, 8);
    static const char *bad[] = {"",        "invalid", "foo",       " str:x",    "steamid:0", "steamid:1",
                                "gen:0",   "gen:zz",  "xboxpwid:", "steamid:x", "str:01234567890123456789012345678901"};
    for (const char *text : bad) {
        SteamNetworkingIdentity id;
        id.Clear();
        CHECK(!id.ParseString(text));
    }
}

// As much as fits, and nothing beyond.
static void check_short_buffers()
{
    SteamNetworkingIdentity id;
    CHECK(id.ParseString("str:somebody"));
    SteamNetworkingIPAddr addr;
    addr.SetIPv4(0x01020304, 27015);
    for (size_t size = 1; size < 14; ++size) {
        char buffer[32];
        std::memset(buffer, '#', sizeof(buffer));
        id.ToString(buffer, size);
        CHECK_EQ(buffer[size], '#');
        CHECK(std::memchr(buffer, 0, size) != nullptr);
        if (is_bowline() || size > 12)
            CHECK(std::strncmp(buffer, "str:somebody", std::strlen(buffer)) == 0);
        std::memset(buffer, '#', sizeof(buffer));
        addr.ToString(buffer, size, true);
        CHECK_EQ(buffer[size], '#');
        CHECK(std::memchr(buffer, 0, size) != nullptr);
    }
}

// Bytes that no function of the library wrote.
static void check_odd_identities()
{
    char text[SteamNetworkingIdentity::k_cchMaxString];
    SteamNetworkingIdentity id;
    // Text without an end, within its array.
    id.Clear();
    id.m_eType = k_ESteamNetworkingIdentityType_UnknownType;
    id.m_cbSize = sizeof(id.m_szUnknownRawString);
    std::memset(id.m_szUnknownRawString, 'u', sizeof(id.m_szUnknownRawString));
    id.ToString(text, sizeof(text));
    CHECK(std::memchr(text, 0, sizeof(text)) != nullptr);
    if (!is_bowline())
        return;
    for (int type = -1; type < 20; ++type) {
        for (int size = -1; size < 200; size += 3) {
            std::memset(&id, 0xff, sizeof(id));
            id.m_eType = (ESteamNetworkingIdentityType)type;
            id.m_cbSize = size;
            std::memset(text, '#', sizeof(text));
            id.ToString(text, sizeof(text));
            CHECK(std::memchr(text, 0, sizeof(text)) != nullptr);
        }
    }
}

// A program may have a smaller struct: it is not written beyond the size that it tells.
static void check_small_struct()
{
    for (size_t size = 0; size < sizeof(SteamNetworkingIdentity); ++size) {
        unsigned char bytes[sizeof(SteamNetworkingIdentity)];
        std::memset(bytes, '#', sizeof(bytes));
        const bool fits = SteamNetworkingIdentity_ParseString((SteamNetworkingIdentity *)bytes, size, "str:0123456789");
        CHECK_EQ(fits, size >= 32);
        for (size_t i = size; i < sizeof(bytes); ++i)
            CHECK_EQ(bytes[i], '#');
    }
}

static void check_flat()
{
    SteamNetworkingIdentity id, other;
    SteamAPI_SteamNetworkingIdentity_Clear(&id);
    CHECK(SteamAPI_SteamNetworkingIdentity_IsInvalid(&id));
    SteamAPI_SteamNetworkingIdentity_SetSteamID64(&id, 5);
    CHECK_EQ(SteamAPI_SteamNetworkingIdentity_GetSteamID64(&id), 5);
    SteamAPI_SteamNetworkingIdentity_SetSteamID(&id, 6);
    CHECK_EQ(SteamAPI_SteamNetworkingIdentity_GetSteamID(&id), 6);
    CHECK(SteamAPI_SteamNetworkingIdentity_SetXboxPairwiseID(&id, "x"));
    CHECK_TEXT(SteamAPI_SteamNetworkingIdentity_GetXboxPairwiseID(&id), "x");
    CHECK(SteamAPI_SteamNetworkingIdentity_SetGenericString(&id, "y"));
    CHECK_TEXT(SteamAPI_SteamNetworkingIdentity_GetGenericString(&id), "y");
    CHECK(SteamAPI_SteamNetworkingIdentity_GetIPAddr(&id) == nullptr);
    CHECK(SteamAPI_SteamNetworkingIdentity_SetGenericBytes(&id, "abc", 3));
    CHECK(!SteamAPI_SteamNetworkingIdentity_SetGenericBytes(&id, "abc", 33));
    int size = 0;
    CHECK(std::memcmp(SteamAPI_SteamNetworkingIdentity_GetGenericBytes(&id, size), "abc", 3) == 0);
    CHECK_EQ(size, 3);
    SteamAPI_SteamNetworkingIdentity_SetLocalHost(&id);
    CHECK(SteamAPI_SteamNetworkingIdentity_IsLocalHost(&id));
    other.SetLocalHost();
    CHECK(SteamAPI_SteamNetworkingIdentity_IsEqualTo(&id, other));
    SteamNetworkingIPAddr addr;
    SteamAPI_SteamNetworkingIPAddr_SetIPv4(&addr, 0x7f000001, 9);
    CHECK(SteamAPI_SteamNetworkingIPAddr_IsIPv4(&addr));
    CHECK_EQ(SteamAPI_SteamNetworkingIPAddr_GetIPv4(&addr), 0x7f000001);
    CHECK(SteamAPI_SteamNetworkingIPAddr_IsLocalHost(&addr));
    SteamAPI_SteamNetworkingIdentity_SetIPAddr(&id, addr);
    CHECK(*SteamAPI_SteamNetworkingIdentity_GetIPAddr(&id) == addr);
    SteamAPI_SteamNetworkingIPAddr_SetIPv6LocalHost(&addr, 9);
    CHECK(!SteamAPI_SteamNetworkingIPAddr_IsIPv4(&addr));
    CHECK(SteamAPI_SteamNetworkingIPAddr_IsLocalHost(&addr));
    SteamAPI_SteamNetworkingIPAddr_Clear(&addr);
    CHECK(SteamAPI_SteamNetworkingIPAddr_IsIPv6AllZeros(&addr));
    CHECK_EQ(SteamNetworkingIPAddr_GetFakeIPType(&addr), k_ESteamNetworkingFakeIPType_NotFake);
    CHECK_EQ(id.GetFakeIPType(), k_ESteamNetworkingFakeIPType_NotFake);
    id.SetSteamID64(1);
    CHECK_EQ(id.GetFakeIPType(), k_ESteamNetworkingFakeIPType_Invalid);
    addr.SetIPv4(0x01020304, 1);
    CHECK_EQ(addr.GetFakeIPType(), k_ESteamNetworkingFakeIPType_NotFake);
    CHECK(!addr.IsFakeIP());
}

int main()
{
    check_addrs();
    check_identities();
    check_short_buffers();
    check_odd_identities();
    check_small_struct();
    check_flat();
    return CHECK_DONE();
}
