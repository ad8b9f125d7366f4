// Sizes, alignments and offsets as a table in the object file, for targets whose programs cannot be run here:
// layout.sh compares the assembly that our headers and those of GameNetworkingSockets give.
#include <steam/isteamnetworkingmessages.h>
#include <steam/isteamnetworkingutils.h>
#include <steam/steamnetworkingcustomsignaling.h>
#include <steam/steamnetworkingsockets.h>
#include <steam/steamnetworkingsockets_flat.h>

#include <stddef.h>

extern const unsigned layout_structs[] = {
#define STRUCT(type) (unsigned)sizeof(type), (unsigned)alignof(type),
#define FIELD(type, field) (unsigned)offsetof(type, field), (unsigned)sizeof(((type *)0)->field),
#define TYPE(type) (unsigned)sizeof(type),
#include "layout_structs.h"
    0};

extern const long long layout_values[] = {
#define VALUE(value) (long long)value,
#define NUMBER(value) (long long)value,
#include "layout_values.h"
    0};
