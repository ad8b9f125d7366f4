// Messages to identities, by the methods of C++ and by the plain functions: two peers in one process, the players' and
// the game server's, whose signals are carried in memory. What is made for signals is released once each.
#include <steam/isteamnetworkingmessages.h>
#include <steam/isteamnetworkingutils.h>
#include <steam/steamnetworkingcustomsignaling.h>
#include <steam/steamnetworkingsockets.h>
#include <steam/steamnetworkingsockets_flat.h>

#include <atomic>
#include <chrono>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "check.h"

enum { ANNA, BEN, PEERS, CHANNEL = 7, REASON = 1001, SESSIONS_PORT = 0x7fffffff };

static SteamNetworkingIdentity s_names[PEERS];
static ISteamNetworkingSockets *s_sockets[PEERS];
static ISteamNetworkingMessages *s_messages[PEERS];

struct Signal {
    int to;
    std::string bytes;
};
static std::mutex s_lock;
static std::deque<Signal> s_signals;
static std::atomic<int> s_made(0), s_released(0);

static std::vector<SteamNetworkingIdentity> s_asked;
static std::vector<SteamNetConnectionInfo_t> s_failed;

// Carries to one peer.
class Carrier : public ISteamNetworkingConnectionSignaling {
public:
    explicit Carrier(int to) : m_to(to) { ++s_made; }
    virtual bool SendSignal(HSteamNetConnection, const SteamNetConnectionInfo_t &, const void *bytes, int size)
    {
        std::lock_guard<std::mutex> guard(s_lock);
        const Signal signal = {m_to, std::string(static_cast<const char *>(bytes), static_cast<size_t>(size))};
        s_signals.push_back(signal);
        return true;
    }
    virtual void Release()
    {
        ++s_released;
        delete this;
    }

private:
    virtual ~Carrier() {}
    int m_to;
};

// Considers everybody.
class Context : public ISteamNetworkingSignalingRecvContext {
public:
    explicit Context(int whose) : m_whose(whose) {}
    virtual ~Context() {}
    virtual ISteamNetworkingConnectionSignaling *OnConnectRequest(HSteamNetConnection, const SteamNetworkingIdentity &,
                                                                  int port)
    {
        CHECK_EQ(port, SESSIONS_PORT);
        return new Carrier(1 - m_whose);
    }
    virtual void SendRejectionSignal(const SteamNetworkingIdentity &, const void *, int) {}

private:
    int m_whose;
};

static ISteamNetworkingConnectionSignaling *make(ISteamNetworkingSockets *sockets, const SteamNetworkingIdentity &peer,
                                                 int local_port, int remote_port)
{
    const int whose = sockets == s_sockets[ANNA] ? ANNA : BEN;
    CHECK(peer == s_names[1 - whose]);
    CHECK_EQ(local_port, SESSIONS_PORT);
    CHECK_EQ(remote_port, SESSIONS_PORT);
    return new Carrier(1 - whose);
}

static void on_asked(SteamNetworkingMessagesSessionRequest_t *asked) { s_asked.push_back(asked->m_identityRemote); }

static void on_failed(SteamNetworkingMessagesSessionFailed_t *failed) { s_failed.push_back(failed->m_info); }

// A little later; false when the time is over.
static bool go_on(std::chrono::steady_clock::time_point since)
{
    for (;;) {
        Signal signal;
        {
            std::lock_guard<std::mutex> guard(s_lock);
            if (s_signals.empty())
                break;
            signal = s_signals.front();
            s_signals.pop_front();
        }
        Context context(signal.to);
        s_sockets[signal.to]->ReceivedP2PCustomSignal(signal.bytes.data(), static_cast<int>(signal.bytes.size()),
                                                      &context);
    }
    for (int i = 0; i < PEERS; ++i)
        s_sockets[i]->RunCallbacks();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return std::chrono::steady_clock::now() - since < std::chrono::seconds(20);
}

template <class Condition> static void until(Condition condition)
{
    const std::chrono::steady_clock::time_point begin = std::chrono::steady_clock::now();
    while (!condition()) {
        if (!go_on(begin)) {
            CHECK(!"it came in time");
            return;
        }
    }
}

static void start()
{
    static const char *const names[PEERS] = {"anna", "ben"};
    SteamNetworkingErrMsg error;
    CHECK(SteamNetworkingMessages() == nullptr);
    CHECK(GameNetworkingSockets_Init(nullptr, error));
    s_sockets[ANNA] = SteamNetworkingSockets();
    s_sockets[BEN] = SteamGameServerNetworkingSockets();
    for (int i = 0; i < PEERS; ++i) {
        CHECK(s_names[i].SetGenericString(names[i]));
        s_sockets[i]->ResetIdentity(&s_names[i]);
    }
    ISteamNetworkingUtils *utils = SteamNetworkingUtils();
    CHECK(utils->SetGlobalConfigValuePtr(k_ESteamNetworkingConfig_Callback_CreateConnectionSignaling,
                                         reinterpret_cast<void *>(make)));
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
