//! The thread of one client.

use std::net::SocketAddr;
use std::time::Duration;
use std::time::Instant;

use bowline::Connection;
use bowline::ConnectionState;
use bowline::EndReason;
use bowline::Event;
use bowline::Identity;
use bowline::SendFlags;
use bowline::ServiceMode;
use bowline::Sockets;

use crate::cmd::demo::board::Board;
use crate::cmd::demo::board::PUBLISH_EVERY;
use crate::cmd::demo::board::Stage;
use crate::cmd::demo::board::player_name;
use crate::cmd::demo::traffic::Inbox;
use crate::cmd::demo::traffic::Kind;
use crate::cmd::demo::traffic::SERVER;
use crate::cmd::demo::traffic::Sent;
use crate::cmd::demo::traffic::compose;
use crate::cmd::finish::close_with_linger;
use crate::cmd::metronome::Metronome;
use crate::error::Error;

/// Plays until the demo is over. What goes wrong is told on the board.
pub(crate) fn run(index: usize, addr: SocketAddr, board: &Board) {
    if let Err(error) = play(index, addr, board) {
        board.problem(index, error.with_causes());
    }
}

struct Client<'a> {
    index: usize,
    board: &'a Board,
    sockets: Sockets,
    connection: Connection,
    is_connected: bool,
    has_ended: bool,
    inbox: Inbox,
    sent: Sent,
    /// Updates and chat, with how many were sent.
    streams: Option<[(Kind, Metronome, u64); 2]>,
}

fn play(index: usize, addr: SocketAddr, board: &Board) -> Result<(), Error> {
    let identity = Identity::str(&player_name(index));
    let identity = identity.map_err(|error| Error::Other(error.to_string()))?;
    let sockets = Sockets::builder()
        .identity(identity)
        .service(ServiceMode::Manual)
        .build()?;
    let mut client = Client {
        index,
        board,
        connection: sockets.connect(addr)?,
        sockets,
        is_connected: false,
        has_ended: false,
        inbox: Inbox::new(SERVER, [Kind::Snapshot, Kind::Level]),
        sent: Sent::default(),
        streams: None,
    };
    let mut publish_at = Instant::now();
    while board.stage() != Stage::Close && !client.has_ended {
        let mut wait = PUBLISH_EVERY;
        if client.is_connected && board.stage() == Stage::Traffic {
            wait = wait.min(client.send_due()?);
        }
        client.sockets.wait(wait);
        client.handle_events();
        client.receive();
        if Instant::now() >= publish_at {
            publish_at = Instant::now() + PUBLISH_EVERY;
            client.publish();
        }
    }
    client.publish();
    close_with_linger(&client.sockets, &[client.connection], "the demo is over");
    Ok(())
}

impl Client<'_> {
    /// Sends what is due, and tells how long until something will be.
    fn send_due(&mut self) -> Result<Duration, Error> {
        let now_ns = self.board.epoch.elapsed().as_nanos() as u64;
        let streams = self.streams.get_or_insert_with(|| {
            // Clients take turns within a period, as they would if they were apart.
            let share = self.index as f64 / self.board.clients() as f64;
            [Kind::Update, Kind::Chat].map(|kind| {
                let first_ns = now_ns + (share * 1e9 / kind.hz()) as u64;
                (kind, Metronome::new(kind.hz(), first_ns), 0)
            })
        });
        for (kind, metronome, number) in streams.iter_mut() {
            while metronome.strikes(now_ns) {
                let message = compose(*kind, self.index as u32, *number, self.board.epoch);
                let flags = if kind.is_reliable() {
                    SendFlags::RELIABLE_NO_NAGLE
                } else {
                    SendFlags::UNRELIABLE_NO_NAGLE
                };
                self.connection.send(&message, flags)?;
                *number += 1;
                self.sent.count(*kind);
            }
        }
        let next_ns = streams
            .iter()
            .map(|(_, metronome, _)| metronome.next_ns())
            .min();
        Ok(Duration::from_nanos(
            next_ns.unwrap_or(u64::MAX).saturating_sub(now_ns),
        ))
    }

    fn handle_events(&mut self) {
        while let Some(event) = self.sockets.next_event() {
            let Event::ConnectionChanged(change) = event else {
                continue;
            };
            if change.new == ConnectionState::Connected {
                self.is_connected = true;
            } else if change.is_ended() {
                self.has_ended = true;
                let (text, reason) = (&change.info.end_text, change.info.end_reason);
                let problem = format!("connection ended: {text} (reason {reason})");
                self.board.problem(self.index, problem);
                // Fails only if it is closed already.
                let _ = change.connection.close(EndReason::APP_GENERIC, "", false);
            }
        }
    }

    fn receive(&mut self) {
        // Fails only when the connection is closed, and then nothing is left.
        while let Ok(Some(message)) = self.connection.receive() {
            self.inbox
                .take(&message, message.is_reliable(), self.board.epoch);
        }
    }

    fn publish(&self) {
        let ping_ms = self
            .connection
            .status()
            .ok()
            .and_then(|status| status.ping_ms);
        let mut row = self.board.row(self.index);
        row.is_connected |= self.is_connected;
        row.ping_ms = ping_ms.or(row.ping_ms);
        row.up.sent = self.sent;
        row.down.received = self.inbox.received;
        row.delay.clone_from(&self.inbox.delay);
    }
}
