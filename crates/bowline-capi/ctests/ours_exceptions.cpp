// An exception that a callback throws passes through RunCallbacks, and what was not told yet is told by the next
// call. The original loses the rest, so this is asked of ours only.
#include "world.h"

static int s_told = 0;

static void throw_at_the_second(SteamNetConnectionStatusChangedCallback_t *)
{
    if (++s_told == 2)
        throw 42;
}

// Whether destructors ran on the way.
static bool s_unwound = false;

struct Unwinds {
    ~Unwinds() { s_unwound = true; }
};

int main()
{
    start();
    utils()->SetGlobalCallback_SteamNetConnectionStatusChanged(throw_at_the_second);
    for (int i = 0; i < 2; ++i) {
        HSteamNetConnection pair[2];
        CHECK(sockets()->CreateSocketPair(&pair[0], &pair[1], false, nullptr, nullptr));
        // Two changes: of this one, and of the other.
        CHECK(sockets()->CloseConnection(pair[0], 0, nullptr, false));
    }
    int caught = 0;
    try {
        Unwinds unwinds;
        sockets()->RunCallbacks();
    } catch (int thrown) {
        caught = thrown;
    }
    CHECK_EQ(caught, 42);
    CHECK(s_unwound);
    CHECK_EQ(s_told, 2);
    sockets()->RunCallbacks();
    CHECK_EQ(s_told, 4);
    GameNetworkingSockets_Kill();
    return CHECK_DONE();
}
