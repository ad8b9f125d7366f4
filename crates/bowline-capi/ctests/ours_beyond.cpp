// What bowline.h declares.
#include "world.h"

#if __has_include(<bowline.h>)
#include <bowline.h>

#ifndef _WIN32
#include <poll.h>
#endif

static void check_versions()
{
    CHECK(Bowline_Version() != nullptr && Bowline_Version()[0] != 0);
    CHECK_EQ(Bowline_GetAbiGeneration(), k_nBowlineAbiGeneration_1_5);
    CHECK(!Bowline_SetAbiGeneration(13));
    CHECK(!Bowline_SetAbiGeneration(0));
    CHECK(Bowline_SetAbiGeneration(k_nBowlineAbiGeneration_1_4));
    CHECK_EQ(Bowline_GetAbiGeneration(), k_nBowlineAbiGeneration_1_4);
    CHECK(Bowline_SetAbiGeneration(k_nBowlineAbiGeneration_1_5));
}

// As of 1.4 a message that fails is released, whatever the fourth argument is, and the next one is tried.
static void check_old_generation()
{
    HSteamNetConnection pair[2];
    CHECK(sockets()->CreateSocketPair(&pair[0], &pair[1], false, nullptr, nullptr));
    CHECK(Bowline_SetAbiGeneration(k_nBowlineAbiGeneration_1_4));
    SteamNetworkingMessage_t *messages[2] = {utils()->AllocateMessage(3), utils()->AllocateMessage(3)};
    for (int i = 0; i < 2; ++i) {
        std::memcpy(messages[i]->m_pData, "abc", 3);
        messages[i]->m_conn = pair[0];
        messages[i]->m_nFlags = k_nSteamNetworkingSend_Reliable;
    }
    messages[0]->m_idxLane = 9;
    int64 results[2] = {0, 0};
    sockets()->SendMessages(2, messages, results, false);
    CHECK_EQ(results[0], -k_EResultInvalidParam);
    CHECK_EQ(results[1], 1);
    CHECK(Bowline_SetAbiGeneration(k_nBowlineAbiGeneration_1_5));
    CHECK(receive_text(pair[1]) == "abc");
    sockets()->CloseConnection(pair[0], 0, nullptr, false);
    sockets()->CloseConnection(pair[1], 0, nullptr, false);
}

static void check_wait()
{
    const Peers peers = connect_peers();
    const HSteamNetPollGroup group = sockets()->CreatePollGroup();
    CHECK(sockets()->SetConnectionPollGroup(peers.server, group));
    sockets()->RunCallbacks();
    CHECK(!Bowline_WaitOnPollGroup(sockets(), group, 1));
    CHECK_EQ(send_text(peers.client, "wake up"), k_EResultOK);
    CHECK(Bowline_WaitOnPollGroup(sockets(), group, 10000));
    CHECK(Bowline_Wait(sockets(), 10000));
    SteamNetworkingMessage_t *message = nullptr;
    CHECK_EQ(sockets()->ReceiveMessagesOnPollGroup(group, &message, 1), 1);
    if (message)
        message->Release();
    CHECK(!Bowline_WaitOnPollGroup(sockets(), 12345, 1));
    CHECK(!Bowline_Wait(nullptr, 1));
#ifndef _WIN32
    BowlineWaitHandle handle = -1, again = -1;
    CHECK(Bowline_GetWaitHandle(sockets(), &handle));
    CHECK(Bowline_GetWaitHandle(sockets(), &again));
    CHECK_EQ(handle, again);
    CHECK(!Bowline_GetWaitHandle(sockets(), nullptr));
    CHECK_EQ(send_text(peers.client, "by the handle"), k_EResultOK);
    pollfd watched = {handle, POLLIN, 0};
    CHECK_EQ(poll(&watched, 1, 10000), 1);
    CHECK_EQ(sockets()->ReceiveMessagesOnPollGroup(group, &message, 1), 1);
    if (message)
        message->Release();
#endif
    CHECK_EQ(send_text(peers.client, "lingers"), k_EResultOK);
    CHECK(sockets()->CloseConnection(peers.client, 0, nullptr, true));
    CHECK(Bowline_WaitForLinger(sockets(), 10000));
    sockets()->CloseListenSocket(peers.listener);
}

static BowlineSendOptions options(int flags)
{
    BowlineSendOptions options;
    std::memset(&options, 0, sizeof(options));
    options.size = sizeof(options);
    options.flags = flags;
    return options;
}

