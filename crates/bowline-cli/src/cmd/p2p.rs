//! `bowline p2p`: two terminals find each other by a signaling server or a hub, send each other lines, and tell how they
//! came together.
//!
//! Both call each other with symmetric connect, so that it does not matter who is first.

mod hub;
mod service;

use std::fmt::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use bowline::Config;
use bowline::Connection;
use bowline::ConnectionState;
use bowline::EndReason;
use bowline::Event;
use bowline::Identity;
use bowline::InfoFlags;
use bowline::PeerListener;
use bowline::SendError;
use bowline::SendFlags;
use bowline::Sockets;
use bowline::VirtualPort;
use bowline::hub::HubConfig;

use crate::address::Target;
use crate::cmd::finish::all_arrived;
use crate::cmd::finish::close_with_linger;
use crate::cmd::finish::is_delivering;
use crate::cmd::finish::undelivered_bytes;
use crate::cmd::p2p::hub::HubArgs;
use crate::cmd::p2p::hub::HubNews;
use crate::cmd::p2p::service::Service;
use crate::cmd::room::when_there_is_room;
use crate::error::Error;
use crate::settings::Settings;
use crate::signal_server::can_be_named;
use crate::stop::Stop;
use crate::trust::Trust;
use crate::view::line;

/// The arguments of `bowline p2p`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Whom to talk to, such as str:ben.
    #[arg(long, value_name = "IDENTITY")]
    pub(crate) peer: Identity,
    /// The signaling server that both use (`bowline signal-server`).
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) signal: Option<Target>,
    #[command(flatten)]
    pub(crate) hub: HubArgs,
    /// The virtual port at both ends.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub(crate) port: u16,
    /// Let the peer reach this machine by its loopback addresses, too: for two terminals on one machine.
    #[arg(long)]
    pub(crate) loopback: bool,
    #[command(flatten)]
    pub(crate) trust: Trust,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

/// How often to look whether it is time to stop. Messages and events are served at once.
const LOOK_FOR_STOP: Duration = Duration::from_millis(50);

/// For the signal that tells the peer of a failure to leave: signals keep 100 ms between them.
const LAST_SIGNAL: Duration = Duration::from_millis(200);

/// How the two find each other.
enum Meeting {
    Server(Target),
    Hub(HubConfig),
}

/// The peer is called, and may call.
struct Call {
    listener: PeerListener,
    connection: Connection,
    hub: Option<HubNews>,
}

/// Runs until Ctrl-C is pressed, the connection ends, or standard input does and what was typed can be delivered.
pub(crate) fn run(args: &Args) -> Result<ExitCode, Error> {
    let stop = Stop::on_signal()?;
    let config = args.settings.config()?;
    check_servers(&config)?;
    let meeting = args.meeting()?;
    let patience = config.timeout_initial().into();
    let builder = args.trust.builder(config)?;
    let sockets = builder.loopback_candidates(args.loopback).build()?;
    if sockets.identity() == args.peer {
        return Err(Error::PeerIsSelf(sockets.identity()));
    }
    let call = match meeting {
        Meeting::Server(server) => args.by_server(&sockets, &server)?,
        Meeting::Hub(config) => {
            let Some(hub) = HubNews::sign_in(&sockets, config, patience, &stop)? else {
                return Ok(ExitCode::SUCCESS);
            };
            args.by_hub(&sockets, hub)?
        }
    };
    let mut terminal = Terminal {
        sockets,
        connection: call.connection,
        hub: call.hub,
        peer: args.peer.clone(),
        is_connected: false,
        has_ended: false,
        undelivered_bytes: 0,
        told: String::new(),
    };
    let talked = terminal.talk(&stop);
    drop(call.listener);
    if talked.is_err() {
        // Else the peer would find out no sooner than by itself.
        thread::sleep(LAST_SIGNAL);
    }
    talked?;
    let left = close_with_linger(&terminal.sockets, &[terminal.connection], "bye");
    if !terminal.has_ended {
        all_arrived(left)?;
    }
    Ok(ExitCode::SUCCESS)
}

