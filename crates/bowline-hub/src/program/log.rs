//! What the hub tells on standard error, as text or JSON.
//!
//! Nothing of it names an address of a client: notices have none, and of the libraries below only warnings are told.

use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::Log;
use crate::config::LogFormat;
use crate::config::LogLevel;
use crate::hub::Notice;

/// Begins to tell. A process that tells already goes on as it does.
pub(super) fn start(log: Log) {
    let level = match log.level {
        LogLevel::Warn => Level::WARN,
        LogLevel::Info => Level::INFO,
        LogLevel::Debug => Level::DEBUG,
    };
    let told = Targets::new()
        .with_default(Level::WARN)
        .with_target("bowline_hub", level);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let registry = tracing_subscriber::registry().with(told);
    let _ = match log.format {
        LogFormat::Text => registry.with(lines.with_ansi(false)).try_init(),
        LogFormat::Json => registry.with(lines.json().flatten_event(true)).try_init(),
    };
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
            tracing::info!(session, %identity, app = app.get(), %method, "signed in");
        }
        Notice::Refused { reason, text } => {
            tracing::info!(%reason, text, "refused");
        }
        Notice::Ended {
            session,
            identity,
            reason,
        } => {
            let reason = reason.map(tracing::field::display);
            tracing::info!(session, %identity, reason, "signed out");
        }
    }
}
