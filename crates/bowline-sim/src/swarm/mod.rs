//! Scenarios that nobody thought of: everything about a world drawn from one number.
//!
//! [`play`] draws what may happen at all ([`Feature`]), hosts and their settings, links, traffic, faults
//! and calls of the applications, lets it happen, ends all faults, and asks whether every promise was
//! kept:
//!
//! - nothing panics, and nothing that [`World::verify`] checks is broken;
//! - after the faults everything reliable arrives within a bound, or its connection has ended
//!   ([`World::settle`]);
//! - no connection ends for a reason that nothing in the scenario explains;
//! - once all is closed, nothing remains.
//!
//! A seed that failed fails again in the same way, on every machine:
//!
//! ```
//! let summary = bowline_sim::swarm::play(7).unwrap();
//! assert_eq!(summary, bowline_sim::swarm::replay(7).unwrap().summary);
//! ```
//!
//! `cast` draws hosts and settings, `links` the network, `talk` the traffic, `calls` what applications do
//! besides, `trouble` the faults, `rest` the end.

mod calls;
mod cast;
mod feature;
mod links;
mod rest;
mod talk;
mod trouble;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bowline_core::rng::Rng;
use bowline_core::time::Span;

use crate::host::{Conn, HostId};
use crate::trace::TraceHash;
use crate::world::World;

use self::cast::Cast;
use self::rest::Broken;
use self::trouble::Trouble;

pub use self::feature::{Feature, Features};

/// What a scenario that kept every promise was like.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Summary {
    /// The seed.
    pub seed: u64,
    /// What might happen in it.
    pub features: Features,
    /// How long it took, in virtual time.
    pub age: Span,
    /// How many hosts there were.
    pub hosts: usize,
    /// How many ends of connections there were.
    pub ends: usize,
    /// How many of them were ever connected.
    pub connected: usize,
    /// Messages accepted for sending.
    pub sent: u64,
    /// Messages received.
    pub received: u64,
    /// The fingerprint of every datagram and event.
    pub trace: TraceHash,
}

impl fmt::Display for Summary {
    /// In a sentence or two.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            seed,
            features,
            hosts,
            ends,
            connected,
            sent,
            received,
            ..
        } = self;
        let secs = self.age.as_millis() / 1000;
        write!(
            f,
            "Seed {seed}: {hosts} hosts for {secs} s, with {features}. "
        )?;
        write!(
            f,
            "{connected} of {ends} ends of connections came to be connected. "
        )?;
        write!(f, "Of {sent} messages {received} arrived.")
    }
}

/// A scenario in which a promise was broken.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// What might happen in it.
    pub features: Features,
    /// The promise that was broken.
    pub what: String,
    /// How things stand, and what happened last; all that happened if it comes from [`replay`].
    pub story: String,
}

impl Failure {
    fn new(world: &World, seed: u64, what: String) -> Self {
        Self {
            seed,
            features: Features::draw(&mut world.rng(RNG)),
            what,
            story: world.tell_all(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            seed,
            features,
            what,
            story,
        } = self;
        writeln!(f, "Seed {seed}, with {features}: {what}\n{story}")?;
        write!(f, "Again: bowline sim --replay {seed}")
    }
}

impl std::error::Error for Failure {}

/// A scenario that kept every promise, with its story.
#[derive(Clone, Debug)]
pub struct Replay {
    /// What it was like.
    pub summary: Summary,
    /// How things stood in the end, and all that happened.
    pub story: String,
}

/// Plays the scenario of a seed.
///
/// # Errors
/// If a promise was broken, a panic included.
pub fn play(seed: u64) -> Result<Summary, Failure> {
    play_in(&mut World::new(seed), seed)
}

/// Plays the scenario of a seed twice and compares every datagram and event.
///
/// # Errors
/// If a promise was broken, or the two runs differ.
pub fn replay(seed: u64) -> Result<Replay, Failure> {
    let (mut first, mut second) = (World::new(seed), World::new(seed));
    let summary = play_in(&mut first, seed);
    let again = play_in(&mut second, seed);
    if let Some(at) = first.trace().parted_after(second.trace()) {
        let what = format!("two runs part after {at}");
        return Err(Failure::new(&first, seed, what));
    }
    let story = second.tell_whole_story();
    match again.and(summary) {
        Ok(summary) => Ok(Replay { summary, story }),
        Err(failure) => Err(Failure { story, ..failure }),
    }
}

fn play_in(world: &mut World, seed: u64) -> Result<Summary, Failure> {
    let played = catch_unwind(AssertUnwindSafe(|| Scenario::new(world).play()));
    let broken = match played {
        Ok(Ok(features)) => return Ok(summary(world, seed, features)),
        Ok(Err(broken)) => broken,
        Err(panic) => Broken::new(format!("panic: {}", panic_text(&*panic))),
    };
    Err(Failure::new(world, seed, broken.into_text()))
}

/// What a panic says of itself.
fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a text")
}

