//! The debug output.
//!
//! Lines go to the application's function, or, if there is one, to its handler of a lower level, which GNS
//! gives what is not formatted yet; ours is always formatted, as `bFmt` says, and has neither file nor
//! line. The application may hand lines of its own to the default handler, which formats them and goes on
//! as GNS does.
//!
//! Both are called by a thread of the library's own, not by the one in which something happened: no lock
//! of the library is held, and they may call everything.

use std::ffi::CString;
use std::ffi::c_char;
use std::ffi::c_int;
use std::ffi::c_void;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use bowline::DebugLevel;

use crate::abi::pointer;
use crate::abi::structs::RawBool;
use crate::abi::vtable::Object;
use crate::exports;
use crate::life;
use crate::utils::no_arguments::NoArguments;

/// `FSteamNetworkingSocketsDebugOutput`: level and text.
pub type Output = unsafe extern "C-unwind" fn(c_int, *const c_char);

/// A handler of the lower level: level, whether the text has yet to be formatted, file and line or null
/// and 0, text, arguments.
pub type Handler =
    unsafe extern "C-unwind" fn(c_int, bool, *const c_char, c_int, *const c_char, Arguments);

/// `va_list` as an argument: on every platform that there is one pointer, to the list or into it.
pub type Arguments = *mut c_void;

exports! {
    /// Gives every line of `level` (`ESteamNetworkingSocketsDebugOutputType`) or more important to a
    /// function; null ends that. When this returns the function set before is not called any more, unless
    /// it is that function which called here.
    fn SteamAPI_ISteamNetworkingUtils_SetDebugOutputFunction(_this: *const Object, level: c_int, output: Option<Output>);
        set_output(level, output);

    /// Gives every line of `level` or more important to a handler, which may pass it on to
    /// `SteamNetworkingSockets_DefaultPreFormatDebugOutputHandler`; null is that one.
    fn SteamNetworkingSockets_SetPreFormatDebugOutputHandler(level: c_int, handler: Option<Handler>);
        set_handler(level, handler);

    /// Formats a line, if it has yet to be, and gives it to the function of the debug output.
    fn SteamNetworkingSockets_DefaultPreFormatDebugOutputHandler(
        level: c_int,
        format: RawBool,
        file: *const c_char,
        line: c_int,
        text: *const c_char,
        arguments: Arguments,
    );
        pass_on(level, &formatted(format != 0, file, line, text, arguments));
}

/// Forgets the function, as GNS does when it ends. The handler stays, but hears nothing until the next
/// time that a level is set.
pub(crate) fn forget() {
    set_output(DebugLevel::None.number(), None);
}

/// What the application has set.
#[derive(Clone, Copy, Debug)]
struct State {
    output: Option<Output>,
    handler: Option<Handler>,
}

static STATE: Mutex<State> = Mutex::new(State {
    output: None,
    handler: None,
});

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn set_output(level: c_int, output: Option<Output>) {
    let output = output.filter(|_| level > DebugLevel::None.number());
    if output.is_none() {
        // What waits is still for the function set before.
        bowline::clear_debug_output();
    }
    state().output = output;
    if output.is_some() {
        listen(level);
    }
}

fn set_handler(level: c_int, handler: Option<Handler>) {
    state().handler = handler;
    listen(level);
}

/// Has lines of that level delivered, if anybody wants them. The state is not locked meanwhile: this waits
/// for the function set before, which may call here.
fn listen(level: c_int) {
    let level = level.clamp(0, DebugLevel::Everything.number());
    let level = DebugLevel::from_number(level).unwrap_or(DebugLevel::None);
    let State { output, handler } = *state();
    if level == DebugLevel::None || (output.is_none() && handler.is_none()) {
        bowline::clear_debug_output();
        return;
    }
    let set = bowline::set_debug_output(level, |level, _, text| deliver(level.number(), text));
    if let Err(error) = set {
        tracing::error!(target: "bowline::capi", "SetDebugOutputFunction: {error}");
    }
}

/// A line of the library's own.
fn deliver(level: c_int, text: &str) {
    life::adopt_thread();
    let handler = state().handler;
    let Some(handler) = handler else {
        return pass_on(level, text.as_bytes());
    };
    let text = c_text(text.as_bytes());
    // For a handler that looks at the arguments in spite of `bFmt`.
    let mut no_arguments = NoArguments::new(text.count_bytes());
    // SAFETY: what the application has set is such a function, and the pointers lead to locals.
    unsafe {
        handler(
            level,
            false,
            std::ptr::null(),
            0,
            text.as_ptr(),
            no_arguments.as_argument(),
        );
    }
}

/// Gives a line to the function, without blanks at the end.
fn pass_on(level: c_int, text: &[u8]) {
    let output = state().output;
    if let Some(output) = output {
        let text = c_text(text.trim_ascii_end());
        // SAFETY: what the application has set is such a function, and the text is a local.
        unsafe { output(level, text.as_ptr()) };
    }
}

/// The text up to its first zero byte.
fn c_text(text: &[u8]) -> CString {
    let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
    CString::new(text).expect("it has no zero byte")
}

/// The most bytes of a line with its zero byte. GNS e707b3a: `steamnetworkingsockets_spew.cpp`.
const MAX_LINE: usize = 2048;

/// # Safety
/// The texts end with zero bytes, and the arguments are those that the text is a format for.
unsafe fn formatted(
    format: bool,
    file: *const c_char,
    line: c_int,
    text: *const c_char,
    arguments: Arguments,
) -> Vec<u8> {
    // SAFETY: the caller's promise.
    let (file, plain) = unsafe {
        (
            pointer::text(file, MAX_LINE),
            pointer::text_bytes(text, MAX_LINE),
        )
    };
    let mut whole = file.map_or_else(Vec::new, |file| {
        format!("{}({line}): ", below_src(&file)).into_bytes()
    });
    let start = whole.len().min(MAX_LINE - 1);
    whole.truncate(start);
    match plain {
        Some(_) if format => {
            whole.resize(MAX_LINE, 0);
            let room = &mut whole[start..];
            // SAFETY: there is so much room, and the rest is the caller's promise.
            unsafe { vsnprintf(room.as_mut_ptr().cast(), room.len(), text, arguments) };
        }
        Some(plain) => whole.extend_from_slice(plain),
        None => {}
    }
    let end = whole.iter().position(|byte| *byte == 0);
    whole.truncate(end.unwrap_or(MAX_LINE - 1));
    whole
}

/// The path from a folder `src` on, if there is one.
fn below_src(file: &str) -> &str {
    let found = ["/src/", "/src\\", "\\src/", "\\src\\"]
        .iter()
        .filter_map(|folder| file.find(folder))
        .min();
    found.map_or(file, |at| &file[at + 1..])
}

#[cfg_attr(
    all(windows, target_env = "msvc"),
    link(name = "legacy_stdio_definitions")
)]
unsafe extern "C" {
    fn vsnprintf(
        to: *mut c_char,
        room: usize,
        format: *const c_char,
        arguments: Arguments,
    ) -> c_int;
}
