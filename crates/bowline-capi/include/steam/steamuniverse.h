/* The worlds of Steam accounts, which do not mix. */
#ifndef STEAMUNIVERSE_H
#define STEAMUNIVERSE_H

/* Bits 56 to 63 of a CSteamID. Everybody's account is in k_EUniversePublic. */
typedef enum EUniverse {
    k_EUniverseInvalid = 0,
    k_EUniversePublic = 1,
    k_EUniverseBeta = 2,
    k_EUniverseInternal = 3,
    k_EUniverseDev = 4,
    k_EUniverseMax
} EUniverse;

#endif /* STEAMUNIVERSE_H */
