//! What tests of the C interface share: the library for the time of a test, and callbacks that are kept.
#![allow(
    clippy::unwrap_used,
    dead_code,
    unreachable_pub,
    clippy::undocumented_unsafe_blocks,
    reason = "not every test uses all of it, and may panic if it cannot go on; pointers lead to locals"
)]

use std::ptr::null;
use std::ptr::null_mut;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::Instant;

use GameNetworkingSockets::abi::identity::RawAddr;
use GameNetworkingSockets::abi::structs::ConnectionHandle;
use GameNetworkingSockets::abi::structs::ListenHandle;
use GameNetworkingSockets::abi::structs::RawConnectionInfo;
use GameNetworkingSockets::abi::structs::RawConnectionStatusChanged;
use GameNetworkingSockets::abi::structs::RawOption;
use GameNetworkingSockets::abi::structs::RawOptionValue;
use GameNetworkingSockets::abi::vtable::Object;
use GameNetworkingSockets::callbacks::StatusChanged;
use GameNetworkingSockets::callbacks::SteamAPI_ISteamNetworkingSockets_RunCallbacks as run_callbacks;
use GameNetworkingSockets::guard;
use GameNetworkingSockets::process::GameNetworkingSockets_Init as init;
use GameNetworkingSockets::process::GameNetworkingSockets_Kill as kill;
use GameNetworkingSockets::sockets::flat::*;
use GameNetworkingSockets::sockets::object::SteamNetworkingSockets_LibV12 as user;

/// The library for the time of one test. The library is one for the process, so tests take turns.
pub struct Session {
    panics: u64,
    _turn: MutexGuard<'static, ()>,
}

impl Session {
    /// Waits for its turn and starts the library.
    pub fn start() -> Self {
        let session = Self::without_library();
        assert!(unsafe { init(null(), null_mut()) });
        session
    }

    /// Waits for its turn only.
    pub fn without_library() -> Self {
        static TURN: Mutex<()> = Mutex::new(());
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        HEARD.lock().unwrap_or_else(PoisonError::into_inner).clear();
        Self {
            panics: guard::panics(),
            _turn: turn,
        }
    }
}

impl Session {
    /// Says that so many panics were made on purpose.
    pub fn expect_panics(mut self, panics: u64) {
        self.panics += panics;
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        unsafe { kill() };
        if !std::thread::panicking() {
            assert_eq!(guard::panics(), self.panics, "the library panicked");
        }
    }
}

/// The players' interface.
pub fn sockets() -> *const Object {
    unsafe { user() }
}

/// A change of a connection, as a callback told it.
#[derive(Clone, Copy, Debug)]
pub struct Heard {
    pub connection: ConnectionHandle,
    pub old: i32,
    pub new: i32,
    pub listener: ListenHandle,
    pub end_reason: i32,
    pub end_debug: EndText,
}

/// Why a connection ended, in words.
#[derive(Clone, Copy)]
pub struct EndText([u8; 128]);

impl std::fmt::Debug for EndText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = std::ffi::CStr::from_bytes_until_nul(&self.0).unwrap();
        text.fmt(f)
    }
}

static HEARD: Mutex<Vec<Heard>> = Mutex::new(Vec::new());

/// A callback that keeps what it is told.
pub unsafe extern "C-unwind" fn hear(told: *mut RawConnectionStatusChanged) {
    let told = unsafe { *told };
    let heard = Heard {
        connection: told.connection,
        old: told.old_state,
        new: told.info.state,
        listener: told.info.listen_socket,
        end_reason: told.info.end_reason,
        end_debug: EndText(told.info.end_debug),
    };
    HEARD.lock().unwrap().push(heard);
}

/// What was heard since the last time.
pub fn heard() -> Vec<Heard> {
    std::mem::take(&mut *HEARD.lock().unwrap())
}

/// Runs callbacks until one is heard that will do, and returns that; forgets those before.
pub fn hear_until(this: *const Object, wanted: impl Fn(&Heard) -> bool) -> Heard {
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        unsafe { run_callbacks(this) };
        let mut all = HEARD.lock().unwrap();
        if let Some(index) = all.iter().position(&wanted) {
            return all.drain(..=index).next_back().unwrap();
        }
        assert!(Instant::now() < end, "nothing of that was heard: {all:?}");
        drop(all);
        std::thread::yield_now();
    }
}

/// The option of creation that installs a callback.
pub fn callback(function: StatusChanged) -> RawOption {
    RawOption {
        key: 201,
        kind: 5,
        value: RawOptionValue {
            pointer: function as *mut _,
        },
    }
}

/// An address on this host.
pub fn local(port: u16) -> RawAddr {
    std::net::SocketAddr::from(([127, 0, 0, 1], port)).into()
}

/// Listens on a free port of this host, with [`hear`] as the callback.
pub fn listen(this: *const Object) -> (ListenHandle, RawAddr) {
    listen_as(this, hear)
}

/// Listens on a free port of this host, with this callback.
pub fn listen_as(this: *const Object, function: StatusChanged) -> (ListenHandle, RawAddr) {
    let option = callback(function);
    for _ in 0..100 {
        let probe = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = probe.local_addr().unwrap().port();
        drop(probe);
        let addr = local(port);
        let handle = unsafe {
            SteamAPI_ISteamNetworkingSockets_CreateListenSocketIP(
                this,
                &raw const addr,
                1,
                &raw const option,
            )
        };
        if handle != 0 {
            return (handle, addr);
        }
    }
    panic!("no port to listen on");
}

/// Starts a connection, with [`hear`] as the callback.
pub fn connect(this: *const Object, addr: RawAddr) -> ConnectionHandle {
    let option = callback(hear);
    let handle = unsafe {
        SteamAPI_ISteamNetworkingSockets_ConnectByIPAddress(
            this,
            &raw const addr,
            1,
            &raw const option,
        )
    };
    assert_ne!(handle, 0);
    handle
}

/// A listen socket and both ends of a connection that is established: listener, client, server.
pub fn connected(this: *const Object) -> (ListenHandle, ConnectionHandle, ConnectionHandle) {
    let (listener, addr) = listen(this);
    let client = connect(this, addr);
    let request = hear_until(this, |heard| heard.new == 1 && heard.connection != client);
    let accept = SteamAPI_ISteamNetworkingSockets_AcceptConnection;
    assert_eq!(unsafe { accept(this, request.connection) }, 1);
    hear_until(this, |heard| heard.new == 3 && heard.connection == client);
    (listener, client, request.connection)
}

/// A pipe of two connections.
pub fn pair(this: *const Object) -> [ConnectionHandle; 2] {
    let mut out = [0; 2];
    let [first, second] = &mut out;
    let make = SteamAPI_ISteamNetworkingSockets_CreateSocketPair;
    assert!(unsafe { make(this, first, second, 0, null(), null()) });
    out
}

/// What a connection is; `None` if there is none.
pub fn info(this: *const Object, handle: ConnectionHandle) -> Option<RawConnectionInfo> {
    let mut info = std::mem::MaybeUninit::zeroed();
    let get = SteamAPI_ISteamNetworkingSockets_GetConnectionInfo;
    unsafe { get(this, handle, info.as_mut_ptr()).then(|| info.assume_init()) }
}

/// Closes a connection, with defaults.
pub fn close(this: *const Object, handle: ConnectionHandle) -> bool {
    unsafe { SteamAPI_ISteamNetworkingSockets_CloseConnection(this, handle, 0, null(), 0) }
}
