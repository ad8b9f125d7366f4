/* Results, and the numbers that name users and games. Decides how callbacks are packed. */
#ifndef STEAMCLIENTPUBLIC_H
#define STEAMCLIENTPUBLIC_H

#include "steamtypes.h"
#include "steamuniverse.h"

#include "bowline/eresult.h"
#include "bowline/client_enums.h"
#include "bowline/steamid.h"

/* A session ticket that this program asked for. */
typedef uint32 HAuthTicket;
BOWLINE_CONST(HAuthTicket, k_HAuthTicketInvalid, 0);

BOWLINE_INT(k_cchGameExtraInfoMax, 64);

typedef void (*PFNPreMinidumpCallback)(void *context);

#define VALVE_COMPILE_TIME_ASSERT(pred) typedef char compile_time_assert_type[(pred) ? 1 : -1];

/* Structs that cross the border of the library are packed to 4 bytes on Unix and to 8 elsewhere. */
#if defined(__linux__) || defined(__APPLE__) || defined(__FreeBSD__) || defined(__OpenBSD__)
#define VALVE_CALLBACK_PACK_SMALL
#else
#define VALVE_CALLBACK_PACK_LARGE
#endif

#ifdef VALVE_CALLBACK_PACK_SMALL
#pragma pack(push, 4)
#else
#pragma pack(push, 8)
#endif

/* Shows which packing a compiler really used: 24 bytes with the small one, 32 with the large one. */
typedef struct ValvePackingSentinel_t {
    uint32 m_u32;
    uint64 m_u64;
    uint16 m_u16;
    double m_d;
} ValvePackingSentinel_t;

#pragma pack(pop)

#ifdef VALVE_CALLBACK_PACK_SMALL
BOWLINE_STATIC_ASSERT(sizeof(ValvePackingSentinel_t) == 24, "callbacks are packed to 4 bytes");
#else
BOWLINE_STATIC_ASSERT(sizeof(ValvePackingSentinel_t) == 32, "callbacks are packed to 8 bytes");
#endif

#endif /* STEAMCLIENTPUBLIC_H */