static EResult send_with(HSteamNetConnection conn, const char *text, const BowlineSendOptions &how)
{
    return Bowline_SendMessage(sockets(), conn, text, (uint32_t)std::strlen(text), &how, nullptr);
}

static void check_send()
{
    SteamNetworkingIPAddr address;
    s_accepts = false;
    const HSteamListenSocket listener = listen_somewhere(address);
    const HSteamNetConnection client = sockets()->ConnectByIPAddress(address, 0, nullptr);
    // All of these wait: nobody has accepted.
    BowlineSendOptions how = options(k_nSteamNetworkingSend_Unreliable);
    how.replaces = 1;
    how.replace_key = 7;
    CHECK_EQ(send_with(client, "old", how), k_EResultOK);
    CHECK_EQ(send_with(client, "new", how), k_EResultOK);
    CHECK_EQ(Bowline_SendMessage(sockets(), client, "plain", 5, nullptr, nullptr), k_EResultOK);

    // What does not go together.
    how.flags = k_nSteamNetworkingSend_Reliable;
    CHECK_EQ(send_with(client, "x", how), k_EResultInvalidParam);
    how = options(k_nSteamNetworkingSend_Reliable);
    how.deadline_us = 1000;
    CHECK_EQ(send_with(client, "x", how), k_EResultInvalidParam);
    how = options(k_nSteamNetworkingSend_Unreliable);
    how.deadline_us = -1;
    CHECK_EQ(send_with(client, "x", how), k_EResultInvalidParam);
    how = options(k_nSteamNetworkingSend_Unreliable);
    how.lane = 3;
    CHECK_EQ(send_with(client, "x", how), k_EResultInvalidParam);
    how = options(k_nSteamNetworkingSend_Unreliable);
    how.size = 3;
    CHECK_EQ(send_with(client, "x", how), k_EResultInvalidParam);
    CHECK_EQ(Bowline_SendMessage(sockets(), 0, "x", 1, nullptr, nullptr), k_EResultInvalidParam);
    CHECK_EQ(Bowline_SendMessage(sockets(), client, nullptr, 1, nullptr, nullptr), k_EResultInvalidParam);

    BowlineSendCapacity capacity;
    std::memset(&capacity, 0, sizeof(capacity));
    CHECK_EQ(Bowline_GetSendCapacity(sockets(), client, 0, &capacity), k_EResultInvalidParam);
    capacity.size = sizeof(capacity);
    CHECK_EQ(Bowline_GetSendCapacity(sockets(), client, 0, &capacity), k_EResultOK);
    CHECK(capacity.buffer_bytes > 0 && capacity.buffer_bytes <= 524288);
    CHECK(capacity.at_once_bytes <= capacity.buffer_bytes);
    CHECK_EQ(Bowline_GetSendCapacity(sockets(), client, 5, &capacity), k_EResultInvalidParam);
    CHECK_EQ(Bowline_GetSendCapacity(sockets(), client, -1, &capacity), k_EResultInvalidParam);
    CHECK_EQ(Bowline_GetSendCapacity(sockets(), 0, 0, &capacity), k_EResultNoConnection);
    CHECK_EQ(Bowline_GetSendCapacity(sockets(), client, 0, nullptr), k_EResultInvalidParam);

    CHECK_EQ(Bowline_SetSequenced(sockets(), client, -1, true), k_EResultOK);
    CHECK_EQ(Bowline_SetSequenced(sockets(), client, 3, true), k_EResultOK);
    CHECK_EQ(Bowline_SetSequenced(sockets(), client, 255, true), k_EResultInvalidParam);
    CHECK_EQ(Bowline_SetSequenced(sockets(), client, -2, true), k_EResultInvalidParam);
    CHECK_EQ(Bowline_SetSequenced(sockets(), 0, 0, true), k_EResultNoConnection);

    CHECK(pump_until([&] { return last_request(listener) != k_HSteamNetConnection_Invalid; }));
    const HSteamNetConnection server = last_request(listener);
    CHECK_EQ(sockets()->AcceptConnection(server), k_EResultOK);
    // The old one was replaced in its place.
    CHECK(receive_text(server) == "new");
    CHECK(receive_text(server) == "plain");
    s_accepts = true;
    sockets()->CloseConnection(client, 0, nullptr, false);
    sockets()->CloseListenSocket(listener);
}

static int s_writable = 0;
static void on_writable(HSteamNetConnection conn, void *context)
{
    CHECK_EQ(conn, *(HSteamNetConnection *)context);
    ++s_writable;
}

