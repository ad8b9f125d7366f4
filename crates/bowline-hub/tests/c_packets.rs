//! The legacy packets and messages from C, between two interfaces of one program that know of each other by a hub alone.
#![allow(
    clippy::unwrap_used,
    clippy::undocumented_unsafe_blocks,
    reason = "a test that cannot go on may panic; all pointers lead to locals, or are null"
)]

mod world;

use std::ffi::CString;
use std::ffi::c_int;
use std::ffi::c_void;
use std::ptr::null;
use std::ptr::null_mut;
use std::sync::Mutex;

use GameNetworkingSockets::abi::identity::RawIdentity;
use GameNetworkingSockets::abi::message::RawMessage;
use GameNetworkingSockets::abi::structs::RawP2pSessionRequest;
use GameNetworkingSockets::abi::structs::RawP2pSessionState;
use GameNetworkingSockets::abi::structs::RawSessionRequest;
use GameNetworkingSockets::abi::vtable::Object;
use GameNetworkingSockets::beyond::Bowline_AddTrustedRoot;
use GameNetworkingSockets::beyond::Bowline_SetP2PSessionRequestCallback;
use GameNetworkingSockets::beyond::Bowline_SignIn;
use GameNetworkingSockets::callbacks::SteamAPI_ISteamNetworkingSockets_RunCallbacks as run_callbacks;
use GameNetworkingSockets::messages::SteamAPI_SteamNetworkingMessage_t_Release as release;
use GameNetworkingSockets::packets::*;
use GameNetworkingSockets::process::GameNetworkingSockets_Init;
use GameNetworkingSockets::process::GameNetworkingSockets_Kill;
use GameNetworkingSockets::process::GameNetworkingSockets_SetAppID;
use GameNetworkingSockets::sessions::*;
use GameNetworkingSockets::sockets::flat::SteamAPI_ISteamNetworkingSockets_GetAuthenticationStatus as status;
use GameNetworkingSockets::sockets::object::SteamGameServerNetworkingSockets_LibV12 as server;
use GameNetworkingSockets::sockets::object::SteamNetworkingSockets_LibV12 as user;
use GameNetworkingSockets::utils::config::SteamAPI_ISteamNetworkingUtils_SetGlobalConfigValuePtr as set_function;
use bowline::Availability;
use bowline_hub::hub::Policy;
use bowline_hub::namespace::Namespace;

use self::world::World;
use self::world::eventually;
use self::world::id;
use self::world::policy;

const ANNA: u64 = 76_561_197_960_287_930;
const BEN: u64 = 76_561_197_960_287_931;
/// `k_EP2PSendReliable`.
const RELIABLE: c_int = 2;
/// `k_nSteamNetworkingSend_Reliable`.
const RELIABLE_MESSAGE: c_int = 8;
/// `k_ESteamNetworkingConfig_Callback_MessagesSessionRequest`.
const MESSAGES_REQUESTED: c_int = 204;
/// `k_EResultOK`.
const OK: c_int = 1;

static ASKED: Mutex<Vec<RawIdentity>> = Mutex::new(Vec::new());

/// One of the two interfaces.
#[derive(Clone, Copy)]
struct Side {
    sockets: *const Object,
    packets: *const Object,
    messages: *const Object,
}

unsafe extern "C-unwind" fn on_packets(asked: *mut RawP2pSessionRequest, context: *mut c_void) {
    let peer = unsafe { (*asked).peer };
    unsafe { *context.cast::<u64>() = peer };
}

unsafe extern "C-unwind" fn on_messages(asked: *mut RawSessionRequest) {
    let asked = unsafe { asked.read_unaligned() };
    ASKED.lock().unwrap().push(asked.identity_remote);
}

fn name(of: u64) -> RawIdentity {
    RawIdentity::from(Some(&id(&format!("steamid:{of}"))))
}

