//! What may happen in a scenario. Each scenario has some of it, not all: what two features do to each
//! other shows best where the others are silent.

use std::fmt;

use bowline_core::rng::Rng;

macro_rules! features {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal,)+) => {
        /// Something that a scenario may have.
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        #[non_exhaustive]
        pub enum Feature {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Feature {
            /// All features.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// What it is called in stories.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
        }
    };
}

features! {
    /// Links take time.
    Latency = "latency",
    /// The time varies.
    Jitter = "jitter",
    /// Datagrams get lost.
    Loss = "loss",
    /// Datagrams get lost in bursts.
    BurstLoss = "burst loss",
    /// Bits of some datagrams flip.
    Corruption = "corruption",
    /// Datagrams above some size vanish.
    SmallMtu = "MTU black holes",
    /// Datagrams are held back.
    Reorder = "reordering",
    /// Datagrams come twice.
    Duplicate = "duplicates",
    /// Links have a rate and a queue.
    Bottleneck = "bottlenecks",
    /// Links change while in use.
    ChangingLinks = "changing links",
    /// Nothing gets through between two hosts for a while, in one direction or both.
    Outage = "outages",
    /// A host is switched off.
    PowerCut = "power cuts",
    /// Processes stop for a while.
    Pauses = "pauses",
    /// Processes crash and are started again.
    Restarts = "restarts",
    /// Hosts get other addresses.
    Moves = "moves",
    /// Clocks and calendars jump.
    Clocks = "jumping clocks",
    /// Clients live behind NATs, which forget now and then.
    Nats = "NATs",
    /// Datagrams are cut off or replaced on the way.
    Garble = "garbled datagrams",
    /// Random settings.
    Settings = "settings",
    /// Settings change while connections live.
    LiveSettings = "settings that change",
    /// The encryption policy of each host is random.
    MixedEncryption = "mixed encryption",
    /// No encryption, and the limits of the original's receiver in front of every connection.
    LikeGns = "limits of the original",
    /// Keys are replaced after a few packets.
    KeyUpdates = "new keys",
    /// Hosts differ in what they offer beyond the original's protocol.
    Extensions = "mixed extensions",
    /// Several lanes, set up anew at any time.
    Lanes = "lanes",
    /// Messages of many sizes, up to the largest.
    Sizes = "all sizes",
    /// More at once than a window takes.
    Bulk = "bulk",
    /// Deadlines and keys.
    Freshness = "deadlines and keys",
    /// Receivers that want unreliable messages in order.
    Sequenced = "sequenced",
    /// Applications that do not read for a while.
    SlowReaders = "slow readers",
    /// The application decides about connections, late, twice or never.
    ByHand = "decisions by hand",
    /// Calls that make no sense at the time.
    OddCalls = "odd calls",
    /// Connections are closed while others begin.
    ComeAndGo = "coming and going",
}

/// The features of a scenario.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Features(u64);

/// What is survived only by connections that are encrypted.
const NEED_ENCRYPTION: &[Feature] = &[
    Feature::Garble,
    Feature::Corruption,
    Feature::Nats,
    Feature::Moves,
    Feature::Restarts,
];

impl Features {
    /// Draws a set: mostly about half of all, sometimes few, so that each is alone now and then.
    pub(super) fn draw(rng: &mut Rng) -> Self {
        let in_eight = [1, 3, 4, 6][rng.below(4) as usize];
        let mut bits = 0;
        for feature in Feature::ALL {
            if rng.below(8) < in_eight {
                bits |= feature.bit();
            }
        }
        let mut features = Self(bits);
        // Without a tag nobody notices what was changed, or what another connection of the peer sent that
        // came of a request through another mapping; and the model of the original's receiver reads along.
        if features.has(Feature::LikeGns) {
            features.remove(Feature::MixedEncryption);
        }
        if features.has(Feature::LikeGns) || features.has(Feature::MixedEncryption) {
            for feature in NEED_ENCRYPTION {
                features.remove(*feature);
            }
        }
        features
    }

    /// Whether `feature` is among them.
    pub const fn has(self, feature: Feature) -> bool {
        self.0 & feature.bit() != 0
    }

    fn remove(&mut self, feature: Feature) {
        self.0 &= !feature.bit();
    }
}

impl Feature {
    const fn bit(self) -> u64 {
        1 << self as u32
    }
}

impl fmt::Display for Features {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = Feature::ALL.iter().filter(|feature| self.has(**feature));
        let names: Vec<&str> = all.map(|feature| feature.name()).collect();
        match names.as_slice() {
            [] => f.write_str("nothing in particular"),
            names => f.write_str(&names.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_feature_occurs_and_is_missing_often() {
        let mut rng = Rng::from_seed([1; 32]);
        let draws: Vec<Features> = (0..1000).map(|_| Features::draw(&mut rng)).collect();
        for feature in Feature::ALL {
            let with = draws.iter().filter(|set| set.has(*feature)).count();
            assert!((50..900).contains(&with), "{}: {with}", feature.name());
        }
    }

    #[test]
    fn what_excludes_each_other_does_not_come_together() {
        let mut rng = Rng::from_seed([2; 32]);
        for _ in 0..1000 {
            let set = Features::draw(&mut rng);
            let (reads_along, is_mixed) =
                (set.has(Feature::LikeGns), set.has(Feature::MixedEncryption));
            assert!(!(reads_along && is_mixed), "{set}");
            let needs = NEED_ENCRYPTION.iter().any(|feature| set.has(*feature));
            assert!(!(needs && (reads_along || is_mixed)), "{set}");
        }
    }
}
