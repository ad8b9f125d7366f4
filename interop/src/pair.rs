//! A server and a client of whichever library, and waiting for what they do.

use std::fmt;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use std::{mem, thread};

use crate::gns::Gns;
use crate::host::{Change, Host, Link, Options, State};
use crate::product::Product;

/// How long anything may take that should happen at once.
pub const PROMPT: Duration = Duration::from_secs(5);

/// One of the two implementations.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Library {
    /// GameNetworkingSockets.
    Gns,
    /// Bowline.
    Bowline,
}

/// Which library plays which part.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Pairing {
    /// The side that dials.
    pub client: Library,
    /// The side that listens.
    pub server: Library,
}

/// One side of a [`Pair`].
#[derive(Debug)]
pub struct Side {
    /// The library.
    pub host: Box<dyn Host>,
    changes: Vec<Change>,
}

/// A server that listens and a client, both in this process.
#[derive(Debug)]
pub struct Pair {
    /// The side that dials.
    pub client: Side,
    /// The side that listens.
    pub server: Side,
    /// Where the server listens.
    pub address: SocketAddr,
    /// How long connecting may take; a bad network needs more than [`PROMPT`].
    pub patience: Duration,
}

/// Both ends of one connection.
#[derive(Clone, Copy, Debug)]
pub struct Ends {
    /// Handle at the client.
    pub client: Link,
    /// Handle at the server.
    pub server: Link,
}

impl Library {
    /// Starts the library with an identity (`str:name`), or anonymously.
    pub fn start(self, identity: Option<&str>) -> Side {
        Side::of(match self {
            Self::Gns => Box::new(Gns::new(identity)),
            Self::Bowline => Box::new(Product::new(identity)),
        })
    }

    /// The library of this name, as [`fmt::Display`] writes it.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|library| library.to_string() == name)
    }

    const ALL: [Self; 2] = [Self::Gns, Self::Bowline];
}

impl fmt::Display for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gns => "gns",
            Self::Bowline => "bowline",
        })
    }
}

impl Pairing {
    /// Whether one of the two is ours.
    pub fn has_bowline(self) -> bool {
        self.client == Library::Bowline || self.server == Library::Bowline
    }

    /// Every pairing that is of interest.
    pub const ALL: [Self; 3] = [
        Self {
            client: Library::Bowline,
            server: Library::Gns,
        },
        Self {
            client: Library::Gns,
            server: Library::Bowline,
        },
        Self {
            client: Library::Gns,
            server: Library::Gns,
        },
    ];

    /// Whether the two sides are different libraries.
    pub fn is_mixed(self) -> bool {
        self.client != self.server
    }
}

impl fmt::Display for Pairing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_dials_{}", self.client, self.server)
    }
}

impl Side {
    /// A side that speaks through `host`.
    pub fn of(host: Box<dyn Host>) -> Self {
        Self {
            host,
            changes: Vec::new(),
        }
    }

    /// Lets the library run and returns every state change so far.
    pub fn changes(&mut self) -> &[Change] {
        self.host.changes(&mut self.changes);
        &self.changes
    }

    /// The state changes of one connection so far.
    pub fn changes_of(&mut self, link: Link) -> Vec<(State, State)> {
        self.changes()
            .iter()
            .filter(|change| change.link == link)
            .map(|change| (change.old, change.new))
            .collect()
    }

    /// Takes an incoming connection that nobody has looked at yet.
    pub fn take_incoming(&mut self) -> Option<Link> {
        self.host.changes(&mut self.changes);
        let is_new = |change: &Change| change.incoming && change.new == State::Connecting;
        let at = self.changes.iter().position(is_new)?;
        let change = &mut self.changes[at];
        // Stays in the record, but is not found again.
        change.incoming = false;
        Some(change.link)
    }

    /// Whether a connection is in `state`, and the last of its changes says so. A library may be in a state
    /// a moment before it tells the change.
    pub fn is_in(&mut self, link: Link, state: State) -> bool {
        let told = self.changes_of(link).pop();
        told.is_some_and(|(_, new)| new == state) && self.host.info(link).state == state
    }

    /// Waits until a connection [is in](Self::is_in) `state`.
    ///
    /// # Panics
    /// When that takes longer than `limit`.
    pub fn until_state(&mut self, link: Link, state: State, limit: Duration) {
        let start = Instant::now();
        while !self.is_in(link, state) {
            let seen = self.host.info(link).state;
            assert!(
                start.elapsed() < limit,
                "waited {limit:?} in vain until {link:?} becomes {state:?}: it is {seen:?}, after {:?}",
                self.changes_of(link)
            );
            thread::sleep(STEP);
        }
    }

    /// Forgets the state changes so far and returns them.
    pub fn forget_changes(&mut self) -> Vec<Change> {
        self.changes();
        mem::take(&mut self.changes)
    }
}

impl Pair {
    /// Starts both sides anonymously; the server listens with `options`.
    pub fn new(pairing: Pairing, options: &Options) -> Self {
        Self::with_identities(pairing, None, None, options)
    }

    /// Starts both sides under their identities.
    pub fn with_identities(
        pairing: Pairing,
        client: Option<&str>,
        server: Option<&str>,
        options: &Options,
    ) -> Self {
        Self::of(
            pairing.client.start(client),
            pairing.server.start(server),
            options,
        )
    }

    /// A pair of two sides that are there already; the server listens with `options`.
    pub fn of(client: Side, mut server: Side, options: &Options) -> Self {
        let address = server.host.listen(options);
        Self {
            client,
            server,
            address,
            patience: PROMPT,
        }
    }

    /// Starts both sides with the same options and connects them.
    pub fn connected(pairing: Pairing, options: &Options) -> (Self, Ends) {
        let mut pair = Self::new(pairing, options);
        let ends = pair.connect(options);
        (pair, ends)
    }

    /// Dials, accepts and waits until both ends are connected.
    pub fn connect(&mut self, options: &Options) -> Ends {
        let ends = self.dial(options);
        self.server.host.accept(ends.server);
        self.until("both ends are connected", self.patience, |pair| {
            pair.client.is_in(ends.client, State::Connected)
                && pair.server.is_in(ends.server, State::Connected)
        });
        ends
    }

    /// Dials and waits until the server has been asked to accept.
    pub fn dial(&mut self, options: &Options) -> Ends {
        let client = self.client.host.connect(self.address, options);
        let mut server = None;
        self.until("the server sees a connection", self.patience, |pair| {
            server = pair.server.take_incoming();
            server.is_some()
        });
        Ends {
            client,
            server: server.expect("waited for it"),
        }
    }

    /// Lets both libraries run until `done`.
    ///
    /// # Panics
    /// When that takes longer than `limit`.
    pub fn until(&mut self, what: &str, limit: Duration, mut done: impl FnMut(&mut Self) -> bool) {
        until(what, limit, || {
            self.pump();
            done(self)
        });
    }

    /// Lets both libraries run for a while.
    pub fn run_for(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.pump();
            thread::sleep(STEP);
        }
    }

    /// Lets both libraries run once.
    pub fn pump(&mut self) {
        self.client.changes();
        self.server.changes();
    }
}

/// Polls `done` until it says yes.
///
/// # Panics
/// When that takes longer than `limit`.
pub fn until(what: &str, limit: Duration, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(
            start.elapsed() < limit,
            "waited {limit:?} in vain until {what}"
        );
        thread::sleep(STEP);
    }
}

/// Pause between two looks at a library.
const STEP: Duration = Duration::from_micros(500);
