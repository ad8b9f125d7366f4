/* Begin and end of the library. */
#ifndef STEAMNETWORKINGSOCKETS_H
#define STEAMNETWORKINGSOCKETS_H

#include <stdarg.h>

#include "isteamnetworkingsockets.h"

/* Starts the library. The identity is who we say we are; null for somebody on this host. False, with the
 * reason, if it cannot. Once it runs, a further call does nothing and returns true. While another thread
 * ends the library it waits for that, except in a function that the end may wait for: of debug output, to
 * free a message's bytes, of a new service thread. There it returns false. */
STEAMNETWORKINGSOCKETS_INTERFACE bool GameNetworkingSockets_Init(const SteamNetworkingIdentity *pIdentity,
                                                                 BOWLINE_REF(SteamNetworkingErrMsg) errMsg);

/* Closes everything without lingering and ends the library; it can be started again. Messages that were
 * taken stay good until they are released. Does nothing if the library does not run. */
STEAMNETWORKINGSOCKETS_INTERFACE void GameNetworkingSockets_Kill(void);

/* Trusts the authority that this certificate is about, a root or one below: text as `bowline cert` and Valve's
 * tool write it, or only its base64. For all interfaces, and connections made from then on. False, with
 * the reason, if it is not such a certificate. Peers without a certificate are taken all the same unless
 * k_ESteamNetworkingConfig_IP_AllowWithoutAuth forbids it. */
STEAMNETWORKINGSOCKETS_INTERFACE bool GameNetworkingSockets_AddTrustedCert(const char *pszCert,
                                                                           BOWLINE_REF(SteamNetworkingErrMsg) errMsg);

/* The app that certificates must be good for, ours and those of peers. Before SetCertificate. */
STEAMNETWORKINGSOCKETS_INTERFACE void GameNetworkingSockets_SetAppID(AppId_t nAppID);

/* With true there is no service thread: the application calls SteamNetworkingSockets_Poll, at least once per
 * frame. With false there is one again. At any time, but not on the service thread. */
STEAMNETWORKINGSOCKETS_INTERFACE void SteamNetworkingSockets_SetManualPollMode(bool bFlag);

/* Does what there is to do, and waits at most so many milliseconds for something to read. Does nothing while
 * there is a service thread. */
STEAMNETWORKINGSOCKETS_INTERFACE void SteamNetworkingSockets_Poll(int msMaxWaitTime);

/* Accepted, and without effect: memory comes from the system, and no lock is held for all of the
 * library. */
STEAMNETWORKINGSOCKETS_INTERFACE void SteamNetworkingSockets_SetCustomMemoryAllocator(void *(*pfn_malloc)(size_t s),
                                                                                      void (*pfn_free)(void *p),
                                                                                      void *(*pfn_realloc)(void *p,
                                                                                                           size_t s));
STEAMNETWORKINGSOCKETS_INTERFACE void
SteamNetworkingSockets_SetLockWaitWarningThreshold(SteamNetworkingMicroseconds usecThreshold);
STEAMNETWORKINGSOCKETS_INTERFACE void
SteamNetworkingSockets_SetLockAcquiredCallback(void (*callback)(const char *tags,
                                                                SteamNetworkingMicroseconds usecWaited));
STEAMNETWORKINGSOCKETS_INTERFACE void
SteamNetworkingSockets_SetLockHeldCallback(void (*callback)(const char *tags,
                                                            SteamNetworkingMicroseconds usecWaited));

/* Called on the service thread when it begins, to set its priority for instance. Set it before
 * GameNetworkingSockets_Init. */
STEAMNETWORKINGSOCKETS_INTERFACE void SteamNetworkingSockets_SetServiceThreadInitCallback(void (*callback)(void));

/* Hands the log, up to a level, to a function before it is made into text; null for the one below. With
 * `bFmt` the message is a format for `ap`; the file is null if there is none. */
typedef void (*FBowlinePreFormatDebugOutput)(ESteamNetworkingSocketsDebugOutputType eType, bool bFmt,
                                             const char *pstrFile, int nLine, const char *pMsg, va_list ap);
STEAMNETWORKINGSOCKETS_INTERFACE void
SteamNetworkingSockets_SetPreFormatDebugOutputHandler(ESteamNetworkingSocketsDebugOutputType eDetailLevel,
                                                      FBowlinePreFormatDebugOutput pfn_Handler);

/* Makes text of a line, and gives it to the function of SetDebugOutputFunction. */
STEAMNETWORKINGSOCKETS_INTERFACE void
SteamNetworkingSockets_DefaultPreFormatDebugOutputHandler(ESteamNetworkingSocketsDebugOutputType eType, bool bFmt,
                                                          const char *pstrFile, int nLine, const char *pMsg,
                                                          va_list ap);

#endif /* STEAMNETWORKINGSOCKETS_H */
