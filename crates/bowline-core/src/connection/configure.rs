//! Settings that change while the connection lives.

use alloc::sync::Arc;

use crate::config::Config;
use crate::connection::Command;
use crate::connection::Connection;
use crate::connection::Input;
use crate::extensions::Extension;
use crate::time::Timestamp;

impl Connection {
    /// Goes by other settings from now on; what the handshake needed stays as it was. Shorthand for
    /// [`Command::Configure`].
    pub fn set_config(&mut self, now: Timestamp, config: Arc<Config>) {
        let done = self.handle(now, Input::Command(Command::Configure(config)));
        debug_assert!(done.is_ok());
    }

    /// The settings that it goes by.
    pub const fn config(&self) -> &Arc<Config> {
        &self.config
    }

    pub(super) fn on_configure(&mut self, mut config: Arc<Config>) {
        if !config.agrees_on_fixed(&self.config) {
            Arc::make_mut(&mut config).keep_fixed(&self.config);
        }
        let sizes = |config: &Config| (config.mtu_bytes(), config.mtu_search_max_bytes());
        if sizes(&config) != sizes(&self.config) {
            self.path.resize(self.way_mtu(&config));
            if self.peer.extensions.contains(Extension::PathMtu) {
                self.path.let_grow(config.mtu_search_max_bytes());
            }
        }
        self.sender.configure(&config);
        self.receiver.configure(&config);
        if let Some(pipe) = &mut self.pipe {
            pipe.configure(&config);
        }
        self.config = config;
        self.tell_writable();
    }
}
