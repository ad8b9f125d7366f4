//! Installs the C library for C and C++ programs: `cargo xtask install --prefix DIR`.
//!
//! The files lie where the original's installation has them, so that what finds one finds the other:
//!
//! ```text
//! include/GameNetworkingSockets/steam/*.h, bowline.h
//! lib/libGameNetworkingSockets.so              (bin/GameNetworkingSockets.dll and its import library)
//! lib/libGameNetworkingSockets_s.a             the static library
//! lib/cmake/GameNetworkingSockets/*.cmake      find_package(GameNetworkingSockets CONFIG)
//! lib/pkgconfig/*.pc
//! ```
//!
//! All of it may be moved elsewhere afterwards.

use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::Result;
use crate::capi::{self, Build, Built, FOLDER};
use crate::stage::{Job, minutes};

/// The release of the original whose interface the headers declare.
const GNS_RELEASE: &str = "1.6.0";

/// What the arguments ask for.
#[derive(Debug, Default, Eq, PartialEq)]
struct Options<'a> {
    prefix: &'a str,
    target: Option<&'a str>,
    is_debug: bool,
    is_old_generation: bool,
    only: Option<Kind>,
}

/// One of the two libraries.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Shared,
    Static,
}

impl<'a> Options<'a> {
    fn read(args: &[&'a str]) -> Result<Self> {
        let mut options = Self::default();
        let mut args = args.iter().copied();
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("{arg} wants a value"));
            match arg {
                "--prefix" => options.prefix = value()?,
                "--target" => options.target = Some(value()?),
                "--debug" => options.is_debug = true,
                "--gns-1-4" => options.is_old_generation = true,
                "--shared-only" => options.only = Some(Kind::Shared),
                "--static-only" => options.only = Some(Kind::Static),
                _ => return Err(format!("no option {arg} of install").into()),
            }
        }
        if options.prefix.is_empty() {
            return Err("install wants --prefix DIR".into());
        }
        Ok(options)
    }
}

/// Builds the library and installs it.
///
/// # Errors
/// Wrong arguments, a build that fails, a folder that cannot be written.
pub(crate) fn run(root: &Path, args: &[&str]) -> Result {
    let options = Options::read(args)?;
    let job = Job::new(root, "install", Instant::now() + minutes(60))?;
    let features: &[&str] = if options.is_old_generation {
        &["--features", "gns-1-4"]
    } else {
        &[]
    };
    println!("building; target/xtask/install.log tells how it goes");
    let built = capi::build(
        &job,
        &Build {
            target: options.target,
            is_debug: options.is_debug,
            cargo_args: features,
        },
    )?;
    let prefix = std::path::absolute(options.prefix)?;
    let layout = Layout::of(&built);
    for file in install(&job, &built, &prefix, options.only)? {
        let path = prefix.join(&file);
        if !options.is_debug && layout.is_library(&file) {
            // What is for debuggers is most of the file. Without the tool it works as well.
            let _ = job.run(job.command("strip").arg("-S").arg(&path));
        }
        println!("{}", path.display());
    }
    Ok(())
}

/// Puts everything under `prefix`; returns what it wrote, as seen from there.
///
/// # Errors
/// A file cannot be read or written.
pub(crate) fn install(
    job: &Job<'_>,
    built: &Built,
    prefix: &Path,
    only: Option<Kind>,
) -> Result<Vec<PathBuf>> {
    let layout = Layout::of(built);
    let mut files = Vec::new();
    if only != Some(Kind::Static) {
        files.push((built.shared.clone(), PathBuf::from(&layout.shared)));
        if let Some(import) = &built.import {
            files.push((import.clone(), PathBuf::from(&layout.import)));
        }
    }
    if only != Some(Kind::Shared) {
        files.push((built.archive.clone(), PathBuf::from(&layout.archive)));
    }
    let headers = job.root().join(FOLDER).join("include");
    for header in capi::files_below(&headers)? {
        let name = header.strip_prefix(&headers)?;
        let target = Path::new("include/GameNetworkingSockets").join(name);
        files.push((header.clone(), target));
    }
    let mut written = Vec::new();
    for (from, to) in files {
        write(&prefix.join(&to), &std::fs::read(from)?)?;
        written.push(to);
    }
    let templates = job.root().join(FOLDER).join("packaging");
    let mut fill = |template: &str, to: &str| -> Result {
        let text = std::fs::read_to_string(templates.join(template))?;
        write(&prefix.join(to), layout.fill(&text).as_bytes())?;
        written.push(to.into());
        Ok(())
    };
    let cmake = "lib/cmake/GameNetworkingSockets/GameNetworkingSocketsConfig.cmake";
    fill("GameNetworkingSocketsConfig.cmake.in", cmake)?;
    for (kind, name) in [
        (Kind::Shared, "GameNetworkingSockets.pc"),
        (Kind::Static, "GameNetworkingSockets_s.pc"),
    ] {
        if only.is_none_or(|only| only == kind) {
            fill(&format!("{name}.in"), &format!("lib/pkgconfig/{name}"))?;
        }
    }
    Ok(written)
}

/// Where the libraries go on the system that they were built for, and what the static one needs.
struct Layout {
    shared: String,
    import: String,
    archive: String,
    system_libraries: Vec<String>,
}

