//! The listen sockets and poll groups of an interface, by the numbers that the script knows them by.
//!
//! Numbers count up and are never used again in the process. So one that the script has kept from before a
//! `shutdown` names nothing rather than something else.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;

use bowline::Listener;
use bowline::PeerListener;
use bowline::PollGroup;

use crate::interface::Interface;
use crate::module::Module;

/// What an interface keeps for the script.
#[derive(Debug, Default)]
pub(crate) struct Handles {
    listeners: RefCell<HashMap<u32, Ear>>,
    groups: RefCell<HashMap<u32, Rc<PollGroup>>>,
}

/// What listens.
#[derive(Debug)]
pub(crate) enum Ear {
    /// At an address.
    Address(Listener),
    /// For those who know who we are.
    Peers(PeerListener),
}

impl From<Listener> for Ear {
    fn from(listener: Listener) -> Self {
        Self::Address(listener)
    }
}

impl From<PeerListener> for Ear {
    fn from(listener: PeerListener) -> Self {
        Self::Peers(listener)
    }
}

/// The last number given; 0 names nothing.
static LAST: AtomicU32 = AtomicU32::new(0);

/// Set in the number of a poll group, as in the original, so that it is never a listen socket's.
const GROUP: u32 = 0x8000_0000;

impl Handles {
    /// Keeps a listen socket, and tells its number.
    pub(crate) fn add_listener(&self, listener: impl Into<Ear>) -> u32 {
        let number = next();
        self.listeners.borrow_mut().insert(number, listener.into());
        number
    }

    fn close_listener(&self, number: u32) {
        let listener = self.listeners.borrow_mut().remove(&number);
        match listener {
            Some(Ear::Address(listener)) => listener.close(),
            Some(Ear::Peers(listener)) => listener.close(),
            None => {}
        }
    }

    fn listener_addr(&self, number: u32) -> Option<SocketAddr> {
        let listeners = self.listeners.borrow();
        match listeners.get(&number)? {
            Ear::Address(listener) => Some(listener.local_addr()),
            Ear::Peers(_) => None,
        }
    }

    /// Keeps a poll group, and tells its number.
    pub(crate) fn add_group(&self, group: PollGroup) -> u32 {
        let number = next() | GROUP;
        self.groups.borrow_mut().insert(number, Rc::new(group));
        number
    }

    fn group(&self, number: u32) -> Option<Rc<PollGroup>> {
        self.groups.borrow().get(&number).cloned()
    }

    fn remove_group(&self, number: u32) -> bool {
        let group = self.groups.borrow_mut().remove(&number);
        group.is_some()
    }
}

impl Module {
    /// Closes a listen socket together with the connections that came in through it. Does nothing if there is
    /// none of that number.
    pub(crate) fn close_listener(&self, number: u32) {
        for interface in self.interfaces() {
            interface.handles().close_listener(number);
        }
    }

    /// The address that a listen socket has; `None` also for one that has a virtual port.
    pub(crate) fn listener_addr(&self, number: u32) -> Option<SocketAddr> {
        self.interfaces()
            .find_map(|interface| interface.handles().listener_addr(number))
    }

    /// A poll group with the interface that it is of.
    pub(crate) fn group(&self, number: u32) -> Option<(Rc<Interface>, Rc<PollGroup>)> {
        self.interfaces().find_map(|interface| {
            let group = interface.handles().group(number)?;
            Some((interface, group))
        })
    }

    /// Forgets a poll group and takes its connections out of it. Tells whether there was one.
    pub(crate) fn remove_group(&self, number: u32) -> bool {
        self.interfaces()
            .any(|interface| interface.handles().remove_group(number))
    }
}

/// Two thousand millions are more than a process ever makes; then they begin anew.
fn next() -> u32 {
    loop {
        let number = LAST.fetch_add(1, Ordering::Relaxed).wrapping_add(1) & !GROUP;
        if number != 0 {
            return number;
        }
    }
}
