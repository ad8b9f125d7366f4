//! Start and end of the library, and what holds for all of the process.
#![allow(
    clippy::unwrap_used,
    clippy::undocumented_unsafe_blocks,
    reason = "a test that cannot go on may panic; all pointers lead to locals, or are null"
)]

mod support;

use std::ptr::null;
use std::ptr::null_mut;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;

use GameNetworkingSockets::abi::identity::RawIdentity;
use GameNetworkingSockets::abi::vtable::Object;
use GameNetworkingSockets::beyond::*;
use GameNetworkingSockets::callbacks::SteamAPI_ISteamNetworkingSockets_RunCallbacks as run_callbacks;
use GameNetworkingSockets::guard;
use GameNetworkingSockets::process::GameNetworkingSockets_Init as init;
use GameNetworkingSockets::process::GameNetworkingSockets_Kill;
use GameNetworkingSockets::process::*;
use GameNetworkingSockets::sockets::flat::*;
use GameNetworkingSockets::sockets::object::*;

use support::Session;
use support::close;
use support::connect;
use support::connected;
use support::hear_until;
use support::heard;
use support::info;
use support::listen;
use support::local;
use support::pair;
use support::sockets;

fn start() -> bool {
    unsafe { init(null(), null_mut()) }
}

fn kill() {
    unsafe { GameNetworkingSockets_Kill() };
}

fn all_accessors() -> Vec<*const Object> {
    unsafe {
        vec![
            SteamNetworkingSockets_LibV12(),
            SteamAPI_SteamNetworkingSockets_v009(),
            SteamAPI_SteamNetworkingSockets_SteamAPI_v012(),
            SteamAPI_SteamNetworkingSockets_SteamAPI_v013(),
            SteamGameServerNetworkingSockets_LibV12(),
            SteamAPI_SteamGameServerNetworkingSockets_SteamAPI_v012(),
            SteamAPI_SteamGameServerNetworkingSockets_SteamAPI_v013(),
        ]
    }
}

/// What functions answer where there is nothing to call.
fn assert_refused(this: *const Object) {
    let addr = local(27_015);
    let mut out = [1_u32; 2];
    let [first, second] = &mut out;
    unsafe {
        assert_eq!(
            SteamAPI_ISteamNetworkingSockets_CreateListenSocketIP(this, &raw const addr, 0, null()),
            0
        );
        assert_eq!(
            SteamAPI_ISteamNetworkingSockets_ConnectByIPAddress(this, &raw const addr, 0, null()),
            0
        );
        assert!(!SteamAPI_ISteamNetworkingSockets_CreateSocketPair(
            this,
            first,
            second,
            0,
            null(),
            null()
        ));
        assert_eq!(out, [0, 0]);
        assert_eq!(SteamAPI_ISteamNetworkingSockets_CreatePollGroup(this), 0);
        assert!(!SteamAPI_ISteamNetworkingSockets_DestroyPollGroup(
            this,
            1 << 31 | 1
        ));
        assert_eq!(
            SteamAPI_ISteamNetworkingSockets_AcceptConnection(this, 1),
            8
        );
        assert!(!close(this, 1));
        assert_eq!(
            SteamAPI_ISteamNetworkingSockets_FlushMessagesOnConnection(this, 1),
            8
        );
        assert_eq!(
            SteamAPI_ISteamNetworkingSockets_ConfigureConnectionLanes(this, 1, 1, null(), null()),
            3
        );
        assert_eq!(
            SteamAPI_ISteamNetworkingSockets_GetConnectionRealTimeStatus(
                this,
                1,
                null_mut(),
                0,
                null_mut()
            ),
            3
        );
        assert_eq!(
            SteamAPI_ISteamNetworkingSockets_GetDetailedConnectionStatus(this, 1, null_mut(), 0),
            -1
        );
    }
    assert_refused_identity(this);
    assert_refused_beyond(this);
}

/// The same, of who this side is.
fn assert_refused_identity(this: *const Object) {
    unsafe {
        assert!(!SteamAPI_ISteamNetworkingSockets_GetIdentity(
            this,
            null_mut()
        ));
        assert_eq!(SteamAPI_ISteamNetworkingSockets_InitAuthentication(this), 0);
        assert!(!SteamAPI_ISteamNetworkingSockets_GetCertificateRequest(
            this,
            null_mut(),
            null_mut(),
            null_mut()
        ));
        assert!(!SteamAPI_ISteamNetworkingSockets_SetCertificate(
            this,
            null(),
            0,
            null_mut()
        ));
        SteamAPI_ISteamNetworkingSockets_ResetIdentity(this, null());
        run_callbacks(this);
    }
}

