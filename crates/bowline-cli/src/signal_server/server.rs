//! All clients, on one thread.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;
use std::io;
use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;
use std::time::Instant;

use mio::Events;
use mio::Interest;
use mio::Poll;
use mio::Token;
use mio::net::TcpListener;
use mio::net::TcpStream;

use crate::error::Error;
use crate::signal_server::client::Client;
use crate::signal_server::client::Fault;
use crate::signal_server::line;
use crate::signal_server::line::Forward;
use crate::stop::Stop;

/// How often to look whether it is time to stop, and who is overdue.
const LOOK: Duration = Duration::from_millis(100);
/// Clients taken at a time, so that those who are there have their turn.
const ACCEPTS: usize = 64;
const LISTENER: Token = Token(0);

/// What the user allows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) clients: usize,
    pub(crate) idle: Duration,
}

/// The server.
#[derive(Debug)]
pub(crate) struct Server {
    poll: Poll,
    listener: TcpListener,
    limits: Limits,
    clients: BTreeMap<Token, Client>,
    /// Those that have said who they are.
    names: HashMap<String, Token>,
    /// Never used twice, so that an event of a client that is gone meets nobody.
    next_token: usize,
    /// Who may have more to read than had its turn.
    unread: BTreeSet<Token>,
    /// There may be more clients to take than had their turn.
    more_clients: bool,
    /// The log has said that clients are turned away.
    full: bool,
}

impl Server {
    /// Starts to listen, and says so.
    pub(crate) fn bind(addr: SocketAddr, limits: Limits) -> Result<Self, Error> {
        let failed = |source| Error::SignalServer { addr, source };
        let poll = Poll::new().map_err(failed)?;
        let mut listener = TcpListener::bind(addr).map_err(failed)?;
        poll.registry()
            .register(&mut listener, LISTENER, Interest::READABLE)
            .map_err(failed)?;
        let bound = listener.local_addr().map_err(failed)?;
        say(&format!("listening on {bound}"))?;
        Ok(Self {
            poll,
            listener,
            limits,
            clients: BTreeMap::new(),
            names: HashMap::new(),
            next_token: LISTENER.0 + 1,
            unread: BTreeSet::new(),
            more_clients: false,
            full: false,
        })
    }

