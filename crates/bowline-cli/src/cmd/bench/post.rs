//! Carries signals between the two processes of a benchmark: over one TCP connection, which the called side listens
//! for.
//!
//! A signal is a frame: the length of the addressee's identity in a byte, that as text, the length of the signal
//! in four bytes, low byte first, and the signal. Neither side waits for the other to read; what finds no room is
//! lost, as signals may be.

use std::collections::HashMap;
use std::io;
use std::io::BufReader;
use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;

use bowline::Identity;
use bowline::Sockets;
use bowline::signaling::PeerRequest;
use bowline::signaling::SignalTarget;
use bowline::signaling::Signaling;
use bowline::signaling::SignalingFailed;

use crate::error::Error;

/// The virtual port of all connections.
pub(super) const PORT: u16 = 0;
/// Frames that may wait to be sent.
const MAX_WAITING: usize = 8192;
/// The longest frame that is read. No signal is as long.
const MAX_SIGNAL: usize = 64 * 1024;

/// Sends signals.
#[derive(Debug)]
pub(super) struct Post(mpsc::SyncSender<Vec<u8>>);

/// Who is called.
pub(super) fn called() -> Identity {
    named("called")
}

/// Who calls: one of many.
pub(super) fn caller(number: usize) -> Identity {
    named(&format!("caller {number}"))
}

impl Post {
    /// The callers' side.
    pub(super) fn connect(
        addr: SocketAddr,
        callers: &[Sockets],
    ) -> Result<Arc<dyn Signaling>, Error> {
        let failed = |source| Error::Signaling { addr, source };
        let stream = TcpStream::connect(addr).map_err(failed)?;
        let addressees = callers.iter().cloned();
        let addressees = addressees.map(|sockets| (sockets.identity().to_string(), sockets));
        Self::start(stream, addressees.collect()).map_err(failed)
    }

    /// The side that is called. Whoever asks is let in, on threads that end with their connections.
    pub(super) fn serve(listener: TcpListener, called: &Sockets) {
        let called = called.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let addressees = HashMap::from([(called.identity().to_string(), called.clone())]);
                // The caller sees that it is not let in.
                let _ = Self::start(stream, addressees);
            }
        });
    }

    fn start(
        stream: TcpStream,
        addressees: HashMap<String, Sockets>,
    ) -> io::Result<Arc<dyn Signaling>> {
        stream.set_nodelay(true)?;
        let mut out = stream.try_clone()?;
        let (frames, waiting) = mpsc::sync_channel::<Vec<u8>>(MAX_WAITING);
        thread::spawn(move || {
            for frame in waiting {
                if out.write_all(&frame).is_err() {
                    return;
                }
            }
        });
        let post: Arc<dyn Signaling> = Arc::new(Self(frames));
        let answers = Arc::clone(&post);
        thread::spawn(move || {
            let mut input = BufReader::new(stream);
            while let Ok((to, signal)) = read_frame(&mut input) {
                if let Some(sockets) = addressees.get(&to) {
                    let mut context = |_: &PeerRequest<'_>| Some(Arc::clone(&answers));
                    // What is of no use is dropped and counted.
                    let _ = sockets.receive_signal(&signal, &mut context);
                }
            }
        });
        Ok(post)
    }
}

impl Signaling for Post {
    fn send(&self, to: &SignalTarget, signal: &[u8]) -> Result<(), SignalingFailed> {
        match self.0.try_send(frame(&to.peer().to_string(), signal)) {
            Ok(()) | Err(mpsc::TrySendError::Full(_)) => Ok(()),
            Err(mpsc::TrySendError::Disconnected(_)) => Err(SignalingFailed),
        }
    }
}

fn named(name: &str) -> Identity {
    Identity::str(name).expect("it is short")
}

fn frame(to: &str, signal: &[u8]) -> Vec<u8> {
    let name = u8::try_from(to.len()).expect("no identity is as long");
    let len = u32::try_from(signal.len()).expect("no signal is as long");
    [&[name], to.as_bytes(), &len.to_le_bytes(), signal].concat()
}

fn read_frame(input: &mut impl Read) -> io::Result<(String, Vec<u8>)> {
    let mut len = [0];
    input.read_exact(&mut len)?;
    let mut name = vec![0; usize::from(len[0])];
    input.read_exact(&mut name)?;
    let mut len = [0; 4];
    input.read_exact(&mut len)?;
    let len = u32::from_le_bytes(len) as usize;
    if len > MAX_SIGNAL {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut signal = vec![0; len];
    input.read_exact(&mut signal)?;
    Ok((String::from_utf8_lossy(&name).into_owned(), signal))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_read_as_it_was_written() {
        let bytes = [frame("str:a", b"signal"), frame("str:b", b"")].concat();
        let mut input = &bytes[..];
        let first = read_frame(&mut input).unwrap();
        assert_eq!(first, ("str:a".to_owned(), b"signal".to_vec()));
        let second = read_frame(&mut input).unwrap();
        assert_eq!(second, ("str:b".to_owned(), Vec::new()));
        assert!(read_frame(&mut input).is_err());
    }

    #[test]
    fn limit_length_of_a_signal() {
        let long = frame("str:a", &vec![0; MAX_SIGNAL + 1]);
        assert!(read_frame(&mut &long[..]).is_err());
    }
}
