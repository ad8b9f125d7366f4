//! A GNS peer whose signals go through its standard input and output.
//!
//! `gns_p2p IDENTITY` reads commands and tells events, one a line; data is hexadecimal:
//!
//! | command | |
//! |---|---|
//! | `listen PORT SYMMETRIC` | listens on a virtual port; 1 for symmetric, 0 for not |
//! | `connect IDENTITY PORT SYMMETRIC` | asks a peer; told as `dialled LINK`, or `dialled 0` |
//! | `signal DATA` | hands over a signal |
//! | `set NAME VALUE` | changes a setting, by GNS's name |
//! | `lose PERCENT` | loses that share of packets each way |
//! | `request` | told as `request DATA`: what an authority has to sign |
//! | `certificate DATA` | presents it from now on; told as `certificate ERROR`, with nothing for no error |
//! | `lanes LINK COUNT` | sends on so many lanes |
//! | `send LINK LANE RELIABLE DATA` | sends a message; 1 for reliable, 0 for not |
//! | `close LINK REASON TEXT` | closes |
//! | `way LINK` | told as `way LINK ADDRESS FLAGS PING`: how packets get to the peer, as GNS tells |
//! | `messages` | lets peers ask for sessions of messages to identities, of which it tells from now on |
//! | `post IDENTITY CHANNEL FLAGS DATA` | sends such a message; told as `posted RESULT` |
//! | `let IDENTITY`, `end IDENTITY` | accepts a session, or ends it; told as `done 1`, or `done 0` if there is none |
//! | `hang IDENTITY CHANNEL` | ends a channel of a session; told the same way |
//! | `session IDENTITY` | told as `session STATE`, by GNS's number |
//! | `accept`, `reject`, `wait` | who comes from now on is accepted, closed with 1234 and `not today`, or kept waiting |
//!
//! | event | |
//! |---|---|
//! | `signal IDENTITY DATA` | to be delivered |
//! | `state LINK STATE REASON PEER VOUCHED ADDRESS TEXT` | a connection's new state; `-` for no address |
//! | `message LINK LANE RELIABLE DATA` | arrived |
//! | `asks IDENTITY`, `failed IDENTITY REASON` | of a session |
//! | `letter IDENTITY CHANNEL RELIABLE DATA` | arrived in a session, on one of the channels 0 to 3 |
//!
//! With `GNS_LOG` in its environment, it writes GNS's log to its standard error output. It ends with its standard input. See `bowline_interop::gns_p2p` for the other end.

use std::io::{self, BufRead, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use bowline_core::crypto::vectors::hex_vec;
use bowline_interop::Gns;
use bowline_interop::gns::{self, Conditions, SessionNews};
use bowline_interop::gns_p2p::to_hex;
use bowline_interop::host::{Change, Host, Lane, Link, Outgoing, State};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let Some(identity) = args.first() else {
        say("usage: gns_p2p IDENTITY");
        return ExitCode::FAILURE;
    };
    let mut peer = Peer {
        gns: Gns::new(Some(identity)),
        links: Vec::new(),
        guests: Guests::Accepted,
        has_messages: false,
    };
    if std::env::var_os("GNS_LOG").is_some() {
        gns::log_to_stderr();
    }
    gns::set_global("P2P_Transport_ICE_Enable", &i32::MAX.to_string());
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
    guests: Guests,
    has_messages: bool,
}

/// What becomes of who asks for a connection.
enum Guests {
    Accepted,
    Rejected,
    KeptWaiting,
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
            ["set", name, value] => gns::set_global(name, value),
            ["lose", percent] => gns::impair(&Conditions {
                loss_pct: number(percent),
                ..Conditions::default()
            }),
            ["request"] => say(&format!(
                "request {}",
                to_hex(&self.gns.certificate_request())
            )),
            ["certificate", data] => {
                let taken = self.gns.set_certificate(&hex_vec(data));
                say(&format!("certificate {}", taken.err().unwrap_or_default()));
            }
            ["lanes", link, count] => {
                let lane = Lane {
                    priority: 0,
                    weight: 1,
                };
                let lanes = vec![lane; number(count)];
                self.gns.configure_lanes(Link(number(link)), &lanes);
            }
            ["send", link, lane, reliable, data] => {
                let data = hex_vec(data);
                let message = Outgoing {
                    reliable: reliable == "1",
                    ..Outgoing::reliable(&data).on_lane(number(lane))
                };
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
            ["way", link] => {
                let link = Link(number(link));
                let address = address_text(self.gns.info(link).remote);
                let flags = self.gns.flags(link);
                let ping_ms = self.gns.status(link).ping_ms;
                say(&format!("way {} {address} {flags} {ping_ms}", link.0));
            }
            ["accept"] => self.guests = Guests::Accepted,
            ["reject"] => self.guests = Guests::Rejected,
            ["wait"] => self.guests = Guests::KeptWaiting,
            _ => self.obey_messages(&words),
        }
    }

    fn obey_messages(&mut self, words: &[&str]) {
        match *words {
            ["messages"] => {
                self.gns.open_messages();
                self.has_messages = true;
            }
            ["post", to, channel, flags, data] => {
                let (channel, flags) = (number(channel), number(flags));
                let result = self.gns.send_to_user(to, channel, flags, &hex_vec(data));
                say(&format!("posted {result}"));
            }
            ["let", peer] => tell_done(self.gns.accept_session(peer)),
            ["end", peer] => tell_done(self.gns.close_session(peer)),
            ["hang", peer, channel] => tell_done(self.gns.close_channel(peer, number(channel))),
            ["session", peer] => say(&format!("session {}", self.gns.session_state(peer))),
            _ => panic!("no such command: {words:?}"),
        }
    }

    fn tell_sessions(&self) {
        for news in self.gns.take_session_news() {
            match news {
                SessionNews::Asks(peer) => say(&format!("asks {peer}")),
                SessionNews::Failed(peer, reason) => say(&format!("failed {peer} {reason}")),
            }
        }
        for channel in 0..4 {
            for (peer, message) in self.gns.receive_on_channel(channel) {
                let reliable = u8::from(message.reliable);
                let data = to_hex(&message.data);
                say(&format!("letter {peer} {channel} {reliable} {data}"));
            }
        }
    }

    fn tell(&mut self) {
        if self.has_messages {
            self.tell_sessions();
        }
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
                say(&format!(
                    "message {} {} {} {}",
                    link.0,
                    message.lane,
                    u8::from(message.reliable),
                    to_hex(&message.data)
                ));
            }
        }
    }

    fn on_change(&mut self, change: &Change) {
        let link = change.link;
        let info = self.gns.info(link);
        let address = address_text(info.remote);
        say(&format!(
            "state {} {:?} {} {} {} {address} {}",
            link.0,
            change.new,
            info.end_reason,
            info.identity,
            u8::from(info.authenticated),
            info.end_text
        ));
        match change.new {
            State::Connecting if change.incoming => match self.guests {
                Guests::Accepted => self.gns.accept(link),
                Guests::Rejected => self.gns.close(link, 1234, "not today", false),
                Guests::KeptWaiting => {}
            },
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

fn tell_done(done: bool) {
    say(&format!("done {}", u8::from(done)));
}

fn address_text(address: Option<SocketAddr>) -> String {
    address.map_or_else(|| "-".to_owned(), |address| address.to_string())
}

fn number<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("commands have sound numbers")
}

/// If nobody listens any more, the end of the input is near.
fn say(text: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}
