//! How long it takes to be connected by identity when hub and peers are warm.
//!
//! Some interfaces are signed in to the hub, on this machine. One after the other calls one of them, again and again, by its
//! identity and nothing else; that one accepts at once. It counts from the call until the caller's side stands, which takes signals
//! to and fro by way of the hub, candidates, checks and the handshake. There are several callers because what has ended
//! counts for some seconds against what two may have between them.

use std::time::Duration;
use std::time::Instant;

use bowline::Availability;
use bowline::Connection;
use bowline::ConnectionState;
use bowline::EndReason;
use bowline::Event;
use bowline::Identity;
use bowline::Sockets;
use bowline::hub::HubConfig;
use bowline::hub::HubLogin;
use bowline_bench::Result;

use crate::serve::PREFIX;

const PORT: u16 = 7;
const CALLERS: usize = 16;
/// Connections before it is measured.
const WARM_UP: usize = 20;
/// Between two connections.
const PAUSE: Duration = Duration::from_millis(50);
/// How long one thing may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// All of them.
pub(crate) struct Players {
    callers: Vec<Sockets>,
    called: Sockets,
    peer: Identity,
}

impl Players {
    /// Signs all in.
    pub(crate) fn new(address: &str, key: &str) -> Result<Self> {
        let sockets = |name: &str| -> Result<Sockets> {
            let hub = HubConfig::new(address, key)?.login(HubLogin::Dev);
            let builder = Sockets::builder()
                .app_id(480)
                .loopback_candidates(true)
                .identity(format!("{PREFIX}{name}").parse()?)
                .hub(hub);
            let sockets = builder.build()?;
            sockets.init_authentication();
            Ok(sockets)
        };
        let callers: Result<Vec<Sockets>> = (0..CALLERS)
            .map(|number| sockets(&format!("caller-{number}")))
            .collect();
        let players = Self {
            callers: callers?,
            called: sockets("called")?,
            peer: format!("{PREFIX}called").parse()?,
        };
        for sockets in players.callers.iter().chain([&players.called]) {
            until(|| Ok(sockets.authentication().availability == Availability::Current))?;
        }
        Ok(players)
    }

    /// Connects so often, and says how long each took, in order of that.
    pub(crate) fn connect(&self, count: usize) -> Result<Vec<Duration>> {
        let _listener = self.called.listen_p2p(PORT)?;
        let mut callers = self.callers.iter().cycle();
        let mut next = || {
            let caller = callers.next().ok_or("nobody calls")?;
            self.connect_once(caller)
        };
        for _ in 0..WARM_UP {
            next()?;
        }
        let took: Result<Vec<Duration>> = (0..count).map(|_| next()).collect();
        let mut took = took?;
        took.sort_unstable();
        Ok(took)
    }

    fn connect_once(&self, caller: &Sockets) -> Result<Duration> {
        let start = Instant::now();
        let call = caller.connect_peer(&self.peer, PORT)?;
        let mut stood = None;
        let mut guest = None;
        until(|| {
            caller.wait(Duration::from_micros(200));
            if stood.is_none() && call.state() == ConnectionState::Connected {
                stood = Some(start.elapsed());
            }
            for event in self.called.events() {
                let Event::ConnectionChanged(change) = event else {
                    continue;
                };
                if change.is_request() {
                    change.connection.accept()?;
                } else if change.new == ConnectionState::Connected {
                    guest = Some(change.connection);
                }
            }
            for event in caller.events() {
                if let Event::ConnectionChanged(change) = event
                    && change.is_ended()
                {
                    return Err(format!("the call ended: {}", change.info.end_text).into());
                }
            }
            Ok(stood.is_some() && guest.is_some())
        })?;
        let guest: Connection = guest.ok_or("nobody was called")?;
        call.close(EndReason::APP_GENERIC, "", false)?;
        until(|| {
            self.called.events().for_each(drop);
            Ok(guest.state() != ConnectionState::Connected)
        })?;
        guest.close(EndReason::APP_GENERIC, "", false)?;
        std::thread::sleep(PAUSE);
        stood.ok_or_else(|| "it never stood".into())
    }
}

fn until(mut is_so: impl FnMut() -> Result<bool>) -> Result {
    let end = Instant::now() + PATIENCE;
    while !is_so()? {
        if Instant::now() > end {
            return Err("not in time".into());
        }
        std::thread::sleep(Duration::from_micros(100));
    }
    Ok(())
}
