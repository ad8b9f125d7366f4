//! Two peers in one process, the players' interface and the game server's, and a service between them that
//! carries signals from one to the other when it is told to.

use std::collections::VecDeque;
use std::ffi::c_int;
use std::ffi::c_void;
use std::ptr::null;
use std::ptr::null_mut;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;
use std::time::Instant;

use GameNetworkingSockets::abi::identity::RawIdentity;
use GameNetworkingSockets::abi::structs::ConnectionHandle;
use GameNetworkingSockets::abi::structs::ListenHandle;
use GameNetworkingSockets::abi::structs::RawConnectionInfo;
use GameNetworkingSockets::abi::structs::RawOption;
use GameNetworkingSockets::abi::structs::RawOptionValue;
use GameNetworkingSockets::abi::vtable::Object;
use GameNetworkingSockets::callbacks::SteamAPI_ISteamNetworkingSockets_RunCallbacks as run_callbacks;
use GameNetworkingSockets::messages::SteamAPI_ISteamNetworkingSockets_ReceiveMessagesOnConnection as receive_messages;
use GameNetworkingSockets::messages::SteamAPI_ISteamNetworkingSockets_SendMessageToConnection as send_message;
use GameNetworkingSockets::messages::SteamAPI_SteamNetworkingMessage_t_Release as release_message;
use GameNetworkingSockets::process::GameNetworkingSockets_Init as init;
use GameNetworkingSockets::process::GameNetworkingSockets_Kill as kill;
use GameNetworkingSockets::sessions::set_shortcuts;
use GameNetworkingSockets::sockets::flat::*;
use GameNetworkingSockets::sockets::object::SteamGameServerNetworkingSockets_LibV12 as server;
use GameNetworkingSockets::sockets::peers::*;
use GameNetworkingSockets::sockets::signaling::*;

use crate::support::Heard;
use crate::support::Session;
use crate::support::callback;
use crate::support::hear;
use crate::support::heard;
use crate::support::info;
use crate::support::sockets;

pub(crate) const ANNA: usize = 0;
pub(crate) const BEN: usize = 1;

/// A signal on its way.
#[derive(Clone, Debug)]
pub(crate) struct Signal {
    pub(crate) to: usize,
    pub(crate) connection: ConnectionHandle,
    /// What the sender was told about its connection.
    pub(crate) info: RawConnectionInfo,
    pub(crate) bytes: Vec<u8>,
}

/// The service, and what it has seen.
#[derive(Default)]
pub(crate) struct Service {
    pub(crate) signals: VecDeque<Signal>,
    pub(crate) made: usize,
    pub(crate) released: usize,
    /// It says that it is gone for good.
    pub(crate) is_gone: bool,
}

/// What an object for signals is made of: whom it carries to.
struct Account {
    to: usize,
    service: Arc<Mutex<Service>>,
}

/// What becomes of those who ask.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Answer {
    Consider,
    Accept,
    Ignore,
    Reject,
    /// Ends the library.
    Kill,
}

/// What a peer is asked when it takes a signal.
pub(crate) struct Asked<'a> {
    pub(crate) room: &'a Room,
    pub(crate) whose: usize,
    pub(crate) answer: Answer,
    /// Who asked: connection, peer and port.
    pub(crate) requests: Vec<(ConnectionHandle, RawIdentity, c_int)>,
    pub(crate) rejections: usize,
}

/// Anna and Ben.
pub(crate) struct Room {
    pub(crate) peers: [*const Object; 2],
    pub(crate) service: Arc<Mutex<Service>>,
    heard: Mutex<Vec<Heard>>,
    _session: Session,
}

pub(crate) fn name(of: usize) -> RawIdentity {
    let name = ["anna", "ben"][of];
    RawIdentity::from(Some(&bowline::Identity::str(name).unwrap()))
}

/// Somebody who is not in this process.
pub(crate) fn absent() -> RawIdentity {
    RawIdentity::from(Some(&bowline::Identity::str("carol").unwrap()))
}

pub(crate) fn int(key: bowline::ConfigKey, int32: c_int) -> RawOption {
    RawOption {
        key: key.number(),
        kind: 1,
        value: RawOptionValue { int32 },
    }
}

impl Room {
    pub(crate) fn new() -> Self {
        Self::with_session_shortcuts(false)
    }

    /// One in which sessions are made in memory, or not.
    pub(crate) fn with_session_shortcuts(allowed: bool) -> Self {
        let session = Session::without_library();
        set_shortcuts(allowed);
        assert!(unsafe { init(null(), null_mut()) });
        let peers = [sockets(), unsafe { server() }];
        for (whose, this) in peers.into_iter().enumerate() {
            let name = name(whose);
            unsafe { SteamAPI_ISteamNetworkingSockets_ResetIdentity(this, &raw const name) };
        }
        Self {
            peers,
            service: Arc::default(),
            heard: Mutex::default(),
            _session: session,
        }
    }

