// A running library and two connected peers in it, for the C++ test programs.
#ifndef WORLD_H
#define WORLD_H

#include <steam/isteamnetworkingutils.h>
#include <steam/steamnetworkingsockets.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#ifdef _WIN32
#include <process.h>
#else
#include <dlfcn.h>
#include <unistd.h>
#endif

#ifdef __linux__
#include <dirent.h>
#endif

#include "check.h"

// How many entries a folder has, like those of this process's threads and descriptors in /proc; 0 if that cannot be
// told.
inline int entries(const char *path)
{
    int count = 0;
#ifdef __linux__
    DIR *folder = opendir(path);
    while (folder != nullptr && readdir(folder) != nullptr)
        ++count;
    if (folder != nullptr)
        closedir(folder);
#else
    (void)path;
#endif
    return count;
}

// Whether the library is ours: some things we promise, and the original does not.
inline bool is_bowline()
{
#ifdef _WIN32
    return true;
#else
    return dlsym(RTLD_DEFAULT, "Bowline_Version") != nullptr;
#endif
}

inline ISteamNetworkingSockets *sockets() { return SteamNetworkingSockets(); }
inline ISteamNetworkingUtils *utils() { return SteamNetworkingUtils(); }

// Changes of connections, in the order in which RunCallbacks told them.
struct Change {
    HSteamNetConnection conn;
    ESteamNetworkingConnectionState from, to;
    SteamNetConnectionInfo_t info;
};
static std::vector<Change> s_changes;
// Whether connections that come in are accepted at once.
static bool s_accepts = true;

inline void on_change(SteamNetConnectionStatusChangedCallback_t *event)
{
    const Change change = {event->m_hConn, event->m_eOldState, event->m_info.m_eState, event->m_info};
    s_changes.push_back(change);
    const bool is_request = change.to == k_ESteamNetworkingConnectionState_Connecting &&
                            change.info.m_hListenSocket != k_HSteamListenSocket_Invalid;
    if (!s_accepts || !is_request)
        return;
    // It may have gone away since.
    const EResult result = sockets()->AcceptConnection(event->m_hConn);
    CHECK(result == k_EResultOK || result == k_EResultInvalidState);
}

inline void start()
{
    SteamNetworkingErrMsg error;
    if (!GameNetworkingSockets_Init(nullptr, error)) {
        std::fprintf(stderr, "cannot start: %s\n", error);
        std::exit(1);
    }
    s_changes.clear();
    s_accepts = true;
    CHECK(utils()->SetGlobalCallback_SteamNetConnectionStatusChanged(on_change));
}

// Runs callbacks until something is so, for ten seconds at most.
template <typename Condition> inline bool pump_until(Condition condition)
{
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end)
            return false;
        sockets()->RunCallbacks();
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
}

inline ESteamNetworkingConnectionState state_of(HSteamNetConnection conn)
{
    SteamNetConnectionInfo_t info;
    return sockets()->GetConnectionInfo(conn, &info) ? info.m_eState : k_ESteamNetworkingConnectionState_None;
}

// The first of a hundred ports that other programs of the tests, run at the same time, leave alone.
inline uint16 first_port()
{
#ifdef _WIN32
    const int process = _getpid();
#else
    const int process = getpid();
#endif
    return (uint16)(20000 + process % 120 * 100);
}

// Listens on a free port of this host.
inline HSteamListenSocket listen_somewhere(SteamNetworkingIPAddr &address, int options = 0,
                                           const SteamNetworkingConfigValue_t *values = nullptr)
{
    for (int port = first_port(); port < first_port() + 100; ++port) {
        address.SetIPv4(0x7f000001, (uint16)port);
        const HSteamListenSocket listener = sockets()->CreateListenSocketIP(address, options, values);
        if (listener != k_HSteamListenSocket_Invalid)
            return listener;
    }
    std::fprintf(stderr, "no port is free\n");
    std::exit(1);
}

// Two connections over UDP on this host.
struct Peers {
    SteamNetworkingIPAddr address;
    HSteamListenSocket listener;
    HSteamNetConnection client, server;
};

// The connection that came in last on a listen socket.
inline HSteamNetConnection last_request(HSteamListenSocket listener)
{
    for (size_t i = s_changes.size(); i-- > 0;) {
        if (s_changes[i].info.m_hListenSocket == listener)
            return s_changes[i].conn;
    }
    return k_HSteamNetConnection_Invalid;
}

inline Peers connect_peers()
{
    Peers peers;
    peers.listener = listen_somewhere(peers.address);
    peers.client = sockets()->ConnectByIPAddress(peers.address, 0, nullptr);
    CHECK(peers.client != k_HSteamNetConnection_Invalid);
    CHECK(pump_until([&] {
        peers.server = last_request(peers.listener);
        return state_of(peers.client) == k_ESteamNetworkingConnectionState_Connected &&
               state_of(peers.server) == k_ESteamNetworkingConnectionState_Connected;
    }));
    // The callbacks of the last changes, too.
    sockets()->RunCallbacks();
    return peers;
}

// Sends text and tells the result.
inline EResult send_text(HSteamNetConnection conn, const char *text, int flags = k_nSteamNetworkingSend_ReliableNoNagle)
{
    return sockets()->SendMessageToConnection(conn, text, (uint32)std::strlen(text), flags, nullptr);
}

// The next message of a connection as text; waits for it.
inline std::string receive_text(HSteamNetConnection conn)
{
    SteamNetworkingMessage_t *message = nullptr;
    if (!pump_until([&] { return sockets()->ReceiveMessagesOnConnection(conn, &message, 1) != 0; }) || !message)
        return "(nothing)";
    std::string text((const char *)message->GetData(), message->GetSize());
    message->Release();
    return text;
}

#endif // WORLD_H
