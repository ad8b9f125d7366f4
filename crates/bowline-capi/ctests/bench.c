/* What messages cost through the C interface: a server and a client, two processes on 127.0.0.1.
 *
 *     bench WORKLOAD [SECONDS [RATE_MIN RATE_MAX]]
 *
 * Only plain functions that the original has as well, so that the same file measures it too: compile it once, link
 * it with either library. `examples/bench.rs` does the same through the Rust API.
 *
 *     bulk          reliable messages of 64 KiB, 16 a call
 *     small-rel     reliable messages of 32 bytes, 256 a call
 *     small-unrel   unreliable messages of 32 bytes, 256 a call
 *     ping          a reliable message of 64 bytes to and fro; both sides ask all the time
 *
 * Every message is made by AllocateMessage, filled, and sent by SendMessages; taken by ReceiveMessagesOnConnection, up
 * to 256 a call, read at both ends, and released. Who finds no room, or nothing to read, sleeps for 50 us.
 * Buffers are opened (SendBufferSize 8 MiB, RecvBufferSize 16 MiB, RecvBufferMessages 262,144); the rates, in bytes
 * per second, only if they are given.
 *
 * Prints one line: messages and megabytes per second as they arrive, and the processor time of both processes per
 * message, in microseconds; of the ping, the mean round trip in place of the first two.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <steam/steamnetworkingsockets.h>
#include <steam/steamnetworkingsockets_flat.h>

#define MAX_BATCH 256
#define MAX_OPTIONS 6
#define PAUSE_US 50
#define WARM_UP_SECS 0.3

struct workload {
    const char *name;
    int size;
    int flags;
    int batch;
};

static const struct workload WORKLOADS[] = {
    {"bulk", 64 * 1024, k_nSteamNetworkingSend_Reliable, 16},
    {"small-rel", 32, k_nSteamNetworkingSend_Reliable, 256},
    {"small-unrel", 32, k_nSteamNetworkingSend_Unreliable, 256},
    {"ping", 64, k_nSteamNetworkingSend_ReliableNoNagle, 1},
};

struct side {
    ISteamNetworkingSockets *sockets;
    ISteamNetworkingUtils *utils;
    const struct workload *load;
    double secs;
    unsigned char *bytes;
    SteamNetworkingConfigValue_t options[MAX_OPTIONS];
    int option_count;
};

/* What the callback has seen. */
static HSteamNetConnection connection;
static bool is_connected, is_over;

static void fail(const char *what)
{
    fprintf(stderr, "bench: %s\n", what);
    exit(1);
}

