//! GameNetworkingSockets as a [`Host`].
//!
//! The library is one per process: its identity and the network conditions that it
//! simulates ([`Gns::impair`]) hold for every [`Gns`] of the process.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::ptr;
use std::time::Duration;

use crate::gns::library::Library;
use crate::host::{
    Change, Host, Info, Lane, Link, Options, Outgoing, Received, SendRefused, Status,
};

mod convert;
mod library;
mod messages;
mod p2p;

use gns::sys;

pub use library::{Conditions, impair};
pub use messages::SessionNews;
pub use p2p::{Signaled, log_to_stderr, set_global};

/// One user of the process's GameNetworkingSockets.
#[derive(Debug)]
pub struct Gns {
    library: &'static Library,
    listeners: BTreeSet<sys::HSteamListenSocket>,
    links: BTreeSet<sys::HSteamNetConnection>,
}

impl Gns {
    /// Starts the library, with an identity of the form `str:name` if one is given.
    ///
    /// # Panics
    /// When the library does not start, or runs with another identity already.
    pub fn new(identity: Option<&str>) -> Self {
        Self {
            library: Library::start(identity),
            listeners: BTreeSet::new(),
            links: BTreeSet::new(),
        }
    }
}

impl Host for Gns {
    fn listen(&mut self, options: &Options) -> SocketAddr {
        let values = convert::config_values(options);
        // GNS refuses port 0; another process may take the port in between.
        for _ in 0..20 {
            let address = free_address();
            let steam_address = convert::to_steam_address(address);
            // SAFETY: the interface lives as long as the process; the address and the
            // values outlive the call, and their count is passed along.
            let handle = unsafe {
                sys::SteamAPI_ISteamNetworkingSockets_CreateListenSocketIP(
                    self.library.sockets(),
                    &steam_address,
                    values.len() as i32,
                    values.as_ptr(),
                )
            };
            if handle != 0 {
                self.listeners.insert(handle);
                return address;
            }
        }
        panic!("GNS could not listen on any of 20 free ports");
    }

    fn connect(&mut self, to: SocketAddr, options: &Options) -> Link {
        let values = convert::config_values(options);
        let address = convert::to_steam_address(to);
        // SAFETY: as in `listen`.
        let handle = unsafe {
            sys::SteamAPI_ISteamNetworkingSockets_ConnectByIPAddress(
                self.library.sockets(),
                &address,
                values.len() as i32,
                values.as_ptr(),
            )
        };
        assert_ne!(handle, 0, "GNS refused to dial {to}");
        self.links.insert(handle);
        Link(u64::from(handle))
    }

    fn accept(&mut self, link: Link) {
        // SAFETY: any number is allowed as a handle; GNS looks it up.
        let result = unsafe {
            sys::SteamAPI_ISteamNetworkingSockets_AcceptConnection(
                self.library.sockets(),
                handle(link),
            )
        };
        assert_eq!(
            result,
            sys::EResult::k_EResultOK,
            "GNS did not accept {link:?}"
        );
    }

    fn close(&mut self, link: Link, reason: i32, text: &str, linger: bool) {
        let text = convert::c_string(text);
        // SAFETY: the text is terminated and outlives the call.
        let known = unsafe {
            sys::SteamAPI_ISteamNetworkingSockets_CloseConnection(
                self.library.sockets(),
                handle(link),
                reason,
                text.as_ptr(),
                linger,
            )
        };
        assert!(known, "GNS does not know {link:?}, which was to be closed");
        self.links.remove(&handle(link));
    }

    fn send(&mut self, link: Link, message: &Outgoing<'_>) -> Result<u64, SendRefused> {
        let size = i32::try_from(message.data.len()).expect("scenarios send below 2 GiB");
        // SAFETY: GNS allocates a message with a buffer of `size` bytes, which is filled
        // here and handed back; `SendMessages` takes it over whatever the result.
        let result = unsafe {
            let raw =
                sys::SteamAPI_ISteamNetworkingUtils_AllocateMessage(self.library.utils(), size);
            assert!(!raw.is_null(), "GNS could not allocate {size} bytes");
            if size > 0 {
                let space = (*raw).m_pData.cast::<u8>();
                ptr::copy_nonoverlapping(message.data.as_ptr(), space, message.data.len());
            }
            (*raw).m_conn = handle(link);
            (*raw).m_nFlags = convert::send_flags(message);
            (*raw).m_idxLane = message.lane;
            let mut messages = [raw];
            let mut result = 0;
            sys::SteamAPI_ISteamNetworkingSockets_SendMessages(
                self.library.sockets(),
                1,
                messages.as_mut_ptr(),
                &mut result,
                true,
            );
            result
        };
        convert::send_result(result)
    }

