//! The client of the trivial signaling protocol: lines over TCP.
//!
//! The first line says who we are. After that each line is an identity, a space and a signal as hexadecimal
//! digits: to the server, whom it is for; from the server, whom it is from.

use std::fmt::Write as _;
use std::io;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use bowline::Identity;
use bowline::Sockets;
use bowline::signaling::PeerRequest;
use bowline::signaling::SignalTarget;
use bowline::signaling::Signaling;
use bowline::signaling::SignalingFailed;

use crate::view::line;

/// A connection to the server.
pub(crate) struct Service {
    stream: TcpStream,
    lines: mpsc::SyncSender<String>,
}

/// Sends signals.
#[derive(Clone, Debug)]
pub(crate) struct Sender(mpsc::SyncSender<String>);

/// How long the server may take to let us in.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// Lines that wait for a server that takes none; further signals are lost, and sent again later.
const MAX_LINES: usize = 64;
/// The longest line that is taken, in bytes. No signal is as long.
const MAX_LINE: usize = 64 * 1024;

impl Service {
    /// Connects and says who we are.
    pub(crate) fn connect(addr: SocketAddr, me: &Identity) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&addr, CONNECT_LIMIT)?;
        stream.set_nodelay(true)?;
        let mut out = stream.try_clone()?;
        writeln!(out, "{me}")?;
        let (lines, waiting) = mpsc::sync_channel::<String>(MAX_LINES);
        thread::spawn(move || {
            for line in waiting {
                if out.write_all(line.as_bytes()).is_err() {
                    return;
                }
            }
        });
        Ok(Self { stream, lines })
    }

    /// What sends signals.
    pub(crate) fn sender(&self) -> Sender {
        Sender(self.lines.clone())
    }

    /// Hands what comes in to `sockets`, on a thread of its own, until the server hangs up. Only `peer` is let
    /// in.
    pub(crate) fn listen(self, sockets: &Sockets, peer: &Identity) {
        let (sockets, peer) = (sockets.clone(), peer.clone());
        let sender: Arc<dyn Signaling> = Arc::new(self.sender());
        thread::spawn(move || {
            let mut input = BufReader::new(self.stream);
            while let Some(text) = read_line(&mut input) {
                let Some(signal) = parse(&text) else {
                    continue;
                };
                let mut context = |request: &PeerRequest<'_>| {
                    let is_expected = *request.peer() == peer;
                    is_expected.then(|| Arc::clone(&sender))
                };
                // What is of no use is dropped and counted.
                let _ = sockets.receive_signal(&signal, &mut context);
            }
            // Nobody reads the output if that fails, and who is connected does not need the server.
            let _ = line("the signaling server has hung up; does somebody else use this identity?");
        });
    }
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
