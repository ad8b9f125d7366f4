// Settings: at all levels, by all types, and what is out of range.
#include "world.h"

#include <climits>
#include <set>

typedef ESteamNetworkingConfigValue Value;

static ESteamNetworkingGetConfigValueResult get_int32(Value value, ESteamNetworkingConfigScope scope, intptr_t object,
                                                      int32 &result)
{
    size_t size = sizeof(result);
    ESteamNetworkingConfigDataType type = k_ESteamNetworkingConfig_Ptr;
    const auto what = utils()->GetConfigValue(value, scope, object, &type, &result, &size);
    if (what > 0) {
        // The original says nothing about the type of this one.
        CHECK(type == k_ESteamNetworkingConfig_Int32 ||
              (value == k_ESteamNetworkingConfig_MTU_DataSize && !is_bowline()));
        CHECK_EQ(size, sizeof(result));
    }
    return what;
}

static int32 global_int32(Value value)
{
    int32 result = INT_MIN;
    CHECK(get_int32(value, k_ESteamNetworkingConfig_Global, 0, result) > 0);
    return result;
}

static void reset(Value value)
{
    CHECK(utils()->SetConfigValue(value, k_ESteamNetworkingConfig_Global, 0, k_ESteamNetworkingConfig_Int32, nullptr));
}

static void check_defaults_and_clamps()
{
    static const struct {
        Value value;
        int32 normal, least, most;
    } cases[] = {
        {k_ESteamNetworkingConfig_SendBufferSize, 524288, 4096, 0x10000000},
        {k_ESteamNetworkingConfig_SendRateMin, 262144, 1024, 0x10000000},
        {k_ESteamNetworkingConfig_SendRateMax, 262144, 1024, 0x10000000},
        {k_ESteamNetworkingConfig_NagleTime, 5000, 0, 20000},
        {k_ESteamNetworkingConfig_TimeoutInitial, 10000, 0, INT_MAX},
        {k_ESteamNetworkingConfig_TimeoutConnected, 10000, 0, INT_MAX},
        {k_ESteamNetworkingConfig_MTU_PacketSize, 1300, 200, 1300},
        {k_ESteamNetworkingConfig_RecvBufferSize, 1048576, 4096, 0x10000000},
        {k_ESteamNetworkingConfig_RecvBufferMessages, 1000, 2, 0x10000000},
        {k_ESteamNetworkingConfig_RecvMaxMessageSize, 524288, 64, 0x10000000},
        {k_ESteamNetworkingConfig_Unencrypted, 0, 0, 3},
        {k_ESteamNetworkingConfig_SymmetricConnect, 0, 0, 1},
        {k_ESteamNetworkingConfig_IP_AllowWithoutAuth, 2, 0, 2},
        {k_ESteamNetworkingConfig_FakePacketLag_Send, 0, 0, 5000},
    };
    for (const auto &config : cases) {
        CHECK_EQ(global_int32(config.value), config.normal);
        CHECK(utils()->SetGlobalConfigValueInt32(config.value, INT_MIN));
        CHECK_EQ(global_int32(config.value), config.least);
        CHECK(utils()->SetGlobalConfigValueInt32(config.value, INT_MAX));
        CHECK_EQ(global_int32(config.value), config.most);
        reset(config.value);
        CHECK_EQ(global_int32(config.value), config.normal);
    }
}

