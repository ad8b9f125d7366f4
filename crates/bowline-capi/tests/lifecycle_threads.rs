//! Start and end of the library while other threads are at work.
#![allow(
    clippy::unwrap_used,
    clippy::undocumented_unsafe_blocks,
    reason = "a test that cannot go on may panic; all pointers lead to locals, or are null"
)]

mod support;

use std::ffi::c_char;
use std::ffi::c_int;
use std::ptr::null;
use std::ptr::null_mut;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;
use std::sync::mpsc::channel;
use std::thread;

use GameNetworkingSockets::abi::vtable::Object;
use GameNetworkingSockets::beyond::*;
use GameNetworkingSockets::callbacks::SteamAPI_ISteamNetworkingSockets_RunCallbacks as run_callbacks;
use GameNetworkingSockets::messages::SteamAPI_ISteamNetworkingSockets_ReceiveMessagesOnConnection as receive;
use GameNetworkingSockets::messages::SteamAPI_ISteamNetworkingSockets_SendMessageToConnection as send;
use GameNetworkingSockets::messages::SteamAPI_SteamNetworkingMessage_t_Release as release;
use GameNetworkingSockets::process::GameNetworkingSockets_Init as init;
use GameNetworkingSockets::process::GameNetworkingSockets_Kill;
use GameNetworkingSockets::process::SteamNetworkingSockets_SetManualPollMode;
use GameNetworkingSockets::sockets::flat::*;
use GameNetworkingSockets::sockets::object::*;
use GameNetworkingSockets::utils::debug::Output;
use GameNetworkingSockets::utils::debug::SteamAPI_ISteamNetworkingUtils_SetDebugOutputFunction;

use support::Session;
use support::close;
use support::local;
use support::pair;
use support::sockets;

fn start() -> bool {
    unsafe { init(null(), null_mut()) }
}

fn kill() {
    unsafe { GameNetworkingSockets_Kill() };
}

fn hear_debug(output: Output) {
    /// `k_ESteamNetworkingSocketsDebugOutputType_Error`.
    const ERROR: c_int = 2;
    unsafe { SteamAPI_ISteamNetworkingUtils_SetDebugOutputFunction(null(), ERROR, Some(output)) };
}

static LINES: AtomicU32 = AtomicU32::new(0);

unsafe extern "C-unwind" fn count_line(_level: c_int, _text: *const c_char) {
    LINES.fetch_add(1, Ordering::SeqCst);
}

/// Whether a line of the library's is heard by `count_line`: that it runs already.
fn is_heard() -> bool {
    let before = LINES.load(Ordering::SeqCst);
    assert!(start());
    // Waits until what is on its way was told.
    unsafe { SteamAPI_ISteamNetworkingUtils_SetDebugOutputFunction(null(), 0, None) };
    LINES.load(Ordering::SeqCst) > before
}

