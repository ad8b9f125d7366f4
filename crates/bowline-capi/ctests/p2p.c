/* Two peers in one process who find each other by signals in memory, by the plain functions: the language is C with
 * our headers, and C++ with the original's. What is made for signals is released once each.
 */
#include <steam/steamnetworkingsockets.h>
#include <steam/steamnetworkingsockets_flat.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "check.h"

#ifdef __cplusplus
#define POINTER(x) (&(x))
typedef const SteamNetConnectionInfo_t &InfoArgument;
typedef const SteamNetworkingIdentity &IdentityArgument;
#else
#define POINTER(x) (x)
typedef const SteamNetConnectionInfo_t *InfoArgument;
typedef const SteamNetworkingIdentity *IdentityArgument;
#endif

enum { ANNA, BEN, PEERS, MAX_SIGNALS = 64, MAX_SIGNAL = 8192, PORT = 7, REASON = 1234 };

/* The original has this as a method only. */
static void reset_identity(ISteamNetworkingSockets *of, const SteamNetworkingIdentity *identity)
{
#ifdef __cplusplus
    of->ResetIdentity(identity);
#else
    SteamAPI_ISteamNetworkingSockets_ResetIdentity(of, identity);
#endif
}

/* Whom an object carries signals to. */
typedef struct Account {
    int to;
    HSteamNetConnection of;
} Account;

static SteamNetworkingIdentity identities[PEERS];
static ISteamNetworkingSockets *sockets[PEERS];
static HSteamNetConnection annas = 0, bens = 0;
static int requests = 0, rejections = 0, closed = 0;
static bool is_open = true;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    int to, size;
    unsigned char bytes[MAX_SIGNAL];
} signals[MAX_SIGNALS];
static int waiting = 0, made = 0, released = 0;

static void post(int to, const void *bytes, int size)
{
    CHECK(bytes != NULL && size > 0 && size <= MAX_SIGNAL);
    pthread_mutex_lock(&lock);
    if (waiting < MAX_SIGNALS) {
        signals[waiting].to = to;
        signals[waiting].size = size;
        memcpy(signals[waiting].bytes, bytes, (size_t)size);
        ++waiting;
    }
    pthread_mutex_unlock(&lock);
}

static bool send_signal(void *context, HSteamNetConnection connection, InfoArgument info, const void *bytes, int size)
{
    Account *account = (Account *)context;
    const SteamNetConnectionInfo_t *told = POINTER(info);
    CHECK(connection != k_HSteamNetConnection_Invalid);
    /* It serves one connection. */
    CHECK(account->of == 0 || account->of == connection);
    account->of = connection;
    CHECK(SteamAPI_SteamNetworkingIdentity_IsEqualTo((SteamNetworkingIdentity *)&told->m_identityRemote,
                                                     REF(identities[account->to])));
    post(account->to, bytes, size);
    return true;
}

static void release(void *context)
{
    free(context);
    pthread_mutex_lock(&lock);
    ++released;
    pthread_mutex_unlock(&lock);
}

static ISteamNetworkingConnectionSignaling *signaling_to(int to)
{
    Account *account = (Account *)calloc(1, sizeof(Account));
    account->to = to;
    ++made;
    return SteamAPI_ISteamNetworkingSockets_CreateCustomSignaling(account, send_signal, release);
}

static ISteamNetworkingConnectionSignaling *on_request(void *context, HSteamNetConnection connection,
                                                       IdentityArgument peer, int port)
{
    SteamNetConnectionInfo_t info;
    const SteamNetworkingIdentity *asks = POINTER(peer);
    CHECK_EQ(*(int *)context, BEN);
    CHECK_EQ(port, PORT);
    CHECK(SteamAPI_SteamNetworkingIdentity_IsEqualTo((SteamNetworkingIdentity *)asks, REF(identities[ANNA])));
    CHECK(SteamAPI_ISteamNetworkingSockets_GetConnectionInfo(sockets[BEN], connection, &info));
    CHECK_EQ(info.m_eState, k_ESteamNetworkingConnectionState_Connecting);
    ++requests;
    if (is_open)
        return signaling_to(ANNA);
    CHECK(SteamAPI_ISteamNetworkingSockets_CloseConnection(sockets[BEN], connection, REASON, "closed", false));
    return NULL;
}

static void on_rejection(void *context, IdentityArgument peer, const void *bytes, int size)
{
    CHECK_EQ(*(int *)context, BEN);
    CHECK(SteamAPI_SteamNetworkingIdentity_IsEqualTo((SteamNetworkingIdentity *)POINTER(peer),
                                                     REF(identities[ANNA])));
    ++rejections;
    post(ANNA, bytes, size);
}

