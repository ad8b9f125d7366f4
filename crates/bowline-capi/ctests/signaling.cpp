// Objects of the application that carry signals: whatever becomes of the connection, each is released once.
#include "world.h"

#include <steam/steamnetworkingcustomsignaling.h>
#include <steam/steamnetworkingsockets_flat.h>

#include <atomic>

static std::atomic<int> s_released(0), s_live(0);

class Signaling : public ISteamNetworkingConnectionSignaling {
public:
    Signaling() { ++s_live; }
    virtual ~Signaling() { --s_live; }
    virtual bool SendSignal(HSteamNetConnection, const SteamNetConnectionInfo_t &, const void *pMsg, int cbMsg)
    {
        CHECK(pMsg != nullptr && cbMsg > 0);
        return true;
    }
    virtual void Release()
    {
        ++s_released;
        delete this;
    }
};

class Context : public ISteamNetworkingSignalingRecvContext {
public:
    virtual ~Context() {}
    virtual ISteamNetworkingConnectionSignaling *OnConnectRequest(HSteamNetConnection, const SteamNetworkingIdentity &,
                                                                  int)
    {
        return nullptr;
    }
    virtual void SendRejectionSignal(const SteamNetworkingIdentity &, const void *, int) {}
};

static bool send_signal(void *ctx, HSteamNetConnection, const SteamNetConnectionInfo_t &, const void *, int)
{
    CHECK_EQ(*(int *)ctx, 5);
    return true;
}

static void release(void *ctx)
{
    CHECK_EQ(*(int *)ctx, 5);
    ++s_released;
}

static void check_connect()
{
    SteamNetworkingIdentity peer;
    peer.Clear();
    CHECK(peer.SetGenericString("somebody"));
    const HSteamNetConnection conn = sockets()->ConnectP2PCustomSignaling(new Signaling, &peer, 0, 0, nullptr);
    // Where this is not there yet, it fails at once, and releases the object all the same.
    CHECK(conn != k_HSteamNetConnection_Invalid || is_bowline());
    sockets()->RunCallbacks();
    if (conn != k_HSteamNetConnection_Invalid)
        CHECK(sockets()->CloseConnection(conn, 0, nullptr, false));
    CHECK(pump_until([] { return s_released == 1; }));
    CHECK_EQ(s_live, 0);
}

static void check_flat()
{
    int context = 5;
    s_released = 0;
    ISteamNetworkingConnectionSignaling *signaling =
        SteamAPI_ISteamNetworkingSockets_CreateCustomSignaling(&context, send_signal, release);
    CHECK(signaling != nullptr);
    signaling->Release();
    CHECK_EQ(s_released, 1);
}

// Signals that are none.
static void check_receive()
{
    Context context;
    CHECK(!sockets()->ReceivedP2PCustomSignal("nonsense", 8, &context));
}

int main()
{
    start();
    check_connect();
    check_flat();
    check_receive();
    GameNetworkingSockets_Kill();
    return CHECK_DONE();
}
