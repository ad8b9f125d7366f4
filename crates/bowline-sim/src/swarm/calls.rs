//! What applications do besides sending: decide, set up lanes, close, and calls at odd times.

use bowline_core::config::LaneConfig;
use bowline_core::end_reason::EndReason;
use bowline_core::ids::LaneIndex;

use crate::host::Conn;
use crate::swarm::{Feature, Scenario, pick};

/// Most lanes that are set up.
const MAX_LANES: u32 = 6;

impl Scenario<'_> {
    /// Lets applications do something, now and then.
    pub(super) fn calls(&mut self) {
        if self.has(Feature::ByHand) && self.once_in(3) {
            self.decide();
        }
        let Some(conn) = self.any_end() else {
            return;
        };
        if self.has(Feature::Lanes) && self.once_in(10) {
            self.set_up_lanes(conn);
        }
        if self.has(Feature::Sequenced) && self.once_in(8) {
            self.set_sequenced(conn);
        }
        if self.has(Feature::SlowReaders) && self.once_in(10) {
            let reads = self.once_in(2);
            self.world.set_reads_at_once(conn, reads);
        }
        if self.has(Feature::LiveSettings) && self.once_in(12) {
            self.change_settings(conn);
        }
        if self.has(Feature::ComeAndGo) && self.once_in(25) {
            self.close_any_way(conn);
        }
        if self.has(Feature::OddCalls) && self.once_in(4) {
            self.odd_call(conn);
        }
    }

    /// Accepts or refuses one of the connections that wait.
    fn decide(&mut self) {
        let host = self.any_host();
        let waiting = self.world.incoming(host);
        let Some(conn) = pick(&mut self.rng, &waiting) else {
            return;
        };
        match self.rng.below(8) {
            0 => self.close_any_way(conn),
            1 => {
                // Once is enough; the second call is refused.
                let _ = self.world.accept(conn);
                let _ = self.world.accept(conn);
            }
            _ => {
                let _ = self.world.accept(conn);
            }
        }
    }

    fn set_up_lanes(&mut self, conn: Conn) {
        let mut lane = || {
            let (priority, weight) = (self.rng.below(3), self.rng.below(40));
            LaneConfig::new(priority.cast_signed(), weight as u16)
        };
        let mut lanes: Vec<LaneConfig> = (0..4).map(|_| lane()).collect();
        lanes.resize_with(self.rng.below(MAX_LANES) as usize, LaneConfig::default);
        // Refused with a weight of 0, fewer lanes than before, none at all, or after the end.
        let _ = self.world.configure_lanes(conn, &lanes);
    }

    fn set_sequenced(&mut self, conn: Conn) {
        let lane = LaneIndex::new(self.rng.below(MAX_LANES) as u8);
        let lane = (self.rng.below(3) > 0).then_some(lane);
        let sequenced = self.rng.below(4) > 0;
        self.world.set_sequenced(conn, lane, sequenced);
    }

    fn change_settings(&mut self, conn: Conn) {
        let Some(connection) = self.world.connection(conn) else {
            return;
        };
        let old = (**connection.config()).clone();
        let config = self.new_settings(&old);
        let who = self.world.describe(conn);
        self.world.tell(format!("{who} is set to {config:?}"));
        self.world.set_config(conn, config);
    }

    pub(super) fn close_any_way(&mut self, conn: Conn) {
        let reason = match self.rng.below(4) {
            0 => EndReason::new(self.rng.below(6000)),
            1 => EndReason::APP_EXCEPTION_GENERIC,
            _ => EndReason::new(1000 + self.rng.below(1000)),
        };
        let text = ["", "done", "\u{fc}ber und \u{fc}ber", &"x".repeat(300)]
            [self.rng.below(4) as usize]
            .to_owned();
        let linger = self.once_in(2);
        let who = self.world.describe(conn);
        let how = if linger { ", lingering" } else { "" };
        self.world.tell(format!("{who} closes{how}"));
        self.world.close(conn, reason, &text, linger);
    }

    /// A call that comes too early, too late, or twice.
    fn odd_call(&mut self, conn: Conn) {
        // What is refused is refused: only that nothing breaks is asked for.
        match self.rng.below(8) {
            0 => {
                let _ = self.world.accept(conn);
            }
            1 => {
                let _ = self.world.flush(conn);
            }
            2 => while self.world.receive(conn).is_some() {},
            3 => {
                let _ = self.world.configure_lanes(conn, &[]);
            }
            4 => {
                self.close_any_way(conn);
                self.close_any_way(conn);
            }
            5 => self.listen_anew(),
            6 => self.dial_nobody(),
            _ => {
                let _ = self.world.flush(conn);
                let _ = self.world.receive(conn);
                let _ = self.world.flush(conn);
            }
        }
    }

    /// Stops listening, and listens again at once or some time later.
    fn listen_anew(&mut self) {
        let servers = self.cast.servers.clone();
        let Some((host, address)) = pick(&mut self.rng, &servers) else {
            return;
        };
        if self.once_in(2) {
            self.world.tell(format!("{address} is not listened on"));
            self.world.stop_listening(host, address.port());
        }
        if self.once_in(2) {
            self.world.listen(host, address.port());
        }
    }

    /// Dials a port where nobody listens.
    fn dial_nobody(&mut self) {
        let host = self.any_host();
        let servers = self.cast.servers.clone();
        if let Some((_, mut address)) = pick(&mut self.rng, &servers) {
            address.set_port(1);
            // Tells in time that nobody answers.
            let _ = self.world.connect(host, address);
        }
    }
}
