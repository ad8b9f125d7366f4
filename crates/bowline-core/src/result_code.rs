//! The result codes of GNS's interface, for those who speak it: the C interface and bindings.

use core::fmt;

/// Makes the enum and the table of its names from one list.
macro_rules! result_codes {
    ($($(#[$doc:meta])* $variant:ident = $number:literal $name:literal,)*) => {
        /// What a call of GNS's interface returns, with its numbers and names.
        ///
        /// The operations of this library return errors of their own, which say more; each has its
        /// result code. Those described here are what networking returns; the others are Steam's, and
        /// only have names. GNS e707b3a: steamclientpublic.h, `EResult`.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        #[non_exhaustive]
        #[repr(i32)]
        pub enum ResultCode {
            $(
                #[doc = concat!("`k_EResult", $name, "`, ", stringify!($number), ".")]
                ///
                $(#[$doc])*
                $variant = $number,
            )*
        }

        impl ResultCode {
            /// Every code, in the order of the numbers.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// GNS's name, without the prefix that all of them share.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

impl ResultCode {
    /// The code of that number; `None` if GNS has none.
    pub fn from_number(number: i32) -> Option<Self> {
        let index = Self::ALL.binary_search_by_key(&number, |code| code.number());
        Self::ALL.get(index.ok()?).copied()
    }

    /// The code of that name, without prefix; `None` if GNS has none.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.name() == name)
    }

    /// GNS's number.
    pub const fn number(self) -> i32 {
        self as i32
    }

    /// Whether it says that the call worked.
    pub const fn is_ok(self) -> bool {
        matches!(self, Self::Ok)
    }
}

impl fmt::Display for ResultCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

result_codes! {
    None = 0 "None",
    /// It worked.
    Ok = 1 "OK",
    /// It failed for a reason without a number of its own.
    Fail = 2 "Fail",
    /// There is no connection, or it has ended.
    NoConnection = 3 "NoConnection",
    InvalidPassword = 5 "InvalidPassword",
    LoggedInElsewhere = 6 "LoggedInElsewhere",
    InvalidProtocolVer = 7 "InvalidProtocolVer",
    /// A parameter is wrong, or a handle names nothing.
    InvalidParam = 8 "InvalidParam",
    FileNotFound = 9 "FileNotFound",
    /// Something else is under way.
    Busy = 10 "Busy",
    /// Not possible in the present state.
    InvalidState = 11 "InvalidState",
    InvalidName = 12 "InvalidName",
    InvalidEmail = 13 "InvalidEmail",
    DuplicateName = 14 "DuplicateName",
    AccessDenied = 15 "AccessDenied",
    Timeout = 16 "Timeout",
    Banned = 17 "Banned",
    AccountNotFound = 18 "AccountNotFound",
    InvalidSteamId = 19 "InvalidSteamID",
    /// The service cannot be reached now.
    ServiceUnavailable = 20 "ServiceUnavailable",
    /// Not logged on to the service.
    NotLoggedOn = 21 "NotLoggedOn",
    /// Begun; the answer follows.
    Pending = 22 "Pending",
    EncryptionFailure = 23 "EncryptionFailure",
    InsufficientPrivilege = 24 "InsufficientPrivilege",
    /// Too much of something, a full send buffer for example.
    LimitExceeded = 25 "LimitExceeded",
    Revoked = 26 "Revoked",
    Expired = 27 "Expired",
    AlreadyRedeemed = 28 "AlreadyRedeemed",
    /// Asked for already.
    DuplicateRequest = 29 "DuplicateRequest",
    AlreadyOwned = 30 "AlreadyOwned",
    /// No address was found.
    IpNotFound = 31 "IPNotFound",
    PersistFailed = 32 "PersistFailed",
    LockingFailed = 33 "LockingFailed",
    LogonSessionReplaced = 34 "LogonSessionReplaced",
    /// The connection could not be made.
    ConnectFailed = 35 "ConnectFailed",
    /// The key exchange failed.
    HandshakeFailed = 36 "HandshakeFailed",
    IoFailure = 37 "IOFailure",
    RemoteDisconnect = 38 "RemoteDisconnect",
    ShoppingCartNotFound = 39 "ShoppingCartNotFound",
    Blocked = 40 "Blocked",
    /// Dropped on purpose, as asked.
    Ignored = 41 "Ignored",
    /// Nothing matches.
    NoMatch = 42 "NoMatch",
    AccountDisabled = 43 "AccountDisabled",
    ServiceReadOnly = 44 "ServiceReadOnly",
    AccountNotFeatured = 45 "AccountNotFeatured",
    AdministratorOk = 46 "AdministratorOK",
    ContentVersion = 47 "ContentVersion",
    TryAnotherCm = 48 "TryAnotherCM",
    PasswordRequiredToKickSession = 49 "PasswordRequiredToKickSession",
    AlreadyLoggedInElsewhere = 50 "AlreadyLoggedInElsewhere",
    Suspended = 51 "Suspended",
    Cancelled = 52 "Cancelled",
    DataCorruption = 53 "DataCorruption",
    DiskFull = 54 "DiskFull",
    RemoteCallFailed = 55 "RemoteCallFailed",
    PasswordUnset = 56 "PasswordUnset",
    ExternalAccountUnlinked = 57 "ExternalAccountUnlinked",
    PsnTicketInvalid = 58 "PSNTicketInvalid",
    ExternalAccountAlreadyLinked = 59 "ExternalAccountAlreadyLinked",
    RemoteFileConflict = 60 "RemoteFileConflict",
    IllegalPassword = 61 "IllegalPassword",
    SameAsPreviousValue = 62 "SameAsPreviousValue",
    AccountLogonDenied = 63 "AccountLogonDenied",
    CannotUseOldPassword = 64 "CannotUseOldPassword",
    InvalidLoginAuthCode = 65 "InvalidLoginAuthCode",
    AccountLogonDeniedNoMail = 66 "AccountLogonDeniedNoMail",
    HardwareNotCapableOfIpt = 67 "HardwareNotCapableOfIPT",
    IptInitError = 68 "IPTInitError",
    ParentalControlRestricted = 69 "ParentalControlRestricted",
    FacebookQueryError = 70 "FacebookQueryError",
    ExpiredLoginAuthCode = 71 "ExpiredLoginAuthCode",
    IpLoginRestrictionFailed = 72 "IPLoginRestrictionFailed",
    AccountLockedDown = 73 "AccountLockedDown",
    AccountLogonDeniedVerifiedEmailRequired = 74 "AccountLogonDeniedVerifiedEmailRequired",
    NoMatchingUrl = 75 "NoMatchingURL",
    BadResponse = 76 "BadResponse",
    RequirePasswordReEntry = 77 "RequirePasswordReEntry",
    ValueOutOfRange = 78 "ValueOutOfRange",
    /// Something went wrong that should not be possible.
    UnexpectedError = 79 "UnexpectedError",
    /// Not available in this build or mode.
    Disabled = 80 "Disabled",
    InvalidCegSubmission = 81 "InvalidCEGSubmission",
    RestrictedDevice = 82 "RestrictedDevice",
    RegionLocked = 83 "RegionLocked",
    RateLimitExceeded = 84 "RateLimitExceeded",
    AccountLoginDeniedNeedTwoFactor = 85 "AccountLoginDeniedNeedTwoFactor",
    ItemDeleted = 86 "ItemDeleted",
    AccountLoginDeniedThrottle = 87 "AccountLoginDeniedThrottle",
    TwoFactorCodeMismatch = 88 "TwoFactorCodeMismatch",
    TwoFactorActivationCodeMismatch = 89 "TwoFactorActivationCodeMismatch",
    AccountAssociatedToMultiplePartners = 90 "AccountAssociatedToMultiplePartners",
    NotModified = 91 "NotModified",
    NoMobileDevice = 92 "NoMobileDevice",
    TimeNotSynced = 93 "TimeNotSynced",
    SmsCodeFailed = 94 "SmsCodeFailed",
    AccountLimitExceeded = 95 "AccountLimitExceeded",
    AccountActivityLimitExceeded = 96 "AccountActivityLimitExceeded",
    PhoneActivityLimitExceeded = 97 "PhoneActivityLimitExceeded",
    RefundToWallet = 98 "RefundToWallet",
    EmailSendFailure = 99 "EmailSendFailure",
    NotSettled = 100 "NotSettled",
    NeedCaptcha = 101 "NeedCaptcha",
    GsltDenied = 102 "GSLTDenied",
    GsOwnerDenied = 103 "GSOwnerDenied",
    InvalidItemType = 104 "InvalidItemType",
    IpBanned = 105 "IPBanned",
    GsltExpired = 106 "GSLTExpired",
    InsufficientFunds = 107 "InsufficientFunds",
    TooManyPending = 108 "TooManyPending",
    NoSiteLicensesFound = 109 "NoSiteLicensesFound",
    WgNetworkSendExceeded = 110 "WGNetworkSendExceeded",
    AccountNotFriends = 111 "AccountNotFriends",
    LimitedUserAccount = 112 "LimitedUserAccount",
    CantRemoveItem = 113 "CantRemoveItem",
    AccountDeleted = 114 "AccountDeleted",
    ExistingUserCancelledLicense = 115 "ExistingUserCancelledLicense",
    CommunityCooldown = 116 "CommunityCooldown",
    NoLauncherSpecified = 117 "NoLauncherSpecified",
    MustAgreeToSsa = 118 "MustAgreeToSSA",
    LauncherMigrated = 119 "LauncherMigrated",
    SteamRealmMismatch = 120 "SteamRealmMismatch",
    InvalidSignature = 121 "InvalidSignature",
    ParseFailure = 122 "ParseFailure",
    NoVerifiedPhone = 123 "NoVerifiedPhone",
    InsufficientBattery = 124 "InsufficientBattery",
    ChargerRequired = 125 "ChargerRequired",
    CachedCredentialInvalid = 126 "CachedCredentialInvalid",
    PhoneNumberIsVoip = 127 "PhoneNumberIsVOIP",
    NotSupported = 128 "NotSupported",
    FamilySizeLimitExceeded = 129 "FamilySizeLimitExceeded",
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn result_codes_have_the_numbers_and_names_of_gns() {
        let known = [
            (0, "None"),
            (1, "OK"),
            (2, "Fail"),
            (3, "NoConnection"),
            (8, "InvalidParam"),
            (10, "Busy"),
            (11, "InvalidState"),
            (20, "ServiceUnavailable"),
            (21, "NotLoggedOn"),
            (22, "Pending"),
            (25, "LimitExceeded"),
            (29, "DuplicateRequest"),
            (31, "IPNotFound"),
            (35, "ConnectFailed"),
            (36, "HandshakeFailed"),
            (41, "Ignored"),
            (42, "NoMatch"),
            (79, "UnexpectedError"),
            (80, "Disabled"),
            (108, "TooManyPending"),
            (129, "FamilySizeLimitExceeded"),
        ];
        for (number, name) in known {
            let code = ResultCode::from_number(number).unwrap();
            assert_eq!(code.number(), number);
            assert_eq!(code.to_string(), name);
        }
    }

    #[test]
    fn every_number_to_129_but_4_is_a_result() {
        assert_eq!(ResultCode::ALL.len(), 129);
        for number in 0..=129 {
            assert_eq!(ResultCode::from_number(number).is_some(), number != 4);
        }
        assert!(ResultCode::ALL.is_sorted());
        assert!(ResultCode::Ok.is_ok() && !ResultCode::None.is_ok());
    }

    proptest! {
        #[test]
        fn any_number_and_any_name_can_be_asked_for(number: i32, name: std::string::String) {
            if let Some(code) = ResultCode::from_number(number) {
                prop_assert_eq!(code.number(), number);
            }
            if let Some(code) = ResultCode::from_name(&name) {
                prop_assert_eq!(code.name(), name);
            }
        }

        #[test]
        fn a_code_is_found_by_its_name(index in 0..ResultCode::ALL.len()) {
            let code = ResultCode::ALL[index];
            prop_assert_eq!(ResultCode::from_name(code.name()), Some(code));
        }
    }
}
