//! A peer of GNS and `bowline p2p`, which both let `bowline signal-server` carry their signals.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use bowline_core::crypto::vectors::hex_vec;
use bowline_interop::gns_p2p::{Event, GnsP2p, to_hex};
use bowline_interop::host::{Link, State};
use bowline_interop::repository;

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

/// The command `bowline`; killed when dropped.
struct Program {
    child: Child,
    input: Option<ChildStdin>,
    output: Receiver<String>,
    /// What it has said, for a test that fails.
    said: Vec<String>,
}

impl Program {
    fn start(args: &[&str]) -> Self {
        let mut command = Command::new(command());
        command.args(args).stdin(Stdio::piped());
        let mut child = command
            .stdout(Stdio::piped())
            .spawn()
            .expect("it was built");
        Self {
            input: child.stdin.take(),
            output: lines_of(child.stdout.take().expect("the output is piped")),
            child,
            said: Vec::new(),
        }
    }

    fn input(&mut self) -> &mut ChildStdin {
        self.input.as_mut().expect("not hung up yet")
    }

    fn hang_up(&mut self) {
        self.input = None;
    }

    /// Waits until it says something of that sort.
    fn line_with(&mut self, part: &str) -> String {
        let end = Instant::now() + LIMIT;
        loop {
            if let Some(line) = self.find_line(part) {
                return line;
            }
            assert!(Instant::now() < end, "no {part:?} in {:#?}", self.said);
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn find_line(&mut self, part: &str) -> Option<String> {
        while let Ok(line) = self.output.try_recv() {
            self.said.push(line.clone());
            if line.contains(part) {
                return Some(line);
            }
        }
        None
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already; either way it is gone afterwards.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn lines_of(source: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(source).lines() {
            let Ok(line) = line else { break };
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    lines
}

/// Where the command is, which is built once.
fn command() -> &'static Path {
    static COMMAND: OnceLock<PathBuf> = OnceLock::new();
    COMMAND.get_or_init(|| {
        let args = ["--package", "bowline-cli", "--bin", "bowline"];
        repository::build("Cargo.toml", &args, &[]).join("bowline")
    })
}
