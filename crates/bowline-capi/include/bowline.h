/* What Bowline offers beyond GameNetworkingSockets, for C and C++.
 *
 * Everything of GameNetworkingSockets is in steam/ beside this file. What is declared here is exported by
 * Bowline's library only: a program that uses it does not run on Valve's.
 *
 * All functions may be called from any thread. A null `self`, an unknown handle or a null pointer where one
 * is needed is answered with the failure that the function documents; nothing is changed then. Times are
 * in microseconds where a name ends in `us`, and in milliseconds where it ends in `ms`.
 */
#ifndef BOWLINE_H
#define BOWLINE_H

#include <stdbool.h>
#include <stdint.h>

#include "steam/isteamnetworking.h"
#include "steam/steamnetworkingtypes.h"

#if defined(_WIN32) && !defined(STEAMNETWORKINGSOCKETS_STATIC_LINK) && !defined(STEAMNETWORKINGSOCKETS_FOREXPORT)
#define BOWLINE_API __declspec(dllimport)
#else
#define BOWLINE_API
#endif

#ifdef __cplusplus
class ISteamNetworkingSockets;
extern "C" {
#else
typedef struct ISteamNetworkingSockets ISteamNetworkingSockets;
#endif

/* ---- The library ---------------------------------------------------------------------------------- */

/* The version of Bowline, like "0.1.0". Never null, valid for ever. */
BOWLINE_API const char *Bowline_Version(void);

/* Generations of the interface, by the release of GameNetworkingSockets that began them. */
enum {
    /* v1.1 to v1.4: SendMessages has no `bDeleteFailedMessages`, and acts as if it were true. */
    k_nBowlineAbiGeneration_1_4 = 14,
    /* v1.5 and later. The default. */
    k_nBowlineAbiGeneration_1_5 = 15
};

/* The generation that the library behaves as. */
BOWLINE_API int Bowline_GetAbiGeneration(void);

/* Behave as this generation from now on, for the whole process. False if it is none of the above.
 *
 * For a host that loads programs it did not compile. The environment variable BOWLINE_GNS_ABI ("1.4")
 * does the same from outside, before the library is first used. */
BOWLINE_API bool Bowline_SetAbiGeneration(int nGeneration);

/* How many times a bug of the library was caught at the boundary since it was loaded: each is logged, and
 * the call that met it fails. 0 in a healthy process. */
BOWLINE_API uint32_t Bowline_GetCaughtPanics(void);

/* ---- Waiting instead of polling ------------------------------------------------------------------- */

/* Waits until a callback or a message waits to be read, at most `msTimeout`; negative waits for ever. True
 * if one does.
 *
 * Meanwhile the calling thread does the work of the service thread, so that a message goes from the
 * network to its reader without a hand-over. A message that is left unread makes every further wait
 * return at once. False at once without a `self`. */
BOWLINE_API bool Bowline_Wait(ISteamNetworkingSockets *self, int msTimeout);

/* The same for the messages of one poll group. False at once for an unknown group, or when the group is
 * destroyed meanwhile. */
BOWLINE_API bool Bowline_WaitOnPollGroup(ISteamNetworkingSockets *self, HSteamNetPollGroup hPollGroup, int msTimeout);

/* Waits until all connections that were closed with linger have delivered what was sent reliably or gave
 * up, at most `msTimeout`; negative waits for ever. True if none lingers any more. For a program that is
 * about to end: GameNetworkingSockets_Kill ends lingering. */
BOWLINE_API bool Bowline_WaitForLinger(ISteamNetworkingSockets *self, int msTimeout);

/* What an event loop watches. On Unix a file descriptor for poll, epoll or kqueue; on Windows a
 * manual-reset event for WaitForMultipleObjects. */
#ifdef _WIN32
typedef void *BowlineWaitHandle;
#else
typedef int BowlineWaitHandle;
#endif

/* Gives a handle that is readable (signalled) while a callback or a message waits to be read; in manual
 * poll mode, while SteamNetworkingSockets_Poll has something to do. Only to be watched: never read, reset
 * or close it. It is the same at each call as long as the poll mode is, so ask again after
 * SteamNetworkingSockets_SetManualPollMode, and valid until GameNetworkingSockets_Kill.
 *
 * False if the system has no more handles. `*pOutHandle` is left alone then. */
BOWLINE_API bool Bowline_GetWaitHandle(ISteamNetworkingSockets *self, BowlineWaitHandle *pOutHandle);

/* In manual poll mode, how many microseconds until the next timer: call SteamNetworkingSockets_Poll not later than
 * that. -1 if there is none. */
BOWLINE_API SteamNetworkingMicroseconds Bowline_GetNextTimeout(ISteamNetworkingSockets *self);

/* ---- Sending -------------------------------------------------------------------------------------- */

/* How to send a message. Set all to zero, then `size` to sizeof( BowlineSendOptions ), then what is
 * wanted. */
typedef struct BowlineSendOptions {
    /* sizeof( BowlineSendOptions ), so that later versions can add to it. */
    uint32_t size;
    /* k_nSteamNetworkingSend_* flags. */
    int32_t flags;
    /* Drop the message instead of sending it when it is older than this; 0 for never. Unreliable messages
     * of at most 16,500 bytes only. */
    int64_t deadline_us;
    /* With `replaces`: take the place of a message with the same key that still waits in the same lane.
     * Unreliable messages of at most 16,500 bytes only. */
    uint64_t replace_key;
    /* The lane, as configured by ConfigureConnectionLanes; 0 is always there. */
    uint16_t lane;
    /* Whether `replace_key` counts: 0 or 1. */
    uint8_t replaces;
    /* Zero. */
    uint8_t reserved[5];
} BowlineSendOptions;

/* Sends a copy of `cbData` bytes. `pOptions` may be null, for an unreliable message on lane 0;
 * `pOutMessageNumber` may be null.
 *
 * The results are those of SendMessageToConnection, and k_EResultInvalidParam for options that do not go
 * together: a deadline or a key with a reliable message, a negative deadline, an unknown `size` or lane. */
BOWLINE_API EResult Bowline_SendMessage(ISteamNetworkingSockets *self, HSteamNetConnection hConn, const void *pData,
                                        uint32_t cbData, const BowlineSendOptions *pOptions,
                                        int64_t *pOutMessageNumber);

/* What may be sent in a lane right now. */
typedef struct BowlineSendCapacity {
    /* sizeof( BowlineSendCapacity ), set by the caller. */
    uint32_t size;
    /* The room in the send buffer: the size of the largest message that is taken. */
    uint32_t buffer_bytes;
    /* How many bytes leave at once, with nothing queued before them, at the rate that the path takes. */
    uint32_t at_once_bytes;
    uint32_t reserved;
    /* How long a message that is queued now would wait; -1 if not known. */
    int64_t delay_us;
} BowlineSendCapacity;

/* Tells what may be sent, to fit a game's state to the path. k_EResultNoConnection for an unknown or
 * ended connection, k_EResultInvalidParam for a lane that is not configured, a null `pOut` or an unknown
 * `size`. */
BOWLINE_API EResult Bowline_GetSendCapacity(ISteamNetworkingSockets *self, HSteamNetConnection hConn, int nLane,
                                            BowlineSendCapacity *pOut);

/* Calls `fnCallback` in RunCallbacks when there is room again after a send was refused with
 * k_EResultLimitExceeded: half of the buffer is free, and the largest refused message fits. Once per
 * refusal. Null stops it. False without a `self`. */
typedef void (*FnBowlineWritable)(HSteamNetConnection hConn, void *pContext);
BOWLINE_API bool Bowline_SetWritableCallback(ISteamNetworkingSockets *self, FnBowlineWritable fnCallback,
                                             void *pContext);

/* ---- Packets of the legacy interface -------------------------------------------------------------- */

/* Calls `fnCallback` in RunCallbacks of the ISteamNetworkingSockets with the same identity when a user wants to send
 * packets: accept the session, send something, or close it. Again about every 10 s while the user keeps asking. Users whose
 * identity is no SteamID are not told of. Null stops it. False without a `self`. */
typedef void (*FnBowlineP2PSessionRequest)(P2PSessionRequest_t *pRequest, void *pContext);
BOWLINE_API bool Bowline_SetP2PSessionRequestCallback(ISteamNetworking *self, FnBowlineP2PSessionRequest fnCallback,
                                                      void *pContext);

/* The same when a user was not reached within 20 s, or not any more. What waited is gone; the next packet begins anew. */
typedef void (*FnBowlineP2PSessionConnectFail)(P2PSessionConnectFail_t *pFail, void *pContext);
BOWLINE_API bool Bowline_SetP2PSessionConnectFailCallback(ISteamNetworking *self,
                                                          FnBowlineP2PSessionConnectFail fnCallback, void *pContext);

/* ---- Receiving ------------------------------------------------------------------------------------ */

/* Has unreliable messages dropped on arrival that are older than one that came before on the same lane; on
 * all lanes with `nLane` -1. The peer need not know. k_EResultNoConnection for an unknown connection,
 * k_EResultInvalidParam for a lane outside -1..254. */
BOWLINE_API EResult Bowline_SetSequenced(ISteamNetworkingSockets *self, HSteamNetConnection hConn, int nLane,
                                         bool bSequenced);

/* ---- Who we are and whom we trust ------------------------------------------------------------------ */

/* In this part `pszErrMsg` is a SteamNetworkingErrMsg (1024 bytes) that is told in words why a function
 * returned false, or null. The trust store is one for all interfaces of the process; it lives until
 * GameNetworkingSockets_Kill and counts for connections made from then on. */

/* The length of an Ed25519 public key. */
enum { k_cbBowlinePublicKey = 32 };

/* Adds one certificate to the trust store: a root that signed itself, or an authority below one. Text
 * ("-----BEGIN STEAMDATAGRAM CERT-----", or only its base64) or the bytes of one. False if it cannot be
 * the certificate of an authority, or there are too many. */
BOWLINE_API bool Bowline_AddTrustedCert(const void *pCert, uint32_t cbCert, char *pszErrMsg);

/* Trusts this key to vouch for anybody. */
BOWLINE_API bool Bowline_AddTrustedRoot(const uint8_t *pPublicKey, char *pszErrMsg);

/* Signs in to a hub: a server that says who we are, has a certificate for us, and carries signals, so that
 * ConnectP2P needs no more than an identity. Returns at once: GetAuthenticationStatus and its callback tell
 * how it goes.
 *
 * `pszHub` is where it is, "name:port", or several with commas between them; `pszKey` its key as it shows it,
 * "ssh-ed25519 AAAA...", or its identity if somebody we trust vouches for that. `pszLogin` is how we prove who we
 * are: null or "anonymous", "dev", "jwt:TOKEN", "hook:TICKET", "shared-key:NAME:KEY", or "game-server-key:" and a private
 * key as OpenSSH writes it. `pszIdentity` is who we want to be, like "str:anna", where the login does not
 * say it; null for who the interface is. False if one of them is malformed: `pszErrMsg`, unless null, says
 * which (room for 1024 characters).
 *
 * A program that does not call this signs in all the same if the environment has BOWLINE_HUB (as `pszHub`),
 * BOWLINE_HUB_KEY, and perhaps BOWLINE_HUB_LOGIN or BOWLINE_HUB_LOGIN_FILE, BOWLINE_HUB_IDENTITY,
 * BOWLINE_HUB_AUTHORITY (a key to trust) and BOWLINE_HUB_CONFIG_KEY (the only key whose word on the network
 * counts): with InitAuthentication, or as soon as it calls or listens for peers.
 * For the interface of a game server they begin with BOWLINE_HUB_SERVER: BOWLINE_HUB_SERVER_KEY, and so on. */
BOWLINE_API bool Bowline_SignIn(ISteamNetworkingSockets *self, const char *pszHub, const char *pszKey,
                                const char *pszLogin, const char *pszIdentity, char *pszErrMsg);

/* Signs out, and forgets the hub and what it has told about the network. Connections stay, and the certificate for as
 * long as it holds. */
BOWLINE_API void Bowline_SignOut(ISteamNetworkingSockets *self);

/* Trusts a key no longer, for good: an authority's with all below it, or a peer's. False if too many are
 * revoked. */
BOWLINE_API bool Bowline_RevokeKey(uint64_t ulKeyID, char *pszErrMsg);

/* Trusts nobody any more, and forgets what was revoked. */
BOWLINE_API void Bowline_ClearTrust(void);

/* The Ed25519 key that our certificates are about, 32 bytes, for peers that pin it with
 * Bowline_ConnectToKey. False, with the bytes left alone, as long as there was neither a certificate nor
 * a request for one. */
BOWLINE_API bool Bowline_GetPublicKey(ISteamNetworkingSockets *self, uint8_t *pOutPublicKey);

/* ConnectByIPAddress to a peer that must prove, by a certificate of somebody we trust, that it is
 * `pIdentity`. If it does not, the connection ends with 4003, and no message has left this machine.
 * k_HSteamNetConnection_Invalid as with ConnectByIPAddress, and for a null or invalid identity. */
BOWLINE_API HSteamNetConnection Bowline_ConnectToIdentity(ISteamNetworkingSockets *self,
                                                          const SteamNetworkingIPAddr *pAddress,
                                                          const SteamNetworkingIdentity *pIdentity, int nOptions,
                                                          const SteamNetworkingConfigValue_t *pOptions);

/* The same to a peer that must hold the private half of this key, 32 bytes, which needs no authority. */
BOWLINE_API HSteamNetConnection Bowline_ConnectToKey(ISteamNetworkingSockets *self,
                                                     const SteamNetworkingIPAddr *pAddress, const uint8_t *pPublicKey,
                                                     int nOptions, const SteamNetworkingConfigValue_t *pOptions);

/* Calls `fnCallback` in RunCallbacks when a third of the life of our own certificate is left: have a new
 * one signed and hand it to SetCertificate. Once per certificate. Null stops it. False without a
 * `self`. */
typedef void (*FnBowlineCertificateExpiring)(uint64_t expiry_unix_secs, void *pContext);
BOWLINE_API bool Bowline_SetCertificateExpiringCallback(ISteamNetworkingSockets *self,
                                                        FnBowlineCertificateExpiring fnCallback, void *pContext);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* BOWLINE_H */
