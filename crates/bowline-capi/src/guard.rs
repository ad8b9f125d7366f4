//! No panic crosses the boundary.
//!
//! Each exported function runs in [`call`]. A panic in there is a bug of ours: it is logged, counted
//! ([`panics`]; the tests look), and answered with the failure that the function documents. What it left
//! behind may be half done, so the library is poisoned: every further call fails at once, until
//! `GameNetworkingSockets_Kill` has thrown the state away.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

/// Runs the body of an exported function; `failed` is what it returns if it cannot.
pub fn call<R>(name: &'static str, failed: R, body: impl FnOnce() -> R) -> R {
    GUARD.call(name, failed, body)
}

/// The same, for what must run after a panic, too.
pub(crate) fn call_always<R>(name: &'static str, failed: R, body: impl FnOnce() -> R) -> R {
    GUARD.run(name, failed, body)
}

/// How many panics were caught since the library was loaded.
pub fn panics() -> u64 {
    GUARD.panics.load(Ordering::Relaxed)
}

/// What a panic left behind is gone.
pub(crate) fn heal() {
    GUARD.heal();
}

static GUARD: Guard = Guard::new();

#[derive(Debug)]
struct Guard {
    poisoned: AtomicBool,
    panics: AtomicU64,
}

impl Guard {
    const fn new() -> Self {
        Self {
            poisoned: AtomicBool::new(false),
            panics: AtomicU64::new(0),
        }
    }

    fn call<R>(&self, name: &'static str, failed: R, body: impl FnOnce() -> R) -> R {
        if self.poisoned.load(Ordering::Relaxed) {
            return failed;
        }
        self.run(name, failed, body)
    }

    fn run<R>(&self, name: &'static str, failed: R, body: impl FnOnce() -> R) -> R {
        match catch_unwind(AssertUnwindSafe(body)) {
            Ok(result) => result,
            Err(panic) => {
                self.poison(name, &*panic);
                failed
            }
        }
    }

    fn heal(&self) {
        self.poisoned.store(false, Ordering::Relaxed);
    }

    #[cold]
    fn poison(&self, name: &'static str, panic: &(dyn Any + Send)) {
        self.poisoned.store(true, Ordering::Relaxed);
        self.panics.fetch_add(1, Ordering::Relaxed);
        let text = panic
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("no text");
        tracing::error!(target: "bowline::capi", "bug: {name} panicked: {text}");
    }
}

/// Defines exported functions: documentation, name, arguments, result, what is returned if the function
/// cannot run, and its body, an expression that may use pointers as the caller promises.
#[macro_export]
#[doc(hidden)]
macro_rules! exports {
    ($($(#[$attribute:meta])+ fn $name:ident($($argument:ident: $kind:ty),* $(,)?) $(-> $result:ty)? $(, else $failed:expr)?; $body:expr;)+) => {
        $(
            $(#[$attribute])+
            ///
            /// # Safety
            /// Pointers lead to what the header documents, or are null.
            #[unsafe(no_mangle)]
            pub unsafe extern "C" fn $name($($argument: $kind),*) $(-> $result)? {
                #[allow(unused_unsafe, reason = "some bodies read no pointers")]
                $crate::guard::call(
                    stringify!($name),
                    $crate::exports!(@failed $($failed)?),
                    // SAFETY: the caller promises what the header documents.
                    || unsafe { $body },
                )
            }
        )+
    };
    (@failed $failed:expr) => { $failed };
    (@failed) => { () };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_answered_with_failure_and_poisons_until_healed() {
        let guard = Guard::new();
        assert_eq!(guard.call("test", -1, || panic!("on purpose")), -1);
        assert_eq!(guard.panics.load(Ordering::Relaxed), 1);
        assert_eq!(guard.call("test", -1, || 5), -1);
        guard.heal();
        assert_eq!(guard.call("test", -1, || 5), 5);
    }
}
