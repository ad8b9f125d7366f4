use std::ffi::CStr;
use std::ffi::c_char;
use std::ffi::c_int;
use std::sync::Condvar;
use std::sync::Mutex;
use std::time::Duration;

use GameNetworkingSockets::process::*;
use GameNetworkingSockets::utils::debug::*;
use GameNetworkingSockets::utils::no_arguments::NoArguments;

use super::*;

/// The lines that came, and what came with them: level, whether to be formatted, line number.
static LINES: Mutex<Vec<(c_int, bool, c_int, String)>> = Mutex::new(Vec::new());
static CAME: Condvar = Condvar::new();

fn push(level: c_int, format: bool, line: c_int, text: *const c_char) {
    let text = unsafe { CStr::from_ptr(text) }
        .to_string_lossy()
        .into_owned();
    LINES.lock().unwrap().push((level, format, line, text));
    CAME.notify_all();
}

/// Waits for a line that holds that text, and takes all that came.
fn await_line(part: &str) -> Vec<(c_int, bool, c_int, String)> {
    await_lines(part, 1)
}

/// The same for so many of them.
fn await_lines(part: &str, count: usize) -> Vec<(c_int, bool, c_int, String)> {
    let lines = LINES.lock().unwrap();
    let is_missing = |lines: &mut Vec<(_, _, _, String)>| {
        let found = lines.iter().filter(|line| line.3.contains(part));
        found.count() < count
    };
    let (mut lines, waited) = CAME
        .wait_timeout_while(lines, Duration::from_secs(20), is_missing)
        .unwrap();
    assert!(!waited.timed_out(), "no line with {part}: {lines:?}");
    std::mem::take(&mut lines)
}

extern "C-unwind" fn output(level: c_int, text: *const c_char) {
    push(level, false, -1, text);
}

extern "C-unwind" fn handler(
    level: c_int,
    format: bool,
    file: *const c_char,
    line: c_int,
    text: *const c_char,
    _: Arguments,
) {
    assert!(file.is_null());
    push(level, format, line, text);
}

extern "C-unwind" fn passes_on(
    level: c_int,
    format: bool,
    file: *const c_char,
    line: c_int,
    text: *const c_char,
    arguments: Arguments,
) {
    unsafe {
        SteamNetworkingSockets_DefaultPreFormatDebugOutputHandler(
            level,
            format.into(),
            file,
            line,
            text,
            arguments,
        );
    }
}

extern "C-unwind" fn ends_itself(level: c_int, text: *const c_char) {
    unsafe { SteamAPI_ISteamNetworkingUtils_SetDebugOutputFunction(null(), 0, None) };
    push(level, false, -2, text);
}

fn set(level: c_int, output: Option<Output>) {
    unsafe { SteamAPI_ISteamNetworkingUtils_SetDebugOutputFunction(null(), level, output) };
}

/// Has the library log an error. It is not ended before, because that ends the output.
fn provoke() {
    unsafe {
        assert!(GameNetworkingSockets_Init(null(), null_mut()));
        assert!(
            GameNetworkingSockets_Init(null(), null_mut()),
            "the error that is logged"
        );
    }
}

/// Ends the library, whatever the debug output was.
fn end() {
    set(0, None);
    unsafe {
        GameNetworkingSockets_Kill();
        SteamNetworkingSockets_SetPreFormatDebugOutputHandler(0, None);
    }
    LINES.lock().unwrap().clear();
}

#[test]
fn lines_of_the_level_come_to_the_function() {
    let _alone = alone();
    set(4, Some(output));
    provoke();
    let lines = await_line("GameNetworkingSockets_Init");
    assert!(
        lines.iter().all(|line| (1..=4).contains(&line.0)),
        "{lines:?}"
    );
    // Levels beyond the last are the last; without a level there is no output.
    set(99, Some(output));
    provoke();
    // Both calls of it fail now.
    await_lines("GameNetworkingSockets_Init", 2);
    for level in [0, -1, i32::MIN] {
        set(level, Some(output));
        provoke();
    }
    set(8, None);
    provoke();
    assert_eq!(LINES.lock().unwrap().as_slice(), []);
    end();
}

