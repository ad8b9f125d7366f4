// Messages: sizes, numbers, buffers of the application, batches, lanes and poll groups.
#include "world.h"

#include <atomic>

static std::atomic<int> s_freed(0);

static void free_mine(SteamNetworkingMessage_t *message)
{
    CHECK_EQ(message->m_nUserData, 77);
    std::free(message->m_pData);
    ++s_freed;
}

static SteamNetworkingMessage_t *make_mine(HSteamNetConnection conn, size_t size, int flags)
{
    SteamNetworkingMessage_t *message = utils()->AllocateMessage(0);
    CHECK(message->m_pData == nullptr && message->m_cbSize == 0 && message->m_pfnFreeData == nullptr);
    message->m_pData = std::malloc(size + 1);
    std::memset(message->m_pData, (int)('a' + size % 26), size);
    message->m_cbSize = (int)size;
    message->m_pfnFreeData = free_mine;
    message->m_nUserData = 77;
    message->m_conn = conn;
    message->m_nFlags = flags;
    return message;
}

static SteamNetworkingMessage_t *make_text(HSteamNetConnection conn, const char *text)
{
    SteamNetworkingMessage_t *message = utils()->AllocateMessage((int)std::strlen(text));
    std::memcpy(message->m_pData, text, std::strlen(text));
    message->m_conn = conn;
    message->m_nFlags = k_nSteamNetworkingSend_Reliable;
    return message;
}

static void check_allocate()
{
    SteamNetworkingMessage_t *message = utils()->AllocateMessage(1000);
    CHECK(message->m_pData != nullptr && message->m_pfnFreeData != nullptr && message->m_pfnRelease != nullptr);
    CHECK_EQ(message->m_cbSize, 1000);
    CHECK_EQ(message->m_conn, 0);
    CHECK_EQ(message->m_idxLane, 0);
    // The original leaves what was in that memory.
    CHECK(message->m_nUserData == 0 || !is_bowline());
    std::memset(message->m_pData, 1, 1000);
    message->Release();
}

// A buffer that the library made is replaced, and one is taken over: with the default free function both are of malloc.
static void check_replaced_buffers()
{
    SteamNetworkingMessage_t *replaced = utils()->AllocateMessage(10);
    std::free(replaced->m_pData);
    replaced->m_pData = std::malloc(3000);
    std::memset(replaced->m_pData, 1, 3000);
    replaced->m_cbSize = 3000;
    replaced->Release();
    SteamNetworkingMessage_t *taken = utils()->AllocateMessage(10);
    void *data = taken->m_pData;
    taken->m_pData = nullptr;
    taken->Release();
    std::memset(data, 2, 10);
    std::free(data);
}

// Every size around the limits of packets, small messages and the largest one.
static void check_sizes(bool loopback)
{
    static const int sizes[] = {0, 1, 2, 63, 64, 1199, 1200, 1201, 4095, 4096, 4097, 16500, 65536, 524288};
    HSteamNetConnection pair[2];
    CHECK(sockets()->CreateSocketPair(&pair[0], &pair[1], loopback, nullptr, nullptr));
    std::vector<unsigned char> data(524289);
    int64 last = 0;
    for (int size : sizes) {
        for (size_t i = 0; i < data.size(); ++i)
            data[i] = (unsigned char)(i * 7 + (size_t)size);
        int64 number = 0;
        CHECK_EQ(sockets()->SendMessageToConnection(pair[0], data.data(), (uint32)size,
                                                    k_nSteamNetworkingSend_ReliableNoNagle, &number),
                 k_EResultOK);
        CHECK_EQ(number, ++last);
        SteamNetworkingMessage_t *message = nullptr;
        CHECK(pump_until([&] { return sockets()->ReceiveMessagesOnConnection(pair[1], &message, 1) == 1; }));
        if (!message)
            continue;
        CHECK_EQ(message->m_cbSize, size);
        CHECK(std::memcmp(message->m_pData, data.data(), (size_t)size) == 0);
        CHECK_EQ(message->m_nMessageNumber, number);
        CHECK_EQ(message->m_conn, pair[1]);
        // Pipes of the original pass all flags on.
        CHECK(message->m_nFlags == k_nSteamNetworkingSend_Reliable || !is_bowline());
        CHECK(message->m_usecTimeReceived <= utils()->GetLocalTimestamp());
        message->Release();
    }
    // Pipes of the original take any size.
    if (loopback || is_bowline()) {
        int64 number = 0;
        CHECK_EQ(sockets()->SendMessageToConnection(pair[0], data.data(), 524289, k_nSteamNetworkingSend_Reliable,
                                                    &number),
                 k_EResultInvalidParam);
        CHECK_EQ(number, -1);
    }
    for (HSteamNetConnection conn : pair)
        CHECK(sockets()->CloseConnection(conn, 0, nullptr, false));
}

