//! What the hub tells on standard error, as text or JSON.
//!
//! Nothing of it names an address of a client: notices have none, and of the libraries below only warnings are told.
//!
//! What clients choose, such as identities, is recorded as text, not as it shows: so it stands in quotes, with what could
//! end a line or command a terminal escaped. So are reasons, which are words.
//!
//! Whoever tells something waits for nobody: lines go to a thread of their own ([`Lines`]). What a stranger can cause any
//! number of is summed up ([`Refusals`]).

mod lines;
mod refusals;

use std::io;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use tracing::Dispatch;
use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::config::Log;
use crate::config::LogFormat;
use crate::config::LogLevel;
use crate::http::label;
use crate::hub::Notice;
use crate::program::error::Error;
use crate::server::OnNotice;

use self::lines::Lines;
use self::refusals::Refusals;

/// What tells, until this is dropped.
#[derive(Debug)]
pub(super) struct Teller {
    lines: Lines,
    refusals: Arc<Refusals>,
}

/// How long the last lines may take when the program ends.
const LONGEST_FLUSH: Duration = Duration::from_secs(1);

/// Begins to tell. A process that tells already goes on as it does.
pub(super) fn start(log: Log) -> Result<Teller, Error> {
    let refusals = Arc::new(Refusals::default());
    let look = look(Arc::clone(&refusals));
    let lines = Lines::start(io::stderr(), look).map_err(Error::Threads)?;
    let writer = lines.clone();
    let _ = tracing::dispatcher::set_global_default(dispatch(log, move || writer.clone()));
    Ok(Teller { lines, refusals })
}

impl Teller {
    /// What tells of what happens at a hub.
    pub(super) fn on_notice(&self) -> OnNotice {
        let refusals = Arc::clone(&self.refusals);
        Box::new(move |notice| tell(&notice, &refusals))
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        self.refusals.tell_all();
        self.lines.flush_within(LONGEST_FLUSH);
    }
}

/// Tells now and then of what is told by its number only.
fn look(refusals: Arc<Refusals>) -> impl FnMut(u64) {
    let mut told = 0;
    move |lost| {
        refusals.tell_due(Instant::now());
        if lost > told {
            tracing::warn!(
                lost,
                "lines of the log are lost so far: they were not read in time"
            );
            told = lost;
        }
    }
}

/// What writes lines as the settings say.
fn dispatch<W>(log: Log, writer: W) -> Dispatch
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let level = match log.level {
        LogLevel::Warn => Level::WARN,
        LogLevel::Info => Level::INFO,
        LogLevel::Debug => Level::DEBUG,
    };
    let told = Targets::new()
        .with_default(Level::WARN)
        .with_target("bowline_hub", level);
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    let registry = tracing_subscriber::registry().with(told);
    match log.format {
        LogFormat::Text => Dispatch::new(registry.with(lines.with_ansi(false))),
        LogFormat::Json => Dispatch::new(registry.with(lines.json().flatten_event(true))),
    }
}

/// Tells what happened.
fn tell(notice: &Notice, refusals: &Refusals) {
    match notice {
        Notice::SignedIn {
            session,
            identity,
            app,
            method,
        } => {
            let identity = identity.to_string();
            // As metrics call it.
            let method = label(method);
            // As text, since many programs' numbers do not hold it.
            tracing::info!(%session, identity, app = app.get(), method, "signed in");
        }
        Notice::Refused { reason, text } => {
            refusals.add(Instant::now(), *reason, text);
        }
        Notice::Ended {
            session,
            identity,
            reason,
        } => {
            let identity = identity.to_string();
            let reason = reason.map(|reason| reason.to_string());
            tracing::info!(%session, identity, reason, "signed out");
        }
    }
}

/// What is told, for tests of whoever tells.
#[cfg(test)]
mod test_log {
    use std::sync::Mutex;

    use super::*;

    /// What was written.
    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What this tells on this thread.
    pub(super) fn told_by(format: LogFormat, tell: impl FnOnce()) -> String {
        let written = Written::default();
        let writer = written.clone();
        let log = Log {
            format,
            ..Log::default()
        };
        let dispatch = dispatch(log, move || writer.clone());
        tracing::dispatcher::with_default(&dispatch, tell);
        let bytes = written.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }
}

/// What is told on this thread, as lines of JSON.
#[cfg(test)]
pub(crate) fn told_by(tell: impl FnOnce()) -> String {
    test_log::told_by(LogFormat::Json, tell)
}

#[cfg(test)]
mod tests {
    use bowline_core::hub::Method;
    use bowline_core::hub::Refusal;
    use bowline_core::ids::AppId;

    use super::test_log::told_by;
    use super::*;

