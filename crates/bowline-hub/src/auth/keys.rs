//! The keys of an issuer, kept and fetched again.
//!
//! They are fetched when the hub starts, with the first token that is ten minutes later than that, and once a minute at most for
//! a token with a key that nobody knows yet. One thread fetches; the others go on with what is there, and wait only when there is
//! nothing. When fetching fails the keys that were good stay good for a day: an issuer that is down for an hour
//! keeps nobody out, and a key that it took back does not live for ever.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Condvar;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::Instant;

use jsonwebtoken::Algorithm;

use crate::auth::AuthCounters;
use crate::auth::AuthError;
use crate::auth::Fault;
use crate::auth::client::Client;
use crate::auth::client::Endpoint;
use crate::auth::client::Trust;
use crate::auth::jwks::Key;
use crate::auth::jwks::KeySet;
use crate::limits::JWKS_MAX_AGE;
use crate::limits::JWKS_MAX_STALE;
use crate::limits::JWKS_RETRY;
use crate::limits::JWKS_TIMEOUT;
use crate::limits::JWKS_UNKNOWN_KEY_RETRY;
use crate::limits::MAX_JWKS_LEN;

/// Where the keys of an issuer are.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum KeySource {
    /// In a file.
    File(PathBuf),
    /// Where the issuer publishes them.
    Url(Endpoint, Trust),
}

/// The keys of an issuer.
#[derive(Debug)]
pub(super) struct Keys {
    source: Source,
    times: Times,
    state: Mutex<State>,
    fetched: Condvar,
}

/// When keys are fetched.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// Keys that are older are fetched again.
    pub(super) max_age: Duration,
    /// After a failure, again after this time.
    pub(super) retry: Duration,
    /// For a key that is not known, no sooner after the last time than this.
    pub(super) unknown: Duration,
    /// Keys that are older are good for nothing.
    pub(super) max_stale: Duration,
}

#[derive(Debug)]
enum Source {
    File(PathBuf),
    Url(Box<Client>),
}

#[derive(Debug, Default)]
struct State {
    keys: Option<Arc<KeySet>>,
    /// When they were fetched.
    fetched_at: Option<Instant>,
    /// When fetching began the last time.
    tried_at: Option<Instant>,
    /// When it did because of a key that nobody knew.
    unknown_at: Option<Instant>,
    is_fetching: bool,
    has_failed: bool,
    fetches: u64,
    failures: u64,
}

/// Says what came of fetching when it is dropped, so that a panic is a failure and nobody waits for ever.
struct Fetching<'a> {
    keys: &'a Keys,
    began: Instant,
    fetched: Option<Result<KeySet, String>>,
}

/// Why keys are wanted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Wish {
    /// To verify something.
    Any,
    /// Because those that are there are not enough.
    Newer,
}

impl Times {
    pub(super) const DEFAULT: Self = Self {
        max_age: JWKS_MAX_AGE,
        retry: JWKS_RETRY,
        unknown: JWKS_UNKNOWN_KEY_RETRY,
        max_stale: JWKS_MAX_STALE,
    };
}

impl Keys {
    pub(super) fn new(source: KeySource, times: Times) -> Result<Self, AuthError> {
        let source = match source {
            KeySource::File(path) => Source::File(path),
            KeySource::Url(endpoint, trust) => {
                let client = Client::new(endpoint, &trust, JWKS_TIMEOUT, MAX_JWKS_LEN)?;
                Source::Url(Box::new(client))
            }
        };
        Ok(Self {
            source,
            times,
            state: Mutex::default(),
            fetched: Condvar::new(),
        })
    }

    /// The key of that name for that algorithm.
    pub(super) fn find(&self, name: Option<&str>, algorithm: Algorithm) -> Result<Arc<Key>, Fault> {
        let keys = self.get(Wish::Any)?;
        match keys.find(name, algorithm) {
            Err(Fault::TokenKey) => self.get(Wish::Newer)?.find(name, algorithm),
            found => found,
        }
    }

    /// Fetches them unless they are there. That it fails is told; tokens have it tried again, each some seconds after the last time.
    pub(super) fn fetch_first(&self) {
        let _ = self.get(Wish::Any);
    }

    pub(super) fn add_to(&self, counters: &mut AuthCounters) {
        let state = self.lock();
        counters.keys_fetched += state.fetches;
        counters.keys_failed += state.failures;
    }

