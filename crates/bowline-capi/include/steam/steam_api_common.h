/* What the interfaces have in common. */
#ifndef STEAM_API_COMMON
#define STEAM_API_COMMON

#include "steamtypes.h"
#include "steamclientpublic.h"

/* Where the numbers of the callbacks of each interface begin. */
enum { k_iSteamNetworkingSocketsCallbacks = 1220 };
enum { k_iSteamNetworkingMessagesCallbacks = 1250 };
enum { k_iSteamNetworkingUtilsCallbacks = 1280 };

/* Handles of the Steam client; nothing here takes them. */
typedef int32 HSteamPipe;
typedef int32 HSteamUser;

/* Notes for tools that read the declarations. They mean nothing to a compiler. */
#define STEAM_CLANG_ATTR(ATTR)
#define STEAM_METHOD_DESC(DESC)
#define STEAM_IGNOREATTR()
#define STEAM_OUT_STRUCT()
#define STEAM_OUT_STRING()
#define STEAM_OUT_ARRAY_CALL(COUNTER, FUNCTION, PARAMS)
#define STEAM_OUT_ARRAY_COUNT(COUNTER, DESC)
#define STEAM_ARRAY_COUNT(COUNTER)
#define STEAM_ARRAY_COUNT_D(COUNTER, DESC)
#define STEAM_BUFFER_COUNT(COUNTER)
#define STEAM_OUT_BUFFER_COUNT(COUNTER)
#define STEAM_OUT_STRING_COUNT(COUNTER)
#define STEAM_DESC(DESC)
#define STEAM_CALL_RESULT(RESULT_TYPE)
#define STEAM_CALL_BACK(RESULT_TYPE)

#endif /* STEAM_API_COMMON */