static void check_writable()
{
    Peers peers = connect_peers();
    CHECK(Bowline_SetWritableCallback(sockets(), on_writable, &peers.client));
    std::vector<char> data(60000);
    EResult result = k_EResultOK;
    for (int i = 0; i < 1000 && result == k_EResultOK; ++i)
        result = sockets()->SendMessageToConnection(peers.client, data.data(), (uint32)data.size(),
                                                    k_nSteamNetworkingSend_Reliable, nullptr);
    CHECK_EQ(result, k_EResultLimitExceeded);
    CHECK_EQ(s_writable, 0);
    CHECK(pump_until([&] {
        SteamNetworkingMessage_t *message = nullptr;
        while (sockets()->ReceiveMessagesOnConnection(peers.server, &message, 1) == 1)
            message->Release();
        return s_writable == 1;
    }));
    CHECK(Bowline_SetWritableCallback(sockets(), nullptr, nullptr));
    CHECK(!Bowline_SetWritableCallback(nullptr, on_writable, nullptr));
    sockets()->CloseConnection(peers.client, 0, nullptr, false);
    sockets()->CloseListenSocket(peers.listener);
}

static void check_trust()
{
    SteamNetworkingErrMsg error;
    CHECK(!GameNetworkingSockets_AddTrustedCert("no certificate", error));
    CHECK(error[0] != 0);
    CHECK(!Bowline_AddTrustedCert("no certificate", 14, error));
    CHECK(!Bowline_AddTrustedCert(nullptr, 14, nullptr));
    CHECK(!Bowline_AddTrustedRoot(nullptr, error));

    // A key that nobody holds: the connection ends, and nothing was said.
    uint8_t key[k_cbBowlinePublicKey];
    std::memset(key, 9, sizeof(key));
    Peers peers = connect_peers();
    const HSteamNetConnection client = Bowline_ConnectToKey(sockets(), &peers.address, key, 0, nullptr);
    CHECK(client != k_HSteamNetConnection_Invalid);
    CHECK_EQ(send_text(client, "secret"), k_EResultOK);
    CHECK(pump_until([&] { return state_of(client) == k_ESteamNetworkingConnectionState_ProblemDetectedLocally; }));
    SteamNetConnectionInfo_t info;
    CHECK(sockets()->GetConnectionInfo(client, &info));
    CHECK_EQ(info.m_eEndReason, k_ESteamNetConnectionEnd_Remote_BadCert);
    SteamNetworkingMessage_t *message = nullptr;
    CHECK(sockets()->ReceiveMessagesOnConnection(last_request(peers.listener), &message, 1) <= 0);
    CHECK(sockets()->CloseConnection(client, 0, nullptr, false));

    // Nobody without a certificate is the one that is expected.
    SteamNetworkingIdentity identity;
    identity.Clear();
    CHECK(identity.SetGenericString("server"));
    const HSteamNetConnection second =
        Bowline_ConnectToIdentity(sockets(), &peers.address, &identity, 0, nullptr);
    CHECK(second != k_HSteamNetConnection_Invalid);
    CHECK(pump_until([&] { return state_of(second) == k_ESteamNetworkingConnectionState_ProblemDetectedLocally; }));
    CHECK(sockets()->CloseConnection(second, 0, nullptr, false));
    CHECK_EQ(Bowline_ConnectToKey(sockets(), nullptr, key, 0, nullptr), 0);
    CHECK_EQ(Bowline_ConnectToKey(sockets(), &peers.address, nullptr, 0, nullptr), 0);
    CHECK_EQ(Bowline_ConnectToIdentity(sockets(), &peers.address, nullptr, 0, nullptr), 0);
    identity.Clear();
    CHECK_EQ(Bowline_ConnectToIdentity(sockets(), &peers.address, &identity, 0, nullptr), 0);

    // Our own key is made with the first request for a certificate.
    int size = 0;
    CHECK(sockets()->GetCertificateRequest(&size, nullptr, error));
    CHECK(size > 0);
    CHECK(Bowline_GetPublicKey(sockets(), key));
    CHECK(!Bowline_GetPublicKey(sockets(), nullptr));
    Bowline_ClearTrust();
}

int main()
{
    check_versions();
    start();
    check_old_generation();
    check_wait();
    check_send();
    check_writable();
    check_trust();
    GameNetworkingSockets_Kill();
    CHECK_EQ(Bowline_GetCaughtPanics(), 0);
    return CHECK_DONE();
}

#else

// The original's headers have no bowline.h: nothing to ask.
int main() { return CHECK_DONE(); }

#endif
