//! What a stage works with: commands that write to its log and end with its budget.

use std::fs::{File, OpenOptions};
use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::Result;

/// The surroundings of one run of one stage.
#[derive(Debug)]
pub(crate) struct Job<'a> {
    root: &'a Path,
    log: PathBuf,
    deadline: Instant,
    /// Commands get a process group of their own, so that a kill reaches what they started. Not at a
    /// terminal: there an interrupt has to reach them.
    grouped: bool,
}

impl<'a> Job<'a> {
    /// Starts with an empty log, `target/xtask/NAME.log`.
    pub(crate) fn new(root: &'a Path, name: &str, deadline: Instant) -> Result<Self> {
        let folder = root.join("target/xtask");
        std::fs::create_dir_all(&folder)?;
        let log = folder.join(format!("{}.log", name.replace(' ', "-")));
        File::create(&log)?;
        let grouped = cfg!(unix) && !std::io::stdin().is_terminal();
        Ok(Self {
            root,
            log,
            deadline,
            grouped,
        })
    }

    /// Runs a command to its end.
    ///
    /// # Errors
    /// The command is not there, ends with another status than 0, or outruns the stage's budget.
    pub(crate) fn run(&self, command: &mut Command) -> Result {
        let log = self.open_log(command)?;
        self.finish(command, log)
    }

    /// Runs a command to its end and returns what it printed to its standard output; if it fails, that is
    /// in the log.
    ///
    /// # Errors
    /// As [`Job::run`], or the output is not UTF-8.
    pub(crate) fn output(&self, command: &mut Command) -> Result<String> {
        let mut log = self.open_log(command)?;
        let path = self.log.with_extension("out");
        let result = self.finish(command, File::create(&path)?);
        let text = std::fs::read_to_string(&path)?;
        std::fs::remove_file(&path)?;
        if result.is_err() {
            log.write_all(text.as_bytes())?;
        }
        result.map(|()| text)
    }

    /// Runs `cargo` with these arguments.
    ///
    /// # Errors
    /// As [`Job::run`].
    pub(crate) fn cargo(&self, args: &[&str]) -> Result {
        self.run(self.command("cargo").args(args))
    }

    /// A command that starts in the repository's root.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.root)
            .stdin(Stdio::null())
            .env("CARGO_TERM_COLOR", "never");
        command
    }

    /// The repository's root.
    pub(crate) fn root(&self) -> &Path {
        self.root
    }

    /// The last lines of the log, for a failed stage.
    pub(crate) fn log_end(&self) -> String {
        const LINES: usize = 200;
        let bytes = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(LINES)..].join("\n")
    }

    fn open_log(&self, command: &Command) -> Result<File> {
        let mut log = OpenOptions::new().append(true).open(&self.log)?;
        writeln!(log, "$ {}", command_line(command))?;
        Ok(log)
    }

    fn finish(&self, command: &mut Command, stdout: File) -> Result {
        let stderr = OpenOptions::new().append(true).open(&self.log)?;
        command.stdout(stdout).stderr(stderr);
        #[cfg(unix)]
        if self.grouped {
            std::os::unix::process::CommandExt::process_group(command, 0);
        }
        let line = command_line(command);
        let mut child = command
            .spawn()
            .map_err(|error| format!("`{line}`: {error}"))?;
        match self.wait(&mut child)? {
            Some(status) if status.success() => Ok(()),
            Some(status) => Err(format!("`{line}`: {status}").into()),
            None => Err(format!("`{line}` was killed at the end of the budget").into()),
        }
    }

    /// Waits for the child's end, or kills it at the deadline and returns none.
    fn wait(&self, child: &mut Child) -> Result<Option<ExitStatus>> {
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(Some(status));
            }
            if Instant::now() > self.deadline {
                if self.grouped {
                    let group = format!("-{}", child.id());
                    Command::new("kill")
                        .args(["-KILL", "--", &group])
                        .status()?;
                }
                // Fails if the group's kill came first.
                let _ = child.kill();
                child.wait()?;
                return Ok(None);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// A command as one would type it, for logs and errors.
pub(crate) fn command_line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}
