/* Starts and ends the library from C. */
#include <steam/steamnetworkingsockets.h>
#include <steam/steamnetworkingsockets_flat.h>
#include <stdio.h>

int main(void) {
    SteamNetworkingErrMsg errMsg;
    if (!GameNetworkingSockets_Init(NULL, &errMsg)) {
        fprintf(stderr, "%s\n", errMsg);
        return 1;
    }
    ISteamNetworkingSockets *pSockets = SteamAPI_SteamNetworkingSockets_v009();
    HSteamNetConnection a, b;
    bool bPair = SteamAPI_ISteamNetworkingSockets_CreateSocketPair(pSockets, &a, &b, false, NULL, NULL);
    GameNetworkingSockets_Kill();
    return bPair ? 0 : 1;
}
