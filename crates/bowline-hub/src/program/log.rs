//! What the hub tells on standard error, as text or JSON.
//!
//! Nothing of it names an address of a client: notices have none, and of the libraries below only warnings are told.
//!
//! What clients choose, such as identities, is recorded as text, not as it shows: so it stands in quotes, with what could
//! end a line or command a terminal escaped.

use tracing::Dispatch;
use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::config::Log;
use crate::config::LogFormat;
use crate::config::LogLevel;
use crate::hub::Notice;

/// Begins to tell. A process that tells already goes on as it does.
pub(super) fn start(log: Log) {
    let _ = tracing::dispatcher::set_global_default(dispatch(log, std::io::stderr));
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
pub(super) fn tell(notice: &Notice) {
    match notice {
        Notice::SignedIn {
            session,
            identity,
            app,
            method,
        } => {
            let identity = identity.to_string();
            tracing::info!(session, identity, app = app.get(), %method, "signed in");
        }
        Notice::Refused { reason, text } => {
            tracing::info!(%reason, text, "refused");
        }
        Notice::Ended {
            session,
            identity,
            reason,
        } => {
            let (identity, reason) = (identity.to_string(), reason.map(tracing::field::display));
            tracing::info!(session, identity, reason, "signed out");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;
    use std::sync::Mutex;

    use bowline_core::hub::Method;
    use bowline_core::hub::Refusal;
    use bowline_core::ids::AppId;

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

    fn told(format: LogFormat, notices: &[Notice]) -> String {
        let written = Written::default();
        let writer = written.clone();
        let log = Log {
            format,
            ..Log::default()
        };
        let dispatch = dispatch(log, move || writer.clone());
        tracing::dispatcher::with_default(&dispatch, || notices.iter().for_each(tell));
        let bytes = written.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
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