// The free function of the application runs once for each message, whatever becomes of it.
static void check_my_buffers(bool loopback)
{
    HSteamNetConnection pair[2];
    CHECK(sockets()->CreateSocketPair(&pair[0], &pair[1], loopback, nullptr, nullptr));
    s_freed = 0;
    static const size_t sizes[] = {1, 100, 5000, 100000};
    int made = 0;
    for (size_t size : sizes) {
        SteamNetworkingMessage_t *message = make_mine(pair[0], size, k_nSteamNetworkingSend_ReliableNoNagle);
        ++made;
        int64 number = 0;
        sockets()->SendMessages(1, &message, &number, true);
        CHECK_EQ(number, made);
        SteamNetworkingMessage_t *got = nullptr;
        CHECK(pump_until([&] { return sockets()->ReceiveMessagesOnConnection(pair[1], &got, 1) == 1; }));
        if (!got)
            continue;
        CHECK_EQ(got->m_cbSize, (int)size);
        CHECK_EQ(((const char *)got->m_pData)[size - 1], (char)('a' + size % 26));
        got->Release();
    }
    CHECK(pump_until([&] { return s_freed == made; }));
    // Never sent, and sent to nobody.
    make_mine(pair[0], 10, 0)->Release();
    CHECK_EQ(s_freed, ++made);
    SteamNetworkingMessage_t *message = make_mine(k_HSteamNetConnection_Invalid, 10, 0);
    int64 number = 0;
    sockets()->SendMessages(1, &message, &number, true);
    CHECK_EQ(number, -k_EResultInvalidParam);
    CHECK_EQ(s_freed, ++made);
    for (HSteamNetConnection conn : pair)
        CHECK(sockets()->CloseConnection(conn, 0, nullptr, false));
}

static void check_batch()
{
    HSteamNetConnection pair[2], other[2];
    CHECK(sockets()->CreateSocketPair(&pair[0], &pair[1], false, nullptr, nullptr));
    CHECK(sockets()->CreateSocketPair(&other[0], &other[1], false, nullptr, nullptr));
    // A message that cannot be sent keeps the later ones of its connection from being sent, not others.
    SteamNetworkingMessage_t *messages[] = {make_text(pair[0], "one"), make_text(other[0], "alpha"),
                                            make_text(pair[0], "two"), make_text(pair[0], "three"),
                                            make_text(other[0], "beta"), nullptr};
    messages[2]->m_idxLane = 99;
    int64 results[6];
    sockets()->SendMessages(6, messages, results, false);
    CHECK_EQ(results[0], 1);
    CHECK_EQ(results[1], 1);
    CHECK_EQ(results[2], -k_EResultInvalidParam);
    CHECK_EQ(results[3], 0);
    CHECK_EQ(results[4], 2);
    CHECK_EQ(results[5], -k_EResultInvalidParam);
    CHECK(messages[0] == nullptr && messages[1] == nullptr && messages[4] == nullptr);
    CHECK(messages[2] != nullptr && messages[3] != nullptr);
    CHECK(receive_text(pair[1]) == "one");
    CHECK(receive_text(other[1]) == "alpha");
    CHECK(receive_text(other[1]) == "beta");
    // What was not sent is still ours, and can be sent now.
    messages[2]->m_idxLane = 0;
    sockets()->SendMessages(2, &messages[2], nullptr, true);
    CHECK(receive_text(pair[1]) == "two");
    CHECK(receive_text(pair[1]) == "three");
    sockets()->SendMessages(0, nullptr, nullptr, true);
    for (HSteamNetConnection conn : {pair[0], pair[1], other[0], other[1]})
        CHECK(sockets()->CloseConnection(conn, 0, nullptr, false));
}

