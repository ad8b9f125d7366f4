/* The program of docs/c-tutorial.md: a server and a client in one process, in plain C.
 *
 * Uses nothing beyond GameNetworkingSockets.
 */
#include <steam/steamnetworkingsockets.h>
#include <steam/steamnetworkingsockets_flat.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static ISteamNetworkingSockets *sockets;
static HSteamNetPollGroup players;
static HSteamNetConnection client;
static bool is_connected, is_over;

static void on_debug_output(ESteamNetworkingSocketsDebugOutputType level, const char *text)
{
    /* Called on any thread, several at a time. */
    fprintf(stderr, "[%d] %s\n", (int)level, text);
}

static void start(void)
{
    SteamNetworkingErrMsg error;
    if (!GameNetworkingSockets_Init(NULL, &error)) {
        fprintf(stderr, "cannot start: %s\n", error);
        exit(1);
    }
    sockets = SteamNetworkingSockets();
    SteamAPI_ISteamNetworkingUtils_SetDebugOutputFunction(
        SteamNetworkingUtils(), k_ESteamNetworkingSocketsDebugOutputType_Warning, on_debug_output);
}

static void on_status_changed(SteamNetConnectionStatusChangedCallback_t *event)
{
    bool is_server = event->m_info.m_hListenSocket != k_HSteamListenSocket_Invalid;
    switch (event->m_info.m_eState) {
    case k_ESteamNetworkingConnectionState_Connecting:
        /* A peer asks to come in: accept it, or close it. */
        if (is_server) {
            SteamAPI_ISteamNetworkingSockets_AcceptConnection(sockets, event->m_hConn);
            SteamAPI_ISteamNetworkingSockets_SetConnectionPollGroup(sockets, event->m_hConn, players);
        }
        break;
    case k_ESteamNetworkingConnectionState_Connected:
        if (!is_server)
            is_connected = true;
        break;
    case k_ESteamNetworkingConnectionState_ClosedByPeer:
    case k_ESteamNetworkingConnectionState_ProblemDetectedLocally:
        printf("over: %d, %s\n", event->m_info.m_eEndReason, event->m_info.m_szEndDebug);
        /* It stays until it is closed, so that what came in can still be read. */
        SteamAPI_ISteamNetworkingSockets_CloseConnection(sockets, event->m_hConn, 0, NULL, false);
        is_over = true;
        break;
    default:
        break;
    }
}

static HSteamListenSocket listen_on(uint16 port)
{
    SteamNetworkingIPAddr address;
    SteamAPI_SteamNetworkingIPAddr_Clear(&address); /* every interface, IPv4 and IPv6 */
    address.m_port = port;
    players = SteamAPI_ISteamNetworkingSockets_CreatePollGroup(sockets);
    return SteamAPI_ISteamNetworkingSockets_CreateListenSocketIP(sockets, &address, 0, NULL);
}

static HSteamNetConnection connect_to(const char *where)
{
    SteamNetworkingIPAddr address;
    SteamNetworkingConfigValue_t option;
    memset(&option, 0, sizeof(option));
    option.m_eValue = k_ESteamNetworkingConfig_TimeoutInitial;
    option.m_eDataType = k_ESteamNetworkingConfig_Int32;
    option.m_val.m_int32 = 5000; /* milliseconds */
    if (!SteamAPI_SteamNetworkingIPAddr_ParseString(&address, where))
        return k_HSteamNetConnection_Invalid;
    return SteamAPI_ISteamNetworkingSockets_ConnectByIPAddress(sockets, &address, 1, &option);
}

static void say(HSteamNetConnection to, const char *text)
{
    EResult result = SteamAPI_ISteamNetworkingSockets_SendMessageToConnection(
        sockets, to, text, (uint32)strlen(text), k_nSteamNetworkingSend_ReliableNoNagle, NULL);
    if (result != k_EResultOK)
        fprintf(stderr, "not sent: %d\n", (int)result);
}

static void answer_players(void)
{
    SteamNetworkingMessage_t *messages[16];
    int count = SteamAPI_ISteamNetworkingSockets_ReceiveMessagesOnPollGroup(sockets, players, messages, 16);
    for (int i = 0; i < count; ++i) {
        printf("server got %d bytes: %.*s\n", messages[i]->m_cbSize, messages[i]->m_cbSize, (const char *)messages[i]->m_pData);
        say(messages[i]->m_conn, "welcome");
        SteamAPI_SteamNetworkingMessage_t_Release(messages[i]);
    }
}

static bool take_answer(void)
{
    SteamNetworkingMessage_t *message;
    if (SteamAPI_ISteamNetworkingSockets_ReceiveMessagesOnConnection(sockets, client, &message, 1) != 1)
        return false;
    printf("client got: %.*s\n", message->m_cbSize, (const char *)message->m_pData);
    SteamAPI_SteamNetworkingMessage_t_Release(message);
    return true;
}

/* Urgent messages on lane 0; on lane 1 what may wait until those are gone. */
static void set_up_lanes(HSteamNetConnection connection)
{
    const int priorities[2] = {0, 1};
    const uint16 weights[2] = {1, 1};
    SteamAPI_ISteamNetworkingSockets_ConfigureConnectionLanes(sockets, connection, 2, priorities, weights);
}

static void free_level(SteamNetworkingMessage_t *message)
{
    free(message->m_pData);
}

/* Sends memory of ours without a copy: free_level is called when it is no longer needed. */
static void send_level(HSteamNetConnection to, void *level, int size)
{
    SteamNetworkingMessage_t *message = SteamAPI_ISteamNetworkingUtils_AllocateMessage(SteamNetworkingUtils(), 0);
    int64 result;
    message->m_conn = to;
    message->m_idxLane = 1;
    message->m_nFlags = k_nSteamNetworkingSend_Reliable;
    message->m_pData = level;
    message->m_cbSize = size;
    message->m_pfnFreeData = free_level;
    SteamAPI_ISteamNetworkingSockets_SendMessages(sockets, 1, &message, &result, true);
    if (result < 0)
        fprintf(stderr, "not sent: %d\n", (int)-result);
}

static void frame(void)
{
    struct timespec pause = {0, 5 * 1000 * 1000};
    SteamAPI_ISteamNetworkingSockets_RunCallbacks(sockets);
    answer_players();
    nanosleep(&pause, NULL); /* the game's own work */
}

int main(void)
{
    start();
    SteamAPI_ISteamNetworkingUtils_SetGlobalCallback_SteamNetConnectionStatusChanged(SteamNetworkingUtils(),
                                                                                     on_status_changed);
    HSteamListenSocket listener = listen_on(27020);
    client = connect_to("127.0.0.1:27020");
    if (listener == k_HSteamListenSocket_Invalid || client == k_HSteamNetConnection_Invalid)
        return 1;
    say(client, "hello"); /* goes out when the server has accepted */
    bool is_answered = false;
    for (int frames = 0; frames < 1000 && !is_over && !is_answered; ++frames) {
        frame();
        is_answered = take_answer();
    }
    set_up_lanes(client);
    send_level(client, calloc(1, 6000), 6000);
    /* With linger, what was sent still arrives before the end. */
    SteamAPI_ISteamNetworkingSockets_CloseConnection(sockets, client, 1000, "that is all", true);
    for (int frames = 0; frames < 1000 && !is_over; ++frames)
        frame();
    SteamAPI_ISteamNetworkingSockets_CloseListenSocket(sockets, listener);
    GameNetworkingSockets_Kill();
    return is_connected && is_answered && is_over ? 0 : 1;
}
