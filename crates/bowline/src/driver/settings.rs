//! Settings of an interface, its listeners and its connections, and how a change of the wider reaches the
//! narrower.
//!
//! Each level keeps a [`Config`] that has all values, its own and inherited ones, behind an `Arc`;
//! connections without settings of their own share that of their listener or of the interface. A change
//! makes new ones from the level where it happens down to the connections, each under its own lock only,
//! one after the other.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bowline_core::config::Change;
use bowline_core::config::Config;
use bowline_core::config::ConfigError;
use bowline_core::config::ConfigKey;
use bowline_core::config::ConfigScope;
use bowline_core::config::ConfigValue;
use bowline_core::endpoint::SocketId;

use crate::driver::Inner;
use crate::driver::Urgency;
use crate::driver::slot::Slot;
use crate::error::SettingError;
use crate::global_config;

/// A change of one setting; `None` goes back to what is inherited.
pub(crate) type NewValue = Option<ConfigValue>;

impl Inner {
    /// The settings of the interface.
    pub(crate) fn config(&self) -> Arc<Config> {
        Arc::clone(&self.settings.lock())
    }

    /// Settings for something new of that level, whose own ones are given.
    pub(crate) fn config_for(
        &self,
        options: Config,
        level: ConfigScope,
    ) -> Result<Arc<Config>, ConfigError> {
        let mut config = options.into_level(level)?;
        config.inherit(&self.config());
        Ok(Arc::new(config))
    }

    /// Changes a setting of the interface.
    pub(crate) fn set_config(&self, key: ConfigKey, value: NewValue) -> Result<(), ConfigError> {
        let global = global_config::snapshot();
        let mut settings = self.settings.lock();
        let mut changed = Config::clone(&settings);
        apply(&mut changed, key, value, &global)?;
        *settings = Arc::new(changed);
        drop(settings);
        self.reconfigure();
        Ok(())
    }

    /// Brings the settings of the interface, its listeners and its connections in line with those of the
    /// process. When changes meet, whoever comes last sees them all.
    pub(crate) fn reconfigure(&self) {
        loop {
            let global = global_config::snapshot();
            let interface = {
                let mut settings = self.settings.lock();
                let mut inherited = Config::clone(&settings);
                inherited.inherit(&global);
                // A new one only where something is new, else two threads could wake each other for ever.
                if inherited != **settings {
                    *settings = Arc::new(inherited);
                }
                Arc::clone(&settings)
            };
            self.configure_network(&interface);
            if self.packets_avoid_relays.load(Ordering::Relaxed) {
                self.configure_packets();
            }
            let heirs = self.hub.lock().reconfigure(&interface);
            for (slot, wider) in heirs {
                self.inherit(&slot, &wider);
            }
            let is_current = Arc::ptr_eq(&interface, &self.settings.lock());
            if is_current && Arc::ptr_eq(&global, &global_config::snapshot()) {
                return;
            }
        }
    }

    /// Changes a setting of a listener.
    pub(crate) fn set_listener_config(
        &self,
        socket: SocketId,
        key: ConfigKey,
        value: NewValue,
    ) -> Result<(), ConfigError> {
        let interface = self.config();
        let mut hub = self.hub.lock();
        let Some(config) = hub.listener_config(socket) else {
            return Ok(());
        };
        let mut changed = Config::clone(&config);
        apply(&mut changed, key, value, &interface)?;
        let changed = Arc::new(changed);
        let slots = hub.set_listener_config(socket, Arc::clone(&changed));
        drop(hub);
        for slot in slots {
            self.inherit(&slot, &changed);
        }
        if !Arc::ptr_eq(&interface, &self.config()) {
            // What was unset may have come back as it was before.
            self.reconfigure();
        }
        Ok(())
    }

    /// Changes a setting of a connection.
    pub(crate) fn set_connection_config(
        &self,
        slot: &Arc<Slot>,
        key: ConfigKey,
        value: NewValue,
    ) -> Result<(), SettingError> {
        if key.spec().facts.change == Change::BeforeConnecting {
            return Err(ConfigError::TooLate(key).into());
        }
        if key == ConfigKey::ConnectionUserData && value.is_none() {
            return Err(ConfigError::CannotUnset(key).into());
        }
        let wider = self.wider(slot);
        let mut state = slot.state.lock();
        let now = state.advance(self.clock.now());
        let core = state.open()?;
        let mut changed = core.config().narrowed(ConfigScope::Connection);
        apply(&mut changed, key, value, &wider)?;
        let user_data = changed.user_data();
        core.set_config(now, Arc::new(changed));
        if key == ConfigKey::ConnectionUserData {
            state.user_data = user_data;
        }
        self.after_input(slot, state, Urgency::Later);
        Ok(())
    }

    /// Gives a connection what its listener or interface has, except what it has of its own.
    pub(crate) fn inherit(&self, slot: &Arc<Slot>, wider: &Arc<Config>) {
        let mut state = slot.state.lock();
        let now = state.advance(self.clock.now());
        let Some(live) = &mut state.live else {
            return;
        };
        let config = Arc::clone(live.core.config());
        let inherited = if config.has_own(ConfigScope::Connection) {
            let mut own = Config::clone(&config);
            own.inherit(wider);
            Arc::new(own)
        } else {
            Arc::clone(wider)
        };
        live.core.set_config(now, inherited);
        self.after_input(slot, state, Urgency::Later);
    }

    /// The settings that a connection inherits.
    pub(super) fn wider(&self, slot: &Slot) -> Arc<Config> {
        let listener = self.hub.lock().listener_config(slot.route.socket);
        listener.unwrap_or_else(|| self.config())
    }
}

fn apply(
    config: &mut Config,
    key: ConfigKey,
    value: NewValue,
    wider: &Config,
) -> Result<(), ConfigError> {
    match value {
        Some(value) => config.set(key, value)?,
        None => config.unset(key, wider)?,
    };
    Ok(())
}
