//! Faults, and their ends.

use bowline_core::rng::Rng;
use bowline_core::time::{Span, Timestamp};

use crate::host::HostId;
use crate::network::Datagram;
use crate::swarm::links::link;
use crate::swarm::{Feature, Scenario, magnitude};
use crate::world::Verdict;

/// Faults that will end by themselves.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    outages: Vec<Outage>,
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
    /// Bytes are changed on the way.
    Garble,
}

impl Scenario<'_> {
    /// Ends what has lasted long enough, and begins something new now and then.
    pub(super) fn trouble(&mut self) {
        self.end_outages();
        let kinds = [
            (Feature::Outage, 20, Fault::Outage),
            (Feature::ChangingLinks, 12, Fault::OtherLink),
            (Feature::PowerCut, 200, Fault::PowerCut),
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
            Fault::PowerCut => {
                if !self.trouble.has_had_power_cut {
                    self.trouble.has_had_power_cut = true;
                    self.world.kill(from);
                }
            }
            Fault::Garble => {
                let rng = Rng::from_seed(self.rng.bytes());
                let one_in = magnitude(&mut self.rng, 2, 500);
                self.world
                    .tell(format!("one datagram in {one_in} is garbled"));
                self.world.set_filter(garbler(rng, one_in));
            }
        }
    }

    fn cut(&mut self, from: HostId, to: HostId) {
        if from == to || self.is_cut(from, to) {
            return;
        }
        let span = Span::from_micros(u64::from(magnitude(&mut self.rng, 1_000, 3_000_000)));
        let until = self.world.now() + span;
        let link = self.world.link(from, to).down();
        self.world.set_link(from, to, link);
        self.trouble.outages.push(Outage { from, to, until });
    }

    fn is_cut(&self, from: HostId, to: HostId) -> bool {
        let mut outages = self.trouble.outages.iter();
        outages.any(|outage| (outage.from, outage.to) == (from, to))
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

/// Changes a byte, cuts the end off, or replaces all, in one datagram of so many.
fn garbler(mut rng: Rng, one_in: u32) -> impl FnMut(Timestamp, &mut Datagram) -> Verdict {
    move |_, datagram| {
        let len = datagram.bytes.len() as u32;
        if rng.below(one_in) > 0 {
            return Verdict::Pass;
        }
        let at = rng.below(len) as usize;
        match rng.below(3) {
            0 => datagram.bytes.truncate(at),
            1 => datagram.bytes = rng.bytes::<64>().to_vec(),
            _ => {
                if let Some(byte) = datagram.bytes.get_mut(at) {
                    *byte ^= 1 << rng.below(8);
                }
            }
        }
        Verdict::Pass
    }
}
