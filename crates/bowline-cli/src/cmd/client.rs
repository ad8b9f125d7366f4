//! `bowline client`: connects, sends lines, prints what comes back.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::Instant;

use bowline::Connection;
use bowline::ConnectionEvent;
use bowline::ConnectionState;
use bowline::EndReason;
use bowline::Message;
use bowline::SendError;
use bowline::SendFlags;
use bowline::Sockets;

use crate::address::Target;
use crate::cmd::finish::all_arrived;
use crate::cmd::finish::close_with_linger;
use crate::cmd::room::when_there_is_room;
use crate::error::Error;
use crate::recordings::Recordings;
use crate::settings::Settings;
use crate::stop::Stop;
use crate::trust::Expected;
use crate::trust::Trust;
use crate::view::Output;
use crate::view::event::ClosedBy;
use crate::view::event::Event;

/// The arguments of `bowline client`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The server, by name or IP address, and its UDP port.
    #[arg(value_name = "HOST:PORT")]
    pub(crate) addr: Target,
    /// Talk to a chat server: what comes back is no echo.
    #[arg(long)]
    pub(crate) chat: bool,
    /// Send one reliable message, print its echo, and exit.
    #[arg(long, value_name = "TEXT", conflicts_with = "chat")]
    pub(crate) send: Option<String>,
    /// How long the server may be silent, in seconds, while connecting and afterwards.
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = parse_timeout)]
    pub(crate) timeout: Duration,
    /// Print events as JSON, one object per line.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) expected: Expected,
    #[command(flatten)]
    pub(crate) recordings: Recordings,
    #[command(flatten)]
    pub(crate) trust: Trust,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

/// How often to look whether it is time to stop. Messages and events are served at once.
const LOOK_FOR_STOP: Duration = Duration::from_millis(50);
/// How long to wait, at the end of the input, for echoes that are under way.
const LAST_ECHOES: Duration = Duration::from_secs(1);

/// Runs until standard input ends, Ctrl-C is pressed or the connection ends; with `--send` until the
/// echo is there.
pub(crate) fn run(args: &Args) -> Result<ExitCode, Error> {
    let stop = Stop::on_signal()?;
    let addr = args.addr.resolve()?;
    let mut config = args.recordings.record(args.settings.config()?)?;
    config.set_timeout_initial(args.timeout)?;
    config.set_timeout_connected(args.timeout)?;
    let builder = args.trust.builder(config)?;
    let sockets = args.recordings.keep(builder)?.build()?;
    let connection = args.expected.connect(&sockets, addr)?;
    let output = Output::new(args.json);
    output.event(&Event::Connecting {
        connection: connection.id(),
        addr,
    })?;
    let mut client = Client {
        sockets,
        connection,
        addr,
        timeout: args.timeout,
        output,
        is_connected: false,
        sent: Sent::default(),
    };
    if !client.connect(&stop)? {
        return Err(Error::Interrupted { addr });
    }
    match &args.send {
        Some(text) => client.send_one(text, &stop)?,
        None => client.talk(args.chat, &stop)?,
    }
    client.finish()?;
    Ok(ExitCode::SUCCESS)
}

/// When the messages were sent that have no answer yet, oldest first.
type Unanswered = VecDeque<Instant>;

/// Messages under way, shared with the thread that reads standard input.
#[derive(Clone, Debug, Default)]
struct Sent(Arc<Mutex<Unanswered>>);

struct Client {
    sockets: Sockets,
    connection: Connection,
    addr: SocketAddr,
    timeout: Duration,
    output: Output,
    is_connected: bool,
    sent: Sent,
}

impl Client {
    /// Waits until connected; `false` if the user gave up.
    fn connect(&mut self, stop: &Stop) -> Result<bool, Error> {
        while !self.is_connected {
            if stop.is_set() {
                return Ok(false);
            }
            self.sockets.wait(LOOK_FOR_STOP);
            self.handle_events()?;
        }
        Ok(true)
    }

    fn send_one(&mut self, text: &str, stop: &Stop) -> Result<(), Error> {
        let end = Instant::now() + self.timeout;
        send_line(&self.connection, &self.sent, text)?;
        while !self.sent.is_empty() && !stop.is_set() {
            if Instant::now() >= end {
                return Err(Error::NoEcho {
                    addr: self.addr,
                    after: self.timeout,
                });
            }
            self.sockets.wait(LOOK_FOR_STOP);
            self.print_messages(true)?;
            self.handle_events()?;
        }
        Ok(())
    }

