//! Reading and writing where pointers from outside point to.
//!
//! Null is taken care of here, and so is alignment; what else a caller promises is that a pointer that is
//! not null leads to as many bytes as the function documents.

use std::borrow::Cow;
use std::ffi::c_char;
use std::ffi::c_int;

/// What a pointer points to; `None` for null.
///
/// # Safety
/// If it is not null, there is a `T`.
pub unsafe fn read<T: Copy>(from: *const T) -> Option<T> {
    // SAFETY: not null, so there is a `T` by the caller's promise; its alignment does not matter.
    (!from.is_null()).then(|| unsafe { from.read_unaligned() })
}

/// The entry of that index in a list; `None` for null.
///
/// # Safety
/// If the pointer is not null, so many entries are there.
pub unsafe fn read_at<T: Copy>(from: *const T, index: usize) -> Option<T> {
    if from.is_null() {
        return None;
    }
    // SAFETY: so many entries are there by the caller's promise.
    unsafe { read(from.add(index)) }
}

/// Writes a result, unless the caller does not want it.
///
/// # Safety
/// If the pointer is not null, there is room for a `T`.
pub unsafe fn write<T>(to: *mut T, value: T) {
    if !to.is_null() {
        // SAFETY: there is room by the caller's promise; alignment does not matter.
        unsafe { to.write_unaligned(value) };
    }
}

/// Bytes that the caller lends for the time of the call; `None` if there are some but the pointer is null.
///
/// # Safety
/// If the pointer is not null, so many bytes are there, and nobody writes them meanwhile.
pub unsafe fn bytes<'a>(from: *const u8, len: usize) -> Option<&'a [u8]> {
    if len == 0 {
        return Some(&[]);
    }
    // SAFETY: so many bytes are there by the caller's promise.
    (!from.is_null()).then(|| unsafe { std::slice::from_raw_parts(from, len) })
}

/// A list that the caller lends for the time of the call: empty if the count is not positive, `None` if
/// there should be entries but the pointer is null.
///
/// # Safety
/// If the pointer is not null, so many entries are there, aligned, and nobody writes them meanwhile.
pub unsafe fn list<'a, T>(from: *const T, count: c_int) -> Option<&'a [T]> {
    let count = usize::try_from(count).unwrap_or(0);
    if count == 0 {
        return Some(&[]);
    }
    // SAFETY: so many entries are there by the caller's promise.
    (!from.is_null()).then(|| unsafe { std::slice::from_raw_parts(from, count) })
}

/// A text that ends with a zero byte, or at `max` bytes if there is none among them; bytes that are not
/// UTF-8 are replaced. `None` for null.
///
/// # Safety
/// If the pointer is not null, bytes are there up to the zero byte or to `max`.
pub unsafe fn text<'a>(from: *const c_char, max: usize) -> Option<Cow<'a, str>> {
    // SAFETY: the caller's promise.
    unsafe { text_bytes(from, max) }.map(String::from_utf8_lossy)
}

/// The same as the bytes that it is made of, without the zero byte.
///
/// # Safety
/// As [`text`].
pub unsafe fn text_bytes<'a>(from: *const c_char, max: usize) -> Option<&'a [u8]> {
    if from.is_null() {
        return None;
    }
    let from = from.cast::<u8>();
    // SAFETY: bytes are there up to the first zero or `max` by the caller's promise; none beyond is read.
    let len = (0..max)
        .find(|at| unsafe { *from.add(*at) } == 0)
        .unwrap_or(max);
    // SAFETY: as above.
    Some(unsafe { std::slice::from_raw_parts(from, len) })
}

/// Writes a text and its zero byte, cut between characters to what fits. Without room it writes nothing.
///
/// # Safety
/// If the pointer is not null, there is room for `room` bytes.
pub unsafe fn put_text(to: *mut c_char, room: usize, text: &str) {
    let text = fitting(text, room.saturating_sub(1));
    // SAFETY: the caller's promise.
    unsafe { put_bytes(to, room, text.as_bytes()) };
}

/// The same with a text that may be none of UTF-8: cut anywhere.
///
/// # Safety
/// As [`put_text`].
pub unsafe fn put_bytes(to: *mut c_char, room: usize, text: &[u8]) {
    if to.is_null() || room == 0 {
        return;
    }
    let len = text.len().min(room - 1);
    // SAFETY: the text and its zero byte are at most `room` bytes, for which there is room.
    unsafe {
        std::ptr::copy_nonoverlapping(text.as_ptr(), to.cast(), len);
        to.add(len).write(0);
    }
}

/// The same for a field of a struct of ours: the rest of it is zeroed.
pub fn fill_text<const N: usize>(field: &mut [u8; N], text: &str) {
    *field = [0; N];
    let text = fitting(text, N - 1);
    field[..text.len()].copy_from_slice(text.as_bytes());
}

/// As much of a text as `max` bytes hold, cut between characters.
fn fitting(text: &str, max: usize) -> &str {
    let end = (0..=text.len().min(max))
        .rev()
        .find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(0)]
}

/// The most bytes of a text from outside that are looked at where no buffer is documented.
pub const MAX_TEXT: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    #![allow(
        clippy::undocumented_unsafe_blocks,
        reason = "all of them point to locals, or are null"
    )]

    use super::*;

    #[test]
    fn texts_are_read_to_their_end_and_no_further() {
        let read =
            |bytes: &[u8], max| unsafe { text(bytes.as_ptr().cast(), max).map(Cow::into_owned) };
        assert_eq!(read(b"abc\0def", 100), Some("abc".to_owned()));
        assert_eq!(read(b"abc", 3), Some("abc".to_owned()));
        assert_eq!(read(b"", 0), Some(String::new()));
        assert_eq!(read(b"a\xffb\0", 4), Some("a\u{fffd}b".to_owned()));
        assert_eq!(unsafe { text(std::ptr::null(), 10) }, None);
    }

    #[test]
    fn texts_are_cut_between_characters_and_end_with_zero() {
        let mut room = [b'x'; 8];
        unsafe { put_text(room.as_mut_ptr().cast(), 4, "a\u{e9}\u{e9}") };
        assert_eq!(&room, b"a\xc3\xa9\0xxxx");
        unsafe { put_text(room.as_mut_ptr().cast(), 0, "abc") };
        assert_eq!(&room[..1], b"a");
        unsafe { put_text(std::ptr::null_mut(), 4, "abc") };
        let mut field = [b'x'; 4];
        fill_text(&mut field, "abcdef");
        assert_eq!(&field, b"abc\0");
    }

    #[test]
    fn null_is_nothing_and_counts_below_one_are_empty() {
        assert_eq!(unsafe { read::<u32>(std::ptr::null()) }, None);
        unsafe { write(std::ptr::null_mut(), 1_u32) };
        assert_eq!(unsafe { bytes(std::ptr::null(), 0) }, Some(&[][..]));
        assert_eq!(unsafe { bytes(std::ptr::null(), 1) }, None);
        assert_eq!(unsafe { list::<u32>(std::ptr::null(), -5) }, Some(&[][..]));
        assert_eq!(unsafe { list::<u32>(std::ptr::null(), 1) }, None);
    }
}
