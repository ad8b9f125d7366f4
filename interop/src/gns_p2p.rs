//! A GNS peer that connects by signals, in a process of its own.
//!
//! GNS is one per process, with one identity. So each peer is a running `gns_p2p` program (see
//! `src/bin/gns_p2p.rs`), and whoever holds its [`GnsP2p`] carries its signals. Any number of them can meet
//! each other, or peers of another library that live in the test itself.
//!
//! GNS skips the loopback interface, whatever addresses it has, and link-local addresses: the machine needs
//! another address, which may be private and need not lead anywhere. In a network namespace with nothing
//! else, one end of a veth pair will do:
//!
//! ```sh
//! ip link set lo up
//! ip link add v0 type veth peer name v1
//! ip addr add 10.0.0.1/24 dev v0
//! ip link set v0 up
//! ip link set v1 up
//! ip route add default via 10.0.0.2
//! ```

use std::fmt::{self, Write as _};
use std::io::{BufRead, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use bowline_core::crypto::vectors::hex_vec;

use crate::host::{Link, Outgoing, State};

/// A running peer; killed when dropped.
#[derive(Debug)]
pub struct GnsP2p {
    identity: String,
    child: Child,
    input: ChildStdin,
    events: Receiver<Event>,
}

/// What a peer tells.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Event {
    /// It wants this to be delivered.
    Signal {
        /// The identity that it is for.
        to: String,
        /// What is to be delivered.
        bytes: Vec<u8>,
    },
    /// It has tried to connect; without a link if GNS refused.
    Dialled(Option<Link>),
    /// A connection is in a new state.
    State {
        /// The connection.
        link: Link,
        /// Where it is now.
        state: State,
        /// Why it ended, 0 before.
        reason: i32,
        /// Who the peer is.
        peer: String,
        /// Whether GNS takes that for certain.
        vouched: bool,
        /// Where the peer is, if GNS tells: it does not for packets that are relayed.
        address: Option<SocketAddr>,
        /// The same in words.
        text: String,
    },
    /// How packets get to the peer, as [`GnsP2p::ask_way`] asked.
    Way {
        /// The connection.
        link: Link,
        /// Where the peer is, if GNS tells.
        address: Option<SocketAddr>,
        /// GNS's `k_nSteamNetworkConnectionInfoFlags`.
        flags: u32,
        /// The round-trip time in milliseconds, -1 while it is not known.
        ping_ms: i32,
    },
    /// A message has arrived.
    Message {
        /// On which connection.
        link: Link,
        /// On which lane.
        lane: u16,
        /// Whether it was sent reliably.
        reliable: bool,
        /// What it says.
        data: Vec<u8>,
    },
    /// A peer wants to send messages to its identity.
    Asks(String),
    /// The session with this peer has failed, for this reason.
    Failed(String, i32),
    /// A message to its identity has arrived.
    Letter {
        /// Who has sent it.
        from: String,
        /// On which channel.
        channel: i32,
        /// Whether it was sent reliably.
        reliable: bool,
        /// What it says.
        data: Vec<u8>,
    },
    /// GNS's result of [`GnsP2p::post`].
    Posted(i32),
    /// Whether there was such a session.
    Done(bool),
    /// The state of a session, by GNS's number.
    Session(i32),
    /// What an authority has to sign, as [`GnsP2p::request_certificate`] asked.
    Request(Vec<u8>),
    /// What GNS says against the certificate that [`GnsP2p::set_certificate`] gave it; nothing if it took it.
    Certificate(String),
}

impl GnsP2p {
    /// Starts a peer. `program` is the path of `gns_p2p`.
    ///
    /// # Panics
    /// When the program does not start.
    pub fn start(program: &Path, identity: &str) -> Self {
        Self::of(Command::new(program), identity)
    }

    /// The same with a program that finds its C library in this folder.
    ///
    /// # Panics
    /// As [`GnsP2p::start`].
    pub fn start_with(program: &Path, libraries: &Path, identity: &str) -> Self {
        let mut command = Command::new(program);
        command.env("LD_LIBRARY_PATH", libraries);
        Self::of(command, identity)
    }

