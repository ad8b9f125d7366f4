//! Messages to identities, with signals by the objects of an application's factory.

use std::ffi::c_int;
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr::null;
use std::ptr::null_mut;
use std::sync::Mutex;

use GameNetworkingSockets::abi::identity::RawIdentity;
use GameNetworkingSockets::abi::message::RawMessage;
use GameNetworkingSockets::abi::structs::RawConnectionInfo;
use GameNetworkingSockets::abi::structs::RawRealTimeStatus;
use GameNetworkingSockets::abi::structs::RawSessionFailed;
use GameNetworkingSockets::abi::structs::RawSessionRequest;
use GameNetworkingSockets::abi::vtable::Object;
use GameNetworkingSockets::messages::SteamAPI_SteamNetworkingMessage_t_Release as release_message;
use GameNetworkingSockets::packets::*;
use GameNetworkingSockets::sessions::*;
use GameNetworkingSockets::utils::config::SteamAPI_ISteamNetworkingUtils_SetGlobalConfigValuePtr as set_function;

use crate::room::ANNA;
use crate::room::BEN;
use crate::room::CLOSED_BY_PEER;
use crate::room::CONNECTED;
use crate::room::Room;
use crate::room::absent;
use crate::room::name;

const RELIABLE: c_int = 8;
const RESTART: c_int = 32;
const OK: c_int = 1;
const FAIL: c_int = 2;
const INVALID: c_int = 8;
const CONNECT_FAILED: c_int = 35;

/// The room whose factory it is. A factory is one for the process, and so is a room.
static ROOM: Mutex<usize> = Mutex::new(0);
static ASKED: Mutex<Vec<RawIdentity>> = Mutex::new(Vec::new());
static FAILED: Mutex<Vec<RawConnectionInfo>> = Mutex::new(Vec::new());

unsafe extern "C-unwind" fn make(
    this: *const Object,
    peer: *const RawIdentity,
    local_port: c_int,
    remote_port: c_int,
) -> *mut Object {
    assert_eq!((local_port, remote_port), (0x7FFF_FFFF, 0x7FFF_FFFF));
    let room = unsafe { &*std::ptr::with_exposed_provenance::<Room>(*ROOM.lock().unwrap()) };
    let whose = usize::from(this == room.peers[BEN]);
    let peer = unsafe { peer.read_unaligned() };
    assert!(peer == name(1 - whose) || peer == absent());
    room.signaling(whose)
}

unsafe extern "C-unwind" fn on_asked(asked: *mut RawSessionRequest) {
    let asked = unsafe { asked.read_unaligned() };
    ASKED.lock().unwrap().push(asked.identity_remote);
}

unsafe extern "C-unwind" fn on_failed(failed: *mut RawSessionFailed) {
    let failed = unsafe { failed.read_unaligned() };
    FAILED.lock().unwrap().push(failed.info);
}

/// A room with messages, whose settings go when it is dropped.
struct Post {
    room: Box<Room>,
    messages: [*const Object; 2],
}

impl Post {
    fn new() -> Self {
        let mut post = Self::without_servers_messages();
        post.messages[BEN] = unsafe { SteamGameServerNetworkingMessages_LibV2() };
        post
    }

    fn without_servers_messages() -> Self {
        Self::with_room(Room::new())
    }

    fn with_room(room: Room) -> Self {
        let room = Box::new(room);
        *ROOM.lock().unwrap() = std::ptr::from_ref(&*room).expose_provenance();
        ASKED.lock().unwrap().clear();
        FAILED.lock().unwrap().clear();
        set([
            make as *const c_void,
            on_asked as *const c_void,
            on_failed as *const c_void,
        ]);
        let messages = [unsafe { SteamAPI_SteamNetworkingMessages_v002() }, null()];
        Self { room, messages }
    }

    fn send(&self, whose: usize, channel: c_int, flags: c_int, text: &str) -> c_int {
        self.send_to(whose, &name(1 - whose), channel, flags, text)
    }

    fn send_to(
        &self,
        whose: usize,
        peer: *const RawIdentity,
        channel: c_int,
        flags: c_int,
        text: &str,
    ) -> c_int {
        let send = SteamAPI_ISteamNetworkingMessages_SendMessageToUser;
        let (data, size) = (text.as_ptr().cast(), text.len() as u32);
        unsafe { send(self.messages[whose], peer, data, size, flags, channel) }
    }

