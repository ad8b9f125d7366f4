//! Sends a text to an echo server and shows the answer:
//! `cargo run --example echo_client -- 127.0.0.1:27015 hello`.
#![allow(clippy::print_stdout, reason = "a program that talks to a person")]

use std::error::Error;
use std::time::Duration;
use std::time::Instant;

use bowline::EndReason;
use bowline::Event;
use bowline::SendFlags;
use bowline::Sockets;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let addr = args.next();
    let addr = addr.as_deref().unwrap_or("127.0.0.1:27015").parse()?;
    let text = args.next().unwrap_or_else(|| "hello".to_owned());

    let sockets = Sockets::new()?;
    let connection = sockets.connect(addr)?;
    let start = Instant::now();
    connection.send(text.as_bytes(), SendFlags::RELIABLE_NO_NAGLE)?;
    loop {
        sockets.wait(Duration::from_secs(1));
        for event in sockets.events() {
            if let Event::ConnectionChanged(change) = event
                && change.is_ended()
            {
                let reason = change.info.end_reason;
                return Err(format!("{} ({reason})", change.info.end_text).into());
            }
        }
        if let Some(answer) = connection.receive()? {
            let answer = String::from_utf8_lossy(&answer);
            println!("{answer} after {:?}", start.elapsed());
            break;
        }
    }
    connection.close(EndReason::APP_GENERIC, "done", true)?;
    Ok(())
}
