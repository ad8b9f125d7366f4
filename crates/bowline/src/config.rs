//! Settings of interfaces, listeners and connections, while they live.

use std::sync::Arc;

use bowline_core::config::Config;
use bowline_core::config::ConfigError;
use bowline_core::config::ConfigKey;
use bowline_core::config::ConfigScope;
use bowline_core::config::ConfigValue;

use crate::connection::Connection;
use crate::error::NoSuchConnection;
use crate::error::SettingError;
use crate::listener::Listener;
use crate::listener::PeerListener;
use crate::sockets::Sockets;

impl Sockets {
    /// The settings of this interface as they are now, those of the process included.
    pub fn config(&self) -> Arc<Config> {
        self.inner().config()
    }

    /// Sets a value for this interface. Its listeners and connections follow at once, except those that
    /// have a value of their own.
    ///
    /// # Errors
    /// If the value is out of range or of the wrong kind; the error says what would do.
    pub fn set_config(
        &self,
        key: ConfigKey,
        value: impl Into<ConfigValue>,
    ) -> Result<(), ConfigError> {
        self.inner().set_config(key, Some(value.into()))
    }

    /// Goes back to what the process has.
    ///
    /// # Errors
    /// If the setting cannot be set, so that it cannot be unset either.
    pub fn unset_config(&self, key: ConfigKey) -> Result<(), ConfigError> {
        self.inner().set_config(key, None)
    }
}

/// The settings of a listener, of whatever kind.
macro_rules! listener_settings {
    ($listener:ty) => {
        impl $listener {
            /// The settings of connections that come in, as they are now.
            pub fn config(&self) -> Arc<Config> {
                let config = self.inner().hub.lock().listener_config(self.socket());
                config.unwrap_or_else(|| self.inner().config())
            }

            /// Sets a value for the connections that come in, those that did already included.
            ///
            /// # Errors
            /// If the value is out of range or of the wrong kind, or the setting is for a whole interface.
            pub fn set_config(
                &self,
                key: ConfigKey,
                value: impl Into<ConfigValue>,
            ) -> Result<(), ConfigError> {
                let value = Some(value.into());
                self.inner().set_listener_config(self.socket(), key, value)
            }

            /// Goes back to what the interface has.
            ///
            /// # Errors
            /// If the setting cannot be set here, so that it cannot be unset either.
            pub fn unset_config(&self, key: ConfigKey) -> Result<(), ConfigError> {
                self.inner().set_listener_config(self.socket(), key, None)
            }
        }
    };
}

listener_settings!(Listener);
listener_settings!(PeerListener);

impl Connection {
    /// The settings of this connection as they are now. [`Config::origin`] tells where each comes from.
    /// Its user data is among them, as [`set_user_data`](Self::set_user_data) left it.
    ///
    /// # Errors
    /// If the connection is closed.
    pub fn config(&self) -> Result<Arc<Config>, NoSuchConnection> {
        let mut state = self.slot().state.lock();
        let user_data = state.user_data;
        let config = state.open()?.config();
        if config.user_data() == user_data {
            return Ok(Arc::clone(config));
        }
        let mut own = config.narrowed(ConfigScope::Connection);
        let set = own.set(ConfigKey::ConnectionUserData, user_data).is_ok();
        debug_assert!(set, "any number will do");
        Ok(Arc::new(own))
    }

    /// Sets a value for this connection, which follows at once.
    ///
    /// # Errors
    /// If the value is out of range or of the wrong kind, the setting is for a whole interface, the
    /// handshake needed it, or the connection is closed.
    pub fn set_config(
        &self,
        key: ConfigKey,
        value: impl Into<ConfigValue>,
    ) -> Result<(), SettingError> {
        let inner = &self.slot().inner;
        inner.set_connection_config(self.slot(), key, Some(value.into()))
    }

    /// Goes back to what the listener or the interface has.
    ///
    /// # Errors
    /// If the setting cannot be set here, so that it cannot be unset either, or the connection is closed.
    pub fn unset_config(&self, key: ConfigKey) -> Result<(), SettingError> {
        let inner = &self.slot().inner;
        inner.set_connection_config(self.slot(), key, None)
    }
}