static void check_user_data()
{
    HSteamNetConnection pair[2];
    CHECK(sockets()->CreateSocketPair(&pair[0], &pair[1], false, nullptr, nullptr));
    CHECK_EQ(send_text(pair[0], "x"), k_EResultOK);
    CHECK(sockets()->SetConnectionUserData(pair[1], 42));
    SteamNetworkingMessage_t *message = nullptr;
    CHECK_EQ(sockets()->ReceiveMessagesOnConnection(pair[1], &message, 1), 1);
    CHECK_EQ(message->GetConnectionUserData(), 42);
    message->Release();
    for (HSteamNetConnection conn : pair)
        CHECK(sockets()->CloseConnection(conn, 0, nullptr, false));
}

static void check_full_buffer()
{
    SteamNetworkingIPAddr nowhere;
    sockets()->CloseListenSocket(listen_somewhere(nowhere));
    SteamNetworkingConfigValue_t option;
    option.SetInt32(k_ESteamNetworkingConfig_SendBufferSize, 10000);
    const HSteamNetConnection conn = sockets()->ConnectByIPAddress(nowhere, 1, &option);
    std::vector<char> data(4000);
    int sent = 0;
    EResult result = k_EResultOK;
    while (sent < 100 && result == k_EResultOK) {
        result = sockets()->SendMessageToConnection(conn, data.data(), 4000, k_nSteamNetworkingSend_Reliable, nullptr);
        sent += result == k_EResultOK;
    }
    CHECK_EQ(result, k_EResultLimitExceeded);
    CHECK(sent == 2 || sent == 3);
    CHECK(sockets()->CloseConnection(conn, 0, nullptr, false));
}

static void check_lanes()
{
    const Peers peers = connect_peers();
    const int priorities[] = {0, 1, 1};
    const uint16 weights[] = {1, 3, 1}, zero[] = {1, 0, 1};
    CHECK_EQ(sockets()->ConfigureConnectionLanes(peers.client, 0, nullptr, nullptr), k_EResultInvalidParam);
    CHECK_EQ(sockets()->ConfigureConnectionLanes(peers.client, 256, nullptr, nullptr), k_EResultInvalidParam);
    CHECK_EQ(sockets()->ConfigureConnectionLanes(peers.client, 3, priorities, zero), k_EResultInvalidParam);
    CHECK_EQ(sockets()->ConfigureConnectionLanes(peers.client, 3, priorities, weights), k_EResultOK);
    CHECK_EQ(sockets()->ConfigureConnectionLanes(peers.client, 2, nullptr, nullptr), k_EResultInvalidParam);
    CHECK_EQ(sockets()->ConfigureConnectionLanes(peers.client, 3, nullptr, nullptr), k_EResultOK);
    for (uint16 lane = 0; lane < 3; ++lane) {
        SteamNetworkingMessage_t *message = make_text(peers.client, "lane");
        message->m_idxLane = lane;
        message->m_nFlags = k_nSteamNetworkingSend_ReliableNoNagle;
        int64 number = 0;
        sockets()->SendMessages(1, &message, &number, true);
        // Every lane counts for itself.
        CHECK_EQ(number, 1);
        SteamNetworkingMessage_t *got = nullptr;
        CHECK(pump_until([&] { return sockets()->ReceiveMessagesOnConnection(peers.server, &got, 1) == 1; }));
        if (got) {
            CHECK_EQ(got->m_idxLane, lane);
            got->Release();
        }
    }
    SteamNetConnectionRealTimeLaneStatus_t lanes[3];
    CHECK_EQ(sockets()->GetConnectionRealTimeStatus(peers.client, nullptr, 3, lanes), k_EResultOK);
    CHECK_EQ(lanes[2].m_cbPendingReliable, 0);
    CHECK_EQ(sockets()->GetConnectionRealTimeStatus(peers.client, nullptr, 4, lanes), k_EResultInvalidParam);
    CHECK_EQ(sockets()->GetConnectionRealTimeStatus(peers.client, nullptr, 1, nullptr), k_EResultInvalidParam);
}

