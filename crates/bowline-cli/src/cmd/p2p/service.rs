//! The client of the trivial signaling protocol: lines over TCP.
//!
//! The first line says who we are. After that each line is an identity, a space and a signal as hexadecimal
//! digits: to the server, whom it is for; from the server, whom it is from.
//!
//! A server that goes away is tried again, with pauses that double. What is to be sent meanwhile is lost, as any
//! signal may be.

use std::fmt::Write as _;
use std::io;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::net::Shutdown;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use bowline::Connection;
use bowline::ConnectionState;
use bowline::Identity;
use bowline::Sockets;
use bowline::signaling::PeerRequest;
use bowline::signaling::SignalTarget;
use bowline::signaling::Signaling;
use bowline::signaling::SignalingFailed;

use crate::address::Target;
use crate::error::Error;
use crate::view::line;

/// A connection to the server.
pub(crate) struct Service {
    server: Target,
    me: Identity,
    stream: TcpStream,
    /// The same connection, for the thread that writes.
    out: Arc<Mutex<TcpStream>>,
    sender: Sender,
}

/// Sends signals.
#[derive(Clone, Debug)]
pub(crate) struct Sender(mpsc::SyncSender<String>);

/// How long the server may take to let us in, and to take a line.
const SERVER_LIMIT: Duration = Duration::from_secs(10);
/// The pause before a server that has gone is tried again for the first time. Doubled with each further try.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause. Who was let in for longer begins with the first one again: two that take each other's place at the
/// server do so ever more seldom.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Lines that wait for a server that takes none; further signals are lost, and sent again later.
const MAX_LINES: usize = 64;
/// The longest line that is taken, in bytes. No signal is as long.
const MAX_LINE: usize = 64 * 1024;

impl Service {
    /// Connects and says who we are. Returns the server's address, too.
    pub(crate) fn connect(server: &Target, me: &Identity) -> Result<(Self, SocketAddr), Error> {
        let addr = server.resolve()?;
        let failed = |source| Error::Signaling { addr, source };
        let stream = log_on(addr, me).map_err(failed)?;
        let out = Arc::new(Mutex::new(stream.try_clone().map_err(failed)?));
        let (lines, waiting) = mpsc::sync_channel::<String>(MAX_LINES);
        let service = Self {
            server: server.clone(),
            me: me.clone(),
            stream,
            out: Arc::clone(&out),
            sender: Sender(lines),
        };
        thread::spawn(move || waiting.iter().for_each(|line| write_line(&out, &line)));
        Ok((service, addr))
    }

    /// What sends signals.
    pub(crate) fn sender(&self) -> Sender {
        self.sender.clone()
    }

    /// Hands what comes in to `sockets`, on a thread of its own, and comes back to the server when it has hung up. Only
    /// `peer` is let in. What becomes of the server is told together with what that is to the connection.
    pub(crate) fn listen(mut self, sockets: &Sockets, connection: &Connection, peer: &Identity) {
        let (sockets, connection) = (sockets.clone(), connection.clone());
        let peer = peer.clone();
        thread::spawn(move || {
            let mut pause = FIRST_PAUSE;
            loop {
                let begin = Instant::now();
                self.take_in(&sockets, &peer);
                if begin.elapsed() > LONGEST_PAUSE {
                    pause = FIRST_PAUSE;
                }
                let what_now = match connection.state() {
                    ConnectionState::Connected => "the connection goes on without it",
                    _ => "it is tried again",
                };
                // Nobody reads the output if that fails, here and below.
                let _ = line(&format!(
                    "the signaling server has hung up: {what_now} (does somebody else use this identity?)"
                ));
                self.come_back(&mut pause);
                let _ = line("the signaling server is there again");
            }
        });
    }

    /// Takes in signals until the server hangs up.
    fn take_in(&self, sockets: &Sockets, peer: &Identity) {
        let sender: Arc<dyn Signaling> = Arc::new(self.sender());
        let mut context = |request: &PeerRequest<'_>| {
            let is_expected = request.peer() == peer;
            is_expected.then(|| Arc::clone(&sender))
        };
        let mut input = BufReader::new(&self.stream);
        while let Some(text) = read_line(&mut input) {
            if let Some(signal) = parse(&text) {
                // What is of no use is dropped and counted.
                let _ = sockets.receive_signal(&signal, &mut context);
            }
        }
        // So that a thread that writes does not wait for it any longer.
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    /// Tries until the server is there again.
    fn come_back(&mut self, pause: &mut Duration) {
        loop {
            thread::sleep(*pause);
            *pause = (*pause * 2).min(LONGEST_PAUSE);
            // It may have another address by now.
            let Ok(addr) = self.server.resolve() else {
                continue;
            };
            let stream = log_on(addr, &self.me);
            let Ok([stream, out]) = stream.and_then(|it| Ok([it.try_clone()?, it])) else {
                continue;
            };
            self.stream = stream;
            *lock(&self.out) = out;
            return;
        }
    }
}

fn log_on(addr: SocketAddr, me: &Identity) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect_timeout(&addr, SERVER_LIMIT)?;
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(SERVER_LIMIT))?;
    writeln!(stream, "{me}")?;
    Ok(stream)
}

/// A line that cannot be written is lost. The thread that reads finds out, and looks for the server.
fn write_line(out: &Mutex<TcpStream>, line: &str) {
    let mut out = lock(out);
    if out.write_all(line.as_bytes()).is_err() {
        // Fails if it is shut down already.
        let _ = out.shutdown(Shutdown::Both);
    }
}

fn lock(out: &Mutex<TcpStream>) -> MutexGuard<'_, TcpStream> {
    out.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Signaling for Sender {
    fn send(&self, to: &SignalTarget, signal: &[u8]) -> Result<(), SignalingFailed> {
        let mut line = format!("{} ", to.peer());
        for byte in signal {
            // A string takes whatever is written.
            let _ = write!(line, "{byte:02x}");
        }
        line.push('\n');
        match self.0.try_send(line) {
            Ok(()) | Err(mpsc::TrySendError::Full(_)) => Ok(()),
            Err(mpsc::TrySendError::Disconnected(_)) => Err(SignalingFailed),
        }
    }
}

/// The next line; `None` at the end, or if it is too long to be one.
fn read_line(input: &mut impl BufRead) -> Option<String> {
    let mut line = Vec::new();
    let mut bounded = io::Read::take(input, MAX_LINE as u64);
    let count = bounded.read_until(b'\n', &mut line).ok()?;
    let is_whole = line.ends_with(b"\n");
    (count > 0 && is_whole).then(|| String::from_utf8_lossy(&line).into_owned())
}

/// The signal in a line from the server. Who sent it stands in the signal itself.
fn parse(line: &str) -> Option<Vec<u8>> {
    let (_, digits) = line.trim_end().split_once(' ')?;
    let digits = digits.trim();
    if !digits.is_ascii() || digits.len() % 2 != 0 {
        return None;
    }
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_holds_a_signal() {
        assert_eq!(parse("str:ben 00ffA0\r\n"), Some(vec![0, 0xFF, 0xA0]));
        for bad in [
            "",
            "str:ben",
            "str:ben 0",
            "str:ben 0g",
            "str:ben \u{e9}\u{e9}",
        ] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn limit_length_of_a_line() {
        let long = [&[b'a'; MAX_LINE][..], b"\n"].concat();
        assert_eq!(read_line(&mut long.as_slice()), None);
        let mut two: &[u8] = b"a b\nc";
        assert_eq!(read_line(&mut two), Some("a b\n".to_owned()));
        assert_eq!(read_line(&mut two), None, "it was cut off");
    }
}
