//! What a side is told on its command line: pairs of a key and a value.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use crate::Result;

/// `--KEY VALUE` pairs. Keys that nobody asks for do no harm.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options(BTreeMap<String, String>);

/// Messages of one kind at a fixed rate: `HZxSIZE`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rate {
    /// Messages per second, more than 0.
    pub(crate) hz: f64,
    /// The size of each in bytes.
    pub(crate) size: usize,
}

impl Options {
    /// Takes the words of a command line apart.
    pub(crate) fn parse<S: AsRef<str>>(words: &[S]) -> Result<Self> {
        let mut pairs = BTreeMap::new();
        for pair in words.chunks(2) {
            let key = pair[0].as_ref();
            let [_, value] = pair else {
                return Err(format!("{key} needs a value").into());
            };
            let name = key.strip_prefix("--");
            let name = name.ok_or_else(|| format!("expected --KEY VALUE, not {key}"))?;
            pairs.insert(name.to_owned(), value.as_ref().to_owned());
        }
        Ok(Self(pairs))
    }

    /// All pairs, ordered by key.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Sets or replaces a value.
    pub(crate) fn set(&mut self, key: &str, value: impl ToString) {
        self.0.insert(key.to_owned(), value.to_string());
    }

    /// A value, if it is given.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// A value of any readable kind, if it is given.
    pub(crate) fn read<T: FromStr>(&self, key: &str) -> Result<Option<T>> {
        let unreadable = |text: &str| format!("--{key} {text:?} cannot be read");
        let parse = |text: &str| text.parse().map_err(|_| unreadable(text).into());
        self.text(key).map(parse).transpose()
    }

    /// A value of any readable kind, or `default`.
    pub(crate) fn or<T: FromStr>(&self, key: &str, default: T) -> Result<T> {
        Ok(self.read(key)?.unwrap_or(default))
    }

    /// Whether a value other than 0 is given.
    pub(crate) fn is_on(&self, key: &str) -> bool {
        self.text(key).is_some_and(|text| text != "0")
    }

    /// An address, which must be given.
    pub(crate) fn address(&self, key: &str) -> Result<SocketAddr> {
        self.read(key)?
            .ok_or_else(|| format!("--{key} is missing").into())
    }

    /// The length of the measured window.
    pub(crate) fn window(&self) -> Result<Duration> {
        let secs = self.or("secs", 3.0)?;
        Duration::try_from_secs_f64(secs).map_err(|_| format!("--secs {secs}: not a time").into())
    }

    /// A rate, if one is given that is not 0.
    pub(crate) fn rate(&self, key: &str) -> Result<Option<Rate>> {
        let Some(text) = self.text(key) else {
            return Ok(None);
        };
        let parts = text.split_once('x');
        let rate = parts.and_then(|(hz, size)| {
            Some(Rate {
                hz: hz.parse().ok()?,
                size: size.parse().ok()?,
            })
        });
        match rate {
            Some(rate) if rate.hz >= 0.0 && rate.hz.is_finite() => {
                Ok((rate.hz > 0.0).then_some(rate))
            }
            _ => Err(format!("--{key} {text:?}: expected HZxSIZE").into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(line: &str) -> Result<Options> {
        Options::parse(&line.split_whitespace().collect::<Vec<_>>())
    }

    #[test]
    fn values_are_read_and_missing_ones_have_defaults() {
        let options = options("--size 300 --up-rel 2.5x100 --down-rel 0x5 --defaults 1").unwrap();
        assert_eq!(options.or("size", 7usize).unwrap(), 300);
        assert_eq!(options.or("clients", 7usize).unwrap(), 7);
        assert_eq!(
            options.rate("up-rel").unwrap(),
            Some(Rate { hz: 2.5, size: 100 })
        );
        assert_eq!(options.rate("down-rel").unwrap(), None);
        assert!(options.is_on("defaults") && !options.is_on("join"));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        assert!(options("--size").is_err());
        assert!(options("size 3").is_err());
        let options = options("--size x --secs -1 --up-rel 3").unwrap();
        let error = options.or("size", 1u32).unwrap_err().to_string();
        assert_eq!(error, "--size \"x\" cannot be read");
        assert!(options.window().is_err() && options.rate("up-rel").is_err());
        assert!(
            options
                .address("connect")
                .unwrap_err()
                .to_string()
                .contains("missing")
        );
    }
}
