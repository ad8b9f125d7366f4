// Starts and ends the library: enough to know that headers, libraries and what they link to fit together.
#include <cstdio>
#include <steam/isteamnetworkingutils.h>
#include <steam/steamnetworkingsockets.h>

int main() {
    SteamNetworkingErrMsg errMsg;
    if (!GameNetworkingSockets_Init(nullptr, errMsg)) {
        std::fprintf(stderr, "%s\n", errMsg);
        return 1;
    }
    HSteamNetConnection a, b;
    bool bPair = SteamNetworkingSockets()->CreateSocketPair(&a, &b, false, nullptr, nullptr);
    bool bClock = SteamNetworkingUtils()->GetLocalTimestamp() > 0;
    GameNetworkingSockets_Kill();
    return bPair && bClock ? 0 : 1;
}
