//! Faults, and their ends.

use bowline_core::rng::Rng;
use bowline_core::time::{Span, Timestamp};

use crate::host::HostId;
use crate::network::Datagram;
use crate::swarm::links::link;
use crate::swarm::{Feature, Scenario, magnitude, pick};
use crate::world::Verdict;

/// Faults that will end by themselves.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    outages: Vec<Outage>,
    /// Hosts whose processes are stopped until then.
    pauses: Vec<(HostId, Timestamp)>,
    has_had_power_cut: bool,
}

/// Nothing gets from one host to another, until then.
#[derive(Clone, Copy, Debug)]
struct Outage {
    from: HostId,
    to: HostId,
    until: Timestamp,
}

/// A kind of fault.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// Nothing gets through for a while, one way or both ways.
    Outage,
    /// A link becomes another one.
    OtherLink,
    /// A host is gone for good.
    PowerCut,
    /// A process stops for a while.
    Pause,
    /// A process crashes and is started again.
    Restart,
    /// A host gets another address.
    Move,
    /// A clock or calendar jumps.
    Clock,
    /// A NAT forgets whom it knew.
    Rebind,
    /// Bytes are changed on the way.
    Garble,
}

impl Scenario<'_> {
    /// Ends what has lasted long enough, and begins something new now and then.
    pub(super) fn trouble(&mut self) {
        self.end_outages();
        self.end_pauses();
        let kinds = [
            (Feature::Outage, 20, Fault::Outage),
            (Feature::ChangingLinks, 12, Fault::OtherLink),
            (Feature::PowerCut, 200, Fault::PowerCut),
            (Feature::Pauses, 30, Fault::Pause),
            (Feature::Restarts, 80, Fault::Restart),
            (Feature::Moves, 80, Fault::Move),
            (Feature::Clocks, 40, Fault::Clock),
            (Feature::Nats, 60, Fault::Rebind),
            (Feature::Garble, 25, Fault::Garble),
        ];
        for (feature, times, fault) in kinds {
            if self.has(feature) && self.once_in(times) {
                self.strike(fault);
            }
        }
    }

    fn strike(&mut self, fault: Fault) {
        let (from, to) = (self.any_host(), self.any_host());
        match fault {
            Fault::Outage => {
                self.cut(from, to);
                if self.once_in(2) {
                    self.cut(to, from);
                }
            }
            Fault::OtherLink => {
                let link = link(&mut self.rng, self.features);
                if from != to && !self.is_cut(from, to) {
                    self.world.set_link(from, to, link);
                }
            }
            Fault::Pause => {
                let until = self.world.now() + self.some_time(1_000, 5_000_000);
                if self.world.is_on(from) {
                    self.world.pause(from);
                    self.trouble.pauses.push((from, until));
                }
            }
            Fault::Restart => self.restart(from),
            Fault::Move => {
                self.world.change_address(from);
            }
            Fault::Clock => self.step_clock(from),
            Fault::Rebind => {
                if let Some(nat) = pick(&mut self.rng, &self.cast.nats) {
                    self.world.rebind_nat(nat);
                }
            }
            Fault::PowerCut => {
                if !self.trouble.has_had_power_cut {
                    self.trouble.has_had_power_cut = true;
                    self.world.kill(from);
                }
            }
            Fault::Garble => {
                let rng = Rng::from_seed(self.rng.bytes());
                let one_in = magnitude(&mut self.rng, 2, 500);
                let line = format!("one datagram in {one_in} is garbled");
                self.world.tell(line);
                self.world.set_filter(garbler(rng, one_in));
            }
        }
    }

    /// A fresh process; servers listen again, mostly.
    fn restart(&mut self, host: HostId) {
        if !self.world.is_on(host) {
            return;
        }
        self.world.restart(host);
        let servers = self.cast.servers.clone();
        let address = servers.iter().find(|(server, _)| *server == host);
        if let Some((_, address)) = address
            && !self.once_in(8)
        {
            self.world.listen(host, address.port());
        }
    }

    fn step_clock(&mut self, host: HostId) {
        match self.rng.below(3) {
            0 => {
                let ahead = self.some_time(1_000, 60_000_000);
                self.world.step_clock(host, ahead);
            }
            1 => {
                // Its connections stand still until the time is as late as it was.
                let back = self.some_time(1_000, 2_000_000);
                self.world.step_clock_back(host, back);
            }
            _ => {
                let secs = i64::from(self.rng.below(2_000_000));
                self.world.step_calendar(host, secs - 1_000_000);
            }
        }
    }

    /// Microseconds whose order of magnitude is even.
    fn some_time(&mut self, min_us: u32, max_us: u32) -> Span {
        Span::from_micros(u64::from(magnitude(&mut self.rng, min_us, max_us)))
    }

    fn cut(&mut self, from: HostId, to: HostId) {
        if from == to || self.is_cut(from, to) {
            return;
        }
        let until = self.world.now() + self.some_time(1_000, 3_000_000);
        let link = self.world.link(from, to).down();
        self.world.set_link(from, to, link);
        self.trouble.outages.push(Outage { from, to, until });
    }

    fn is_cut(&self, from: HostId, to: HostId) -> bool {
        let mut outages = self.trouble.outages.iter();
        outages.any(|outage| (outage.from, outage.to) == (from, to))
    }

    fn end_pauses(&mut self) {
        let now = self.world.now();
        let pauses = std::mem::take(&mut self.trouble.pauses);
        let (over, rest): (Vec<_>, Vec<_>) =
            pauses.into_iter().partition(|(_, until)| *until <= now);
        self.trouble.pauses = rest;
        for (host, _) in over {
            self.world.resume(host);
        }
    }

    fn end_outages(&mut self) {
        let now = self.world.now();
        let (over, rest) = std::mem::take(&mut self.trouble.outages)
            .into_iter()
            .partition(|outage| outage.until <= now);
        self.trouble.outages = rest;
        let over: Vec<Outage> = over;
        for Outage { from, to, .. } in over {
            let link = self.world.link(from, to).up();
            self.world.set_link(from, to, link);
        }
    }
}

/// Cuts the end off, or replaces all, in one datagram of so many.
fn garbler(mut rng: Rng, one_in: u32) -> impl FnMut(Timestamp, &mut Datagram) -> Verdict {
    move |_, datagram| {
        if rng.below(one_in) > 0 {
            return Verdict::Pass;
        }
        if rng.below(2) == 0 {
            let len = rng.below(datagram.bytes.len() as u32);
            datagram.bytes.truncate(len as usize);
        } else {
            datagram.bytes = rng.bytes::<64>().to_vec();
        }
        Verdict::Pass
    }
}
