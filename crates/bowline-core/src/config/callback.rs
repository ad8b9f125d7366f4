//! Functions of the application, as far as settings know them.

use core::fmt;

/// A function of the application, as a number that settings carry and events report.
///
/// For bindings: what the number means is their business, the address of a function in the C interface.
/// Nothing here ever follows it. It is left out when settings are stored, and no text can set it.
///
/// ```
/// use bowline_core::config::{CallbackToken, Config, ConfigKey};
///
/// let mut config = Config::new();
/// config.set(ConfigKey::CallbackConnectionStatusChanged, CallbackToken::new(7))?;
/// assert_eq!(config.callback(ConfigKey::CallbackConnectionStatusChanged).get(), 7);
/// # Ok::<(), bowline_core::config::ConfigError>(())
/// ```
#[derive(Clone, Copy, Default, Eq, Hash, PartialEq)]
pub struct CallbackToken(u64);

impl CallbackToken {
    /// No function.
    pub const NONE: Self = Self(0);

    /// The function of that number; 0 is none.
    pub const fn new(value: u64) -> Self {
        Self(value)
    }

    /// The number, 0 if there is none.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Whether there is none.
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Display for CallbackToken {
    /// Tells whether there is one; the number is of use to nobody else.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(if self.is_none() {
            "none"
        } else {
            "(a function)"
        })
    }
}

impl fmt::Debug for CallbackToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CallbackToken({self})")
    }
}