    fn accept(&self, whose: usize) -> bool {
        let accept = SteamAPI_ISteamNetworkingMessages_AcceptSessionWithUser;
        unsafe { accept(self.messages[whose], &name(1 - whose)) }
    }

    fn close(&self, whose: usize) -> bool {
        let close = SteamAPI_ISteamNetworkingMessages_CloseSessionWithUser;
        unsafe { close(self.messages[whose], &name(1 - whose)) }
    }

    fn close_channel(&self, whose: usize, channel: c_int) -> bool {
        let close = SteamAPI_ISteamNetworkingMessages_CloseChannelWithUser;
        unsafe { close(self.messages[whose], &name(1 - whose), channel) }
    }

    fn state(&self, whose: usize) -> (c_int, RawConnectionInfo, RawRealTimeStatus) {
        let mut info = MaybeUninit::<RawConnectionInfo>::uninit();
        let mut status = MaybeUninit::<RawRealTimeStatus>::uninit();
        let get = SteamAPI_ISteamNetworkingMessages_GetSessionConnectionInfo;
        unsafe {
            info.as_mut_ptr().write_bytes(7, 1);
            status.as_mut_ptr().write_bytes(7, 1);
            let peer = name(1 - whose);
            let (told_info, told_status) = (info.as_mut_ptr(), status.as_mut_ptr());
            let state = get(
                self.messages[whose],
                &raw const peer,
                told_info,
                told_status,
            );
            (state, info.assume_init(), status.assume_init())
        }
    }

    fn receive(&self, whose: usize, channel: c_int) -> Option<String> {
        let mut message: *mut RawMessage = null_mut();
        let receive = SteamAPI_ISteamNetworkingMessages_ReceiveMessagesOnChannel;
        let count = unsafe { receive(self.messages[whose], channel, &raw mut message, 1) };
        (count == 1).then(|| unsafe {
            assert_eq!({ (*message).connection }, 0);
            assert_eq!({ (*message).channel }, channel);
            assert_eq!({ (*message).identity_peer }, name(1 - whose));
            assert_eq!({ (*message).lane }, 0);
            let (data, size) = ((*message).data.cast::<u8>(), (*message).size as usize);
            let text = std::slice::from_raw_parts(data, size).to_vec();
            release_message(message);
            String::from_utf8(text).unwrap()
        })
    }

    fn wait_text(&self, whose: usize, channel: c_int) -> String {
        self.room.wait(|| self.receive(whose, channel))
    }

    fn wait_asked(&self) -> RawIdentity {
        self.room.wait(|| ASKED.lock().unwrap().pop())
    }

    fn wait_failed(&self) -> RawConnectionInfo {
        self.room.wait(|| FAILED.lock().unwrap().pop())
    }

    fn acquaint(&self) {
        assert_eq!(self.send(ANNA, 1, RELIABLE, "hello"), OK);
        assert_eq!(self.wait_asked(), name(ANNA));
        assert!(self.accept(BEN));
        assert_eq!(self.wait_text(BEN, 1), "hello");
    }
}

impl Drop for Post {
    fn drop(&mut self) {
        set([null(); 3]);
    }
}

fn set(functions: [*const c_void; 3]) {
    for (key, function) in [206, 204, 205].into_iter().zip(functions) {
        assert!(unsafe { set_function(null(), key, function.cast_mut()) });
    }
}

#[test]
fn a_message_to_an_identity_arrives_once_it_is_accepted() {
    let post = Post::new();
    assert!(!post.accept(BEN), "nobody asks");
    post.acquaint();
    assert!(post.accept(BEN), "it is active");
    assert_eq!(post.send(BEN, -3, RELIABLE, "hello yourself"), OK);
    assert_eq!(post.wait_text(ANNA, -3), "hello yourself");
    let (state, info, status) = post.state(ANNA);
    assert_eq!(state, CONNECTED);
    assert_eq!({ info.identity_remote }, name(BEN));
    assert_eq!(({ info.state }, { info.listen_socket }), (CONNECTED, 0));
    assert_eq!({ status.state }, CONNECTED);
    let (_, info, _) = post.state(BEN);
    assert_eq!({ info.listen_socket }, 0, "nobody's business");
    assert!(ASKED.lock().unwrap().is_empty());
    assert!(FAILED.lock().unwrap().is_empty());
}

