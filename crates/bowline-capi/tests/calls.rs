//! Any sequence of calls with any handle: a handle means what it was given out for as long as that lives,
//! and nothing before, after, or as a handle of another kind.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]
#![allow(
    clippy::undocumented_unsafe_blocks,
    reason = "all pointers lead to locals, or are null"
)]

mod support;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::ffi::c_int;
use std::ptr::null;
use std::ptr::null_mut;

use GameNetworkingSockets::abi::message::RawMessage;
use GameNetworkingSockets::callbacks::SteamAPI_ISteamNetworkingSockets_RunCallbacks;
use GameNetworkingSockets::messages::*;
use GameNetworkingSockets::sockets::flat::*;
use GameNetworkingSockets::utils::config::*;

use proptest::prelude::*;
use support::Session;
use support::info;
use support::listen;
use support::pair;
use support::sockets;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn handles_mean_what_they_were_given_out_for(
        calls in prop::collection::vec(call(), 1..80),
    ) {
        let _session = Session::start();
        let mut world = World::default();
        for (call, handle) in calls {
            world.run(call, handle);
        }
    }
}

/// What is done.
#[derive(Clone, Copy, Debug)]
enum Call {
    Pair,
    Listen,
    Group,
    Close,
    CloseListener,
    DestroyGroup,
    Join { group: usize },
    UserData { value: i64 },
    Configure { scope: c_int, nagle_us: i32 },
    Info,
    Send,
    Receive,
    ReceiveGroup,
    RunCallbacks,
}

/// Which handle it is done with: one that was given out, or close to one.
#[derive(Clone, Copy, Debug)]
struct Pick {
    index: usize,
    change: u32,
}

fn call() -> impl Strategy<Value = (Call, Pick)> {
    let call = prop_oneof![
        2 => Just(Call::Pair),
        1 => Just(Call::Listen),
        1 => Just(Call::Group),
        1 => Just(Call::Close),
        1 => Just(Call::CloseListener),
        1 => Just(Call::DestroyGroup),
        2 => any::<usize>().prop_map(|group| Call::Join { group }),
        1 => any::<i64>().prop_map(|value| Call::UserData { value }),
        1 => (2..6_i32, 0..20_000_i32)
            .prop_map(|(scope, nagle_us)| Call::Configure { scope, nagle_us }),
        1 => Just(Call::Info),
        4 => Just(Call::Send),
        2 => Just(Call::Receive),
        2 => Just(Call::ReceiveGroup),
        1 => Just(Call::RunCallbacks),
    ];
    let change = prop_oneof![
        6 => Just(0_u32),
        1 => Just(0x1_0000),
        1 => Just(0x8000_0000),
        1 => any::<u32>(),
    ];
    let pick = (any::<usize>(), change).prop_map(|(index, change)| Pick { index, change });
    (call, pick)
}

/// A connection as it should be.
#[derive(Debug)]
struct Known {
    partner: u32,
    user_data: i64,
    group: u32,
    nagle_us: Option<i32>,
    /// Messages that were sent to it and not received.
    waiting: usize,
}

/// What there should be.
#[derive(Debug, Default)]
struct World {
    connections: BTreeMap<u32, Known>,
    listeners: BTreeSet<u32>,
    groups: BTreeSet<u32>,
    /// Every handle that was ever given out.
    seen: Vec<u32>,
}

impl World {
    fn handle(&self, pick: Pick) -> u32 {
        match self.seen.len() {
            0 => pick.change,
            count => self.seen[pick.index % count] ^ pick.change,
        }
    }

    fn give_out(&mut self, handle: u32) {
        assert_ne!(handle, 0);
        assert!(
            !self.seen.contains(&handle),
            "{handle} was given out before"
        );
        self.seen.push(handle);
    }

    fn run(&mut self, call: Call, pick: Pick) {
        let this = sockets();
        let handle = self.handle(pick);
        match call {
            Call::Pair => self.pair(),
            Call::Listen => {
                // Ports are not without end.
                if self.listeners.len() < 4 {
                    let (handle, _) = listen(this);
                    self.give_out(handle);
                    self.listeners.insert(handle);
                }
            }
            Call::Group => {
                let handle = unsafe { SteamAPI_ISteamNetworkingSockets_CreatePollGroup(this) };
                self.give_out(handle);
                self.groups.insert(handle);
            }
            Call::Close => {
                let was_there = self.connections.remove(&handle).is_some();
                assert_eq!(support::close(this, handle), was_there);
            }
            Call::CloseListener => {
                let close = SteamAPI_ISteamNetworkingSockets_CloseListenSocket;
                assert_eq!(
                    unsafe { close(this, handle) },
                    self.listeners.remove(&handle)
                );
            }
            Call::DestroyGroup => self.destroy_group(handle),
            Call::Join { group } => self.join(handle, group),
            Call::UserData { value } => self.user_data(handle, value),
            Call::Configure { scope, nagle_us } => self.configure(handle, scope, nagle_us),
            Call::Info => {
                let is_there = self.connections.contains_key(&handle);
                assert_eq!(info(this, handle).is_some(), is_there);
            }
            Call::Send => self.send(handle),
            Call::Receive => self.receive(handle),
            Call::ReceiveGroup => self.receive_group(handle),
            Call::RunCallbacks => unsafe { SteamAPI_ISteamNetworkingSockets_RunCallbacks(this) },
        }
    }

