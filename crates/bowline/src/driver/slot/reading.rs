//! Messages that wait to be read: who is told of them, and the group that hands them out.

use std::sync::Arc;

use bowline_core::message::Message as CoreMessage;
use bowline_core::time::Timestamp;

use crate::driver::group::Group;
use crate::driver::lobby::Nudge;
use crate::driver::slot::Slot;
use crate::driver::slot::SlotState;

impl Slot {
    /// Puts the connection into a group, or into none.
    pub(crate) fn set_group(
        self: &Arc<Self>,
        state: &mut SlotState,
        group: Option<Arc<Group>>,
        nudge: &mut Nudge,
    ) {
        self.leave_group(state);
        if let (Some(group), Some(live)) = (&group, &state.live)
            && state.counted > 0
        {
            group.merge(self, live.core.arrivals().take(state.counted));
            state.listed = state.counted;
            self.inner.lobby.look_again(nudge);
        }
        state.group = group;
    }

    /// Tells the group of messages that have come in since the last time.
    pub(crate) fn note_arrivals(self: &Arc<Self>, state: &mut SlotState) {
        let Some(live) = &state.live else {
            return;
        };
        let queued = live.core.queued_messages();
        let new = queued.saturating_sub(state.counted);
        state.counted = queued;
        if new > 0
            && let Some(group) = &state.group
            && let Some(at) = live.core.arrivals().next_back()
        {
            group.push(self, at, new);
            state.listed += new;
        }
    }

    /// Takes up to `max` messages for a reader of `group`, as long as it is this connection's turn there.
    pub(crate) fn receive_listed(
        self: &Arc<Self>,
        state: &mut SlotState,
        group: &Arc<Group>,
        max: usize,
        mut take: impl FnMut(CoreMessage, i64),
    ) -> usize {
        let mut count = 0;
        while count < max && state.is_in(group) {
            let void = state.listed.saturating_sub(state.counted);
            let (void, turn) = match void {
                0 => (0, group.take(self, max - count)),
                _ => (group.take(self, void), 0),
            };
            if void + turn == 0 {
                break;
            }
            state.listed -= void + turn;
            count += state.receive(self.inner.clock.now(), turn, &mut take);
        }
        count
    }

    pub(super) fn tell_unread(self: &Arc<Self>, state: &mut SlotState, nudge: &mut Nudge) {
        let unread = state.has_unread();
        if unread == state.unread {
            return;
        }
        state.unread = unread;
        if unread {
            self.inner.lobby.unread(nudge);
        } else {
            self.unlist(state);
            self.inner.lobby.all_read(nudge);
        }
    }

    /// Takes the connection out of its group.
    pub(crate) fn leave_group(self: &Arc<Self>, state: &mut SlotState) {
        self.unlist(state);
        state.group = None;
    }

    fn unlist(self: &Arc<Self>, state: &mut SlotState) {
        if std::mem::take(&mut state.listed) > 0
            && let Some(group) = &state.group
        {
            group.remove(self);
        }
    }
}

impl SlotState {
    /// Takes up to `max` messages, each of which is given to `take` with the connection's user data as it
    /// is now.
    pub(crate) fn receive(
        &mut self,
        now: Timestamp,
        max: usize,
        mut take: impl FnMut(CoreMessage, i64),
    ) -> usize {
        let now = self.advance(now);
        let user_data = self.user_data;
        let Ok(core) = self.open() else {
            return 0;
        };
        let mut count = 0;
        while count < max
            && let Some(message) = core.receive(now)
        {
            take(message, user_data);
            count += 1;
        }
        self.counted = self.counted.saturating_sub(count);
        count
    }

    fn has_unread(&self) -> bool {
        self.live
            .as_ref()
            .is_some_and(|live| live.core.queued_messages() > 0)
    }

    /// Whether the connection is in this group.
    pub(crate) fn is_in(&self, group: &Arc<Group>) -> bool {
        self.group
            .as_ref()
            .is_some_and(|own| Arc::ptr_eq(own, group))
    }
}
