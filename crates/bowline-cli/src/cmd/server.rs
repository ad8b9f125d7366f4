//! `bowline server`: echoes or relays messages.

use std::collections::HashMap;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use bowline::Bytes;
use bowline::Connection;
use bowline::ConnectionEvent;
use bowline::ConnectionState;
use bowline::EndReason;
use bowline::LaneConfig;
use bowline::LaneIndex;
use bowline::Message;
use bowline::PollGroup;
use bowline::SendError;
use bowline::SendFlags;
use bowline::Sockets;

use crate::address::parse_bind;
use crate::cmd::finish::close_with_linger;
use crate::error::Error;
use crate::recordings::Recordings;
use crate::settings::Settings;
use crate::stop::Stop;
use crate::trust::Trust;
use crate::view::Output;
use crate::view::event::ClosedBy;
use crate::view::event::Event;

/// The arguments of `bowline server`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The IP address and UDP port to listen on.
    #[arg(long, value_name = "IP:PORT", value_parser = parse_bind)]
    pub(crate) bind: SocketAddr,
    /// Send every message back on its lane, reliable if it was (the default).
    #[arg(long)]
    pub(crate) echo: bool,
    /// Send every message to all other clients, with its sender in front.
    #[arg(long, conflicts_with = "echo")]
    pub(crate) chat: bool,
    /// Print events as JSON, one object per line.
    #[arg(long)]
    pub(crate) json: bool,
    /// Tell clients why they are refused, not only this server's user. Who probes it learns that too.
    #[arg(long)]
    pub(crate) explain_rejections: bool,
    #[command(flatten)]
    pub(crate) recordings: Recordings,
    #[command(flatten)]
    pub(crate) trust: Trust,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

/// How often to look whether it is time to stop. Messages and events are served at once.
const LOOK_FOR_STOP: Duration = Duration::from_millis(100);
/// Messages taken at a time.
const BATCH: usize = 64;
/// What may wait for a client that reads more slowly than the others write, in bytes.
const MAX_CHAT_BACKLOG: usize = 1 << 20;

/// Serves until standard input ends or Ctrl-C is pressed.
pub(crate) fn run(args: &Args) -> Result<ExitCode, Error> {
    let stop = Stop::on_signal()?;
    stop.at_end_of_input(|_line| {});
    let config = args.recordings.record(args.settings.config()?)?;
    let builder = args.trust.builder(config)?;
    let builder = builder.explain_rejections(args.explain_rejections);
    let sockets = args.recordings.keep(builder)?.build()?;
    let listener = sockets.listen(args.bind)?;
    let service = if args.chat {
        Service::Chat
    } else {
        Service::Echo
    };
    let mut server = Server {
        group: sockets.poll_group(),
        sockets,
        output: Output::new(args.json),
        service,
        peers: HashMap::new(),
    };
    server.output.event(&Event::Listening {
        addr: listener.local_addr(),
        service: service.name(),
    })?;
    server.serve(&stop)?;
    server.finish()?;
    Ok(ExitCode::SUCCESS)
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Service {
    Echo,
    Chat,
}

struct Server {
    sockets: Sockets,
    group: PollGroup,
    output: Output,
    service: Service,
    /// The connected clients.
    peers: HashMap<Connection, Peer>,
}

struct Peer {
    name: String,
    addr: SocketAddr,
    /// How many lanes are set up for sending to it.
    lanes: usize,
    /// What the library had no room for, oldest first. Goes out before anything else.
    backlog: VecDeque<Outgoing>,
}

struct Outgoing {
    lane: LaneIndex,
    flags: SendFlags,
    bytes: Bytes,
}

impl Service {
    const fn name(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Chat => "chat",
        }
    }
}