    fn pair(&mut self) {
        let [first, second] = pair(sockets());
        for (handle, partner) in [(first, second), (second, first)] {
            self.give_out(handle);
            let known = Known {
                partner,
                user_data: -1,
                group: 0,
                nagle_us: None,
                waiting: 0,
            };
            self.connections.insert(handle, known);
        }
    }

    fn destroy_group(&mut self, handle: u32) {
        let destroy = SteamAPI_ISteamNetworkingSockets_DestroyPollGroup;
        let was_there = self.groups.remove(&handle);
        assert_eq!(unsafe { destroy(sockets(), handle) }, was_there);
        for known in self.connections.values_mut() {
            if known.group == handle {
                known.group = 0;
            }
        }
    }

    fn join(&mut self, handle: u32, group: usize) {
        let groups = self.groups.iter().chain([&0]).copied().collect::<Vec<_>>();
        let group = groups[group % groups.len()];
        let join = SteamAPI_ISteamNetworkingSockets_SetConnectionPollGroup;
        let joined = unsafe { join(sockets(), handle, group) };
        let known = self.connections.get_mut(&handle);
        assert_eq!(joined, known.is_some());
        if let Some(known) = known {
            known.group = group;
        }
    }

    fn user_data(&mut self, handle: u32, value: i64) {
        let this = sockets();
        let get = SteamAPI_ISteamNetworkingSockets_GetConnectionUserData;
        let set = SteamAPI_ISteamNetworkingSockets_SetConnectionUserData;
        let known = self.connections.get_mut(&handle);
        let before = known.as_ref().map_or(-1, |known| known.user_data);
        assert_eq!(unsafe { get(this, handle) }, before);
        assert_eq!(unsafe { set(this, handle, value) }, known.is_some());
        if let Some(known) = known {
            known.user_data = value;
        }
    }

    fn configure(&mut self, handle: u32, scope: c_int, nagle_us: i32) {
        const NAGLE: c_int = 12;
        let value = (&raw const nagle_us).cast();
        let object = handle as isize;
        let set = unsafe {
            SteamAPI_ISteamNetworkingUtils_SetConfigValue(null(), NAGLE, scope, object, 1, value)
        };
        let is_there = match scope {
            3 => self.listeners.contains(&handle),
            4 => self.connections.contains_key(&handle),
            _ => false,
        };
        assert_eq!(set, is_there);
        if scope == 4
            && let Some(known) = self.connections.get_mut(&handle)
        {
            known.nagle_us = Some(nagle_us);
        }
        // Nobody else has got it.
        for (handle, known) in &self.connections {
            let (mut found, mut size) = (0_i32, 4);
            let to = (&raw mut found).cast();
            let object = *handle as isize;
            let result = unsafe {
                SteamAPI_ISteamNetworkingUtils_GetConfigValue(
                    null(),
                    NAGLE,
                    4,
                    object,
                    null_mut(),
                    to,
                    &raw mut size,
                )
            };
            let expected = known.nagle_us.map_or((2, 5000), |own| (1, own));
            assert_eq!((result, found), expected, "{handle}");
        }
    }

    fn send(&mut self, handle: u32) {
        let send = SteamAPI_ISteamNetworkingSockets_SendMessageToConnection;
        let result = unsafe { send(sockets(), handle, [1; 20].as_ptr(), 20, 8, null_mut()) };
        let Some(partner) = self.connections.get(&handle).map(|known| known.partner) else {
            assert_eq!(result, 8);
            return;
        };
        match self.connections.get_mut(&partner) {
            Some(partner) => {
                assert_eq!(result, 1);
                partner.waiting += 1;
            }
            // It may not know yet that the other end is closed.
            None => assert!(result == 1 || result == 3, "{result}"),
        }
    }

    fn receive(&mut self, handle: u32) {
        let receive = SteamAPI_ISteamNetworkingSockets_ReceiveMessagesOnConnection;
        let mut messages = [null_mut(); 3];
        let count = unsafe { receive(sockets(), handle, messages.as_mut_ptr(), 3) };
        let Some(known) = self.connections.get_mut(&handle) else {
            assert_eq!(count, -1);
            return;
        };
        for message in &messages[..usize::try_from(count).unwrap()] {
            assert_eq!(release(*message), handle);
            known.waiting = known.waiting.checked_sub(1).expect("it was sent");
        }
    }

    fn receive_group(&mut self, handle: u32) {
        let receive = SteamAPI_ISteamNetworkingSockets_ReceiveMessagesOnPollGroup;
        let mut messages = [null_mut(); 3];
        let count = unsafe { receive(sockets(), handle, messages.as_mut_ptr(), 3) };
        if !self.groups.contains(&handle) {
            assert_eq!(count, -1);
            return;
        }
        for message in &messages[..usize::try_from(count).unwrap()] {
            let connection = release(*message);
            let known = self.connections.get_mut(&connection).expect("it lives");
            assert_eq!(known.group, handle);
            known.waiting = known.waiting.checked_sub(1).expect("it was sent");
        }
    }
}

/// Gives a message back; tells whose it was.
fn release(message: *mut RawMessage) -> u32 {
    let connection = unsafe { (*message).connection };
    unsafe { SteamAPI_SteamNetworkingMessage_t_Release(message) };
    connection
}
