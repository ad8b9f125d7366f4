//! What a receiver was promised that wants unreliable messages in order.

use std::collections::{BTreeMap, BTreeSet};

use bowline_core::ids::{LaneIndex, MessageNumber};

use crate::model::DeliveryError;

/// Holds the messages of a receiver against what it asked for: from then on no unreliable message is
/// older than one that was handed out before in the same lane.
#[derive(Clone, Debug, Default)]
pub(crate) struct SequenceModel {
    newest: BTreeMap<LaneIndex, MessageNumber>,
    all: bool,
    /// Lanes that are set otherwise than all.
    exceptions: BTreeSet<LaneIndex>,
    /// Messages that waited already when it was asked for; what waits is not dropped any more.
    waiting: usize,
}

impl SequenceModel {
    /// Takes note of what is asked for, in one lane or in all, while `waiting` messages wait to be read.
    pub(crate) fn set(&mut self, lane: Option<LaneIndex>, sequenced: bool, waiting: usize) {
        match lane {
            None => {
                self.all = sequenced;
                self.exceptions.clear();
            }
            Some(lane) if sequenced == self.all => {
                self.exceptions.remove(&lane);
            }
            Some(lane) => {
                self.exceptions.insert(lane);
            }
        }
        self.waiting = waiting;
    }

    /// Takes note of a message that was handed out.
    ///
    /// # Errors
    /// If it should not have been.
    pub(crate) fn received(
        &mut self,
        lane: LaneIndex,
        got: MessageNumber,
        reliable: bool,
    ) -> Result<(), DeliveryError> {
        let newest = self.newest.entry(lane).or_insert(got);
        let before = *newest;
        *newest = got.max(before);
        if self.waiting > 0 {
            self.waiting -= 1;
            return Ok(());
        }
        let is_sequenced = self.all != self.exceptions.contains(&lane);
        if is_sequenced && !reliable && got < before {
            return Err(DeliveryError::Backwards {
                newest: before,
                got,
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LANE: LaneIndex = LaneIndex::ZERO;

    fn receive(model: &mut SequenceModel, number: u64, reliable: bool) -> bool {
        let number = MessageNumber::new(number);
        model.received(LANE, number, reliable).is_ok()
    }

    #[test]
    fn older_messages_are_noticed_where_that_was_asked_for() {
        let mut model = SequenceModel::default();
        assert!(receive(&mut model, 5, false) && receive(&mut model, 4, false));
        model.set(None, true, 0);
        assert!(!receive(&mut model, 4, false), "older than 5");
        assert!(
            receive(&mut model, 3, true),
            "reliable ones are never dropped"
        );
        assert!(receive(&mut model, 6, false));
        model.set(Some(LANE), false, 0);
        assert!(receive(&mut model, 2, false));
        model.set(Some(LANE), true, 0);
        assert!(!receive(&mut model, 2, false));
    }

    #[test]
    fn what_waits_already_stays_in_its_order() {
        let mut model = SequenceModel::default();
        assert!(receive(&mut model, 5, false));
        model.set(Some(LANE), true, 2);
        assert!(receive(&mut model, 7, false) && receive(&mut model, 6, false));
        assert!(!receive(&mut model, 6, false));
    }
}
