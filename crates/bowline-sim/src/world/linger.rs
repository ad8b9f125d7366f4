//! Whether connections that were closed with linger kept the promise of it: the peer has everything before
//! it hears of the close.

use bowline_core::connection::ConnectionState;
use bowline_core::end_reason::EndReason;
use bowline_core::limits;

use crate::host::Conn;
use crate::world::World;

impl World {
    /// Takes note that an application closes an end.
    pub(super) fn note_close(&mut self, conn: Conn, linger: bool) {
        if linger && self.state(conn) == ConnectionState::Connected {
            self.lingering.insert(conn);
        } else if !linger {
            // Closed for good, whatever is under way.
            self.lingering.remove(&conn);
        }
    }

    /// An end that was closed with linger, and how many reliable messages of it its peer lacks although it
    /// heard of the close. Holds where the peer's application took messages as soon as they came.
    pub(crate) fn broken_linger(&self) -> Option<(Conn, usize)> {
        let mut lingering = self.lingering.iter();
        lingering.find_map(|conn| {
            let due = self.flows.get(conn)?.reliable_due();
            let peer = self.peer_of(*conn)?;
            let reads_late = self.host(peer.host).slot(peer.id)?.reads_late;
            let heard = self.entered(peer, ConnectionState::ClosedByPeer).is_some();
            let broken = due > 0 && heard && !reads_late && !self.gave_up(*conn);
            broken.then_some((*conn, due))
        })
    }

    /// Whether an end has lingered in vain: too long, or until the peer was silent for too long or sent more than this end
    /// takes.
    fn gave_up(&self, conn: Conn) -> bool {
        let reason = self.info(conn).end_reason;
        if [EndReason::MISC_TIMEOUT, EndReason::MISC_INTERNAL_ERROR].contains(&reason) {
            return true;
        }
        let slot = self.host(conn.host).slot(conn.id);
        let lasted = slot.and_then(|slot| slot.linger.lasted());
        lasted.is_some_and(|lasted| lasted >= limits::MAX_LINGER)
    }
}
