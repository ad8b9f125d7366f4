//! Settings whose defaults are others here than in Rust.
//!
//! A program that was built for GNS may rely on GNS's defaults, so the process has them as soon as it uses
//! this interface, and "back to the default" at its widest level means them.

use std::sync::Once;

use bowline::ConfigKey;
use bowline::global_config;

/// Makes the defaults those of GNS, the first time.
pub(crate) fn ensure() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        for key in ConfigKey::all() {
            restore(key);
        }
    });
}

/// Gives the process GNS's default of a setting, if that is not the Rust library's; tells whether it did.
pub(crate) fn restore(key: ConfigKey) -> bool {
    let Some(default) = key.spec().facts.original_default else {
        return false;
    };
    global_config::set(key, default).expect("a default of the original is in range");
    true
}
