// Packets of the legacy interface, by the methods of C++ and by the plain functions: two peers in one process, the players'
// and the game server's, whose signals are carried in memory.
#include <bowline.h>
#include <steam/bowline/flat_legacy.h>
#include <steam/isteamnetworking.h>

#include <vector>

#include "courier.h"

enum { CHANNEL = 7, PACKETS_PORT = 0x7ffffffe, MIB = 1024 * 1024 };

static CSteamID s_ids[PEERS];
static ISteamNetworking *s_packets[PEERS];

static std::vector<CSteamID> s_asked;
static std::vector<P2PSessionConnectFail_t> s_failed;

static void on_asked(P2PSessionRequest_t *asked, void *context)
{
    CHECK(context == &s_asked);
    s_asked.push_back(asked->m_steamIDRemote);
}

static void on_failed(P2PSessionConnectFail_t *failed, void *context)
{
    CHECK(context == &s_failed);
    s_failed.push_back(*failed);
}

static void start()
{
    SteamNetworkingIdentity names[PEERS];
    for (int i = 0; i < PEERS; ++i) {
        s_ids[i] = CSteamID(static_cast<uint32>(4711 + i), k_EUniversePublic, k_EAccountTypeIndividual);
        names[i].SetSteamID(s_ids[i]);
    }
    CHECK(SteamAPI_SteamNetworking_v006() == nullptr);
    start_courier(names, PACKETS_PORT);
    s_packets[ANNA] = SteamAPI_SteamNetworking_v006();
    s_packets[BEN] = SteamAPI_SteamGameServerNetworking_v006();
    CHECK(s_packets[ANNA] != nullptr && s_packets[BEN] != nullptr && s_packets[ANNA] != s_packets[BEN]);
    for (int i = 0; i < PEERS; ++i) {
        CHECK(Bowline_SetP2PSessionRequestCallback(s_packets[i], on_asked, &s_asked));
        CHECK(Bowline_SetP2PSessionConnectFailCallback(s_packets[i], on_failed, &s_failed));
    }
    CHECK(!Bowline_SetP2PSessionRequestCallback(nullptr, on_asked, nullptr));
    CHECK(!Bowline_SetP2PSessionConnectFailCallback(nullptr, on_failed, nullptr));
}

static void check_packet_comes(int to, int channel, const std::string &expected)
{
    uint32 size = 4711;
    until([&] { return s_packets[to]->IsP2PPacketAvailable(&size, channel); });
    CHECK_EQ(size, expected.size());
    std::string packet(size, '?');
    CSteamID from;
    uint32 read = 4711;
    CHECK(s_packets[to]->ReadP2PPacket(&packet[0], size, &read, &from, channel));
    CHECK_EQ(read, size);
    CHECK(packet == expected);
    CHECK(from == s_ids[1 - to]);
    CHECK(!s_packets[to]->ReadP2PPacket(&packet[0], size, &read, &from, channel));
    CHECK_EQ(read, 0);
    CHECK(from.ConvertToUint64() == 0);
}

static bool is_active(int whose)
{
    P2PSessionState_t state;
    return s_packets[whose]->GetP2PSessionState(s_ids[1 - whose], &state) && state.m_bConnectionActive;
}

static void check_talk()
{
    P2PSessionState_t state;
    CHECK(!s_packets[ANNA]->GetP2PSessionState(s_ids[BEN], &state));
    CHECK(s_packets[ANNA]->SendP2PPacket(s_ids[BEN], "hello", 5, k_EP2PSendReliable, CHANNEL));
    CHECK(s_packets[ANNA]->GetP2PSessionState(s_ids[BEN], &state));
    CHECK(!state.m_bConnectionActive && state.m_bConnecting);
    CHECK_EQ(state.m_eP2PSessionError, k_EP2PSessionErrorNone);
    CHECK(state.m_nBytesQueuedForSend >= 5 && state.m_nPacketsQueuedForSend == 1);
    CHECK(state.m_nRemoteIP == 0 && state.m_nRemotePort == 0);
    until([] { return !s_asked.empty(); });
    CHECK(s_asked.size() == 1 && s_asked[0] == s_ids[ANNA]);
    CHECK(s_packets[BEN]->AcceptP2PSessionWithUser(s_ids[ANNA]));
    check_packet_comes(BEN, CHANNEL, "hello");
    CHECK(SteamAPI_ISteamNetworking_SendP2PPacket(s_packets[BEN], s_ids[ANNA].ConvertToUint64(), "welcome", 7,
                                                  k_EP2PSendReliableWithBuffering, -1));
    check_packet_comes(ANNA, -1, "welcome");
    CHECK(s_packets[ANNA]->GetP2PSessionState(s_ids[BEN], &state));
    CHECK(state.m_bConnectionActive && !state.m_bConnecting && !state.m_bUsingRelay);
    CHECK((state.m_nRemoteIP == 0) == (state.m_nRemotePort == 0));
}

