// Messages to identities, by the methods of C++ and by the plain functions: two peers in one process, the players' and
// the game server's, whose signals are carried in memory.
#include <steam/isteamnetworkingmessages.h>
#include <steam/steamnetworkingsockets_flat.h>

#include <vector>

#include "courier.h"

enum { CHANNEL = 7, REASON = 1001, SESSIONS_PORT = 0x7fffffff };

static ISteamNetworkingMessages *s_messages[PEERS];

static std::vector<SteamNetworkingIdentity> s_asked;
static std::vector<SteamNetConnectionInfo_t> s_failed;

static void on_asked(SteamNetworkingMessagesSessionRequest_t *asked) { s_asked.push_back(asked->m_identityRemote); }

static void on_failed(SteamNetworkingMessagesSessionFailed_t *failed) { s_failed.push_back(failed->m_info); }

static void start()
{
    SteamNetworkingIdentity names[PEERS];
    CHECK(names[ANNA].SetGenericString("anna") && names[BEN].SetGenericString("ben"));
    CHECK(SteamNetworkingMessages() == nullptr);
    start_courier(names, SESSIONS_PORT);
    ISteamNetworkingUtils *utils = SteamNetworkingUtils();
    CHECK(utils->SetGlobalCallback_MessagesSessionRequest(on_asked));
    CHECK(utils->SetGlobalCallback_MessagesSessionFailed(on_failed));
    s_messages[ANNA] = SteamNetworkingMessages();
    s_messages[BEN] = SteamGameServerNetworkingMessages();
    CHECK(s_messages[ANNA] != nullptr && s_messages[BEN] != nullptr && s_messages[ANNA] != s_messages[BEN]);
}

static void check_text_comes(int to, int channel, const char *text)
{
    SteamNetworkingMessage_t *message = nullptr;
    until([&] { return s_messages[to]->ReceiveMessagesOnChannel(channel, &message, 1) == 1; });
    if (message == nullptr)
        return;
    CHECK_TEXT(std::string(static_cast<const char *>(message->m_pData), message->m_cbSize).c_str(), text);
    CHECK_EQ(message->m_nChannel, channel);
    CHECK_EQ(message->m_conn, k_HSteamNetConnection_Invalid);
    CHECK(message->m_identityPeer == s_names[1 - to]);
    message->Release();
}

static void check_talk()
{
    CHECK(!s_messages[BEN]->AcceptSessionWithUser(s_names[ANNA]));
    CHECK_EQ(s_messages[ANNA]->SendMessageToUser(s_names[BEN], "hello", 5, k_nSteamNetworkingSend_Unreliable, CHANNEL),
             k_EResultOK);
    until([] { return !s_asked.empty(); });
    CHECK(s_asked.size() == 1 && s_asked[0] == s_names[ANNA]);
    CHECK(s_messages[BEN]->AcceptSessionWithUser(s_names[ANNA]));
    check_text_comes(BEN, CHANNEL, "hello");
    CHECK_EQ(SteamAPI_ISteamNetworkingMessages_SendMessageToUser(s_messages[BEN], s_names[ANNA], "welcome", 7,
                                                                 k_nSteamNetworkingSend_Reliable, -1),
             k_EResultOK);
    check_text_comes(ANNA, -1, "welcome");
    SteamNetConnectionInfo_t info;
    SteamNetConnectionRealTimeStatus_t status;
    CHECK_EQ(s_messages[ANNA]->GetSessionConnectionInfo(s_names[BEN], &info, &status),
             k_ESteamNetworkingConnectionState_Connected);
    CHECK(info.m_identityRemote == s_names[BEN]);
    CHECK_EQ(info.m_hListenSocket, k_HSteamListenSocket_Invalid);
    CHECK_EQ(status.m_eState, k_ESteamNetworkingConnectionState_Connected);
}

static void check_channels()
{
    CHECK(!s_messages[BEN]->CloseChannelWithUser(s_names[ANNA], CHANNEL + 1));
    CHECK(s_messages[BEN]->CloseChannelWithUser(s_names[ANNA], CHANNEL));
    CHECK(!s_messages[BEN]->CloseSessionWithUser(s_names[ANNA]));
    until([] {
        return s_messages[ANNA]->GetSessionConnectionInfo(s_names[BEN], nullptr, nullptr) ==
               k_ESteamNetworkingConnectionState_None;
    });
    CHECK(s_failed.empty());
}

static void check_refusal()
{
    s_asked.clear();
    CHECK_EQ(s_messages[ANNA]->SendMessageToUser(s_names[BEN], "?", 1, k_nSteamNetworkingSend_Reliable, 0),
             k_EResultOK);
    until([] { return !s_asked.empty(); });
    CHECK(s_messages[BEN]->CloseSessionWithUser(s_names[ANNA]));
    until([] { return !s_failed.empty(); });
    CHECK(s_failed.size() == 1 && s_failed[0].m_identityRemote == s_names[BEN]);
    CHECK_EQ(s_failed[0].m_eEndReason, REASON);
    CHECK_EQ(s_messages[ANNA]->SendMessageToUser(s_names[BEN], "?", 1, k_nSteamNetworkingSend_Reliable, 0),
             k_EResultConnectFailed);
    const int flags = k_nSteamNetworkingSend_Reliable | k_nSteamNetworkingSend_AutoRestartBrokenSession;
    CHECK_EQ(s_messages[ANNA]->SendMessageToUser(s_names[BEN], "again", 5, flags, 0), k_EResultOK);
    CHECK_EQ(s_messages[BEN]->SendMessageToUser(s_names[ANNA], "now", 3, flags, 0), k_EResultOK);
    check_text_comes(BEN, 0, "again");
    check_text_comes(ANNA, 0, "now");
}

int main()
{
    start();
    check_talk();
    check_channels();
    check_refusal();
    GameNetworkingSockets_Kill();
    CHECK_EQ(s_released, s_made);
    return CHECK_DONE();
}