static void check_types()
{
    const Value nagle = k_ESteamNetworkingConfig_NagleTime;
    CHECK(utils()->SetGlobalConfigValueFloat(nagle, 1234.6f));
    CHECK_EQ(global_int32(nagle), 1235);
    CHECK(utils()->SetGlobalConfigValueString(nagle, "777"));
    CHECK_EQ(global_int32(nagle), 777);
    CHECK(!utils()->SetGlobalConfigValueString(nagle, "many"));
    int64 wide = 4000;
    CHECK(utils()->SetConfigValue(nagle, k_ESteamNetworkingConfig_Global, 0, k_ESteamNetworkingConfig_Int64, &wide));
    CHECK_EQ(global_int32(nagle), 4000);
    wide = 1LL << 40;
    CHECK(!utils()->SetConfigValue(nagle, k_ESteamNetworkingConfig_Global, 0, k_ESteamNetworkingConfig_Int64, &wide));
    CHECK(!utils()->SetGlobalConfigValuePtr(nagle, &wide));
    CHECK_EQ(global_int32(nagle), 4000);
    reset(nagle);

    // A float setting, from an integer.
    const Value loss = k_ESteamNetworkingConfig_FakePacketLoss_Send;
    CHECK(utils()->SetGlobalConfigValueInt32(loss, 250));
    float percent = 0;
    size_t size = sizeof(percent);
    CHECK_EQ(utils()->GetConfigValue(loss, k_ESteamNetworkingConfig_Global, 0, nullptr, &percent, &size),
             k_ESteamNetworkingGetConfigValue_OK);
    CHECK(percent == 100.0f);
    reset(loss);

    // A text setting.
    const Value stun = k_ESteamNetworkingConfig_P2P_STUN_ServerList;
    CHECK(utils()->SetGlobalConfigValueString(stun, "stun.example.com:3478"));
    char text[64] = "";
    size = sizeof(text);
    CHECK_EQ(utils()->GetConfigValue(stun, k_ESteamNetworkingConfig_Global, 0, nullptr, text, &size),
             k_ESteamNetworkingGetConfigValue_OK);
    CHECK_TEXT(text, "stun.example.com:3478");
    CHECK_EQ(size, 22);
    size = 5;
    CHECK_EQ(utils()->GetConfigValue(stun, k_ESteamNetworkingConfig_Global, 0, nullptr, text, &size),
             k_ESteamNetworkingGetConfigValue_BufferTooSmall);
    CHECK_EQ(size, 22);
    size = 0;
    CHECK_EQ(utils()->GetConfigValue(stun, k_ESteamNetworkingConfig_Global, 0, nullptr, nullptr, &size),
             k_ESteamNetworkingGetConfigValue_BufferTooSmall);
    CHECK_EQ(size, 22);
    reset(stun);
}

// What is not set at one level comes from the next wider one.
static void check_levels()
{
    const Value value = k_ESteamNetworkingConfig_SendBufferSize;
    const Peers peers = connect_peers();
    const struct {
        ESteamNetworkingConfigScope scope;
        intptr_t object;
    } levels[] = {{k_ESteamNetworkingConfig_Global, 0},
                  {k_ESteamNetworkingConfig_SocketsInterface, (intptr_t)sockets()},
                  {k_ESteamNetworkingConfig_ListenSocket, (intptr_t)peers.listener},
                  {k_ESteamNetworkingConfig_Connection, (intptr_t)peers.server}};
    int32 is = 0;
    for (int i = 0; i < 4; ++i) {
        const int32 should = 10000 + i;
        CHECK(utils()->SetConfigValue(value, levels[i].scope, levels[i].object, k_ESteamNetworkingConfig_Int32, &should));
        for (int wide = 0; wide < 4; ++wide) {
            const auto how = get_int32(value, levels[wide].scope, levels[wide].object, is);
            CHECK_EQ(how, wide <= i ? k_ESteamNetworkingGetConfigValue_OK
                                    : k_ESteamNetworkingGetConfigValue_OKInherited);
            CHECK_EQ(is, 10000 + (wide < i ? wide : i));
        }
    }
    // The client is not of the listen socket.
    CHECK_EQ(get_int32(value, k_ESteamNetworkingConfig_Connection, peers.client, is),
             k_ESteamNetworkingGetConfigValue_OKInherited);
    CHECK_EQ(is, 10001);
    // And back, level by level.
    for (int i = 3; i > 0; --i) {
        CHECK(utils()->SetConfigValue(value, levels[i].scope, levels[i].object, k_ESteamNetworkingConfig_Int32, nullptr));
        CHECK(get_int32(value, k_ESteamNetworkingConfig_Connection, peers.server, is) > 0);
        CHECK_EQ(is, 10000 + i - 1);
    }
    reset(value);
    CHECK(get_int32(value, k_ESteamNetworkingConfig_Connection, peers.server, is) > 0);
    CHECK_EQ(is, 524288);

    // What cannot be set where.
    int32 one = 1;
    CHECK(!utils()->SetConfigValue(k_ESteamNetworkingConfig_FakePacketLag_Send, k_ESteamNetworkingConfig_Connection,
                                   peers.client, k_ESteamNetworkingConfig_Int32, &one));
    CHECK(!utils()->SetConfigValue(k_ESteamNetworkingConfig_MTU_DataSize, k_ESteamNetworkingConfig_Connection,
                                   peers.client, k_ESteamNetworkingConfig_Int32, &one));
    CHECK(!utils()->SetConfigValue(k_ESteamNetworkingConfig_Invalid, k_ESteamNetworkingConfig_Global, 0,
                                   k_ESteamNetworkingConfig_Int32, &one));
    CHECK(!utils()->SetConfigValue(value, k_ESteamNetworkingConfig_Connection, 0, k_ESteamNetworkingConfig_Int32, &one));
    CHECK(!utils()->SetConfigValue(value, k_ESteamNetworkingConfig_ListenSocket, peers.client,
                                   k_ESteamNetworkingConfig_Int32, &one));
    CHECK_EQ(get_int32(value, k_ESteamNetworkingConfig_Connection, 0, is),
             k_ESteamNetworkingGetConfigValue_BadScopeObj);
    CHECK_EQ(get_int32((Value)1, k_ESteamNetworkingConfig_Global, 0, is), k_ESteamNetworkingGetConfigValue_BadValue);
    // What fits one packet follows the size of packets.
    CHECK(get_int32(k_ESteamNetworkingConfig_MTU_DataSize, k_ESteamNetworkingConfig_Connection, peers.client, is) > 0);
    CHECK_EQ(is, 1200);
    sockets()->CloseConnection(peers.client, 0, nullptr, false);
    sockets()->CloseListenSocket(peers.listener);
}