    fn flush(&mut self, link: Link) {
        // SAFETY: any number is allowed as a handle; GNS looks it up.
        unsafe {
            sys::SteamAPI_ISteamNetworkingSockets_FlushMessagesOnConnection(
                self.library.sockets(),
                handle(link),
            );
        }
    }

    fn receive(&mut self, link: Link, into: &mut Vec<Received>) {
        let mut messages = [ptr::null_mut(); 128];
        // SAFETY: the array has room for the count that is passed.
        let count = unsafe {
            sys::SteamAPI_ISteamNetworkingSockets_ReceiveMessagesOnConnection(
                self.library.sockets(),
                handle(link),
                messages.as_mut_ptr(),
                messages.len() as i32,
            )
        };
        let count = usize::try_from(count).unwrap_or(0);
        for message in messages.into_iter().take(count) {
            // SAFETY: GNS gave this message to us just now; it is released once.
            unsafe {
                into.push(convert::received(&*message));
                sys::SteamAPI_SteamNetworkingMessage_t_Release(message);
            }
        }
    }

    fn configure_lanes(&mut self, link: Link, lanes: &[Lane]) {
        let priorities: Vec<i32> = lanes.iter().map(|lane| lane.priority).collect();
        let weights: Vec<u16> = lanes.iter().map(|lane| lane.weight).collect();
        // SAFETY: both arrays have as many entries as are announced.
        let result = unsafe {
            sys::SteamAPI_ISteamNetworkingSockets_ConfigureConnectionLanes(
                self.library.sockets(),
                handle(link),
                lanes.len() as i32,
                priorities.as_ptr(),
                weights.as_ptr(),
            )
        };
        assert_eq!(
            result,
            sys::EResult::k_EResultOK,
            "GNS refused {} lanes",
            lanes.len()
        );
    }

    fn changes(&mut self, into: &mut Vec<Change>) {
        let (listeners, links) = (&self.listeners, &mut self.links);
        self.library.take_changes(|change| {
            let incoming = listeners.contains(&change.listener);
            let ours = incoming || links.contains(&change.handle);
            if ours {
                links.insert(change.handle);
                let link = Link(u64::from(change.handle));
                into.push(Change {
                    link,
                    old: change.old,
                    new: change.new,
                    incoming,
                });
            }
            ours
        });
    }

    fn info(&self, link: Link) -> Info {
        self.library
            .info(handle(link))
            .map_or_else(Info::unknown, |raw| convert::info(&raw))
    }

    fn status(&self, link: Link) -> Status {
        convert::status(&self.library.status(handle(link)))
    }

    fn queue_time(&self, link: Link, lane: u16) -> Duration {
        let us = self.library.queue_time_us(handle(link), lane);
        Duration::from_micros(u64::try_from(us).unwrap_or(0))
    }
}

impl Drop for Gns {
    fn drop(&mut self) {
        for &link in &self.links {
            // SAFETY: any number is allowed as a handle; a null text means none.
            unsafe {
                sys::SteamAPI_ISteamNetworkingSockets_CloseConnection(
                    self.library.sockets(),
                    link,
                    0,
                    ptr::null(),
                    false,
                );
            }
        }
        for &listener in &self.listeners {
            // SAFETY: any number is allowed as a handle; GNS looks it up.
            unsafe {
                sys::SteamAPI_ISteamNetworkingSockets_CloseListenSocket(
                    self.library.sockets(),
                    listener,
                );
            }
        }
    }
}

fn handle(link: Link) -> sys::HSteamNetConnection {
    u32::try_from(link.0).expect("links of this host are 32-bit handles")
}

/// An address on which nobody listened a moment ago.
fn free_address() -> SocketAddr {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|socket| socket.local_addr())
        .expect("the machine has a free UDP port")
}
