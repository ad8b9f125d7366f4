//! Room for more than a message of the usual size.

use crate::pipe::Pipe;

impl Pipe {
    /// Messages may be that much larger: the other end knows of it. Nothing was sent before.
    pub(crate) fn make_room_for_header(&mut self, bytes: u8) {
        let largest = self.max_message_bytes + usize::from(bytes);
        self.max_message_bytes = largest.min(self.room.bytes);
    }

    /// So many bytes were refused.
    pub(crate) fn await_room(&mut self, bytes: usize) {
        self.refused = self.refused.max(Some(bytes));
    }
}
