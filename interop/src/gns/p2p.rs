//! GNS's connections by signals, with the plain-C functions for custom signaling.
//!
//! Signals of all connections of the process go into one list, which the owner of the process carries
//! away. GNS calls back from any thread and with its locks held, so the callbacks only take notes.
//!
//! GNS gathers host candidates from all interfaces but the loopback one, and skips 127.0.0.1, ::1 and
//! link-local addresses: two peers on one machine meet at its other addresses, so it must have one.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};
use std::{mem, slice};

use gns::sys;

use crate::gns::library::Library;
use crate::gns::{Gns, convert, handle};
use crate::host::{Link, Options};

use sys::ESteamNetworkingConfigValue as Value;

/// A signal that GNS wants to have delivered.
#[derive(Clone, Debug)]
pub struct Signaled {
    /// The identity that it is for.
    pub to: String,
    /// What is to be delivered.
    pub bytes: Vec<u8>,
}

/// Settings of all connections from now on, by GNS's names.
///
/// # Panics
/// When there is no such setting here, or GNS refuses the value.
pub fn set_global(name: &str, value: &str) {
    let library = Library::start(None);
    let key = match name {
        "LogLevel_P2PRendezvous" => Value::k_ESteamNetworkingConfig_LogLevel_P2PRendezvous,
        "P2P_STUN_ServerList" => Value::k_ESteamNetworkingConfig_P2P_STUN_ServerList,
        "P2P_TURN_PassList" => Value::k_ESteamNetworkingConfig_P2P_TURN_PassList,
        "P2P_TURN_ServerList" => Value::k_ESteamNetworkingConfig_P2P_TURN_ServerList,
        "P2P_TURN_UserList" => Value::k_ESteamNetworkingConfig_P2P_TURN_UserList,
        "P2P_Transport_ICE_Enable" => Value::k_ESteamNetworkingConfig_P2P_Transport_ICE_Enable,
        "TimeoutConnected" => Value::k_ESteamNetworkingConfig_TimeoutConnected,
        "TimeoutInitial" => Value::k_ESteamNetworkingConfig_TimeoutInitial,
        _ => panic!("{name} is not set here"),
    };
    let done = if !name.ends_with("List") {
        let number = value.parse().expect("all but lists are numbers");
        // SAFETY: the interface lives as long as the process.
        unsafe {
            sys::SteamAPI_ISteamNetworkingUtils_SetGlobalConfigValueInt32(
                library.utils(),
                key,
                number,
            )
        }
    } else {
        let text = convert::c_string(value);
        // SAFETY: as above; the text outlives the call.
        unsafe {
            sys::SteamAPI_ISteamNetworkingUtils_SetGlobalConfigValueString(
                library.utils(),
                key,
                text.as_ptr(),
            )
        }
    };
    assert!(done, "GNS refused {name} = {value}");
}

/// Has GNS write all that it logs to the standard error output.
pub fn log_to_stderr() {
    unsafe extern "C" fn log(
        _level: sys::ESteamNetworkingSocketsDebugOutputType,
        text: *const c_char,
    ) {
        // SAFETY: GNS passes a terminated text for the time of the call.
        let text = unsafe { CStr::from_ptr(text) };
        let time = SystemTime::now().duration_since(UNIX_EPOCH);
        let seconds = time.unwrap_or_default().as_secs_f64() % 1_000.0;
        // Nothing can be done about an output that is gone.
        let _ = writeln!(io::stderr(), "GNS {seconds:.4}: {}", text.to_string_lossy());
    }
    let library = Library::start(None);
    let level = sys::ESteamNetworkingSocketsDebugOutputType::k_ESteamNetworkingSocketsDebugOutputType_Verbose;
    // SAFETY: the interface lives as long as the process, and so does the function.
    unsafe {
        sys::SteamAPI_ISteamNetworkingUtils_SetDebugOutputFunction(
            library.utils(),
            level,
            Some(log),
        );
    }
    set_global("LogLevel_P2PRendezvous", &(level as i32).to_string());
}

impl Gns {
    /// Listens on a virtual port for peers that signal.
    ///
    /// # Panics
    /// When GNS refuses.
    pub fn listen_p2p(&mut self, virtual_port: u16, symmetric: bool) {
        let values = p2p_values(symmetric);
        // SAFETY: the interface lives as long as the process; the values outlive the call,
        // and their count is passed along.
        let handle = unsafe {
            sys::SteamAPI_ISteamNetworkingSockets_CreateListenSocketP2P(
                self.library.sockets(),
                c_int::from(virtual_port),
                values.len() as c_int,
                values.as_ptr(),
            )
        };
        assert_ne!(handle, 0, "GNS refused the virtual port {virtual_port}");
        self.listeners.insert(handle);
    }

    /// Connects to a peer by signals. `None` if GNS refuses, as it does for a second symmetric
    /// connection.
    ///
    /// # Panics
    /// When GNS cannot read the identity.
    pub fn connect_p2p(&mut self, to: &str, virtual_port: u16, symmetric: bool) -> Option<Link> {
        let values = p2p_values(symmetric);
        let identity = convert::identity(to);
        // SAFETY: as in `listen_p2p`; GNS takes over the signaling object.
        let handle = unsafe {
            sys::SteamAPI_ISteamNetworkingSockets_ConnectP2PCustomSignaling(
                self.library.sockets(),
                signaling(to.to_owned()),
                &identity,
                c_int::from(virtual_port),
                values.len() as c_int,
                values.as_ptr(),
            )
        };
        if handle == 0 {
            return None;
        }
        self.links.insert(handle);
        Some(Link(u64::from(handle)))
    }

