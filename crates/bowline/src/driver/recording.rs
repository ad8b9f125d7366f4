//! Recordings of connections that end as they should not.

use bowline_core::connection::ConnectionState;
use bowline_core::end_reason::EndReason;

use crate::driver::Inner;
use crate::driver::followup::Followup;
use crate::driver::slot::Slot;
use crate::driver::slot::SlotState;
use crate::recorder::Place;
use crate::recorder::RecordingDirectory;
use crate::recorder::Report;
use crate::recorder::Shelf;

impl Slot {
    /// Keeps what was recorded if the connection has ended as it should not.
    pub(super) fn keep_recording(
        &self,
        state: &SlotState,
        new: ConnectionState,
        follow: &mut Followup,
    ) {
        let Some(live) = &state.live else {
            return;
        };
        let is_failure = match new {
            ConnectionState::ProblemDetectedLocally => true,
            ConnectionState::ClosedByPeer => {
                let reason = live.core.info().end_reason.code();
                !(EndReason::APP_GENERIC.code()..=EndReason::APP_OUT_OF_RANGE.code())
                    .contains(&reason)
            }
            ConnectionState::None
            | ConnectionState::Connecting
            | ConnectionState::FindingRoute
            | ConnectionState::Connected
            | ConnectionState::FinWait
            | ConnectionState::Linger
            | ConnectionState::Dead => false,
        };
        if !is_failure || !live.core.is_recording() {
            return;
        }
        // A copy, because the application may still ask the connection for its recording.
        if let Some(place) = self.inner.reserve_recording()
            && let Some(flight) = live.core.flight().map(Box::new)
        {
            let id = self.id;
            follow.reports.push(Report { id, flight, place });
        }
    }
}

impl Inner {
    /// Keeps recordings of connections that end as they should not from now on.
    pub(crate) fn keep_recordings(&self, directory: RecordingDirectory) {
        let first = self.recordings.set(Shelf::new(directory));
        debug_assert!(first.is_ok(), "said once, when the interface is made");
    }

    /// Waits for recordings that are being written.
    pub(crate) fn finish_recordings(&self) {
        if let Some(shelf) = self.recordings.get() {
            shelf.finish();
        }
    }

    /// Writes what was noted while a lock was held.
    pub(super) fn write_recordings(&self, follow: &mut Followup) {
        if let Some(shelf) = self.recordings.get() {
            follow
                .reports
                .drain(..)
                .for_each(|report| shelf.put(report));
        }
    }

    /// Takes a place for the recording of a connection, if there is one left.
    fn reserve_recording(&self) -> Option<Place> {
        self.recordings.get().and_then(Shelf::reserve)
    }
}