static void check_sizes()
{
    const std::string largest(MIB + 1, 'x');
    static const EP2PSend kinds[] = {k_EP2PSendUnreliable, k_EP2PSendUnreliableNoDelay, k_EP2PSendReliable,
                                     k_EP2PSendReliableWithBuffering};
    for (size_t i = 0; i < 4; ++i) {
        const uint32 most = i < 2 ? 1200 : MIB;
        CHECK(!s_packets[ANNA]->SendP2PPacket(s_ids[BEN], largest.data(), most + 1, kinds[i], 0));
        CHECK(s_packets[ANNA]->SendP2PPacket(s_ids[BEN], largest.data(), most, kinds[i], 0));
        check_packet_comes(BEN, 0, largest.substr(0, most));
    }
    CHECK(!s_packets[ANNA]->SendP2PPacket(s_ids[BEN], "x", 1, static_cast<EP2PSend>(4), 0));
    CHECK(!s_packets[ANNA]->SendP2PPacket(s_ids[BEN], nullptr, 1, k_EP2PSendReliable, 0));
    CHECK(!s_packets[ANNA]->SendP2PPacket(CSteamID(), "x", 1, k_EP2PSendReliable, 0));
    CHECK(!s_packets[ANNA]->AcceptP2PSessionWithUser(CSteamID()));
}

static void check_small_buffers()
{
    CHECK(s_packets[ANNA]->SendP2PPacket(s_ids[BEN], "abcdef", 6, k_EP2PSendReliable, 0));
    uint32 size = 0;
    until([&] { return s_packets[BEN]->IsP2PPacketAvailable(&size, 0); });
    CHECK(s_packets[BEN]->IsP2PPacketAvailable(nullptr, 0));
    char buffer[4] = {'?', '?', '?', '?'};
    CHECK(s_packets[BEN]->ReadP2PPacket(buffer, 3, &size, nullptr, 0));
    CHECK_EQ(size, 3);
    CHECK(std::string(buffer, 4) == "abc?");
    CHECK(!s_packets[BEN]->IsP2PPacketAvailable(&size, 0));
    CHECK_EQ(size, 0);
    CHECK(s_packets[ANNA]->SendP2PPacket(s_ids[BEN], nullptr, 0, k_EP2PSendReliable, 0));
    until([&] { return s_packets[BEN]->IsP2PPacketAvailable(&size, 0); });
    CHECK(s_packets[BEN]->ReadP2PPacket(nullptr, 0, nullptr, nullptr, 0));
}

static void check_channels()
{
    // What comes back says that all has come: else the end would be told as a failure, as packets may have been lost.
    CHECK(s_packets[BEN]->SendP2PPacket(s_ids[ANNA], "bye", 3, k_EP2PSendReliable, CHANNEL));
    check_packet_comes(ANNA, CHANNEL, "bye");
    CHECK(!s_packets[BEN]->CloseP2PChannelWithUser(s_ids[ANNA], 99));
    CHECK(s_packets[BEN]->CloseP2PChannelWithUser(s_ids[ANNA], CHANNEL));
    CHECK(s_packets[BEN]->CloseP2PChannelWithUser(s_ids[ANNA], -1));
    CHECK(is_active(BEN));
    CHECK(s_packets[BEN]->CloseP2PChannelWithUser(s_ids[ANNA], 0));
    CHECK(!is_active(BEN));
    CHECK(!s_packets[BEN]->CloseP2PSessionWithUser(s_ids[ANNA]));
    until([] { return !is_active(ANNA); });
    CHECK(s_failed.empty());
}

static void check_refusal()
{
    s_asked.clear();
    CHECK(s_packets[ANNA]->AllowP2PPacketRelay(false));
    CHECK(s_packets[ANNA]->SendP2PPacket(s_ids[BEN], "?", 1, k_EP2PSendReliable, 0));
    until([] { return !s_asked.empty(); });
    CHECK(s_packets[BEN]->CloseP2PSessionWithUser(s_ids[ANNA]));
    until([] { return !s_failed.empty(); });
    CHECK(s_failed.size() == 1 && s_failed[0].m_steamIDRemote == s_ids[BEN]);
    CHECK_EQ(s_failed[0].m_eP2PSessionError, k_EP2PSessionErrorTimeout);
    P2PSessionState_t state;
    CHECK(s_packets[ANNA]->GetP2PSessionState(s_ids[BEN], &state));
    CHECK_EQ(state.m_eP2PSessionError, k_EP2PSessionErrorTimeout);
    CHECK(!state.m_bConnectionActive && !state.m_bConnecting);
    CHECK(s_packets[ANNA]->AllowP2PPacketRelay(true));
    // It begins anew by itself.
    CHECK(s_packets[ANNA]->SendP2PPacket(s_ids[BEN], "again", 5, k_EP2PSendReliable, 0));
    CHECK(s_packets[BEN]->SendP2PPacket(s_ids[ANNA], "now", 3, k_EP2PSendReliable, 0));
    check_packet_comes(BEN, 0, "again");
    check_packet_comes(ANNA, 0, "now");
}

int main()
{
    start();
    check_talk();
    check_sizes();
    check_small_buffers();
    check_channels();
    check_refusal();
    GameNetworkingSockets_Kill();
    CHECK_EQ(s_released, s_made);
    CHECK(SteamAPI_SteamNetworking_v006() == nullptr);
    return CHECK_DONE();
}
