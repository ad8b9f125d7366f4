//! Objects that C++ programs call by their vtables.
//!
//! A pointer to an interface points to an object whose first word points to the slots. By the Itanium ABI
//! two words stand before them, the offset to the top of the object and the type information; both are 0,
//! as for a class without either. With the ABI of MSVC one word before the slots is looked at by
//! `dynamic_cast` only, and the slots are in the same order, because no interface overloads a method.
//!
//! On Windows with 32 bits methods take the object in a register and remove their arguments themselves
//! (`thiscall`), which functions of C do not: there a slot cannot be an exported function, so the library is
//! not built for that.

use std::ffi::c_void;

#[cfg(all(windows, target_arch = "x86"))]
compile_error!(
    "C++ programs for 32-bit Windows call methods by thiscall, which this library does not have"
);

/// A function in a vtable. Its first argument is the object.
pub type Slot = *const c_void;

/// A vtable with `N` slots and what the Itanium ABI has before them.
#[derive(Debug)]
#[repr(C)]
pub struct Vtable<const N: usize> {
    offset_to_top: isize,
    type_info: *const c_void,
    slots: [Slot; N],
}

// SAFETY: it is never written, and points to functions only.
unsafe impl<const N: usize> Sync for Vtable<N> {}

impl<const N: usize> Vtable<N> {
    /// A vtable of these functions.
    pub const fn new(slots: [Slot; N]) -> Self {
        Self {
            offset_to_top: 0,
            type_info: std::ptr::null(),
            slots,
        }
    }

    /// An object with this vtable.
    pub const fn object(&'static self) -> Object {
        Object {
            slots: (&raw const self.slots).cast(),
        }
    }
}

/// What a pointer to an interface points to. Objects of one class are told apart by their address.
#[derive(Debug)]
#[repr(C)]
pub struct Object {
    slots: *const Slot,
}

// SAFETY: it is never written, and points to a vtable, which is not either.
unsafe impl Sync for Object {}
