//! Values with the level at which each was set.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::string::ToString;
use alloc::sync::Arc;
use core::fmt;

use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;
use serde::Serializer;
use serde::de::Error as _;

use crate::config::CallbackToken;
use crate::config::Change;
use crate::config::ConfigError;
use crate::config::ConfigKey;
use crate::config::ConfigScope;
use crate::config::ConfigType;
use crate::config::ConfigValue;
use crate::config::spec::Facts;
use crate::config::table::COUNT;
use crate::config::table::FACTS;

/// Settings of one level: what was set here, and for the rest what the wider levels say.
///
/// Every setting always has a valid value, so that nothing that reads them has to check. Made by
/// [`Config::new`] it has the defaults; set what should differ and hand it over when a listener or a
/// connection is made. What is not set in it then comes from the interface, and last from the process.
///
/// ```
/// use bowline_core::config::{Config, ConfigKey};
///
/// let mut config = Config::new();
/// config.set(ConfigKey::NagleTime, 2000)?.set(ConfigKey::SendBufferSize, "65536")?;
/// assert_eq!(config.nagle().as_micros(), 2000);
/// assert!(config.set(ConfigKey::NagleTime, 99_999).is_err());
/// # Ok::<(), bowline_core::config::ConfigError>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct Config {
    /// The level of what is set by [`Self::set`].
    level: ConfigScope,
    /// Whole numbers as they are, numbers with a fraction as their bits.
    numbers: [u32; COUNT],
    user_data: i64,
    /// Texts that are not empty.
    texts: BTreeMap<ConfigKey, Arc<str>>,
    /// Functions of which there is one.
    callbacks: BTreeMap<ConfigKey, CallbackToken>,
    /// Where each value was set; `None` is the default.
    origins: [Option<ConfigScope>; COUNT],
}

impl Config {
    /// The defaults, for one connection or listener.
    pub const fn new() -> Self {
        Self::at(ConfigScope::Connection)
    }

    /// The defaults, as settings of that level.
    #[allow(clippy::indexing_slicing, reason = "within the bound of the loop")]
    pub const fn at(level: ConfigScope) -> Self {
        let mut numbers = [0; COUNT];
        let mut index = 0;
        while index < COUNT {
            numbers[index] = default_bits(&FACTS[index]);
            index += 1;
        }
        Self {
            level,
            numbers,
            user_data: -1,
            texts: BTreeMap::new(),
            callbacks: BTreeMap::new(),
            origins: [None; COUNT],
        }
    }

    /// Sets a value. Numbers and texts become what the setting is.
    ///
    /// # Errors
    /// If the value is out of range or of the wrong kind, or the setting cannot be set here; the error
    /// says what would do. Nothing has changed then.
    pub fn set(
        &mut self,
        key: ConfigKey,
        value: impl Into<ConfigValue>,
    ) -> Result<&mut Self, ConfigError> {
        self.check_settable(key)?;
        self.store(key, value.into())?;
        self.mark(key);
        Ok(self)
    }

    /// Sets a value from text of the form `name = value`, as on a command line or in a file.
    ///
    /// # Errors
    /// As [`Self::set`], and if the text is of another form or names no setting.
    pub fn set_from_text(&mut self, assignment: &str) -> Result<&mut Self, ConfigError> {
        let (name, value) = assignment
            .split_once('=')
            .ok_or_else(|| ConfigError::NotAnAssignment(assignment.into()))?;
        self.set(name.trim().parse()?, value.trim())
    }

    /// Goes back to what `wider` says.
    ///
    /// # Errors
    /// If the setting cannot be set here, so that it cannot be unset either. The user data of a
    /// connection is its own from the beginning on.
    pub fn unset(&mut self, key: ConfigKey, wider: &Self) -> Result<&mut Self, ConfigError> {
        self.check_settable(key)?;
        self.copy(key, wider);
        self.derive();
        Ok(self)
    }

    /// The same without texts, functions and the user data, which may say whose connection it is.
    pub(crate) fn without_texts(&self) -> Self {
        let mut bare = self.clone();
        for key in ConfigKey::all() {
            match key.spec().facts.kind {
                ConfigType::String | ConfigType::Int64 | ConfigType::Callback => {
                    bare.copy(key, &Self::new());
                }
                ConfigType::Int32 | ConfigType::Float => {}
            }
        }
        bare
    }

    /// The value.
    pub fn get(&self, key: ConfigKey) -> ConfigValue {
        match key.spec().facts.kind {
            ConfigType::Int32 => ConfigValue::Int32(self.int(key)),
            ConfigType::Int64 => ConfigValue::Int64(self.user_data),
            ConfigType::Float => ConfigValue::Float(self.float(key)),
            ConfigType::String => ConfigValue::from(self.text(key)),
            ConfigType::Callback => ConfigValue::Callback(self.callback(key)),
        }
    }