    fn of(mut command: Command, identity: &str) -> Self {
        let mut child = command
            .arg(identity)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let input = child.stdin.take().expect("the input is piped");
        let output = child.stdout.take().expect("the output is piped");
        let (sender, events) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(output).lines() {
                let Ok(line) = line else { break };
                let event = Event::parse(&line).unwrap_or_else(|| panic!("the peer said {line:?}"));
                if sender.send(event).is_err() {
                    break;
                }
            }
        });
        Self {
            identity: identity.to_owned(),
            child,
            input,
            events,
        }
    }

    /// Who it is.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// Listens on a virtual port, and accepts all who come.
    pub fn listen(&mut self, virtual_port: u16, symmetric: bool) {
        let symmetric = u8::from(symmetric);
        self.order(format_args!("listen {virtual_port} {symmetric}"));
    }

    /// Connects; [`Event::Dialled`] tells the link.
    pub fn connect(&mut self, to: &str, virtual_port: u16, symmetric: bool) {
        let symmetric = u8::from(symmetric);
        self.order(format_args!("connect {to} {virtual_port} {symmetric}"));
    }

    /// Delivers a signal to it.
    pub fn signal(&mut self, bytes: &[u8]) {
        self.order(format_args!("signal {}", to_hex(bytes)));
    }

    /// Changes a setting, by GNS's name, for all connections from now on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.order(format_args!("set {name} {value}"));
    }

    /// Loses that share of packets each way.
    pub fn lose(&mut self, percent: u32) {
        self.order(format_args!("lose {percent}"));
    }

    /// Asks for what an authority has to sign; [`Event::Request`] tells it.
    pub fn request_certificate(&mut self) {
        self.order(format_args!("request"));
    }

    /// Presents a certificate from now on; [`Event::Certificate`] tells whether GNS takes it.
    pub fn set_certificate(&mut self, signed: &[u8]) {
        self.order(format_args!("certificate {}", to_hex(signed)));
    }

    /// Sends on so many lanes, which are all alike.
    pub fn configure_lanes(&mut self, link: Link, count: usize) {
        self.order(format_args!("lanes {} {count}", link.0));
    }

    /// Sends a reliable message.
    pub fn send(&mut self, link: Link, data: &[u8]) {
        self.send_message(link, &Outgoing::reliable(data));
    }

    /// Sends a message.
    pub fn send_message(&mut self, link: Link, message: &Outgoing<'_>) {
        let Outgoing {
            data,
            lane,
            reliable,
            ..
        } = *message;
        let reliable = u8::from(reliable);
        let data = to_hex(data);
        self.order(format_args!("send {} {lane} {reliable} {data}", link.0));
    }

    /// Closes a connection.
    pub fn close(&mut self, link: Link, reason: i32, text: &str) {
        self.order(format_args!("close {} {reason} {text}", link.0));
    }

    /// Lets peers ask for sessions of messages to identities.
    pub fn open_messages(&mut self) {
        self.order(format_args!("messages"));
    }

    /// Sends a message to an identity, with GNS's flags; [`Event::Posted`] tells the result.
    pub fn post(&mut self, to: &str, channel: i32, flags: i32, data: &[u8]) {
        let data = to_hex(data);
        self.order(format_args!("post {to} {channel} {flags} {data}"));
    }

    /// Accepts a session; [`Event::Done`] tells whether there is one.
    pub fn accept_session(&mut self, peer: &str) {
        self.order(format_args!("let {peer}"));
    }

    /// Ends a session; [`Event::Done`] tells whether there was one.
    pub fn close_session(&mut self, peer: &str) {
        self.order(format_args!("end {peer}"));
    }

    /// Ends a channel of a session; [`Event::Done`] tells whether it was open.
    pub fn close_channel(&mut self, peer: &str, channel: i32) {
        self.order(format_args!("hang {peer} {channel}"));
    }

    /// Asks for the state of a session; [`Event::Session`] tells it.
    pub fn ask_session(&mut self, peer: &str) {
        self.order(format_args!("session {peer}"));
    }

    /// Asks how packets get to the peer; [`Event::Way`] tells it.
    pub fn ask_way(&mut self, link: Link) {
        self.order(format_args!("way {}", link.0));
    }

    /// Closes all who come from now on before they are accepted, with 1234 and `not today`.
    pub fn reject(&mut self) {
        self.order(format_args!("reject"));
    }

    /// Neither accepts nor closes who comes from now on.
    pub fn keep_waiting(&mut self) {
        self.order(format_args!("wait"));
    }

    /// The oldest event that was not taken, if there is one.
    pub fn poll(&mut self) -> Option<Event> {
        self.events.try_recv().ok()
    }

    /// The same, waiting for it.
    pub fn wait(&mut self, limit: Duration) -> Option<Event> {
        self.events.recv_timeout(limit).ok()
    }

    /// A peer that has ended tells nothing any more, of which the test will hear.
    fn order(&mut self, command: fmt::Arguments<'_>) {
        let _ = writeln!(self.input, "{command}");
    }
}

