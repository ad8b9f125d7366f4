//! Counts in the text format of Prometheus.

use std::fmt::Debug;
use std::fmt::Write as _;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use crate::auth::AuthCounters;
use crate::server::Standing;

/// A count that is told.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// Whether it only grows.
    pub kind: MetricKind,
    /// The label by which it is split, if it is.
    pub label: Option<&'static str>,
    /// What it counts.
    pub help: &'static str,
    read: Read,
}

/// How a count behaves.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MetricKind {
    /// It only grows, from 0 at the start.
    Counter,
    /// It goes up and down.
    Gauge,
}

/// What the HTTP side counts itself.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Requests to the operator's paths without the token.
    pub(super) strangers: AtomicU64,
    /// What the operator wanted and the store did not do or keep.
    pub(super) failed: AtomicU64,
}

/// Where counts come from.
struct Source<'a> {
    standing: &'a Standing,
    auth: &'a AuthCounters,
    counts: &'a Counts,
    uptime_secs: u64,
}

enum Values {
    One(u64),
    Split(Vec<(String, u64)>),
}

impl MetricKind {
    /// Its name in the format.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
        }
    }
}

type Read = fn(&Source<'_>) -> Values;

const fn counter(name: &'static str, help: &'static str, read: Read) -> Metric {
    Metric {
        name,
        kind: MetricKind::Counter,
        label: None,
        help,
        read,
    }
}

const fn gauge(name: &'static str, help: &'static str, read: Read) -> Metric {
    let kind = MetricKind::Gauge;
    Metric {
        kind,
        ..counter(name, help, read)
    }
}

const fn split(name: &'static str, label: &'static str, help: &'static str, read: Read) -> Metric {
    let label = Some(label);
    Metric {
        label,
        ..counter(name, help, read)
    }
}

fn by_reason(counts: impl Iterator<Item = (impl Debug, u64)>) -> Values {
    Values::Split(counts.map(|(one, count)| (label(&one), count)).collect())
}

/// All counts, in the order in which they are told.
pub const METRICS: &[Metric] = &[
    gauge(
        "bowline_hub_uptime_seconds",
        "Seconds since the HTTP side began.",
        |of| Values::One(of.uptime_secs),
    ),
    gauge(
        "bowline_hub_sessions",
        "Clients that are signed in.",
        |of| Values::One(of.standing.sessions as u64),
    ),
    gauge(
        "bowline_hub_connections",
        "Clients that are connected, signed in or not.",
        |of| Values::One(of.standing.connections as u64),
    ),
    split(
        "bowline_hub_sign_ins_total",
        "method",
        "Sign-ins that succeeded. Who comes back does so by `resume`.",
        |of| by_reason(of.standing.counters.sign_ins()),
    ),
    gauge(
        "bowline_hub_blocks",
        "Identities that are blocked beside those of the settings.",
        |of| Values::One(of.standing.blocks as u64),
    ),
    split(
        "bowline_hub_refusals_total",
        "reason",
        "Clients that were not let in.",
        |of| by_reason(of.standing.counters.refusals()),
    ),
    counter(
        "bowline_hub_superseded_total",
        "Sessions that another sign-in of the same identity ended.",
        |of| Values::One(of.standing.counters.superseded),
    ),
    counter(
        "bowline_hub_certificates_total",
        "Certificates issued.",
        |of| Values::One(of.standing.counters.certificates),
    ),
    counter(
        "bowline_hub_certificates_withheld_total",
        "Requests for certificates that came too fast.",
        |of| Values::One(of.standing.counters.certificates_withheld),
    ),
    counter(
        "bowline_hub_signals_carried_total",
        "Signals that were carried to somebody.",
        |of| Values::One(of.standing.counters.signals_carried),
    ),
    counter(
        "bowline_hub_signals_to_nobody_total",
        "Signals to identities that are not here.",
        |of| Values::One(of.standing.counters.signals_to_nobody),
    ),
    split(
        "bowline_hub_signals_refused_total",
        "reason",
        "Signals that were refused.",
        |of| by_reason(of.standing.counters.nacks()),
    ),
    counter(
        "bowline_hub_requests_dropped_total",
        "Requests to connect that one identity got too many of.",
        |of| Values::One(of.standing.counters.requests_dropped),
    ),
    counter(
        "bowline_hub_signals_dropped_total",
        "Signals of which one identity got too many bytes.",
        |of| Values::One(of.standing.counters.signals_dropped),
    ),
    counter(
        "bowline_hub_malformed_total",
        "Messages of clients that are none.",
        |of| Values::One(of.standing.counters.malformed),
    ),
    counter(
        "bowline_hub_messages_dropped_total",
        "Messages to clients that do not read.",
        |of| Values::One(of.standing.counters.dropped),
    ),
    counter(
        "bowline_hub_tokens_accepted_total",
        "Tokens of identity providers that were good.",
        |of| Values::One(of.auth.tokens_accepted),
    ),
    counter(
        "bowline_hub_hook_accepted_total",
        "Credentials that the operator's service took.",
        |of| Values::One(of.auth.hook_accepted),
    ),
    split(
        "bowline_hub_credentials_refused_total",
        "fault",
        "Tokens that are not good, and credentials that the operator's service did not take.",
        |of| {
            Values::Split(
                of.auth
                    .faults()
                    .map(|(one, count)| (one.label().to_owned(), count))
                    .collect(),
            )
        },
    ),
    counter(
        "bowline_hub_keys_fetched_total",
        "How often keys of identity providers were fetched.",
        |of| Values::One(of.auth.keys_fetched),
    ),
    counter(
        "bowline_hub_keys_failed_total",
        "How often that failed.",
        |of| Values::One(of.auth.keys_failed),
    ),
    gauge(
        "bowline_hub_hook_closed",
        "1 while the operator's service is not asked because it failed, otherwise 0.",
        |of| Values::One(u64::from(of.auth.hook_closed)),
    ),
    counter(
        "bowline_hub_admin_refused_total",
        "Requests to `/admin` without the token, or with another one.",
        |of| Values::One(of.counts.strangers.load(Ordering::Relaxed)),
    ),
    counter(
        "bowline_hub_admin_failed_total",
        "What the operator wanted over HTTP and was not done, or not kept by the store.",
        |of| Values::One(of.counts.failed.load(Ordering::Relaxed)),
    ),
];

/// All counts as text.
pub(super) fn render(
    standing: &Standing,
    auth: &AuthCounters,
    counts: &Counts,
    uptime_secs: u64,
) -> String {
    let source = Source {
        standing,
        auth,
        counts,
        uptime_secs,
    };
    let mut out = String::new();
    for metric in METRICS {
        let Metric {
            name, kind, help, ..
        } = metric;
        // Writing to a String does not fail.
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {}", kind.as_str());
        match (metric.read)(&source) {
            Values::One(value) => {
                let _ = writeln!(out, "{name} {value}");
            }
            Values::Split(values) => {
                let label = metric.label.unwrap_or("kind");
                for (which, value) in values {
                    let _ = writeln!(out, "{name}{{{label}=\"{which}\"}} {value}");
                }
            }
        }
    }
    out
}

/// The name of a reason as a label: `RateLimited` as `rate_limited`.
pub(crate) fn label(reason: &impl Debug) -> String {
    let mut label = String::new();
    for c in format!("{reason:?}").chars() {
        if c.is_ascii_uppercase() && !label.is_empty() {
            label.push('_');
        }
        label.push(c.to_ascii_lowercase());
    }
    label
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn what_is_told_is_in_the_format_of_prometheus() {
        let (standing, auth) = (Standing::default(), AuthCounters::default());
        let text = render(&standing, &auth, &Counts::default(), 7);
        let is_name = |name: &str| name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        let mut series = BTreeSet::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (name, value) = line.rsplit_once(' ').unwrap();
            value.parse::<u64>().unwrap();
            assert!(series.insert(name), "{name} twice");
            let bare = match name.split_once('{') {
                None => name,
                Some((bare, labels)) => {
                    let pair = labels.strip_suffix("\"}").unwrap();
                    let (label, value) = pair.split_once("=\"").unwrap();
                    assert!(is_name(label) && is_name(value), "{line}");
                    bare
                }
            };
            assert!(is_name(bare), "{bare}");
            assert!(text.contains(&format!("# TYPE {bare} ")), "{bare}");
        }
        assert!(series.contains("bowline_hub_uptime_seconds"));
        assert!(series.contains("bowline_hub_sign_ins_total{method=\"shared_key\"}"));
        assert!(series.contains("bowline_hub_refusals_total{reason=\"busy\"}"));
        assert!(series.contains("bowline_hub_signals_refused_total{reason=\"rate_limited\"}"));
        assert!(series.contains("bowline_hub_credentials_refused_total{fault=\"token_expired\"}"));
    }

    #[test]
    fn names_say_whether_they_only_grow() {
        let mut names = BTreeSet::new();
        for metric in METRICS {
            let is_counter = metric.kind == MetricKind::Counter;
            assert_eq!(
                metric.name.ends_with("_total"),
                is_counter,
                "{}",
                metric.name
            );
            assert!(metric.help.ends_with('.'), "{}", metric.help);
            assert!(names.insert(metric.name), "{} twice", metric.name);
        }
    }
}
