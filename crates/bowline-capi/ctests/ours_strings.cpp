// Texts without an end: no more of them is read than the documented length, by texts that end where readable memory
// does.
#include "world.h"

#include <steam/steamnetworkingsockets_flat.h>

#if __has_include(<bowline.h>) && !defined(_WIN32)
#include <bowline.h>

#include <sys/mman.h>
#include <unistd.h>

// So many letters with nothing that can be read behind them.
static char *letters(size_t count)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *memory = (char *)mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED || mprotect(memory + page, page, PROT_NONE) != 0) {
        std::perror("mmap");
        std::exit(1);
    }
    std::memset(memory, 'a', page);
    return memory + page - count;
}

int main()
{
    start();
    const Peers peers = connect_peers();
    char name[64];
    sockets()->SetConnectionName(peers.client, letters(32));
    CHECK(sockets()->GetConnectionName(peers.client, name, sizeof(name)));
    CHECK_TEXT(name, std::string(31, 'a').c_str());

    SteamNetworkingIdentity identity;
    identity.Clear();
    CHECK(!SteamAPI_SteamNetworkingIdentity_SetGenericString(&identity, letters(32)));
    CHECK(!SteamAPI_SteamNetworkingIdentity_SetXboxPairwiseID(&identity, letters(33)));
    CHECK(identity.IsInvalid());

    // A struct whose texts have no end, at the end of memory.
    SteamNetworkingIdentity *last = (SteamNetworkingIdentity *)letters(sizeof(SteamNetworkingIdentity));
    char text[SteamNetworkingIdentity::k_cchMaxString];
    const ESteamNetworkingIdentityType types[] = {k_ESteamNetworkingIdentityType_GenericString,
                                                  k_ESteamNetworkingIdentityType_XboxPairwiseID,
                                                  k_ESteamNetworkingIdentityType_UnknownType,
                                                  k_ESteamNetworkingIdentityType_GenericBytes};
    for (ESteamNetworkingIdentityType type : types) {
        last->m_eType = type;
        last->m_cbSize = 1 << 30;
        last->ToString(text, sizeof(text));
        CHECK(std::memchr(text, 0, sizeof(text)) != nullptr);
    }

    CHECK(sockets()->CloseConnection(peers.client, 1000, letters(k_cchSteamNetworkingMaxConnectionCloseReason), false));
    CHECK(pump_until([&] { return state_of(peers.server) == k_ESteamNetworkingConnectionState_ClosedByPeer; }));
    SteamNetConnectionInfo_t info;
    CHECK(sockets()->GetConnectionInfo(peers.server, &info));
    CHECK_EQ(std::strlen(info.m_szEndDebug), k_cchSteamNetworkingMaxConnectionCloseReason - 1);
    GameNetworkingSockets_Kill();
    CHECK_EQ(Bowline_GetCaughtPanics(), 0);
    return CHECK_DONE();
}

#else

int main() { return CHECK_DONE(); }

#endif