/// The same, of what GNS does not have.
fn assert_refused_beyond(this: *const Object) {
    unsafe {
        assert!(!Bowline_Wait(this, -1));
        assert!(!Bowline_WaitForLinger(this, -1));
        assert!(!Bowline_GetWaitHandle(this, null_mut()));
        assert_eq!(Bowline_GetNextTimeout(this), -1);
        assert!(!Bowline_SetWritableCallback(this, None, null_mut()));
    }
}

#[test]
fn accessors_are_null_outside_of_start_and_end() {
    let _session = Session::without_library();
    assert!(all_accessors().iter().all(|object| object.is_null()));
    assert!(start());
    let objects = all_accessors();
    assert!(objects[..4].iter().all(|object| *object == objects[0]));
    assert!(objects[4..].iter().all(|object| *object == objects[4]));
    assert_ne!(objects[0], objects[4]);
    kill();
    assert!(all_accessors().iter().all(|object| object.is_null()));
}

#[test]
fn calls_before_the_start_and_after_the_end_are_refused() {
    let _session = Session::without_library();
    assert_refused(null());
    assert!(start());
    let this = sockets();
    let server = unsafe { SteamGameServerNetworkingSockets_LibV12() };
    kill();
    assert_refused(this);
    assert_refused(server);
}

#[test]
fn an_object_that_is_none_of_ours_is_refused() {
    let _session = Session::start();
    assert_refused(null());
    assert_refused(std::ptr::dangling());
    let word = 0_usize;
    assert_refused((&raw const word).cast());
}

#[test]
fn starting_and_ending_twice_does_no_harm() {
    let _session = Session::without_library();
    kill();
    assert!(start());
    let handles = pair(sockets());
    assert!(start());
    assert!(info(sockets(), handles[0]).is_some());
    kill();
    kill();
    assert!(sockets().is_null());
}

#[test]
fn it_starts_and_ends_two_hundred_times() {
    let _session = Session::without_library();
    for round in 0..200 {
        assert!(start());
        let [first, _] = pair(sockets());
        assert!(info(sockets(), first).is_some());
        if round % 20 == 0 {
            connected(sockets());
        }
        kill();
    }
}

#[test]
fn the_end_closes_connections_and_frees_ports() {
    let _session = Session::start();
    let (_, client, server) = connected(sockets());
    let (_, addr) = listen(sockets());
    kill();
    assert!(start());
    let this = sockets();
    assert!(info(this, client).is_none());
    assert!(info(this, server).is_none());
    let again = unsafe {
        SteamAPI_ISteamNetworkingSockets_CreateListenSocketIP(this, &raw const addr, 0, null())
    };
    assert_ne!(again, 0);
}

#[test]
fn handles_of_an_earlier_life_mean_nothing_in_a_later_one() {
    let _session = Session::start();
    let (listener, _) = listen(sockets());
    let group = unsafe { SteamAPI_ISteamNetworkingSockets_CreatePollGroup(sockets()) };
    kill();
    assert!(start());
    let this = sockets();
    let (other, _) = listen(this);
    let other_group = unsafe { SteamAPI_ISteamNetworkingSockets_CreatePollGroup(this) };
    assert_ne!(listener, other);
    assert_ne!(group, other_group);
    assert!(!unsafe { SteamAPI_ISteamNetworkingSockets_CloseListenSocket(this, listener) });
    assert!(!unsafe { SteamAPI_ISteamNetworkingSockets_DestroyPollGroup(this, group) });
}

#[test]
fn who_this_side_is() {
    let _session = Session::without_library();
    let identity = || {
        let mut identity = RawIdentity::INVALID;
        let known =
            unsafe { SteamAPI_ISteamNetworkingSockets_GetIdentity(sockets(), &raw mut identity) };
        (
            known,
            identity.identity().map(|identity| identity.to_string()),
        )
    };
    assert!(start());
    assert_eq!(identity(), (true, Some("ip:::1".to_owned())));
    kill();
    let somebody: bowline::Identity = "str:somebody".parse().unwrap();
    let raw = RawIdentity::from(Some(&somebody));
    assert!(unsafe { init(&raw const raw, null_mut()) });
    assert_eq!(identity(), (true, Some("str:somebody".to_owned())));
    unsafe { SteamAPI_ISteamNetworkingSockets_ResetIdentity(sockets(), null()) };
    assert_eq!(identity(), (false, None));
    unsafe { SteamAPI_ISteamNetworkingSockets_ResetIdentity(sockets(), &raw const raw) };
    assert_eq!(identity(), (true, Some("str:somebody".to_owned())));
    kill();
    let nobody = RawIdentity::INVALID;
    assert!(unsafe { init(&raw const nobody, null_mut()) });
    assert_eq!(identity(), (false, None));
    kill();
    // No zero byte within the field.
    let endless = RawIdentity::of(bowline::IdentityKind::GenericString, &[b'x'; 128], 128);
    let mut error = [0; 1024];
    assert!(!unsafe { init(&raw const endless, &raw mut error) });
    assert_ne!(error[0], 0);
    assert!(sockets().is_null());
}