    /// The level at which the value was set; `None` if it is the default.
    #[allow(clippy::indexing_slicing, reason = "as many as keys")]
    pub fn origin(&self, key: ConfigKey) -> Option<ConfigScope> {
        self.origins[key.index()]
    }

    /// The settings that were set at this very level.
    pub fn own(&self) -> impl Iterator<Item = ConfigKey> + '_ {
        ConfigKey::all().filter(|key| self.origin(*key) == Some(self.level))
    }

    /// Whether these are settings of that level, with some set at it.
    pub fn has_own(&self, level: ConfigScope) -> bool {
        self.level == level && self.own().next().is_some()
    }

    /// The same settings as those of another level: what was set at the old level counts as set there.
    ///
    /// # Errors
    /// If a setting cannot be set at that level.
    pub fn into_level(mut self, level: ConfigScope) -> Result<Self, ConfigError> {
        let old = core::mem::replace(&mut self.level, level);
        for key in ConfigKey::all() {
            if self.origin(key) == Some(old) {
                self.check_settable(key)?;
                self.mark(key);
            }
        }
        Ok(self)
    }

    /// The settings of the next narrower `level`, at which nothing is set yet. Settings that are of that
    /// level already stay as they are.
    #[must_use]
    pub fn narrowed(&self, level: ConfigScope) -> Self {
        if self.level == level {
            return self.clone();
        }
        let mut narrow = Self::at(level);
        narrow.inherit(self);
        narrow
    }

    /// Whether what must not change any more is the same in both.
    pub(crate) fn agrees_on_fixed(&self, old: &Self) -> bool {
        fixed_keys().all(|key| self.get(key) == old.get(key))
    }

    /// Takes over what must not change any more.
    pub(crate) fn keep_fixed(&mut self, old: &Self) {
        for key in fixed_keys() {
            self.copy(key, old);
        }
    }

    /// Takes from `wider` all that is not set at this level.
    pub fn inherit(&mut self, wider: &Self) {
        for key in ConfigKey::all() {
            if self.origin(key) != Some(self.level) {
                self.copy(key, wider);
            }
        }
        self.derive();
    }

    #[allow(clippy::indexing_slicing, reason = "as many as keys")]
    pub(super) const fn int(&self, key: ConfigKey) -> i32 {
        self.numbers[key.index()].cast_signed()
    }

    #[allow(clippy::indexing_slicing, reason = "as many as keys")]
    pub(super) const fn float(&self, key: ConfigKey) -> f32 {
        f32::from_bits(self.numbers[key.index()])
    }

    pub(super) fn text(&self, key: ConfigKey) -> &str {
        self.texts.get(&key).map_or("", |text| text)
    }

    /// The function of the application, for settings of that kind; [`CallbackToken::NONE`] for others.
    pub fn callback(&self, key: ConfigKey) -> CallbackToken {
        self.callbacks.get(&key).copied().unwrap_or_default()
    }

    /// The number that a connection starts with as its user data; -1 is none.
    pub const fn user_data(&self) -> i64 {
        self.user_data
    }

    fn check_settable(&self, key: ConfigKey) -> Result<(), ConfigError> {
        let spec = key.spec();
        if spec.facts.change == Change::Never {
            return Err(ConfigError::ReadOnly(key));
        }
        // DIFFERS: GNS's global values are global; here an interface may have its own, because several
        // in one process are as good as several hosts.
        if spec.scope == ConfigScope::Global && self.level > ConfigScope::Interface {
            let scope = self.level;
            return Err(ConfigError::TooNarrow { key, scope });
        }
        Ok(())
    }

    fn store(&mut self, key: ConfigKey, value: ConfigValue) -> Result<(), ConfigError> {
        let facts = &key.spec().facts;
        let wrong_type = |value| ConfigError::WrongType {
            key,
            value,
            kind: facts.kind,
        };
        match facts.kind {
            ConfigType::Int32 | ConfigType::Int64 => {
                let Some(number) = value.to_int() else {
                    return Err(wrong_type(value));
                };
                let (min, max) = facts.range_int;
                if !(min..=max).contains(&number) {
                    return Err(out_of_range(key, value, min, max));
                }
                self.put_int(key, number);
            }
            ConfigType::Float => {
                let Some(number) = value.to_float() else {
                    return Err(wrong_type(value));
                };
                let (min, max) = facts.range_float;
                if !(min..=max).contains(&number) {
                    return Err(out_of_range(key, value, min, max));
                }
                self.put(key, number.to_bits());
            }
            ConfigType::String => {
                if value.kind() == ConfigType::Callback {
                    return Err(wrong_type(value));
                }
                let text = value.to_text();
                if text.is_empty() {
                    self.texts.remove(&key);
                } else {
                    self.texts.insert(key, text);
                }
            }
            ConfigType::Callback => {
                let ConfigValue::Callback(token) = value else {
                    return Err(wrong_type(value));
                };
                self.put_callback(key, token);
            }
        }
        self.derive();
        Ok(())
    }

    /// A whole number of a setting that has one.
    fn put_int(&mut self, key: ConfigKey, number: i64) {
        if key == ConfigKey::ConnectionUserData {
            self.user_data = number;
            return;
        }
        let number = i32::try_from(number).expect("its range is within 32 bits");
        self.put(key, number.cast_unsigned());
    }

    fn put_callback(&mut self, key: ConfigKey, token: CallbackToken) {
        if token.is_none() {
            self.callbacks.remove(&key);
        } else {
            self.callbacks.insert(key, token);
        }
    }

    #[allow(clippy::indexing_slicing, reason = "as many as keys")]
    fn put(&mut self, key: ConfigKey, bits: u32) {
        self.numbers[key.index()] = bits;
    }

    #[allow(clippy::indexing_slicing, reason = "as many as keys")]
    pub(super) fn mark(&mut self, key: ConfigKey) {
        self.origins[key.index()] = Some(self.level);
    }

    #[allow(clippy::indexing_slicing, reason = "as many as keys")]
    fn copy(&mut self, key: ConfigKey, from: &Self) {
        let index = key.index();
        self.numbers[index] = from.numbers[index];
        self.origins[index] = from.origins[index];
        match key.spec().facts.kind {
            ConfigType::Int64 => self.user_data = from.user_data,
            ConfigType::String => {
                match from.texts.get(&key) {
                    Some(text) => self.texts.insert(key, Arc::clone(text)),
                    None => self.texts.remove(&key),
                };
            }
            ConfigType::Callback => self.put_callback(key, from.callback(key)),
            ConfigType::Int32 | ConfigType::Float => {}
        }
    }

    /// Values that follow from others.
    fn derive(&mut self) {
        let data_bytes = self.int(ConfigKey::MtuPacketSize) - MTU_RESERVE;
        self.put(ConfigKey::MtuDataSize, data_bytes.cast_unsigned());
    }
}

