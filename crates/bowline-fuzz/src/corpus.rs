//! The inputs that are kept: many in one file for each target, and one file for each that found a bug.
//!
//! `corpus/NAME.bin` holds the inputs that together reach all that was ever reached, made by
//! `cargo xtask fuzz --keep`: each with its length before it, as four bytes, little-endian. One file,
//! because a thousand tiny ones are a burden to everybody who clones. `regressions/NAME/` holds what
//! found a bug once, under the name of what broke.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::targets::Target;

/// Every input that there is for a target, each with what it is called: seeds, corpus, regressions.
///
/// # Errors
/// If a file cannot be read, or the corpus is cut off.
pub fn inputs(target: &Target) -> io::Result<Vec<(String, Vec<u8>)>> {
    let seeds = (target.seeds)();
    let corpus = read_pack(&pack_path(target))?;
    let named = |kind: &str, all: Vec<Vec<u8>>| -> Vec<(String, Vec<u8>)> {
        let all = all.into_iter().enumerate();
        all.map(|(index, input)| (format!("{kind}-{index:05}"), input))
            .collect()
    };
    let mut all = named("seed", seeds);
    all.extend(named("corpus", corpus));
    all.extend(regressions(target)?);
    Ok(all)
}

/// Writes every input of a target into a folder, a file for each, as libFuzzer wants them.
///
/// # Errors
/// If reading or writing fails.
pub fn unpack(target: &Target, folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for (name, input) in inputs(target)? {
        fs::write(folder.join(name), input)?;
    }
    Ok(())
}

/// Makes the files of a folder the corpus of a target, the shortest first. Returns how many there are.
///
/// # Errors
/// If reading or writing fails.
pub fn pack(target: &Target, folder: &Path) -> io::Result<usize> {
    let mut inputs = files(folder)?
        .into_iter()
        .map(|(_, input)| input)
        .collect::<Vec<_>>();
    inputs.sort_unstable_by(|a, b| (a.len(), a).cmp(&(b.len(), b)));
    inputs.dedup();
    let mut bytes = Vec::new();
    for input in &inputs {
        let len = u32::try_from(input.len()).map_err(io::Error::other)?;
        bytes.extend_from_slice(&len.to_le_bytes());
        bytes.extend_from_slice(input);
    }
    fs::write(pack_path(target), bytes)?;
    Ok(inputs.len())
}

/// What found bugs once.
fn regressions(target: &Target) -> io::Result<Vec<(String, Vec<u8>)>> {
    let folder = root().join("regressions").join(target.name);
    if !folder.exists() {
        return Ok(Vec::new());
    }
    files(&folder)
}

fn files(folder: &Path) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        files.push((name, fs::read(entry.path())?));
    }
    files.sort();
    Ok(files)
}

fn read_pack(path: &Path) -> io::Result<Vec<Vec<u8>>> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let bytes = fs::read(path)?;
    let cut_off = || io::Error::other(format!("{} is cut off", path.display()));
    let (mut inputs, mut rest) = (Vec::new(), &bytes[..]);
    while !rest.is_empty() {
        let (len, tail) = rest.split_first_chunk::<4>().ok_or_else(cut_off)?;
        let len = u32::from_le_bytes(*len) as usize;
        let (input, tail) = tail.split_at_checked(len).ok_or_else(cut_off)?;
        inputs.push(input.to_vec());
        rest = tail;
    }
    Ok(inputs)
}

fn pack_path(target: &Target) -> PathBuf {
    root().join("corpus").join(format!("{}.bin", target.name))
}

/// The folder of this crate.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
