//! What is kept of a transport while there is another: its pings of the last seconds, and when it is asked after.

use crate::ids::PacketNumber;
use crate::p2p::score::Recent;
use crate::time::Span;
use crate::time::Timestamp;

/// So many questions follow each other closely at first (GNS: the same).
const FIRST_PROBES: u8 = 5;
/// What has answered so often is known (GNS: three samples).
const FIRST_SAMPLES: u8 = 3;
/// How closely (GNS: at once).
const FIRST_INTERVAL: Span = Span::from_millis(40);
/// While two are compared (GNS: the same).
const MEASURING_INTERVAL: Span = Span::from_millis(200);
/// While a transport is only kept for when it is needed (GNS: the same).
const SPARE_INTERVAL: Span = Span::from_secs(10);
/// How long an answer may take: twice the worst ping and this, but no longer than [`MAX_WAIT`] (GNS: the same).
const WAIT: Span = Span::from_millis(250);
const MAX_WAIT: Span = Span::from_millis(1_250);

/// What a transport is to the connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Role {
    /// Packets take it in both directions: what they carry asks after it anyway.
    Used,
    /// Ours take it, and the peer's another one. So what comes from the peer does not show that it works.
    Taken,
    /// Ours do not.
    Spare,
}

/// See the module's documentation.
#[derive(Clone, Debug)]
pub(super) struct Contest {
    recent: Recent,
    /// Of the first questions.
    left: u8,
    next: Timestamp,
    /// The latest questions, the newest first.
    asked: [PacketNumber; FIRST_PROBES as usize],
    /// When the oldest question that is not answered is overdue; [`Timestamp::NEVER`] without one.
    reply_by: Timestamp,
    is_measuring: bool,
    /// Until it has answered so often.
    samples_left: u8,
}

impl Contest {
    pub(super) const fn new(now: Timestamp) -> Self {
        Self {
            recent: Recent::new(),
            left: FIRST_PROBES,
            next: now,
            asked: [PacketNumber::new(u64::MAX); FIRST_PROBES as usize],
            reply_by: Timestamp::NEVER,
            is_measuring: false,
            samples_left: FIRST_SAMPLES,
        }
    }

    /// Whether the first questions may still be answered.
    pub(super) const fn is_new(&self) -> bool {
        self.samples_left > 0
    }

    /// When the transport is asked after.
    pub(super) const fn asks_at(&self, role: Role) -> Timestamp {
        match role {
            Role::Used if !self.is_measuring => Timestamp::NEVER,
            Role::Used | Role::Taken | Role::Spare => self.next,
        }
    }

    pub(super) fn deadline(&self, role: Role) -> Timestamp {
        self.asks_at(role).min(self.reply_by)
    }

    pub(super) fn on_asked(
        &mut self,
        now: Timestamp,
        number: PacketNumber,
        worst_ms: Option<u32>,
        role: Role,
    ) {
        self.asked.rotate_right(1);
        if let Some(latest) = self.asked.first_mut() {
            *latest = number;
        }
        self.next = now
            + match role {
                // Until there is an answer.
                Role::Taken => MEASURING_INTERVAL,
                Role::Used | Role::Spare => self.interval(),
            };
        self.left = self.left.saturating_sub(1);
        // Of what both use the connection itself counts the answers that do not come.
        if role != Role::Used {
            let wait = worst_ms.map_or(MAX_WAIT, |ms| {
                (Span::from_millis(u64::from(ms) * 2) + WAIT).min(MAX_WAIT)
            });
            self.reply_by = self.reply_by.min(now + wait);
        }
    }

    pub(super) fn has_asked(&self, probe: PacketNumber) -> bool {
        self.asked.contains(&probe)
    }

    /// Something came by the transport, or told that a question came there.
    pub(super) fn on_answer(&mut self, now: Timestamp, role: Role) {
        self.reply_by = Timestamp::NEVER;
        if role == Role::Taken && !self.is_measuring {
            self.next = now + SPARE_INTERVAL;
        }
    }

    /// Whether an answer is overdue; said once for each.
    pub(super) fn is_overdue(&mut self, now: Timestamp) -> bool {
        let is_overdue = self.reply_by <= now;
        if is_overdue {
            self.reply_by = Timestamp::NEVER;
            if self.left == 0 {
                self.samples_left = 0;
            }
        }
        is_overdue
    }

    pub(super) fn on_ping(&mut self, now: Timestamp, ms: u32) {
        self.recent.add(now, ms);
        self.samples_left = self.samples_left.saturating_sub(1);
    }

    pub(super) fn range_ms(&self, now: Timestamp) -> Option<(u32, u32)> {
        self.recent.range_ms(now)
    }

    /// Pings are compared from now on, or not any more.
    pub(super) fn measure(&mut self, is_measuring: bool) {
        if is_measuring && !self.is_measuring {
            // Asked for at once, whatever was planned.
            self.next = Timestamp::ZERO;
        }
        self.is_measuring = is_measuring;
    }

    /// Another transport is taken: what was measured for that has served.
    pub(super) const fn begin_anew(&mut self, now: Timestamp) {
        self.recent = Recent::new();
        self.is_measuring = false;
        self.reply_by = Timestamp::NEVER;
        self.next = now;
    }

    const fn interval(&self) -> Span {
        if self.is_measuring {
            MEASURING_INTERVAL
        } else if self.left > 1 {
            FIRST_INTERVAL
        } else {
            SPARE_INTERVAL
        }
    }
}
