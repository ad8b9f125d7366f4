//! Settings that change while there is something to send.

use crate::config::Config;
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
}
