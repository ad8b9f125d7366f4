/* A chat in plain C: what a client says, the server tells everybody else.
 *
 *   chat server PORT          until it is interrupted
 *   chat client ADDRESS:PORT  lines from standard input, until that ends
 *
 * Uses nothing beyond GameNetworkingSockets. Unix only, for the way it watches standard input.
 */
#include <steam/steamnetworkingsockets.h>
#include <steam/steamnetworkingsockets_flat.h>

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_CLIENTS = 64, LINE = 512, BATCH = 32 };

static ISteamNetworkingSockets *sockets;
static HSteamNetPollGroup group;
static HSteamNetConnection clients[MAX_CLIENTS];
static volatile sig_atomic_t stop;

static void fail(const char *what)
{
    fprintf(stderr, "chat: %s\n", what);
    exit(1);
}

static void on_signal(int number)
{
    (void)number;
    stop = 1;
}

static void say(HSteamNetConnection to, const char *text)
{
    SteamAPI_ISteamNetworkingSockets_SendMessageToConnection(sockets, to, text, (uint32)strlen(text),
                                                             k_nSteamNetworkingSend_Reliable, NULL);
}

/* Tells everybody but one. */
static void say_to_all(HSteamNetConnection but, const char *text)
{
    fputs(text, stdout);
    for (int i = 0; i < MAX_CLIENTS; ++i) {
        if (clients[i] != k_HSteamNetConnection_Invalid && clients[i] != but)
            say(clients[i], text);
    }
}

static int find(HSteamNetConnection connection)
{
    for (int i = 0; i < MAX_CLIENTS; ++i) {
        if (clients[i] == connection)
            return i;
    }
    return -1;
}

/* Called by RunCallbacks for every connection that comes, goes or changes. */
static void on_server_status(SteamNetConnectionStatusChangedCallback_t *event)
{
    char text[LINE];
    int at;
    switch (event->m_info.m_eState) {
    case k_ESteamNetworkingConnectionState_Connecting:
        at = find(k_HSteamNetConnection_Invalid);
        if (at < 0 || SteamAPI_ISteamNetworkingSockets_AcceptConnection(sockets, event->m_hConn) != k_EResultOK) {
            SteamAPI_ISteamNetworkingSockets_CloseConnection(sockets, event->m_hConn, 0, "no room", false);
            return;
        }
        clients[at] = event->m_hConn;
        /* What the clients send is received from the group, all at once. */
        SteamAPI_ISteamNetworkingSockets_SetConnectionPollGroup(sockets, event->m_hConn, group);
        snprintf(text, sizeof(text), "* guest %d came\n", at);
        say_to_all(event->m_hConn, text);
        break;
    case k_ESteamNetworkingConnectionState_ClosedByPeer:
    case k_ESteamNetworkingConnectionState_ProblemDetectedLocally:
        /* The handle is ours until we close it. */
        SteamAPI_ISteamNetworkingSockets_CloseConnection(sockets, event->m_hConn, 0, NULL, false);
        at = find(event->m_hConn);
        if (at >= 0) {
            clients[at] = k_HSteamNetConnection_Invalid;
            snprintf(text, sizeof(text), "* guest %d left (%d %s)\n", at, event->m_info.m_eEndReason,
                     event->m_info.m_szEndDebug);
            say_to_all(k_HSteamNetConnection_Invalid, text);
        }
        break;
    default:
        break;
    }
}