fn summary(world: &World, seed: u64, features: Features) -> Summary {
    let ends = all_ends(world);
    let connected = |conn: &&Conn| world.was_connected(**conn);
    let counts = ends.iter().filter_map(|conn| world.deliveries(*conn));
    let (sent, received) = counts.fold((0, 0), |(sent, received), flow| {
        let counts = flow.counts();
        (
            sent + counts.reliable_sent + counts.unreliable_sent,
            received + counts.reliable_received + counts.unreliable_received,
        )
    });
    Summary {
        seed,
        features,
        age: world.age(),
        hosts: world.host_ids().len(),
        ends: ends.len(),
        connected: ends.iter().filter(connected).count(),
        sent,
        received,
        trace: world.trace_hash(),
    }
}

/// A scenario while it is played.
struct Scenario<'w> {
    world: &'w mut World,
    rng: Rng,
    features: Features,
    cast: Cast,
    trouble: Trouble,
}

/// The label of the generator that everything in a scenario is drawn from, its features first.
const RNG: &str = "swarm";
/// The fewest steps of a scenario, and how many more there may be.
const STEPS: (u32, u32) = (20, 200);
/// The longest step.
const MAX_STEP_US: u32 = 40_000;

impl<'w> Scenario<'w> {
    fn new(world: &'w mut World) -> Self {
        let mut rng = world.rng(RNG);
        let features = Features::draw(&mut rng);
        let cast = Cast::draw(world, &mut rng, features);
        Self {
            world,
            rng,
            features,
            cast,
            trouble: Trouble::default(),
        }
    }

    fn play(mut self) -> Result<Features, Broken> {
        self.draw_links();
        let steps = STEPS.0 + self.rng.below(STEPS.1);
        // Once is enough, and takes time.
        let pours_at = self.rng.below(steps);
        for step in 0..steps {
            self.start_connections(step);
            self.trouble();
            self.calls();
            self.talk();
            if self.has(Feature::Bulk) && step == pours_at {
                self.pour();
            }
            let span = self.rng.below(MAX_STEP_US);
            self.world.run_for(Span::from_micros(u64::from(span)));
            self.world.verify().map_err(Broken::from)?;
        }
        self.come_to_rest()?;
        Ok(self.features)
    }

    fn has(&self, feature: Feature) -> bool {
        self.features.has(feature)
    }

    /// Whether something happens that happens once in so many times.
    fn once_in(&mut self, times: u32) -> bool {
        self.rng.below(times) == 0
    }

    /// Any end of any connection there ever was, mostly one that is not over.
    fn any_end(&mut self) -> Option<Conn> {
        let ends = if self.once_in(16) {
            all_ends(self.world)
        } else {
            self.world.live_ends()
        };
        pick(&mut self.rng, &ends)
    }

    /// Any host.
    fn any_host(&mut self) -> HostId {
        pick(&mut self.rng, &self.cast.hosts).expect("there are at least two")
    }
}

fn all_ends(world: &World) -> Vec<Conn> {
    let hosts = world.host_ids().into_iter();
    hosts.flat_map(|host| world.connections(host)).collect()
}

/// One of `all`, if there is one.
fn pick<T: Copy>(rng: &mut Rng, all: &[T]) -> Option<T> {
    all.get(rng.below(all.len() as u32) as usize).copied()
}

/// A number from `min` to `max` whose order of magnitude is even.
fn magnitude(rng: &mut Rng, min: u32, max: u32) -> u32 {
    let bits = |n: u32| 32 - n.leading_zeros();
    let bits = bits(min) + rng.below(bits(max) + 1 - bits(min));
    let top = 1u32.checked_shl(bits).map_or(u32::MAX, |top| top - 1);
    rng.below(top).clamp(min, max)
}

#[cfg(test)]
mod tests;
