//! `bowline signal-server` as clients find it, well-behaved ones and others.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a test may panic, in its helpers too"
)]

use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::io::Write;
use std::net::TcpStream;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::mpsc;
use std::sync::mpsc::Receiver;
use std::thread;
use std::time::Duration;

/// No test waits longer for anything.
const LIMIT: Duration = Duration::from_secs(30);

#[test]
fn lines_are_forwarded_with_their_sender() {
    let server = Server::start(&[]);
    let mut anna = server.client("str:anna");
    let mut ben = server.client("str:ben");
    anna.say("str:ben 00ff");
    assert_eq!(ben.line(), "str:anna 00ff");
    ben.say("str:anna AB\r");
    assert_eq!(anna.line(), "str:ben AB");
    // For nobody, and for oneself.
    anna.say("str:nobody 00");
    anna.say("str:anna 01");
    assert_eq!(anna.line(), "str:anna 01");
    drop(ben);
    server.log_until("str:ben left: it hung up");
}

#[test]
fn pieces_of_lines_are_put_together() {
    let server = Server::start(&[]);
    let mut ben = server.client("str:ben");
    let mut anna = server.connect();
    for byte in b"str:anna\nstr:ben 0102\nstr:b" {
        anna.write(&[*byte]).unwrap();
    }
    assert_eq!(ben.line(), "str:anna 0102");
    anna.say("en 03");
    assert_eq!(ben.line(), "str:anna 03");
    server.log_until("str:anna is here");
}

#[test]
fn a_newer_client_replaces_the_older() {
    let server = Server::start(&[]);
    let mut older = server.client("str:anna");
    let mut newer = server.connect();
    newer.say("str:anna");
    server.log_until("str:anna left: a newer connection has the same identity");
    older.expect_end();
    let mut ben = server.client("str:ben");
    ben.say("str:anna 00");
    assert_eq!(newer.line(), "str:ben 00");
}

#[test]
fn the_longest_signal_passes_and_longer_ones_end_the_connection() {
    let server = Server::start(&[]);
    let mut anna = server.client("str:anna");
    let mut ben = server.client("str:ben");
    let longest = "5a".repeat(16 * 1024);
    anna.say(&format!("str:ben {longest}"));
    assert_eq!(ben.line(), format!("str:anna {longest}"));
    // An endless line. Writing fails once the server has closed.
    while anna.write(&[b'0'; 4096]).is_ok() {}
    server.log_until("str:anna left: it sent a line that is too long");
    ben.say("str:ben 01");
    assert_eq!(ben.line(), "str:ben 01");
}

#[test]
fn who_breaks_the_protocol_is_disconnected() {
    let server = Server::start(&[]);
    for (greeting, why) in [
        (&b"anna\n"[..], "its identity was refused"),
        (b"\n", "its identity was refused"),
        (b"str:an na\n", "it contains a blank or a control character"),
        (b"str:\xFF\n", "it sent something that is not UTF-8"),
        (b"GET / HTTP/1.1\r\n", "its identity was refused"),
    ] {
        let mut client = server.connect();
        client.write(greeting).unwrap();
        client.expect_end();
        server.log_until(why);
    }
    for line in [&b"nonsense\n"[..], b"str:ben 0\n", b"str:ben xy\n", b"\n"] {
        let mut client = server.client("str:anna");
        client.write(line).unwrap();
        client.expect_end();
        server.log_until("str:anna left: it sent a line that is not");
    }
    let mut client = server.client("str:anna");
    client.write(b"str:ben \xFF\xFE\n").unwrap();
    client.expect_end();
    server.log_until("it sent something that is not UTF-8");
}

#[test]
fn who_says_nothing_is_disconnected() {
    let server = Server::start(&["--idle-secs", "1"]);
    let mut silent = server.connect();
    let mut idle = server.client("str:idle");
    idle.expect_end();
    server.log_until("left: it was idle for too long");
    silent.expect_end();
}

#[test]
fn who_does_not_read_loses_its_connection_and_nobody_waits() {
    let server = Server::start(&[]);
    let _slow = server.client("str:slow");
    let mut ben = server.client("str:ben");
    let signal = "5a".repeat(16 * 1024);
    // 200 a second are let through: in the first two seconds more than sockets and queue hold.
    let mut anna = server.client("str:anna");
    for _ in 0..2 {
        for _ in 0..200 {
            anna.say(&format!("str:slow {signal}"));
        }
        thread::sleep(Duration::from_millis(1100));
    }
    anna.say("str:ben 01");
    assert_eq!(ben.line(), "str:anna 01");
    server.log_until("str:slow left: it does not read what it is sent");
    anna.say("str:ben 02");
    assert_eq!(ben.line(), "str:anna 02");
}

/// With those that are turned away it is a thousand. A process may often have no more files open.
#[test]
fn of_a_thousand_clients_as_many_are_served_as_may_be() {
    let server = Server::start(&["--max-clients", "900"]);
    let mut clients: Vec<_> = (0..900)
        .map(|n| server.client(&format!("str:client{n}")))
        .collect();
    for _ in 0..100 {
        server.connect().expect_end();
    }
    server.log_until("full with 900 clients");
    for n in 0..900 {
        let next = (n + 1) % 900;
        clients[n].say(&format!("str:client{next} 00"));
        assert_eq!(clients[next].line(), format!("str:client{n} 00"));
    }
    drop(clients.pop());
    server.log_until("left: it hung up");
    server.client("str:late");
}

#[test]
fn a_taken_port_is_named() {
    let server = Server::start(&[]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_bowline"));
    let output = command
        .args(["signal-server", "--listen", &server.addr])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(
        text.contains(&format!("cannot carry signals on {}", server.addr)),
        "{text}"
    );
}

/// A running server; killed when dropped.
struct Server {
    child: Child,
    log: Receiver<String>,
    addr: String,
}

/// One socket, one file: a thousand of them are about what a process may have.
struct Client(BufReader<TcpStream>);

impl Server {
    fn start(args: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bowline"));
        let mut child = command
            .args(["signal-server", "--listen", "127.0.0.1:0"])
            .args(args)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, log) = mpsc::channel();
        thread::spawn(move || {
            for line in output.lines() {
                if sender.send(line.unwrap()).is_err() {
                    break;
                }
            }
        });
        let line = log.recv_timeout(LIMIT).unwrap();
        let addr = line.strip_prefix("listening on ").unwrap().into();
        Self { child, log, addr }
    }

    fn connect(&self) -> Client {
        let stream = TcpStream::connect(&self.addr).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        stream.set_write_timeout(Some(LIMIT)).unwrap();
        stream.set_nodelay(true).unwrap();
        Client(BufReader::new(stream))
    }

    /// One that the server knows.
    fn client(&self, identity: &str) -> Client {
        let mut client = self.connect();
        client.say(identity);
        self.log_until(&format!("{identity} is here"));
        client
    }

    fn log_until(&self, part: &str) {
        while !self.log.recv_timeout(LIMIT).unwrap().contains(part) {}
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Client {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.0.get_mut().write_all(bytes)
    }

    fn say(&mut self, line: &str) {
        self.write(format!("{line}\n").as_bytes()).unwrap();
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        assert!(line.ends_with('\n'), "{line:?} is no whole line");
        line.trim_end().to_owned()
    }

    /// The server closes the connection, and has said nothing before.
    fn expect_end(&mut self) {
        let mut rest = Vec::new();
        // A close while something is unread looks like a reset.
        let _ = self.0.read_to_end(&mut rest);
        assert!(rest.is_empty(), "{rest:?}");
        let again = self.0.read(&mut [0]);
        assert!(!matches!(again, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock));
    }
}