static void run_server(uint16 port)
{
    SteamNetworkingIPAddr address;
    memset(&address, 0, sizeof(address));
    address.m_port = port;
    SteamAPI_ISteamNetworkingUtils_SetGlobalCallback_SteamNetConnectionStatusChanged(SteamNetworkingUtils(),
                                                                                     on_server_status);
    group = SteamAPI_ISteamNetworkingSockets_CreatePollGroup(sockets);
    if (SteamAPI_ISteamNetworkingSockets_CreateListenSocketIP(sockets, &address, 0, NULL) ==
        k_HSteamListenSocket_Invalid)
        fail("cannot listen on that port");
    printf("* listening on port %d\n", port);
    while (!stop) {
        SteamNetworkingMessage_t *batch[BATCH];
        int count = SteamAPI_ISteamNetworkingSockets_ReceiveMessagesOnPollGroup(sockets, group, batch, BATCH);
        for (int i = 0; i < count; ++i) {
            char text[LINE];
            snprintf(text, sizeof(text), "%d: %.*s", find(batch[i]->m_conn), batch[i]->m_cbSize,
                     (const char *)batch[i]->m_pData);
            say_to_all(batch[i]->m_conn, text);
            SteamAPI_SteamNetworkingMessage_t_Release(batch[i]);
        }
        SteamAPI_ISteamNetworkingSockets_RunCallbacks(sockets);
        fflush(stdout);
        poll(NULL, 0, 10);
    }
    for (int i = 0; i < MAX_CLIENTS; ++i)
        SteamAPI_ISteamNetworkingSockets_CloseConnection(sockets, clients[i], 0, "server ends", true);
    poll(NULL, 0, 200);
}

static void on_client_status(SteamNetConnectionStatusChangedCallback_t *event)
{
    if (event->m_info.m_eState == k_ESteamNetworkingConnectionState_Connected)
        printf("* connected to %s\n", event->m_info.m_szConnectionDescription);
    if (event->m_info.m_eState != k_ESteamNetworkingConnectionState_ClosedByPeer &&
        event->m_info.m_eState != k_ESteamNetworkingConnectionState_ProblemDetectedLocally)
        return;
    printf("* disconnected (%d %s)\n", event->m_info.m_eEndReason, event->m_info.m_szEndDebug);
    SteamAPI_ISteamNetworkingSockets_CloseConnection(sockets, event->m_hConn, 0, NULL, false);
    stop = 1;
}

static void print_received(HSteamNetConnection server)
{
    SteamNetworkingMessage_t *message;
    while (SteamAPI_ISteamNetworkingSockets_ReceiveMessagesOnConnection(sockets, server, &message, 1) == 1) {
        fwrite(message->m_pData, 1, (size_t)message->m_cbSize, stdout);
        SteamAPI_SteamNetworkingMessage_t_Release(message);
    }
    fflush(stdout);
}

static void run_client(const char *where)
{
    SteamNetworkingIPAddr address;
    HSteamNetConnection server;
    struct pollfd input = {STDIN_FILENO, POLLIN, 0};
    if (!SteamAPI_SteamNetworkingIPAddr_ParseString(&address, where) || address.m_port == 0)
        fail("not an ADDRESS:PORT");
    SteamAPI_ISteamNetworkingUtils_SetGlobalCallback_SteamNetConnectionStatusChanged(SteamNetworkingUtils(),
                                                                                     on_client_status);
    server = SteamAPI_ISteamNetworkingSockets_ConnectByIPAddress(sockets, &address, 0, NULL);
    while (!stop) {
        print_received(server);
        SteamAPI_ISteamNetworkingSockets_RunCallbacks(sockets);
        if (!stop && poll(&input, 1, 10) > 0) {
            char text[LINE];
            if (fgets(text, sizeof(text), stdin) == NULL)
                break;
            say(server, text);
        }
    }
    /* With linger, what was said still arrives. */
    SteamAPI_ISteamNetworkingSockets_CloseConnection(sockets, server, 0, "goodbye", true);
    poll(NULL, 0, 500);
}

int main(int argc, char **argv)
{
    SteamNetworkingErrMsg error;
    if (argc != 3 || (strcmp(argv[1], "server") != 0 && strcmp(argv[1], "client") != 0))
        fail("give `server PORT` or `client ADDRESS:PORT`");
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    if (!GameNetworkingSockets_Init(NULL, &error))
        fail(error);
    sockets = SteamNetworkingSockets();
    if (strcmp(argv[1], "server") == 0)
        run_server((uint16)atoi(argv[2]));
    else
        run_client(argv[2]);
    GameNetworkingSockets_Kill();
    return 0;
}
