/* Enums of Steam that networking does not use, for programs that name them. Part of
 * steamclientpublic.h.
 */
#ifndef BOWLINE_CLIENT_ENUMS_H
#define BOWLINE_CLIENT_ENUMS_H

/* Of the voice functions of Steam. */
typedef enum EVoiceResult {
    k_EVoiceResultOK = 0,
    k_EVoiceResultNotInitialized = 1,
    k_EVoiceResultNotRecording = 2,
    k_EVoiceResultNoData = 3,
    k_EVoiceResultBufferTooSmall = 4,
    k_EVoiceResultDataCorrupted = 5,
    k_EVoiceResultRestricted = 6,
    k_EVoiceResultUnsupportedCodec = 7,
    k_EVoiceResultReceiverOutOfDate = 8,
    k_EVoiceResultReceiverDidNotAnswer = 9
} EVoiceResult;

/* Why a game server turns a player away. */
typedef enum EDenyReason {
    k_EDenyInvalid = 0,
    k_EDenyInvalidVersion = 1,
    k_EDenyGeneric = 2,
    k_EDenyNotLoggedOn = 3,
    k_EDenyNoLicense = 4,
    k_EDenyCheater = 5,
    k_EDenyLoggedInElseWhere = 6,
    k_EDenyUnknownText = 7,
    k_EDenyIncompatibleAnticheat = 8,
    k_EDenyMemoryCorruption = 9,
    k_EDenyIncompatibleSoftware = 10,
    k_EDenySteamConnectionLost = 11,
    k_EDenySteamConnectionError = 12,
    k_EDenySteamResponseTimedOut = 13,
    k_EDenySteamValidationStalled = 14,
    k_EDenySteamOwnerLeftGuestUser = 15
} EDenyReason;

/* Whether a session ticket is taken for checking. */
typedef enum EBeginAuthSessionResult {
    k_EBeginAuthSessionResultOK = 0,
    k_EBeginAuthSessionResultInvalidTicket = 1,
    k_EBeginAuthSessionResultDuplicateRequest = 2,
    k_EBeginAuthSessionResultInvalidVersion = 3,
    k_EBeginAuthSessionResultGameMismatch = 4,
    k_EBeginAuthSessionResultExpiredTicket = 5
} EBeginAuthSessionResult;

/* What the check of a session ticket found. */
typedef enum EAuthSessionResponse {
    k_EAuthSessionResponseOK = 0,
    k_EAuthSessionResponseUserNotConnectedToSteam = 1,
    k_EAuthSessionResponseNoLicenseOrExpired = 2,
    k_EAuthSessionResponseVACBanned = 3,
    k_EAuthSessionResponseLoggedInElseWhere = 4,
    k_EAuthSessionResponseVACCheckTimedOut = 5,
    k_EAuthSessionResponseAuthTicketCanceled = 6,
    k_EAuthSessionResponseAuthTicketInvalidAlreadyUsed = 7,
    k_EAuthSessionResponseAuthTicketInvalid = 8,
    k_EAuthSessionResponsePublisherIssuedBan = 9,
    k_EAuthSessionResponseAuthTicketNetworkIdentityFailure = 10
} EAuthSessionResponse;

/* Whether a user owns an app. */
typedef enum EUserHasLicenseForAppResult {
    k_EUserHasLicenseResultHasLicense = 0,
    k_EUserHasLicenseResultDoesNotHaveLicense = 1,
    k_EUserHasLicenseResultNoAuth = 2
} EUserHasLicenseForAppResult;

/* What kind of account a CSteamID names: its bits 52 to 55. */
typedef enum EAccountType {
    k_EAccountTypeInvalid = 0,
    k_EAccountTypeIndividual = 1,
    k_EAccountTypeMultiseat = 2,
    k_EAccountTypeGameServer = 3,
    k_EAccountTypeAnonGameServer = 4,
    k_EAccountTypePending = 5,
    k_EAccountTypeContentServer = 6,
    k_EAccountTypeClan = 7,
    k_EAccountTypeChat = 8,
    k_EAccountTypeConsoleUser = 9,
    k_EAccountTypeAnonUser = 10,
    k_EAccountTypeMax
} EAccountType;

