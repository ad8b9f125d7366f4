//! GNS's messages to identities (`ISteamNetworkingMessages`), with signals as in [`p2p`](super::p2p).

use std::ffi::{c_int, c_void};
use std::mem;
use std::ptr;
use std::sync::{Mutex, PoisonError};

use gns::sys;

use crate::gns::library::Library;
use crate::gns::{Gns, convert, p2p};
use crate::host::Received;

use sys::ESteamNetworkingConfigValue as Value;

/// What GNS tells of sessions.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SessionNews {
    /// This identity wants to send messages.
    Asks(String),
    /// The session with this identity has failed, for this reason.
    Failed(String, i32),
}

/// Makes what carries signals: `FnSteamNetworkingSocketsCreateConnectionSignaling`.
type CreateSignaling = unsafe extern "C" fn(
    *mut sys::ISteamNetworkingSockets,
    *const sys::SteamNetworkingIdentity,
    c_int,
    c_int,
) -> *mut sys::ISteamNetworkingConnectionSignaling;

impl Gns {
    /// Lets peers ask for sessions, and tells of them from now on.
    ///
    /// # Panics
    /// When GNS refuses.
    pub fn open_messages(&self) {
        let callbacks = [
            (
                Value::k_ESteamNetworkingConfig_Callback_CreateConnectionSignaling,
                (create_signaling as CreateSignaling) as *mut c_void,
            ),
            (
                Value::k_ESteamNetworkingConfig_Callback_MessagesSessionRequest,
                on_asked as *mut c_void,
            ),
            (
                Value::k_ESteamNetworkingConfig_Callback_MessagesSessionFailed,
                on_failed as *mut c_void,
            ),
        ];
        for (key, function) in callbacks {
            // SAFETY: the interface lives as long as the process; the function is of the type that the
            // setting has.
            let done = unsafe {
                sys::SteamAPI_ISteamNetworkingUtils_SetGlobalConfigValuePtr(
                    self.library.utils(),
                    key,
                    function,
                )
            };
            assert!(done, "GNS refused {key:?}");
        }
        assert!(!messages().is_null(), "GNS has no messages");
    }

    /// Sends a message; GNS's result.
    pub fn send_to_user(&self, to: &str, channel: i32, flags: i32, data: &[u8]) -> i32 {
        let identity = convert::identity(to);
        let size = u32::try_from(data.len()).expect("scenarios send below 4 GiB");
        // SAFETY: the identity and so many bytes outlive the call.
        let result = unsafe {
            sys::SteamAPI_ISteamNetworkingMessages_SendMessageToUser(
                messages(),
                &identity,
                data.as_ptr().cast(),
                size,
                flags,
                channel,
            )
        };
        result as i32
    }

    /// Takes what has arrived on a channel, with who has sent it.
    pub fn receive_on_channel(&self, channel: i32) -> Vec<(String, Received)> {
        let mut raw = [ptr::null_mut(); 64];
        // SAFETY: the array has room for the count that is passed.
        let count = unsafe {
            sys::SteamAPI_ISteamNetworkingMessages_ReceiveMessagesOnChannel(
                messages(),
                channel,
                raw.as_mut_ptr(),
                raw.len() as c_int,
            )
        };
        let count = usize::try_from(count).unwrap_or(0);
        let taken = raw.into_iter().take(count).map(|message| {
            // SAFETY: GNS gave this message to us just now; it is released once.
            unsafe {
                assert_eq!((*message).m_nChannel, channel);
                assert_eq!((*message).m_conn, 0, "the connection is hidden");
                let peer = convert::identity_text(&(*message).m_identityPeer);
                let received = convert::received(&*message);
                sys::SteamAPI_SteamNetworkingMessage_t_Release(message);
                (peer, received)
            }
        });
        taken.collect()
    }

    /// Lets a peer have the session that it asks for.
    pub fn accept_session(&self, peer: &str) -> bool {
        let identity = convert::identity(peer);
        // SAFETY: the identity outlives the call.
        unsafe {
            sys::SteamAPI_ISteamNetworkingMessages_AcceptSessionWithUser(messages(), &identity)
        }
    }

    /// Ends a session.
    pub fn close_session(&self, peer: &str) -> bool {
        let identity = convert::identity(peer);
        // SAFETY: the identity outlives the call.
        unsafe {
            sys::SteamAPI_ISteamNetworkingMessages_CloseSessionWithUser(messages(), &identity)
        }
    }

    /// Ends a channel of a session.
    pub fn close_channel(&self, peer: &str, channel: i32) -> bool {
        let identity = convert::identity(peer);
        // SAFETY: the identity outlives the call.
        unsafe {
            sys::SteamAPI_ISteamNetworkingMessages_CloseChannelWithUser(
                messages(),
                &identity,
                channel,
            )
        }
    }

    /// The state of a session, as GNS's number; 0 for none.
    pub fn session_state(&self, peer: &str) -> i32 {
        let identity = convert::identity(peer);
        // SAFETY: all zeros is a valid value of both plain C structures, which GNS fills.
        let state = unsafe {
            let (mut info, mut status) = (mem::zeroed(), mem::zeroed());
            sys::SteamAPI_ISteamNetworkingMessages_GetSessionConnectionInfo(
                messages(),
                &identity,
                &mut info,
                &mut status,
            )
        };
        state as i32
    }

    /// What was told of sessions since the last call.
    pub fn take_session_news(&self) -> Vec<SessionNews> {
        mem::take(&mut *NEWS.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

static NEWS: Mutex<Vec<SessionNews>> = Mutex::new(Vec::new());

fn messages() -> *mut sys::ISteamNetworkingMessages {
    Library::start(None);
    // SAFETY: the library runs as long as the process.
    unsafe { sys::SteamAPI_SteamNetworkingMessages_v002() }
}

unsafe extern "C" fn create_signaling(
    _sockets: *mut sys::ISteamNetworkingSockets,
    peer: *const sys::SteamNetworkingIdentity,
    _local_port: c_int,
    _remote_port: c_int,
) -> *mut sys::ISteamNetworkingConnectionSignaling {
    // SAFETY: GNS passes a valid identity for the time of the call.
    p2p::signaling(convert::identity_text(unsafe { &*peer }))
}

unsafe extern "C" fn on_asked(asked: *mut sys::SteamNetworkingMessagesSessionRequest_t) {
    // SAFETY: GNS passes a valid structure for the time of the call.
    let peer = unsafe { ptr::addr_of!((*asked).m_identityRemote).read_unaligned() };
    note(SessionNews::Asks(convert::identity_text(&peer)));
}

unsafe extern "C" fn on_failed(failed: *mut sys::SteamNetworkingMessagesSessionFailed_t) {
    // SAFETY: as above.
    let info = unsafe { ptr::addr_of!((*failed).m_info).read_unaligned() };
    let peer = convert::identity_text(&info.m_identityRemote);
    note(SessionNews::Failed(peer, info.m_eEndReason));
}

fn note(news: SessionNews) {
    NEWS.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(news);
}