// Options that a listen socket is made with are those of its connections.
static void check_options()
{
    SteamNetworkingConfigValue_t options[3];
    options[0].SetInt32(k_ESteamNetworkingConfig_SendBufferSize, 20000);
    options[1].SetInt64(k_ESteamNetworkingConfig_ConnectionUserData, 99);
    options[2].SetFloat(k_ESteamNetworkingConfig_NagleTime, 100.0f);
    SteamNetworkingIPAddr address;
    const HSteamListenSocket listener = listen_somewhere(address, 3, options);
    const HSteamNetConnection client = sockets()->ConnectByIPAddress(address, 2, options + 1);
    CHECK(pump_until([&] { return last_request(listener) != k_HSteamNetConnection_Invalid; }));
    const HSteamNetConnection server = last_request(listener);
    int32 is = 0;
    CHECK(get_int32(k_ESteamNetworkingConfig_SendBufferSize, k_ESteamNetworkingConfig_Connection, server, is) > 0);
    CHECK_EQ(is, 20000);
    CHECK_EQ(sockets()->GetConnectionUserData(server), 99);
    CHECK_EQ(sockets()->GetConnectionUserData(client), 99);
    CHECK(get_int32(k_ESteamNetworkingConfig_NagleTime, k_ESteamNetworkingConfig_Connection, client, is) > 0);
    CHECK_EQ(is, 100);
    sockets()->CloseConnection(client, 0, nullptr, false);
    sockets()->CloseListenSocket(listener);

    // One that is bad spoils the call.
    options[1].SetString(k_ESteamNetworkingConfig_NagleTime, "soon");
    CHECK_EQ(sockets()->CreateListenSocketIP(address, 3, options), k_HSteamListenSocket_Invalid);
    CHECK_EQ(sockets()->ConnectByIPAddress(address, 3, options), k_HSteamNetConnection_Invalid);
}

static void check_names()
{
    ESteamNetworkingConfigDataType type = k_ESteamNetworkingConfig_Ptr;
    ESteamNetworkingConfigScope scope = k_ESteamNetworkingConfig_Global;
    const char *name = utils()->GetConfigValueInfo(k_ESteamNetworkingConfig_NagleTime, &type, &scope);
    CHECK(name != nullptr);
    CHECK_TEXT(name ? name : "", "NagleTime");
    CHECK_EQ(type, k_ESteamNetworkingConfig_Int32);
    CHECK_EQ(scope, k_ESteamNetworkingConfig_Connection);
    CHECK(utils()->GetConfigValueInfo((Value)12345, nullptr, nullptr) == nullptr);

    std::set<int> seen;
    Value value = k_ESteamNetworkingConfig_Invalid;
    while ((value = utils()->IterateGenericEditableConfigValues(value, false)) != k_ESteamNetworkingConfig_Invalid) {
        CHECK(seen.insert((int)value).second);
        CHECK(utils()->GetConfigValueInfo(value, &type, &scope) != nullptr);
        CHECK(type != k_ESteamNetworkingConfig_Ptr);
        if (seen.size() > 1000)
            break;
    }
    CHECK(seen.size() > 40);
    CHECK(seen.count((int)k_ESteamNetworkingConfig_NagleTime) == 1);
    CHECK(seen.count((int)k_ESteamNetworkingConfig_Unencrypted) == 0);
}

int main()
{
    check_defaults_and_clamps();
    check_types();
    check_names();
    start();
    check_levels();
    check_options();
    GameNetworkingSockets_Kill();
    return CHECK_DONE();
}
