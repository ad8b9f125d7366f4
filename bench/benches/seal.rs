//! Sealing and opening packets with both crypto providers.
#![allow(missing_docs)]

use bowline_core::crypto::Crypto;
use bowline_core::crypto::rustcrypto;
use criterion::Criterion;
use criterion::Throughput;
use criterion::criterion_group;
use criterion::criterion_main;

fn seal(c: &mut Criterion) {
    let providers: [Crypto; 2] = [bowline_io::aws_lc::provider(), rustcrypto::provider()];
    for provider in providers {
        let key = provider.aes_256_gcm(&[7; 32]);
        let mut group = c.benchmark_group(provider.name());
        for len in [64, 1200] {
            group.throughput(Throughput::Bytes(len as u64));
            let mut packet = vec![0; len];
            group.bench_function(format!("seal {len} B"), |b| {
                b.iter(|| key.seal(&[1; 12], &mut packet));
            });
            let mut sealed = vec![0; len];
            let tag = key.seal(&[1; 12], &mut sealed);
            sealed.extend_from_slice(&tag);
            group.bench_function(format!("open {len} B"), |b| {
                b.iter(|| key.open(&[1; 12], &mut sealed.clone()).is_ok());
            });
        }
        group.finish();
    }
}

criterion_group!(benches, seal);
criterion_main!(benches);
