//! `bowline p2p` as two people find it who try it, and the example that shows how it is done.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a test may panic, in its helpers too"
)]

use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

#[allow(dead_code, reason = "it is a program")]
#[path = "../../bowline/examples/peers.rs"]
mod peers;

/// A signaling server on a port of its own.
struct Server {
    child: Child,
    addr: String,
}

impl Server {
    fn start() -> Self {
        Self::start_at("127.0.0.1:0")
    }

    fn start_at(addr: &str) -> Self {
        let mut child = bowline(&["signal-server", "--listen", addr]);
        let mut log = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        log.read_line(&mut line).unwrap();
        let addr = line.trim().strip_prefix("listening on ").unwrap().into();
        // It must not wait for a reader of what it tells.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Self { child, addr }
    }

    /// A terminal of `me` that calls `peer`.
    fn terminal(&self, me: &str, peer: &str, options: &[&str]) -> Child {
        let who = ["p2p", "--identity", me, "--peer", peer];
        let how = ["--signal", &self.addr, "--loopback"];
        bowline(&[&who[..], &how, options].concat())
    }

    fn stop(&mut self) {
        // It may have ended already; either way it is gone afterwards.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A hub for development, and the variables with which a client of it is started.
struct Hub {
    child: Child,
    variables: Vec<(String, String)>,
}

impl Hub {
    fn start_at(addr: &str, more: &[&str]) -> Self {
        let end = Instant::now() + Duration::from_secs(30);
        let (child, line) = loop {
            let mut child = bowline(&[&["hub", "--dev", "--listen", addr], more].concat());
            let mut line = String::new();
            let mut output = BufReader::new(child.stdout.take().unwrap());
            output.read_line(&mut line).unwrap();
            // While there was no hub another test may have been given its port.
            if !line.is_empty() || Instant::now() > end {
                break (child, line);
            }
            child.wait().unwrap();
        };
        let variables = line.split_whitespace().map(|variable| {
            let (name, value) = variable.split_once('=').unwrap();
            (name.to_owned(), value.to_owned())
        });
        Self {
            child,
            variables: variables.collect(),
        }
    }

    fn says(&self, name: &str) -> &str {
        let found = self.variables.iter().find(|(its, _)| its == name);
        &found.unwrap().1
    }

    /// A terminal of `me` that calls `peer` and is told of the hub by its arguments.
    fn terminal(&self, me: &str, peer: &str) -> Child {
        let [at, key] = ["BOWLINE_HUB", "BOWLINE_HUB_KEY"].map(|name| self.says(name));
        let who = ["p2p", "--identity", me, "--peer", peer, "--loopback"];
        let how = ["--hub", at, "--hub-key", key, "--hub-login", "dev"];
        bowline(&[&who[..], &how].concat())
    }

    /// One that is told by its environment.
    fn terminal_by_environment(&self, me: &str, peer: &str) -> Child {
        let args = ["p2p", "--identity", me, "--peer", peer, "--loopback"];
        let variables = self.variables.iter();
        start(command(&args).envs(variables.map(|(name, value)| (name, value))))
    }

    fn stop(&mut self) {
        // As with a server.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.stop();
    }
}

fn bowline(args: &[&str]) -> Child {
    start(&mut command(args))
}

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bowline"));
    // Only what a test says names a hub.
    command.args(args).env_remove("BOWLINE_HUB");
    command
}

fn start(command: &mut Command) -> Child {
    command.stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

fn say(child: &mut Child, line: &str) {
    writeln!(child.stdin.as_mut().unwrap(), "{line}").unwrap();
}

/// Ends a terminal's input, and gives all that it has printed once it has ended. Whether it ended well.
fn end(mut child: Child) -> (bool, String) {
    drop(child.stdin.take());
    let output = child.wait_with_output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

/// What a terminal says that is not to get far.
#[track_caller]
fn refused(args: &[&str]) -> String {
    let (is_well, text) = end(bowline(args));
    assert!(!is_well, "{text}");
    text
}

#[test]
fn what_is_typed_before_the_peer_is_there_is_delivered() {
    let server = Server::start();
    let mut ben = server.terminal("str:ben", "str:anna", &[]);
    // Ben goes on listening, and ends because Anna does.
    let bens_input = ben.stdin.take();
    let mut anna = server.terminal("str:anna", "str:ben", &[]);
    say(&mut anna, "are you there?");
    let (is_well, annas) = end(anna);
    assert!(is_well, "{annas}");
    let (is_well, bens) = end(ben);
    drop(bens_input);
    assert!(is_well, "{bens}");
    for (text, peer) in [(&annas, "str:ben"), (&bens, "str:anna")] {
        let calling = format!("calling {peer} by way of");
        assert!(text.contains(&calling), "{text}");
        let connected = "a packet of the peer arrived: connected";
        assert!(text.contains(connected), "{text}");
    }
    let told = "str:anna: are you there?\nstr:anna has closed: bye\n";
    assert!(bens.contains(told), "{bens}");
}

#[test]
fn two_who_know_a_hub_meet_without_a_signaling_server() {
    let hub = Hub::start_at("127.0.0.1:0", &[]);
    let mut ben = hub.terminal_by_environment("str:ben", "str:anna");
    let bens_input = ben.stdin.take();
    let mut anna = hub.terminal("str:anna", "str:ben");
    say(&mut anna, "are you there?");
    let (is_well, annas) = end(anna);
    assert!(is_well, "{annas}");
    let (is_well, bens) = end(ben);
    drop(bens_input);
    assert!(is_well, "{bens}");
    let at = hub.says("BOWLINE_HUB");
    for (text, me, peer) in [
        (&annas, "str:anna", "str:ben"),
        (&bens, "str:ben", "str:anna"),
    ] {
        let begin =
            format!("signed in to the hub at {at} as {me}\ncalling {peer} by way of the hub ...\n");
        assert!(text.starts_with(&begin), "{text}");
    }
    let told = "str:anna: are you there?\nstr:anna has closed: bye\n";
    assert!(bens.contains(told), "{bens}");
}

#[test]
fn peers_who_have_met_go_on_without_the_hub_and_come_back_to_it() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("p2p-hub-keys");
    let keys = ["--keys", folder.to_str().unwrap()];
    let mut hub = Hub::start_at("127.0.0.1:0", &keys);
    let mut anna = hub.terminal("str:anna", "str:ben");
    let mut ben = hub.terminal("str:ben", "str:anna");
    let outputs = [&mut anna, &mut ben].map(|it| BufReader::new(it.stdout.take().unwrap()));
    let [mut annas, mut bens] = outputs;
    line_with(&mut annas, "connected with");
    line_with(&mut bens, "connected with");
    hub.stop();
    for output in [&mut annas, &mut bens] {
        let gone = "the hub has gone: the connection goes on without it";
        line_with(output, gone);
    }
    say(&mut anna, "still there?");
    line_with(&mut bens, "str:anna: still there?");
    let hub = Hub::start_at(hub.says("BOWLINE_HUB"), &keys);
    for output in [&mut annas, &mut bens] {
        line_with(output, "signed in to the hub at");
    }
    say(&mut ben, "and now?");
    line_with(&mut annas, "str:ben: and now?");
    assert!(end(anna).0);
    assert!(end(ben).0);
    drop(hub);
}

#[test]
fn a_hub_that_lets_nobody_in_is_told_with_the_cause() {
    let hub = Hub::start_at("127.0.0.1:0", &[]);
    let [at, key] = ["BOWLINE_HUB", "BOWLINE_HUB_KEY"].map(|name| hub.says(name));
    let to = |hub: &str, key: &str, more: &[&str]| {
        let who = ["p2p", "--identity", "str:anna", "--peer", "str:ben"];
        refused(&[&who[..], &["--hub", hub, "--hub-key", key], more].concat())
    };
    let stranger = "AAAAC3NzaC1lZDI1NTE5AAAAIJrKKMQzYbpIm0Lgpz4vhALXBZMg0HRCcS4/gWnkrnQj";
    let impatient = ["--set", "TimeoutInitial=1500"];
    for (text, cause) in [
        (
            to(at, key, &["--hub-login", "jwt:eyJ"]),
            "the hub does not let this side in: ",
        ),
        (
            to(at, stranger, &impatient),
            "not signed in to the hub within 1.5 s: ",
        ),
        (to("hub", key, &[]), "\"hub\" is no address of a hub"),
        (to(at, "AAAA", &[]), "the key of the hub: "),
        (
            to(at, key, &["--hub-login", "password"]),
            "one of anonymous, dev, jwt:",
        ),
        (
            to(at, key, &["--signal", "127.0.0.1:1"]),
            "cannot be used with",
        ),
        (
            refused(&["p2p", "--identity", "str:anna", "--peer", "str:ben"]),
            "--signal, --hub or BOWLINE_HUB",
        ),
        (
            refused(&["p2p", "--peer", "str:ben", "--hub", at]),
            "--hub-key",
        ),
    ] {
        assert!(text.contains(cause), "{text}");
    }
}

#[test]
fn nobody_there_is_told_with_all_that_was_tried() {
    let server = Server::start();
    let start = Instant::now();
    let terminal = server.terminal("str:anna", "str:ben", &["--set", "TimeoutInitial=1200"]);
    let (is_well, text) = end(terminal);
    assert!(!is_well);
    assert!(start.elapsed() < Duration::from_secs(20));
    assert_eq!(
        text.matches("signal sent: asks for a connection").count(),
        3,
        "{text}"
    );
    let error = "error: no connection with str:ben: The peer did not answer in time (reason 5003)";
    assert!(text.contains(error), "{text}");
}

/// The next line of a terminal that has a text in it; all before are passed over.
#[track_caller]
fn line_with(output: &mut impl BufRead, text: &str) -> String {
    let mut before = String::new();
    loop {
        let mut line = String::new();
        assert_ne!(output.read_line(&mut line).unwrap(), 0, "{before}");
        if line.contains(text) {
            return line;
        }
        before += &line;
    }
}

#[test]
fn regression_a_server_that_goes_is_looked_for_until_it_is_back() {
    let mut server = Server::start();
    let options = ["--set", "TimeoutInitial=60000"];
    let mut anna = server.terminal("str:anna", "str:ben", &options);
    let mut annas = BufReader::new(anna.stdout.take().unwrap());
    line_with(&mut annas, "calling");
    server.stop();
    let gone = "the signaling server has hung up: it is tried again";
    line_with(&mut annas, gone);
    let server = Server::start_at(&server.addr);
    line_with(&mut annas, "the signaling server is there again");
    let mut ben = server.terminal("str:ben", "str:anna", &options);
    say(&mut ben, "hello");
    line_with(&mut annas, "str:ben: hello");
    assert!(end(ben).0);
    line_with(&mut annas, "str:ben has closed: bye");
    assert!(end(anna).0);
}

#[test]
fn regression_peers_who_have_met_go_on_without_the_server() {
    let mut server = Server::start();
    let mut anna = server.terminal("str:anna", "str:ben", &[]);
    let mut ben = server.terminal("str:ben", "str:anna", &[]);
    let outputs = [&mut anna, &mut ben].map(|it| BufReader::new(it.stdout.take().unwrap()));
    let [mut annas, mut bens] = outputs;
    line_with(&mut annas, "connected with");
    line_with(&mut bens, "connected with");
    server.stop();
    for output in [&mut annas, &mut bens] {
        let gone = "the signaling server has hung up: the connection goes on without it";
        line_with(output, gone);
    }
    say(&mut anna, "still there?");
    line_with(&mut bens, "str:anna: still there?");
    assert!(end(anna).0);
    assert!(end(ben).0);
}

/// More than the send buffer holds, before there is a connection and while it stands.
#[test]
fn regression_what_is_typed_waits_for_room() {
    const LINES: usize = 30;
    let server = Server::start();
    let mut anna = server.terminal("str:anna", "str:ben", &[]);
    let mut input = anna.stdin.take().unwrap();
    let typing = std::thread::spawn(move || {
        for number in 0..LINES {
            writeln!(input, "{number} {}", "x".repeat(100_000)).unwrap();
        }
        writeln!(input, "{}", "y".repeat(600_000)).unwrap();
        writeln!(input, "the end").unwrap();
    });
    let mut ben = server.terminal("str:ben", "str:anna", &[]);
    let bens_input = ben.stdin.take();
    let bens = std::thread::spawn(move || end(ben));
    let (is_well, annas) = end(anna);
    assert!(is_well, "{annas}");
    let too_large = "not sent: a message of 600000 bytes is too large";
    assert!(annas.contains(too_large), "{annas}");
    typing.join().unwrap();
    let (is_well, bens) = bens.join().unwrap();
    drop(bens_input);
    let lines = bens.lines().filter_map(|it| it.strip_prefix("str:anna: "));
    let first_words: Vec<_> = lines.map(|it| it.split('x').next().unwrap()).collect();
    let mut expected: Vec<_> = (0..LINES).map(|number| format!("{number} ")).collect();
    expected.push("the end".to_owned());
    assert_eq!(first_words, expected);
    assert!(is_well);
}

#[test]
fn a_server_of_the_list_that_does_not_exist_is_named() {
    let server = Server::start();
    // A name that never has an address: RFC 6761, section 6.4.
    let set = "P2P_STUN_ServerList=stun:nowhere.invalid";
    let options = ["--set", set, "--set", "TimeoutInitial=3000"];
    let (_, text) = end(server.terminal("str:anna", "str:ben", &options));
    let problem = "STUN server 1 of the list: its name has no address";
    assert!(text.contains(problem), "{text}");
}

#[test]
fn regression_who_leaves_before_all_has_arrived_is_noticed() {
    let server = Server::start();
    let mut anna = server.terminal("str:anna", "str:ben", &[]);
    let mut input = anna.stdin.take().unwrap();
    let typing = std::thread::spawn(move || {
        // Fails once Anna has ended.
        while writeln!(input, "{}", "x".repeat(100_000)).is_ok() {}
    });
    let mut output = BufReader::new(anna.stdout.take().unwrap());
    line_with(&mut output, "calling");
    let (is_well, bens) = end(server.terminal("str:ben", "str:anna", &[]));
    assert!(is_well, "{bens}");
    line_with(&mut output, "str:ben has closed: bye");
    line_with(&mut output, "what was typed last may not have arrived");
    assert!(end(anna).0);
    typing.join().unwrap();
}

#[test]
fn regression_what_the_peer_says_of_its_host_is_told_as_such() {
    let server = Server::start();
    let by_relays = ["--set", "P2P_Transport_ICE_Enable=1"];
    let impatient = [&by_relays[..], &["--set", "TimeoutInitial=1500"]].concat();
    let patient = [&by_relays[..], &["--set", "TimeoutInitial=30000"]].concat();
    let ben = server.terminal("str:ben", "str:anna", &patient);
    let (is_well, annas) = end(server.terminal("str:anna", "str:ben", &impatient));
    assert!(!is_well);
    let problem = "This host has no address that the peer may be told (reason 5008)";
    let error = format!("no connection with str:ben: {problem}");
    assert!(annas.contains(&error), "{annas}");
    let (is_well, bens) = end(ben);
    assert!(!is_well);
    let error = format!("no connection with str:anna: the peer says: {problem}");
    assert!(bens.contains(&error), "{bens}");
}

#[test]
fn what_cannot_be_is_refused_with_the_cause() {
    let to = |me: &str, more: &[&str]| {
        let who = ["p2p", "--identity", me, "--peer", "str:ben"];
        refused(&[&who[..], &["--signal", "127.0.0.1:1"], more].concat())
    };
    for (text, cause) in [
        (to("str:ben", &[]), "str:ben is this side itself"),
        (
            to("ben", &[]),
            "an identity starts with a prefix such as str:",
        ),
        (to("str:an na", &[]), "str:an na has a blank"),
        (
            to("str:anna", &[]),
            "cannot use the signaling server at 127.0.0.1:1",
        ),
        (
            to("str:anna", &["--set", "P2P_STUN_ServerList=turn:a.example"]),
            "turn:a.example",
        ),
        (
            to("str:anna", &["--set", "P2P_TURN_ServerList=turn:a.example"]),
            "0 names and 0 passwords for 1 TURN servers",
        ),
    ] {
        assert!(text.contains(cause), "{text}");
    }
    let text = refused(&["p2p", "--peer", "str:ben", "--signal", "127.0.0.1:1"]);
    assert!(
        text.contains("--identity or --cert says who this is"),
        "{text}"
    );
}

const CHILD: &str = "BOWLINE_TEST_PEER";

/// Each player is a process, as it would be.
#[test]
fn the_players_of_the_example_find_each_other() {
    if let Ok(words) = std::env::var(CHILD) {
        let words: Vec<&str> = words.split(' ').collect();
        let [me, peer, server] = words[..] else {
            panic!("three words");
        };
        let greeting = peers::greet(&me.parse().unwrap(), &peer.parse().unwrap(), server);
        println!("heard: {}", greeting.unwrap());
        return;
    }
    let server = Server::start();
    let name = "the_players_of_the_example_find_each_other";
    let players = [("str:anna", "str:ben"), ("str:ben", "str:anna")].map(|(me, peer)| {
        let mut program = Command::new(std::env::current_exe().unwrap());
        program.args(["--exact", name, "--nocapture"]);
        program.env(CHILD, format!("{me} {peer} {}", server.addr));
        program.stdin(Stdio::null()).stdout(Stdio::piped());
        program.spawn().unwrap()
    });
    for (player, peer) in players.into_iter().zip(["str:ben", "str:anna"]) {
        let output = player.wait_with_output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(
            text.contains(&format!("heard: hello from {peer}")),
            "{text}"
        );
    }
}