impl Server {
    fn serve(&mut self, stop: &Stop) -> Result<(), Error> {
        let mut messages = Vec::new();
        while !stop.is_set() {
            self.sockets.wait(LOOK_FOR_STOP);
            while let Some(event) = self.sockets.next_event() {
                match event {
                    bowline::Event::ConnectionChanged(change) => self.on_change(&change)?,
                    bowline::Event::Writable(connection) => self.on_writable(&connection)?,
                    _ => {}
                }
            }
            self.group.receive_batch(&mut messages, BATCH);
            for message in messages.drain(..) {
                self.on_message(message)?;
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<(), Error> {
        let text = "the server stops";
        let connections = self.peers.keys().cloned().collect::<Vec<_>>();
        close_with_linger(&self.sockets, &connections, text);
        for (connection, peer) in &self.peers {
            let reason = EndReason::APP_GENERIC;
            let event = Event::closed(connection.id(), peer.addr, ClosedBy::Us, reason, text);
            self.output.event(&event)?;
        }
        Ok(())
    }

    fn on_change(&mut self, change: &ConnectionEvent) -> Result<(), Error> {
        let connection = &change.connection;
        if change.is_request() {
            // Fails if the peer has given up meanwhile, of which another event tells.
            let _ = connection.accept();
        } else if change.new == ConnectionState::Connected {
            self.on_connected(change)?;
        } else if change.is_ended() {
            self.on_ended(change)?;
        }
        Ok(())
    }

    fn on_connected(&mut self, change: &ConnectionEvent) -> Result<(), Error> {
        let connection = &change.connection;
        // Fails if it has ended already, of which the next event tells.
        let _ = connection.set_poll_group(Some(&self.group));
        let addr = change.info.remote_addr;
        let peer = Peer {
            name: format!("{addr}"),
            addr,
            lanes: 1,
            backlog: VecDeque::new(),
        };
        let event = Event::connected(connection.id(), addr, &change.info);
        self.output.event(&event)?;
        self.announce(connection, &format!("* {} is here", peer.name))?;
        self.peers.insert(connection.clone(), peer);
        Ok(())
    }

    fn on_ended(&mut self, change: &ConnectionEvent) -> Result<(), Error> {
        let connection = &change.connection;
        // What came in before is served first. The close fails only if it is closed already.
        while let Ok(Some(message)) = connection.receive() {
            self.on_message(message)?;
        }
        let _ = connection.close(EndReason::APP_GENERIC, "", false);
        let info = &change.info;
        let by = match change.new {
            ConnectionState::ClosedByPeer => ClosedBy::Peer,
            _ => ClosedBy::Problem,
        };
        let (reason, text) = (info.end_reason, &info.end_text);
        let event = Event::closed(connection.id(), info.remote_addr, by, reason, text);
        self.output.event(&event)?;
        if let Some(peer) = self.peers.remove(connection) {
            self.announce(connection, &format!("* {} has left", peer.name))?;
        }
        Ok(())
    }

    fn on_writable(&mut self, connection: &Connection) -> Result<(), Error> {
        let Some(peer) = self.peers.get_mut(connection) else {
            return Ok(());
        };
        while let Some(next) = peer.backlog.pop_front() {
            match peer.try_send(connection, &next) {
                Ok(()) => {}
                Err(SendError::BufferFull { .. }) => {
                    peer.backlog.push_front(next);
                    return Ok(());
                }
                Err(error) => self
                    .output
                    .event(&dropped(connection, peer.addr, &next, error))?,
            }
        }
        // See `send`: what it had sent meanwhile is read now.
        let _ = connection.set_poll_group(Some(&self.group));
        Ok(())
    }

    fn on_message(&mut self, message: Message) -> Result<(), Error> {
        let from = message.connection().clone();
        let Some(peer) = self.peers.get(&from) else {
            return Ok(());
        };
        self.output.event(&Event::Message {
            connection: from.id(),
            addr: peer.addr,
            lane: message.lane().get(),
            reliable: message.is_reliable(),
            bytes: message.len(),
            text: std::str::from_utf8(&message).ok(),
            round_trip_ms: None,
        })?;
        match self.service {
            Service::Echo => {
                let answer = Outgoing::echo_of(message);
                self.send(&from, answer)
            }
            Service::Chat => {
                let text = format!("{}: {}", peer.name, String::from_utf8_lossy(&message));
                self.announce(&from, &text)
            }
        }
    }

    /// Sends a line to all but one, if this is a chat.
    fn announce(&mut self, except: &Connection, text: &str) -> Result<(), Error> {
        if self.service == Service::Echo {
            return Ok(());
        }
        let bytes = Bytes::copy_from_slice(text.as_bytes());
        let others = self.peers.keys().filter(|&other| other != except);
        for other in others.cloned().collect::<Vec<_>>() {
            self.send(&other, Outgoing::line(bytes.clone()))?;
        }
        Ok(())
    }

    /// Sends, or keeps what is reliable until there is room. A client that does not read is not read
    /// from either (echo) or is closed at some point (chat), so that the backlog has a bound.
    fn send(&mut self, to: &Connection, outgoing: Outgoing) -> Result<(), Error> {
        let Some(peer) = self.peers.get_mut(to) else {
            return Ok(());
        };
        let result = if peer.backlog.is_empty() {
            peer.try_send(to, &outgoing)
        } else {
            let queued_bytes = peer.backlog.iter().map(|waiting| waiting.bytes.len()).sum();
            Err(SendError::BufferFull {
                queued_bytes,
                limit_bytes: MAX_CHAT_BACKLOG,
                wait: None,
            })
        };
        match result {
            Ok(()) => Ok(()),
            Err(SendError::BufferFull { queued_bytes, .. }) if outgoing.flags.is_reliable() => {
                match self.service {
                    Service::Echo => {
                        let _ = to.set_poll_group(None);
                    }
                    Service::Chat => {
                        if queued_bytes > MAX_CHAT_BACKLOG {
                            let reason = EndReason::APP_EXCEPTION_GENERIC;
                            let _ = to.close(reason, "does not read what is sent to it", false);
                            self.peers.remove(to);
                            return Ok(());
                        }
                    }
                }
                peer.backlog.push_back(outgoing);
                Ok(())
            }
            Err(error) => self.output.event(&dropped(to, peer.addr, &outgoing, error)),
        }
    }
}

impl Peer {
    fn try_send(&mut self, to: &Connection, outgoing: &Outgoing) -> Result<(), SendError> {
        let lanes = usize::from(outgoing.lane.get()) + 1;
        // A failure shows in the send below.
        if lanes > self.lanes
            && to
                .configure_lanes(&vec![LaneConfig::default(); lanes])
                .is_ok()
        {
            self.lanes = lanes;
        }
        to.send_bytes(outgoing.lane, outgoing.bytes.clone(), outgoing.flags)?;
        Ok(())
    }
}

impl Outgoing {
    fn echo_of(message: Message) -> Self {
        let flags = if message.is_reliable() {
            SendFlags::RELIABLE_NO_NAGLE
        } else {
            SendFlags::UNRELIABLE_NO_NAGLE
        };
        Self {
            lane: message.lane(),
            flags,
            bytes: message.into_bytes(),
        }
    }

    const fn line(bytes: Bytes) -> Self {
        Self {
            lane: LaneIndex::ZERO,
            flags: SendFlags::RELIABLE_NO_NAGLE,
            bytes,
        }
    }
}

fn dropped(
    connection: &Connection,
    addr: SocketAddr,
    outgoing: &Outgoing,
    error: SendError,
) -> Event<'static> {
    Event::Dropped {
        connection: connection.id(),
        addr,
        bytes: outgoing.bytes.len(),
        why: error.to_string(),
    }
}
