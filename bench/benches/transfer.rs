//! Messages from one connection to another in memory: the whole protocol, no sockets.
#![allow(missing_docs)]

use bowline_bench::Pair;
use bowline_core::ids::LaneIndex;
use bowline_core::message::Outgoing;
use bowline_core::message::Payload;
use bowline_core::message::SendFlags;
use bowline_core::time::Span;
use criterion::Criterion;
use criterion::Throughput;
use criterion::criterion_group;
use criterion::criterion_main;

/// Sends `count` messages and reads them on the other side.
fn transfer(pair: &mut Pair, payload: &bytes::Bytes, flags: SendFlags, count: usize) {
    let (mut sent, mut read) = (0, 0);
    while read < count {
        while sent < count {
            let message = Outgoing::new(LaneIndex::ZERO, flags, Payload::Shared(payload.clone()));
            if pair.client.send(pair.now, message).is_err() {
                break;
            }
            sent += 1;
        }
        pair.exchange(Span::from_micros(100));
        while pair.server.receive(pair.now).is_some() {
            read += 1;
        }
    }
}

fn transfers(c: &mut Criterion) {
    let crypto = bowline_io::crypto::default_provider();
    let mut group = c.benchmark_group("transfer");
    for (name, flags, len) in [
        ("reliable 64 KiB", SendFlags::RELIABLE, 65_536),
        ("reliable 1000 B", SendFlags::RELIABLE, 1000),
        ("reliable 100 B", SendFlags::RELIABLE, 100),
        ("unreliable 100 B", SendFlags::UNRELIABLE, 100),
    ] {
        let count = (4_000_000 / len).clamp(16, 10_000);
        let payload = bytes::Bytes::from(vec![7; len]);
        group.throughput(Throughput::Bytes((count * len) as u64));
        group.bench_function(name, |b| {
            let mut pair = Pair::new(&crypto);
            b.iter(|| transfer(&mut pair, &payload, flags, count));
        });
    }
    group.finish();
}

criterion_group!(benches, transfers);
criterion_main!(benches);
