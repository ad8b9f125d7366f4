//! Functions of the application that are told what happened.
#![allow(
    clippy::unwrap_used,
    clippy::undocumented_unsafe_blocks,
    reason = "a test that cannot go on may panic; all pointers lead to locals, or are null"
)]

mod support;

use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::ptr::null;
use std::ptr::null_mut;
use std::sync::Mutex;
use std::sync::atomic::AtomicI32;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;

use GameNetworkingSockets::abi::structs::RawAuthenticationStatus;
use GameNetworkingSockets::abi::structs::RawConnectionStatusChanged;
use GameNetworkingSockets::abi::vtable::Object;
use GameNetworkingSockets::callbacks::StatusChanged;
use GameNetworkingSockets::callbacks::SteamAPI_ISteamNetworkingSockets_RunCallbacks as run;
use GameNetworkingSockets::callbacks::SteamAPI_ISteamNetworkingSockets_RunConnectionStatusChangedCallbacks as run_passed;
use GameNetworkingSockets::messages::SteamAPI_ISteamNetworkingSockets_SendMessageToConnection as send;
use GameNetworkingSockets::process::GameNetworkingSockets_Init as init;
use GameNetworkingSockets::process::GameNetworkingSockets_Kill as kill;
use GameNetworkingSockets::sockets::flat::*;
use GameNetworkingSockets::sockets::object::SteamAPI_SteamNetworkingSockets_v008;
use bowline::CallbackToken;
use bowline::ConfigKey;
use bowline::global_config;

use support::Session;
use support::close;
use support::connect;
use support::connected;
use support::hear;
use support::hear_until;
use support::heard;
use support::info;
use support::listen;
use support::listen_as;
use support::local;
use support::pair;
use support::sockets;

/// Installs a callback for all of the process, as `SetGlobalConfigValuePtr` does.
fn install(key: ConfigKey, address: *const ()) {
    let token = CallbackToken::new(address.expose_provenance() as u64);
    global_config::set(key, token).unwrap();
}

/// Has changes of all connections told to `function`, or to nobody.
fn tell(function: Option<StatusChanged>) {
    let address = function.map_or(null(), |function| function as *const ());
    install(ConfigKey::CallbackConnectionStatusChanged, address);
}

/// Pairs whose second connections are closed by their peers, which is one event each.
fn some_events(this: *const Object, count: usize) -> Vec<u32> {
    let pairs = (0..count).map(|_| pair(this)).collect::<Vec<_>>();
    for [first, _] in &pairs {
        let quiet = info(this, *first).is_some() && close(this, *first);
        assert!(quiet);
    }
    pairs.iter().flatten().copied().collect()
}

