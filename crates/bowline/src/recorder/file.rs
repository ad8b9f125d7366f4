//! The file of a recording.
//!
//! ```text
//! magic (8)  format (2, little endian)  writer (1 + n: length, text)  SHA-256 of the rest (32)  rest
//! ```
//!
//! The rest is a [`FlightRecording`] in postcard's format. The digest is there so that a file that was cut
//! off or altered is refused before it is looked at; it proves nothing about who wrote it. The state of a
//! connection is laid out differently from version to version, so a file is read by the version that wrote
//! it, which it names. Between two versions the number does not change, the layout may: what does not fit is
//! refused, and no file can make the reader take more memory than recordings do ([`Recording::parse`]).
//!
//! [`Recording::parse`]: super::Recording::parse

use bowline_core::connection::FlightRecording;
use sha2::Digest;
use sha2::Sha256;

/// The first bytes of each file.
const MAGIC: &[u8; 8] = b"bowlrec\0";
/// Goes up when the layout around the state changes.
const FORMAT: u16 = 1;
/// Who writes, and whose files are read.
const WRITER: &str = env!("CARGO_PKG_VERSION");
/// Longest file that is read: the most that a connection may be told to record, once more for copies of the
/// connection, and what framing adds.
pub(crate) const MAX_FILE: usize = 640 << 20;

/// Why a file is not read as a recording.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordingFileError {
    /// It does not begin as recordings do.
    #[error("this is no recording")]
    NotARecording,
    /// It is of a format that this version does not know.
    #[error("the recording has format {0}, this version reads format {FORMAT}")]
    OtherFormat(u16),
    /// Another version of the library wrote it.
    #[error("the recording was written by version {0}; this is version {WRITER}")]
    OtherVersion(String),
    /// It is longer than any recording.
    #[error("a file of {0} bytes is too long for a recording")]
    TooLong(usize),
    /// Its digest does not fit.
    #[error("the recording was cut off or altered")]
    Altered,
    /// Its digest fits, its contents do not: another build of this version wrote it, or nobody did.
    #[error("the recording does not fit this build of version {WRITER}: {0}")]
    Broken(String),
}

/// The bytes of the file.
pub(super) fn encode(recording: &FlightRecording) -> Result<Vec<u8>, RecordingFileError> {
    let body = postcard::to_allocvec(recording)
        .map_err(|error| RecordingFileError::Broken(error.to_string()))?;
    let mut file = Vec::with_capacity(body.len() + 64);
    file.extend_from_slice(MAGIC);
    file.extend_from_slice(&FORMAT.to_le_bytes());
    let writer_len = u8::try_from(WRITER.len()).expect("a version is short");
    file.push(writer_len);
    file.extend_from_slice(WRITER.as_bytes());
    file.extend_from_slice(&Sha256::digest(&body));
    file.extend_from_slice(&body);
    Ok(file)
}

/// Reads any bytes.
pub(super) fn decode(file: &[u8]) -> Result<FlightRecording, RecordingFileError> {
    if file.len() > MAX_FILE {
        return Err(RecordingFileError::TooLong(file.len()));
    }
    let rest = file
        .strip_prefix(MAGIC)
        .ok_or(RecordingFileError::NotARecording)?;
    let (format, rest) = rest
        .split_first_chunk()
        .ok_or(RecordingFileError::Altered)?;
    let format = u16::from_le_bytes(*format);
    if format != FORMAT {
        return Err(RecordingFileError::OtherFormat(format));
    }
    let (&len, rest) = rest.split_first().ok_or(RecordingFileError::Altered)?;
    let (writer, rest) = rest
        .split_at_checked(usize::from(len))
        .ok_or(RecordingFileError::Altered)?;
    if writer != WRITER.as_bytes() {
        let writer = String::from_utf8_lossy(writer).escape_default().to_string();
        return Err(RecordingFileError::OtherVersion(writer));
    }
    let (digest, body) = rest
        .split_first_chunk::<32>()
        .ok_or(RecordingFileError::Altered)?;
    if Sha256::digest(body).as_slice() != digest {
        return Err(RecordingFileError::Altered);
    }
    postcard::from_bytes(body).map_err(|error| RecordingFileError::Broken(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file around any body, with the right digest.
    fn around(body: &[u8]) -> Vec<u8> {
        let mut file = Vec::from(*MAGIC);
        file.extend_from_slice(&FORMAT.to_le_bytes());
        file.push(WRITER.len() as u8);
        file.extend_from_slice(WRITER.as_bytes());
        file.extend_from_slice(&Sha256::digest(body));
        file.extend_from_slice(body);
        file
    }

    fn error(file: &[u8]) -> RecordingFileError {
        decode(file).expect_err("it is no recording")
    }

    #[test]
    fn what_is_no_recording_says_why() {
        assert_eq!(error(b""), RecordingFileError::NotARecording);
        assert_eq!(error(b"bowlrec"), RecordingFileError::NotARecording);
        assert_eq!(error(MAGIC), RecordingFileError::Altered);
        let mut other = around(b"");
        other[8] = 7;
        assert_eq!(error(&other), RecordingFileError::OtherFormat(7));
        let mut other = around(b"");
        other[11] = b'\n';
        let RecordingFileError::OtherVersion(version) = error(&other) else {
            panic!("{other:?}");
        };
        assert!(version.starts_with("\\n."), "{version}");
        let mut altered = around(b"body");
        altered[20] ^= 1;
        assert_eq!(error(&altered), RecordingFileError::Altered);
        assert!(matches!(
            error(&around(b"body")),
            RecordingFileError::Broken(_)
        ));
    }

    #[test]
    fn limit_max_file() {
        let len = MAX_FILE + 1;
        assert_eq!(error(&vec![0; len]), RecordingFileError::TooLong(len));
    }

    proptest::proptest! {
        #[test]
        fn any_body_is_survived(body in proptest::collection::vec(proptest::num::u8::ANY, 0..600)) {
            proptest::prop_assert!(decode(&around(&body)).is_err());
        }
    }
}
