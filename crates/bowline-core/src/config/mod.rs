//! How interfaces and connections behave: limits, rates, timeouts, pretended faults.
//!
//! There is one table of all settings (`table`), with number, name, kind, scope, default and range of
//! each. A [`Config`] holds a value for every one of them and the level at which it was set; levels
//! inherit from wider ones ([`Config::inherit`]). Settings are set by key, by text, or by methods with types
//! and units (`typed`), all of which check the range, so that nothing that reads them has to.

mod admission;
mod callback;
mod error;
mod lane;
mod layer;
mod network;
mod peers;
mod spec;
mod table;
mod typed;
mod value;

pub use callback::CallbackToken;
pub use error::ConfigError;
pub use lane::LaneConfig;
pub use layer::Config;
pub use peers::ServersError;
pub use spec::Change;
pub use spec::ConfigScope;
pub use spec::ConfigSpec;
pub use spec::Facts;
pub use spec::WaitsFor;
pub use table::ConfigKey;
pub use value::ConfigType;
pub use value::ConfigValue;