    /// What an authority has to sign, as GNS writes it.
    ///
    /// # Panics
    /// When GNS makes none.
    pub fn certificate_request(&self) -> Vec<u8> {
        let mut request = vec![0_u8; 1024];
        let mut size = request.len() as c_int;
        let mut message: sys::SteamNetworkingErrMsg = [0; 1024];
        // SAFETY: there is room for as many bytes as are announced, and for a message.
        let made = unsafe {
            sys::SteamAPI_ISteamNetworkingSockets_GetCertificateRequest(
                self.library.sockets(),
                &mut size,
                request.as_mut_ptr().cast(),
                &mut message,
            )
        };
        assert!(made, "no request: {}", convert::text(&message));
        request.truncate(usize::try_from(size).expect("requests have a size"));
        request
    }

    /// Presents a certificate from now on.
    ///
    /// # Errors
    /// What GNS says when it refuses it.
    pub fn set_certificate(&mut self, signed: &[u8]) -> Result<(), String> {
        let size = c_int::try_from(signed.len()).expect("certificates are short");
        let mut message: sys::SteamNetworkingErrMsg = [0; 1024];
        // SAFETY: the bytes outlive the call, and there is room for a message.
        let taken = unsafe {
            sys::SteamAPI_ISteamNetworkingSockets_SetCertificate(
                self.library.sockets(),
                signed.as_ptr().cast(),
                size,
                &mut message,
            )
        };
        if taken {
            Ok(())
        } else {
            Err(convert::text(&message))
        }
    }

    /// GNS's `k_nSteamNetworkConnectionInfoFlags` of a connection; 0 of one that is gone.
    pub fn flags(&self, link: Link) -> u32 {
        let info = self.library.info(handle(link));
        info.map_or(0, |info| info.m_nFlags.cast_unsigned())
    }

    /// Hands over a signal; whether GNS found nothing odd in it.
    pub fn receive_signal(&self, bytes: &[u8]) -> bool {
        let size = c_int::try_from(bytes.len()).expect("signals are short");
        // SAFETY: the bytes outlive the call, and the callbacks are plain functions that need no
        // context.
        unsafe {
            sys::SteamAPI_ISteamNetworkingSockets_ReceivedP2PCustomSignal2(
                self.library.sockets(),
                bytes.as_ptr().cast(),
                size,
                std::ptr::null_mut(),
                Some(on_request),
                Some(on_rejection),
            )
        }
    }

    /// The signals that GNS wants to have delivered since the last call.
    pub fn take_signals(&self) -> Vec<Signaled> {
        mem::take(&mut *SIGNALS.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

static SIGNALS: Mutex<Vec<Signaled>> = Mutex::new(Vec::new());

fn p2p_values(symmetric: bool) -> Vec<sys::SteamNetworkingConfigValue_t> {
    let mut values = convert::config_values(&Options::default());
    if symmetric {
        values.push(convert::int_value(
            Value::k_ESteamNetworkingConfig_SymmetricConnect,
            1,
        ));
    }
    values
}

/// An object that sends the signals of one connection to this identity.
pub(super) fn signaling(to: String) -> *mut sys::ISteamNetworkingConnectionSignaling {
    let to = CString::new(to).expect("identities have no zero bytes");
    // SAFETY: the context is a string that `on_release` takes back, once.
    unsafe {
        sys::SteamAPI_ISteamNetworkingSockets_CreateCustomSignaling(
            to.into_raw().cast(),
            Some(on_signal),
            Some(on_release),
        )
    }
}

unsafe extern "C" fn on_signal(
    context: *mut c_void,
    _link: sys::HSteamNetConnection,
    _info: *const sys::SteamNetConnectionInfo_t,
    bytes: *const c_void,
    size: c_int,
) -> bool {
    // SAFETY: the context is the string of `signaling`, which lives until `on_release`.
    let to = unsafe { CStr::from_ptr(context.cast()) };
    // SAFETY: GNS passes so many bytes for the time of the call.
    unsafe { note(to.to_string_lossy().into_owned(), bytes, size) };
    true
}

unsafe extern "C" fn on_release(context: *mut c_void) {
    // SAFETY: the string of `signaling`; GNS releases each object once.
    drop(unsafe { CString::from_raw(context.cast()) });
}

unsafe extern "C" fn on_request(
    _context: *mut c_void,
    _link: sys::HSteamNetConnection,
    peer: *const sys::SteamNetworkingIdentity,
    _virtual_port: c_int,
) -> *mut sys::ISteamNetworkingConnectionSignaling {
    // SAFETY: GNS passes a valid identity for the time of the call.
    signaling(convert::identity_text(unsafe { &*peer }))
}

unsafe extern "C" fn on_rejection(
    _context: *mut c_void,
    peer: *const sys::SteamNetworkingIdentity,
    bytes: *const c_void,
    size: c_int,
) {
    // SAFETY: GNS passes a valid identity, and so many bytes, for the time of the call.
    unsafe { note(convert::identity_text(&*peer), bytes, size) };
}

/// # Safety
/// There must be so many bytes.
unsafe fn note(to: String, bytes: *const c_void, size: c_int) {
    let size = usize::try_from(size).expect("signals have a size");
    // SAFETY: the caller vouches for them.
    let bytes = unsafe { slice::from_raw_parts(bytes.cast::<u8>(), size) }.to_vec();
    SIGNALS
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(Signaled { to, bytes });
}
