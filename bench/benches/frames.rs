//! Writing and reading the frames of a packet.
#![allow(missing_docs)]

use bowline_core::ids::LaneIndex;
use bowline_core::ids::MessageNumber;
use bowline_core::ids::PacketNumber;
use bowline_core::ids::StreamPos;
use bowline_core::snp::decode::DecodeContext;
use bowline_core::snp::decode::Decoder;
use bowline_core::snp::encode::FrameWriter;
use criterion::Criterion;
use criterion::criterion_group;
use criterion::criterion_main;

struct Start;

impl DecodeContext for Start {
    fn highest_message(&self, _: LaneIndex) -> MessageNumber {
        MessageNumber::NONE
    }
    fn expected_pos(&self, _: LaneIndex) -> StreamPos {
        StreamPos::FIRST
    }
    fn next_send(&self) -> PacketNumber {
        PacketNumber::new(100)
    }
}

fn write(out: &mut Vec<u8>) {
    out.clear();
    let mut writer = FrameWriter::new(out, PacketNumber::new(50), 1232);
    writer.stop_waiting(PacketNumber::new(40));
    writer.ack(PacketNumber::new(99), None, &[]);
    for number in 1..=10 {
        writer.unreliable(MessageNumber::new(number), 0, true, &[&[1; 100]]);
    }
    writer.finish();
}

fn frames(c: &mut Criterion) {
    let mut out = Vec::with_capacity(2000);
    c.bench_function("write 10 messages of 100 B", |b| b.iter(|| write(&mut out)));
    write(&mut out);
    c.bench_function("read 10 messages of 100 B", |b| {
        b.iter(|| {
            let mut decoder = Decoder::new(&out, PacketNumber::new(50), false);
            let mut frames = 0;
            while let Ok(Some(_)) = decoder.next(&Start) {
                frames += 1;
            }
            frames
        });
    });
}

criterion_group!(benches, frames);
criterion_main!(benches);