    /// An object that carries signals of that peer to the other.
    pub(crate) fn signaling(&self, whose: usize) -> *mut Object {
        self.service.lock().unwrap().made += 1;
        let account = Account {
            to: 1 - whose,
            service: Arc::clone(&self.service),
        };
        let context = Box::into_raw(Box::new(account)).cast();
        unsafe {
            SteamAPI_ISteamNetworkingSockets_CreateCustomSignaling(
                context,
                Some(send),
                Some(release),
            )
        }
    }

    pub(crate) fn listen(&self, whose: usize, port: c_int) -> ListenHandle {
        let option = callback(hear);
        let listen = SteamAPI_ISteamNetworkingSockets_CreateListenSocketP2P;
        unsafe { listen(self.peers[whose], port, 1, &raw const option) }
    }

    /// Calls the other.
    pub(crate) fn call(&self, whose: usize, port: c_int, more: &[RawOption]) -> ConnectionHandle {
        let options = [&[callback(hear)], more].concat();
        let peer = name(1 - whose);
        let connect = SteamAPI_ISteamNetworkingSockets_ConnectP2PCustomSignaling;
        unsafe {
            connect(
                self.peers[whose],
                self.signaling(whose),
                &raw const peer,
                port,
                options.len() as c_int,
                options.as_ptr(),
            )
        }
    }

    pub(crate) fn asked(&self, whose: usize, answer: Answer) -> Asked<'_> {
        Asked {
            room: self,
            whose,
            answer,
            requests: Vec::new(),
            rejections: 0,
        }
    }

    /// Takes the next signal out of the service; waits for it.
    pub(crate) fn next_signal(&self) -> Signal {
        self.until(false, || self.service.lock().unwrap().signals.pop_front())
    }

    /// The next signal to that peer; those to the other are lost.
    pub(crate) fn wait_for_signal_to(&self, whose: usize) -> Signal {
        loop {
            let signal = self.next_signal();
            if signal.to == whose {
                return signal;
            }
        }
    }

    /// Hands a signal to whom it is for.
    pub(crate) fn hand_in(&self, signal: &Signal, asked: &mut Asked<'_>) -> bool {
        assert_eq!(signal.to, asked.whose);
        let receive = SteamAPI_ISteamNetworkingSockets_ReceivedP2PCustomSignal2;
        unsafe {
            receive(
                self.peers[signal.to],
                signal.bytes.as_ptr().cast(),
                signal.bytes.len() as c_int,
                (&raw mut *asked).cast(),
                Some(on_request),
                Some(send_rejection),
            )
        }
    }

    /// Carries signals until nothing is left; everybody considers.
    fn carry(&self) {
        loop {
            // Not under the lock: taking it in may send one.
            let signal = self.service.lock().unwrap().signals.pop_front();
            let Some(signal) = signal else {
                return;
            };
            let mut asked = self.asked(signal.to, Answer::Consider);
            assert!(self.hand_in(&signal, &mut asked));
        }
    }

    /// Runs everything until something is so.
    pub(crate) fn wait<T>(&self, condition: impl Fn() -> Option<T>) -> T {
        self.until(true, condition)
    }

    fn until<T>(&self, carries: bool, condition: impl Fn() -> Option<T>) -> T {
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(found) = condition() {
                return found;
            }
            let heard_so_far = || self.heard.lock().unwrap().clone();
            assert!(
                Instant::now() < end,
                "it did not come: {:?}",
                heard_so_far()
            );
            if carries {
                self.carry();
            }
            for this in self.peers {
                unsafe { run_callbacks(this) };
            }
            self.heard.lock().unwrap().extend(heard());
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Waits until a callback like that was heard.
    pub(crate) fn wait_heard(&self, wanted: impl Fn(&Heard) -> bool) -> Heard {
        self.wait(|| self.heard.lock().unwrap().iter().copied().find(&wanted))
    }

    /// What was heard of a connection: states before and after.
    pub(crate) fn heard_of(&self, connection: ConnectionHandle) -> Vec<(i32, i32)> {
        let heard = self.heard.lock().unwrap();
        let of = heard.iter().filter(|heard| heard.connection == connection);
        of.map(|heard| (heard.old, heard.new)).collect()
    }

    pub(crate) fn wait_state(&self, connection: ConnectionHandle, state: i32) {
        self.wait(|| (self.state(connection) == state).then_some(()));
    }

    /// 0 if there is no such connection.
    pub(crate) fn state(&self, connection: ConnectionHandle) -> i32 {
        info(self.peers[ANNA], connection).map_or(0, |info| info.state)
    }

    pub(crate) fn accept(&self, whose: usize, connection: ConnectionHandle) -> c_int {
        let accept = SteamAPI_ISteamNetworkingSockets_AcceptConnection;
        unsafe { accept(self.peers[whose], connection) }
    }

    /// Anna calls, Ben accepts: both ends when they are connected, and Ben's listen socket.
    pub(crate) fn connected(&self) -> (ConnectionHandle, ConnectionHandle, ListenHandle) {
        let listener = self.listen(BEN, 7);
        assert_ne!(listener, 0);
        let annas = self.call(ANNA, 7, &[]);
        assert_ne!(annas, 0);
        let request = self.wait_heard(|heard| heard.listener == listener && heard.new == 1);
        let bens = request.connection;
        assert_eq!(self.accept(BEN, bens), 1);
        self.wait_state(annas, CONNECTED);
        self.wait_state(bens, CONNECTED);
        (annas, bens, listener)
    }

    /// Sends a text over a connection and waits until it is there.
    pub(crate) fn check_message(&self, from: ConnectionHandle, to: ConnectionHandle, text: &str) {
        let this = self.peers[ANNA];
        let data = text.as_ptr().cast();
        let sent = unsafe { send_message(this, from, data, text.len() as u32, 8, null_mut()) };
        assert_eq!(sent, 1);
        let received = self.wait(|| unsafe {
            let mut message = null_mut();
            let count = receive_messages(this, to, &raw mut message, 1);
            (count == 1).then(|| {
                let (data, size) = ((*message).data.cast::<u8>(), (*message).size as usize);
                let bytes = std::slice::from_raw_parts(data, size).to_vec();
                release_message(message);
                bytes
            })
        });
        assert_eq!(received, text.as_bytes());
    }

    /// Ends the library, and checks that each object for signals was released once.
    pub(crate) fn end(self) {
        unsafe { kill() };
        let service = self.service.lock().unwrap();
        assert_eq!(service.released, service.made);
    }
}