/// What is needed for the handshake, and what a connection takes over when it is made.
fn fixed_keys() -> impl Iterator<Item = ConfigKey> {
    ConfigKey::all().filter(|key| {
        key.spec().facts.change == Change::BeforeConnecting || *key == ConfigKey::ConnectionUserData
    })
}

/// GNS e707b3a: `steamnetworkingsockets_connections.cpp`, `MTU_DataSize`: the packet less 100.
const MTU_RESERVE: i32 = 100;

#[allow(
    clippy::cast_possible_truncation,
    reason = "defaults of 32-bit settings; the 64-bit one is not kept here"
)]
const fn default_bits(facts: &Facts) -> u32 {
    match facts.kind {
        ConfigType::Int32 => (facts.default_int as i32).cast_unsigned(),
        ConfigType::Float => facts.default_float.to_bits(),
        ConfigType::Int64 | ConfigType::String | ConfigType::Callback => 0,
    }
}

fn out_of_range(
    key: ConfigKey,
    value: ConfigValue,
    min: impl Into<ConfigValue>,
    max: impl Into<ConfigValue>,
) -> ConfigError {
    ConfigError::OutOfRange {
        key,
        value,
        min: min.into(),
        max: max.into(),
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Config {
    /// Only what is not the default; passwords are not shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for key in ConfigKey::all().filter(|key| self.origin(*key).is_some()) {
            if key == ConfigKey::P2pTurnPassList {
                map.entry(&key.name(), &"(hidden)");
            } else {
                map.entry(&key.name(), &format_args!("{}", self.get(key)));
            }
        }
        map.finish()
    }
}

impl Serialize for Config {
    /// As numbers and texts of what is not the default: enough to make a connection behave the same, which
    /// functions do not.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let changed = ConfigKey::all().filter(|key| {
            self.origin(*key).is_some() && key.spec().facts.kind != ConfigType::Callback
        });
        // A map of known length: formats that write it first cannot do without.
        let values = changed.map(|key| (key.number(), self.get(key).to_string()));
        values.collect::<BTreeMap<_, _>>().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Config {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let values = BTreeMap::<i32, String>::deserialize(deserializer)?;
        let mut config = Self::new();
        for (number, text) in values {
            let key = ConfigKey::from_number(number).map_err(D::Error::custom)?;
            config
                .store(key, ConfigValue::from(text))
                .map_err(D::Error::custom)?;
            config.mark(key);
        }
        Ok(config)
    }
}

#[cfg(test)]
mod tests;
