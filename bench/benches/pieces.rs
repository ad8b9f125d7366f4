//! How long the hot pieces of the protocol take.
#![allow(missing_docs)]

use bowline_bench::pieces::PIECES;
use criterion::Criterion;
use criterion::criterion_group;
use criterion::criterion_main;

fn pieces(c: &mut Criterion) {
    for piece in PIECES {
        let mut work = (piece.prepare)();
        c.bench_function(piece.name, |b| b.iter(&mut work));
    }
}

criterion_group!(benches, pieces);
criterion_main!(benches);
