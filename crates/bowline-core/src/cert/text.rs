//! Text forms: base64 and the armour around it ("PEM"), as GNS writes and reads them.
//!
//! Written exactly as GNS does, read more leniently: padding may be missing, lines may end and break
//! anywhere, and other text may stand before, between and after the blocks.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use zeroize::Zeroizing;

use crate::limits::{MAX_CERT_BYTES, MAX_CERT_TEXT};

/// What stands in the armour of a certificate. GNS e707b3a: `steamnetworkingsockets_certs.cpp`.
pub const CERT_LABEL: &str = "STEAMDATAGRAM CERT";
/// What stands in the armour of a certificate request. GNS has no text form of these.
pub const REQUEST_LABEL: &str = "STEAMDATAGRAM CERT REQUEST";
/// What stands in the armour of a private key. GNS e707b3a: `keypair.cpp`.
pub const PRIVATE_KEY_LABEL: &str = "OPENSSH PRIVATE KEY";

/// Why a text holds no certificate, request or key.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TextError {
    /// The text as a whole or what is in it is too long.
    #[error("{len} bytes are more than the {limit} that are allowed")]
    TooLong {
        /// How many bytes there are, at least.
        len: usize,
        /// How many there may be.
        limit: usize,
    },
    /// No block begins in it.
    #[error("there is no block -----BEGIN {expected}-----")]
    NoBlock {
        /// The label that was looked for.
        expected: &'static str,
    },
    /// The blocks in it are others.
    #[error("found a block {found:?} where {expected:?} is needed")]
    OtherBlock {
        /// The label that was looked for.
        expected: &'static str,
        /// The label that was found.
        found: String,
    },
    /// A block begins and does not end, or another ends.
    #[error("the block {label:?} has no end: is the file cut off?")]
    NoEnd {
        /// The label at its beginning.
        label: String,
    },
    /// A character that is not base64.
    #[error("the character {0:?} is not base64")]
    Character(char),
    /// A last character that has no bits for a whole byte.
    #[error("the base64 text is cut off")]
    CutOff,
}

/// A block of a text: what it says it is, and what is in it, not yet decoded.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Block<'a> {
    label: &'a str,
    body: &'a str,
}

impl<'a> Block<'a> {
    /// What it says it is, such as [`CERT_LABEL`].
    pub const fn label(&self) -> &'a str {
        self.label
    }

    /// Whether it says that it is that; the case of letters does not matter.
    pub fn is(&self, label: &str) -> bool {
        self.label.eq_ignore_ascii_case(label)
    }

    /// The bytes in it; wiped when dropped, since they may be a key.
    ///
    /// # Errors
    /// If it is not base64, or longer than [`MAX_CERT_BYTES`].
    pub fn decode(&self) -> Result<Zeroizing<Vec<u8>>, TextError> {
        decode_base64(self.body)
    }
}

/// All blocks of a text, in their order.
///
/// # Errors
/// If the text is longer than [`MAX_CERT_TEXT`] or a block does not end.
pub fn blocks(text: &str) -> Result<Vec<Block<'_>>, TextError> {
    if text.len() > MAX_CERT_TEXT {
        return Err(TextError::TooLong {
            len: text.len(),
            limit: MAX_CERT_TEXT,
        });
    }
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((label, after)) = next_marker(rest, "BEGIN") {
        let no_end = || TextError::NoEnd {
            label: label.into(),
        };
        let end = after.find('-').ok_or_else(no_end)?;
        let (body, tail) = after.split_at_checked(end).ok_or_else(no_end)?;
        let (end_label, tail) = marker(tail, "END").ok_or_else(no_end)?;
        if !end_label.eq_ignore_ascii_case(label) {
            return Err(no_end());
        }
        found.push(Block { label, body });
        rest = tail;
    }
    Ok(found)
}

/// The first block with that label, whatever stands around it.
///
/// # Errors
/// As [`blocks`], and if there is none.
pub fn block<'a>(text: &'a str, expected: &'static str) -> Result<Block<'a>, TextError> {
    let blocks = blocks(text)?;
    if let Some(block) = blocks.iter().find(|block| block.is(expected)) {
        return Ok(*block);
    }
    Err(match blocks.first() {
        Some(other) => TextError::OtherBlock {
            expected,
            found: other.label.into(),
        },
        None => TextError::NoBlock { expected },
    })
}

