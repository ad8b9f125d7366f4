//! Packets per second over loopback: one datagram per system call, lists of them, and runs.
//!
//! `cargo run --release -p bowline-io --example udp_rate`
#![allow(clippy::print_stdout)]

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use bowline_io::udp::{OutDatagram, RecvBatch, UdpSocket};

const DATAGRAM: usize = 1200;
const BURST: usize = 40;
const TIME: Duration = Duration::from_secs(2);

fn main() -> io::Result<()> {
    let local = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0);
    let (sender, receiver) = (
        UdpSocket::bind(local, false)?,
        UdpSocket::bind(local, false)?,
    );
    let sizes = receiver.buffer_sizes();
    println!(
        "buffers of {} KiB, up to {} segments",
        sizes.recv_bytes / 1024,
        sender.max_gso_segments()
    );
    let to = receiver.local_addr();
    let bytes = vec![0x5a; DATAGRAM * BURST];

    measure("one by one", &receiver, || {
        bytes
            .chunks(DATAGRAM)
            .try_for_each(|datagram| sender.send(to, datagram, DATAGRAM, None).map(drop))
    })?;
    let list: Vec<_> = bytes
        .chunks(DATAGRAM)
        .map(|bytes| OutDatagram {
            to,
            bytes,
            segment_size: DATAGRAM,
            ecn: None,
        })
        .collect();
    measure("list", &receiver, || sender.send_many(&list).map(drop))?;
    for segments in [10, BURST] {
        measure(&format!("runs of {segments}"), &receiver, || {
            bytes
                .chunks(DATAGRAM * segments)
                .try_for_each(|run| sender.send(to, run, DATAGRAM, None).map(drop))
        })?;
    }
    Ok(())
}

/// Repeats `burst` and reads what it sent, in one thread, and prints what came through.
fn measure(
    name: &str,
    receiver: &UdpSocket,
    mut burst: impl FnMut() -> io::Result<()>,
) -> io::Result<()> {
    let mut batch = RecvBatch::new(32);
    let (mut bursts, mut received) = (0, 0);
    let start = Instant::now();
    while start.elapsed() < TIME {
        burst()?;
        bursts += 1;
        loop {
            received += receiver.recv(&mut batch)?;
            if !batch.is_full() {
                break;
            }
        }
    }
    let per_second = received as f64 / start.elapsed().as_secs_f64();
    println!(
        "{name:>12}: {:>7.0} k packets/s, {} of {} lost",
        per_second / 1e3,
        bursts * BURST - received,
        bursts * BURST
    );
    Ok(())
}
