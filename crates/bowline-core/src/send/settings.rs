//! Settings that change while there is something to send.

use core::num::NonZeroU64;

use crate::config::Config;
use crate::limits;
use crate::send::Sender;

impl Sender {
    /// Goes by other settings from now on.
    pub(crate) fn configure(&mut self, config: &Config) {
        let (min, max) = config.send_rate_bytes_per_sec();
        self.controller.set_bounds(min, max);
        self.nagle = config.nagle();
        self.armour.set_enabled(config.armours_small_messages());
        self.send_buffer_bytes = config.send_buffer_bytes() as u64;
    }

    /// So many bytes were refused.
    pub(crate) fn await_room(&mut self, bytes: usize) {
        self.refused = self.refused.max(NonZeroU64::new(bytes.max(1) as u64));
    }

    /// Messages may be that much larger from now on.
    pub(crate) const fn set_header_room(&mut self, bytes: u8) {
        self.header_room = bytes;
    }

    /// The largest message that the send buffer does not forbid.
    pub(crate) fn max_message_bytes(&self) -> usize {
        limits::MAX_MESSAGE + usize::from(self.header_room)
    }
}
