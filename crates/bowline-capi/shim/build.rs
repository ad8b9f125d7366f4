//! Makes bindings of our headers, shaped as the package's users expect them: enums as Rust's, and every
//! trait derived that can be.

use std::path::PathBuf;

/// The folder of the shared library to link to.
const LIBRARY_FOLDER: &str = "BOWLINE_LIBRARY_FOLDER";

fn main() {
    println!("cargo:rerun-if-env-changed={LIBRARY_FOLDER}");
    println!("cargo:rerun-if-changed=../include");
    let folder = std::env::var(LIBRARY_FOLDER).expect("the library's folder is in the environment");
    println!("cargo:rustc-link-search=native={folder}");
    println!("cargo:rustc-link-lib=dylib=GameNetworkingSockets");

    let bindings = bindgen::Builder::default()
        .header("../include/steam/steamnetworkingsockets_flat.h")
        .header("../include/steam/steamnetworkingsockets.h")
        .clang_args(["-xc++", "-std=c++20", "-I../include"])
        .use_core()
        .layout_tests(false)
        .derive_copy(true)
        .derive_debug(true)
        .derive_default(true)
        .derive_eq(true)
        .derive_hash(true)
        .derive_ord(true)
        .derive_partialeq(true)
        .derive_partialord(true)
        .default_enum_style(bindgen::EnumVariation::Rust {
            non_exhaustive: false,
        })
        .generate()
        .expect("the headers are sound");
    let out = std::env::var_os("OUT_DIR").expect("cargo names the folder");
    bindings
        .write_to_file(PathBuf::from(out).join("bindings.rs"))
        .expect("the folder can be written");
}