    fn talk(&mut self, is_chat: bool, stop: &Stop) -> Result<(), Error> {
        let (connection, sent) = (self.connection.clone(), self.sent.clone());
        let (addr, output) = (self.addr, self.output);
        stop.at_end_of_input(move |line| {
            if let Err(error @ SendError::TooLarge { .. }) = send_line(&connection, &sent, line) {
                // Fails when the output is closed, which the other thread finds out too.
                let _ = output.event(&Event::Dropped {
                    connection: connection.id(),
                    addr,
                    bytes: line.len(),
                    why: error.to_string(),
                });
            }
            // Anything else: the connection has ended, which the other thread tells and then exits.
        });
        while !stop.is_set() {
            self.sockets.wait(LOOK_FOR_STOP);
            self.print_messages(!is_chat)?;
            self.handle_events()?;
        }
        let end = Instant::now() + LAST_ECHOES;
        while !is_chat && !self.sent.is_empty() && Instant::now() < end {
            self.sockets.wait(LOOK_FOR_STOP);
            self.print_messages(true)?;
            self.handle_events()?;
        }
        Ok(())
    }

    fn finish(self) -> Result<(), Error> {
        let text = "the client is done";
        let id = self.connection.id();
        let left = close_with_linger(&self.sockets, &[self.connection], text);
        let reason = EndReason::APP_GENERIC;
        let event = Event::closed(id, self.addr, ClosedBy::Us, reason, text);
        self.output.event(&event)?;
        all_arrived(left)
    }

    fn print_messages(&self, are_echoes: bool) -> Result<(), Error> {
        // Fails only for a connection that we closed.
        while let Ok(Some(message)) = self.connection.receive() {
            let sent_at = if are_echoes { self.sent.pop() } else { None };
            let round_trip_ms = sent_at.map(|at| at.elapsed().as_secs_f64() * 1e3);
            self.print(&message, round_trip_ms)?;
        }
        Ok(())
    }

    fn print(&self, message: &Message, round_trip_ms: Option<f64>) -> Result<(), Error> {
        self.output.event(&Event::Message {
            connection: self.connection.id(),
            addr: self.addr,
            lane: message.lane().get(),
            reliable: message.is_reliable(),
            bytes: message.len(),
            text: std::str::from_utf8(message).ok(),
            round_trip_ms,
        })
    }

    fn handle_events(&mut self) -> Result<(), Error> {
        while let Some(event) = self.sockets.next_event() {
            let bowline::Event::ConnectionChanged(change) = event else {
                continue;
            };
            if change.is_ended() {
                return Err(self.end(&change));
            }
            if change.new == ConnectionState::Connected {
                self.is_connected = true;
                let event = Event::connected(change.connection.id(), self.addr, &change.info);
                self.output.event(&event)?;
            }
        }
        Ok(())
    }

    fn end(&self, change: &ConnectionEvent) -> Error {
        let (addr, reason) = (self.addr, change.info.end_reason);
        let text = change.info.end_text.clone();
        let by_peer = change.new == ConnectionState::ClosedByPeer;
        if by_peer && self.is_connected {
            Error::ClosedByPeer { addr, reason, text }
        } else if by_peer {
            Error::Refused { addr, reason, text }
        } else if !self.is_connected && reason == EndReason::MISC_TIMEOUT {
            let after = self.timeout;
            Error::NoAnswer {
                addr,
                after,
                reason,
                text,
            }
        } else {
            Error::Lost { addr, reason, text }
        }
    }
}

impl Sent {
    fn push(&self) {
        self.lock().push_back(Instant::now());
    }

    fn unpush(&self) {
        self.lock().pop_back();
    }

    fn pop(&self) -> Option<Instant> {
        self.lock().pop_front()
    }

    fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Unanswered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends a line reliably; blocks while there is no room.
fn send_line(connection: &Connection, sent: &Sent, line: &str) -> Result<(), SendError> {
    when_there_is_room(|| {
        // Before the send: the echo may be faster than this thread.
        sent.push();
        let result = connection.send(line.as_bytes(), SendFlags::RELIABLE_NO_NAGLE);
        if result.is_err() {
            sent.unpush();
        }
        result
    })?;
    Ok(())
}

fn parse_timeout(text: &str) -> Result<Duration, String> {
    let secs = text
        .parse::<f64>()
        .ok()
        .filter(|secs| (0.1..=3600.0).contains(secs));
    let secs = secs.ok_or("expected seconds from 0.1 to 3600")?;
    Ok(Duration::from_secs_f64(secs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_have_a_range() {
        assert_eq!(parse_timeout("1.5"), Ok(Duration::from_millis(1500)));
        for bad in ["0", "-1", "nan", "4000", "x"] {
            assert!(parse_timeout(bad).is_err(), "{bad}");
        }
    }
}
