//! Probes of the path over real sockets. What they find is for the simulator to say; here they leave, or do not.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a test may panic, in its helpers too"
)]

mod support;

use std::time::Duration;

use bowline::ConfigKey;
use bowline::SendError;
use bowline::SendFlags;
use bowline_io::faults;

use crate::support::Pair;
use crate::support::wait_until;

// Linux's numbers of errors.
const EPERM: i32 = 1;
const EAGAIN: i32 = 11;
const EMSGSIZE: i32 = 90;
const ENOBUFS: i32 = 105;

/// All sizes that are tried by default.
const SIZES: [usize; 4] = [1300, 1400, 1452, 1472];

/// Fills the client's send buffer and reads what has arrived.
fn bulk(pair: &Pair) {
    loop {
        match pair.dialled.send(&[7; 32_000], SendFlags::RELIABLE) {
            Ok(_) => {}
            Err(SendError::BufferFull { .. }) => break,
            Err(error) => panic!("{error}"),
        }
    }
    pair.server.wait(Duration::from_millis(1));
    while pair.accepted.receive().unwrap().is_some() {}
}

/// The port that the client sends from.
fn port(pair: &Pair) -> u16 {
    pair.accepted.remote_addr().port()
}

#[test]
fn probes_leave_whole_while_packets_are_logged_or_late() {
    for (key, value) in [
        (ConfigKey::PacketTraceMaxBytes, 5),
        (ConfigKey::FakePacketLagSend, 2),
    ] {
        let pair = Pair::new();
        pair.client.set_config(key, value).unwrap();
        wait_until(|| {
            bulk(&pair);
            faults::probes(port(&pair)) == SIZES
        });
    }
}

#[test]
fn a_full_socket_says_nothing_of_a_size() {
    let pair = Pair::new();
    faults::fail_probes(port(&pair), [EAGAIN, ENOBUFS, EPERM]);
    wait_until(|| {
        bulk(&pair);
        faults::probes(port(&pair)) == [1300, 1300, 1300, 1300, 1400, 1452, 1472]
    });
}

#[test]
fn a_size_that_the_system_refuses_is_tried_once() {
    let pair = Pair::new();
    faults::fail_probes(port(&pair), [EMSGSIZE; 3]);
    wait_until(|| {
        bulk(&pair);
        !faults::probes(port(&pair)).is_empty()
    });
    (0..200).for_each(|_| bulk(&pair));
    assert_eq!(faults::probes(port(&pair)), [1300]);
}
