//! A GNS peer whose signals go through its standard input and output.
//!
//! `gns_p2p IDENTITY [STUN_SERVER]` reads commands and tells events, one a line; data is hexadecimal:
//!
//! | command | |
//! |---|---|
//! | `listen PORT SYMMETRIC` | listens on a virtual port; 1 for symmetric, 0 for not |
//! | `connect IDENTITY PORT SYMMETRIC` | asks a peer; told as `dialled LINK`, or `dialled 0` |
//! | `signal DATA` | hands over a signal |
//! | `send LINK DATA` | sends a reliable message |
//! | `close LINK REASON TEXT` | closes |
//! | `reject` | closes who comes from now on, with 1234 and `not today` |
//!
//! | event | |
//! |---|---|
//! | `signal IDENTITY DATA` | to be delivered |
//! | `state LINK STATE REASON TEXT` | a connection's new state |
//! | `message LINK DATA` | arrived |
//!
//! It ends with its standard input. See `bowline_interop::gns_p2p` for the other end.

use std::io::{self, BufRead, Write};
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use bowline_core::crypto::vectors::hex_vec;
use bowline_interop::Gns;
use bowline_interop::gns::set_stun_server;
use bowline_interop::gns_p2p::to_hex;
use bowline_interop::host::{Change, Host, Link, Outgoing, State};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let Some(identity) = args.first() else {
        say("usage: gns_p2p IDENTITY [STUN_SERVER]");
        return ExitCode::FAILURE;
    };
    let mut peer = Peer {
        gns: Gns::new(Some(identity)),
        links: Vec::new(),
        rejects: false,
    };
    if let Some(server) = args.get(1) {
        set_stun_server(server);
    }
    let (sender, commands) = mpsc::channel();
    thread::spawn(move || {
        for line in io::stdin().lock().lines() {
            let Ok(line) = line else { break };
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    loop {
        match commands.recv_timeout(Duration::from_millis(1)) {
            Ok(line) => peer.obey(&line),
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => return ExitCode::SUCCESS,
        }
        peer.tell();
    }
}

struct Peer {
    gns: Gns,
    links: Vec<Link>,
    rejects: bool,
}

impl Peer {
    fn obey(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["listen", port, symmetric] => {
                self.gns.listen_p2p(number(port), symmetric == "1");
            }
            ["connect", identity, port, symmetric] => {
                let link = self
                    .gns
                    .connect_p2p(identity, number(port), symmetric == "1");
                say(&format!("dialled {}", link.map_or(0, |link| link.0)));
            }
            ["signal", data] => {
                self.gns.receive_signal(&hex_vec(data));
            }
            ["send", link, data] => {
                let data = hex_vec(data);
                let message = Outgoing::reliable(&data);
                if let Err(refused) = self.gns.send(Link(number(link)), &message) {
                    panic!("GNS refused to send: {refused:?}");
                }
            }
            ["close", link, reason, ..] => {
                let text = line.splitn(4, ' ').nth(3).unwrap_or_default();
                let link = Link(number(link));
                self.links.retain(|known| *known != link);
                self.gns.close(link, number(reason), text, false);
            }
            ["reject"] => self.rejects = true,
            _ => panic!("no such command: {line}"),
        }
    }

    fn tell(&mut self) {
        let mut changes = Vec::new();
        self.gns.changes(&mut changes);
        for change in changes {
            self.on_change(&change);
        }
        for signal in self.gns.take_signals() {
            say(&format!("signal {} {}", signal.to, to_hex(&signal.bytes)));
        }
        for &link in &self.links {
            let mut messages = Vec::new();
            self.gns.receive(link, &mut messages);
            for message in messages {
                say(&format!("message {} {}", link.0, to_hex(&message.data)));
            }
        }
    }

    fn on_change(&mut self, change: &Change) {
        let link = change.link;
        let info = self.gns.info(link);
        say(&format!(
            "state {} {:?} {} {}",
            link.0, change.new, info.end_reason, info.end_text
        ));
        match change.new {
            State::Connecting if change.incoming && self.rejects => {
                self.gns.close(link, 1234, "not today", false);
            }
            State::Connecting if change.incoming => self.gns.accept(link),
            State::Connected => self.links.push(link),
            State::ClosedByPeer | State::ProblemDetectedLocally => {
                self.links.retain(|known| *known != link);
                self.gns.close(link, 0, "", false);
            }
            State::Connecting
            | State::Dead
            | State::FinWait
            | State::FindingRoute
            | State::Linger
            | State::None => {}
        }
    }
}

fn number<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("commands have sound numbers")
}

/// If nobody listens any more, the end of the input is near.
fn say(text: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}
