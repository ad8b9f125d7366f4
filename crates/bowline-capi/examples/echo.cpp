// A server and a client in one program, by the C++ classes: the client keeps a lane busy with large messages,
// and measures on another how long small ones take meanwhile. With one lane they would wait behind the large
// ones; with two they do not.
//
// Uses nothing beyond GameNetworkingSockets.
#include <steam/isteamnetworkingutils.h>
#include <steam/steamnetworkingsockets.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

namespace {

const uint16 PORT = 27115;
const uint16 LANE_PING = 0, LANE_BULK = 1;
const int PINGS = 20;
const SteamNetworkingMicroseconds PING_INTERVAL = 50 * 1000;
const int BULK_BYTES = 16 * 1024;

ISteamNetworkingSockets *s_sockets;
HSteamNetPollGroup s_clients;
HSteamNetConnection s_connected = k_HSteamNetConnection_Invalid;
bool s_ended = false;

void Fail(const char *what)
{
    std::fprintf(stderr, "echo: %s\n", what);
    std::exit(1);
}

void Check(EResult result, const char *what)
{
    if (result != k_EResultOK)
        Fail(what);
}

// Two lanes of different priority: pings go first, bulk takes what is left.
void ConfigureLanes(HSteamNetConnection connection)
{
    const int priorities[] = {0, 1};
    const uint16 weights[] = {1, 1};
    Check(s_sockets->ConfigureConnectionLanes(connection, 2, priorities, weights), "cannot configure lanes");
}

void OnStatusChanged(SteamNetConnectionStatusChangedCallback_t *event)
{
    const bool isServer = event->m_info.m_hListenSocket != k_HSteamListenSocket_Invalid;
    switch (event->m_info.m_eState) {
    case k_ESteamNetworkingConnectionState_Connecting:
        if (isServer) {
            Check(s_sockets->AcceptConnection(event->m_hConn), "cannot accept");
            s_sockets->SetConnectionPollGroup(event->m_hConn, s_clients);
            ConfigureLanes(event->m_hConn);
        }
        break;
    case k_ESteamNetworkingConnectionState_Connected:
        std::printf("connected: %s\n", event->m_info.m_szConnectionDescription);
        if (!isServer)
            s_connected = event->m_hConn;
        break;
    case k_ESteamNetworkingConnectionState_ClosedByPeer:
    case k_ESteamNetworkingConnectionState_ProblemDetectedLocally:
        std::printf("ended: %d %s\n", event->m_info.m_eEndReason, event->m_info.m_szEndDebug);
        s_sockets->CloseConnection(event->m_hConn, 0, nullptr, false);
        s_ended = true;
        break;
    default:
        break;
    }
}

// Sends a message without copying it a second time: the library gives the buffer, and takes it back.
void Send(HSteamNetConnection connection, uint16 lane, int size, SteamNetworkingMicroseconds stamp)
{
    SteamNetworkingMessage_t *message = SteamNetworkingUtils()->AllocateMessage(size);
    std::memset(message->m_pData, 0, (size_t)size);
    std::memcpy(message->m_pData, &stamp, sizeof(stamp));
    message->m_conn = connection;
    message->m_idxLane = lane;
    message->m_nFlags = k_nSteamNetworkingSend_ReliableNoNagle;
    int64 result = 0;
    s_sockets->SendMessages(1, &message, &result, true);
    // A full buffer is no surprise on the bulk lane: the next one will do.
    if (result < 0 && -result != k_EResultLimitExceeded)
        Fail("cannot send");
}

// The server sends pings back on the lane on which they came, and counts the rest.
void Serve(long &bulk)
{
    SteamNetworkingMessage_t *messages[16];
    const int count = s_sockets->ReceiveMessagesOnPollGroup(s_clients, messages, 16);
    for (int i = 0; i < count; ++i) {
        SteamNetworkingMicroseconds stamp = 0;
        std::memcpy(&stamp, messages[i]->GetData(), sizeof(stamp));
        if (messages[i]->m_idxLane == LANE_PING)
            Send(messages[i]->GetConnection(), LANE_PING, (int)sizeof(stamp), stamp);
        else
            bulk += (long)messages[i]->GetSize();
        messages[i]->Release();
    }
}

// How long it took, in microseconds; negative if nothing came yet.
SteamNetworkingMicroseconds TakeAnswer()
{
    SteamNetworkingMessage_t *message = nullptr;
    if (s_sockets->ReceiveMessagesOnConnection(s_connected, &message, 1) != 1)
        return -1;
    SteamNetworkingMicroseconds stamp = 0;
    std::memcpy(&stamp, message->GetData(), sizeof(stamp));
    const SteamNetworkingMicroseconds took = message->GetTimeReceived() - stamp;
    message->Release();
    return took;
}

} // namespace

int main()
{
    SteamDatagramErrMsg error;
    if (!GameNetworkingSockets_Init(nullptr, error))
        Fail(error);
    s_sockets = SteamNetworkingSockets();
    ISteamNetworkingUtils *utils = SteamNetworkingUtils();
    utils->SetGlobalCallback_SteamNetConnectionStatusChanged(OnStatusChanged);

    SteamNetworkingIPAddr address;
    address.Clear();
    address.m_port = PORT;
    s_clients = s_sockets->CreatePollGroup();
    const HSteamListenSocket listener = s_sockets->CreateListenSocketIP(address, 0, nullptr);
    if (listener == k_HSteamListenSocket_Invalid)
        Fail("cannot listen");
    address.SetIPv4(0x7f000001, PORT);
    const HSteamNetConnection client = s_sockets->ConnectByIPAddress(address, 0, nullptr);
    if (client == k_HSteamNetConnection_Invalid)
        Fail("cannot connect");
    ConfigureLanes(client);

    long bulk = 0;
    int sent = 0, answers = 0;
    SteamNetworkingMicroseconds worst = 0, next = 0;
    while (answers < PINGS && !s_ended) {
        s_sockets->RunCallbacks();
        Serve(bulk);
        if (s_connected != k_HSteamNetConnection_Invalid) {
            Send(s_connected, LANE_BULK, BULK_BYTES, 0);
            const SteamNetworkingMicroseconds now = utils->GetLocalTimestamp();
            if (now >= next && sent < PINGS) {
                Send(s_connected, LANE_PING, (int)sizeof(now), now);
                next = now + PING_INTERVAL;
                ++sent;
            }
            const SteamNetworkingMicroseconds took = TakeAnswer();
            if (took >= 0) {
                ++answers;
                worst = took > worst ? took : worst;
            }
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }

    SteamNetConnectionRealTimeStatus_t status;
    SteamNetConnectionRealTimeLaneStatus_t lanes[2];
    Check(s_sockets->GetConnectionRealTimeStatus(client, &status, 2, lanes), "cannot ask for the status");
    std::printf("%d answers, the slowest after %.1f ms, beside %ld KiB of bulk; %d KiB of it still wait\n", answers,
                (double)worst / 1000.0, bulk / 1024, lanes[LANE_BULK].m_cbPendingReliable / 1024);
    s_sockets->CloseConnection(client, 0, "done", false);
    s_sockets->CloseListenSocket(listener);
    s_sockets->DestroyPollGroup(s_clients);
    GameNetworkingSockets_Kill();
    return answers == PINGS ? 0 : 1;
}