static void carry(void)
{
    static unsigned char bytes[MAX_SIGNAL];
    for (;;) {
        int to, size;
        pthread_mutex_lock(&lock);
        if (waiting == 0) {
            pthread_mutex_unlock(&lock);
            return;
        }
        to = signals[0].to;
        size = signals[0].size;
        memcpy(bytes, signals[0].bytes, (size_t)size);
        memmove(signals, signals + 1, (size_t)--waiting * sizeof(signals[0]));
        pthread_mutex_unlock(&lock);
        CHECK(SteamAPI_ISteamNetworkingSockets_ReceivedP2PCustomSignal2(sockets[to], bytes, size, &to, on_request,
                                                                        on_rejection));
    }
}

static void on_change(SteamNetConnectionStatusChangedCallback_t *event)
{
    switch (event->m_info.m_eState) {
    case k_ESteamNetworkingConnectionState_Connecting:
        if (event->m_info.m_hListenSocket != k_HSteamListenSocket_Invalid) {
            bens = event->m_hConn;
            CHECK_EQ(SteamAPI_ISteamNetworkingSockets_AcceptConnection(sockets[BEN], bens), k_EResultOK);
        }
        break;
    case k_ESteamNetworkingConnectionState_ClosedByPeer:
        CHECK_EQ(event->m_info.m_eEndReason, REASON);
        CHECK_TEXT(event->m_info.m_szEndDebug, "closed");
        CHECK(SteamAPI_ISteamNetworkingSockets_CloseConnection(sockets[ANNA], event->m_hConn, 0, NULL, false));
        ++closed;
        break;
    default:
        break;
    }
}

/* A little later; false when ten seconds are over. */
static bool go_on(time_t since)
{
    struct timespec pause = {0, 1000000};
    carry();
    for (int i = 0; i < PEERS; ++i)
        SteamAPI_ISteamNetworkingSockets_RunCallbacks(sockets[i]);
    nanosleep(&pause, NULL);
    return time(NULL) - since < 10;
}

static void start(void)
{
    static const char *const names[PEERS] = {"anna", "ben"};
    SteamNetworkingErrMsg error;
    CHECK(GameNetworkingSockets_Init(NULL, REF(error)));
    sockets[ANNA] = SteamNetworkingSockets();
    sockets[BEN] = SteamGameServerNetworkingSockets();
    for (int i = 0; i < PEERS; ++i) {
        CHECK(SteamAPI_SteamNetworkingIdentity_SetGenericString(&identities[i], names[i]));
        reset_identity(sockets[i], &identities[i]);
    }
    CHECK(SteamAPI_ISteamNetworkingUtils_SetGlobalCallback_SteamNetConnectionStatusChanged(SteamNetworkingUtils(),
                                                                                           on_change));
}

static HSteamNetConnection call(void)
{
    const HSteamNetConnection connection = SteamAPI_ISteamNetworkingSockets_ConnectP2PCustomSignaling(
        sockets[ANNA], signaling_to(BEN), &identities[BEN], PORT, 0, NULL);
    CHECK(connection != k_HSteamNetConnection_Invalid);
    return connection;
}

static void check_talk(void)
{
    const time_t begin = time(NULL);
    SteamNetworkingMessage_t *message = NULL;
    CHECK(SteamAPI_ISteamNetworkingSockets_CreateListenSocketP2P(sockets[BEN], PORT, 0, NULL) !=
          k_HSteamListenSocket_Invalid);
    annas = call();
    CHECK_EQ(SteamAPI_ISteamNetworkingSockets_SendMessageToConnection(sockets[ANNA], annas, "hello", 5,
                                                                      k_nSteamNetworkingSend_Reliable, NULL),
             k_EResultOK);
    while (SteamAPI_ISteamNetworkingSockets_ReceiveMessagesOnConnection(sockets[BEN], bens, &message, 1) != 1) {
        if (!go_on(begin)) {
            CHECK(!"a message came");
            return;
        }
    }
    CHECK(message->m_cbSize == 5 && memcmp(message->m_pData, "hello", 5) == 0);
    SteamAPI_SteamNetworkingMessage_t_Release(message);
    CHECK_EQ(requests, 1);
    CHECK(SteamAPI_ISteamNetworkingSockets_CloseConnection(sockets[BEN], bens, REASON, "closed", false));
    while (closed < 1 && go_on(begin))
        ;
    CHECK_EQ(closed, 1);
}

static void check_rejection(void)
{
    const time_t begin = time(NULL);
    is_open = false;
    call();
    while (closed < 2 && go_on(begin))
        ;
    CHECK_EQ(requests, 2);
    CHECK_EQ(rejections, 1);
    CHECK_EQ(closed, 2);
}

int main(void)
{
    start();
    check_talk();
    check_rejection();
    GameNetworkingSockets_Kill();
    CHECK_EQ(made, 3);
    CHECK_EQ(released, made);
    return CHECK_DONE();
}