    /// Serves until it is time to stop.
    pub(crate) fn serve(&mut self, stop: &Stop) -> Result<(), Error> {
        let mut events = Events::with_capacity(1024);
        let mut looked = Instant::now();
        while !stop.is_set() {
            let busy = self.more_clients || !self.unread.is_empty();
            let timeout = if busy { Duration::ZERO } else { LOOK };
            match self.poll.poll(&mut events, Some(timeout)) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Error::Other(format!("cannot wait: {error}"))),
            }
            let now = Instant::now();
            for event in &events {
                let token = event.token();
                if token == LISTENER {
                    self.more_clients = true;
                    continue;
                }
                if event.is_writable() {
                    self.write(token, now)?;
                }
                self.unread.insert(token);
            }
            if std::mem::take(&mut self.more_clients) {
                self.accept(now)?;
            }
            for token in std::mem::take(&mut self.unread) {
                self.read(token, now)?;
            }
            if now.saturating_duration_since(looked) >= LOOK {
                looked = now;
                self.look(now)?;
            }
        }
        say("stopped")
    }

    fn accept(&mut self, now: Instant) -> Result<(), Error> {
        for _ in 0..ACCEPTS {
            match self.listener.accept() {
                Ok((stream, addr)) => self.admit(stream, addr, now)?,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                // A client that left at once, or too many open files: tried again when it is time to look.
                Err(_) => return Ok(()),
            }
        }
        self.more_clients = true;
        Ok(())
    }

    fn admit(
        &mut self,
        mut stream: TcpStream,
        addr: SocketAddr,
        now: Instant,
    ) -> Result<(), Error> {
        if self.clients.len() >= self.limits.clients {
            if !self.full {
                self.full = true;
                say(&format!(
                    "full with {} clients: {addr} and others are turned away",
                    self.clients.len()
                ))?;
            }
            return Ok(());
        }
        let token = Token(self.next_token);
        self.next_token += 1;
        let both = Interest::READABLE | Interest::WRITABLE;
        if self
            .poll
            .registry()
            .register(&mut stream, token, both)
            .is_err()
        {
            return Ok(());
        }
        // Signals are small and somebody waits for them; without it they are slower.
        let _ = stream.set_nodelay(true);
        self.clients.insert(token, Client::new(stream, addr, now));
        self.unread.insert(token);
        Ok(())
    }

    fn read(&mut self, token: Token, now: Instant) -> Result<(), Error> {
        let Some(client) = self.clients.get_mut(&token) else {
            return Ok(());
        };
        let mut lines = Vec::new();
        let result = client.read(now, |line| lines.push(line.to_vec()));
        for line in lines {
            if let Err(fault) = self.on_line(token, &line, now)? {
                return self.disconnect(token, &fault);
            }
        }
        match result {
            Ok(true) => {
                self.unread.insert(token);
                Ok(())
            }
            Ok(false) => Ok(()),
            Err(fault) => self.disconnect(token, &fault),
        }
    }

    fn on_line(
        &mut self,
        token: Token,
        line: &[u8],
        now: Instant,
    ) -> Result<Result<(), Fault>, Error> {
        let Some(client) = self.clients.get_mut(&token) else {
            return Ok(Ok(()));
        };
        let Some(from) = client.identity.clone() else {
            return match line::identity(line) {
                Ok(identity) => self.greet(token, identity).map(Ok),
                Err(fault) => Ok(Err(fault)),
            };
        };
        match line::forward(line) {
            Ok(forward) => {
                if client.may_send(now) {
                    self.forward(&from, forward, now)?;
                }
                Ok(Ok(()))
            }
            Err(fault) => Ok(Err(fault)),
        }
    }

    fn greet(&mut self, token: Token, identity: String) -> Result<(), Error> {
        if let Some(older) = self.names.get(&identity).copied() {
            self.disconnect(older, &Fault::Replaced)?;
        }
        if let Some(client) = self.clients.get_mut(&token) {
            client.identity = Some(identity.clone());
            let (addr, count) = (client.addr, self.names.len() + 1);
            self.names.insert(identity.clone(), token);
            say(&format!("{identity} is here, from {addr}; {count} in all"))?;
        }
        Ok(())
    }

    fn forward(&mut self, from: &str, forward: Forward<'_>, now: Instant) -> Result<(), Error> {
        let to = self.names.get(forward.to).copied();
        let Some((token, client)) = to.and_then(|to| Some((to, self.clients.get_mut(&to)?))) else {
            return Ok(());
        };
        // Without room for it, it is lost; signals are sent again.
        if client.queue(&format!("{from} {}\n", forward.hex), now) {
            self.write(token, now)?;
        }
        Ok(())
    }

    fn write(&mut self, token: Token, now: Instant) -> Result<(), Error> {
        let written = self.clients.get_mut(&token).map(|client| client.write(now));
        match written {
            Some(Err(fault)) => self.disconnect(token, &fault),
            Some(Ok(())) | None => Ok(()),
        }
    }

    /// Disconnects who is overdue, and looks for clients that could not be taken before.
    fn look(&mut self, now: Instant) -> Result<(), Error> {
        self.more_clients = true;
        let idle = self.limits.idle;
        let overdue: Vec<(Token, Fault)> = self
            .clients
            .iter()
            .filter_map(|(token, client)| Some((*token, client.overdue(now, idle).err()?)))
            .collect();
        for (token, fault) in overdue {
            self.disconnect(token, &fault)?;
        }
        Ok(())
    }

    fn disconnect(&mut self, token: Token, fault: &Fault) -> Result<(), Error> {
        let Some(mut client) = self.clients.remove(&token) else {
            return Ok(());
        };
        self.full = false;
        // Closing it does the same.
        let _ = self.poll.registry().deregister(&mut client.stream);
        match client.identity {
            Some(identity) => {
                self.names.remove(&identity);
                say(&format!("{identity} left: {fault}"))
            }
            None => say(&format!("{} left: {fault}", client.addr)),
        }
    }
}

/// A line in the log.
fn say(text: &str) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")
        .and_then(|()| out.flush())
        .map_err(Error::Output)
}
