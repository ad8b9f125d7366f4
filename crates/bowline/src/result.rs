//! Which result code of GNS's interface each error of this library is.

use bowline_core::address::PeerAddrError;
use bowline_core::cert::CertError;
use bowline_core::cert::credentials::CredentialsError;
use bowline_core::cert::date::UnixTimeError;
use bowline_core::cert::keypair::KeyError;
use bowline_core::cert::request::RequestError;
use bowline_core::cert::signed::SignedCertificateError;
use bowline_core::cert::store::TrustFileError;
use bowline_core::config::ConfigError;
use bowline_core::connection::ConnectionState;
use bowline_core::identity::IdentityError;
use bowline_core::limits::MAX_MESSAGE;
use bowline_core::limits::MAX_UNRELIABLE_SEND;
use bowline_core::pop::PopIdError;
use bowline_core::result_code::ResultCode;

use crate::batch::Unsent;
use crate::batch::UnsentReason;
use crate::debug_output::DebugOutputError;
use crate::error::AcceptError;
use crate::error::BuildError;
use crate::error::ConnectError;
use crate::error::ConnectP2pError;
use crate::error::ConnectWithinError;
use crate::error::LaneError;
use crate::error::ListenError;
use crate::error::ListenP2pError;
use crate::error::NoSuchConnection;
use crate::error::PairError;
use crate::error::PollGroupError;
use crate::error::SendError;
use crate::error::SettingError;
use crate::error::SignalError;
use crate::error::StatusError;
use crate::utils::FakeIpError;
use crate::utils::PingLocationError;

/// What is a result code to those who speak GNS's interface.
///
/// Each error of an operation is the code that GNS's function of that name returns in the case. Where
/// that function only says `false` or gives no handle, the code is the nearest one.
///
/// ```
/// use bowline::{ResultCode, Sockets, ToResult};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let sockets = Sockets::new()?;
/// let refused = sockets.connect("127.0.0.1:0".parse()?);
/// assert_eq!(refused.result(), ResultCode::InvalidParam);
/// # Ok(())
/// # }
/// ```
pub trait ToResult {
    /// The result code.
    fn result(&self) -> ResultCode;
}

/// [`ResultCode::Ok`], or the code of the error.
impl<T, E: ToResult> ToResult for Result<T, E> {
    fn result(&self) -> ResultCode {
        match self {
            Ok(_) => ResultCode::Ok,
            Err(error) => error.result(),
        }
    }
}

/// As `GetConnectionRealTimeStatus` says it. The operations that have an error type of their own say
/// what GNS's functions of their names say, which is not the same for all.
impl ToResult for NoSuchConnection {
    fn result(&self) -> ResultCode {
        ResultCode::NoConnection
    }
}

impl ToResult for BuildError {
    fn result(&self) -> ResultCode {
        match self {
            Self::Entropy(_) | Self::Poller(_) | Self::Thread(_) => ResultCode::Fail,
            Self::ServiceThreads { .. } => ResultCode::InvalidParam,
            Self::Config(error) => error.result(),
            Self::Certificate(error) => error.result(),
        }
    }
}

impl ToResult for CredentialsError {
    fn result(&self) -> ResultCode {
        match self {
            Self::Cert(error) => error.result(),
            Self::Expired { .. } => ResultCode::Expired,
            _ => ResultCode::InvalidParam,
        }
    }
}

impl ToResult for CertError {
    fn result(&self) -> ResultCode {
        match self {
            Self::Expired | Self::AuthorityExpired => ResultCode::Expired,
            Self::Revoked => ResultCode::Revoked,
            Self::StoreFull => ResultCode::LimitExceeded,
            _ => ResultCode::InvalidParam,
        }
    }
}

impl ToResult for ListenError {
    fn result(&self) -> ResultCode {
        match self {
            Self::AddressNotAvailable { .. } | Self::BadAddress { .. } => ResultCode::InvalidParam,
            Self::AddressInUse { .. } | Self::PermissionDenied { .. } | Self::Io { .. } => {
                ResultCode::Fail
            }
            Self::Config(error) => error.result(),
        }
    }
}

impl ToResult for ConnectError {
    fn result(&self) -> ResultCode {
        match self {
            Self::BadAddress { .. } => ResultCode::InvalidParam,
            Self::TooManyConnections | Self::TooManyEvents => ResultCode::LimitExceeded,
            Self::Socket { .. } => ResultCode::Fail,
            Self::Config(error) => error.result(),
        }
    }
}

impl ToResult for ListenP2pError {
    fn result(&self) -> ResultCode {
        match self {
            Self::PortInUse { .. } => ResultCode::DuplicateRequest,
            Self::TooMany => ResultCode::LimitExceeded,
            Self::Config(error) => error.result(),
        }
    }
}

impl ToResult for ConnectP2pError {
    fn result(&self) -> ResultCode {
        match self {
            Self::NoPeer => ResultCode::InvalidParam,
            Self::NoIdentity | Self::NoTransport => ResultCode::InvalidState,
            Self::AlreadyConnected { .. } => ResultCode::DuplicateRequest,
            Self::Gone | Self::NoSignaling => ResultCode::Fail,
            Self::TooManyConnections | Self::PeerBusy | Self::TooManyEvents => {
                ResultCode::LimitExceeded
            }
            Self::Config(error) => error.result(),
        }
    }
}

