//! Addresses and identities as text: what the original reads and prints, and what we do.
//!
//! Texts are made of pieces that matter to the parsers, by a generator with a fixed seed, so that both
//! see what nobody would write by hand.

use std::ffi::CStr;
use std::ffi::CString;
use std::ffi::c_char;
use std::mem::MaybeUninit;

use bowline::Identity;
use bowline::PeerAddr;
use gns::sys;

/// How many texts each comparison makes.
const TEXTS: usize = 200_000;

#[test]
fn addresses_read_and_print_as_with_the_original() {
    let pieces = [
        "0",
        "1",
        "5",
        "9",
        "10",
        "80",
        "255",
        "256",
        "65535",
        "65536",
        "ffff",
        "FE80",
        "2001",
        "db8",
        "abcde",
        ":",
        ":",
        ":",
        "::",
        ".",
        ".",
        ".",
        "[",
        "]",
        "]:",
        "%",
        "%3",
        "%eth0",
        "#",
        "p",
        " port ",
        " ",
        "\t",
        "x",
        "::1",
        "127.0.0.1",
        "1.2.3.4",
        "::ffff:",
        "localhost",
        ":80",
    ];
    let mut generator = Generator::new();
    let mut good = 0;
    for _ in 0..TEXTS {
        let text = generator.text(&pieces, 9);
        let ours = text.parse::<PeerAddr>().ok().map(|addr| addr.to_string());
        let theirs = original_address(&text);
        if is_known_difference(&text) {
            continue;
        }
        assert_eq!(ours, theirs, "{text:?}");
        good += usize::from(ours.is_some());
    }
    assert!(good > TEXTS / 100, "only {good} texts were addresses");
}

#[test]
fn identities_read_and_print_as_with_the_original() {
    let pieces = [
        "steamid:",
        "xboxpwid:",
        "psn:",
        "str:",
        "gen:",
        "foo:",
        "foo_2:",
        "Foo:",
        ":",
        "invalid",
        "76561197960287930",
        "90071992547409921",
        "0",
        "1",
        "18446744073709551615",
        "abc",
        "00ff",
        "ZZ",
        "0123456789abcdef",
        "a_long_text_of_25_letters",
        " ",
        "_",
    ];
    let mut generator = Generator::new();
    let mut good = 0;
    for _ in 0..TEXTS {
        let text = generator.text(&pieces, 4);
        let ours = text
            .parse::<Identity>()
            .ok()
            .map(|identity| identity.to_string());
        let theirs = original_identity(&text);
        // The original reads numbers and hexadecimal digits with scanf, which skips blanks before
        // them, and for numbers ignores what follows.
        let is_number = text.starts_with("steamid:") || text.starts_with("psn:");
        let digits = text.strip_prefix("gen:").unwrap_or_default();
        let is_hex = digits.chars().all(|digit| digit.is_ascii_hexdigit());
        if ours.is_none() && (is_number || !is_hex) {
            continue;
        }
        assert_eq!(ours, theirs, "{text:?}");
        good += usize::from(ours.is_some());
    }
    assert!(good > TEXTS / 100, "only {good} texts were identities");
}

/// In an IPv4 address within an IPv6 address the original takes leading zeros, and in an octet of an
/// IPv4 address numbers beyond its own integers. Between and after the numbers of an IPv4 address it
/// skips blanks.
fn is_known_difference(text: &str) -> bool {
    let blank = [". ", ".\t", ": ", ":\t"]
        .iter()
        .any(|pair| text.contains(pair));
    let mut numbers = text.split(|letter: char| !letter.is_ascii_digit());
    let odd = numbers.any(|number| {
        let padded = number.len() > 1 && number.starts_with('0');
        padded || number.len() > 9
    });
    text.contains('.') && (blank || odd)
}

/// A small generator with a fixed seed (xorshift64).
struct Generator(u64);

impl Generator {
    const fn new() -> Self {
        Self(0x9E37_79B9_7F4A_7C15)
    }

    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }

    fn text(&mut self, pieces: &[&str], most: usize) -> String {
        let count = self.below(most + 1);
        (0..count)
            .map(|_| pieces[self.below(pieces.len())])
            .collect()
    }
}

/// What the original prints of the text that it has read; `None` if it refuses it.
fn original_address(text: &str) -> Option<String> {
    let text = CString::new(text).expect("the pieces hold no zero");
    let mut addr = MaybeUninit::<sys::SteamNetworkingIPAddr>::zeroed();
    let mut buffer = [0 as c_char; 48];
    // SAFETY: the address is plain data, the text ends with a zero, and the buffer has the size told.
    unsafe {
        if !sys::SteamNetworkingIPAddr_ParseString(addr.as_mut_ptr(), text.as_ptr()) {
            return None;
        }
        sys::SteamNetworkingIPAddr_ToString(addr.as_ptr(), buffer.as_mut_ptr(), buffer.len(), true);
        Some(printed(&buffer))
    }
}

/// As [`original_address`].
fn original_identity(text: &str) -> Option<String> {
    let text = CString::new(text).expect("the pieces hold no zero");
    let mut identity = MaybeUninit::<sys::SteamNetworkingIdentity>::zeroed();
    let size = size_of::<sys::SteamNetworkingIdentity>();
    let mut buffer = [0 as c_char; 128];
    // SAFETY: as for the address; the size is the identity's.
    unsafe {
        if !sys::SteamNetworkingIdentity_ParseString(identity.as_mut_ptr(), size, text.as_ptr()) {
            return None;
        }
        let end = buffer.len();
        sys::SteamNetworkingIdentity_ToString(identity.as_ptr(), buffer.as_mut_ptr(), end);
        Some(printed(&buffer))
    }
}

/// # Safety
/// The buffer holds a zero.
unsafe fn printed(buffer: &[c_char]) -> String {
    // SAFETY: as the caller promises.
    let text = unsafe { CStr::from_ptr(buffer.as_ptr()) };
    text.to_str().expect("the original prints ASCII").to_owned()
}
