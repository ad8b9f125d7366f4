/* Two players who know each other's names connect, by signals that the program carries itself.
 *
 * Both are in this one process: the one is the players' interface, the other the game server's. What carries
 * the signals is a list in memory, in the place of a lobby, a chat or a server of the game.
 *
 * Uses nothing beyond GameNetworkingSockets, but its open build has no interface for game servers.
 */
#include <steam/steamnetworkingsockets.h>
#include <steam/steamnetworkingsockets_flat.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PLAYERS = 2, MAX_SIGNALS = 64, MAX_SIGNAL = 8192, PORT = 7 };

typedef struct Player {
    const char *name;
    SteamNetworkingIdentity identity;
    ISteamNetworkingSockets *sockets;
} Player;

static Player players[PLAYERS] = {{.name = "anna"}, {.name = "ben"}};
static HSteamNetConnection annas, bens;

/* The service: signals on their way. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    const Player *to;
    int size;
    unsigned char bytes[MAX_SIGNAL];
} on_the_way[MAX_SIGNALS];
static int waiting;

static void fail(const char *what)
{
    fprintf(stderr, "p2p: %s\n", what);
    exit(1);
}

static bool send_signal(void *to, HSteamNetConnection connection, const SteamNetConnectionInfo_t *info,
                        const void *signal, int size)
{
    (void)connection, (void)info;
    /* Called on any thread, so it must neither wait nor call back. What gets lost is sent again. */
    pthread_mutex_lock(&lock);
    if (waiting < MAX_SIGNALS && size <= MAX_SIGNAL) {
        on_the_way[waiting].to = to;
        on_the_way[waiting].size = size;
        memcpy(on_the_way[waiting].bytes, signal, (size_t)size);
        ++waiting;
    }
    pthread_mutex_unlock(&lock);
    return true; /* false would say that the service is gone for good */
}

/* What carries signals to a player. The library releases it when the connection needs it no more. */
static ISteamNetworkingConnectionSignaling *signaling_to(Player *player)
{
    return SteamAPI_ISteamNetworkingSockets_CreateCustomSignaling(player, send_signal, NULL);
}

/* Somebody asks for a connection; what is returned carries the answers. Null would be silence. */
static ISteamNetworkingConnectionSignaling *on_request(void *self, HSteamNetConnection connection,
                                                       const SteamNetworkingIdentity *peer, int port)
{
    (void)self, (void)connection;
    for (int i = 0; port == PORT && i < PLAYERS; ++i) {
        if (SteamAPI_SteamNetworkingIdentity_IsEqualTo((SteamNetworkingIdentity *)peer, &players[i].identity))
            return signaling_to(&players[i]);
    }
    return NULL;
}

/* Hands signals to whom they are for. */
static void carry_signals(void)
{
    static unsigned char signal[MAX_SIGNAL];
    for (;;) {
        pthread_mutex_lock(&lock);
        if (waiting == 0) {
            pthread_mutex_unlock(&lock);
            return;
        }
        const Player *to = on_the_way[0].to;
        const int size = on_the_way[0].size;
        memcpy(signal, on_the_way[0].bytes, (size_t)size);
        memmove(on_the_way, on_the_way + 1, (size_t)--waiting * sizeof(on_the_way[0]));
        pthread_mutex_unlock(&lock);
        /* Without the lock: it may send signals itself. False tells of a signal that made no sense. */
        SteamAPI_ISteamNetworkingSockets_ReceivedP2PCustomSignal2(to->sockets, signal, size, NULL, on_request, NULL);
    }
}

static void on_change(SteamNetConnectionStatusChangedCallback_t *event)
{
    if (event->m_info.m_eState == k_ESteamNetworkingConnectionState_Connecting &&
        event->m_info.m_hListenSocket != k_HSteamListenSocket_Invalid) {
        bens = event->m_hConn;
        SteamAPI_ISteamNetworkingSockets_AcceptConnection(players[1].sockets, bens);
    }
    if (event->m_info.m_eState == k_ESteamNetworkingConnectionState_ProblemDetectedLocally)
        fail(event->m_info.m_szEndDebug);
}

static void start(void)
{
    SteamNetworkingErrMsg error;
    if (!GameNetworkingSockets_Init(NULL, &error))
        fail(error);
    players[0].sockets = SteamNetworkingSockets();
    players[1].sockets = SteamGameServerNetworkingSockets();
    for (int i = 0; i < PLAYERS; ++i) {
        SteamAPI_SteamNetworkingIdentity_SetGenericString(&players[i].identity, players[i].name);
        SteamAPI_ISteamNetworkingSockets_ResetIdentity(players[i].sockets, &players[i].identity);
    }
    SteamAPI_ISteamNetworkingUtils_SetGlobalCallback_SteamNetConnectionStatusChanged(SteamNetworkingUtils(),
                                                                                     on_change);
}

static void connect_players(void)
{
    if (SteamAPI_ISteamNetworkingSockets_CreateListenSocketP2P(players[1].sockets, PORT, 0, NULL) ==
        k_HSteamListenSocket_Invalid)
        fail("cannot listen");
    annas = SteamAPI_ISteamNetworkingSockets_ConnectP2PCustomSignaling(
        players[0].sockets, signaling_to(&players[1]), &players[1].identity, PORT, 0, NULL);
    if (annas == k_HSteamNetConnection_Invalid)
        fail("cannot connect");
}

/* Waits for the text that Anna sends, for ten seconds at most. */
static void wait_for_text(void)
{
    const time_t begin = time(NULL);
    while (time(NULL) - begin < 10) {
        const struct timespec pause = {0, 1000 * 1000};
        SteamNetworkingMessage_t *message = NULL;
        carry_signals();
        for (int i = 0; i < PLAYERS; ++i)
            SteamAPI_ISteamNetworkingSockets_RunCallbacks(players[i].sockets);
        if (SteamAPI_ISteamNetworkingSockets_ReceiveMessagesOnConnection(players[1].sockets, bens, &message, 1) == 1) {
            printf("ben got: %.*s\n", message->m_cbSize, (const char *)message->m_pData);
            SteamAPI_SteamNetworkingMessage_t_Release(message);
            return;
        }
        nanosleep(&pause, NULL);
    }
    fail("nothing came");
}

int main(void)
{
    start();
    connect_players();
    /* Sent as soon as there is a way. */
    SteamAPI_ISteamNetworkingSockets_SendMessageToConnection(players[0].sockets, annas, "hello", 5,
                                                             k_nSteamNetworkingSend_Reliable, NULL);
    wait_for_text();
    SteamAPI_ISteamNetworkingSockets_CloseConnection(players[0].sockets, annas, 1000, "that is all", false);
    SteamAPI_ISteamNetworkingSockets_CloseConnection(players[1].sockets, bens, 1000, "that is all", false);
    GameNetworkingSockets_Kill();
    return 0;
}