pub(crate) const CONNECTED: i32 = 3;
pub(crate) const CLOSED_BY_PEER: i32 = 4;
pub(crate) const PROBLEM: i32 = 5;

unsafe extern "C-unwind" fn send(
    context: *mut c_void,
    connection: ConnectionHandle,
    info: *const RawConnectionInfo,
    signal: *const c_void,
    size: c_int,
) -> u8 {
    let account = unsafe { &*context.cast::<Account>() };
    let bytes = unsafe { std::slice::from_raw_parts(signal.cast::<u8>(), size as usize) };
    let mut service = account.service.lock().unwrap();
    service.signals.push_back(Signal {
        to: account.to,
        connection,
        info: unsafe { info.read_unaligned() },
        bytes: bytes.to_vec(),
    });
    u8::from(!service.is_gone)
}

unsafe extern "C-unwind" fn release(context: *mut c_void) {
    let account = unsafe { Box::from_raw(context.cast::<Account>()) };
    account.service.lock().unwrap().released += 1;
}

unsafe extern "C-unwind" fn on_request(
    context: *mut c_void,
    connection: ConnectionHandle,
    peer: *const RawIdentity,
    port: c_int,
) -> *mut Object {
    let asked = unsafe { &mut *context.cast::<Asked<'_>>() };
    let (room, whose) = (asked.room, asked.whose);
    let peer = unsafe { peer.read_unaligned() };
    asked.requests.push((connection, peer, port));
    match asked.answer {
        Answer::Consider => room.signaling(whose),
        Answer::Accept => {
            assert_eq!(room.accept(whose, connection), 1);
            room.signaling(whose)
        }
        Answer::Ignore => null_mut(),
        Answer::Reject => {
            let close = SteamAPI_ISteamNetworkingSockets_CloseConnection;
            let text = c"no thanks".as_ptr();
            assert!(unsafe { close(room.peers[whose], connection, 1777, text, 0) });
            null_mut()
        }
        Answer::Kill => {
            unsafe { kill() };
            null_mut()
        }
    }
}

unsafe extern "C-unwind" fn send_rejection(
    context: *mut c_void,
    peer: *const RawIdentity,
    signal: *const c_void,
    size: c_int,
) {
    let asked = unsafe { &mut *context.cast::<Asked<'_>>() };
    assert_eq!(unsafe { peer.read_unaligned() }, name(1 - asked.whose));
    asked.rejections += 1;
    let bytes = unsafe { std::slice::from_raw_parts(signal.cast::<u8>(), size as usize) };
    // Taken in at once, as something in the same process might.
    let receive = SteamAPI_ISteamNetworkingSockets_ReceivedP2PCustomSignal;
    let this = asked.room.peers[1 - asked.whose];
    assert!(unsafe { receive(this, bytes.as_ptr().cast(), size, null_mut()) });
}

/// No pointer at all.
pub(crate) const NOTHING: *const RawOption = null();