/// A block with these bytes in it; `newline` ends each line. 72 characters to the line, padded
/// (GNS e707b3a: `crypto_textencode.cpp`).
pub fn armor(label: &str, bytes: &[u8], newline: &str) -> Zeroizing<String> {
    let base64 = encode_base64(bytes);
    // Grown at once: a text that moves leaves copies of itself behind.
    let lines = base64.len().div_ceil(LINE);
    let capacity = base64.len() + (lines + 2) * newline.len() + 2 * (label.len() + 16);
    let mut text = Zeroizing::new(String::with_capacity(capacity));
    text.push_str(&format!("-----BEGIN {label}-----{newline}"));
    for (at, character) in base64.chars().enumerate() {
        if at > 0 && at.is_multiple_of(LINE) {
            text.push_str(newline);
        }
        text.push(character);
    }
    text.push_str(&format!("{newline}-----END {label}-----{newline}"));
    text
}

/// Base64 with padding, in one line.
pub fn encode_base64(bytes: &[u8]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(bytes.len().div_ceil(3) * 4));
    for group in bytes.chunks(3) {
        let [a, b, c] = [0, 1, 2].map(|at| u32::from(group.get(at).copied().unwrap_or_default()));
        let bits = a << 16 | b << 8 | c;
        for digit in 0..4 {
            let shift = 18 - 6 * digit;
            let known = usize::try_from(digit).is_ok_and(|digit| digit <= group.len());
            text.push(match ALPHABET.get((bits >> shift & 63) as usize) {
                Some(letter) if known => char::from(*letter),
                Some(_) | None => '=',
            });
        }
    }
    text
}

/// The bytes of a base64 text. Blanks and line ends are skipped, padding may be missing.
///
/// # Errors
/// If there is anything else in it, or if it is longer than [`MAX_CERT_BYTES`].
pub fn decode_base64(text: &str) -> Result<Zeroizing<Vec<u8>>, TextError> {
    // Room for all at once, as above.
    let mut bytes = Zeroizing::new(Vec::with_capacity((text.len() / 4 + 1) * 3));
    let (mut bits, mut count) = (0_u32, 0_u32);
    let mut padding = false;
    for character in text.chars() {
        let digit = match character {
            ' ' | '\t' | '\r' | '\n' => continue,
            '=' => {
                padding = true;
                continue;
            }
            _ if padding => None,
            'A'..='Z' => Some(u32::from(character) - u32::from('A')),
            'a'..='z' => Some(u32::from(character) - u32::from('a') + 26),
            '0'..='9' => Some(u32::from(character) - u32::from('0') + 52),
            '+' => Some(62),
            '/' => Some(63),
            _ => None,
        };
        bits = bits << 6 | digit.ok_or(TextError::Character(character))?;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    if count >= 6 {
        return Err(TextError::CutOff);
    }
    if bytes.len() > MAX_CERT_BYTES {
        return Err(TextError::TooLong {
            len: bytes.len(),
            limit: MAX_CERT_BYTES,
        });
    }
    Ok(bytes)
}

/// The label of the next `-----BEGIN LABEL-----` in the text and what follows it.
fn next_marker<'a>(text: &'a str, word: &str) -> Option<(&'a str, &'a str)> {
    let mut rest = text;
    loop {
        let at = rest.find('-')?;
        rest = rest.get(at..)?;
        if let Some(found) = marker(rest, word) {
            return Some(found);
        }
        rest = rest.trim_start_matches('-');
    }
}

/// The label of the `-----WORD LABEL-----` that the text begins with and what follows it.
fn marker<'a>(text: &'a str, word: &str) -> Option<(&'a str, &'a str)> {
    let blanks = [' ', '\t'];
    let text = text.strip_prefix('-')?.trim_start_matches('-');
    let text = text.trim_start_matches(blanks);
    let (found, text) = text.split_at_checked(word.len())?;
    if !found.eq_ignore_ascii_case(word) || !text.starts_with(blanks) {
        return None;
    }
    let end = text.find(['-', '\r', '\n'])?;
    let (label, text) = text.split_at_checked(end)?;
    let text = text.strip_prefix('-')?.trim_start_matches('-');
    Some((label.trim_matches(blanks), text))
}