#[test]
fn a_game_server_is_somebody_else_in_the_same_process() {
    let _session = Session::start();
    let (user, server) = (sockets(), unsafe {
        SteamGameServerNetworkingSockets_LibV12()
    });
    let (listener, addr) = listen(server);
    let client = connect(user, addr);
    let request = hear_until(server, |heard| heard.old == 0);
    assert_eq!(request.listener, listener);
    let accept = SteamAPI_ISteamNetworkingSockets_AcceptConnection;
    // As in GNS, handles are looked up in all of the process.
    assert_eq!(unsafe { accept(user, request.connection) }, 1);
    hear_until(user, |heard| heard.connection == client && heard.new == 3);
    assert_eq!(
        info(user, request.connection).unwrap().listen_socket,
        listener
    );
    assert!(close(server, client));
    let ended = hear_until(server, |heard| heard.new == 4);
    assert_eq!(ended.connection, request.connection);
    unsafe { SteamAPI_ISteamNetworkingSockets_ResetIdentity(server, null()) };
    assert!(!unsafe { SteamAPI_ISteamNetworkingSockets_CloseListenSocket(server, listener) });
}

#[test]
fn a_caught_panic_poisons_until_the_end() {
    // Without a session: those insist that there are none.
    let session = Session::start();
    let before = guard::panics();
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    assert_eq!(guard::call("test", -1, || panic!("on purpose")), -1);
    std::panic::set_hook(hook);
    assert_eq!(
        unsafe { SteamAPI_ISteamNetworkingSockets_CreatePollGroup(sockets()) },
        0
    );
    assert!(!start());
    assert_eq!(u64::from(Bowline_GetCaughtPanics()), before + 1);
    kill();
    assert!(start());
    assert_ne!(
        unsafe { SteamAPI_ISteamNetworkingSockets_CreatePollGroup(sockets()) },
        0
    );
    session.expect_panics(1);
}

#[test]
fn the_application_may_drive_the_sockets() {
    let _session = Session::without_library();
    unsafe { SteamNetworkingSockets_SetManualPollMode(1) };
    assert!(start());
    let this = sockets();
    let (_, addr) = listen(this);
    let client = connect(this, addr);
    let until = |wanted: fn(&support::Heard) -> bool| {
        for _ in 0..1000 {
            unsafe {
                SteamNetworkingSockets_Poll(10);
                run_callbacks(this);
            }
            if let Some(found) = heard().into_iter().find(wanted) {
                return found;
            }
        }
        panic!("nothing of that was heard");
    };
    let request = until(|heard| heard.listener != 0);
    assert_eq!(
        unsafe { SteamAPI_ISteamNetworkingSockets_AcceptConnection(this, request.connection) },
        1
    );
    until(|heard| heard.new == 3);
    // With a thread again it goes on by itself.
    unsafe { SteamNetworkingSockets_SetManualPollMode(0) };
    assert!(close(this, client));
    hear_until(this, |heard| {
        heard.connection == request.connection && heard.new == 4
    });
    unsafe { SteamNetworkingSockets_Poll(0) };
}

static THREADS: AtomicU32 = AtomicU32::new(0);

unsafe extern "C" fn count_thread() {
    THREADS.fetch_add(1, Ordering::Relaxed);
}

#[test]
fn service_threads_begin_with_a_function() {
    let _session = Session::without_library();
    unsafe { SteamNetworkingSockets_SetServiceThreadInitCallback(Some(count_thread)) };
    assert!(start());
    kill();
    assert_eq!(THREADS.load(Ordering::Relaxed), 1);
    unsafe { SteamNetworkingSockets_SetServiceThreadInitCallback(None) };
    assert!(start());
    kill();
    assert_eq!(THREADS.load(Ordering::Relaxed), 1);
}

#[test]
fn hooks_without_effect_are_accepted() {
    unsafe extern "C" fn hook(_tags: *const std::ffi::c_char, _us: i64) {}
    let _session = Session::without_library();
    unsafe {
        SteamNetworkingSockets_SetCustomMemoryAllocator(null(), null(), null());
        SteamNetworkingSockets_SetLockWaitWarningThreshold(1000);
        SteamNetworkingSockets_SetLockAcquiredCallback(Some(hook));
        SteamNetworkingSockets_SetLockHeldCallback(None);
    }
    assert!(start());
    connected(sockets());
}
