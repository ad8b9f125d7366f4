//! The server under test: a process of its own, which ends with its standard input.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use bowline::Config;
use bowline::ConfigKey;
use bowline::ConfigScope;
use bowline::EndReason;
use bowline::Event;
use bowline::SendFlags;
use bowline::Sockets;
use bowline_bench::usage;

use crate::Result;
use crate::players;

/// Is the server, until standard input ends.
pub(crate) fn serve() -> Result {
    usage::bind_to_core(0)?;
    let mut config = Config::at(ConfigScope::Interface);
    config.set(ConfigKey::LimitLoopback, 1)?;
    let sockets = Arc::new(Sockets::builder().config(config).build()?);
    let listener = sockets.listen("127.0.0.1:0".parse()?)?;
    println!("{}", listener.local_addr());
    let echoing = Arc::clone(&sockets);
    thread::spawn(move || {
        if let Err(error) = echo(&echoing) {
            eprintln!("{error}");
        }
    });
    std::io::stdin().lines().for_each(drop);
    println!("{:?}", sockets.drops());
    Ok(())
}

/// Accepts everybody and echoes what players send. Messages of other lengths are read and forgotten.
fn echo(sockets: &Sockets) -> Result {
    let clients = sockets.poll_group();
    let mut messages = Vec::new();
    loop {
        sockets.wait(Duration::from_millis(5));
        while let Some(event) = sockets.next_event() {
            let Event::ConnectionChanged(change) = event else {
                continue;
            };
            // A peer that has ended meanwhile cannot be accepted.
            if change.is_request() && change.connection.accept().is_ok() {
                change.connection.set_poll_group(Some(&clients))?;
            } else if change.is_ended() {
                let _ = change.connection.close(EndReason::APP_GENERIC, "", false);
            }
        }
        while clients.receive_batch(&mut messages, 256) > 0 {
            for message in messages.drain(..) {
                if message.len() == players::MESSAGE_BYTES {
                    let _ = message
                        .connection()
                        .send(&message, SendFlags::UNRELIABLE_NO_NAGLE);
                }
            }
        }
    }
}
