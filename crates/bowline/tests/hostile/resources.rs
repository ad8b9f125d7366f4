//! Classes 37 and 39: a system that has nothing more to give.

use std::process::Command;
use std::time::Duration;

use bowline::{
    BuildError, Config, ConfigKey, ConnectError, Connection, ConnectionState, LaneIndex,
    ListenError, PairKind, SendFlags, Sockets,
};
use bowline_io::faults;

use crate::closing::admit;
use crate::peer::{UdpPeer, bind};
use crate::support::{LOOPBACK, Pair, connect, listen, wait_message, wait_until};

/// The errors that a system may answer a send with, by their numbers on Linux; elsewhere they are others,
/// and the same must come of them.
const ERRORS: [(&str, i32); 10] = [
    ("EPERM", 1),
    ("EINTR", 4),
    ("EAGAIN", 11),
    ("ENOMEM", 12),
    ("EACCES", 13),
    ("EINVAL", 22),
    ("EMSGSIZE", 90),
    ("ENOBUFS", 105),
    ("ECONNREFUSED", 111),
    ("EHOSTUNREACH", 113),
];

fn exchange(from: (&Sockets, &Connection), to: (&Sockets, &Connection), text: &[u8]) {
    from.1.send(text, SendFlags::RELIABLE_NO_NAGLE).unwrap();
    assert_eq!(&*wait_message(to.0, to.1), text);
}

#[test]
fn class_37_a_storm_of_errors_while_sending_delays_and_loses_nothing_reliable() {
    let pair = Pair::new();
    let port = pair.accepted.remote_addr().port();
    for (name, code) in ERRORS {
        faults::fail_sends(port, [code; 5]);
        pair.dialled
            .send(name.as_bytes(), SendFlags::RELIABLE_NO_NAGLE)
            .unwrap();
        // Unreliable ones may be lost, and must harm nothing.
        for _ in 0..50 {
            pair.dialled.send(&[5; 900], SendFlags::UNRELIABLE).unwrap();
        }
        wait_until(|| {
            let message = pair.accepted.receive().unwrap();
            message.is_some_and(|message| *message == *name.as_bytes())
        });
        assert_eq!(faults::failures_left(port), 0, "{name}");
        assert_eq!(pair.dialled.state(), ConnectionState::Connected, "{name}");
        while pair.accepted.receive().unwrap().is_some() {}
    }
}

#[test]
fn class_37_a_runs_refused_storm_mid_transfer_delays_and_loses_nothing() {
    let mut config = Config::new();
    config.set_send_rate(None, None).unwrap();
    let pair = Pair::with(config);
    let port = pair.accepted.remote_addr().port();
    let data: Vec<u8> = (0..400_000u32).map(|n| (n % 253) as u8).collect();
    // Blocked, refused as a run, lost, and blocked again, many times over.
    let storm = ERRORS.iter().cycle().take(20).map(|(_, code)| *code);
    faults::fail_sends(port, storm);
    pair.dialled
        .send(&data, SendFlags::RELIABLE_NO_NAGLE)
        .unwrap();
    assert!(*wait_message(&pair.server, &pair.accepted) == data);
}

#[test]
fn class_37_a_socket_that_is_broken_for_good_times_out_and_can_be_dropped() {
    let mut config = Config::new();
    config.set(ConfigKey::TimeoutConnected, 1_000).unwrap();
    let pair = Pair::with(config);
    let port = pair.accepted.remote_addr().port();
    const EBADF: i32 = 9;
    faults::fail_sends(port, vec![EBADF; 1_000_000]);
    pair.dialled
        .send(b"never", SendFlags::RELIABLE_NO_NAGLE)
        .unwrap();
    pair.accepted
        .send(b"unheard", SendFlags::RELIABLE_NO_NAGLE)
        .unwrap();
    // The other end hears nothing any more; it must not hang, here or there.
    wait_until(|| pair.accepted.state() == ConnectionState::ProblemDetectedLocally);
    wait_until(|| pair.dialled.state().is_closed());
    let left = faults::failures_left(port);
    // About one try in a millisecond, not as many as the processor can make.
    assert!(left > 900_000, "{} tries", 1_000_000 - left);
    drop(pair);
    faults::fail_sends(port, []);
}

#[test]
fn class_37_port_unreachable_ends_no_connection() {
    let server = Sockets::new().unwrap();
    let listener = listen(&server);
    let mut peer = UdpPeer::new(37, listener.local_addr());
    let accepted = admit(&server, &mut peer);
    // The port is closed for a while, so the kernel answers with what an attacker would forge.
    let UdpPeer {
        peer: script,
        socket,
        ..
    } = peer;
    let addr = socket.local_addr().unwrap();
    drop(socket);
    accepted
        .send(b"wait for me", SendFlags::RELIABLE_NO_NAGLE)
        .unwrap();
    for _ in 0..50 {
        accepted.send(b"x", SendFlags::UNRELIABLE_NO_NAGLE).unwrap();
        server.wait(Duration::from_millis(2));
    }
    assert_eq!(accepted.state(), ConnectionState::Connected);
    let mut peer = UdpPeer::on(bind(addr), 37, listener.local_addr());
    peer.peer = script;
    peer.pump_until(|peer| {
        peer.take_messages()
            .iter()
            .any(|message| message.data == b"wait for me")
    });
    let datagrams = peer.peer.send_reliable(LaneIndex::ZERO, b"here");
    peer.send_all(&datagrams);
    assert_eq!(&*wait_message(&server, &accepted), b"here");
}

