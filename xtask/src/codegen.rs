//! Generates the protobuf code that is checked in, without protoc.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::Result;

const OUTPUT: &str = "crates/bowline-core/src/wire/pb/generated.rs";
const PROTO_DIR: &str = "crates/bowline-core/proto";

/// Writes the generated code, or with `check` fails if what is checked in differs from it.
pub(crate) fn run(root: &Path, check: bool) -> Result {
    let fresh = generate(root)?;
    let path = root.join(OUTPUT);
    if !check {
        std::fs::write(path, fresh)?;
        return Ok(());
    }
    if std::fs::read_to_string(path)? != fresh {
        return Err(format!("{OUTPUT} is stale: run `cargo xtask codegen`").into());
    }
    Ok(())
}

fn generate(root: &Path) -> Result<String> {
    let proto_dir = root.join(PROTO_DIR);
    let descriptors = protox::compile(
        ["direct.proto", "rendezvous.proto", "hub.proto"],
        [&proto_dir],
    )?;
    let mut config = prost_build::Config::new();
    config.btree_map(["."]);
    let modules = descriptors
        .file
        .into_iter()
        .map(|file| {
            (
                prost_build::Module::from_protobuf_package_name(file.package()),
                file,
            )
        })
        .collect();
    let mut files = config.generate(modules)?;
    let (_, code) = files.drain().next().ok_or("no code was generated")?;
    let header = "// Made by `cargo xtask codegen` from proto/. Do not edit.\n";
    format(root, &format!("{header}{code}"))
}

/// As `cargo fmt` does it, so that the two never undo each other's work.
fn format(root: &Path, code: &str) -> Result<String> {
    let mut rustfmt = Command::new("rustfmt")
        .args(["--edition", "2024", "--config-path"])
        .arg(root)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut input = rustfmt.stdin.take().expect("the input is a pipe");
    input.write_all(code.as_bytes())?;
    drop(input);
    let output = rustfmt.wait_with_output()?;
    if !output.status.success() {
        return Err("rustfmt refuses the generated code".into());
    }
    Ok(String::from_utf8(output.stdout)?)
}
