//! The options of a side: pairs of a key and a value.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use bowline::ServiceMode;

use crate::error::Error;

/// `--KEY VALUE` pairs. Unknown keys do no harm.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options(HashMap<String, String>);

/// What is run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Workload {
    /// One connection sends as fast as it is let.
    Flood,
    /// One message at a time goes there and back.
    Ping,
    /// Connections are opened and closed.
    Connect,
    /// Connections are opened and held.
    Idle,
    /// Messages at fixed rates, in both directions.
    Paced,
    /// Many connections rest, then carry a fixed load together.
    Growth,
}

/// How the sides find each other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum By {
    /// The client knows the server's address.
    Address,
    /// By signals: they are peers.
    Signals,
}

/// Messages of one kind at a fixed rate: `HZxSIZE`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rate {
    /// Messages per second; 0 is none.
    pub(crate) hz: f64,
    /// The size in bytes, with the stamp.
    pub(crate) size: usize,
}

/// The bytes that begin every message: when it was sent, and its number.
pub(crate) const STAMP: usize = 16;

impl Options {
    /// Takes the words after the subcommand apart.
    pub(crate) fn parse(words: &[String]) -> Result<Self, Error> {
        let mut pairs = HashMap::new();
        for pair in words.chunks(2) {
            let [key, value] = pair else {
                return Err(bad(format!("{} needs a value", pair[0])));
            };
            let key = key.strip_prefix("--");
            let key = key.ok_or_else(|| bad(format!("expected --KEY VALUE, not {:?}", pair[0])))?;
            pairs.insert(key.to_owned(), value.clone());
        }
        Ok(Self(pairs))
    }

    /// What is run; it must be given.
    pub(crate) fn workload(&self) -> Result<Workload, Error> {
        match self.text("workload") {
            Some("flood") => Ok(Workload::Flood),
            Some("ping") => Ok(Workload::Ping),
            Some("connect") => Ok(Workload::Connect),
            Some("idle") => Ok(Workload::Idle),
            Some("paced") => Ok(Workload::Paced),
            Some("growth") => Ok(Workload::Growth),
            Some(other) => Err(bad(format!("there is no workload {other:?}"))),
            None => Err(bad("--workload is missing".to_owned())),
        }
    }

    /// How the sockets are driven.
    pub(crate) fn service(&self) -> Result<ServiceMode, Error> {
        match self.text("service") {
            None | Some("thread") => Ok(ServiceMode::Thread),
            Some("manual") => Ok(ServiceMode::Manual),
            Some(other) => Err(bad(format!(
                "--service {other:?}: expected thread or manual"
            ))),
        }
    }

    /// How the sides find each other.
    pub(crate) fn by(&self) -> Result<By, Error> {
        match self.text("by") {
            None | Some("address") => Ok(By::Address),
            Some("signals") => Ok(By::Signals),
            Some(other) => Err(bad(format!("--by {other:?}: expected address or signals"))),
        }
    }

    /// Whether to poll all the time instead of waiting in the system.
    pub(crate) fn is_busy(&self) -> bool {
        self.text("drive") == Some("busy")
    }

    /// Whether all configuration stays at its defaults, whatever the workload.
    pub(crate) fn keeps_defaults(&self) -> Result<bool, Error> {
        Ok(self.count("defaults", 0)? != 0)
    }

    /// An address, which must be given.
    pub(crate) fn addr(&self, key: &str) -> Result<SocketAddr, Error> {
        self.value(key)?
            .ok_or_else(|| bad(format!("--{key} is missing")))
    }

    /// A count.
    pub(crate) fn count(&self, key: &str, default: usize) -> Result<usize, Error> {
        Ok(self.value(key)?.unwrap_or(default))
    }

    /// The size of a message, at least that of its stamp.
    pub(crate) fn size(&self) -> Result<usize, Error> {
        Ok(self.count("size", 100)?.max(STAMP))
    }

    /// A time in seconds.
    pub(crate) fn secs(&self, key: &str, default: f64) -> Result<Duration, Error> {
        let secs = self.value(key)?.unwrap_or(default);
        Duration::try_from_secs_f64(secs).map_err(|_| bad(format!("--{key} {secs}: not a time")))
    }

    /// Whether messages are sent reliably.
    pub(crate) fn is_reliable(&self) -> Result<bool, Error> {
        Ok(self.count("reliable", 1)? != 0)
    }

    /// A rate; none if it is not given.
    pub(crate) fn rate(&self, key: &str) -> Result<Rate, Error> {
        let text = self.text(key).unwrap_or("0x16");
        let parsed = text
            .split_once('x')
            .and_then(|(hz, size)| Some((hz.parse::<f64>().ok()?, size.parse::<usize>().ok()?)));
        match parsed {
            Some((hz, size)) if hz >= 0.0 && hz.is_finite() => Ok(Rate {
                hz,
                size: size.max(STAMP),
            }),
            _ => Err(bad(format!("--{key} {text:?}: expected HZxSIZE"))),
        }
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    fn value<T: FromStr>(&self, key: &str) -> Result<Option<T>, Error> {
        let Some(text) = self.text(key) else {
            return Ok(None);
        };
        let parsed = text.parse();
        parsed
            .map(Some)
            .map_err(|_| bad(format!("--{key} {text:?} cannot be read")))
    }
}

fn bad(text: String) -> Error {
    Error::Other(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(line: &str) -> Result<Options, Error> {
        Options::parse(
            &line
                .split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>(),
        )
    }

    #[test]
    fn unknown_keys_are_ignored() {
        let options =
            options("--peer ours --workload paced --drive poll1 --up-rel 2.5x100").unwrap();
        assert_eq!(options.workload().unwrap(), Workload::Paced);
        let rate = options.rate("up-rel").unwrap();
        assert_eq!(rate, Rate { hz: 2.5, size: 100 });
        assert_eq!(options.rate("down-rel").unwrap().hz, 0.0);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        assert!(options("--size").is_err());
        assert!(options("size 3").is_err());
        let options = options("--size x --workload y --secs -1 --up-rel 3").unwrap();
        assert!(options.size().unwrap_err().to_string().contains("--size"));
        assert!(
            options
                .workload()
                .unwrap_err()
                .to_string()
                .contains("\"y\"")
        );
        assert!(options.secs("secs", 1.0).is_err());
        assert!(options.rate("up-rel").is_err());
        assert!(
            options
                .addr("connect")
                .unwrap_err()
                .to_string()
                .contains("missing")
        );
    }
}
