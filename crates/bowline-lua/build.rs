//! Keeps the module in memory once it is loaded.

fn main() {
    let os = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    match os.as_str() {
        // An interpreter that ends unloads its modules, in an order of its own; code of ours may run once more
        // when one of its threads ends.
        "linux" | "android" | "freebsd" => {
            println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
        }
        // The interpreter that loads the module has Lua's functions.
        "macos" => {
            println!("cargo:rustc-cdylib-link-arg=-undefined");
            println!("cargo:rustc-cdylib-link-arg=dynamic_lookup");
        }
        _ => {}
    }
    println!("cargo:rerun-if-changed=build.rs");
}
