// What our headers declare and those of GameNetworkingSockets do not: interfaces of the Steamworks SDK and what is
// beyond GNS. The numbers are held against the layouts of the SDK and against the Rust side.
#include <bowline.h>
#include <steam/bowline/flat_legacy.h>
#include <steam/isteamnetworking.h>
#include <steam/steamnetworkingfakeip.h>
#include <steam/steamnetworkingsockets_flat.h>

#include <stddef.h>
#include <stdio.h>
#include <string.h>

static int s_nFailures = 0;

static void expect(const char *what, long is, long should)
{
    if (is == should)
        return;
    fprintf(stderr, "%s is %ld, not %ld\n", what, is, should);
    ++s_nFailures;
}

// Of the Itanium ABI: a pointer to a virtual method is 1 plus the offset in the vtable.
template <typename Method> static long slot(Method method)
{
    ptrdiff_t offset = 0;
    memcpy(&offset, &method, sizeof(offset));
    return (long)((offset - 1) / (ptrdiff_t)sizeof(void *));
}

#define SLOT(type, method, number) expect(#type "::" #method, slot(&type::method), number)
#define OFFSET(type, field, number) expect(#type "." #field, (long)offsetof(type, field), number)
#define SIZE(type, number) expect("size of " #type, (long)sizeof(type), number)

static void check_slots()
{
    SLOT(ISteamNetworkingFakeUDPPort, DestroyFakeUDPPort, 0);
    SLOT(ISteamNetworkingFakeUDPPort, SendMessageToFakeIP, 1);
    SLOT(ISteamNetworkingFakeUDPPort, ReceiveMessages, 2);
    SLOT(ISteamNetworkingFakeUDPPort, ScheduleCleanup, 3);
    SLOT(ISteamNetworking, SendP2PPacket, 0);
    SLOT(ISteamNetworking, IsP2PPacketAvailable, 1);
    SLOT(ISteamNetworking, ReadP2PPacket, 2);
    SLOT(ISteamNetworking, AcceptP2PSessionWithUser, 3);
    SLOT(ISteamNetworking, CloseP2PSessionWithUser, 4);
    SLOT(ISteamNetworking, CloseP2PChannelWithUser, 5);
    SLOT(ISteamNetworking, GetP2PSessionState, 6);
    SLOT(ISteamNetworking, AllowP2PPacketRelay, 7);
    SLOT(ISteamNetworking, CreateListenSocket, 8);
    SLOT(ISteamNetworking, CreateP2PConnectionSocket, 9);
    SLOT(ISteamNetworking, CreateConnectionSocket, 10);
    SLOT(ISteamNetworking, DestroySocket, 11);
    SLOT(ISteamNetworking, DestroyListenSocket, 12);
    SLOT(ISteamNetworking, SendDataOnSocket, 13);
    SLOT(ISteamNetworking, IsDataAvailableOnSocket, 14);
    SLOT(ISteamNetworking, RetrieveDataFromSocket, 15);
    SLOT(ISteamNetworking, IsDataAvailable, 16);
    SLOT(ISteamNetworking, RetrieveData, 17);
    SLOT(ISteamNetworking, GetSocketInfo, 18);
    SLOT(ISteamNetworking, GetListenSocketInfo, 19);
    SLOT(ISteamNetworking, GetSocketConnectionType, 20);
    SLOT(ISteamNetworking, GetMaxPacketSize, 21);
}

static void check_structs()
{
    SIZE(SteamNetworkingFakeIPResult_t, 160);
    OFFSET(SteamNetworkingFakeIPResult_t, m_identity, 4);
    OFFSET(SteamNetworkingFakeIPResult_t, m_unIP, 140);
    OFFSET(SteamNetworkingFakeIPResult_t, m_unPorts, 144);
    SIZE(P2PSessionState_t, 20);
    OFFSET(P2PSessionState_t, m_bUsingRelay, 3);
    OFFSET(P2PSessionState_t, m_nRemotePort, 16);
    SIZE(P2PSessionRequest_t, 8);
    SIZE(P2PSessionConnectFail_t, 9);
    OFFSET(P2PSessionConnectFail_t, m_eP2PSessionError, 8);
    SIZE(SocketStatusCallback_t, 20);
    OFFSET(SocketStatusCallback_t, m_steamIDRemote, 8);
    OFFSET(SocketStatusCallback_t, m_eSNetSocketState, 16);
    SIZE(BowlineSendOptions, 32);
    OFFSET(BowlineSendOptions, flags, 4);
    OFFSET(BowlineSendOptions, deadline_us, 8);
    OFFSET(BowlineSendOptions, replace_key, 16);
    OFFSET(BowlineSendOptions, lane, 24);
    OFFSET(BowlineSendOptions, replaces, 26);
    SIZE(BowlineSendCapacity, 24);
    OFFSET(BowlineSendCapacity, at_once_bytes, 8);
    OFFSET(BowlineSendCapacity, delay_us, 16);
}

static void check_numbers()
{
    expect("SocketStatusCallback_t", SocketStatusCallback_t::k_iCallback, 1201);
    expect("P2PSessionRequest_t", P2PSessionRequest_t::k_iCallback, 1202);
    expect("P2PSessionConnectFail_t", P2PSessionConnectFail_t::k_iCallback, 1203);
    expect("SteamNetworkingFakeIPResult_t", SteamNetworkingFakeIPResult_t::k_iCallback, 1223);
    expect("k_ESNetSocketStateConnectionBroken", k_ESNetSocketStateConnectionBroken, 25);
    expect("k_EP2PSendReliableWithBuffering", k_EP2PSendReliableWithBuffering, 3);
    expect("k_EP2PSessionErrorTimeout", k_EP2PSessionErrorTimeout, 4);
    expect("k_ESNetSocketConnectionTypeUDPRelay", k_ESNetSocketConnectionTypeUDPRelay, 2);
    expect("k_cbSteamNetworkingSocketsFakeUDPPortRecommendedMTU", k_cbSteamNetworkingSocketsFakeUDPPortRecommendedMTU,
           1200);
    expect("k_cbSteamNetworkingSocketsFakeUDPPortMaxMessageSize", k_cbSteamNetworkingSocketsFakeUDPPortMaxMessageSize,
           4096);
}

int main()
{
    check_slots();
    check_structs();
    check_numbers();
    return s_nFailures == 0 ? 0 : 1;
}