/// A game that serves and plays, with nothing that carries signals; or with something that is not asked.
#[test]
fn regression_the_two_sides_of_a_process_need_no_signaling() {
    for has_factory in [false, true] {
        let mut post = Post::with_room(Room::with_session_shortcuts(true));
        post.messages[BEN] = unsafe { SteamGameServerNetworkingMessages_LibV2() };
        if !has_factory {
            set_only_factory(null());
        }
        post.acquaint();
        assert_eq!(post.send(BEN, 2, RELIABLE, "hello yourself"), OK);
        assert_eq!(post.wait_text(ANNA, 2), "hello yourself");
        let (_, info, _) = post.state(ANNA);
        assert_eq!({ info.flags } & 4, 4, "in memory");
        assert_eq!(post.room.service.lock().unwrap().made, 0);
        let sent = post.send_to(ANNA, &name(ANNA), 0, RELIABLE, "hello me");
        assert_eq!(sent, INVALID, "to oneself");
    }
}

#[test]
fn to_send_is_to_accept() {
    let post = Post::new();
    assert_eq!(post.send(ANNA, 0, 0, "hello"), OK);
    assert_eq!(post.wait_asked(), name(ANNA));
    assert_eq!(post.send(BEN, 0, RELIABLE, "welcome"), OK);
    assert_eq!(post.wait_text(ANNA, 0), "welcome");
    assert_eq!(post.wait_text(BEN, 0), "hello");
}

/// Who has set a function for requests hears of them without having used the interface before.
#[test]
fn who_has_said_who_is_to_hear_is_asked() {
    let post = Post::without_servers_messages();
    assert_eq!(post.send(ANNA, 0, RELIABLE, "hello"), OK);
    assert_eq!(post.wait_asked(), name(ANNA));
}

#[test]
fn a_session_is_closed_and_begins_again() {
    let post = Post::new();
    for _ in 0..2 {
        assert!(!post.close(ANNA), "there is none");
        post.acquaint();
        assert!(post.close(ANNA));
        assert_eq!(post.state(ANNA).0, 0);
        post.room.wait(|| (post.state(BEN).0 == 0).then_some(()));
    }
}

#[test]
fn a_channel_is_open_once_something_came() {
    let post = Post::new();
    post.acquaint();
    assert!(!post.close_channel(ANNA, 1), "to send opens none");
    assert!(!post.close_channel(BEN, 2));
    assert!(post.close_channel(BEN, 1), "the last one");
    assert_eq!(post.state(BEN).0, 0);
}

#[test]
fn a_session_that_is_refused_fails_until_it_is_restarted() {
    let post = Post::new();
    assert_eq!(post.send(ANNA, 0, RELIABLE, "hello?"), OK);
    post.wait_asked();
    assert!(post.close(BEN));
    let failed = post.wait_failed();
    assert_eq!({ failed.identity_remote }, name(BEN));
    assert_eq!(
        ({ failed.state }, { failed.end_reason }),
        (CLOSED_BY_PEER, 1001)
    );
    assert_eq!(post.send(ANNA, 0, RELIABLE, "again"), CONNECT_FAILED);
    let (state, info, status) = post.state(ANNA);
    assert_eq!((state, { info.end_reason }), (CLOSED_BY_PEER, 1001));
    assert_eq!({ status.state }, CLOSED_BY_PEER, "as it was in the end");
    assert_eq!(post.send(ANNA, 0, RELIABLE | RESTART, "again"), OK);
    post.wait_asked();
    assert!(post.accept(BEN));
    assert_eq!(post.wait_text(BEN, 0), "again");
}

#[test]
fn regression_a_session_that_has_failed_tells_how_it_did() {
    let post = Post::new();
    post.acquaint();
    post.room
        .wait(|| (post.state(ANNA).2.ping_ms >= 0).then_some(()));
    // Something is under way, so that it is a failure.
    assert_eq!(post.send(ANNA, 0, RELIABLE, &"x".repeat(400_000)), OK);
    assert!(post.close(BEN));
    let failed = post.wait_failed();
    let (state, _, status) = post.state(ANNA);
    assert_eq!(state, { failed.state });
    assert_eq!(state, { status.state });
    assert!({ status.ping_ms } >= 0, "it was measured");
}

