//! Which `SendMessages` the program was built for.
//!
//! Up to GNS 1.4.1 it had four arguments. The fifth one, which version 1.5.0 added under the same name,
//! says whether messages that fail are released; a program that was built before leaves whatever is in the
//! register. So it has to be told: by the cargo feature `gns-1-4`, by `BOWLINE_GNS_ABI=1.4` in the
//! environment, or by `Bowline_SetAbiGeneration(14)`, the later of which goes before the earlier.

use std::ffi::c_int;
use std::sync::OnceLock;
use std::sync::atomic::AtomicU8;
use std::sync::atomic::Ordering;

/// A generation of the interface.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum Generation {
    /// GNS 1.1 to 1.4.1: four arguments; what fails is released, and what comes behind it is tried.
    V1_4 = 14,
    /// GNS 1.5.0 and later: five arguments; nothing is tried behind what fails.
    V1_5 = 15,
}

/// The generation in force.
pub fn current() -> Generation {
    match CHOSEN.load(Ordering::Relaxed) {
        14 => Generation::V1_4,
        15 => Generation::V1_5,
        _ => *BUILT.get_or_init(of_environment),
    }
}

/// Sets it, for the whole process: 14 or 15. Of others there is nothing to choose, and nothing changes.
pub fn set(generation: c_int) -> bool {
    let chosen = match generation {
        14 => Generation::V1_4,
        15 => Generation::V1_5,
        _ => return false,
    };
    CHOSEN.store(chosen as u8, Ordering::Relaxed);
    true
}

/// The one that was set by a call; 0 for none.
static CHOSEN: AtomicU8 = AtomicU8::new(0);
static BUILT: OnceLock<Generation> = OnceLock::new();

fn of_environment() -> Generation {
    let text = std::env::var("BOWLINE_GNS_ABI").unwrap_or_default();
    of_text(&text).unwrap_or(if cfg!(feature = "gns-1-4") {
        Generation::V1_4
    } else {
        Generation::V1_5
    })
}

/// `1.4.1` and the like.
fn of_text(text: &str) -> Option<Generation> {
    let mut numbers = text.trim().split('.').map(str::parse::<u32>);
    let (Ok(1), Ok(minor)) = (numbers.next()?, numbers.next()?) else {
        return None;
    };
    match minor {
        1..=4 => Some(Generation::V1_4),
        5.. => Some(Generation::V1_5),
        0 => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_gns_are_read() {
        for text in ["1.1", "1.4", "1.4.1", " 1.3.0 "] {
            assert_eq!(of_text(text), Some(Generation::V1_4), "{text}");
        }
        for text in ["1.5", "1.6.0", "1.10"] {
            assert_eq!(of_text(text), Some(Generation::V1_5), "{text}");
        }
        for text in ["", "1", "2.0", "1.x", "new", "1.0"] {
            assert_eq!(of_text(text), None, "{text}");
        }
    }
}