/// Characters to a line.
const LINE: usize = 72;
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn base64_has_the_vectors_of_rfc_4648() {
        for (plain, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(*encode_base64(plain.as_bytes()), text);
            assert_eq!(**decode_base64(text).unwrap(), *plain.as_bytes());
            let unpadded = text.trim_end_matches('=');
            assert_eq!(**decode_base64(unpadded).unwrap(), *plain.as_bytes());
        }
    }

    #[test]
    fn base64_skips_blanks_and_refuses_the_rest() {
        assert_eq!(**decode_base64(" Zm9v\r\n\tYg = =\n").unwrap(), *b"foob");
        assert_eq!(decode_base64("Zm9v!"), Err(TextError::Character('!')));
        assert_eq!(decode_base64("Zm9vYg==Zg"), Err(TextError::Character('Z')));
        assert_eq!(decode_base64("Zm9vY"), Err(TextError::CutOff));
    }

    #[test]
    fn limit_max_cert_bytes() {
        let longest = "AAAA".repeat(MAX_CERT_BYTES / 3);
        assert!(decode_base64(&longest).is_ok());
        assert_eq!(
            decode_base64(&(longest + "AAAA")),
            Err(TextError::TooLong {
                len: MAX_CERT_BYTES / 3 * 3 + 3,
                limit: MAX_CERT_BYTES
            })
        );
    }

    #[test]
    fn limit_max_cert_text() {
        assert_eq!(blocks(&" ".repeat(MAX_CERT_TEXT)), Ok(Vec::new()));
        let error = blocks(&" ".repeat(MAX_CERT_TEXT + 1)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "1048577 bytes are more than the 1048576 that are allowed"
        );
    }

    #[test]
    fn lines_have_72_characters() {
        let text = armor("X", &[0; 54 + 1], "\r\n");
        let lines: Vec<&str> = text.split("\r\n").collect();
        let full = "A".repeat(72);
        let expected = ["-----BEGIN X-----", &full, "AA==", "-----END X-----", ""];
        assert_eq!(lines, expected);
    }

    #[test]
    fn blocks_are_found_in_any_dress() {
        for text in [
            "-----BEGIN A B-----\nZm9v\n-----END A B-----\n",
            "-----BEGIN A B----- Zm9v -----END A B-----",
            "-- begin  a b --\r\nZm\r\n9v\r\n-- end\ta b -",
            "Made by hand - see the notes.\n# x\n-----BEGIN A B-----Zm9v-----END A B-----\n# y",
        ] {
            let block = block(text, "A B").unwrap();
            assert_eq!(**block.decode().unwrap(), *b"foo", "{text}");
        }
    }

    #[test]
    fn each_way_to_hold_no_block_is_told() {
        let expected = "A";
        let error = |text| block(text, expected).unwrap_err();
        assert_eq!(error(""), TextError::NoBlock { expected });
        assert_eq!(error("Zm9v"), TextError::NoBlock { expected });
        let label = "A".to_string();
        for text in [
            "-----BEGIN A-----\nZm9v",
            "-----BEGIN A-----\nZm9v-----",
            "-----BEGIN A-----\nZm9v-----END B-----",
            "-----BEGIN A-----\nZm9v-----BEGIN A-----",
        ] {
            let label = label.clone();
            assert_eq!(error(text), TextError::NoEnd { label }, "{text}");
        }
        let found = "B".to_string();
        assert_eq!(
            error("-----BEGIN B-----\nZm9v-----END B-----"),
            TextError::OtherBlock { expected, found }
        );
    }

    proptest! {
        #[test]
        fn armor_round_trips(bytes in proptest::collection::vec(any::<u8>(), 0..300), crlf: bool) {
            let text = armor(CERT_LABEL, &bytes, if crlf { "\r\n" } else { "\n" });
            let decoded = block(&text, CERT_LABEL).unwrap().decode().unwrap();
            prop_assert_eq!(&*decoded, &bytes);
            let unpadded = text.replace('=', "");
            let decoded = block(&unpadded, CERT_LABEL).unwrap().decode().unwrap();
            prop_assert_eq!(&*decoded, &bytes);
        }

        #[test]
        fn arbitrary_text_never_panics(text in "(-|\\PC|BEGIN|END| |\n|A){0,60}") {
            if let Ok(blocks) = blocks(&text) {
                for block in blocks {
                    let _: Result<_, _> = block.decode();
                }
            }
            let _: Result<_, _> = decode_base64(&text);
        }
    }
}