#[test]
fn a_function_may_end_the_output() {
    let _alone = alone();
    set(4, Some(ends_itself));
    provoke();
    await_line("GameNetworkingSockets_Init");
    provoke();
    end();
}

#[test]
fn a_handler_gets_lines_that_are_formatted() {
    let _alone = alone();
    unsafe { SteamNetworkingSockets_SetPreFormatDebugOutputHandler(4, Some(handler)) };
    provoke();
    let lines = await_line("GameNetworkingSockets_Init");
    assert!(lines.iter().all(|line| !line.1 && line.2 == 0), "{lines:?}");
    // One that passes lines on ends in the function.
    unsafe { SteamNetworkingSockets_SetPreFormatDebugOutputHandler(4, Some(passes_on)) };
    set(4, Some(output));
    provoke();
    let lines = await_line("GameNetworkingSockets_Init");
    assert!(lines.iter().all(|line| line.2 == -1), "{lines:?}");
    end();
}

/// A handler that takes no heed of whether the text is formatted.
extern "C-unwind" fn always_formats(
    level: c_int,
    _: bool,
    file: *const c_char,
    line: c_int,
    text: *const c_char,
    arguments: Arguments,
) {
    passes_on(level, true, file, line, text, arguments);
}

#[test]
fn a_handler_that_formats_twice_finds_zeros() {
    let _alone = alone();
    set(4, Some(output));
    // One conversion of each kind, and more of them than there are registers.
    let cases = [
        ("%d %s %.1f %Lg|", "0 (null) 0.0 0|"),
        (&"%d%.0f".repeat(300), &"00".repeat(300)),
        (&"%*.*Lf".repeat(300), &"0".repeat(300)),
        ("100 %%", "100 %"),
    ];
    for (text, expected) in cases {
        let text = std::ffi::CString::new(text).unwrap();
        let mut arguments = NoArguments::new(text.count_bytes());
        always_formats(3, false, null(), 0, text.as_ptr(), arguments.as_argument());
        let line = std::mem::take(&mut *LINES.lock().unwrap());
        assert_eq!(line, [(3, false, -1, expected.to_owned())]);
    }
    unsafe { SteamNetworkingSockets_SetPreFormatDebugOutputHandler(4, Some(always_formats)) };
    provoke();
    await_line("GameNetworkingSockets_Init");
    end();
}

#[test]
fn the_default_handler_formats_as_the_original() {
    let _alone = alone();
    let pass = |file: Option<&CStr>, format: u8, text: *const c_char, arguments| unsafe {
        let file = file.map_or(null(), CStr::as_ptr);
        SteamNetworkingSockets_DefaultPreFormatDebugOutputHandler(
            3, format, file, 7, text, arguments,
        );
        std::mem::take(&mut *LINES.lock().unwrap())
    };
    assert_eq!(
        pass(None, 0, c"nobody".as_ptr(), null_mut()),
        [],
        "without a function"
    );
    set(1, Some(output));
    let line = |text: &str| vec![(3, false, -1, text.to_owned())];
    assert_eq!(
        pass(None, 0, c"100 %s \t\n".as_ptr(), null_mut()),
        line("100 %s")
    );
    let mut none = [0_u64; 8];
    let none: Arguments = (&raw mut none).cast();
    let file = Some(c"/game/src/net/udp.cpp");
    assert_eq!(
        pass(file, 1, c"100 %%\n".as_ptr(), none),
        line("src/net/udp.cpp(7): 100 %")
    );
    assert_eq!(
        pass(Some(c"net.cpp"), 0, c"x".as_ptr(), none),
        line("net.cpp(7): x")
    );
    assert_eq!(pass(None, 1, null(), none), line(""));
    let long = [vec![b'x'; 5000], vec![0]].concat();
    for format in [0, 1] {
        let got = pass(None, format, long.as_ptr().cast(), none);
        assert_eq!(got, line(&"x".repeat(2047)));
    }
    let path = std::ffi::CString::new([b'p'; 3000].as_slice()).unwrap();
    let got = pass(Some(&path), 1, c"text".as_ptr(), none);
    assert_eq!(got, line(&"p".repeat(2047)));
    end();
}
