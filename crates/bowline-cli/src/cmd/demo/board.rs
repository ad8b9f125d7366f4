//! What the threads of the demo tell each other: the stage, and their progress.

use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU8;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

use serde::Serialize;

use crate::cmd::bench::Histogram;
use crate::cmd::demo::traffic::Received;
use crate::cmd::demo::traffic::Sent;

/// How often the threads tell their progress.
pub(crate) const PUBLISH_EVERY: Duration = Duration::from_millis(50);

/// What everybody does.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[repr(u8)]
pub(crate) enum Stage {
    /// Clients connect.
    Connect,
    /// Messages flow.
    Traffic,
    /// Nothing new is sent; what is under way arrives.
    Drain,
    /// Connections are closed.
    Close,
}

/// What is known of one client.
#[derive(Clone, Debug, Default)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) is_connected: bool,
    pub(crate) ping_ms: Option<u32>,
    /// From client to server.
    pub(crate) up: Direction,
    /// From server to client.
    pub(crate) down: Direction,
    /// How long snapshots were under way, in nanoseconds.
    pub(crate) delay: Histogram,
    /// What went wrong, if anything.
    pub(crate) problem: Option<String>,
}

/// Messages in one direction.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub(crate) struct Direction {
    pub(crate) sent: Sent,
    pub(crate) received: Received,
}

/// Shared by all threads of the demo.
#[derive(Debug)]
pub(crate) struct Board {
    /// Common to all, so that times can be compared.
    pub(crate) epoch: Instant,
    stage: AtomicU8,
    rows: Vec<Mutex<Row>>,
}

impl Row {
    /// Whether everything that was sent has arrived.
    pub(crate) const fn is_complete(&self) -> bool {
        self.up.is_complete() && self.down.is_complete()
    }
}

impl Direction {
    const fn is_complete(&self) -> bool {
        self.received.reliable >= self.sent.reliable
            && self.received.unreliable >= self.sent.unreliable
    }
}

impl Board {
    pub(crate) fn new(clients: usize) -> Self {
        let row = |index| Row {
            name: player_name(index),
            ..Row::default()
        };
        Self {
            epoch: Instant::now(),
            stage: AtomicU8::new(Stage::Connect as u8),
            rows: (0..clients).map(|index| Mutex::new(row(index))).collect(),
        }
    }

    /// What everybody does now.
    pub(crate) fn stage(&self) -> Stage {
        let stages = [Stage::Connect, Stage::Traffic, Stage::Drain, Stage::Close];
        let stage = self.stage.load(Ordering::SeqCst);
        stages
            .into_iter()
            .find(|known| *known as u8 == stage)
            .unwrap_or(Stage::Close)
    }

    /// Has everybody do something else.
    pub(crate) fn set_stage(&self, stage: Stage) {
        self.stage.store(stage as u8, Ordering::SeqCst);
    }

    /// How many clients there are.
    pub(crate) fn clients(&self) -> usize {
        self.rows.len()
    }

    /// The row of a client, to be changed.
    pub(crate) fn row(&self, index: usize) -> MutexGuard<'_, Row> {
        self.rows[index]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that something went wrong with a client. The first problem is kept.
    pub(crate) fn problem(&self, index: usize, problem: String) {
        self.row(index).problem.get_or_insert(problem);
    }

    /// All rows as they are now.
    pub(crate) fn rows(&self) -> Vec<Row> {
        (0..self.clients())
            .map(|index| self.row(index).clone())
            .collect()
    }
}

/// The name of a client, which is its identity towards the server.
pub(crate) fn player_name(index: usize) -> String {
    format!("player-{}", index + 1)
}
