//! Opens the connections of a workload: to an address, or to a peer by signals.
//!
//! By signals a single identity gets only so many connections to one peer. So a client with more of them is
//! several callers, interfaces of their own, and each connection is the next one's.

use std::cell::Cell;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bowline::ConnectP2pError;
use bowline::Connection;
use bowline::ConnectionState;
use bowline::EndReason;
use bowline::Event;
use bowline::PollGroup;
use bowline::Sockets;
use bowline::signaling::Signaling;

use crate::cmd::bench::Histogram;
use crate::cmd::bench::options::By;
use crate::cmd::bench::options::Options;
use crate::cmd::bench::post::PORT;
use crate::cmd::bench::post::Post;
use crate::cmd::bench::post::called;
use crate::cmd::bench::post::caller as identity_of;
use crate::cmd::bench::process::now_ns;
use crate::error::Error;

/// How long all connections together may take to come up, and more of them.
pub(super) const OPEN_LIMIT_NS: u64 = 60_000_000_000;
const OPEN_LIMIT_EACH_NS: u64 = 4_000_000;
/// Connections that are being set up at a time, unless `--inflight` says otherwise.
pub(super) const OPEN_AT_A_TIME: usize = 64;
/// Connections by signals of one caller, as many as one peer may have.
const CALLS_EACH: usize = 16;
/// No wait is longer, whatever is waited for.
const WAIT: Duration = Duration::from_millis(50);
/// The same where news may come to any of several interfaces, of which only one can be waited on.
const WAIT_OF_MANY: Duration = Duration::from_millis(1);

/// The client's end of all connections.
pub(super) struct Dialer {
    /// At least one.
    callers: Vec<Sockets>,
    /// Whose turn is next.
    next: Cell<usize>,
    to: To,
    is_busy: bool,
}

/// Where to.
enum To {
    Address(SocketAddr),
    Peer(Arc<dyn Signaling>),
}

/// What became of a connection.
pub(super) enum Change {
    Up(Connection),
    Down(Connection),
}

impl Dialer {
    pub(super) fn new(options: &Options) -> Result<Self, Error> {
        let addr = options.addr("connect")?;
        let by = options.by()?;
        let callers = match by {
            By::Address => 1,
            By::Signals => {
                let few = options.count("clients", 1)?.div_ceil(CALLS_EACH);
                options.count("callers", few)?.max(1)
            }
        };
        let caller = |number: usize| {
            let mut builder = Sockets::builder()
                .service(options.service()?)
                .service_threads(options.count("service-threads", 1)?);
            if by == By::Signals {
                builder = builder.identity(identity_of(number));
            }
            Ok::<_, Error>(builder.build()?)
        };
        let callers = (0..callers).map(caller).collect::<Result<Vec<_>, _>>()?;
        let to = match by {
            By::Address => To::Address(addr),
            By::Signals => To::Peer(Post::connect(addr, &callers)?),
        };
        Ok(Self {
            callers,
            next: Cell::new(0),
            to,
            is_busy: options.is_busy(),
        })
    }

    pub(super) fn dial(&self) -> Result<Connection, Error> {
        match &self.to {
            To::Address(addr) => Ok(self.callers[0].connect(*addr)?),
            To::Peer(signaling) => self.call(signaling),
        }
    }

    pub(super) fn wait_until(&self, ns: u64) -> bool {
        let longest = match self.callers.len() {
            _ if self.is_busy => Duration::ZERO,
            1 => WAIT,
            _ => WAIT_OF_MANY,
        };
        let left = Duration::from_nanos(ns.saturating_sub(now_ns()));
        // Where several are, the one that has called last has news to come.
        self.callers[self.next.get()].wait(left.min(longest))
    }

