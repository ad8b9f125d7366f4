// Loads and unloads the library a hundred times in one process, with a life of it each time, as an editor does that
// plays a game again and again.
//
// BOWLINE_TEST_LIBRARY is the path of the library; without it there is nothing to load. The library asks the loader
// to keep it in memory, which must do no harm.
#include "world.h"

#if __has_include(<bowline.h>) && !defined(_WIN32)
#include <steam/steamnetworkingsockets_flat.h>

template <typename Function> static Function find(void *library, const char *name)
{
    Function function = nullptr;
    void *address = dlsym(library, name);
    CHECK(address != nullptr);
    std::memcpy(&function, &address, sizeof(function));
    return function;
}

#define FIND(name) const auto p##name = find<decltype(&name)>(library, #name)

static void live_once(const char *path)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
        std::fprintf(stderr, "%s\n", dlerror());
        CHECK(library != nullptr);
        return;
    }
    FIND(GameNetworkingSockets_Init);
    FIND(GameNetworkingSockets_Kill);
    FIND(SteamAPI_SteamNetworkingSockets_v009);
    FIND(SteamAPI_ISteamNetworkingSockets_CreateSocketPair);
    FIND(SteamAPI_ISteamNetworkingSockets_SendMessageToConnection);
    FIND(SteamAPI_ISteamNetworkingSockets_ReceiveMessagesOnConnection);
    FIND(SteamAPI_SteamNetworkingMessage_t_Release);
    SteamNetworkingErrMsg error;
    CHECK(pGameNetworkingSockets_Init(nullptr, error));
    ISteamNetworkingSockets *self = pSteamAPI_SteamNetworkingSockets_v009();
    HSteamNetConnection pair[2];
    CHECK(pSteamAPI_ISteamNetworkingSockets_CreateSocketPair(self, &pair[0], &pair[1], false, nullptr, nullptr));
    CHECK_EQ(pSteamAPI_ISteamNetworkingSockets_SendMessageToConnection(self, pair[0], "again", 5,
                                                                       k_nSteamNetworkingSend_Reliable, nullptr),
             k_EResultOK);
    SteamNetworkingMessage_t *message = nullptr;
    CHECK_EQ(pSteamAPI_ISteamNetworkingSockets_ReceiveMessagesOnConnection(self, pair[1], &message, 1), 1);
    if (message)
        pSteamAPI_SteamNetworkingMessage_t_Release(message);
    pGameNetworkingSockets_Kill();
    CHECK_EQ(dlclose(library), 0);
}

int main()
{
    const char *path = std::getenv("BOWLINE_TEST_LIBRARY");
    for (int i = 0; path != nullptr && i < 100; ++i)
        live_once(path);
    return CHECK_DONE();
}

#else

int main() { return CHECK_DONE(); }

#endif
