//! Settings of the whole process: the widest level, from which every [`Sockets`](crate::Sockets) inherits.
//!
//! ```
//! use bowline::{ConfigKey, Sockets, global_config};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let sockets = Sockets::new()?;
//! global_config::set(ConfigKey::NagleTime, 1000)?;
//! assert_eq!(sockets.config().nagle().as_micros(), 1000);
//! // What is set for an interface, a listener or a connection goes before it.
//! sockets.set_config(ConfigKey::NagleTime, 2000)?;
//! global_config::unset(ConfigKey::NagleTime)?;
//! assert_eq!(sockets.config().nagle().as_micros(), 2000);
//! # Ok(())
//! # }
//! ```

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::Weak;

use bowline_core::config::Config;
use bowline_core::config::ConfigError;
use bowline_core::config::ConfigKey;
use bowline_core::config::ConfigScope;
use bowline_core::config::ConfigValue;

use crate::driver::Inner;
use crate::driver::lock_order::Lock;
use crate::driver::lock_order::Rank;

/// Sets a value for the whole process. Connections follow at once.
///
/// # Errors
/// If the value is out of range or of the wrong kind; the error says what would do.
pub fn set(key: ConfigKey, value: impl Into<ConfigValue>) -> Result<(), ConfigError> {
    let value = value.into();
    change(|config| config.set(key, value).map(drop))
}

/// Goes back to the default.
///
/// # Errors
/// If the setting cannot be set, so that it cannot be unset either.
pub fn unset(key: ConfigKey) -> Result<(), ConfigError> {
    change(|config| config.unset(key, &Config::new()).map(drop))
}

/// The settings of the process as they are now.
pub fn snapshot() -> Arc<Config> {
    Arc::clone(&process().lock().config)
}

/// Lets an interface hear of changes.
pub(crate) fn enroll(inner: &Arc<Inner>) {
    let mut process = process().lock();
    process.interfaces.retain(|known| known.strong_count() > 0);
    process.interfaces.push(Arc::downgrade(inner));
}

/// The interfaces that there are.
pub(crate) fn interfaces() -> Vec<Arc<Inner>> {
    let known = process().lock().interfaces.clone();
    known.iter().filter_map(Weak::upgrade).collect()
}

#[derive(Debug)]
struct Process {
    config: Arc<Config>,
    interfaces: Vec<Weak<Inner>>,
}

fn process() -> &'static Lock<Process> {
    static PROCESS: OnceLock<Lock<Process>> = OnceLock::new();
    PROCESS.get_or_init(|| {
        Lock::new(
            Rank::Settings,
            Process {
                config: Arc::new(Config::at(ConfigScope::Global)),
                interfaces: Vec::new(),
            },
        )
    })
}

fn change(change: impl FnOnce(&mut Config) -> Result<(), ConfigError>) -> Result<(), ConfigError> {
    let mut process = process().lock();
    let mut config = Config::clone(&process.config);
    change(&mut config)?;
    process.config = Arc::new(config);
    let interfaces = process.interfaces.clone();
    drop(process);
    for interface in interfaces.iter().filter_map(Weak::upgrade) {
        interface.reconfigure();
    }
    Ok(())
}
