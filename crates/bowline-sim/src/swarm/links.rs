//! How the network of a scenario is.

use bowline_core::rng::Rng;
use bowline_core::time::Span;

use crate::link::{Chance, GilbertElliott, LinkConfig};
use crate::swarm::{Feature, Features, Scenario, magnitude};

impl Scenario<'_> {
    /// Draws each direction between two hosts by itself, or one kind of link for all.
    pub(super) fn draw_links(&mut self) {
        let all = link(&mut self.rng, self.features);
        self.world.set_links(all);
        if self.once_in(2) {
            return;
        }
        for from in self.cast.hosts.clone() {
            for to in self.cast.hosts.clone() {
                let link = link(&mut self.rng, self.features);
                if from != to {
                    self.world.set_link(from, to, link);
                }
            }
        }
    }
}

/// A link with what the features allow.
pub(super) fn link(rng: &mut Rng, features: Features) -> LinkConfig {
    let mut link = LinkConfig::PERFECT;
    let some = |feature, rng: &mut Rng| features.has(feature) && rng.below(3) > 0;
    if some(Feature::Latency, rng) {
        link = link.latency(micros(rng, 100, 400_000));
    }
    if some(Feature::Jitter, rng) {
        let jitter = micros(rng, 100, 100_000);
        link = match rng.below(2) {
            0 => link.jitter(jitter),
            _ => link.jitter_out_of_order(jitter),
        };
    }
    if some(Feature::Loss, rng) {
        link = link.loss(Chance::per_million(magnitude(rng, 1_000, 250_000)));
    }
    if some(Feature::BurstLoss, rng) {
        let loss = Chance::per_million(magnitude(rng, 1_000, 200_000));
        link = link.burst_loss(GilbertElliott::bursts(loss, 1 + rng.below(40)));
    }
    if some(Feature::Corruption, rng) {
        link = link.corrupt(Chance::per_million(magnitude(rng, 1_000, 100_000)));
    }
    if some(Feature::SmallMtu, rng) && rng.below(3) == 0 {
        link = link.mtu(600 + rng.below(700) as usize);
    }
    if some(Feature::Reorder, rng) {
        let chance = Chance::percent(1 + rng.below(20));
        link = link.reorder(chance, micros(rng, 100, 200_000));
    }
    if some(Feature::Duplicate, rng) {
        let chance = Chance::percent(1 + rng.below(40));
        link = link.duplicate(chance, micros(rng, 1, 500_000));
    }
    if some(Feature::Bottleneck, rng) {
        let rate = magnitude(rng, 20_000, 4_000_000);
        let queue = magnitude(rng, 5_000, 500_000);
        link = link.rate(u64::from(rate), u64::from(queue));
    }
    link
}

fn micros(rng: &mut Rng, min: u32, max: u32) -> Span {
    Span::from_micros(u64::from(magnitude(rng, min, max)))
}