impl Drop for GnsP2p {
    fn drop(&mut self) {
        // It may have ended already; either way it is gone afterwards.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Event {
    fn parse(line: &str) -> Option<Self> {
        let (kind, rest) = line.split_once(' ')?;
        Some(match kind {
            "signal" => {
                let (to, data) = rest.split_once(' ')?;
                Self::Signal {
                    to: to.to_owned(),
                    bytes: hex_vec(data),
                }
            }
            "dialled" => {
                let link = rest.parse().ok()?;
                Self::Dialled((link != 0).then_some(Link(link)))
            }
            "state" => {
                let mut words = rest.splitn(7, ' ');
                Self::State {
                    link: Link(words.next()?.parse().ok()?),
                    state: state(words.next()?)?,
                    reason: words.next()?.parse().ok()?,
                    peer: words.next()?.to_owned(),
                    vouched: words.next()? == "1",
                    address: words.next()?.parse().ok(),
                    text: words.next()?.to_owned(),
                }
            }
            "way" => {
                let mut words = rest.split(' ');
                Self::Way {
                    link: Link(words.next()?.parse().ok()?),
                    address: words.next()?.parse().ok(),
                    flags: words.next()?.parse().ok()?,
                    ping_ms: words.next()?.parse().ok()?,
                }
            }
            "message" => {
                let mut words = rest.split(' ');
                Self::Message {
                    link: Link(words.next()?.parse().ok()?),
                    lane: words.next()?.parse().ok()?,
                    reliable: words.next()? == "1",
                    data: hex_vec(words.next()?),
                }
            }
            "asks" => Self::Asks(rest.to_owned()),
            "failed" => {
                let (peer, reason) = rest.split_once(' ')?;
                Self::Failed(peer.to_owned(), reason.parse().ok()?)
            }
            "letter" => {
                let mut words = rest.split(' ');
                Self::Letter {
                    from: words.next()?.to_owned(),
                    channel: words.next()?.parse().ok()?,
                    reliable: words.next()? == "1",
                    data: hex_vec(words.next()?),
                }
            }
            "posted" => Self::Posted(rest.parse().ok()?),
            "done" => Self::Done(rest == "1"),
            "session" => Self::Session(rest.parse().ok()?),
            "request" => Self::Request(hex_vec(rest)),
            "certificate" => Self::Certificate(rest.to_owned()),
            _ => return None,
        })
    }
}

/// Bytes as hexadecimal digits.
pub fn to_hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        write!(text, "{byte:02x}").expect("writing to a string does not fail");
    }
    text
}

/// An IPv4 address of this machine that is no loopback address: that which packets to elsewhere would
/// leave from. None is sent.
///
/// # Panics
/// When it has none.
pub fn own_address() -> Ipv4Addr {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("the machine has a free port");
    socket
        .connect((Ipv4Addr::new(198, 51, 100, 1), 9))
        .expect("the machine has a route");
    match socket.local_addr() {
        Ok(SocketAddr::V4(address)) => *address.ip(),
        other => panic!("no IPv4 address: {other:?}"),
    }
}

fn state(name: &str) -> Option<State> {
    let states = [
        State::Dead,
        State::Linger,
        State::FinWait,
        State::None,
        State::Connecting,
        State::FindingRoute,
        State::Connected,
        State::ClosedByPeer,
        State::ProblemDetectedLocally,
    ];
    states
        .into_iter()
        .find(|state| format!("{state:?}") == name)
}