impl Args {
    fn meeting(&self) -> Result<Meeting, Error> {
        match &self.signal {
            Some(server) => Ok(Meeting::Server(server.clone())),
            None => Ok(Meeting::Hub(self.hub.config()?.ok_or(Error::NoMeeting)?)),
        }
    }

    fn by_server(&self, sockets: &Sockets, server: &Target) -> Result<Call, Error> {
        let me = sockets.identity();
        if me.is_anonymous() {
            return Err(Error::NoIdentity);
        }
        for name in [&me, &self.peer] {
            if !can_be_named(&name.to_string()) {
                return Err(Error::Unnameable(name.clone()));
            }
        }
        let (service, addr) = Service::connect(server, &me)?;
        let (listener, config) = self.listen(sockets)?;
        let sender = Arc::new(service.sender());
        let connection = sockets.connect_p2p_with(&self.peer, self.port, sender, config)?;
        service.listen(sockets, &connection, &self.peer);
        line(&format!("calling {} by way of {addr} ...", self.peer))?;
        Ok(Call {
            listener,
            connection,
            hub: None,
        })
    }

    /// The hub has let us in.
    fn by_hub(&self, sockets: &Sockets, hub: HubNews) -> Result<Call, Error> {
        let me = sockets.identity();
        if me == self.peer {
            return Err(Error::PeerIsSelf(me));
        }
        let (listener, config) = self.listen(sockets)?;
        let connection = sockets.connect_peer_with(&self.peer, self.port, config)?;
        line(&format!("calling {} by way of the hub ...", self.peer))?;
        Ok(Call {
            listener,
            connection,
            hub: Some(hub),
        })
    }

    /// Else who is called first would have nobody to ask. With the settings of the call.
    fn listen(&self, sockets: &Sockets) -> Result<(PeerListener, Config), Error> {
        let mut config = Config::new();
        config.set_symmetric_connect(true)?;
        let port = VirtualPort::from(self.port);
        let listener = sockets.listen_p2p_with(port, config.clone())?;
        Ok((listener, config))
    }
}

/// The library takes a list that it cannot read for an empty one, and so does the original. Here somebody has typed it.
fn check_servers(config: &Config) -> Result<(), Error> {
    let mut probe = Config::new();
    probe.set_stun_servers(config.stun_servers())?;
    let count = |list: &str| match list {
        "" => 0,
        list => list.split(',').count(),
    };
    let (list, users) = (config.turn_servers(), config.turn_users());
    let passwords = config.turn_passwords();
    let counts = [list, users, passwords].map(count);
    if let [servers, users, passwords] = counts
        && (users != servers || passwords != servers)
    {
        return Err(Error::TurnAccounts {
            servers,
            users,
            passwords,
        });
    }
    let accounts = users.split(',').zip(passwords.split(','));
    let accounts: Vec<_> = accounts.take(counts[0]).collect();
    probe.set_turn_servers(list, &accounts)?;
    Ok(())
}

struct Terminal {
    sockets: Sockets,
    connection: Connection,
    hub: Option<HubNews>,
    peer: Identity,
    is_connected: bool,
    /// The peer has left in the usual way.
    has_ended: bool,
    /// What may not have arrived when that was looked at last: of a connection that has ended nothing is known.
    undelivered_bytes: usize,
    /// The way that was last told, if any was.
    told: String,
}

