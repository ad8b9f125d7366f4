//! The server's thread.

use std::collections::HashMap;
use std::time::Duration;
use std::time::Instant;

use bowline::Bytes;
use bowline::Connection;
use bowline::ConnectionEvent;
use bowline::ConnectionState;
use bowline::EndReason;
use bowline::Event;
use bowline::Identity;
use bowline::LaneIndex;
use bowline::PollGroup;
use bowline::SendError;
use bowline::SendFlags;
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

/// How long the clients may take to close.
const FAREWELL: Duration = Duration::from_secs(2);
const BATCH: usize = 256;

/// Serves until the demo is over. What goes wrong is told on the board.
pub(crate) fn run(sockets: &Sockets, board: &Board) {
    let level = Bytes::from(compose(Kind::Level, SERVER, 0, board.epoch));
    let mut server = Server {
        sockets,
        board,
        group: sockets.poll_group(),
        level,
        players: HashMap::new(),
        snapshots: None,
        snapshot: 0,
    };
    let mut publish_at = Instant::now();
    let mut end = None;
    loop {
        let stage = board.stage();
        if stage == Stage::Close {
            let end = *end.get_or_insert_with(|| Instant::now() + FAREWELL);
            if server.players.is_empty() || Instant::now() >= end {
                break;
            }
        }
        let mut wait = PUBLISH_EVERY;
        if stage == Stage::Traffic {
            wait = wait.min(server.send_due());
        }
        sockets.wait(wait);
        server.handle_events();
        server.receive();
        if Instant::now() >= publish_at {
            publish_at = Instant::now() + PUBLISH_EVERY;
            server.publish();
        }
    }
    server.publish();
    let left = server.players.into_keys().collect::<Vec<_>>();
    close_with_linger(sockets, &left, "the demo is over");
}

struct Server<'a> {
    sockets: &'a Sockets,
    board: &'a Board,
    group: PollGroup,
    level: Bytes,
    players: HashMap<Connection, Player>,
    /// Runs once there is traffic.
    snapshots: Option<Metronome>,
    /// The number of the next snapshot, the same for all.
    snapshot: u64,
}

struct Player {
    index: usize,
    inbox: Inbox,
    sent: Sent,
}

impl Server<'_> {
    /// Sends everybody a snapshot if it is time, and tells how long until the next.
    fn send_due(&mut self) -> Duration {
        let now_ns = self.board.epoch.elapsed().as_nanos() as u64;
        let snapshots = self
            .snapshots
            .get_or_insert_with(|| Metronome::new(Kind::Snapshot.hz(), now_ns));
        if snapshots.strikes(now_ns) {
            let message = compose(Kind::Snapshot, SERVER, self.snapshot, self.board.epoch);
            self.snapshot += 1;
            for (connection, player) in &mut self.players {
                player.sent.count(Kind::Snapshot);
                if let Err(error) = connection.send(&message, SendFlags::UNRELIABLE_NO_NAGLE) {
                    report_send(self.board, player.index, error);
                }
            }
        }
        Duration::from_nanos(snapshots.next_ns().saturating_sub(now_ns))
    }

    fn handle_events(&mut self) {
        while let Some(event) = self.sockets.next_event() {
            let Event::ConnectionChanged(change) = event else {
                continue;
            };
            if change.is_request() {
                // Fails if the client has given up, of which another event tells.
                let _ = change.connection.accept();
            } else if change.new == ConnectionState::Connected {
                self.welcome(&change);
            } else if change.is_ended() {
                self.part(&change);
            }
        }
    }

    fn welcome(&mut self, change: &ConnectionEvent) {
        let connection = &change.connection;
        let Some(index) = self.index_of(change.info.identity.as_ref()) else {
            let reason = EndReason::APP_EXCEPTION_GENERIC;
            let _ = connection.close(reason, "this server knows only the demo's clients", false);
            return;
        };
        let mut player = Player {
            index,
            inbox: Inbox::new(index as u32, [Kind::Update, Kind::Chat]),
            sent: Sent::default(),
        };
        // Fails if it has ended already, of which the next event tells.
        let _ = connection.set_poll_group(Some(&self.group));
        player.sent.count(Kind::Level);
        let level = self.level.clone();
        if let Err(error) = connection.send_bytes(LaneIndex::ZERO, level, SendFlags::RELIABLE) {
            report_send(self.board, index, error);
        }
        self.players.insert(connection.clone(), player);
    }

    fn part(&mut self, change: &ConnectionEvent) {
        self.receive();
        self.publish();
        // Fails only if it is closed already.
        let _ = change.connection.close(EndReason::APP_GENERIC, "", false);
        let player = self.players.remove(&change.connection);
        let is_over = self.board.stage() == Stage::Close;
        let is_farewell = is_over && change.new == ConnectionState::ClosedByPeer;
        if let Some(player) = player.filter(|_| !is_farewell) {
            let (text, reason) = (&change.info.end_text, change.info.end_reason);
            let problem = format!("the server lost the connection: {text} (reason {reason})");
            self.board.problem(player.index, problem);
        }
    }

    fn receive(&mut self) {
        let mut messages = Vec::new();
        while self.group.receive_batch(&mut messages, BATCH) > 0 {
            for message in messages.drain(..) {
                if let Some(player) = self.players.get_mut(message.connection()) {
                    player
                        .inbox
                        .take(&message, message.is_reliable(), self.board.epoch);
                }
            }
        }
    }

    fn publish(&self) {
        for player in self.players.values() {
            let mut row = self.board.row(player.index);
            row.up.received = player.inbox.received;
            row.down.sent = player.sent;
        }
    }

    /// Which client it is, by what it says to be.
    fn index_of(&self, identity: Option<&Identity>) -> Option<usize> {
        let is_player =
            |index: &usize| Identity::str(&player_name(*index)).ok().as_ref() == identity;
        (0..self.board.clients()).find(is_player)
    }
}

fn report_send(board: &Board, index: usize, error: SendError) {
    board.problem(index, format!("the server could not send: {error}"));
}
