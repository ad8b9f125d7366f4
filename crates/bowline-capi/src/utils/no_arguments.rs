//! A `va_list` for a text that is formatted already.
//!
//! A handler of debug output that formats in spite of `bFmt` takes whatever conversions stand in the text
//! for its own. It finds zeros for each of them, so that numbers are 0 and texts are null, which the C
//! library prints as such. Where `va_list` is a pointer into the arguments, it is one to the zeros; where it
//! is a struct, that says that the registers are used up, and the zeros are where further arguments are.

use crate::utils::debug::Arguments;

/// The list, and the zeros that it leads to.
#[derive(Debug)]
pub struct NoArguments {
    list: List,
    zeros: Vec<u64>,
}

impl NoArguments {
    /// For a text of so many bytes. No conversion takes as many words as it has bytes; two more are for what
    /// is aligned.
    pub fn new(text_len: usize) -> Self {
        let zeros = vec![0; text_len + 2];
        let list = List::over(zeros.as_ptr());
        Self { list, zeros }
    }

    /// What is passed as the `va_list`, once: to format moves on in it. Good for as long as this lives.
    pub fn as_argument(&mut self) -> Arguments {
        self.list = List::over(self.zeros.as_ptr());
        self.list.as_argument()
    }
}

/// System V ABI, AMD64 supplement 1.0, 3.5.7 "Variable Argument Lists": a pointer to this is passed.
#[cfg(all(target_arch = "x86_64", not(windows)))]
#[derive(Debug)]
#[repr(C)]
struct List {
    gp_offset: u32,
    fp_offset: u32,
    overflow_arg_area: *const u64,
    reg_save_area: *const u64,
}

#[cfg(all(target_arch = "x86_64", not(windows)))]
impl List {
    const fn over(words: *const u64) -> Self {
        Self {
            // Six registers of 8 bytes, and eight of 16 bytes behind them.
            gp_offset: 48,
            fp_offset: 176,
            overflow_arg_area: words,
            reg_save_area: words,
        }
    }

    const fn as_argument(&mut self) -> Arguments {
        (&raw mut *self).cast()
    }
}

/// AAPCS64 2024Q3, 10.1.5 "Variable argument lists": a pointer to this is passed.
#[cfg(all(target_arch = "aarch64", not(any(windows, target_vendor = "apple"))))]
#[derive(Debug)]
#[repr(C)]
struct List {
    stack: *const u64,
    gr_top: *const u64,
    vr_top: *const u64,
    gr_offs: i32,
    vr_offs: i32,
}

#[cfg(all(target_arch = "aarch64", not(any(windows, target_vendor = "apple"))))]
impl List {
    const fn over(words: *const u64) -> Self {
        Self {
            stack: words,
            gr_top: words,
            vr_top: words,
            // None are left.
            gr_offs: 0,
            vr_offs: 0,
        }
    }

    const fn as_argument(&mut self) -> Arguments {
        (&raw mut *self).cast()
    }
}

/// Elsewhere it is a pointer to the next argument.
#[cfg(not(any(
    all(target_arch = "x86_64", not(windows)),
    all(target_arch = "aarch64", not(any(windows, target_vendor = "apple")))
)))]
#[derive(Debug)]
struct List(*const u64);

#[cfg(not(any(
    all(target_arch = "x86_64", not(windows)),
    all(target_arch = "aarch64", not(any(windows, target_vendor = "apple")))
)))]
impl List {
    const fn over(words: *const u64) -> Self {
        Self(words)
    }

    const fn as_argument(&mut self) -> Arguments {
        self.0.cast_mut().cast()
    }
}