static double now_secs(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double cpu_secs(void)
{
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

static void on_status(SteamNetConnectionStatusChangedCallback_t *change)
{
    switch (change->m_info.m_eState) {
    case k_ESteamNetworkingConnectionState_Connecting:
        connection = change->m_hConn;
        if (change->m_info.m_hListenSocket != k_HSteamListenSocket_Invalid &&
            SteamAPI_ISteamNetworkingSockets_AcceptConnection(SteamAPI_SteamNetworkingSockets_v009(),
                                                              connection) != k_EResultOK)
            fail("not accepted");
        break;
    case k_ESteamNetworkingConnectionState_Connected:
        is_connected = true;
        break;
    case k_ESteamNetworkingConnectionState_ClosedByPeer:
    case k_ESteamNetworkingConnectionState_ProblemDetectedLocally:
        is_over = true;
        break;
    default:
        break;
    }
}

static SteamNetworkingConfigValue_t *option(struct side *side, ESteamNetworkingConfigValue key,
                                            ESteamNetworkingConfigDataType type)
{
    SteamNetworkingConfigValue_t *option = &side->options[side->option_count++];
    option->m_eValue = key;
    option->m_eDataType = type;
    return option;
}

static void set(struct side *side, ESteamNetworkingConfigValue key, int value)
{
    option(side, key, k_ESteamNetworkingConfig_Int32)->m_val.m_int32 = value;
}

static void start(struct side *side, int rate_min, int rate_max)
{
    SteamNetworkingErrMsg error;
    if (!GameNetworkingSockets_Init(NULL, &error))
        fail(error);
    side->sockets = SteamAPI_SteamNetworkingSockets_v009();
    side->utils = SteamAPI_SteamNetworkingUtils_v003();
    option(side, k_ESteamNetworkingConfig_Callback_ConnectionStatusChanged, k_ESteamNetworkingConfig_Ptr)
        ->m_val.m_ptr = (void *)on_status;
    set(side, k_ESteamNetworkingConfig_SendBufferSize, 8 << 20);
    set(side, k_ESteamNetworkingConfig_RecvBufferSize, 16 << 20);
    set(side, k_ESteamNetworkingConfig_RecvBufferMessages, 1 << 18);
    if (rate_max > 0) {
        set(side, k_ESteamNetworkingConfig_SendRateMax, rate_max);
        set(side, k_ESteamNetworkingConfig_SendRateMin, rate_min);
    }
    side->bytes = malloc((size_t)side->load->size);
    memset(side->bytes, 0x5A, (size_t)side->load->size);
}

static void await_connected(struct side *side)
{
    double end = now_secs() + 10;
    while (!is_connected) {
        SteamAPI_ISteamNetworkingSockets_RunCallbacks(side->sockets);
        usleep(1000);
        if (is_over || now_secs() > end)
            fail("not connected");
    }
}

static SteamNetworkingMessage_t *make(struct side *side)
{
    SteamNetworkingMessage_t *message =
        SteamAPI_ISteamNetworkingUtils_AllocateMessage(side->utils, side->load->size);
    memcpy(message->m_pData, side->bytes, (size_t)side->load->size);
    message->m_conn = connection;
    message->m_nFlags = side->load->flags;
    return message;
}

/* Sends what is there; what was refused moves to the front. Returns how many those are. */
static int send_batch(struct side *side, SteamNetworkingMessage_t **messages, int count)
{
    int64 results[MAX_BATCH];
    int left = 0;
    SteamAPI_ISteamNetworkingSockets_SendMessages(side->sockets, count, messages, results, false);
    for (int i = 0; i < count; i++)
        if (results[i] <= 0)
            messages[left++] = messages[i];
    return left;
}

static void flood(struct side *side, double until)
{
    SteamNetworkingMessage_t *messages[MAX_BATCH];
    int count = 0;
    while (now_secs() < until && !is_over) {
        while (count < side->load->batch)
            messages[count++] = make(side);
        count = send_batch(side, messages, count);
        if (count > 0) {
            SteamAPI_ISteamNetworkingSockets_RunCallbacks(side->sockets);
            usleep(PAUSE_US);
        }
    }
    while (count > 0)
        SteamAPI_SteamNetworkingMessage_t_Release(messages[--count]);
}

/* Takes up to 256 messages and looks at them; returns how many. */
static int take(struct side *side, bool echo)
{
    SteamNetworkingMessage_t *messages[MAX_BATCH];
    int count =
        SteamAPI_ISteamNetworkingSockets_ReceiveMessagesOnConnection(side->sockets, connection, messages, MAX_BATCH);
    for (int i = 0; i < count; i++) {
        const unsigned char *bytes = messages[i]->m_pData;
        int size = messages[i]->m_cbSize;
        if (size != side->load->size || bytes[0] != 0x5A || bytes[size - 1] != 0x5A)
            fail("a message that nobody sent");
        if (echo)
            SteamAPI_ISteamNetworkingSockets_SendMessageToConnection(side->sockets, connection, bytes, (uint32)size,
                                                                     side->load->flags, NULL);
        SteamAPI_SteamNetworkingMessage_t_Release(messages[i]);
    }
    if (count <= 0)
        SteamAPI_ISteamNetworkingSockets_RunCallbacks(side->sockets);
    return count > 0 ? count : 0;
}

/* The round trips until then. */
static long ping(struct side *side, double until)
{
    long trips = 0;
    for (; now_secs() < until; trips++) {
        SteamNetworkingMessage_t *message = make(side);
        if (send_batch(side, &message, 1) > 0)
            fail("a ping was refused");
        while (take(side, false) == 0)
            if (is_over)
                fail("the connection has ended");
    }
    return trips;
}

/* Tells through the pipe how many round trips there were, and the processor time. */
static void client(struct side *side, uint16 port, int out)
{
    bool pings = side->load->batch == 1;
    SteamNetworkingIPAddr addr;
    char text[32];
    snprintf(text, sizeof text, "127.0.0.1:%u", port);
    SteamAPI_SteamNetworkingIPAddr_ParseString(&addr, text);
    connection = SteamAPI_ISteamNetworkingSockets_ConnectByIPAddress(side->sockets, &addr, side->option_count,
                                                                     side->options);
    await_connected(side);
    double result[2] = {0, 0};
    double end = now_secs() + WARM_UP_SECS;
    pings ? (void)ping(side, end) : flood(side, end);
    double cpu = cpu_secs();
    end += side->secs;
    if (pings)
        result[0] = (double)ping(side, end);
    else
        flood(side, end);
    result[1] = cpu_secs() - cpu;
    if (write(out, result, sizeof result) != sizeof result)
        fail("the server is gone");
    SteamAPI_ISteamNetworkingSockets_CloseConnection(side->sockets, connection, 0, NULL, false);
    GameNetworkingSockets_Kill();
}

static void server(struct side *side, int in)
{
    bool pings = side->load->batch == 1;
    double messages = 0, trips[2], cpu = 0, begin = 0, end = 0;
    await_connected(side);
    while (!is_over) {
        int count = take(side, pings);
        double now = now_secs();
        if (count > 0 && begin == 0)
            begin = now + WARM_UP_SECS;
        if (begin > 0 && end == 0 && now >= begin) {
            begin = now;
            end = now + side->secs;
            cpu = cpu_secs();
            messages = 0;
        } else if (end > 0 && now >= end) {
            break;
        }
        messages += count;
        if (count == 0 && !pings)
            usleep(PAUSE_US);
    }
    double secs = now_secs() - begin;
    cpu = cpu_secs() - cpu;
    /* The client goes on for a moment. */
    while (!is_over)
        if (take(side, pings) == 0 && !pings)
            usleep(PAUSE_US);
    if (read(in, trips, sizeof trips) != sizeof trips)
        fail("the client has failed");
    cpu += trips[1];
    if (pings)
        printf("%s round_trip_us %.2f cpu_us %.2f\n", side->load->name, side->secs * 1e6 / trips[0],
               cpu * 1e6 / trips[0]);
    else
        printf("%s msgs_per_s %.0f mb_per_s %.1f cpu_us %.4f\n", side->load->name, messages / secs,
               messages * side->load->size / secs / 1e6, cpu * 1e6 / messages);
    GameNetworkingSockets_Kill();
}

static uint16 free_port(void)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof addr;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (bind(fd, (struct sockaddr *)&addr, len) != 0 || getsockname(fd, (struct sockaddr *)&addr, &len) != 0)
        fail("no port");
    close(fd);
    return ntohs(addr.sin_port);
}

int main(int argc, char **argv)
{
    struct side side = {.secs = argc > 2 ? atof(argv[2]) : 2};
    int rate_min = argc > 4 ? atoi(argv[3]) : 0, rate_max = argc > 4 ? atoi(argv[4]) : 0;
    for (size_t i = 0; argc > 1 && i < sizeof WORKLOADS / sizeof *WORKLOADS; i++)
        if (strcmp(argv[1], WORKLOADS[i].name) == 0)
            side.load = &WORKLOADS[i];
    if (!side.load)
        fail("usage: bench bulk|small-rel|small-unrel|ping [SECONDS [RATE_MIN RATE_MAX]]");
    uint16 port = free_port();
    int to_client[2], to_server[2];
    char go = 1;
    if (pipe(to_client) != 0 || pipe(to_server) != 0)
        fail("no pipes");
    pid_t child = fork();
    if (child == 0) {
        if (read(to_client[0], &go, 1) != 1)
            fail("the server has failed");
        start(&side, rate_min, rate_max);
        client(&side, port, to_server[1]);
        return 0;
    }
    close(to_server[1]);
    start(&side, rate_min, rate_max);
    SteamNetworkingIPAddr addr;
    memset(&addr, 0, sizeof addr);
    addr.m_port = port;
    if (SteamAPI_ISteamNetworkingSockets_CreateListenSocketIP(side.sockets, &addr, side.option_count,
                                                              side.options) == k_HSteamListenSocket_Invalid ||
        write(to_client[1], &go, 1) != 1)
        fail("not listening");
    server(&side, to_server[0]);
    int status = 0;
    waitpid(child, &status, 0);
    return status != 0;
}
