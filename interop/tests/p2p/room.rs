//! One peer of ours, one of GNS, and a courier between them.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use bowline::signaling::{PeerRequest, ReceiveContext, SignalTarget, Signaling};
use bowline::{
    Config, Connection, ConnectionEvent, ConnectionId, ConnectionState, Event, Identity,
    PeerListener, Sockets, SocketsBuilder,
};
use bowline_core::p2p::signal::{Signal, SignalKind};
use bowline_interop::courier::{Courier, Roads};
use bowline_interop::gns_p2p::{self, GnsP2p};
use bowline_interop::host::{Link, State};

/// Ours.
pub(crate) const ANNA: &str = "str:anna";
/// That of GNS.
pub(crate) const BEN: &str = "str:ben";
pub(crate) const PORT: u16 = 7;
/// No step takes longer.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// Makes of a signal from somebody what is delivered instead, if anything is.
type Change = Box<dyn FnMut(&str, Signal) -> Option<Signal>>;

/// Two peers and what happens between them.
pub(crate) struct Room {
    pub(crate) ours: Sockets,
    pub(crate) theirs: GnsP2p,
    signaling: Arc<dyn Signaling>,
    posted: Receiver<Vec<u8>>,
    courier: Courier,
    change: Option<Change>,
    /// What becomes of those who ask us.
    pub(crate) guests: Guests,
    listener: Option<PeerListener>,
    changes: Vec<ConnectionEvent>,
    told: Vec<gns_p2p::Event>,
    /// What we are told of sessions.
    pub(crate) sessions: Vec<Event>,
    begun: Instant,
    /// What was signalled and what arrived, for a test that fails.
    letters: Vec<String>,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Guests {
    Accepted,
    Rejected,
    KeptWaiting,
    Ignored,
}

/// The two ends of a connection.
#[derive(Clone)]
pub(crate) struct Ends {
    pub(crate) ours: Connection,
    pub(crate) theirs: Link,
}

/// Who asks for the connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Asks {
    Bowline,
    Gns,
}

pub(crate) const BOTH: [Asks; 2] = [Asks::Bowline, Asks::Gns];

impl Room {
    pub(crate) fn new() -> Self {
        Self::with(1, Roads::default())
    }

    pub(crate) fn with(seed: u8, roads: Roads) -> Self {
        Self::built(seed, roads, |builder| builder)
    }

    pub(crate) fn built(
        seed: u8,
        roads: Roads,
        build: impl FnOnce(SocketsBuilder) -> SocketsBuilder,
    ) -> Self {
        let (sender, posted) = mpsc::channel();
        let signaling: Arc<dyn Signaling> = Arc::new(move |to: &SignalTarget, signal: &[u8]| {
            assert_eq!(*to.peer(), name(BEN));
            // Nobody carries signals after the end of a test.
            let _ = sender.send(signal.to_vec());
            Ok(())
        });
        let builder = Sockets::builder().identity(name(ANNA));
        let builder = build(builder.signaling(Arc::clone(&signaling)));
        Self {
            ours: builder.build().expect("the interface starts"),
            theirs: GnsP2p::start(Path::new(env!("CARGO_BIN_EXE_gns_p2p")), BEN),
            signaling,
            posted,
            courier: Courier::new(seed, roads),
            change: None,
            guests: Guests::Accepted,
            listener: None,
            changes: Vec::new(),
            told: Vec::new(),
            sessions: Vec::new(),
            begun: Instant::now(),
            letters: Vec::new(),
        }
    }

    /// From now on signals are changed on their way, or lost.
    pub(crate) fn change_signals(
        &mut self,
        change: impl FnMut(&str, Signal) -> Option<Signal> + 'static,
    ) {
        self.change = Some(Box::new(change));
    }

    pub(crate) fn listen(&mut self) {
        let listener = self.ours.listen_p2p(PORT);
        self.listener = Some(listener.expect("nobody else listens"));
    }