static void check_poll_group()
{
    const HSteamNetPollGroup group = sockets()->CreatePollGroup(), second = sockets()->CreatePollGroup();
    CHECK(group != k_HSteamNetPollGroup_Invalid && group != second);
    HSteamNetConnection pairs[4][2];
    for (auto &pair : pairs) {
        CHECK(sockets()->CreateSocketPair(&pair[0], &pair[1], false, nullptr, nullptr));
        // What came in before goes along.
        CHECK_EQ(send_text(pair[0], "before"), k_EResultOK);
        CHECK(sockets()->SetConnectionPollGroup(pair[1], group));
        CHECK_EQ(send_text(pair[0], "after"), k_EResultOK);
    }
    SteamNetworkingMessage_t *messages[16];
    CHECK_EQ(sockets()->ReceiveMessagesOnPollGroup(group, messages, 5), 5);
    CHECK_EQ(sockets()->ReceiveMessagesOnPollGroup(group, messages + 5, 11), 3);
    for (int i = 0; i < 8; ++i) {
        // In the order in which they came.
        CHECK_EQ(messages[i]->m_conn, pairs[i / 2][1]);
        CHECK_EQ(messages[i]->m_cbSize, i % 2 == 0 ? 6 : 5);
        messages[i]->Release();
    }
    CHECK_EQ(send_text(pairs[0][0], "moved"), k_EResultOK);
    CHECK(sockets()->SetConnectionPollGroup(pairs[0][1], second));
    CHECK_EQ(sockets()->ReceiveMessagesOnPollGroup(group, messages, 16), 0);
    CHECK_EQ(sockets()->ReceiveMessagesOnPollGroup(second, messages, 16), 1);
    messages[0]->Release();
    CHECK(sockets()->SetConnectionPollGroup(pairs[0][1], k_HSteamNetPollGroup_Invalid));
    CHECK(sockets()->DestroyPollGroup(group));
    CHECK(!sockets()->DestroyPollGroup(group));
    CHECK_EQ(sockets()->ReceiveMessagesOnPollGroup(group, messages, 16), -1);
    CHECK(!sockets()->SetConnectionPollGroup(pairs[0][1], group));
    // Its connections live on.
    CHECK_EQ(send_text(pairs[3][0], "still"), k_EResultOK);
    CHECK(receive_text(pairs[3][1]) == "still");
}

// Many threads release what one received.
static void check_release_elsewhere()
{
    HSteamNetConnection pair[2];
    CHECK(sockets()->CreateSocketPair(&pair[0], &pair[1], false, nullptr, nullptr));
    std::vector<std::thread> threads;
    for (int round = 0; round < 8; ++round) {
        std::vector<SteamNetworkingMessage_t *> received;
        for (int i = 0; i < 100; ++i)
            CHECK_EQ(send_text(pair[0], i % 2 == 0 ? "short" : std::string(6000, 'x').c_str()), k_EResultOK);
        CHECK(pump_until([&] {
            SteamNetworkingMessage_t *message = nullptr;
            while (sockets()->ReceiveMessagesOnConnection(pair[1], &message, 1) == 1)
                received.push_back(message);
            return received.size() == 100;
        }));
        threads.emplace_back([received] {
            for (SteamNetworkingMessage_t *message : received)
                message->Release();
        });
    }
    for (std::thread &thread : threads)
        thread.join();
}

int main()
{
    check_allocate();
    check_replaced_buffers();
    start();
    check_sizes(false);
    check_sizes(true);
    check_my_buffers(false);
    check_my_buffers(true);
    check_batch();
    check_user_data();
    check_full_buffer();
    check_lanes();
    check_poll_group();
    check_release_elsewhere();
    GameNetworkingSockets_Kill();
    return CHECK_DONE();
}