impl Side {
    fn sign_in(self, world: &World, who: u64) {
        let text = |text: String| CString::new(text).unwrap();
        let hub = text(world.address.to_string());
        let key = text(world.keys.identity.public().to_line(""));
        let identity = text(format!("steamid:{who}"));
        let signs_in = unsafe {
            Bowline_SignIn(
                self.sockets,
                hub.as_ptr(),
                key.as_ptr(),
                c"dev".as_ptr(),
                identity.as_ptr(),
                null_mut(),
            )
        };
        assert!(signs_in);
        eventually("signed in", || {
            let stands = unsafe { status(self.sockets, null_mut()) };
            assert_ne!(stands, Availability::Failed.number());
            stands == Availability::Current.number()
        });
    }

    fn send(self, to: u64, channel: c_int, bytes: &[u8]) -> bool {
        let send = SteamAPI_ISteamNetworking_SendP2PPacket;
        let (data, size) = (bytes.as_ptr().cast(), bytes.len() as u32);
        unsafe { send(self.packets, to, data, size, RELIABLE, channel) }
    }

    /// Waits for a packet, and takes it: who sent it, and what.
    fn read(self, channel: c_int) -> (u64, Vec<u8>) {
        let mut size = 0;
        let available = SteamAPI_ISteamNetworking_IsP2PPacketAvailable;
        eventually("a packet came", || {
            self.run_callbacks();
            unsafe { available(self.packets, &raw mut size, channel) }
        });
        let mut bytes = vec![0; size as usize];
        let (mut read_size, mut peer) = (0, 0);
        let read = SteamAPI_ISteamNetworking_ReadP2PPacket;
        let (to, room) = (bytes.as_mut_ptr().cast(), size);
        let (told_size, told_peer) = (&raw mut read_size, &raw mut peer);
        assert!(unsafe { read(self.packets, to, room, told_size, told_peer, channel) });
        assert_eq!(read_size, size);
        (peer, bytes)
    }

    fn state(self, peer: u64) -> Option<RawP2pSessionState> {
        let mut state = RawP2pSessionState {
            is_active: 7,
            is_connecting: 7,
            error: 7,
            uses_relay: 7,
            bytes_queued: 7,
            packets_queued: 7,
            remote_ip: 7,
            remote_port: 7,
        };
        let get = SteamAPI_ISteamNetworking_GetP2PSessionState;
        unsafe { get(self.packets, peer, &raw mut state) }.then_some(state)
    }

    fn say(self, to: u64, channel: c_int, bytes: &[u8]) -> c_int {
        let send = SteamAPI_ISteamNetworkingMessages_SendMessageToUser;
        let (peer, size) = (name(to), bytes.len() as u32);
        let (peer, data) = (&raw const peer, bytes.as_ptr().cast());
        unsafe { send(self.messages, peer, data, size, RELIABLE_MESSAGE, channel) }
    }

    fn hear(self, channel: c_int) -> (RawIdentity, Vec<u8>) {
        let mut message: *mut RawMessage = null_mut();
        let receive = SteamAPI_ISteamNetworkingMessages_ReceiveMessagesOnChannel;
        eventually("a message came", || {
            self.run_callbacks();
            unsafe { receive(self.messages, channel, &raw mut message, 1) == 1 }
        });
        unsafe {
            let (data, size) = ((*message).data.cast::<u8>(), (*message).size as usize);
            let bytes = std::slice::from_raw_parts(data, size).to_vec();
            let peer = (*message).identity_peer;
            release(message);
            (peer, bytes)
        }
    }

    fn run_callbacks(self) {
        unsafe { run_callbacks(self.sockets) };
    }
}