    fn told(format: LogFormat, notices: &[Notice]) -> String {
        let refusals = Refusals::default();
        told_by(format, || {
            notices.iter().for_each(|notice| tell(notice, &refusals))
        })
    }

    #[test]
    fn regression_a_stranger_does_not_choose_how_long_the_log_is() {
        let refusals = Refusals::default();
        let began = Instant::now();
        let later = began + Duration::from_secs(1);
        let json = told_by(LogFormat::Json, || {
            for _ in 0..1000 {
                refusals.add(began, Refusal::Credential, "wrong");
                refusals.add(began, Refusal::App, "no such game");
            }
            refusals.tell_due(began);
            let mut look = look(Arc::new(Refusals::default()));
            (0..3).for_each(|_| look(7));
            refusals.add(later, Refusal::Credential, "wrong again");
            refusals.tell_due(later);
            refusals.add(later, Refusal::App, "no such game");
            refusals.tell_all();
            refusals.tell_all();
        });
        let lines = json.lines().map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            let message = line["message"].as_str().unwrap().to_owned();
            (message, line["more"].as_u64(), line["lost"].as_u64())
        });
        let lines: Vec<_> = lines.collect();
        let lines: Vec<_> = lines
            .iter()
            .map(|(message, more, lost)| (&message[..7], *more, *lost))
            .collect();
        let expected = [
            ("refused", None, None),
            ("refused", None, None),
            ("lines o", None, Some(7)),
            ("refused", Some(999), None),
            ("refused", None, None),
            ("refused", Some(999), None),
            ("refused", Some(1), None),
        ];
        assert_eq!(lines, expected, "{json}");
    }

    #[test]
    fn regression_a_lone_refusal_is_told_with_its_words() {
        let refusals = Refusals::default();
        let at = |millis| Duration::from_millis(millis);
        let began = Instant::now();
        let text = told_by(LogFormat::Text, || {
            refusals.add(began, Refusal::Credential, "the first");
            refusals.tell_due(began + at(1000));
            refusals.tell_due(began + at(2000));
            refusals.add(began + at(2500), Refusal::Credential, "an hour later");
            refusals.add(began + at(2600), Refusal::Credential, "at once after it");
            refusals.tell_due(began + at(3000));
            refusals.tell_due(began + at(3500));
        });
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 3, "{text}");
        for (line, expected) in lines.iter().zip(["the first", "an hour later", "more=1"]) {
            assert!(line.contains(expected), "{text}");
        }
    }

    #[test]
    fn regression_names_with_spaces_are_in_quotes_and_those_of_metrics() {
        let notices = [
            Notice::SignedIn {
                session: 1,
                identity: "str:anna".parse().unwrap(),
                app: AppId::new(480),
                method: Method::SharedKey,
            },
            Notice::Refused {
                reason: Refusal::Credential,
                text: "no".to_owned(),
            },
        ];
        let text = told(LogFormat::Text, &notices);
        assert!(text.contains("method=\"shared_key\""), "{text}");
        let reason = format!("reason=\"{}\"", Refusal::Credential);
        assert!(text.contains(&reason), "{text}");
    }

    #[test]
    fn regression_no_program_that_reads_the_log_rounds_sessions() {
        let notices = [Notice::Ended {
            session: u64::MAX - 1,
            identity: "str:anna".parse().unwrap(),
            reason: None,
        }];
        let json = told(LogFormat::Json, &notices);
        let line: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(line["session"], "18446744073709551614");
    }

    #[test]
    fn regression_no_identity_makes_lines_of_its_own_or_commands_the_terminal() {
        let evil = "str:x\nINFO a\r\u{1b}[2J\u{9b}1m";
        let identity: bowline_core::identity::Identity = evil.parse().unwrap();
        let notices = [
            Notice::SignedIn {
                session: 1,
                identity: identity.clone(),
                app: AppId::new(480),
                method: Method::Dev,
            },
            Notice::Refused {
                reason: Refusal::Identity,
                text: format!("{identity} is not among str:dev-"),
            },
            Notice::Ended {
                session: 1,
                identity,
                reason: None,
            },
        ];
        let text = told(LogFormat::Text, &notices);
        assert_eq!(text.lines().count(), 3, "{text:?}");
        let has_control = text.chars().any(|c| c.is_control() && c != '\n');
        assert!(!has_control, "{text:?}");
        assert!(text.contains("identity=\"str:x\\nINFO a"), "{text}");
        let json = told(LogFormat::Json, &notices);
        assert_eq!(json.lines().count(), 3, "{json:?}");
        for (line, field) in json.lines().zip(["identity", "text", "identity"]) {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            assert!(line[field].as_str().unwrap().starts_with(evil), "{line}");
        }
    }
}