#[test]
fn what_cannot_be_sent_says_why() {
    let post = Post::new();
    let nobody = RawIdentity::INVALID;
    assert_eq!(
        post.send_to(ANNA, &raw const nobody, 0, RELIABLE, "x"),
        INVALID
    );
    assert_eq!(post.send_to(ANNA, null(), 0, RELIABLE, "x"), INVALID);
    let send = SteamAPI_ISteamNetworkingMessages_SendMessageToUser;
    let (this, peer) = (post.messages[ANNA], name(BEN));
    let large = vec![0_u8; 524_289];
    let sent = unsafe {
        send(
            this,
            &raw const peer,
            large.as_ptr().cast(),
            524_289,
            RELIABLE,
            0,
        )
    };
    assert_eq!(sent, INVALID);
    let sent = unsafe { send(this, &raw const peer, null(), 5, RELIABLE, 0) };
    assert_eq!(sent, INVALID);
    let sent = unsafe {
        send(
            post.room.peers[ANNA],
            &raw const peer,
            null(),
            0,
            RELIABLE,
            0,
        )
    };
    assert_eq!(sent, FAIL, "another object");
    set_only_factory(null());
    assert_eq!(post.send(ANNA, 0, RELIABLE, "x"), FAIL, "no factory");
    let receive = SteamAPI_ISteamNetworkingMessages_ReceiveMessagesOnChannel;
    let mut message = null_mut();
    for (out, max) in [
        (null_mut(), 1),
        (&raw mut message, 0),
        (&raw mut message, -1),
    ] {
        assert_eq!(unsafe { receive(this, 0, out, max) }, 0);
    }
}

fn set_only_factory(function: *const c_void) {
    assert!(unsafe { set_function(null(), 206, function.cast_mut()) });
}

/// Whatever pointer is null, there is an answer.
#[test]
fn null_arguments_are_answered() {
    let post = Post::new();
    post.acquaint();
    let (peer, this) = (name(BEN), post.messages[ANNA]);
    let (peer, nobody, data) = (&raw const peer, null(), b"x".as_ptr().cast());
    unsafe {
        let send = SteamAPI_ISteamNetworkingMessages_SendMessageToUser;
        assert_eq!(send(null(), peer, data, 1, RELIABLE, 0), FAIL);
        assert_eq!(send(null(), nobody, null(), 0, RELIABLE, 0), FAIL);
        assert_eq!(send(this, nobody, null(), 0, RELIABLE, 0), INVALID);
        let receive = SteamAPI_ISteamNetworkingMessages_ReceiveMessagesOnChannel;
        assert_eq!(receive(null(), 0, null_mut(), 1), 0);
        let accept = SteamAPI_ISteamNetworkingMessages_AcceptSessionWithUser;
        let close = SteamAPI_ISteamNetworkingMessages_CloseSessionWithUser;
        for end in [accept, close] {
            assert!(!end(null(), peer) && !end(null(), nobody) && !end(this, nobody));
        }
        let close_channel = SteamAPI_ISteamNetworkingMessages_CloseChannelWithUser;
        assert!(!close_channel(null(), peer, 1) && !close_channel(this, nobody, 1));
        let state = SteamAPI_ISteamNetworkingMessages_GetSessionConnectionInfo;
        assert_eq!(state(null(), peer, null_mut(), null_mut()), 0);
        assert_eq!(state(this, nobody, null_mut(), null_mut()), 0);
        assert_eq!(state(this, peer, null_mut(), null_mut()), CONNECTED);
    }
}

#[test]
fn null_arguments_of_packets_are_answered() {
    let _room = Room::new();
    let this = unsafe { SteamAPI_SteamNetworking_v006() };
    assert!(!this.is_null());
    let user = 76_561_197_960_287_930;
    for (this, peer) in [(null(), user), (null(), 0), (this, 0)] {
        unsafe {
            let send = SteamAPI_ISteamNetworking_SendP2PPacket;
            assert!(!send(this, peer, null(), 0, 2, 0));
            assert!(!send(this, peer, null(), 5, 2, 0));
            assert!(!SteamAPI_ISteamNetworking_AcceptP2PSessionWithUser(
                this, peer
            ));
            assert!(!SteamAPI_ISteamNetworking_CloseP2PSessionWithUser(
                this, peer
            ));
            assert!(!SteamAPI_ISteamNetworking_CloseP2PChannelWithUser(
                this, peer, 0
            ));
            assert!(!SteamAPI_ISteamNetworking_GetP2PSessionState(
                this,
                peer,
                null_mut()
            ));
            assert!(!SteamAPI_ISteamNetworking_IsP2PPacketAvailable(
                this,
                null_mut(),
                0
            ));
            let read = SteamAPI_ISteamNetworking_ReadP2PPacket;
            assert!(!read(this, null_mut(), 5, null_mut(), null_mut(), 0));
        }
    }
}