/// One test, since the library is the process's.
#[test]
fn packets_and_messages_go_from_one_interface_to_the_other_by_a_hub() {
    let world = World::with(Policy {
        dev: Some(Namespace::new(["steamid:"]).unwrap()),
        ..policy()
    });
    let root = *world.keys.authority.public().as_bytes();
    // Else they would find each other in the process.
    set_shortcuts(false);
    let (anna, ben) = unsafe {
        assert!(GameNetworkingSockets_Init(null(), null_mut()));
        GameNetworkingSockets_SetAppID(480);
        assert!(Bowline_AddTrustedRoot(&raw const root, null_mut()));
        let anna = Side {
            sockets: user(),
            packets: SteamAPI_SteamNetworking_v006(),
            messages: SteamNetworkingMessages_LibV2(),
        };
        let ben = Side {
            sockets: server(),
            packets: SteamAPI_SteamGameServerNetworking_v006(),
            messages: SteamGameServerNetworkingMessages_LibV2(),
        };
        (anna, ben)
    };
    assert!(!anna.send(BEN, 0, b"nobody carries it yet"));
    anna.sign_in(&world, ANNA);
    ben.sign_in(&world, BEN);
    packets(anna, ben);
    messages(anna, ben);
    let standing = world.hub.as_ref().unwrap().handle().standing().unwrap();
    assert_eq!(standing.sessions, 2);
    assert!(standing.counters.signals_carried > 0);
    unsafe { GameNetworkingSockets_Kill() };
}

fn packets(anna: Side, ben: Side) {
    let mut asked = 0_u64;
    let context = (&raw mut asked).cast();
    let set = Bowline_SetP2PSessionRequestCallback;
    assert!(unsafe { set(ben.packets, Some(on_packets), context) });
    assert!(anna.send(BEN, 3, b"hello"));
    assert!(anna.send(BEN, -5, b"on another channel"));
    eventually("ben is asked", || {
        ben.run_callbacks();
        // The callback has written it.
        unsafe { (&raw const asked).read_volatile() == ANNA }
    });
    let mut size = 7;
    let available = SteamAPI_ISteamNetworking_IsP2PPacketAvailable;
    assert!(!unsafe { available(ben.packets, &raw mut size, 3) });
    assert_eq!(size, 0, "nothing is read before it is accepted");
    let accept = SteamAPI_ISteamNetworking_AcceptP2PSessionWithUser;
    assert!(unsafe { accept(ben.packets, ANNA) });
    assert_eq!(ben.read(3), (ANNA, b"hello".to_vec()));
    assert_eq!(ben.read(-5), (ANNA, b"on another channel".to_vec()));
    // Longer than a packet of the network.
    let long: Vec<u8> = (0..100_000_u32).map(|index| index as u8).collect();
    assert!(ben.send(ANNA, 3, &long));
    assert_eq!(anna.read(3), (BEN, long));
    for (side, peer) in [(anna, BEN), (ben, ANNA)] {
        let state = side.state(peer).unwrap();
        assert_eq!((state.is_active, state.error), (1, 0));
        assert_eq!(state.uses_relay, 0);
    }
    let close = SteamAPI_ISteamNetworking_CloseP2PSessionWithUser;
    assert!(unsafe { close(ben.packets, ANNA) });
    assert!(ben.state(ANNA).is_none());
    eventually("anna hears the end", || {
        anna.run_callbacks();
        anna.state(BEN).is_none_or(|state| state.is_active == 0)
    });
    assert!(unsafe { set(ben.packets, None, null_mut()) });
}

fn messages(anna: Side, ben: Side) {
    let function = on_messages as *const c_void;
    assert!(unsafe { set_function(null(), MESSAGES_REQUESTED, function.cast_mut()) });
    assert_eq!(anna.say(BEN, 9, b"hello"), OK);
    eventually("ben is asked", || {
        ben.run_callbacks();
        ASKED.lock().unwrap().pop() == Some(name(ANNA))
    });
    let accept = SteamAPI_ISteamNetworkingMessages_AcceptSessionWithUser;
    let peer = name(ANNA);
    assert!(unsafe { accept(ben.messages, &raw const peer) });
    assert_eq!(ben.hear(9), (name(ANNA), b"hello".to_vec()));
    assert_eq!(ben.say(ANNA, -1, b"welcome"), OK);
    assert_eq!(anna.hear(-1), (name(BEN), b"welcome".to_vec()));
    assert!(unsafe { set_function(null(), MESSAGES_REQUESTED, null_mut()) });
}
