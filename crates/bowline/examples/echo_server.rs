//! Answers each message with itself: `cargo run --example echo_server -- [::]:27015`.
#![allow(clippy::print_stdout, reason = "a program that talks to a person")]

use std::error::Error;
use std::time::Duration;

use bowline::EndReason;
use bowline::Event;
use bowline::SendFlags;
use bowline::Sockets;

fn main() -> Result<(), Box<dyn Error>> {
    let addr = std::env::args().nth(1);
    let addr = addr.as_deref().unwrap_or("[::]:27015").parse()?;
    let sockets = Sockets::new()?;
    let listener = sockets.listen(addr)?;
    println!("listening on {}", listener.local_addr());

    let clients = sockets.poll_group();
    let mut messages = Vec::new();
    loop {
        sockets.wait(Duration::from_secs(1));
        for event in sockets.events() {
            let Event::ConnectionChanged(change) = event else {
                continue;
            };
            if change.is_request() {
                println!("{} connects", change.info.remote_addr);
                change.connection.set_poll_group(Some(&clients))?;
                change.connection.accept()?;
            } else if change.is_ended() {
                let info = change.info;
                println!("{} left: {}", info.remote_addr, info.end_text);
                change.connection.close(EndReason::APP_GENERIC, "", false)?;
            }
        }
        clients.receive_batch(&mut messages, 256);
        for message in messages.drain(..) {
            let flags = match message.is_reliable() {
                true => SendFlags::RELIABLE_NO_NAGLE,
                false => SendFlags::UNRELIABLE_NO_NAGLE,
            };
            if let Err(error) = message.connection().send(&message, flags) {
                println!("not answered: {error}");
            }
        }
    }
}
