//! After the script: the faults end, and everything must come to its end.

use std::sync::Arc;

use bowline_core::config::Config;
use bowline_core::connection::{Connection, ConnectionState};
use bowline_core::end_reason::EndReason;
use bowline_core::ids::ConnectionId;
use bowline_core::time::Span;

use super::{Arena, End};

/// How long everything reliable may take once nothing is lost any more.
const DELIVERY: Span = Span::from_secs(60);
/// No datagram is on its way for as long as this, and no attempt to connect lasts longer.
const LATECOMERS: Span = Span::from_secs(20);
/// How long connections that both ends close may last: the longest linger, and what follows it.
const ENDING: Span = Span::from_secs(90);
/// After this much longer an endpoint remembers nothing of them.
const FORGETTING: Span = Span::from_secs(10);

impl Arena {
    /// Heals everything, waits for what must be delivered, closes all and waits for the end.
    ///
    /// # Panics
    /// If something does not come, or does not end.
    pub fn come_to_rest(&mut self) {
        self.heal();
        self.await_deliveries();
        self.await_ends();
    }

    /// Sane settings, a quick wire, and applications that accept and read.
    fn heal(&mut self) {
        self.latency = Span::from_millis(10);
        let config = Arc::new(Config::new());
        for side in &mut self.sides {
            side.welcome_all();
        }
        for (end, id) in self.all() {
            let config = Arc::clone(&config);
            self.feed(end, id, |connection, now| {
                if connection.awaits_decision() {
                    // Fails only together with the connection.
                    let _ = connection.accept(now);
                }
                configure(connection, now, config);
            });
        }
    }

    fn await_deliveries(&mut self) {
        if self.tainted {
            return self.run_for(Span::from_secs(1));
        }
        let end = self.now + DELIVERY;
        while self.has_undelivered() {
            if !self.step(end) {
                self.now = end;
                assert!(!self.has_undelivered(), "reliable messages did not arrive");
                break;
            }
        }
    }

    /// Whether something reliable is on its way between two ends that are both there.
    fn has_undelivered(&self) -> bool {
        let mut flows = self.flows.iter();
        flows.any(|((end, id), flow)| flow.reliable_due() > 0 && self.both_connected(*end, *id))
    }

    fn both_connected(&self, end: End, id: ConnectionId) -> bool {
        let Some(connection) = self.sides[end].connection(id) else {
            return false;
        };
        let peer = connection.info().remote_id;
        connection.state() == ConnectionState::Connected
            && peer
                .is_some_and(|peer| self.sides[1 - end].state(peer) == ConnectionState::Connected)
    }

    fn await_ends(&mut self) {
        // Twice, because a request that was on its way makes a connection after the first.
        for span in [LATECOMERS, ENDING] {
            for (end, id) in self.all() {
                self.feed(end, id, |connection, now| {
                    connection.close(now, EndReason::APP_GENERIC, "", true);
                });
            }
            self.run_for(span);
        }
        let left = self.all().first().copied();
        let state = left.map(|(end, id)| (end, id, self.sides[end].state(id)));
        assert_eq!(state, None, "a connection long after both ends closed it");
        self.run_for(FORGETTING);
        for (end, side) in self.sides.iter().enumerate() {
            let left = side.endpoint.connections();
            assert_eq!(left, 0, "end {end} remembers connections that are over");
        }
    }

    fn all(&self) -> Vec<(End, ConnectionId)> {
        let of = |end: End| self.sides[end].ids().map(move |id| (end, id));
        of(0).chain(of(1)).collect()
    }
}

fn configure(connection: &mut Connection, now: bowline_core::time::Timestamp, config: Arc<Config>) {
    use bowline_core::connection::{Command, Input};
    let done = connection.handle(now, Input::Command(Command::Configure(config)));
    assert!(done.is_ok(), "settings are always taken");
}
