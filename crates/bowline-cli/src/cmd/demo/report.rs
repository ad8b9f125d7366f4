//! How the demo is shown: a table that lives while it runs, a table at the end, or JSON.

use std::io;
use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use serde_json::json;

use crate::cmd::demo::Args;
use crate::cmd::demo::board::Direction;
use crate::cmd::demo::board::Row;
#[cfg(feature = "hub")]
use crate::cmd::demo::identities::Call;
#[cfg(feature = "hub")]
use crate::cmd::demo::identities::NAMES;
#[cfg(feature = "hub")]
use crate::cmd::demo::identities::Outcome;
use crate::cmd::demo::traffic::Kind;
use crate::cmd::demo::verdict::Verdict;
use crate::error::Error;
use crate::view::json_line;
use crate::view::numbers;
use crate::view::table::Table;
use crate::view::terminal::LiveBlock;
use crate::view::terminal::Style;
use crate::view::terminal::printable;

/// The display of one run.
#[derive(Debug)]
pub(crate) struct Report {
    form: Form,
    style: Style,
    /// When progress is due again as JSON.
    next_json: Duration,
}

#[derive(Debug)]
enum Form {
    /// A table that is drawn again and again.
    Live(LiveBlock),
    /// The result only.
    Plain,
    Json,
}

/// Rows of the live table; a terminal may be no higher.
const MAX_LIVE_ROWS: usize = 16;
const JSON_EVERY: Duration = Duration::from_secs(1);

impl Report {
    pub(crate) fn new(is_json: bool, is_live: bool) -> Self {
        let form = match (is_json, is_live) {
            (true, _) => Form::Json,
            (false, true) => Form::Live(LiveBlock::default()),
            (false, false) => Form::Plain,
        };
        Self {
            form,
            style: Style::of_stdout(),
            next_json: JSON_EVERY,
        }
    }

    /// Says what is going to happen.
    pub(crate) fn introduce(&self, args: &Args, addr: SocketAddr) -> Result<(), Error> {
        if matches!(self.form, Form::Json) {
            return json_line(&json!({
                "event": "start", "addr": addr, "clients": args.clients, "secs": args.secs,
            }));
        }
        let title = format!("1 server and {} clients", args.clients);
        let title = self.style.heading(&title);
        let (update, snapshot) = (Kind::Update.size(), Kind::Snapshot.size());
        print(&format!(
            "{title} play for {} s over encrypted UDP on {addr}, and every message is checked.\n\
             Unreliable: 30 updates/s of {update} B from each client, 30 snapshots/s of {snapshot} B to each.\n\
             Reliable: 2 chat lines/s from each client, one level file of 100 KiB to each.\n\n",
            args.secs
        ))
    }

    /// Shows how it goes.
    pub(crate) fn progress(&mut self, elapsed: Duration, rows: &[Row]) -> Result<(), Error> {
        match &mut self.form {
            Form::Live(block) => {
                let shown = &rows[..rows.len().min(MAX_LIVE_ROWS)];
                let mut text = table(self.style, shown);
                if rows.len() > shown.len() {
                    text.push_str(&format!("... and {} more\n", rows.len() - shown.len()));
                }
                text.push_str(&format!("\n{:.1} s\n", elapsed.as_secs_f64()));
                block.draw(&text).map_err(Error::Output)
            }
            Form::Plain => Ok(()),
            Form::Json => {
                if elapsed < self.next_json {
                    return Ok(());
                }
                self.next_json = elapsed + JSON_EVERY;
                let clients = rows.iter().map(row_json).collect::<Vec<_>>();
                json_line(&json!({
                    "event": "progress", "elapsed_s": elapsed.as_secs_f64(), "clients": clients,
                }))
            }
        }
    }

    /// Shows how it went.
    pub(crate) fn conclude(&mut self, rows: &[Row], verdict: &Verdict) -> Result<(), Error> {
        match &mut self.form {
            Form::Live(block) => block.clear().map_err(Error::Output)?,
            Form::Plain => {}
            Form::Json => {
                let clients = rows.iter().map(row_json).collect::<Vec<_>>();
                return json_line(&json!({
                    "event": "result", "passed": verdict.is_passed(), "verdict": verdict,
                    "clients": clients,
                }));
            }
        }
        let table = table(self.style, rows);
        print(&format!("{table}\n{}", self.verdict_text(verdict)))
    }