/// Waits until another thread sleeps, having said by its message that it is about to.
fn sleeps(tid: &std::path::Path) {
    let path = std::path::Path::new("/proc").join(tid).join("stat");
    loop {
        let stat = std::fs::read_to_string(&path).unwrap();
        let (_, state) = stat.rsplit_once(") ").unwrap();
        if state.starts_with('S') {
            return;
        }
        thread::yield_now();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_end_ends_waits_of_other_threads() {
    let _session = Session::start();
    let this = sockets() as usize;
    let waits: [fn(*const Object) -> bool; 3] = [
        |this| unsafe { Bowline_Wait(this, -1) },
        |this| unsafe { Bowline_Wait(this, -1) },
        |this| unsafe {
            let group = SteamAPI_ISteamNetworkingSockets_CreatePollGroup(this);
            Bowline_WaitOnPollGroup(this, group, -1)
        },
    ];
    let waiters = waits.map(|wait| {
        let (told, tid) = channel();
        let waiter = thread::spawn(move || {
            told.send(std::fs::read_link("/proc/thread-self").unwrap())
                .unwrap();
            let is_ready = wait(this as *const Object);
            (is_ready, sockets().is_null())
        });
        sleeps(&tid.recv().unwrap());
        waiter
    });
    assert!(waiters.iter().all(|waiter| !waiter.is_finished()));
    kill();
    for waiter in waiters {
        // Not ready, and over only now that the library is gone.
        assert_eq!(waiter.join().unwrap(), (false, true));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_poll_group_that_is_destroyed_ends_its_waits_and_lets_its_connections_go() {
    let _session = Session::start();
    let this = sockets();
    let [first, second] = pair(this);
    let group = unsafe { SteamAPI_ISteamNetworkingSockets_CreatePollGroup(this) };
    let put = SteamAPI_ISteamNetworkingSockets_SetConnectionPollGroup;
    assert!(unsafe { put(this, second, group) });
    let (told, tid) = channel();
    let waiter = thread::spawn(move || {
        told.send(std::fs::read_link("/proc/thread-self").unwrap())
            .unwrap();
        unsafe { Bowline_WaitOnPollGroup(sockets(), group, -1) }
    });
    sleeps(&tid.recv().unwrap());
    assert!(unsafe { SteamAPI_ISteamNetworkingSockets_DestroyPollGroup(this, group) });
    assert!(!waiter.join().unwrap());
    assert!(!unsafe { put(this, second, group) });
    assert_eq!(
        unsafe { send(this, first, b"x".as_ptr(), 1, 9, null_mut()) },
        1
    );
    let mut message = null_mut();
    assert_eq!(unsafe { receive(this, second, &raw mut message, 1) }, 1);
    unsafe { release(message) };
}

#[test]
fn it_ends_and_starts_while_threads_use_it() {
    let _session = Session::start();
    let this = sockets() as usize;
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for turn in 0..10 {
            let done = &done;
            scope.spawn(move || {
                let this = this as *const Object;
                let mut turn = turn;
                while !done.load(Ordering::Relaxed) {
                    use_it(this, turn);
                    turn += 1;
                }
            });
        }
        for _ in 0..50 {
            thread::yield_now();
            kill();
            assert!(start());
        }
        done.store(true, Ordering::Relaxed);
    });
}

/// One of the things that a program does, at any time.
fn use_it(this: *const Object, which: usize) {
    let [mut first, mut second] = [0; 2];
    let addr = local(9);
    unsafe {
        match which % 9 {
            0 => {
                let make = SteamAPI_ISteamNetworkingSockets_CreateSocketPair;
                make(this, &raw mut first, &raw mut second, 0, null(), null());
                close(this, first);
            }
            1 => drop(SteamAPI_ISteamNetworkingSockets_CreatePollGroup(this)),
            2 => drop(SteamAPI_ISteamNetworkingSockets_ConnectByIPAddress(
                this,
                &raw const addr,
                0,
                null(),
            )),
            3 => run_callbacks(this),
            4 => drop(Bowline_Wait(this, 5)),
            5 => drop(SteamGameServerNetworkingSockets_LibV12()),
            6 => Bowline_ClearTrust(),
            7 => SteamNetworkingSockets_SetManualPollMode(0),
            _ => SteamAPI_ISteamNetworkingSockets_ResetIdentity(this, null()),
        }
    }
}

#[test]
fn an_end_of_what_does_not_run_forgets_nothing() {
    let _session = Session::without_library();
    hear_debug(count_line);
    kill();
    assert!(start());
    assert!(is_heard());
    hear_debug(count_line);
    kill();
    assert!(start());
    assert!(!is_heard());
}

/// What the function below found when it started the library during an end: not called, refused, started.
static STARTED: Mutex<Option<bool>> = Mutex::new(None);

/// Is called once, and waits until the library is being ended.
unsafe extern "C-unwind" fn start_in_the_end(_level: c_int, _text: *const c_char) {
    while !sockets().is_null() {
        thread::yield_now();
    }
    kill();
    *STARTED.lock().unwrap() = Some(start());
}

#[test]
fn a_function_that_the_end_waits_for_may_end_the_library_but_not_start_it() {
    let _session = Session::start();
    hear_debug(start_in_the_end);
    // It runs already, of which the function is told.
    assert!(start());
    kill();
    assert_eq!(STARTED.lock().unwrap().take(), Some(false));
    assert!(start());
}

static GO_ON: AtomicBool = AtomicBool::new(false);

/// Holds the end up.
unsafe extern "C-unwind" fn wait_to_go_on(_level: c_int, _text: *const c_char) {
    while !GO_ON.load(Ordering::SeqCst) {
        thread::yield_now();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_start_during_an_end_waits_and_keeps_its_debug_output() {
    let _session = Session::start();
    hear_debug(wait_to_go_on);
    assert!(start());
    let ender = thread::spawn(kill);
    while !sockets().is_null() {
        thread::yield_now();
    }
    let (told, tid) = channel();
    let starter = thread::spawn(move || {
        told.send(std::fs::read_link("/proc/thread-self").unwrap())
            .unwrap();
        assert!(start());
        hear_debug(count_line);
    });
    sleeps(&tid.recv().unwrap());
    assert!(!starter.is_finished());
    assert!(sockets().is_null());
    GO_ON.store(true, Ordering::SeqCst);
    ender.join().unwrap();
    starter.join().unwrap();
    assert!(is_heard());
}