    pub(crate) fn call(&self, config: Config) -> Connection {
        let signaling = Arc::clone(&self.signaling);
        let called = self
            .ours
            .connect_p2p_with(&name(BEN), PORT, signaling, config);
        called.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Lets one ask the other, who listens.
    pub(crate) fn ask(&mut self, asks: Asks) {
        match asks {
            Asks::Bowline => {
                self.theirs.listen(PORT, false);
                self.call(Config::new());
            }
            Asks::Gns => {
                self.listen();
                self.theirs.connect(ANNA, PORT, false);
            }
        }
    }

    /// The ends once both are connected.
    pub(crate) fn connect(&mut self, asks: Asks) -> Ends {
        self.ask(asks);
        self.connected()
    }

    pub(crate) fn connected(&mut self) -> Ends {
        Ends {
            ours: self.ours_in(ConnectionState::Connected).connection,
            theirs: self.theirs_in(State::Connected).link,
        }
    }

    /// Our next change to a state; those before it are forgotten.
    pub(crate) fn ours_in(&mut self, state: ConnectionState) -> ConnectionEvent {
        self.run(&format!("ours {state:?}"), |room| room.take_ours(state))
    }

    /// The same of theirs.
    pub(crate) fn theirs_in(&mut self, state: State) -> Theirs {
        self.run(&format!("theirs {state:?}"), |room| room.take_theirs(state))
    }

    /// The same without waiting.
    pub(crate) fn take_ours(&mut self, state: ConnectionState) -> Option<ConnectionEvent> {
        let index = self.changes.iter().position(|change| change.new == state)?;
        self.changes.drain(..=index).next_back()
    }

    /// The same without waiting.
    pub(crate) fn take_theirs(&mut self, wanted: State) -> Option<Theirs> {
        let index = self.told.iter().position(
            |event| matches!(event, gns_p2p::Event::State { state, .. } if *state == wanted),
        )?;
        match self.told.remove(index) {
            gns_p2p::Event::State {
                link,
                reason,
                text,
                peer,
                vouched,
                address,
                ..
            } => Some(Theirs {
                link,
                reason,
                text,
                peer,
                vouched,
                relayed: address.is_none(),
            }),
            _ => None,
        }
    }

    /// How packets get to us, as GNS tells it now.
    pub(crate) fn their_way(&mut self, link: Link) -> Way {
        self.theirs.ask_way(link);
        self.theirs_tell(|event| match *event {
            gns_p2p::Event::Way {
                address,
                flags,
                ping_ms,
                ..
            } => Some(Way {
                address,
                flags,
                ping_ms,
            }),
            _ => None,
        })
    }

    /// The next event of theirs of which `pick` makes something.
    pub(crate) fn theirs_tell<T>(
        &mut self,
        mut pick: impl FnMut(&gns_p2p::Event) -> Option<T>,
    ) -> T {
        self.run("an event of theirs", |room| {
            let (index, found) = room
                .told
                .iter()
                .enumerate()
                .find_map(|(index, event)| Some((index, pick(event)?)))?;
            room.told.remove(index);
            Some(found)
        })
    }

    /// The first event of theirs that is so and waits already.
    pub(crate) fn theirs_take(
        &mut self,
        is_wanted: impl FnMut(&gns_p2p::Event) -> bool,
    ) -> Option<gns_p2p::Event> {
        let index = self.told.iter().position(is_wanted)?;
        Some(self.told.remove(index))
    }

    /// Lets time pass until `pick` finds what it looks for.
    pub(crate) fn run<T>(&mut self, what: &str, pick: impl FnMut(&mut Self) -> Option<T>) -> T {
        let found = self.run_for(LIMIT, pick);
        found.unwrap_or_else(|| panic!("{what}: not in time; {self:#?}"))
    }

    pub(crate) fn run_for<T>(
        &mut self,
        limit: Duration,
        mut pick: impl FnMut(&mut Self) -> Option<T>,
    ) -> Option<T> {
        let end = Instant::now() + limit;
        while Instant::now() < end {
            self.step();
            if let Some(found) = pick(self) {
                return Some(found);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        None
    }

    fn step(&mut self) {
        while let Ok(bytes) = self.posted.try_recv() {
            self.post(ANNA, BEN, bytes);
        }
        while let Some(event) = self.theirs.poll() {
            match event {
                gns_p2p::Event::Signal { to, bytes } => {
                    assert_eq!(to, ANNA);
                    self.post(BEN, ANNA, bytes);
                }
                event => self.told.push(event),
            }
        }
        for letter in self.courier.arrived() {
            self.note_letter("arrives", &letter.from, &letter.bytes);
            if letter.to == BEN {
                self.theirs.signal(&letter.bytes);
            } else {
                self.hear(&letter.bytes);
            }
        }
        while let Some(event) = self.ours.next_event() {
            let Event::ConnectionChanged(change) = event else {
                self.sessions.push(event);
                continue;
            };
            if change.is_request() && self.guests == Guests::Accepted {
                // It may have been given up already.
                let _ = change.connection.accept();
            }
            self.changes.push(change);
        }
    }

    fn post(&mut self, from: &str, to: &str, mut bytes: Vec<u8>) {
        if let Some(change) = &mut self.change {
            let signal = Signal::parse(&bytes).expect("both send sound signals");
            let Some(changed) = change(from, signal) else {
                return;
            };
            bytes.clear();
            changed.encode(&mut bytes);
        }
        self.courier.post(from, to, &bytes);
        self.note_letter("leaves", from, &bytes);
    }

    fn note_letter(&mut self, what: &str, from: &str, bytes: &[u8]) {
        let Ok(signal) = Signal::parse(bytes) else {
            return;
        };
        let kind = match signal.kind {
            SignalKind::None => "",
            SignalKind::ConnectRequest(_) => "request",
            SignalKind::ConnectOk(_) => "ok",
            SignalKind::Closed { .. } => "close",
        };
        let id = |id: Option<ConnectionId>| id.map_or(0, ConnectionId::get);
        let [from_id, to_id] = [signal.from_id, signal.to_id].map(id);
        let at_ms = self.begun.elapsed().as_millis();
        self.letters.push(format!(
            "{at_ms} ms: of {from} {what}: {from_id:08x} to {to_id:08x} {kind}, ack {:?}, {} from {:?}",
            signal.ack,
            signal.reliable.len(),
            signal.first_reliable
        ));
    }

    fn hear(&mut self, signal: &[u8]) {
        let mut door = Door {
            guests: self.guests,
            signaling: &self.signaling,
        };
        // Some come too late, and some twice.
        let _ = self.ours.receive_signal(signal, &mut door);
    }
}

impl std::fmt::Debug for Room {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut out = f.debug_struct("Room");
        for change in &self.changes {
            out.field("change", &(change.old, change.new, &change.info.end_text));
        }
        out.field("told", &self.told)
            .field("letters", &self.letters)
            .field("drops", &self.ours.drops())
            .finish_non_exhaustive()
    }
}

struct Door<'a> {
    guests: Guests,
    signaling: &'a Arc<dyn Signaling>,
}

impl ReceiveContext for Door<'_> {
    fn on_request(&mut self, request: &PeerRequest<'_>) -> Option<Arc<dyn Signaling>> {
        match self.guests {
            Guests::Accepted | Guests::KeptWaiting => {}
            Guests::Rejected => {
                let reason = bowline::EndReason::from_app(1234);
                let closed = request.connection().close(reason, "not today", false);
                closed.expect("it has just begun");
            }
            Guests::Ignored => return None,
        }
        Some(Arc::clone(self.signaling))
    }
}

/// What a peer of GNS tells of its connection.
#[derive(Debug)]
pub(crate) struct Theirs {
    pub(crate) link: Link,
    pub(crate) reason: i32,
    pub(crate) text: String,
    pub(crate) peer: String,
    pub(crate) vouched: bool,
    pub(crate) relayed: bool,
}

/// How packets get to a peer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way {
    pub(crate) address: Option<SocketAddr>,
    pub(crate) flags: u32,
    pub(crate) ping_ms: i32,
}

pub(crate) fn name(text: &str) -> Identity {
    text.parse().expect("a sound identity")
}

/// What a connection of ours has tried, for a test that fails.
pub(crate) fn story(connection: &Connection) -> String {
    let entries = connection.story().unwrap_or_default();
    let lines = entries
        .iter()
        .map(|entry| format!("\n{} {}", entry.at, entry.what));
    lines.collect()
}
