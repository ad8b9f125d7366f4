//! How much a peer of ours may send ahead of what is missing, and telling it so.
//!
//! A GNS peer keeps to what GNS takes. One that has agreed on it is told a window: how far it may go beyond
//! the first byte that we lack.
//!
//! **Size.** A window begins as large as GNS's ([`limits::FIRST_RECEIVE_WINDOW`]). It shall be four times
//! what the peer makes of it, so that it is never in the way of a sender that doubles its rate in each round
//! trip: what arrives within one, and what is held meanwhile because something before it is missing. What is
//! wanted beyond the first window is asked of the endpoint, whose budget bounds what all its connections
//! have under way. What turns out to be too much for seconds, or while nothing comes, goes back; but only
//! when the peer is known to know of it. Until then we take what was promised.
//!
//! **While the application does not read**, a message waits for room, and what is held comes off the window.
//! So the end of the window stays where it was told to be: the peer stops there, and nothing that it sends is
//! refused. When there is room again the peer hears so at once, and again until it is known to have heard:
//! it may be waiting for nothing else.
//!
//! **Telling.** Each packet tells the window, unless the peer is known to know it already.

use alloc::boxed::Box;
use core::num::NonZeroU8;

use serde::Deserialize;
use serde::Serialize;

use crate::config::Config;
use crate::ids::PacketNumber;
use crate::limits;
use crate::recv::Receiver;
use crate::recv::memory::ReceiveLimits;
use crate::recv::tuning::Tuning;
use crate::recv::tuning::Used;
use crate::time::Span;
use crate::time::Timestamp;

/// Windows that shrink by the byte are told in such steps.
const STEP: u64 = 16 * 1024;
/// How often a peer is told that there is room again before that is left to other packets.
const MAX_REPEATS: u8 = 6;
/// The least time between two of these.
const MIN_REPEAT: Span = Span::from_millis(20);

/// The window that the peer has, or is to have.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct Window {
    news: WindowNews,
    /// What the peer is told while the application reads.
    bytes: u64,
    /// The most that the settings allow, unless the first window is larger.
    max_bytes: u64,
    /// From the first reliable byte on.
    pub(super) tuning: Option<Box<Tuning>>,
    /// When the peer hears that there is room again, and for which time.
    repeat: Option<(Timestamp, NonZeroU8)>,
}

/// What the peer knows of our window.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
enum WindowNews {
    /// The peer does not know of windows.
    #[default]
    Unused,
    /// It knows of windows, but was told none.
    Untold,
    /// Every packet from `since` on tells it.
    Told { bytes: u64, since: PacketNumber },
    /// The peer knows it.
    Known { bytes: u64 },
}

impl Receiver {
    /// The peer wants to be told of the window; or the settings changed.
    pub(crate) fn use_window(&mut self, config: &Config) {
        if self.window.news == WindowNews::Unused {
            self.window.news = WindowNews::Untold;
        }
        self.window.max_bytes = config.recv_window_max_bytes() as u64;
        let first = self.first_window();
        let most = first.max(self.window.max_bytes);
        let lent = self.lent_bytes();
        let bytes = self.window.bytes.clamp(first, most);
        self.window.bytes = bytes.min(first.saturating_add(lent));
        self.take(first.saturating_add(lent));
    }

    /// The window that the next packet has to tell, if any.
    pub(crate) fn window_to_tell(&self) -> Option<u64> {
        let bytes = self.window_bytes();
        match self.window.news {
            WindowNews::Unused => None,
            WindowNews::Known { bytes: known } if known == bytes => None,
            WindowNews::Untold | WindowNews::Told { .. } | WindowNews::Known { .. } => Some(bytes),
        }
    }

    /// Packet `number` tells that window.
    pub(crate) fn window_leaves_in(
        &mut self,
        now: Timestamp,
        number: PacketNumber,
        bytes: u64,
        srtt: Option<Span>,
    ) {
        let window = &mut self.window;
        match window.news {
            WindowNews::Told { bytes: told, .. } if told == bytes => {}
            WindowNews::Unused
            | WindowNews::Untold
            | WindowNews::Told { .. }
            | WindowNews::Known { .. } => {
                let since = number;
                window.news = WindowNews::Told { bytes, since };
            }
        }
        let Some((at, time)) = window.repeat else {
            return;
        };
        if at <= now {
            let wait = srtt.map_or(MIN_REPEAT, |rtt| (rtt + rtt).max(MIN_REPEAT));
            let at = now + Span::from_micros(wait.as_micros() << (time.get() - 1));
            let next = time.checked_add(1).filter(|_| time.get() <= MAX_REPEATS);
            window.repeat = next.map(|next| (at, next));
        }
        if let Some((at, _)) = window.repeat {
            self.acks.owe(at);
        }
    }

    /// Packet `number` arrived.
    pub(crate) fn window_arrived(&mut self, number: PacketNumber) {
        if let WindowNews::Told { bytes, since } = self.window.news
            && since <= number
        {
            self.window.news = WindowNews::Known { bytes };
            // If there is room again that it was not told of, it may be waiting for that all the same.
            if self.window_bytes() == bytes {
                self.window.repeat = None;
            }
        }
    }

    /// Whether the peer should say soon that it heard of the window: it may be waiting for that.
    pub(crate) fn asks_about_window(&self) -> bool {
        self.window.repeat.is_some() && self.window_to_tell().is_some()
    }