#[test]
fn changes_are_told_in_order_by_a_copy() {
    let _session = Session::start();
    let this = sockets();
    tell(Some(hear));
    let handles = some_events(this, 3);
    assert!(
        heard().is_empty(),
        "nothing is told outside of RunCallbacks"
    );
    unsafe { run(this) };
    let told = heard();
    let expected = handles
        .chunks(2)
        .flat_map(|pair| [(pair[0], 0), (pair[1], 4)]);
    let told = told.iter().map(|heard| (heard.connection, heard.new));
    assert_eq!(told.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    unsafe { run(this) };
    assert!(heard().is_empty());
    tell(None);
}

#[test]
fn the_callback_counts_that_was_there_when_it_happened() {
    static OTHER: AtomicU32 = AtomicU32::new(0);
    unsafe extern "C-unwind" fn other(_: *mut RawConnectionStatusChanged) {
        OTHER.fetch_add(1, Ordering::Relaxed);
    }
    let _session = Session::start();
    let this = sockets();
    tell(Some(other));
    some_events(this, 1);
    tell(Some(hear));
    some_events(this, 1);
    tell(None);
    // Nobody is to hear of these.
    some_events(this, 5);
    unsafe { run(this) };
    assert_eq!(OTHER.load(Ordering::Relaxed), 2);
    assert_eq!(heard().len(), 2);
}

#[test]
fn without_a_callback_nothing_waits_and_connections_do_not_run_out() {
    let _session = Session::start();
    let this = sockets();
    let addr = local(9);
    // More than the Rust library keeps for an application that reads them.
    for _ in 0..70_000 {
        let [first, second] = pair(this);
        assert!(close(this, first) && close(this, second));
    }
    let handle = unsafe {
        SteamAPI_ISteamNetworkingSockets_ConnectByIPAddress(this, &raw const addr, 0, null())
    };
    assert_ne!(handle, 0);
}

static CALLS: AtomicI32 = AtomicI32::new(0);

#[test]
fn a_callback_may_close_and_send() {
    unsafe extern "C-unwind" fn answer(told: *mut RawConnectionStatusChanged) {
        let told = unsafe { *told };
        let this = sockets();
        match { told.info }.state {
            1 if { told.info }.listen_socket != 0 => {
                let accepted = unsafe {
                    SteamAPI_ISteamNetworkingSockets_AcceptConnection(this, told.connection)
                };
                assert_eq!(accepted, 1);
                let sent = unsafe { send(this, told.connection, b"hi".as_ptr(), 2, 9, null_mut()) };
                assert_eq!(sent, 1);
            }
            3 if { told.info }.listen_socket == 0 => assert!(close(this, told.connection)),
            4 => {
                assert!(close(this, told.connection));
                CALLS.fetch_add(1, Ordering::Relaxed);
            }
            _ => {}
        }
    }
    let _session = Session::start();
    let this = sockets();
    CALLS.store(0, Ordering::Relaxed);
    let (_, addr) = listen_as(this, answer);
    tell(Some(answer));
    let dial = SteamAPI_ISteamNetworkingSockets_ConnectByIPAddress;
    let client = unsafe { dial(this, &raw const addr, 0, null()) };
    let end = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while CALLS.load(Ordering::Relaxed) == 0 {
        unsafe { run(this) };
        assert!(std::time::Instant::now() < end);
        std::thread::yield_now();
    }
    assert!(info(this, client).is_none());
    tell(None);
}

#[test]
fn a_callback_may_run_callbacks() {
    static DEPTH: AtomicI32 = AtomicI32::new(0);
    static TOLD: Mutex<Vec<u32>> = Mutex::new(Vec::new());
    unsafe extern "C-unwind" fn nested(told: *mut RawConnectionStatusChanged) {
        TOLD.lock().unwrap().push(unsafe { (*told).connection });
        DEPTH.fetch_add(1, Ordering::Relaxed);
        unsafe { run(sockets()) };
    }
    let _session = Session::start();
    let this = sockets();
    tell(Some(nested));
    let handles = some_events(this, 5);
    unsafe { run(this) };
    // Each once, and in order still.
    assert_eq!(*TOLD.lock().unwrap(), handles);
    assert_eq!(DEPTH.load(Ordering::Relaxed), 10);
    tell(None);
}

#[test]
fn what_a_callback_causes_is_for_the_next_call() {
    static CAUSED: AtomicI32 = AtomicI32::new(0);
    unsafe extern "C-unwind" fn cause(_: *mut RawConnectionStatusChanged) {
        if CAUSED.fetch_add(1, Ordering::Relaxed) < 1000 {
            some_events(sockets(), 1);
        }
    }
    let _session = Session::start();
    let this = sockets();
    tell(Some(cause));
    some_events(this, 1);
    unsafe { run(this) };
    assert_eq!(CAUSED.load(Ordering::Relaxed), 2);
    unsafe { run(this) };
    assert_eq!(CAUSED.load(Ordering::Relaxed), 6);
    tell(None);
}

#[test]
fn a_callback_may_end_the_library_and_start_it_again() {
    static ENDED: AtomicI32 = AtomicI32::new(0);
    unsafe extern "C-unwind" fn end(_: *mut RawConnectionStatusChanged) {
        ENDED.fetch_add(1, Ordering::Relaxed);
        unsafe {
            kill();
            assert!(init(null(), null_mut()));
        }
        // These are of the new life, and not for the call that began in the old one.
        some_events(sockets(), 3);
    }
    let _session = Session::start();
    let this = sockets();
    tell(Some(end));
    some_events(this, 3);
    unsafe { run(this) };
    assert_eq!(ENDED.load(Ordering::Relaxed), 1);
    tell(None);
}

#[test]
fn what_a_callback_throws_passes_and_the_rest_stays() {
    static THROWN: AtomicI32 = AtomicI32::new(0);
    unsafe extern "C-unwind" fn throw(told: *mut RawConnectionStatusChanged) {
        unsafe { hear(told) };
        if THROWN.fetch_add(1, Ordering::Relaxed) == 1 {
            std::panic::resume_unwind(Box::new("thrown"));
        }
    }
    let _session = Session::start();
    let this = sockets();
    tell(Some(throw));
    let handles = some_events(this, 2);
    let thrown = catch_unwind(AssertUnwindSafe(|| unsafe { run(this) }));
    assert_eq!(*thrown.unwrap_err().downcast::<&str>().unwrap(), "thrown");
    assert_eq!(heard().len(), 2);
    unsafe { run(this) };
    let rest = heard();
    let rest = rest.iter().map(|heard| heard.connection);
    assert_eq!(rest.collect::<Vec<_>>(), handles[2..]);
    tell(None);
}

#[test]
fn a_changed_copy_changes_nothing() {
    unsafe extern "C-unwind" fn spoil(told: *mut RawConnectionStatusChanged) {
        unsafe { told.write_bytes(0xff, 1) };
        CALLS.fetch_add(1, Ordering::Relaxed);
    }
    let _session = Session::start();
    let this = sockets();
    CALLS.store(0, Ordering::Relaxed);
    tell(Some(spoil));
    let [first, second] = pair(this);
    assert!(close(this, first));
    unsafe { run(this) };
    assert_eq!(CALLS.load(Ordering::Relaxed), 2);
    assert_eq!({ info(this, second).unwrap().state }, 4);
    tell(None);
}

#[test]
fn a_connection_that_nobody_accepts_waits() {
    let _session = Session::start();
    let this = sockets();
    let (_, addr) = listen(this);
    let client = connect(this, addr);
    let request = hear_until(this, |heard| heard.listener != 0);
    for _ in 0..3 {
        unsafe { run(this) };
    }
    assert_eq!({ info(this, request.connection).unwrap().state }, 1);
    assert!(close(this, request.connection));
    let refused = hear_until(this, |heard| heard.connection == client && heard.new == 4);
    assert_eq!((refused.old, refused.end_reason), (1, 1000));
}

#[test]
fn the_status_of_our_certificate_is_told() {
    static TOLD: AtomicI32 = AtomicI32::new(0);
    unsafe extern "C-unwind" fn told(status: *mut RawAuthenticationStatus) {
        TOLD.store(unsafe { (*status).availability }, Ordering::Relaxed);
    }
    let _session = Session::start();
    let this = sockets();
    install(ConfigKey::CallbackAuthStatusChanged, told as *const ());
    let certificate = certificate(this);
    let mut error = [0; 1024];
    let set = unsafe {
        let size = certificate.len() as i32;
        SteamAPI_ISteamNetworkingSockets_SetCertificate(
            this,
            certificate.as_ptr().cast(),
            size,
            &raw mut error,
        )
    };
    assert!(set, "{}", String::from_utf8_lossy(&error));
    assert_eq!(
        unsafe { SteamAPI_ISteamNetworkingSockets_InitAuthentication(this) },
        100
    );
    unsafe { run(this) };
    assert_eq!(TOLD.load(Ordering::Relaxed), 100);
    unsafe { SteamAPI_ISteamNetworkingSockets_ResetIdentity(this, null()) };
    unsafe { run(this) };
    assert_eq!(TOLD.load(Ordering::Relaxed), -102);
    install(ConfigKey::CallbackAuthStatusChanged, null());
}

/// A certificate for this interface, signed by somebody.
fn certificate(this: *const Object) -> Vec<u8> {
    use bowline::cert;
    let mut size = 0;
    let mut request = vec![0; 4096];
    unsafe {
        let get = SteamAPI_ISteamNetworkingSockets_GetCertificateRequest;
        assert!(get(this, &raw mut size, null_mut(), null_mut()));
        assert!(get(
            this,
            &raw mut size,
            request.as_mut_ptr().cast(),
            null_mut()
        ));
    }
    request.truncate(size as usize);
    let request = cert::CertificateRequest::from_bytes(&request).unwrap();
    let crypto = cert::default_crypto();
    let root = cert::generate_key_pair().unwrap();
    let authority = cert::Authority::new(&crypto, root.private().clone());
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = now.unwrap().as_secs() as u32;
    let issued = authority.issue(&crypto, &request.spec(now, now + 3600));
    cert::SignedCertificate::from_message(issued)
        .unwrap()
        .to_bytes()
}

#[test]
fn programs_of_gns_1_1_hand_the_function_over_at_each_call() {
    unsafe extern "C-unwind" fn passed(told: *mut RawConnectionStatusChanged, context: isize) {
        assert_eq!(context, -7);
        unsafe { hear(told) };
    }
    let _session = Session::start();
    let this = unsafe { SteamAPI_SteamNetworkingSockets_v008() };
    assert_eq!(this, sockets());
    some_events(this, 2);
    unsafe { run_passed(this, Some(passed), -7) };
    assert_eq!(heard().len(), 4);
    some_events(this, 1);
    unsafe { run_passed(this, None, 0) };
    unsafe { run_passed(this, Some(passed), -7) };
    assert!(heard().is_empty(), "told to nobody, as was asked for");
    tell(None);
    let (_, client, _) = connected(this);
    assert!(close(this, client));
}