impl Terminal {
    fn talk(&mut self, stop: &Stop) -> Result<(), Error> {
        let connection = self.connection.clone();
        let typed_all = Stop::default();
        typed_all.at_end_of_input(move |typed| {
            let send = || connection.send(typed.as_bytes(), SendFlags::RELIABLE_NO_NAGLE);
            if let Err(error @ SendError::TooLarge { .. }) = when_there_is_room(send) {
                // Fails when the output is closed, which the other thread finds out too.
                let _ = line(&format!("not sent: {error}"));
            }
            // Anything else: the connection has ended, which the other thread tells.
        });
        // What was typed before the connection stands waits for it; and until all has arrived, what the peer says is
        // still told.
        while !(stop.is_set() || self.has_ended || typed_all.is_set() && self.has_delivered()) {
            if self.connection.state() != ConnectionState::ClosedByPeer {
                self.undelivered_bytes = undelivered_bytes(&self.connection);
            }
            self.sockets.wait(LOOK_FOR_STOP);
            self.tell_messages()?;
            while let Some(event) = self.sockets.next_event() {
                self.on_event(&event)?;
            }
            self.tell_way()?;
        }
        self.tell_messages()
    }

    fn has_delivered(&self) -> bool {
        self.is_connected && !is_delivering(&self.connection)
    }

    fn tell_messages(&self) -> Result<(), Error> {
        while let Ok(Some(message)) = self.connection.receive() {
            let text = String::from_utf8_lossy(&message);
            line(&format!("{}: {text}", self.peer))?;
        }
        Ok(())
    }

    fn on_event(&mut self, event: &Event) -> Result<(), Error> {
        if let (Event::AuthenticationChanged { .. }, Some(hub)) = (event, &mut self.hub) {
            return hub.tell(&self.sockets, self.connection.state());
        }
        let Event::ConnectionChanged(change) = event else {
            return Ok(());
        };
        if change.connection != self.connection {
            if change.is_request() {
                // There is one with this peer already, and nobody else was let in.
                let _ = change.connection.close(EndReason::APP_GENERIC, "", false);
            }
            return Ok(());
        }
        let info = &change.info;
        let is_farewell = change.new == ConnectionState::ClosedByPeer
            && info.end_reason.code() < EndReason::APP_EXCEPTION_GENERIC.code();
        if self.is_connected && is_farewell {
            self.has_ended = true;
            // They came before.
            self.tell_messages()?;
            line(&format!("{} has closed: {}", self.peer, info.end_text))?;
            if self.undelivered_bytes > 0 {
                line("what was typed last may not have arrived")?;
            }
            return Ok(());
        }
        if change.is_ended() {
            line(&self.story())?;
            // Else "this host" would be taken for this one.
            let says = match change.new {
                ConnectionState::ClosedByPeer => "the peer says: ",
                _ => "",
            };
            return Err(Error::NoPeer {
                peer: self.peer.clone(),
                reason: info.end_reason,
                text: format!("{says}{}", info.end_text),
            });
        }
        if change.new == ConnectionState::Connected && !self.is_connected {
            self.is_connected = true;
            line(&self.story())?;
        }
        Ok(())
    }

    /// Tells how packets reach the peer, once that is known, and again when it has changed.
    fn tell_way(&mut self) -> Result<(), Error> {
        if !self.is_connected {
            return Ok(());
        }
        let Ok(info) = self.connection.info() else {
            return Ok(());
        };
        let way = if info.flags.contains(InfoFlags::RELAYED) {
            "by a relay".to_owned()
        } else if info.remote_addr.ip().is_unspecified() {
            // The peer was heard before one was chosen.
            return Ok(());
        } else {
            format!("directly, at {}", info.remote_addr)
        };
        if way == self.told {
            return Ok(());
        }
        if self.told.is_empty() {
            line(&format!("connected with {} {way}", self.peer))?;
        } else {
            line(&format!("now {way}"))?;
        }
        self.told = way;
        Ok(())
    }

    /// How it came about, each step with the time since the first.
    fn story(&self) -> String {
        let story = self.connection.story().unwrap_or_default();
        let mut text = String::from("what happened:");
        let start = story.first().map(|entry| entry.at);
        for entry in &story {
            let since = start.map_or(0.0, |start| {
                Duration::from(entry.at.since(start)).as_secs_f64() * 1e3
            });
            // A string takes whatever is written.
            let _ = write!(text, "\n  {since:8.1} ms  {}", entry.what);
        }
        text
    }
}
