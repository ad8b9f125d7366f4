//! Lines of text from a stream of bytes, and what they say.

use bowline::Identity;

use crate::signal_server::client::Fault;

/// The longest identity, as text.
const MAX_IDENTITY: usize = 127;
/// The longest signal, in bytes; it is sent as twice as many digits.
const MAX_SIGNAL: usize = 16 * 1024;
/// The longest line: identity, blank and signal.
pub(crate) const MAX_LINE: usize = MAX_IDENTITY + 1 + 2 * MAX_SIGNAL;

/// Bytes that came and are no whole line yet.
#[derive(Debug, Default)]
pub(crate) struct LineBuffer(Vec<u8>);

/// A line that asks to forward something.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Forward<'a> {
    /// The identity that it is for.
    pub(crate) to: &'a str,
    /// The signal, in hexadecimal digits.
    pub(crate) hex: &'a str,
}

impl LineBuffer {
    /// Adds bytes and hands over each line that is whole, without its end.
    ///
    /// # Errors
    /// A line is too long, or `each` fails; the rest is lost.
    pub(crate) fn add(
        &mut self,
        mut bytes: &[u8],
        mut each: impl FnMut(&[u8]) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            let (line, rest) = bytes.split_at(end);
            self.keep(line)?;
            let line = std::mem::take(&mut self.0);
            each(line.strip_suffix(b"\r").unwrap_or(&line))?;
            bytes = rest.get(1..).unwrap_or_default();
        }
        self.keep(bytes)
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        // One more for a carriage return.
        if self.0.len() + bytes.len() > MAX_LINE + 1 {
            return Err(Fault::LongLine);
        }
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

/// Reads the first line: who the client is, in the one form that its identity has.
///
/// # Errors
/// It is no identity, or one with a blank or a control character, which no line could name.
pub(crate) fn identity(line: &[u8]) -> Result<String, Fault> {
    let text = str::from_utf8(line).map_err(|_| Fault::NoText)?;
    let identity = text
        .parse::<Identity>()
        .map_err(|error| Fault::BadIdentity(error.to_string()))?;
    let text = identity.to_string();
    if !can_be_named(&text) {
        let why = "it contains a blank or a control character";
        return Err(Fault::BadIdentity(why.to_owned()));
    }
    Ok(text)
}

/// Whether a line can name an identity: it has neither blanks nor control characters.
pub(crate) fn can_be_named(identity: &str) -> bool {
    !identity.contains(|c: char| c.is_whitespace() || c.is_control())
}

/// Reads a further line.
///
/// # Errors
/// It is not an identity, a blank and hexadecimal digits.
pub(crate) fn forward(line: &[u8]) -> Result<Forward<'_>, Fault> {
    let text = str::from_utf8(line).map_err(|_| Fault::NoText)?;
    let (to, hex) = text.split_once(' ').ok_or(Fault::BadLine)?;
    let is_hex = hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    if to.len() > MAX_IDENTITY || hex.is_empty() || hex.len() % 2 != 0 || !is_hex {
        return Err(Fault::BadLine);
    }
    Ok(Forward { to, hex })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pieces: &[&[u8]]) -> Result<Vec<Vec<u8>>, Fault> {
        let mut buffer = LineBuffer::default();
        let mut lines = Vec::new();
        for piece in pieces {
            buffer.add(piece, |line| {
                lines.push(line.to_vec());
                Ok(())
            })?;
        }
        Ok(lines)
    }

    #[test]
    fn lines_are_put_together_from_pieces() {
        let found = lines(&[b"one\ntw", b"o", b"\r\n\nthr"]).unwrap();
        assert_eq!(found, [&b"one"[..], b"two", b""]);
    }

    #[test]
    fn limit_line() {
        let longest = [&[b'x'; MAX_LINE][..], b"\r\n"].concat();
        assert_eq!(lines(&[&longest]).unwrap().len(), 1);
        assert_eq!(lines(&[&[b'x'; MAX_LINE + 2]]), Err(Fault::LongLine));
        let piece = [b'x'; 1024];
        assert_eq!(lines(&[&piece[..]; 40]), Err(Fault::LongLine));
    }

    #[test]
    fn identities_have_one_form_and_no_blanks() {
        assert_eq!(identity(b"str:anna").as_deref(), Ok("str:anna"));
        assert_eq!(identity(b"gen:ABCD").as_deref(), Ok("gen:abcd"));
        for bad in [
            &b""[..],
            b"anna",
            b"str:an na",
            b"str:an\tna",
            b"str:an\x1bna",
        ] {
            assert!(
                matches!(identity(bad), Err(Fault::BadIdentity(_))),
                "{bad:?}"
            );
        }
        assert_eq!(identity(b"str:\xFF"), Err(Fault::NoText));
    }

    #[test]
    fn forwards_are_an_identity_and_digits() {
        let read = forward(b"str:ben 00fF").unwrap();
        assert_eq!((read.to, read.hex), ("str:ben", "00fF"));
        for bad in [
            &b""[..],
            b"str:ben",
            b"str:ben ",
            b"str:ben 0",
            b"str:ben 0g",
            b"str:ben  00",
            b"str:ben 00 ",
        ] {
            assert_eq!(forward(bad), Err(Fault::BadLine), "{bad:?}");
        }
        assert_eq!(forward(b"str:\xFF 00"), Err(Fault::NoText));
        let long = [&[b'x'; MAX_IDENTITY + 1][..], b" 00"].concat();
        assert_eq!(forward(&long), Err(Fault::BadLine));
    }
}
