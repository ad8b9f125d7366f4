//! What connections may hold at most, and how long they must hold out: bounds that settings give.

use bowline_core::connection::{Connection, ConnectionState};
use bowline_core::end_reason::EndReason;
use bowline_core::extensions::Extension;
use bowline_core::ids::LaneIndex;
use bowline_core::limits;
use bowline_core::time::Span;

use crate::check::Fault;
use crate::host::{Conn, HostId};
use crate::world::World;

/// The most that a connection may hold. What it holds was accepted under the settings of then, so these
/// never shrink.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    memory: usize,
    queued_messages: usize,
    queued_bytes: usize,
}

impl Bounds {
    fn of(connection: &Connection) -> Self {
        let config = connection.config();
        Self {
            memory: connection.memory_bound(),
            queued_messages: config.recv_buffer_messages(),
            queued_bytes: config.recv_buffer_bytes(),
        }
    }

    fn max(self, other: Self) -> Self {
        Self {
            memory: self.memory.max(other.memory),
            queued_messages: self.queued_messages.max(other.queued_messages),
            queued_bytes: self.queued_bytes.max(other.queued_bytes),
        }
    }

    /// What a connection holds beyond its bounds.
    fn broken(self, connection: &Connection) -> Option<Fault> {
        let (bytes, bound) = (connection.memory_bytes(), self.memory);
        if bytes > bound {
            return Some(Fault::Memory { bytes, bound });
        }
        let (messages, bytes) = (connection.queued_messages(), connection.queued_bytes());
        // One that is larger than the buffer has it to itself.
        if messages > 1 && (messages > self.queued_messages || bytes > self.queued_bytes) {
            return Some(Fault::FullQueue { messages, bytes });
        }
        None
    }
}

impl World {
    /// Whether the connections of a host hold more than they may, or have more under way.
    pub(super) fn check_bounds(&mut self, host: HostId) {
        let over: Vec<(Conn, Fault)> = self
            .host(host)
            .alive()
            .filter_map(|connection| {
                let id = connection.id();
                let conn = Conn { host, id };
                let held = self.bounds_of(conn, connection).broken(connection);
                let fault = held.or_else(|| self.broken_window(host, connection))?;
                Some((conn, fault))
            })
            .collect();
        for (conn, fault) in over {
            self.violate(host, Some(conn), fault);
        }
    }

    /// Remembers the bounds of a connection whose settings are about to change.
    pub(super) fn keep_bounds(&mut self, conn: Conn) {
        if let Some(connection) = self.connection(conn) {
            let bounds = self.bounds_of(conn, connection);
            self.bounds.insert(conn, bounds);
        }
    }

    /// Who gives up a connection because its peer is silent must not have heard from it for as long as the
    /// settings say.
    pub(super) fn check_silence(&mut self, conn: Conn, old: ConnectionState, new: ConnectionState) {
        let was_open = matches!(old, ConnectionState::Connected | ConnectionState::Linger);
        if !was_open || new != ConnectionState::ProblemDetectedLocally {
            return;
        }
        let host = self.host(conn.host);
        let (Some(slot), Some(connection)) = (host.slot(conn.id), host.connection(conn.id)) else {
            return;
        };
        if connection.info().end_reason != EndReason::MISC_TIMEOUT {
            return;
        }
        let heard_at = slot.heard_at.unwrap_or_default();
        let silence = host.local(self.now).since(heard_at);
        let timeout = match &*connection.info().end_text {
            // It asks for another connection, and was asked in vain whether it has this one.
            "The peer has begun anew" => Span::from_secs(2),
            _ => connection.config().timeout_connected(),
        };
        if silence < timeout {
            let fault = Fault::NotSilent { silence, timeout };
            self.violate(conn.host, Some(conn), fault);
        }
    }

    fn bounds_of(&self, conn: Conn, connection: &Connection) -> Bounds {
        let bounds = Bounds::of(connection);
        let before = self.bounds.get(&conn).copied();
        before.map_or(bounds, |before| before.max(bounds))
    }

    /// A lane that has more under way than the window of such a peer ever takes.
    fn broken_window(&self, host: HostId, connection: &Connection) -> Option<Fault> {
        let now = self.host(host).local(self.now);
        let extensions = connection.info().extensions;
        let window = if extensions.contains(Extension::ReceiveWindow) {
            limits::MAX_RECEIVE_WINDOW as usize
        } else {
            limits::GNS_STREAM_WINDOW as usize
        };
        let lanes = (0..=u8::MAX).take(connection.lanes()).map(LaneIndex::new);
        let mut wide = lanes.filter_map(|lane| {
            let bytes = connection.lane_status(now, lane)?.unacked_reliable_bytes;
            (bytes > window).then_some(Fault::Window { lane, bytes })
        });
        wide.next()
    }
}