    fn get(&self, wish: Wish) -> Result<Arc<KeySet>, Fault> {
        let now = Instant::now();
        let mut state = self.lock();
        if self.is_due(&state, wish, now) {
            state.is_fetching = true;
            state.tried_at = Some(now);
            if wish == Wish::Newer {
                state.unknown_at = Some(now);
            }
            drop(state);
            Fetching::new(self, now).by(|| self.fetch());
            state = self.lock();
        } else if state.is_fetching && (wish == Wish::Newer || state.keys.is_none()) {
            // Who fetches has a time limit; this one is for the scheduler's sake.
            let longest = JWKS_TIMEOUT + Duration::from_secs(1);
            let waited = self
                .fetched
                .wait_timeout_while(state, longest, |state| state.is_fetching);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        let is_fresh = |at: Instant| at.elapsed() < self.times.max_stale;
        if !state.fetched_at.is_some_and(is_fresh) {
            return Err(Fault::KeysUnavailable);
        }
        state.keys.clone().ok_or(Fault::KeysUnavailable)
    }

    fn is_due(&self, state: &State, wish: Wish, now: Instant) -> bool {
        let is_past =
            |at: Option<Instant>, span| at.is_none_or(|at| now.duration_since(at) >= span);
        if state.is_fetching || (state.has_failed && !is_past(state.tried_at, self.times.retry)) {
            return false;
        }
        match wish {
            Wish::Any => is_past(state.fetched_at, self.times.max_age),
            Wish::Newer => is_past(state.unknown_at, self.times.unknown),
        }
    }

    fn take(&self, state: &mut State, now: Instant, fetched: Result<KeySet, String>) {
        state.is_fetching = false;
        match fetched {
            Ok(keys) => {
                state.fetches += 1;
                if state.has_failed {
                    tracing::info!(source = %self.source, keys = keys.len(), "keys can be fetched again");
                }
                state.has_failed = false;
                state.keys = Some(Arc::new(keys));
                state.fetched_at = Some(now);
            }
            Err(error) => {
                state.failures += 1;
                if !state.has_failed {
                    tracing::warn!(source = %self.source, error, "keys of tokens cannot be fetched");
                }
                state.has_failed = true;
            }
        }
    }

    fn fetch(&self) -> Result<KeySet, String> {
        let bytes = match &self.source {
            Source::File(path) => read(path).map_err(|error| error.to_string())?,
            Source::Url(client) => client.get().map_err(|error| error.to_string())?,
        };
        KeySet::parse(&bytes).map_err(|error| error.to_string())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether there are keys in a file.
#[cfg(feature = "program")]
pub(super) fn check_file(path: &std::path::Path) -> Result<(), String> {
    let bytes = read(path).map_err(|error| error.to_string())?;
    KeySet::parse(&bytes)
        .map(drop)
        .map_err(|error| error.to_string())
}

impl<'a> Fetching<'a> {
    const fn new(keys: &'a Keys, began: Instant) -> Self {
        Self {
            keys,
            began,
            fetched: None,
        }
    }

    fn by(mut self, fetch: impl FnOnce() -> Result<KeySet, String>) {
        self.fetched = Some(fetch());
    }
}

impl Drop for Fetching<'_> {
    fn drop(&mut self) {
        let fetched = self.fetched.take();
        let fetched = fetched.unwrap_or_else(|| Err("it panicked".to_owned()));
        let mut state = self.keys.lock();
        self.keys.take(&mut state, self.began, fetched);
        drop(state);
        self.keys.fetched.notify_all();
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Url(client) => write!(f, "{}", client.endpoint()),
        }
    }
}

fn read(path: &std::path::Path) -> std::io::Result<Vec<u8>> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    std::fs::File::open(path)?
        .take(MAX_JWKS_LEN + 1)
        .read_to_end(&mut bytes)?;
    match bytes.len() as u64 > MAX_JWKS_LEN {
        true => Err(std::io::Error::other(format!(
            "more than {MAX_JWKS_LEN} bytes"
        ))),
        false => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use std::panic::AssertUnwindSafe;
    use std::panic::catch_unwind;

    use super::*;

    #[test]
    fn regression_keys_are_fetched_again_after_a_panic() {
        let name = format!("bowline-hub-jwks-panic-{}.json", std::process::id());
        let path = std::env::temp_dir().join(name);
        let jwk = r#"{"kty": "OKP", "crv": "Ed25519", "kid": "one",
            "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
        std::fs::write(&path, format!(r#"{{"keys": [{jwk}]}}"#)).unwrap();
        let times = Times {
            retry: Duration::ZERO,
            ..Times::DEFAULT
        };
        let keys = Keys::new(KeySource::File(path.clone()), times).unwrap();
        keys.lock().is_fetching = true;
        let fetching = Fetching::new(&keys, Instant::now());
        let fetched = catch_unwind(AssertUnwindSafe(|| fetching.by(|| panic!("on purpose"))));
        assert!(fetched.is_err());
        let state = keys.lock();
        assert!(!state.is_fetching && state.has_failed);
        assert_eq!(state.failures, 1);
        drop(state);
        assert_eq!(keys.get(Wish::Any).unwrap().len(), 1);
        std::fs::remove_file(&path).unwrap();
    }
}
