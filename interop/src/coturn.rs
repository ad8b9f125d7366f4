//! coturn, the STUN and TURN server that most people run.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bowline_core::rng::Rng;
use bowline_core::stun::{Builder, Class, Message, Method, TransactionId};

/// Debian's package `coturn`.
const PROGRAM: &str = "turnserver";
/// Longer than its start takes.
const PATIENCE: Duration = Duration::from_secs(20);
/// Why calls for a socket succeed.
const NO_FAULT: &str = "the address is ours";

/// A server in a process of its own, on a port of its own; killed when dropped.
#[derive(Debug)]
pub struct Coturn {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Coturn {
    /// Starts one on an address of this machine, with an account `anna` whose password is `secret`, and waits until
    /// it answers.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start(ip: IpAddr, options: &[&str]) -> Self {
        let socket = UdpSocket::bind((ip, 0)).expect("the address is ours");
        let address = socket.local_addr().expect("it is bound");
        drop(socket);
        let mut command = Command::new(PROGRAM);
        // No configuration of the machine's, nothing that others might have running too.
        command.args([
            "-n",
            "--no-cli",
            "--no-tls",
            "--no-dtls",
            "--no-tcp",
            "--no-tcp-relay",
        ]);
        command.args([
            &format!("--listening-ip={ip}"),
            &format!("--relay-ip={ip}"),
            "--allow-loopback-peers",
        ]);
        command.args([
            "--lt-cred-mech",
            "--realm=example.org",
            "--user=anna:secret",
        ]);
        command.args(["--log-file=stdout", "--pidfile=", "--fingerprint"]);
        command.arg(format!("--listening-port={}", address.port()));
        command.args(options);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = command.spawn();
        let child = child.unwrap_or_else(|error| {
            panic!("cannot start {PROGRAM}, of Debian's package coturn: {error}")
        });
        let server = Self { child, address };
        server.wait_until_it_answers();
        server
    }

    fn wait_until_it_answers(&self) {
        let socket = UdpSocket::bind((self.address.ip(), 0)).expect(NO_FAULT);
        let end = Instant::now() + PATIENCE;
        while self.binding(&socket).is_none() {
            assert!(Instant::now() < end, "{PROGRAM} does not answer");
        }
    }

    /// Its answer to a binding request, if it answers.
    ///
    /// # Panics
    /// When that is no answer.
    pub fn binding(&self, socket: &UdpSocket) -> Option<Vec<u8>> {
        self.request(socket, Method::Binding, |_| {})
    }

    /// Asks for a refresh; `add` adds to the request.
    ///
    /// # Panics
    /// When what comes is no answer.
    pub fn ask(&self, socket: &UdpSocket, add: impl FnOnce(&mut Builder<'_>)) -> Option<Vec<u8>> {
        self.request(socket, Method::Refresh, add)
    }

    fn request(
        &self,
        socket: &UdpSocket,
        method: Method,
        add: impl FnOnce(&mut Builder<'_>),
    ) -> Option<Vec<u8>> {
        let id = TransactionId::new(0, &mut rng());
        let mut bytes = Vec::new();
        let mut message = Builder::new(&mut bytes, Class::Request, method, id);
        add(&mut message);
        message.fingerprint();
        let wait = Duration::from_millis(200);
        socket.set_read_timeout(Some(wait)).expect(NO_FAULT);
        // While nobody listens the system may say so at once.
        if socket.send_to(&bytes, self.address).is_err() {
            std::thread::sleep(wait);
        }
        let mut buffer = [0; 2000];
        let Ok(len) = socket.recv(&mut buffer) else {
            std::thread::sleep(wait / 4);
            return None;
        };
        let answer = Message::parse(&buffer[..len]).expect("coturn speaks STUN");
        (answer.transaction_id() == id).then(|| buffer[..len].to_vec())
    }
}

impl Drop for Coturn {
    fn drop(&mut self) {
        // It may have ended already; either way it is gone afterwards.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn rng() -> Rng {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).expect("the system has randomness");
    Rng::from_seed(seed)
}