/* What a line of a chat is. */
typedef enum EChatEntryType {
    k_EChatEntryTypeInvalid = 0,
    k_EChatEntryTypeChatMsg = 1,
    k_EChatEntryTypeTyping = 2,
    k_EChatEntryTypeInviteGame = 3,
    k_EChatEntryTypeEmote = 4,
    k_EChatEntryTypeLeftConversation = 6,
    k_EChatEntryTypeEntered = 7,
    k_EChatEntryTypeWasKicked = 8,
    k_EChatEntryTypeWasBanned = 9,
    k_EChatEntryTypeDisconnected = 10,
    k_EChatEntryTypeHistoricalChat = 11,
    k_EChatEntryTypeLinkBlocked = 14
} EChatEntryType;

/* How entering a chat room went. */
typedef enum EChatRoomEnterResponse {
    k_EChatRoomEnterResponseSuccess = 1,
    k_EChatRoomEnterResponseDoesntExist = 2,
    k_EChatRoomEnterResponseNotAllowed = 3,
    k_EChatRoomEnterResponseFull = 4,
    k_EChatRoomEnterResponseError = 5,
    k_EChatRoomEnterResponseBanned = 6,
    k_EChatRoomEnterResponseLimited = 7,
    k_EChatRoomEnterResponseClanDisabled = 8,
    k_EChatRoomEnterResponseCommunityBan = 9,
    k_EChatRoomEnterResponseMemberBlockedYou = 10,
    k_EChatRoomEnterResponseYouBlockedMember = 11,
    k_EChatRoomEnterResponseRatelimitExceeded = 15
} EChatRoomEnterResponse;

/* What the instance of a chat's CSteamID says. */
typedef enum EChatSteamIDInstanceFlags {
    k_EChatAccountInstanceMask = 0x00000FFF,
    k_EChatInstanceFlagClan = (0x000FFFFF + 1) >> 1,
    k_EChatInstanceFlagLobby = (0x000FFFFF + 1) >> 2,
    k_EChatInstanceFlagMMSLobby = (0x000FFFFF + 1) >> 3
} EChatSteamIDInstanceFlags;

/* In which corner the overlay shows its notes. */
typedef enum ENotificationPosition {
    k_EPositionInvalid = -1,
    k_EPositionTopLeft = 0,
    k_EPositionTopRight = 1,
    k_EPositionBottomLeft = 2,
    k_EPositionBottomRight = 3
} ENotificationPosition;

/* How uploading a broadcast ended. */
typedef enum EBroadcastUploadResult {
    k_EBroadcastUploadResultNone = 0,
    k_EBroadcastUploadResultOK = 1,
    k_EBroadcastUploadResultInitFailed = 2,
    k_EBroadcastUploadResultFrameFailed = 3,
    k_EBroadcastUploadResultTimeout = 4,
    k_EBroadcastUploadResultBandwidthExceeded = 5,
    k_EBroadcastUploadResultLowFPS = 6,
    k_EBroadcastUploadResultMissingKeyFrames = 7,
    k_EBroadcastUploadResultNoConnection = 8,
    k_EBroadcastUploadResultRelayFailed = 9,
    k_EBroadcastUploadResultSettingsChanged = 10,
    k_EBroadcastUploadResultMissingAudio = 11,
    k_EBroadcastUploadResultTooFarBehind = 12,
    k_EBroadcastUploadResultTranscodeBehind = 13,
    k_EBroadcastUploadResultNotAllowedToPlay = 14,
    k_EBroadcastUploadResultBusy = 15,
    k_EBroadcastUploadResultBanned = 16,
    k_EBroadcastUploadResultAlreadyActive = 17,
    k_EBroadcastUploadResultForcedOff = 18,
    k_EBroadcastUploadResultAudioBehind = 19,
    k_EBroadcastUploadResultShutdown = 20,
    k_EBroadcastUploadResultDisconnect = 21,
    k_EBroadcastUploadResultVideoInitFailed = 22,
    k_EBroadcastUploadResultAudioInitFailed = 23
} EBroadcastUploadResult;

/* Why the market is closed to a user: flags. */
typedef enum EMarketNotAllowedReasonFlags {
    k_EMarketNotAllowedReason_None = 0,
    k_EMarketNotAllowedReason_TemporaryFailure = (1 << 0),
    k_EMarketNotAllowedReason_AccountDisabled = (1 << 1),
    k_EMarketNotAllowedReason_AccountLockedDown = (1 << 2),
    k_EMarketNotAllowedReason_AccountLimited = (1 << 3),
    k_EMarketNotAllowedReason_TradeBanned = (1 << 4),
    k_EMarketNotAllowedReason_AccountNotTrusted = (1 << 5),
    k_EMarketNotAllowedReason_SteamGuardNotEnabled = (1 << 6),
    k_EMarketNotAllowedReason_SteamGuardOnlyRecentlyEnabled = (1 << 7),
    k_EMarketNotAllowedReason_RecentPasswordReset = (1 << 8),
    k_EMarketNotAllowedReason_NewPaymentMethod = (1 << 9),
    k_EMarketNotAllowedReason_InvalidCookie = (1 << 10),
    k_EMarketNotAllowedReason_UsingNewDevice = (1 << 11),
    k_EMarketNotAllowedReason_RecentSelfRefund = (1 << 12),
    k_EMarketNotAllowedReason_NewPaymentMethodCannotBeVerified = (1 << 13),
    k_EMarketNotAllowedReason_NoRecentPurchases = (1 << 14),
    k_EMarketNotAllowedReason_AcceptedWalletGift = (1 << 15)
} EMarketNotAllowedReasonFlags;

