//! What is checked with everything that happens to a host.

use crate::check::{Fault, Violation};
use crate::gns_receiver::{FindingKind, Refusal};
use crate::host::{Conn, HostId, Received, Slot};
use crate::network::Datagram;
use crate::world::World;

/// Violations that are kept; one is enough to fail.
const MAX_VIOLATIONS: usize = 64;
/// What a host's connections hold is looked at once in so many times: what grows beyond its bound
/// stays there for longer.
const BOUNDS_EVERY: u64 = 32;

impl World {
    /// Before anything happens to a host.
    pub(super) fn begin_watch(&self) {
        self.nonces.watch(true);
    }

    /// After something happened to a host.
    pub(super) fn end_watch(&mut self, host: HostId) {
        self.nonces.watch(false);
        if self.nonces.take_reused() > 0 {
            self.violate(host, None, Fault::NonceReused);
        }
        self.touches += 1;
        if self.touches.is_multiple_of(BOUNDS_EVERY) {
            self.check_bounds(host);
        }
    }

    /// Shows the models of a host what it sends, each what is of its own connection: packet numbers of
    /// another one say nothing about it.
    pub(super) fn show_answer_to_gns(&mut self, from: HostId, datagram: &Datagram) {
        let host = &self.hosts[from.index()];
        for (conn, gns) in self.gns.iter_mut().filter(|(conn, _)| conn.host == from) {
            if let Some(peer) = host.slot(conn.id).and_then(Slot::remote_id) {
                gns.answered(peer, &datagram.bytes);
            }
        }
    }

    /// Shows a datagram that arrives to the models of the original; says whether it is taken.
    pub(super) fn is_taken_by_gns(&mut self, host: HostId, bytes: &[u8]) -> bool {
        let mut found = Vec::new();
        let mut is_taken = true;
        for (conn, gns) in self.gns.iter_mut().filter(|(conn, _)| conn.host == host) {
            let known = gns.findings().len();
            is_taken &= gns.arrived(self.now, bytes);
            let new = gns.findings().get(known..).unwrap_or_default();
            let avoidable = new.iter().filter(|finding| {
                finding.is_violation() && !is_brought_about_by_losses(finding.kind)
            });
            found.extend(avoidable.map(|finding| (*conn, *finding)));
        }
        for (conn, finding) in found {
            self.violate(host, Some(conn), Fault::GnsLimit(finding));
        }
        is_taken
    }

    /// Holds a message that arrived against what was sent, and against what the receiver asked for.
    pub(super) fn check_delivery(&mut self, conn: Conn, message: &Received) {
        let (lane, number, reliable) = (message.lane, message.number, message.reliable);
        if let Some(sender) = self.sender_of(conn) {
            self.journal.received(self.now, sender, (lane, number));
            let flow = self.flows.entry(sender).or_default();
            if let Err(error) = flow.received(lane, number, reliable, &message.data) {
                self.violate(conn.host, Some(conn), Fault::Delivery(error));
            }
        }
        let sequence = self.sequences.entry(conn).or_default();
        if let Err(error) = sequence.received(lane, number, reliable) {
            self.violate(conn.host, Some(conn), Fault::Delivery(error));
        }
    }

    pub(super) fn violate(&mut self, host: HostId, conn: Option<Conn>, fault: Fault) {
        let violation = Violation {
            at: self.now,
            host,
            conn,
            fault,
        };
        let name = self.name(host);
        self.tell(format!("VIOLATION on {name}, {violation}"));
        if self.violations.len() < MAX_VIOLATIONS {
            self.violations.push(violation);
        }
    }
}

/// A sender cannot keep losses from tearing holes; it only lets no new data go beyond too many.
const fn is_brought_about_by_losses(kind: FindingKind) -> bool {
    matches!(
        kind,
        FindingKind::Refused(Refusal::Holes { .. } | Refusal::SplitHoles { .. })
    )
}
