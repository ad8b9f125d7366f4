//! Names in a store.
//!
//! A key is a bucket and a path of segments. Segments may be any text, such as an identity. What NATS does not take in a
//! key is written as `=` and two hex digits, so a path is always fine there, and two different keys never look the same.

use std::fmt;
use std::sync::Arc;

use crate::limits::MAX_KEY_LEN;

/// What a key is about, and with it how long it lasts.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Bucket {
    /// Who is signed in where. Leases, in memory only: clients come back by themselves.
    Presence,
    /// Which hubs are there. Leases, in memory only.
    Nodes,
    /// Which relays are there. Leases, in memory only.
    Relays,
    /// Where hosted servers are. Leases, in memory only.
    Hosted,
    /// Who has which FakeIP. Leases that outlast a restart.
    FakeIp,
    /// Signed network configs. Lasting.
    Config,
    /// What apps and users may do. Lasting.
    Policy,
    /// What is not trusted any more. Lasting.
    Revoked,
}

/// Where a value is.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Key {
    bucket: Bucket,
    path: Arc<str>,
}

/// Where several values are: all keys of a bucket that begin with some segments.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Prefix {
    bucket: Bucket,
    /// Empty, or ends in a slash.
    path: String,
}

/// Whom a message on the bus is for.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Subject(Arc<str>);

/// Why segments are no name.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// There are none, or one is empty.
    #[error("a name in the store needs segments, none of them empty")]
    Empty,
    /// They are longer than any name may be.
    #[error("a name in the store of {0} bytes is above the limit of {MAX_KEY_LEN}")]
    TooLong(usize),
}

impl Bucket {
    /// All buckets.
    pub const ALL: [Self; 8] = [
        Self::Presence,
        Self::Nodes,
        Self::Relays,
        Self::Hosted,
        Self::FakeIp,
        Self::Config,
        Self::Policy,
        Self::Revoked,
    ];

    /// What it is called on disk and by other stores.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Presence => "presence",
            Self::Nodes => "nodes",
            Self::Relays => "relays",
            Self::Hosted => "hosted",
            Self::FakeIp => "fakeip",
            Self::Config => "config",
            Self::Policy => "policy",
            Self::Revoked => "revoked",
        }
    }

    /// Whether its keys outlast a restart of a single hub.
    pub const fn is_durable(self) -> bool {
        match self {
            Self::Presence | Self::Nodes | Self::Relays | Self::Hosted => false,
            Self::FakeIp | Self::Config | Self::Policy | Self::Revoked => true,
        }
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Key {
    /// The key of these segments, which may be any text.
    ///
    /// # Errors
    /// If a segment is empty or there is none, or they are too long.
    pub fn new(bucket: Bucket, segments: &[&str]) -> Result<Self, KeyError> {
        Ok(Self {
            bucket,
            path: join(segments)?.into(),
        })
    }

    /// What it is about.
    pub const fn bucket(&self) -> Bucket {
        self.bucket
    }

    /// Its segments as other stores can write them, with slashes between.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Its segments as they were given.
    pub fn segments(&self) -> Vec<String> {
        self.path.split('/').map(unescape).collect()
    }

    pub(super) const fn of_path(bucket: Bucket, path: Arc<str>) -> Self {
        Self { bucket, path }
    }

    pub(super) const fn shared_path(&self) -> &Arc<str> {
        &self.path
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({self})")
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.bucket, self.path)
    }
}

impl Prefix {
    /// All keys of a bucket.
    pub const fn all(bucket: Bucket) -> Self {
        Self {
            bucket,
            path: String::new(),
        }
    }

    /// The keys of a bucket that have these segments and at least one more.
    ///
    /// # Errors
    /// As [`Key::new`].
    pub fn new(bucket: Bucket, segments: &[&str]) -> Result<Self, KeyError> {
        let mut path = join(segments)?;
        path.push('/');
        Ok(Self { bucket, path })
    }

