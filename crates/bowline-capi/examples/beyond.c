/* What Bowline offers beyond GameNetworkingSockets, in plain C: waiting instead of polling, positions that are
 * dropped when they are old, and replaced when there are newer ones.
 */
#include <bowline.h>
#include <steam/steamnetworkingsockets.h>
#include <steam/steamnetworkingsockets_flat.h>

#include <stdio.h>
#include <string.h>

struct position {
    uint64_t unit;
    float x, y;
};

static ISteamNetworkingSockets *sockets;

/* Sends where a unit is. If the path is slow, only the newest position of each unit waits, and none for longer
 * than 200 ms. */
static EResult send_position(HSteamNetConnection to, const struct position *position)
{
    BowlineSendOptions options;
    memset(&options, 0, sizeof(options));
    options.size = sizeof(options);
    options.flags = k_nSteamNetworkingSend_UnreliableNoNagle;
    options.deadline_us = 200 * 1000;
    options.replaces = 1;
    options.replace_key = position->unit;
    return Bowline_SendMessage(sockets, to, position, sizeof(*position), &options, NULL);
}

/* How many bytes a tick may send so that none of them waits. */
static uint32_t budget(HSteamNetConnection to)
{
    BowlineSendCapacity capacity;
    capacity.size = sizeof(capacity);
    if (Bowline_GetSendCapacity(sockets, to, 0, &capacity) != k_EResultOK)
        return 0;
    return capacity.at_once_bytes;
}

int main(void)
{
    SteamNetworkingErrMsg error;
    HSteamNetConnection server, client;
    struct position position = {7, 0.0f, 0.0f};
    int received = 0;
    if (!GameNetworkingSockets_Init(NULL, &error)) {
        fprintf(stderr, "cannot start: %s\n", error);
        return 1;
    }
    sockets = SteamNetworkingSockets();
    printf("Bowline %s, as of GNS 1.%d\n", Bowline_Version(), Bowline_GetAbiGeneration() - 10);
    if (!SteamAPI_ISteamNetworkingSockets_CreateSocketPair(sockets, &server, &client, true, NULL, NULL))
        return 1;
    /* An old position is of no use after a newer one. */
    if (Bowline_SetSequenced(sockets, client, -1, true) != k_EResultOK)
        return 1;
    while (received < 10) {
        SteamNetworkingMessage_t *message;
        if (budget(server) >= sizeof(position))
            send_position(server, &position);
        position.x += 1.0f;
        /* Sleeps until something is there to be read; meanwhile this thread does the work of the library. */
        if (!Bowline_Wait(sockets, 1000))
            break;
        while (SteamAPI_ISteamNetworkingSockets_ReceiveMessagesOnConnection(sockets, client, &message, 1) == 1) {
            ++received;
            SteamAPI_SteamNetworkingMessage_t_Release(message);
        }
    }
    printf("%d positions came\n", received);
    SteamAPI_ISteamNetworkingSockets_CloseConnection(sockets, server, 0, NULL, false);
    SteamAPI_ISteamNetworkingSockets_CloseConnection(sockets, client, 0, NULL, false);
    GameNetworkingSockets_Kill();
    return received == 10 ? 0 : 1;
}
