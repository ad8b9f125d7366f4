//! Development commands of the Bowline repository: `cargo xtask COMMAND`.

use std::error::Error;
use std::path::Path;

mod codegen;

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .ok_or("xtask stands in the repository's root")?;
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["codegen"] => codegen::run(root, false),
        ["codegen", "--check"] => codegen::run(root, true),
        _ => Err("usage: cargo xtask codegen [--check]".into()),
    }
}
