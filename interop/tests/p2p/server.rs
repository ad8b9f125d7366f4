//! A peer of GNS and `bowline p2p`, which both let `bowline signal-server` carry their signals.

use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::sync::mpsc::Receiver;
use std::thread;
use std::time::{Duration, Instant};

use bowline_core::crypto::vectors::hex_vec;
use bowline_interop::gns_p2p::{Event, GnsP2p, to_hex};
use bowline_interop::host::{Link, State};

use crate::program::{Program, lines_of};
use crate::room::{ANNA, Asks, BEN, BOTH, LIMIT, PORT};

#[test]
fn a_terminal_and_gns_meet_on_one_server() {
    for first in BOTH {
        let mut hall = Hall::open();
        let mut terminal = None;
        for who in [
            first,
            if first == Asks::Gns {
                Asks::Bowline
            } else {
                Asks::Gns
            },
        ] {
            match who {
                Asks::Bowline => terminal = Some(hall.call_from_terminal()),
                Asks::Gns => hall.gns.connect(ANNA, PORT, true),
            }
        }
        let mut terminal = terminal.expect("one of the two");
        let link = hall.connected();
        let way = hall.carry_until(|_| terminal.find_line("connected with str:ben"));
        assert!(way.contains(" directly, at "), "{way}");

        terminal.input().write_all(b"good morning\n").unwrap();
        assert_eq!(hall.message(), b"good morning");
        hall.gns.send(link, b"good evening");
        hall.carry_until(|_| terminal.find_line("str:ben: good evening").map(drop));

        // The end of its input is the end of the call.
        terminal.hang_up();
        let (reason, text) = hall.closed();
        assert_eq!((reason, text.as_str()), (1000, "bye"));
    }
}

/// Why its socket works.
const LISTENS: &str = "the server is there";

/// The server, and the peer of GNS with its connection to it.
struct Hall {
    server: Program,
    address: String,
    gns: GnsP2p,
    stream: TcpStream,
    delivered: Receiver<String>,
    told: Vec<Event>,
}

impl Hall {
    fn open() -> Self {
        let mut server = Program::start(&["signal-server", "--listen", "127.0.0.1:0"]);
        let line = server.line_with("listening on ");
        let address = line.trim_start_matches("listening on ").to_owned();
        let mut stream = TcpStream::connect(&address).expect(LISTENS);
        stream.set_nodelay(true).expect(LISTENS);
        writeln!(stream, "{BEN}").expect(LISTENS);
        server.line_with("str:ben is here");
        let delivered = lines_of(stream.try_clone().expect(LISTENS));
        let mut gns = GnsP2p::start(Path::new(env!("CARGO_BIN_EXE_gns_p2p")), BEN);
        gns.listen(PORT, true);
        Self {
            server,
            address,
            gns,
            stream,
            delivered,
            told: Vec::new(),
        }
    }

    fn call_from_terminal(&mut self) -> Program {
        let port = PORT.to_string();
        let args = ["--identity", ANNA, "--peer", BEN, "--port", &port];
        let server = ["--signal", &self.address];
        let terminal = Program::start(&[&["p2p"], &args[..], &server].concat());
        self.server.line_with("str:anna is here");
        terminal
    }

    fn connected(&mut self) -> Link {
        self.carry_until(|hall| {
            hall.told.iter().find_map(|event| match event {
                Event::State {
                    link,
                    state: State::Connected,
                    peer,
                    ..
                } => {
                    assert_eq!(peer, ANNA);
                    Some(*link)
                }
                _ => None,
            })
        })
    }

    fn message(&mut self) -> Vec<u8> {
        self.carry_until(|hall| {
            hall.told.iter().find_map(|event| match event {
                Event::Message { data, .. } => Some(data.clone()),
                _ => None,
            })
        })
    }

    /// Why the terminal has closed.
    fn closed(&mut self) -> (i32, String) {
        self.carry_until(|hall| {
            hall.told.iter().find_map(|event| match event {
                Event::State {
                    state: State::ClosedByPeer,
                    reason,
                    text,
                    ..
                } => Some((*reason, text.clone())),
                _ => None,
            })
        })
    }

    /// Carries signals between GNS and the server until `found` finds what it looks for.
    fn carry_until<T>(&mut self, mut found: impl FnMut(&mut Self) -> Option<T>) -> T {
        let end = Instant::now() + LIMIT;
        loop {
            while let Some(event) = self.gns.poll() {
                match event {
                    Event::Signal { to, bytes } => {
                        writeln!(self.stream, "{to} {}", to_hex(&bytes)).expect(LISTENS);
                    }
                    event => self.told.push(event),
                }
            }
            while let Ok(line) = self.delivered.try_recv() {
                let (from, signal) = line.split_once(' ').expect("an identity and a signal");
                assert_eq!(from, ANNA);
                self.gns.signal(&hex_vec(signal));
            }
            if let Some(found) = found(self) {
                return found;
            }
            assert!(Instant::now() < end, "not in time: {:#?}", self.told);
            thread::sleep(Duration::from_millis(1));
        }
    }
}