    pub(super) fn changes(&self) -> impl Iterator<Item = Change> + '_ {
        let events = self.callers.iter().flat_map(Sockets::events);
        events.filter_map(|event| match event {
            Event::ConnectionChanged(change) if change.is_ended() => {
                // Fails only if we closed it meanwhile.
                let _ = change.connection.close(EndReason::APP_GENERIC, "", false);
                Some(Change::Down(change.connection))
            }
            Event::ConnectionChanged(change) if change.new == ConnectionState::Connected => {
                Some(Change::Up(change.connection))
            }
            _ => None,
        })
    }

    /// Opens connections, several at a time.
    pub(super) fn open(&self, count: usize) -> Result<Vec<Connection>, Error> {
        let (connections, _) = self.open_timed(count, OPEN_AT_A_TIME)?;
        Ok(connections)
    }

    /// Opens connections, so many at a time, and tells how long each took.
    pub(super) fn open_timed(
        &self,
        count: usize,
        at_a_time: usize,
    ) -> Result<(Vec<Connection>, Histogram), Error> {
        let mut up = Vec::with_capacity(count);
        let mut times = Histogram::default();
        let mut dialled = HashMap::with_capacity(count);
        let end_ns = now_ns() + OPEN_LIMIT_NS.max(count as u64 * OPEN_LIMIT_EACH_NS);
        while up.len() < count {
            while dialled.len() < count && dialled.len() - up.len() < at_a_time {
                let at_ns = now_ns();
                dialled.insert(self.dial()?.id(), at_ns);
            }
            self.wait_until(end_ns);
            for change in self.changes() {
                match change {
                    Change::Up(connection) => {
                        if let Some(at_ns) = dialled.get(&connection.id()) {
                            times.record(now_ns() - at_ns);
                        }
                        up.push(connection);
                    }
                    Change::Down(_) => {
                        return Err(failed("a connection ended while others opened"));
                    }
                }
            }
            if now_ns() > end_ns {
                return Err(failed("the connections did not come up in time"));
            }
        }
        Ok((up, times))
    }

    pub(super) fn open_one(&self) -> Result<Connection, Error> {
        let mut up = self.open(1)?;
        up.pop()
            .ok_or_else(|| failed("the connection did not come up"))
    }

    /// A group of all these connections.
    pub(super) fn group(&self, connections: &[Connection]) -> Result<PollGroup, Error> {
        let [sockets] = &self.callers[..] else {
            return Err(failed("this workload takes one caller"));
        };
        let group = sockets.poll_group();
        for connection in connections {
            connection
                .set_poll_group(Some(&group))
                .map_err(|error| failed(&error.to_string()))?;
        }
        Ok(group)
    }

    /// Does nothing for a while, and tells how many connections were lost meanwhile.
    pub(super) fn hold(&self, time: Duration) -> usize {
        let end_ns = now_ns() + time.as_nanos() as u64;
        let mut lost = 0;
        while now_ns() < end_ns {
            if self.callers.len() == 1 {
                self.wait_until(end_ns);
            } else {
                std::thread::sleep(WAIT);
            }
            lost += self.lost();
        }
        lost
    }

    /// How many connections ended since the last look.
    pub(super) fn lost(&self) -> usize {
        let changes = self.changes();
        changes
            .filter(|change| matches!(change, Change::Down(_)))
            .count()
    }

    /// The next caller that may call, calls.
    fn call(&self, signaling: &Arc<dyn Signaling>) -> Result<Connection, Error> {
        for _ in 0..self.callers.len() {
            let turn = (self.next.get() + 1) % self.callers.len();
            self.next.set(turn);
            let called = self.callers[turn].connect_p2p(&called(), PORT, Arc::clone(signaling));
            match called {
                // Those of before are not all forgotten.
                Err(ConnectP2pError::TooManyConnections) => {}
                other => return other.map_err(|error| failed(&error.to_string())),
            }
        }
        Err(failed("every caller has as many connections as it may"))
    }
}

pub(super) fn failed(text: &str) -> Error {
    Error::Other(text.to_owned())
}
