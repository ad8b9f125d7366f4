//! The end of all faults, and the bound within which everything is well again.

use std::sync::Arc;

use bowline_core::config::Config;
use bowline_core::connection::ConnectionState;
use bowline_core::limits;
use bowline_core::time::Span;

use crate::host::{Conn, HostId, Power};
use crate::link::LinkConfig;
use crate::world::{Stuck, World};

/// The latency of links on which nothing goes wrong.
const HEALED_LATENCY: Span = Span::from_millis(20);
/// What it takes at most to notice an end: the time for the handshake, and for the peer's silence, which
/// the settings may set as high as this in a scenario, with the time of the last keepalive.
const NOTICE: Span = Span::from_secs(60);
/// At least this many bytes per second of each connection arrive once the faults are over; less only if
/// its settings say so.
const LEAST_RATE: u64 = 64 * 1024;

impl World {
    /// Ends all faults: every link is up and loses nothing, the filter is gone, processes that were
    /// stopped go on, and every application reads. What is gone stays gone: hosts that were switched off,
    /// and addresses that were given up.
    pub fn heal(&mut self) {
        self.clear_filter();
        self.set_links(LinkConfig::PERFECT.latency(HEALED_LATENCY));
        for host in self.host_ids() {
            self.resume(host);
        }
        for conn in self.live_ends() {
            self.set_reads_at_once(conn, true);
        }
    }

    /// Ends all faults and waits until everything that was sent reliably is there, or its connection has
    /// ended, on both ends.
    ///
    /// That takes no longer than [`Self::settling_time`].
    ///
    /// # Errors
    /// If it does. The error tells what is missing, how things stand and what happened last.
    pub fn settle(&mut self) -> Result<(), Stuck> {
        self.heal();
        let limit = self.settling_time();
        self.wait_for("all to be delivered after the faults", limit, |world| {
            world.is_settled()
        })
    }

    /// How long it may take at most from the end of all faults until everything reliable has arrived or
    /// its connection has ended: a minute to notice an end, and for every connection twice the time that
    /// the bytes on their way take at 64 KiB/s, or at the greatest rate that its settings allow if that is
    /// less.
    pub fn settling_time(&self) -> Span {
        let times = self.live_ends().into_iter().map(|conn| {
            let Some(connection) = self.connection(conn) else {
                return Span::ZERO;
            };
            let status = self.status(conn);
            let bytes = status.map_or(0, |status| {
                status.pending_reliable_bytes
                    + status.unacked_reliable_bytes
                    + status.pending_unreliable_bytes
            });
            let (_, max) = connection.config().send_rate_bytes_per_sec();
            let rate = max.map_or(LEAST_RATE, |max| max.min(LEAST_RATE));
            Span::from_micros(bytes as u64 * 2 * 1_000_000 / rate)
        });
        NOTICE + times.max().unwrap_or(Span::ZERO)
    }

    /// Changes the settings of one connection, as an application may at any time.
    pub fn set_config(&mut self, conn: Conn, config: Config) {
        self.keep_bounds(conn);
        self.feed(conn, |connection, now| {
            connection.set_config(now, Arc::new(config));
        });
    }

    /// All hosts.
    pub fn host_ids(&self) -> Vec<HostId> {
        let ids = (0..self.hosts.len()).map(|index| HostId::new(index as u16));
        ids.collect()
    }

    /// Whether a host is switched on, and its process runs.
    pub fn is_on(&self, host: HostId) -> bool {
        matches!(self.host(host).power, Power::On)
    }

    /// How many connections the endpoint of a host remembers, closed ones that still answer included.
    pub fn open_connections(&self, host: HostId) -> usize {
        self.host(host).endpoint().connections()
    }

    /// The ends of connections that are not over, on hosts that are switched on.
    pub fn live_ends(&self) -> Vec<Conn> {
        let hosts = self.host_ids().into_iter().filter(|host| self.is_on(*host));
        hosts
            .flat_map(|host| self.connections(host))
            .filter(|conn| self.connection(*conn).is_some())
            .collect()
    }

    /// Whether a connection was ever connected.
    pub(crate) fn was_connected(&self, conn: Conn) -> bool {
        self.entered(conn, ConnectionState::Connected).is_some()
    }

    /// Whether nothing reliable is on its way between hosts that are on, and nobody is connecting.
    fn is_settled(&self) -> bool {
        self.live_ends().into_iter().all(|conn| {
            let due = || self.flows.get(&conn).map_or(0, |flow| flow.reliable_due());
            match self.state(conn) {
                ConnectionState::Connecting | ConnectionState::FindingRoute => false,
                ConnectionState::Connected | ConnectionState::Linger => due() == 0,
                ConnectionState::None
                | ConnectionState::ClosedByPeer
                | ConnectionState::ProblemDetectedLocally
                | ConnectionState::FinWait
                | ConnectionState::Dead => true,
            }
        })
    }
}

const _: () = assert!(
    limits::TIMEOUT_CONNECTED.as_micros() * 2 < NOTICE.as_micros(),
    "an end is noticed in time with the default settings"
);
