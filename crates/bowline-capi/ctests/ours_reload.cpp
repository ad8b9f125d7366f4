// Loads and unloads the library a hundred times in one process, with a life of it each time, as an editor does that
// plays a game again and again.
//
// BOWLINE_TEST_LIBRARY is the path of the library. It asks the loader to keep it in memory, so on Linux it stays, and
// what each life took, threads and descriptors, must be given back by Kill.
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

// Whether it is in memory, loaded by anybody.
static bool is_there(const char *path)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_NOLOAD);
    if (library != nullptr)
        dlclose(library);
    return library != nullptr;
}

// Whether a folder gets to have no more entries than that: a thread that has ended is listed for a moment yet.
static bool falls_to(const char *folder, int count)
{
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (entries(folder) > count) {
        if (std::chrono::steady_clock::now() > end)
            return false;
        std::this_thread::yield();
    }
    return true;
}

int main()
{
    const char *path = std::getenv("BOWLINE_TEST_LIBRARY");
    CHECK(path != nullptr);
    if (path == nullptr)
        return CHECK_DONE();
    // The first time takes what stays for the rest of the process.
    live_once(path);
    const int tasks = entries("/proc/self/task");
    const int descriptors = entries("/proc/self/fd");
    for (int i = 1; i < 100; ++i) {
        live_once(path);
        CHECK(is_there(path));
        CHECK(falls_to("/proc/self/task", tasks));
        CHECK(falls_to("/proc/self/fd", descriptors));
    }
    return CHECK_DONE();
}

#else

int main() { return CHECK_DONE(); }

#endif