impl Layout {
    fn of(built: &Built) -> Self {
        let extension = |path: &Path| {
            path.extension()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned()
        };
        let shared = extension(&built.shared);
        let is_msvc = extension(&built.archive) == "lib";
        Self {
            shared: if shared == "dll" {
                "bin/GameNetworkingSockets.dll".to_owned()
            } else {
                format!("lib/libGameNetworkingSockets.{shared}")
            },
            import: if is_msvc {
                "lib/GameNetworkingSockets.lib".to_owned()
            } else {
                "lib/libGameNetworkingSockets.dll.a".to_owned()
            },
            archive: if is_msvc {
                "lib/GameNetworkingSockets_s.lib".to_owned()
            } else {
                "lib/libGameNetworkingSockets_s.a".to_owned()
            },
            system_libraries: built.system_libraries.clone(),
        }
    }

    fn is_library(&self, file: &Path) -> bool {
        file == Path::new(&self.shared) || file == Path::new(&self.archive)
    }

    fn fill(&self, template: &str) -> String {
        template
            .replace("@GNS_RELEASE@", GNS_RELEASE)
            .replace("@SHARED_FILE@", &self.shared)
            .replace("@IMPORT_FILE@", &self.import)
            .replace("@STATIC_FILE@", &self.archive)
            .replace("@SYSTEM_LIBRARIES@", &self.system_libraries.join(" "))
            .replace("@SYSTEM_LIBRARIES_LIST@", &self.system_libraries.join(";"))
    }
}

fn write(path: &Path, content: &[u8]) -> Result {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, content).map_err(|error| format!("{}: {error}", path.display()).into())
}

/// Installs into a folder, moves that, and has CMake projects in C and C++ and the compiler with pkg-config
/// use it, shared and static; runs what they make.
///
/// # Errors
/// Any of it fails.
pub(crate) fn try_out(job: &Job<'_>, built: &Built) -> Result {
    let folder = capi::fresh_folder(job, "capi-install")?;
    install(job, built, &folder.join("first"), None)?;
    let prefix = folder.join("moved");
    std::fs::rename(folder.join("first"), &prefix)?;
    let project = job.root().join(FOLDER).join("packaging/tests");
    try_cmake(job, &project, &prefix, &folder.join("cpp"), TARGETS)?;
    try_cmake(
        job,
        &project.join("c"),
        &prefix,
        &folder.join("c"),
        &TARGETS[..2],
    )?;
    for package in ["GameNetworkingSockets", "GameNetworkingSockets_s"] {
        let mut flags = job.command("pkg-config");
        flags.args(["--cflags", "--libs", package]);
        flags.env("PKG_CONFIG_PATH", prefix.join("lib/pkgconfig"));
        let flags = job.output(&mut flags)?;
        let program = folder.join(package);
        let mut compiler = job.command("c++");
        compiler.arg("-std=c++11").arg(project.join("main.cpp"));
        compiler
            .arg("-o")
            .arg(&program)
            .args(flags.split_whitespace());
        job.run(&mut compiler)?;
        let mut run = job.command(&program.display().to_string());
        capi::run_with(&mut run, &prefix.join(Layout::of(built).shared));
        job.run(&mut run)?;
    }
    Ok(())
}

/// What the CMake package calls the two libraries.
const TARGETS: &[&str] = &[
    "shared",
    "static",
    "GameNetworkingSockets",
    "GameNetworkingSockets_s",
];

/// Builds a CMake project with the installed library, and runs its programs: one for each target.
fn try_cmake(
    job: &Job<'_>,
    project: &Path,
    prefix: &Path,
    build: &Path,
    targets: &[&str],
) -> Result {
    let mut configure = job.command("cmake");
    configure.arg("-S").arg(project).arg("-B").arg(build);
    configure.arg(format!("-DCMAKE_PREFIX_PATH={}", prefix.display()));
    job.run(&mut configure)?;
    job.run(job.command("cmake").arg("--build").arg(build))?;
    for target in targets {
        let program = build.join(format!("uses_{target}"));
        job.run(&mut job.command(&program.display().to_string()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_read_and_a_prefix_is_needed() {
        let args = ["--prefix", "/usr/local", "--static-only", "--gns-1-4"];
        let expected = Options {
            prefix: "/usr/local",
            is_old_generation: true,
            only: Some(Kind::Static),
            ..Options::default()
        };
        assert_eq!(Options::read(&args).unwrap(), expected);
        for wrong in [&[][..], &["--prefix"], &["--prefix", "x", "--what"]] {
            assert!(Options::read(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn each_system_has_its_names() {
        let layout = |shared: &str, archive: &str| {
            Layout::of(&Built {
                shared: shared.into(),
                archive: archive.into(),
                system_libraries: vec!["-lm".into(), "-lc".into()],
                ..Built::default()
            })
        };
        let linux = layout(
            "t/libGameNetworkingSockets.so",
            "t/libGameNetworkingSockets.a",
        );
        assert_eq!(linux.shared, "lib/libGameNetworkingSockets.so");
        assert_eq!(linux.archive, "lib/libGameNetworkingSockets_s.a");
        assert_eq!(
            linux.fill("@STATIC_FILE@ @SYSTEM_LIBRARIES@ @SYSTEM_LIBRARIES_LIST@"),
            "lib/libGameNetworkingSockets_s.a -lm -lc -lm;-lc"
        );
        let mingw = layout(
            "t/GameNetworkingSockets.dll",
            "t/libGameNetworkingSockets.a",
        );
        assert_eq!(mingw.shared, "bin/GameNetworkingSockets.dll");
        assert_eq!(mingw.import, "lib/libGameNetworkingSockets.dll.a");
        let msvc = layout("t/GameNetworkingSockets.dll", "t/GameNetworkingSockets.lib");
        assert_eq!(msvc.archive, "lib/GameNetworkingSockets_s.lib");
    }
}