    /// Shows how the second act went.
    #[cfg(feature = "hub")]
    pub(crate) fn conclude_identities(&self, act: &Outcome) -> Result<(), Error> {
        if matches!(self.form, Form::Json) {
            return json_line(&json!({
                "event": "identities", "passed": act.is_passed(), "identities": act,
            }));
        }
        let title = format!("1 hub and {} players", NAMES.len());
        let mut text = format!(
            "\n{} who know nothing of each other but names.\n",
            self.style.heading(&title)
        );
        if let Some((hub, ms)) = act.hub.zip(act.signed_in_ms) {
            text += &format!("Signed in at {hub}, with certificates, in {ms:.0} ms.\n");
        }
        for Call {
            from,
            to,
            ms,
            found_at,
        } in &act.calls
        {
            text +=
                &format!("{from} called {to}: connected in {ms:.0} ms, directly to {found_at}.\n");
        }
        let (received, sent) = (act.lines_received, act.lines_sent);
        let summary = format!("{received} of {sent} lines of chat arrived, each to a name.");
        text += &match (act.is_passed(), &act.problem) {
            (true, _) => format!("{}  {summary}\n", self.style.good("PASSED")),
            (false, None) => format!("{}  {summary}\n", self.style.bad("FAILED")),
            (false, Some(problem)) => {
                let problem = printable(problem);
                format!("{}  {summary}\n  {problem}\n", self.style.bad("FAILED"))
            }
        };
        print(&text)
    }

    fn verdict_text(&self, verdict: &Verdict) -> String {
        let reliable = match verdict.reliable_sent {
            sent if sent == verdict.reliable_received => {
                format!("all {sent} reliable messages arrived exactly once and in order")
            }
            sent => format!(
                "{} of {sent} reliable messages arrived",
                verdict.reliable_received
            ),
        };
        let (received, sent) = (verdict.unreliable_received, verdict.unreliable_sent);
        let share = numbers::percent(received, sent);
        let summary =
            format!("{reliable}; {received} of {sent} unreliable ones arrived ({share}).");
        if verdict.is_passed() {
            return format!("{}  {summary}\n", self.style.good("PASSED"));
        }
        let mut text = format!("{}  {summary}\n", self.style.bad("FAILED"));
        for problem in &verdict.problems {
            text.push_str(&format!("  {}\n", printable(problem)));
        }
        text
    }
}

fn table(style: Style, rows: &[Row]) -> String {
    let mut table = Table::new(&[
        "client",
        "ping",
        "delay p50",
        "p99",
        "updates",
        "snapshots",
        "chat",
        "level",
        "loss",
        "sent",
        "received",
    ]);
    for row in rows {
        table.push(cells(row));
    }
    let mut text = String::new();
    for (index, line) in table.lines().iter().enumerate() {
        if index == 0 {
            text.push_str(&style.heading(line));
        } else {
            text.push_str(line);
        }
        text.push('\n');
    }
    text
}

fn cells(row: &Row) -> Vec<String> {
    let ping = match row.ping_ms {
        None => "-".to_owned(),
        Some(0) => "<1 ms".to_owned(),
        Some(ms) => format!("{ms} ms"),
    };
    let delay = |per_mille| {
        let ns = row.delay.quantile(per_mille);
        ns.map_or_else(
            || "-".to_owned(),
            |ns| format!("{} ms", numbers::millis(ns / 1000)),
        )
    };
    let of = |received: u64, sent: u64| format!("{received}/{sent}");
    let unreliable =
        |direction: &Direction| of(direction.received.unreliable, direction.sent.unreliable);
    let reliable = |direction: &Direction| of(direction.received.reliable, direction.sent.reliable);
    vec![
        row.name.clone(),
        ping,
        delay(500),
        delay(990),
        unreliable(&row.up),
        unreliable(&row.down),
        reliable(&row.up),
        reliable(&row.down),
        loss(row),
        numbers::bytes(row.up.sent.bytes),
        numbers::bytes(row.down.received.bytes),
    ]
}

fn loss(row: &Row) -> String {
    let sent = row.up.sent.unreliable + row.down.sent.unreliable;
    let received = row.up.received.unreliable + row.down.received.unreliable;
    numbers::percent(sent.saturating_sub(received), sent)
}

fn row_json(row: &Row) -> Value {
    json!({
        "client": row.name,
        "ping_ms": row.ping_ms,
        "delay_us": row.delay.summary_us(),
        "up": row.up,
        "down": row.down,
        "problem": row.problem,
    })
}

fn print(text: &str) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(Error::Output)
}