    /// The bucket it is in.
    pub const fn bucket(&self) -> Bucket {
        self.bucket
    }

    /// Whether a key is below.
    pub fn contains(&self, key: &Key) -> bool {
        key.bucket == self.bucket && key.path.starts_with(&self.path)
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }
}

impl Subject {
    /// The subject of these segments, which may be any text.
    ///
    /// # Errors
    /// As [`Key::new`].
    pub fn new(segments: &[&str]) -> Result<Self, KeyError> {
        Ok(Self(join(segments)?.into()))
    }

    /// Its segments as other stores can write them, with slashes between.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn join(segments: &[&str]) -> Result<String, KeyError> {
    let mut path = String::new();
    for segment in segments {
        if segment.is_empty() {
            return Err(KeyError::Empty);
        }
        if !path.is_empty() {
            path.push('/');
        }
        for byte in segment.bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => {
                    path.push(char::from(byte))
                }
                _ => path.push_str(&format!("={byte:02X}")),
            }
        }
    }
    match path.len() {
        0 => Err(KeyError::Empty),
        len if len > MAX_KEY_LEN => Err(KeyError::TooLong(len)),
        _ => Ok(path),
    }
}

fn unescape(segment: &str) -> String {
    let mut parts = segment.split('=');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (hex, rest) = part.split_at_checked(2).unwrap_or((part, ""));
        bytes.extend(u8::from_str_radix(hex, 16).ok());
        bytes.extend(rest.bytes());
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_is_a_segment_and_comes_back() {
        for segments in [
            &["480", "steamid:76561197960287930"][..],
            &["a/b", "c=41", "ö ü", "."],
            &["=", "==", "=3D"],
        ] {
            let key = Key::new(Bucket::Presence, segments).unwrap();
            assert_eq!(key.segments(), segments);
            let is_fine = |c: char| c.is_ascii_alphanumeric() || "-_=/".contains(c);
            assert!(key.path().chars().all(is_fine), "{key}");
        }
        let key = |segments| Key::new(Bucket::Policy, segments).unwrap();
        assert_ne!(key(&["a/b"]), key(&["a", "b"]));
        assert_eq!(
            key(&["480", "str:anna"]).to_string(),
            "policy/480/str=3Aanna"
        );
    }

    #[test]
    fn empty_names_are_refused() {
        for segments in [&[][..], &[""], &["a", ""], &["", "a"]] {
            assert_eq!(Key::new(Bucket::Config, segments), Err(KeyError::Empty));
            assert_eq!(Prefix::new(Bucket::Config, segments), Err(KeyError::Empty));
            assert_eq!(Subject::new(segments), Err(KeyError::Empty));
        }
    }

    #[test]
    fn limit_length_of_a_key() {
        let longest = "x".repeat(MAX_KEY_LEN - 2);
        let key = Key::new(Bucket::FakeIp, &["a", &longest]).unwrap();
        assert_eq!(key.path().len(), MAX_KEY_LEN);
        let error = Key::new(Bucket::FakeIp, &["aa", &longest]).unwrap_err();
        assert_eq!(error, KeyError::TooLong(MAX_KEY_LEN + 1));
        assert!(error.to_string().contains("513 bytes"), "{error}");
    }

    #[test]
    fn a_prefix_ends_at_a_segment() {
        let prefix = Prefix::new(Bucket::Nodes, &["a"]).unwrap();
        let contains = |bucket, segments| prefix.contains(&Key::new(bucket, segments).unwrap());
        assert!(contains(Bucket::Nodes, &["a", "b"]));
        assert!(!contains(Bucket::Nodes, &["a"]));
        assert!(!contains(Bucket::Nodes, &["ab"]));
        assert!(!contains(Bucket::Relays, &["a", "b"]));
        assert!(Prefix::all(Bucket::Nodes).contains(&Key::new(Bucket::Nodes, &["a"]).unwrap()));
    }
}