impl ToResult for ConnectWithinError {
    fn result(&self) -> ResultCode {
        match self {
            Self::NotHere | Self::NotListening { .. } => ResultCode::InvalidParam,
            Self::Refused(error) => error.result(),
        }
    }
}

/// `ReceivedP2PCustomSignal` says `false`.
impl ToResult for SignalError {
    fn result(&self) -> ResultCode {
        match self {
            Self::Dropped(_) => ResultCode::Ignored,
            Self::TooManyEvents => ResultCode::LimitExceeded,
        }
    }
}

impl ToResult for PairError {
    fn result(&self) -> ResultCode {
        match self {
            Self::TooManyConnections | Self::TooManyEvents => ResultCode::LimitExceeded,
            Self::Socket(_) => ResultCode::Fail,
            Self::Config(error) => error.result(),
        }
    }
}

/// As `SendMessages` says it of each message, which has the code with a minus before it, and thus 0 for
/// what was not attempted: [`ResultCode::None`].
impl ToResult for UnsentReason {
    fn result(&self) -> ResultCode {
        match self {
            Self::Failed(error) => error.result(),
            Self::NotAttempted => ResultCode::None,
        }
    }
}

impl ToResult for Unsent {
    fn result(&self) -> ResultCode {
        self.reason.result()
    }
}

/// As `AcceptConnection` says it.
impl ToResult for AcceptError {
    fn result(&self) -> ResultCode {
        match self {
            Self::NoSuchConnection(_) | Self::NotIncoming => ResultCode::InvalidParam,
            Self::WrongState(_) => ResultCode::InvalidState,
            Self::BadCrypt => ResultCode::HandshakeFailed,
        }
    }
}

/// As `SendMessageToConnection` and `FlushMessagesOnConnection` say it. To GNS, a message that the send
/// buffer can never take is one for which there is no room now.
impl ToResult for SendError {
    fn result(&self) -> ResultCode {
        match *self {
            Self::TooLarge { len, max } if len <= MAX_MESSAGE && max != MAX_UNRELIABLE_SEND => {
                ResultCode::LimitExceeded
            }
            Self::NoSuchConnection(_)
            | Self::TooLarge { .. }
            | Self::NoSuchLane { .. }
            | Self::OnlyUnreliable => ResultCode::InvalidParam,
            Self::WrongState(ConnectionState::Connecting | ConnectionState::FindingRoute)
            | Self::NotNow => ResultCode::Ignored,
            Self::WrongState(_) => ResultCode::NoConnection,
            Self::BufferFull { .. } => ResultCode::LimitExceeded,
        }
    }
}

/// As `GetConnectionRealTimeStatus` says it.
impl ToResult for StatusError {
    fn result(&self) -> ResultCode {
        match self {
            Self::NoSuchConnection(_) => ResultCode::NoConnection,
            Self::NoSuchLane { .. } => ResultCode::InvalidParam,
        }
    }
}

/// As `ConfigureConnectionLanes` says it.
impl ToResult for LaneError {
    fn result(&self) -> ResultCode {
        match self {
            Self::NoSuchConnection(_) => ResultCode::NoConnection,
            Self::BadCount(_) | Self::CannotReduce { .. } | Self::ZeroWeight(_) => {
                ResultCode::InvalidParam
            }
            Self::WrongState(_) => ResultCode::InvalidState,
            Self::PeerTooOld(_) => ResultCode::Fail,
        }
    }
}

impl ToResult for PollGroupError {
    fn result(&self) -> ResultCode {
        match self {
            Self::NoSuchConnection(_) | Self::ForeignPollGroup | Self::Ended => {
                ResultCode::InvalidParam
            }
        }
    }
}

impl ToResult for SettingError {
    fn result(&self) -> ResultCode {
        match self {
            Self::NoSuchConnection(_) => ResultCode::InvalidParam,
            Self::Config(error) => error.result(),
        }
    }
}

impl ToResult for DebugOutputError {
    fn result(&self) -> ResultCode {
        match self {
            Self::AnotherSubscriber => ResultCode::Busy,
            Self::Thread(_) => ResultCode::Fail,
        }
    }
}

/// As `GetRealIdentityForFakeIP` says it.
impl ToResult for FakeIpError {
    fn result(&self) -> ResultCode {
        match self {
            Self::Disabled => ResultCode::Disabled,
        }
    }
}

/// Texts that cannot be read are wrong parameters, whatever is wrong with them.
macro_rules! text_errors {
    ($($error:ty),*) => {
        $(
            impl ToResult for $error {
                fn result(&self) -> ResultCode {
                    ResultCode::InvalidParam
                }
            }
        )*
    };
}

text_errors!(
    ConfigError,
    IdentityError,
    KeyError,
    PeerAddrError,
    PingLocationError,
    PopIdError,
    RequestError,
    SignedCertificateError,
    TrustFileError,
    UnixTimeError
);