    /// A reliable segment of `len` bytes came.
    pub(crate) fn measure_window(&mut self, now: Timestamp, len: usize, srtt: Option<Span>) {
        if !self.is_wide() {
            return;
        }
        let held = self.held_bytes;
        let tuning = self.window.tuning.get_or_insert_with(Box::default);
        let used = tuning.measure(now, len as u64, held, srtt);
        if let Some(enough) = tuning.end_season(now) {
            let first = self.first_window();
            self.window.bytes = self.window.bytes.min(enough.max(first));
        }
        if used.wanted() > self.window.bytes {
            self.widen_window(used);
        }
    }

    fn widen_window(&mut self, used: Used) {
        let first = self.first_window();
        let most = first.max(self.window.max_bytes);
        let window = &mut self.window;
        if self.stalled_lanes == 0
            && let Some(tuning) = &mut window.tuning
        {
            let wanted = used.wanted().min(most);
            let lent = tuning.want(wanted.saturating_sub(first));
            window.bytes = window.bytes.max(wanted.min(first.saturating_add(lent)));
        }
    }

    /// What the endpoint shall lend beyond the first window, if that has changed.
    pub(crate) fn window_wish(&mut self) -> Option<u64> {
        let tuning = self.window.tuning.as_mut()?;
        if let Some(wish) = tuning.ask() {
            return Some(wish);
        }
        if tuning.lent() == 0 {
            return None;
        }
        let first = self.first_window();
        let needed = self.window.bytes.saturating_sub(first);
        let knows = self.window.news
            == WindowNews::Known {
                bytes: self.window.bytes,
            };
        // What is held may have come before the peer heard.
        let is_free = knows && self.held_bytes <= self.window.bytes / 2;
        let tuning = self.window.tuning.as_mut()?;
        if !is_free || !tuning.give_back(needed) {
            return None;
        }
        self.take(first.saturating_add(needed));
        Some(needed)
    }

    /// Nothing more comes. What is still lent from now on, for what is held beyond the first window; `None` if
    /// that is no less than before.
    pub(crate) fn end_window(&mut self) -> Option<u64> {
        let held = self.held_bytes.saturating_sub(self.first_window());
        self.window.tuning.as_mut()?.end(held)
    }

    /// The endpoint lends so much beyond the first window.
    pub(crate) fn on_window_lent(&mut self, bytes: u64) {
        let first = self.first_window();
        let most = first.max(self.window.max_bytes);
        let Some(wanted) = self
            .window
            .tuning
            .as_mut()
            .and_then(|tuning| tuning.on_lent(bytes))
        else {
            return;
        };
        let wanted = first.saturating_add(wanted).min(most);
        self.window.bytes = self.window.bytes.max(wanted);
        self.take(first.saturating_add(self.lent_bytes()));
    }

    /// Nothing has come for long: the first window will do.
    pub(super) fn rest_window(&mut self) {
        if self.is_wide() {
            self.window.bytes = self.first_window();
        }
        if self
            .window
            .tuning
            .as_ref()
            .is_some_and(|tuning| tuning.is_unused())
        {
            self.window.tuning = None;
        }
    }

    /// Messages were read that others waited for: tells a peer at once that may be waiting for room.
    pub(super) fn check_reopening(&mut self, now: Timestamp) {
        let told = match self.window.news {
            WindowNews::Unused | WindowNews::Untold => return,
            WindowNews::Told { bytes, .. } | WindowNews::Known { bytes } => bytes,
        };
        // Less is not worth a packet: there is much to be read still.
        if self.window_bytes() >= told.saturating_add(self.window.bytes / 4) {
            self.window.repeat = Some((now, NonZeroU8::MIN));
            self.acks.owe(now);
        }
    }

    /// Whether the limits are those of a window.
    pub(super) fn is_wide(&self) -> bool {
        self.window.news != WindowNews::Unused
    }

    /// The limits with the largest window that the endpoint may grant.
    pub(super) fn widest_limits(&self) -> ReceiveLimits {
        if !self.is_wide() {
            return self.limits;
        }
        let first = self.first_window();
        let most = first.max(self.window.max_bytes);
        self.limits_of(most.max(first.saturating_add(self.lent_bytes())))
    }

    /// What the window is without being lent anything.
    fn first_window(&self) -> u64 {
        let buffers = self
            .buffer_bytes
            .saturating_mul(limits::RECEIVE_WINDOW_BUFFERS);
        buffers
            .min(limits::FIRST_RECEIVE_WINDOW)
            .max(self.buffer_bytes)
    }

    fn lent_bytes(&self) -> u64 {
        self.window
            .tuning
            .as_ref()
            .map_or(0, |tuning| tuning.lent())
    }

    /// What the peer should know now.
    fn window_bytes(&self) -> u64 {
        if self.stalled_lanes == 0 {
            return self.window.bytes;
        }
        self.window.bytes.saturating_sub(self.held_bytes) / STEP * STEP
    }

    /// Takes so much from now on.
    fn take(&mut self, bytes: u64) {
        self.limits = self.limits_of(bytes);
        for lane in &mut self.lanes {
            lane.set_limits(self.limits);
        }
    }

    fn limits_of(&self, window_bytes: u64) -> ReceiveLimits {
        ReceiveLimits::new(self.buffer_bytes, self.limits.max_message_bytes).widened(window_bytes)
    }
}

#[cfg(test)]
mod tests;
