//! Objects of C++ programs, and what is made by the factory that an application sets.

use std::ffi::c_int;
use std::ffi::c_void;
use std::ptr::null;
use std::ptr::null_mut;
use std::sync::Mutex;

use GameNetworkingSockets::abi::identity::RawIdentity;
use GameNetworkingSockets::abi::structs::ConnectionHandle;
use GameNetworkingSockets::abi::structs::RawConnectionInfo;
use GameNetworkingSockets::abi::vtable::Object;
use GameNetworkingSockets::sockets::flat::SteamAPI_ISteamNetworkingSockets_ResetIdentity;
use GameNetworkingSockets::sockets::peers::*;
use GameNetworkingSockets::sockets::signaling::*;
use GameNetworkingSockets::utils::config::SteamAPI_ISteamNetworkingUtils_SetGlobalConfigValuePtr as set_function;

use crate::room::ANNA;
use crate::room::BEN;
use crate::room::CONNECTED;
use crate::room::Room;
use crate::room::absent;
use crate::room::int;
use crate::room::name;

/// The function in a slot of the object's vtable.
///
/// # Safety
/// It is of type `F`.
unsafe fn slot<F: Copy>(object: *const Object, index: usize) -> F {
    unsafe {
        let slots = *object.cast::<*const *const c_void>();
        std::mem::transmute_copy(&*slots.add(index))
    }
}

/// What was done with an object for signals.
#[derive(Default)]
struct Seen {
    sent: Vec<(u32, Vec<u8>)>,
    released: usize,
}

unsafe extern "C-unwind" fn send_signal(
    context: *mut c_void,
    connection: u32,
    info: *const RawConnectionInfo,
    signal: *const c_void,
    size: c_int,
) -> u8 {
    assert!(info.is_null());
    let seen = unsafe { &mut *context.cast::<Seen>() };
    let signal = unsafe { std::slice::from_raw_parts(signal.cast::<u8>(), size as usize) };
    seen.sent.push((connection, signal.to_vec()));
    u8::from(connection != 13)
}

unsafe extern "C-unwind" fn release(context: *mut c_void) {
    unsafe { &mut *context.cast::<Seen>() }.released += 1;
}

type Send = unsafe extern "C-unwind" fn(
    *mut Object,
    u32,
    *const RawConnectionInfo,
    *const c_void,
    c_int,
) -> bool;
type Done = unsafe extern "C-unwind" fn(*mut Object);

#[test]
fn functions_become_an_object_for_signals() {
    let mut seen = Seen::default();
    let context = (&raw mut seen).cast();
    unsafe {
        let object = SteamAPI_ISteamNetworkingSockets_CreateCustomSignaling(
            context,
            Some(send_signal),
            Some(release),
        );
        let signal = b"signal";
        let send = slot::<Send>(object, 0);
        assert!(send(object, 12, null(), signal.as_ptr().cast(), 6));
        assert!(!send(object, 13, null(), signal.as_ptr().cast(), 3));
        slot::<Done>(object, 1)(object);
        let sent = [(12, b"signal".to_vec()), (13, b"sig".to_vec())];
        assert_eq!((seen.sent.as_slice(), seen.released), (sent.as_slice(), 1));
        // Without functions there is still an object.
        let object = SteamAPI_ISteamNetworkingSockets_CreateCustomSignaling(null_mut(), None, None);
        assert!(!slot::<Send>(object, 0)(object, 12, null(), null(), 0));
        slot::<Done>(object, 1)(object);
    }
}

/// An object as a C++ program has one, for signals or for requests: it is both.
#[repr(C)]
struct OfProgram {
    slots: *const [*const c_void; 2],
    sent: Mutex<Vec<Vec<u8>>>,
    released: usize,
    asked: usize,
    /// What a request is answered with.
    answer: *mut Object,
}

impl OfProgram {
    fn new(slots: *const [*const c_void; 2]) -> Self {
        Self {
            slots,
            sent: Mutex::default(),
            released: 0,
            asked: 0,
            answer: null_mut(),
        }
    }
}

unsafe extern "C-unwind" fn keep(
    this: *mut OfProgram,
    _: ConnectionHandle,
    _: *const RawConnectionInfo,
    signal: *const c_void,
    size: c_int,
) -> bool {
    let signal = unsafe { std::slice::from_raw_parts(signal.cast::<u8>(), size as usize) };
    unsafe { &(*this).sent }
        .lock()
        .unwrap()
        .push(signal.to_vec());
    true
}

unsafe extern "C-unwind" fn done(this: *mut OfProgram) {
    unsafe { (*this).released += 1 };
}

unsafe extern "C-unwind" fn ask(
    this: *mut OfProgram,
    connection: ConnectionHandle,
    peer: *const RawIdentity,
    port: c_int,
) -> *mut Object {
    assert_eq!(unsafe { peer.read_unaligned() }, name(ANNA));
    assert_eq!(port, 7);
    assert_ne!(connection, 0);
    unsafe {
        (*this).asked += 1;
        (*this).answer
    }
}

