//! Two players who know each other's names, not addresses, find each other and greet. In three terminals:
//!
//! ```sh
//! cargo run -- signal-server
//! cargo run -p bowline --example peers -- str:anna str:ben
//! cargo run -p bowline --example peers -- str:ben str:anna
//! ```
//!
//! What carries the signals is the server of the first line here, by lines of text over TCP: the sender writes
//! `DEST HEX`, and the receiver reads `FROM HEX`. A game writes the same few functions for its lobby or its chat.
#![allow(clippy::print_stdout, reason = "a program that talks to a person")]

use std::error::Error;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use bowline::Config;
use bowline::Connection;
use bowline::ConnectionState;
use bowline::EndReason;
use bowline::Event;
use bowline::Identity;
use bowline::SendFlags;
use bowline::Sockets;
use bowline::signaling::PeerRequest;
use bowline::signaling::SignalTarget;
use bowline::signaling::Signaling;
use bowline::signaling::SignalingFailed;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(me), Some(peer)) = (args.next(), args.next()) else {
        return Err("usage: peers MY-IDENTITY PEER-IDENTITY [SERVER]".into());
    };
    let server = args.next();
    let server = server.as_deref().unwrap_or("127.0.0.1:10000");
    let greeting = greet(&me.parse()?, &peer.parse()?, server)?;
    println!("{greeting}");
    Ok(())
}

/// Connects to the peer, and returns what it says.
pub(crate) fn greet(
    me: &Identity,
    peer: &Identity,
    server: &str,
) -> Result<String, Box<dyn Error>> {
    let mut config = Config::new();
    // Both call, and the two calls become one connection: so it does not matter who is first.
    config.set_symmetric_connect(true)?;
    // Time for the other player to start the program.
    config.set_timeout_initial(Duration::from_secs(60))?;
    // Two programs on one machine may use its loopback addresses. Players in different houses need a STUN server
    // (`set_stun_servers`), so that each learns its address on the outside.
    let sockets = Sockets::builder()
        .identity(me.clone())
        .config(config)
        .loopback_candidates(true)
        .build()?;

    let stream = TcpStream::connect(server)?;
    let signaling = send_signals(me, stream.try_clone()?)?;
    let connection = sockets.connect_p2p(peer, 0, Arc::clone(&signaling))?;
    connection.send(format!("hello from {me}").as_bytes(), SendFlags::RELIABLE)?;
    receive_signals(&sockets, peer, signaling, stream);

    let greeting = wait_for_greeting(&sockets, &connection)?;
    // With linger our own greeting still arrives.
    connection.close(EndReason::APP_GENERIC, "done", true)?;
    sockets.wait_for_linger(Duration::from_secs(5));
    Ok(greeting)
}

/// Logs on to the server, and makes what sends signals. That is called by whichever thread has one to send, and must not
/// block: so they go by a queue to a thread that may.
fn send_signals(me: &Identity, mut stream: TcpStream) -> std::io::Result<Arc<dyn Signaling>> {
    writeln!(stream, "{me}")?;
    let (queue, lines) = mpsc::sync_channel::<String>(100);
    thread::spawn(move || {
        for line in lines {
            if stream.write_all(line.as_bytes()).is_err() {
                return;
            }
        }
    });
    Ok(Arc::new(move |to: &SignalTarget, signal: &[u8]| {
        let hex: String = signal.iter().map(|byte| format!("{byte:02x}")).collect();
        match queue.try_send(format!("{} {hex}\n", to.peer())) {
            // A signal that is lost does no harm: what matters is sent again.
            Ok(()) | Err(mpsc::TrySendError::Full(_)) => Ok(()),
            Err(mpsc::TrySendError::Disconnected(_)) => Err(SignalingFailed),
        }
    }))
}

/// Hands in what the server delivers, on a thread of its own. Only the peer may connect; all others meet silence.
fn receive_signals(
    sockets: &Sockets,
    peer: &Identity,
    signaling: Arc<dyn Signaling>,
    stream: TcpStream,
) {
    let (sockets, peer) = (sockets.clone(), peer.clone());
    let mut decide =
        move |request: &PeerRequest<'_>| (*request.peer() == peer).then(|| Arc::clone(&signaling));
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if let Some(signal) = line.split_once(' ').and_then(|(_, hex)| bytes(hex)) {
                // What comes twice or late is dropped, which is no error.
                let _ = sockets.receive_signal(&signal, &mut decide);
            }
        }
    });
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digits = hex.trim().as_bytes().chunks(2);
    let byte = |pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    digits.map(byte).collect()
}

fn wait_for_greeting(sockets: &Sockets, connection: &Connection) -> Result<String, Box<dyn Error>> {
    loop {
        sockets.wait(Duration::from_secs(1));
        let mut end = None;
        for event in sockets.events() {
            if let Event::ConnectionChanged(change) = event {
                if change.new == ConnectionState::Connected || change.is_ended() {
                    print_story(connection)?;
                }
                end = change.is_ended().then_some(change.info);
            }
        }
        if let Some(message) = connection.receive()? {
            return Ok(String::from_utf8_lossy(&message).into_owned());
        }
        if let Some(info) = end {
            return Err(format!("{} ({})", info.end_text, info.end_reason).into());
        }
    }
}

/// What was tried, and when.
fn print_story(connection: &Connection) -> Result<(), Box<dyn Error>> {
    let story = connection.story()?;
    for entry in &story {
        println!(
            "{:?} {}",
            Duration::from(entry.at.since(story[0].at)),
            entry.what
        );
    }
    Ok(())
}
