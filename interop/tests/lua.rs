//! A Lua program with our module, in a real interpreter, against a GNS peer that echoes: the Lua program as server
//! and as client, with messages of both kinds, with and without loss.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use bowline_interop::PeerProcess;
use bowline_interop::pair::Library;
use bowline_interop::repository;

/// Packets that GNS loses each way, in percent.
const LOSS_PCT: u32 = 5;

/// Of the unreliable messages, in percent: up to three packets there and three back have to get through.
const LEAST_UNDER_LOSS_PCT: u32 = 50;

#[test]
fn a_lua_program_dials_gns() {
    let (_peer, address) = PeerProcess::server(peer(), Library::Gns);
    finish(start("client", address, 95));
}

#[test]
fn a_lua_program_dials_gns_under_loss() {
    let (_peer, address) = PeerProcess::lossy_server(peer(), LOSS_PCT);
    finish(start("client", address, LEAST_UNDER_LOSS_PCT));
}

#[test]
fn gns_dials_a_lua_program() {
    let address = free_address();
    let lua = start("server", address, 95);
    let _peer = PeerProcess::client(peer(), Library::Gns, address);
    finish(lua);
}

#[test]
fn gns_dials_a_lua_program_under_loss() {
    let address = free_address();
    let lua = start("server", address, LEAST_UNDER_LOSS_PCT);
    let _peer = PeerProcess::lossy_client(peer(), address, LOSS_PCT);
    finish(lua);
}

/// A Lua program that has printed that it is ready.
struct Talk {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

/// Starts `lua/talk.lua`, and waits until it listens or dials.
fn start(role: &str, address: SocketAddr, least_pct: u32) -> Talk {
    let mut command = Command::new(INTERPRETER);
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lua/talk.lua"));
    command.args([role, &address.port().to_string(), &least_pct.to_string()]);
    command.env("LUA_CPATH", module());
    command.env_remove("LUA_CPATH_5_4");
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
    let mut child = child.unwrap_or_else(|error| panic!("{INTERPRETER}: {error}"));
    let output = child.stdout.take().expect("the output is piped");
    let mut lines = BufReader::new(output).lines();
    let ready = lines.next().map(|line| line.expect("text"));
    assert_eq!(ready.as_deref(), Some("READY"));
    Talk { child, lines }
}

/// Waits for its end, which it has a limit of its own for. What failed is in its standard error.
fn finish(mut talk: Talk) {
    for line in talk.lines {
        println!("{}", line.expect("text"));
    }
    let status = talk.child.wait().expect("our own child");
    assert!(status.success(), "the Lua program ended with {status}");
}

const INTERPRETER: &str = "lua5.4";

/// Where Lua looks for the module, which is built once.
fn module() -> &'static Path {
    static MODULE: OnceLock<PathBuf> = OnceLock::new();
    MODULE.get_or_init(|| {
        let features = ["--no-default-features", "--features", "aws-lc,module,lua54"];
        let args = [&["--lib"], &features[..]].concat();
        let built = repository::build("crates/bowline-lua/Cargo.toml", &args, &[]);
        // Another build with another Lua in mind would replace it.
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("lua54");
        std::fs::create_dir_all(&folder).expect("a folder");
        let copy = folder.join("luasteam.so");
        std::fs::copy(built.join("libluasteam.so"), copy).expect("what cargo built");
        folder.join("?.so")
    })
}

fn peer() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_peer"))
}

fn free_address() -> SocketAddr {
    let probe = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    probe.local_addr().expect("it is bound")
}