static SIGNALING: Slots = Slots([keep as *const c_void, done as *const c_void]);
static CONTEXT: Slots = Slots([ask as *const c_void, null()]);

struct Slots([*const c_void; 2]);

// SAFETY: it is never written, and points to functions only.
unsafe impl Sync for Slots {}

#[test]
fn objects_with_vtables_are_called_and_released_once() {
    let room = Room::new();
    let mut annas = OfProgram::new(&raw const SIGNALING.0);
    let mut bens = OfProgram::new(&raw const SIGNALING.0);
    let mut context = OfProgram::new(&raw const CONTEXT.0);
    context.answer = (&raw mut bens).cast();
    let peer = name(BEN);
    let connect = SteamAPI_ISteamNetworkingSockets_ConnectP2PCustomSignaling;
    let receive = SteamAPI_ISteamNetworkingSockets_ReceivedP2PCustomSignal;
    unsafe {
        let object = (&raw mut annas).cast();
        let call = connect(room.peers[ANNA], object, &raw const peer, 7, 0, null());
        assert_ne!(call, 0);
        let signal = room.wait(|| annas.sent.lock().unwrap().pop());
        let (bytes, size) = (signal.as_ptr().cast(), signal.len() as c_int);
        let object = (&raw mut context).cast();
        assert!(receive(room.peers[BEN], bytes, size, object));
        // The same again is no other request.
        assert!(receive(room.peers[BEN], bytes, size, object));
    }
    assert_eq!(context.asked, 1);
    assert_eq!((annas.released, bens.released), (0, 0));
    room.end();
    assert_eq!((annas.released, bens.released), (1, 1));
}

/// What the factory made, and from what.
static FACTORY: Mutex<Option<Made>> = Mutex::new(None);

struct Made {
    object: usize,
    seen: Vec<(usize, RawIdentity, c_int, c_int)>,
}

unsafe extern "C-unwind" fn make(
    this: *const Object,
    peer: *const RawIdentity,
    local: c_int,
    remote: c_int,
) -> *mut Object {
    let mut factory = FACTORY.lock().unwrap();
    let made = factory.as_mut().unwrap();
    let peer = unsafe { peer.read_unaligned() };
    made.seen.push((this.addr(), peer, local, remote));
    std::ptr::with_exposed_provenance_mut(std::mem::take(&mut made.object))
}

#[test]
fn the_factory_makes_what_carries_the_signals() {
    let room = Room::new();
    let (anna, peer) = (room.peers[ANNA], name(BEN));
    // Who is in this process needs no factory, and so Ben is elsewhere until the signal is his.
    let call_ben = |whom: &RawIdentity| unsafe {
        SteamAPI_ISteamNetworkingSockets_ResetIdentity(room.peers[BEN], whom);
    };
    call_ben(&absent());
    let options = [int(bowline::ConfigKey::LocalVirtualPort, 5)];
    let connect = |port, options: &[_]| unsafe {
        SteamAPI_ISteamNetworkingSockets_ConnectP2P(
            anna,
            &raw const peer,
            port,
            options.len() as c_int,
            options.as_ptr(),
        )
    };
    assert_eq!(connect(7, &[]), 0, "there is none");
    let set = |function| unsafe { set_function(null(), 206, function) };
    assert!(set(make as *const c_void));
    let object = room.signaling(ANNA).expose_provenance();
    let seen = Vec::new();
    *FACTORY.lock().unwrap() = Some(Made { object, seen });
    // Nothing is made of what cannot be.
    assert_eq!(connect(-1, &[]), 0);
    assert_eq!(connect(0x1_0000, &[]), 0);
    let mut no_int = options;
    no_int[0].kind = 2;
    assert_eq!(connect(7, &no_int), 0);
    assert_eq!(
        connect(7, &[int(bowline::ConfigKey::LocalVirtualPort, 0x1_0000)]),
        0
    );
    assert!(FACTORY.lock().unwrap().as_ref().unwrap().seen.is_empty());
    let annas = connect(7, &options);
    assert_ne!(annas, 0);
    // It makes no second one.
    assert_eq!(connect(9, &[]), 0);
    let made = FACTORY.lock().unwrap().take().unwrap();
    let this = anna.addr();
    assert_eq!(made.seen, [(this, peer, 5, 7), (this, peer, 9, 9)]);
    call_ben(&peer);
    let listener = room.listen(BEN, 7);
    let request = room.wait_heard(|heard| heard.listener == listener && heard.new == 1);
    assert_eq!(room.accept(BEN, request.connection), 1);
    room.wait_state(annas, CONNECTED);
    assert!(set(null()));
    call_ben(&absent());
    assert_eq!(connect(11, &[]), 0);
    room.end();
}