/* What playing earns under a limit of play time. */
typedef enum EDurationControlProgress {
    k_EDurationControlProgress_Full = 0,
    k_EDurationControlProgress_Half = 1,
    k_EDurationControlProgress_None = 2,
    k_EDurationControl_ExitSoon_3h = 3,
    k_EDurationControl_ExitSoon_5h = 4,
    k_EDurationControl_ExitSoon_Night = 5
} EDurationControlProgress;

/* What the user is told about the limit of play time. */
typedef enum EDurationControlNotification {
    k_EDurationControlNotification_None = 0,
    k_EDurationControlNotification_1Hour = 1,
    k_EDurationControlNotification_3Hours = 2,
    k_EDurationControlNotification_HalfProgress = 3,
    k_EDurationControlNotification_NoProgress = 4,
    k_EDurationControlNotification_ExitSoon_3h = 5,
    k_EDurationControlNotification_ExitSoon_5h = 6,
    k_EDurationControlNotification_ExitSoon_Night = 7
} EDurationControlNotification;

/* How a game takes part in limits of play time. */
typedef enum EDurationControlOnlineState {
    k_EDurationControlOnlineState_Invalid = 0,
    k_EDurationControlOnlineState_Offline = 1,
    k_EDurationControlOnlineState_Online = 2,
    k_EDurationControlOnlineState_OnlineHighPri = 3
} EDurationControlOnlineState;

/* What a branch of an app is: flags. */
typedef enum EBetaBranchFlags {
    k_EBetaBranch_None = 0,
    k_EBetaBranch_Default = 1,
    k_EBetaBranch_Available = 2,
    k_EBetaBranch_Private = 4,
    k_EBetaBranch_Selected = 8,
    k_EBetaBranch_Installed = 16
} EBetaBranchFlags;

/* Of searching a game. */
typedef enum EGameSearchErrorCode_t {
    k_EGameSearchErrorCode_OK = 1,
    k_EGameSearchErrorCode_Failed_Search_Already_In_Progress = 2,
    k_EGameSearchErrorCode_Failed_No_Search_In_Progress = 3,
    k_EGameSearchErrorCode_Failed_Not_Lobby_Leader = 4,
    k_EGameSearchErrorCode_Failed_No_Host_Available = 5,
    k_EGameSearchErrorCode_Failed_Search_Params_Invalid = 6,
    k_EGameSearchErrorCode_Failed_Offline = 7,
    k_EGameSearchErrorCode_Failed_NotAuthorized = 8,
    k_EGameSearchErrorCode_Failed_Unknown_Error = 9
} EGameSearchErrorCode_t;

/* How a match ended for a player. */
typedef enum EPlayerResult_t {
    k_EPlayerResultFailedToConnect = 1,
    k_EPlayerResultAbandoned = 2,
    k_EPlayerResultKicked = 3,
    k_EPlayerResultIncomplete = 4,
    k_EPlayerResultCompleted = 5
} EPlayerResult_t;

/* How IPv6 is tried out. */
typedef enum ESteamIPv6ConnectivityProtocol {
    k_ESteamIPv6ConnectivityProtocol_Invalid = 0,
    k_ESteamIPv6ConnectivityProtocol_HTTP = 1,
    k_ESteamIPv6ConnectivityProtocol_UDP = 2
} ESteamIPv6ConnectivityProtocol;

/* Whether IPv6 works. */
typedef enum ESteamIPv6ConnectivityState {
    k_ESteamIPv6ConnectivityState_Unknown = 0,
    k_ESteamIPv6ConnectivityState_Good = 1,
    k_ESteamIPv6ConnectivityState_Bad = 2
} ESteamIPv6ConnectivityState;

#endif /* BOWLINE_CLIENT_ENUMS_H */
