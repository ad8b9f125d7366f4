// Two peers in one process, the players' and the game server's, and a courier that carries their signals in memory. What
// is made for signals has to be released once each: `s_released` is `s_made` in the end.
#ifndef COURIER_H
#define COURIER_H

#include <steam/isteamnetworkingutils.h>
#include <steam/steamnetworkingcustomsignaling.h>
#include <steam/steamnetworkingsockets.h>

#include <atomic>
#include <chrono>
#include <deque>
#include <mutex>
#include <string>
#include <thread>

#include "check.h"

enum { ANNA, BEN, PEERS };

static ISteamNetworkingSockets *s_sockets[PEERS];
static SteamNetworkingIdentity s_names[PEERS];
// The only virtual port that connections may be for.
static int s_port;

struct Signal {
    int to;
    std::string bytes;
};
static std::mutex s_lock;
static std::deque<Signal> s_signals;
static std::atomic<int> s_made(0), s_released(0);

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
        CHECK_EQ(port, s_port);
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
    CHECK_EQ(local_port, s_port);
    CHECK_EQ(remote_port, s_port);
    return new Carrier(1 - whose);
}

// Both peers have their sockets and names, and the courier knows the way between them.
static void start_courier(const SteamNetworkingIdentity (&names)[PEERS], int port)
{
    SteamNetworkingErrMsg error;
    CHECK(GameNetworkingSockets_Init(nullptr, error));
    s_port = port;
    s_sockets[ANNA] = SteamNetworkingSockets();
    s_sockets[BEN] = SteamGameServerNetworkingSockets();
    for (int i = 0; i < PEERS; ++i) {
        s_names[i] = names[i];
        s_sockets[i]->ResetIdentity(&s_names[i]);
    }
    CHECK(SteamNetworkingUtils()->SetGlobalConfigValuePtr(k_ESteamNetworkingConfig_Callback_CreateConnectionSignaling,
                                                          reinterpret_cast<void *>(make)));
}

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

#endif
