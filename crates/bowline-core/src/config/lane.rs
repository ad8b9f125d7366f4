//! What the sender knows of a lane.

use core::fmt;

/// A lane as the sender sees it. The peer needs no configuration and is told nothing of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Deserialize, serde::Serialize)]
pub struct LaneConfig {
    /// Lanes with a lower number go first, strictly.
    pub priority: i32,
    /// The share of the bandwidth among lanes of the same priority; at least 1.
    pub weight: u16,
}

impl LaneConfig {
    /// What a lane has that nothing else is asked of: priority 0, weight 1.
    pub const DEFAULT: Self = Self::new(0, 1);

    /// A lane with this priority (lower first) and weight.
    pub const fn new(priority: i32, weight: u16) -> Self {
        Self { priority, weight }
    }
}

impl Default for LaneConfig {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl fmt::Display for LaneConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "priority {}, weight {}", self.priority, self.weight)
    }
}
