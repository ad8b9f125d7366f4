//! Settings that change while there is something to send.

use crate::config::Config;
use crate::rate::Controller;
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

impl Controller {
    /// Other bounds in bytes per second. What was learned of the path is kept, unless the rate was or
    /// becomes a fixed one.
    fn set_bounds(&mut self, min: Option<u64>, max: Option<u64>) {
        match (&mut *self, Self::new(min, max)) {
            (Self::NewReno(old), Self::NewReno(_)) => old.set_bounds(min, max),
            (_, new) => *self = new,
        }
    }
}