/// Set in the process that has few file descriptors.
const CHILD: &str = "BOWLINE_TEST_FEW_DESCRIPTORS";

#[test]
fn class_37_without_file_descriptors_there_are_errors_and_what_there_is_goes_on() {
    if std::env::var_os(CHILD).is_some() {
        return run_out_of_descriptors();
    }
    let this = std::env::current_exe().unwrap();
    let name =
        "resources::class_37_without_file_descriptors_there_are_errors_and_what_there_is_goes_on";
    let output = Command::new("sh")
        .args([
            "-c",
            "ulimit -n 40 && exec \"$0\" --exact \"$1\" --test-threads=1 --nocapture",
        ])
        .arg(this)
        .arg(name)
        .env(CHILD, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(text.contains("1 passed"), "{text}");
}

fn run_out_of_descriptors() {
    let pair = Pair::new();
    let addr = pair.listener.as_ref().unwrap().local_addr();
    let mut taken = Vec::new();
    let refused = loop {
        assert!(taken.len() < 50, "the limit does not hold");
        match std::fs::File::open("/dev/null") {
            Ok(file) => taken.push(file),
            Err(error) => break error,
        }
    };
    assert_eq!(refused.raw_os_error(), Some(24), "EMFILE");
    for _ in 0..3 {
        assert!(matches!(Sockets::new(), Err(BuildError::Poller(_))));
        let listening = pair.server.listen(LOOPBACK.parse().unwrap());
        assert!(
            matches!(listening, Err(ListenError::Io { .. })),
            "{listening:?}"
        );
        let dialled = pair.server.connect("127.0.0.1:9".parse().unwrap());
        assert!(
            matches!(dialled, Err(ConnectError::Socket { .. })),
            "{dialled:?}"
        );
        assert!(
            pair.server
                .socket_pair(PairKind::Loopback, None, None)
                .is_err()
        );
    }
    // What is there needs no more.
    exchange(
        (&pair.client, &pair.dialled),
        (&pair.server, &pair.accepted),
        b"still",
    );
    exchange(
        (&pair.server, &pair.accepted),
        (&pair.client, &pair.dialled),
        b"here",
    );
    taken.truncate(taken.len() - 10);
    let client = Sockets::new().unwrap();
    let (accepted, dialled) = connect(&pair.server, &client, addr);
    exchange((&client, &dialled), (&pair.server, &accepted), b"as before");
}

#[test]
fn class_39_without_randomness_no_interface_is_made() {
    faults::fail_entropy(true);
    let refused = Sockets::new();
    faults::fail_entropy(false);
    let Err(BuildError::Entropy(cause)) = refused else {
        panic!("{refused:?}");
    };
    assert!(cause.to_string().contains("no randomness"), "{cause}");
    let pair = Pair::new();
    // An interface that was made needs none any more.
    faults::fail_entropy(true);
    exchange(
        (&pair.client, &pair.dialled),
        (&pair.server, &pair.accepted),
        b"x",
    );
    let addr = pair.listener.as_ref().unwrap().local_addr();
    connect(&pair.server, &pair.client, addr);
    faults::fail_entropy(false);
}

#[test]
fn gns_d515f45_a_socket_that_goes_with_delayed_packets_in_the_queue_ends() {
    let mut config = Config::new();
    config.set_send_rate(None, None).unwrap();
    for drops_server_first in [false, true] {
        let Pair {
            server,
            client,
            listener,
            accepted,
            dialled,
        } = Pair::with(config.clone());
        for sockets in [&server, &client] {
            // Longer than the test may take.
            sockets
                .set_config(ConfigKey::FakePacketLagSend, 5_000)
                .unwrap();
            sockets
                .set_config(ConfigKey::FakePacketLagRecv, 5_000)
                .unwrap();
        }
        for connection in [&accepted, &dialled] {
            for _ in 0..500 {
                connection
                    .send(&[3; 1_000], SendFlags::UNRELIABLE_NO_NAGLE)
                    .unwrap();
            }
        }
        let broken = accepted.remote_addr().port();
        faults::fail_sends(broken, vec![9; 100_000]);
        if drops_server_first {
            listener.unwrap().close();
            drop(server);
            drop(client);
        } else {
            drop(client);
            drop(server);
            listener.unwrap().close();
        }
        faults::fail_sends(broken, []);
        assert!(accepted.info().is_err() && dialled.info().is_err());
    }
}
